"""What a patient costs in time and bytes, how that grows, and what many workers gain.

    python -m benchmarks.scale [PATIENTS ...]

Indexes synthetic patients (one visit: 4 series of 25 slices), adds a lesion with 24 readings to
each, and measures the processor time and the bytes that each step takes for a patient. Then it
simulates the work of a registry from these times: one machine writes, workers read headers and
register, and workers are lost now and then. Tables for docs/explanation/scale.md.
"""

import heapq
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from attrs import frozen

from benchmarks import reindexing
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, Lesion, Reading
from opp_mri.workflow.assessing.respond import load_project_timelines
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import STORE_NAME, create_project, open_project

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASELINE, VISITS = date(2024, 1, 1), 8
SEQUENCES = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST)
FILES_OF_PATIENT = reindexing.SLICES * reindexing.SERIES_IN_STUDY
VISITS_OF_PATIENT = 8  # of the registry that is simulated
REGISTRATION_S = 4.0  # a visit of three sequences, processor time, coarse phantom without peers
LOST_EVERY_H = 24.0  # a worker is lost once a day, on average
PATIENTS_OF_TASK = 20


@frozen(kw_only=True)
class Cost:
    """What a patient costs: seconds of processor time, and bytes of the store."""

    scan_s: float
    index_s: float
    again_s: float
    readings_s: float
    timeline_s: float
    images_bytes: float
    readings_bytes: float


def measure(patients: int) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name, "files"), Path(name, "project")
        reindexing.make_files(source, patients * FILES_OF_PATIENT)
        create_project(folder)
        scan_s = spend(lambda: list(scan(find_sources([source]), workers=1)))
        with open_project(folder) as project:
            index_s = spend(lambda: index(project, [source], workers=1))
            again_s = spend(lambda: index(project, [source], workers=1))
        images_bytes = (folder / STORE_NAME).stat().st_size
        with open_project(folder) as project:
            lesions = [make_lesion(number) for number in range(patients)]
            readings = [reading for lesion in lesions for reading in make_readings(lesion)]
            project.store.add_lesions(lesions, NOW)
            readings_s = spend(lambda: project.store.add_readings(readings))
            lesion_ids = [lesion.lesion_id for lesion in lesions[:10]]
            load_project_timelines(project, lesion_ids[:1])
            timeline_s = spend(lambda: load_project_timelines(project, lesion_ids))
        whole_bytes = (folder / STORE_NAME).stat().st_size
    return Cost(
        scan_s=scan_s / patients,
        index_s=index_s / patients,
        again_s=again_s / patients,
        readings_s=readings_s / patients,
        timeline_s=timeline_s / len(lesion_ids),
        images_bytes=images_bytes / patients,
        readings_bytes=(whole_bytes - images_bytes) / patients,
    )


def spend(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that some work takes; the machine may be busy."""
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def make_lesion(number: int) -> Lesion:
    return Lesion(
        lesion_id=f"L{number}",
        tracking_uid=f"2.25.{number + 1}",
        patient_id=f"P{number}",
        level="L2",
        ssrs_first_date=BASELINE,
        ssrs_last_date=BASELINE,
    )


def make_readings(lesion: Lesion) -> list[Reading]:
    return [
        Reading(
            reading_id=f"{lesion.lesion_id}.{visit}.{sequence.value}",
            lesion_id=lesion.lesion_id,
            sequence=sequence,
            reader="A",
            study_date=BASELINE + timedelta(days=60 * visit - 10),
            answer=Answer.MEASURED,
            length_mm=Decimal(200 + 5 * (visit % 4)) / 10,
            length_source=LengthSource.IMPORTED,
            recorded_at=NOW,
        )
        for visit in range(VISITS)
        for sequence in SEQUENCES
    ]


def simulate(workers: int, tasks: int, task_s: float, written_s: float) -> float:
    """Return the hours that some tasks take, where workers are lost and one machine writes.

    Parameters
    ----------
    task_s, written_s
        Seconds of a worker for one task, and of the machine that writes its results.
    """
    chance = random.Random(2016)  # noqa: S311 - a simulation needs no secret
    free = [(0.0, number) for number in range(workers)]
    writer_s, task_count = 0.0, tasks
    while task_count:
        start_s, worker = heapq.heappop(free)
        spent_s = task_s * chance.uniform(0.7, 1.3)
        lost_s = chance.expovariate(1 / (3600 * LOST_EVERY_H))
        if lost_s < spent_s:  # another worker repeats it; this one is back after a minute
            heapq.heappush(free, (start_s + lost_s + 60, worker))
            continue
        task_count -= 1
        heapq.heappush(free, (start_s + spent_s, worker))
        writer_s = max(writer_s, start_s + spent_s) + written_s
    return writer_s / 3600


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or [10, 30, 100]
    print(
        "| patients | headers, ms | index, ms | unchanged, ms | 24 readings, ms | timeline, ms "
        "| images, kB | readings, kB |\n|---:|" + "---:|" * 7
    )
    for count in counts:
        cost = measure(count)
        seconds = (cost.scan_s, cost.index_s, cost.again_s, cost.readings_s, cost.timeline_s)
        cells = [f"{1000 * value:.1f}" for value in seconds]
        cells += [f"{value / 1000:.1f}" for value in (cost.images_bytes, cost.readings_bytes)]
        print(f"| {count} | {' | '.join(cells)} |", flush=True)
    patients = 1_000_000
    tasks = patients // PATIENTS_OF_TASK
    visits = PATIENTS_OF_TASK * VISITS_OF_PATIENT
    print("\n| workers | index, h | registration, h |\n|---:|---:|---:|")
    for workers in (1, 4, 16, 64, 256):
        index_h = simulate(
            workers, tasks, visits * cost.scan_s, visits * (cost.index_s - cost.scan_s)
        )
        fits = PATIENTS_OF_TASK * (VISITS_OF_PATIENT - 1)
        align_h = simulate(workers, tasks, fits * REGISTRATION_S, fits * 0.001)
        print(f"| {workers} | {index_h:,.0f} | {align_h:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
