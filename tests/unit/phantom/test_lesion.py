"""The true AP extent is that of the lesion that is drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.geometry import ImagePlane
from opp_mri.phantom.acquisition import Prescription, compute_lesion_share
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.spine import build_posture, build_rigid, build_spine_section

SPINE = build_spine_section("L1", "L4", "L3", size=1.0, curvature=1.0)
FINE_MM = 0.1


def shape(*, ap_mm: float = 21.3, phase: float = 1.0) -> LesionShape:
    return LesionShape(
        vertebra=1,
        centre_local_mm=(1.0, -0.7, 0.4),
        ap_mm=ap_mm,
        half_left_right_mm=11.0,
        half_height_mm=7.0,
        phase=phase,
    )


@given(ap_mm=st.floats(6, 30), phase=st.floats(0, 6.3))
@settings(max_examples=30, deadline=None)
def test_no_point_of_a_lesion_lies_beyond_its_ap_ends_and_the_ends_lie_on_its_edge(
    ap_mm: float, phase: float
) -> None:
    lesion = shape(ap_mm=ap_mm, phase=phase)
    ends = np.array(lesion.ends_local_mm())
    assert lesion.compute_level(ends.T) == pytest.approx(1.0, abs=1e-6)
    points = np.random.default_rng(0).uniform(-18, 18, (3, 20_000))
    inside = points[1, lesion.compute_level(points) <= 1]
    assert inside.min() >= ends[0, 1] - 1e-6
    assert inside.max() <= ends[1, 1] + 1e-6


def test_the_drawn_lesion_has_its_true_ap_extent_on_a_fine_image_without_noise() -> None:
    lesion = shape()
    where = build_posture(
        SPINE, np.zeros((3, 3)), build_rigid(np.array([7.0, -4, 5]), np.array([3.0, 9, -40]))
    )
    axes = where.lps_from_local[lesion.vertebra, :3, :3]
    plane = fine_plane(tuple(where.place_points(1, lesion.centre_local_mm)), axes)
    share, _ = compute_lesion_share(
        where, plane, (slice(0, plane.rows), slice(0, plane.columns)), 0.01, lesion, (1, 1, 1)
    )
    assert longest_run(share >= 0.5) * FINE_MM == pytest.approx(lesion.ap_mm, abs=2 * FINE_MM)


def test_a_slice_of_4_mm_half_a_spacing_aside_still_shows_the_extent_within_half_a_mm() -> None:
    lesion = shape()
    where = build_posture(SPINE, np.zeros((3, 3)), np.eye(4))
    axes = where.lps_from_local[lesion.vertebra, :3, :3]
    aside = where.place_points(1, lesion.centre_local_mm) + 2.2 * axes[:, 0]
    plane = fine_plane(tuple(aside), axes)
    share, _ = compute_lesion_share(
        where, plane, (slice(0, plane.rows), slice(0, plane.columns)), 4.0, lesion, (9, 1, 1)
    )
    assert longest_run(share >= 0.5) * FINE_MM == pytest.approx(lesion.ap_mm, abs=0.5)


def test_a_lesion_keeps_within_its_centre_by_its_reach() -> None:
    lesion = shape()
    points = np.random.default_rng(1).uniform(-30, 30, (3, 50_000))
    distance = np.linalg.norm(points - np.array(lesion.centre_local_mm)[:, None], axis=0)
    assert distance[lesion.compute_level(points) <= 1].max() <= lesion.reach_mm()


def fine_plane(centre: tuple[float, ...], axes: np.ndarray) -> ImagePlane:
    row, column = axes[:, 1], -axes[:, 2]
    (plane,) = Prescription(
        centre_lps_mm=(centre[0], centre[1], centre[2]),
        row_direction=(row[0], row[1], row[2]),
        column_direction=(column[0], column[1], column[2]),
        rows=301,
        columns=341,
        row_spacing_mm=FINE_MM,
        column_spacing_mm=FINE_MM,
        slices=1,
        slice_spacing_mm=4.0,
        thickness_mm=4.0,
    ).build_planes("2.25.1")
    return plane


def longest_run(inside: np.ndarray) -> int:
    """Longest extent along a row: rows run along the AP axis."""
    columns = [np.flatnonzero(row) for row in inside]
    return max(int(column[-1] - column[0] + 1) for column in columns if len(column))
