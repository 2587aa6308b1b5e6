"""All benchmarks of speed in one run: opp_mri next to its peers, ratios, medians, growth.

    python -m benchmarks.bench [--quick] [--only PART] [--write FOLDER]

With `--only` the other parts stay on the page as an earlier run measured them, so that a run that
was stopped is completed part by part. What only opp_mri does is measured in seconds of processor
time, as the machine may be busy, and so are all readers of headers, in turn. Series are loaded in
turn too, and wall time is measured, as codecs run in processes of their own.
Writes `benchmarks-measured.md`, `.png` and `.json` into FOLDER (docs/reference by default). With
`--quick` the sizes are so small that only the harness is tested, and their times mean nothing.
It needs the bench requirements; a part whose program is not installed is left out by name.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from attrs import asdict
from matplotlib.figure import Figure

from benchmarks import bench_parts, classifying, cohort, indexing, loading, reindexing, scale
from benchmarks.bench_rows import FULL, OURS, QUICK, Row, Sizes
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.domain.assessment import Rules
from opp_mri.response.classify import classify
from opp_mri.workflow.project import create_project

ROOT = Path(__file__).parents[1]
NAME = "benchmarks-measured"
PEERS = (
    "pydicom", "SimpleITK", "python-gdcm", "dcm2niix", "statsmodels", "scikit-image", "numpy",
    "sqlalchemy",
)  # fmt: skip
SCRIPTS = {  # with a table of their own; here their text is kept
    "window": ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", sys.executable,
               "benchmarks/reading_room.py", "1"],
}  # fmt: skip


GOALS = {  # part, case, first word of the reader: time of the reader / time of opp_mri, at least
    ("indexing", "synthetic MR files", "pydicom"): 20,
    ("indexing", "synthetic MR files", "GDCM"): 4,
    ("indexing", "real files", "pydicom"): 20,
    ("indexing", "real files", "GDCM"): 4,
    ("loading", "uncompressed", "bare"): 0.67,
    ("loading", "uncompressed", "pydicom"): 9,
    ("loading", "uncompressed", "SimpleITK"): 15,
    ("loading", "JPEG 2000", "SimpleITK"): 1,
    ("loading", "enhanced multi-frame", "pydicom"): 1,
}


GOALS_S = {  # part, case, size: seconds, at most
    ("project", "unchanged", 10_000): 0.5,
    ("store", "timeline", 1_000_000): 0.005,
    ("classification", "lesions", 100_000): 3,
    ("cohort", "cohort --json", 10_000): 5,
    ("cohort", "cohort bundle", 10_000): 15,
}


def measure_indexing(sizes: Sizes) -> Iterator[Row]:
    for count in sizes.files:
        with tempfile.TemporaryDirectory() as name:
            indexing.write_corpus(Path(name), count)
            yield from _measure_headers("synthetic MR files", Path(name), sizes.rounds)
    real = os.environ.get("OPP_MRI_REAL_DATA")
    if real and sizes is FULL:
        with tempfile.TemporaryDirectory() as name:
            indexing.copy_images(Path(real), Path(name))
            yield from _measure_headers("real files", Path(name), sizes.rounds)


def _measure_headers(case: str, folder: Path, rounds: int) -> Iterator[Row]:
    files = list(find_sources([folder]))
    indexing.compare(files)
    medians = indexing.time_readers(folder, files, rounds)
    for reader, seconds in medians.items():
        yield Row(part="indexing", case=case, size=len(files), reader=reader, seconds=seconds)


def measure_loading(sizes: Sizes) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        for kind in loading.KINDS if sizes is FULL else loading.KINDS[:1]:
            folder = Path(name, kind)
            folder.mkdir()
            loading.write_series(kind, folder)
            for case in loading.cases(folder, kind):
                medians = loading.time_readers(case, sizes.rounds)
                for reader, ms in medians.items():
                    yield Row(
                        part="loading", case=kind, size=loading.SLICES, reader=reader,
                        seconds=ms / 1000,
                    )  # fmt: skip


def measure_index_again(sizes: Sizes) -> Iterator[Row]:
    for count in sizes.files_again:
        with tempfile.TemporaryDirectory() as name:
            source, project = Path(name, "files"), Path(name, "project")
            reindexing.make_files(source, count)
            create_project(project)

            def index_again(project: Path = project, source: Path = source) -> None:
                reindexing.indexed(project, source, 1)

            first_s = scale.spend(index_again)
            again_s = statistics.median(scale.spend(index_again) for _ in range(sizes.rounds))
        for case, seconds in (("first", first_s), ("unchanged", again_s)):
            yield Row(part="project", case=case, size=count, reader=OURS, seconds=seconds)


def measure_classification(sizes: Sizes) -> Iterator[Row]:
    rules = Rules(criteria=cohort.AMINI)
    for count in sizes.lesions:
        timelines = classifying.make_timelines(count)
        start_s = time.process_time()
        for timeline in timelines:
            classify(timeline, rules)
        seconds = time.process_time() - start_s
        yield Row(part="classification", case="lesions", size=count, reader=OURS, seconds=seconds)


PARTS: dict[str, Callable[[Sizes], Iterator[Row]]] = {
    "indexing": measure_indexing,
    "loading": measure_loading,
    "project": measure_index_again,
    "store": bench_parts.measure_store,
    "registration": bench_parts.measure_registration,
    "suggestion": bench_parts.measure_suggestion,
    "classification": measure_classification,
    "cohort": bench_parts.measure_cohort,
}


def run_script(command: Sequence[str]) -> str:
    """Run a benchmark that has a table of its own, and return what it prints."""
    if shutil.which(command[0]) is None:
        return f"Left out: {command[0]} is not installed."
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    return ran.stdout + (ran.stderr[-2000:] if ran.returncode else "")


def read_earlier(
    path: Path, parts: Sequence[str]
) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """Read what an earlier run measured of other parts than these, and on which machine."""
    if not path.is_file():
        return [], {}, {}
    numbers = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        Row(**{name: value for name, value in row.items() if name != "times_opp_mri"})
        for row in numbers["rows"]
        if row["part"] not in parts
    ]
    texts, machines = (
        {name: text for name, text in numbers.get(key, {}).items() if name not in parts}
        for key in ("texts", "machines")
    )
    return rows, texts, machines


def describe_processor() -> str:
    """Return the processor, and the load of this moment."""
    processors = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    }
    name = ", ".join(sorted(processors)) or platform.machine()
    return f"{os.cpu_count()} x {name}, load {os.getloadavg()[0]:.1f}"


def describe_system() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {find_version(name)}" for name in PEERS),
    }


def find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed, left out)"


def find_ours(rows: Sequence[Row]) -> dict[tuple[str, str, int], float]:
    """Return the seconds of opp_mri by part, case and size."""
    return {
        (row.part, row.case, row.size): row.seconds for row in rows if row.reader.startswith(OURS)
    }


def write_page(
    folder: Path,
    system: dict[str, str],
    rows: list[Row],
    texts: dict[str, str],
    machines: dict[str, str],
) -> None:
    """Write the page, the plot and the numbers as they are so far."""
    own_seconds = find_ours(rows)
    ratios = [
        row.seconds / own_seconds.get((row.part, row.case, row.size), row.seconds) for row in rows
    ]
    numbers: dict[str, Any] = {
        "system": system,
        "machines": machines,
        "rows": [
            {**asdict(row), "times_opp_mri": ratio} for row, ratio in zip(rows, ratios, strict=True)
        ],
        "texts": texts,
    }
    parts = {row.part for row in rows} | texts.keys()
    missing = [name for name in (*PARTS, *SCRIPTS) if name not in parts]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# Speed, measured",
        "",
        "Written by `make bench`. Readers of one case take turns within one run; seconds are",
        "medians, of processor time but for loading, where codecs run in other processes.",
        "“Times opp_mri” is the time of a reader divided by that of opp_mri. On a busy machine",
        "only these ratios mean something, and that of JPEG 2000 suffers.",
        "Sizes are files, readings, pairs of images, proposals, slices or lesions. How accurate",
        "registrations and proposals are is on [their](registration-measured.md)",
        "[pages](suggestion-measured.md); here is what they take.",
        f"Not in this run: {', '.join(missing) or 'nothing'}.",
        "",
        *(f"- {name}: {text}" for name, text in system.items()),
        "",
        f"![Growth with size, and ratios to peers]({NAME}.png)",
    ]
    for part in dict.fromkeys(row.part for row in rows):
        lines += ["", f"## {part.capitalize()}", "", *describe_place(part, machines)]
        lines += [
            "| case | size | reader | seconds | times opp_mri | goal |",
            "|---|---:|---|---:|---:|---|",
        ]
        lines += [
            f"| {row.case} | {row.size:,} | {row.reader} | {row.seconds:.4g} | {ratio:.2f} "
            f"| {describe_goal(row, ratio)} |"
            for row, ratio in zip(rows, ratios, strict=True)
            if row.part == part
        ]
    for name, text in texts.items():
        lines += ["", f"## {name.capitalize()}", "", *describe_place(name, machines)]
        lines += ["```text", text.strip(), "```"]
    (folder / f"{NAME}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(folder / f"{NAME}.png", rows)


def describe_place(part: str, machines: dict[str, str]) -> list[str]:
    return [f"Machine: {machines[part]}.", ""] if part in machines else []


def describe_goal(row: Row, ratio: float) -> str:
    goal_s = GOALS_S.get((row.part, row.case, row.size))
    if goal_s is not None:
        return f"at most {goal_s:g} s, {'met' if row.seconds <= goal_s else 'missed'}"
    goal = GOALS.get((row.part, row.case, row.reader.split()[0]))
    if goal is None:
        return ""
    return f"{goal}, {'met' if ratio >= goal else 'missed'}"


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw the growth of each case of opp_mri, and the ratios of the peers at the largest size."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    growth, bars = figure.subplots(1, 2)
    curves: dict[str, list[tuple[int, float]]] = {}
    for (part, case, size), seconds in find_ours(rows).items():
        curves.setdefault(f"{part}: {case}", []).append((size, seconds))
    for name, points in curves.items():
        if len(points) > 1:
            growth.loglog(*zip(*sorted(points), strict=True), marker="o", label=name)
    growth.set(xlabel="files, readings or lesions", ylabel="seconds", title="Growth of opp_mri")
    if growth.lines:
        growth.legend(fontsize=7)
    own_seconds = find_ours(rows)
    ratios = {
        f"{row.case}: {row.reader.split()[0]}": row.seconds
        / own_seconds[row.part, row.case, row.size]
        for row in rows
        if not row.reader.startswith(OURS) and (row.part, row.case, row.size) in own_seconds
    }  # of several sizes the last, which is the largest
    bars.barh(list(ratios), list(ratios.values()))
    bars.axvline(1, color="black")
    bars.set(xscale="log", xlabel="time of the peer / time of opp_mri", title="Peers")
    bars.tick_params(axis="y", labelsize=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="small sizes: tests the harness")
    parser.add_argument(
        "--only", action="append", choices=(*PARTS, *SCRIPTS), help="may be given several times"
    )
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "reference")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    sizes = QUICK if options.quick else FULL
    folder = options.write.absolute()
    parts = options.only or ([*PARTS] if options.quick else [*PARTS, *SCRIPTS])
    rows, texts, machines = (
        read_earlier(folder / f"{NAME}.json", parts) if options.only else ([], {}, {})
    )
    system = {**describe_system(), "rounds": str(sizes.rounds)}
    for part in parts:
        machines[part] = describe_processor()
        if part in SCRIPTS:
            texts[part] = run_script(SCRIPTS[part])
        else:
            for row in PARTS[part](sizes):
                rows.append(row)
                print(
                    f"{row.part}, {row.case}, {row.size}: {row.reader} {row.seconds:.4g} s",
                    flush=True,
                )
                if not options.quick:  # a run that is stopped leaves what it measured
                    write_page(folder, system, rows, texts, machines)
        write_page(folder, system, rows, texts, machines)
    print(f"Written: {folder / NAME}.md, .png and .json")


if __name__ == "__main__":
    main()
