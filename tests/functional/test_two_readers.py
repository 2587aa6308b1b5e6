"""Two readers of one project: errors that were put in by cause come out by cause."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from opp_mri.workflow.catalogue.phantom import PhantomSummary

Row = dict[str, str]
DAY_OF_GROWTH = 1  # the second study


@pytest.fixture(scope="module")
def measured_project(
    tmp_path_factory: pytest.TempPathFactory,
    coarse_phantom: Callable[..., PhantomSummary],
    opp_mri: Callable[..., Any],
) -> Path:
    """A project of one phantom patient, measured by the simulated reader."""
    folder = tmp_path_factory.mktemp("two")
    cohort = coarse_phantom("PHANTOM-01")
    (folder / "cohort").symlink_to(cohort.dicom.parent)
    project = ["--project", folder / "project"]
    opp_mri("init", folder / "project")
    opp_mri("index", cohort.dicom, *project)
    opp_mri("lesion", "add", "--table", cohort.lesions, *project)
    opp_mri("measure", cohort.calipers, *project)
    return folder


@pytest.fixture
def project(measured_project: Path, tmp_path: Path) -> Path:
    return copytree(measured_project / "project", tmp_path / "project")


@pytest.fixture
def run(opp_mri: Callable[..., Any], project: Path) -> Callable[..., Any]:
    def in_project(*words: object, **how: Any) -> Any:
        return opp_mri(*words, "--project", project, **how)

    return in_project


def second_reader(
    run: Callable[..., Any], measured_project: Path, folder: Path, change: Callable[[int, Row], Row]
) -> None:
    """Have a second reader measure the same, with some rows changed."""
    with (measured_project / "cohort" / "calipers.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    table = folder / "second.csv"
    with table.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(change(n, row | {"reader": "second"}) for n, row in enumerate(rows))
    run("measure", table)


def moved(row: Row, name: str, by: float) -> Row:
    return row | {name: str(float(row[name]) + by)}


def records(result: Any) -> Any:
    return json.loads(result.out)


def test_injected_causes_come_out_and_all_readings_stay(
    measured_project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    def change(number: int, row: Row) -> Row:
        if number == 0:
            return moved(row, "column_1", -6.0)
        if number == 4:
            return moved(row, "column_2", 6.0)
        if number == 7:
            return moved(moved(row, "row_1", -4.0), "row_2", 4.0)
        return row

    second_reader(run, measured_project, tmp_path, change)
    result = records(run("discordance", "--json"))
    assert sorted(pair["cause"] for pair in result) == [
        "another angle", "anterior end", "posterior end",
    ]  # fmt: skip
    assert [record["changes_category"] for record in result] == sorted(
        (record["changes_category"] for record in result), reverse=True
    )
    assert len(records(run("readings", "--json"))) == 2 * 15
    table = run("discordance")
    assert "anterior end (" in table.out


def test_readers_who_agree_differ_nowhere(
    measured_project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    second_reader(run, measured_project, tmp_path, lambda _, row: row)
    assert "differ nowhere" in run("discordance").out
    agreement = records(run("agreement", "--json"))
    assert agreement["lengths"]["overall"]["icc_2_1"]["value"] == 1.0
    assert agreement["lengths"]["overall"]["share_on_same_slice"]["value"] == 1.0
    assert agreement["lengths"]["T1"]["pairs"] == 5
    assert agreement["lengths"]["T1"]["lower_limit_mm"]["value"] is None  # of one lesion


def test_agreement_is_drawn_and_told_in_words(
    measured_project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    second_reader(
        run, measured_project, tmp_path, lambda n, row: moved(row, "column_2", 0.2 * (n % 3))
    )
    result = run("agreement", "--plot", str(tmp_path / "agreed.svg"))
    assert "with 95% interval" in result.out
    assert "too few" in result.out
    assert "second less simulated, mm" in (tmp_path / "agreed.svg").read_text()


def test_one_reader_alone_is_told_so(run: Callable[..., Any]) -> None:
    assert "needs two readers" in run("agreement", expect=3).err
    result = run("discordance", "--readers", "simulated", "nobody", expect=3)
    assert "Reader nobody has no answers that count" in result.err
