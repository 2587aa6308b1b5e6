"""How long a reader waits in the reading room: window, patient, drag, scroll, memory.

A patient of eight visits with three sequences of 15 x 512 x 512 is written for it; all visits
stand side by side in eight linked panes. Run under a screen, or under
`xvfb-run -a -s "-screen 0 1920x1080x24"`.

    python benchmarks/reading_room.py [ROUNDS]

Medians of rounds, each in a process of its own; fails where a goal is missed. An empty window of
napari is opened in turn with ours, as nothing that needs one can be up before it: where the
machine is shared, heed how our times stand to its, and the seconds of processor.
"""

import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

VISITS, SLICES, SIZE = 8, 15, 512
GOALS = {
    "window shown, s": 1.7,
    "first pane interactive, s": 0.4,
    "patient complete, s": 2.0,
    "caliper drag step, ms": 2.0,
    "linked scroll step over eight panes, ms": 2.0,
    "growth curve while dragging, ms": 10.0,
    "memory, MB": 500.0,
}
STEPS = 40
EMPTY, EMPTY_CPU = "empty window of napari, s", "empty window of napari, processor s"
SHOWN, SHOWN_CPU = "window shown, s", "window shown, processor s"
FIRST_CPU = "first pane interactive, processor s"
SCROLL = "linked scroll step over eight panes"
STEP_CPU = tuple(name.replace(", ms", ", processor ms") for name in GOALS if name.endswith(", ms"))


def make_project(folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from fixtures.dicom_makers import T1, T1POST, T2FS, write_series
    from pydicom import Dataset

    from opp_mri.domain.measurement import CommonPoint
    from opp_mri.workflow.catalogue.index import index
    from opp_mri.workflow.measuring.lesions import add_lesion
    from opp_mri.workflow.project import create_project, open_project
    from opp_mri.workflow.reading_room.room import open_patient

    rng = np.random.default_rng(1)

    def edit(dataset: Dataset, _number: int) -> None:
        dataset.Rows = dataset.Columns = SIZE
        dataset.PixelSpacing = [0.6, 0.6]
        # no two alike: indexing takes equal pixels for a second copy of one study
        dataset.PixelData = rng.normal(800, 40, (SIZE, SIZE)).astype("<u2").tobytes()

    for visit in range(VISITS):
        day = date(2024, 1, 15) + timedelta(days=60 * visit)
        for header in (T1, T2FS, T1POST):
            write_series(
                folder / "dicom", header, study=str(visit + 1), slices=range(SLICES), edit=edit,
                StudyDate=f"{day:%Y%m%d}",
            )  # fmt: skip
    create_project(folder / "project")
    moment = datetime.now(UTC)
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"])
        first = project.store.get_volumes()[0]
        add_lesion(
            project.store,
            {
                "lesion_id": "L", "patient_id": "P1", "level": "L1",
                "ssrs_first_date": "2024-02-01",
                "seed_sop_instance_uid": first.frames[7].sop_instance_uid,
                "seed_column": "256", "seed_row": "256",
            },
            moment,
        )  # fmt: skip
        for visit in range(1, VISITS):  # so that all panes are linked
            project.store.add_common_point(
                CommonPoint(
                    patient_id="P1", reader="A",
                    frame_of_reference_uid="1.2.3.1.0", point_lps_mm=(0.0, 0.0, 0.0),
                    other_frame_of_reference_uid=f"1.2.3.{visit + 1}.0",
                    other_point_lps_mm=(0.0, 0.0, 0.0), recorded_at=moment,
                )
            )  # fmt: skip
        if len(open_patient(project.store, "P1", "A").study_dates) != VISITS:
            raise SystemExit(f"The patient has not the {VISITS} visits that were written.")


def now() -> tuple[float, float]:
    """Return the time on the wall and that of this thread's processor."""
    return time.perf_counter(), time.thread_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    """Return how much of both has gone by, in s."""
    wall, processor = now()
    return wall - start[0], processor - start[1]


def medians(name: str, steps: list[tuple[float, float]]) -> dict[str, float]:
    """Return the medians of steps in ms: on a busy machine that of the processor counts."""
    walls, processors = zip(*steps, strict=True)
    return {
        f"{name}, ms": 1000 * statistics.median(walls),
        f"{name}, processor ms": 1000 * statistics.median(processors),
    }


def empty_window() -> dict[str, float]:
    """Open a window of napari with nothing in it."""
    start = time.perf_counter()
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    QApplication.instance().processEvents()
    times_s = {EMPTY: time.perf_counter() - start, EMPTY_CPU: time.process_time()}
    viewer.close()
    return times_s


def one_round(folder: Path) -> dict[str, float]:
    """Open the room once and take all times."""
    start = time.perf_counter()
    gc.disable()  # as `opp-mri read` does
    import napari
    from opp_mri_napari.reading.basics.views import Button, Pointer, PointerKind
    from opp_mri_napari.reading.presenter import ReadingRoom
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from qtpy.QtWidgets import QApplication

    from opp_mri.workflow.project import open_project

    times_s: dict[str, float] = {}
    project = open_project(folder / "project")
    viewer = napari.Viewer(show=False)
    room = ReadingRoom(project, "A")
    window = RoomWindow(viewer, room)
    viewer.window._qt_window.resize(1880, 1000)
    window.show()
    application = QApplication.instance()
    application.processEvents()
    times_s[SHOWN], times_s[SHOWN_CPU] = time.perf_counter() - start, time.process_time()
    gc.freeze()
    gc.enable()

    start = time.perf_counter()

    def until(ready: object) -> float:
        while not ready():  # type: ignore[operator]
            application.processEvents()
            time.sleep(0.001)
        return time.perf_counter() - start

    times_s["first pane interactive, s"] = until(
        lambda: any(len(pane.model.layers) for pane in window.grid.panes)
    )
    times_s[FIRST_CPU] = time.process_time() - times_s[SHOWN_CPU]
    times_s["patient complete, s"] = until(
        lambda: room.session.patient is not None and not room.session.count_missing_images()
        and not room.session.unsaved and len(window.grid.panes) == VISITS
    )  # fmt: skip
    for _ in range(20):
        application.processEvents()

    def pointer(kind: PointerKind, across_px: float, **how: object) -> Pointer:
        view = room.panes.panes[0]
        down, across = view.centre
        return Pointer(
            pane_id=view.pane_id, kind=kind, x_px=500 + across_px, y_px=400.0,
            place=(down, across + across_px / room.panes.zoom), **how,  # type: ignore[arg-type]
        )  # fmt: skip

    window.grid.pointer.emit(pointer(PointerKind.PRESS, -40, button=Button.LEFT))
    steps, curve = [], []
    for number in range(STEPS):
        event, start = pointer(PointerKind.MOVE, -40 + 2 * number), now()
        window.grid.pointer.emit(event)
        steps.append(since(start))
        start = now()
        window._show_timeline()
        curve.append(since(start))
        application.processEvents()
    window.grid.pointer.emit(pointer(PointerKind.RELEASE, 40, button=Button.LEFT))
    times_s |= medians("caliper drag step", steps) | medians("growth curve while dragging", curve)

    if room.session.lesion is None or not room.session.lesion.log:
        raise SystemExit("The drag left no caliper.")

    scrolls, places = [], []
    for number in range(STEPS):
        event = pointer(PointerKind.WHEEL, 0, notches=1 if number % 10 < 5 else -1)
        start = now()
        window.grid.pointer.emit(event)
        scrolls.append(since(start))
        places.append(room.panes.panes[-1].place)
        application.processEvents()
    if len({pane.place for pane in room.panes.panes}) != 1 or len(set(places)) == 1:
        raise SystemExit("The panes did not scroll together.")
    times_s |= medians(SCROLL, scrolls)
    times_s["memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    window.close()
    viewer.close()
    project.store.close()
    return times_s


def main() -> None:
    if sys.argv[1:2] == ["--round"]:
        print("told " + json.dumps(one_round(Path(sys.argv[2]))))
        return
    if sys.argv[1:2] == ["--empty"]:
        print("told " + json.dumps(empty_window()))
        return
    rounds = int(sys.argv[1]) if sys.argv[1:] else 3
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder))
        entries = []
        for _ in range(rounds):
            times_of_run: dict[str, float] = {}
            for words in (["--empty"], ["--round", folder]):
                process = subprocess.run(
                    [sys.executable, __file__, *words], capture_output=True, text=True, check=True
                )
                times_of_run |= json.loads(process.stdout.rpartition("told ")[2])
            entries.append(times_of_run)
    slow_steps = []
    print("| what | median | goal |\n|---|---|---|")
    for name in (EMPTY, EMPTY_CPU, SHOWN_CPU, FIRST_CPU, *STEP_CPU, *GOALS):
        goal = GOALS.get(name)
        median = statistics.median(entry[name] for entry in entries)
        print(f"| {name} | {median:.2f} | {'-' if goal is None else f'{goal:g}'} |")
        if goal is not None and median > goal:
            slow_steps.append(name)
    if slow_steps:
        raise SystemExit(f"Missed: {', '.join(slow_steps)}.")


if __name__ == "__main__":
    main()
