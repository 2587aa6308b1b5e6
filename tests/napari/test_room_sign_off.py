"""Sign-off: in any order of keys and clicks, what is signed is what was listed."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, ClassVar

import pytest
from fixtures.makers import NOON
from fixtures.room_driver import settle, sign_off
from fixtures.small_study import make_study
from fixtures.window_driver import LEFT, drag, place, press
from fixtures.window_driver import settle as settle_window
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.panels.panel_views import CellRef, SignOffView
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.measurement import Answer
from opp_mri.workflow.measuring.lesions import add_lesion
from opp_mri.workflow.project import Project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two patients with a lesion each, four cells a lesion."""
    return make_study(tmp_path_factory.mktemp("two"), ("P1", "P2"))


class SignOffMachine(RuleBasedStateMachine):
    """A reader who presses S, N and Enter and clicks cells in any order."""

    study: Path
    signed: ClassVar[list[tuple[tuple[str, ...], tuple[str, ...]]]]  # what was listed, and signed

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.project = open_project(copytree(self.study, self.folder / "project"))
        self.room = ReadingRoom(self.project, "A", clock=lambda: NOON)
        self.shown = SignOffView()
        self._go_on()

    def teardown(self) -> None:
        """Sign what is there after any order of steps, as each of them seldom leads to it."""
        try:
            self.answer_the_cell()
            self.list_and_tick()
            self.press_enter()
        finally:
            self.project.store.close()
            rmtree(self.folder)

    def _go_on(self) -> None:
        """Let the window catch up, as it does after every event."""
        settle(self.room)
        up = self.room.dialog is Dialog.SIGN_OFF
        self.shown = self.room.sign_off() if up else SignOffView()

    def _do(self, wish: Callable[[], None]) -> None:
        view, up = self.shown, self.room.dialog is Dialog.SIGN_OFF
        before = len(self.project.store.get_signatures())
        cell = self.room.navigation.current
        wish()
        settle(self.room)
        new = self.project.store.get_signatures()[before:]
        for lesion in new:
            assert up, "nothing is signed without the list on screen"
            assert (lesion.lesion_id, lesion.reading_ids) == (view.lesion_id, view.reading_ids)
            assert lesion.statement == view.statement
            self.signed.append((view.reading_ids, lesion.reading_ids))
            assert self.room.navigation.current == cell
        assert len(new) <= 1
        self._go_on()

    @rule()
    def press_s(self) -> None:
        self._do(lambda: self.room.do_wish("sign"))

    @rule()
    def press_n(self) -> None:
        self._do(lambda: self.room.do_wish("next_lesion"))

    @rule()
    def press_enter(self) -> None:
        before, up = self.room.navigation.current, self.room.dialog is Dialog.SIGN_OFF
        self._do(lambda: self.room.do_wish("confirm"))
        if up:  # it signs, or says why not; it never goes to another cell
            assert self.room.navigation.current == before

    @rule()
    def click_sign(self) -> None:
        self._do(self.room.sign)

    @rule(cell=st.integers(0, 7))
    def click_a_cell_of_the_worklist(self, cell: int) -> None:
        cells = [
            cell
            for row in self.room.build_worklist().rows
            for cell in row.cells
            if cell is not None
        ]
        self._do(lambda: self.room.navigation.go_to(cells[cell % len(cells)].ref))

    @rule()
    def answer_the_cell(self) -> None:
        self._do(lambda: self.room.say(Answer.GONE))
        self.room.calipers.give_reason("changed")
        self._go_on()

    @rule()
    def undo(self) -> None:
        self._do(lambda: self.room.do_wish("undo"))

    @rule()
    def list_and_tick(self) -> None:
        if self.room.dialog is not Dialog.SIGN_OFF:
            self.press_s()
        self.room.signing.signs_incomplete = True

    @precondition(lambda self: self.room.dialog is Dialog.SIGN_OFF)
    @rule()
    def tick_that_the_rest_stays_unread(self) -> None:
        self.room.signing.signs_incomplete = True


def test_what_is_signed_is_what_was_listed_in_any_order(study: Path) -> None:
    class Machine(SignOffMachine):
        signed: ClassVar[list[tuple[tuple[str, ...], tuple[str, ...]]]] = []

    Machine.study = study
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=hypothesis_settings(
            max_examples=12, stateful_step_count=14, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Machine.signed, "no order of keys and clicks led to a signature"
    assert all(list_ids == signed_ids for list_ids, signed_ids in Machine.signed)


def test_answers_are_listed_by_visit_and_sequence_in_whatever_order_they_were_given(
    study: Path, tmp_path: Path
) -> None:
    with open_project(copytree(study, tmp_path / "project")) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        worklist = room.session.worklist
        assert worklist is not None
        (row, *_) = worklist.lesions
        for cell in reversed(row.cells):
            room.navigation.go_to(
                CellRef(
                    patient_id=row.patient_id, lesion_id=row.lesion.lesion_id,
                    study_date=cell.study_date, sequence=cell.sequence,
                )
            )  # fmt: skip
            settle(room)
            room.say(Answer.GONE)
            settle(room)
        draft_words = [line.partition(":")[0].split() for line in room.sign_off().drafts]
        assert [(words[0], words[-1]) for words in draft_words] == [
            ("TP0", "T1"), ("TP0", "T2FS"), ("TP1", "T1"), ("TP1", "T2FS")
        ]  # fmt: skip


def test_a_read_that_is_all_signed_does_not_speak_of_drafts(study: Path, tmp_path: Path) -> None:
    with open_project(copytree(study, tmp_path / "project")) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        for _ in range(8):  # two lesions of four cells
            room.say(Answer.GONE)
            settle(room)
            room.navigation.open_unread()
            settle(room)
        assert room.navigation.hint == "Nothing is unread: S signs the drafts."
        for _ in range(2):
            sign_off(room)
            room.navigation.step_lesion(1)
            settle(room)
        room.navigation.open_unread()
        assert room.navigation.hint == "Nothing is unread, and nothing waits for a signature."


def test_undo_of_an_amendment_gives_the_signed_answer_back(study: Path, tmp_path: Path) -> None:
    with open_project(copytree(study, tmp_path / "project")) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        room.say(Answer.GONE)
        settle(room)
        sign_off(room)
        settle(room)
        room.say(Answer.NOT_MEASURABLE, "motion")
        room.calipers.give_reason("misread")
        settle(room)
        view = room.build_worklist()
        assert (view.signed, view.drafts, view.amendments) == (1, 0, 1)
        room.do_wish("undo")
        settle(room)
        assert room.build_pane_views()[0].state == "signed gone, 0.0 mm"
        assert room.sign_off().reading_ids == ()
        view = room.build_worklist()
        assert (view.signed, view.drafts, view.amendments) == (1, 0, 0)
        again = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(again)
        assert again.build_pane_views()[0].state == "signed gone, 0.0 mm"
        assert again.build_worklist() == view
        again.do_wish("redo")
        assert again.build_pane_views()[0].state == "draft not measurable"


# --- with real mouse and keys


@pytest.fixture
def two(study: Path, tmp_path: Path) -> Project:
    return open_project(copytree(study, tmp_path / "project"))


@pytest.mark.window
def test_n_closes_the_sign_off_and_enter_on_it_signs(
    open_window: Callable[..., "RoomWindow"], two: Project, qtbot: "QtBot"
) -> None:
    from qtpy.QtCore import Qt

    window = open_window(two)
    for number in (0, 1):
        drag(window, qtbot, place(window, -6, pane=number), place(window, 6, pane=number), number)
        settle_window(window, qtbot)
    press(window, qtbot, Qt.Key.Key_S)
    assert window.pages.sign_off.isVisible()
    press(window, qtbot, Qt.Key.Key_N)
    settle_window(window, qtbot)
    assert not window.pages.sign_off.isVisible()  # the next lesion is another matter
    assert "LP2" in window.head.title.text()
    assert two.store.get_signatures() == []
    press(window, qtbot, Qt.Key.Key_N)
    settle_window(window, qtbot)
    cell_before = window.room.navigation.current
    press(window, qtbot, Qt.Key.Key_S)
    press(window, qtbot, Qt.Key.Key_Return)
    settle_window(window, qtbot)
    assert two.store.get_signatures() == []  # cells are unread, and nobody accepted that
    assert "unread" in window.head.hint.text()
    assert window.room.navigation.current == cell_before
    assert window.pages.sign_off.isVisible()
    assert not window.pages.sign_off.sign.isEnabled()
    qtbot.mouseClick(
        window.pages.sign_off.anyway, LEFT, pos=window.pages.sign_off.anyway.rect().center()
    )
    if not window.pages.sign_off.anyway.isChecked():
        window.pages.sign_off.anyway.click()
    assert window.pages.sign_off.sign.isEnabled()
    press(window, qtbot, Qt.Key.Key_Return)
    settle_window(window, qtbot)
    (signed,) = two.store.get_signatures()
    assert signed.lesion_id == "LP1"
    assert len(signed.reading_ids) == 2
    assert not window.pages.sign_off.isVisible()
    assert window.room.navigation.current == cell_before
    two.store.close()


def test_the_same_id_of_a_lesion_is_kept_for_its_correction(study: Path, tmp_path: Path) -> None:
    with open_project(copytree(study, tmp_path / "project")) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        room.do_wish("correct_lesion")
        assert room.dialog is Dialog.LESION
        cells = {"lesion_id": "LP1", "level": "L3", "ssrs_first_date": "2024-02-01"}
        room.lesion_entry.record(cells)
        settle(room)
        corrected_lesion = project.store.get_lesion("LP1")
        assert corrected_lesion is not None
        assert corrected_lesion.level == "L3"
        assert "LP1 L3" in room.build_status().title
        with pytest.raises(Exception, match="level"):
            add_lesion(project.store, {**cells, "lesion_id": "X", "patient_id": "P1", "level": ""},
                       NOON)  # fmt: skip
