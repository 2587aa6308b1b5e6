"""Visits are recorded by command or table, and follow each other."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from fixtures.makers import NOON, make_lesion

from opp_mri.domain.timeline import EventKind
from opp_mri.domain.visit import EpiduralGrade, Fracture, Visit
from opp_mri.errors import InputError, RowsError, TableError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.timeline import build_lesion_timeline
from opp_mri.workflow.measuring.visits import add_visit, add_visits, get_recorded_visits

CELLS = {"lesion_id": "V", "visit_date": "2024-04-01"}


@pytest.fixture(autouse=True)
def add_treated_lesion(store: SqlStore) -> None:
    store.add_lesions([make_lesion("V", death_date=date(2024, 9, 1))], NOON)


def table(folder: Path, text: str) -> Path:
    path = folder / "visits.csv"
    path.write_text(text)
    return path


def test_a_later_record_of_a_day_follows_and_takes_over_what_it_leaves_out(
    store: SqlStore,
) -> None:
    add_visit(store, CELLS | {"epidural_grade": "1B", "pain": "3"}, "reader-1", NOON)
    later = NOON + timedelta(hours=1)
    add_visit(store, CELLS | {"fracture": "new", "pain": "4"}, "reader-2", later)
    (stands,) = get_recorded_visits(store, "V")
    assert (stands.epidural_grade, stands.fracture, stands.pain) == (
        EpiduralGrade.GRADE_1B, Fracture.NEW, 4,
    )  # fmt: skip
    assert [visit.pain for visit in store.log_of(Visit)] == [3, 4], "nothing is overwritten"
    assert (stands.recorded_by, stands.recorded_at) == ("reader-2", later)


def test_the_same_again_adds_nothing(store: SqlStore) -> None:
    assert add_visit(store, CELLS | {"pain": "3"}, "reader-1", NOON) is not None
    assert add_visit(store, CELLS | {"pain": "3"}, "reader-2", NOON) is None
    assert len(store.log_of(Visit)) == 1


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"lesion_id": "X", "pain": "1"}, "no such lesion"),
        ({"visit_date": "", "pain": "1"}, "visit_date: is empty"),
        ({"visit_date": "9999-12-31", "pain": "1"}, "outside 1950 to today"),
        ({"visit_date": "2024-09-02", "pain": "1"}, "after the day of death"),
        ({"epidural_grade": "4"}, "“4” is unknown: write one of 0, 1a, 1b, 1c, 2, 3"),
        ({"pain": "1e0"}, "is not a whole number"),
        ({"pain": "11"}, "is too large"),
        ({"height_loss_percent": "٢٠"}, "is not a number"),
        ({"steroid": "maybe"}, "write yes or no"),
        ({"fracture": "none", "height_loss_percent": "10"}, "without a fracture"),
        ({"global_call": "equivocal", "confirmation_date": "2024-03-01"}, "not after the visit"),
        ({}, "has no finding"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    store: SqlStore, cells: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        add_visit(store, CELLS | cells, "reader-1", NOON)
    assert store.log_of(Visit) == []


def test_a_planned_confirmation_may_lie_in_the_future(store: SqlStore) -> None:
    cells = CELLS | {"global_call": "equivocal", "confirmation_date": "2090-01-01"}
    visit = add_visit(store, cells, "reader-1", NOON)
    assert visit is not None
    assert visit.confirmation_date == date(2090, 1, 1)


def test_a_bad_row_never_keeps_the_others_from_being_recorded(
    store: SqlStore, tmp_path: Path
) -> None:
    rows = "V,2024-04-01,1a,2\nV,2024-05-01,1b,99\nW,2024-05-01,0,2\nV,2024-06-01,,\n"
    path = table(tmp_path, f"lesion_id,visit_date,epidural_grade,pain\n{rows}")
    with pytest.raises(
        RowsError, match=r"3 rows of visits.csv were not stored, 1 is"
    ) as error_info:
        add_visits(store, path, "reader-1", NOON)
    assert [fault.line for fault in error_info.value.faults] == [3, 4, 5]
    assert [visit.visit_date.month for visit in store.log_of(Visit)] == [4]


def test_a_table_is_recorded_all_or_none_where_asked(store: SqlStore, tmp_path: Path) -> None:
    header = "lesion_id,visit_date,epidural_grade,pain\n"
    bad = table(tmp_path, f"{header}V,2024-04-01,1a,2\nV,2024-05-01,9,2\nW,2024-05-01,0,2\n")
    with pytest.raises(TableError, match=r"(?s)line 3, column epidural_grade.*line 4, column les"):
        add_visits(store, bad, "reader-1", NOON, all_or_none=True)
    assert store.log_of(Visit) == []
    good = table(tmp_path, f"{header}V,2024-04-01,1a,2\nV,2024-05-01,1c,\n")
    assert add_visits(store, good, "reader-1", NOON) == 2
    assert add_visits(store, good, "reader-1", NOON) == 0


def test_the_timeline_holds_visits_and_the_events_that_follow_from_them(store: SqlStore) -> None:
    for day, grade in (("2024-01-20", "1a"), ("2024-04-01", "1c")):
        add_visit(store, CELLS | {"visit_date": day, "epidural_grade": grade}, "r", NOON)
    lesion = store.get_lesion("V")
    assert lesion is not None
    timeline = build_lesion_timeline(store, lesion)
    assert [visit.visit_date for visit in timeline.visits] == [date(2024, 1, 20), date(2024, 4, 1)]
    assert [(e.days_from_ssrs, e.kind, e.value) for e in timeline.timeline.events] == [
        (60, EventKind.EPIDURAL_GROWTH, "1a to 1c")
    ]
