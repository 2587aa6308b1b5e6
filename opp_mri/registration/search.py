"""Where in the follow-up a part of the baseline may lie: all shifts at once, by correlation.

Header coordinates are not asked: the whole follow-up is searched, for a grid of rotations, and
several places are given back, because vertebrae look alike.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Float32Array, Layer

GRID_MM: Final = 5.6
LEAST_ENERGY: Final = 0.45  # of the template's own; less of it on the follow-up is no evidence
APART_MM: Final = 13.0  # nearer than this is the same place: less than any vertebra with its disc


@frozen(kw_only=True, eq=False)
class Place:
    """A rough place: image from template coordinates, (4, 4), and its correlation."""

    image_from_template: FloatArray
    score: float


@frozen(kw_only=True, eq=False)
class Grid:
    """An isotropic grid along the axes of the image that is searched.

    Parameters
    ----------
    axes
        Shape (3, 3): unit vectors of the grid's k, j, i in LPS, a row each.
    origin_lps_mm
        Centre of its first cell.
    shape, padded
        Cells with image, and of the transform.
    """

    axes: FloatArray
    origin_lps_mm: FloatArray
    shape: tuple[int, int, int]
    padded: tuple[int, int, int]


@frozen(kw_only=True, eq=False)
class Spectrum:
    """The images that are searched, on one grid, transformed.

    Parameters
    ----------
    grid
        That of the first image.
    transformed
        A sequence each: image, its square, and where there is image.
    """

    grid: Grid
    transformed: tuple[NDArray[np.complex64], ...] = field(repr=False)


def transform_images(images: Sequence[Layer], template_cells: tuple[int, int, int]) -> Spectrum:
    """Lay images of one frame on a grid and transform them, with room for a template around it."""
    image = images[0]
    extent = (np.array(image.values.shape) - 1) * image.spacing_kji_mm
    shape = (np.floor(extent / GRID_MM) + 1).astype(int)
    axes = (image.lps_from_kji[:3, :3] / image.spacing_kji_mm).T
    margin = (extent - (shape - 1) * GRID_MM) / 2
    k, j, i = (int(count) for count in shape)
    padded_shape = [
        int(fft.next_fast_len(int(count + room), real=True))
        for count, room in zip(shape, template_cells, strict=True)
    ]
    grid = Grid(
        axes=axes,
        origin_lps_mm=image.lps_from_kji[:3, 3] + margin @ axes,
        shape=(k, j, i),
        padded=(padded_shape[0], padded_shape[1], padded_shape[2]),
    )
    return Spectrum(grid=grid, transformed=tuple(_transform(image, grid) for image in images))


def _transform(image: Layer, grid: Grid) -> NDArray[np.complex64]:
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"))
    points = grid.origin_lps_mm[:, None] + grid.axes.T @ (cells.reshape(3, -1) * GRID_MM)
    values, inside = image.interpolate(points.astype(np.float32))
    values = np.where(inside, values, 0).reshape(grid.shape)
    stack = np.zeros((3, *grid.padded), np.float32)
    inner = tuple(slice(0, n) for n in grid.shape)
    stack[0][inner] = values
    stack[1][inner] = values * values
    # where the image is: for the energy of the template that falls on it
    stack[2][inner] = inside.reshape(grid.shape)
    spectrum: NDArray[np.complex64] = fft.rfftn(stack, axes=(1, 2, 3))
    return spectrum


def count_cells(half_kji_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the grid that holds a box, whichever way it is turned within the search."""
    k, j, i = (2 * int(np.ceil(1.1 * half / GRID_MM)) + 1 for half in half_kji_mm)
    return k, j, i


def search(
    templates: Sequence[Layer],
    centre_lps_mm: FloatArray,
    half_kji_mm: tuple[float, float, float],
    spectrum: Spectrum,
    turns: Sequence[FloatArray],
    most: int,
) -> list[Place]:
    """Find the places that look most like the surroundings of a point.

    Parameters
    ----------
    templates
        The images that the point belongs to, in the order of the searched ones: their correlation
        is that of all sequences taken as one image.
    centre_lps_mm, half_kji_mm
        The point, and half the size of its surroundings along the axes of the searched images.
    spectrum
        Where to look.
    turns
        Rotation vectors in radians, LPS, from template to searched image.
    most
        How many places, at least `APART_MM` from each other.

    Returns
    -------
    list of Place
        Best first.
    """
    cells = count_cells(half_kji_mm)
    best = np.full(spectrum.grid.padded, -1.0, np.float32)
    best_turn = np.zeros(spectrum.grid.padded, np.int16)
    for index, turn in enumerate(turns):
        rotation = Rotation.from_rotvec(turn).as_matrix()
        scores = _score_shifts(templates, centre_lps_mm, cells, spectrum, rotation)
        better = scores > best
        best[better] = scores[better]
        best_turn[better] = index
    return _pick_peaks(best, best_turn, spectrum.grid, cells, centre_lps_mm, turns, most)


def _score_shifts(
    templates: Sequence[Layer],
    centre: FloatArray,
    cells: tuple[int, int, int],
    image_spectra: Spectrum,
    rotation: FloatArray,
) -> Float32Array:
    """Correlate the turned templates with the images at all shifts, over what they share."""
    grid = image_spectra.grid
    lines = [(np.arange(n) - n // 2) * GRID_MM for n in cells]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    points = (centre[:, None] + rotation.T @ grid.axes.T @ offsets).astype(np.float32)
    spectrum = np.zeros_like(image_spectra.transformed[0])
    energy = 0.0
    inner = tuple(slice(0, n) for n in cells)
    for template, image_spectrum in zip(templates, image_spectra.transformed, strict=True):
        values, inside = template.interpolate(points)
        values = np.where(inside, values, 0).reshape(cells)
        stack = np.zeros((3, *grid.padded), np.float32)
        stack[0][inner] = values
        stack[1][inner] = inside.reshape(cells)
        stack[2][inner] = values * values
        spectrum += np.conj(fft.rfftn(stack, axes=(1, 2, 3))) * image_spectrum
        energy += float((values * values).sum())
    products = fft.irfftn(spectrum, s=grid.padded, axes=(1, 2, 3))
    own, image_energy = np.maximum(products[2], 1e-3), np.maximum(products[1], 1e-3)
    scores: Float32Array = products[0] / np.sqrt(own * image_energy)
    scores[products[2] < LEAST_ENERGY * energy] = -1
    return scores


def _pick_peaks(
    best: Float32Array,
    best_turn: NDArray[np.int16],
    grid: Grid,
    cells: tuple[int, int, int],
    centre: FloatArray,
    turns: Sequence[FloatArray],
    most: int,
) -> list[Place]:
    lines = [np.arange(n) for n in grid.padded]
    half = [n // 2 for n in cells]
    # a shift of n - 1 means -1: the template's middle then lies before the image's first cell
    places = [
        np.where(line + h > n + h, line - p, line) + h
        for line, h, n, p in zip(lines, half, grid.shape, grid.padded, strict=True)
    ]
    candidates = best.copy()
    peaks: list[Place] = []
    for _ in range(most):
        at = np.unravel_index(int(np.argmax(candidates)), candidates.shape)
        score = float(candidates[at])
        if score <= 0:
            break
        cell = np.array([place[index] for place, index in zip(places, at, strict=True)])
        target = grid.origin_lps_mm + (cell * GRID_MM) @ grid.axes
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_rotvec(turns[best_turn[at]]).as_matrix()
        matrix[:3, 3] = target - matrix[:3, :3] @ centre
        peaks.append(Place(image_from_template=matrix, score=score))
        near = sum(
            (((place - c) * GRID_MM) ** 2).reshape([-1 if a == axis else 1 for a in range(3)])
            for axis, (place, c) in enumerate(zip(places, cell, strict=True))
        )
        candidates[near < APART_MM**2] = -1
    return peaks
