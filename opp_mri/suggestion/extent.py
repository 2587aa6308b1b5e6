"""The greatest AP extent on the native slices of one sequence.

All sequences of the visit together say which region is the lesion; each sequence's own signal says
where its ends are.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.imaging import SeriesRole
from opp_mri.suggestion.body import Body, Mask
from opp_mri.suggestion.images import STEP_MM, compute_axis_mm
from opp_mri.suggestion.marrow import Abnormality

Indices = NDArray[np.intp]

HALF: Final = 0.5  # as far from marrow as from the lesion
MOST_WEIGHT: Final = 8.0
SEED_WITHIN_MM: Final = 2.5
GROWN_MM: Final = 2.4  # a sequence may differ this much from the region that all show
ROWS_SD_MM: Final = 0.9  # over which the extent of rows is averaged to choose one
VEIN_MM: Final = 7.2  # the vein is lower than this
VEIN_LENGTH_MM: Final = 1.2  # and juts out by more than this
VEIN_AT_WALL_MM: Final = 2.0
VEIN_PLATEAU_MM: Final = 1.8  # the rows of the vein reach about as far
STEEP: Final = 1.8  # mm along the AP axis for each mm down the spine; a rounded tip is flatter
VEIN_FROM_MIDDLE_MM: Final = 5.0  # of the height of the body
VEIN_BEHIND: Final = 0.55  # share of the depth in front of which there is no vein
BESIDE_ROWS: Final = 6
BEND_MM: Final = 2.4
MOST_BEND: Final = 0.4
NECK: Final = ndimage.generate_binary_structure(2, 1)[None]  # narrower bridges are cut
LEAST_RUN_MM: Final = 2.0


@frozen(kw_only=True)
class Chord:
    """A line along the AP axis on one slice of a sequence.

    Parameters
    ----------
    index
        Which slice of the patches.
    v_mm, front_mm, back_mm
        Its place down the spine, and both ends along the AP axis, mm from the seed.
    back_beside
        Where the basivertebral vein joins the posterior end: (v, u) of the end on the nearest rows
        above and below the vein. Empty otherwise.
    front_bend, back_bend
        Curvature of the outline at the ends, 1/mm; positive where it is convex.
    """

    index: int
    v_mm: float
    front_mm: float
    back_mm: float
    back_beside: tuple[tuple[float, float], ...] = ()
    front_bend: float = 0.0
    back_bend: float = 0.0


def join_evidence(own: Abnormality, evidence: Mapping[SeriesRole, Abnormality]) -> FloatArray:
    """Return the mean abnormality of all sequences on the slices of one, shape (slices, v, u).

    Each other sequence is taken from its nearest native slice, weighted by its contrast.
    """
    total = np.zeros(own.flat.shape, np.float32)
    weights = np.zeros((len(own.patches.slices), 1, 1))
    spacing = own.patches.image.geometry.spacing_kji_mm[0]
    for sequence_evidence in evidence.values():
        weight = min(sequence_evidence.contrast_to_texture, MOST_WEIGHT)
        values = np.clip(sequence_evidence.compute_values(), -0.5, 1.5)
        for index, across in enumerate(own.patches.across_mm):
            distance = np.abs(sequence_evidence.patches.across_mm - across)
            nearest = int(np.argmin(distance))
            if distance[nearest] <= 0.6 * spacing:
                total[index] += weight * values[nearest]
                weights[index] += weight
    joint: FloatArray = total / np.maximum(weights, 1e-9)
    return joint


def find_lesion_region(joint: FloatArray, own: Abnormality, body: Body) -> NDArray[np.bool_] | None:
    """Return the abnormal region of the body that holds the seed, shape (slices, v, u), or None."""
    smooth = ndimage.gaussian_filter(joint, (0, 0.8, 0.8))
    abnormal = (smooth > HALF) & body.interior[body.cut]
    labels, _ = ndimage.label(ndimage.binary_opening(abnormal, NECK))
    middle = int(np.argmin(np.abs(own.patches.across_mm)))
    v_mm, u_mm = body.compute_axes_mm()
    distance = np.hypot(v_mm[:, None], u_mm[None, :])
    distance = np.where(labels[middle] > 0, distance, np.inf)
    nearest = np.unravel_index(int(np.argmin(distance)), distance.shape)
    if distance[nearest] > SEED_WITHIN_MM:
        return None
    region: NDArray[np.bool_] = labels == labels[middle][nearest]
    return region


def find_greatest_chord(own: Abnormality, region: NDArray[np.bool_], body: Body) -> Chord | None:
    """Find the longest run of abnormal signal along the AP axis over the slices."""
    v_mm, u_mm = body.compute_axes_mm()
    reach = round(GROWN_MM / STEP_MM)
    smooth = ndimage.gaussian_filter(own.compute_values(), (0, 0.8, 0.8))
    support = ndimage.binary_dilation(region, NECK, iterations=reach) & body.interior[body.cut]
    best: Chord | None = None
    best_length = LEAST_RUN_MM
    for index, lesion in enumerate(region):
        rows = np.flatnonzero(lesion.any(axis=1))
        if not len(rows):
            continue
        ends = _find_longest_runs(smooth[index, rows], support[index, rows], lesion[rows], u_mm)
        back, is_veiled = _without_vein(ends[:, 1], v_mm[rows], body)
        lengths = ndimage.gaussian_filter1d(back - ends[:, 0], ROWS_SD_MM / STEP_MM)
        place = int(np.argmax(lengths))
        if lengths[place] > best_length:
            best_length = float(lengths[place])
            beside: tuple[tuple[float, float], ...] = ()
            if is_veiled[place]:
                clear = np.flatnonzero(~is_veiled)
                nearest = (clear[clear < place][-1:], clear[clear > place][:1])
                beside = tuple(
                    (float(v_mm[rows[row]]), float(back[row])) for side in nearest for row in side
                )
            best = Chord(
                index=index,
                v_mm=float(v_mm[rows[place]]),
                front_mm=float(ends[place, 0]),
                back_mm=float(back[place]),
                back_beside=beside,
                front_bend=_compute_bend(-ends[:, 0], place),
                back_bend=_compute_bend(back, place),
            )
    return best


def _compute_bend(ends_mm: FloatArray, place: int) -> float:
    """Return the curvature of the outline at a row, 1/mm: that of a parabola through the rows."""
    reach = round(BEND_MM / STEP_MM)
    rows = np.arange(max(place - reach, 0), min(place + reach + 1, len(ends_mm)))
    if len(rows) < 5:
        return 0.0
    x = (rows - place) * STEP_MM
    return float(
        np.clip(-2 * np.polynomial.polynomial.polyfit(x, ends_mm[rows], 2)[2], 0, MOST_BEND)
    )


def _without_vein(
    back_mm: FloatArray, v_mm: FloatArray, body: Body
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Take the posterior end from the rows by the basivertebral vein where it joins the lesion.

    Parameters
    ----------
    back_mm, v_mm
        Posterior end of each row of the lesion, and its place down the spine, mm.

    Returns
    -------
    tuple
        The ends without the vein, and which rows it hides.
    """
    no_rows = np.zeros(len(back_mm), np.bool_)
    size = 2 * round(min(VEIN_MM, 0.6 * len(back_mm) * STEP_MM) / 2 / STEP_MM) + 1
    if len(back_mm) < 6:
        return back_mm, no_rows
    _, u_mm = compute_axis_mm()
    middle_mm = float(np.interp(0.0, u_mm, (body.top_mm + body.bottom_mm) / 2))
    front, wall = (
        float(np.interp(middle_mm, compute_axis_mm()[0], w)) for w in (body.front_mm, body.back_mm)
    )
    central = (np.abs(v_mm - middle_mm) < VEIN_FROM_MIDDLE_MM) & (
        back_mm > front + VEIN_BEHIND * (wall - front)
    )
    peak = central & (back_mm - ndimage.grey_opening(back_mm, (size,)) > VEIN_LENGTH_MM)
    if not peak.any():
        return back_mm, no_rows
    farthest = float(back_mm[peak].max())
    if farthest > wall - VEIN_AT_WALL_MM:  # joined to the wall: the middle of what reaches as far
        plateau = np.flatnonzero(central & (back_mm > farthest - VEIN_PLATEAU_MM))
        top = int(plateau[len(plateau) // 2])
    else:
        top = int(np.argmax(np.where(peak, back_mm, -np.inf)))
    is_veiled = _find_rows_between_steps(back_mm, top)
    if not is_veiled.any():
        return back_mm, no_rows
    is_veiled = ndimage.binary_dilation(is_veiled, iterations=1)
    clear = np.flatnonzero(~is_veiled)
    if len(clear) < 4:
        return back_mm, no_rows
    repaired_mm = back_mm.copy()
    for row in np.flatnonzero(is_veiled):
        near = clear[np.argsort(np.abs(clear - row))[:BESIDE_ROWS]]
        order = 2 if (near < row).sum() >= 2 and (near > row).sum() >= 2 else 0
        line = np.polynomial.polynomial.polyfit(near - row, back_mm[near], order)
        repaired_mm[row] = np.clip(line[0], back_mm[near].min(), back_mm[near].max() + 1.5)
    return repaired_mm, is_veiled


def _find_rows_between_steps(back_mm: FloatArray, top: int) -> NDArray[np.bool_]:
    """Return the rows around a peak that a steep step bounds above and below: a vein, not a tip."""
    rows = np.zeros(len(back_mm), np.bool_)
    slope = np.diff(back_mm) / STEP_MM
    reach = round(VEIN_MM / 2 / STEP_MM)
    rise, fall = slope[max(top - reach, 0) : top], -slope[top : top + reach]
    if len(rise) and len(fall) and rise.max() > STEEP and fall.max() > STEEP:
        first = max(top - reach, 0) + int(np.argmax(rise)) + 1
        rows[first : top + int(np.argmax(fall)) + 1] = True
    return rows


def _find_longest_runs(
    values: FloatArray, support: Mask, lesion: Mask, u_mm: FloatArray
) -> FloatArray:
    """Return both ends of the longest abnormal run of each row that meets the lesion, mm.

    Parameters
    ----------
    values, support, lesion
        Abnormality, where a run may lie, and the lesion, shape (rows, columns).

    Returns
    -------
    numpy.ndarray
        Shape (rows, 2); 0 and 0 where there is none.
    """
    inside = np.pad(((values > HALF) & support).astype(np.int8), ((0, 0), (1, 1)))
    steps = np.diff(inside, axis=1)
    rows, first = np.nonzero(steps == 1)
    last = np.nonzero(steps == -1)[1] - 1
    sums = np.pad(np.cumsum(lesion, axis=1), ((0, 0), (1, 0)))
    is_met = sums[rows, last + 1] > sums[rows, first]
    rows, first, last = rows[is_met], first[is_met], last[is_met]
    start = _place_crossings(values, u_mm, rows, first, -1)
    end = _place_crossings(values, u_mm, rows, last, 1)
    ends = np.zeros((len(values), 2))
    for run in np.argsort(end - start, kind="stable"):  # the longest comes last
        ends[rows[run]] = start[run], end[run]
    return ends


def _place_crossings(
    values: FloatArray, u_mm: FloatArray, rows: Indices, columns: Indices, step: int
) -> FloatArray:
    """Place the crossings of `HALF` between columns and the next ones, by straight lines."""
    beyond = np.clip(columns + step, 0, values.shape[1] - 1)
    signal, next_signal = values[rows, columns], values[rows, beyond]
    is_crossed = (beyond != columns) & (next_signal < HALF)
    share = np.where(
        is_crossed, (signal - HALF) / np.where(is_crossed, signal - next_signal, 1.0), 0.0
    )
    crossings: FloatArray = u_mm[columns] + step * share * STEP_MM
    return crossings
