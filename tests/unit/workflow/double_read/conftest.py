"""A study of two patients, with a package for each of two readers."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study

from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.project import Project, open_project


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, IssuedPackage]]:
    """A study of two patients with both packages out, nothing read."""
    folder = tmp_path_factory.mktemp("study")
    with open_project(make_study(folder, ["P1", "P2"])) as project:
        declare(project, folder)
        issued_package = {
            reader: make_package(project, reader, folder / reader, NOON).issued
            for reader in ("reader-1", "reader-2")
        }
    return folder, issued_package


@pytest.fixture
def folder(study: tuple[Path, dict[str, IssuedPackage]], tmp_path: Path) -> Path:
    for name in ("project", "reader-1", "reader-2"):
        copytree(study[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def issued_packages(study: tuple[Path, dict[str, IssuedPackage]]) -> dict[str, IssuedPackage]:
    return study[1]


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with open_project(folder / "project") as opened_project:
        yield opened_project
