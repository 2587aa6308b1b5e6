"""Closed contours of a lesion on native slices, and what a reader recorded with them."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from operator import attrgetter
from typing import Final

import numpy as np
from attrs import Factory, field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, ImagePlane
from opp_mri.domain.imaging import FrameReference, SeriesRole
from opp_mri.domain.measurement import VERTEBRAE, Edit, PixelPoint
from opp_mri.units import convert_to_cc

IndexArray = NDArray[np.intp]
LEAST_POINTS: Final = 3
MOST_POINTS: Final = 2000
MOST_CONTOURS: Final = 500
MOST_POINTS_IN_ALL: Final = 100_000
SIDES_AT_A_TIME: Final = 256  # so that the longest contours take little memory
POINT_DECIMALS: Final = 3  # thousandths of a pixel: less than a micrometre matters to no volume


def _convert_points(points: Sequence[PixelPoint]) -> tuple[PixelPoint, ...]:
    return tuple(
        (round(float(column), POINT_DECIMALS), round(float(row), POINT_DECIMALS))
        for column, row in points
    )


@frozen(kw_only=True)
class Contour:
    """A closed polygon on one frame of one native instance.

    Parameters
    ----------
    sop_instance_uid, frame_number
        The image.
    points
        Corners (column, row) in pixels, in order, the first not repeated; 0, 0 is the centre of
        the first pixel. Their place in the patient follows from the header of the image.
    """

    sop_instance_uid: str
    frame_number: int = 1
    points: tuple[PixelPoint, ...] = field(converter=_convert_points, repr=False)

    @property
    def image(self) -> FrameReference:
        """The image that it lies on."""
        return FrameReference(
            sop_instance_uid=self.sop_instance_uid, frame_number=self.frame_number
        )


@frozen(kw_only=True)
class ReferenceVertebra:
    """Contours of marrow that was not irradiated, to whose signal that of a lesion is compared.

    Parameters
    ----------
    level
        The vertebra, as the reader named it.
    contours
        On the series of the lesion's contours.
    """

    level: str
    contours: tuple[Contour, ...]


@frozen(kw_only=True)
class VolumeReading:
    """The contours of a lesion on one series, as one reader recorded them, once.

    It is never changed, only followed by a later one, and holds no volume: that is computed from
    the contours and the headers whenever it is needed.

    Parameters
    ----------
    reading_id
        Unique, given when it is recorded; a signature covers it by this name.
    sequence, study_date
        The cell that it belongs to.
    contours
        All of one series, one or more for each slice that was drawn on: a contour within another
        of its slice is a hole, and no two of a slice meet. None where the reader took all of them
        back.
    reference
        A vertebra that was not irradiated, or None.
    draft
        True for an edit in the reading room: it counts once a signature covers it.
    edit
        Made, or by undo or redo.
    amendment_reason
        Why a signed reading is followed by this one.
    repeat
        True for a hidden second read of the same reader: it serves repeatability alone.
    recorded_at
        When, with its time zone.
    """

    reading_id: str
    lesion_id: str
    sequence: SeriesRole = field(converter=SeriesRole)
    reader: str
    study_date: date
    contours: tuple[Contour, ...] = ()
    reference: ReferenceVertebra | None = None
    draft: bool = False
    edit: Edit = field(default=Edit.MADE, converter=Edit)
    amendment_reason: str = ""
    repeat: bool = False
    recorded_at: datetime

    @property
    def cell(self) -> tuple[date, SeriesRole]:
        """Time point and sequence that it speaks of."""
        return self.study_date, self.sequence

    @property
    def all_contours(self) -> tuple[Contour, ...]:
        """All contours, those of the reference last."""
        return self.contours + (self.reference.contours if self.reference else ())

    def has_equal_contours(self, reading: "VolumeReading") -> bool:
        """Return whether another reading has the same contours, those of the reference too."""
        return (self.contours, self.reference) == (reading.contours, reading.reference)


@frozen(kw_only=True)
class MeasuredVolume:
    """The volume within contours.

    Parameters
    ----------
    volume_cc
        In cc, rounded once, half to even, to 0.01 cc.
    standard_error_cc
        Its standard error in cc; None where there are too few contours to estimate one.
    drawn, interpolated
        Number of slices with a contour, and of slices between them without.
    contours
        Number of contours: more than of slices where the lesion has several parts, or holes.
    """

    volume_cc: Decimal = field(converter=convert_to_cc)
    standard_error_cc: float | None
    drawn: int
    interpolated: int = 0
    contours: int = field(default=Factory(attrgetter("drawn"), takes_self=True))


def compute_area(points: Sequence[PixelPoint], spacing_mm: tuple[float, float]) -> float:
    """Return the area within a closed polygon, by the shoelace formula.

    Parameters
    ----------
    points
        Corners (column, row) in pixels.
    spacing_mm
        Distance between columns and between rows, mm.

    Returns
    -------
    float
        In mm².
    """
    x, y = _split_mm(points, spacing_mm)
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


def compute_perimeter(points: Sequence[PixelPoint], spacing_mm: tuple[float, float]) -> float:
    """Return the length in mm of a closed polygon; parameters as `compute_area`."""
    x, y = _split_mm(points, spacing_mm)
    return float(np.sum(np.hypot(np.roll(x, -1) - x, np.roll(y, -1) - y)))


def compute_enclosed_area(
    polygons: Sequence[Sequence[PixelPoint]], spacing_mm: tuple[float, float]
) -> float:
    """Return the area in mm² within polygons of one image: one that lies within another is a hole.

    Parameters
    ----------
    polygons
        Corners (column, row) in pixels of each; no two of them meet.
    spacing_mm
        Distance between columns and between rows, mm.
    """
    if len(polygons) == 1:
        return compute_area(polygons[0], spacing_mm)
    return sum(
        compute_area(polygon, spacing_mm) * (-1 if count_enclosing(polygon, polygons) % 2 else 1)
        for polygon in polygons
    )


def count_enclosing(polygon: Sequence[PixelPoint], polygons: Sequence[Sequence[PixelPoint]]) -> int:
    """Return the number of other polygons that a polygon lies within; no two of them meet."""
    return sum(
        contains_point(other_polygon, polygon[0])
        for other_polygon in polygons
        if other_polygon is not polygon
    )


def contains_point(polygon: Sequence[PixelPoint], point: PixelPoint) -> bool:
    """Return whether a point (column, row) lies within a polygon, by the rule of even crossings."""
    start = np.asarray(polygon, dtype=float)
    end = np.roll(start, -1, axis=0)
    column, row = point
    is_beside = (start[:, 1] > row) != (end[:, 1] > row)
    start, end = start[is_beside], end[is_beside]
    share = (row - start[:, 1]) / (end[:, 1] - start[:, 1])
    crossed_columns = start[:, 0] + share * (end[:, 0] - start[:, 0])
    return bool(np.count_nonzero(column < crossed_columns) % 2)


@lru_cache(maxsize=4096)
def has_crossing_sides(points: tuple[PixelPoint, ...]) -> bool:
    """Return whether two sides of a closed polygon that are not neighbours meet."""
    start, end = _list_sides(points)
    count = len(start)
    for first, second in _generate_near_sides((start, end), (start, end)):
        # the first side and the last are neighbours
        is_apart = (second > first + 1) & ((first != 0) | (second != count - 1))
        a, b = first[is_apart], second[is_apart]
        if _has_meeting(start[a], end[a], start[b], end[b]):
            return True
    return False


@lru_cache(maxsize=4096)
def do_contours_meet(first: tuple[PixelPoint, ...], second: tuple[PixelPoint, ...]) -> bool:
    """Return whether the outlines of two polygons cross or touch."""
    (start, end), (other_start, other_end) = _list_sides(first), _list_sides(second)
    return any(
        _has_meeting(start[a], end[a], other_start[b], other_end[b])
        for a, b in _generate_near_sides((start, end), (other_start, other_end))
    )


def _list_sides(points: Sequence[PixelPoint]) -> tuple[FloatArray, FloatArray]:
    start = np.asarray(points, dtype=float)
    return start, np.roll(start, -1, axis=0)


def _generate_near_sides(
    sides: tuple[FloatArray, FloatArray], other_sides: tuple[FloatArray, FloatArray]
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the pairs of sides whose boxes overlap, of some sides of the first at a time."""
    low, high = np.minimum(*sides), np.maximum(*sides)
    other_low, other_high = np.minimum(*other_sides), np.maximum(*other_sides)
    for begin in range(0, len(low), SIDES_AT_A_TIME):
        part = slice(begin, begin + SIDES_AT_A_TIME)
        is_near = np.all((low[part, None] <= other_high) & (other_low <= high[part, None]), axis=-1)
        first, second = np.nonzero(is_near)
        yield first + begin, second


def _has_meeting(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> bool:
    """Return whether any side from a to b meets its side from c to d; shape (sides, 2)."""
    sides = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    crossing = (sides[0] != sides[1]) & (sides[2] != sides[3])
    touching = np.zeros(len(a), dtype=bool)
    for side, (p, q), point in zip(sides, ((a, b), (a, b), (c, d), (c, d)), (c, d, a, b),
                                   strict=True):  # fmt: skip
        within = np.all((np.minimum(p, q) <= point) & (point <= np.maximum(p, q)), axis=1)
        touching |= (side == 0) & within
    return bool(np.any(crossing | touching))


def find_contour_faults(contour: Contour, plane: ImagePlane | None = None) -> list[str]:
    """Return, as sentences, what is wrong with a contour; none where it is sound.

    Parameters
    ----------
    contour
        As a reader drew it, or as it came back in a package.
    plane
        The image that it lies on, where that is known.
    """
    points = contour.points
    if not LEAST_POINTS <= len(points) <= MOST_POINTS:
        return [f"A contour has {LEAST_POINTS} to {MOST_POINTS} points, not {len(points)}."]
    if not all(math.isfinite(value) for point in points for value in point):
        return ["A point of a contour is not finite."]
    if has_crossing_sides(points):
        return ["A contour crosses itself."]
    if compute_area(points, (1.0, 1.0)) <= 0:
        return ["A contour encloses no area."]
    if plane is not None and not all(plane.contains(*point) for point in points):
        return ["A contour has a point outside its image."]
    return []


def find_volume_reading_faults(reading: VolumeReading) -> list[str]:
    """Return, as sentences, what contradicts itself in the contours of a reading."""
    if len(reading.all_contours) > MOST_CONTOURS:
        return [f"A volume has at most {MOST_CONTOURS} contours, not {len(reading.all_contours)}."]
    count = sum(len(contour.points) for contour in reading.all_contours)
    if count > MOST_POINTS_IN_ALL:
        return [f"A volume has at most {MOST_POINTS_IN_ALL:,} points, not {count:,}."]
    reference = reading.reference
    if reference is not None and not (reference.contours and reading.contours):
        return ["A reference vertebra has contours, next to contours of the lesion."]
    if reference is not None and reference.level not in VERTEBRAE:
        return [f"“{reference.level}” is no vertebra."]
    faults = (fault for contour in reading.all_contours for fault in find_contour_faults(contour))
    fault = next(faults, None)
    if fault is not None:
        return [fault]
    by_image: dict[FrameReference, list[Contour]] = defaultdict(list)
    for contour in reading.all_contours:
        by_image[contour.image].append(contour)
    if any(
        do_contours_meet(first.points, second.points)
        for contours in by_image.values()
        for first, second in combinations(contours, 2)
    ):
        return ["Two contours of one image cross or touch."]
    return []


def _split_mm(
    points: Sequence[PixelPoint], spacing_mm: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    corners = np.asarray(points, dtype=float)
    corners = (corners - corners[0]) * np.asarray(spacing_mm)  # near 0, where sums keep digits
    return corners[:, 0], corners[:, 1]


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return 1, 0 or -1 where c lies left of the line from a to b, on it, or right of it."""
    turn_signs: FloatArray = np.sign(
        (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    )
    return turn_signs
