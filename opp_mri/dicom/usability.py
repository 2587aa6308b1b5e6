"""Describe what a stack of slices is good for, in words for a radiologist.

Three answers: a volume, lengths within a slice only, or nothing. A volume promises that each pixel
lies where its own header says, to well under a millimetre, so the slices must be parallel,
stacked straight along their normal, and evenly spaced.
"""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from opp_mri.dicom.pixels import explain_not_decodable
from opp_mri.dicom.splitting import (
    SAME_POSITION_MM,
    Slice,
    measure_angle_degrees,
    measure_distances_mm,
)
from opp_mri.domain.geometry import ORTHONORMAL_TOLERANCE, ImagePlane, multiply_scalar
from opp_mri.domain.imaging import Usability

UNEVEN_MM: Final = (
    0.1  # lengths are recorded to 0.1 mm, and positions are at times written to 0.1 mm
)
UNEVEN: Final = 0.1  # of the slice spacing, for thin slices
SLANT_MM: Final = 0.1
SLANT: Final = ORTHONORMAL_TOLERANCE  # of the depth: as good as direction cosines are written
TILT_MM: Final = 0.5  # at the corner of the image
NAMED_GAPS: Final = 3

SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
PROJECTIONS: Final = frozenset(
    [
        *("MIP", "MAX_IP", "MINIP", "MIN_IP", "MEAN_IP", "CSA MIP", "CSA MINIP", "PROJECTION"),
        *("PROJECTION IMAGE", "VOLUME_RENDER", "SURFACE_RENDER", "VRT", "SSD"),
    ]
)
REFORMATS: Final = frozenset(
    ["3D", "MPR", "CSA MPR", "CURVED_MPR", "CPR", "REFORMATTED", "RESAMPLED", "CSA RESAMPLED"]
)

IN_PLANE: Final = "Lengths within a slice can be taken, but the slices do not make a volume."
NOTHING: Final = "No length can be taken on it."


def judge(stack: Sequence[Slice]) -> tuple[Usability, str | None]:
    """Describe what a stack, sorted along its normal, is good for, and why no more than that."""
    if reason := next(filter(None, map(_describe_unfit, stack)), None):
        return Usability.NOTHING, f"{reason} {NOTHING}"
    if len(stack) == 1:
        return Usability.IN_PLANE, "A single slice: lengths within it can be taken."
    reason = (
        _describe_repeated(stack)
        or _describe_tilt(stack)
        or _describe_slant(stack)
        or _describe_uneven(stack)
    )
    if reason:
        return Usability.IN_PLANE, f"{reason} {IN_PLANE}"
    return Usability.VOLUME, None


def measure_slice_spacing_mm(stack: Sequence[Slice]) -> float | None:
    """Return the distance between slices from their positions; the usual one where it varies.

    For even slices it is the mean, in which the rounding of single positions cancels.
    """
    if stack[0].plane is None or len(stack) == 1:
        return None
    gaps = [gap for gap in _measure_gaps_mm(stack) if gap > SAME_POSITION_MM]
    if len(gaps) == len(stack) - 1 and not _describe_uneven(stack):
        return measure_distances_mm(stack)[-1] / len(gaps)
    return statistics.median_low(gaps) if gaps else None


def _describe_unfit(image: Slice) -> str | None:
    """Explain why not even an in-plane length can be taken: by kind of image, or geometry."""
    instance, image_type = image.instance, frozenset(image.image_type)
    photometric = instance.photometric_interpretation.strip().upper()
    if instance.samples_per_pixel > 1 or (photometric and not photometric.startswith("MONOCHROME")):
        return "A colour image: its pixels are a picture and not the signal."
    if "MOSAIC" in image_type:
        return "A mosaic: all slices are tiles of one picture, so its pixels have no place."
    if image_type & PROJECTIONS:
        return "A projection (MIP) of many slices: depth is lost."
    if "DERIVED" in image_type and image_type & REFORMATS:
        return (
            "A picture computed from other images (a reformat or a projection): "
            "measure on the series that it was made from."
        )
    if f"{instance.sop_class_uid}.".startswith(f"{SECONDARY_CAPTURE}."):
        return "A secondary capture: a copy of a picture and not what the scanner measured."
    return image.fault or explain_not_decodable(instance.transfer_syntax_uid) or None


def _list_planes(stack: Sequence[Slice]) -> list[ImagePlane]:
    return [image.plane for image in stack if image.plane is not None]


def _measure_gaps_mm(stack: Sequence[Slice]) -> list[float]:
    distances = measure_distances_mm(stack)
    return [b - a for a, b in pairwise(distances)]


def _compute_leeway_mm(spacing_mm: float) -> float:
    """Return how far a slice may lie from its place on the even grid."""
    return min(UNEVEN_MM, UNEVEN * spacing_mm)


def _describe_repeated(stack: Sequence[Slice]) -> str | None:
    """Name slices at one position."""
    runs: list[list[int]] = [[1]]
    for number, gap in enumerate(_measure_gaps_mm(stack), start=2):
        if gap > SAME_POSITION_MM:
            runs.append([])
        runs[-1].append(number)
    repeats = [run for run in runs if len(run) > 1]
    if not repeats:
        return None
    run = repeats[0]
    further = f", and so do others at {_count(len(repeats) - 1, 'further position')}"
    return (
        f"Slices {', '.join(map(str, run[:-1]))} and {run[-1]} lie at one position"
        f"{further if len(repeats) > 1 else ''}, and the headers do not tell them apart."
    )


def _describe_tilt(stack: Sequence[Slice]) -> str | None:
    """Name slices that are not parallel, measured at the far corner of the image."""
    first, *rest = _list_planes(stack)
    right = first.columns * first.column_spacing_mm
    down = first.rows * first.row_spacing_mm
    worst_mm = max(
        right * math.dist(first.row_direction, plane.row_direction)
        + down * math.dist(first.column_direction, plane.column_direction)
        for plane in rest
    )
    if worst_mm <= TILT_MM:
        return None
    degrees = max(measure_angle_degrees(first, plane) for plane in rest)
    return (
        f"The slices are tilted against each other by up to {degrees:.2g} degrees, "
        f"{worst_mm:.1f} mm at the corner of the image."
    )


def _describe_slant(stack: Sequence[Slice]) -> str | None:
    """Name slices that do not start straight above each other, seen along the normal."""
    first, *rest = _list_planes(stack)
    shifts = [_measure_sideways_mm(first, plane) for plane in rest]
    depths = [abs(first.measure_distance_mm(plane.position_lps_mm)) for plane in rest]
    pairs = zip(shifts, depths, strict=True)
    if all(shift <= SLANT_MM + SLANT * depth for shift, depth in pairs):
        return None
    degrees = math.degrees(math.atan2(shifts[-1], depths[-1]))
    return (
        f"The slices are shifted sideways against the first by up to {max(shifts):.1f} mm "
        f"(a slant of {degrees:.1f} degrees from first to last)."
    )


def _measure_sideways_mm(first: ImagePlane, second: ImagePlane) -> float:
    a, b = first.position_lps_mm, second.position_lps_mm
    offset = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
    return math.hypot(
        multiply_scalar(offset, first.row_direction),
        multiply_scalar(offset, first.column_direction),
    )


def _describe_uneven(stack: Sequence[Slice]) -> str | None:
    """Name missing slices, or the range of the gaps."""
    distances, gaps = measure_distances_mm(stack), _measure_gaps_mm(stack)
    mean = distances[-1] / len(gaps)
    if all(abs(d - k * mean) <= _compute_leeway_mm(mean) for k, d in enumerate(distances)):
        return None
    usual = statistics.median_low(gaps)
    missing_counts = [round(gap / usual) - 1 for gap in gaps]
    fits = all(
        abs(gap - (absent + 1) * usual) <= 2 * _compute_leeway_mm(usual)
        for gap, absent in zip(gaps, missing_counts, strict=True)
    )
    if not fits or not any(missing_counts):
        return (
            f"The slices are unevenly spaced: gaps of {min(gaps):.2f} to {max(gaps):.2f} mm "
            f"between neighbours."
        )
    holes = [(k, absent) for k, absent in enumerate(missing_counts, start=1) if absent]
    words = [
        f"{_count(absent, 'slice')} {'is' if absent == 1 else 'are'} missing between slice {k} "
        f"and {k + 1}: the gap is {gaps[k - 1]:.1f} mm where the others are {usual:.1f} mm"
        for k, absent in holes[:NAMED_GAPS]
    ]
    if len(holes) > NAMED_GAPS:
        words.append(f"and there are gaps at {_count(len(holes) - NAMED_GAPS, 'further place')}")
    sentence = "; ".join(words)
    return sentence[0].upper() + sentence[1:] + "."


def _count(number: int, noun: str) -> str:
    """Write a number of things: small ones in words."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    amount = words[number] if number < len(words) else str(number)
    return f"{amount} {noun}{'' if number == 1 else 's'}"
