"""The live wire keeps to an edge between two clicks; what it runs along twice is left out."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from opp_mri.contours.live_wire import tidy_polygon, trace_edge
from opp_mri.domain.contour import compute_area, has_crossing_sides

CENTRE, RADIUS = (30.3, 32.7), 11.3


@pytest.fixture(scope="module")
def disc() -> np.ndarray:
    """A dark disc in brighter marrow, blurred and noisy."""
    down, across = np.mgrid[0:64, 0:64].astype(float)
    distance = np.hypot(across - CENTRE[0], down - CENTRE[1])
    noise = np.random.default_rng(4).normal(0, 6, distance.shape)
    return 200 - 120 * ndtr((RADIUS - distance) / 0.8) + noise


def test_four_clicks_on_an_edge_give_its_circle(disc: np.ndarray) -> None:
    clicks = [
        (CENTRE[0] + RADIUS * math.cos(a), CENTRE[1] + RADIUS * math.sin(a))
        for a in (0.0, math.pi / 2, math.pi, 3 * math.pi / 2)
    ]
    points = []
    for start, end in zip(clicks, [*clicks[1:], clicks[0]], strict=True):
        path = trace_edge(disc, start, end)
        assert (path[0], path[-1]) == (start, end)
        points += path[:-1]
    off = [math.dist(point, CENTRE) - RADIUS for point in points]
    assert max(map(abs, off)) < 1.5
    assert compute_area(points, (1, 1)) == pytest.approx(math.pi * RADIUS**2, rel=0.05)


def test_a_spur_is_left_out_of_the_outline() -> None:
    square = [(10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0)]
    spur = (*square[:2], (26.0, 10.0), (20.0, 10.1), *square[2:])
    tidy_corners = tidy_polygon(spur)
    assert not has_crossing_sides(tidy_corners)
    assert compute_area(tidy_corners, (1, 1)) == pytest.approx(100, rel=0.05)
