"""The window in which a reader confirms or rejects fits: thin, all that it knows is elsewhere."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Final

import napari
import numpy as np
from napari.layers import Image, Vectors
from napari.utils.colormaps import Colormap
from qtpy.QtCore import QObject, Qt, QTimer, Signal

from opp_mri.workflow.project import open_project
from opp_mri.workflow.registration.align_review import FitImages
from opp_mri_napari.convert import (
    BASELINE_COLOUR,
    FOLLOWUP_COLOUR,
    WHITE,
    Colour,
    build_image_layers,
    build_ticks,
    convert_to_screen_mm,
    find_screen_letters,
    find_upright,
)
from opp_mri_napari.fits.panel import FitPanel
from opp_mri_napari.fits.presenter import FitReviewPresenter, View
from opp_mri_napari.fits.words import describe_ticks
from opp_mri_napari.shared.background import Background
from opp_mri_napari.shared.closing import Closer
from opp_mri_napari.shared.keys import Key, KeysFirst
from opp_mri_napari.shared.napari_parts import (
    dock_panel,
    fold_layers,
    get_canvas_widget,
    get_main_window,
    is_layers_folded,
    is_open,
    measure_canvas_height_px,
)

HEIGHT_SHOWN_MM: Final = 220.0  # six lumbar levels or more, so that they can be counted
ZOOM_STEP: Final = 1.15
AT_ONCE_S: Final = 0.15  # a store that takes longer is waited for in the background
UNITS: Final = ("mm", "mm", "mm")


class _Decided(QObject):
    """Carries that a decision was recorded to the thread of the window."""

    decided = Signal()


class FitReviewWindow:
    """Shows a presenter in a napari viewer.

    Parameters
    ----------
    viewer
        Empty, and this window's own.
    presenter
        What is shown and asked.
    """

    def __init__(self, viewer: napari.Viewer, presenter: FitReviewPresenter) -> None:
        self.viewer, self.presenter = viewer, presenter
        self.panel = FitPanel()
        self._layers: tuple[Image, Image, Vectors] | None = None
        self._drawn: tuple[FitImages, bool] | None = None
        self._showing = False
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="fit-decision")
        self._saving: Future[None] | None = None
        self._recorded = _Decided()
        self._recorded.decided.connect(self._show_decision)
        self._background = Background(presenter)
        self._background.read.connect(self._show_arrived)
        dock_panel(viewer, self.panel, "Fit")
        self._keys = KeysFirst(self._build_key_map(), self._turn_wheel)
        canvas = get_canvas_widget(viewer)
        self._keys.watch(
            (canvas, get_main_window(viewer), self.panel, self.panel.reason), wheel_of=canvas
        )
        viewer.dims.events.current_step.connect(self._follow_slider)
        # decisions are recorded as they are made, so there is nothing to ask
        self._closer = Closer(get_main_window(viewer), lambda: None, asks=False)
        self.refresh()

    def close(self) -> None:
        """Let go of the worker and the keys; decisions are in the store already."""
        self._keys.stop()
        self._background.close()
        self._saver.shutdown(wait=True)

    @property
    def deciding(self) -> bool:
        """Whether a decision is being recorded."""
        return self._saving is not None

    def refresh(self) -> None:
        """Show what the presenter holds, and load what it wants."""
        self._background.work()
        self._showing = True
        try:
            self._show_images()
        finally:
            self._showing = False
        self.panel.show_state(self.presenter)
        if self.panel.reason.isVisible():
            self.panel.reason.setFocus()
        else:
            get_canvas_widget(self.viewer).setFocus()

    def _show_arrived(self, _label: str) -> None:
        if self._is_open():  # images may arrive when the window is closed already
            self.refresh()

    def _is_open(self) -> bool:
        return is_open(self.viewer) and get_main_window(self.viewer).isVisible()

    def _do_wish(self, wish: Callable[[], None]) -> None:
        if self._saving is None:  # else it would be about another fit than the one decided
            wish()
            self.refresh()

    def _decide(self, wish: Callable[[], None]) -> None:
        """Have a decision recorded; where another program holds the store, the window goes on."""
        if self._saving is not None:
            return
        self._saving = self._saver.submit(wish)
        if wait([self._saving], timeout=AT_ONCE_S).done:
            self._show_decision()
        else:
            self.panel.progress.setText("saving …")
            self._saving.add_done_callback(lambda _done: self._recorded.decided.emit())

    def _show_decision(self) -> None:
        if self._saving is None:
            return
        future, self._saving = self._saving, None
        future.result()
        if self._is_open():
            self.refresh()

    def _build_key_map(self) -> dict[tuple[Qt.Key, bool], Key]:
        def make_key(do: Callable[[], None], **how: bool) -> Key:
            return Key(lambda: self._do_wish(do), **how)

        def make_decision_key(do: Callable[[], None]) -> Key:
            return Key(lambda: self._decide(do))

        presenter, line = self.presenter, self.panel.reason
        # taken in the line too: Qt would hand it on to the panel, where it confirms
        enter = Key(lambda: self._decide(partial(presenter.enter, line.text())), while_typing=True)
        one_key = {
            Qt.Key.Key_C: make_decision_key(presenter.confirm),
            Qt.Key.Key_Return: enter,
            Qt.Key.Key_Enter: enter,
            Qt.Key.Key_R: make_decision_key(presenter.reject),
            Qt.Key.Key_Space: make_key(presenter.blink, repeats=True),
            Qt.Key.Key_O: make_key(presenter.show_overlay),
            Qt.Key.Key_B: make_key(presenter.toggle_before),
            Qt.Key.Key_Up: make_key(lambda: presenter.scroll(1), repeats=True),
            Qt.Key.Key_Down: make_key(lambda: presenter.scroll(-1), repeats=True),
            Qt.Key.Key_N: make_key(presenter.go_to_next),
            Qt.Key.Key_Escape: make_key(presenter.escape, while_typing=True),
            Qt.Key.Key_F1: make_key(presenter.toggle_keys, while_typing=True),
            Qt.Key.Key_F2: Key(self._flip_layers),
        }
        keys = {(key, False): action for key, action in one_key.items()}
        # where ? needs Shift, and where it does not
        keys |= {
            (Qt.Key.Key_Question, with_shift): make_key(presenter.toggle_keys)
            for with_shift in (True, False)
        }
        return keys | {(Qt.Key.Key_N, True): make_key(presenter.go_to_previous)}

    def _turn_wheel(self, notches: int, ctrl: bool) -> None:
        if ctrl:
            self.viewer.scene.camera.zoom *= ZOOM_STEP**notches
        else:
            self._do_wish(lambda: self.presenter.scroll(notches))

    def _follow_slider(self) -> None:
        step = self.viewer.dims.current_step[0]
        # napari moves the slider by itself while layers come and change
        if not self._showing and self._drawn and step != self.presenter.slice_index:
            self._do_wish(lambda: self.presenter.go_to_slice(step))

    def _flip_layers(self) -> None:
        fold_layers(self.viewer, away=not is_layers_folded(self.viewer))

    def _show_images(self) -> None:
        images, presenter = self.presenter.images, self.presenter
        text = self.viewer.canvas.overlays.text
        text.visible, text.font_size, text.position = True, 12, "top_left"
        for layer in self._layers or ():
            layer.visible = images is not None
        self.viewer.canvas.overlays.scale_bar.visible = images is not None
        if images is None:
            text.text = "" if presenter.warning else "loading …"
            return
        if self._drawn is None or self._drawn[0] is not images:
            self._draw(images)
            self._frame_images(images)
        elif self._drawn[1] != presenter.by_fit:
            self._draw(images)
        self._set_colours()
        self.viewer.dims.set_current_step(0, presenter.slice_index)
        text.text = self._write_caption(images)
        # keys that were pressed before it was on screen still wait: they are taken first
        QTimer.singleShot(0, presenter.notice_shown)

    def _draw(self, images: FitImages) -> None:
        self._drawn = (images, self.presenter.by_fit)
        first, second = build_image_layers(images, by_fit=self.presenter.by_fit)
        centre = self._find_centre(images)
        if self._layers is None:
            layers = [
                self.viewer.add_image(
                    image.data, name=image.name, scale=image.scale, units=UNITS,
                    blending="additive", contrast_limits=image.contrast_limits,
                    interpolation2d="linear",
                )
                for image in (first, second)
            ]  # fmt: skip
            pointers = self.viewer.add_vectors(
                build_ticks(centre), name="Ticks", units=UNITS[1:], edge_color="#f0e442",
                edge_width=0.7, vector_style="line",
            )  # fmt: skip
            self._layers = (layers[0], layers[1], pointers)
            self.viewer.dims.axis_labels = ("slice", "down", "across")
            return
        for layer, image_layer in zip(self._layers[:2], (first, second), strict=True):
            layer.data, layer.scale = image_layer.data, image_layer.scale
            layer.contrast_limits_range = layer.contrast_limits = image_layer.contrast_limits
        self._layers[2].data = build_ticks(centre)

    def _set_colours(self) -> None:
        if self._layers is None:
            return
        baseline, followup, _ = self._layers
        view = self.presenter.view
        baseline.visible = view is not View.FOLLOWUP
        followup.visible = view is not View.BASELINE
        is_overlay = view is View.OVERLAY
        baseline.colormap = _build_ramp(BASELINE_COLOUR if is_overlay else WHITE)
        followup.colormap = _build_ramp(FOLLOWUP_COLOUR if is_overlay else WHITE)

    def _find_centre(self, images: FitImages) -> tuple[float, float]:
        """Return where the ticks stand on the screen: down, across in mm."""
        centre_lps_mm = self.presenter.current.centre_lps_mm
        return convert_to_screen_mm(images.grid, find_upright(images.grid), centre_lps_mm)[1:]

    def _frame_images(self, images: FitImages) -> None:
        camera = self.viewer.scene.camera
        camera.center = (0.0, *self._find_centre(images))
        camera.zoom = measure_canvas_height_px(self.viewer) / HEIGHT_SHOWN_MM

    def _write_caption(self, images: FitImages) -> str:
        presenter = self.presenter
        left, right, top, bottom = find_screen_letters(images.grid, find_upright(images.grid))
        how = "by the fit" if presenter.by_fit else "by its header (before)"
        captions = {
            View.OVERLAY: f"baseline orange, follow-up blue, {how}",
            View.BASELINE: "baseline",
            View.FOLLOWUP: f"follow-up {how}",
        }[presenter.view]
        return (
            f"{captions}\nslice {presenter.slice_index + 1} / {presenter.slices}"
            f"   left {left}, right {right}, top {top}, bottom {bottom}"
            f"\n{describe_ticks(presenter.current)}"
        )


def _build_ramp(colour: Colour) -> Colormap:
    return Colormap(np.array([(0, 0, 0, 1), (*colour, 1)]), name="-".join(map(str, colour)))


def open_fit_window(presenter: FitReviewPresenter) -> FitReviewWindow:
    """Open the window of a presenter, on the screen when it is whole: no part flashes up before."""
    viewer = napari.Viewer(title="OPP fit review", show=False)
    window = FitReviewWindow(viewer, presenter)
    get_main_window(viewer).showMaximized()
    return window


def review_fits(project_folder: Path, reader: str, lesion_ids: Sequence[str] = ()) -> None:
    """Open the window and stay until it is closed.

    Raises
    ------
    OppMriError
        There is no such project or lesion, or no fit to review; no window opens.
    """
    with open_project(project_folder) as project:
        presenter = FitReviewPresenter(project, reader, lesion_ids)
        window = open_fit_window(presenter)
        try:
            napari.run()
        finally:
            window.close()
