"""How sure a call is under measurement error: reported beside the category, never deciding.

All lengths are drawn anew many times, and the rules are asked what they would have said. To ask
them of every draw would be slow: the draws are first told apart, in numpy, by the comparisons that
a category can depend on, and the rules are asked once of each pattern of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from math import isfinite, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from opp_mri.domain.assessment import (
    Criteria,
    MeasurementError,
    Mode,
    Plateau,
    ResponseCategory,
    Rules,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import call_sequence, classify
from opp_mri.response.course import LesionFacts, Studied, facts_of, studies_that_count
from opp_mri.units import LONGEST_MM

FRAGILE_BELOW: Final = 0.8

_APART_MM: Final = 2.0
_SHARE_APART: Final = 0.25
DEFAULT_SD_MM: Final = _APART_MM / (sqrt(2) * NormalDist().inv_cdf(1 - _SHARE_APART / 2))
"""Standard deviation of one measurement: about 1.23 mm.

Under it two independent measurements differ by 2 mm or more in 25 of 100 pairs, as repeats by one
reader did in 140 focal marrow lesions (PMID 37001052).
"""

DEFAULT_ERROR: Final = MeasurementError(
    sd_mm=DEFAULT_SD_MM,
    source="published repeats of focal marrow lesions (PMID 37001052), not this project",
)

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_CATEGORIES: Final = tuple(ResponseCategory)
_NEVER: Final = -(2**60)  # tenths of a mm: below every change


@frozen(kw_only=True)
class CategoryProbabilities:
    """How probable each category is, were every length measured once more.

    Parameters
    ----------
    category
        The call: the category of the lengths as they are recorded.
    probabilities
        Share of the draws that have each category, in the order of categories; the sum is 1, and
        a category of no draw is left out.
    sd_mm
        Standard deviation of one measurement, mm.
    draws
        Number of draws.
    """

    category: ResponseCategory
    probabilities: Mapping[ResponseCategory, float]
    sd_mm: float
    draws: int

    @property
    def standard_error(self) -> float:
        """Standard error of the call's own probability, from the number of draws."""
        probability = self.probabilities.get(self.category, 0.0)
        return sqrt(probability * (1 - probability) / self.draws)

    def fragile(self, category: ResponseCategory) -> bool:
        """Tell whether a call of this category is to be shown as fragile: below 0.8 (RULES)."""
        return self.probabilities.get(category, 0.0) < FRAGILE_BELOW


def category_probabilities(
    timeline: Timeline,
    rules: Rules,
    *,
    sd_mm: float,
    draws: int = 1000,
    seed: int = 0,
) -> CategoryProbabilities:
    """Give the probability of each category under measurement error.

    Parameters
    ----------
    timeline, rules
        As for `classify`.
    sd_mm
        Standard deviation of one measurement, mm, such as `DEFAULT_SD_MM`; with 0 the lengths
        stay as they are recorded.
    draws
        How often all lengths are drawn.
    seed
        Of the random numbers, 0 or more. They depend on it and on the lesion's id alone, so that
        lesions may be asked in any order and do not share their errors.

    Raises
    ------
    ValueError
        Of `sd_mm`, `draws` and `seed` one is not such a number, or as `classify`.
    """
    if not isfinite(sd_mm) or sd_mm < 0:
        raise ValueError(f"a standard deviation is finite and not negative, not {sd_mm!r}")
    if draws < 1:
        raise ValueError(f"there is at least one draw, not {draws!r}")
    category = classify(timeline, rules).category
    drawn = drawn_tenths(timeline, sd_mm=sd_mm, draws=draws, seed=seed) if sd_mm else {}
    counts = _counts(timeline, drawn, rules) if drawn else Counter({category: draws})
    return CategoryProbabilities(
        category=category,
        probabilities={one: counts[one] / draws for one in _CATEGORIES if counts[one]},
        sd_mm=sd_mm,
        draws=draws,
    )


def drawn_tenths(
    timeline: Timeline, *, sd_mm: float, draws: int, seed: int
) -> dict[SeriesRole, Integers]:
    """Draw the lengths that can play a part: of sequences with a baseline and a follow-up.

    Each length gets an independent normal error; the result is rounded half-even to 0.1 mm, as a
    computed length is when it is recorded, and not below 0. A length of 0 is an explicit answer,
    not a measurement: it has no error.

    Returns
    -------
    dict
        Per sequence, in the order of sequences, whole tenths of a mm: a row for the baseline and
        one for each follow-up that counts, a column for each draw.
    """
    random = np.random.default_rng([seed, *timeline.lesion_id.encode()])
    drawn = {}
    for sequence, one in studies_that_count(timeline).items():
        if one.baseline is not None and one.follow_ups:
            tenths = np.array([[float(10 * it.ap_mm)] for it in (one.baseline, *one.follow_ups)])
            lengths = random.standard_normal((len(tenths), draws))
            lengths *= 10 * sd_mm * (tenths != 0)
            lengths += tenths
            drawn[sequence] = np.clip(
                np.rint(lengths, out=lengths).astype(np.int64), 0, 10 * LONGEST_MM - 1
            )
    return drawn


def _counts(
    timeline: Timeline, drawn: Mapping[SeriesRole, Integers], rules: Rules
) -> Counter[ResponseCategory]:
    """Count the draws of each category."""
    studied = studies_that_count(timeline)
    facts = facts_of(timeline, studied)
    courses = [_Courses(studied[one], tenths, rules.criteria) for one, tenths in drawn.items()]
    pattern = _lesion_pattern(courses, _categories_alone(courses, facts, rules), rules.mode)
    sizes = np.bincount(pattern).tolist()
    counts: Counter[ResponseCategory] = Counter()
    for number, draw in _representatives(pattern):
        measured = {one: it.observations(draw) for one, it in zip(drawn, courses, strict=True)}
        again = evolve(timeline, observations={**timeline.observations, **measured})
        counts[classify(again, rules).category] += sizes[number]
    return counts


def _categories_alone(courses: Sequence["_Courses"], facts: LesionFacts, rules: Rules) -> Integers:
    """Give the place in `_CATEGORIES` of what each sequence, a row, says in each draw."""
    known: dict[tuple[tuple[int, ...], int], int] = {}  # sequences often share their days
    rows = []
    for course in courses:
        pattern = course.pattern(facts, rules.criteria)
        places = np.zeros(pattern.max() + 1, dtype=np.int64)
        for number, draw in _representatives(pattern):
            if (course.days, number) not in known:
                baseline, *follow_ups = course.observations(draw)
                studied = Studied(baseline=baseline, follow_ups=tuple(follow_ups))
                category, _ = call_sequence(studied, facts, rules).call
                known[course.days, number] = _CATEGORIES.index(category)
            places[number] = known[course.days, number]
        rows.append(places[pattern])
    return np.array(rows)


def _lesion_pattern(courses: Sequence["_Courses"], alone: Integers, mode: Mode) -> Integers:
    """Give draws one number where the deciding sequence says the same, or all are discordant."""
    grew = np.array([one.grew for one in courses])
    deciding = np.where(  # the first of equal ones: they stand in the order of sequences
        grew.any(axis=0),
        np.array([one.peak for one in courses]).argmax(axis=0),
        np.array([one.last for one in courses]).argmin(axis=0),
    )
    category: Integers = np.take_along_axis(alone, deciding[np.newaxis], axis=0)[0]
    if mode is Mode.RETROSPECTIVE:  # discordance is reported there and decides nothing
        return category
    return np.where((grew & (alone != category)).any(axis=0), len(_CATEGORIES), category)


def _representatives(pattern: Integers) -> list[tuple[int, int]]:
    """Give each number of a pattern with a draw that has it; faster here than `numpy.unique`."""
    draws = np.full(pattern.max() + 1, -1)
    draws[pattern] = np.arange(len(pattern))
    numbers = np.flatnonzero(draws >= 0)
    return list(zip(numbers.tolist(), draws[numbers].tolist(), strict=True))


class _Courses:
    """What the rules can look at on one sequence, in all draws at once.

    Parameters
    ----------
    studied
        A baseline and at least one follow-up.
    tenths
        Their lengths, as `drawn_tenths` gives them.
    criteria
        What counts as a growth or a decline.

    Attributes
    ----------
    days
        Of the follow-ups.
    grew, peak, last
        Of each draw: whether it grew, its largest and its last change, in tenths of a mm.
    """

    def __init__(self, studied: Studied, tenths: Integers, criteria: Criteria) -> None:
        self._baseline_day = 0 if studied.baseline is None else studied.baseline.days_from_ssrs
        self.days = tuple([study.days_from_ssrs for study in studied.follow_ups])
        self._tenths = tenths
        self._changes = tenths[1:] - tenths[0]
        self._growth = _least_tenths(criteria.change_mm, inclusive=criteria.growth_inclusive)
        self._decline = _least_tenths(criteria.change_mm, inclusive=criteria.decline_inclusive)
        self.peak: Integers = self._changes.max(axis=0)
        self.last: Integers = self._changes[-1]
        self.grew: Booleans = self.peak >= self._growth

    def observations(self, draw: int) -> tuple[Observation, ...]:
        """Give the baseline and the follow-ups with the lengths of one draw."""
        days = (self._baseline_day, *self.days)
        return tuple(map(_observation, days, self._tenths[:, draw].tolist()))

    def pattern(self, facts: LesionFacts, criteria: Criteria) -> Integers:
        """Give draws one number where all that rows 3 to 17 ask has the same answer."""
        peak = self._changes.argmax(axis=0)  # the first where several are largest
        falls = (peak < len(self.days) - 1) & (self.peak - self.last >= self._decline)
        enlarged = self.grew & ~falls
        grown = self._changes >= self._growth
        answers = [
            self.grew,
            self.grew & falls,
            ~self.grew & (-self.last >= self._decline),
            enlarged & (grown.sum(axis=0) >= criteria.progression_min_studies),
            enlarged & self._had_fallen_before(grown),
            enlarged & grown[-1],
        ]
        if criteria.plateau is Plateau.OPP:
            answers.append(enlarged & self._is_plateau(grown, criteria))
        pattern = np.where(self.grew, self._kinds_of_peak(facts, criteria)[peak], 0)
        for answer in answers:
            pattern = 2 * pattern + answer
        return pattern

    def _kinds_of_peak(self, facts: LesionFacts, criteria: Criteria) -> Integers:
        """Give follow-ups one number where a peak at them has the same place in time."""
        last_day = self.days[-1]
        kinds = [
            (
                day <= criteria.window_days,
                last_day - day < criteria.sustain_days,
                any(day < change <= last_day for change in facts.therapy_change_days),
            )
            for day in self.days
        ]
        return np.array([kinds.index(kind) for kind in kinds])

    def _had_fallen_before(self, grown: Booleans) -> Booleans:
        largest = np.maximum.accumulate(np.where(grown, self._changes, _NEVER), axis=0)
        fallen: Booleans = (largest[:-1] - self._changes[1:] >= self._decline).any(axis=0)
        return fallen

    def _is_plateau(self, grown: Booleans, criteria: Criteria) -> Booleans:
        days: Integers = np.array(self.days)
        first, last = grown.argmax(axis=0), len(days) - 1 - grown[::-1].argmax(axis=0)
        start: Integers = np.take_along_axis(self._changes, first[np.newaxis], axis=0)[0]
        lasting: Booleans = (first < last) & (days[last] - days[first] >= criteria.sustain_days)
        return lasting & (self.last - start < self._growth)


@lru_cache(maxsize=10_000)  # few days and lengths occur, and very often
def _observation(day: int, tenths: int) -> Observation:
    return Observation(day, Decimal(tenths).scaleb(-1))


def _least_tenths(change_mm: Decimal, *, inclusive: bool) -> int:
    """Give the least whole number of tenths of a mm that counts as this change, exactly."""
    if inclusive:
        return int((10 * change_mm).to_integral_value(ROUND_CEILING))
    return int((10 * change_mm).to_integral_value(ROUND_FLOOR)) + 1
