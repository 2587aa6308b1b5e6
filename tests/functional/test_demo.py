"""The demo: a synthetic cohort goes the whole way, and its answers are held against the truth."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_every_lesion_is_called_what_it_was_made_to_be(
    demo: tuple[Path, str], opp_mri: Callable[..., Any]
) -> None:
    folder, _ = demo
    truth = json.loads((folder / "phantom" / "truth.json").read_text())
    expected = {
        patient["lesion_id"]: (patient["expected"]["category"], patient["expected"]["reason"])
        for patient in truth["patients"]
    }
    assessments = opp_mri("assess", "--project", folder, "--json").json
    result = {lesion["lesion_id"]: (lesion["category"], lesion["reason"]) for lesion in assessments}
    assert result == expected
    assert len(result) == 9
    assert {category for category, _ in result.values()} == {"OPP", "PD", "PR", "SD"}


def test_the_table_ends_with_the_truth_and_the_page(demo: tuple[Path, str]) -> None:
    folder, output = demo
    assert "9 of 9 lesions agree with the truth." in output
    assert "not a medical device" in output
    page = Path(output.strip().splitlines()[-1].removeprefix("Timelines: "))
    assert page == (folder / "timelines.html").resolve()
    assert page.read_text().count("<svg") == 9


def test_the_lengths_were_computed_from_images(
    demo: tuple[Path, str], opp_mri: Callable[..., Any]
) -> None:
    readings = opp_mri("readings", "--project", demo[0], "--json").json
    assert len(readings) == 138
    assert {reading["length_source"] for reading in readings} == {"geometry"}
    assert all(reading["remarks"] == [] for reading in readings)


def test_the_readings_scatter_about_the_truth_as_a_reader_s_would(
    demo: tuple[Path, str], opp_mri: Callable[..., Any]
) -> None:
    truth = json.loads((demo[0] / "phantom" / "truth.json").read_text())
    true_mm = {
        (patient["lesion_id"], visit["study_date"], sequence): cell["ap_mm"]
        for patient in truth["patients"]
        for visit in patient["visits"]
        for sequence, cell in visit["sequences"].items()
    }
    readings = opp_mri("readings", "--project", demo[0], "--json").json
    errors = [
        reading["length_mm"]
        - true_mm[reading["lesion_id"], reading["study_date"], reading["sequence"]]
        for reading in readings
    ]
    mean = sum(errors) / len(errors)
    sd = (sum((error - mean) ** 2 for error in errors) / (len(errors) - 1)) ** 0.5
    # two ends of 0.5 mm each: 0.71 mm; 138 readings give the SD to about 6%
    assert abs(mean) < 0.25
    assert 0.55 < sd < 0.90


def test_other_things_in_the_folder_are_never_touched(
    opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("five years of work")
    result = opp_mri("demo", tmp_path, expect=3)
    assert "holds other things" in result.err
    assert (tmp_path / "thesis.txt").read_text() == "five years of work"
