"""Describe the volumes of a series from headers alone: one series may hold several."""

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final

import attrs

from opp_mri.dicom.splitting import Slice, get_component, place_slices, split_into_stacks
from opp_mri.dicom.usability import judge, measure_slice_spacing_mm
from opp_mri.dicom.variants import separate_variants
from opp_mri.domain.geometry import multiply_vector
from opp_mri.domain.imaging import FrameReference, Instance, Plane, VolumeDescription
from opp_mri.domain.repeated_uid import get_repetition

ALONG_AN_AXIS: Final = 0.8  # least |component| of the normal, RULES: which series is which
ID_DIGITS: Final = 12
AXES: Final = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)

Kind = tuple[str, ...]


def describe_series(instances: Sequence[Instance]) -> list[VolumeDescription]:
    """Split a series into volumes and say of each what it is good for.

    Parameters
    ----------
    instances
        All instances with one SeriesInstanceUID, each once, in any order.

    Returns
    -------
    list of VolumeDescription
        Every frame is in exactly one of them. In the order in which the scanner numbered their
        first slices. Roles, selection, station and copies are left at their defaults.
    """
    earlier: Counter[Kind] = Counter()
    descriptions = []
    first_date = min(
        (instance.study_date for instance in instances if instance.study_date), default=None
    )
    for stack in split_into_stacks(place_slices(instances)):
        kind = _get_kind(stack, first_date)
        descriptions.append(_describe_stack(stack, _compute_volume_id(stack, kind, earlier[kind])))
        earlier[kind] += 1
    return descriptions


def _describe_stack(stack: Sequence[Slice], volume_id: str) -> VolumeDescription:
    usability, refusal = judge(stack)
    frame = stack[0].frame
    instance = _get_header(stack[0])
    variants, differences = separate_variants(stack)
    return VolumeDescription(
        volume_id=volume_id,
        patient_id=instance.patient_id,
        study_instance_uid=instance.study_instance_uid,
        study_date=instance.study_date,
        series_instance_uid=instance.series_instance_uid,
        instance=instance,
        frames=tuple(
            FrameReference(
                sop_instance_uid=image.instance.sop_instance_uid,
                frame_number=image.frame.frame_number,
            )
            for image in stack
        ),
        planes=tuple(image.plane for image in stack if image.plane is not None),
        plane=_find_anatomical_plane(stack[0]),
        pixel_spacing_mm=frame.pixel_spacing_mm,
        slice_spacing_mm=measure_slice_spacing_mm(stack),
        usability=usability,
        refusal=refusal,
        variants=tuple(_get_header(variant) for variant in variants),
        differences=differences,
    )


def _get_header(image: Slice) -> Instance:
    """Return the header of a frame; of the frames of an enhanced image it holds that one only."""
    return attrs.evolve(image.header, frames=(image.frame,))


def _find_anatomical_plane(image: Slice) -> Plane | None:
    orientation = image.frame.image_orientation
    if orientation is None:
        return None
    normal = (
        image.plane.normal if image.plane else multiply_vector(orientation[:3], orientation[3:])
    )
    for plane, component in zip(AXES, normal, strict=True):
        if abs(component) >= ALONG_AN_AXIS:
            return plane
    return Plane.OBLIQUE


def _get_kind(stack: Sequence[Slice], first_date: date | None) -> Kind:
    """Name what sets a stack apart within its series, coarsely enough to outlast header noise.

    Medians, so that a slice that arrives later does not rename the volume. A date, or a part of
    complex data, is in it only where it is not the usual one.
    """
    frames = [image.frame for image in stack]
    first = stack[0]
    repetition = get_repetition(first.instance.sop_instance_uid)
    return (
        _find_median([frame.image_orientation or () for frame in frames], 2),
        _find_median([frame.pixel_spacing_mm or () for frame in frames], 2),
        _find_median([(_get_echo_time_ms(image),) for image in stack], 0),
        f"{first.instance.rows}x{first.instance.columns}",
        "/".join(first.image_type[2:]),
        first.frame.stack_id or "",
        first.instance.frame_of_reference_uid,
        first.instance.sop_class_uid,
        first.instance.photometric_interpretation,
        *([get_component(first.header)] if get_component(first.header) else []),
        *([repetition] if repetition else []),
        *([str(first.instance.study_date)] if first.instance.study_date != first_date else []),
    )


def _get_echo_time_ms(image: Slice) -> float:
    echo_time = image.frame.echo_time_ms
    echo_time = image.instance.echo_time_ms if echo_time is None else echo_time
    return -1.0 if echo_time is None else echo_time


def _find_median(rows: Sequence[tuple[float, ...]], digits: int) -> str:
    medians = (statistics.median_low(column) for column in zip(*rows, strict=True))
    return ",".join(f"{round(median, digits) + 0.0:.{digits}f}" for median in medians)


def _compute_volume_id(stack: Sequence[Slice], kind: Kind, earlier: int) -> str:
    """Hash the series, the kind, and the number of stacks of this kind before it.

    A study that was imported again may have kept the UIDs of its series, so the study and the
    patient are part of what names a series.
    """
    first = stack[0].instance
    series = (first.patient_id, first.study_instance_uid, first.series_instance_uid)
    key = "\n".join((*series, *kind, str(earlier)))
    return hashlib.sha256(key.encode()).hexdigest()[:ID_DIGITS]
