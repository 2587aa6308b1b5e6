"""Certification of a reader, from making the phantom to the verdict."""

import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import click
import numpy as np
import pytest
from attrs import frozen
from click.testing import CliRunner

from opp_mri.cli.certify import certify_group
from opp_mri.domain.measurement import Answer
from opp_mri.errors import InputError
from opp_mri.phantom.cases import CASES
from opp_mri.workflow.double_read.certify import (
    CertificationSet,
    TrueLength,
    _choose_visits,
    _draw_lesions,
    make_certification,
    read_truth,
    score_certification,
)
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.measuring.edits import draft_answer, draft_line, sign_drafts
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.readings import find_signed_ids, get_own_readings
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import open_project

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
THREE = ("PHANTOM-02", "PHANTOM-03", "PHANTOM-07")
TABLES = {"truth.json", "calipers.csv", "lesions.csv", "events.csv", "truth.csv"}


@frozen
class Made:
    """A certification set with its truth, and what the command said."""

    folder: Path
    truth: Path
    out: str

    @property
    def lengths(self) -> list[TrueLength]:
        return read_truth(self.truth)


def run(*words: object) -> str:
    ran = CliRunner().invoke(certify_group, [*map(str, words)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.fixture(scope="module")
def certification(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("certify")
    folder, truth = place / "room", place / "kept" / "truth.csv"
    patients = [word for name in THREE for word in ("--patient", name)]
    how = ["--seed", 7, "--visits", 3, "--coarse", *patients]
    out = run("make", folder, "--truth", truth, *how)
    return Made(folder, truth, out)


Errors = Callable[[int, TrueLength], float | None]


@pytest.fixture
def reads(certification: Made, tmp_path: Path) -> Callable[[str, Errors], None]:
    """Have a reader hand over calipers that are off by given errors, None for no answer."""

    def read(reader: str, error_mm: Errors) -> None:
        with open_project(certification.folder) as project:
            rows = [
                caliper(project.store, true, reader, float(true.ap_mm) + error)
                for n, true in enumerate(certification.lengths)
                if (error := error_mm(n, true)) is not None
            ]
            table = tmp_path / f"{reader}.csv"
            with table.open("w", newline="") as lines:
                writer = csv.DictWriter(lines, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)
            assert measure(project.store, table, NOON).refused == ()

    return read


def caliper(store: Any, true: TrueLength, reader: str, length_mm: float) -> dict[str, object]:
    cell = cell_of(store, true)
    assert cell.volume is not None
    place = len(cell.volume.planes) // 2
    frame, plane = cell.volume.frames[place], cell.volume.planes[place]
    return {
        "lesion_id": true.lesion_id, "reader": reader, "sequence": true.sequence.value,
        "sop_instance_uid": frame.sop_instance_uid, "frame": frame.frame_number,
        "column_1": 5.0, "row_1": 20.0, "row_2": 20.0,
        "column_2": 5.0 + length_mm / plane.column_spacing_mm,
    }  # fmt: skip


def cell_of(store: Any, true: TrueLength, reader: str = "") -> Cell:
    timeline = build_draft_timeline(store, store.get_lesion(true.lesion_id), reader)
    (cell,) = (
        cell
        for cell in timeline.cells
        if (cell.study_date, cell.sequence) == (true.study_date, true.sequence)
    )
    return cell


def scattered(sd_mm: float, bias_mm: float = 0.0) -> Errors:
    noise = np.random.default_rng(2).normal(0, sd_mm, 100)
    return lambda n, _: bias_mm + float(noise[n])


def given_away(folder: Path, lengths: Iterable[TrueLength]) -> Iterator[str]:
    """Look through all bytes of a folder, and all cells of its store, for true lengths.

    Only lengths with two decimals are sought: 15.0 may well be an age or a repetition time.
    """
    true_texts = {
        str(length.ap_mm) for length in lengths if re.fullmatch(r"\d+\.\d\d", str(length.ap_mm))
    }
    as_text = re.compile(
        rb"(?<![\d.])(?:" + "|".join(map(re.escape, true_texts)).encode() + rb")(?!\d)"
    )
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            result = path.read_bytes()
            if path.name in TABLES or as_text.search(result) or b"ap_mm" in result:
                yield path.name
    with sqlite3.connect(folder / "opp_mri.sqlite") as store:
        table_rows = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [name for (name,) in table_rows]
        for table in tables:
            for row in store.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names of its own
                yield from (table for value in row if holds(value, true_texts))
    store.close()


def holds(value: object, true_texts: set[str]) -> bool:
    if isinstance(value, float | int):
        return f"{value:.2f}" in true_texts
    return any(
        re.search(rf"(?<![\d.]){re.escape(true_text)}(?!\d)", str(value))
        for true_text in true_texts
    )


def test_what_a_reader_gets_holds_no_length(certification: Made) -> None:
    assert list(given_away(certification.folder, certification.lengths)) == []
    assert sorted(path.name for path in certification.folder.iterdir()) == [
        "images", "opp_mri.sqlite", "opp_mri.toml",
    ]  # fmt: skip
    with open_project(certification.folder) as project:
        assert project.store.get_readings() == []
        assert all(lesion.events == () for lesion in project.store.get_lesions())
    assert [path.name for path in certification.truth.parent.iterdir()] == ["truth.csv"]


@pytest.mark.parametrize("leak", ["file", "store", "image"])
def test_a_length_that_is_let_through_is_found(
    certification: Made, tmp_path: Path, leak: str
) -> None:
    folder = copytree(certification.folder, tmp_path / "room")
    length = certification.lengths[0].ap_mm
    if leak == "file":
        copy(certification.truth, folder / "images" / "notes")
    elif leak == "store":
        with sqlite3.connect(folder / "opp_mri.sqlite") as store:
            store.execute("CREATE TABLE aside (x REAL)")
            store.execute("INSERT INTO aside VALUES (?)", (float(length),))
    else:
        image = next(path for path in folder.rglob("*") if path.is_file() and path.suffix == "")
        image.write_bytes(image.read_bytes() + f" {length} ".encode())
    assert list(given_away(folder, certification.lengths))


def test_every_true_length_waits_to_be_measured(certification: Made) -> None:
    lengths = certification.lengths
    assert len(lengths) == 3 * 3 * 3
    assert "27 lengths to measure on 3 lesions" in certification.out
    assert "keep them from the reader" in certification.out
    cases = {case.lesion_id: case for case in CASES}
    days = {(length.lesion_id, length.study_date) for length in lengths}
    assert len(days) == 9
    with open_project(certification.folder) as project:
        for length in lengths:
            assert cell_of(project.store, length).status is CellStatus.UNREAD
            seed = project.store.get_lesion(length.lesion_id).seed  # type: ignore[union-attr]
            assert seed is not None
            assert project.store.get_volumes_with_frame(seed.sop_instance_uid, seed.frame_number)
            course = {visit.ap_mm for visit in cases[length.lesion_id].visits}
            assert length.sequence.value != "T1" or float(length.ap_mm) in course


def test_a_careful_reader_passes(certification: Made, reads: Callable[..., None]) -> None:
    reads("careful", scattered(0.5))
    result = run(
        "score", certification.folder, "--truth", certification.truth, "--reader", "careful"
    )
    assert "Reader careful passed." in result
    assert "27 on 3 lesions" in result
    record = json.loads(
        run(
            "score",
            certification.folder,
            "--truth",
            certification.truth,
            "--reader",
            "careful",
            "--json",
        )
    )
    assert record["passed"] is True
    assert record["reasons"] == []
    assert record["unread"] == 0
    every = [cell["error_mm"] for cell in record["cells"]]
    assert all(
        cell["error_mm"] == pytest.approx(cell["length_mm"] - cell["true_mm"])
        for cell in record["cells"]
    )
    assert record["sd_mm"]["value"] == pytest.approx(np.std(every, ddof=1), abs=1e-4)
    assert record["pass_mark"]["far_mm"] == 2.0


def test_a_reader_who_measures_too_long_does_not_pass(
    certification: Made, reads: Callable[..., None]
) -> None:
    reads("long", scattered(0.3, bias_mm=1.5))
    result = score_certification(certification.folder, certification.truth, "long").certification
    assert result.bias_mm.value == pytest.approx(1.5, abs=0.2)
    assert any("mm too long on average" in reason for reason in result.reasons)
    outcome = run("score", certification.folder, "--truth", certification.truth, "--reader", "long")
    assert "Reader long did not pass.\n  Lengths are 1." in outcome


def test_a_reader_who_scatters_does_not_pass(
    certification: Made, reads: Callable[..., None]
) -> None:
    reads("wild", scattered(3.0))
    reasons = " ".join(
        score_certification(certification.folder, certification.truth, "wild").certification.reasons
    )
    assert "Lengths scatter by" in reasons
    assert "more than 2.0 mm off" in reasons


def test_what_is_unread_is_named(certification: Made, reads: Callable[..., None]) -> None:
    reads("hasty", lambda n, _: None if n < 4 else 0.1 * (n % 3))
    result = run("score", certification.folder, "--truth", certification.truth, "--reader", "hasty")
    for length in certification.lengths[:4]:
        assert (
            f"No length: {length.lesion_id}, {length.study_date}, {length.sequence.value}: unread"
            in result
        )
    assert result.count("No length") == 4
    assert "4 of 27 lengths are unread or not measurable: more than 10%" in result


def test_drafts_count_once_they_are_signed(certification: Made) -> None:
    first, second, third = certification.lengths[:3]
    with open_project(certification.folder) as project:
        store = project.store
        row = caliper(store, first, "drafter", float(first.ap_mm))
        cell = cell_of(store, first)
        assert cell.volume is not None
        line = draft_line(
            cell, first.lesion_id, cell.volume, len(cell.volume.planes) // 2,
            ((5.0, 20.0), (float(str(row["column_2"])), 20.0)), reader="drafter", at=NOON,
        )  # fmt: skip
        gone_reading = draft_answer(
            cell_of(store, second), second.lesion_id, Answer.GONE, reason="", reader="drafter",
            at=NOON,
        )  # fmt: skip
        cannot = draft_answer(
            cell_of(store, third), third.lesion_id, Answer.NOT_MEASURABLE, reason="blurred",
            reader="drafter", at=NOON,
        )  # fmt: skip
        store.add_readings([line, gone_reading, cannot])
    before = score_certification(certification.folder, certification.truth, "drafter")
    assert [length.missing for length in before.lengths[:4]] == ["a draft, not signed"] * 3 + [
        "unread"
    ]
    with open_project(certification.folder) as project:
        store = project.store
        log = get_own_readings(store, first.lesion_id, "drafter")
        store.add_signature(sign_drafts(log, find_signed_ids(store), statement="Read.", at=NOON))
    after = score_certification(certification.folder, certification.truth, "drafter")
    error_mm = after.lengths[0].error_mm
    assert error_mm is not None
    assert abs(error_mm) <= Decimal("0.06")  # the rounding to 0.1 mm, once
    assert after.lengths[1].error_mm == -second.ap_mm  # gone is 0.0 mm, and wrong
    assert after.lengths[2].missing == "not measurable: blurred"
    assert after.certification.unread == 25


def test_a_reader_who_recorded_nothing_is_told_so(certification: Made) -> None:
    with pytest.raises(InputError, match="Reader nobody has recorded nothing here"):
        score_certification(certification.folder, certification.truth, "nobody")


def test_the_truth_of_another_folder_is_refused(certification: Made, tmp_path: Path) -> None:
    other_truth = tmp_path / "other.csv"
    other_truth.write_text(certification.truth.read_text().replace(",2.25.", ",2.25.1"))
    with pytest.raises(InputError, match="belongs to another folder"):
        score_certification(certification.folder, other_truth, "careful")


@pytest.mark.parametrize("truth", ["room/truth.csv", "room/kept/truth.csv", "room/../room/t.csv"])
def test_the_truth_never_lies_with_the_reader(tmp_path: Path, truth: str) -> None:
    with pytest.raises(InputError, match="lies in the reader's folder"):
        make_certification(tmp_path / "room", tmp_path / truth, at=NOON, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_a_link_into_the_folder_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "room")
    with pytest.raises(InputError, match="lies in the reader's folder"):
        make_certification(tmp_path / "room", tmp_path / "elsewhere" / "truth.csv", at=NOON, seed=1)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    truth, folder = tmp_path / "truth.csv", tmp_path / "room"
    truth.write_text("an earlier truth")
    with pytest.raises(InputError, match="exists already"):
        make_certification(folder, truth, at=NOON, seed=1)
    folder.mkdir()
    (folder / "thesis.txt").write_text("five years of work")
    with pytest.raises(InputError, match="is in use"):
        make_certification(folder, tmp_path / "new.csv", at=NOON, seed=1)
    assert truth.read_text() == "an earlier truth"
    assert (folder / "thesis.txt").read_text() == "five years of work"


def test_a_set_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _lengths: Sequence[TrueLength]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("opp_mri.workflow.double_read.certify._write_truth", full)
    monkeypatch.setattr("opp_mri.workflow.double_read.certify._fill", lambda *_: None)
    with pytest.raises(InputError, match="No space left"):
        make_certification(
            tmp_path / "room", tmp_path / "truth.csv", at=NOON, seed=1, patients=["PHANTOM-03"],
            coarse=True, workers=1,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_patient_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no patient with that name"):
        make_certification(
            tmp_path / "room", tmp_path / "t.csv", at=NOON, seed=1, patients=["NOBODY"]
        )
    assert list(tmp_path.iterdir()) == []


def test_a_set_too_small_to_pass_on_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = CertificationSet(folder=tmp_path, truth=tmp_path / "t.csv", lesions=2, lengths=30)
    monkeypatch.setattr("opp_mri.cli.certify.make_certification", lambda *_, **__: small)
    ran = CliRunner().invoke(certify_group, ["make", "room", "--truth", "t.csv"])
    assert ran.exit_code == 0
    assert "Too few to pass: the minimum is 20 lengths on 3 lesions." in ran.output


def test_another_seed_takes_other_patients_and_visits() -> None:
    drawn_names = [tuple(sorted(_draw_lesions(seed))) for seed in range(20)]
    assert all(len(set(name)) == 5 for name in drawn_names)
    assert len(set(drawn_names)) > 10
    patient = {"patient_id": "PHANTOM-01", "visits": [{}] * 5}
    visits = {tuple(_choose_visits(seed, patient, 2)) for seed in range(40)}
    assert visits == {(0, 1), (0, 2), (0, 3), (0, 4)}


def test_every_option_has_its_help() -> None:
    for command in certify_group.commands.values():
        assert command.help
        assert all(param.help for param in command.params if isinstance(param, click.Option))
