"""The demo cohort, read blind by two: what was put in by cause comes out, and becomes one read."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner
from fixtures.demo_read_twice import adjudicated, injected_cause

from opp_mri.cli.app import cli
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Reading
from opp_mri.workflow.measuring.timeline import build_lesion_timeline
from opp_mri.workflow.project import open_project


@pytest.fixture
def project(demo_read_twice: Path, tmp_path: Path) -> Path:
    return copytree(demo_read_twice, tmp_path / "project")


def run(project: Path, *words: object) -> Any:
    """Run a verb in this process; gives its JSON where it was asked for."""
    result = CliRunner().invoke(
        cli, [*map(str, words), "--project", str(project)], catch_exceptions=False
    )
    assert result.exit_code == 0, (words, result.output)
    return json.loads(result.stdout) if "--json" in words else result.stdout


def readings(project: Path) -> list[Reading]:
    with open_project(project) as opened_project:
        return list(opened_project.store.get_readings())


def test_the_discordance_list_is_what_was_injected(project: Path) -> None:
    result = run(project, "discordance", "--json")
    studies: dict[str, list[str]] = defaultdict(list)
    with open_project(project) as opened_project:
        for lesion in opened_project.store.get_lesions():
            cells = build_lesion_timeline(opened_project.store, lesion, reader="reader-1").cells
            studies[lesion.lesion_id] = sorted({str(cell.study_date) for cell in cells})
    planted_causes = {
        (lesion, day, sequence.value): cause
        for lesion, days in studies.items()
        for study, day in enumerate(days)
        for sequence in SeriesRole
        if (cause := injected_cause(lesion, sequence, study))
    }
    assert len(set(planted_causes.values())) == 8
    listed_causes = {
        (difference["lesion_id"], difference["study_date"], difference["sequence"]): difference[
            "cause"
        ]
        for difference in result
    }
    assert listed_causes == planted_causes
    changes = [difference["changes_category"] for difference in result]
    assert changes == sorted(changes, reverse=True)
    assert changes[0]
    (category_only,) = {
        difference["lesion_id"] for difference in result if difference["cause"] == "category only"
    }
    assert category_only == "OPP-03"
    assert all(
        abs(difference["difference_mm"]) < 2
        for difference in result
        if difference["cause"] == "category only"
    )
    for record in result:
        if record["cause"] == "another angle":
            assert record["angle_deg"] > 10
        if record["cause"] == "anterior end":
            assert record["anterior_mm"] > 2 > record["posterior_mm"]
        if record["cause"] == "another slice":
            assert record["slices_apart_mm"] > 3


Choose = Callable[[Any], str]


def resolve_all(project: Path, choose: Choose) -> int:
    count = 0
    for lesion in run(project, "consensus", "list", "--json"):
        for pair in lesion["pairs"]:
            if pair["cause"]:
                cell = (lesion["lesion_id"], pair["study_date"], pair["sequence"])
                run(project, "consensus", "resolve", *cell, "--keep", choose(pair),
                    "--reason", "seen together")  # fmt: skip
                count += 1
    return count


def test_consensus_runs_to_the_end_from_the_command_line(project: Path) -> None:
    before = readings(project)
    count = resolve_all(project, lambda pair: "mean" if pair["may_average"] else "A")
    assert count == 25
    for signer in ("reader-1", "reader-2"):
        run(project, "consensus", "sign", "--signed-by", signer)
    assert all(lesion["complete"] for lesion in run(project, "consensus", "list", "--json"))
    after = readings(project)
    assert after[: len(before)] == before
    assert {reading_after.reader for reading_after in after[len(before) :]} == {"consensus"}
    assert len(after) == len(before) * 3 / 2
    assessments = run(project, "assess", "--json")
    assert len(assessments) == 9
    assert {reading["reader"] for reading in assessments} == {"consensus"}
    agreement = run(project, "agreement", "--json")
    assert agreement["readers"] == ["reader-1", "reader-2"]  # of the independent reads, still
    assert agreement["categories"]["n"] == 9


def test_adjudication_runs_to_the_end_from_the_command_line(project: Path, tmp_path: Path) -> None:
    project = adjudicated(project, tmp_path / "adjudicated")
    before = readings(project)
    resolve_all(project, lambda pair: "B" if pair["a_mm"] is None else "A")
    run(project, "consensus", "sign", "--signed-by", "third")
    assert all(lesion["complete"] for lesion in run(project, "consensus", "list", "--json"))
    assert readings(project)[: len(before)] == before
    assert {reading["reader"] for reading in run(project, "assess", "--json")} == {"consensus"}
