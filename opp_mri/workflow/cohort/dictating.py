"""The text to dictate of a project's lesion."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opp_mri.cohort.report.dictation import (
    DictatedSequence,
    DictatedVisit,
    Dictation,
    dictate,
)
from opp_mri.cohort.report.dictation import read_shipped_template as read_shipped_template
from opp_mri.domain.assessment import Criteria
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.errors import InputError
from opp_mri.response.cautions import describe_caution
from opp_mri.response.sentences import SHORT_WORDS, describe_reason
from opp_mri.units import format_cc, format_mm, weeks_from_days
from opp_mri.workflow.assessing.respond import ProjectLesion
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.project import SETTINGS_NAME, Project, read_settings

IN_PLACE_OF_LENGTH: Final = {Answer.GONE: "gone", Answer.NOT_MEASURABLE: "not measurable"}


def dictate_lesion(
    project: Project,
    lesion: ProjectLesion,
    *,
    answer: str | None = None,
    drafts: frozenset[str] = frozenset(),
) -> str:
    """Write the text to dictate of a lesion, by the project's template or the shipped one.

    Parameters
    ----------
    answer
        What is said in place of the category, as long as there is none; None for the category.
    drafts
        Ids of readings that no signature covers.

    Raises
    ------
    InputError
        Nothing was measured; this is a blinded package; or the template is wrong.
    """
    if read_blinding(project.store) is not None:
        raise InputError(
            "This is a blinded package: its lengths are not dictated before the blinding is lifted."
        )
    answered_cells = [
        cell
        for cell in lesion.cells
        if cell.reading is not None or cell.measured_volume is not None
    ]
    if not answered_cells:
        raise InputError("Nothing of this lesion is measured, so there is nothing to dictate.")
    facts = Dictation(
        lesion_id=lesion.lesion.lesion_id,
        patient_id=lesion.lesion.patient_id,
        level=lesion.lesion.level,
        ssrs_date=lesion.lesion.ssrs_last_date,
        reader=lesion.reader,
        sequences=_build_sequences(answered_cells, drafts),
        drafts=sum(_is_draft(cell, drafts) for cell in answered_cells),
        **(_build_answer(lesion) if answer is None else {"answer": answer.rstrip(".")}),
    )
    # read again: an author of a template tries it while the window is open
    template_name = read_settings(project.folder / SETTINGS_NAME).dictation_template
    return dictate(facts, project.folder / Path(template_name) if template_name else None)


def name_criteria(criteria: Criteria) -> str:
    """Return the name of criteria as it is spoken: Amini 2016."""
    return criteria.name.replace("-", " ").capitalize()


def _build_answer(lesion: ProjectLesion) -> dict[str, object]:
    assessment = lesion.assessment
    category = SHORT_WORDS[assessment.category]
    return {
        "answer": f"{category} by {name_criteria(assessment.criteria)}",
        "category": category,
        "rule": describe_reason(assessment.reason, assessment.criteria),
        "criteria": assessment.criteria.name,
        "mode": assessment.mode.value,
        "cautions": [describe_caution(caution, assessment.criteria) for caution in lesion.cautions],
        "fragile": lesion.is_fragile,
        "discordant": assessment.discordant,
    }


def _build_sequences(cells: Sequence[Cell], drafts: frozenset[str]) -> list[DictatedSequence]:
    return [
        DictatedSequence(
            name=sequence.value,
            visits=[_build_visit(cell, drafts) for cell in cells if cell.sequence is sequence],
        )
        for sequence in SeriesRole
        if any(cell.sequence is sequence for cell in cells)
    ]


def _build_visit(cell: Cell, drafts: frozenset[str]) -> DictatedVisit:
    reading = cell.reading
    length = "" if reading is None or reading.length_mm is None else format_mm(reading.length_mm)
    words = "" if reading is None else IN_PLACE_OF_LENGTH.get(reading.answer, "")
    remarks = reading.remarks if reading is not None else ()
    if any(remark.startswith(OVERRIDDEN) for remark in remarks):
        words = f"{length} by override"
    measured_volume = cell.measured_volume
    volume = "" if measured_volume is None else f"volume {format_cc(measured_volume.volume_cc)}"
    return DictatedVisit(
        date=cell.study_date,
        days=cell.days_from_ssrs,
        weeks=round(weeks_from_days(cell.days_from_ssrs), 1),
        mm=length.removesuffix(" mm"),
        size=", ".join(part for part in (words or length, volume) if part),
        cc=volume.removeprefix("volume ").removesuffix(" cc"),
        draft=_is_draft(cell, drafts),
    )


def _is_draft(cell: Cell, drafts: frozenset[str]) -> bool:
    return any(
        answer is not None and answer.reading_id in drafts
        for answer in (cell.reading, cell.contours)
    )
