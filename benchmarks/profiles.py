"""What the noise does to the profiles, and whether the probability of a call is kept.

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

from opp_mri.domain.assessment import MeasurementError, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import classify
from opp_mri.response.course import LesionFacts, Studied
from opp_mri.response.criteria import load_criteria
from opp_mri.response.draws import CATEGORIES, categories_of_draws
from opp_mri.response.probability import category_probabilities

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "profiles-measured.md"
PROFILES: Final = ("amini-2016", "confirmed-growth", "amini-2016-nadir")
SEQUENCES: Final = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST)
SDS_MM: Final = (0.5, 0.75, 1.0, 1.23)
VISITS: Final = (3, 4, 6, 8)
BINS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0001)
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
    drawn = {name: tenths[:, place].T.astype(np.int64) for place, name in enumerate(SEQUENCES)}
    baseline, *later = (Observation(int(day), 0) for day in days)
    studied = dict.fromkeys(SEQUENCES, Studied(baseline=baseline, follow_ups=tuple(later)))
    codes = categories_of_draws(studied, drawn, FACTS, rules)
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
                    kind: calls(each, days, sd_mm, rules, 1) for kind, each in courses.items()
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


def kept_shares(
    mix: str, lesions: int, sd_mm: float, visit_correlation: float
) -> list[tuple[int, float, float]]:
    """Give, per bin of stated probability, lesions, mean stated, and share that was the same."""
    rng = np.random.default_rng(7)
    rules = Rules(criteria=load_criteria("amini-2016"))
    error = MeasurementError(sd_mm=sd_mm, visit_correlation=visit_correlation, source="simulated")
    stated, same = [], []
    for number in range(lesions):
        visits = int(rng.integers(3, 8))
        days = np.array([0, *(91 * visit for visit in range(1, visits + 1))])
        if mix == "even":
            truth = 25 + rng.uniform(-8, 8, (len(SEQUENCES), len(days)))
        else:
            kind = rng.choice(["SD", "PR", "PD", "OPP"], p=[0.33, 0.30, 0.23, 0.14])
            truth = true_courses(str(kind), 1, days, number)[0]
        first, second = (
            timeline_of(truth + errors(rng, truth.shape, sd_mm, visit_correlation), days)
            for _ in range(2)
        )
        answer = category_probabilities(first, rules, error=error, draws=1000)
        stated.append(answer.probabilities.get(answer.category, 0.0))
        same.append(classify(second, rules).category is answer.category)
    place = np.digitize(stated, BINS) - 1
    return [
        (
            int((place == number).sum()),
            float(np.mean(np.array(stated)[place == number])),
            float(np.mean(np.array(same)[place == number])),
        )
        for number in range(len(BINS) - 1)
        if (place == number).any()
    ]


def errors(
    rng: np.random.Generator, shape: tuple[int, int], sd_mm: float, correlation: float
) -> NDArray[np.float64]:
    """Draw errors in mm of which the sequences of one visit share a part."""
    own, shared = rng.normal(0, sd_mm, shape), rng.normal(0, sd_mm, (1, shape[1]))
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


def page(rows: list[Characteristics], kept: dict[str, list[tuple[int, float, float]]]) -> str:
    """Write the page."""
    lines = [
        "# Profiles under measurement error, measured",
        "",
        "<!-- Written by `python -m benchmarks.profiles`. -->",
        "",
        "Simulated lesions of known course: three sequences, a baseline and visits every 91 days. "
        "OPP: growth of 4 to 10 mm, a peak in weeks 10 to 24, back by weeks 23 to 52. PD: growth "
        "of 4 to 10 mm a year from an onset in the first half year. Unchanged: constant. Errors: "
        "normal, independent. With hindsight; 4,000 lesions each.",
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
    lines += [
        "",
        "## Is the stated probability kept?",
        "",
        "Each lesion is measured twice; the first measurement gives the call and its probability, "
        "the second tells whether the call is the same. *Even*: changes spread evenly from -8 to 8 "
        "mm. *Mix*: 33 % unchanged, 30 % PR, 23 % PD, 14 % OPP, smooth.",
        "",
        "| lesions | stated from | n | stated | the same |",
        "|---|---|---:|---:|---:|",
    ]
    for name, bins in kept.items():
        lines += [
            f"| {name} | {stated:.2f} | {n} | {stated:.0%} | {same:.0%} |"
            for n, stated, same in bins
        ]
    return "\n".join(lines).replace("| stated from |", "| mean |") + "\n"


def main() -> None:
    """Simulate, and write or print the page."""
    quick = "--quick" in sys.argv
    rows = list(characteristics(400 if quick else 4000))
    lesions = 100 if quick else 3000
    kept = {
        f"{mix}, SD {sd_mm} mm, visit correlation {correlation}": kept_shares(
            mix, lesions, sd_mm, correlation
        )
        for mix, sd_mm, correlation in (
            ("even", 1.23, 0.0), ("mix", 1.23, 0.0), ("mix", 0.6, 0.0), ("even", 1.23, 0.6),
            ("mix", 1.23, 0.6),
        )
    }  # fmt: skip
    text = page(rows, kept)
    print(text) if quick else PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
