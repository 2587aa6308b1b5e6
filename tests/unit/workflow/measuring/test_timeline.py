from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from fixtures.makers import NOON, make_lesion, study_volume
from sqlalchemy import event

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import LesionEvent, SeedPoint
from opp_mri.domain.timeline import EventKind, Exclusion, Observation, TreatmentEvent
from opp_mri.errors import InputError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.timeline import LesionTimeline, Phase, build_lesion_timeline

T1, T2FS = SeriesRole.T1, SeriesRole.T2FS


def lengths(store: SqlStore, folder: Path, *rows: str) -> None:
    path = folder / "lengths.csv"
    path.write_text("\n".join(["lesion_id,sequence,reader,study_date,length_mm", *rows]) + "\n")
    summary = measure(store, path, NOON)
    assert summary.refused == ()


def timeline(store: SqlStore, **changes: object) -> LesionTimeline:
    return build_lesion_timeline(store, make_lesion("L", **changes))


def test_days_count_from_the_last_day_of_radiosurgery(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0", "L,T1,A,2024-05-01,14.5")
    assert timeline(store).timeline.observations == {
        T1: (Observation(-17, Decimal("10.0")), Observation(90, Decimal("14.5")))
    }


def test_a_study_between_first_and_last_fraction_is_neither_baseline_nor_follow_up(
    store: SqlStore, tmp_path: Path
) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0", "L,T1,A,2024-05-01,14.5")
    during = timeline(store, ssrs_first_date=date(2024, 4, 29), ssrs_last_date=date(2024, 5, 3))
    assert during.timeline.observations == {T1: (Observation(-109, Decimal("10.0")),)}
    assert any("neither baseline nor follow-up" in flag for flag in during.flags)
    assert {cell.phase for cell in during.cells if cell.study_date == date(2024, 5, 1)} == {
        Phase.DURING
    }


def test_a_study_of_the_day_of_the_first_fraction_counts_as_before_and_is_said(
    store: SqlStore, tmp_path: Path
) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-05-01,10.0")
    same_day = timeline(store, ssrs_first_date=date(2024, 5, 1), ssrs_last_date=date(2024, 5, 3))
    assert same_day.timeline.observations == {T1: (Observation(-2, Decimal("10.0")),)}
    assert any("on the day of the first fraction" in flag for flag in same_day.flags)


def test_a_baseline_older_than_six_weeks_is_flagged(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0")
    assert (
        timeline(store, ssrs_first_date=date(2024, 2, 26), ssrs_last_date=date(2024, 2, 26)).flags
        == ()
    )
    old = timeline(store, ssrs_first_date=date(2024, 2, 27), ssrs_last_date=date(2024, 2, 27))
    assert "43 days older" in old.flags[0]


def test_cells_tell_measured_from_unread_and_missing(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0", "L,T2FS,A,2024-01-15,11.0")
    status = {(c.study_date.month, c.sequence): c.status for c in timeline(store).cells}
    assert status == {
        (1, T1): CellStatus.MEASURED,
        (1, T2FS): CellStatus.MEASURED,
        (5, T1): CellStatus.UNREAD,
        (5, T2FS): CellStatus.MISSING,
        (9, T1): CellStatus.UNREAD,
        (9, T2FS): CellStatus.MISSING,
    }


def test_a_level_that_the_series_does_not_reach_is_not_covered_rather_than_missing(
    store: SqlStore, fill: Callable[[SqlStore, list[VolumeDescription]], None]
) -> None:
    t1 = study_volume("before", T1)
    far = study_volume("before", T2FS)
    planes = tuple(
        attrs.evolve(plane, position_lps_mm=(plane.position_lps_mm[0], -128.0, 600.0))
        for plane in far.planes
    )
    fill(store, [t1, attrs.evolve(far, planes=planes)])
    seed = SeedPoint(sop_instance_uid=t1.frames[7].sop_instance_uid, column=128.0, row=128.0)
    status = {c.sequence: c.status for c in timeline(store, seed=seed).cells}
    assert status == {T1: CellStatus.UNREAD, T2FS: CellStatus.NOT_COVERED}


def test_several_readers_need_one_to_be_named(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0", "L,T1,B,2024-01-15,12.0")
    lesion = make_lesion("L")
    with pytest.raises(InputError, match="2 readers measured this lesion"):
        build_lesion_timeline(store, lesion)
    by_b = build_lesion_timeline(store, lesion, reader="B")
    assert by_b.timeline.observations[T1][0].ap_mm == Decimal("12.0")
    with pytest.raises(InputError, match="has not measured"):
        build_lesion_timeline(store, lesion, reader="C")


def test_the_latest_reading_of_a_cell_counts(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0")
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.4")
    assert timeline(store).timeline.observations[T1] == (Observation(-17, Decimal("10.4")),)


def test_a_length_that_came_without_a_line_has_no_origin(store: SqlStore, tmp_path: Path) -> None:
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0")
    assert timeline(store).timeline.observations[T1][0].origin is None


def test_events_become_days_and_exclusions_stand_first(store: SqlStore) -> None:
    result = timeline(
        store,
        exclusions=(Exclusion.CEMENT,),
        events=(LesionEvent(date=date(2024, 3, 2), kind=EventKind.SYSTEMIC_THERAPY_CHANGE),),
    )
    assert result.timeline.events == (
        TreatmentEvent(0, EventKind.EXCLUSION, "cement"),
        TreatmentEvent(30, EventKind.SYSTEMIC_THERAPY_CHANGE, ""),
    )


def test_acquisitions_that_differ_from_the_baseline_are_flagged(
    store: SqlStore, tmp_path: Path, fill: Callable[[SqlStore, list[VolumeDescription]], None]
) -> None:
    before, after = study_volume("before", T1), study_volume("after", T1)
    header = attrs.evolve(
        after.instance,
        magnetic_field_strength=3.0,
        scan_options=("FS",),
        pixel_bandwidth_hz=150.0,
        repetition_time_ms=900.0,
    )
    before = attrs.evolve(before, instance=attrs.evolve(before.instance, pixel_bandwidth_hz=300.0))
    fill(store, [before, attrs.evolve(after, instance=header)])
    path = tmp_path / "calipers.csv"
    path.write_text(
        "lesion_id,reader,sop_instance_uid,column_1,row_1,column_2,row_2\n"
        "L,A,1.before.T1.8,100,50,110,50\nL,A,1.after.T1.8,100,50,112,50\n"
    )
    measure(store, path, NOON)
    (flags,) = [cell.flags for cell in timeline(store).cells if cell.phase is Phase.AFTER]
    assert flags == (
        "Field strength differs: 1.5 T, then 3 T.",
        "Fat suppression differs: without, then with.",
        "TR differs: 550 ms, then 900 ms.",
        "Receiver bandwidth differs: 300 Hz/pixel, then 150 Hz/pixel.",
    )


def test_a_timeline_is_of_one_moment_and_its_readings_are_read_once(
    store: SqlStore, tmp_path: Path
) -> None:
    """One transaction: another reader's answer in between would be in half of it."""
    lengths(store, tmp_path, "L,T1,A,2024-01-15,10.0")
    connections: list[object] = []
    statements: list[tuple[str, object]] = []
    event.listen(store._engine, "begin", connections.append)
    event.listen(
        store._engine, "before_cursor_execute",
        lambda _c, _cursor, statement, values, *_: statements.append((statement, values)),
    )  # fmt: skip
    timeline(store)
    assert len(connections) == 1
    assert sum("'Reading'" in str(values) for _, values in statements) == 1
