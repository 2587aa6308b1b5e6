"""A cohort in Python: short to look at, tidy as frames, drawn as a figure."""

from pathlib import Path

import pandas as pd
import pytest

import opp_mri as opp
from opp_mri.errors import InputError

COHORT = Path(__file__).parents[3] / "sample_data" / "cohort"


@pytest.fixture(scope="module")
def cohort() -> opp.Cohort:
    return opp.read_tables(str(COHORT))


def test_a_cohort_says_in_one_line_what_is_in_it(cohort: opp.Cohort) -> None:
    assert (
        repr(cohort)
        == "<Cohort 60 lesions, 56 eligible: 8 OPP, 22 PD, 14 PR, 11 SD, 1 INDETERMINATE>"
    )
    assert len(cohort) == 60


def test_the_frame_of_lesions_is_typed_and_has_a_row_for_each(cohort: opp.Cohort) -> None:
    frame = cohort.to_frame()
    table = pd.read_csv(COHORT / "lesions.csv")
    assert list(frame["lesion_id"]) == list(table["lesion_id"])
    assert frame["patient_id"].notna().all()
    assert pd.api.types.is_datetime64_dtype(frame["ssrs_last_date"])
    assert pd.api.types.is_integer_dtype(frame["fractions"])
    assert frame.loc[frame["analysed"], "category"].value_counts()["OPP"] == 8


def test_the_frame_of_measurements_can_be_assessed_again(cohort: opp.Cohort) -> None:
    again = opp.assess(cohort.to_frame("measurements"), cohort.to_frame("events"))
    excluded_ids = cohort.to_frame().query("exclusions.notna()")["lesion_id"]
    first = cohort.to_frame().set_index("lesion_id").drop(index=excluded_ids)["category"]
    assert list(again.set_index("lesion_id").loc[first.index, "category"]) == list(first)


@pytest.mark.parametrize("table", ["measurements", "events", "changes", "sequences"])
def test_each_tidy_table_is_a_frame(cohort: opp.Cohort, table: str) -> None:
    frame = cohort.to_frame(table)
    assert frame.columns[0] == "lesion_id"
    assert set(frame["lesion_id"]) <= set(cohort.to_frame()["lesion_id"])


def test_an_unknown_table_or_event_or_unit_is_refused_with_those_there_are(
    cohort: opp.Cohort,
) -> None:
    with pytest.raises(
        InputError, match="lesions, measurements, events, visits, changes, sequences"
    ):
        cohort.to_frame("patients")
    with pytest.raises(InputError, match="write 'OPP' or 'progression'"):
        cohort.kaplan_meier("cure")
    with pytest.raises(InputError, match="write 'weeks' or 'months'"):
        cohort.kaplan_meier().plot(unit="days")


def test_a_kaplan_meier_estimate_is_a_frame_a_test_and_a_figure(
    cohort: opp.Cohort, tmp_path: Path
) -> None:
    estimate = cohort.kaplan_meier("opp")
    assert repr(estimate).startswith("<KaplanMeier free of OPP; all: 58 lesions, 8 events; ")
    assert estimate.log_rank.p == pytest.approx(0.028, abs=0.001)
    frame = estimate.to_frame()
    assert frame.groupby("arm")["events"].sum().to_dict() == {
        "all": 8,
        "single fraction": 8,
        "multifraction": 0,
    }
    assert frame.groupby("arm")["free"].first().eq(1).all()
    figure = estimate.plot(unit="months")
    picture, metadata = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert 300 < metadata["width"] < 1000
    figure.save(tmp_path / "survival.svg")
    assert b"Lesions at risk" in (tmp_path / "survival.svg").read_bytes()


def test_progression_is_the_other_event(cohort: opp.Cohort) -> None:
    assert cohort.kaplan_meier("progression").event == "progression"


def test_a_mode_reaches_the_categories() -> None:
    with_hindsight, as_known = (
        opp.read_tables(COHORT, mode=mode).to_frame()["category"].eq("INDETERMINATE").sum()
        for mode in ("retrospective", "prospective")
    )
    assert with_hindsight < as_known
