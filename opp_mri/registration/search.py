"""Where in the follow-up a part of the baseline may lie: all shifts at once, by correlation.

Header coordinates are not asked: the whole follow-up is searched, for a grid of rotations, and
several places are given back, because vertebrae look alike.
"""

from collections.abc import Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import fft

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Float32Array, Layer
from opp_mri.registration.refine import rotation

GRID_MM = 5.6
LEAST_ENERGY = 0.45  # of the template's own; less of it on the follow-up is no evidence
APART_MM = 13.0  # nearer than this is the same place: less than any vertebra with its disc


@frozen(kw_only=True, eq=False)
class Place:
    """A rough place: image from template coordinates, (4, 4), and its correlation."""

    image_from_template: FloatArray
    score: float


@frozen(kw_only=True, eq=False)
class Spectrum:
    """The image that is searched, on an isotropic grid along its own axes, transformed.

    Parameters
    ----------
    axes
        Shape (3, 3): unit vectors of the grid's k, j, i in LPS, a row each.
    origin_lps_mm
        Centre of its first cell.
    shape, padded
        Cells with image, and of the transform.
    transformed
        Of image and its square, where there is image.
    """

    axes: FloatArray
    origin_lps_mm: FloatArray
    shape: tuple[int, int, int]
    padded: tuple[int, int, int]
    transformed: NDArray[np.complex64] = field(repr=False)


def spectrum(image: Layer, template_cells: tuple[int, int, int]) -> Spectrum:
    """Lay the image on the grid and transform it, with room for a template around it."""
    extent = (np.array(image.values.shape) - 1) * image.spacing_kji_mm
    shape = (np.floor(extent / GRID_MM) + 1).astype(int)
    axes = (image.lps_from_kji[:3, :3] / image.spacing_kji_mm).T
    margin = (extent - (shape - 1) * GRID_MM) / 2
    origin = image.lps_from_kji[:3, 3] + margin @ axes
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).reshape(3, -1)
    points = origin[:, None] + axes.T @ (cells * GRID_MM)
    values = image.sample(points.astype(np.float32))[0].reshape(shape)
    padded = tuple(
        int(fft.next_fast_len(int(n + m), real=True))
        for n, m in zip(shape, template_cells, strict=True)
    )
    laid = np.zeros((2, *padded), np.float32)
    inner = tuple(slice(0, n) for n in shape)
    laid[0][inner] = values
    laid[1][inner] = values * values
    # where the image is: for the energy of the template that falls on it
    there = np.zeros(padded, np.float32)
    there[inner] = 1
    return Spectrum(
        axes=axes,
        origin_lps_mm=origin,
        shape=(int(shape[0]), int(shape[1]), int(shape[2])),
        padded=(padded[0], padded[1], padded[2]),
        transformed=fft.rfftn(np.concatenate([laid, there[None]]), axes=(1, 2, 3)),
    )


def template_cells(half_kji_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Give the grid that holds a box, whichever way it is turned within the search."""
    k, j, i = (2 * int(np.ceil(1.1 * half / GRID_MM)) + 1 for half in half_kji_mm)
    return k, j, i


def search(
    template: Layer,
    centre_lps_mm: FloatArray,
    half_kji_mm: tuple[float, float, float],
    searched: Spectrum,
    turns: Sequence[FloatArray],
    most: int,
) -> list[Place]:
    """Find the places that look most like the surroundings of a point.

    Parameters
    ----------
    template
        The image that the point belongs to.
    centre_lps_mm, half_kji_mm
        The point, and half the size of its surroundings along the axes of the searched image.
    searched
        Where to look.
    turns
        Rotation vectors in radians, LPS, from template to searched image.
    most
        How many places, at least `APART_MM` from each other.
    """
    cells = template_cells(half_kji_mm)
    best = np.full(searched.padded, -1.0, np.float32)
    which = np.zeros(searched.padded, np.int16)
    for index, turn in enumerate(turns):
        scores = _scores(template, centre_lps_mm, cells, searched, rotation(turn))
        better = scores > best
        best[better] = scores[better]
        which[better] = index
    return _peaks(best, which, searched, cells, centre_lps_mm, turns, most)


def _scores(
    template: Layer,
    centre: FloatArray,
    cells: tuple[int, int, int],
    searched: Spectrum,
    turned: FloatArray,
) -> Float32Array:
    """Correlate the turned template with the image at all shifts, over what they share."""
    lines = [(np.arange(n) - n // 2) * GRID_MM for n in cells]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    points = centre[:, None] + turned.T @ searched.axes.T @ offsets
    values, inside = template.sample(points.astype(np.float32))
    values = np.where(inside, values, 0).reshape(cells)
    laid = np.zeros((3, *searched.padded), np.float32)
    inner = tuple(slice(0, n) for n in cells)
    laid[0][inner] = values
    laid[1][inner] = inside.reshape(cells)
    laid[2][inner] = values * values
    transformed = np.conj(fft.rfftn(laid, axes=(1, 2, 3)))
    products = fft.irfftn(transformed * searched.transformed, s=searched.padded, axes=(1, 2, 3))
    energy = float((values * values).sum())
    own, other = np.maximum(products[2], 1e-3), np.maximum(products[1], 1e-3)
    scores: Float32Array = products[0] / np.sqrt(own * other)
    scores[products[2] < LEAST_ENERGY * energy] = -1
    return scores


def _peaks(
    best: Float32Array,
    which: NDArray[np.int16],
    searched: Spectrum,
    cells: tuple[int, int, int],
    centre: FloatArray,
    turns: Sequence[FloatArray],
    most: int,
) -> list[Place]:
    lines = [np.arange(n) for n in searched.padded]
    half = [n // 2 for n in cells]
    # a shift of n - 1 means -1: the template's middle then lies before the image's first cell
    places = [
        np.where(line + h > n + h, line - p, line) + h
        for line, h, n, p in zip(lines, half, searched.shape, searched.padded, strict=True)
    ]
    left = best.copy()
    found: list[Place] = []
    for _ in range(most):
        at = np.unravel_index(int(np.argmax(left)), left.shape)
        score = float(left[at])
        if score <= 0:
            break
        cell = np.array([place[index] for place, index in zip(places, at, strict=True)])
        target = searched.origin_lps_mm + (cell * GRID_MM) @ searched.axes
        matrix = np.eye(4)
        matrix[:3, :3] = rotation(turns[which[at]])
        matrix[:3, 3] = target - matrix[:3, :3] @ centre
        found.append(Place(image_from_template=matrix, score=score))
        near = sum(
            (((place - c) * GRID_MM) ** 2).reshape([-1 if a == axis else 1 for a in range(3)])
            for axis, (place, c) in enumerate(zip(places, cell, strict=True))
        )
        left[near < APART_MM**2] = -1
    return found
