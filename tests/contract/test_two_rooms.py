"""Two reading rooms on one PostgreSQL database: what one signs, the other shows within seconds."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fixtures.dicom_makers import write_study
from fixtures.makers import NOON
from fixtures.postgresql import as_account, execute
from fixtures.room_driver import settle
from fixtures.small_study import add_lesions

from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.edits import draft_line, sign_drafts
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import SETTINGS_NAME, Project, create_project, open_project
from opp_mri.workflow.safekeeping.accounts import add_account

presenter = pytest.importorskip("opp_mri_napari.reading.presenter")


@pytest.fixture
def sessions(server: str, tmp_path: Path) -> Iterator[dict[str, Project]]:
    """The same study, opened by the accounts of readers A and B."""
    execute(f"{server}/postgres", "CREATE DATABASE rooms")
    write_study(tmp_path / "dicom", PatientID="P1", StudyDate="20240115")
    create_project(tmp_path / "owner", f"{server}/rooms")
    with ExitStack() as stack:
        project = stack.enter_context(open_project(tmp_path / "owner"))
        index(project, [tmp_path / "dicom"], workers=1)
        add_lesions(project, ["P1"])
        projects = {}
        for reader in ("A", "B"):
            account = f"room_{reader.lower()}"
            address = as_account(
                f"{server}/rooms", account, add_account(project, account, "reader", reader)
            )
            folder = tmp_path / reader
            folder.mkdir()
            (folder / SETTINGS_NAME).write_text(f'database = "{address}"\n', encoding="utf-8")
            projects[reader] = stack.enter_context(open_project(folder))
        yield projects
    execute(f"{server}/rooms", "DROP OWNED BY room_a, room_b", "DROP ROLE room_a, room_b")
    execute(f"{server}/postgres", "DROP DATABASE rooms WITH (FORCE)")


def read_and_sign(project: Project, reader: str) -> None:
    store = project.store
    (lesion,) = store.get_lesions()
    cell = next(cell for cell in build_draft_timeline(store, lesion, reader).cells if cell.volume)
    assert cell.volume is not None
    points = ((1.0, 5.0), (9.0, 5.0))
    drafts = [draft_line(cell, "LP1", cell.volume, 1, points, reader=reader, at=NOON)]
    store.add_readings(drafts)
    store.add_signature(sign_drafts(drafts, frozenset(), statement="I sign.", at=NOON))


def test_a_room_shows_what_another_reader_signed(sessions: dict[str, Project]) -> None:
    room = presenter.ReadingRoom(sessions["B"], "B", clock=lambda: NOON)
    settle(room)
    room.look_for_changes()
    settle(room)
    assert "Another window" not in room.navigation.hint
    read_and_sign(sessions["A"], "A")
    room.look_for_changes()
    settle(room)
    assert "Another window recorded something" in room.navigation.hint
    assert [signature.reader for signature in sessions["B"].store.get_signatures()] == ["A"]
    assert [reading.reader for reading in sessions["B"].store.get_readings()] == ["A"]


def test_a_room_looks_every_few_seconds() -> None:
    window = pytest.importorskip("opp_mri_napari.reading.widgets.window")
    assert window.CHANGES_EVERY_MS <= 5000
