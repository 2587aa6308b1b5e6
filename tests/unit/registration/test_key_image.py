"""A native image as it is shown around a lesion: what stands where, and what is between pixels."""

import math

import numpy as np
import pytest
from attrs import evolve
from fixtures.makers import make_planes
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.key_image import (
    SHOWN_PIXEL_MM,
    carry_directions,
    find_shown_square,
    find_upright_directions,
    sample_shown_image,
)

PLANE = make_planes(1)[0]  # sagittal: columns towards posterior, rows towards the feet, 1 mm
BACK, UP = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
FRONT, DOWN = (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)
pixels = st.floats(20, 230)


@pytest.mark.parametrize(
    ("along_row", "along_column"),
    [(BACK, DOWN), (FRONT, DOWN), (BACK, UP), (DOWN, BACK), (UP, FRONT)],
)
def test_a_sagittal_image_stands_head_up_with_anterior_at_the_left_however_it_is_stored(
    along_row: tuple[float, float, float], along_column: tuple[float, float, float]
) -> None:
    plane = evolve(PLANE, row_direction=along_row, column_direction=along_column)
    assert find_upright_directions(plane) == (BACK, DOWN)
    square = find_shown_square(
        plane, plane.lps_from_pixel(100, 100), find_upright_directions(plane), 40.0
    )
    assert square.letters == ("A", "P")


def test_a_tilted_image_is_not_turned_out_of_its_pixels() -> None:
    turn = Rotation.from_euler("x", 20, degrees=True).as_matrix()
    plane = evolve(PLANE, row_direction=tuple(turn @ BACK), column_direction=tuple(turn @ DOWN))
    assert find_upright_directions(plane) == (plane.row_direction, plane.column_direction)


def test_each_pixel_of_the_square_shows_the_value_of_its_place() -> None:
    rows, columns = np.mgrid[0:256, 0:256]
    image = (3.0 * columns + 500.0 * rows).astype(np.float32)
    square = find_shown_square(
        PLANE, PLANE.lps_from_pixel(100, 60), find_upright_directions(PLANE), 20.0
    )
    values = sample_shown_image(image, PLANE, square)
    assert values.shape == (80, 80)
    middle = (3.0 * 100 + 500.0 * 60) - (3.0 + 500.0) * SHOWN_PIXEL_MM / 2
    assert values[39, 39] == pytest.approx(middle, abs=0.05)
    assert values[39, 43] - values[39, 39] == pytest.approx(3.0, abs=0.05)  # 1 mm to the right


def test_outside_of_the_native_image_nothing_is_shown() -> None:
    square = find_shown_square(
        PLANE, PLANE.lps_from_pixel(0, 128), find_upright_directions(PLANE), 20.0
    )
    values = sample_shown_image(np.ones((256, 256)), PLANE, square)
    assert np.isnan(values[:, :37]).all()
    assert (values[:, 39:] == 1).all()


@given(pixels, pixels, pixels, pixels, st.floats(-40, 40), st.floats(-40, 40))
def test_a_line_has_the_same_length_on_the_display_as_on_the_native_image(
    column_1: float, row_1: float, column_2: float, row_2: float, pitch: float, yaw: float
) -> None:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xz", (pitch, yaw), degrees=True).as_matrix()
    fit = RigidTransform(
        to_frame_of_reference_uid="1.2.3.9", from_frame_of_reference_uid="1.2.3.8", matrix=turn
    )
    directions = carry_directions((BACK, DOWN), fit, PLANE)
    square = find_shown_square(PLANE, PLANE.lps_from_pixel(128, 128), directions, 80.0)
    start, end = (
        square.project(PLANE.lps_from_pixel(*at)) for at in ((column_1, row_1), (column_2, row_2))
    )
    native_mm = PLANE.measure_length_mm((column_1, row_1), (column_2, row_2))
    assert math.dist(start, end) == pytest.approx(native_mm, abs=1e-6)


def turned_plane(degrees: float) -> tuple[ImagePlane, RigidTransform]:
    """The same anatomy scanned with the patient turned within the sagittal plane, and its fit."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    fit = RigidTransform(
        to_frame_of_reference_uid="later", from_frame_of_reference_uid="1.2.3.9", matrix=matrix
    )
    return evolve(PLANE, frame_of_reference_uid="later"), fit


def test_a_later_study_is_turned_back_so_that_the_vertebra_lies_as_at_baseline() -> None:
    plane, later_from_baseline = turned_plane(12.0)
    right, down = carry_directions(find_upright_directions(PLANE), later_from_baseline, plane)
    assert math.degrees(math.atan2(right[2], right[1])) == pytest.approx(12.0)
    assert np.dot(right, down) == pytest.approx(0.0, abs=1e-12)
    assert np.dot(down, plane.normal) == pytest.approx(0.0, abs=1e-12)
