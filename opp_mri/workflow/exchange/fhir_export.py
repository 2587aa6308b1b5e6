"""An assessed lesion as a FHIR R5 bundle: a diagnostic report with its observations."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from attrs import frozen

from opp_mri.dicom.sr.concepts import (
    AP_CALIPER,
    CATEGORIES,
    CONTOURS,
    CURRENT_RESPONSE,
    DECIDING_SEQUENCE,
    LENGTHS,
    RESPONSE_REPORT,
    RULE,
    SEQUENCE,
    SEQUENCES,
    SSRS_COMPLETION,
    VOLUME,
    LengthCode,
    build_rule_code,
    build_vertebra_code,
)
from opp_mri.domain.assessment import Rules
from opp_mri.domain.contour import MeasuredVolume, VolumeReading
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.domain.visible_text import make_visible
from opp_mri.errors import InputError
from opp_mri.files import write_bytes
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.lack import describe_lacks
from opp_mri.store.protocol import Store
from opp_mri.units import format_cc, round_to_recorded_cc
from opp_mri.workflow.assessing.respond import assess_lesion
from opp_mri.workflow.double_read.repeatability import estimate_measurement_error
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.timeline import LesionTimeline, build_lesion_timeline

SYSTEMS: Final = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
    "99OPPMRI": "urn:opp-mri:99OPPMRI",
}
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"

Json = dict[str, Any]


@frozen(kw_only=True)
class FhirSummary:
    """Result of an export.

    Parameters
    ----------
    paths
        A bundle for each lesion.
    left_out
        Lesions without one, in sentences.
    """

    paths: tuple[Path, ...]
    left_out: tuple[str, ...]


def export_bundles(
    store: Store,
    folder: Path,
    rules: Rules,
    at: datetime,
    *,
    lesion_ids: Sequence[str] = (),
    reader: str | None = None,
) -> FhirSummary:
    """Write a bundle for each assessed lesion.

    Parameters
    ----------
    folder
        Where the files go; it is created.
    at
        When they are written.
    lesion_ids
        Of these lesions; of all where it is empty.
    reader
        Whose readings count; None for the consensus, or the only reader of a lesion.

    Raises
    ------
    ProjectError
        The reader reads blind, and the blinding is not lifted.
    UnknownError
        There is no such lesion.
    InputError
        A file cannot be written.
    """
    lesions = select_lesions(store, lesion_ids)
    error = estimate_measurement_error(store)
    folder.mkdir(parents=True, exist_ok=True)
    paths, left_out = [], []
    for lesion in lesions:
        try:
            timeline = build_lesion_timeline(store, lesion, reader=reader)
        except InputError as problem:
            left_out.append(f"{lesion.lesion_id} has no bundle. {problem}")
            continue
        check_shown(store, [timeline.reader])
        assessed_lesion = assess_lesion(timeline, rules, error=error)
        if not assessed_lesion.is_measured:
            lacks = describe_lacks([timeline.timeline], rules.criteria)
            left_out.append(" ".join((f"{lesion.lesion_id} has no bundle.", *lacks)))
            continue
        bundle = build_bundle(timeline, assessed_lesion, at)
        name = f"{uuid5(NAMESPACE_OID, lesion.tracking_uid)}.json"
        paths.append(folder / name)
        content = make_visible(json.dumps(bundle, indent=1, ensure_ascii=False)) + "\n"
        write_bytes(folder / name, content.encode())
    return FhirSummary(paths=tuple(paths), left_out=tuple(left_out))


def build_bundle(timeline: LesionTimeline, assessed_lesion: AssessedLesion, at: datetime) -> Json:
    """Return the bundle of a lesion: report first, then response, then each answer."""
    lesion = timeline.lesion
    observations = [
        _build_length(lesion, cell, cell.reading)
        for cell in timeline.cells
        if cell.reading is not None
    ]
    observations += [
        _build_volume(lesion, cell, cell.contours, cell.measured_volume)
        for cell in timeline.cells
        if cell.contours is not None and cell.measured_volume is not None
    ]
    response = _build_response(timeline, assessed_lesion)
    results = [response, *observations]
    report = {
        "resourceType": "DiagnosticReport",
        "status": _determine_status(timeline.reader),
        "code": _build_concept(RESPONSE_REPORT),
        "subject": _build_subject(lesion),
        "effectiveDateTime": _find_last_date(timeline),
        "issued": at.isoformat(timespec="seconds"),
        "performer": [{"display": timeline.reader}],
        "identifier": [_build_uid(lesion.tracking_uid)],
        "result": [{"reference": _build_url(resource)} for resource in results],
        "conclusion": " ".join(assessed_lesion.sentences),
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": at.isoformat(timespec="seconds"),
        "entry": [
            {"fullUrl": _build_url(resource), "resource": resource}
            for resource in (report, *results)
        ],
    }


def _build_length(lesion: Lesion, cell: Cell, reading: Reading) -> Json:
    """Return the observation of one answer: a length, 0 mm, or none with the reason."""
    observation: Json = {
        **_build_observation(lesion, reading.reader, cell.study_date.isoformat()),
        "identifier": [{"system": "urn:opp-mri:reading", "value": reading.reading_id}],
        "code": _build_concept(LENGTHS[LengthCode.SCT]),
        "method": _build_concept(AP_CALIPER),
        **_build_place(cell),
    }
    if reading.answer is Answer.NOT_MEASURABLE or reading.length_mm is None:
        code = {"system": ABSENT, "code": "not-performed", "display": "Not Performed"}
        observation["dataAbsentReason"] = {"coding": [code], "text": "Not measurable"}
    else:
        observation["valueQuantity"] = _build_quantity(float(reading.length_mm), "mm", "mm")
    if reading.reason:
        observation["note"] = [{"text": reading.reason}]
    return observation


def _build_volume(
    lesion: Lesion, cell: Cell, contours: VolumeReading, volume: MeasuredVolume
) -> Json:
    """Return the observation of the volume within contours."""
    observation: Json = {
        **_build_observation(lesion, contours.reader, cell.study_date.isoformat()),
        "identifier": [{"system": "urn:opp-mri:reading", "value": contours.reading_id}],
        "code": _build_concept(VOLUME),
        "method": _build_concept(CONTOURS),
        **_build_place(cell),
        "valueQuantity": _build_quantity(float(volume.volume_cc), "cc", "cm3"),
    }
    if volume.standard_error_cc is not None:
        error = round_to_recorded_cc(volume.standard_error_cc)
        observation["note"] = [{"text": f"Standard error {format_cc(error)}."}]
    return observation


def _build_place(cell: Cell) -> Json:
    """Return what an observation states of its cell: sequence, day, and the study of its images."""
    place: Json = {
        "component": [
            {
                "code": _build_concept(SEQUENCE),
                "valueCodeableConcept": _build_concept(SEQUENCES[cell.sequence]),
            },
            {
                "code": _build_concept(SSRS_COMPLETION),
                "valueQuantity": _build_quantity(cell.days_from_ssrs, "day", "d"),
            },
        ],
    }
    if cell.volume is not None:
        study = _build_uid(cell.volume.study_instance_uid)
        place["derivedFrom"] = [{"type": "ImagingStudy", "identifier": study}]
    return place


def _build_response(timeline: LesionTimeline, assessed_lesion: AssessedLesion) -> Json:
    assessment = assessed_lesion.assessment
    deciding_sequence = assessment.deciding_sequence
    components = [
        {
            "code": _build_concept(RULE),
            "valueCodeableConcept": _build_concept(build_rule_code(assessment.reason)),
        }
    ]
    if deciding_sequence is not None:
        components.append(
            {
                "code": _build_concept(DECIDING_SEQUENCE),
                "valueCodeableConcept": _build_concept(SEQUENCES[deciding_sequence]),
            }
        )
    return {
        **_build_observation(timeline.lesion, timeline.reader, _find_last_date(timeline)),
        "identifier": [
            {
                "system": "urn:opp-mri:response",
                "value": f"{timeline.lesion.tracking_uid}/{timeline.reader}",
            }
        ],
        "code": _build_concept(CURRENT_RESPONSE),
        "valueCodeableConcept": _build_concept(CATEGORIES[assessment.category]),
        "method": {"text": f"{assessment.criteria.name}, {assessment.mode.value}"},
        "note": [{"text": sentence} for sentence in assessed_lesion.sentences],
        "component": components,
    }


def _build_observation(lesion: Lesion, reader: str, day: str) -> Json:
    category = {"system": CATEGORY, "code": "imaging", "display": "Imaging"}
    return {
        "resourceType": "Observation",
        "status": _determine_status(reader),
        "category": [{"coding": [category]}],
        "subject": _build_subject(lesion),
        "effectiveDateTime": day,
        "performer": [{"display": reader}],
        "bodySite": _build_concept(build_vertebra_code(lesion.level)),
    }


def _determine_status(reader: str) -> str:
    """Only the consensus is final: an independent read is not verified."""
    return "final" if reader == CONSENSUS else "preliminary"


def _find_last_date(timeline: LesionTimeline) -> str:
    dates = [
        cell.study_date
        for cell in timeline.cells
        if cell.reading is not None or cell.measured_volume is not None
    ]
    return max(dates).isoformat()


def _build_subject(lesion: Lesion) -> Json:
    return {"type": "Patient", "identifier": {"value": lesion.patient_id}}


def _build_uid(uid: str) -> Json:
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}


def _build_quantity(value: float, unit: str, code: str) -> Json:
    return {"value": value, "unit": unit, "system": SYSTEMS["UCUM"], "code": code}


def _build_concept(code: Any) -> Json:
    coding = {
        "system": SYSTEMS[code.scheme_designator],
        "code": code.value,
        "display": code.meaning,
    }
    return {"coding": [coding], "text": code.meaning}


def _build_url(resource: Json) -> str:
    """Return the address of a resource in its bundle, the same at each export."""
    identifier = resource["identifier"][0]
    key = f"{resource['resourceType']}|{identifier['system']}|{identifier['value']}"
    return f"urn:uuid:{uuid5(NAMESPACE_OID, key)}"
