"""How well follow-ups are registered, and whether a wrong fit is ever called good.

Phantoms with known truth: target registration error (TRE) at fifteen landmarks of the lesion's
vertebra, ours next to its peers in one run, on easy, hard and dark sets; then fits that are wrong
on purpose and pairs of different patients, of which none may be called good; then the real series,
where their folder is given.

    make peers   # once: SimpleITK, elastix, ANTs and greedy, 1.5 GB, apart from everything else
    python benchmarks/registration.py --real FOLDER --records FILE.jsonl --write PAGE.md

Every case is recorded as soon as it has run, and a case that is recorded is not run again, so a run
may be stopped (or given an end by `--until`) and continued; the page is written of what there is.
Use a new file of records for a new version of the algorithm. Phantoms are kept under the temporary
directory and made again when their code changes.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from registration_cases import (
    DARK,
    EASY_T1,
    EASY_T2FS,
    HARD_T1,
    Case,
    Record,
    get_pairs,
    list_round,
    measure_error,
    run_case,
)
from registration_page import write_page
from registration_sets import Pair

ROUNDS: Final = 15
PEERS: Final[dict[str, dict[str, int]]] = {  # pairs of a set, some of each phantom
    "elastix, tuned to the vertebra": {EASY_T1: 100, EASY_T2FS: 40, HARD_T1: 50, DARK: 96},
    "SimpleITK, local correlation": {EASY_T1: 20, EASY_T2FS: 20, HARD_T1: 20},
    "ANTs, local": {EASY_T1: 20, EASY_T2FS: 20, HARD_T1: 20, DARK: 24},
    "SimpleITK, tutorial settings": {EASY_T1: 10},
    "SimpleITK, MI 10%": {EASY_T1: 10},
    "elastix, default rigid": {EASY_T1: 10},
    "ANTs, rigid": {EASY_T1: 10},
    "greedy, NMI": {EASY_T1: 10},
    "greedy, NCC": {EASY_T1: 10},
}
PHANTOMS: Final = {EASY_T1: 10, EASY_T2FS: 10, HARD_T1: 10, DARK: 4}


def list_peer_tasks(number: int) -> list[tuple[str, str, int]]:
    """List method, set and count of pairs that the peers get of one phantom."""
    return [
        (method, section, -(-count // PHANTOMS[section]))
        for method, counts in PEERS.items()
        for section, count in counts.items()
        if number < PHANTOMS[section]
    ]


def run_peer(task: tuple[str, str, int], number: int, python: Path) -> list[Record]:
    """Run a peer over some pairs of a phantom, in the peers' own environment."""
    method, section, count = task
    pairs = get_pairs(section, number)
    selected_pairs = [
        pairs[n] for n in sorted({round(x) for x in np.linspace(0, len(pairs) - 1, count)})
    ]
    script = Path(__file__).with_name("registration_peers.py")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.json"
        paths = write_pairs(selected_pairs, Path(folder))
        command = [python, script, method, output, *paths]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        answers = json.loads(output.read_text())
    return [
        {
            "case": f"{section}|{number}|{method}",
            "section": section,
            "method": method,
            "name": pair.name,
            "seconds": round(answer["seconds"], 3),
        }
        | measure_error(pair, np.array(answer["matrix"]))
        for pair, answer in zip(selected_pairs, answers, strict=True)
    ]


def write_pairs(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """Write pairs for another Python, both volumes with their geometry."""
    paths = []
    for number, pair in enumerate(pairs):
        arrays: dict[str, object] = {"centre": pair.baseline.centre_lps_mm}
        for name, scan in (("first", pair.baseline), ("second", pair.followup)):
            geometry = scan.volume.geometry
            arrays |= {
                f"{name}_voxels": scan.volume.voxels,
                f"{name}_spacing_kji_mm": geometry.spacing_kji_mm,
                f"{name}_origin_lps_mm": geometry.origin_lps_mm,
                f"{name}_directions": geometry.directions,
            }
        paths.append(folder / f"{number}.npz")
        np.savez(paths[-1], **arrays)  # type: ignore[arg-type]
    return paths


def read_records(path: Path) -> list[Record]:
    """Read what has been recorded; a last line that was cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def run_open_cases(todo: Sequence[Case], until: float, workers: int) -> Iterable[list[Record]]:
    """Run cases until a time."""
    if workers == 1:
        for case in todo:
            if time.time() > until:
                return
            yield run_case(case)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for start in range(0, len(todo), 4 * workers):
            if time.time() > until:
                return
            yield from pool.map(run_case, todo[start : start + 4 * workers])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="fewer are quicker")
    parser.add_argument("--records", type=Path, help="file of what has been run, JSON lines")
    parser.add_argument("--only", action="append", default=[], help="sections that begin so")
    parser.add_argument(
        "--peers", type=Path, default=Path(".venv-peers/bin/python"),
        help="Python that `make peers` installed; without it only ours is measured",
    )  # fmt: skip
    parser.add_argument("--no-ours", action="store_true", help="run the peers only")
    parser.add_argument("--real", type=Path, help="folder of the real spine on two dates")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--until", help="start no case after this time of day, as 21:40")
    parser.add_argument("--write", type=Path, help="write the page here")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core
    until = float("inf")
    if options.until:
        today = time.strftime("%Y-%m-%d ") + options.until
        until = time.mktime(time.strptime(today, "%Y-%m-%d %H:%M"))
    path = options.records or Path(tempfile.mkdtemp()) / "records.jsonl"
    records = read_records(path)
    run = {record["case"] for record in records}
    peers = options.peers if options.peers.exists() else None
    if peers is None:
        print(f"{options.peers} is not there: `make peers` installs the peers. Ours only.")

    def record(case_records: list[Record]) -> None:
        with path.open("a") as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in case_records))
        records.extend(case_records)
        print(
            time.strftime("%H:%M:%S"),
            case_records[0]["case"],
            f"{len(case_records)} records",
            flush=True,
        )

    only = tuple(options.only or [""])
    for number in range(options.rounds):
        cases = [] if options.no_ours else list_round(number, options.real)
        todo = [case for case in cases if case.section.startswith(only) and case.key not in run]
        for case_records in run_open_cases(todo, until, options.workers):
            record(case_records)
        for task in list_peer_tasks(number) if peers else []:
            key = f"{task[1]}|{number}|{task[0]}"
            if task[1].startswith(only) and key not in run and time.time() < until:
                record(run_peer(task, number, peers))
        if options.write:
            write_page(options.write, records, options.real)


if __name__ == "__main__":
    main()
