"""The reading room's small parts: geometry of the screen, lines under the mouse, keys, places."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from fixtures.dicom_makers import write_study
from fixtures.makers import make_planes
from hypothesis import given
from hypothesis import strategies as st
from opp_mri_napari.dropped import choose_reader
from opp_mri_napari.reading.basics.key_table import HABITS, WISHES, build_key_sheet, build_key_table
from opp_mri_napari.reading.basics.layout import Layout, choose_days
from opp_mri_napari.reading.basics.line_tool import Grip, LineTool
from opp_mri_napari.reading.basics.overlay_layout import (
    Box,
    label_box,
    mm_from_px,
    place_magnifier,
    px_from_mm,
    scale_bar_mm,
)
from opp_mri_napari.reading.pane_words import list_technique_lines
from opp_mri_napari.reading.panels.worklist_view import write_short_weeks
from opp_mri_napari.shared.geometry import build_pane_geometry

from opp_mri.domain.geometry import ImagePlane
from opp_mri.errors import InputError

POINT = st.tuples(st.floats(-20, 280), st.floats(-20, 280))
SAGITTALS = [
    ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
]


def plane(directions: tuple[object, object], rows: int = 256, columns: int = 200) -> ImagePlane:
    (plane,) = make_planes(
        1, row_direction=directions[0], column_direction=directions[1], rows=rows,
        columns=columns, row_spacing_mm=1.5, column_spacing_mm=0.6,
    )  # fmt: skip
    return plane


# --- on the screen


@pytest.mark.parametrize("directions", SAGITTALS)
@given(point=POINT)
def test_a_pixel_goes_to_the_screen_and_back(
    directions: tuple[object, object], point: tuple[float, float]
) -> None:
    geometry = build_pane_geometry(plane(directions), 4.4)
    back = geometry.pixel_from_screen(geometry.screen_from_pixel(point))
    assert back == pytest.approx(point, abs=1e-9)


@pytest.mark.parametrize("directions", SAGITTALS)
def test_however_it_was_stored_the_head_is_up_and_anterior_is_left(
    directions: tuple[object, object],
) -> None:
    image = plane(directions)
    geometry = build_pane_geometry(image, 4.4)
    assert geometry.letters == ("A", "P", "H", "F")
    point_here = image.lps_from_pixel(*geometry.pixel_from_screen((20.0, 30.0)))
    below = image.lps_from_pixel(*geometry.pixel_from_screen((25.0, 30.0)))
    behind = image.lps_from_pixel(*geometry.pixel_from_screen((20.0, 33.0)))
    assert below[2] - point_here[2] == pytest.approx(-5.0)
    assert behind[1] - point_here[1] == pytest.approx(3.0)


@given(
    place=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    centre=st.tuples(st.floats(-200, 200), st.floats(-200, 200)),
    zoom=st.floats(0.3, 80),
)
def test_mm_and_screen_pixels_are_two_ways_to_say_one_place(
    place: tuple[float, float], centre: tuple[float, float], zoom: float
) -> None:
    size = (801.0, 603.0)
    back = mm_from_px(px_from_mm(place, centre, zoom, size), centre, zoom, size)
    assert back == pytest.approx(place, abs=1e-6)


@given(
    start=st.tuples(st.floats(60, 740), st.floats(60, 540)),
    run=st.tuples(st.floats(-150, 150), st.floats(-40, 40)),
)
def test_a_label_is_inside_the_pane_and_off_its_line(
    start: tuple[float, float], run: tuple[float, float]
) -> None:
    end = (start[0] + run[0], start[1] + run[1])
    box = label_box(start, end, (90.0, 24.0), (800.0, 600.0))
    assert 0 <= box.x <= 800 - box.width
    assert 0 <= box.y <= 600 - box.height
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    assert not box.holds(middle)


@given(
    start=st.tuples(st.floats(100, 700), st.floats(100, 500)),
    run=st.tuples(st.floats(20, 250), st.floats(-20, 20)),
    aside=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
)
def test_a_label_is_off_the_lesion_wherever_the_line_lies(
    start: tuple[float, float], run: tuple[float, float], aside: tuple[float, float]
) -> None:
    end = (start[0] + run[0], start[1] + run[1])
    lesion = ((start[0] + end[0]) / 2 + aside[0], (start[1] + end[1]) / 2 + aside[1])
    box = label_box(start, end, (90.0, 24.0), (800.0, 600.0), lesion=lesion)
    around = Box(lesion[0] - 20, lesion[1] - 20, 40, 40)
    assert not box.is_overlapping(around)


def test_a_label_keeps_off_header_and_scale_bar_where_there_is_room() -> None:
    header = Box(0, 0, 800, 120)
    box = label_box((300, 170), (500, 170), (90.0, 24.0), (800.0, 600.0), furniture=[header])
    assert not box.is_overlapping(header)


def test_a_change_of_fat_suppression_is_named_first_on_the_image() -> None:
    sentences = (
        "Field strength differs: 3 T, then 1.5 T.", "TR differs: 500 ms, then 900 ms.",
        "TE differs: 10 ms, then 20 ms.", "Fat suppression differs: with, then without.",
    )  # fmt: skip
    assert list_technique_lines(sentences) == (
        "Fat suppression: with, then without", "Field strength: 3 T, then 1.5 T", "2 more changes",
    )  # fmt: skip


def test_the_magnifier_keeps_off_labels() -> None:
    label = Box(0, 400, 300, 200)
    box = place_magnifier((700.0, 100.0), (800.0, 600.0), [label])
    assert not box.is_overlapping(label)


@pytest.mark.parametrize(("zoom", "length_mm"), [(0.5, 200.0), (2.0, 50.0), (4.6, 20.0), (30, 5.0)])
def test_the_scale_bar_is_a_round_length_that_fits(zoom: float, length_mm: float) -> None:
    assert scale_bar_mm(zoom, 600.0) == length_mm


# --- a line under the mouse


def free(_fixed: tuple[float, float], moving: tuple[float, float]) -> tuple[float, float]:
    return moving


def to_px(point: tuple[float, float]) -> tuple[float, float]:
    return (point[0] * 4, point[1] * 4)


def test_what_is_near_an_end_takes_hold_of_it_and_what_is_far_begins_anew() -> None:
    line = ((10.0, 10.0), (40.0, 10.0))
    for px, grip in [
        ((44.0, 42.0), Grip.START),
        ((157.0, 38.0), Grip.END),
        ((100.0, 42.0), Grip.WHOLE),
        ((100.0, 80.0), Grip.NEW_END),
    ]:
        tool = LineTool()
        tool.press((px[0] / 4, px[1] / 4), px, line, to_px)
        assert tool.grip is grip


def test_a_whole_line_moves_without_changing_its_length() -> None:
    tool = LineTool()
    tool.press((25.0, 10.0), (100.0, 40.0), ((10.0, 10.0), (40.0, 10.0)), to_px)
    tool.move((27.0, 13.0), (108.0, 52.0), free)
    assert tool.release((27.0, 13.0), (108.0, 52.0), free) == ((12.0, 13.0), (42.0, 13.0))


def test_a_trembling_click_on_an_end_changes_nothing() -> None:
    tool = LineTool()
    tool.press((10.0, 10.0), (40.0, 40.0), ((10.0, 10.0), (40.0, 10.0)), to_px)
    tool.move((10.3, 10.0), (41.0, 40.0), free)
    assert tool.release((10.3, 10.0), (41.0, 40.0), free) is None


def test_two_trembling_clicks_on_one_place_leave_no_line() -> None:
    tool = LineTool()
    for column, px in ((10.0, 40.0), (10.3, 41.0)):
        tool.press((column, 10.0), (px, 40.0), None, to_px)
        assert tool.release((column, 10.0), (px, 40.0), free) is None
    assert not tool.busy


# --- keys


@pytest.mark.parametrize(
    ("key", "modifiers_held", "name"),
    [
        ("Key_Plus", ("Control", "Shift"), "Ctrl++"),
        ("Key_Question", ("Shift",), "?"),
        ("Key_1", ("Shift",), "1"),  # as on a French keyboard
        ("Key_Z", ("Control", "Shift"), "Ctrl+Shift+Z"),
        ("Key_Up", ("Shift",), "Shift+Up"),
    ],
)
def test_a_symbol_is_the_same_key_whether_or_not_a_layout_needs_shift_for_it(
    key: str, modifiers_held: tuple[str, ...], name: str
) -> None:
    from opp_mri_napari.reading.widgets.inputs import name_key
    from qtpy.QtCore import QEvent, Qt
    from qtpy.QtGui import QKeyEvent

    modifiers = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers_held:
        modifiers |= getattr(Qt.KeyboardModifier, f"{modifier}Modifier")
    event = QKeyEvent(QEvent.Type.KeyPress, getattr(Qt.Key, key), modifiers)
    assert name_key(event) == name


@pytest.mark.parametrize(("days", "text"), [(-1, "0 w"), (0, "0 w"), (-9, "-1 w"), (79, "+11 w")])
def test_weeks_at_the_head_of_a_column_are_whole_and_zero_has_no_sign(days: int, text: str) -> None:
    assert write_short_weeks(days) == text


def test_every_key_asks_for_something_that_is_there_and_has_words() -> None:
    for habit in ("", *HABITS):
        table = build_key_table(habit)
        assert set(table.values()) <= set(WISHES)
        assert all(words for _, words in build_key_sheet(table))
    assert set(build_key_table().values()) == set(WISHES)


def test_a_reader_can_set_and_take_away_keys() -> None:
    table = build_key_table("OHIF", {"V": "caliper", "Q": ""})
    assert table["V"] == "caliper"
    assert "Q" not in table
    with pytest.raises(InputError, match="choose OHIF"):
        build_key_table("Paper")
    with pytest.raises(InputError, match="No key can do"):
        build_key_table(own={"V": "teleport"})


# --- which time points have a pane


@pytest.mark.parametrize("count", [1, 3, 8, 9, 14])
def test_the_active_time_point_and_the_baseline_are_always_among_eight(count: int) -> None:
    days = [date(2024, 1, 1) + timedelta(days=60 * n) for n in range(count)]
    for active in days:
        visible_days = choose_days(days, active, Layout.ALL)
        assert len(visible_days) == min(count, 8)
        assert list(visible_days) == sorted(set(visible_days))
        assert {days[0], active} <= set(visible_days)
        three = choose_days(days, active, Layout.THREE)
        assert {days[0], active} <= set(three)
        assert len(three) <= 3
        assert choose_days(days, active, Layout.ONE) == (active,)


# --- what is dropped on napari


def test_a_folder_of_dicom_is_taken_and_anything_else_is_left_to_others(tmp_path: Path) -> None:
    write_study(tmp_path / "dicom")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("no image")
    assert choose_reader(str(tmp_path / "dicom")) is not None
    assert choose_reader([str(tmp_path / "dicom")]) is not None
    assert choose_reader(str(tmp_path / "text")) is None
    assert choose_reader(str(tmp_path / "text" / "notes.txt")) is None
    assert choose_reader([str(tmp_path / "dicom"), str(tmp_path / "text")]) is None
