"""A contour that follows edges between two clicks: the live wire (Mortensen and Barrett 1998).

The path is the one of least cost through the gradient of the image, on a grid of half a pixel.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.measurement import PixelPoint

GRID: Final = 2  # points of the grid in a pixel, each way
SMOOTHING_PX: Final = 0.7
MARGIN_PX: Final = 12  # the path may leave the box of its two ends by so much
FLOOR: Final = 0.05
STRONG_QUANTILE: Final = 0.98
TOLERANCE_PX: Final = 0.15


def trace_edge(
    image: NDArray[np.generic], start: PixelPoint, end: PixelPoint
) -> tuple[PixelPoint, ...]:
    """Return the path along edges from one point to another.

    Parameters
    ----------
    image
        Native values, shape (rows, columns).
    start, end
        Points (column, row) in pixels, on the image.

    Returns
    -------
    tuple of tuple of float
        Corners (column, row) from `start` to `end`, both included as they were given.
    """
    from skimage.graph import route_through_array  # slow to import; a window is up before it
    from skimage.measure import approximate_polygon

    ends = np.array([start[::-1], end[::-1]])
    least = np.maximum(np.floor(ends.min(axis=0)).astype(int) - MARGIN_PX, 0)
    most = np.minimum(np.ceil(ends.max(axis=0)).astype(int) + MARGIN_PX + 1, image.shape)
    cost = _compute_cost(image[least[0] : most[0], least[1] : most[1]])
    last = np.array(cost.shape) - 1
    first, final = (
        tuple(np.clip(np.rint((point - least) * GRID).astype(int), 0, last)) for point in ends
    )
    path, _ = route_through_array(cost, first, final, fully_connected=True, geometric=True)
    corners = approximate_polygon(np.asarray(path, dtype=float) / GRID, TOLERANCE_PX) + least
    inner = [(float(column), float(row)) for row, column in corners[1:-1]]
    return (start, *inner, end)


def tidy_polygon(points: tuple[PixelPoint, ...]) -> tuple[PixelPoint, ...]:
    """Return the outline of what a polygon encloses, without what it runs along twice.

    Where it encloses several parts, the largest is taken.

    Parameters
    ----------
    points
        Corners (column, row) in pixels.
    """
    from scipy.ndimage import binary_fill_holes
    from skimage.draw import polygon2mask
    from skimage.measure import approximate_polygon, find_contours, label

    fine = 8
    corners = np.asarray(points, dtype=float)[:, ::-1]
    origin = np.floor(corners.min(axis=0)) - 1
    shape = ((np.ceil(corners.max(axis=0)) + 1 - origin) * fine).astype(int) + 1
    mask = polygon2mask(tuple(shape), (corners - origin) * fine)
    parts = label(mask, connectivity=1)
    if not parts.max():
        return points
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    outline = max(find_contours(binary_fill_holes(largest).astype(float), 0.5), key=len)
    outline = approximate_polygon(outline, 0.6)[:-1] / fine + origin
    return tuple((float(column), float(row)) for row, column in outline)


def _compute_cost(image: NDArray[np.generic]) -> FloatArray:
    """Return the cost of each point of the fine grid: low on edges, 0.05 to 20."""
    from scipy.ndimage import gaussian_filter, zoom

    values = image.astype(np.float64)
    factors = [(GRID * (length - 1) + 1) / length for length in values.shape]
    smooth = gaussian_filter(values, SMOOTHING_PX)
    fine = zoom(smooth, factors, order=3)
    gradient = np.hypot(*np.gradient(fine))
    strong = float(np.quantile(gradient, STRONG_QUANTILE)) or 1.0
    cost: FloatArray = 1.0 / (FLOOR + gradient / strong)
    return cost
