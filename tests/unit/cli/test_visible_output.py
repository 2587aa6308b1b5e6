"""Terminal escapes and bidirectional overrides are shown, not sent, through every door.

The project holds them wherever text can come from: headers, file names, and records of a store
that an earlier version wrote, since tables refuse them.
"""

import io
import json
import os
import pty
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen
from fixtures.dicom_makers import write_study
from fixtures.makers import NOON, make_lesion
from fixtures.small_study import VISITS

from opp_mri.cli import main
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, Reading
from opp_mri.domain.visible_text import make_visible
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import create_project, open_project

HOSTILE: Final = "A\x1b]0;owned\x07\x9b2J\u202eB"
SHOWN: Final = r"A\u001b]0;owned\u0007\u009b2J\u202eB"
IN_FILE_NAME: Final = "scan\x1b]0;owned\x07\u202e.dcm"
COMMANDS: Final = (
    "series", "patients", "files", "readings", "timeline", "assess", "lesion list", "visit list",
    "audit show", "audit verify", "cohort",
)  # fmt: skip
JSON_COMMANDS: Final = ("series", "patients", "readings", "timeline", "lesion list", "audit show")


@frozen
class Ran:
    """What a command sent to its standard streams."""

    out: str
    err: str


def run(*words: object, expect: int = 0) -> Ran:
    """Run the command line with streams that keep every character as it is sent."""
    with pytest.MonkeyPatch.context() as patch:
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12"]
        patch.setattr(sys, "argv", ["opp-mri", *map(str, words)])
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        patch.setattr(os, "umask", lambda _mask: 0)
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    assert code == expect, err
    return Ran(out, err)


@pytest.fixture(scope="module")
def hostile_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one patient whose every text holds what would act on a terminal."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, day in enumerate(VISITS):
        write_study(
            folder / "dicom", {"SeriesDescription": f"T1 SAG {HOSTILE}"},
            study=f"1{number}", seed=number, StudyDate=f"{day:%Y%m%d}", PatientID=HOSTILE,
            PatientName=HOSTILE, StudyDescription=HOSTILE, ContrastBolusAgent=HOSTILE,
        )  # fmt: skip
    (folder / "dicom" / IN_FILE_NAME).write_bytes(b"no image")
    create_project(folder / "project")
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"], workers=1)
        patient_id = project.store.get_patients()[0].patient_id
        project.store.add_lesions([make_lesion(HOSTILE, patient_id=patient_id)], NOON)
        project.store.add_readings([
            Reading(
                reading_id=f"{number}", lesion_id=HOSTILE, sequence=SeriesRole.T1, reader=HOSTILE,
                study_date=day, answer=Answer.MEASURED, length_mm=Decimal(10 + number),
                length_source=LengthSource.IMPORTED, caliper=None, reason=HOSTILE,
                remarks=(HOSTILE,), recorded_at=NOON,
            )
            for number, day in enumerate(VISITS)
        ])  # fmt: skip
    return folder / "project"


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_prints_shows_it(command: str, hostile_project: Path) -> None:
    ran = run(*command.split(), "--project", hostile_project)
    assert make_visible(ran.out) == ran.out
    assert make_visible(ran.err) == ran.err


def test_it_is_seen_as_it_is(hostile_project: Path) -> None:
    assert SHOWN in run("readings", "--project", hostile_project).out
    assert SHOWN in run("patients", "--project", hostile_project).out


@pytest.mark.parametrize("command", JSON_COMMANDS)
def test_json_stays_equal(command: str, hostile_project: Path) -> None:
    ran = run(*command.split(), "--json", "--project", hostile_project)
    assert make_visible(ran.out) == ran.out
    assert json.loads(ran.out)


def test_the_lesion_of_a_json_document_has_its_very_name(hostile_project: Path) -> None:
    ran = run("lesion", "list", "--json", "--project", hostile_project)
    assert json.loads(ran.out)[0]["lesion_id"] == HOSTILE


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["timeline", f"{HOSTILE}?", "--project", "."], 5),
        ([HOSTILE], 2),
        (["measure", f"{HOSTILE}.csv"], 2),
        (["restore", __file__, HOSTILE], 3),
    ],
)
def test_an_error_shows_what_was_typed(
    words: list[str], code: int, hostile_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile_project)
    ran = run(*words, expect=code)
    assert make_visible(ran.err) == ran.err
    assert ran.err


def test_a_table_that_holds_it_is_refused_in_visible_words(
    hostile_project: Path, tmp_path: Path
) -> None:
    table = tmp_path / f"{HOSTILE.replace('/', '')}.csv"
    table.write_text(f"lesion_id,date,event,value\n{HOSTILE},2024-03-01,exclusion,{HOSTILE}\n")
    ran = run("lesion", "event", table, "--project", hostile_project, expect=3)
    assert "U+001B" in ran.err
    assert make_visible(ran.err) == ran.err


@pytest.mark.parametrize("words", [("readings",), ("index", "dicom"), ("timeline",)])
def test_a_terminal_gets_only_the_sequences_of_opp_mri_itself(
    words: tuple[str, ...], hostile_project: Path
) -> None:
    terminal_text = sent_to_terminal(
        *words, "--project", str(hostile_project), folder=hostile_project.parent
    )
    assert terminal_text
    for sequence in ("\x1b]", "\x07", "\x9b", "\u202e"):
        assert sequence not in terminal_text


def sent_to_terminal(*words: str, folder: Path) -> str:
    """Run a command with a terminal as its standard streams; gives all that it sends."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(folder)
        program = "from opp_mri.cli import main; main()"
        os.execv(sys.executable, [sys.executable, "-c", program, *words])  # noqa: S606
    content = b""
    with suppress(OSError):  # so a terminal ends that nobody uses any more
        while part := os.read(terminal, 65536):
            content += part
    os.close(terminal)
    os.waitpid(process, 0)
    return content.decode()


def test_a_report_shows_it(hostile_project: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    run("cohort", "patient", SHOWN, report, "--project", hostile_project)
    page = report.read_text(encoding="utf-8")
    assert make_visible(page) == page
    assert SHOWN in page


def test_a_figure_shows_it(hostile_project: Path, tmp_path: Path) -> None:
    figure = tmp_path / "timeline.svg"
    run("timeline", HOSTILE, "--plot", figure, "--project", hostile_project)
    text = figure.read_text(encoding="utf-8")
    assert make_visible(text) == text
