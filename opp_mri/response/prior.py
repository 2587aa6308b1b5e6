"""How a true length may change: the stated prior of the probability of a call.

Four courses have a shape in time, each with an amount: no change, a decline, a growth that lasts,
and a growth that falls again. Two have none, for lesions that go otherwise: smooth changes, and
changes of each study by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.assessment import ResponseCategory

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

COURSES: Final = (
    ResponseCategory.OPP, ResponseCategory.PD, ResponseCategory.PR, ResponseCategory.SD,
)  # fmt: skip
"""The courses that have a shape, by the category that is meant for each."""

IN_COMMON: Final = 0.98
"""Correlation of the changes of two sequences of one lesion, where they have a shape."""
SMOOTH_SD_MM: Final = 4.6
SMOOTH_IN_COMMON: Final = 0.9
SMOOTH_DAYS: Final = (150.0, 300.0)
EVEN_MM: Final = 8.0
"""Changes of a free course are spread evenly from -8 to 8 mm."""
WIDE: Final = 0.1
WIDE_SD_MM: Final = 20.0
"""Share of the free courses whose changes are larger, and their SD."""


def _sort_values(shares: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(share) for share in shares)


@frozen(kw_only=True)
class ChangePrior:
    """How large changes are, and which forms they have.

    Parameters
    ----------
    amount_mm, amount_sd_mm
        Mean and standard deviation of a growth or decline that has a shape, mm.
    smooth, free
        Shares of lesions whose course has none of the shapes.
    decline_days
        Time constants of declines.
    onset_days, growth_days
        When lasting growths begin, and how long they take.
    growth_end
        Where a lasting growth stops, as a part of its amount.
    rests
        What is left of a growth that falls again, as a part of it.
    """

    amount_mm: float
    amount_sd_mm: float
    smooth: float
    free: float
    decline_days: tuple[int, ...] = (30, 60, 120, 180, 300)
    onset_days: tuple[int, ...] = (0, 60, 120, 180, 270)
    growth_days: tuple[int, ...] = (180, 365, 730)
    growth_end: float = 1.0
    rests: tuple[float, ...] = (-0.2, 0.0, 0.3)


PAPER_CHANGES: Final = ChangePrior(amount_mm=6.5, amount_sd_mm=2.5, smooth=0.05, free=0.05)
"""Most amounts lie between 2 and 11 mm; the growths of the source paper between 4 and 10 mm."""


@frozen(kw_only=True)
class CoursePrior:
    """How common each course is among lesions of which nothing was measured yet.

    Parameters
    ----------
    shares
        Of the courses that have a shape, in the order of `COURSES`; the sum is 1.
    source
        Where they come from, in words.
    changes
        How large the changes are, and how many have another form.
    """

    shares: tuple[float, ...] = field(converter=_sort_values)
    source: str
    changes: ChangePrior = PAPER_CHANGES

    @shares.validator
    def _check_shares(self, _: object, shares: tuple[float, ...]) -> None:
        if len(shares) != len(COURSES) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"shares of {len(COURSES)} courses add up to 1, not {shares!r}")


PAPER_LESIONS: Final = 4.0
EM_STEPS: Final = 50
PAPER_PRIOR: Final = CoursePrior(
    shares=(5 / 37, 9 / 37, 11 / 37, 12 / 37), source="among the 37 lesions of Amini 2016"
)
LARGE_OR_NONE: Final = CoursePrior(
    shares=PAPER_PRIOR.shares,
    source="where lesions change by 4 to 10 mm or not at all",
    changes=ChangePrior(
        amount_mm=7.0,
        amount_sd_mm=1.75,
        smooth=0.002,
        free=0.002,
        decline_days=(60, 120, 180),
        onset_days=(0, 60, 120, 180),
        growth_days=(365,),
        growth_end=1.5,
        rests=(0.0,),
    ),
)
SMALL_AND_LARGE: Final = CoursePrior(
    shares=(0.05, 0.4, 0.4, 0.15),
    source="where small changes are as common as large ones",
    changes=ChangePrior(
        amount_mm=4.0,
        amount_sd_mm=2.5,
        smooth=0.05,
        free=0.02,
        onset_days=(0, 60),
        growth_days=(90, 180, 365),
    ),
)
ALTERNATIVE_PRIORS: Final = (LARGE_OR_NONE, SMALL_AND_LARGE)
"""Under these the probability is computed as well: what is stated is the range of all."""


def estimate_prior(evidence: Sequence[Matrix], source: str) -> CoursePrior:
    """Estimate how common each course is among lesions, starting from the source paper.

    The paper counts as `PAPER_LESIONS` lesions more, so that a small cohort cannot rule a course
    out. Expectation and maximisation (Dempster, Laird and Rubin, J R Stat Soc B 1977;39:1-38).

    Parameters
    ----------
    evidence
        For each lesion how well each of `COURSES`, and in the last place any other, explains it.
    source
        Where the shares come from, in words.
    """
    paper = np.array(PAPER_PRIOR.shares)
    rows = np.array(evidence).reshape(-1, len(COURSES) + 1)
    shares = paper
    for _ in range(EM_STEPS):
        weights = rows * np.append(shares, 1.0)
        weights /= weights.sum(axis=1, keepdims=True)
        counts = weights[:, :-1].sum(axis=0) + PAPER_LESIONS * paper
        shares = counts / counts.sum()
    return CoursePrior(shares=tuple(shares.tolist()), source=source)


@frozen(kw_only=True)
class Lengths:
    """The measured lengths of a lesion in one row: sequence after sequence, each from its baseline.

    Parameters
    ----------
    lengths_mm
        As recorded.
    days
        Of the study of each.
    sequence
        Number of the sequence of each.
    baseline
        Place of the baseline of each one's sequence.
    sds_mm
        Standard deviation of the error of each.
    """

    lengths_mm: Matrix
    days: Matrix
    sequence: Places
    baseline: Places
    sds_mm: Matrix

    @property
    def follow_ups(self) -> NDArray[np.bool_]:
        """Which of them are follow-ups."""
        follow_ups: NDArray[np.bool_] = np.arange(len(self.days)) != self.baseline
        return follow_ups

    @property
    def same_sequence(self) -> NDArray[np.bool_]:
        """Which pairs are of one sequence."""
        is_same: NDArray[np.bool_] = self.sequence[:, np.newaxis] == self.sequence
        return is_same


@frozen(kw_only=True)
class NormalCourses:
    """Courses whose changes from baseline are normal: a row for each.

    Parameters
    ----------
    course
        Number of the course in `COURSES`; -1 for one without a shape.
    shares
        How common each is, for a prior in which all `COURSES` are equally common.
    means_mm, covariances_mm2
        Of the changes from baseline, one for each length and for each pair.
    """

    course: Places
    shares: Matrix
    means_mm: Matrix
    covariances_mm2: Matrix


def build_normal_courses(lengths: Lengths, changes: ChangePrior = PAPER_CHANGES) -> NormalCourses:
    """Return all courses that are normal, for the days of a lesion."""
    shaped_courses = [
        (place, (1 - changes.smooth - changes.free) / len(shapes), shape)
        for place, course in enumerate(COURSES)
        for shapes in (_build_shapes(course, lengths, changes),)
        for shape in shapes
    ]
    together = np.where(lengths.same_sequence, 1.0, IN_COMMON)
    variance_mm2 = changes.amount_sd_mm**2 + (
        changes.amount_mm**2 * (1 - IN_COMMON) * lengths.same_sequence
    )
    smooth = [
        SMOOTH_SD_MM**2
        * _smooth(lengths, days)
        * np.where(lengths.same_sequence, 1.0, SMOOTH_IN_COMMON)
        for days in SMOOTH_DAYS
    ]
    free_courses = [*smooth, WIDE_SD_MM**2 * np.diag(lengths.follow_ups.astype(float))]
    flat = np.zeros(len(lengths.days))
    return NormalCourses(
        course=np.array([place for place, _, _ in shaped_courses] + [-1] * len(free_courses)),
        shares=np.array(
            [share for _, share, _ in shaped_courses]
            + [changes.smooth / len(smooth)] * len(smooth)
            + [changes.free * WIDE]
        ),
        means_mm=np.array(
            [changes.amount_mm * shape for _, _, shape in shaped_courses]
            + [flat] * len(free_courses)
        ),
        covariances_mm2=np.array(
            [np.outer(shape, shape) * together * variance_mm2 for _, _, shape in shaped_courses]
            + free_courses
        ),
    )


def _smooth(lengths: Lengths, scale_days: float) -> Matrix:
    """Return the correlation of smooth changes, each from its own baseline."""

    def compare(days: Matrix, other_days: Matrix) -> Matrix:
        apart: Matrix = (days[:, np.newaxis] - other_days) / scale_days
        return np.exp(-(apart**2) / 2)

    days, start = lengths.days, lengths.days[lengths.baseline]
    return compare(days, days) - compare(days, start) - compare(start, days) + compare(start, start)


def _build_shapes(course: ResponseCategory, lengths: Lengths, changes: ChangePrior) -> list[Matrix]:
    """Return the forms of a course: change at each length, for an amount of 1 mm."""
    days = np.maximum(lengths.days, 0.0)
    return [shape - shape[lengths.baseline] for shape in _SHAPES[course](days, changes)]


def _build_declines(days: Matrix, changes: ChangePrior) -> Sequence[Matrix]:
    return [np.exp(-days / constant) - 1 for constant in changes.decline_days]


def _build_growths(days: Matrix, changes: ChangePrior) -> Sequence[Matrix]:
    return [
        np.clip((days - onset) / last, 0, changes.growth_end)
        for onset, last in product(changes.onset_days, changes.growth_days)
    ]


def _build_rises_and_falls(days: Matrix, changes: ChangePrior) -> Sequence[Matrix]:
    """Peaks and returns as in the source paper: weeks 10 to 24, and 3 to 8 months later."""
    peaks, falls = (70, 110, 160), (95, 150, 230)
    return [
        np.interp(days, [0, peak, peak + fall], [0, 1, rest])
        for peak, fall, rest in product(peaks, falls, changes.rests)
    ]


_SHAPES: Final[Mapping[ResponseCategory, Callable[[Matrix, ChangePrior], Sequence[Matrix]]]] = {
    ResponseCategory.OPP: _build_rises_and_falls,
    ResponseCategory.PD: _build_growths,
    ResponseCategory.PR: _build_declines,
    ResponseCategory.SD: lambda days, _: [np.zeros_like(days)],
}
