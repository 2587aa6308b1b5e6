"""Frames in, a frame out: the same answers and the same refusals as with files."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_mri as opp
from opp_mri.domain.assessment import Mode
from opp_mri.errors import InputError, TableError

SAMPLE = Path(__file__).parents[3] / "sample_data"
LENGTHS = pd.DataFrame(
    {
        "lesion_id": "A",
        "days_from_ssrs": [-7, 60, 120, 240],
        "sequence": "T1",
        "ap_mm": [10.0, 12.0, 11.0, 10.0],
    }
)


@pytest.mark.parametrize("mode", ["retrospective", "prospective"])
def test_frames_and_files_give_the_same_answers(mode: str) -> None:
    measurements, events = SAMPLE / "measurements.csv", SAMPLE / "events.csv"
    of_files = opp.assess(str(measurements), events, mode=mode)
    of_frames = opp.assess(pd.read_csv(measurements), pd.read_csv(events), mode=mode)
    pd.testing.assert_frame_equal(of_files, of_frames)
    assert list(of_files.columns[:3]) == ["lesion_id", "category", "reason"]


def test_a_mode_is_a_word_or_a_member_and_nothing_else() -> None:
    growing_lesion = LENGTHS.iloc[:2]
    by_word, by_member = (
        opp.assess(growing_lesion, mode=mode) for mode in ("prospective", Mode.PROSPECTIVE)
    )
    pd.testing.assert_frame_equal(by_word, by_member)
    assert by_word.loc[0, "category"] == "INDETERMINATE"
    with pytest.raises(InputError, match="write 'retrospective' or 'prospective'"):
        opp.assess(LENGTHS, mode="Prospective")


@pytest.mark.parametrize("cast", [float, str, Decimal, np.float64])
def test_growth_of_exactly_two_millimetres_counts_however_lengths_are_written(cast: Any) -> None:
    frame = LENGTHS.assign(ap_mm=[cast(str(value)) for value in LENGTHS["ap_mm"]])
    assert opp.assess(frame).loc[0, "category"] == "OPP"


def test_a_length_that_was_computed_is_refused_by_its_line() -> None:
    frame = LENGTHS.assign(ap_mm=[10.0, 11 * 1.1, 11.0, 10.0])
    with pytest.raises(TableError, match=r"line 3, column ap_mm: 12\.10000+1 was computed"):
        opp.assess(frame)
    with pytest.raises(TableError, match="was computed"):
        opp.assess(LENGTHS.assign(ap_mm=(LENGTHS["ap_mm"] + 0.3).astype("float32")))


def test_what_is_missing_in_a_frame_is_told_as_in_a_file() -> None:
    with pytest.raises(TableError, match="column sequence: this column is missing"):
        opp.assess(LENGTHS.drop(columns="sequence"))
    with pytest.raises(TableError, match="line 5, column ap_mm: the length is missing"):
        opp.assess(LENGTHS.assign(ap_mm=[10.0, 12.0, 11.0, None]))
    with pytest.raises(TableError, match=r"84\.5.* is not a whole number"):
        opp.assess(LENGTHS.assign(days_from_ssrs=[-7, 60, 84.5, 240]))


def test_days_may_be_floating_point_as_where_some_are_missing_elsewhere() -> None:
    as_floats = LENGTHS.assign(days_from_ssrs=LENGTHS["days_from_ssrs"].astype(float))
    pd.testing.assert_frame_equal(opp.assess(as_floats), opp.assess(LENGTHS))


def test_other_columns_and_the_index_of_a_frame_play_no_part() -> None:
    more = LENGTHS.assign(scanner="a").set_index(pd.Index(list("wxyz")))
    pd.testing.assert_frame_equal(opp.assess(more), opp.assess(LENGTHS))


def test_an_event_of_a_lesion_without_a_measurement_is_an_error_with_its_line() -> None:
    events = pd.DataFrame(
        {"lesion_id": ["B"], "days_from_ssrs": [9], "event": "systemic_therapy_change",
         "value": ""}
    )  # fmt: skip
    with pytest.raises(InputError, match="line 2, column lesion_id: “B” is not in"):
        opp.assess(LENGTHS, events)


def test_the_error_of_measurement_may_be_given() -> None:
    exact, coarse = (opp.assess(LENGTHS, sd_mm=sd).loc[0, "probability"] for sd in (0.01, 3))
    assert exact > coarse


def test_volumes_of_a_frame_are_read_as_those_of_a_file(tmp_path: Path) -> None:
    volumes = LENGTHS.drop(columns="ap_mm").assign(ap_mm="", volume_cc=[9.0, 12.0, 15.0, 18.0])
    table = tmp_path / "measurements.csv"
    volumes.to_csv(table, index=False)
    of_frame = opp.assess(volumes, criteria="maralani-2021")
    pd.testing.assert_frame_equal(of_frame, opp.assess(table, criteria="maralani-2021"))
    assert of_frame.lesion_id.tolist() == ["A"]
