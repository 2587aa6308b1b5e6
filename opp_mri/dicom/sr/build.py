"""Measurement reports as DICOM data sets: Comprehensive SR, TID 1500 > 1501 > 300.

The order of the items in a group is what viewers need: the adapters of OHIF take the first number
of a group for its length, so the day of the time point, a number too, comes after it.
"""

from collections.abc import Iterable
from typing import Final

import highdicom.sr as hd
import numpy as np
from highdicom.sr import RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.valuerep import DT

from opp_mri.dicom.objects.modules import convert_to_person_name
from opp_mri.dicom.sr.concepts import (
    AMENDMENT,
    ANSWER,
    ANSWER_REASON,
    ANSWERS,
    AP_CALIPER,
    CALIPER_ENDS,
    COMMENT,
    CONTOURS,
    CUBIC_CENTIMETRE,
    DAY,
    LENGTH_SOURCE,
    LENGTH_SOURCES,
    LENGTHS,
    LESION,
    LESION_ID,
    MEASUREMENT_REPORT,
    METHOD,
    MILLIMETRE,
    ORIGIN,
    ORIGINS,
    PERFORMING,
    PROCEDURE,
    READER,
    REMARK,
    SEQUENCE,
    SEQUENCES,
    SSRS_COMPLETION,
    STUDY_DAY,
    VERIFYING,
    VOLUME,
    LengthCode,
    build_vertebra_code,
)
from opp_mri.dicom.sr.report import (
    MeasurementReport,
    ReportedAnswer,
    ReportedImage,
    ReportedVolume,
    derive_tracking_uid,
    derive_volume_tracking_uid,
)
from opp_mri.domain.timeline import Origin
from opp_mri.units import format_cc, format_count, format_mm

CORNERSTONE_LENGTH: Final = "Cornerstone3DTools@^0.1.0:Length"
"""With it a Tracking Identifier begins that OHIF turns into a length."""

PIXEL_CORNER: Final = 0.5  # SCOORD counts from the corner of the first pixel, we from its centre


def build_measurement_content(report: MeasurementReport) -> Dataset:
    """Build the root container of a measurement report (TID 1500)."""
    content = hd.MeasurementReport(
        observation_context=_build_observation_context(report),
        procedure_reported=PROCEDURE,
        imaging_measurements=[
            *(_group(answer, report) for answer in report.answers),
            *(_build_volume_group(volume, report) for volume in report.volumes),
        ],
        title=MEASUREMENT_REPORT,
    )
    root: Dataset = content[0]
    return root


def _build_observation_context(report: MeasurementReport) -> hd.ObservationContext:
    role = VERIFYING if report.verifiers else PERFORMING
    contexts = [build_observer_context(name, role) for name in report.observers]
    context = hd.ObservationContext(observer_person_context=contexts[0])
    for further in contexts[1:]:
        context.extend(further)
    return context


def build_observer_context(name: str, role: object) -> hd.ObserverContext:
    """Return the observer context of a person in a role; the name is also there as written."""
    return hd.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=hd.PersonObserverIdentifyingAttributes(
            name=convert_to_person_name(name),
            login_name=name,
            role_in_procedure=role,  # type: ignore[arg-type]  # a Code
        ),
    )


def _group(
    answer: ReportedAnswer, report: MeasurementReport
) -> hd.MeasurementsAndQualitativeEvaluations:
    name = f"{answer.lesion_id}-{answer.sequence.value}"
    identifier = f"{CORNERSTONE_LENGTH}:{name}" if answer.ends else f"opp_mri:{name}"
    group = hd.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.TrackingIdentifier(
            uid=derive_tracking_uid(answer.lesion_uid, answer.sequence), identifier=identifier
        ),
        finding_type=LESION,
        method=AP_CALIPER,
        finding_sites=[hd.FindingSite(build_vertebra_code(answer.level))],
        measurements=[]
        if answer.length_mm is None
        else [_build_measurement(answer, report.length_code)],
        qualitative_evaluations=_build_evaluations(answer),
        source_images=None if answer.ends else [_build_source(image) for image in answer.images],
    )
    content = group[0].ContentSequence
    (method,) = content.find(METHOD)
    method.RelationshipType = RelationshipTypeValues.HAS_CONCEPT_MOD.value  # as TID 1501 asks
    content.extend(_build_texts(answer, report.reader))
    content.extend(_build_time_point(answer))
    group[0].ObservationDateTime = DT(answer.recorded_at.replace(microsecond=0))
    return group


def _build_volume_group(
    volume: ReportedVolume, report: MeasurementReport
) -> hd.MeasurementsAndQualitativeEvaluations:
    """Build the group of a volume (TID 1501 > 300): its name makes no viewer take it for a line."""
    group = hd.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.TrackingIdentifier(
            uid=derive_volume_tracking_uid(volume.lesion_uid, volume.sequence),
            identifier=f"opp_mri:{volume.lesion_id}-{volume.sequence.value}-volume",
        ),
        finding_type=LESION,
        method=CONTOURS,
        finding_sites=[hd.FindingSite(build_vertebra_code(volume.level))],
        measurements=[
            hd.Measurement(name=VOLUME, value=float(volume.volume_cc), unit=CUBIC_CENTIMETRE)
        ],
        qualitative_evaluations=[
            hd.QualitativeEvaluation(name=SEQUENCE, value=SEQUENCES[volume.sequence])
        ],
        source_images=[_build_source(image) for image in volume.images],
    )
    content = group[0].ContentSequence
    (method,) = content.find(METHOD)
    method.RelationshipType = RelationshipTypeValues.HAS_CONCEPT_MOD.value  # as TID 1501 asks
    words = format_cc(volume.volume_cc, volume.standard_error_cc)
    texts = [
        (COMMENT, f"{volume.lesion_id} {volume.sequence.value} volume {words}"),
        (READER, report.reader),
        (LESION_ID, volume.lesion_id),
        (STUDY_DAY, volume.study_date.isoformat()),
        (REMARK, format_count(volume.contours, "contour")),
    ]
    texts += [(AMENDMENT, volume.amendment_reason)] if volume.amendment_reason else []
    content.extend(_build_text_items(texts))
    content.extend(_build_time_point(volume))
    group[0].ObservationDateTime = DT(volume.recorded_at.replace(microsecond=0))
    return group


def _build_measurement(answer: ReportedAnswer, length_code: LengthCode) -> hd.Measurement:
    if answer.length_mm is None:
        raise ValueError("an answer without a length has no measurement")
    coordinates = None
    if answer.ends is not None:
        (image,) = answer.images
        coordinates = [
            hd.CoordinatesForMeasurement(
                graphic_type=hd.GraphicTypeValues.POLYLINE,
                graphic_data=np.asarray(answer.ends, dtype=np.float64) + PIXEL_CORNER,
                source_image=hd.SourceImageForRegion(
                    image.sop_class_uid, image.sop_instance_uid, _list_frames(image)
                ),
            )
        ]
    return hd.Measurement(
        name=LENGTHS[length_code],
        value=float(answer.length_mm),
        unit=MILLIMETRE,
        referenced_coordinates=coordinates,
    )


def _build_source(image: ReportedImage) -> hd.SourceImageForMeasurementGroup:
    return hd.SourceImageForMeasurementGroup(
        image.sop_class_uid, image.sop_instance_uid, _list_frames(image)
    )


def _list_frames(image: ReportedImage) -> list[int] | None:
    return None if image.frame_number is None else [image.frame_number]


def _build_evaluations(answer: ReportedAnswer) -> list[hd.QualitativeEvaluation]:
    pairs = [(SEQUENCE, SEQUENCES[answer.sequence]), (ANSWER, ANSWERS[answer.answer])]
    if answer.length_source is not None:
        pairs.append((LENGTH_SOURCE, LENGTH_SOURCES[answer.length_source]))
    if answer.origin is not Origin.DRAWN:
        pairs.append((ORIGIN, ORIGINS[answer.origin]))
    return [hd.QualitativeEvaluation(name=name, value=value) for name, value in pairs]


def _build_texts(answer: ReportedAnswer, reader: str) -> list[hd.TextContentItem]:
    """Return what a person reads, and what makes the report come back exactly as it was."""
    length = "" if answer.length_mm is None else f" {format_mm(answer.length_mm)}"
    texts = [
        (COMMENT, f"{answer.lesion_id} {answer.sequence.value}{length}"),
        (READER, reader),
        (LESION_ID, answer.lesion_id),
        (STUDY_DAY, answer.study_date.isoformat()),
    ]
    if answer.ends is not None:
        numbers = [repr(float(number)) for point in answer.ends for number in point]
        texts.append((CALIPER_ENDS, " ".join(numbers)))
    texts += [(ANSWER_REASON, answer.reason)] if answer.reason else []
    texts += [(REMARK, remark) for remark in answer.remarks]
    texts += [(AMENDMENT, answer.amendment_reason)] if answer.amendment_reason else []
    return _build_text_items(texts)


def _build_text_items(texts: Iterable[tuple[Code, str]]) -> list[hd.TextContentItem]:
    return [
        hd.TextContentItem(name=name, value=text, relationship_type=RelationshipTypeValues.CONTAINS)
        for name, text in texts
    ]


def _build_time_point(answer: ReportedAnswer | ReportedVolume) -> hd.TimePointContext:
    return hd.TimePointContext(
        time_point=f"{answer.days_from_ssrs} days from completion of radiosurgery",
        temporal_offset_from_event=hd.LongitudinalTemporalOffsetFromEvent(
            value=answer.days_from_ssrs, unit=DAY, event_type=SSRS_COMPLETION
        ),
    )
