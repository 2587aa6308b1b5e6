"""The worklist, and what counts: drafts do not; others' answers show only after one's own."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from fixtures.makers import NOON

from opp_mri.domain.contour import Contour, VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Edit, LengthSource, Reading, Signature
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.contours import draft_contours
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.measuring.timeline import build_draft_timeline, build_lesion_timeline
from opp_mri.workflow.reading_room.worklist import CellState, build_worklist

DAY = date(2024, 1, 15)


def draft(reader: str, length_mm: str, **changes: object) -> Reading:
    reading = Reading(
        reading_id=str(uuid4()), lesion_id="L", sequence=SeriesRole.T1, reader=reader,
        study_date=DAY, answer=Answer.MEASURED, length_mm=Decimal(length_mm),
        length_source=LengthSource.IMPORTED, draft=True, recorded_at=NOON,
    )  # fmt: skip
    return attrs.evolve(reading, **changes)


def sign(store: SqlStore, *readings: Reading) -> None:
    store.add_signature(
        Signature(
            signature_id=str(uuid4()), lesion_id="L", reader=readings[0].reader,
            reading_ids=tuple(reading.reading_id for reading in readings), statement="I sign.",
            recorded_at=NOON,
        )
    )  # fmt: skip


def state(store: SqlStore, reader: str, day: date = DAY) -> CellState:
    (lesion,) = build_worklist(store, reader).lesions
    return next(
        cell.state
        for cell in lesion.cells
        if (cell.study_date, cell.sequence) == (day, SeriesRole.T1)
    )


def test_a_cell_is_unread_then_a_draft_then_signed(store: SqlStore) -> None:
    assert state(store, "A") is CellState.UNREAD
    reading = draft("A", "12.0")
    store.add_readings([reading])
    assert (state(store, "A"), state(store, "B")) == (CellState.DRAFT, CellState.UNREAD)
    sign(store, reading)
    assert (state(store, "A"), state(store, "B")) == (CellState.SIGNED, CellState.UNREAD)


@pytest.mark.parametrize(
    ("length_text", "expected_state"), [("14.0", CellState.SIGNED), ("14.1", CellState.DISCORDANT)]
)
def test_lengths_more_than_two_millimetres_apart_are_discordant(
    store: SqlStore, length_text: str, expected_state: CellState
) -> None:
    first, second = draft("A", "12.0"), draft("B", length_text)
    store.add_readings([first, second])
    sign(store, first)
    assert state(store, "A") is CellState.SIGNED  # B has not signed
    assert state(store, "B") is CellState.DRAFT  # nothing of A's shows before B has signed
    sign(store, second)
    assert (state(store, "A"), state(store, "B")) == (expected_state, expected_state)


def test_a_patient_without_a_lesion_is_named(store: SqlStore) -> None:
    assert build_worklist(store, "A").patients_without_lesion == ("P2",)


def test_a_draft_does_not_count_and_the_timeline_says_that_it_waits(store: SqlStore) -> None:
    lesion = store.get_lesion("L")
    assert lesion is not None
    reading = draft("A", "12.0")
    store.add_readings([draft("A", "11.0"), reading])
    assert get_counted_readings(store, "L") == []
    assert build_lesion_timeline(store, lesion).timeline.observations == {}
    assert SeriesRole.T1 in build_draft_timeline(store, lesion, "A").timeline.observations
    sign(store, reading)
    amended_reading = draft("A", "13.0", amendment_reason="edge")
    store.add_readings([amended_reading])
    timeline = build_lesion_timeline(store, lesion)
    assert [
        str(observation.ap_mm) for observation in timeline.timeline.observations[SeriesRole.T1]
    ] == ["12.0"]
    assert any("1 answer is a draft" in flag for flag in timeline.flags)


def test_a_signed_answer_that_is_withdrawn_counts_until_the_withdrawal_is_signed(
    store: SqlStore,
) -> None:
    lesion = store.get_lesion("L")
    assert lesion is not None
    reading = draft("A", "12.0")
    withdrawn_reading = attrs.evolve(
        draft("A", "12.0"), answer=Answer.WITHDRAWN, length_mm=None, length_source=None
    )
    store.add_readings([reading])
    sign(store, reading)
    store.add_readings([withdrawn_reading])
    assert SeriesRole.T1 in build_lesion_timeline(store, lesion).timeline.observations
    sign(store, withdrawn_reading)
    assert build_lesion_timeline(store, lesion).timeline.observations == {}
    assert state(store, "A") is CellState.UNREAD


def test_a_table_cannot_replace_a_signed_answer_but_may_repeat_it(
    store: SqlStore, tmp_path: Path
) -> None:
    reading = draft("A", "12.0")
    store.add_readings([reading])
    sign(store, reading)
    path = tmp_path / "lengths.csv"
    head = "lesion_id,sequence,reader,study_date,length_mm\n"
    path.write_text(head + "L,T1,A,2024-01-15,15.0\n")
    summary = measure(store, path, NOON)
    assert "signed" in summary.refused[0].message
    path.write_text(head + "L,T1,A,2024-01-15,12.0\n")
    assert measure(store, path, NOON).repeated == 1
    path.write_text(head + "L,T1,B,2024-01-15,15.0\n")
    assert len(measure(store, path, NOON).stored) == 1


def contours_of(store: SqlStore, reader: str, **changes: object) -> VolumeReading:
    """A square on three slices of the reader's first cell."""
    lesion = store.get_lesion("L")
    assert lesion is not None
    cell = build_draft_timeline(store, lesion, reader).cells[0]
    assert cell.volume is not None
    square = ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0))
    reading = draft_contours(
        (cell.study_date, cell.sequence), "L", cell.volume,
        [Contour(sop_instance_uid=frame.sop_instance_uid, frame_number=frame.frame_number,
                 points=square) for frame in cell.volume.frames[:1]],
        reader=reader, at=NOON,
    )  # fmt: skip
    return attrs.evolve(reading, **changes)


def test_a_cell_with_contours_alone_is_a_draft_volume_then_a_signed_one(store: SqlStore) -> None:
    reading = contours_of(store, "A")
    store.add_readings([reading])
    (work_lesion,) = build_worklist(store, "A").lesions
    cell = next(cell for cell in work_lesion.cells if cell.contours is not None)
    assert (cell.state, cell.status) == (CellState.DRAFT, CellStatus.VOLUME_DRAWN)
    sign(store, reading)
    (work_lesion,) = build_worklist(store, "A").lesions
    cell = next(cell for cell in work_lesion.cells if cell.contours is not None)
    assert cell.state is CellState.SIGNED
    undone = attrs.evolve(reading, reading_id=str(uuid4()), edit=Edit.UNDONE)
    store.add_readings([undone])
    assert state(store, "A", reading.study_date) is CellState.SIGNED
    assert state(store, "B", reading.study_date) is CellState.UNREAD
    small = tuple((column / 2 + 1, row / 2 + 1) for column, row in reading.contours[0].points)
    other_contours = tuple(attrs.evolve(contour, points=small) for contour in reading.contours)
    other_drawing = attrs.evolve(
        reading, reading_id=str(uuid4()), reader="B", contours=other_contours
    )
    store.add_readings([other_drawing])
    assert state(store, "A", reading.study_date) is CellState.SIGNED  # B has not signed
    sign(store, other_drawing)
    assert state(store, "A", reading.study_date) is CellState.DISCORDANT
