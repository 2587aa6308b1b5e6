"""The signal of a lesion against that of marrow that was not irradiated, on one series."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from opp_mri.contours.masks import fill_polygons
from opp_mri.contours.volume import Parts


@frozen(kw_only=True)
class SignalRatio:
    """Mean signal of a lesion over that of a reference.

    Parameters
    ----------
    ratio
        The quotient of both means; it has no unit.
    lesion_mean, reference_mean
        Means of the stored values, in units of the series.
    lesion_pixels, reference_pixels
        How many pixels each is the mean of.
    """

    ratio: float
    lesion_mean: float
    reference_mean: float
    lesion_pixels: int
    reference_pixels: int


def measure_signal_ratio(
    voxels: NDArray[Any], lesion: Mapping[int, Parts], reference: Mapping[int, Parts]
) -> SignalRatio | None:
    """Divide the mean signal within a lesion by that within a reference.

    Parameters
    ----------
    voxels
        Native values, shape (slices, rows, columns).
    lesion, reference
        Outlines by the index of their slice, corners (column, row) in pixels; a pixel counts where
        its centre lies within.

    Returns
    -------
    SignalRatio or None
        None where an outline holds the centre of no pixel, the reference has no signal, or
        the mean of the lesion is negative.
    """
    lesion_values, reference_values = (
        np.concatenate(
            [
                voxels[index][fill_polygons(parts, voxels.shape[1:])].astype(np.float64)
                for index, parts in outlines.items()
            ]
        )
        for outlines in (lesion, reference)
    )
    if not len(lesion_values) or not len(reference_values):
        return None
    lesion_mean, reference_mean = float(lesion_values.mean()), float(reference_values.mean())
    if lesion_mean < 0 or reference_mean <= 0:
        return None
    return SignalRatio(
        ratio=lesion_mean / reference_mean,
        lesion_mean=lesion_mean,
        reference_mean=reference_mean,
        lesion_pixels=len(lesion_values),
        reference_pixels=len(reference_values),
    )
