"""A study with two blinded readers, from its protocol to the consensus that counts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree, move
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner
from fixtures.two_reads import Ends, read_package, true_lines

from opp_mri.cli.app import cli
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage, Resolution
from opp_mri.errors import InputError, ProjectError
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.package_plan import plan_cases
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.repeatability import measure_repeatability
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.protocol import EXAMPLE, declare_protocol, require_protocol
from opp_mri.workflow.measuring.timeline import LesionTimeline, build_lesion_timeline
from opp_mri.workflow.project import open_project

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATIENTS = ["PHANTOM-01", "PHANTOM-04"]


@pytest.fixture(scope="module")
def cohort(
    tmp_path_factory: pytest.TempPathFactory,
    coarse_phantom: Callable[..., PhantomSummary],
    opp_mri: Callable[..., Any],
) -> Path:
    """A folder with a project of two phantom patients, lesions known, nothing measured."""
    folder = tmp_path_factory.mktemp("study")
    phantom = coarse_phantom(*PATIENTS)
    (folder / "cohort").symlink_to(phantom.dicom.parent)
    opp_mri("init", folder / "project")
    opp_mri("index", phantom.dicom, "--project", folder / "project")
    opp_mri("lesion", "add", "--table", phantom.lesions, "--project", folder / "project")
    return folder


@pytest.fixture
def project(cohort: Path, tmp_path: Path) -> Path:
    return copytree(cohort / "project", tmp_path / "project")


def recorded(project: Path) -> list[Reading]:
    with open_project(project) as opened_project:
        return list(opened_project.store.get_readings())


def timeline_of(project: Path, lesion_id: str) -> LesionTimeline:
    with open_project(project) as opened_project:
        return build_lesion_timeline(
            opened_project.store, find_lesion(opened_project.store, lesion_id), reader="reader-1"
        )


@frozen
class Said:
    """What a verb printed, and the sentence that it ended with where it failed."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(project: Path) -> Callable[..., Said]:
    """Run verbs in this process: there are many of them."""

    def in_project(*words: object, expect: int = 0) -> Said:
        result = CliRunner().invoke(
            cli, [*map(str, words), "--project", str(project)], standalone_mode=False
        )
        error = result.exception
        code = getattr(error, "exit_code", 1) if error else 0
        assert code == expect, f"{words} ended with {code}: {result.output} {error}"
        return Said(out=result.stdout, err=str(getattr(error, "message", error)) if error else "")

    return in_project


def declare(run: Callable[..., Any], folder: Path, **changes: str) -> None:
    lines = EXAMPLE.splitlines()
    for name, value in changes.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line for line in lines]
    path = folder / "protocol.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    run("protocol", path)


def issue(project: Path, reader: str, folder: Path, at: datetime = START) -> IssuedPackage:
    with open_project(project) as opened_project:
        return make_package(opened_project, reader, folder, at).issued


def merge(project: Path, folder: Path, at: datetime = START) -> int:
    with open_project(project) as opened_project:
        return merge_package(opened_project, folder, at, unsealed=True).added


def moved(ends: Ends, column_1: float = 0, row_1: float = 0, column_2: float = 0, row_2: float = 0
          ) -> Ends:  # fmt: skip
    return ends[0] + column_1, ends[1] + row_1, ends[2] + column_2, ends[3] + row_2


def both_read(cohort: Path, project: Path, folder: Path, second: Any) -> int:
    """Have both readers read: the first as the truth is, the second with errors."""
    lines = true_lines(cohort / "cohort" / "calipers.csv")
    count = 0
    for reader, draw in (("reader-1", None), ("reader-2", second)):
        package = folder / reader
        issued_package = issue(project, reader, package)
        count = read_package(package, issued_package, lines, START, *([draw] if draw else []))
        assert merge(project, package) == count
    return count


def injected(lesion: str, cell: Cell, ends: Ends) -> Ends:
    """Err by cause: one sequence of each lesion another cause."""
    if lesion == "OPP-01" and cell.sequence is SeriesRole.T1:
        return moved(ends, column_1=-5)
    if lesion == "OPP-01" and cell.sequence is SeriesRole.T2FS:
        return moved(ends, column_2=5)
    if lesion == "OPP-04" and cell.sequence is SeriesRole.T1POST:
        return moved(ends, row_1=-2.5, row_2=2.5)
    return ends


@pytest.fixture(scope="module")
def read_by_both(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The project after both readers, the second with errors, and the answers of each."""
    folder = tmp_path_factory.mktemp("read")
    project = copytree(cohort / "project", folder / "project")
    protocol = folder / "protocol.toml"
    protocol.write_text(
        EXAMPLE.replace("repeats_share = 0.1", "repeats_share = 0.0"), encoding="utf-8"
    )
    with open_project(project) as opened_project:
        declare_protocol(opened_project.store, protocol)
    return project, both_read(cohort, project, folder, injected)


CAUSES = {
    ("OPP-01", "T1"): "anterior end",
    ("OPP-01", "T2FS"): "posterior end",
    ("OPP-04", "T1POST"): "another angle",
}


def test_injected_errors_come_out_by_cause_and_are_resolved_by_both(
    read_by_both: tuple[Path, int], project: Path, run: Callable[..., Any]
) -> None:
    source, count = read_by_both
    copytree(source, project, dirs_exist_ok=True)
    lesions = run("consensus", "list", "--json").json
    assert {lesion["lesion_id"] for lesion in lesions} == {"OPP-01", "OPP-04"}
    for lesion in lesions:
        for pair in lesion["pairs"]:
            assert pair["cause"] == CAUSES.get((lesion["lesion_id"], pair["sequence"]))
    before = recorded(project)
    assert len(before) == 2 * count
    result = run("consensus", "sign", "OPP-01", "--signed-by", "reader-1", expect=3).err
    assert "wait to be resolved" in result
    for lesion in lesions:
        # letters are by lot, so only the mean gives OPP-01 the same category in each run
        choices = ("mean",) if lesion["lesion_id"] == "OPP-01" else ("A", "B")
        for n, pair in enumerate(pair for pair in lesion["pairs"] if pair["cause"]):
            cell = (lesion["lesion_id"], pair["study_date"], pair["sequence"])
            keep = choices[n % len(choices)]
            run("consensus", "resolve", *cell, "--keep", keep, "--reason", "seen together")
    run("consensus", "sign", "--signed-by", "reader-1")
    assert not [lesion for lesion in run("consensus", "list", "--json").json if lesion["complete"]]
    run("consensus", "sign", "--signed-by", "reader-2")
    run_result = run("consensus", "list", "--json").json
    assert all(lesion["complete"] for lesion in run_result)
    after = recorded(project)
    assert [reading for reading in after if reading.reader != "consensus"] == before
    assert len([reading for reading in after if reading.reader == "consensus"]) == count
    summary = run("readings", "--json").json  # the reads of the two stay hidden
    assert {reading["reader"] for reading in summary} == {"consensus"}
    assessments = {lesion["lesion_id"]: lesion for lesion in run("assess", "--json").json}
    assert assessments["OPP-01"]["category"] == "OPP"


def test_an_adjudicator_selects_and_signs_alone(
    cohort: Path, project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(
        run, tmp_path, repeats_share="0.0", resolution='"adjudicator"', adjudicator='"third"',
        order='"locked-sequential"',
    )  # fmt: skip
    both_read(cohort, project, tmp_path, injected)
    lesions = run("consensus", "list", "--json").json
    lesion = next(lesion for lesion in lesions if lesion["lesion_id"] == "OPP-01")
    open_pairs = [pair for pair in lesion["pairs"] if pair["cause"]]
    cell = ("OPP-01", open_pairs[0]["study_date"], open_pairs[0]["sequence"])
    result = run("consensus", "resolve", *cell, "--keep", "mean", "--reason", "half", expect=3).err
    assert "the adjudicator selects" in result
    for pair in open_pairs:
        run("consensus", "resolve", "OPP-01", pair["study_date"], pair["sequence"],
            "--keep", "A", "--reason", "the edge is clear")  # fmt: skip
    assert "cannot sign here" in run("consensus", "sign", "--signed-by", "reader-1", expect=3).err
    run("consensus", "sign", "OPP-01", "--signed-by", "third")
    consensus_lesions = {
        lesion["lesion_id"]: lesion for lesion in run("consensus", "list", "--json").json
    }
    assert consensus_lesions["OPP-01"]["complete"]
    assert all(
        pair["result_mm"] == pair["a_mm"]
        for pair in consensus_lesions["OPP-01"]["pairs"]
        if pair["cause"]
    )
    assert not consensus_lesions["OPP-04"]["complete"]


def test_a_new_line_and_a_later_mind_are_added_and_nothing_is_lost(
    read_by_both: tuple[Path, int], project: Path, run: Callable[..., Any]
) -> None:
    copytree(read_by_both[0], project, dirs_exist_ok=True)
    lesions = run("consensus", "list", "--json").json
    lesion = next(lesion for lesion in lesions if lesion["lesion_id"] == "OPP-01")
    pair = next(pair for pair in lesion["pairs"] if pair["cause"])
    cell = ("OPP-01", pair["study_date"], pair["sequence"])
    new = ("--keep", "new", "--reason", "drawn together")
    run("consensus", "resolve", *cell, *new, "--line", "40", "50", "60", "50")
    run("consensus", "resolve", *cell, *new, "--answer", "not_measurable")
    assert (
        "give either --line or --answer" in run("consensus", "resolve", *cell, *new, expect=2).err
    )
    with open_project(project) as opened_project:
        resolutions = opened_project.store.log_of(Resolution)
    assert [resolution.kind.value for resolution in resolutions] == ["new", "new"]
    consensus_lesions = run("consensus", "list", "--json").json
    lesion = next(lesion for lesion in consensus_lesions if lesion["lesion_id"] == "OPP-01")
    pair = next(pair for pair in lesion["pairs"] if pair["cause"])
    assert pair["resolution"] == "new"
    assert pair["result_mm"] is None


def test_cases_come_back_hidden_after_the_washout_and_give_repeatability(
    cohort: Path, project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(run, tmp_path, repeats_share="0.5", washout_days="14")
    lines = true_lines(cohort / "cohort" / "calipers.csv")
    first = issue(project, "reader-1", tmp_path / "first")
    with pytest.raises(ProjectError, match="once all of the first is read and merged"):
        issue(project, "reader-1", tmp_path / "second")
    read_package(tmp_path / "first", first, lines, START)
    merge(project, tmp_path / "first")
    with pytest.raises(ProjectError, match="washout of 14 days lasts until 2026-03-16"):
        issue(project, "reader-1", tmp_path / "second", START + timedelta(days=13))
    later = START + timedelta(days=14)
    second = issue(project, "reader-1", tmp_path / "second", later)
    repeats = [case for case in second.cases if case.repeat]
    assert next(case.patient_id for case in repeats) in {case.patient_id for case in first.cases}
    assert {case.patient_id for case in (*first.cases, *second.cases)} == set(PATIENTS)
    read_package(
        tmp_path / "second", second, lines, later, lambda _l, _c, ends: moved(ends, column_2=1.0)
    )
    before = timeline_of(project, repeats[0].lesions[0][1])
    merge(project, tmp_path / "second", later)
    after = timeline_of(project, repeats[0].lesions[0][1])
    assert after == before  # a repeat changes no timeline
    with open_project(project) as opened_project:
        (result,) = measure_repeatability(opened_project.store)
    assert result.reader == "reader-1"
    assert result.pairs == sum(len(repeat.days) * 3 for repeat in repeats)
    with open_project(project) as opened_project:
        volumes = opened_project.store.get_volumes([repeats[0].patient_id])
    pixels_mm = [
        volume.pixel_spacing_mm[1] for volume in volumes if volume.role and volume.pixel_spacing_mm
    ]
    assert result.bias_mm.value is not None
    assert min(pixels_mm) < result.bias_mm.value < max(pixels_mm)  # one pixel further back
    assert "reader-1" in run("agreement", "--repeats").out


def test_a_package_that_was_moved_is_read_where_it_is(
    cohort: Path, project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(run, tmp_path)
    issued_package = issue(project, "reader-1", tmp_path / "here")
    move(tmp_path / "here", tmp_path / "there")
    with open_project(tmp_path / "there") as package:
        uids = [frame.sop_instance_uid for v in package.store.get_volumes() for frame in v.frames]
        sources = package.store.get_sources_of(uids)
    assert sources
    assert all(Path(source.path).is_file() for source in sources.values())
    lines = true_lines(cohort / "cohort" / "calipers.csv")
    assert read_package(tmp_path / "there", issued_package, lines, START) == merge(
        project, tmp_path / "there"
    )


def test_what_comes_back_is_checked_and_comes_back_once(
    cohort: Path, project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(run, tmp_path, repeats_share="0.0")
    lines = true_lines(cohort / "cohort" / "calipers.csv")
    issued_package = issue(project, "reader-1", tmp_path / "lost")
    with pytest.raises(ProjectError, match="with --again"):
        issue(project, "reader-1", tmp_path / "more")
    with open_project(project) as opened_project:
        anew = make_package(opened_project, "reader-1", tmp_path / "anew", START, again=True).issued
    read_package(tmp_path / "lost", issued_package, lines, START)
    with pytest.raises(ProjectError, match="replaced by a newer one"):
        merge(project, tmp_path / "lost")
    count = read_package(tmp_path / "anew", anew, lines, START)
    assert (
        f"{count} answers of reader-1 added"
        in run("reader-merge", tmp_path / "anew", "--unsealed").out
    )
    assert "0 answers of reader-1 added" in run("reader-merge", tmp_path / "anew", "--unsealed").out
    with pytest.raises(InputError, match="not a reader's package"):
        merge(project, project)


def test_unblinding_is_signed_and_ends_independent_reading(
    project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(run, tmp_path)
    issue(project, "reader-1", tmp_path / "one")
    output = run("unblind", "--signed-by", "lead", "--reason", "both have signed", "--yes").out
    assert "lead" in output
    for words in (("reader-package", "reader-2", tmp_path / "two"),
                  ("reader-merge", tmp_path / "one", "--unsealed"),
                  ("unblind", "--signed-by", "lead", "--reason", "again", "--yes")):  # fmt: skip
        assert "lifted" in run(*words, expect=6).err


def test_the_protocol_is_checked_shown_and_frozen(
    project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    assert "no reading protocol" in run("protocol", expect=6).err
    for change, complaint in (
        ({"readers": '["one"]'}, "must name two readers"),
        ({"readers": '["one", "consensus"]'}, "denotes the resolved read"),
        ({"order": '"any"'}, "must be one of shuffled"),
        ({"repeats_share": "0.9"}, "between 0 and 0.5"),
        ({"resolution": '"adjudicator"'}, "name an adjudicator"),
        ({"order": '"locked-sequential"', "dates": '"hidden"'}, "a locked sequence"),
        ({"hide_dose": '"yes"'}, "must be true or false"),
        ({"adjudicator": '""\nseed = 2'}, "unknown setting"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            declare(run, tmp_path, **change)
    declare(run, tmp_path, length_limit_mm="3.0")
    assert "more than 3.0 mm apart" in run("protocol").out
    declare(run, tmp_path)
    issue(project, "reader-2", tmp_path / "package")
    assert "Frozen since 2026-03-02" in run("protocol").out
    with pytest.raises(AssertionError, match="the protocol is frozen"):
        declare(run, tmp_path, length_limit_mm="3.0")


def test_each_reader_has_the_same_cases_in_an_order_of_their_own(
    project: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    declare(run, tmp_path, repeats_share="0.0")
    with open_project(project) as opened_project:
        protocol = require_protocol(opened_project.store)
        orders = [
            plan_cases(opened_project.store, protocol, reader, 1, secret)
            for reader, secret in zip(protocol.readers, ("a", "b"), strict=True)
        ]
    assert [code for code, _, _ in orders[0]] == [code for code, _, _ in orders[1]]
    assert sorted(case[1] for case in orders[0]) == sorted(case[1] for case in orders[1])
