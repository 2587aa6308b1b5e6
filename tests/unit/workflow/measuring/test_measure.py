import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from fixtures.makers import NOON

from opp_mri.domain.imaging import Plane, SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource
from opp_mri.errors import InputError, TableError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.measure import MeasureSummary, measure

HEADER = "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2,length_mm"
T1_IMAGE = "1.before.T1.8"
NO_ROLE_IMAGE = "1.before.0.8"


def measured(
    store: SqlStore, folder: Path, *lines: str, header: str = HEADER, all_or_none: bool = False
) -> MeasureSummary:
    path = folder / "calipers.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return measure(store, path, NOON, all_or_none=all_or_none)


def test_a_length_is_computed_from_the_image_and_rounded_once(
    store: SqlStore, tmp_path: Path
) -> None:
    summary = measured(store, tmp_path, f"L,T1,A,{T1_IMAGE},1,100,50,117.26,50,")
    (reading,) = summary.stored
    assert reading.length_mm == Decimal("17.3")
    assert reading.length_source is LengthSource.GEOMETRY
    assert reading.study_date == date(2024, 1, 15)
    assert reading.caliper is not None
    assert reading.caliper.start_lps_mm == (0.0, -28.0, 78.0)
    assert store.get_readings() == [reading]


def test_an_empty_sequence_is_that_of_the_series(store: SqlStore, tmp_path: Path) -> None:
    (reading,) = measured(store, tmp_path, f"L,,A,{T1_IMAGE},1,100,50,110,50,").stored
    assert reading.sequence is SeriesRole.T1


def test_a_series_without_a_role_needs_the_sequence_to_be_given(
    store: SqlStore, tmp_path: Path
) -> None:
    (refusal,) = measured(store, tmp_path, f"L,,A,{NO_ROLE_IMAGE},1,100,50,110,50,").refused
    assert "the sequence must be given" in refusal.message
    line = f"L,T2FS,A,{NO_ROLE_IMAGE},1,100,50,110,50,"
    (refusal,) = measured(store, tmp_path, line).refused
    assert "This series has no role" in refusal.message
    assert "override_reason" in refusal.message
    header = f"{HEADER},override_reason"
    (reading,) = measured(store, tmp_path, f"{line},only this one", header=header).stored
    (remark,) = reading.remarks
    assert remark.startswith("Measured by override. This series has no role")
    assert remark.endswith("Reason given: only this one.")


def test_a_sequence_that_the_series_contradicts_is_refused(store: SqlStore, tmp_path: Path) -> None:
    (refusal,) = measured(store, tmp_path, f"L,T2FS,A,{T1_IMAGE},1,100,50,110,50,").refused
    assert "This series is T1, not T2FS." in refusal.message


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.AXIAL, Plane.OBLIQUE])
def test_a_line_across_an_image_that_is_not_sagittal_is_no_ap_extent(
    store: SqlStore, tmp_path: Path, plane: Plane
) -> None:
    volumes = [attrs.evolve(volume, plane=plane) for volume in store.get_volumes(["P1"])]
    store.replace_volumes(["P1"], volumes)
    line = f"L,T1,A,{T1_IMAGE},1,100,50,110,50,"
    (refusal,) = measured(store, tmp_path, line).refused
    assert f"This series is {plane.value}, not sagittal" in refusal.message
    (refusal,) = measured(store, tmp_path, f"{line},  ", header=f"{HEADER},override_reason").refused
    assert "not sagittal" in refusal.message
    assert store.get_readings() == []
    by_override = measured(
        store, tmp_path, f"{line},no sagittal was made", header=f"{HEADER},override_reason"
    )
    (remark,) = by_override.stored[0].remarks
    assert "Reason given: no sagittal was made." in remark


def test_a_stated_length_on_an_image_that_is_not_sagittal_is_refused_too(
    store: SqlStore, tmp_path: Path
) -> None:
    volumes = [attrs.evolve(volume, plane=Plane.CORONAL) for volume in store.get_volumes(["P1"])]
    store.replace_volumes(["P1"], volumes)
    (refusal,) = measured(store, tmp_path, f"L,T1,A,{T1_IMAGE},1,,,,,21.9").refused
    assert "coronal, not sagittal" in refusal.message


@pytest.mark.parametrize(
    ("stated_text", "is_stored"), [("10.0", True), ("10.1", True), ("10.2", False), ("12", False)]
)
def test_a_stated_length_that_the_geometry_contradicts_is_not_stored(
    store: SqlStore, tmp_path: Path, stated_text: str, is_stored: bool
) -> None:
    summary = measured(store, tmp_path, f"L,T1,A,{T1_IMAGE},1,100,50,110,50,{stated_text}")
    assert bool(summary.stored) is is_stored
    if not is_stored:
        (refusal,) = summary.refused
        assert Decimal(stated_text) == Decimal(refusal.message.split()[3])
        assert "10.0 mm apart" in refusal.message
        assert store.get_readings() == []


def test_a_refused_row_does_not_keep_the_others_out(store: SqlStore, tmp_path: Path) -> None:
    summary = measured(
        store,
        tmp_path,
        f"L,T1,A,{T1_IMAGE},1,100,50,110,50,99",
        "L,T1,A,1.after.T1.8,1,100,50,112,50,",
    )
    assert [r.line for r in summary.refused] == [2]
    assert [r.length_mm for r in store.get_readings()] == [Decimal("12.0")]


def test_the_same_table_again_adds_nothing(store: SqlStore, tmp_path: Path) -> None:
    row = f"L,T1,A,{T1_IMAGE},1,100,50,110,50,"
    assert len(measured(store, tmp_path, row).stored) == 1
    again = measured(store, tmp_path, row)
    assert (again.stored, again.repeated) == ((), 1)
    assert len(store.get_readings()) == 1


def test_a_new_measurement_follows_the_old_one_and_both_stay(
    store: SqlStore, tmp_path: Path
) -> None:
    measured(store, tmp_path, f"L,T1,A,{T1_IMAGE},1,100,50,110,50,")
    measured(store, tmp_path, f"L,T1,A,{T1_IMAGE},1,100,50,111,50,")
    assert [r.length_mm for r in store.get_readings()] == [Decimal("10.0"), Decimal("11.0")]


def test_two_calipers_for_one_lesion_sequence_and_date_are_refused(
    store: SqlStore, tmp_path: Path
) -> None:
    summary = measured(
        store,
        tmp_path,
        f"L,T1,A,{T1_IMAGE},1,100,50,110,50,",
        "L,T1,A,1.before.T1.9,1,100,50,112,50,",
    )
    assert "keep the one with the greatest extent" in summary.refused[0].message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"L,T1,A,{T1_IMAGE},1,100,50,100,50,", "Start and end point coincide"),
        (
            f"L,T1,A,{T1_IMAGE},1,100,50,300,50,",
            "The second point, column 300 and row 50, is outside",
        ),
        (f"L,T1,A,{T1_IMAGE},2,100,50,110,50,", "no frame 2: frames count from 1 to 1"),
        ("L,T1,A,9.9.9,1,100,50,110,50,", "No indexed image has the SOPInstanceUID 9.9.9"),
        (f"X,T1,A,{T1_IMAGE},1,100,50,110,50,", "There is no lesion X"),
        ("L,T2FS,A,1.after.T2FS.8,1,100,50,110,50,", "The image is of another patient"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(
    store: SqlStore, tmp_path: Path, row: str, message: str
) -> None:
    summary = measured(store, tmp_path, row)
    assert summary.stored == ()
    assert message in summary.refused[0].message


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"L,T1,A,{T1_IMAGE},1,100,50,110,,", "row_2"),
        (f"L,T1,A,{T1_IMAGE},1,100,x,110,50,", "row_1"),
        (f"L,T3,A,{T1_IMAGE},1,100,50,110,50,", "sequence"),
        (f"L,T1,A,{T1_IMAGE},0,100,50,110,50,", "frame"),
        (f"L,T1,A,{T1_IMAGE},1,,,,,", "length_mm"),
        ("L,T1,A,,1,,,,,12.0", "study_date"),
        (f",T1,A,{T1_IMAGE},1,100,50,110,50,", "lesion_id"),
    ],
)
def test_a_bad_row_keeps_the_others_from_being_stored_only_where_all_are_asked_for(
    store: SqlStore, tmp_path: Path, row: str, column: str
) -> None:
    good = "L,T1,A,1.after.T1.8,1,100,50,112,50,"
    with pytest.raises(TableError, match=f"line 2, column {column}"):
        measured(store, tmp_path, row, good, all_or_none=True)
    assert store.get_readings() == []
    summary = measured(store, tmp_path, row, good)
    assert {(fault.line, fault.column) for fault in summary.refused} >= {(2, column)}
    assert store.get_readings() == list(summary.stored) != []


def test_a_row_that_contradicts_its_image_refuses_all_where_all_are_asked_for(
    store: SqlStore, tmp_path: Path
) -> None:
    good, outside = (f"L,T1,A,1.after.T1.8,1,100,50,{column},50," for column in (112, 4000))
    with pytest.raises(TableError, match=r"calipers.csv, line 2: .* outside the image"):
        measured(store, tmp_path, outside, good, all_or_none=True)
    assert store.get_readings() == []


def test_a_length_alone_keeps_its_digits_and_is_marked_as_imported(
    store: SqlStore, tmp_path: Path
) -> None:
    header = "lesion_id,sequence,reader,study_date,length_mm"
    (reading,) = measured(store, tmp_path, "L,T1,A,2024-05-01,17.25", header=header).stored
    assert reading.length_mm == Decimal("17.25")
    assert reading.length_source is LengthSource.IMPORTED
    assert reading.caliper is None


def test_gone_and_not_measurable_are_answers(store: SqlStore, tmp_path: Path) -> None:
    header = "lesion_id,sequence,reader,study_date,answer,reason"
    gone_reading, not_measurable = measured(
        store,
        tmp_path,
        "L,T1,A,2024-05-01,gone,",
        "L,T1,A,2024-09-01,not_measurable,motion",
        header=header,
    ).stored
    assert (gone_reading.answer, gone_reading.length_mm) == (Answer.GONE, Decimal("0.0"))
    assert (not_measurable.answer, not_measurable.length_mm) == (Answer.NOT_MEASURABLE, None)
    assert not_measurable.reason == "motion"


def test_calipers_may_come_as_json(store: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "calipers.json"
    caliper = {
        "lesion_id": "L", "sequence": None, "reader": "A", "sop_instance_uid": T1_IMAGE,
        "frame": 1, "column_1": 100, "row_1": 50, "column_2": 110.5, "row_2": 50,
    }  # fmt: skip
    path.write_text(json.dumps([caliper]), encoding="utf-8")
    (reading,) = measure(store, path, NOON).stored
    assert reading.length_mm == Decimal("10.5")


@pytest.mark.parametrize("text", ["{}", "[1]", "not json"])
def test_other_json_is_refused(store: SqlStore, tmp_path: Path, text: str) -> None:
    path = tmp_path / "calipers.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        measure(store, path, NOON)
