"""Smooth paths of strong evidence across an image, by dynamic programming."""

import numpy as np

from opp_mri.domain.geometry import FloatArray


def smooth_path(evidence: FloatArray, *, stiffness: float, reach: int = 2) -> FloatArray:
    """Return the path through an image, one column in each row, with the most evidence.

    Parameters
    ----------
    evidence
        Shape (rows, columns); -inf where the path must not run.
    stiffness
        Evidence that a step of one column costs; the cost grows with the square of the step.
    reach
        The most columns by which the path may move from one row to the next.

    Returns
    -------
    numpy.ndarray
        Column of the path in each row, shape (rows,), refined by a parabola to a part of a column.
    """
    rows, columns = evidence.shape
    steps = np.arange(-reach, reach + 1)
    price = stiffness * steps.astype(np.float64) ** 2
    best = evidence[0].copy()
    came_from = np.zeros((rows, columns), np.intp)
    padded_path = np.full(columns + 2 * reach, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded_path, 2 * reach + 1)
    everywhere = np.arange(columns)
    for row in range(1, rows):
        padded_path[reach:-reach] = best
        options = windows - price
        choice = options.argmax(axis=1)
        came_from[row] = everywhere + choice - reach
        best = options[everywhere, choice] + evidence[row]
    path = np.empty(rows, np.intp)
    path[-1] = best.argmax()
    for row in range(rows - 1, 0, -1):
        path[row - 1] = came_from[row, path[row]]
    return _refine(evidence, path)


def _refine(evidence: FloatArray, path: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FloatArray:
    rows = np.arange(len(path))
    inner = np.clip(path, 1, evidence.shape[1] - 2)
    low, middle, high = (evidence[rows, inner + step] for step in (-1, 0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        bend = low - 2 * middle + high
        offset = np.where(bend < -1e-9, 0.5 * (low - high) / bend, 0.0)
    offset = np.where((path == inner) & np.isfinite(offset), np.clip(offset, -0.5, 0.5), 0.0)
    refined_path: FloatArray = path.astype(np.float64) + offset
    return refined_path


def compute_step_evidence(image: FloatArray, before: int, after: int) -> FloatArray:
    """Return, at each column, the mean of `before` columns ahead of it less that of `after` behind.

    Parameters
    ----------
    image
        Shape (rows, columns).
    before, after
        Number of columns that are averaged on each side.
    """
    sums = np.cumsum(np.pad(image, ((0, 0), (1, 0))), axis=1)
    columns = np.arange(image.shape[1])
    low = np.maximum(columns - before, 0)
    high = np.minimum(columns + after, image.shape[1])
    ahead = (sums[:, columns] - sums[:, low]) / np.maximum(columns - low, 1)
    behind = (sums[:, high] - sums[:, columns]) / np.maximum(high - columns, 1)
    evidence: FloatArray = ahead - behind
    return evidence
