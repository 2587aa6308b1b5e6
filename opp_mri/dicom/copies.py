"""The same pixels under other UIDs: a study that a second hospital imported again.

A re-import has new UIDs, and often another PatientID, but the geometry and the timing stay. Only
instances that agree in those are decoded and compared, pixel by pixel.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import attrs

from opp_mri.domain.imaging import Instance, VolumeDescription


def likeness(instance: Instance) -> str:
    """Give a short key of all that a re-import keeps; only equal keys can be equal pixels."""
    frame = instance.frames[0]
    kept = (
        instance.modality,
        instance.rows,
        instance.columns,
        len(instance.frames),
        _rounded(frame.image_position_lps_mm, 2),
        _rounded(frame.image_orientation, 3),
        _rounded(frame.pixel_spacing_mm, 3),
        _rounded((instance.repetition_time_ms or 0, frame.echo_time_ms or 0), 1),
    )
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:16]


def mark_copies(
    volumes: Sequence[VolumeDescription], pixel_hashes: Mapping[str, str]
) -> list[VolumeDescription]:
    """Name, for each volume that has the very pixels of another study's volume, that other one.

    Parameters
    ----------
    volumes
        All volumes of one patient, whatever PatientIDs the patient goes by.
    pixel_hashes
        SOPInstanceUID to a hash of its pixels, for the instances that could be copies.

    Returns
    -------
    list of VolumeDescription
        In the same order. The original is the one in the study that holds most volumes, and among
        equals the one with the smaller StudyInstanceUID.
    """
    volumes_in_study: dict[str, int] = defaultdict(int)
    by_pixels: dict[tuple[tuple[str, int], ...], list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        volumes_in_study[volume.study_instance_uid] += 1
        if signature := _signature(volume, pixel_hashes):
            by_pixels[signature].append(volume)
    original_of: dict[str, str] = {}
    for alike in by_pixels.values():
        original, *others = sorted(
            alike,
            key=lambda v: (-volumes_in_study[v.study_instance_uid], v.study_instance_uid),
        )
        original_of |= {
            other.volume_id: original.volume_id
            for other in others
            if other.study_instance_uid != original.study_instance_uid
        }
    return [
        attrs.evolve(volume, duplicate_of=original_of.get(volume.volume_id)) for volume in volumes
    ]


def _signature(
    volume: VolumeDescription, pixel_hashes: Mapping[str, str]
) -> tuple[tuple[str, int], ...] | None:
    hashes = [
        (pixel_hashes.get(frame.sop_instance_uid, ""), frame.frame_number)
        for frame in volume.frames
    ]
    return tuple(sorted(hashes)) if all(pixels for pixels, _ in hashes) else None


def _rounded(values: Iterable[float] | None, digits: int) -> tuple[float, ...]:
    return tuple(round(value, digits) + 0.0 for value in values or ())
