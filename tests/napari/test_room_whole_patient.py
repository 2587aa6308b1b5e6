"""Whole patients read through proposals, by real keys: eight visits, and a spine without lesion."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from fixtures.makers import NOON
from fixtures.window_driver import drag, on_screen, point, press, settle
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.reading.proposals import LEAST_LOOK_S
from qtpy.QtCore import Qt

from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import AbstentionReason
from opp_mri.domain.timeline import Origin
from opp_mri.phantom.cases import CASES, Visit
from opp_mri.phantom.protocol import SIEMENS
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.catalogue import phantom
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.lesions import add_lesion, add_lesions
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

# day from radiosurgery and AP extent on T1: growth, then a sustained decline
COURSE = (
    (-9, 15.0), (33, 18.4), (79, 23.4), (125, 20.6), (170, 17.6), (251, 15.2), (300, 14.4),
    (349, 13.9),
)  # fmt: skip
CELLS = 3 * len(COURSE)
MOST_ACTIONS = 2  # the median, of a cell
MOST_DRAWN = 4  # cells without a proposal, which the reader measures by hand

CellKey = tuple[date, SeriesRole]


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> phantom.PhantomSummary:
    """One patient of eight visits, three sequences each."""
    visits = tuple(Visit(day=day, ap_mm=ap_mm, scanner=SIEMENS) for day, ap_mm in COURSE)
    monkeypatch.setattr(
        phantom, "CASES", (evolve(CASES[0], visits=visits, matrix=(256, 192)),)
    )  # the patient's true category stays: OPP
    return phantom.write_phantom(tmp_path / "cohort", workers=1)


@pytest.fixture
def project(cohort: phantom.PhantomSummary, tmp_path: Path) -> Iterator[Project]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [cohort.dicom], workers=1)
        add_lesions(project.store, cohort.lesions, NOON)
        yield project


class Reader:
    """Reads cell after cell as a person does, and counts keys, drags and looks for a slice."""

    def __init__(self, window: "RoomWindow", qtbot: "QtBot", truth: dict[str, Any]) -> None:
        self.window, self.qtbot = window, qtbot
        self.truth = {visit["study_date"]: visit["sequences"] for visit in truth["visits"]}
        self.actions: Counter[CellKey] = Counter()
        self.frames_pointed_at: set[str] = set()

    def read_cell(self) -> None:
        """Accept the current cell's proposal; where there is none, point, or else draw."""
        pane = self.window.room.panes.current
        assert pane is not None
        key, proposals = (pane.study_date, pane.sequence), self.window.room.proposals
        if proposals.find_proposal(pane) is None and pane.frame not in self.frames_pointed_at:
            self.point_at_lesion(pane)  # no confirmed fit: once, for the whole visit
            self.actions[key] += 1
        if proposals.find_proposal(pane) is None:
            assert proposals.describe_proposal(pane).startswith("No proposal. ")  # and why
            self.draw(pane)
            self.actions[key] += 2  # the slice, and the line
        self.qtbot.wait(int(1000 * LEAST_LOOK_S) + 50)
        press(self.window, self.qtbot, Qt.Key.Key_Return)
        self.actions[key] += 1
        settle(self.window, self.qtbot)

    def point_at_lesion(self, pane: Pane) -> None:
        self.frames_pointed_at.add(pane.frame)
        active = self.window.room.panes.active
        at = on_screen(self.window, active, self.find_on_screen(pane, "centre_lps_mm"))
        point(self.window, at, active)
        press(self.window, self.qtbot, Qt.Key.Key_H)
        settle(self.window, self.qtbot)

    def draw(self, pane: Pane) -> None:
        active = self.window.room.panes.active
        start, end = (
            on_screen(self.window, active, self.find_on_screen(pane, name))
            for name in ("anterior_end_lps_mm", "posterior_end_lps_mm")
        )
        drag(self.window, self.qtbot, start, end, active)
        settle(self.window, self.qtbot)

    def find_on_screen(self, pane: Pane, name: str) -> tuple[float, float]:
        """Scroll to the lesion; return a place of its truth in mm (down, across)."""
        own = self.truth[str(pane.study_date)][pane.sequence.value]
        pane.look_at(tuple(own["centre_lps_mm"]))
        self.window.refresh()
        assert pane.plane is not None
        assert pane.geometry is not None
        return pane.geometry.screen_from_pixel(pane.plane.pixel_from_lps(tuple(own[name])))


@pytest.mark.window
def test_twenty_four_cells_are_read_in_two_actions_each_with_the_right_category(
    project: Project,
    cohort: phantom.PhantomSummary,
    open_window: Callable[..., "RoomWindow"],
    qtbot: "QtBot",
) -> None:
    (truth,) = json.loads(cohort.truth.read_text())["patients"]
    reader, store = Reader(open_window(project), qtbot, truth), project.store
    while len(reader.actions) < CELLS:
        count = len(reader.actions)
        reader.read_cell()
        assert len(reader.actions) == count + 1, reader.actions  # on to the next cell
    readings = store.get_readings()
    assert len({reading.cell for reading in readings}) == len(readings) == CELLS
    origins = Counter(reading.origin for reading in readings)
    assert set(origins) <= {Origin.ACCEPTED, Origin.DRAWN}
    assert origins[Origin.DRAWN] <= MOST_DRAWN
    assert median(reader.actions.values()) <= MOST_ACTIONS
    press(reader.window, qtbot, Qt.Key.Key_S)
    press(reader.window, qtbot, Qt.Key.Key_Return)
    settle(reader.window, qtbot)
    (lesion,) = assess_project(project, load_project_rules(project), lesion_ids=["OPP-01"])
    assert lesion.assessment.category is ResponseCategory.OPP


@pytest.mark.window
def test_on_the_real_spine_without_a_lesion_the_window_says_why_nothing_is_proposed(
    real_data: Path,
    tmp_path: Path,
    open_window: Callable[..., "RoomWindow"],
    qtbot: "QtBot",
) -> None:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, sorted(real_data.glob("mapconcierge*mri05*")), workers=1)
        (t1,) = [v for v in project.store.get_volumes() if v.role is SeriesRole.T1]
        cells = {
            "lesion_id": "L", "patient_id": t1.patient_id, "level": "L3",
            "ssrs_first_date": "2018-02-01", "seed_column": "228", "seed_row": "250",
            "seed_sop_instance_uid": t1.frames[5].sop_instance_uid,
        }  # fmt: skip
        add_lesion(project.store, cells, NOON)  # the body of L3
        window = open_window(project)
        reasons = {}
        for key in (Qt.Key.Key_1, Qt.Key.Key_2):
            press(window, qtbot, key)
            settle(window, qtbot)
            pane = window.room.panes.current
            assert pane is not None
            reasons[pane.sequence] = window.room.proposals.describe_proposal(pane)
            press(window, qtbot, Qt.Key.Key_Return)  # accepts nothing
            settle(window, qtbot)
        sentence = f"No proposal. {AbstentionReason.NO_CONTRAST.sentence}"
        assert reasons == {SeriesRole.T1: sentence, SeriesRole.STIR: sentence}
        assert project.store.get_readings() == []
        window.close()
