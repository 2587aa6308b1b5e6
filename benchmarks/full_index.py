"""How long a whole `opp-mri index` takes in two versions of opp_mri: headers, store, roles.

Both versions take turns in one run, each time in a new process and a new project, so that a busy
machine slows both alike. What is timed is the processor time of one process.

    git worktree add --detach /tmp/before e48bb36
    python benchmarks/full_index.py /tmp/before . [FILES [ROUNDS]]

With no rounds, the instructions that each version executes are counted by valgrind instead, less
those for an empty folder: a number that does not depend on what else the machine does.
"""

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROUNDS = 7
FILES = 3000
PLACES = ("opp_mri.workflow.catalogue.index", "opp_mri.workflow.index")  # new, old


def main() -> None:
    from indexing import write_corpus  # not in the process of the older version: it cannot

    trees = [Path(argument).resolve() for argument in sys.argv[1:3]]
    files = int(sys.argv[3]) if len(sys.argv) > 3 else FILES
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else ROUNDS
    seconds: dict[Path, list[float]] = {tree: [] for tree in trees}
    with tempfile.TemporaryDirectory() as corpus:
        write_corpus(Path(corpus), files)
        if rounds == 0:
            print_instructions(trees, corpus)
            return
        for _ in range(rounds + 1):  # the first round warms up and is not counted
            for tree in trees:
                seconds[tree].append(seconds_of(tree, corpus))
    before, after = (statistics.median(seconds[tree][1:]) for tree in trees)
    print("| version | s of processor time, median | smallest |\n|---|---:|---:|")
    for name, tree in zip(("before", "after"), trees, strict=True):
        times_s = seconds[tree][1:]
        print(f"| {name} | {statistics.median(times_s):.2f} | {min(times_s):.2f} |")
    print(f"\n{files} files, {rounds} rounds: {100 * (after / before - 1):+.0f}%")


def seconds_of(tree: Path, corpus: str) -> float:
    """Index a corpus with the code of one tree, in a process of its own."""
    answer = subprocess.run(
        [sys.executable, __file__, "--index", tree, corpus],
        env={"PYTHONPATH": str(tree), "PATH": ""}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(answer.stdout.split()[-1])


def print_instructions(trees: Sequence[Path], corpus: str) -> None:
    """Count the instructions that indexing a corpus takes in each version."""
    with tempfile.TemporaryDirectory() as empty:
        before, after = (
            instructions_of(tree, corpus) - instructions_of(tree, empty) for tree in trees
        )
    print(f"{before / 1e9:.2f} and {after / 1e9:.2f} billion: {100 * (after / before - 1):+.1f}%")


def instructions_of(tree: Path, corpus: str) -> int:
    """Count the instructions of a process that indexes a corpus, its start included."""
    cachegrind = [
        "valgrind",
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ]
    answer = subprocess.run(
        [*cachegrind, sys.executable, __file__, "--index", tree, corpus],
        env={"PYTHONPATH": str(tree), "PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(answer.stderr.split("refs:")[1].split()[0].replace(",", ""))


def index_once(tree: Path, corpus: Path) -> None:
    """Index a corpus in a new project and print the processor time."""
    projects = importlib.import_module("opp_mri.workflow.project")
    assert Path(projects.__file__ or "").is_relative_to(tree)
    index = next(filter(None, map(_index_in, PLACES)))
    with tempfile.TemporaryDirectory() as folder:
        projects.create_project(Path(folder) / "project")
        with projects.open_project(Path(folder) / "project") as project:
            start_s = time.process_time()
            index(project, [corpus], workers=1)
            print(time.process_time() - start_s)


def _index_in(place: str) -> Callable[..., object] | None:
    try:
        index: Callable[..., object] = importlib.import_module(place).index
    except ModuleNotFoundError:
        return None
    return index


if __name__ == "__main__":
    if sys.argv[1] == "--index":
        index_once(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
