"""Simulated lesions of known true lengths, on which the stated probability is tested."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.profiles import SEQUENCES, true_courses
from opp_mri.response.prior import (
    PAPER_CHANGES,
    PAPER_PRIOR,
    WIDE,
    Lengths,
    build_normal_courses,
)

START_MM: Final = 25.0

Days = NDArray[np.int64]
Values = NDArray[np.float64]
TrueLengths = Callable[[np.random.Generator, Days], Values]


def spread_evenly(rng: np.random.Generator, days: Days) -> Values:
    """Draw changes evenly from -8 to 8 mm, of each study by itself."""
    lengths_mm = np.full((len(SEQUENCES), len(days)), START_MM)
    lengths_mm[:, 1:] += rng.uniform(-8, 8, (len(SEQUENCES), len(days) - 1))
    return lengths_mm


def spread_evenly_over_lesions(rng: np.random.Generator, days: Days) -> Values:
    """Draw one change for each lesion, evenly from -8 to 8 mm, reached in a straight line."""
    change_mm = rng.uniform(-8, 8) * np.minimum(1, days / rng.uniform(60, 400))
    return START_MM + change_mm * np.ones((len(SEQUENCES), 1))


def as_supposed(rng: np.random.Generator, days: Days) -> Values:
    """Draw a course from the prior itself."""
    lengths = Lengths(
        lengths_mm=np.zeros(len(SEQUENCES) * len(days)),
        days=np.tile(days.astype(float), len(SEQUENCES)),
        sequence=np.repeat(np.arange(len(SEQUENCES)), len(days)),
        baseline=np.repeat(np.arange(len(SEQUENCES)) * len(days), len(days)),
        sds_mm=np.zeros(len(SEQUENCES) * len(days)),
    )
    courses = build_normal_courses(lengths)
    common = np.where(courses.course < 0, 1.0, np.array(PAPER_PRIOR.shares)[courses.course])
    shares = np.append(common * courses.shares, PAPER_CHANGES.free * (1 - WIDE))
    number = rng.choice(len(shares), p=shares / shares.sum())
    if number == len(courses.shares):
        return spread_evenly(rng, days)
    change_mm = rng.multivariate_normal(
        courses.means_mm[number], courses.covariances_mm2[number], method="eigh"
    )
    return START_MM + change_mm.reshape(len(SEQUENCES), len(days))


def realistic_mix(rng: np.random.Generator, days: Days) -> Values:
    """Draw an unchanged lesion, a decline, a lasting growth, or a growth that falls again."""
    kind = rng.choice(["SD", "PR", "PD", "OPP"], p=[0.33, 0.30, 0.23, 0.14])
    return true_courses(str(kind), 1, days, int(rng.integers(2**31)))[0]


def graded_mix(rng: np.random.Generator, days: Days) -> Values:
    """Draw courses of the realistic mix, with amounts from 1 to 10 mm instead of 4 to 10 mm."""
    kind = rng.choice(["SD", "PR", "PD", "OPP"], p=[0.33, 0.30, 0.23, 0.14])
    courses_mm = true_courses(str(kind), 1, days, int(rng.integers(2**31)))[0]
    amount_mm = np.abs(courses_mm - START_MM).max()
    scale = rng.uniform(1, 10) / amount_mm if amount_mm else 1.0
    return START_MM + (courses_mm - START_MM) * scale


def other_mix(rng: np.random.Generator, days: Days) -> Values:
    """Draw courses of other forms and amounts than those of the prior."""
    weeks = days / 7
    match rng.choice(["SD", "PR", "PD", "OPP"], p=[0.33, 0.30, 0.23, 0.14]):
        case "OPP":
            peak, height_mm = rng.uniform(8, 22), rng.uniform(3, 9)
            rest_mm = rng.choice([rng.uniform(-3, 0.5), rng.uniform(0, 3)])
            bends = [0, peak, peak + rng.uniform(14, 34)]
            change_mm = np.interp(weeks, bends, [0, height_mm, rest_mm])
        case "PD":
            grown_weeks = np.maximum(0, weeks - rng.uniform(0, 40))
            change_mm = np.minimum(14, grown_weeks * rng.uniform(0.06, 0.3))
        case "PR":
            change_mm = -rng.uniform(3, 11) * (1 - 0.5 ** (weeks / rng.uniform(8, 30)))
        case _:
            change_mm = rng.normal(0, 0.008) * weeks
    starts_mm = np.array([[25.0], [22.0], [24.0]])
    return starts_mm + change_mm * rng.uniform(0.7, 1.1, (len(SEQUENCES), 1))


POPULATIONS: Final[dict[str, TrueLengths]] = {
    "as supposed": as_supposed,
    "even": spread_evenly,
    "even over lesions": spread_evenly_over_lesions,
    "graded mix": graded_mix,
    "mix": realistic_mix,
    "other mix": other_mix,
}
SETTINGS: Final = (
    ("as supposed", 1.23, 0.0), ("as supposed", 1.23, 0.6), ("even", 1.23, 0.0),
    ("even", 1.23, 0.6), ("even over lesions", 1.23, 0.0), ("graded mix", 1.23, 0.0),
    ("graded mix", 1.23, 0.6), ("mix", 1.23, 0.0), ("mix", 0.6, 0.0), ("mix", 1.23, 0.6),
    ("other mix", 1.23, 0.0),
)  # fmt: skip


def draw_days(rng: np.random.Generator) -> Days:
    """Draw a schedule: a baseline, and 3 to 7 visits every 91 days."""
    return np.array([0, *(91 * visit for visit in range(1, int(rng.integers(3, 8)) + 1))])
