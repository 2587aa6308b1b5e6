"""Volumes within contours: known bodies at chance places, and what the standard error covers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.contours.volume import (
    Parts,
    Polygon,
    Stack,
    interpolate_slices,
    measure_volume,
)
from opp_mri.domain.contour import MeasuredVolume
from opp_mri.units import RECORDED_PRECISION_CC

PIXEL_MM, SLICE_MM = 0.7, 4.0
STACK = Stack(spacing_mm=(PIXEL_MM, PIXEL_MM), slice_spacing_mm=SLICE_MM)


def ellipsoid(
    semi_axes_mm: tuple[float, float, float], offset_mm: float, turn: float = 0.0,
    edge_mm: float = 0.0, chance: np.random.Generator | None = None,
) -> dict[int, Parts]:  # fmt: skip
    """Contours of an ellipsoid on slices across its last axis."""
    across, down, through = semi_axes_mm
    angle = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    polygons = {}
    for index in range(-12, 13):
        share = 1 - ((index * SLICE_MM + offset_mm) / through) ** 2
        if share > 0:
            beside = 0.0 if chance is None else chance.normal(0, edge_mm)
            x = (across * math.sqrt(share) + beside) * np.cos(angle)
            y = (down * math.sqrt(share) + beside) * np.sin(angle)
            column = (x * math.cos(turn) - y * math.sin(turn)) / PIXEL_MM + 60
            row = (x * math.sin(turn) + y * math.cos(turn)) / PIXEL_MM + 60
            polygons[index] = (tuple(zip(column.tolist(), row.tolist(), strict=True)),)
    return polygons


def measure(polygons: dict[int, Parts], stack: Stack = STACK) -> MeasuredVolume:
    """The volume of a body that is no larger than a lesion can be."""
    volume = measure_volume(polygons, stack)
    assert volume is not None
    return volume


def test_a_prism_has_its_area_times_the_slices() -> None:
    square: Polygon = ((0, 0), (10, 0), (10, 10), (0, 10))
    volume = measure(dict.fromkeys(range(5), (square,)), STACK)
    assert float(volume.volume_cc) == pytest.approx(5 * 4 * 49 / 1000, abs=0.005)
    assert (volume.drawn, volume.interpolated) == (5, 0)


def test_ellipsoids_of_2_to_20_cc_are_within_5_percent_and_95_percent_lie_in_the_interval() -> None:
    """n 300; measured: bias 0.0% (95% interval -0.3 to 0.3), 1.96 standard errors hold 95%."""
    chance = np.random.default_rng(16)
    errors, inside = [], []
    for _ in range(300):
        truth_cc = float(np.exp(chance.uniform(math.log(2), math.log(20))))
        shape = chance.uniform(0.8, 1.25, 3)
        axes = shape * (truth_cc * 750 / math.pi / np.prod(shape)) ** (1 / 3)
        polygons = ellipsoid(
            (axes[0], axes[1], axes[2]), chance.uniform(0, SLICE_MM), chance.uniform(0, 3),
            PIXEL_MM / math.sqrt(12), chance,
        )  # fmt: skip
        volume = measure(polygons, STACK)
        error_cc = float(volume.volume_cc) - truth_cc
        errors.append(error_cc / truth_cc)
        if volume.standard_error_cc is not None:
            inside.append(abs(error_cc) <= 1.96 * volume.standard_error_cc)
    half = 1.96 * np.std(errors) / math.sqrt(len(errors))
    assert abs(np.mean(errors)) < half + 0.002
    assert np.median(np.abs(errors)) < 0.02
    assert np.mean(np.abs(errors) <= 0.05) > 0.9
    assert 0.92 <= np.mean(inside) <= 0.99


@settings(max_examples=15)
@given(st.floats(0.0, 3.9), st.floats(0.0, 3.0))
def test_a_volume_does_not_depend_on_how_the_body_is_turned_in_the_slice(
    offset_mm: float, turn: float
) -> None:
    axes = (9.0, 11.0, 10.0)
    turned_volume = measure(ellipsoid(axes, offset_mm, turn), STACK)
    straight_volume = measure(ellipsoid(axes, offset_mm), STACK)
    assert abs(turned_volume.volume_cc - straight_volume.volume_cc) <= RECORDED_PRECISION_CC


def test_a_slice_left_out_in_the_middle_is_interpolated() -> None:
    whole = ellipsoid((12.0, 12.0, 14.0), 1.0)
    part = {index: polygon for index, polygon in whole.items() if index != 0}
    (outline,) = interpolate_slices(part, STACK)[0]
    outline_middle, whole_middle = (
        np.asarray(corners).mean(axis=0) for corners in (outline, whole[0][0])
    )
    assert np.hypot(*(outline_middle - whole_middle)) < 0.3
    full, less = measure(whole, STACK), measure(part, STACK)
    assert less.interpolated == 1
    assert float(less.volume_cc) == pytest.approx(float(full.volume_cc), rel=0.03)
    assert less.standard_error_cc is not None
    assert full.standard_error_cc is not None
    assert less.standard_error_cc > full.standard_error_cc


def test_fewer_than_three_contours_give_no_standard_error() -> None:
    polygons = dict(list(ellipsoid((8.0, 8.0, 8.0), 1.0).items())[:2])
    assert measure(polygons, STACK).standard_error_cc is None


HOLE: Polygon = ((3, 3), (3, 7), (7, 7), (7, 3))


def test_a_contour_within_another_is_a_hole_and_one_apart_a_part() -> None:
    square: Polygon = ((0, 0), (10, 0), (10, 10), (0, 10))
    island: Polygon = ((20, 0), (24, 0), (24, 4), (20, 4))
    speck: Polygon = ((4, 4), (6, 4), (6, 6), (4, 6))  # within the hole: tissue again
    volume = measure(dict.fromkeys(range(5), (square, HOLE, island, speck)), STACK)
    pixels = 100 - 16 + 16 + 4
    assert float(volume.volume_cc) == pytest.approx(5 * 4 * 0.49 * pixels / 1000, abs=0.005)
    assert (volume.drawn, volume.contours) == (5, 20)


def test_parts_and_holes_are_interpolated_as_such() -> None:
    square: Polygon = ((0, 0), (10, 0), (10, 10), (0, 10))
    island: Polygon = ((20, 0), (26, 0), (26, 6), (20, 6))
    whole = measure(dict.fromkeys(range(3), (square, HOLE, island)), STACK)
    part = measure(dict.fromkeys((0, 2), (square, HOLE, island)), STACK)
    assert len(interpolate_slices(dict.fromkeys((0, 2), (square, HOLE, island)), STACK)[1]) == 3
    assert float(part.volume_cc) == pytest.approx(float(whole.volume_cc), rel=0.03)


def test_more_than_a_person_is_no_volume() -> None:
    square: Polygon = ((0, 0), (900, 0), (900, 900), (0, 900))
    assert measure_volume(dict.fromkeys(range(12), (square,)), STACK) is None
