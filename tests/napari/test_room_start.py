"""Ways into the reading room: the start panel, a dropped folder, and the panels of its side."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.dicom_makers import write_study
from fixtures.makers import make_lesion
from opp_mri_napari.reading.panels.panel_views import (
    CellLook,
    CellRef,
    WorklistCell,
    WorklistRow,
    WorklistView,
)
from opp_mri_napari.reading.panels.worklist_order import WorklistOrder
from opp_mri_napari.reading.panels.worklist_view import build_worklist_view
from qtpy.QtCore import QPoint, QSettings, Qt

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.reading_room.worklist import CellState, WorkCell, WorkLesion, Worklist

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.reading.widgets.worklist import Worklist as WorklistWidget
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def settings_of_the_test(tmp_path: Path) -> None:
    QSettings.setPath(
        QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings")
    )


def test_a_window_waits_for_no_library_that_only_images_and_statistics_need() -> None:
    program = (
        "import sys\n"
        "import napari.qt\n"
        "late = {'pydicom', 'SimpleITK', 'scipy.ndimage', 'matplotlib', 'pandas'}\n"
        "late -= set(sys.modules)\n"
        "import opp_mri_napari.reading.widgets.app\n"
        "assert {'pydicom', 'scipy.ndimage'} <= late\n"
        "sys.exit(', '.join(sorted(late & set(sys.modules))) or 0)\n"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")


def test_a_dropped_folder_becomes_a_project_and_opens_in_the_room(
    make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot", tmp_path: Path
) -> None:
    from opp_mri_napari.reading.widgets import app

    write_study(tmp_path / "scans")
    viewer = make_napari_viewer(show=True)
    viewer.open(str(tmp_path / "scans"), plugin="napari-opp-mri")
    panel = next(widget for widget in viewer.window._qt_window.findChildren(app.StartPanel))
    assert panel.images.text() == str(tmp_path / "scans")
    qtbot.mouseClick(panel.begin, LEFT)
    assert "reader's name" in panel.error.text()
    panel.reader.setText("A")
    qtbot.mouseClick(panel.begin, LEFT)
    qtbot.waitUntil(lambda: len(app._open) == 1, timeout=20_000)
    window, project = app._open[0]
    assert project.folder == tmp_path / "scans-opp"
    qtbot.waitUntil(lambda: window.room.session.patient is not None, timeout=20_000)
    qtbot.waitUntil(lambda: not window.busy, timeout=20_000)
    assert "Shift+A" in window.room.build_status().hint
    window.close()
    app._open.clear()
    project.store.close()


def test_what_is_wrong_with_a_start_is_said_in_words(
    make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot", tmp_path: Path
) -> None:
    from opp_mri_napari.reading.widgets.app import StartPanel

    panel = StartPanel(make_napari_viewer())
    qtbot.addWidget(panel)
    panel.reader.setText("A")
    panel.project.setText(str(tmp_path / "new"))
    panel.start()
    assert "not a project yet" in panel.error.text()
    panel.images.setText(str(tmp_path / "absent"))
    panel.start()
    qtbot.waitUntil(lambda: panel.begin.isEnabled(), timeout=10_000)
    assert panel.error.text()


def row(lesion_id: str, *states: CellState) -> WorkLesion:
    return WorkLesion(
        patient_id="P1",
        lesion=make_lesion(lesion_id),
        cells=tuple(
            WorkCell(
                study_date=date(2024, 1, n + 1), sequence=SeriesRole.T1, state=state,
                status=CellStatus.UNREAD, reading=None,
            )
            for n, state in enumerate(states)
        ),
    )  # fmt: skip


@pytest.fixture
def show_rows(qtbot: "QtBot") -> Callable[..., "WorklistWidget"]:
    """Shows rows in the widget, which are narrowed as in the room."""
    from opp_mri_napari.reading.widgets.worklist import Worklist as WorklistWidget

    def show(*rows: WorkLesion) -> WorklistWidget:
        widget, order = WorklistWidget(), WorklistOrder()
        days = tuple(cell.study_date for cell in rows[0].cells)
        work = Worklist(lesions=rows, study_dates={"P1": days}, patients_without_lesion=())

        def narrow(search: str, look: CellLook | None) -> None:
            order.search, order.look = search, look
            widget.show_view(build_worklist_view(work, None, order))

        qtbot.addWidget(widget)
        widget.narrowed.connect(narrow)
        narrow("", None)
        return widget

    return show


def test_the_worklist_is_searched_filtered_and_opened_with_enter(
    show_rows: Callable[..., "WorklistWidget"], qtbot: "QtBot"
) -> None:
    widget = show_rows(
        row("A-1", CellState.SIGNED, CellState.UNREAD),
        row("B-2", CellState.SIGNED, CellState.DISCORDANT),
    )
    assert widget.model.rowCount() == 2
    widget.filter.setCurrentText(CellLook.DISCORDANT.value)
    assert widget.model.rowCount() == 1
    widget.filter.setCurrentIndex(0)
    widget.search.setText("a-1 t1")
    assert widget.model.rowCount() == 1
    widget.table.setCurrentIndex(widget.model.index(0, 1))
    with qtbot.waitSignal(widget.cell_wanted) as signal:
        qtbot.keyClick(widget.table, Qt.Key.Key_Return)
    assert signal.args[0].lesion_id == "A-1"


def test_two_thousand_rows_are_shown_at_once(show_rows: Callable[..., "WorklistWidget"]) -> None:
    widget = show_rows(*(row(f"L-{n}", CellState.UNREAD, CellState.DRAFT) for n in range(2000)))
    assert widget.model.rowCount() == 2000
    widget.search.setText("L-1999")
    assert widget.model.rowCount() == 1


def test_a_number_answers_what_is_no_line(qtbot: "QtBot") -> None:
    from opp_mri_napari.reading.widgets.forms import REASONS, AnswerForm

    form = AnswerForm()
    qtbot.addWidget(form)
    with qtbot.waitSignal(form.answered) as signal:
        qtbot.keyClick(form, Qt.Key.Key_0)
    assert signal.args == [Answer.GONE, ""]
    with qtbot.waitSignal(form.answered) as signal:
        qtbot.keyClick(form, Qt.Key.Key_2)
    assert signal.args == [Answer.NOT_MEASURABLE, REASONS[1]]


@pytest.mark.parametrize("closes", [True, False])
def test_what_is_done_at_closing_waits_for_the_answer_to_naparis_question(
    qtbot: "QtBot", closes: bool
) -> None:
    from opp_mri_napari.shared.closing import Closer
    from qtpy.QtGui import QCloseEvent
    from qtpy.QtWidgets import QApplication, QMainWindow

    closings, questions = [], []

    class ByItsFrame(QCloseEvent):  # what the window manager sends
        def spontaneous(self) -> bool:
            return True

    class Window(QMainWindow):  # closes as napari's does
        def close(self, confirm_need: bool = False) -> bool:
            questions.append(confirm_need)
            return bool(super().close()) if closes else False

    window = Window()
    qtbot.addWidget(window)
    Closer(window, lambda: closings.append(1), asks=True)
    window.show()
    qtbot.waitExposed(window)
    QApplication.sendEvent(window, ByItsFrame())
    qtbot.waitUntil(lambda: bool(questions), timeout=5_000)
    assert (questions, len(closings), window.isVisible()) == ([True], int(closes), not closes)


def test_enter_in_a_search_opens_the_first_unread_cell_that_was_found(
    show_rows: Callable[..., "WorklistWidget"], qtbot: "QtBot"
) -> None:
    widget = show_rows(
        row("A-1", CellState.UNREAD, CellState.UNREAD),
        row("B-2", CellState.SIGNED, CellState.UNREAD),
        row("C-3", CellState.NO_IMAGE, CellState.SIGNED),
    )
    for search, day in (("b-2", 2), ("c-3", 2)):
        widget.search.setText(search)
        with qtbot.waitSignal(widget.cell_wanted) as signal:
            qtbot.keyClick(widget.search, Qt.Key.Key_Return)
        assert (signal.args[0].lesion_id.casefold(), signal.args[0].study_date.day) == (search, day)
    widget.search.setText("d-4")
    assert widget.counts.text() == "No row matches: clear the search and the filter."


def test_the_name_of_a_row_opens_it(
    show_rows: Callable[..., "WorklistWidget"], qtbot: "QtBot"
) -> None:
    widget = show_rows(
        row("A-1", CellState.UNREAD, CellState.UNREAD),
        row("B-2", CellState.SIGNED, CellState.UNREAD),
    )
    header = widget.table.verticalHeader()
    place = QPoint(10, header.sectionViewportPosition(1) + 5)
    with qtbot.waitSignal(widget.cell_wanted) as signal:
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert (signal.args[0].lesion_id, signal.args[0].study_date.day) == ("B-2", 2)


def test_names_of_two_lines_fit_where_those_of_one_line_did(
    show_rows: Callable[..., "WorklistWidget"],
) -> None:
    widget = show_rows(row("A-1", CellState.UNREAD))
    widget.show()
    header = widget.table.horizontalHeader()
    cell = WorklistCell(
        ref=CellRef(
            patient_id="P1", lesion_id="A-1", study_date=date(2024, 1, 1), sequence=SeriesRole.T1
        ),
        look=CellLook.UNREAD, text="", tip="", current=True,
    )  # fmt: skip
    low = header.height()
    worklist_row = WorklistRow(
        patient_id="P1", lesion_id="A-1", level="L1", sequence=SeriesRole.T1, cells=(cell,),
        current=True,
    )  # fmt: skip
    widget.show_view(WorklistView(columns=("TP0\n0 w",), rows=(worklist_row,)))
    assert header.height() == header.sizeHint().height() > low
