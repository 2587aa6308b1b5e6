"""One choice per time point, role and station, solved together.

A long spine is scanned in several blocks; each block is a station and has its own T1, T2FS, STIR
and T1POST. Within a station the choice with the best evidence wins, and volumes of one geometry
that were acquired close to each other are preferred, so that a reader compares like with like.
Of repeats the later one is taken, but of several T1 whose headers are silent about contrast the
earlier. A volume in doubt is never chosen, and where two volumes cannot be distinguished both are.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import Final

import attrs
import numpy as np

from opp_mri.dicom.roles.contrast import find_acquisition_time
from opp_mri.dicom.roles.lexicon import fold
from opp_mri.domain.geometry import ImagePlane, multiply_scalar
from opp_mri.domain.imaging import RoleCertainty, SeriesRole, Usability, VolumeDescription

SAME_STATION_OVERLAP: Final = 0.5  # intersection over union of the extents along the body
CANDIDATES_PER_ROLE: Final = (
    6  # more series of one role and station than this are ranked by evidence
)
SAME_DIRECTION: Final = math.cos(math.radians(5))
SAME_GEOMETRY_BONUS: Final = 1.0
PAIRED_IN_TIME_BONUS: Final = 0.5
LATER_T1_PENALTY: Final = 2.0  # more than a finer grid and a matching geometry can make up for

MIN_SPINE_SLICES: Final = 7  # about 3 cm of 4 mm slices: the width of a vertebral body
CERTAIN_BONUS: Final = 3.0  # more than a name that agrees, a finer grid and a matching geometry

LATER_T1: Final = (
    "In doubt: acquired after another T1 of this day. If contrast was given between the two, this "
    "is T1POST."
)
ALIKE: Final = (
    "Not chosen: another {role} of this day is equivalent, and nothing distinguishes the two."
)


def select(volumes: Sequence[VolumeDescription]) -> list[VolumeDescription]:
    """Mark the choice of a time point for each role at each station.

    Parameters
    ----------
    volumes
        All volumes of one time point, with their roles.

    Returns
    -------
    list of VolumeDescription
        In the same order, with `station` and `selected` set; a copy of another volume, one that
        cannot be measured and one whose role is in doubt are never selected.
    """
    eligible = [
        volume
        for volume in volumes
        if volume.role is not None
        and volume.usability is not Usability.NOTHING
        and volume.duplicate_of is None
        and volume.planes
    ]
    station_of: dict[str, int] = {}
    selected_ids: set[str] = set()
    doubts: dict[str, str] = {}
    equals: dict[str, str] = {}
    for number, members in enumerate(_group_by_station(eligible), start=1):
        station_of |= {volume.volume_id: number for volume in members}
        sure = [volume for volume in members if not volume.is_in_doubt]
        best, alike = _choose_best(sure)
        selected_ids |= {volume.volume_id for volume in best}
        equals |= {v.volume_id: ALIKE.format(role=v.role) for v in alike}
        doubts |= {
            v.volume_id: LATER_T1 for v in sure if v not in best and find_earlier_t1(v, sure)
        }
    return [
        attrs.evolve(
            volume,
            station=station_of.get(volume.volume_id),
            selected=volume.volume_id in selected_ids,
            choice_in_doubt=volume.volume_id in equals,
            role_certainty=RoleCertainty.IN_DOUBT
            if volume.volume_id in doubts
            else volume.role_certainty,
            evidence=(
                *volume.evidence,
                *(
                    remarks[volume.volume_id]
                    for remarks in (doubts, equals)
                    if volume.volume_id in remarks
                ),
            ),
        )
        for volume in volumes
    ]


def compute_confidence(volume: VolumeDescription) -> float:
    """Weigh how well a volume fits the role that it has; only differences matter.

    Measured timing outweighs names, a name that agrees helps, a coarse grid hurts.
    """
    if volume.role is None:
        return 0.0
    if volume.role_overridden:
        return 100.0
    instance = volume.instance
    has_times = instance.repetition_time_ms is not None and instance.echo_time_ms is not None
    score = 4.0 if has_times else 1.0
    score += CERTAIN_BONUS if volume.role_certainty is RoleCertainty.CERTAIN else 0.0
    text = fold(f"{instance.series_description} | {instance.protocol_name}")
    name = "stir" if volume.role is SeriesRole.STIR else volume.role.value[:2].lower()
    score += 1.0 if name in text else 0.0
    score += 0.5 if volume.usability is Usability.VOLUME else -1.5
    score += 0.5 if len(volume.frames) >= MIN_SPINE_SLICES else -0.5
    if volume.pixel_spacing_mm is not None:
        score -= max(volume.pixel_spacing_mm)  # mm: finer is better
    return score


def measure_extent_along_body_mm(planes: Sequence[ImagePlane]) -> tuple[float, float]:
    """Return the lowest and highest patient z (inferior to superior) that the images reach, mm."""
    corners = [
        plane.lps_from_pixel(column, row)[2]
        for plane in (planes[0], planes[-1])
        for column in (-0.5, plane.columns - 0.5)
        for row in (-0.5, plane.rows - 0.5)
    ]
    return min(corners), max(corners)


def _group_by_station(volumes: Sequence[VolumeDescription]) -> list[list[VolumeDescription]]:
    """Group volumes that cover the same block, from head to foot."""
    groups: list[tuple[tuple[float, float], list[VolumeDescription]]] = []
    sorted_volumes = sorted(
        volumes, key=lambda v: (-measure_extent_along_body_mm(v.planes)[1], v.volume_id)
    )
    for volume in sorted_volumes:
        extent = measure_extent_along_body_mm(volume.planes)
        for first_extent, members in groups:
            if _compute_overlap(extent, first_extent) >= SAME_STATION_OVERLAP:
                members.append(volume)
                break
        else:
            groups.append((extent, [volume]))
    return [members for _, members in groups]


def _compute_overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / union if union > 0 else 0.0


def _choose_best(
    members: Sequence[VolumeDescription],
) -> tuple[list[VolumeDescription], list[VolumeDescription]]:
    """Take one volume per role so that evidence and mutual agreement are greatest together.

    Returns
    -------
    tuple of two lists
        The volumes that are chosen, and those of roles for which several are equally good. Ties
        go to the later acquisition, since a repeat is made because the first was not good; what
        no order of acquisition separates stays a tie.
    """
    candidates = []
    for role in SeriesRole:
        sorted_volumes = sorted(
            (volume for volume in members if volume.role is role),
            key=lambda volume: (compute_confidence(volume), _order(volume)),
            reverse=True,
        )
        if sorted_volumes:
            candidates.append(sorted_volumes[:CANDIDATES_PER_ROLE])
    choices = [
        ((_compute_merit(choice, members), tuple(_order(volume) for volume in choice)), choice)
        for choice in product(*candidates)
    ]
    highest = max(key for key, _ in choices)
    best = [choice for key, choice in choices if key == highest]
    selection: list[VolumeDescription] = []
    alike: list[VolumeDescription] = []
    for volumes in zip(*best, strict=True):
        different = {volume.volume_id: volume for volume in volumes}
        (selection if len(different) == 1 else alike).extend(different.values())
    return selection, alike


def find_earlier_t1(
    volume: VolumeDescription, members: Sequence[VolumeDescription]
) -> VolumeDescription | None:
    """Return a T1 of the station, in another series, that was acquired before this one, or None.

    The later of two T1 may be the post-contrast one, unless its header denies that; within one
    series it is a repeat.
    """
    if volume.role is not SeriesRole.T1 or volume.role_overridden:
        return None
    if volume.role_certainty is RoleCertainty.CERTAIN:
        return None
    for candidate in members:
        another_series = candidate.series_instance_uid != volume.series_instance_uid
        if (
            candidate.role is SeriesRole.T1
            and another_series
            and _is_acquired_before(candidate, volume)
        ):
            return candidate
    return None


def _compute_merit(
    choice: Sequence[VolumeDescription], members: Sequence[VolumeDescription]
) -> float:
    merit = sum(compute_confidence(volume) for volume in choice)
    merit -= LATER_T1_PENALTY * sum(
        find_earlier_t1(volume, members) is not None for volume in choice
    )
    for i, first in enumerate(choice):
        for second in choice[i + 1 :]:
            merit += SAME_GEOMETRY_BONUS * _has_same_geometry(first, second)
    by_role = {volume.role: volume for volume in choice}
    before, after = by_role.get(SeriesRole.T1), by_role.get(SeriesRole.T1POST)
    if before and after:
        merit += PAIRED_IN_TIME_BONUS * _is_acquired_before(before, after)
    return round(merit, 9)


def _has_same_geometry(a: VolumeDescription, b: VolumeDescription) -> float:
    """Share of agreement in frame, direction, slice positions and grid, from 0 to 1."""
    first, second = a.planes[len(a.planes) // 2], b.planes[len(b.planes) // 2]
    agreement = [
        first.frame_of_reference_uid == second.frame_of_reference_uid,
        abs(multiply_scalar(first.normal, second.normal)) >= SAME_DIRECTION,
        len(a.planes) == len(b.planes)
        and bool(np.isclose(first.measure_distance_mm(second.position_lps_mm), 0, atol=0.5)),
        (first.rows, first.columns) == (second.rows, second.columns),
    ]
    return sum(agreement) / len(agreement)


def _is_acquired_before(a: VolumeDescription, b: VolumeDescription) -> bool:
    first, second = find_acquisition_time(a.instance), find_acquisition_time(b.instance)
    return first is not None and second is not None and first < second


def _order(volume: VolumeDescription) -> tuple[str, int, int, int, int, int]:
    """Return the order of acquisition as the scanner wrote it; no identifier takes part."""
    instance, first = volume.instance, volume.instance.frames[0]
    moment = find_acquisition_time(instance)
    return (
        moment.isoformat() if moment else "",
        instance.series_number or 0,
        instance.acquisition_number or 0,
        first.temporal_position or instance.temporal_position or 0,
        instance.instance_number or 0,
        first.frame_number,
    )
