"""These tests need napari, which the core does without."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from fixtures.makers import NOON
from fixtures.shared_work import make_once

from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.registration.align import align_project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytest.importorskip("napari", reason="napari is not installed: the plugin's tests are left out")


@pytest.fixture(scope="session")
def frozen_modules() -> Iterator[None]:
    """Keep the objects of loaded modules out of the garbage collections around each viewer."""
    import opp_mri_napari.reading.widgets.window  # noqa: F401  # with napari and Qt

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def aligned_project(
    coarse_phantom: Callable[..., PhantomSummary], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project of one coarse phantom patient, its lesion added and its follow-ups lined up."""
    cohort = coarse_phantom("PHANTOM-01")

    def make(folder: Path) -> Path:
        create_project(folder / "project")
        with open_project(folder / "project") as project:
            index(project, [cohort.dicom], workers=1)
            add_lesions(project.store, cohort.lesions, NOON)
            align_project(project, NOON, workers=1)
        return folder / "project"

    return make_once(tmp_path_factory, "aligned", make)


@pytest.fixture
def project(aligned_project: Path, tmp_path: Path) -> Iterator[Project]:
    """That project, open, to be changed."""
    with open_project(copytree(aligned_project, tmp_path / "project")) as opened_project:
        yield opened_project


@pytest.fixture
def make_napari_viewer(
    frozen_modules: None,  # noqa: ARG001  # before the viewer
    make_napari_viewer: Callable[..., "Viewer"],
) -> Callable[..., "Viewer"]:
    """Open viewers, whose garbage is collected quickly."""
    return make_napari_viewer


@pytest.fixture
def open_window(
    make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> Iterator[Callable[..., "RoomWindow"]]:
    """Opens the reading room on a project, for reader A where no other is named."""
    from fixtures.window_driver import settle
    from opp_mri_napari.reading.presenter import ReadingRoom
    from opp_mri_napari.reading.widgets.window import RoomWindow

    opened_window: list[RoomWindow] = []

    def opener(
        project: Project, *, reader: str = "A", wait: bool = True, **how: object
    ) -> RoomWindow:
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1400, 900)
        room = ReadingRoom(project, reader, clock=lambda: NOON)
        opened_window.append(RoomWindow(viewer, room, **how))  # type: ignore[arg-type]
        if wait:
            settle(opened_window[-1], qtbot)
        return opened_window[-1]

    yield opener
    for window in opened_window:
        window.close()


@pytest.fixture
def window(open_window: Callable[..., "RoomWindow"], project: Project) -> "RoomWindow":
    """The reading room on the coarse phantom patient."""
    return open_window(project)
