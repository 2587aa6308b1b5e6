"""The reading room in a napari window: it shows what the presenter holds, and hands wishes on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import napari
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QGridLayout, QWidget

from opp_mri_napari.reading.aligning import align_open_lesion
from opp_mri_napari.reading.basics.key_table import WISHES, build_key_table
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.basics.views import Pointer
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.panels.panel_views import CellLook, CellRef, TimelineView
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.widgets.grid import PaneGrid
from opp_mri_napari.reading.widgets.head import Head
from opp_mri_napari.reading.widgets.inputs import RoomKeys
from opp_mri_napari.reading.widgets.key_images import KeyImagesWindow
from opp_mri_napari.reading.widgets.pages import Pages
from opp_mri_napari.reading.widgets.parts import Side, Whole
from opp_mri_napari.reading.widgets.timeline import TimelinePanel
from opp_mri_napari.shared.background import Background
from opp_mri_napari.shared.closing import Closer, may_lose
from opp_mri_napari.shared.napari_parts import (
    fold_layers,
    get_main_window,
    hide_status_bar,
    is_open,
    load_units,
    make_scrollable,
    scale_menus,
)
from opp_mri_napari.shared.text_scale import BASE_PX, choose_scale, rescale, step_scale

TIMELINE_EVERY_MS: Final = 40  # the growth curve follows a drag no faster than the eye
PAINTED_MS: Final = 30  # after that a message is on the screen
CHANGES_EVERY_MS: Final = 3000  # how soon what another window records is seen


FitReview = Callable[[Session, Sequence[str], Callable[[], None]], None]
"""Brings up the fits of the open lesion, and calls back when their window is closed."""


class RoomWindow:
    """Shows a reading room in a napari viewer.

    Parameters
    ----------
    viewer
        The window is folded into it: F2 brings its own layers and canvas back.
    room
        What is shown and asked.
    keys
        What each key does (`key_table.key_table`); None for our own.
    on_fits
        Brings up the window that confirms fits.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        room: ReadingRoom,
        *,
        keys: Mapping[str, str] | None = None,
        on_fits: FitReview | None = None,
    ) -> None:
        self.viewer, self.room = viewer, room
        self._on_fits = on_fits
        self.key_images: KeyImagesWindow | None = None
        self._closed, self._curve_of = False, ""
        screen = get_main_window(viewer).screen()
        self._scale = choose_scale(screen.availableGeometry().height() if screen else 0.0)
        self._background = Background(room.session, preload=load_units)
        self._background.read.connect(self._show_read)
        self._background.written.connect(self._show_written)
        self._background.idle.connect(lambda: self.timeline.prepare())
        self._build(keys or build_key_table())
        self._timeline_timer = QTimer()
        self._timeline_timer.setSingleShot(True)
        self._timeline_timer.setInterval(TIMELINE_EVERY_MS)
        self._timeline_timer.timeout.connect(self._show_timeline)
        self._changes_timer = QTimer()
        self._changes_timer.setInterval(CHANGES_EVERY_MS)
        self._changes_timer.timeout.connect(self._look_for_changes)
        self._changes_timer.start()
        self.refresh()

    # --- building

    def _build(self, keys: Mapping[str, str]) -> None:
        self.head = Head()
        self.head.share_wanted.connect(self._share_changed)
        self.grid = PaneGrid()
        self.grid.pointer.connect(self._handle_pointer)
        self.grid.slice_wanted.connect(self._go_to_slice)
        # queued: a layout that is not done yet must not be asked to draw
        self.grid.resized.connect(self._notice_size, Qt.ConnectionType.QueuedConnection)
        self.pages, self.timeline = Pages(self.room, keys), TimelinePanel()
        self.worklist = self.pages.worklist
        self._connect()
        central = self._build_central()
        self._rescale(0)  # before napari's style sheet has to be weighed for each widget again
        dock = self.viewer.window.add_dock_widget(central, area="right", name="OPP reading room")
        self._dock = dock
        dock.setTitleBarWidget(QWidget())
        self._fold(away=True)
        hide_status_bar(self.viewer)
        self._space_wish, self._space_drags = keys.get("Space", ""), False
        repeats = frozenset(name for name, wish in WISHES.items() if wish.repeats)
        window = get_main_window(self.viewer)
        self._keys = RoomKeys(window, keys, repeats, self._do_key_wish, self._hold_space)

    def _build_central(self) -> QWidget:
        self.side = side = Side(Qt.Orientation.Vertical)
        side.setChildrenCollapsible(False)
        side.addWidget(self.pages)
        self._curve_area = make_scrollable(self.timeline)  # on a low screen it is scrolled
        side.addWidget(self._curve_area)
        side.setStretchFactor(0, 3)
        side.setStretchFactor(1, 2)
        left_column = QGridLayout()
        left_column.addWidget(self.head, 0, 0)
        left_column.addWidget(self.grid, 1, 0)
        left_column.addWidget(self.head.long_hint, 1, 0, Qt.AlignmentFlag.AlignBottom)
        left_column.setRowStretch(1, 1)
        left_column.setSpacing(0)  # another would come with the message and go with it
        self._whole = Whole(left_column, side)
        return self._whole

    def _connect(self) -> None:
        room, pages = self.room, self.pages
        self.worklist.cell_wanted.connect(self._go_to)
        self.timeline.cell_wanted.connect(self._go_to)
        self.worklist.patient_wanted.connect(
            lambda patient: self._do_wish(lambda: room.navigation.open_patient(patient))
        )
        self.worklist.next_unread_wanted.connect(lambda: self._do_wish(room.navigation.open_unread))
        self.worklist.narrowed.connect(self._narrow)
        pages.signed.connect(lambda: self._do_wish(room.sign))
        pages.accepted.connect(self._accept)
        pages.override_given.connect(
            lambda text: self._do_wish(lambda: room.calipers.override(text))
        )
        pages.reason_given.connect(
            lambda text: self._do_wish(lambda: room.calipers.give_reason(text))
        )
        pages.answered.connect(
            lambda answer, reason: self._do_wish(lambda: room.say(answer, reason))
        )
        pages.lesion_wanted.connect(
            lambda cells: self._do_wish(lambda: room.lesion_entry.record(cells))
        )
        pages.event_wanted.connect(
            lambda cells: self._do_wish(lambda: room.lesion_entry.note(cells))
        )
        pages.visit_wanted.connect(
            lambda cells: self._do_wish(lambda: room.lesion_entry.record_visit(cells))
        )
        pages.seed_wanted.connect(self._pick_seed)
        pages.cancelled.connect(lambda: self._do_wish(room.cancel))

    @property
    def busy(self) -> bool:
        """Whether something is being read or written, or waits for it."""
        session = self.room.session
        return self._background.reading or bool(session.count_missing_images() or session.unsaved)

    # --- showing

    def refresh(self) -> None:
        """Show what the presenter holds, and have read and written what waits."""
        self._show_panes()
        self._show_side()
        self._show_timeline()
        self._background.work()

    def _show_panes(self) -> None:
        self.grid.show_views(self.room.build_pane_views(), self.room.panes_in_a_row)
        self.head.show_view(self.room.build_status())
        if self.room.waiting_fits.shown:
            # keys that were pressed before they were on screen still wait: they are taken first
            QTimer.singleShot(0, self.room.waiting_fits.note_images)

    def _show_side(self) -> None:
        dialog = self.room.dialog
        if dialog in (Dialog.FITS, Dialog.ALIGN):
            self.room.bring_up(None)
            if dialog is Dialog.FITS and self._on_fits is not None:
                self.room.navigation.hint = "Opening the fits …"
                self.head.show_view(self.room.build_status())
                QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
                QTimer.singleShot(PAINTED_MS, self._open_fits)  # first this is painted
            elif dialog is Dialog.ALIGN:
                align_open_lesion(self.room.session, self.room.navigation)
            dialog = None
        if self.pages.show_dialog(dialog):
            self.focus_panes()
        self._curve_area.setVisible(dialog is not Dialog.LESION)  # a long form needs its room
        self._hand_on()
        if self.room.switches.napari == self._folded:
            self._fold(away=not self.room.switches.napari)

    def _open_fits(self) -> None:
        try:
            if self._on_fits is not None and is_open(self.viewer):
                self._on_fits(self.room.session, self.room.list_advertised_fits(), self._close_fits)
        finally:
            QApplication.restoreOverrideCursor()
        self.room.navigation.hint = ""
        if is_open(self.viewer):
            self.head.show_view(self.room.build_status())

    def _hand_on(self) -> None:
        """Show key images that were drawn, and copy a text that was written."""
        if (images := self.room.handing_on.take_images()) is not None:
            self.key_images = KeyImagesWindow(*images, get_main_window(self.viewer))
            self.key_images.show()
        if (text := self.room.handing_on.take_text()) is not None:
            QApplication.clipboard().setText(text)

    def _close_fits(self) -> None:
        if is_open(self.viewer):
            self.room.navigation.reload()
            self.refresh()

    def _show_timeline(self) -> None:
        lesion = self.room.session.lesion
        lesion_id = "" if lesion is None else lesion.lesion.lesion_id
        if self.room.first_image_waits:  # the plot takes a moment to load: an image comes first
            if lesion_id != self._curve_of:  # and no other lesion's curve stands next to it
                self.timeline.show_view(TimelineView(hidden="loading …"))
            return
        self._curve_of = lesion_id
        self.timeline.show_view(self.room.build_timeline())

    def focus_panes(self) -> None:
        """Have keys go to the panes."""
        if self.grid.panes:
            self.grid.panes[0].canvas.setFocus()

    def _fold(self, *, away: bool) -> None:
        """Fold napari's own canvas, layer list and controls away, or bring them back."""
        self._folded = away
        fold_layers(self.viewer, away=away)
        canvas = get_main_window(self.viewer).centralWidget()
        if canvas is not None:
            canvas.setVisible(not away)

    def _rescale(self, steps: int) -> None:
        """Make all text larger or smaller."""
        self._scale = step_scale(self._scale, steps)
        self.grid.rescale(self._scale)
        rescale(self._whole, self._scale)
        self.pages.text_scale = self._scale
        self.timeline.set_scale(self._scale)
        if self._scale != 1.0 or steps:
            scale_menus(self.viewer, round(BASE_PX * self._scale))
        self.worklist.fit_columns()

    # --- wishes

    def _do_wish(self, do: Callable[[], object]) -> None:
        do()
        self.refresh()

    def _do_key_wish(self, name: str) -> bool:
        if self.pages.is_typed_on and name not in ("cancel", "keys"):
            return False
        if name in ("larger", "smaller"):
            self._rescale(1 if name == "larger" else -1)
            return True
        if name == "cancel" and get_main_window(self.viewer).focusWidget() is self.worklist.search:
            self.focus_panes()  # keys act again, and write no more
        self._do_wish(lambda: self.room.do_wish(name))
        return True

    def _hold_space(self, is_held: bool) -> None:
        self.grid.hold_space(is_held=is_held)
        if is_held:
            self._space_drags = False
        elif self._space_wish and not self._space_drags:  # a habit; held, it moves the image
            self._do_key_wish(self._space_wish)

    def _handle_pointer(self, event: Pointer) -> None:
        self._space_drags = self._space_drags or (event.space and event.kind.value == "press")
        if not self.room.handle_pointer(event):
            return
        if event.kind.value == "move":  # the rest of the window does not change while dragging
            self.grid.show_views(self.room.build_moved_views(), self.room.panes_in_a_row)
            if self.room.calipers.line.busy and not self._timeline_timer.isActive():
                self._timeline_timer.start()
        elif event.kind.value == "wheel":
            self._show_panes()
            self._background.work()
        else:
            self.focus_panes()
            self.refresh()

    def _go_to_slice(self, pane_id: str, place: int) -> None:
        for pane in self.room.panes.panes:
            if pane.pane_id == pane_id:
                self._do_wish(partial(self.room.panes.go_to_place, pane, place))

    def _notice_size(self, height_px: float) -> None:
        if height_px > 1 and height_px != self.room.panes.height_px:
            self.room.panes.height_px = height_px
            self._show_panes()

    def _go_to(self, ref: CellRef) -> None:
        self._do_wish(lambda: self.room.navigation.go_to(ref))
        self.focus_panes()

    def _pick_seed(self) -> None:
        self.room.bring_up(None)
        self.room.marking.choose_tool(Tool.SEED)
        self.room.navigation.hint = "Click into the lesion."
        self.refresh()

    def _share_changed(self, share: float) -> None:
        self.room.compare.share = share
        self.grid.show_views(self.room.build_pane_views(), self.room.panes_in_a_row)

    def _narrow(self, search: str, look: CellLook | None) -> None:
        order = self.room.navigation.order
        order.search, order.look = search, look
        self.worklist.show_view(self.room.build_worklist())

    def _accept(self, is_accepted: bool) -> None:
        self.room.signing.signs_incomplete = is_accepted
        self._show_side()

    # --- reading and writing in the background

    def _show_read(self, task: str) -> None:
        if not is_open(self.viewer):
            return
        if task == "images":
            self._show_panes()
            self._background.work()
            if not self._timeline_timer.isActive():
                self._timeline_timer.start()
        elif task == "changes":
            self._background.work()
        else:
            self.refresh()

    def _look_for_changes(self) -> None:
        if is_open(self.viewer) and not self.busy:
            self.room.look_for_changes()
            self._background.work()

    def _show_written(self) -> None:
        if is_open(self.viewer):
            self._show_panes()
            self._background.work()

    def show(self) -> None:
        """Show the window, as large as the screen."""
        get_main_window(self.viewer).showMaximized()
        self.focus_panes()

    def close_with_viewer(self, *, callback: Callable[[], None] = lambda: None) -> None:
        """Write and let go of everything when the viewer's window is closed."""

        def notice_closing() -> None:
            self.close()
            callback()

        self._closer = Closer(
            get_main_window(self.viewer), notice_closing, asks=True, may_close=self._may_close
        )

    def _may_close(self) -> bool:
        """Write what waits; ask before closing over what cannot be written."""
        session = self.room.session
        if not self._closed:
            session.saves.try_again()
            self._background.write_rest()
        if self._closed or not session.unsaved:
            return True
        self.refresh()
        return may_lose(get_main_window(self.viewer), session.unsaved, session.saves.failure)

    def close(self) -> None:
        """Write what waits, and let go of threads, keys and canvases."""
        if self._closed:
            return
        self._closed = True
        self._keys.stop()
        self._timeline_timer.stop()
        self._changes_timer.stop()
        self._background.close()
        self.grid.close_panes()
