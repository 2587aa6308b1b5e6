"""What leaves the reading room by one key: key images, and the text to dictate."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle, sign_off
from fixtures.window_driver import drag, place, press
from fixtures.window_driver import settle as wait_for
from opp_mri_napari.reading.handing_on import BLINDED
from opp_mri_napari.reading.presenter import ReadingRoom
from PIL import Image
from pptx import Presentation
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.reader_study import Blinding, CaseOrder, ShownDates
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.decisions import decide

if TYPE_CHECKING:
    from pathlib import Path

    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

CTRL = Qt.KeyboardModifier.ControlModifier


def confirm_all(project: Project) -> None:
    for fit in project.store.get_alignments():
        decide(project.store, fit.fit_id, FitDecision.CONFIRMED, reader="A", reason="x", at=NOON)


def opened(project: Project) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    return room


def draw(room: ReadingRoom, pane: int, half_mm: float) -> None:
    mouse = Mouse(room, pane)
    down, across = mouse.view.centre
    mouse.drag((down, across - half_mm), (down, across + half_mm))
    settle(room)


def test_the_strip_shows_each_visit_with_its_draft_and_no_category_before_all_is_read(
    project: Project,
) -> None:
    confirm_all(project)
    room = opened(project)
    draw(room, 0, 9.0)
    room.do_wish("key_images")
    settle(room)
    images, picture = room.handing_on.take_images()
    assert room.handing_on.take_images() is None  # handed on once
    first, *later = images.strip.panels
    assert first.size.endswith("mm · draft")
    assert all(panel.image is not None for panel in images.strip.panels)
    assert {panel.size for panel in later} == {"not read"}
    assert {panel.label for panel in later} == {""}
    assert "no category yet" in images.strip.category
    assert Image.open(BytesIO(picture)).format == "PNG"


def test_a_visit_whose_fit_nobody_confirmed_is_not_shown(project: Project) -> None:
    room = opened(project)
    room.do_wish("key_images")
    settle(room)
    images, _ = room.handing_on.take_images()
    assert images.strip.panels[0].image is not None
    assert all("no confirmed fit" in panel.reason for panel in images.strip.panels[1:])


def test_the_text_names_what_is_read_and_that_it_is_not_signed(project: Project) -> None:
    confirm_all(project)
    room = opened(project)
    room.do_wish("dictate")
    settle(room)
    assert "nothing to dictate" in room.session.warning
    room.do_wish("cancel")
    draw(room, 0, 9.0)
    room.do_wish("dictate")
    settle(room)
    text = room.handing_on.take_text()
    assert text is not None
    assert text.startswith("L2, T1, AP ")
    assert "no category yet; not signed: 1 of these answers." in text
    for number in range(1, len(room.panes.panes)):  # the sequence is complete: a sentence says so
        room.navigation.activate(room.panes.panes[number])
        draw(room, number, 9.0)
    room.do_wish("dictate")
    settle(room)
    text = room.handing_on.take_text()
    assert text is not None
    assert "as known so far" in text
    assert ".;" not in text
    assert room.build_status().hint.startswith("Copied: L2, T1, AP ")
    sign_off(room)
    settle(room)
    room.do_wish("dictate")
    settle(room)
    assert "not signed" not in (room.handing_on.take_text() or "")
    (project.folder / "own.txt").write_text("Level {{ level }}")  # while the window is open
    with (project.folder / "opp_mri.toml").open("a") as settings:
        settings.write('dictation_template = "own.txt"\n')
    room.do_wish("dictate")
    settle(room)
    assert room.handing_on.take_text() == "Level L2"


@pytest.mark.parametrize("wish", ["key_images", "dictate"])
def test_a_blinded_read_hands_nothing_on(project: Project, wish: str) -> None:
    blinding = Blinding(
        package_id="p", reader="A", order=CaseOrder.FREE, dates=ShownDates.OFFSETS, recorded_at=NOON
    )
    project.store.add_to_log([blinding])
    room = opened(project)
    room.do_wish(wish)
    settle(room)
    assert room.build_status().hint == BLINDED
    assert room.handing_on.take_images() is None
    assert room.handing_on.take_text() is None


@pytest.mark.window
def test_one_key_shows_the_strip_and_another_copies_the_text(
    project: Project, open_window: Callable[..., "RoomWindow"], qtbot: "QtBot", tmp_path: "Path"
) -> None:
    confirm_all(project)
    window = open_window(project)
    drag(window, qtbot, place(window, -9), place(window, 9))
    wait_for(window, qtbot)
    QApplication.clipboard().clear()
    press(window, qtbot, Qt.Key.Key_C, CTRL)
    qtbot.waitUntil(lambda: "L2, T1, AP" in QApplication.clipboard().text(), timeout=60_000)
    press(window, qtbot, Qt.Key.Key_I)
    qtbot.waitUntil(lambda: window.key_images is not None, timeout=60_000)
    key_images = window.key_images
    assert key_images is not None
    qtbot.waitUntil(key_images.isVisible)
    assert key_images.picture.pixmap().width() > 0.8 * key_images.width()
    key_images.save(tmp_path / "strip.bmp")
    assert "give a name that ends in" in key_images.message.text()
    qtbot.mouseClick(key_images.identity, Qt.MouseButton.LeftButton)
    key_images.save(tmp_path / "slides.pptx")
    assert key_images.message.text().startswith("Written: ")
    slides = Presentation(str(tmp_path / "slides.pptx"))
    assert slides.slides[0].shapes[0].text_frame.text == "L2 · T1"
    qtbot.keyClick(key_images, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not key_images.isVisible())
