"""One choice per study, role and station, solved together.

A long spine is scanned in several blocks; each block is a station and has its own T1, T2FS, STIR
and T1POST. Within a station the choice with the best evidence wins, and volumes of one geometry
that were acquired close to each other are preferred, so that a reader compares like with like.
Of repeats the later one is taken, but of several T1 series the earlier: the later may have been
acquired after contrast of which the headers say nothing.
"""

import math
from collections.abc import Sequence
from itertools import product

import attrs
import numpy as np

from opp_mri.dicom.roles import acquired_at, confidence
from opp_mri.domain.geometry import ImagePlane, dot
from opp_mri.domain.imaging import SeriesRole, Usability, VolumeDescription

SAME_STATION_OVERLAP = 0.5  # intersection over union of the extents along the body
CANDIDATES_PER_ROLE = 6  # more series of one role and station than this are ranked by evidence
SAME_DIRECTION = math.cos(math.radians(5))
SAME_GEOMETRY_BONUS = 1.0
PAIRED_IN_TIME_BONUS = 0.5
LATER_T1_PENALTY = 2.0  # more than a finer grid and a matching geometry can make up for

LATER_T1 = (
    "Acquired after another T1 of this study: if that was before contrast, this may be T1POST; "
    "`opp-mri role` corrects it."
)


def select(volumes: Sequence[VolumeDescription]) -> list[VolumeDescription]:
    """Mark the study's choice for each role at each station.

    Parameters
    ----------
    volumes
        All volumes of one study, with their roles.

    Returns
    -------
    list of VolumeDescription
        In the same order, with `station` and `selected` set; a copy of another volume and one
        that cannot be measured are never selected.
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
    chosen: set[str] = set()
    doubts: dict[str, str] = {}
    for number, members in enumerate(_stations(eligible), start=1):
        station_of |= {volume.volume_id: number for volume in members}
        chosen |= {volume.volume_id for volume in _best_choice(members)}
        doubts |= {v.volume_id: LATER_T1 for v in members if earlier_t1(v, members)}
    return [
        attrs.evolve(
            volume,
            station=station_of.get(volume.volume_id),
            selected=volume.volume_id in chosen,
            evidence=(*volume.evidence, doubts[volume.volume_id])
            if volume.volume_id in doubts
            else volume.evidence,
        )
        for volume in volumes
    ]


def extent_along_body_mm(planes: Sequence[ImagePlane]) -> tuple[float, float]:
    """Give the lowest and highest patient z (inferior to superior) that the images reach, mm."""
    corners = [
        plane.lps_from_pixel(column, row)[2]
        for plane in (planes[0], planes[-1])
        for column in (-0.5, plane.columns - 0.5)
        for row in (-0.5, plane.rows - 0.5)
    ]
    return min(corners), max(corners)


def _stations(volumes: Sequence[VolumeDescription]) -> list[list[VolumeDescription]]:
    """Group volumes that cover the same block, from head to foot."""
    groups: list[tuple[tuple[float, float], list[VolumeDescription]]] = []
    ordered = sorted(volumes, key=lambda v: (-extent_along_body_mm(v.planes)[1], v.volume_id))
    for volume in ordered:
        extent = extent_along_body_mm(volume.planes)
        for first_extent, members in groups:
            if _overlap(extent, first_extent) >= SAME_STATION_OVERLAP:
                members.append(volume)
                break
        else:
            groups.append((extent, [volume]))
    return [members for _, members in groups]


def _overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / union if union > 0 else 0.0


def _best_choice(members: Sequence[VolumeDescription]) -> tuple[VolumeDescription, ...]:
    """Take one volume per role so that evidence and mutual agreement are greatest together."""
    candidates = []
    for role in SeriesRole:
        ranked = sorted(
            (volume for volume in members if volume.role is role),
            key=lambda volume: (-confidence(volume), _order(volume)),
        )
        if ranked:
            candidates.append(ranked[:CANDIDATES_PER_ROLE])
    # ties go to the later acquisition: a repeat is made because the first was not good
    return max(
        product(*candidates),
        key=lambda choice: (_merit(choice, members), tuple(_order(volume) for volume in choice)),
    )


def earlier_t1(
    volume: VolumeDescription, members: Sequence[VolumeDescription]
) -> VolumeDescription | None:
    """Give a T1 of the station, in another series, that was acquired before this one, or None.

    The later of two T1 whose headers are silent about contrast may be the post-contrast one.
    """
    if volume.role is not SeriesRole.T1 or volume.role_overridden:
        return None
    for other in members:
        another_series = other.series_instance_uid != volume.series_instance_uid
        if other.role is SeriesRole.T1 and another_series and _acquired_before(other, volume):
            return other
    return None


def _merit(choice: Sequence[VolumeDescription], members: Sequence[VolumeDescription]) -> float:
    merit = sum(confidence(volume) for volume in choice)
    merit -= LATER_T1_PENALTY * sum(earlier_t1(volume, members) is not None for volume in choice)
    for i, first in enumerate(choice):
        for second in choice[i + 1 :]:
            merit += SAME_GEOMETRY_BONUS * _same_geometry(first, second)
    by_role = {volume.role: volume for volume in choice}
    before, after = by_role.get(SeriesRole.T1), by_role.get(SeriesRole.T1POST)
    if before and after:
        merit += PAIRED_IN_TIME_BONUS * _acquired_before(before, after)
    return round(merit, 9)


def _same_geometry(a: VolumeDescription, b: VolumeDescription) -> float:
    """Share of agreement in frame, direction, slice positions and grid, from 0 to 1."""
    first, second = a.planes[len(a.planes) // 2], b.planes[len(b.planes) // 2]
    agreement = [
        first.frame_of_reference_uid == second.frame_of_reference_uid,
        abs(dot(first.normal, second.normal)) >= SAME_DIRECTION,
        len(a.planes) == len(b.planes)
        and bool(np.isclose(first.distance_mm(second.position_lps_mm), 0, atol=0.5)),
        (first.rows, first.columns) == (second.rows, second.columns),
    ]
    return sum(agreement) / len(agreement)


def _acquired_before(a: VolumeDescription, b: VolumeDescription) -> bool:
    first, second = acquired_at(a.instance), acquired_at(b.instance)
    return first is not None and second is not None and first < second


def _order(volume: VolumeDescription) -> tuple[str, int, str]:
    moment = acquired_at(volume.instance)
    return (
        moment.isoformat() if moment else "",
        volume.instance.series_number or 0,
        volume.volume_id,
    )
