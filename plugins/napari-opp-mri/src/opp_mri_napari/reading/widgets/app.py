"""Ways into the reading room: the command line, the Plugins menu, and a dropped folder."""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import napari
from qtpy.QtCore import QObject, QSettings, QThread, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from opp_mri.errors import OppMriError
from opp_mri.workflow.project import Project, create_project, is_project, open_project
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.widgets.forms import ERROR
from opp_mri_napari.reading.widgets.looks import BIG, QUIET
from opp_mri_napari.reading.widgets.window import RoomWindow
from opp_mri_napari.shared.napari_parts import unwrap_viewer

_open: list[tuple[RoomWindow, Project]] = []  # kept alive as long as their windows are


def read(project_folder: Path, reader: str, keys: Mapping[str, str]) -> None:
    """Open the window and stay until it is closed.

    Raises
    ------
    OppMriError
        There is no such project, or no reader's name; no window opens.
    """
    with open_project(project_folder) as project:
        window = open_room(project, reader, keys=keys)
        gc.freeze()  # so that no collection stops a drag to look through what was imported
        gc.enable()
        window.close_with_viewer()
        try:
            napari.run()
        finally:
            window.close()


def start_on_folder(folder: Path) -> None:
    """Bring up the start panel for a dropped folder of images."""
    viewer = napari.current_viewer()
    if viewer is None:
        return
    panel = StartPanel(viewer)
    panel.images.setText(str(folder))
    if is_project(folder):
        panel.project.setText(str(folder))
        panel.images.clear()
    else:
        panel.project.setText(str(folder.with_name(f"{folder.name}-opp")))
    viewer.window.add_dock_widget(panel, area="right", name="OPP reading room: start")


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

    # it is needed when the first fits are looked at, and takes a moment to load
    def review_fits_of(
        session: Session, fit_ids: Sequence[str], when_closed: Callable[[], None]
    ) -> None:
        from opp_mri_napari.reading.widgets.fits import review_in_room

        review_in_room(session, fit_ids, when_closed)

    room = ReadingRoom(project, reader)
    if viewer is None:
        viewer = napari.Viewer(title="OPP reading room", show=False)
    window = RoomWindow(viewer, room, keys=keys, on_fits=review_fits_of)
    window.show()
    return window


def open_room_on_folder(
    folder: Path, reader: str, viewer: napari.Viewer | None = None
) -> RoomWindow:
    """Open the reading room on a project that stays open as long as the room's window.

    Raises
    ------
    OppMriError
        There is no such project, or no reader's name; no window opens.
    """
    project = open_project(folder)
    try:
        window = open_room(project, reader, viewer=viewer)
    except OppMriError:
        project.store.close()
        raise
    _open.append((window, project))
    window.close_with_viewer(callback=_forget(window, project))
    return window


class _Indexing(QThread):
    """Makes a project where there is none, and indexes images, alongside the window."""

    progressed = Signal(str, int, int)
    failed = Signal(str)

    def __init__(self, project: Path, images: Path | None, parent: QObject) -> None:
        super().__init__(parent)
        self._project, self._images = project, images

    def run(self) -> None:
        """Work; Qt calls this."""
        from opp_mri.workflow.catalogue.index import index  # brings pydicom

        try:
            if not is_project(self._project):
                create_project(self._project)
            if self._images is not None:
                with open_project(self._project) as project:
                    index(project, [self._images], workers=1, progress=self.progressed.emit)
        except OppMriError as error:
            self.failed.emit(str(error))


class StartPanel(QWidget):
    """Asks for project, images and reader, and opens the reading room in its viewer."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self._viewer = unwrap_viewer(napari_viewer)
        self._settings = QSettings("opp_mri", "reading room")
        self.project, self.images, self.reader = QLineEdit(), QLineEdit(), QLineEdit()
        self.project.setText(str(self._settings.value("project", "")))
        self.reader.setText(str(self._settings.value("reader", "")))
        self.images.setPlaceholderText("not indexed yet")
        self.images.setToolTip("Only for images that are not indexed in the project yet.")
        self.error, self.bar = QLabel(), QProgressBar()
        self.error.setStyleSheet(ERROR)
        self.error.setWordWrap(True)
        self.bar.hide()
        self.begin = QPushButton("Open the reading room")
        self.begin.clicked.connect(self.start)
        self.archive = QPushButton("Studies in the archive …")
        self.archive.clicked.connect(self._show_studies)
        for line in (self.project, self.images, self.reader):
            line.returnPressed.connect(self.start)
        self._build()

    def _build(self) -> None:
        title = QLabel("OPP reading room")
        title.setStyleSheet(BIG)
        note = QLabel("Research software, not a medical device.")
        note.setStyleSheet(QUIET)
        form = QFormLayout()
        form.addRow("Project folder", self._with_button(self.project))
        form.addRow("Images (DICOM)", self._with_button(self.images))
        form.addRow("Reader", self.reader)
        column = QVBoxLayout(self)
        column.addWidget(title)
        column.addLayout(form)
        for widget in (self.begin, self.archive, self.bar, self.error, note):
            column.addWidget(widget)
        column.addStretch(1)

    def _with_button(self, line: QLineEdit) -> QWidget:
        whole, button = QWidget(), QPushButton("…")
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(button)
        button.clicked.connect(partial(self._choose, line))
        return whole

    def _choose(self, line: QLineEdit) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder", line.text())
        if folder:
            line.setText(folder)

    def start(self) -> None:
        """Check what was given, index what is new, and open the room."""
        project, images = self.project.text().strip(), self.images.text().strip()
        faults = []
        if not project:
            faults.append("Name the project's folder; a new one is made.")
        elif not images and not is_project(Path(project)):
            faults.append("This folder is not a project yet: name a folder of images to index.")
        if not self.reader.text().strip():
            faults.append("Give the reader's name.")
        if faults:
            self.error.setText("\n".join(faults))
            return
        self.error.clear()
        self.begin.setEnabled(False)
        self.bar.show()
        self._indexing = _Indexing(Path(project), Path(images) if images else None, self)
        self._indexing.progressed.connect(self._show_progress)
        self._indexing.failed.connect(self.error.setText)
        self._indexing.finished.connect(self._show_indexed)
        self._indexing.start()

    def _show_studies(self) -> None:
        """Bring up the studies of the project's archives, to be pulled and opened."""
        from opp_mri_napari.archive.window import show_study_list

        def open_here(folder: Path, reader: str) -> None:
            open_room_on_folder(folder, reader, self._viewer)
            self._put_away()

        folder = Path(self.project.text().strip())
        if not self.project.text().strip() or not is_project(folder):
            self.error.setText("Name the folder of a project: its settings name its archives.")
            return
        try:
            self.studies = show_study_list(self._viewer, folder, open_here)
        except OppMriError as error:
            self.error.setText(str(error))

    def _show_progress(self, task: str, count: int, total: int) -> None:
        self.bar.setFormat(f"{task} %v / %m")
        self.bar.setRange(0, total)
        self.bar.setValue(count)

    def _show_indexed(self) -> None:
        self.bar.hide()
        self.begin.setEnabled(True)
        if self.error.text():
            return
        try:
            open_room_on_folder(Path(self.project.text().strip()), self.reader.text(), self._viewer)
        except OppMriError as error:
            self.error.setText(str(error))
            return
        self._settings.setValue("project", self.project.text().strip())
        self._settings.setValue("reader", self.reader.text().strip())
        self._put_away()

    def _put_away(self) -> None:
        self.hide()
        if (dock := self.parentWidget()) is not None:
            dock.hide()


def _forget(window: RoomWindow, project: Project) -> Callable[[], None]:
    def forget() -> None:
        _open[:] = [pair for pair in _open if pair[0] is not window]
        project.store.close()

    return forget
