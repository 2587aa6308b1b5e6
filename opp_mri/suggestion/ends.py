"""Both ends of an extent, fitted on the native pixels of their slice."""

import math
from typing import Final

import numpy as np
from attrs import frozen
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray
from opp_mri.suggestion.body import Body
from opp_mri.suggestion.edges import EdgePrior, StripPrior, fit_edge, fit_edge_before_wall
from opp_mri.suggestion.extent import Chord
from opp_mri.suggestion.images import ApFrame, SequenceImage, compute_axis_mm, convert_to_pixels
from opp_mri.suggestion.marrow import Abnormality

LINE_WIDTH_MM: Final = 1.2  # the profile is the mean of lines this wide
VEIN_ERROR_MM: Final = 0.3
AT_WALL_MM: Final = 0.8  # less marrow than this between the lesion and the wall is not seen
NEAR_WALL_MM: Final = 3.0  # nearer to the wall, lesion, marrow and cortex are fitted together
WALL_SD_MM: Final = 0.6  # of the modelled wall
CORTEX_MM: Final = 1.2  # of the line behind the wall that is fitted
INNER_MM, OUTER_MM = 5.0, 4.0
LEAST_RISE: Final = 0.35  # of the abnormality behind an end: another lesion


@frozen(kw_only=True)
class End:
    """One end of an extent.

    Parameters
    ----------
    u_mm, standard_error_mm
        Place along the AP axis, and how well it is known, mm.
    at_wall
        Whether it was placed at the modelled wall, as the signal shows no edge there.
    blur_mm
        Blur of the fitted edge; 0 at a wall.
    """

    u_mm: float
    standard_error_mm: float
    at_wall: bool = False
    blur_mm: float = 0.0


class NativeProfile:
    """Signal along the AP axis on one native slice, interpolated by cubic splines."""

    def __init__(self, frame: ApFrame, image: SequenceImage, k: int, chord: Chord) -> None:
        self.frame, self.image = frame, image
        around = convert_to_pixels(
            frame,
            image,
            np.array([chord.v_mm - 8, chord.v_mm - 8, chord.v_mm + 8, chord.v_mm + 8]),
            np.array([chord.front_mm, chord.back_mm] * 2) + np.array([-14, 14, -14, 14]),
        )
        low = np.maximum(np.floor(around.min(axis=1)).astype(int), 0)
        high = np.ceil(around.max(axis=1)).astype(int) + 2
        self.corner = low[:, None, None]
        crop = image.voxels[k][low[0] : high[0], low[1] : high[1]]
        self.splines = ndimage.spline_filter(crop, 3, output=np.float64)
        rows_mm, columns_mm = image.geometry.spacing_kji_mm[1:]
        toward = frame.posterior
        self.pixel_mm = 1 / math.hypot(
            float(toward @ image.geometry.directions[1]) / rows_mm,
            float(toward @ image.geometry.directions[2]) / columns_mm,
        )

    def average_profile(self, v_mm: float, u_mm: FloatArray) -> FloatArray:
        """Return the mean over the width of the line at places u."""
        lines = np.array([-0.5, 0.0, 0.5]) * LINE_WIDTH_MM + v_mm
        pixels = (
            convert_to_pixels(self.frame, self.image, lines[:, None], u_mm[None, :]) - self.corner
        )
        values = ndimage.map_coordinates(self.splines, pixels, order=3, prefilter=False)
        mean: FloatArray = values.mean(axis=0)
        return mean


@frozen(kw_only=True, eq=False)
class _Line:
    """A line across an end, and the signal to expect on it.

    Parameters
    ----------
    v_mm, start_mm
        Its place down the spine, and the end as it was found first, mm in the frame of the seed.
    outwards
        1 towards posterior, -1 towards anterior.
    room_mm
        From the end to the modelled wall.
    depth_mm
        Length of the chord.
    marrow, contrast, texture
        Level of marrow, of the lesion less marrow, and spread of marrow.
    """

    profile: NativeProfile
    v_mm: float
    start_mm: float
    outwards: float
    room_mm: float
    depth_mm: float
    marrow: float
    contrast: float
    texture: float

    def sample(self, x_mm: FloatArray) -> FloatArray:
        """Return the signal at places on the line, mm outwards of its start."""
        return self.profile.average_profile(self.v_mm, self.start_mm + self.outwards * x_mm)


def fit_end(
    profile: NativeProfile, own: Abnormality, chord: Chord, body: Body, *, posterior: bool
) -> End | None:
    """Fit one end of a chord; None without an edge of its own before the wall.

    An end that a vein hides is fitted on the rows next to the vein.
    """
    if not (posterior and chord.back_beside):
        place = chord.back_mm if posterior else chord.front_mm
        return _fit_on_row(profile, own, chord, body, (chord.v_mm, place), posterior=posterior)
    fitted_ends = [
        (end, u_mm)
        for v_mm, u_mm in chord.back_beside
        if (end := _fit_on_row(profile, own, chord, body, (v_mm, u_mm), posterior=True)) is not None
    ]
    if not fitted_ends:
        return None
    shift = sum(end.u_mm - u_mm for end, u_mm in fitted_ends) / len(fitted_ends)
    return End(
        u_mm=chord.back_mm + shift,
        standard_error_mm=math.hypot(
            max(end.standard_error_mm for end, _ in fitted_ends), VEIN_ERROR_MM
        ),
        blur_mm=max(end.blur_mm for end, _ in fitted_ends),
    )


def _fit_on_row(
    profile: NativeProfile,
    own: Abnormality,
    chord: Chord,
    body: Body,
    at: tuple[float, float],
    *,
    posterior: bool,
) -> End | None:
    line_mm, start = at
    room = (locate_wall_mm(body, line_mm, posterior=posterior) - start) * (1 if posterior else -1)
    v_mm, u_mm = body.compute_axes_mm()
    row, column = (int(np.argmin(np.abs(a - b))) for a, b in ((v_mm, line_mm), (u_mm, start)))
    shade = float(own.shading[row, column])
    contrast = own.contrast * shade
    line = _Line(
        profile=profile,
        v_mm=line_mm,
        start_mm=start,
        outwards=1.0 if posterior else -1.0,
        room_mm=room,
        depth_mm=chord.back_mm - chord.front_mm,
        marrow=own.marrow * shade,
        contrast=contrast,
        texture=abs(contrast) / own.contrast_to_texture,
    )
    return _fit_before_wall(line) if room < NEAR_WALL_MM else _fit_in_marrow(line)


def _fit_before_wall(line: _Line) -> End | None:
    x_mm = np.arange(
        -min(INNER_MM + 1, 0.6 * line.depth_mm), line.room_mm + CORTEX_MM, line.profile.pixel_mm
    )
    values = line.sample(x_mm)
    marrow, contrast = line.marrow, abs(line.contrast)
    cortex = float(values[x_mm > line.room_mm - 0.5].min(initial=marrow))
    strip = fit_edge_before_wall(
        x_mm,
        values,
        StripPrior(
            lesion=marrow + line.contrast,
            marrow=marrow,
            cortex=cortex,
            lesion_sd=0.2 * contrast,
            marrow_sd=1.5 * line.texture,
            cortex_sd=0.3 * max(contrast, abs(marrow - cortex)),
            wall_mm=line.room_mm,
            wall_sd_mm=WALL_SD_MM,
            blur_mm=0.7 * line.profile.pixel_mm,
            noise=max(line.texture, 0.03 * contrast),
        ),
    )
    if not x_mm[0] < strip.position_mm <= x_mm[-1]:
        return None
    return End(
        u_mm=line.start_mm + line.outwards * strip.position_mm,
        standard_error_mm=strip.standard_error_mm,
        at_wall=strip.strip_mm < AT_WALL_MM,
        blur_mm=strip.blur_mm,
    )


def _fit_in_marrow(line: _Line) -> End | None:
    outer = min(OUTER_MM, line.room_mm - 0.3)
    x_mm = np.arange(-min(INNER_MM, 0.5 * line.depth_mm), outer + 1e-6, line.profile.pixel_mm)
    values = line.sample(x_mm)
    sample_count = _count_before_next((values - line.marrow) / line.contrast, x_mm)
    prior = EdgePrior(
        inside=line.marrow + line.contrast,
        outside=line.marrow,
        inside_sd=0.2 * abs(line.contrast),
        outside_sd=1.5 * line.texture,
        blur_mm=0.7 * line.profile.pixel_mm,
    )
    edge = fit_edge(x_mm[:sample_count], values[:sample_count], 0.0, prior)
    if edge is None:
        return None
    return End(
        u_mm=line.start_mm + line.outwards * edge.position_mm,
        standard_error_mm=edge.standard_error_mm,
        blur_mm=edge.blur_mm,
    )


def _count_before_next(abnormality: FloatArray, x_mm: FloatArray) -> int:
    """Return how many samples to fit: up to the marrow before what else is abnormal behind it."""
    first = int(np.searchsorted(x_mm, 0.0))
    if first >= len(x_mm):
        return len(x_mm)
    lowest = first + int(np.argmin(abnormality[first:]))
    rises = abnormality[lowest:].max() - abnormality[lowest] > LEAST_RISE
    return lowest + 1 if rises else len(x_mm)


def locate_wall_mm(body: Body, row_mm: float, *, posterior: bool) -> float:
    """Return u of the wall of the body at a place v down the spine."""
    v_mm, _ = compute_axis_mm()
    wall = body.back_mm if posterior else body.front_mm
    return float(np.interp(row_mm, v_mm, wall))
