"""Proposals in the reading room: accepted by a key, edited by a drag, never answers before."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from shutil import copytree
from statistics import median
from typing import TYPE_CHECKING

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle
from fixtures.window_driver import canvas, drag, press
from fixtures.window_driver import settle as wait_for
from opp_mri_napari.reading.basics.views import MarkStyle
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.proposals import LEAST_LOOK_S, NOT_ALLOWED, Proposals
from qtpy.QtCore import QPoint, Qt

from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import Blinding, CaseOrder, ShownDates
from opp_mri.domain.timeline import Origin
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

SAMPLE = Path(__file__).parents[2] / "sample_data" / "patient"
TRUTH = json.loads((SAMPLE / "truth.json").read_text())["patients"][0]
MOST_ACTIONS = 2  # the median, of a cell


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


def on_screen(window: "RoomWindow", pane: int, place: tuple[float, float]) -> QPoint:
    """The pixel of a pane's canvas at a place in mm (down, across)."""
    pane_canvas, panes = canvas(window, pane), window.room.panes
    zoom, centre = panes.zoom_of(panes.panes[pane]), panes.panes[pane].centre
    return QPoint(
        round(pane_canvas.width() / 2 + (place[1] - centre[1]) * zoom),
        round(pane_canvas.height() / 2 + (place[0] - centre[0]) * zoom),
    )


POINTS_MM = ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2))  # down and across from the centre


def lesion_on(window: "RoomWindow", pane: int, attempt: int) -> QPoint:
    """Where a reader points at the lesion on a pane: its centre, then 2 mm around it.

    A proposal may abstain from one point and not from the next, as its ends are uncertain.
    """
    pane_shown = window.room.panes.panes[pane]
    (visit,) = [v for v in TRUTH["visits"] if v["study_date"] == str(pane_shown.study_date)]
    centre = tuple(visit["sequences"][pane_shown.sequence.value]["centre_lps_mm"])
    assert pane_shown.geometry is not None
    pane_shown.look_at(centre)  # the reader scrolls there
    window.refresh()
    assert pane_shown.plane is not None
    down, across = pane_shown.geometry.screen_from_pixel(pane_shown.plane.pixel_from_lps(centre))
    down_mm, across_mm = POINTS_MM[attempt]
    return on_screen(window, pane, (down + down_mm, across + across_mm))


def is_over(room: ReadingRoom, pane: Pane) -> bool:
    """Whether the mouse is over a pane by now: X moves it in its own time."""
    return room.pointing.place is not None and room.pointing.place[0] is pane


@pytest.mark.window
def test_a_patient_is_read_by_real_keys_in_two_actions_a_cell_with_the_right_category(
    project: Project, open_window: Callable[..., "RoomWindow"], qtbot: "QtBot"
) -> None:
    window = open_window(project)
    room, store = window.room, project.store
    assert room.session.lesion is not None
    cells = len(room.session.lesion.timeline.cells)
    actions: Counter[tuple[date, SeriesRole]] = Counter()
    while len({reading.cell for reading in store.get_readings()}) < cells:
        pane = room.panes.current
        assert pane is not None
        key, active = (pane.study_date, pane.sequence), room.panes.active
        if room.proposals.find_proposal(pane) is None:  # no confirmed fit: one point in the lesion
            attempt = actions[key] // 2  # a point and a key each
            qtbot.mouseMove(canvas(window, active), lesion_on(window, active, attempt))
            qtbot.waitUntil(lambda pane=pane: is_over(room, pane), timeout=20_000)
            press(window, qtbot, Qt.Key.Key_H)
            actions[key] += 1
            wait_for(window, qtbot)
        qtbot.wait(int(1000 * LEAST_LOOK_S) + 50)
        press(window, qtbot, Qt.Key.Key_Return)
        actions[key] += 1
        assert actions[key] <= 2 * len(POINTS_MM), room.build_pane_views()[active].proposal
        wait_for(window, qtbot)
    readings = store.get_readings()
    assert cells == len(readings) == 9
    assert {reading.origin for reading in readings} == {Origin.ACCEPTED}
    assert median(actions.values()) <= MOST_ACTIONS
    press(window, qtbot, Qt.Key.Key_S)
    press(window, qtbot, Qt.Key.Key_Return)
    wait_for(window, qtbot)
    (assessed_lesion,) = assess_project(project, load_project_rules(project), lesion_ids=["OPP-01"])
    assert assessed_lesion.assessment.category is ResponseCategory.OPP


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
    assert re.fullmatch(r"draft \d+\.\d mm", state.text())
