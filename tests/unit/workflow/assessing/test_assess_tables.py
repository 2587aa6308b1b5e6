import json
from decimal import Decimal
from pathlib import Path

import pytest

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.errors import TableError
from opp_mri.response.criteria import SHIPPED_CRITERIA, load_criteria
from opp_mri.workflow.assessing.assess import (
    AssessedTables,
    assess_tables,
    build_assessment_json,
    build_comparison_json,
)

HEADER = "lesion_id,days_from_ssrs,sequence,ap_mm\n"
EVENTS_HEADER = "lesion_id,days_from_ssrs,event,value\n"
OPP = HEADER + "B,84,T1,25.0\nB,200,T1,20.5\nB,-7,T1,20.0\nA,0,T2FS,14.3\nA,190,T2FS,14.3\n"


def assess(
    folder: Path, measurements: str, events: str | None = None, mode: Mode = Mode.RETROSPECTIVE
) -> AssessedTables:
    (folder / "M.csv").write_text(measurements, encoding="utf-8")
    if events is not None:
        (folder / "E.csv").write_text(events, encoding="utf-8")
    return assess_tables(
        folder / "M.csv",
        folder / "E.csv" if events is not None else None,
        Rules(criteria=load_criteria("amini-2016"), mode=mode),
    )


def faults(folder: Path, measurements: str, events: str | None = None) -> list[str]:
    with pytest.raises(TableError) as error_info:
        assess(folder, measurements, events)
    return [str(fault) for fault in error_info.value.faults]


def test_lesions_are_answered_in_the_order_in_which_the_measurements_name_them(tmp_path) -> None:
    lesions = assess(tmp_path, OPP).lesions
    assert [(lesion.assessment.lesion_id, lesion.assessment.category) for lesion in lesions] == [
        ("B", "OPP"),
        ("A", "SD"),
    ]


def test_a_record_is_json_with_all_that_is_reported(tmp_path) -> None:
    record = build_assessment_json(assess(tmp_path, OPP).lesions[0])
    assert json.loads(json.dumps(record)) == record
    sentences = record.pop("sentences")
    assert sentences[0].startswith("Osseous pseudoprogression (OPP)")
    assert len(sentences) == 6
    assert [sentence[:10] for sentence in record.pop("details")] == ["T1: peak +", "As known o"]
    assert record.pop("category_by_profile")["plateau-variant"] == "OPP"
    unchanged_calls = record.pop("unchanged_calls")
    assert sum(unchanged_calls.values()) == pytest.approx(1)
    posterior = record.pop("posterior")
    assert sum(posterior.values()) == pytest.approx(1)
    assert max(posterior, key=posterior.get) == "OPP"
    prior = record.pop("posterior_prior")
    assert sum(prior["shares"].values()) == pytest.approx(1, abs=0.001)
    assert "Amini 2016" in prior["source"]
    assert record.pop("measurement_visit_correlation") == 0
    assert [caution["name"] for caution in record.pop("cautions")] == [
        "growth_on_one_study",
        "decline_on_one_study",
    ]
    assert record.pop("asks_for_reader") is True
    probabilities = record.pop("probabilities")
    assert sum(probabilities.values()) == pytest.approx(1)
    assert 0.4 < probabilities["OPP"] < 0.8
    lowest, highest = record.pop("probability_range")
    assert lowest <= probabilities["OPP"] <= highest
    assert record.pop("fragile") is True
    assert record.pop("measurement_sd_mm") == 1.2294
    assert "PMID 37001052" in record.pop("measurement_sd_source")
    assert [record["day"] for record in record.pop("labels_by_day")] == [84, 200]
    assert record == {
        "lesion_id": "B",
        "category": "OPP",
        "reason": "sustained_decline",
        "deciding_sequence": "T1",
        "discordant": False,
        "sequences": {
            "T1": {
                "category": "OPP",
                "reason": "sustained_decline",
                "baseline_day": -7,
                "baseline_mm": 20.0,
                "peak_change_mm": 5.0,
                "days_to_peak": 84,
                "peak_after_day": -7,
                "last_change_mm": 0.5,
                "last_day": 200,
                "days_to_baseline": 200,
                "decline_studies": 1,
                "growth_studies": 1,
                "nadir_mm": 20.5,
                "nadir_day": 200,
                "regrowth_mm": 0.0,
            }
        },
        "margin_mm": 2.6,
        "margin_days": 19,
        "category_by_change_mm": {"2": "OPP", "3": "OPP", "4": "OPP"},
        "mode": "retrospective",
        "criteria": "amini-2016",
    }


def test_lengths_are_written_as_short_exact_numbers(tmp_path) -> None:
    record = build_assessment_json(
        assess(tmp_path, HEADER + "A,0,T1,16.1\nA,200,T1,18.4\n").lesions[0]
    )
    assert '"peak_change_mm": 2.3,' in json.dumps(record)


def test_lengths_keep_the_digits_that_were_written(tmp_path) -> None:
    (lesion,) = assess(tmp_path, HEADER + "A,0,T1,20.00\nA,200,T1,18.01\n").lesions
    assert lesion.assessment.category == "SD"
    (row,) = lesion.timeline.observations.values()
    assert [str(study.ap_mm) for study in row] == ["20.00", "18.01"]
    assert all(isinstance(study.ap_mm, Decimal) for study in row)


def test_events_are_heeded(tmp_path) -> None:
    events = EVENTS_HEADER + (
        "B,100,systemic_therapy_change,another drug\nB,150,other_bone_lesions,not_enlarged\n"
        "A,,exclusion,cement\n"
    )
    lesions = assess(tmp_path, OPP, events).lesions
    assert [lesion.assessment.reason for lesion in lesions] == [
        "decline_attributable_to_systemic_therapy",
        "cement",
    ]


def test_of_two_events_of_a_day_the_later_line_counts(tmp_path) -> None:
    events = EVENTS_HEADER + (
        "B,100,systemic_therapy_change,\nB,150,other_bone_lesions,not_enlarged\n"
        "B,150,other_bone_lesions,enlarged\n"
    )
    lesions = assess(tmp_path, OPP, events).lesions
    assert lesions[0].assessment.reason == "sustained_decline_despite_growth_elsewhere"


def test_an_exclusion_needs_no_day(tmp_path) -> None:
    for day in ("", "n/a", "0", "unknown"):
        lesions = assess(tmp_path, OPP, EVENTS_HEADER + f"A,{day},exclusion,hardware\n").lesions
        assert lesions[1].assessment.reason == "hardware"


@pytest.mark.parametrize(("name", "hint"), [("C", ""), ("b", "did you mean “B”")])
def test_an_event_of_a_lesion_without_a_length_is_an_error_with_its_line(
    tmp_path, name: str, hint: str
) -> None:
    with pytest.raises(TableError, match=f"line 2, column lesion_id: “{name}” is not.*{hint}"):
        assess(tmp_path, OPP, EVENTS_HEADER + f"{name},30,local_retreatment,surgery\n")


def test_a_local_retreatment_before_the_end_of_radiosurgery_is_a_fault(tmp_path) -> None:
    assert faults(tmp_path, OPP, EVENTS_HEADER + "B,0,local_retreatment,\n") == [
        "line 2, column days_from_ssrs: a local retreatment comes after radiosurgery, not on day "
        "0: correct the day"
    ]


VOLUMES = (
    HEADER.strip()
    + """,volume_cc
A,-5,T1,20,5.0
A,100,T1,20,7.5
A,200,T1,,8
B,-5,T1,20,
B,200,T1,20,
"""
)


def test_volumes_come_in_a_column_and_a_row_may_have_a_volume_alone(tmp_path) -> None:
    (tmp_path / "M.csv").write_text(VOLUMES, encoding="utf-8")
    rules = Rules(criteria=load_criteria("maralani-2021"))
    tables = assess_tables(tmp_path / "M.csv", None, rules)
    lesion, without_volume = tables.lesions
    assert str(lesion.assessment.category) == "PD"
    assert not without_volume.is_measured
    assert lesion.assessment.sequences[SeriesRole.T1].last_change_percent == 60
    assert [str(study.ap_mm) for study in lesion.timeline.observations[SeriesRole.T1]] == [
        "20",
        "20",
    ]
    assert not lesion.is_fragile
    assert set(build_comparison_json(lesion)["profiles"]) == set(SHIPPED_CRITERIA)


@pytest.mark.parametrize("volume", ["-1", "1e9", "big", "1,5"])
def test_a_volume_that_is_none_is_a_fault(tmp_path, volume) -> None:
    text = HEADER.strip() + f',volume_cc\nA,-5,T1,20,"{volume}"\n'
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 2, column volume_cc: ")


def test_the_mode_is_passed_on(tmp_path) -> None:
    open_timeline = HEADER + "A,0,T1,20\nA,100,T1,24\n"
    for mode, category in (
        (Mode.RETROSPECTIVE, "NOT_ELIGIBLE"),
        (Mode.PROSPECTIVE, "INDETERMINATE"),
    ):
        (lesion,) = assess(tmp_path, open_timeline, mode=mode).lesions
        assert (lesion.assessment.category, build_assessment_json(lesion)["mode"]) == (
            category,
            mode,
        )


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("A,0,T2,20.0", "sequence", "write one of T1, T2FS, STIR, T1POST"),
        ("A,0,T1,-2.0", "ap_mm", "negative"),
        ("A,0,T1,", "ap_mm", "missing"),
        ('A,0,T1,"20,5"', "ap_mm", "write 20.5"),
        ("A,0.5,T1,20.0", "days_from_ssrs", "whole number"),
        ("A,999999999,T1,20.0", "days_from_ssrs", "36525 or less"),
        (",0,T1,20.0", "lesion_id", "empty"),
    ],
)
def test_a_bad_cell_is_told_with_its_line_and_column(tmp_path, line, column, message) -> None:
    (fault,) = faults(tmp_path, f"{HEADER}A,10,T1,20.0\n{line}\n")
    assert fault.startswith(f"line 3, column {column}: ")
    assert message in fault


def test_the_same_lesion_sequence_and_day_twice_is_told_with_both_lines(tmp_path) -> None:
    (fault,) = faults(tmp_path, HEADER + "A,0,T1,20.0\nA,0,T2FS,20.0\nA,+0,T1,20.0\n")
    assert fault.startswith("line 4, column days_from_ssrs: line 2 has the same")


def test_a_second_length_is_told_even_where_the_first_cannot_be_read(tmp_path) -> None:
    faults_found = faults(tmp_path, HEADER + "A,0,T1,x\nA,0,T1,20.0\n")
    assert [fault[:6] for fault in faults_found] == ["line 2", "line 3"]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("A,10,fractured,", "event", "write one of systemic_therapy_change"),
        ("A,10,other_bone_lesions,", "value", "write one of enlarged, not_enlarged, unknown"),
        ("A,10,exclusion,metal", "value", "write one of hardware"),
        ("A,,local_retreatment,", "days_from_ssrs", "missing"),
        ("A,-999999999,systemic_therapy_change,", "days_from_ssrs", "-36525 or more"),
        ("A,soon,other_bone_lesions,enlarged", "days_from_ssrs", "whole number"),
    ],
)
def test_a_bad_event_is_told_with_its_line_and_column(tmp_path, line, column, message) -> None:
    (fault,) = faults(tmp_path, OPP, f"{EVENTS_HEADER}{line}\n")
    assert fault.startswith(f"line 2, column {column}: ")
    assert message in fault


def test_an_empty_table_is_told(tmp_path) -> None:
    assert faults(tmp_path, "") == [
        "line 1: the file is empty: its first line must be lesion_id,days_from_ssrs,sequence,ap_mm"
    ]
    header_only = "lesion_id,days_from_ssrs,sequence,ap_mm\n"
    assert "no rows" in faults(tmp_path, header_only)[0]


def test_two_readers_in_one_table_are_told_how_they_are_given(tmp_path) -> None:
    by_reader = HEADER.strip() + ",reader\nA,-5,T1,10,R1\nA,-5,T1,11,R2\n"
    (fault,) = faults(tmp_path, by_reader)
    assert fault.startswith(
        "line 1, column reader: a table holds the lengths of one reader: remove this column, and "
        "give each reader a table of its own"
    )
    twice = HEADER + "A,-5,T1,10\nA,-5,T1,11\n"
    assert faults(tmp_path, twice) == [
        "line 3, column days_from_ssrs: line 2 has the same lesion, sequence and day: keep one of "
        "them, or, if they are of two readers, give each reader a table of its own"
    ]


@pytest.mark.parametrize("word", ["death", "Death", "died"])
def test_a_death_among_events_is_told_where_it_belongs(tmp_path, word: str) -> None:
    assert faults(tmp_path, OPP, EVENTS_HEADER + f"A,300,{word},\n") == [
        "line 2, column event: a death is not an event of a lesion: remove the line, and give its "
        "date as death_date in lesions.csv, which `opp-mri cohort` reads"
    ]
