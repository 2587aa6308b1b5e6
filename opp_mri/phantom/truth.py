"""What is known of a patient: the truth in words for JSON, and the tables that the demo feeds in.

All points are patient LPS in mm, in the frame of reference of their visit. Matrices are 4x4, rigid,
and act on column vectors (x, y, z, 1).
"""

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import FloatArray
from opp_mri.phantom import reader
from opp_mri.phantom.acquisition import find_nearest_plane
from opp_mri.phantom.patient import AcquiredSeries, AcquiredStudy, Patient
from opp_mri.phantom.protocol import MEASURED, SeriesKind
from opp_mri.phantom.seeding import make_generator

TRUTH_VERSION: Final = 1

LESION_COLUMNS: Final = (
    "lesion_id", "patient_id", "level", "sex", "age_years", "ssrs_first_date", "ssrs_last_date",
    "dose_gy", "fractions", "histology", "seed_sop_instance_uid", "seed_frame", "seed_column",
    "seed_row",
)  # fmt: skip
EVENT_COLUMNS: Final = ("lesion_id", "date", "event", "value")
CALIPER_COLUMNS: Final = (
    "lesion_id", "sequence", "reader", "sop_instance_uid", "frame",
    "column_1", "row_1", "column_2", "row_2",
)  # fmt: skip

Cell = str | int | float
Json = dict[str, Any]


@frozen(kw_only=True)
class PatientRecord:
    """The records of a patient that accompany its images.

    Parameters
    ----------
    truth
        For truth.json.
    lesions, events, calipers
        Rows of the tables, in the order of their columns.
    """

    truth: Json
    lesions: tuple[tuple[Cell, ...], ...]
    events: tuple[tuple[Cell, ...], ...]
    calipers: tuple[tuple[Cell, ...], ...]


def record(patient: Patient, studies: tuple[AcquiredStudy, ...]) -> PatientRecord:
    """Describe what is known of a patient and let the simulated reader measure.

    Parameters
    ----------
    patient, studies
        The patient and all its visits; pixels are not looked at.
    """
    case = patient.case
    return PatientRecord(
        truth=_build_patient_truth(patient, studies),
        lesions=(_build_lesion_row(patient, studies[0]),),
        events=tuple(
            (case.lesion_id, patient.compute_date(event.day).isoformat(), event.event, event.value)
            for event in case.events
        ),
        calipers=tuple(
            _build_caliper_row(patient, index, study, series)
            for index, study in enumerate(studies)
            for series in study.series
            if series.kind in MEASURED
        ),
    )


def ends_lps_mm(study: AcquiredStudy, kind: SeriesKind) -> tuple[FloatArray, FloatArray]:
    """Return the anterior and the posterior end of the greatest AP extent on a sequence."""
    shape = study.shapes[kind]
    anterior, posterior = shape.ends_local_mm()
    place = study.posture.place_points
    return place(shape.vertebra, anterior), place(shape.vertebra, posterior)


def compute_ssrs_first_date(patient: Patient) -> date:
    """Return the first day of radiosurgery: fractions are two days apart."""
    return patient.case.ssrs_last_date - timedelta(days=2 * (patient.case.fractions - 1))


def _build_patient_truth(patient: Patient, studies: tuple[AcquiredStudy, ...]) -> Json:
    case = patient.case
    return {
        "patient_id": case.patient_id,
        "lesion_id": case.lesion_id,
        "title": case.title,
        "level": case.level,
        "encoding": case.encoding.value,
        "expected": {
            "mode": "retrospective",
            "criteria": "amini-2016",
            "category": case.category.value,
            "reason": case.reason.value,
            "deciding_sequence": case.deciding_sequence.value,
        },
        "ssrs_first_date": compute_ssrs_first_date(patient).isoformat(),
        "ssrs_last_date": case.ssrs_last_date.isoformat(),
        "visits": [_visit_truth(patient, study, studies[0]) for study in studies],
    }


def _visit_truth(patient: Patient, study: AcquiredStudy, baseline: AcquiredStudy) -> Json:
    motion = study.posture.compute_motion_from(baseline.posture)
    return {
        "study_date": study.study_date.isoformat(),
        "days_from_ssrs": study.visit.day,
        "study_instance_uid": study.study_instance_uid,
        "frame_of_reference_uid": study.frame_of_reference_uid,
        "scanner": study.visit.scanner.manufacturer,
        "sequences": {
            series.kind.value: _build_sequence_truth(study, series)
            for series in study.series
            if series.kind in MEASURED
        },
        "vertebrae": {
            vertebra.level: {
                "visit_from_baseline": _round_values(motion[index]),
                "landmarks_lps_mm": {
                    name: _round_values(study.posture.place_points(index, point))
                    for name, point in vertebra.compute_corners_local_mm().items()
                },
            }
            for index, vertebra in enumerate(patient.spine.vertebrae)
        },
    }


def _build_sequence_truth(study: AcquiredStudy, series: AcquiredSeries) -> Json:
    shape = study.shapes[series.kind]
    centre = study.posture.place_points(shape.vertebra, shape.centre_local_mm)
    sop_instance_uid, frame = series.get_reference(find_nearest_plane(series.planes, centre))
    anterior, posterior = ends_lps_mm(study, series.kind)
    return {
        "series_instance_uid": series.header["SeriesInstanceUID"],
        "ap_mm": shape.ap_mm,
        "anterior_end_lps_mm": _round_values(anterior),
        "posterior_end_lps_mm": _round_values(posterior),
        "centre_lps_mm": _round_values(centre),
        "sop_instance_uid": sop_instance_uid,
        "frame": frame,
    }


def _build_lesion_row(patient: Patient, baseline: AcquiredStudy) -> tuple[Cell, ...]:
    case = patient.case
    series = next(
        series_truth for series_truth in baseline.series if series_truth.kind is SeriesKind.T1
    )
    shape = baseline.shapes[SeriesKind.T1]
    centre = baseline.posture.place_points(shape.vertebra, shape.centre_local_mm)
    index = find_nearest_plane(series.planes, centre)
    x, y, z = (float(value) for value in centre)
    column, row = series.planes[index].pixel_from_lps((x, y, z))
    sop_instance_uid, frame = series.get_reference(index)
    return (
        case.lesion_id, case.patient_id, case.level, case.sex, case.age_years,
        compute_ssrs_first_date(patient).isoformat(), case.ssrs_last_date.isoformat(),
        case.dose_gy, case.fractions, case.histology,
        sop_instance_uid, frame, round(column, 1), round(row, 1),
    )  # fmt: skip


def _build_caliper_row(
    patient: Patient, index: int, study: AcquiredStudy, series: AcquiredSeries
) -> tuple[Cell, ...]:
    hand = make_generator(patient.seed, patient.case.patient_id, index, series.kind, "reader")
    caliper = reader.read_ap(series.planes, ends_lps_mm(study, series.kind), hand)
    sop_instance_uid, frame = series.get_reference(caliper.plane_index)
    return (
        patient.case.lesion_id, series.kind.value, reader.NAME, sop_instance_uid, frame,
        *caliper.start, *caliper.end,
    )  # fmt: skip


def _round_values(values: FloatArray) -> Any:
    """Write numbers to 1e-9: a matrix stays rigid, and a file the same on every machine."""
    return (np.round(values, 9) + 0.0).tolist()
