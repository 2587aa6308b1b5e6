"""The simple volume shows its known points where it says."""

import numpy as np
import pytest

from opp_mri.phantom.simple import BALL, simple_volume


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("oblique_deg", [(0, 0, 0), (11, -7, 19)])
@pytest.mark.parametrize("spacing_kji_mm", [(4, 1, 1), (3.3, 0.9, 1.4)])
def test_the_balls_lie_at_the_known_points(
    flipped: bool,
    oblique_deg: tuple[float, float, float],
    spacing_kji_mm: tuple[float, float, float],
) -> None:
    volume = simple_volume(
        oblique_deg=oblique_deg,
        spacing_kji_mm=spacing_kji_mm,
        centre_lps_mm=(5, -60, 31),
        flipped=flipped,
    )
    bright = np.argwhere(volume.pixels == BALL)
    placed = np.array([volume.planes[k].lps_from_pixel(i, j) for k, j, i in bright])
    for point in volume.points_lps_mm:
        near = placed[np.linalg.norm(placed - point, axis=1) < 6]
        assert len(near) > 20
        assert near.mean(axis=0) == pytest.approx(point, abs=1.2)


def test_a_flipped_volume_comes_in_the_order_against_its_normal() -> None:
    straight, flipped = simple_volume(), simple_volume(flipped=True)
    assert straight.planes == flipped.planes[::-1]
    assert straight.planes[0].distance_mm(straight.planes[1].position_lps_mm) == pytest.approx(4)
    assert np.array_equal(straight.pixels, flipped.pixels[::-1])
