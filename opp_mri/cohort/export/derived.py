"""Tables that the response rules derive: changes, sequences, assessments."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from opp_mri.cohort.export.changes import CHANGE_COLUMNS, generate_changes
from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.cohort.export.recorded import get_lesion
from opp_mri.cohort.statistics.members import is_eligible
from opp_mri.domain.assessment import (
    Caution,
    Criteria,
    Mode,
    Reason,
    ResponseCategory,
    SequenceAssessment,
)
from opp_mri.domain.columns.column import SEVERAL, Column, Kind, Row, view_through
from opp_mri.domain.columns.lesion import LESION_ID, PATIENT_ID, SINS_COLUMNS
from opp_mri.domain.columns.sequence import COURSE_COLUMNS
from opp_mri.domain.columns.timeline import SEQUENCES
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.cautions import describe_caution
from opp_mri.response.sentences import CATEGORY_WORDS, describe_reason

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
    """The assessment of one sequence of a lesion."""

    lesion: AssessedLesion
    sequence: SeriesRole
    assessment: SequenceAssessment


def find_deciding(lesion: AssessedLesion) -> SequenceAssessment | None:
    """Return the sequence that decided, classified; None where none did."""
    sequence = lesion.assessment.deciding_sequence
    return None if sequence is None else lesion.assessment.sequences.get(sequence)


def _build_answer_columns(
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
            allowed={reason.value: describe_reason(reason, criteria) for reason in Reason},
            of=lambda row: reason(row).value, source=_RULES,
            description="The row of the response rules that gave the category.",
        ),
    )  # fmt: skip


def build_assessment_columns(
    criteria: Criteria, margins_mm: Mapping[str, Decimal | None] | None = None
) -> tuple[Column[AssessedLesion], ...]:
    """Return the columns of the table of assessments.

    Parameters
    ----------
    margins_mm
        Margin of each lesion, by its name; None where it was not worked out: then there is no
        column for it.
    """
    columns: list[Column[AssessedLesion]] = [
        *view_through((LESION_ID, PATIENT_ID), get_lesion),
        *_build_answer_columns(
            lambda lesion: lesion.assessment.category,
            lambda lesion: lesion.assessment.reason,
            criteria,
        ),
        Column(
            name="analysed", label="Analysed", kind=Kind.BOOLEAN, of=is_eligible, required=True,
            description="False where an exclusion of the source paper applies.", source=_RULES,
        ),
        Column(
            name="deciding_sequence", label="Deciding sequence", kind=Kind.CODE,
            allowed=SEQUENCES, familiar=True, source=_RULES,
            of=lambda lesion: lesion.assessment.deciding_sequence
            and lesion.assessment.deciding_sequence.value,
            description="Sequence that the category comes from; empty where none decided. The "
            "columns from baseline_day to regrowth_mm tell how it went.",
        ),
        Column(
            name="discordant", label="Sequences disagree", kind=Kind.BOOLEAN, required=True,
            of=lambda lesion: lesion.assessment.discordant, source=_RULES,
            description="True where another sequence that grew says another category.",
        ),
        Column(
            name="cautions", label="Cautions", kind=Kind.CODES, source=_RULES,
            allowed={
                caution.value: describe_caution(caution, criteria)
                for caution in Caution
                if caution is not Caution.NOISE
            },
            of=lambda lesion: (
                SEVERAL.join(flag.value for flag in lesion.assessment.cautions) or None
            ),
            description="What a reader should know of the call, separated by semicolons. The "
            "caution that needs a simulation, noise, is given by `opp-mri assess`.",
        ),
        *view_through(COURSE_COLUMNS, find_deciding),
        Column(
            name="retreatment_day", label="Local retreatment", kind=Kind.INTEGER,
            unit="days from SSRS", source=_RULES,
            of=lambda lesion: lesion.assessment.retreatment_day,
            description="Day after which no follow-up counts; empty without a retreatment.",
        ),
        *view_through(SINS_COLUMNS, get_lesion),
        Column(
            name="mode", label="Read", kind=Kind.CODE, allowed=MODES, required=True,
            of=lambda lesion: lesion.assessment.mode.value, source="chosen for this cohort",
            description="Whether the rules were applied with hindsight.",
        ),
        Column(
            name="criteria", label="Criteria", of=lambda lesion: lesion.assessment.criteria.name,
            required=True, source="chosen for this cohort",
            description="Name of the parameters of the response rules.",
        ),
    ]  # fmt: skip
    if margins_mm is not None:
        columns.append(_build_margin_column(margins_mm))
    return tuple(columns)


def _build_margin_column(margins_mm: Mapping[str, Decimal | None]) -> Column[AssessedLesion]:
    return Column(
        name="margin_mm", label="Margin", kind=Kind.DECIMAL, unit="mm", source=_RULES,
        of=lambda lesion: margins_mm[lesion.lesion.lesion_id],
        description="Smallest change of one recorded length, in steps of 0.1 mm, that "
        "changes the category; empty where none does.",
    )  # fmt: skip


def build_sequence_columns(criteria: Criteria) -> tuple[Column[SequenceAnswer], ...]:
    """Return the columns of the table of sequences."""
    return (
        Column(
            name="lesion_id", label="Lesion", of=lambda row: row.lesion.lesion.lesion_id,
            required=True, description="The lesion.", source="recorded", identifier=True,
        ),
        Column(
            name="sequence", label="Sequence", kind=Kind.CODE, allowed=SEQUENCES, required=True,
            of=lambda row: row.sequence.value, familiar=True, description="The sequence.",
            source="recorded",
        ),
        *_build_answer_columns(
            lambda row: row.assessment.category, lambda row: row.assessment.reason, criteria
        ),
        Column(
            name="decides", label="Decides", kind=Kind.BOOLEAN, required=True, source=_RULES,
            of=lambda row: row.lesion.assessment.deciding_sequence is row.sequence,
            description="Whether the lesion's category comes from this sequence.",
        ),
        *view_through(COURSE_COLUMNS, lambda row: row.assessment),
    )  # fmt: skip


def build_derived_tables(
    lesions: Iterable[AssessedLesion],
    criteria: Criteria,
    margins_mm: Mapping[str, Decimal | None] | None = None,
) -> tuple[ExportTable, ...]:
    """Return changes, sequences and assessments, lesions in their order.

    Parameters
    ----------
    criteria
        By which the lesions were classified.
    margins_mm
        As for `assessment_columns`.
    """
    members = list(lesions)
    return (
        tabulate(
            CHANGES, "Lengths and changes",
            "One row a length, against its sequence's own baseline.",
            CHANGE_COLUMNS, (change for lesion in members for change in generate_changes(lesion)),
        ),
        tabulate(
            SEQUENCE_ANSWERS, "Sequences", "One row a lesion and measured sequence.",
            build_sequence_columns(criteria), _generate_sequence_answers(members),
        ),
        tabulate(
            ASSESSMENTS, "Assessments", "One row a lesion.",
            build_assessment_columns(criteria, margins_mm), members,
        ),
    )  # fmt: skip


def _generate_sequence_answers(lesions: Iterable[AssessedLesion]) -> Iterator[SequenceAnswer]:
    for lesion in lesions:
        for sequence in SeriesRole:
            if sequence in lesion.assessment.sequences:
                yield SequenceAnswer(lesion, sequence, lesion.assessment.sequences[sequence])
