"""A cohort from plain tables, and from a project."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from opp_mri.domain.assessment import Reason, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Exclusion
from opp_mri.errors import InputError, TableError
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.cohort.cohort import Cohort, assess_table_cohort
from opp_mri.workflow.cohort.patient_report import build_table_patient_report

AMINI = load_criteria("amini-2016")
LESIONS = """\
lesion_id,patient_id,level,ssrs_first_date,dose_gy,fractions,histology,exclusions,tracking_uid
A,P1,L1,2020-01-06,24,1,RCC,,2.25.7
B,P1,L2,2020-01-06,27,3,RCC,,
C,P2,T8,2021-03-01,27,3,breast,hardware,
"""
MEASUREMENTS = """\
lesion_id,days_from_ssrs,sequence,ap_mm
A,-7,T1,10.0
A,84,T1,14.00
A,250,T1,10.5
B,-7,T1,12.0
B,200,T1,12.5
"""
EVENTS = """\
lesion_id,days_from_ssrs,event,value
A,300,fracture,minor
B,90,other_bone_lesions,enlarged
B,90,other_bone_lesions,unknown
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tables(tmp_path)


def tables(
    folder: Path, lesions: str = LESIONS, measurements: str = MEASUREMENTS, events: str = EVENTS
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "lesions.csv").write_text(lesions)
    (folder / "measurements.csv").write_text(measurements)
    (folder / "events.csv").write_text(events)
    return folder


def cohort_of(folder: Path) -> Cohort:
    return assess_table_cohort(folder, Rules(criteria=AMINI))


def test_each_lesion_of_the_tables_is_classified(folder: Path) -> None:
    result = {lesion.lesion.lesion_id: lesion.assessment for lesion in cohort_of(folder).lesions}
    assert result["A"].category is ResponseCategory.OPP
    assert result["B"].category is ResponseCategory.SD


def test_a_lesion_that_was_never_measured_is_still_screened(folder: Path) -> None:
    third = cohort_of(folder).lesions[2]
    assert third.assessment.reason is Reason.HARDWARE
    assert third.lesion.exclusions == (Exclusion.HARDWARE,)


def test_lengths_keep_their_digits(folder: Path) -> None:
    first = cohort_of(folder).lesions[0]
    assert str(first.timeline.observations[SeriesRole.T1][1].ap_mm) == "14.00"
    assert first.lesion.dose_gy == Decimal(24)


def test_findings_and_events_stand_in_their_order_by_day(folder: Path) -> None:
    first, second, _ = cohort_of(folder).lesions
    assert [(event.kind, event.days_from_ssrs) for event in first.timeline.events] == [
        (EventKind.FRACTURE, 300)
    ]
    assert [event.value for event in second.timeline.events] == ["enlarged", "unknown"]


def test_a_tracking_uid_is_kept_and_one_that_is_missing_is_the_same_each_time(
    folder: Path,
) -> None:
    uids = [lesion.lesion.tracking_uid for lesion in cohort_of(folder).lesions]
    assert uids[0] == "2.25.7"
    assert uids[1] != uids[2]
    assert uids == [lesion.lesion.tracking_uid for lesion in cohort_of(folder).lesions]


def test_events_may_be_absent(folder: Path) -> None:
    (folder / "events.csv").unlink()
    assert len(cohort_of(folder).lesions) == 3


def test_a_cohort_that_nobody_has_measured_yet_is_screened(tmp_path: Path) -> None:
    result = cohort_of(tables(tmp_path, measurements=MEASUREMENTS.splitlines()[0] + "\n"))
    reasons = [lesion.assessment.reason for lesion in result.lesions]
    assert reasons == [Reason.NO_BASELINE, Reason.NO_BASELINE, Reason.HARDWARE]


def test_a_folder_without_the_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"required tables, lesions\.csv and measurements\.csv"):
        cohort_of(tmp_path)


@pytest.mark.parametrize(
    "more", [{"measurements": MEASUREMENTS + "X,1,T1,3\n"}, {"events": EVENTS + "X,1,fracture,\n"}]
)
def test_a_length_or_event_of_an_unknown_lesion_is_refused(
    tmp_path: Path, more: dict[str, str]
) -> None:
    with pytest.raises(TableError, match=r"line [75], column lesion_id: “X” is not in"):
        cohort_of(tables(tmp_path, **more))


def test_all_faults_of_the_lesions_are_told_at_once(tmp_path: Path) -> None:
    lesions = LESIONS + "A,P9,L1,2020-01-06,24,1,RCC,,\nD,,X9,2020-13-01,,,,,\n"
    with pytest.raises(TableError) as error_info:
        cohort_of(tables(tmp_path, lesions))
    assert [(fault.line, fault.column) for fault in error_info.value.faults] == [
        (5, "lesion_id"),
        (6, "patient_id"),
        (6, "level"),
        (6, "ssrs_first_date"),
    ]


@pytest.mark.parametrize("column", ["last_contact_date", "death_date"])
def test_nobody_dies_before_the_radiosurgery(tmp_path: Path, column: str) -> None:
    lesions = (
        f"lesion_id,patient_id,level,ssrs_first_date,{column}\nA,P1,L1,2020-01-06,2020-01-05\n"
    )
    with pytest.raises(TableError, match="before the radiosurgery"):
        cohort_of(tables(tmp_path, lesions))


def test_the_hash_of_the_data_is_of_the_data_alone(tmp_path: Path) -> None:
    cohort = cohort_of(tables(tmp_path / "one"))
    rows = LESIONS.splitlines()
    other_order = "\n".join([rows[0], *reversed(rows[1:])]) + "\n"
    assert cohort_of(tables(tmp_path / "two", other_order)).data_sha256 == cohort.data_sha256
    changed_table = MEASUREMENTS.replace("14.00", "14.01")
    assert (
        cohort_of(tables(tmp_path / "x", LESIONS, changed_table)).data_sha256 != cohort.data_sha256
    )
    longer = EVENTS + "C,5,fracture,\n"
    assert cohort_of(tables(tmp_path / "y", events=longer)).data_sha256 != cohort.data_sha256


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1949-12-31"])
def test_a_date_outside_1950_to_today_is_named_with_its_line(tmp_path: Path, day: str) -> None:
    far = LESIONS.replace("2020-01-06", day)
    with pytest.raises(TableError, match=f"line 2, column ssrs_first_date: {day} is outside 1950"):
        cohort_of(tables(tmp_path, far))


def test_the_report_of_a_patient_warns_of_the_data_of_that_patient_alone(tmp_path: Path) -> None:
    in_cm = MEASUREMENTS.replace("T1,1", "T1,0.1")
    in_cm = in_cm.replace("0.10.", "1.0").replace("0.14.", "1.4").replace("0.12.", "1.2")
    cohort = cohort_of(tables(tmp_path, measurements=in_cm))
    own, second_report = (
        build_table_patient_report(cohort, patient_id, written_on=date(2026, 1, 5))
        for patient_id in ("P1", "P2")
    )
    assert {warning.lesion_id for warning in own.warnings} == {"A", "B"}
    assert {warning.lesion_id for warning in second_report.warnings} == {"C"}
