"""What a newcomer is told exists: targets, tools, versions, files."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "napari-opp-mri" / "src" / "opp_mri_napari"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = ("CONTRIBUTING.md", "README.md", "docs/how-to/install.md", ".github/workflows/test.yml")


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"(?:`|^    |run: )make ([a-z]+)", text_of(page), re.MULTILINE))
    assert targets <= TARGETS, targets - TARGETS
    assert "test" in targets


def test_every_file_that_contributing_names_exists() -> None:
    paths = re.findall(r"`((?:opp_mri|tests|docs|plugins)/[\w./-]+)`", text_of("CONTRIBUTING.md"))
    paths += re.findall(r"python (tests/\S+\.py)`", text_of("CONTRIBUTING.md"))
    assert len(paths) > 20
    assert [name for name in paths if not (ROOT / name).exists()] == []


def test_the_test_that_contributing_runs_exists() -> None:
    (command,) = re.findall(r"pytest -q -n 0 (\S+) -k (\w+)", text_of("CONTRIBUTING.md"))
    assert command[1] in (ROOT / command[0]).read_text(encoding="utf-8")


def test_the_citation_names_the_version_and_the_licence_of_the_project() -> None:
    citation = text_of("CITATION.cff")
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation
    assert f"\n## {PROJECT['version']}\n" in text_of("CHANGELOG.md")


def test_the_workflow_tries_each_python_that_is_promised() -> None:
    (versions,) = re.findall(r"python: \[(.*)\]", text_of(".github/workflows/test.yml"))
    assert re.findall(r'"([\d.]+)"', versions) == ["3.11", "3.12", "3.13"]
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_hooks_call_tools_of_the_environment_and_no_address() -> None:
    hooks = text_of(".pre-commit-config.yaml")
    assert "://" not in hooks
    entries = re.findall(r"entry: (\S+)", hooks)
    assert entries
    assert all(entry.startswith(".venv/bin/") for entry in entries)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_walks_of_the_architecture_name_functions_that_are_in_their_files() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    steps = re.findall(r"^\d+\. `([^`]+\.py)`: `(\w+)`", page, flags=re.MULTILINE)
    assert len(steps) > 20
    missing_steps = [
        f"{path}: {name}"
        for path, name in steps
        for file in [ROOT / path if path.startswith("opp_mri/") else PLUGIN / path]
        if not re.search(rf"\b(?:def|class) {name}\b", file.read_text())
    ]
    assert missing_steps == []
