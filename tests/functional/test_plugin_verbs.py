"""Verbs that an installed plugin adds: listed, loaded when asked for, and never in the way."""

from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from opp_mri.cli import app
from opp_mri.cli.catalogue import index_command


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """What is installed, for a test to add to; nothing at first."""
    entry_points: list[EntryPoint] = []
    monkeypatch.setattr(app, "entry_points", lambda *, group: _of(entry_points, group))
    return entry_points


def _of(entry_points: list[EntryPoint], group: str) -> list[EntryPoint]:
    return [entry for entry in entry_points if entry.group == group]


def found(name: str) -> click.Command:
    command = app.cli.get_command(click.Context(app.cli), name)
    assert command is not None
    return command


def verb(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=app.PLUGIN_GROUP)


def test_without_the_viewer_review_says_what_to_install(plugins: list[EntryPoint]) -> None:
    assert not plugins
    ran = CliRunner().invoke(app.cli, ["review", "--project", "p", "--reader", "A"])
    assert ran.exit_code == 2
    assert "come with the plugin napari-opp-mri, which is not installed" in ran.output
    assert "review" not in CliRunner().invoke(app.cli, ["--help"]).output


def test_a_plugin_that_cannot_be_loaded_says_so_and_breaks_no_other_verb(
    plugins: list[EntryPoint],
) -> None:
    plugins.append(verb("review", "there_is_no_such_module:command"))
    assert "(cannot be used: run it to see why)" in CliRunner().invoke(app.cli, ["--help"]).output
    assert found("criteria").name == "criteria"
    ran = CliRunner().invoke(app.cli, ["review", "--reader", "A"])
    assert ran.exit_code == 2
    assert "ModuleNotFoundError" in ran.output
    assert "install it again" in ran.output


def test_a_plugin_whose_verb_is_no_command_says_so(plugins: list[EntryPoint]) -> None:
    plugins.append(verb("odd", "math:pi"))
    ran = CliRunner().invoke(app.cli, ["odd"])
    assert ran.exit_code == 2
    assert "offers no command" in ran.output


def test_a_plugin_cannot_take_the_place_of_a_verb_of_the_core(plugins: list[EntryPoint]) -> None:
    plugins.append(verb("index", "math:pi"))
    assert found("index").help == index_command.help


def test_a_word_that_is_no_verb_is_a_wrong_command_line(plugins: list[EntryPoint]) -> None:
    assert not plugins
    ran = CliRunner().invoke(app.cli, ["reviews"])
    assert ran.exit_code == 2
    assert "No such command" in ran.output
