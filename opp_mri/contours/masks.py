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


def measure_depths_mm(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> FloatArray:
    """Return the signed distance of each pixel to the boundary of a mask, positive inside, mm.

    Parameters
    ----------
    mask
        Shape (rows, columns), or (slices, rows, columns).
    spacing_mm
        Distance between columns, rows and, if there are any, slices.
    """
    import SimpleITK as sitk  # noqa: N813 - slow to import, and few masks need it

    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(tuple(spacing_mm))
    signed = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    depths: FloatArray = sitk.GetArrayFromImage(signed).astype(np.float64)
    return depths
