"""Records as `--json` shows them: lengths as numbers in mm with the digits that were recorded.

`unstructure` follows the declaration of each record; only what is named or placed otherwise in
JSON is written here.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from opp_mri.domain.contour import MeasuredVolume, VolumeReading
from opp_mri.domain.imaging import SeriesRole, Usability, VolumeDescription
from opp_mri.domain.measurement import Caliper, LesionEvent, Reading, SeedPoint
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.units import weeks_from_days
from opp_mri.workflow.catalogue.patients import LikelyMatch, Patient, TimePoint
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.timeline import LesionTimeline

Json = dict[str, Any]


def unstructure(value: Any) -> Any:
    """Return a record, or a sequence of records, as JSON knows it."""
    return _CONVERTER.unstructure(value)


def build_reading_json(reading: Reading, *, counts: bool) -> Json:
    """Return a reading; an unsigned draft does not count."""
    names = "reading_id lesion_id sequence reader study_date answer length_mm length_source"
    return {
        **_build_named(reading, *names.split()),
        **_build_caliper(reading.caliper),
        **_build_named(reading, "reason", "remarks"),
        "counts": counts,
        **_build_named(reading, "amendment_reason"),
        "origin": unstructure(reading.line_origin),
        **_build_named(reading, "proposed", "recorded_at"),
    }


def build_contours_json(
    reading: VolumeReading, volume: MeasuredVolume | None, *, counts: bool
) -> Json:
    """Return the contours of a cell, and the volume within them; a draft does not count."""
    names = "reading_id lesion_id sequence reader study_date"
    return {
        **_build_named(reading, *names.split()),
        **_build_volume(volume),
        "contours": len(reading.contours),
        **({"reference_level": reading.reference.level} if reading.reference else {}),
        "counts": counts,
        **_build_named(reading, "amendment_reason", "recorded_at"),
    }


def build_volume_json(volume: VolumeDescription, *, frames: bool) -> Json:
    """Return a volume, with a reference to each of its frames where asked for."""
    instance = volume.instance
    record = {
        **_build_named(volume, "volume_id", "patient_id", "study_date", "study_instance_uid"),
        **_build_named(volume, "series_instance_uid"),
        **_build_named(instance, "series_number", "series_description"),
        **_build_named(volume, "plane", "role", "role_certainty", "role_overridden"),
        **_build_named(volume, "selected", "choice_in_doubt", "station", "evidence"),
        "instances": len({frame.sop_instance_uid for frame in volume.frames}),
        "frames": len(volume.frames),
        **_build_named(instance, "rows", "columns"),
        **_build_named(volume, "pixel_spacing_mm", "slice_spacing_mm"),
        **_build_named(instance, "frame_of_reference_uid"),
        "usable": volume.usability is not Usability.NOTHING,
        "usable_for": volume.usability.value,
        **_build_named(volume, "refusal", "duplicate_of"),
    }
    if frames:
        record["frame_references"] = [
            {
                "sop_instance_uid": get_uid_in_file(frame.sop_instance_uid),
                "frame": frame.frame_number,
            }
            for frame in volume.frames
        ]
    return record


def build_patients_json(
    patients: Sequence[tuple[Patient, Sequence[TimePoint]]], matches: Sequence[LikelyMatch]
) -> Json:
    """Return patients with their time points, and the matches that are proposed."""
    return {
        "patients": [
            {**unstructure(patient), "time_points": unstructure(points)}
            for patient, points in patients
        ],
        "likely_matches": unstructure(matches),
    }


def _build_named(record: object, *names: str) -> Json:
    return {name: unstructure(getattr(record, name)) for name in names}


def _build_caliper(caliper: Caliper | None) -> Json:
    if caliper is None:
        names = ("sop_instance_uid", "frame", "points", "points_lps_mm")
        return dict.fromkeys(names)
    return {
        "sop_instance_uid": get_uid_in_file(caliper.sop_instance_uid),
        "frame": caliper.frame_number,
        "points": [list(caliper.start), list(caliper.end)],
        "points_lps_mm": [list(caliper.start_lps_mm), list(caliper.end_lps_mm)],
    }


def _build_time_point(point: TimePoint) -> Json:
    roles = {role.value: [v.volume_id for v in point.get_chosen(role)] for role in SeriesRole}
    return {
        **_build_named(point, "study_date", "study_instance_uids", "copied_study_instance_uids"),
        "roles": {role: volume_ids for role, volume_ids in roles.items() if volume_ids},
    }


def _build_timeline(timeline: LesionTimeline) -> Json:
    return {
        **unstructure(timeline.lesion),
        "reader": timeline.reader,
        "time_points": unstructure(timeline.cells),
        "flags": list(timeline.flags),
        "visits": unstructure(timeline.visits),
    }


def _build_cell(cell: Cell) -> Json:
    reading = cell.reading
    caliper = reading.caliper if reading else None
    return {
        **_build_named(cell, "study_date", "days_from_ssrs"),
        "weeks_from_ssrs": round(weeks_from_days(cell.days_from_ssrs), 1),
        **_build_named(cell, "phase", "sequence", "status"),
        "ap_mm": unstructure(reading.length_mm) if reading else None,
        "length_source": unstructure(reading.length_source) if reading else None,
        "volume_id": cell.volume.volume_id if cell.volume else None,
        "sop_instance_uid": get_uid_in_file(caliper.sop_instance_uid) if caliper else None,
        "flags": list(cell.flags),
        **_build_volume(cell.measured_volume),
    }


def _build_volume(volume: MeasuredVolume | None) -> Json:
    if volume is None:
        return dict.fromkeys(("volume_cc", "volume_standard_error_cc", "contours"))
    return {
        "volume_cc": unstructure(volume.volume_cc),
        "volume_standard_error_cc": volume.standard_error_cc,
        "contours": volume.drawn,
    }


def _build_converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})
    converter.register_unstructure_hook(Decimal, float)
    converter.register_unstructure_hook(date, lambda day: day.isoformat())  # of a time too
    seed = make_dict_unstructure_fn(
        SeedPoint,
        converter,
        sop_instance_uid=override(unstruct_hook=get_uid_in_file),
        frame_number=override(rename="frame"),
    )
    event = make_dict_unstructure_fn(LesionEvent, converter, kind=override(rename="event"))
    converter.register_unstructure_hook(SeedPoint, seed)
    converter.register_unstructure_hook(LesionEvent, event)
    for record, shape in (
        (TimePoint, _build_time_point),
        (LesionTimeline, _build_timeline),
        (Cell, _build_cell),
    ):
        converter.register_unstructure_hook(record, shape)
    return converter


_CONVERTER: Final = _build_converter()
