"""These tests need napari, which the core does without."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from makers import NOON

from opp_mri.workflow.align import align_project
from opp_mri.workflow.index import index
from opp_mri.workflow.lesions import add_lesions
from opp_mri.workflow.phantom import write_phantom
from opp_mri.workflow.project import Project, create_project, open_project

pytest.importorskip("napari", reason="napari is not installed: the plugin's tests are left out")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what opens a window together on one worker."""
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(pytest.mark.xdist_group("window"))


@pytest.fixture(scope="session")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one coarse phantom patient, its lesion added and its follow-ups lined up."""
    folder = tmp_path_factory.mktemp("review")
    cohort = write_phantom(folder / "cohort", patients=["PHANTOM-01"], coarse=True, workers=1)
    create_project(folder / "project")
    with open_project(folder / "project") as project:
        index(project, [cohort.dicom], workers=1)
        add_lesions(project.store, cohort.lesions, NOON)
        align_project(project, NOON, workers=1)
    return folder / "project"


@pytest.fixture
def project(aligned: Path, tmp_path: Path) -> Iterator[Project]:
    """That project, open, to be changed."""
    with open_project(copytree(aligned, tmp_path / "project")) as opened:
        yield opened
