"""Rigid transforms carry points, and refuse what does not fit together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError

ANGLE = st.floats(-math.pi, math.pi)
SHIFT = st.floats(-500, 500)
TRIPLE_OF_ANGLES, TRIPLE_OF_SHIFTS = st.tuples(ANGLE, ANGLE, ANGLE), st.tuples(SHIFT, SHIFT, SHIFT)


def transform(
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    to: str = "1.2.1",
    source: str = "1.2.2",
) -> RigidTransform:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix()
    matrix[:3, 3] = shift
    return RigidTransform(
        to_frame_of_reference_uid=to, from_frame_of_reference_uid=source, matrix=matrix
    )


@given(TRIPLE_OF_ANGLES, TRIPLE_OF_SHIFTS, TRIPLE_OF_SHIFTS)
def test_there_and_back_is_where_one_was(
    angles: tuple[float, float, float],
    shift: tuple[float, float, float],
    point: tuple[float, float, float],
) -> None:
    baseline_from_followup = transform(angles, shift)
    mapped_point = baseline_from_followup.apply(np.array(point))
    np.testing.assert_allclose(
        baseline_from_followup.invert().apply(mapped_point), point, atol=1e-9
    )
    loop = baseline_from_followup.invert().compose(baseline_from_followup)
    assert loop.to_frame_of_reference_uid == loop.from_frame_of_reference_uid == "1.2.2"
    np.testing.assert_allclose(loop.matrix, np.eye(4), atol=1e-9)


@given(TRIPLE_OF_ANGLES, TRIPLE_OF_SHIFTS)
def test_distances_are_kept(
    angles: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    points = np.array([[0.0, 0.0, 0.0], [30.0, -40.0, 120.0]])
    mapped_points = transform(angles, shift).apply(points)
    assert np.linalg.norm(mapped_points[1] - mapped_points[0]) == pytest.approx(130.0)


def test_composition_does_the_first_and_then_the_second() -> None:
    quarter = (0.0, 0.0, math.pi / 2)
    b_from_a = transform(shift=(1.0, 0.0, 0.0), to="b", source="a")
    c_from_b = transform(quarter, to="c", source="b")
    c_from_a = c_from_b.compose(b_from_a)
    assert (c_from_a.to_frame_of_reference_uid, c_from_a.from_frame_of_reference_uid) == ("c", "a")
    np.testing.assert_allclose(c_from_a.apply(np.array([1.0, 0.0, 5.0])), [0, 2, 5], atol=1e-12)


def test_a_chain_that_does_not_join_is_refused() -> None:
    with pytest.raises(GeometryError, match="do not join"):
        transform(to="c", source="b").compose(transform(to="a", source="b"))


def test_transforms_without_a_frame_of_reference_cannot_be_joined() -> None:
    with pytest.raises(GeometryError, match="name no frame of reference"):
        transform(to="c", source="").compose(transform(to="", source="a"))


@pytest.mark.parametrize(
    "wrong",
    [
        np.diag([1.0, 1.0, -1.0, 1.0]),  # mirrors
        np.diag([1.01, 1.0, 1.0, 1.0]),  # stretches
        np.full((4, 4), np.nan),
        np.eye(3),
        np.vstack([np.eye(4)[:3], [0.0, 0.0, 0.1, 1.0]]),
    ],
    ids=["mirror", "stretch", "no number", "shape", "perspective"],
)
def test_a_matrix_that_is_not_rigid_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(GeometryError):
        RigidTransform(to_frame_of_reference_uid="a", from_frame_of_reference_uid="b", matrix=wrong)


@pytest.mark.parametrize("degrees", [0.0, 0.001, 2.5, 90.0, 179.0])
def test_the_angle_is_told_for_small_and_large_turns(degrees: float) -> None:
    assert transform((0.0, math.radians(degrees), 0.0)).rotation_deg == pytest.approx(degrees)


def test_half_a_turn_and_a_shift_carry_a_point_to_its_place() -> None:
    half = transform((0.0, 0.0, math.pi), (10.0, 0.0, 0.0))
    assert half.apply(np.array([1.0, 2.0, 3.0])) == pytest.approx([9.0, -2.0, 3.0])


def test_the_numbers_cannot_be_changed_afterwards() -> None:
    matrix = np.eye(4)
    transform = RigidTransform(
        to_frame_of_reference_uid="a", from_frame_of_reference_uid="b", matrix=matrix
    )
    matrix[0, 3] = 49.0
    assert transform.apply(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        transform.matrix[0, 3] = 1.0
