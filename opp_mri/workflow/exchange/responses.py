"""The response report of each lesion: the category with the rule that gave it."""

from collections.abc import Sequence

from attrs import frozen

from opp_mri.dicom.sr.report import ReportedImage, ResponseReport
from opp_mri.domain.assessment import Rules
from opp_mri.domain.measurement import Lesion
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.lack import describe_lacks
from opp_mri.store.protocol import Store
from opp_mri.workflow.assessing.respond import assess_lesion
from opp_mri.workflow.double_read.repeatability import estimate_measurement_error
from opp_mri.workflow.exchange.report_plan import ImageReferences
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.timeline import LesionTimeline, build_lesion_timeline


@frozen(kw_only=True)
class ResponsePlan:
    """Response reports that are to be written, and lesions that have none, in sentences."""

    reports: tuple[ResponseReport, ...]
    left_out: tuple[str, ...]


def plan_responses(
    store: Store, rules: Rules, *, lesion_ids: Sequence[str] = (), reader: str | None = None
) -> ResponsePlan:
    """Assess some lesions, or all, for a report each.

    Parameters
    ----------
    reader
        Whose readings count; None for the consensus, or the only reader of a lesion.

    Raises
    ------
    ProjectError
        The reader reads blind, and the blinding is not lifted.
    UnknownError
        There is no such lesion.
    """
    lesions = select_lesions(store, lesion_ids)
    error = estimate_measurement_error(store)
    images = ImageReferences(store)
    reports, left_out = [], []
    for lesion in lesions:
        try:
            timeline = build_lesion_timeline(store, lesion, reader=reader)
        except InputError as problem:
            left_out.append(f"{lesion.lesion_id} has no response report. {problem}")
            continue
        check_shown(store, [timeline.reader])
        assessed_lesion = assess_lesion(timeline, rules, error=error)
        if not assessed_lesion.is_measured:
            lacks = describe_lacks([timeline.timeline], rules.criteria)
            left_out.append(" ".join((f"{lesion.lesion_id} has no response report.", *lacks)))
        elif report := _report(lesion, timeline, assessed_lesion, images):
            reports.append(report)
    return ResponsePlan(reports=tuple(reports), left_out=tuple(left_out))


def _report(
    lesion: Lesion,
    timeline: LesionTimeline,
    assessed_lesion: AssessedLesion,
    images: ImageReferences,
) -> ResponseReport | None:
    """Return the report in the latest study with an image, or None where no study has one."""
    cell_images = [(cell, image) for cell in timeline.cells if (image := _find_image(cell, images))]
    if not cell_images:
        return None
    latest = cell_images[-1][0]
    if latest.volume is None:
        raise ValueError("a cell with an image has a volume")
    study_uid = latest.volume.study_instance_uid
    assessment = assessed_lesion.assessment
    return ResponseReport(
        study_instance_uid=study_uid,
        reader=timeline.reader,
        lesion_id=lesion.lesion_id,
        lesion_uid=lesion.tracking_uid,
        level=lesion.level,
        category=assessment.category,
        rule=assessment.reason,
        deciding_sequence=assessment.deciding_sequence,
        discordant=assessment.discordant,
        mode=assessment.mode,
        criteria=assessment.criteria.name,
        cautions=assessed_lesion.cautions,
        sentences=assessed_lesion.sentences,
        study_date=latest.study_date,
        last_day=latest.days_from_ssrs,
        images=tuple(
            dict.fromkeys(
                image
                for cell, image in cell_images
                if cell.volume and cell.volume.study_instance_uid == study_uid
            )
        ),
        recorded_at=max(
            answer.recorded_at
            for cell in timeline.cells
            for answer in (cell.reading, cell.contours)
            if answer is not None
        ),
    )


def _find_image(cell: Cell, images: ImageReferences) -> ReportedImage | None:
    if cell.volume is None:
        return None
    if cell.reading is None:
        if cell.contours is None:
            return None
        contour = cell.contours.contours[len(cell.contours.contours) // 2]
        return images.get_image(contour.sop_instance_uid, contour.frame_number)
    caliper = cell.reading.caliper
    if caliper is None:
        return images.get_middle(cell.volume)
    return images.get_image(caliper.sop_instance_uid, caliper.frame_number)
