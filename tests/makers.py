"""Small makers of domain records, so that a test says only what it is about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import attrs

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import (
    Frame,
    FrameReference,
    Instance,
    Plane,
    SeriesRole,
    Usability,
    VolumeDescription,
)
from opp_mri.domain.measurement import Lesion

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"

SAGITTAL_T1: dict[str, Any] = {
    "modality": "MR",
    "series_description": "T1 SAG",
    "scanning_sequence": ("SE",),
    "repetition_time_ms": 550.0,
    "echo_time_ms": 10.0,
    "magnetic_field_strength": 1.5,
}
SAGITTAL_T2FS = SAGITTAL_T1 | {
    "series_description": "T2 FS SAG",
    "repetition_time_ms": 3500.0,
    "echo_time_ms": 90.0,
    "scan_options": ("FS",),
}


def make_instance(
    uid: str = "1.2.3.4.1", *, slice_position_mm: float = 0.0, **header: Any
) -> Instance:
    """A sagittal slice of 256 x 256 pixels of 1 mm; header values as given."""
    frame = Frame(
        image_position_lps_mm=(slice_position_mm, -128.0, 128.0),
        image_orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
        pixel_spacing_mm=(1.0, 1.0),
        echo_time_ms=header.get("echo_time_ms"),
    )
    values: dict[str, Any] = {
        "sop_instance_uid": uid,
        "sop_class_uid": MR_IMAGE_STORAGE,
        "frames": (frame,),
        "rows": 256,
        "columns": 256,
        "patient_id": "P1",
        "study_instance_uid": "1.2.3",
        "study_date": date(2024, 1, 1),
        "series_instance_uid": "1.2.3.4",
        "frame_of_reference_uid": "1.2.3.9",
        "modality": "MR",
    }
    return Instance(**(values | header))


def make_planes(
    slices: int = 15, *, spacing_mm: float = 4.4, top_mm: float = 128.0, **plane: Any
) -> tuple[ImagePlane, ...]:
    """Parallel sagittal planes, the middle one at x = 0."""
    values: dict[str, Any] = {
        "frame_of_reference_uid": "1.2.3.9",
        "row_direction": (0.0, 1.0, 0.0),
        "column_direction": (0.0, 0.0, -1.0),
        "row_spacing_mm": 1.0,
        "column_spacing_mm": 1.0,
        "rows": 256,
        "columns": 256,
    }
    first = -spacing_mm * (slices - 1) / 2
    return tuple(
        ImagePlane(position_lps_mm=(first + n * spacing_mm, -128.0, top_mm), **(values | plane))
        for n in range(slices)
    )


def make_volume(volume_id: str = "v1", *, slices: int = 15, **changes: Any) -> VolumeDescription:
    """A usable sagittal volume; header values and description fields as given."""
    described = {field.name for field in attrs.fields(VolumeDescription)}
    header = {key: value for key, value in changes.items() if key not in described}
    series_uid = changes.get("series_instance_uid", f"1.2.3.{volume_id}")
    instance = changes.pop("instance", None) or make_instance(
        f"{series_uid}.1",
        series_instance_uid=series_uid,
        **{"series_number": 1, **header},
        **{
            k: changes[k]
            for k in ("patient_id", "study_instance_uid", "study_date")
            if k in changes
        },
    )
    values: dict[str, Any] = {
        "volume_id": volume_id,
        "patient_id": instance.patient_id,
        "study_instance_uid": instance.study_instance_uid,
        "study_date": instance.study_date,
        "series_instance_uid": series_uid,
        "instance": instance,
        "frames": tuple(
            FrameReference(sop_instance_uid=f"{series_uid}.{n + 1}") for n in range(slices)
        ),
        "planes": make_planes(slices),
        "plane": Plane.SAGITTAL,
        "pixel_spacing_mm": (1.0, 1.0),
        "slice_spacing_mm": 4.4,
        "usability": Usability.VOLUME,
    }
    return VolumeDescription(
        **(values | {key: value for key, value in changes.items() if key in described})
    )


def make_lesion(lesion_id: str = "L", **changes: Any) -> Lesion:
    """A lesion of L1 after a single fraction of 24 Gy on 1 February 2024."""
    values: dict[str, Any] = {
        "lesion_id": lesion_id,
        "tracking_uid": "2.25.1",
        "patient_id": "P1",
        "level": "L1",
        "ssrs_first_date": date(2024, 2, 1),
        "ssrs_last_date": date(2024, 2, 1),
        "dose_gy": Decimal(24),
        "fractions": 1,
    }
    return Lesion(**(values | changes))


HEADERS = {SeriesRole.T1: SAGITTAL_T1, SeriesRole.T2FS: SAGITTAL_T2FS, None: SAGITTAL_T2FS}
STUDIES = {
    "before": date(2024, 1, 15),
    "after": date(2024, 5, 1),
    "later": date(2024, 9, 1),
}


def study_volume(
    study: str, role: SeriesRole | None, *, patient_id: str = "P1", **changes: object
) -> VolumeDescription:
    """A volume of one of three studies of a patient, with its role and chosen for it."""
    name = f"{study}-{role.value if role else 'none'}"
    volume = make_volume(
        name,
        patient_id=patient_id,
        study_instance_uid=f"1.{study}",
        study_date=STUDIES[study],
        series_instance_uid=f"1.{study}.{role.value if role else 0}",
        **HEADERS[role],
    )
    planes = tuple(
        attrs.evolve(plane, frame_of_reference_uid=f"frame-{study}") for plane in volume.planes
    )
    return attrs.evolve(
        volume, **{"role": role, "selected": role is not None, "planes": planes, **changes}
    )
