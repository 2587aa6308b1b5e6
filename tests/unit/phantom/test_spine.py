"""Vertebrae move as rigid bodies, and the anatomy follows them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.phantom.spine import build_posture, build_rigid, build_spine_section, straight_from_lps

SPINE = build_spine_section("T10", "S3", "L3", size=1.0, curvature=1.1)
JOINTS = np.random.default_rng(3).normal(0, 1.3, (len(SPINE.vertebrae) - 1, 3))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_motion_of_each_vertebra_is_rigid_and_carries_its_landmarks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    baseline = build_posture(SPINE, JOINTS, np.eye(4))
    joints = rng.normal(0, 2, JOINTS.shape)
    later = build_posture(SPINE, joints, build_rigid(rng.normal(0, 3, 3), rng.normal(0, 20, 3)))
    for index, motion in enumerate(later.compute_motion_from(baseline)):
        assert motion[:3, :3] @ motion[:3, :3].T == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(motion[:3, :3]) == pytest.approx(1.0)
        for point in SPINE.vertebrae[index].compute_corners_local_mm().values():
            mapped_point = (motion @ (*baseline.place_points(index, point), 1.0))[:3]
            assert mapped_point == pytest.approx(later.place_points(index, point), abs=1e-9)


def test_posture_changes_between_vertebrae_and_not_only_the_patient_as_a_whole() -> None:
    baseline = build_posture(SPINE, np.zeros_like(JOINTS), np.eye(4))
    motion = build_posture(SPINE, JOINTS, np.eye(4)).compute_motion_from(baseline)
    assert motion[SPINE.middle] == pytest.approx(np.eye(4), abs=1e-12)
    assert not np.allclose(motion[SPINE.middle + 1], np.eye(4), atol=1e-3)


def test_in_a_vertebral_body_the_anatomy_is_looked_up_by_the_rigid_motion_of_that_body() -> None:
    where = build_posture(
        SPINE, JOINTS, build_rigid(np.array([3.0, 2, -4]), np.array([4.0, 20, -55]))
    )
    for index, vertebra in enumerate(SPINE.vertebrae):
        for name, (x, y, z) in vertebra.compute_corners_local_mm().items():
            placed_point = where.place_points(index, (x + 2.0, 0.98 * y, z))
            straight = straight_from_lps(where, placed_point.reshape(3, 1))[:, 0]
            expected = (x + 2.0, 0.98 * y, z + vertebra.z_mm)
            assert straight == pytest.approx(expected, abs=2e-3), (vertebra.level, name)


def test_the_map_into_the_anatomy_has_no_jumps() -> None:
    where = build_posture(SPINE, JOINTS, np.eye(4))
    for y_mm in (-60.0, -10.0, 15.0, 30.0, 60.0):
        line = np.stack([np.zeros(4000), np.full(4000, y_mm), np.linspace(-120, 120, 4000)])
        step = np.abs(np.diff(straight_from_lps(where, line), axis=1)).max()
        assert step < 0.5  # the points are 0.06 mm apart


def test_levels_stand_in_order_and_lordosis_tilts_the_sacrum_forward() -> None:
    where = build_posture(SPINE, np.zeros_like(JOINTS), np.eye(4))
    heights = where.lps_from_local[:, 2, 3]
    assert (np.diff(heights) < 0).all()
    up_of_sacrum = where.lps_from_local[SPINE.index("S1"), :3, 2]
    assert up_of_sacrum[1] < -0.4  # cranial and forward: towards negative y
