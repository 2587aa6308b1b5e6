"""A short `make fault-test`: nothing acknowledged is lost, and nothing goes unnoticed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("fault_table.py")
SMALL = {"kills": 12, "flips": 12, "edits": 25, "packages": 15, "rounds": 4}


@pytest.fixture(scope="module")
def table() -> list[dict[str, object]]:
    """Each line of the table; in a process of its own, which forks and kills."""
    words = [part for name, count in SMALL.items() for part in (f"--{name}", str(count))]
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "--json", *words], capture_output=True, text=True,
        check=False, timeout=900, env={**os.environ, "PYTHONPATH": os.pathsep.join(
            [str(PROGRAM.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stderr
    rows: list[dict[str, object]] = json.loads(run.stdout)
    return rows


def test_every_kind_of_fault_is_tried(table: list[dict[str, object]]) -> None:
    assert len(table) == 16
    assert all(row["runs"] for row in table)
    counts_by_fault = {str(row["fault"]): row["acknowledged"] for row in table}
    # an edit that changes nothing, such as a swap of equal rows, has nothing that could be noticed
    assert 0.8 * SMALL["edits"] <= counts_by_fault["store edited by SQL"] <= SMALL["edits"]
    assert counts_by_fault["package forged before its merge"] == SMALL["packages"]


@pytest.mark.parametrize("column", ["lost", "corrupted", "unnoticed"])
def test_nothing_is(table: list[dict[str, object]], column: str) -> None:
    assert [row for row in table if row[column]] == []
