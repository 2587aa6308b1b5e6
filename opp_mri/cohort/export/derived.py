"""What the response rules make of the recorded tables: changes, sequences, assessments."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from opp_mri.cohort.export.changes import CHANGE_COLUMNS, changes_of
from opp_mri.cohort.export.columns import Column, ExportTable, Kind, Row, Value, tabulate
from opp_mri.cohort.export.recorded import LESION_ID, PATIENT_ID, SEQUENCES
from opp_mri.cohort.statistics.members import CohortLesion, is_eligible
from opp_mri.domain.assessment import (
    Criteria,
    Mode,
    Reason,
    ResponseCategory,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.sentences import CATEGORY_WORDS, reason_in_words

CHANGES, SEQUENCE_ANSWERS, ASSESSMENTS = "changes", "sequences", "assessments"

_RULES: Final = "response rules (Amini et al., AJNR 2016;37:387-392)"
MODES: Final[Mapping[str, str]] = {
    Mode.RETROSPECTIVE.value: "with hindsight",
    Mode.PROSPECTIVE.value: "as known at the last study",
}
CATEGORIES: Final[Mapping[str, str]] = {
    category.value: words for category, words in CATEGORY_WORDS.items()
}


@frozen
class SequenceAnswer:
    """What one sequence of a lesion was called."""

    one: CohortLesion
    sequence: SeriesRole
    said: SequenceAssessment


_COURSE: Final = (
    ("baseline_day", "baseline_day", "Baseline", Kind.INTEGER, "days from SSRS",
     "Day of the study that changes are taken from; empty without one."),
    ("baseline_mm", "baseline_mm", "Baseline AP extent", Kind.DECIMAL, "mm",
     "AP extent at the baseline."),
    ("peak_change_mm", "peak_change_mm", "Peak change", Kind.DECIMAL, "mm",
     "Largest change from baseline; empty without a baseline or a follow-up."),
    ("days_to_peak", "peak_day", "Peak", Kind.INTEGER, "days from SSRS",
     "First follow-up that shows the largest change."),
    ("peak_after_day", "peak_after_day", "Study before the peak", Kind.INTEGER, "days from SSRS",
     "The true peak lies after this day: it is known from visits only."),
    ("last_change_mm", "last_change_mm", "Last change", Kind.DECIMAL, "mm",
     "Change at the last follow-up."),
    ("last_day", "last_day", "Last follow-up", Kind.INTEGER, "days from SSRS",
     "Last follow-up of the sequence that counts."),
    ("days_to_baseline", "return_to_baseline_day", "Return to baseline", Kind.INTEGER,
     "days from SSRS", "First follow-up after the peak that shows no growth; empty where it never "
     "grew, or did not return within the follow-up."),
    ("decline_studies", "decline_studies", "Studies that show the decline", Kind.INTEGER, "",
     "Follow-ups after the peak that show a decline from it."),
    ("nadir_mm", "nadir_mm", "Smallest AP extent", Kind.DECIMAL, "mm",
     "Smallest length at a follow-up."),
    ("nadir_day", "nadir_day", "Smallest seen", Kind.INTEGER, "days from SSRS",
     "Day of the smallest length."),
    ("regrowth_mm", "regrowth_mm", "Regrowth", Kind.DECIMAL, "mm",
     "Growth from the smallest to the last length."),
)  # fmt: skip


def _course_columns(
    said: Callable[[Row], SequenceAssessment | None],
) -> tuple[Column[Row], ...]:
    """Give the columns that tell how a sequence went."""

    def getter(attribute: str) -> Callable[[Row], Value]:
        def of(row: Row) -> Value:
            one = said(row)
            return None if one is None else getattr(one, attribute)

        return of

    return tuple(
        Column(
            name=name, label=label, kind=kind, unit=unit, of=getter(attribute), description=text,
            source=_RULES,
        )
        for name, attribute, label, kind, unit, text in _COURSE
    )  # fmt: skip


def deciding(one: CohortLesion) -> SequenceAssessment | None:
    """Give the sequence that decided, classified; None where none did."""
    sequence = one.assessment.deciding_sequence
    return None if sequence is None else one.assessment.sequences.get(sequence)


def _answer_columns(
    category: Callable[[Row], ResponseCategory], reason: Callable[[Row], Reason], criteria: Criteria
) -> tuple[Column[Row], ...]:
    return (
        Column(
            name="category", label="Category", kind=Kind.CODE, allowed=CATEGORIES, required=True,
            of=lambda row: category(row).value, source=_RULES,
            description="Response by Amini 2016; not RECIST.",
        ),
        Column(
            name="reason", label="Rule that decided", kind=Kind.CODE, required=True,
            allowed={one.value: reason_in_words(one, criteria) for one in Reason},
            of=lambda row: reason(row).value, source=_RULES,
            description="The row of the response rules that gave the category.",
        ),
    )  # fmt: skip


def assessment_columns(
    criteria: Criteria, margins_mm: Mapping[str, Decimal | None] | None = None
) -> tuple[Column[CohortLesion], ...]:
    """Give the columns of the table of assessments.

    Parameters
    ----------
    margins_mm
        Margin of each lesion, by its name; None where it was not worked out: then there is no
        column for it.
    """
    columns: list[Column[CohortLesion]] = [
        LESION_ID,
        PATIENT_ID,
        *_answer_columns(
            lambda one: one.assessment.category, lambda one: one.assessment.reason, criteria
        ),
        Column(
            name="analysed", label="Analysed", kind=Kind.BOOLEAN, of=is_eligible, required=True,
            description="False where an exclusion of the source paper applies.", source=_RULES,
        ),
        Column(
            name="deciding_sequence", label="Deciding sequence", kind=Kind.CODE,
            allowed=SEQUENCES, familiar=True, source=_RULES,
            of=lambda one: one.assessment.deciding_sequence
            and one.assessment.deciding_sequence.value,
            description="Sequence that the category comes from; empty where none decided. The "
            "columns from baseline_day to regrowth_mm tell how it went.",
        ),
        Column(
            name="discordant", label="Sequences disagree", kind=Kind.BOOLEAN, required=True,
            of=lambda one: one.assessment.discordant, source=_RULES,
            description="True where another sequence that grew says another category.",
        ),
        *_course_columns(deciding),
        Column(
            name="retreatment_day", label="Local retreatment", kind=Kind.INTEGER,
            unit="days from SSRS", of=lambda one: one.assessment.retreatment_day, source=_RULES,
            description="Day after which no follow-up counts; empty without a retreatment.",
        ),
        Column(
            name="mode", label="Read", kind=Kind.CODE, allowed=MODES, required=True,
            of=lambda one: one.assessment.mode.value, source="chosen for this cohort",
            description="Whether the rules were applied with hindsight.",
        ),
        Column(
            name="criteria", label="Criteria", of=lambda one: one.assessment.criteria.name,
            required=True, source="chosen for this cohort",
            description="Name of the parameters of the response rules.",
        ),
    ]  # fmt: skip
    if margins_mm is not None:
        known = margins_mm
        columns.append(
            Column(
                name="margin_mm", label="Margin", kind=Kind.DECIMAL, unit="mm", source=_RULES,
                of=lambda one: known[one.lesion.lesion_id],
                description="Smallest change of one recorded length, in steps of 0.1 mm, that "
                "changes the category; empty where none does.",
            )
        )  # fmt: skip
    return tuple(columns)


def sequence_columns(criteria: Criteria) -> tuple[Column[SequenceAnswer], ...]:
    """Give the columns of the table of sequences."""
    return (
        Column(
            name="lesion_id", label="Lesion", of=lambda row: row.one.lesion.lesion_id,
            required=True, description="The lesion.", source="recorded", identifier=True,
        ),
        Column(
            name="sequence", label="Sequence", kind=Kind.CODE, allowed=SEQUENCES, required=True,
            of=lambda row: row.sequence.value, familiar=True, description="The sequence.",
            source="recorded",
        ),
        *_answer_columns(lambda row: row.said.category, lambda row: row.said.reason, criteria),
        Column(
            name="decides", label="Decides", kind=Kind.BOOLEAN, required=True, source=_RULES,
            of=lambda row: row.one.assessment.deciding_sequence is row.sequence,
            description="Whether the lesion's category comes from this sequence.",
        ),
        *_course_columns(lambda row: row.said),
    )  # fmt: skip


def derived_tables(
    lesions: Iterable[CohortLesion],
    criteria: Criteria,
    margins_mm: Mapping[str, Decimal | None] | None = None,
) -> tuple[ExportTable, ...]:
    """Give changes, sequences and assessments, lesions in their order.

    Parameters
    ----------
    criteria
        By which the lesions were classified.
    margins_mm
        As for `assessment_columns`.
    """
    those = list(lesions)
    return (
        tabulate(
            CHANGES, "Lengths and changes",
            "One row a length, against its sequence's own baseline.",
            CHANGE_COLUMNS, (change for one in those for change in changes_of(one)),
        ),
        tabulate(
            SEQUENCE_ANSWERS, "Sequences", "One row a lesion and measured sequence.",
            sequence_columns(criteria), _sequence_answers(those),
        ),
        tabulate(
            ASSESSMENTS, "Assessments", "One row a lesion.",
            assessment_columns(criteria, margins_mm), those,
        ),
    )  # fmt: skip


def _sequence_answers(lesions: Iterable[CohortLesion]) -> Iterator[SequenceAnswer]:
    for one in lesions:
        for sequence in SeriesRole:
            if sequence in one.assessment.sequences:
                yield SequenceAnswer(one, sequence, one.assessment.sequences[sequence])
