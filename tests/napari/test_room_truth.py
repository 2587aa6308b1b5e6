"""What the reading room says is true: of planes, levels, links, progress and other windows."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from shutil import copytree

import attrs
import numpy as np
import pytest
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle, sign_off
from fixtures.small_study import VISITS, declare, make_study
from opp_mri_napari.reading.basics.layout import Layout
from opp_mri_napari.reading.basics.views import Button, MarkStyle, PointerKind
from opp_mri_napari.reading.compare import Comparison
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.panels.panel_views import CellLook
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.imaging import Plane, SeriesRole
from opp_mri.domain.measurement import Answer, LevelConfirmation
from opp_mri.domain.registration import Verdict
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.project import Project, open_project
from opp_mri.workflow.registration.decisions import decide


@pytest.fixture
def room(project: Project) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    return room


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("small"), ("P1", "P2"))


@pytest.fixture
def small(study: Path, tmp_path: Path) -> Iterator[ReadingRoom]:
    """A room on a study of tiny images without fits."""
    with open_project(copytree(study, tmp_path / "project")) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        yield room


def draw(room: ReadingRoom, pane: int = 0, mm: float = 6.0) -> None:
    hand = Mouse(room, pane)
    down, across = hand.view.centre
    hand.drag((down, across - mm), (down, across + mm))
    settle(room)


def show_as(room: ReadingRoom, **changes: object) -> None:
    """Have the first pane show its series as if its header said something else."""
    pane = room.panes.panes[0]
    assert pane.volume is not None
    pane.volume = attrs.evolve(pane.volume, **changes)


# --- an AP extent is taken on sagittal images of the cell's role


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"plane": Plane.CORONAL}, "coronal"),
        ({"plane": Plane.AXIAL}, "axial"),
        ({"role": None}, "no role"),
    ],
)
def test_a_line_on_an_unsuitable_image_is_recorded_only_by_an_override_with_a_reason(
    small: ReadingRoom, changes: dict[str, object], why: str
) -> None:
    store = small.session.project.store
    show_as(small, **changes)
    draw(small)
    assert store.get_readings() == []
    assert small.dialog is Dialog.OVERRIDE
    refusal = small.calipers.refused
    assert refusal is not None
    assert why in refusal.why
    small.do_wish("cancel")
    assert small.dialog is None
    draw(small)
    small.calipers.override("   ")
    assert small.dialog is Dialog.OVERRIDE
    small.calipers.override("nothing else was acquired")
    settle(small)
    (reading,) = store.get_readings()
    assert "nothing else was acquired" in " ".join(reading.remarks)
    assert "by override" in small.build_pane_views()[0].state
    (line,) = small.sign_off().drafts
    assert "Measured by override" in line
    tips = [c.tip for row in small.build_worklist().rows for c in row.cells if c and c.text]
    assert "Measured by override" in tips[0]


def test_a_refused_line_belongs_to_its_lesion(small: ReadingRoom) -> None:
    show_as(small, plane=Plane.CORONAL)
    draw(small)
    small.do_wish("next_lesion")
    settle(small)
    assert small.dialog is None
    small.calipers.override("too late")
    settle(small)
    assert small.session.project.store.get_readings() == []


def test_the_curve_does_not_follow_a_line_on_an_unsuitable_image(small: ReadingRoom) -> None:
    show_as(small, plane=Plane.CORONAL)
    hand = Mouse(small)
    down, across = hand.view.centre
    hand.press((down, across - 6))
    hand.move((down, across + 6))
    assert small.build_timeline().hidden == "Nothing is measured yet."


# --- at which vertebra a pane is


def test_each_pane_says_whether_its_level_is_confirmed_and_one_key_confirms_it(
    room: ReadingRoom, project: Project
) -> None:
    views = room.build_pane_views()
    assert [view.level.place is None for view in views if view.level] == [False, *[True] * 4]
    assert views[0].link_note == ""
    assert "level not confirmed" in views[1].link_note
    assert views[1].zoom < views[0].zoom  # whole, as long as nobody has said where the level is
    second = Mouse(room, 1)
    at = (second.view.centre[0] + 20.0, second.view.centre[1] + 5.0)
    second.move(at)
    room.do_wish("confirm_level")
    settle(room)
    (confirmation,) = project.store.log_of(LevelConfirmation)
    pane = room.panes.panes[1]
    assert (confirmation.lesion_id, confirmation.reader) == ("OPP-01", "A")
    assert confirmation.frame_of_reference_uid == pane.frame
    view = room.build_pane_views()[1]
    assert view.level is not None
    assert view.level.place == pytest.approx(at, abs=0.01)
    assert view.centre == pytest.approx(at, abs=0.01)
    assert view.zoom == pytest.approx(room.build_pane_views()[0].zoom)
    assert "confirmed by you" in view.link_note
    assert not view.link_is_open  # it asks for nothing
    assert view.badge == ""  # no ghost through a reader's word
    before = room.panes.panes[0].place
    Mouse(room, 1).wheel(1)
    assert room.panes.panes[0].place != before  # they scroll together now
    again = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(again)
    assert "confirmed by you" in again.build_pane_views()[1].link_note
    second_room = ReadingRoom(project, "B", clock=lambda: NOON)
    settle(second_room)
    unconfirmed_view = second_room.build_pane_views()[1]
    assert "level not confirmed" in unconfirmed_view.link_note
    assert unconfirmed_view.link_is_open


def test_a_confirmed_level_and_an_axis_are_undone_in_turn_with_answers_and_stay_so(
    project: Project,
) -> None:
    clock = map(NOON.__add__, (timedelta(seconds=n) for n in count()))
    room = ReadingRoom(project, "A", clock=lambda: next(clock))
    settle(room)

    def press(wish: str) -> str:
        room.do_wish(wish)
        settle(room)
        return room.build_status().hint

    whole = room.build_pane_views()[1]
    first, second = Mouse(room), Mouse(room, 1)
    second.move((second.view.centre[0] + 20.0, second.view.centre[1] + 5.0))
    press("confirm_level")
    draw(room, 1)
    room.do_wish("endplate")
    first.drag(first.view.centre, (first.view.centre[0] + 4.0, first.view.centre[1] + 12.0))
    settle(room)
    assert "vertebra" in room.build_status().tool
    assert "AP axis" in press("undo")
    assert "axis of the patient" in room.build_status().tool
    assert room.calipers.find_reading(room.panes.panes[1]) is not None
    press("undo")
    assert room.calipers.find_reading(room.panes.panes[1]) is None
    assert press("undo") == "Taken back: the level L2 that you confirmed."
    view = room.build_pane_views()[1]
    assert "level not confirmed" in view.link_note
    assert (view.zoom, view.centre) == (whole.zoom, whole.centre)  # whole again, as before
    assert "nothing more to undo" in press("undo")
    again = ReadingRoom(project, "A", clock=lambda: next(clock))
    settle(again)
    assert "level not confirmed" in again.build_pane_views()[1].link_note
    again.do_wish("redo")
    settle(again)
    assert "confirmed by you" in again.build_pane_views()[1].link_note
    again.do_wish("redo")
    settle(again)
    assert again.calipers.find_reading(again.panes.panes[1]) is not None


def test_what_was_marked_before_the_signature_stays(project: Project) -> None:
    clock = map(NOON.__add__, (timedelta(seconds=n) for n in count()))
    room = ReadingRoom(project, "A", clock=lambda: next(clock))
    settle(room)
    draw(room)
    second = Mouse(room, 1)
    second.move(second.view.centre)
    room.do_wish("confirm_level")
    sign_off(room)
    settle(room)
    room.do_wish("undo")
    settle(room)
    assert "nothing more to undo" in room.build_status().hint
    assert "confirmed by you" in room.build_pane_views()[1].link_note


def test_the_level_key_needs_the_mouse_on_an_image(room: ReadingRoom, project: Project) -> None:
    room.do_wish("confirm_level")
    assert "Point at L2" in room.build_status().hint
    Mouse(room, 1).move((-500.0, -500.0))
    room.do_wish("confirm_level")
    assert "outside the image" in room.build_status().hint
    settle(room)
    assert project.store.log_of(LevelConfirmation) == []


def test_panes_of_a_blinded_case_open_alike_and_levels_are_confirmed_in_each(
    tmp_path: Path,
) -> None:
    with open_project(make_study(tmp_path, ["P1"])) as project:
        declare(project, tmp_path, dates='"hidden"')
        make_package(project, "reader-1", tmp_path / "package", NOON)
    with open_project(tmp_path / "package") as package:
        room = ReadingRoom(package, "reader-1", clock=lambda: NOON)
        settle(room)
        views = room.build_pane_views()
        assert len({(view.zoom, view.link_note) for view in views}) == 1
        assert views[0].centre == pytest.approx(views[1].centre, abs=1e-3)
        assert "level not confirmed" in views[0].link_note
        assert {view.slice_text.count("/") for view in views} == {0}
        for number in range(len(views)):
            hand = Mouse(room, number)
            hand.move(hand.view.centre)
            room.do_wish("confirm_level")
            settle(room)
        assert {view.link_note for view in room.build_pane_views()} == {"level confirmed by you"}
        assert room.panes.is_linked(room.panes.panes[1])


def test_a_baseline_without_a_seed_asks_for_its_level_and_not_for_a_fit(small: ReadingRoom) -> None:
    draw(small)
    baseline, follow_up = (view.link_note for view in small.build_pane_views())
    assert small.session.lesion is not None
    assert baseline == f"level not confirmed: V on {small.session.lesion.lesion.level} confirms"
    assert follow_up == "level not confirmed (V): no fit, Shift+F aligns"


# --- words about links


def test_each_pane_speaks_of_its_own_link_whichever_pane_is_active(room: ReadingRoom) -> None:
    notes = [view.link_note for view in room.build_pane_views()]
    for pane in room.panes.panes:
        room.navigation.activate(pane)
        assert [view.link_note for view in room.build_pane_views()] == notes


def test_a_rejected_fit_is_named_and_another_that_waits_is_offered(
    room: ReadingRoom, project: Project
) -> None:
    day = room.panes.panes[2].study_date
    fits = {f.sequence: f for f in project.store.get_alignments() if f.followup_study_date == day}
    decide(project.store, fits[SeriesRole.T1].fit_id, FitDecision.REJECTED, reader="A",
           reason="a level too low", at=NOON)  # fmt: skip
    room.navigation.reload()
    settle(room)
    note = room.build_pane_views()[2].link_note
    assert "you rejected the T1 fit" in note
    other_fits = [f for role, f in fits.items() if role is not SeriesRole.T1]
    if any(fit.fit.verdict is not Verdict.FAILED for fit in other_fits):
        assert "fit waits, F" in note  # and not Shift+V: a fit was rejected
    assert {fit.fit_id for fit in fits.values()} <= set(room.list_advertised_fits())


def test_a_rejected_fit_is_named_where_another_sequence_carries_the_level(
    room: ReadingRoom, project: Project
) -> None:
    day = room.panes.panes[2].study_date
    for fit in project.store.get_alignments():
        if fit.followup_study_date == day:
            is_shown = fit.sequence is SeriesRole.T1
            decision = FitDecision.REJECTED if is_shown else FitDecision.CONFIRMED
            decide(project.store, fit.fit_id, decision, reader="A", reason="x", at=NOON)
    room.navigation.reload()
    settle(room)
    view = room.build_pane_views()[2]
    assert view.level is not None
    assert view.level.confirmed
    assert view.link_note == "you rejected the T1 fit: another sequence's fit links this"


# --- no category while cells are unread


def test_there_is_no_category_while_cells_are_unread_unless_the_reader_asks(
    small: ReadingRoom,
) -> None:
    draw(small)
    view = small.build_timeline()
    assert view.category == ""
    assert view.rule == "1 of 4 read: no category yet"
    assert view.margin == ""
    small.do_wish("category")
    assert small.build_timeline().rule.startswith("1 of 4 read, if nothing else were read")
    small.do_wish("category")
    small.navigation.open_unread()
    settle(small)
    small.say(Answer.GONE)
    settle(small)
    assert small.build_timeline().rule.startswith("2 of 4 read, as known so far")  # all of T1
    for _ in range(2):
        small.navigation.open_unread()
        settle(small)
        small.say(Answer.GONE)
        settle(small)
    view = small.build_timeline()
    assert view.rule.startswith("Follow-up of 90 days: not eligible yet. Indeterminate: ")
    assert view.category == "INDETERMINATE"
    small.do_wish("category")  # the reader asks for the answer in hindsight
    assert small.build_timeline().category == "NOT_ELIGIBLE"


def test_a_patient_with_one_visit_only_is_not_eligible_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixtures.small_study.VISITS", VISITS[:1])
    with open_project(make_study(tmp_path)) as project:
        room = ReadingRoom(project, "A", clock=lambda: NOON)
        settle(room)
        draw(room)
        room.navigation.open_unread()
        settle(room)
        room.say(Answer.GONE)
        settle(room)
        view = room.build_timeline()
        assert view.rule.startswith("No follow-up: not eligible yet. Indeterminate: ")
        assert view.category == "INDETERMINATE"


# --- the worklist


def test_enter_and_n_obey_the_filter_of_the_worklist(small: ReadingRoom) -> None:
    small.navigation.order.search = "lp2 t2fs"
    assert [row.lesion_id for row in small.build_worklist().rows] == ["LP2"]
    small.do_wish("confirm")
    settle(small)
    current_cell = small.navigation.current
    assert current_cell is not None
    assert (current_cell.lesion_id, current_cell.sequence) == ("LP2", SeriesRole.T2FS)
    small.do_wish("next_lesion")
    settle(small)
    assert small.navigation.current is not None
    assert small.navigation.current.lesion_id == "LP2"
    small.navigation.order.search = ""
    small.navigation.order.look = CellLook.DRAFT
    small.do_wish("confirm")
    assert "clear the filter" in small.build_status().hint


def test_the_reader_chooses_which_cell_comes_next(small: ReadingRoom) -> None:
    def way() -> list[tuple[str, str]]:
        cells = []
        for _ in range(4):
            current_cell = small.navigation.current
            assert current_cell is not None
            cells.append(
                (small.words.find_code(current_cell.study_date), current_cell.sequence.value)
            )
            small.do_wish("confirm")
            settle(small)
        return cells

    assert way() == [("TP0", "T1"), ("TP1", "T1"), ("TP0", "T2FS"), ("TP1", "T2FS")]
    small.do_wish("previous_lesion")
    settle(small)
    small.do_wish("order")
    assert way() == [("TP0", "T1"), ("TP0", "T2FS"), ("TP1", "T1"), ("TP1", "T2FS")]


# --- two windows on one project


def test_a_cell_that_another_window_answered_is_not_replaced_unseen(small: ReadingRoom) -> None:
    store = small.session.project.store
    with open_project(small.session.project.folder) as theirs:
        their_room = ReadingRoom(theirs, "A", clock=lambda: NOON)
        settle(their_room)
        draw(their_room, mm=4.0)
    draw(small, mm=7.0)
    settle(small)
    (reading,) = store.get_readings()
    assert str(reading.length_mm) == "8.0"
    assert "another window has answered this cell" in small.build_status().banner
    assert small.build_pane_views()[0].marks[0].label == "8.0 mm"
    draw(small, pane=1, mm=7.0)
    assert len(store.get_readings()) == 2


def test_what_another_window_recorded_is_shown_soon(small: ReadingRoom) -> None:
    with open_project(small.session.project.folder) as theirs:
        their_room = ReadingRoom(theirs, "A", clock=lambda: NOON)
        settle(their_room)
        draw(their_room, mm=4.0)
    small.look_for_changes()
    settle(small)
    assert small.build_pane_views()[0].state == "draft 8.0 mm"
    assert "Another window" in small.build_status().hint
    draw(small, mm=7.0)
    assert small.build_pane_views()[0].state == "draft 14.0 mm"


# --- looking and drawing


def test_a_double_click_enlarges_a_pane_and_brings_all_back(small: ReadingRoom) -> None:
    hand = Mouse(small, 1)
    at = hand.view.centre
    hand.click(at)
    hand.do(PointerKind.DOUBLE, at, Button.LEFT)
    Mouse(small).do(PointerKind.RELEASE, at, Button.LEFT)
    settle(small)
    (view,) = small.build_pane_views()
    assert view.pane_id.startswith("2024-05-01")
    only = Mouse(small, 0)
    only.click(only.view.centre)
    only.do(PointerKind.DOUBLE, only.view.centre, Button.LEFT)
    settle(small)
    assert len(small.build_pane_views()) == 2
    assert small.session.project.store.get_readings() == []


def test_a_pane_that_comes_back_shows_the_lesion_again(small: ReadingRoom) -> None:
    places = [view.centre for view in small.build_pane_views()]
    for name in ("next_time_point", "aside", "aside"):  # the first time point leaves and comes back
        small.do_wish(name)
        settle(small)
    assert [view.centre for view in small.build_pane_views()] == places


def test_a_message_ends_with_the_next_act(small: ReadingRoom) -> None:
    small.do_wish("confirm_level")
    assert "Point at" in small.build_status().hint
    small.do_wish("t1")
    assert small.build_status().hint == ""


def test_sequences_stand_side_by_side_and_each_pane_is_measured_as_its_own(
    small: ReadingRoom,
) -> None:
    small.do_wish("sequences")
    settle(small)
    assert small.navigation.layout is Layout.SEQUENCES
    draw(small, pane=1)
    (reading,) = small.session.project.store.get_readings()
    assert reading.sequence is SeriesRole.T2FS
    hints = [m for m in small.build_pane_views()[0].marks if m.style is MarkStyle.HINT]
    assert [mark.detail for mark in hints] == ["T2FS"]
    small.do_wish("sequences")
    settle(small)
    assert small.navigation.layout is Layout.GRID
    assert small.panes_in_a_row == 2
    assert len(small.build_pane_views()) == 4


def test_a_line_drawn_over_the_old_one_is_new_and_an_end_that_moves_a_little_is_moved(
    small: ReadingRoom,
) -> None:
    draw(small, mm=8.0)
    hand = Mouse(small)
    down, across = hand.view.centre
    hand.drag((down, across - 7.7), (down, across - 6.0))
    settle(small)
    lengths = [
        float(reading.length_mm or 0) for reading in small.session.project.store.get_readings()
    ]
    assert lengths == pytest.approx([16.0, 14.3], abs=0.35)
    hand.drag((down, across - 6.0), (down, across + 7.0))
    settle(small)
    last = small.session.project.store.get_readings()[-1]
    assert float(last.length_mm or 0) == pytest.approx(13.0, abs=0.35)
    assert "A new line was drawn" in small.build_status().hint


def test_of_candidate_lines_the_greatest_is_kept_and_all_are_recorded(small: ReadingRoom) -> None:
    small.do_wish("candidates")
    draw(small, mm=6.0)
    small.do_wish("up")
    draw(small, mm=5.0)
    readings = small.session.project.store.get_readings()
    assert [str(reading.length_mm) for reading in readings] == ["12.0", "10.0", "12.0"]
    view = small.build_pane_views()[0]
    assert "12.0 on" in view.slice_text
    assert "10.0 on" in view.slice_text
    assert view.state == "draft 12.0 mm"  # so that the heading next to it is not cut
    small.do_wish("up")
    draw(small, mm=7.0)
    assert small.build_pane_views()[0].state.startswith("draft 14.0 mm")


def test_blink_and_overlay_follow_a_confirmed_fit_and_nothing_is_measured_on_them(
    room: ReadingRoom, project: Project
) -> None:
    room.navigation.activate(room.panes.panes[1])
    room.do_wish("blink")
    assert "confirmed fit only" in room.build_status().hint
    assert not room.compare.is_on
    for fit in project.store.get_alignments():
        if fit.fit.verdict is not Verdict.FAILED:
            decide(project.store, fit.fit_id, FitDecision.CONFIRMED, reader="A", reason="", at=NOON)
    room.navigation.reload()
    settle(room)
    own = room.build_pane_views()[1]
    assert own.mixed is None
    room.do_wish("blink")
    settle(room)
    blinked_view = room.build_pane_views()[1]
    assert blinked_view.compared == "BASELINE, by the fit"
    assert blinked_view.mixed is not None
    assert own.voxels is not None
    pixels = own.voxels[own.slice_index]
    assert blinked_view.mixed.shape == pixels.shape
    inner = (slice(40, -40), slice(40, -40))
    assert np.corrcoef(blinked_view.mixed[inner].ravel(), pixels[inner].ravel())[0, 1] > 0.6
    draw(room, pane=1)
    assert project.store.get_readings() == []
    assert "Only native images" in room.build_status().hint
    room.do_wish("blink")
    assert room.build_pane_views()[1].mixed is None
    room.do_wish("compare")
    assert room.compare.mode is Comparison.OVERLAY
    room.do_wish("more_baseline")
    assert room.build_status().share == pytest.approx(0.6)
    room.do_wish("cancel")
    draw(room, pane=1)
    assert len(project.store.get_readings()) == 1
