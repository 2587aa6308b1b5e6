"""How long a large cohort takes from tables to report, figures and bundle, and in what memory.

Each verb is run as a user does, in a process of its own, on the tables of a synthetic cohort.

    python benchmarks/cohort.py [LESIONS]
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from fixtures.cohort_makers import AMINI, make_cohort

from opp_mri.domain.assessment import Rules
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.exporting import ExportFormat, export_cohort

GOAL_S, GOAL_GB = 60, 2
RUN = "from opp_mri.cli import main; main()"
WORDS = (
    ("cohort", "--json"),
    ("cohort", "report", "report.html"),
    ("cohort", "report", "report.pdf"),
    ("cohort", "figures", "figures"),
    ("cohort", "export", "export", "--format", "csv", "--format", "parquet"),
    ("cohort", "bundle", "bundle", "--without-pdf"),
)


def run(words: tuple[str, ...], folder: Path) -> tuple[float, float, float]:
    """Return wall and processor seconds, and the largest memory in GB."""
    silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    start = time.perf_counter()
    os.chdir(folder)
    command = [sys.executable, "-c", RUN, *words, "--tables", "tables"]
    process = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    assert status == 0, words
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def main() -> None:
    lesions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    late = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = Cohort(lesions=make_cohort(lesions), rules=Rules(criteria=AMINI))
        export_cohort(cohort, folder / "tables", formats=[ExportFormat.CSV])
        print(f"{lesions} lesions, {os.cpu_count()} cores\n")
        print("| command | wall s | processor s | GB |\n|---|---|---|---|")
        for words in WORDS:
            wall_s, processor_s, memory_gb = run(words, folder)
            command = f"opp-mri {' '.join(words)}"
            print(
                f"| `{command}` | {wall_s:.1f} | {processor_s:.1f} | {memory_gb:.2f} |", flush=True
            )
            if wall_s > GOAL_S or memory_gb > GOAL_GB:
                late.append(command)
    if late:
        sys.exit(f"Over {GOAL_S} s or {GOAL_GB} GB: {', '.join(late)}")


if __name__ == "__main__":
    main()
