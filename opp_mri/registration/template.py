"""The part of a fixed image that is compared: points around a centre, with their derivatives."""

from functools import cached_property
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Float32Array, Layer

LEVER_MM: Final = 30.0  # a turn is measured by what it does at this distance
LEAST_WEIGHT: Final = 0.02  # what counts less is not looked at


@frozen(kw_only=True, eq=False, slots=False)
class Template:
    """Points of an image around a centre, with what is known of them.

    Parameters
    ----------
    centre_lps_mm
        Shape (3,): turns are about it.
    points
        Shape (3, n), LPS mm from the centre.
    values, slopes
        Shapes (n,) and (n, 6): the image, and its derivative by shift (per mm) and by turn about
        x, y, z (per `LEVER_MM` mm).
    weights
        Shape (n,), 0 to 1: nearer counts more, the lesion counts nothing.
    slices
        Shape (n,): index of the slice of each point.
    """

    centre_lps_mm: FloatArray
    points: Float32Array = field(repr=False)
    values: Float32Array = field(repr=False)
    slopes: Float32Array = field(repr=False)
    weights: Float32Array = field(repr=False)
    slices: NDArray[np.intp] = field(repr=False)

    @cached_property
    def products(self) -> Float32Array:
        """Products of the slopes of each point, shape (n, m * m)."""
        outer: Float32Array = self.slopes[:, :, None] * self.slopes[:, None, :]
        return outer.reshape(len(self.values), self.slopes.shape[1] ** 2)

    def restrict_to_shifts(self) -> "Template":
        """Return the template that may shift and not turn."""
        return evolve(self, slopes=self.slopes[:, :3])

    def thin(self, step: int) -> "Template":
        """Return the template of every so many of the points: enough for rough work."""
        return self.select(np.arange(0, len(self.values), step))

    def select(self, indices: NDArray[np.intp]) -> "Template":
        """Return the template of some of the points."""
        return evolve(
            self,
            points=self.points[:, indices],
            values=self.values[indices],
            slopes=self.slopes[indices],
            weights=self.weights[indices],
            slices=self.slices[indices],
        )


def make_template(
    image: Layer,
    centre_lps_mm: FloatArray,
    half_kji_mm: tuple[float, float, float],
    hole_mm: float,
) -> Template:
    """Take the points of an image in a box along its axes.

    Parameters
    ----------
    image
        The image that stays.
    centre_lps_mm
        Middle of the box.
    half_kji_mm
        Half its size; the weight falls smoothly to 0 at its border.
    hole_mm
        Points nearer to the centre than this count nothing.
    """
    middle = (image.kji_from_lps @ np.append(centre_lps_mm, 1.0))[:3]
    reach = np.array(half_kji_mm) / image.spacing_kji_mm
    low = np.clip(np.ceil(middle - reach), 0, np.array(image.values.shape) - 1).astype(int)
    high = np.clip(np.floor(middle + reach) + 1, low + 1, image.values.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    window = Layer(
        values=image.values[box],
        lps_from_kji=image.lps_from_kji,
        kji_from_lps=image.kji_from_lps,
        spacing_kji_mm=image.spacing_kji_mm,
    )
    lines = [
        (np.arange(a, b) - m).astype(np.float32) for a, b, m in zip(low, high, middle, strict=True)
    ]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    points = image.lps_from_kji[:3, :3].astype(np.float32) @ offsets
    gradient = window.compute_gradient_lps().reshape(3, -1)
    rotation_slopes = np.cross(points, gradient, axis=0) / np.float32(LEVER_MM)
    taper = np.prod(
        [_taper(np.abs(offset) / r) for offset, r in zip(offsets, reach, strict=True)], axis=0
    )
    near = np.einsum("in,in->n", points, points) < hole_mm**2
    whole = Template(
        centre_lps_mm=np.asarray(centre_lps_mm, np.float64),
        points=points,
        values=window.values.reshape(-1),
        slopes=np.concatenate([gradient, rotation_slopes]).T,
        weights=taper.astype(np.float32),
        slices=np.repeat(np.arange(window.values.shape[0]), window.values[0].size),
    )
    return whole.select(np.flatnonzero(~near & (taper > LEAST_WEIGHT)))


def _taper(share: Float32Array) -> Float32Array:
    """Fall from 1 to 0 over the outer 40% of the way to the border."""
    fall = np.clip((1 - share) / np.float32(0.4), 0, 1)
    smooth: Float32Array = fall * fall * (3 - 2 * fall)
    return smooth
