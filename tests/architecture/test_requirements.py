"""What is installed is free to use, locked and hashed, and says nothing of where it came from."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import (
    PackageNotFoundError,
    distribution,
    distributions,
    packages_distributions,
)
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKED = sorted(REQUIREMENTS.glob("*.txt"))
PURPOSES = ("core", "viewer", "dev", "bench")  # each holds the one before it
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License", re.IGNORECASE)


def required_by(name: str) -> dict[str, str]:
    """Return each distribution that `name` requires, itself included, with its licence."""
    licences: dict[str, str] = {}
    open_names = [name]
    while open_names:
        current = canonicalize_name(open_names.pop())
        if current not in licences:
            result = distribution(current)
            licences[current] = licence(result.metadata.json)
            for text in result.requires or []:
                requirement = Requirement(text)
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    open_names.append(requirement.name)
    return licences


def licence(metadata: dict[str, str | list[str]]) -> str:
    """Return the licence as declared: its expression, or else its classifiers, or else its text."""
    if expression := metadata.get("license_expression"):
        return str(expression)
    classifiers = [c for c in metadata.get("classifier", []) if c.startswith("License ::")]
    # of a text only the title: scipy appends those of the libraries in its wheel
    return " ".join(classifiers) or str(metadata.get("license", "")).split("\n")[0]


def test_no_required_dependency_is_under_a_gpl() -> None:
    licences = required_by("opp-mri")
    assert len(licences) > 20
    assert {name: text for name, text in licences.items() if COPYLEFT.search(text)} == {}


OFFERED_OTHERWISE = {  # under LGPL or MPL too, by which they are taken; neither is required
    "pyphen": "Mozilla Public License",  # of the extra pdf
    "pyside6-essentials": "LGPL-3.0-only",  # Qt, of the viewer; linked dynamically
    "shiboken6": "LGPL-3.0-only",
}


@pytest.mark.parametrize("name", ["core", "viewer"])
def test_nothing_that_is_locked_is_under_a_gpl_alone(name: str) -> None:
    lock = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    licences = {}
    for pin in re.findall(r"^([^\s=]+)==", lock, re.MULTILINE):
        with suppress(PackageNotFoundError):  # for another system than this one
            licences[pin] = licence(distribution(pin).metadata.json)
    copyleft = {package: text for package, text in licences.items() if COPYLEFT.search(text)}
    assert len(licences) > 40
    for package, text in copyleft.items():
        assert OFFERED_OTHERWISE.get(package, "none") in text, package


def test_the_bill_of_materials_names_everything_that_is_locked() -> None:
    path = REQUIREMENTS / "viewer.txt"
    bills = [
        subprocess.run(
            [sys.executable, ROOT / "tools" / "sbom.py", path], capture_output=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert bills[0] == bills[1]
    bill = json.loads(bills[0])
    pins = re.findall(r"^([^\s;]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(component["name"], component["version"]) for component in bill["components"]] == pins
    assert all(
        any(part["name"].startswith("opp-mri:sha256") for part in record["properties"])
        for record in bill["components"]
    )
    without_licence = {record["name"] for record in bill["components"] if not record["licenses"]}
    distributions_here = {
        re.sub(r"[-_.]+", "-", distribution.name).lower() for distribution in distributions()
    }
    assert without_licence & distributions_here == set(), (
        "only what another system or Python needs has no licence"
    )


def test_every_required_dependency_declares_its_licence() -> None:
    without_condition = [name for name, text in required_by("opp-mri").items() if not text.strip()]
    assert without_condition == []


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.stem)
def test_every_locked_requirement_is_pinned_and_hashed(path: Path) -> None:
    entries = re.split(r"\n(?=\S)", path.read_text().strip())
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry.split("\n")[0]
        assert "--hash=sha256:" in entry, entry.split("\n")[0]


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.stem)
def test_no_requirement_file_names_a_registry(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", path.read_text())


@pytest.mark.parametrize(("smaller", "larger"), list(pairwise(PURPOSES)))
def test_each_purpose_holds_the_very_versions_of_the_one_before(smaller: str, larger: str) -> None:
    pins = [
        set(re.findall(r"^([^\s;]+==[^\s;]+)", (REQUIREMENTS / f"{name}.txt").read_text(), re.M))
        for name in (smaller, larger)
    ]
    assert pins[0] - pins[1] == set()


def test_the_core_is_locked_without_qt_or_napari() -> None:
    names = re.findall(r"^([^\s=]+)==", (REQUIREMENTS / "core.txt").read_text(), re.M)
    assert not [name for name in names if re.search("napari|qt|pyside", name, re.IGNORECASE)]


def imported_distributions(*folders: Path) -> dict[str, set[str]]:
    """Return each distribution that is imported from below some folders, with the files that do."""
    owners = packages_distributions()
    importers: dict[str, set[str]] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in {name.partition(".")[0] for name in modules} & owners.keys():
                for owner in owners[module]:
                    importers.setdefault(canonicalize_name(owner), set()).add(path.name)
    return importers


def declared(pyproject: Path, *extras: str) -> set[str]:
    """Return the distributions that a project declares, itself included."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name) for text in (*texts, project["name"])}


CORE, PLUGIN = ROOT / "pyproject.toml", ROOT / "plugins/napari-opp-mri/pyproject.toml"


@pytest.mark.parametrize(
    ("folder", "allowed_names"),
    [
        ("opp_mri", declared(CORE, "pdf", "distributed", "object-store")),
        ("plugins/napari-opp-mri/src", declared(PLUGIN)),
        ("tests", declared(CORE, "pdf", "dev") | declared(PLUGIN)),
    ],
)
def test_what_is_imported_is_declared(folder: str, allowed_names: set[str]) -> None:
    importers = imported_distributions(ROOT / folder)
    assert {name: files for name, files in importers.items() if name not in allowed_names} == {}
    assert {"attrs", "numpy"} <= importers.keys()
