"""The form of a visit: what is written is recorded, what is refused is said, nothing is lost."""

from typing import TYPE_CHECKING

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.room_driver import settle
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.visit import Fracture, Visit
from opp_mri.workflow.project import Project

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def room(project: Project) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    return room


def test_a_visit_is_recorded_for_the_open_lesion_and_comes_back_into_the_form(
    room: ReadingRoom, project: Project
) -> None:
    visit_cells = room.lesion_entry.visit_cells()
    assert set(visit_cells) == {"visit_date"}
    room.lesion_entry.record_visit({**visit_cells, "epidural_grade": "9", "pain": "2"})
    settle(room)
    assert "epidural_grade: “9” is unknown" in room.lesion_entry.error
    assert project.store.log_of(Visit) == []
    room.lesion_entry.record_visit({**visit_cells, "epidural_grade": "1b", "fracture": "new"})
    settle(room)
    (visit,) = project.store.log_of(Visit)
    assert (visit.lesion_id, visit.fracture, visit.recorded_by) == ("OPP-01", Fracture.NEW, "A")
    assert room.lesion_entry.error == ""
    assert room.lesion_entry.visit_cells()["epidural_grade"] == "1b"
    assert room.lesion_entry.visit_cells()["pain"] == ""


def test_a_correction_keeps_what_the_form_does_not_ask(room: ReadingRoom, project: Project) -> None:
    lesion = project.store.get_lesion("OPP-01")
    assert lesion is not None
    project.store.add_lesions([attrs.evolve(lesion, sins_pain=3, bone_quality="lytic")], NOON)
    room.navigation.reload()
    settle(room)
    room.lesion_entry.begin(is_correction=True)
    room.lesion_entry.record({"lesion_id": "OPP-01", "histology": "renal cell carcinoma"})
    settle(room)
    corrected_lesion = project.store.get_lesion("OPP-01")
    assert corrected_lesion is not None
    assert (corrected_lesion.histology, corrected_lesion.sins_pain) == ("renal cell carcinoma", 3)
    assert corrected_lesion.level == lesion.level


@pytest.mark.window
def test_the_form_gives_back_what_it_began_with(qtbot: "QtBot") -> None:
    from opp_mri_napari.reading.widgets.visit_form import COLUMNS, VisitForm

    form = VisitForm()
    qtbot.addWidget(form)
    cells = {
        "visit_date": "2024-05-01", "epidural_grade": "1c", "paraspinal_mm": "4.5",
        "fracture": "progressive", "height_loss_percent": "20", "steroid": "true", "pain": "3",
        "neurology": "D", "global_call": "equivocal", "pathology": "no_tumour",
        "confirmation_date": "2024-08-01",
    }  # fmt: skip
    assert set(cells) == {column.name for column in COLUMNS}
    form.begin(cells)
    assert form.get_cells() == cells
    with qtbot.waitSignal(form.visit_wanted) as signal:
        form.record.click()
    assert signal.args == [cells]
    form.begin({})
    assert set(form.get_cells().values()) == {""}
