"""From the core's records to layers: the right way up, in mm, in distinguishable colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opp_mri_napari.convert import (
    BASELINE_COLOUR,
    FOLLOWUP_COLOUR,
    build_image_layers,
    build_ticks,
    convert_to_screen_mm,
    find_screen_letters,
    find_upright,
    turn_voxels,
)

from opp_mri.domain.geometry import FloatArray, VolumeGeometry
from opp_mri.workflow.registration.align_review import FitImages

LEFT, POSTERIOR, HEAD = np.eye(3)
SPACING_KJI_MM = (4.0, 0.5, 0.7)
SHAPE_KJI = (3, 5, 7)


def grid(slice_: FloatArray, down: FloatArray, across: FloatArray) -> VolumeGeometry:
    return VolumeGeometry(
        frame_of_reference_uid="1.2.3",
        origin_lps_mm=(10.0, -20.0, 30.0),
        directions=np.array([slice_, down, across]),
        spacing_kji_mm=SPACING_KJI_MM,
        shape_kji=SHAPE_KJI,
    )


SAGITTAL = {
    "as usual": grid(-LEFT, -HEAD, POSTERIOR),
    "feet first": grid(LEFT, HEAD, POSTERIOR),
    "mirrored": grid(LEFT, -HEAD, -POSTERIOR),
    "lying": grid(LEFT, POSTERIOR, HEAD),
    "lying, turned": grid(-LEFT, -POSTERIOR, HEAD),
}


@pytest.mark.parametrize("geometry", SAGITTAL.values(), ids=SAGITTAL)
def test_a_sagittal_image_has_the_head_at_the_top_and_anterior_at_the_left(
    geometry: VolumeGeometry,
) -> None:
    assert find_screen_letters(geometry, find_upright(geometry)) == ("A", "P", "H", "F")


def test_an_axial_image_has_anterior_at_the_top_and_the_right_side_at_the_left() -> None:
    geometry = grid(HEAD, POSTERIOR, LEFT)
    assert find_screen_letters(geometry, find_upright(geometry)) == ("R", "L", "A", "P")


@pytest.mark.parametrize("geometry", SAGITTAL.values(), ids=SAGITTAL)
@given(kji=st.tuples(*(st.integers(0, size - 1) for size in SHAPE_KJI)))
def test_a_voxel_is_drawn_where_its_place_in_the_patient_says(
    geometry: VolumeGeometry, kji: tuple[int, int, int]
) -> None:
    voxels = np.zeros(SHAPE_KJI)
    voxels[kji] = 1
    turn = find_upright(geometry)
    images = FitImages(
        grid=geometry, baseline=voxels,
        before=np.zeros(SHAPE_KJI, np.float32), after=np.zeros(SHAPE_KJI, np.float32),
    )  # fmt: skip
    layer, _ = build_image_layers(images, by_fit=True)
    (drawn_at,) = np.argwhere(layer.data == 1) * layer.scale
    x, y, z = geometry.lps_from_kji(np.array(kji)).tolist()
    assert convert_to_screen_mm(geometry, turn, (x, y, z)) == pytest.approx(tuple(drawn_at))


def test_turning_changes_the_order_of_voxels_and_never_their_values() -> None:
    voxels = np.arange(np.prod(SHAPE_KJI)).reshape(SHAPE_KJI)
    for geometry in SAGITTAL.values():
        picture = turn_voxels(voxels, find_upright(geometry))
        assert sorted(picture.ravel()) == sorted(voxels.ravel())
        assert np.shares_memory(picture, voxels)


def test_both_colours_together_are_white_so_that_only_differences_are_coloured() -> None:
    assert np.add(BASELINE_COLOUR, FOLLOWUP_COLOUR) == pytest.approx([1, 1, 1])


def test_before_and_after_are_drawn_with_one_window_and_black_where_nothing_is_known() -> None:
    random = np.random.default_rng(1)
    after = random.normal(100, 10, SHAPE_KJI).astype(np.float32)
    before = after.copy()
    before[0] = np.nan
    images = FitImages(
        grid=SAGITTAL["as usual"], baseline=after.astype(np.int16), before=before, after=after
    )
    by_fit, by_header = (build_image_layers(images, by_fit=fit)[1] for fit in (True, False))
    assert by_fit.contrast_limits == by_header.contrast_limits
    assert (by_header.data[0] == by_header.contrast_limits[0]).all()
    assert np.isfinite(by_header.data).all()


def test_the_ticks_point_at_the_centre_and_stay_clear_of_the_vertebra() -> None:
    lines = build_ticks((50.0, 60.0))
    ends = lines.sum(axis=1) - (50.0, 60.0)
    starts = lines[:, 0] - (50.0, 60.0)
    assert (np.linalg.norm(ends, axis=1) > 25).all()
    assert (np.linalg.norm(ends, axis=1) < np.linalg.norm(starts, axis=1)).all()
