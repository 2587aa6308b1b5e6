"""A grid of tissue labels to paint on, in the straight frame of the spine."""

import math

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.phantom.tissue import Tissue

Span = tuple[float, float]
Axis = NDArray[np.float32]


@frozen(kw_only=True, eq=False)
class Canvas:
    """A grid of labels, or a box of a larger one that shares its memory.

    Parameters
    ----------
    origin_mm
        Centre of the first cell in the order z, y, x.
    spacing_mm
        Size of a cell, in the same order.
    labels
        Shape (z, y, x).
    """

    origin_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]
    labels: NDArray[np.uint8] = field(repr=False)

    def get_axes(self) -> tuple[Axis, Axis, Axis]:
        """Return z, y and x of the cells in mm, shaped to broadcast over the grid."""
        lines = [
            (start + step * np.arange(count)).astype(np.float32)
            for start, step, count in zip(
                self.origin_mm, self.spacing_mm, self.labels.shape, strict=True
            )
        ]
        return lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]

    def cut_box(self, z_mm: Span, y_mm: Span, x_mm: Span) -> "Canvas":
        """Return the part of the grid within these bounds; painting on it paints on the whole."""
        slices, origin = [], []
        for span, start, step, count in zip(
            (z_mm, y_mm, x_mm), self.origin_mm, self.spacing_mm, self.labels.shape, strict=True
        ):
            low = min(max(math.floor((span[0] - start) / step), 0), count)
            high = min(max(math.ceil((span[1] - start) / step) + 1, 0), count)
            slices.append(slice(low, high))
            origin.append(start + step * low)
        return Canvas(
            origin_mm=(origin[0], origin[1], origin[2]),
            spacing_mm=self.spacing_mm,
            labels=self.labels[tuple(slices)],
        )

    def put(self, tissue: Tissue, where: NDArray[np.bool_]) -> None:
        """Paint a tissue where the mask, which may still have to broadcast, is true."""
        self.labels[np.broadcast_to(where, self.labels.shape)] = tissue


def smooth_noise(
    rng: np.random.Generator, canvas: Canvas, scale_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Return noise of mean 0 and standard deviation near 1 on the grid.

    Parameters
    ----------
    rng
        Its random numbers.
    canvas
        The grid.
    scale_mm
        Distance in z, y and x over which it changes.
    """
    shape, spacing = canvas.labels.shape, canvas.spacing_mm
    coarse = tuple(
        max(math.ceil(count * step / scale) + 1, 2)
        for count, step, scale in zip(shape, spacing, scale_mm, strict=True)
    )
    values = rng.standard_normal(coarse).astype(np.float32)
    for axis, (count, few) in enumerate(zip(shape, coarse, strict=True)):
        place = np.linspace(0, few - 1, count, dtype=np.float32)
        low = np.minimum(place.astype(np.intp), few - 2)
        share = (place - low).reshape([-1 if number == axis else 1 for number in range(3)])
        share = share * share * (3 - 2 * share)
        values = np.take(values, low, axis) * (1 - share) + np.take(values, low + 1, axis) * share

    return values * np.float32(1.6)  # interpolation takes about 0.85 an axis
