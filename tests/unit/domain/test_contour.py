"""Closed polygons: their area by the shoelace formula, and which of them are sound."""

import math

import pytest
from fixtures.makers import NOON
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.contour import (
    Contour,
    VolumeReading,
    compute_area,
    compute_perimeter,
    find_contour_faults,
    find_volume_reading_faults,
    has_crossing_sides,
)
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole
from opp_mri.store.serial import from_json, to_json

SQUARE = ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0))
PLANE = ImagePlane(
    frame_of_reference_uid="1.2", position_lps_mm=(0.0, 0.0, 0.0), row_direction=(0.0, 1.0, 0.0),
    column_direction=(0.0, 0.0, -1.0), row_spacing_mm=0.5, column_spacing_mm=0.5,
    rows=20, columns=20,
)  # fmt: skip
BOWTIE = ((0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (0.0, 4.0))
radii = st.lists(st.floats(1.0, 9.0), min_size=3, max_size=12)
shift = st.floats(-50.0, 50.0)


def star(of: list[float], turn: float = 0.0, dx: float = 0.0, dy: float = 0.0):
    """Corners around a point, each at a distance of its own: never crossing."""
    count = len(of)
    return tuple(
        (
            dx + radius * math.cos(turn + 2 * math.pi * n / count),
            dy + radius * math.sin(turn + 2 * math.pi * n / count),
        )
        for n, radius in enumerate(of)
    )


def moved(across: float) -> tuple[tuple[float, float], ...]:
    """The square, so many pixels further."""
    return tuple((column + across, row) for column, row in SQUARE)


def contour(points: tuple[tuple[float, float], ...], uid: str = "1.2.3") -> Contour:
    return Contour(sop_instance_uid=uid, points=points)


@given(radii)
def test_the_area_is_the_sum_of_the_triangles_from_the_middle(of: list[float]) -> None:
    count = len(of)
    triangles = sum(
        a * b * math.sin(2 * math.pi / count) / 2 for a, b in zip(of, [*of[1:], of[0]], strict=True)
    )
    assert compute_area(star(of), (1.0, 1.0)) == pytest.approx(abs(triangles), rel=1e-9)


@given(radii, st.floats(0.0, 6.3), shift, shift)
def test_neither_turning_nor_moving_changes_area_and_perimeter(
    of: list[float], turn: float, dx: float, dy: float
) -> None:
    moved_star, first_star = star(of, turn, dx, dy), star(of)
    for measure in (compute_area, compute_perimeter):
        assert measure(moved_star, (1.0, 1.0)) == pytest.approx(
            measure(first_star, (1.0, 1.0)), rel=1e-6
        )


@given(radii, st.floats(0.2, 2.0), st.floats(0.2, 2.0))
def test_the_area_is_in_mm_by_the_spacing_each_way(of: list[float], x: float, y: float) -> None:
    assert compute_area(star(of), (x, y)) == pytest.approx(x * y * compute_area(star(of), (1, 1)))


@given(radii, st.booleans())
def test_a_star_never_crosses_itself_whichever_way_it_is_drawn(of: list[float], back: bool) -> None:
    assert not has_crossing_sides(star(of)[:: -1 if back else 1])


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (BOWTIE, "crosses itself"),
        (((0, 0), (4, 0), (4, 4), (2, 0), (0, 4)), "crosses itself"),  # touches its first side
        (((0, 0), (4, 0), (8, 0)), "no area"),
        (((0, 0), (4, 0)), "points"),
        (((0, 0), (4, 0), (math.nan, 3)), "not finite"),
        (((1, 1), (25, 1), (5, 5)), "outside its image"),
    ],
)
def test_a_contour_that_encloses_nothing_certain_is_refused(points, words: str) -> None:
    (fault,) = find_contour_faults(contour(points), PLANE)
    assert words in fault


def test_a_square_is_sound_and_comes_back_from_its_record_as_it_was() -> None:
    reading = VolumeReading(
        reading_id="r", lesion_id="L", sequence=SeriesRole.T1, reader="A",
        study_date=NOON.date(), contours=(contour(SQUARE),), draft=True, recorded_at=NOON,
    )  # fmt: skip
    assert find_contour_faults(contour(SQUARE), PLANE) == []
    assert find_volume_reading_faults(reading) == []
    assert from_json(to_json(reading), VolumeReading) == reading


@pytest.mark.parametrize(
    ("further_polygons", "faults"),
    [
        ([SQUARE], ["Two contours of one image cross or touch."]),
        ([moved(2.0)], ["Two contours of one image cross or touch."]),
        ([moved(4.0)], ["Two contours of one image cross or touch."]),  # a side in common
        ([moved(4.5)], []),  # an island
        ([((2, 2), (4, 2), (3, 4))], []),  # a hole
        ([moved(10.0 * n) for n in range(1, 600)], ["A volume has at most 500 contours, not 600."]),
    ],
)
def test_contours_of_one_image_lie_apart_or_one_within_the_other(further_polygons, faults) -> None:
    reading = VolumeReading(
        reading_id="r", lesion_id="L", sequence=SeriesRole.T1, reader="A",
        study_date=NOON.date(), recorded_at=NOON,
        contours=(contour(SQUARE), *(contour(points) for points in further_polygons)),
    )  # fmt: skip
    assert find_volume_reading_faults(reading) == faults
