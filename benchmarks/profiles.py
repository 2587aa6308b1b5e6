"""What measurement error does to the calls of the profiles.

Simulates lesions of known course on known schedules, measures them with error, and writes
docs/reference/profiles-measured.md. From the root of the repository::

    python -m benchmarks.profiles            # the page, some minutes
    python -m benchmarks.profiles --quick    # a few seconds, prints only
"""

import sys
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.course import LesionFacts, Studied
from opp_mri.response.criteria import load_criteria
from opp_mri.response.draws import CATEGORIES, classify_draws

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "profiles-measured.md"
PROFILES: Final = ("amini-2016", "confirmed-growth", "amini-2016-nadir")
SEQUENCES: Final = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST)
SDS_MM: Final = (0.5, 0.75, 1.0, 1.23)
VISITS: Final = (3, 4, 6, 8)
FACTS: Final = LesionFacts(
    exclusion=None, retreated=False, therapy_change_days=(), other_bone_lesions=(), finding_days={}
)
Courses = NDArray[np.float64]  # lesion, sequence, study: mm


def true_courses(kind: str, lesions: int, days: NDArray[np.int64], seed: int) -> Courses:
    """Draw true lengths: 25 mm at baseline, three sequences that change by similar amounts."""
    rng = np.random.default_rng(seed)
    amount = rng.uniform(4, 10, (lesions, 1))
    match kind:
        case "OPP":  # up to a peak in weeks 10 to 24, back by weeks 23 to 52 (Amini 2016)
            peak = rng.uniform(68, 171, (lesions, 1))
            back = peak + rng.uniform(93, 196, (lesions, 1))
            rise = np.clip(days / peak, 0, 1)
            change = amount * np.where(days <= peak, rise, np.clip((back - days) / (back - peak),
                                       0, 1))  # fmt: skip
        case "PD":  # grows by the amount within a year of an onset in the first half year
            onset = rng.uniform(0, 182, (lesions, 1))
            change = amount * np.clip((days - onset) / 365, 0, 1.5)
        case "PR":
            change = -amount * (1 - np.exp(-days / rng.uniform(60, 180, (lesions, 1))))
        case _:
            change = np.zeros((lesions, len(days)))
    share = rng.uniform(0.8, 1.2, (lesions, len(SEQUENCES), 1))
    return 25 + change[:, np.newaxis, :] * share


def calls(courses: Courses, days: NDArray[np.int64], sd_mm: float, rules: Rules, seed: int) -> (
    dict[ResponseCategory, float]
):  # fmt: skip
    """Measure each course once and give the share of each category."""
    rng = np.random.default_rng(seed)
    tenths = np.clip(np.rint(10 * (courses + rng.normal(0, sd_mm, courses.shape))), 0, None)
    tenths_by_sequence = {
        name: tenths[:, place].T.astype(np.int64) for place, name in enumerate(SEQUENCES)
    }
    baseline, *later = (Observation(int(day), 0) for day in days)
    studies_by_sequence = dict.fromkeys(
        SEQUENCES, Studied(baseline=baseline, follow_ups=tuple(later))
    )
    codes = classify_draws(studies_by_sequence, tenths_by_sequence, FACTS, rules)
    shares = np.bincount(codes, minlength=len(CATEGORIES)) / len(codes)
    return dict(zip(CATEGORIES, shares.tolist(), strict=True))


@frozen(kw_only=True)
class Characteristics:
    """What a profile does on one schedule with one error."""

    profile: str
    visits: int
    sd_mm: float
    opp: float
    pd: float
    false_opp: float
    false_pd: float


def characteristics(lesions: int) -> Iterator[Characteristics]:
    """Simulate every profile, schedule and error."""
    for name in PROFILES:
        rules = Rules(criteria=load_criteria(name))
        for visits in VISITS:
            days = np.array([0, *(91 * visit for visit in range(1, visits + 1))])
            courses = {
                kind: true_courses(kind, lesions, days, visits) for kind in ("OPP", "PD", "SD")
            }
            for sd_mm in SDS_MM:
                shares = {
                    kind: calls(course, days, sd_mm, rules, 1) for kind, course in courses.items()
                }
                yield Characteristics(
                    profile=name,
                    visits=visits,
                    sd_mm=sd_mm,
                    opp=shares["OPP"][ResponseCategory.OPP],
                    pd=shares["PD"][ResponseCategory.PD],
                    false_opp=shares["SD"][ResponseCategory.OPP],
                    false_pd=shares["SD"][ResponseCategory.PD],
                )


def errors(
    rng: np.random.Generator, shape: tuple[int, ...], sd_mm: float, correlation: float
) -> NDArray[np.float64]:
    """Draw errors in mm of which the sequences of one visit share a part.

    The last two of `shape` are sequence and study.
    """
    own, shared = rng.normal(0, sd_mm, shape), rng.normal(0, sd_mm, (*shape[:-2], 1, shape[-1]))
    return sqrt(1 - correlation) * own + sqrt(correlation) * shared


def timeline_of(lengths_mm: NDArray[np.float64], days: NDArray[np.int64]) -> Timeline:
    """Record lengths of one lesion, rounded to 0.1 mm."""
    return Timeline(
        lesion_id="simulated",
        observations={
            name: [
                Observation(int(day), f"{max(mm, 0):.1f}")
                for day, mm in zip(days, row, strict=True)
            ]
            for name, row in zip(SEQUENCES, lengths_mm, strict=True)
        },
    )


def page(rows: list[Characteristics]) -> str:
    """Write the page."""
    lines = [
        "# Profiles under measurement error, measured",
        "",
        "<!-- Written by `python -m benchmarks.profiles`. -->",
        "",
        "Simulated lesions of known course: three sequences, a baseline and visits every 91 days. "
        "OPP: growth of 4 to 10 mm, a peak in weeks 10 to 24, back by weeks 23 to 52. PD: growth "
        "of 4 to 10 mm a year from an onset in the first half year. Unchanged: constant. Errors "
        "are normal and independent. With hindsight; 4,000 lesions each.",
        "",
        "*OPP*, *PD*: share of such lesions that get this category. *False OPP*, *false PD*: share "
        "of unchanged lesions that get it.",
        "",
        "| profile | visits | SD mm | OPP | PD | false OPP | false PD |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| `{row.profile}` | {row.visits} | {row.sd_mm} | {row.opp:.0%} | {row.pd:.0%} | "
        f"{row.false_opp:.0%} | {row.false_pd:.0%} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate, and write or print the page."""
    quick = "--quick" in sys.argv
    rows = list(characteristics(400 if quick else 4000))
    text = page(rows)
    print(text) if quick else PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
