"""Markup, escapes and bidirectional overrides in names are shown in the windows, not obeyed."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QEnterEvent
from qtpy.QtWidgets import QApplication, QLabel, QWidget

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

HOSTILE = "P1\u202etxt\x1b[2J\x07<b style='font-size:1px'>hidden</b><img src='file:///etc/x'>"
pytestmark = pytest.mark.window


def test_a_window_title_shows_escapes_and_overrides(qtbot: "QtBot") -> None:
    from opp_mri_napari.reading.widgets.key_images import KeyImagesWindow

    images = SimpleNamespace(title=HOSTILE, strip=SimpleNamespace(in_words=""))
    parent = QWidget()
    qtbot.addWidget(parent)
    window = KeyImagesWindow(cast("Any", images), b"", parent)
    for sign in ("\u202e", "\x1b", "\x07"):
        assert sign not in window.windowTitle()
    assert r"\u202e" in window.windowTitle()
    assert window.message.textFormat() == Qt.TextFormat.PlainText


def test_the_line_above_the_panes_and_its_tooltip_show_markup(qtbot: "QtBot") -> None:
    from opp_mri_napari.reading.widgets.head import Head

    head = Head()
    qtbot.addWidget(head)
    head.title.setText(HOSTILE)
    assert "\u202e" not in head.title.text()
    assert "<b style" in head.title.text()
    assert {label.textFormat() for label in head.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    place = QPointF(1, 1)
    QApplication.sendEvent(head.title, QEnterEvent(place, place, place))
    assert "hidden" in head.title.toolTip()
    assert "<b style" not in head.title.toolTip()


def test_what_a_signature_covers_shows_markup(qtbot: "QtBot") -> None:
    from opp_mri_napari.reading.widgets.forms import SignOff

    form = SignOff()
    qtbot.addWidget(form)
    assert {label.textFormat() for label in form.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
