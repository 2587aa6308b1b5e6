"""The response rules for many drawn versions of one lesion at once, in whole tenths of a mm.

It says of every draw what `classify` says of it (a test compares them draw by draw), in numpy, so
that thousands of draws take milliseconds.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.assessment import (
    Criteria,
    Mode,
    Plateau,
    Reference,
    ResponseCategory,
    Rules,
    TherapyCounts,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import OtherBoneLesions
from opp_mri.response.course import LesionFacts, Studied, find_other_bone_lesions

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

CATEGORIES: Final = tuple(ResponseCategory)
_CODES: Final = {category: code for code, category in enumerate(CATEGORIES)}
_OPP, _PD, _PR, _SD, _INDETERMINATE, _NOT_ELIGIBLE = (
    _CODES[category] for category in ResponseCategory
)
_NEVER: Final = -(2**60)  # tenths of a mm: below every change
_ALWAYS: Final = 2**60


def classify_draws(
    studies_by_sequence: Mapping[SeriesRole, Studied],
    tenths: Mapping[SeriesRole, Integers],
    facts: LesionFacts,
    rules: Rules,
) -> Integers:
    """Classify every draw of a lesion.

    Parameters
    ----------
    studies_by_sequence
        The studies that count of the sequences that have a baseline and a follow-up, in the order
        of sequences; their days are used, not their lengths.
    tenths
        Per sequence whole tenths of a mm: a row for the baseline and one for each follow-up, a
        column for each draw.
    facts, rules
        As for `classify`.

    Returns
    -------
    numpy.ndarray
        Place in `CATEGORIES` of the lesion's category, for each draw.
    """
    draws = next(iter(tenths.values())).shape[1]
    if facts.exclusion is not None:
        return np.full(draws, _NOT_ELIGIBLE)
    changes = {sequence: rows[1:] - rows[0] for sequence, rows in tenths.items()}
    days = {
        sequence: [study.days_from_ssrs for study in studies_by_sequence[sequence].follow_ups]
        for sequence in tenths
    }
    growth = _compute_least_tenths(
        rules.criteria.change_mm, inclusive=rules.criteria.growth_inclusive
    )
    growths = {sequence: rows >= growth for sequence, rows in changes.items()}
    if rules.criteria.confirm_growth:
        growths = {sequence: _keep_confirmed(sequence, growths, days) for sequence in growths}
    courses = [
        _Courses(days[sequence], changes[sequence], growths[sequence], rules.criteria)
        for sequence in tenths
    ]
    some_grew = np.any([course.grew for course in courses], axis=0)
    last_day = max(course.days[-1] for course in courses)
    calls = np.array([course.classify(facts, rules, last_day, some_grew) for course in courses])
    return _classify_lesion(courses, calls, rules)


def _keep_confirmed(
    sequence: SeriesRole,
    growths: Mapping[SeriesRole, Booleans],
    days: Mapping[SeriesRole, Sequence[int]],
) -> Booleans:
    """Keep growth that another sequence of the visit, or a neighbouring follow-up, shows too."""
    own = growths[sequence]
    has_second = np.zeros_like(own)
    has_second[1:] |= own[:-1]
    has_second[:-1] |= own[1:]
    for other_sequence, rows in growths.items():
        if other_sequence is not sequence:
            for place, day in enumerate(days[sequence]):
                if day in days[other_sequence]:
                    has_second[place] |= rows[days[other_sequence].index(day)]
    is_confirmed: Booleans = own & has_second
    return is_confirmed


def _classify_lesion(courses: Sequence["_Courses"], calls: Integers, rules: Rules) -> Integers:
    least = rules.criteria.min_follow_up_days
    long_enough = [course.days[-1] >= least for course in courses]
    candidates = [
        place for place, enough in enumerate(long_enough) if enough or not any(long_enough)
    ]
    grew = np.array([courses[place].grew for place in candidates])
    peak = np.array([courses[place].peak_change for place in candidates])
    last = np.array([courses[place].changes[-1] for place in candidates])
    deciding_places = np.array(candidates)[
        np.where(  # the first of equal ones: they are in the order of sequences
            grew.any(axis=0), np.where(grew, peak, _NEVER).argmax(axis=0), last.argmin(axis=0)
        )
    ]
    category: Integers = np.take_along_axis(calls, deciding_places[np.newaxis], axis=0)[0]
    if rules.mode is Mode.RETROSPECTIVE:
        return category
    every_grew = np.array([course.grew for course in courses])
    discordant = (every_grew & (calls != category)).any(axis=0)
    return np.where(discordant, _INDETERMINATE, category)


class _Courses:
    """The courses of one sequence, a column for each draw; names as in `Course`."""

    def __init__(
        self, days: Sequence[int], changes: Integers, growths: Booleans, criteria: Criteria
    ) -> None:
        self.days, self.changes, self.grown = list(days), changes, growths
        self._growth = _compute_least_tenths(
            criteria.change_mm, inclusive=criteria.growth_inclusive
        )
        self._decline = _compute_least_tenths(
            criteria.change_mm, inclusive=criteria.decline_inclusive
        )
        self._places = np.arange(len(days))[:, np.newaxis]
        self.grew: Booleans = np.logical_or.reduce(growths)
        ranked_changes = np.where(growths | ~self.grew, changes, _NEVER)
        self.peak: Integers = ranked_changes.argmax(axis=0)
        self.peak_change: Integers = ranked_changes.max(axis=0)
        self.peak_day: Integers = np.array(self.days)[self.peak]
        self.last: Integers = changes[-1]
        self.last_grew: Booleans = np.asarray(growths[-1])
        beyond = np.full((1, changes.shape[1]), _ALWAYS)
        self._smallest_from: Integers = np.vstack(
            [np.minimum.accumulate(changes[::-1], axis=0)[::-1], beyond]
        )
        self._find_nadir()
        after_peak = np.take_along_axis(self._smallest_from, self.peak[np.newaxis] + 1, axis=0)[0]
        has_later_study = self.peak < len(days) - 1
        regrowth = self.last - self._nadir_change
        self._grew_from_nadir: Booleans = self.fell_before & (regrowth >= self._growth)
        has_regrowth = self.last_grew & (
            (has_later_study & (self.last - after_peak >= self._growth)) | self._grew_from_nadir
        )
        fell_to_last = self.peak_change - self.last >= self._decline
        fell_between = (self.peak_change - after_peak >= self._decline) & ~self.last_grew
        self.fallen: Booleans = (
            self.grew & ~has_regrowth & has_later_study & (fell_to_last | fell_between)
        )

    def _find_nadir(self) -> None:
        falls = self.grown & (self.changes - self._smallest_from[1:] >= self._decline)
        self.fell_before: Booleans = np.logical_or.reduce(falls)
        start = falls.argmax(axis=0) + 1
        self._nadir_change, self._nadir = self._find_smallest(start)

    def _find_smallest(self, start: Integers) -> tuple[Integers, Integers]:
        """Return the smallest change from a place on, and the last place that has it."""
        smallest = np.take_along_axis(self._smallest_from, start[np.newaxis], axis=0)[0]
        hit = (self.changes == smallest) & (self._places >= start)
        return smallest, len(self.days) - 1 - hit[::-1].argmax(axis=0)

    @property
    def _growth_studies(self) -> Integers:
        nadir_grew = np.take_along_axis(self.grown, self._nadir[np.newaxis], axis=0)[0]
        after_nadir = self.fell_before & ~nadir_grew
        study_counts: Integers = (self.grown & ((self._places > self._nadir) | ~after_nadir)).sum(
            axis=0
        )
        return study_counts

    def classify(
        self, facts: LesionFacts, rules: Rules, lesion_last_day: int, some_grew: Booleans
    ) -> Integers:
        """Return the place in `CATEGORIES` of what the table of rules says, for each draw."""
        criteria, prospective = rules.criteria, rules.mode is Mode.PROSPECTIVE
        unsure = _INDETERMINATE if prospective else _PD
        early = self.days[-1] < criteria.min_follow_up_days
        is_lasting = self.days[-1] - self.peak_day >= criteria.sustain_days
        rows: list[tuple[Booleans, Integers | int]] = []
        never = np.zeros_like(self.grew)
        if lesion_last_day < criteria.min_follow_up_days:
            if facts.retreated:
                rows.append((self.grew, _INDETERMINATE))  # row 3a
            if not prospective:
                rows.append((~(facts.retreated & some_grew), _NOT_ELIGIBLE))  # row 3
        if criteria.reference is Reference.NADIR:
            rows.append(self._find_regrowth_from_nadir(criteria, prospective))
        if prospective and early:
            rows.append((~self.grew | self.fallen, _INDETERMINATE))  # rows 4 and 6a
        rows += [
            (~self.grew & (-self.last >= self._decline), _PR),  # row 5
            (~self.grew, _SD),  # row 6
            (
                self.fallen & ~is_lasting,
                _INDETERMINATE if facts.retreated else unsure,
            ),  # rows 7a, 7
            (self.fallen, self._classify_after_therapy(facts, criteria, unsure)),  # rows 8 to 11
        ]
        in_window = (self.days[-1] <= criteria.window_days) | (
            (self.peak_day <= criteria.window_days) & ~is_lasting
        )
        few = self._growth_studies < criteria.progression_min_studies
        rows += [
            (in_window | few | ~self.last_grew if facts.retreated else never, _INDETERMINATE),
            (in_window | few if prospective else never, _INDETERMINATE),  # rows 12, 13a, 13
            (self.fell_before & self.last_grew, _PD),  # rows 14, 14a
            (self._is_plateau(facts, criteria), _OPP),  # row 15
            (~self.last_grew, unsure),  # row 16
        ]
        category = np.full(self.grew.shape, _PD)  # row 17
        for applies, code in reversed(rows):
            category = np.where(applies, code, category)
        return category

    def _find_regrowth_from_nadir(
        self, criteria: Criteria, prospective: bool
    ) -> tuple[Booleans, Integers]:
        start = np.where(self.grew, self.peak + 1, 0)
        smallest, place = self._find_smallest(start)
        regrowths = (self._places > place) & (self.changes - smallest >= self._growth)
        applies = (~self.grew | self.fallen) & (start < len(self.days)) & regrowths[-1]
        enough = regrowths.sum(axis=0) >= criteria.progression_min_studies
        if not prospective:
            applies &= enough
        code = np.where(enough, _PD, _INDETERMINATE)
        if prospective and self.days[-1] <= criteria.window_days:
            code = np.full_like(code, _INDETERMINATE)
        return applies, code

    def _classify_after_therapy(
        self, facts: LesionFacts, criteria: Criteria, unsure: int
    ) -> Integers:
        """Rows 8 to 11, by the first change of therapy that counts."""
        until = np.full(self.peak.shape, self.days[-1])
        if criteria.therapy_counts is TherapyCounts.UNTIL_SUSTAINED:
            for place in reversed(range(len(self.days))):
                is_sustained = (
                    (self.peak < place)
                    & (self.days[place] - self.peak_day >= criteria.sustain_days)
                    & (self.peak_change - self.changes[place] >= self._decline)
                )
                until = np.where(is_sustained, self.days[place], until)
        code = np.full(self.peak.shape, _OPP)
        for change_day in sorted(facts.therapy_change_days, reverse=True):
            counts = (self.peak_day < change_day) & (change_day <= until)
            for end in np.unique(until[counts]).tolist():
                behaviour = find_other_bone_lesions(facts, change_day, end, self.days[-1])
                answer = {
                    OtherBoneLesions.ENLARGED: _OPP,
                    OtherBoneLesions.NOT_ENLARGED: _PD,
                    OtherBoneLesions.UNKNOWN: unsure,
                }[behaviour]
                code = np.where(counts & (until == end), answer, code)
        return code

    def _is_plateau(self, facts: LesionFacts, criteria: Criteria) -> Booleans:
        if criteria.plateau is not Plateau.OPP or facts.retreated:
            return np.zeros_like(self.grew)
        days: Integers = np.array(self.days)
        first, last = self.grown.argmax(axis=0), len(days) - 1  # the last follow-up must have grown
        start: Integers = np.take_along_axis(self.changes, first[np.newaxis], axis=0)[0]
        has_treatment = np.any(
            [(days[first] < day) & (day <= days[-1]) for day in facts.therapy_change_days]
            or [np.zeros_like(self.grew)],
            axis=0,
        )
        plateau: Booleans = (
            self.last_grew
            & ~has_treatment
            & (first < last)
            & (days[last] - days[first] >= criteria.sustain_days)
            & (self.last - start < self._growth)
        )
        return plateau


def _compute_least_tenths(change_mm: Decimal, *, inclusive: bool) -> int:
    """Return the least whole number of tenths of a mm that counts as this change, exactly."""
    if inclusive:
        return int((10 * change_mm).to_integral_value(ROUND_CEILING))
    return int((10 * change_mm).to_integral_value(ROUND_FLOOR)) + 1
