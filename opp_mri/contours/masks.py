"""Contours as masks of pixels: a pixel belongs to a contour where its centre lies within."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.measurement import PixelPoint


def fill_polygons(
    polygons: Iterable[Sequence[PixelPoint] | FloatArray], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return the pixels within polygons; one that lies within another is a hole.

    Parameters
    ----------
    polygons
        Corners (column, row) in pixels.
    shape
        Rows and columns of the image.
    """
    from skimage.draw import polygon2mask

    mask = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        mask ^= polygon2mask(shape, np.asarray(polygon)[:, ::-1])
    return mask
