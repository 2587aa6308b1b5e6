"""The axial image next to the sagittal: which it is, where it cuts, what it may be called."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.dicom_makers import AXIAL, T1, T2FS, write_series
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle
from fixtures.small_study import add_lesions
from opp_mri_napari.reading.basics.views import MarkStyle, PaneView
from opp_mri_napari.reading.presenter import ReadingRoom
from pydicom import Dataset

from opp_mri.domain.timeline import Origin
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import create_project, open_project

FRAME = "1.2.9.7"
FAR_MM, NEAR_MM = -400.0, 30.0  # of the sagittal images, whose rows go from 40 mm down to 18 mm


def at_height(height_mm: float) -> object:
    def edit(dataset: Dataset, number: int) -> None:
        dataset.ImageOrientationPatient = AXIAL
        dataset.ImagePositionPatient = [-10.0, -10.0, height_mm - 4.4 * number]

    return edit


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ReadingRoom]:
    """One visit: a sagittal T1, and two axial stacks of which the first is far from the lesion."""
    how = {"PatientID": "P1", "StudyDate": "20240115", "FrameOfReferenceUID": FRAME}
    write_series(tmp_path / "dicom", T1, **how)
    for number, height_mm in ((7, FAR_MM), (8, NEAR_MM)):
        write_series(
            tmp_path / "dicom", T2FS, edit=at_height(height_mm), seed=number,
            **{**how, "SeriesNumber": number, "SeriesDescription": "T2 AX"},
        )  # fmt: skip
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        add_lesions(project, ["P1"])
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        yield room


def confirm_level(room: ReadingRoom) -> None:
    hand = Mouse(room)
    hand.move(hand.view.centre)
    room.do_wish("confirm_level")
    settle(room)


def aside(room: ReadingRoom) -> PaneView:
    (aside_view,) = [
        view
        for view, pane in zip(room.build_pane_views(), room.panes.panes, strict=True)
        if pane.aside
    ]
    return aside_view


def test_the_axial_stack_at_the_lesion_comes_first(room: ReadingRoom) -> None:
    confirm_level(room)
    room.do_wish("aside")
    settle(room)
    assert "Se 8 · axial" in aside(room).header
    assert aside(room).level is not None
    assert aside(room).level.text == "L1"


def test_each_of_two_images_shows_where_the_other_cuts_it(room: ReadingRoom) -> None:
    confirm_level(room)
    room.do_wish("aside")
    settle(room)
    for view in room.build_pane_views():
        assert [mark.style for mark in view.marks] == [MarkStyle.CROSS]


def test_a_line_on_the_axial_image_is_listed_with_its_own_series_and_marked_in_curve_and_tables(
    room: ReadingRoom,
) -> None:
    confirm_level(room)
    room.do_wish("aside")
    settle(room)
    assert aside(room).state == ""  # the T1 is unread, which is said on its own pane
    hand = Mouse(room, 1)
    down, across = hand.view.centre
    hand.drag((down - 4.0, across), (down + 4.0, across))
    room.calipers.override("the sagittal T1 moved")
    settle(room)
    assert "by override" in aside(room).state
    (line,) = room.sign_off().drafts
    assert "series 8, " in line
    assert "axial" in line.splitlines()[0]
    assert "the sagittal T1 moved" in " ".join(room.build_timeline().sentences)
    assert room.session.lesion is not None
    ((length,),) = room.session.lesion.timeline.timeline.observations.values()
    assert length.origin is Origin.OVERRIDE
    room.do_wish("dictate")
    settle(room)
    assert "mm by override (01/2024)" in (room.handing_on.take_text() or "")


def test_an_axial_image_elsewhere_says_how_far_the_vertebra_is(room: ReadingRoom) -> None:
    confirm_level(room)
    room.do_wish("aside")
    settle(room)
    (pane,) = [pane for pane in room.panes.panes if pane.aside]
    room.navigation.activate(pane)
    room.do_wish("left")
    settle(room)
    assert "Se 7 · axial" in aside(room).header
    level = aside(room).level
    assert level is not None
    assert level.place is None
    assert level.text.startswith("L1 is 4")
    assert level.text.endswith(" mm away")
