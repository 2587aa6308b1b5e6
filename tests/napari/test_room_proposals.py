"""Proposals in the reading room: accepted by a key, edited by a drag, never answers before."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle
from fixtures.window_driver import drag, on_screen, press
from fixtures.window_driver import settle as wait_for
from opp_mri_napari.reading.basics.views import MarkStyle
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.proposals import LEAST_LOOK_S, NOT_ALLOWED, Proposals
from qtpy.QtCore import Qt

from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import Blinding, CaseOrder, ShownDates
from opp_mri.domain.timeline import Origin
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

SAMPLE = Path(__file__).parents[2] / "sample_data" / "patient"


class Watch:
    """A stopwatch that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def indexed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the sample patient: three visits, its lesion marked at the baseline."""
    folder = tmp_path_factory.mktemp("proposals") / "project"
    create_project(folder)
    with open_project(folder) as project:
        index(project, [SAMPLE / "dicom"], workers=1)
        add_lesions(project.store, SAMPLE / "lesions.csv", NOON)
    return folder


@pytest.fixture
def project(indexed_project: Path, tmp_path: Path) -> Iterator[Project]:
    """That project, open, to be changed."""
    with open_project(copytree(indexed_project, tmp_path / "project")) as opened_project:
        yield opened_project


def opened(project: Project, watch: Watch) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    room.proposals._stopwatch = watch
    settle(room)
    room.build_pane_views()
    settle(room)
    return room


@pytest.fixture
def room(project: Project, watch: Watch) -> ReadingRoom:
    return opened(project, watch)


def proposed(room: ReadingRoom, pane: int = 0) -> list[str]:
    """What is proposed on a pane's image."""
    marks = room.build_pane_views()[pane].marks
    return [mark.label for mark in marks if mark.style is MarkStyle.PROPOSAL]


def test_a_proposal_is_called_one_and_says_how_sure_it_is(room: ReadingRoom) -> None:
    (label,) = proposed(room)
    view = room.build_pane_views()[0]
    assert label.startswith("proposal ")
    assert label.endswith(" mm")
    assert "standard error 0." in view.proposal
    assert view.proposal.endswith("Enter accepts it.")
    assert view.state == "unread"


def test_a_pane_without_a_proposal_says_why_when_it_is_read(room: ReadingRoom) -> None:
    assert {view.proposal for view in room.build_pane_views()[1:]} == {""}
    room.do_wish("next_time_point")
    assert room.build_pane_views()[1].proposal == (
        "No proposal. No confirmed registration places the lesion at this time point."
    )


def test_what_is_not_accepted_is_in_no_timeline_table_or_report(
    room: ReadingRoom, project: Project
) -> None:
    assert proposed(room)
    assert "Nothing is measured yet" in room.build_timeline().hidden
    assert room.sign_off().drafts == ()
    assert project.store.get_readings() == []
    (lesion,) = project.store.get_lesions()
    assert build_draft_timeline(project.store, lesion, "A").timeline.observations == {}
    mouse = Mouse(room)  # pressed on the line and held, it is no answer either
    (mark,) = [mark for mark in mouse.view.marks if mark.style is MarkStyle.PROPOSAL]
    mouse.press(mark.start)
    assert "Nothing is measured yet" in room.build_timeline().hidden
    mouse.release(mark.start)
    settle(room)
    assert project.store.get_readings() == []


def test_enter_accepts_after_a_look_and_the_look_is_stored(
    room: ReadingRoom, project: Project, watch: Watch
) -> None:
    (label,) = proposed(room)
    watch.seconds = LEAST_LOOK_S / 2
    room.do_wish("confirm")
    settle(room)
    assert project.store.get_readings() == []  # a key that came too early
    watch.seconds = 1.75
    before = room.navigation.current
    room.do_wish("confirm")
    settle(room)
    (reading,) = project.store.get_readings()
    assert (reading.origin, reading.draft) == (Origin.ACCEPTED, True)
    assert f"proposal {reading.length_mm} mm" == label
    assert reading.proposed is not None
    assert reading.proposed.shown_ms == 1750
    assert room.navigation.current != before


def test_a_drag_of_an_end_makes_it_the_readers_edited_line(
    room: ReadingRoom, project: Project, watch: Watch
) -> None:
    mouse = Mouse(room)
    (mark,) = [mark for mark in mouse.view.marks if mark.style is MarkStyle.PROPOSAL]
    watch.seconds = 3.0
    mouse.drag(mark.end, (mark.end[0], mark.end[1] + 2.0))
    settle(room)
    (reading,) = project.store.get_readings()
    assert reading.origin is Origin.EDITED
    assert reading.caliper is not None
    assert reading.proposed is not None
    assert reading.proposed.shown_ms == 3000
    assert reading.caliper.start == reading.proposed.start
    run, proposed_run = (
        (b[1] - a[1]) / (b[0] - a[0])
        for a, b in (
            (reading.caliper.start, reading.caliper.end),
            (reading.proposed.start, reading.proposed.end),
        )
    )
    assert run == pytest.approx(proposed_run, abs=1e-9)  # held to its own direction
    assert "edited proposal" in room.sign_off().drafts[0]
    room.do_wish("undo")
    settle(room)
    assert proposed(room)  # nothing holds, so it is proposed again
    assert project.store.get_readings()[-1].answer is Answer.WITHDRAWN


def test_a_line_drawn_elsewhere_and_not_measurable_say_what_was_shown(
    room: ReadingRoom, project: Project
) -> None:
    assert proposed(room)
    down, across = room.build_pane_views()[0].centre
    Mouse(room).drag((down + 14, across - 12), (down + 14, across + 9))
    room.say(Answer.NOT_MEASURABLE, "motion")
    settle(room)
    drawn_reading, accepted_reading = project.store.get_readings()
    assert (drawn_reading.origin, accepted_reading.origin) == (Origin.DRAWN, Origin.DRAWN)
    assert drawn_reading.proposed == accepted_reading.proposed is not None
    assert not proposed(room)


def test_proposals_are_switched_off_and_on_by_a_key(room: ReadingRoom, project: Project) -> None:
    room.do_wish("proposals")
    assert not proposed(room)
    room.do_wish("confirm")
    settle(room)
    assert project.store.get_readings() == []
    room.navigation.step_time_point(-1)
    room.do_wish("proposals")
    room.build_pane_views()
    settle(room)
    assert proposed(room, room.panes.active) or room.build_pane_views()[room.panes.active].proposal


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_blinded_read_has_proposals_only_where_its_protocol_says_so(
    project: Project, watch: Watch, is_allowed: bool
) -> None:
    blinding = Blinding(
        package_id="p", reader="A", order=CaseOrder.SHUFFLED, dates=ShownDates.HIDDEN,
        proposals=is_allowed, recorded_at=NOON,
    )  # fmt: skip
    project.store.add_to_log([blinding])
    room = opened(project, watch)
    # the seed is known at one visit: proposing from it would tell which one is the baseline
    assert not any(proposed(room, pane) for pane in range(len(room.panes.panes)))
    room.navigation.step_time_point(-9)
    view = room.build_pane_views()[0]
    Mouse(room).move(view.centre)
    lesion = project.store.get_lesions()[0]
    assert lesion.seed is not None
    pane = room.panes.panes[0]
    assert pane.plane is not None
    assert pane.geometry is not None
    place = pane.geometry.screen_from_pixel((lesion.seed.column, lesion.seed.row))
    pane.place = next(
        n for n, frame in enumerate(pane.volume.frames if pane.volume else ())
        if frame.sop_instance_uid == lesion.seed.sop_instance_uid
    )  # fmt: skip
    Mouse(room).move(place)
    room.do_wish("propose")
    room.build_pane_views()
    settle(room)
    assert bool(proposed(room)) is is_allowed
    assert (room.navigation.hint == NOT_ALLOWED) is not is_allowed


def test_the_other_sequences_of_a_visit_are_proposed_from_the_readers_own_line(
    room: ReadingRoom, project: Project
) -> None:
    seed = Proposals._find_seed
    lesion = room.session.lesion
    assert lesion is not None
    bare = attrs.evolve(lesion, seed=None)
    pane = room.panes.panes[0]
    assert seed(room.proposals, bare, pane.study_date, pane.frame) is None
    room.proposals._stopwatch = lambda: 9.0
    room.do_wish("confirm")
    settle(room)
    lesion = room.session.lesion
    assert lesion is not None
    bare = attrs.evolve(lesion, seed=None)
    point = seed(room.proposals, bare, pane.study_date, pane.frame)
    (reading,) = project.store.get_readings()
    assert reading.caliper is not None
    middle = [
        (a + b) / 2
        for a, b in zip(reading.caliper.start_lps_mm, reading.caliper.end_lps_mm, strict=True)
    ]
    assert point == pytest.approx(middle)
    # a later visit has no point as long as no reader confirmed its fit
    later = room.panes.panes[1]
    assert seed(room.proposals, bare, later.study_date, later.frame) is None


@pytest.mark.window
def test_a_proposal_is_dragged_by_the_real_mouse(
    open_window: Callable[..., "RoomWindow"], qtbot: "QtBot", project: Project
) -> None:
    window = open_window(project)
    wait_for(window, qtbot)
    (mark,) = [
        mark for mark in window.room.build_pane_views()[0].marks if mark.style is MarkStyle.PROPOSAL
    ]
    further = (mark.end[0], mark.end[1] + 2.0)
    drag(window, qtbot, on_screen(window, 0, mark.end), on_screen(window, 0, further))
    wait_for(window, qtbot)
    (reading,) = project.store.get_readings()
    assert reading.origin is Origin.EDITED
    assert reading.proposed is not None
    state = window.grid.panes[0].state
    assert "edited" in state.toolTip()
    window.grid.panes[0].resize(240, 300)  # the time point is not cut for it
    assert re.fullmatch(r"(draft|◐) \d+\.\d mm", state.text())
    assert "…" not in window.grid.panes[0].heading.fitting_text


@pytest.mark.window
def test_no_key_is_offered_for_a_proposal_that_it_would_not_accept(
    open_window: Callable[..., "RoomWindow"], qtbot: "QtBot", project: Project
) -> None:
    window = open_window(project)
    wait_for(window, qtbot)
    room = window.room
    assert room.build_pane_views()[0].proposal.endswith("Enter accepts it.")
    press(window, qtbot, Qt.Key.Key_T)  # Enter closes a contour now
    words = room.build_pane_views()[0].proposal
    assert words.startswith("Proposal: ")
    assert "Enter" not in words
    press(window, qtbot, Qt.Key.Key_T)
    assert room.build_pane_views()[0].proposal.endswith("Enter accepts it.")
