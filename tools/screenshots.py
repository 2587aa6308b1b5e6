"""Make the pictures of the windows in docs/images anew, from the phantom, with real events.

xvfb-run -a -s "-screen 0 1920x1080x24" .venv/bin/python tools/screenshots.py
"""

import json
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import napari
import simulated_reader  # plays the two readers, as in the how-to
from opp_mri_napari.consensus.presenter import ConsensusPresenter
from opp_mri_napari.consensus.window import ConsensusWindow
from opp_mri_napari.reading.widgets.app import open_room
from opp_mri_napari.reading.widgets.window import RoomWindow
from opp_mri_napari.shared.geometry import find_direction_to_left
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.measure import measure as measure_table
from opp_mri.workflow.measuring.protocol import EXAMPLE, declare_protocol
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.registration.decisions import decide

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1500, 900)
LEFT = Qt.MouseButton.LeftButton


def main() -> None:
    """Make a project, and read it in the window."""
    IMAGES.mkdir(exist_ok=True)
    moment = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        cohort = write_phantom(Path(folder) / "cohort", patients=["PHANTOM-01"], workers=1)
        create_project(Path(folder) / "project")
        with open_project(Path(folder) / "project") as project:
            index(project, [cohort.dicom], workers=1)
            add_lesions(project.store, cohort.lesions, moment)
            for alignment in align_project(project, moment, workers=1).alignments:
                decide(project.store, alignment.fit_id, FitDecision.CONFIRMED, reader="Reader",
                       reason="", at=moment)  # fmt: skip
            truth = json.loads((cohort.dicom.parent / "truth.json").read_text())["patients"][0]
            walk(project, truth)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_project(read_twice(Path(folder), moment)) as project,
    ):
        resolve_a_pair(project)


def walk(project: Project, truth: dict[str, object]) -> None:
    """Read a patient to sign-off, and take pictures on the way."""
    window = open_room(project, "Reader")
    window.viewer.window._qt_window.showNormal()
    window.viewer.window._qt_window.resize(*SIZE)
    settle(window)
    shoot(window, "reading-room-open")
    ends = {
        (date.fromisoformat(visit["study_date"]), SeriesRole(name)): length
        for visit in truth["visits"]  # type: ignore[attr-defined]
        for name, length in visit["sequences"].items()
    }
    for number in range(len(ends)):
        current = window.room.navigation.current
        if current is None:
            raise SystemExit("There is no cell to read.")
        ends_and_length = ends[current.study_date, current.sequence]
        measure(window, ends_and_length, picture="reading-room-drag" if number == 3 else "")
        QTest.keyClick(canvas(window), Qt.Key.Key_Return)
        settle(window)
        if number == 9:
            shoot(window, "reading-room-timeline")
    QTest.keyClick(canvas(window), Qt.Key.Key_S)
    settle(window)
    shoot(window, "reading-room-sign-off")
    window.close()
    window.viewer.close()


def read_twice(folder: Path, moment: datetime) -> Path:
    """Make a project that two simulated readers have read; the second is careless."""
    cohort = write_phantom(folder / "cohort", patients=["PHANTOM-03"], workers=1)
    create_project(folder / "project")
    protocol = EXAMPLE.replace("repeats_share = 0.1", "repeats_share = 0.0")
    (folder / "protocol.toml").write_text(protocol, encoding="utf-8")
    with open_project(folder / "project") as project:
        index(project, [cohort.dicom], workers=1)
        add_lesions(project.store, cohort.lesions, moment)
        declare_protocol(project.store, folder / "protocol.toml")
        for reader in ("reader-1", "reader-2"):
            make_package(project, reader, folder / reader, moment)
    for reader in ("reader-1", "reader-2"):
        table = folder / f"{reader}.csv"
        simulated_reader.main(folder / "project", reader, cohort.calipers, table,
                              careless=reader == "reader-2")  # fmt: skip
        with open_project(folder / reader) as package:
            measure_table(package.store, table, moment)
        with open_project(folder / "project") as project:
            merge_package(project, folder / reader, moment, unsealed=True)
    return folder / "project"


def resolve_a_pair(project: Project) -> None:
    """Open the consensus room, and take a picture of a mean that is proposed."""
    viewer = napari.Viewer(title="OPP consensus")
    window = ConsensusWindow(viewer, ConsensusPresenter(project, "reader-1"))
    viewer.window._qt_window.showNormal()
    viewer.window._qt_window.resize(*SIZE)
    wait(2.0)
    window.refresh()
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_M)
    wait(0.6)
    napari_window = viewer.window._qt_window
    napari_window.screen().grabWindow(napari_window.winId()).save(
        str(IMAGES / "consensus-room.png")
    )
    window.close()
    viewer.close()


def wait(seconds: float) -> None:
    """Let the window paint."""
    end = time.time() + seconds
    while time.time() < end:
        QApplication.processEvents()
        time.sleep(0.005)


def measure(window: RoomWindow, length: dict[str, object], *, picture: str) -> None:
    """Scroll to the image of a true caliper, and draw it."""
    pane = window.room.panes.current
    if pane is None or pane.volume is None:
        raise SystemExit("There is nothing to measure on.")
    uids = [frame.sop_instance_uid for frame in pane.volume.frames]
    steps = (uids.index(length["sop_instance_uid"]) - pane.place) * find_direction_to_left(
        pane.volume.planes[0]
    )
    for _ in range(abs(steps)):
        QTest.keyClick(canvas(window), Qt.Key.Key_Up if steps > 0 else Qt.Key.Key_Down)
    start, end = (
        at(window, length[name]) for name in ("anterior_end_lps_mm", "posterior_end_lps_mm")
    )
    pane_canvas = canvas(window)
    QTest.mousePress(pane_canvas, LEFT, Qt.KeyboardModifier.NoModifier, start)
    for step in range(1, 6):
        QTest.mouseMove(pane_canvas, start + (end - start) * step / 5)
        settle(window, seconds=0.05)
    if picture:
        shoot(window, picture)
    QTest.mouseRelease(pane_canvas, LEFT, Qt.KeyboardModifier.NoModifier, end)
    settle(window)


def at(window: RoomWindow, point: object) -> QPoint:
    """Where a point of the patient is on the active pane."""
    pane = window.room.panes.current
    if pane is None or pane.plane is None or pane.geometry is None:
        raise SystemExit("There is nothing to measure on.")
    x, y, z = point  # type: ignore[misc]
    down, across = pane.geometry.screen_from_pixel(pane.plane.pixel_from_lps((x, y, z)))
    pane_canvas, zoom = canvas(window), window.room.panes.zoom
    return QPoint(
        round(pane_canvas.width() / 2 + (across - pane.centre[1]) * zoom),
        round(pane_canvas.height() / 2 + (down - pane.centre[0]) * zoom),
    )


def canvas(window: RoomWindow):  # type: ignore[no-untyped-def]
    """Give the canvas of the active pane."""
    return window.grid.panes[window.room.panes.active].canvas


def settle(window: RoomWindow, *, seconds: float = 0.6) -> None:
    """Wait until all is loaded, saved and painted."""
    end = time.time() + seconds
    while (
        time.time() < end or window.busy
        or len(window.grid.panes) < len(window.room.panes.panes)
    ):  # fmt: skip
        QApplication.processEvents()
        time.sleep(0.005)


def shoot(window: RoomWindow, name: str) -> None:
    """Take a picture of the window."""
    napari_window = window.viewer.window._qt_window
    napari_window.screen().grabWindow(napari_window.winId()).save(str(IMAGES / f"{name}.png"))


if __name__ == "__main__":
    main()
