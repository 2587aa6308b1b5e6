"""Two answers to one: what may be made of A and B (READING: two readers). Pure."""

import hashlib
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from attrs import frozen

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.geometry import ImagePlane, Vector3
from opp_mri.domain.measurement import Answer, Caliper, PixelPoint, Reading
from opp_mri.units import RECORDED_PRECISION_MM

AnyReading = TypeVar("AnyReading", Reading, VolumeReading)


@frozen(kw_only=True)
class EndsApart:
    """How far apart the ends of A and B lie in the image of A.

    Parameters
    ----------
    anterior_mm, posterior_mm
        Distance between both anterior, and both posterior ends.
    """

    anterior_mm: float
    posterior_mm: float


def letter_readings(readings: tuple[AnyReading, AnyReading]) -> tuple[AnyReading, AnyReading]:
    """Return two answers or contours as A and B, by lot for each cell: letters reveal no reader.

    The lot is drawn from the ids of both readings, which are random: nobody who knows the protocol,
    the program and one of the two answers can predict it, and it stays the same for a pair.
    """
    first, second = sorted(readings, key=lambda reading: reading.reader)
    lot = hashlib.sha256(f"{first.reading_id}/{second.reading_id}".encode()).digest()[0] % 2
    return (first, second) if lot else (second, first)


def is_on_one_image(a: Reading, b: Reading) -> bool:
    """Return whether both are lines on the same image, so that their ends may be averaged."""
    if a.caliper is None or b.caliper is None:
        return False
    place = (a.caliper.sop_instance_uid, a.caliper.frame_number)
    return place == (b.caliper.sop_instance_uid, b.caliper.frame_number)


def compute_mean_ends(a: Caliper, b: Caliper) -> tuple[PixelPoint, PixelPoint]:
    """Return the mean of the ends of two lines on one image, (column, row), the anterior end first.

    A line may have been drawn from either end, so ends are paired from anterior to posterior.
    """
    (a_front, a_back), (b_front, b_back) = (
        _order_pixels_front_to_back(a),
        _order_pixels_front_to_back(b),
    )
    return _compute_mean(a_front, b_front), _compute_mean(a_back, b_back)


def compute_mean_length_mm(a: Decimal, b: Decimal) -> Decimal:
    """Return the mean of two lengths, rounded half-even to recorded precision."""
    return ((a + b) / 2).quantize(RECORDED_PRECISION_MM, rounding=ROUND_HALF_EVEN)


def ends_apart(a: Caliper, b: Caliper, plane: ImagePlane) -> EndsApart:
    """Return how far apart the ends of two lines are in the image of the first, mm.

    Parameters
    ----------
    plane
        Of the image of A.
    """
    (a_front, a_back), (b_front, b_back) = _order_front_to_back(a), _order_front_to_back(b)
    return EndsApart(
        anterior_mm=_measure_distance_mm(plane, a_front, b_front),
        posterior_mm=_measure_distance_mm(plane, a_back, b_back),
    )


def find_concordant_answer(a: Reading, b: Reading) -> Answer:
    """Return the answer of two that agree; both not measurable is not measurable.

    Parameters
    ----------
    a, b
        The answers of two readers to one cell.

    Raises
    ------
    ValueError
        The two do not agree.
    """
    if a.answer is not b.answer:
        raise ValueError("these two do not agree")
    return a.answer


def _order_pixels_front_to_back(caliper: Caliper) -> tuple[PixelPoint, PixelPoint]:
    forwards = caliper.start_lps_mm[1] <= caliper.end_lps_mm[1]
    return (caliper.start, caliper.end) if forwards else (caliper.end, caliper.start)


def _order_front_to_back(caliper: Caliper) -> tuple[Vector3, Vector3]:
    start, end = caliper.start_lps_mm, caliper.end_lps_mm
    return (start, end) if start[1] <= end[1] else (end, start)


def _compute_mean(a: PixelPoint, b: PixelPoint) -> PixelPoint:
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)


def _measure_distance_mm(plane: ImagePlane, a: Vector3, b: Vector3) -> float:
    return plane.measure_length_mm(plane.pixel_from_lps(a), plane.pixel_from_lps(b))
