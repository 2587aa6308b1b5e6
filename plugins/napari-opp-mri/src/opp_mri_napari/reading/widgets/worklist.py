"""The worklist: lesions and sequences by time points, with what is done in each cell."""

from typing import Any, Final

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from opp_mri_napari.reading.panels.panel_views import (
    CellLook,
    WorklistCell,
    WorklistRow,
    WorklistView,
)
from opp_mri_napari.reading.widgets.looks import CELLS, QUIET
from opp_mri_napari.reading.widgets.parts import Line

Index = QModelIndex | QPersistentModelIndex
ALL: Final = "all cells"
NO_ROW: Final = "No row matches: clear the search and the filter."


class WorklistModel(QAbstractTableModel):
    """Rows of a worklist that a search and a filter let through."""

    def __init__(self) -> None:
        super().__init__()
        self._view = WorklistView(columns=(), rows=())
        self._rows: tuple[WorklistRow, ...] = ()
        self._is_short = False

    def shorten(self, is_short: bool) -> None:
        """Name rows without their patient, or with it."""
        if is_short is not self._is_short:
            self._is_short = is_short
            last_row = max(0, len(self._rows) - 1)
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, last_row)

    def show_view(self, view: WorklistView) -> bool:
        """Show a worklist; return whether anything is new in it."""
        if view == self._view:
            return False
        self.beginResetModel()
        self._view, self._rows = view, view.rows
        self.endResetModel()
        return True

    def get_cell(self, index: Index) -> WorklistCell | None:
        """Return the cell at a place."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        cells = self._rows[index.row()].cells
        return cells[index.column()] if index.column() < len(cells) else None

    def find_current(self) -> tuple[int, int] | None:
        """Return row and column of the current cell."""
        for row, worklist_row in enumerate(self._rows):
            for column, cell in enumerate(worklist_row.cells):
                if cell is not None and cell.current:
                    return row, column
        return None

    def find_first(self, row: int | None = None) -> WorklistCell | None:
        """Return the first unread cell of the rows that are shown, else the first with images.

        Parameters
        ----------
        row
            The row to look in; None for all.
        """
        rows = self._rows if row is None else self._rows[row : row + 1]
        cells = [cell for worklist_row in rows for cell in worklist_row.cells if cell is not None]
        cells_with_image = [cell for cell in cells if cell.look is not CellLook.NO_IMAGE]
        return next(
            (cell for cell in cells_with_image if cell.look is CellLook.UNREAD),
            next(iter(cells_with_image), None),
        )

    def rowCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """Return the number of rows; Qt calls this."""
        return len(self._rows)

    def columnCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """Return the number of time points; Qt calls this."""
        return len(self._view.columns)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Name a time point or a row; Qt calls this."""
        vertical = orientation == Qt.Orientation.Vertical
        if vertical and role == Qt.ItemDataRole.ToolTipRole:
            return f"patient {self._rows[section].patient_id}"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if not vertical:
            return self._view.columns[section]
        row = self._rows[section]
        is_plain = self._is_short or row.patient_id in row.lesion_id
        row_name = row.lesion_id if is_plain else f"{row.patient_id} {row.lesion_id}"
        # an arrow in place of a space, so that the columns stay where they are
        return f"{row_name}{'▸' if row.current else ' '}{row.level} {row.sequence.value}"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows; Qt calls this."""
        cell = self.get_cell(index)
        if cell is None:
            return None
        ground, ink, symbol = CELLS[cell.look]
        by_role = {
            Qt.ItemDataRole.DisplayRole: f"{symbol} {cell.text}".strip(),
            Qt.ItemDataRole.ToolTipRole: cell.tip,
            Qt.ItemDataRole.BackgroundRole: QColor("#56b4e9") if cell.current else QColor(ground),
            Qt.ItemDataRole.ForegroundRole: QColor("#10151a") if cell.current else QColor(ink),
            Qt.ItemDataRole.TextAlignmentRole: int(Qt.AlignmentFlag.AlignCenter),
        }
        return by_role.get(Qt.ItemDataRole(role))


class Worklist(QWidget):
    """Shows the worklist; a cell, a patient or the next unread cell can be asked for."""

    cell_wanted = Signal(object)
    patient_wanted = Signal(str)
    next_unread_wanted = Signal()
    narrowed = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.model = WorklistModel()
        self.search, self.filter = Line(), QComboBox()
        self.search.setPlaceholderText("patient, lesion, level or sequence")
        self.search.setClearButtonEnabled(True)
        self.search.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.filter.addItems([ALL, *(look.value for look in CellLook)])
        self.filter.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.table = _Table()
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.table.setAccessibleName("worklist")
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.table.setStyleSheet("QTableView { font-size: 12px; }")
        for header in (self.table.verticalHeader(), self.table.horizontalHeader()):
            header.setStyleSheet("font-size: 12px;")
        self.patients = QListWidget()
        self.patients.setMaximumHeight(90)
        self.patients.setStyleSheet("font-size: 12px;")
        self.patients_title = QLabel("Patients without a lesion yet")
        self.patients_title.setStyleSheet(QUIET)
        for widget in (self.patients, self.patients_title):
            widget.hide()
        self.counts = QLabel()
        self.counts.setStyleSheet(QUIET)
        self.counts.setWordWrap(True)
        self.next = QPushButton("Next unread (Enter)")
        self.next.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._build()
        self.search.textChanged.connect(self._narrow)
        self.search.returnPressed.connect(self._open_found)
        self.filter.currentTextChanged.connect(self._narrow)
        self.table.clicked.connect(self._open)
        self.table.entered_on.connect(self._open)
        self.table.verticalHeader().sectionClicked.connect(self._open_row)
        self.patients.itemClicked.connect(lambda item: self.patient_wanted.emit(item.text()))
        self.next.clicked.connect(self.next_unread_wanted)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        line = QHBoxLayout()
        line.addWidget(self.search, 1)
        line.addWidget(self.filter)
        column.addLayout(line)
        column.addWidget(self.table, 1)
        column.addWidget(self.patients_title)
        column.addWidget(self.patients)
        foot = QHBoxLayout()
        foot.addWidget(self.counts, 1)
        foot.addWidget(self.next)
        column.addLayout(foot)
        legend = QLabel(
            "  ".join(f"{symbol} {look.value}" for look, (_, _, symbol) in CELLS.items())
        )
        legend.setStyleSheet("color: #8b99a5; font-size: 11px;")
        legend.setWordWrap(True)
        column.addWidget(legend)

    def show_view(self, view: WorklistView) -> None:
        """Show a worklist; what has not changed costs nothing."""
        if not self.model.show_view(view):
            return
        self.fit_columns()
        self._mark()
        amendments = f" ({view.amendments} to be amended)" if view.amendments else ""
        doubt = f", {view.in_doubt} in doubt" if view.in_doubt else ""
        self.counts.setText(
            f"{view.unread} unread, {view.drafts} draft{'s' if view.drafts != 1 else ''}, "
            f"{view.signed} signed{amendments}{doubt}"
            if view.rows or not (view.search or view.look)
            else NO_ROW
        )
        without = list(view.patients_without_lesion)
        if [self.patients.item(n).text() for n in range(self.patients.count())] != without:
            self.patients.clear()
            self.patients.addItems(without)
        for widget in (self.patients, self.patients_title):
            widget.setVisible(bool(without))

    def fit_columns(self) -> None:
        """Make columns as narrow as their text lets them, and their names high enough.

        Rows are named without their patient where all columns would not fit otherwise.
        """
        self.model.shorten(False)
        self.table.resizeColumnsToContents()
        self.table.resizeRowsToContents()
        self.table.updateGeometries()  # names of one line may have two by now
        bar_px = self.table.verticalScrollBar().sizeHint().width()
        names_px = self.table.verticalHeader().sizeHint().width()
        needed_px = names_px + self.table.horizontalHeader().length() + bar_px
        self.model.shorten(needed_px > self.table.width())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Name rows as the width lets them; Qt calls this."""
        super().resizeEvent(event)
        self.fit_columns()
        self._mark()

    def _narrow(self) -> None:
        choice = self.filter.currentText()
        self.narrowed.emit(self.search.text(), None if choice == ALL else CellLook(choice))

    def _mark(self) -> None:
        place = self.model.find_current()
        if place is not None:
            self.table.scrollTo(self.model.index(*place))

    def _open_row(self, row: int) -> None:
        cell = self.model.find_first(row)
        if cell is not None:
            self.cell_wanted.emit(cell.ref)

    def _open_found(self) -> None:
        cell = self.model.find_first()
        if cell is not None and self.search.text().strip():
            self.cell_wanted.emit(cell.ref)

    def _open(self, index: Index) -> None:
        cell = self.model.get_cell(index)
        if cell is not None:
            self.cell_wanted.emit(cell.ref)


class _Table(QTableView):
    """A table whose Enter opens the chosen cell."""

    entered_on = Signal(object)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open on Enter; Qt calls this."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_on.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
