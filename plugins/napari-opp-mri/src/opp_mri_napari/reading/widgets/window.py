"""The reading room in a napari window: it shows what the presenter holds, and hands wishes on."""

from collections.abc import Callable, Mapping
from functools import partial

import napari
from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from opp_mri.workflow.project import Project
from opp_mri_napari.reading.calipers import Tool
from opp_mri_napari.reading.key_table import WISHES, key_sheet, key_table
from opp_mri_napari.reading.presenter import Dialog, ReadingRoom
from opp_mri_napari.reading.views import CellRef, Pointer
from opp_mri_napari.reading.widgets.forms import (
    AnswerForm,
    KeySheet,
    LesionForm,
    ReasonForm,
    SignOff,
)
from opp_mri_napari.reading.widgets.grid import PaneGrid
from opp_mri_napari.reading.widgets.inputs import RoomKeys
from opp_mri_napari.reading.widgets.looks import BANNER, QUIET
from opp_mri_napari.reading.widgets.parts import Closer, Side, scrolled
from opp_mri_napari.reading.widgets.timeline import TimelinePanel
from opp_mri_napari.reading.widgets.worklist import Worklist
from opp_mri_napari.shared.beside import Beside

TIMELINE_EVERY_MS = 40  # the growth curve follows a drag no faster than the eye


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
        Brings up the window that confirms fits, for a lesion or for all.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        room: ReadingRoom,
        *,
        keys: Mapping[str, str] | None = None,
        on_fits: Callable[["RoomWindow"], None] | None = None,
    ) -> None:
        self.viewer, self.room = viewer, room
        self._on_fits = on_fits
        self._dialog: Dialog | None = None
        self._closed = False
        self._beside = Beside(room.session)
        self._beside.read.connect(self._was_read)
        self._beside.written.connect(self._was_written)
        self._beside.idle.connect(lambda: self.timeline.prepare())
        self._build(keys or key_table())
        self._timeline_timer = QTimer()
        self._timeline_timer.setSingleShot(True)
        self._timeline_timer.setInterval(TIMELINE_EVERY_MS)
        self._timeline_timer.timeout.connect(self._show_timeline)
        self.refresh()

    # --- building

    def _build(self, keys: Mapping[str, str]) -> None:
        self.title, self.saved, self.tool = QLabel(), QLabel(), QLabel()
        self.hint, self.banner = QLabel(), QLabel()
        self.title.setStyleSheet("font-size: 16px; font-weight: bold;")
        for label in (self.saved, self.tool, self.hint):
            label.setStyleSheet(QUIET)
        self.banner.setStyleSheet(BANNER)
        self.banner.setWordWrap(True)
        self.grid = PaneGrid()
        self.grid.pointer.connect(self._pointed)
        self.grid.slice_wanted.connect(self._slice_wanted)
        # queued: a layout that is not done yet must not be asked to draw
        self.grid.resized.connect(self._resized, Qt.ConnectionType.QueuedConnection)
        self.worklist, self.timeline = Worklist(), TimelinePanel()
        self.sign_off, self.reason, self.answer = SignOff(), ReasonForm(), AnswerForm()
        self.lesion_form, self.key_sheet = LesionForm(), KeySheet(key_sheet(keys))
        self._connect()
        docked = self.viewer.window.add_dock_widget(
            self._central(), area="right", name="OPP reading room"
        )
        self._dock = docked
        docked.setTitleBarWidget(QWidget())
        self._fold(away=True)
        self._qt_window.statusBar().hide()
        self._space_wish, self._space_drags = keys.get("Space", ""), False
        repeats = frozenset(name for name, wish in WISHES.items() if wish.repeats)
        self._keys = RoomKeys(self._qt_window, keys, repeats, self._key_wish, self._space)

    def _central(self) -> QWidget:
        self.side = side = Side(Qt.Orientation.Vertical)
        side.setChildrenCollapsible(False)
        self.stack = QStackedWidget()
        self._pages: dict[Dialog | None, QWidget] = {
            None: self.worklist,
            Dialog.SIGN_OFF: self.sign_off,
            Dialog.REASON: self.reason,
            Dialog.ANSWER: self.answer,
            Dialog.LESION: self.lesion_form,
            Dialog.KEYS: self.key_sheet,
        }
        self._places: dict[Dialog | None, QWidget] = {
            key: scrolled(page) for key, page in self._pages.items() if key
        }
        self._places[None] = self.worklist
        for place in self._places.values():
            self.stack.addWidget(place)
        self.stack.setCurrentWidget(self.worklist)
        side.addWidget(self.stack)
        side.addWidget(self.timeline)
        side.setStretchFactor(0, 3)
        side.setStretchFactor(1, 2)
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        for label in (self.hint, self.tool, self.saved):
            head.addWidget(label)
            head.addSpacing(14)
        left = QVBoxLayout()
        left.addLayout(head)
        left.addWidget(self.banner)
        left.addWidget(self.grid, 1)
        whole = QWidget()
        line = QHBoxLayout(whole)
        line.setContentsMargins(6, 4, 6, 4)
        line.addLayout(left, 1)
        line.addWidget(side)
        return whole

    def _connect(self) -> None:
        room = self.room
        self.worklist.cell_wanted.connect(self._go_to)
        self.timeline.cell_wanted.connect(self._go_to)
        self.worklist.patient_wanted.connect(
            lambda patient: self._wish(lambda: room.navigation.open_patient(patient))
        )
        self.worklist.next_unread_wanted.connect(lambda: self._wish(room.navigation.next_unread))
        self.sign_off.signed.connect(lambda: self._wish(room.sign))
        self.reason.given.connect(lambda text: self._wish(lambda: room.calipers.give_reason(text)))
        self.answer.answered.connect(
            lambda answer, reason: self._wish(lambda: room.say(answer, reason))
        )
        self.lesion_form.lesion_wanted.connect(
            lambda cells: self._wish(lambda: room.add_lesion(cells))
        )
        self.lesion_form.event_wanted.connect(
            lambda cells: self._wish(lambda: room.add_event(cells))
        )
        self.lesion_form.seed_wanted.connect(self._pick_seed)
        for form in (self.sign_off, self.reason, self.answer, self.lesion_form):
            form.cancelled.connect(lambda: self._wish(room.cancel))

    @property
    def busy(self) -> bool:
        """Whether something is being read or written, or waits for it."""
        session = self.room.session
        return self._beside.reading or bool(session.missing_images() or session.unsaved)

    @property
    def _qt_window(self) -> QMainWindow:
        """The window itself; napari gives it no public name. Not kept, so that closing frees it."""
        shown: QMainWindow = self.viewer.window._qt_window
        return shown

    # --- showing

    def refresh(self) -> None:
        """Show what the presenter holds, and have read and written what waits."""
        self._show_panes()
        self._show_side()
        self._show_timeline()
        self._beside.work()

    def _show_panes(self) -> None:
        self.grid.show_views(self.room.pane_views())
        status = self.room.status()
        for label, text in (
            (self.title, status.title), (self.saved, status.saved), (self.hint, status.hint),
            (self.tool, f"left button: {status.tool}"), (self.banner, status.banner),
        ):  # fmt: skip
            if label.text() != text:
                label.setText(text)
        self.banner.setVisible(bool(status.banner))

    def _show_side(self) -> None:
        dialog = self.room.dialog
        if dialog is Dialog.FITS:
            self.room.bring_up(None)
            if self._on_fits is not None:
                self._on_fits(self)
            dialog = None
        if dialog is not self._dialog:
            self._dialog = dialog
            if dialog is Dialog.SIGN_OFF:
                self.sign_off.show_view(self.room.sign_off())
            elif dialog is Dialog.LESION and self.room.form_is_new:
                self.lesion_form.clear()
            page = self._pages[dialog]
            self.stack.setCurrentWidget(self._places[dialog])
            if dialog is Dialog.REASON:
                self.reason.line.setFocus()
            elif dialog in (Dialog.ANSWER, Dialog.LESION):
                page.setFocus()
            else:
                self.focus_panes()
        if dialog is Dialog.LESION:
            patient = self.room.session.patient
            known = len(patient.lesions) if patient else 0
            proposed = f"{patient.patient_id}-{known + 1}" if patient else ""
            self.lesion_form.show_state(self.room.seed_cells, self.room.form_error, proposed)
        if dialog is None:
            self.worklist.show_view(self.room.worklist())
        if self.room.napari_shown == self._folded:
            self._fold(away=not self.room.napari_shown)

    def _show_timeline(self) -> None:
        if self.room.first_image_waits:  # the plot takes a moment to load: an image comes first
            return
        self.timeline.show_view(self.room.timeline())

    def focus_panes(self) -> None:
        """Have keys go to the panes."""
        if self.grid.panes:
            self.grid.panes[0].canvas.setFocus()

    def _fold(self, *, away: bool) -> None:
        """Fold napari's own canvas, layer list and controls away, or bring them back."""
        self._folded = away
        qt_viewer = self.viewer.window._qt_viewer
        for part in (qt_viewer.dockLayerList, qt_viewer.dockLayerControls):
            part.setVisible(not away)
        canvas = self._qt_window.centralWidget()
        if canvas is not None:
            canvas.setVisible(not away)

    # --- wishes

    def _wish(self, do: Callable[[], object]) -> None:
        do()
        self.refresh()

    def _key_wish(self, name: str) -> bool:
        typing_page = self._dialog in (Dialog.ANSWER, Dialog.LESION, Dialog.REASON)
        if typing_page and name not in ("cancel", "keys"):
            return False
        self._wish(lambda: self.room.wish(name))
        return True

    def _space(self, held: bool) -> None:
        self.grid.hold_space(held=held)
        if held:
            self._space_drags = False
        elif self._space_wish and not self._space_drags:  # a habit; held, it moves the image
            self._key_wish(self._space_wish)

    def _pointed(self, event: Pointer) -> None:
        self._space_drags = self._space_drags or (event.space and event.kind.value == "press")
        if not self.room.pointer(event):
            return
        if event.kind.value == "move":  # the rest of the window does not change while dragging
            self.grid.show_views(self.room.pane_views())
            if self.room.calipers.line.busy and not self._timeline_timer.isActive():
                self._timeline_timer.start()
        elif event.kind.value == "wheel":
            self._show_panes()
            self._beside.work()
        else:
            self.focus_panes()
            self.refresh()

    def _slice_wanted(self, pane_id: str, place: int) -> None:
        for pane in self.room.panes.panes:
            if str(pane.study_date) == pane_id:
                self._wish(partial(self.room.panes.go_to_place, pane, place))

    def _resized(self, height_px: float) -> None:
        if height_px > 1 and height_px != self.room.panes.height_px:
            self.room.navigation.resized(height_px)
            self._show_panes()

    def _go_to(self, ref: CellRef) -> None:
        self._wish(lambda: self.room.navigation.go_to(ref))
        self.focus_panes()

    def _pick_seed(self) -> None:
        self.room.bring_up(None)
        self.room.choose_tool(Tool.SEED)
        self.room.navigation.hint = "Click into the lesion."
        self.refresh()

    # --- reading and writing beside the window

    def _was_read(self, what: str) -> None:
        if not self._is_open():
            return
        if what == "images":
            self._show_panes()
            self._beside.work()
            if self.timeline.is_empty and not self._timeline_timer.isActive():
                self._timeline_timer.start()
        else:
            self.refresh()

    def _was_written(self) -> None:
        if self._is_open():
            self._show_panes()
            self._beside.work()

    def _is_open(self) -> bool:
        shown = getattr(self.viewer.window, "_qt_window", None)
        return shown is not None and bool(isalive(shown))  # type: ignore[no-untyped-call]

    def show(self) -> None:
        """Show the window, as large as the screen."""
        self._qt_window.showMaximized()
        self.focus_panes()

    def close_with_viewer(self, *, then: Callable[[], None] = lambda: None) -> None:
        """Write and let go of everything when the viewer's window is closed."""

        def closing() -> None:
            self.close()
            then()

        self._closer = Closer(self._qt_window, closing, asks=True)

    def close(self) -> None:
        """Write what waits, and let go of threads, keys and canvases."""
        if self._closed:
            return
        self._closed = True
        self._keys.stop()
        self._timeline_timer.stop()
        self._beside.close()
        self.grid.close_panes()


def open_room(
    project: Project,
    reader: str,
    *,
    keys: Mapping[str, str] | None = None,
    viewer: napari.Viewer | None = None,
) -> RoomWindow:
    """Open the reading room on a project, in a viewer that is there or in a new one.

    Raises
    ------
    OppMriError
        There is no reader's name, or the project's criteria cannot be read; no window opens.
    """
    from opp_mri_napari.reading.widgets.fits import review_in_room

    room = ReadingRoom(project, reader)
    if viewer is None:
        viewer = napari.Viewer(title="OPP reading room", show=False)
    window = RoomWindow(viewer, room, keys=keys, on_fits=review_in_room)
    window.show()
    return window
