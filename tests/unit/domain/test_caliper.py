"""Calipers on an image: lines are held, nudged, projected and carried in millimetres."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from opp_mri.domain.caliper import (
    PATIENT_AP_LPS,
    axis_from_landmark,
    carry_caliper,
    hold_to_axis,
    hold_to_image,
    move_point,
    project_axis,
    project_line,
)
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.measurement import AxisLandmark, Caliper
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError

POINT = st.tuples(st.floats(0, 255), st.floats(0, 255))
SPACING = st.floats(0.2, 3.0)


def plane(
    row_spacing_mm: float = 1.0, column_spacing_mm: float = 1.0, turned_deg: float = 0.0
) -> ImagePlane:
    """A sagittal image, columns running to posterior, turned about the patient's long axis."""
    turn = Rotation.from_euler("z", turned_deg, degrees=True)
    x, y, z = turn.apply([0.0, 1.0, 0.0])
    return ImagePlane(
        frame_of_reference_uid="1.1",
        position_lps_mm=(5.0, -100.0, 90.0),
        row_direction=(float(x), float(y), float(z)),
        column_direction=(0.0, 0.0, -1.0),
        row_spacing_mm=row_spacing_mm,
        column_spacing_mm=column_spacing_mm,
        rows=256,
        columns=256,
    )


@given(SPACING, SPACING, POINT, POINT, st.floats(-40, 40))
def test_a_held_line_runs_along_the_axis_and_ends_nearest_to_the_mouse(
    row_mm: float, column_mm: float, fixed: tuple[float, float], moving: tuple[float, float],
    turned_deg: float,
) -> None:  # fmt: skip
    image = plane(row_mm, column_mm, turned_deg)
    axis = project_axis(image, PATIENT_AP_LPS)
    assert axis is not None
    end = hold_to_axis(image, fixed, moving, axis)
    assert project_line(image, fixed, end, axis).angle_deg == pytest.approx(0.0, abs=1e-6) or (
        image.measure_length_mm(fixed, end) < 1e-6
    )
    off = image.measure_length_mm(end, moving)
    for step_mm in (-0.5, 0.5):
        beside = move_point(image, end, step_mm * axis[0], step_mm * axis[1])
        assert image.measure_length_mm(beside, moving) >= off


@given(SPACING, SPACING, POINT, st.floats(-30, 30), st.floats(-30, 30))
def test_a_step_in_mm_is_that_long_whatever_the_pixels(
    row_mm: float, column_mm: float, point: tuple[float, float], across: float, down: float
) -> None:
    image = plane(row_mm, column_mm)
    assert image.measure_length_mm(point, move_point(image, point, across, down)) == pytest.approx(
        math.hypot(across, down), abs=1e-9
    )


@given(SPACING, SPACING, POINT, POINT)
def test_a_line_is_its_projection_over_the_cosine(
    row_mm: float, column_mm: float, start: tuple[float, float], end: tuple[float, float]
) -> None:
    image = plane(row_mm, column_mm)
    beside = project_line(image, start, end, (1.0, 0.0))
    length_mm = image.measure_length_mm(start, end)
    assert 0 <= beside.along_mm <= length_mm + 1e-9
    assert beside.along_mm == pytest.approx(
        length_mm * math.cos(math.radians(beside.angle_deg)), abs=1e-6
    )


def test_at_a_tilted_vertebra_twenty_millimetres_differ_by_two() -> None:
    # READING: at a tilted L5 the patient's axis and the vertebra's differ by 2 mm in 20
    image = plane()
    tilted_axis = axis_from_landmark(image, AxisLandmark.ENDPLATE, (100.0, 100.0), (120.0, 110.0))
    axis = project_axis(image, tilted_axis)
    assert axis is not None
    line = ((100.0, 100.0), (118.0, 109.0))
    assert image.measure_length_mm(*line) == pytest.approx(20.1, abs=0.05)
    assert project_line(image, *line, axis).angle_deg == pytest.approx(0.0, abs=1e-6)
    assert project_line(image, *line, (1.0, 0.0)).along_mm == pytest.approx(18.0)


@pytest.mark.parametrize("ends", [((0.0, 0.0), (30.0, 3.0)), ((30.0, 3.0), (0.0, 0.0))])
def test_an_axis_points_to_posterior_whichever_end_was_clicked_first(
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    x, y, z = axis_from_landmark(plane(), AxisLandmark.ENDPLATE, *ends)
    assert (x, y, z) == pytest.approx((0.0, 0.99504, -0.0995), abs=1e-4)


def test_the_posterior_wall_gives_the_axis_at_right_angles_to_it() -> None:
    wall = axis_from_landmark(plane(), AxisLandmark.POSTERIOR_WALL, (100.0, 100.0), (103.0, 130.0))
    endplate = axis_from_landmark(plane(), AxisLandmark.ENDPLATE, (100.0, 103.0), (130.0, 100.0))
    assert wall == pytest.approx(endplate, abs=1e-9)


@pytest.mark.parametrize(
    ("landmark", "end"),
    [
        (AxisLandmark.ENDPLATE, (100.0, 130.0)),
        (AxisLandmark.POSTERIOR_WALL, (130.0, 100.0)),
        (AxisLandmark.ENDPLATE, (100.4, 100.0)),
    ],
)
def test_clicks_that_give_no_ap_axis_are_refused(
    landmark: AxisLandmark, end: tuple[float, float]
) -> None:
    with pytest.raises(GeometryError, match="axis"):
        axis_from_landmark(plane(), landmark, (100.0, 100.0), end)


def test_no_line_is_held_to_an_axis_that_runs_through_the_image() -> None:
    coronal = attrs.evolve(plane(), row_direction=(1.0, 0.0, 0.0))
    assert project_axis(coronal, PATIENT_AP_LPS) is None


def test_the_outer_half_pixels_belong_to_the_image() -> None:
    assert hold_to_image(plane(), (-3.0, 300.0)) == (-0.5, 255.5)
    assert hold_to_image(plane(), (12.25, 13.5)) == (12.25, 13.5)


def ghost(shift: tuple[float, float, float], turned_deg: float = 0.0, **frames: str) -> object:
    image = plane()
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", turned_deg, degrees=True).as_matrix()
    middle = np.array(image.lps_from_pixel(110.0, 100.0))
    matrix[:3, 3] = middle + shift - matrix[:3, :3] @ middle
    transform = RigidTransform(
        to_frame_of_reference_uid=frames.get("to", "1.2"),
        from_frame_of_reference_uid="1.1",
        matrix=matrix,
    )
    caliper = Caliper(
        sop_instance_uid="1",
        frame_number=1,
        start=(100.0, 100.0),
        end=(120.0, 100.0),
        start_lps_mm=image.lps_from_pixel(100.0, 100.0),
        end_lps_mm=image.lps_from_pixel(120.0, 100.0),
        frame_of_reference_uid="1.1",
    )
    image_here = attrs.evolve(image, frame_of_reference_uid="1.2")
    return carry_caliper(caliper, image, transform, image_here)


def test_a_carried_line_tells_how_far_off_the_plane_and_how_tilted_it_is() -> None:
    result = ghost((2.5, 3.0, -4.0), turned_deg=6.0)
    assert result.offset_mm == pytest.approx(-2.5)  # type: ignore[attr-defined]
    assert result.tilt_deg == pytest.approx(6.0)  # type: ignore[attr-defined]
    start, end = result.start, result.end  # type: ignore[attr-defined]
    assert ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2) == pytest.approx((113.0, 104.0))
    assert end[0] - start[0] == pytest.approx(20 * math.cos(math.radians(6.0)))


def test_a_line_is_not_carried_by_a_transform_of_other_frames() -> None:
    with pytest.raises(GeometryError, match="frames"):
        ghost((0.0, 0.0, 0.0), to="1.9")
