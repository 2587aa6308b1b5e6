"""The same pixels under other UIDs: a study that a second hospital imported again.

A re-import has new UIDs, and often another PatientID, but the geometry and the timing stay. Only
instances that agree in those are decoded and compared, pixel by pixel.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import attrs

from opp_mri.dicom.headers.sources import read_source_bytes
from opp_mri.dicom.pixels import compute_pixel_hash
from opp_mri.domain.imaging import Instance, SourceFile, VolumeDescription
from opp_mri.domain.repeated_uid import get_repetition, get_uid_in_file
from opp_mri.errors import InputError

Signature = Counter[tuple[object, ...]]


def compute_likeness(instance: Instance) -> str:
    """Return a short key of all that a re-import keeps; only equal keys can be equal pixels.

    Empty for an image without a position: it is alike to too many others for its pixels to be
    worth decoding, and nothing is measured on it.
    """
    frame = instance.frames[0]
    if frame.image_position_lps_mm is None:
        return ""
    geometry = (
        instance.modality,
        instance.rows,
        instance.columns,
        len(instance.frames),
        _round_values(frame.image_position_lps_mm, 2),
        _round_values(frame.image_orientation, 3),
        _round_values(frame.pixel_spacing_mm, 3),
        _round_values((instance.repetition_time_ms or 0, frame.echo_time_ms or 0), 1),
    )
    return hashlib.sha256(repr(geometry).encode()).hexdigest()[:16]


def describe_difference(
    first_copy: tuple[Instance, SourceFile], second_copy: tuple[Instance, SourceFile]
) -> str:
    """State how two images with the same UIDs differ, or "" where they are the same instance.

    Parameters
    ----------
    first_copy, second_copy
        Header and file of each.
    """
    (first, first_file), (second, second_file) = first_copy, second_copy
    if first.patient_id != second.patient_id:
        return "another patient"
    if first.study_date != second.study_date:
        return "another date"
    if compute_likeness(first) != compute_likeness(second):
        return "another geometry"
    if first_file.size_bytes == second_file.size_bytes and read_source_bytes(
        first_file
    ) == read_source_bytes(second_file):
        return ""
    try:
        numbers = [frame.frame_number for frame in first.frames]
        is_same = compute_pixel_hash(first_file, *numbers) == compute_pixel_hash(
            second_file, *numbers
        )
    except InputError:
        return "pixels that cannot be compared"
    return "" if is_same else "other pixels"


def mark_clashes(volumes: Sequence[VolumeDescription]) -> list[VolumeDescription]:
    """Say of each volume whose UIDs other images have too which these are.

    Parameters
    ----------
    volumes
        All volumes of one patient.

    Returns
    -------
    list of VolumeDescription
        In the same order.
    """
    if not any(get_repetition(frame.sop_instance_uid) for v in volumes for frame in v.frames):
        return list(volumes)  # the usual case, and quickly recognised
    holders: dict[str, list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        for uid in {get_uid_in_file(frame.sop_instance_uid) for frame in volume.frames}:
            holders[uid].append(volume)
    marked_volumes = []
    for volume in volumes:
        repetitions = {get_repetition(frame.sop_instance_uid) for frame in volume.frames}
        clashing_volumes = {
            holder.volume_id: holder
            for frame in volume.frames
            for holder in holders[get_uid_in_file(frame.sop_instance_uid)]
            if {get_repetition(frame.sop_instance_uid) for frame in holder.frames} != repetitions
        }
        clash = _describe_clash(
            volume, list(clashing_volumes.values()), is_repeated=repetitions != {""}
        )
        marked_volumes.append(attrs.evolve(volume, clash=clash) if clash else volume)
    return marked_volumes


def _describe_clash(
    volume: VolumeDescription, volumes: Sequence[VolumeDescription], *, is_repeated: bool
) -> str:
    if any(holder.study_date == volume.study_date for holder in volumes):
        return "Other images have the same UIDs and date, but other pixels: one is wrong."
    if volumes:
        dates = ", ".join(sorted({str(holder.study_date or "no date") for holder in volumes}))
        return f"Images of {dates} have the same UIDs: they were used twice."
    if is_repeated:
        return (
            "Images of another patient, or gone by now, have the same UIDs: they were used twice."
        )
    return ""


def mark_copies(
    volumes: Sequence[VolumeDescription], pixel_hashes: Mapping[str, str]
) -> list[VolumeDescription]:
    """Name, for each volume whose pixels another study's volume holds, that other one.

    Parameters
    ----------
    volumes
        All volumes of one patient, whatever PatientIDs the patient goes by.
    pixel_hashes
        SOPInstanceUID to a hash of its pixels, for the instances that could be copies.

    Returns
    -------
    list of VolumeDescription
        In the same order. The original is the one with most slices (a part of a series may be
        imported again), then the one whose study holds most volumes, then the one of the earlier
        date, then of the smaller StudyInstanceUID.
    """
    volumes_in_study = Counter(volume.study_instance_uid for volume in volumes)
    sorted_volumes = sorted(
        volumes,
        key=lambda v: (
            -len(v.frames),
            -volumes_in_study[v.study_instance_uid],
            v.study_date or date.max,
            v.study_instance_uid,
            v.volume_id,
        ),
    )
    volumes_by_slice: dict[tuple[object, ...], list[tuple[VolumeDescription, Signature]]] = (
        defaultdict(list)
    )
    original_of: dict[str, str] = {}
    for volume in sorted_volumes:
        signature = _compute_signature(volume, pixel_hashes)
        complete = signature.total() == len(volume.frames) > 0
        for original, whole in volumes_by_slice[next(iter(signature))] if complete else ():
            if original.study_instance_uid != volume.study_instance_uid and signature <= whole:
                original_of[volume.volume_id] = original.volume_id
                break
        else:
            for slice_key in signature:
                volumes_by_slice[slice_key].append((volume, signature))
    return [
        attrs.evolve(volume, duplicate_of=original_of.get(volume.volume_id)) for volume in volumes
    ]


def _compute_signature(volume: VolumeDescription, pixel_hashes: Mapping[str, str]) -> Signature:
    """Count the slices by pixels and place, those without a hash left out.

    The place is in it because the outermost slices of two studies may be empty alike.
    """
    nowhere: list[tuple[float, ...]] = [()] * len(volume.frames)
    places = [plane.position_lps_mm for plane in volume.planes] or nowhere
    return Counter(
        (pixel_hashes[frame.sop_instance_uid], frame.frame_number, _round_values(place, 2))
        for frame, place in zip(volume.frames, places, strict=True)
        if frame.sop_instance_uid in pixel_hashes
    )


def _round_values(values: Iterable[float] | None, digits: int) -> tuple[float, ...]:
    return tuple(round(value, digits) + 0.0 for value in values or ())
