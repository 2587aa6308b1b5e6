"""What the documents say, done: every command has its help, and the code in them runs."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from fixtures import command_server as command_server_module
from fixtures import commands_page, python_page

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("sample_data/*/README.md"),
    ]
)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    pytest.importorskip("opp_mri_napari", reason="the page has the verbs of the plugin too")
    # by a process of its own: a command keeps the help that it was first asked for
    process = subprocess.run(
        [sys.executable, commands_page.__file__, "-"], capture_output=True, check=True
    )
    assert commands_page.PAGE.read_bytes() == process.stdout


def test_the_page_of_keys_is_what_the_window_does() -> None:
    pytest.importorskip("opp_mri_napari", reason="the keys are the plugin's")
    from fixtures import keys_page

    assert keys_page.PAGE.read_text(encoding="utf-8") == keys_page.page()


def test_the_page_of_python_is_what_the_door_says() -> None:
    assert python_page.PAGE.read_text(encoding="utf-8") == python_page.page()


def test_the_example_on_the_page_of_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = ROOT / "sample_data" / "patient"
    for name in ("dicom", "lesions.csv", "calipers.csv"):
        (tmp_path / name).symlink_to(patient / name)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", python_page.INTRODUCTION, re.M | re.S)
    values: dict[str, Any] = {}
    exec(code, values)  # noqa: S102  # the example is ours
    assert len(values["cohort"]) == 1


def test_every_command_and_option_has_help() -> None:
    for words, command in commands_page.commands(commands_page.cli, "opp-mri"):
        assert command.help, words
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (words, option.name)


def test_every_command_has_an_example_that_its_own_parser_accepts() -> None:
    for words, command in commands_page.commands(commands_page.cli, "opp-mri"):
        heading, line = (command.epilog or "").removeprefix("\b\n").split("\n")
        assert heading == "Example:", words
        word_count = len(words.split())
        typed_words = shlex.split(line)
        assert typed_words[:word_count] == words.split()
        context = click.Context(command, info_name=words)
        values, *_ = command.make_parser(context).parse_args(typed_words[word_count:])
        for option in command.params:
            if option.required and not isinstance(option, click.Argument):
                assert values.get(str(option.name)), (words, option.name)
            if isinstance(option.type, click.Choice):
                option.process_value(context, values.get(str(option.name)))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.fixture(scope="session")
def shell_environment(
    tmp_path_factory: pytest.TempPathFactory, command_server: str
) -> dict[str, str]:
    """An environment in which `opp-mri` is the one under test."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "opp-mri"
    script.write_text(
        f"#!{sys.executable} -ISE\n"
        "import sys\n"
        f"sys.path.insert(0, {str(Path(command_server_module.__file__).parent)!r})\n"
        "from command_server import ask\n"
        f"sys.exit(ask({command_server!r}, sys.argv))\n"
    )
    script.chmod(0o755)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
        "OPP_MRI_SOURCE": str(ROOT),
    }


def sessions(page: Path) -> list[tuple[str, list[str]]]:
    """Commands of the console blocks of a page, each with the output lines that follow it."""
    result: list[tuple[str, list[str]]] = []
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                result.append((line[2:], []))
            elif line.startswith("> ") and result:
                result[-1] = (f"{result[-1][0]}\n{line[2:]}", [])
            elif line.strip() and line.strip() != "...":
                result[-1][1].append(line)
    return result


@pytest.mark.parametrize("page", [page for page in PAGES if sessions(page)], ids=named)
def test_the_console_blocks_of_a_page_do_what_they_show(
    page: Path, tmp_path: Path, shell_environment: dict[str, str]
) -> None:
    for command, output_lines in sessions(page):
        assert shlex.split(command, comments=True)
        process = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=shell_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed_lines = [
            " ".join(line.split()) for line in (process.stdout + process.stderr).splitlines()
        ]
        assert process.returncode == 0 or output_lines, (command, process.stderr)
        for line in output_lines:
            assert " ".join(line.split()) in printed_lines, (command, line, printed_lines)


def test_the_sample_data_show_what_their_page_says(opp_mri: Callable[..., Any]) -> None:
    page = (ROOT / "sample_data" / "README.md").read_text(encoding="utf-8")
    categories = dict(re.findall(r"^\| (OPP-\d+) \|.*\| (\w+) \|$", page, re.MULTILINE))
    tables = ("--measurements", "measurements.csv", "--events", "events.csv")
    assessments = opp_mri("assess", *tables, "--json", cwd=ROOT / "sample_data").json
    assert {lesion["lesion_id"]: lesion["category"] for lesion in assessments} == categories
    assert len(categories) == 9
