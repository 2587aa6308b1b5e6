from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from fixtures.makers import NOON

from opp_mri.domain.measurement import LesionEvent
from opp_mri.domain.timeline import EventKind, Exclusion
from opp_mri.errors import InputError, RowsError, TableError, UnknownError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.lesions import (
    add_events,
    add_lesion,
    add_lesions,
    find_lesion,
    select_lesions,
)

CELLS = {
    "lesion_id": "N",
    "patient_id": "P1",
    "level": "L6",
    "ssrs_first_date": "2024-02-01",
    "ssrs_last_date": "2024-02-05",
    "dose_gy": "27",
    "fractions": "3",
    "histology": "renal cell carcinoma",
    "sex": "f",
    "age_years": "57",
    "exclusions": "cement; hardware",
}


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_a_lesion_is_recorded_as_it_is_given(store: SqlStore) -> None:
    add_lesion(store, CELLS, NOON)
    lesion = find_lesion(store, "N")
    assert (lesion.level, lesion.dose_gy, lesion.fractions) == ("L6", Decimal(27), 3)
    assert (lesion.sex, lesion.age_years) == ("F", 57)
    assert lesion.exclusions == (Exclusion.HARDWARE, Exclusion.CEMENT)
    assert lesion.tracking_uid.startswith("2.25.")


def test_the_last_day_is_the_first_where_it_is_left_out(store: SqlStore) -> None:
    lesion = add_lesion(store, CELLS | {"ssrs_last_date": "", "fractions": "1"}, NOON)
    assert lesion.ssrs_last_date == date(2024, 2, 1)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("level", "L7", "“L7” is unknown: write a vertebra: C1 to C7"),
        ("level", "", "is empty: write a vertebra: C1 to C7"),
        ("patient_id", "P9", "no indexed image has it"),
        ("ssrs_last_date", "2024-01-01", "is before the first day"),
        ("ssrs_first_date", "1.2.2024", "is not a date"),
        ("fractions", "1", "a single fraction has one day"),
        ("fractions", "three", "is not a whole number"),
        ("dose_gy", "-3", "is too small: write the total dose in Gy"),
        ("dose_gy", "24 Gy", "is not a number: write the total dose in Gy"),
        ("dose_gy", "1e1", "is not a number"),
        ("dose_gy", "1_0", "is not a number"),
        ("dose_gy", "٢٤", "is not a number"),
        ("dose_gy", "0", "is 0"),
        ("fractions", "٣", "is not a whole number"),
        ("death_date", "9999-12-31", "is outside 1950 to today"),
        ("ssrs_first_date", "0001-01-01", "is outside 1950 to today"),
        ("birth_year", "2030", "is after the radiosurgery"),
        ("sex", "female", "“female” is unknown: write M, F or O"),
        ("exclusions", "metal", "“metal” is unknown"),
        ("seed_column", "12", "fill in all or none"),
        ("age_years", "700", "is too large"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    store: SqlStore, column: str, value: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        add_lesion(store, CELLS | {column: value}, NOON)
    assert store.get_lesion("N") is None


SEED = {"seed_sop_instance_uid": "1.before.T1.8", "seed_column": "100", "seed_row": "50"}


def test_a_seed_lies_on_an_image_of_the_patient(store: SqlStore) -> None:
    lesion = add_lesion(store, CELLS | SEED, NOON)
    assert lesion.seed is not None
    assert (lesion.seed.column, lesion.seed.frame_number) == (100.0, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed_sop_instance_uid": "9.9"}, "no indexed image has this UID"),
        ({"seed_sop_instance_uid": "1.after.T2FS.8"}, "the image is of another patient"),
        ({"seed_column": "400"}, "outside the image"),
        ({"seed_row": "here"}, "is not a number"),
        ({"seed_row": "1e1"}, "is not a number"),
    ],
)
def test_a_seed_elsewhere_is_refused(
    store: SqlStore, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        add_lesion(store, CELLS | SEED | changes, NOON)


def test_a_bad_row_never_keeps_the_others_from_being_recorded(
    store: SqlStore, tmp_path: Path
) -> None:
    header = "lesion_id,patient_id,level,ssrs_first_date,dose_gy\n"
    rows = "A,P1,L1,2024-02-01,24\nB,P1,Q1,2024-02-01,\nC,P1,L2,2024-02-01,much\nD,P1\n"
    path = table(tmp_path, f"{header}{rows}A,P1,L3,2024-02-01,\n")
    with pytest.raises(RowsError, match=r"4 rows of table.csv were not stored, 1 is") as error_info:
        add_lesions(store, path, NOON)
    assert [fault.line for fault in error_info.value.faults] == [3, 4, 5, 6]
    assert [(lesion.lesion_id, lesion.level) for lesion in store.get_lesions()] == [
        ("L", "L1"),
        ("A", "L1"),
    ]


def test_a_table_is_recorded_all_or_none_where_asked(store: SqlStore, tmp_path: Path) -> None:
    header = "lesion_id,patient_id,level,ssrs_first_date\n"
    bad = table(tmp_path, f"{header}A,P1,L1,2024-02-01\nB,P1,Q1,2024-02-01\n")
    with pytest.raises(TableError, match="line 3, column level"):
        add_lesions(store, bad, NOON, all_or_none=True)
    assert store.get_lesion("A") is None
    good = table(tmp_path, f"{header}A,P1,L1,2024-02-01\nB,P1,T12,2024-02-01\n")
    assert [lesion.lesion_id for lesion in add_lesions(store, good, NOON)] == ["A", "B"]


def test_a_lesion_that_is_there_needs_replace_to_be_corrected(store: SqlStore) -> None:
    first = add_lesion(store, CELLS, NOON)
    assert add_lesion(store, CELLS, NOON) == first, "the same again is no fault"
    corrected_cells = CELLS | {"dose_gy": "30"}
    with pytest.raises(InputError, match="--replace"):
        add_lesion(store, corrected_cells, NOON)
    lesion = add_lesion(store, corrected_cells, NOON, replace=True)
    assert (lesion.dose_gy, lesion.tracking_uid) == (Decimal(30), first.tracking_uid)


def test_events_are_added_once_and_survive_a_correction(store: SqlStore, tmp_path: Path) -> None:
    add_lesion(store, CELLS, NOON)
    events = table(
        tmp_path,
        "lesion_id,date,event,value\n"
        "N,2024-03-01,systemic_therapy_change,\nN,2024-06-01,other_bone_lesions,enlarged\n",
    )
    assert add_events(store, events, NOON) == 2
    assert add_events(store, events, NOON) == 0
    add_lesion(store, CELLS | {"dose_gy": "30"}, NOON, replace=True)
    assert find_lesion(store, "N").events == (
        LesionEvent(date=date(2024, 3, 1), kind=EventKind.SYSTEMIC_THERAPY_CHANGE),
        LesionEvent(date=date(2024, 6, 1), kind=EventKind.OTHER_BONE_LESIONS, value="enlarged"),
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("X,2024-03-01,fracture,", "no such lesion"),
        ("L,2024-03-01,relapse,", "is unknown"),
        ("L,2024-03-01,other_bone_lesions,bigger", "must be one of enlarged"),
        ("L,March,fracture,", "is not a date"),
        ("L,2024-02-01,local_retreatment,", "column date: a local retreatment comes after"),
        ("L,2024-03-01,pathology,cells", "must be one of tumour, no_tumour, not_diagnostic"),
    ],
)
def test_a_bad_event_is_named(store: SqlStore, tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(RowsError, match=message):
        add_events(store, table(tmp_path, f"lesion_id,date,event,value\n{row}\n"), NOON)


def test_an_unknown_lesion_says_where_to_look(store: SqlStore) -> None:
    with pytest.raises(UnknownError, match="opp-mri lesion list"):
        find_lesion(store, "none")


def test_a_selection_with_an_unknown_lesion_is_refused_and_an_empty_one_is_all(
    store: SqlStore,
) -> None:
    lesion_ids = [lesion.lesion_id for lesion in store.get_lesions()]
    assert [lesion.lesion_id for lesion in select_lesions(store)] == lesion_ids
    with pytest.raises(UnknownError, match="opp-mri lesion list"):
        select_lesions(store, [*lesion_ids, "none"])
