"""What a second worker of a Dask scheduler gains: headers, a whole index, and registrations.

    python benchmarks/workers.py [FILES [ROUNDS]]

One and two workers take turns, each with a scheduler of its own on this machine; wall time, since
the work is done in other processes. Prints medians, their ratio, and the load of the machine: with
fewer free cores than workers and this process the ratio says little.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
sys.path.append(str(Path(__file__).parents[1]))
from fixtures.clusters import running_cluster

from benchmarks import reindexing
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.executors import THREADS, ClusterExecutor, open_cluster
from opp_mri.workflow.project import create_project, open_project
from opp_mri.workflow.registration.align import align_project

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure_headers(source: Path, executor: ClusterExecutor) -> None:
    for _ in scan(find_sources([source]), workers=executor.count_workers(), executor=executor):
        pass


def measure_index(source: Path, executor: ClusterExecutor) -> None:
    with tempfile.TemporaryDirectory() as name:
        create_project(Path(name))
        with open_project(Path(name)) as project:
            index(project, [source], executor=executor)


def measure_alignment(source: Path, executor: ClusterExecutor) -> None:
    with tempfile.TemporaryDirectory() as name:
        create_project(Path(name))
        with open_project(Path(name)) as project:
            index(project, [source], workers=1)
            start_s = time.perf_counter()
            align_project(project, NOW, quick=True, executor=executor)
            spent.append(time.perf_counter() - start_s)


spent: list[float] = []
"""Seconds of the alignments alone."""


def time_step(run: Callable[[Path, ClusterExecutor], None], source: Path, address: str) -> float:
    with open_cluster(address) as executor:
        assert executor is not None
        start_s = time.perf_counter()
        run(source, executor)
        seconds = time.perf_counter() - start_s
    return spent[-1] if run is measure_alignment else seconds


def main() -> None:
    os.environ.update(dict.fromkeys(THREADS, "1"))  # of the workers, as their nannies see to it
    file_count, rounds = [*map(int, sys.argv[1:3]), *(10_000, 3)[len(sys.argv[1:3]) :]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reindexing.make_files(folder / "files", file_count)
        phantom = write_phantom(
            folder / "phantom", patients=["PHANTOM-01", "PHANTOM-02"], coarse=True, workers=1
        )
        steps = (
            ("headers", measure_headers, folder / "files"),
            ("whole index", measure_index, folder / "files"),
            ("registration", measure_alignment, phantom.dicom),
        )
        times: dict[tuple[str, int], list[float]] = {}
        for _ in range(rounds):
            for workers in (1, 2):
                place = Path(tempfile.mkdtemp(dir=folder))
                with running_cluster(place, workers=workers) as cluster:
                    for step, run, source in steps:
                        seconds = time_step(run, source, cluster.address)
                        times.setdefault((step, workers), []).append(seconds)
                        print(f"{step}, {workers}: {seconds:.2f} s", file=sys.stderr, flush=True)
        print(f"{file_count} files, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print("| step | one worker, s | two workers, s | ratio |\n|---|---:|---:|---:|")
        for step, *_ in steps:
            alone, together = (statistics.median(times[step, workers]) for workers in (1, 2))
            print(f"| {step} | {alone:.2f} | {together:.2f} | {alone / together:.2f} |")


if __name__ == "__main__":
    main()
