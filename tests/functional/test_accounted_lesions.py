"""`assess` accounts for each lesion: it answers, or says which sizes the criteria lack."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_mri as opp

Run = Callable[..., Any]

HEADER = "lesion_id,days_from_ssrs,sequence,ap_mm,volume_cc\n"
LENGTHS = "V1,-7,T1,10,\nV1,60,T1,13.5,\nV1,200,T1,14,\n"
VOLUMES = "V2,-7,T1,,4\nV2,60,T1,,8\nV2,200,T1,,9\nV2,300,T1,,14\n"
BOTH = "V3,-7,T1,10,4\nV3,60,T1,10,4\nV3,200,T1,10,4\n"
NO_LENGTH = "V2 has volumes but no length, and amini-2016 needs lengths: use --criteria bahig-2016 or maralani-2021."  # noqa: E501
NO_VOLUME = "V1 has lengths but no volume, and bahig-2016 needs volumes: use --criteria amini-2016"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "v.csv"
    path.write_text(HEADER + LENGTHS + VOLUMES + BOTH)
    return path


def test_a_lesion_without_what_the_criteria_read_is_named_with_what_reads_it(
    table: Path, opp_mri: Run
) -> None:
    result = opp_mri("assess", "--measurements", table)
    assert result.err.splitlines() == [NO_LENGTH]
    assert {"V1:", "V3:"} <= set(result.out.splitlines())
    result = opp_mri("assess", "--measurements", table, "--criteria", "bahig-2016")
    (line,) = result.err.splitlines()
    assert line.startswith(NO_VOLUME)


def test_a_lesion_that_is_asked_for_and_has_no_answer_is_an_error(
    table: Path, opp_mri: Run
) -> None:
    for more in ([], ["--json"], ["V3"]):
        result = opp_mri("assess", "V2", *more, "--measurements", table, expect=3)
        assert result.out == ""
        assert result.err == f"Error: {NO_LENGTH}\n"
    result = opp_mri("assess", "V9", "--measurements", table, expect=5)
    assert result.err == "Error: v.csv has no lesion V9: check the name.\n"


def test_a_table_of_which_nothing_can_be_assessed_is_an_error(tmp_path: Path, opp_mri: Run) -> None:
    (tmp_path / "a.csv").write_text(HEADER + LENGTHS)
    result = opp_mri(
        "assess", "--measurements", tmp_path / "a.csv", "--criteria", "bahig-2016", expect=3
    )
    assert result.err.startswith(f"Error: {NO_VOLUME}")


def test_the_profiles_side_by_side_show_those_that_can_answer_and_name_the_others(
    table: Path, opp_mri: Run
) -> None:
    result = opp_mri("assess", "--measurements", table, "--compare")
    assert result.err == ""
    blocks = result.out.split("retrospective:")
    assert [block.count("bahig-2016") for block in blocks] == [0, 0, 1, 2]  # and once left out
    assert [block.count("amini-2016 ") for block in blocks] == [0, 1, 0, 1]
    lines = result.out.splitlines()
    assert "Left out for V1, of which no volume is recorded: bahig-2016 and maralani-2021." in lines
    left_out = "Left out for V2, of which no length is recorded: amini-2016, amini-2016-literal, "
    assert sum(line.startswith(left_out) for line in lines) == 1
    records = opp_mri("assess", "V2", "--measurements", table, "--compare", "--json").json
    (record,) = records
    assert {name: answer["category"] for name, answer in record["profiles"].items()} == {
        "bahig-2016": "PD", "maralani-2021": "PD"
    }  # fmt: skip
    assert record["left_out"]["amini-2016"] == "It reads lengths, and none is recorded."


def test_python_names_the_lesions_without_an_answer(table: Path) -> None:
    with pytest.warns(UserWarning, match="V2 has volumes but no length.*use the criteria bahig"):
        frame = opp.assess(table)
    assert list(frame["lesion_id"]) == ["V1", "V3"]
    only_volumes = pd.read_csv(table).query("lesion_id == 'V2'")
    with pytest.raises(opp.OppMriError, match="V2 has volumes but no length"):
        opp.assess(only_volumes)
