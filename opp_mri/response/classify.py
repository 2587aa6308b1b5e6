"""The response rules, row by row: pure, exact, one category and one reason for every timeline.

Source: Amini et al., AJNR 2016;37:387-392, read as docs/reference/response-rules.md says. The rows
are numbered as there.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Plateau,
    Reason,
    Reference,
    ResponseCategory,
    Rules,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import OtherBoneLesions, Timeline
from opp_mri.response.calls import Call, LesionCall, SequenceCall
from opp_mri.response.cautions import find_cautions
from opp_mri.response.course import (
    Course,
    LesionFacts,
    Studied,
    build_courses,
    find_other_bone_lesions,
    gather_facts,
    split_studies,
)
from opp_mri.response.persistence import classify_persistence

OPP: Final = ResponseCategory.OPP
PD: Final = ResponseCategory.PD
PR: Final = ResponseCategory.PR
SD: Final = ResponseCategory.SD
INDETERMINATE: Final = ResponseCategory.INDETERMINATE
NOT_ELIGIBLE: Final = ResponseCategory.NOT_ELIGIBLE


def classify(timeline: Timeline, rules: Rules) -> Assessment:
    """Return the category of a lesion and the rule that decided.

    Parameters
    ----------
    timeline
        Its lengths in mm per sequence, and its events.
    rules
        The criteria, and whether they are read with hindsight or as known today.

    Returns
    -------
    Assessment
        Exactly one category and one reason, whatever the timeline.
    """
    if rules.criteria.persistence is not None:
        return classify_persistence(timeline, rules, rules.criteria.persistence)
    facts = gather_facts(timeline)
    lesion = call_lesion(split_studies(timeline), facts, rules)
    return Assessment(
        lesion_id=timeline.lesion_id,
        rules=rules,
        category=lesion.category,
        reason=lesion.reason,
        deciding_sequence=lesion.deciding_sequence,
        discordant=lesion.discordant,
        sequences={sequence: _add_reported(call) for sequence, call in lesion.sequences.items()},
        cautions=find_cautions(lesion, facts, timeline.first_fraction_day, rules.criteria),
        retreatment_day=facts.retreatment_day,
    )


def call_lesion(
    studies_by_sequence: Mapping[SeriesRole, Studied], facts: LesionFacts, rules: Rules
) -> LesionCall:
    """Classify each sequence, and give the lesion the category of the one that decides.

    Parameters
    ----------
    studies_by_sequence
        The studies that count of each measured sequence, in the order of sequences.
    """
    courses = build_courses(studies_by_sequence, rules.criteria)
    grew = any(course.grew for course in courses.values())
    lesion = _Lesion(
        last_day=max([course.last_day for course in courses.values()], default=0),
        grew=grew,
        facts=facts,
        criteria=rules.criteria,
        prospective=rules.mode is Mode.PROSPECTIVE,
    )
    calls = {}
    for sequence, studies in studies_by_sequence.items():
        course = courses.get(sequence)
        call = lesion.call(studies, course)
        calls[sequence] = SequenceCall(call=call, studied=studies, course=course)
    if facts.exclusion is not None:
        return LesionCall(
            category=NOT_ELIGIBLE,
            reason=Reason(facts.exclusion.value),
            deciding_sequence=None,
            discordant=False,
            sequences=calls,
        )
    if not calls:
        return LesionCall(
            category=INDETERMINATE,
            reason=Reason.NO_BASELINE,
            deciding_sequence=None,
            discordant=False,
            sequences=calls,
        )
    deciding_sequence = _choose_deciding_sequence(calls, courses, rules.criteria)
    category, reason = calls[deciding_sequence].call
    discordant = grew and any(
        course.grew and calls[sequence].call[0] is not category
        for sequence, course in courses.items()
    )
    if discordant and rules.mode is Mode.PROSPECTIVE:
        category, reason = INDETERMINATE, Reason.SEQUENCES_DISCORDANT
    return LesionCall(
        category=category,
        reason=reason,
        deciding_sequence=deciding_sequence,
        discordant=discordant,
        sequences=calls,
    )


def _choose_deciding_sequence(
    calls: Mapping[SeriesRole, SequenceCall],
    courses: Mapping[SeriesRole, Course],
    criteria: Criteria,
) -> SeriesRole:
    """Choose among sequences in their order, so that the first wins a tie."""
    if not courses:
        return next(
            (sequence for sequence, call in calls.items() if call.studied.baseline is not None),
            next(iter(calls)),
        )
    long_enough = {
        sequence: course
        for sequence, course in courses.items()
        if course.last_day >= criteria.min_follow_up_days
    }
    candidates = long_enough or courses
    growing_sequences = [sequence for sequence, course in candidates.items() if course.grew]
    if growing_sequences:
        return max(growing_sequences, key=lambda sequence: candidates[sequence].peak_mm)
    return min(candidates, key=lambda sequence: candidates[sequence].last_mm)


@frozen(kw_only=True)
class _Lesion:
    """The table of rules, for the sequences of one lesion.

    Parameters
    ----------
    last_day
        Last follow-up on any sequence that has a baseline; 0 where there is none.
    grew
        Whether some sequence grew.
    """

    last_day: int
    grew: bool
    facts: LesionFacts
    criteria: Criteria
    prospective: bool

    @property
    def _unsure(self) -> ResponseCategory:
        return INDETERMINATE if self.prospective else PD

    def call(self, studies: Studied, course: Course | None) -> Call:
        """Return the first row that applies to a sequence."""
        if self.facts.exclusion is not None:  # before row 1; the lesion is still measured
            return NOT_ELIGIBLE, Reason(self.facts.exclusion.value)
        if studies.baseline is None:  # row 1
            return INDETERMINATE, Reason.NO_BASELINE
        if course is None:  # row 2
            return INDETERMINATE if self.prospective else NOT_ELIGIBLE, Reason.NO_FOLLOW_UP
        if self.last_day < self.criteria.min_follow_up_days:
            if self.facts.retreated and course.grew:  # row 3a
                return INDETERMINATE, Reason.RETREATED_BEFORE_THE_ANSWER
            if not (self.prospective or (self.facts.retreated and self.grew)):  # row 3
                return NOT_ELIGIBLE, Reason.FOLLOW_UP_UNDER_6_MONTHS
        if self._has_regrown_from_nadir(course):
            return self._call_regrown_from_nadir(course)
        if not course.grew:
            return self._call_never_grew(course)
        return self._call_fallen(course) if course.fallen else self._call_enlarged(course)

    def _has_regrown_from_nadir(self, course: Course) -> bool:
        return (
            self.criteria.reference is Reference.NADIR
            and not (course.grew and not course.fallen)  # rows 11a to 17 see to it
            and len(course.regrown_from_smallest)
            >= (1 if self.prospective else self.criteria.progression_min_studies)
        )

    def _call_regrown_from_nadir(self, course: Course) -> Call:
        """Count growth from the nadir: no row of the paper's table, but of `reference`."""
        if self.prospective and course.last_day <= self.criteria.window_days:
            return INDETERMINATE, Reason.ENLARGING_WITHIN_OPP_WINDOW
        if len(course.regrown_from_smallest) >= self.criteria.progression_min_studies:
            return PD, Reason.REGROWTH_AFTER_DECLINE
        return INDETERMINATE, Reason.REGROWTH_NOT_YET_CONFIRMED

    def _call_never_grew(self, course: Course) -> Call:
        """Rows 4 to 6."""
        if self.prospective and course.last_day < self.criteria.min_follow_up_days:  # row 4
            return INDETERMINATE, Reason.NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS
        if course.is_decline(-course.last_mm):  # row 5
            return PR, Reason.DECLINE_FROM_BASELINE
        return SD, Reason.WITHIN_MEASUREMENT_ERROR  # row 6

    def _call_fallen(self, course: Course) -> Call:
        """Rows 6a to 11: it grew, and declined from the peak."""
        if self.prospective and course.last_day < self.criteria.min_follow_up_days:  # row 6a
            return INDETERMINATE, Reason.DECLINING_FOLLOW_UP_UNDER_6_MONTHS
        if course.last_day - course.peak_day < self.criteria.sustain_days:
            if self.facts.retreated:  # row 7a
                return INDETERMINATE, Reason.RETREATED_BEFORE_THE_ANSWER
            return self._unsure, Reason.DECLINE_NOT_YET_SUSTAINED  # row 7
        if not self.facts.therapy_change_days:  # row 8
            return OPP, Reason.SUSTAINED_DECLINE
        until = course.find_last_day_of_therapy(self.criteria)
        changes = [day for day in self.facts.therapy_change_days if course.peak_day < day <= until]
        if not changes:  # row 8
            return OPP, Reason.SUSTAINED_DECLINE
        match find_other_bone_lesions(self.facts, min(changes), until, course.last_day):
            case OtherBoneLesions.ENLARGED:  # row 9
                return OPP, Reason.SUSTAINED_DECLINE_DESPITE_GROWTH_ELSEWHERE
            case OtherBoneLesions.NOT_ENLARGED:  # row 10
                return PD, Reason.DECLINE_ATTRIBUTABLE_TO_SYSTEMIC_THERAPY
            case _:  # row 11
                return self._unsure, Reason.SYSTEMIC_THERAPY_CHANGED_OTHER_LESIONS_UNKNOWN

    def _call_enlarged(self, course: Course) -> Call:
        """Rows 11a to 17: it grew, and did not decline from the peak."""
        criteria = self.criteria
        in_window = course.last_day <= criteria.window_days or (
            course.peak_day <= criteria.window_days
            and course.last_day - course.peak_day < criteria.sustain_days
        )
        few = len(course.counted_as_grown) < criteria.progression_min_studies
        if self.facts.retreated and (in_window or few or not course.last_grew):  # row 11a
            return INDETERMINATE, Reason.RETREATED_BEFORE_THE_ANSWER
        if self.prospective:
            if in_window:  # row 12
                return INDETERMINATE, Reason.ENLARGING_WITHIN_OPP_WINDOW
            if few and course.had_fallen_before:  # row 13a
                return INDETERMINATE, Reason.REGROWTH_NOT_YET_CONFIRMED
            if few:  # row 13
                return INDETERMINATE, Reason.ENLARGED_ON_SINGLE_STUDY
        if course.had_fallen_before and course.last_grew:
            if course.is_growth(course.regrowth_mm):  # row 14
                return PD, Reason.REGROWTH_AFTER_DECLINE
            return PD, Reason.DECLINE_NOT_HELD  # row 14a
        if criteria.plateau is Plateau.OPP and self._is_plateau(course):  # row 15
            return OPP, Reason.PLATEAU_AFTER_GROWTH
        if not course.last_grew:  # row 16
            return self._unsure, Reason.DECLINE_BELOW_THRESHOLD
        return PD, Reason.PERSISTENT_ENLARGEMENT  # row 17

    def _is_plateau(self, course: Course) -> bool:
        first, last = course.grown[0], course.grown[-1]
        first_day = course.days[first]
        return (
            course.last_grew
            and not self.facts.retreated
            and not any(
                first_day < day <= course.last_day for day in self.facts.therapy_change_days
            )
            and len(course.grown) >= 2
            and course.days[last] - first_day >= self.criteria.sustain_days
            and not course.is_growth(course.last_mm - course.changes_mm[first])
        )


def _add_reported(call: SequenceCall) -> SequenceAssessment:
    """Add what is reported next to the category and never decides."""
    (category, reason), course = call.call, call.course
    baseline, follow_ups = call.studied.baseline, call.studied.follow_ups
    if not follow_ups:
        return SequenceAssessment(
            category=category,
            reason=reason,
            baseline_day=baseline.days_from_ssrs if baseline else None,
            baseline_mm=baseline.ap_mm if baseline else None,
        )
    last = follow_ups[-1]
    if baseline is None or course is None:
        nadir = min(follow_ups, key=attrgetter("ap_mm"))
        return SequenceAssessment(
            category=category,
            reason=reason,
            last_day=last.days_from_ssrs,
            nadir_mm=nadir.ap_mm,
            nadir_day=nadir.days_from_ssrs,
            regrowth_mm=last.ap_mm - nadir.ap_mm,
        )
    nadir = follow_ups[course.changes_mm.index(min(course.changes_mm))]
    return SequenceAssessment(
        category=category,
        reason=reason,
        baseline_day=baseline.days_from_ssrs,
        baseline_mm=baseline.ap_mm,
        peak_change_mm=course.peak_mm,
        peak_day=course.peak_day,
        peak_after_day=course.days[course.peak - 1] if course.peak else baseline.days_from_ssrs,
        last_change_mm=course.last_mm,
        last_day=course.last_day,
        return_to_baseline_day=course.return_to_baseline_day if course.grew else None,
        decline_studies=course.decline_studies if course.grew else 0,
        growth_studies=len(course.grown),
        nadir_mm=nadir.ap_mm,
        nadir_day=nadir.days_from_ssrs,
        regrowth_mm=last.ap_mm - nadir.ap_mm,
    )
