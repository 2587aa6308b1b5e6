"""The study list: a table, its search lines and buttons; thin, what it knows is elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import napari
from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from opp_mri.errors import OppMriError
from opp_mri.workflow.pacs.finding import STUDY_COLUMNS
from opp_mri_napari.archive.presenter import StudyList
from opp_mri_napari.shared.background import Background
from opp_mri_napari.shared.closing import Closer
from opp_mri_napari.shared.labels import make_label, show_text
from opp_mri_napari.shared.napari_parts import get_main_window

TITLE: Final = "font-size: 17px; font-weight: bold;"
FAILURE: Final = "background: #f0e442; color: #1b1b1b; font-size: 14px; padding: 6px;"
NOTICE: Final = "font-size: 14px;"
WIDTH_PX: Final = 620

OpenRoom = Callable[[Path, str], object]


class _Progress(QObject):
    """Carries the progress of a pull to the thread of the window."""

    progressed = Signal(str, int, int)


class StudyListPanel(QWidget):
    """Searches an archive, pulls studies into a project, and opens the reading room on it.

    Parameters
    ----------
    open_room
        Opens the reading room on the project's folder for a reader; raises `OppMriError`.
    """

    def __init__(self, folder: Path, open_room: OpenRoom) -> None:
        super().__init__()
        self.setMinimumWidth(WIDTH_PX)
        self._open_room = open_room
        self._settings = QSettings("opp_mri", "reading room")
        self._progress = _Progress()
        self._progress.progressed.connect(self._show_progress)
        self.presenter = StudyList(folder, self._progress.progressed.emit)
        self._background = Background(self.presenter)
        self._background.read.connect(lambda _label: self.refresh())
        self.peer, self.table = QComboBox(), QTableWidget(0, len(STUDY_COLUMNS))
        self.patient, self.name, self.earliest, self.latest, self.reader = (
            QLineEdit() for _ in range(5)
        )
        self.search_button, self.pull_button = (
            QPushButton("Search"),
            QPushButton("Pull the chosen studies"),
        )
        self.stop_button, self.open_button = (
            QPushButton("Stop"),
            QPushButton("Open the reading room"),
        )
        self.bar, self.failure, self.notice = (
            QProgressBar(),
            make_label(FAILURE),
            make_label(NOTICE),
        )
        self._build()
        self._connect()
        self.refresh()

    def close_work(self) -> None:
        """End what runs, and let the threads go; what has arrived is kept."""
        self.presenter.stop()
        self._background.close()

    def _build(self) -> None:
        title = make_label(TITLE)
        title.setText("Studies in the archive")
        self.peer.addItems(list(self.presenter.peers))
        self.reader.setText(str(self._settings.value("reader", "")))
        for line in (self.earliest, self.latest):
            line.setPlaceholderText("2021-05-30")
        self.table.setHorizontalHeaderLabels(list(STUDY_COLUMNS))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        form = QFormLayout()
        form.addRow("Archive", self.peer)
        form.addRow("Patient ID", self.patient)
        form.addRow("Name", self.name)
        form.addRow("From", self.earliest)
        form.addRow("To", self.latest)
        column = QVBoxLayout(self)
        column.addWidget(title)
        column.addLayout(form)
        column.addWidget(self.search_button)
        column.addWidget(self.table, 1)
        column.addLayout(_lay_out_row(self.pull_button, self.stop_button))
        for widget in (self.bar, self.notice, self.failure):
            column.addWidget(widget)
        opening = QFormLayout()
        opening.addRow("Reader", self.reader)
        column.addLayout(opening)
        column.addWidget(self.open_button)

    def _connect(self) -> None:
        for line in (self.patient, self.name, self.earliest, self.latest):
            line.returnPressed.connect(self._search)
        self.reader.returnPressed.connect(self._open)
        self.search_button.clicked.connect(self._search)
        self.pull_button.clicked.connect(self._pull)
        self.stop_button.clicked.connect(self.presenter.stop)
        self.open_button.clicked.connect(self._open)

    def refresh(self) -> None:
        """Show what the presenter holds, and start what waits."""
        self._background.work()
        presenter = self.presenter
        rows = presenter.build_rows()
        if rows != self._list_shown():
            self.table.setRowCount(len(rows))
            for number, row in enumerate(rows):
                for column, text in enumerate(row):
                    self.table.setItem(number, column, QTableWidgetItem(text))
            self.table.resizeColumnsToContents()
        show_text(self.failure, presenter.failure)
        show_text(self.notice, "working …" if presenter.is_busy else presenter.notice)
        for button in (self.search_button, self.pull_button, self.open_button):
            button.setEnabled(bool(presenter.peers) and not presenter.is_busy)
        self.stop_button.setVisible(presenter.is_busy)
        self.bar.setVisible(presenter.is_busy)
        if not presenter.is_busy:
            self.bar.reset()

    def _list_shown(self) -> list[tuple[str, ...]]:
        return [
            tuple(
                item.text() if (item := self.table.item(row, column)) is not None else ""
                for column in range(len(STUDY_COLUMNS))
            )
            for row in range(self.table.rowCount())
        ]

    def _search(self) -> None:
        self.presenter.search(
            self.peer.currentText(),
            patient=self.patient.text(),
            name=self.name.text(),
            earliest=self.earliest.text(),
            latest=self.latest.text(),
        )
        self.bar.setRange(0, 0)  # a search has no parts to count
        self.refresh()

    def _pull(self) -> None:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        self.presenter.pull(rows)
        self.refresh()

    def _show_progress(self, step: str, count: int, total: int) -> None:
        self.bar.setFormat(f"{step}: %v of %m")
        self.bar.setRange(0, total)
        self.bar.setValue(count)

    def _open(self) -> None:
        reader = self.reader.text().strip()
        if not reader:
            show_text(self.failure, "Give the reader's name.")
            self.reader.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        try:
            self._open_room(self.presenter.folder, reader)
        except OppMriError as error:
            show_text(self.failure, str(error))
            return
        self._settings.setValue("reader", reader)


def show_study_list(viewer: napari.Viewer, folder: Path, open_room: OpenRoom) -> StudyListPanel:
    """Show the study list of a project next to the images of a viewer.

    Parameters
    ----------
    open_room
        Opens the reading room on the project's folder for a reader; the list is put away then.

    Raises
    ------
    OppMriError
        There is no such project; nothing is shown.
    """

    def open_and_put_away(project_folder: Path, reader: str) -> None:
        open_room(project_folder, reader)
        dock.hide()

    panel = StudyListPanel(folder, open_and_put_away)
    dock = viewer.window.add_dock_widget(panel, area="right", name="Studies in the archive")
    Closer(get_main_window(viewer), panel.close_work, asks=True)  # the window keeps it
    return panel


def _lay_out_row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
