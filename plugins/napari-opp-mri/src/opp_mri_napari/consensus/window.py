"""The window in which two answers become one: thin, all that it knows is in the presenter."""

from collections.abc import Callable, Generator, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import napari
import numpy as np
from napari.layers import Image, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import ResolutionKind
from opp_mri.domain.visible_text import make_visible
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.project import open_project
from opp_mri_napari.consensus.images import Line
from opp_mri_napari.consensus.marks import build_pieces
from opp_mri_napari.consensus.presenter import ConsensusPresenter
from opp_mri_napari.consensus.words import KEY_SHEET, describe_weeks, list_facts, state, write_title
from opp_mri_napari.shared.background import Background
from opp_mri_napari.shared.closing import Closer
from opp_mri_napari.shared.drags import ButtonDrags
from opp_mri_napari.shared.geometry import LEVEL_PER_PX, WIDTH_PER_PX
from opp_mri_napari.shared.keys import Key, KeysFirst
from opp_mri_napari.shared.labels import make_label, show_text
from opp_mri_napari.shared.napari_parts import (
    dock_panel,
    get_canvas_widget,
    get_main_window,
    is_open,
    measure_canvas_height_px,
)

HEIGHT_SHOWN_MM: Final = 90.0  # the vertebra and its neighbours
ZOOM_STEP: Final = 1.15
UNITS: Final = ("mm", "mm", "mm")
COLOURS: Final = {"A": "#f5f5f5", "B": "#e69f00", "new": "#56b4e9"}
SIDES: Final = {
    "A": "anterior",
    "P": "posterior",
    "H": "head",
    "F": "foot",
    "L": "left",
    "R": "right",
}
REASONS: Final = (
    "",
    "the edge is clear",
    "includes normal marrow",
    "leaves out part of the lesion",
    "another slice shows more",
    "follows the vertebra's axis",
)


class ConsensusPanel(QWidget):
    """Shows a pair, and takes the reason."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(420)
        self.banner = make_label(
            "background: #f0e442; color: black; font-size: 15px; padding: 8px;"
        )
        self.progress = make_label("color: #b8c4ce; font-size: 14px;")
        self.title = make_label("font-size: 20px; font-weight: bold;")
        self.title.setTextFormat(Qt.TextFormat.PlainText)  # it names a lesion
        self.facts = make_label("font-size: 15px;")
        self.state = make_label("font-size: 16px; font-weight: bold;")
        self.buttons: dict[ResolutionKind, QPushButton] = {
            ResolutionKind.KEEP_A: QPushButton("Keep A  (A)"),
            ResolutionKind.KEEP_B: QPushButton("Keep B  (B)"),
            ResolutionKind.MEAN: QPushButton("Mean of the ends  (M)"),
            ResolutionKind.NEW: QPushButton("New line  (L)"),
        }
        self.ask = make_label("font-size: 15px; color: #f0e442;")
        self.reason = QComboBox()
        self.reason.setEditable(True)
        self.reason.addItems(REASONS)
        self.reason.setStyleSheet("font-size: 15px;")
        self.notice = make_label("font-size: 14px; color: #b8c4ce;")
        self.history = make_label("font-size: 13px; color: #b8c4ce;")
        self.signature = QPushButton("Sign this lesion  (S)")
        self.keys = make_label("font-size: 13px;")
        self.keys.setText(_format_table(KEY_SHEET))
        self.disclaimer = make_label("font-size: 12px; color: #b8c4ce;")
        self.disclaimer.setText("Research software, not a medical device.")
        column = QVBoxLayout(self)
        for widget in (
            self.banner, self.progress, self.title, self.facts, self.state, *self.buttons.values(),
            self.ask, self.reason, self.notice, self.history, self.signature,
        ):  # fmt: skip
            column.addWidget(widget)
        column.addStretch(1)
        column.addWidget(self.keys)
        column.addWidget(self.disclaimer)

    def show_state(self, presenter: ConsensusPresenter) -> None:
        """Show what the presenter holds."""
        show_text(self.banner, presenter.warning)
        show_text(self.notice, presenter.notice)
        self.progress.setText(
            f"Pair {presenter.position + 1} of {len(presenter.pairs)}; "
            f"{presenter.describe_progress()}"
        )
        self.title.setText(write_title(presenter.pair))
        self.facts.setText(_format_table(list_facts(presenter.pair)))
        self.state.setText(state(presenter.pair))
        for kind, button in self.buttons.items():
            why = presenter.explain_refusal(kind)
            button.setEnabled(not why)
            button.setToolTip(why)
        is_asking = presenter.proposal is not None
        show_text(
            self.ask,
            f"{presenter.proposal.words}: why? Enter records." if presenter.proposal else "",
        )
        if is_asking and self.reason.isHidden():
            self.reason.setCurrentText("")
        self.reason.setVisible(is_asking)
        show_text(
            self.history,
            "<br>".join(
                f"{resolution.recorded_at:%Y-%m-%d %H:%M} {resolution.kind.value}: "
                f"{escape(make_visible(resolution.reason))}"
                for resolution in presenter.history
            ),
        )
        self.signature.setEnabled(not presenter.lesion.has_open)
        is_volume = isinstance(presenter.pair, ContourPair)
        self.buttons[ResolutionKind.NEW].setText(
            "New contours  (L)" if is_volume else "New line  (L)"
        )


class ConsensusWindow:
    """Shows a presenter in a napari viewer.

    Parameters
    ----------
    viewer
        Empty, and this window's own.
    presenter
        What is shown and asked.
    """

    def __init__(self, viewer: napari.Viewer, presenter: ConsensusPresenter) -> None:
        self.viewer, self.presenter = viewer, presenter
        self.panel = ConsensusPanel()
        self._image: Image | None = None
        self._lines: dict[str, Shapes] = {}
        self._framed: tuple[int, str, float] | None = None
        self._shown_volume = ""
        dock_panel(viewer, self.panel, "Consensus")
        self._background = Background(presenter)
        self._background.read.connect(self._show_arrived)
        go = presenter.images.step_time_point
        self._keys = KeysFirst(
            self._build_key_map(), self._turn_wheel,
            {
                Qt.Key.Key_Left: Key(lambda: self._do_wish(lambda: go(-1))),
                Qt.Key.Key_Right: Key(lambda: self._do_wish(lambda: go(1))),
            },
        )  # fmt: skip
        line = self.panel.reason.lineEdit()
        canvas = get_canvas_widget(viewer)
        self._drags = ButtonDrags(canvas, self._change_window, self._pan, self._reset_window)
        widgets = [canvas, get_main_window(viewer), self.panel]
        self._keys.watch([*widgets, line] if line is not None else widgets, wheel_of=canvas)
        for kind, button in self.panel.buttons.items():
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(self._make_question(kind))
        self.panel.signature.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.panel.signature.clicked.connect(lambda: self._do_wish(presenter.sign))
        viewer.mouse_drag_callbacks.append(self._handle_press)
        # what is resolved is recorded as it is given, so there is nothing to ask
        self._closer = Closer(get_main_window(viewer), lambda: None, asks=False)
        self.refresh()

    def close(self) -> None:
        """Let go of the keys; what was recorded is in the store already."""
        self._keys.stop()
        self._background.close()

    def refresh(self) -> None:
        """Show what the presenter holds, and load what it wants."""
        self._background.work()
        self._show_image()
        self.panel.show_state(self.presenter)
        if self.presenter.proposal is not None:
            self.panel.reason.setFocus()
        else:
            get_canvas_widget(self.viewer).setFocus()

    def _show_arrived(self, _label: str) -> None:
        if is_open(self.viewer):
            self.refresh()

    def _change_window(self, across_px: float, down_px: float) -> None:
        if self._image is None:
            return
        low, high = self._image.contrast_limits
        half = max((high - low) / 2 * WIDTH_PER_PX**across_px, 1e-6)
        middle = (low + high) / 2 + down_px * LEVEL_PER_PX * (high - low)
        self._set_window((middle - half, middle + half))

    def _set_window(self, window: tuple[float, float]) -> None:
        if self._image is not None:
            self._image.contrast_limits_range = self._image.contrast_limits = window
            self._write_caption()

    def _reset_window(self) -> None:
        pictures = self.presenter.images.get_pictures()
        if pictures is not None:
            self._set_window(pictures.window)

    def _pan(self, across_px: float, down_px: float) -> None:
        camera = self.viewer.scene.camera
        _, down, across = camera.center
        camera.center = (0.0, down - down_px / camera.zoom, across - across_px / camera.zoom)

    def _do_wish(self, wish: Callable[[], None]) -> None:
        wish()
        self.refresh()

    def _make_question(self, kind: ResolutionKind) -> Callable[[], None]:
        presenter = self.presenter
        if kind is ResolutionKind.NEW:
            return lambda: self._do_wish(presenter.draw)
        return lambda: self._do_wish(lambda: presenter.propose(kind))

    def _build_key_map(self) -> dict[tuple[Qt.Key, bool], Key]:
        presenter = self.presenter

        def make_key(do: Callable[[], None], **how: bool) -> Key:
            return Key(lambda: self._do_wish(do), **how)

        enter = make_key(
            lambda: presenter.record(self.panel.reason.currentText()), while_typing=True
        )
        keys = {
            Qt.Key.Key_A: Key(self._make_question(ResolutionKind.KEEP_A)),
            Qt.Key.Key_B: Key(self._make_question(ResolutionKind.KEEP_B)),
            Qt.Key.Key_M: Key(self._make_question(ResolutionKind.MEAN)),
            Qt.Key.Key_L: make_key(presenter.draw),
            Qt.Key.Key_D: make_key(presenter.draw),
            Qt.Key.Key_Q: make_key(lambda: presenter.record_answer(Answer.NOT_MEASURABLE)),
            Qt.Key.Key_0: make_key(lambda: presenter.record_answer(Answer.GONE)),
            Qt.Key.Key_Return: enter,
            Qt.Key.Key_Enter: enter,
            Qt.Key.Key_Escape: make_key(presenter.leave, while_typing=True),
            Qt.Key.Key_T: make_key(presenter.turn),
            Qt.Key.Key_Left: make_key(lambda: presenter.images.step_sequence(-1)),
            Qt.Key.Key_Right: make_key(lambda: presenter.images.step_sequence(1)),
            Qt.Key.Key_Up: make_key(lambda: presenter.images.scroll(1), repeats=True),
            Qt.Key.Key_Down: make_key(lambda: presenter.images.scroll(-1), repeats=True),
            Qt.Key.Key_N: make_key(lambda: presenter.step(1)),
            Qt.Key.Key_S: make_key(presenter.sign),
        }
        shifted_keys = {(Qt.Key.Key_N, True): make_key(lambda: presenter.step(-1))}
        return {(key, False): action for key, action in keys.items()} | shifted_keys

    def _turn_wheel(self, notches: int, ctrl: bool) -> None:
        if ctrl:
            self.viewer.scene.camera.zoom *= ZOOM_STEP**notches
        else:
            self._do_wish(lambda: self.presenter.images.scroll(notches))

    def _handle_press(self, _viewer: napari.Viewer, event: Any) -> Generator[None, None, None]:
        if event.button == 1 and self.presenter.drawing:
            down, across = (float(mm) for mm in event.position[-2:])
            self._do_wish(lambda: self.presenter.click((down, across)))
        yield

    def _show_image(self) -> None:
        presenter = self.presenter
        image, pictures = presenter.images.get_shown(), presenter.images.get_pictures()
        if self._image is not None:
            self._image.visible = pictures is not None
        for layer in self._lines.values():
            layer.visible = False
        if image is None or pictures is None:
            self._write_caption()
            return
        scale = image.geometry.scale_mm
        if self._image is None:
            self._image = self.viewer.add_image(
                pictures.images, scale=scale, units=UNITS, interpolation2d="linear", name="Image",
                contrast_limits=pictures.window,
            )  # fmt: skip
        elif self._image.data is not pictures.images:
            self._image.data, self._image.scale = pictures.images, scale
        if self._shown_volume != image.volume.volume_id:
            self._shown_volume = image.volume.volume_id
            self._set_window(pictures.window)
        self.viewer.dims.set_current_step(0, presenter.images.place)
        lines = presenter.get_lines()
        outlines = presenter.get_outlines()
        for name, pieces in build_pieces(lines, outlines).items():
            self._draw(name, pieces)
        corners = [point for paths in outlines.values() for path in paths for point in path]
        if corners:
            lines = {"": (corners[0], corners[len(corners) // 2])}
        frame_key = (
            presenter.position,
            presenter.images.letter,
            measure_canvas_height_px(self.viewer),
        )
        if self._framed != frame_key and lines:
            self._framed = frame_key
            self._frame_line(next(iter(lines.values())))
        self._write_caption()

    def _write_caption(self) -> None:
        presenter = self.presenter
        image = presenter.images.get_shown()
        text = self.viewer.canvas.overlays.text
        text.visible, text.font_size, text.position = True, 12, "top_left"
        is_drawn = self._image is not None and presenter.images.get_pictures() is not None
        self.viewer.canvas.overlays.scale_bar.visible = is_drawn  # it has no unit before
        if image is None:
            text.text = f"{presenter.images.letter} has no line"
            return
        if self._image is None or not is_drawn:
            text.text = "" if presenter.warning else "loading …"
            return
        left, _, top, _ = (SIDES.get(letter[:1], letter) for letter in image.geometry.letters)
        day, role = presenter.images.get_shown_place()
        when = describe_weeks(presenter.pair.lesion, day)
        of_answer = presenter.images.context is None
        name = f"image of {presenter.images.letter}" if of_answer else (
            f"{role.value}, {when}: not the pair's image"
        )  # fmt: skip
        low, high = self._image.contrast_limits
        text.text = (
            f"{name} · slice {presenter.images.place + 1}/{len(image.volume.planes)}\n"
            f"{left} left, {top} up · W {high - low:.0f}  L {(low + high) / 2:.0f}"
        )

    def _draw(self, name: str, pieces: Sequence[Line]) -> None:
        data = [np.array([*piece]) for piece in pieces]
        layer = self._lines.get(name)
        if layer is None:
            layer = self._lines[name] = self.viewer.add_shapes(
                ndim=2, name=name, units=UNITS[1:], opacity=1.0
            )
        layer.data = []
        layer.add_lines(data, edge_width=0.25, edge_color=COLOURS[name])
        layer.selected_data = set()
        layer.visible = True

    def _frame_line(self, line: Line) -> None:
        (down_1, across_1), (down_2, across_2) = line
        camera = self.viewer.scene.camera
        camera.center = (0.0, (down_1 + down_2) / 2, (across_1 + across_2) / 2)
        camera.zoom = measure_canvas_height_px(self.viewer) / HEIGHT_SHOWN_MM


def _format_table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td style='padding: 1px 12px 1px 0; white-space: nowrap; "
        f"color: {COLOURS.get(name.partition(' (')[0], '')}'><b>{escape(name)}</b></td>"
        f"<td style='padding: 1px 0'>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def open_consensus(project_folder: Path, signer: str, lesion_ids: Sequence[str] = ()) -> None:
    """Open the window and stay until it is closed.

    Raises
    ------
    OppMriError
        There is no such project, protocol or pair, or the signer has no part in it.
    """
    with open_project(project_folder) as project:
        presenter = ConsensusPresenter(project, signer, lesion_ids)
        viewer = napari.Viewer(title="OPP consensus", show=False)
        window = ConsensusWindow(viewer, presenter)
        get_main_window(viewer).showMaximized()
        try:
            napari.run()
        finally:
            window.close()
