"""Overlap and distance of two volumes: bodies of known answer, and a second implementation."""

import math

import numpy as np
import pytest
from scipy import ndimage

from opp_mri.contours.overlap import Mask, compare_contours, compare_masks
from opp_mri.contours.volume import Polygon, Stack

RADIUS_MM, SPACING_MM = 10.0, (0.5, 0.5, 1.0)


def sphere(across_mm: float) -> Mask:
    """A sphere so far from the middle, on a grid of (slices, rows, columns)."""
    z, y, x = np.mgrid[-14:15:1.0, -14:14.5:0.5, -14:20.5:0.5]
    mask: Mask = (x - across_mm) ** 2 + y**2 + z**2 <= RADIUS_MM**2
    return mask


@pytest.mark.parametrize("shift_mm", [0.0, 2.0, 4.0])
def test_two_spheres_apart_have_the_overlap_and_the_distances_of_geometry(shift_mm: float) -> None:
    overlap = compare_masks(sphere(0.0), sphere(shift_mm), SPACING_MM)
    share = shift_mm / RADIUS_MM
    assert overlap.dice == pytest.approx(1 - 0.75 * share + share**3 / 16, abs=0.005)
    assert overlap.hausdorff_mm == pytest.approx(shift_mm, abs=0.3)
    cosine = np.linspace(-1, 1, 20001)
    apart_mm = np.abs(
        np.sqrt(RADIUS_MM**2 + shift_mm**2 - 2 * RADIUS_MM * shift_mm * cosine) - RADIUS_MM
    )
    assert overlap.mean_surface_mm == pytest.approx(float(apart_mm.mean()), abs=0.15)
    assert overlap.hausdorff_95_mm == pytest.approx(float(np.percentile(apart_mm, 95)), abs=0.3)


def weigh(mask: Mask, spacing_mm: tuple[float, ...]) -> tuple[Mask, np.ndarray]:
    """The voxels of the surface, and the area of each, by scipy."""
    inside, outside = (
        ndimage.distance_transform_edt(side, sampling=spacing_mm) for side in (mask, ~mask)
    )
    slopes = np.array(np.gradient(outside - inside, *spacing_mm))
    slopes /= np.linalg.norm(slopes, axis=0) + 1e-12
    area = np.zeros(mask.shape)
    for axis in range(3):
        for step in (1, -1):
            free = mask & ~np.roll(mask, step, axis)
            area += free * np.abs(slopes[axis]) * np.prod(spacing_mm) / spacing_mm[axis]
    edge = mask & ~ndimage.binary_erosion(mask)
    return edge, area[edge]


@pytest.mark.parametrize("seed", range(3))
def test_a_second_implementation_gives_the_same_numbers(seed: int) -> None:
    chance = np.random.default_rng(seed)
    first, second = (
        np.pad(ndimage.gaussian_filter(chance.normal(size=(9, 30, 34)), 3) > 0.005, 2)
        for _ in range(2)
    )
    spacing_mm = (4.0, 0.8, 0.7)
    overlap = compare_masks(first, second, spacing_mm[::-1])
    assert overlap.dice == pytest.approx(2 * (first & second).sum() / (first.sum() + second.sum()))
    (edge, area), (other_edge, other_area) = (weigh(m, spacing_mm) for m in (first, second))
    sides = [
        ndimage.distance_transform_edt(~far, sampling=spacing_mm)[near]
        for near, far in ((edge, other_edge), (other_edge, edge))
    ]
    mean_mm = np.average(np.concatenate(sides), weights=np.concatenate([area, other_area]))
    assert overlap.mean_surface_mm == pytest.approx(mean_mm, rel=0.02)
    percentiles = [
        np.percentile(np.repeat(side, np.rint(200 * weight).astype(int)), 95)
        for side, weight in zip(sides, (area, other_area), strict=True)
    ]
    assert overlap.hausdorff_95_mm == pytest.approx(max(percentiles), rel=0.02)
    solid = [
        ndimage.distance_transform_edt(~b, sampling=spacing_mm)[a].max()
        for a, b in ((first, second), (second, first))
    ]
    assert overlap.hausdorff_mm == pytest.approx(max(solid), abs=1e-4)


def test_squares_on_slices_overlap_by_their_areas() -> None:
    square: Polygon = ((0, 0), (10, 0), (10, 10), (0, 10))
    moved_square: Polygon = tuple((column + 4, row) for column, row in square)
    stack = Stack(spacing_mm=(0.7, 0.7), slice_spacing_mm=4.0)
    same = compare_contours(dict.fromkeys(range(3), (square,)), {1: (square,)}, stack)
    assert same is not None
    assert same.dice == pytest.approx(0.5)
    assert same.hausdorff_mm == pytest.approx(4.0)  # a slice
    apart = compare_contours({5: (square,)}, {5: (moved_square,)}, stack)
    assert apart is not None
    assert apart.dice == pytest.approx(0.6)
    assert apart.hausdorff_mm == pytest.approx(4 * 0.7)
    far = compare_contours({0: (square,)}, {9: (moved_square,)}, stack)
    assert far is not None
    assert far.dice == 0
    assert far.hausdorff_mm >= 36
    assert math.isfinite(far.hausdorff_95_mm)
    sliver: Polygon = ((0, 0), (9, 0.01), (9, 0.02))
    assert compare_contours({5: (square,)}, {5: (sliver,)}, stack) is None
