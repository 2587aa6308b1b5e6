"""Where two readers differ, and why, by rule (READING: two readers)."""

import math
from decimal import Decimal
from enum import StrEnum
from typing import Final

import attrs
from attrs import frozen

from opp_mri.domain.geometry import ImagePlane, Vector3, multiply_scalar
from opp_mri.domain.measurement import Answer, Caliper, Reading


class Cause(StrEnum):
    """Why two answers differ; the first that applies is named."""

    ANSWER = "another answer"  # measured, gone, not measurable
    LESION = "another lesion"
    SERIES = "another series"
    SLICE = "another slice"
    ANGLE = "another angle"
    BOTH_ENDS = "both ends"
    ANTERIOR_END = "anterior end"
    POSTERIOR_END = "posterior end"
    LENGTH = "length alone"  # one of them came without points
    CATEGORY = "category only"  # within the limits, and still another category


@frozen(kw_only=True)
class Limits:
    """How far apart two answers may be without being discordant.

    Parameters
    ----------
    length_mm
        Lengths, and ends.
    angle_deg
        Axes of the lines.
    """

    length_mm: Decimal = Decimal("2.0")
    angle_deg: float = 10.0


@frozen(kw_only=True)
class Discordance:
    """Two answers to one cell that differ, and by how much.

    Parameters
    ----------
    difference_mm
        First length less second, or None where one has none.
    slices_apart_mm
        Distance of the second line's middle from the first line's image.
    angle_deg
        Between both lines.
    anterior_mm, posterior_mm
        How far apart the ends are in the first line's image.
    """

    first: Reading
    second: Reading
    cause: Cause
    difference_mm: Decimal | None = None
    slices_apart_mm: float | None = None
    angle_deg: float | None = None
    anterior_mm: float | None = None
    posterior_mm: float | None = None


ANOTHER_LESION_MM: Final = 15.0
"""Middles of two lines further apart than this in the image lie in different vertebrae: the lowest
bodies, of the neck, are 12 to 15 mm high and their discs some 5 mm."""


@frozen(kw_only=True)
class Drawn:
    """A reading with the series and the image that its line lies on, where it has one.

    Parameters
    ----------
    on_lesion_id
        The lesion of the patient that the line lies nearest to, where their places are known.
    """

    reading: Reading
    volume_id: str | None = None
    plane: ImagePlane | None = None
    slice_thickness_mm: float = 0.0
    on_lesion_id: str | None = None


def find_discordance(first: Drawn, second: Drawn, limits: Limits) -> Discordance | None:
    """Hold two answers to one cell against each other; None where they agree within the limits.

    `Cause.CATEGORY` is not found here: it takes all lengths of a lesion.
    """
    reading, second_reading = first.reading, second.reading
    if reading.length_mm is None or second_reading.length_mm is None:
        is_same = reading.answer is second_reading.answer is Answer.NOT_MEASURABLE
        return (
            None
            if is_same
            else Discordance(first=reading, second=second_reading, cause=Cause.ANSWER)
        )
    difference_mm = reading.length_mm - second_reading.length_mm
    apart = abs(difference_mm) > limits.length_mm
    if (reading.answer is Answer.GONE) is not (second_reading.answer is Answer.GONE):
        return Discordance(
            first=reading, second=second_reading, cause=Cause.ANSWER, difference_mm=difference_mm
        )
    if (
        reading.caliper is None
        or second_reading.caliper is None
        or first.plane is None
        or second.plane is None
    ):
        cause = Cause.LENGTH if apart else None
        return _build_discordance(first, second, cause, difference_mm)
    if first.volume_id != second.volume_id:
        frames = {
            reading.caliper.frame_of_reference_uid,
            second_reading.caliper.frame_of_reference_uid,
        }
        if len(frames) > 1 or "" in frames:
            return _build_discordance(first, second, Cause.SERIES, difference_mm)
    return _find_line_discordance(
        first, second, reading.caliper, second_reading.caliper, first.plane, limits, difference_mm
    )


def find_category_discordance(first: Drawn, second: Drawn) -> Discordance | None:
    """Name a pair within the limits by which two readers still come to another category.

    None where the two do not differ at all.
    """
    difference = find_discordance(first, second, Limits(length_mm=Decimal(0), angle_deg=0.0))
    return difference and attrs.evolve(difference, cause=Cause.CATEGORY)


def _find_line_discordance(
    first: Drawn, second: Drawn, caliper: Caliper, other_caliper: Caliper, plane: ImagePlane,
    limits: Limits, difference_mm: Decimal,
) -> Discordance | None:  # fmt: skip
    a, b = _order_front_to_back(caliper), _order_front_to_back(other_caliper)
    slices_apart_mm = abs(plane.measure_distance_mm(_compute_middle(b)))
    angle_deg = _measure_angle_deg(_run(a), _run(b))
    anterior_mm, posterior_mm = (
        _measure_distance_in_image_mm(plane, p, q) for p, q in zip(a, b, strict=True)
    )
    reach_mm = max(first.slice_thickness_mm, 0.1) / 2
    limit_mm = float(limits.length_mm)
    cause = None
    if _is_on_other_lesions(
        first, second, _measure_distance_in_image_mm(plane, _compute_middle(a), _compute_middle(b))
    ):
        cause = Cause.LESION
    elif first.volume_id != second.volume_id:
        cause = Cause.SERIES
    elif slices_apart_mm > reach_mm:
        cause = Cause.SLICE
    elif angle_deg > limits.angle_deg:
        cause = Cause.ANGLE
    elif anterior_mm > limit_mm and posterior_mm > limit_mm:
        cause = Cause.BOTH_ENDS
    elif anterior_mm > limit_mm:
        cause = Cause.ANTERIOR_END
    elif posterior_mm > limit_mm:
        cause = Cause.POSTERIOR_END
    elif abs(difference_mm) > limits.length_mm:
        cause = Cause.ANTERIOR_END if anterior_mm >= posterior_mm else Cause.POSTERIOR_END
    if cause is None:
        return None
    return Discordance(
        first=first.reading, second=second.reading, cause=cause, difference_mm=difference_mm,
        slices_apart_mm=slices_apart_mm, angle_deg=angle_deg,
        anterior_mm=anterior_mm, posterior_mm=posterior_mm,
    )  # fmt: skip


def _is_on_other_lesions(first: Drawn, second: Drawn, middles_apart_mm: float) -> bool:
    """Return whether two lines lie on different lesions: by their places, or a vertebra apart."""
    have_lesion_ids = first.on_lesion_id is not None and second.on_lesion_id is not None
    if have_lesion_ids and first.on_lesion_id != second.on_lesion_id:
        return True
    return middles_apart_mm > ANOTHER_LESION_MM


def _build_discordance(
    first: Drawn, second: Drawn, cause: Cause | None, difference_mm: Decimal
) -> Discordance | None:
    if cause is None:
        return None
    return Discordance(
        first=first.reading, second=second.reading, cause=cause, difference_mm=difference_mm
    )


def _order_front_to_back(caliper: Caliper) -> tuple[Vector3, Vector3]:
    """Return the ends of a line, the anterior one first."""
    start, end = caliper.start_lps_mm, caliper.end_lps_mm
    return (start, end) if start[1] <= end[1] else (end, start)


def _compute_middle(line: tuple[Vector3, Vector3]) -> Vector3:
    x, y, z = ((p + q) / 2 for p, q in zip(*line, strict=True))
    return (x, y, z)


def _run(line: tuple[Vector3, Vector3]) -> Vector3:
    x, y, z = (q - p for p, q in zip(*line, strict=True))
    return (x, y, z)


def _measure_angle_deg(a: Vector3, b: Vector3) -> float:
    cosine = multiply_scalar(a, b) / (math.hypot(*a) * math.hypot(*b))
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _measure_distance_in_image_mm(plane: ImagePlane, a: Vector3, b: Vector3) -> float:
    return plane.measure_length_mm(plane.pixel_from_lps(a), plane.pixel_from_lps(b))


class VolumeCause(StrEnum):
    """Why two readers' volumes of one cell differ; the first that applies is named."""

    SERIES = "another series"
    UNKNOWN = "no volume to compare"
    VOLUME = "volume"
    OVERLAP = "overlap"


@frozen(kw_only=True)
class VolumeLimits:
    """How far apart two readers' contours may be without being discordant.

    Parameters
    ----------
    percent
        Difference of the volumes in percent of their mean. The default is a choice of this
        software: the publications on volumes of spine metastases give none for two readers.
    dice
        Least Dice coefficient: above 0.7 agreement is called excellent (Zijdenbos et al., IEEE
        Trans Med Imaging 1994;13:716-724).
    """

    percent: float = 20.0
    dice: float = 0.7


def find_volume_cause(
    difference_percent: float | None, dice: float | None, limits: VolumeLimits
) -> VolumeCause | None:
    """Return why two volumes are discordant, or None where they agree within the limits.

    Parameters
    ----------
    difference_percent
        First less second in percent of their mean; None where one cannot be computed.
    dice
        Dice coefficient; None where both do not lie on one series.
    """
    if difference_percent is None:
        return VolumeCause.UNKNOWN
    if dice is None:
        return VolumeCause.SERIES
    if abs(difference_percent) > limits.percent:
        return VolumeCause.VOLUME
    return VolumeCause.OVERLAP if dice < limits.dice else None
