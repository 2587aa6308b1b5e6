"""`opp-mri review`: found through the plugin, light to load, and refusing in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opp_mri_napari.commands import review_command

from opp_mri.cli.app import cli


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from opp_mri.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_the_command_line_finds_the_verb_of_the_plugin() -> None:
    import click

    assert cli.get_command(click.Context(cli), "review") is review_command
    assert list(cli.list_commands(click.Context(cli)))[-1] == "review"


def test_listing_the_verbs_loads_neither_napari_nor_qt() -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from opp_mri.cli.app import cli\n"
        "out = CliRunner().invoke(cli, ['review', '--help']).output\n"
        "CliRunner().invoke(cli, ['--help'])\n"
        "assert 'one key on an overlay' in out, out\n"
        "sys.exit(', '.join({'napari', 'qtpy', 'PySide6'} & set(sys.modules)) or 0)\n"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_it_is_said_in_a_sentence() -> None:
    nowhere = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    result = run("review", "--reader", "A", **nowhere)
    assert result.returncode == 2
    assert "There is no screen" in result.stderr


def test_what_is_no_project_and_a_lesion_that_is_not_there_open_no_window(
    aligned_project: Path, tmp_path: Path
) -> None:
    no_project = run("review", "--project", tmp_path, "--reader", "A", DISPLAY=":none")
    assert (no_project.returncode, no_project.stdout) == (6, "")
    assert "is not an opp_mri project" in no_project.stderr
    no_lesion = run("review", "X", "--project", aligned_project, "--reader", "A", DISPLAY=":none")
    assert no_lesion.returncode == 5
    assert "There is no lesion X" in no_lesion.stderr
