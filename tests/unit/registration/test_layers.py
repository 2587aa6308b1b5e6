"""Images at one scale, with their points where they were."""

import numpy as np
import pytest
from attrs import evolve
from fixtures.registration_volumes import Scanned
from fixtures.simple_volume import simple_volume
from scipy import ndimage
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import Volume, VolumeGeometry
from opp_mri.registration.layers import find_box, make_layer
from opp_mri.registration.refine import correlate, refine, stretch
from opp_mri.registration.template import make_template


def balls(oblique_deg: tuple[float, float, float]) -> tuple[Volume, np.ndarray]:
    ball_volume = simple_volume(
        oblique_deg=oblique_deg, shape_kji=(15, 64, 48), spacing_kji_mm=(2.0, 1.0, 1.2)
    )
    plane = ball_volume.planes[0]
    geometry = VolumeGeometry(
        frame_of_reference_uid="2.25.1",
        origin_lps_mm=plane.position_lps_mm,
        directions=np.array([plane.normal, plane.column_direction, plane.row_direction]),
        spacing_kji_mm=(2.0, 1.0, 1.2),
        shape_kji=ball_volume.pixels.shape,
    )
    volume = Volume(
        volume_id="balls", geometry=geometry, voxels=ball_volume.pixels.astype(np.int16)
    )
    return volume, ball_volume.points_lps_mm


@pytest.mark.parametrize("oblique", [(0.0, 0.0, 0.0), (8.0, -5.0, 12.0)])
@pytest.mark.parametrize("scale_mm", [1.4, 2.8])
def test_a_bright_point_stays_where_it_is_in_the_patient(
    oblique: tuple[float, float, float], scale_mm: float
) -> None:
    volume, points = balls(oblique)
    image = make_layer(volume, scale_mm)
    offsets = np.stack(np.meshgrid(*[np.arange(-6.0, 6.5, 0.5)] * 3, indexing="ij")).reshape(3, -1)
    for point in points:
        around = (point[:, None] + offsets).astype(np.float32)
        values, inside = image.interpolate(around)
        weight = np.clip(values, 0, None) * inside
        middle = (around * weight).sum(axis=1) / weight.sum()
        np.testing.assert_allclose(middle, point, atol=0.35 * scale_mm)


def test_a_box_gives_the_same_places_as_the_whole(lumbar: list[Scanned]) -> None:
    volume = lumbar[0].volume
    centre = np.array(lumbar[0].centre_lps_mm)
    box = find_box(volume.geometry, centre, (60.0, 60.0, 60.0))
    whole, part = make_layer(volume, 2.8), make_layer(volume, 2.8, box)
    points = (centre[:, None] + np.random.default_rng(1).uniform(-15, 15, (3, 400))).astype("f4")
    values_inside, inside = part.interpolate(points)
    assert inside.all()
    assert np.corrcoef(values_inside, whole.interpolate(points)[0])[0, 1] > 0.99


def test_slow_shading_is_taken_out(lumbar: list[Scanned]) -> None:
    volume = lumbar[0].volume
    shade = 1 + 0.6 * np.linspace(-1, 1, volume.voxels.shape[1])[None, :, None]
    shaded_volume = evolve(volume, voxels=(volume.voxels * shade).astype(np.float32))
    plain, through = make_layer(volume, 2.8).values, make_layer(shaded_volume, 2.8).values
    assert np.corrcoef(plain.ravel(), through.ravel())[0, 1] > 0.98


def test_points_outside_are_marked(lumbar: list[Scanned]) -> None:
    image = make_layer(lumbar[0].volume, 2.8)
    centre = np.array(lumbar[0].centre_lps_mm)
    points = np.stack([centre, centre + np.array([0.0, 0.0, 500.0])]).T.astype(np.float32)
    assert image.interpolate(points)[1].tolist() == [True, False]


@pytest.mark.parametrize("degrees", [(3.0, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, -3.0)])
def test_a_known_motion_is_undone(
    lumbar: list[Scanned], degrees: tuple[float, float, float]
) -> None:
    image = make_layer(lumbar[0].volume, 2.8)
    centre = np.array(lumbar[0].centre_lps_mm)
    template = make_template(image, centre, (25.0, 40.0, 35.0), hole_mm=0.0)
    start = np.eye(4)
    start[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    start[:3, 3] = centre + np.array([1.5, -2.0, 2.5]) - start[:3, :3] @ centre
    assert correlate([template], [image], start)[0] < 0.9
    undone = refine([template], [image], start, 20)
    np.testing.assert_allclose(undone, np.eye(4), atol=0.02)
    assert correlate([template], [image], undone)[0] == pytest.approx(1.0, abs=1e-3)


def test_slices_that_each_moved_a_little_do_not_turn_the_vertebra(lumbar: list[Scanned]) -> None:
    volume = lumbar[0].volume
    count, (_, step, _) = len(volume.voxels), volume.geometry.spacing_kji_mm
    centre = np.array(lumbar[0].centre_lps_mm)
    middle = volume.geometry.kji_from_lps(centre)[0]
    # 0.2 mm of a slice and more, by chance as a rotation of 0.8 degrees would have it
    shifts_mm = 0.06 * (np.arange(count) - middle)
    voxels = np.stack(
        [
            ndimage.shift(
                slice_values.astype(np.float32), (shift / step, 0.0), order=3, mode="nearest"
            )
            for slice_values, shift in zip(volume.voxels, shifts_mm, strict=True)
        ]
    )
    images = [
        make_layer(volume_of_layer, 1.4, None, 8.0)
        for volume_of_layer in (volume, evolve(volume, voxels=voxels))
    ]
    template = make_template(images[0], centre, (22.0, 20.0, 30.0), hole_mm=0.0)
    start = refine([template], [images[1]], np.eye(4), 10)
    turned_deg, kept_deg = (
        np.degrees(Rotation.from_matrix(transform[:3, :3]).magnitude())
        for transform in (start, refine([template], [images[1]], start, 6, strict=True))
    )
    assert kept_deg < turned_deg / 2


def test_sizes_are_told_from_motion(lumbar: list[Scanned]) -> None:
    volume = lumbar[0].volume
    k, j, i = volume.geometry.spacing_kji_mm
    larger = evolve(volume, geometry=evolve(volume.geometry, spacing_kji_mm=(k, j * 1.03, i)))
    images = [
        make_layer(volume_of_layer, 1.4, None, 5.0, is_compressed=True)
        for volume_of_layer in (volume, larger)
    ]
    centre = np.array(lumbar[0].centre_lps_mm)
    template = make_template(images[0], centre, (25.0, 45.0, 28.0), hole_mm=0.0)
    target = larger.geometry.lps_from_kji(volume.geometry.kji_from_lps(centre))
    start = np.eye(4)
    start[:3, 3] = target - centre
    scale = stretch([template], [images[1]], start, 8)
    assert scale is not None
    along, across = scale
    assert along == pytest.approx(1.03, abs=0.004)
    assert across == pytest.approx(1.0, abs=0.004)
