"""What is shown of volumes, lesions and timelines to other programs: plain JSON objects.

Lengths are JSON numbers in mm, with the digits that were recorded.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from opp_mri.domain.imaging import SeriesRole, Usability, VolumeDescription
from opp_mri.domain.measurement import Lesion, Reading
from opp_mri.units import number, weeks_from_days
from opp_mri.workflow.catalogue.patients import LikelyMatch, Patient, TimePoint
from opp_mri.workflow.measuring.timeline import Cell, LesionTimeline

Record = dict[str, Any]


def volume_record(volume: VolumeDescription, *, frames: bool = False) -> Record:
    """Give what `opp-mri series --json` shows of a volume, with each frame where wanted."""
    instance = volume.instance
    record: Record = {
        "volume_id": volume.volume_id,
        "patient_id": volume.patient_id,
        "study_date": volume.study_date.isoformat() if volume.study_date else None,
        "study_instance_uid": volume.study_instance_uid,
        "series_instance_uid": volume.series_instance_uid,
        "series_number": instance.series_number,
        "series_description": instance.series_description,
        "plane": volume.plane.value if volume.plane else None,
        "role": volume.role.value if volume.role else None,
        "role_overridden": volume.role_overridden,
        "selected": volume.selected,
        "station": volume.station,
        "evidence": list(volume.evidence),
        "instances": len({frame.sop_instance_uid for frame in volume.frames}),
        "frames": len(volume.frames),
        "rows": instance.rows,
        "columns": instance.columns,
        "pixel_spacing_mm": list(volume.pixel_spacing_mm) if volume.pixel_spacing_mm else None,
        "slice_spacing_mm": volume.slice_spacing_mm,
        "frame_of_reference_uid": instance.frame_of_reference_uid,
        "usable": volume.usability is not Usability.NOTHING,
        "usable_for": volume.usability.value,
        "refusal": volume.refusal,
        "duplicate_of": volume.duplicate_of,
    }
    if frames:
        record["frame_references"] = [
            {"sop_instance_uid": frame.sop_instance_uid, "frame": frame.frame_number}
            for frame in volume.frames
        ]
    return record


def patients_record(
    seen: Sequence[tuple[Patient, Sequence[TimePoint]]], matches: Sequence[LikelyMatch]
) -> Record:
    """Give what `opp-mri patients --json` shows: time points, and matches that are proposed."""
    return {
        "patients": [
            {
                "patient_id": patient.patient_id,
                "patient_ids": list(patient.patient_ids),
                "time_points": [
                    {
                        "study_date": _iso(point.study_date),
                        "study_instance_uids": list(point.study_instance_uids),
                        "copied_study_instance_uids": list(point.copied_study_instance_uids),
                        "roles": {
                            role.value: [volume.volume_id for volume in point.chosen(role)]
                            for role in SeriesRole
                            if point.chosen(role)
                        },
                    }
                    for point in points
                ],
            }
            for patient, points in seen
        ],
        "likely_matches": [
            {"patient_ids": list(match.patient_ids), "reasons": list(match.reasons)}
            for match in matches
        ],
    }


def lesion_record(lesion: Lesion) -> Record:
    """Give what `opp-mri lesion list --json` shows of a lesion."""
    return {
        "lesion_id": lesion.lesion_id,
        "tracking_uid": lesion.tracking_uid,
        "patient_id": lesion.patient_id,
        "level": lesion.level,
        "ssrs_first_date": lesion.ssrs_first_date.isoformat(),
        "ssrs_last_date": lesion.ssrs_last_date.isoformat(),
        "dose_gy": number(lesion.dose_gy),
        "fractions": lesion.fractions,
        "histology": lesion.histology,
        "sex": lesion.sex,
        "age_years": lesion.age_years,
        "birth_year": lesion.birth_year,
        "exclusions": [exclusion.value for exclusion in lesion.exclusions],
        "events": [
            {"date": event.date.isoformat(), "event": event.kind.value, "value": event.value}
            for event in lesion.events
        ],
        "last_contact_date": _iso(lesion.last_contact_date),
        "death_date": _iso(lesion.death_date),
        "seed": None
        if lesion.seed is None
        else {
            "sop_instance_uid": lesion.seed.sop_instance_uid,
            "frame": lesion.seed.frame_number,
            "column": lesion.seed.column,
            "row": lesion.seed.row,
        },
    }


def reading_record(reading: Reading, *, counts: bool = True) -> Record:
    """Give what `opp-mri measure --json` shows of a reading; an unsigned draft does not count."""
    caliper = reading.caliper
    return {
        "reading_id": reading.reading_id,
        "lesion_id": reading.lesion_id,
        "sequence": reading.sequence.value,
        "reader": reading.reader,
        "study_date": reading.study_date.isoformat(),
        "answer": reading.answer.value,
        "length_mm": number(reading.length_mm),
        "length_source": reading.length_source.value if reading.length_source else None,
        "sop_instance_uid": caliper.sop_instance_uid if caliper else None,
        "frame": caliper.frame_number if caliper else None,
        "points": [list(caliper.start), list(caliper.end)] if caliper else None,
        "points_lps_mm": [list(caliper.start_lps_mm), list(caliper.end_lps_mm)]
        if caliper
        else None,
        "reason": reading.reason,
        "remarks": list(reading.remarks),
        "counts": counts,
        "amendment_reason": reading.amendment_reason,
        "recorded_at": reading.recorded_at.isoformat(),
    }


def timeline_record(timeline: LesionTimeline) -> Record:
    """Give what `opp-mri timeline --json` shows of a lesion."""
    return {
        **lesion_record(timeline.lesion),
        "reader": timeline.reader,
        "time_points": [_cell_record(cell) for cell in timeline.cells],
        "flags": list(timeline.flags),
    }


def _cell_record(cell: Cell) -> Record:
    reading = cell.reading
    return {
        "study_date": cell.study_date.isoformat(),
        "days_from_ssrs": cell.days_from_ssrs,
        "weeks_from_ssrs": round(weeks_from_days(cell.days_from_ssrs), 1),
        "phase": cell.phase.value,
        "sequence": cell.sequence.value,
        "status": cell.status.value,
        "ap_mm": number(reading.length_mm) if reading else None,
        "length_source": reading.length_source.value if reading and reading.length_source else None,
        "volume_id": cell.volume.volume_id if cell.volume else None,
        "sop_instance_uid": reading.caliper.sop_instance_uid
        if reading and reading.caliper
        else None,
        "flags": list(cell.flags),
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
