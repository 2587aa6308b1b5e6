"""A small `blinding_table.py`: a reader's script is at chance, the coordinator's tells all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fixtures.postgresql import ABSENT, binaries
from scipy import stats

PROGRAM = Path(__file__).with_name("blinding_table.py")


@pytest.fixture(scope="module")
def tables() -> dict[str, list[dict[str, Any]]]:
    """The tables of the reader and of the coordinator; in a process of its own."""
    if binaries() is None:
        pytest.skip(ABSENT)
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "--json", "--patients", "8", "--packages", "2"],
        capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(
            [str(PROGRAM.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stderr
    rows: dict[str, list[dict[str, Any]]] = json.loads(run.stdout)
    return rows


def test_a_script_with_the_readers_credentials_is_at_chance(
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    """Not better than chance, p > 0.0001; and nothing of the other reader."""
    *lots, rest = tables["reader"]
    for row in lots:
        test = stats.binomtest(row["right"], row["tries"], row["chance"], alternative="greater")
        assert test.pvalue > 1e-4, row
    assert rest["tries"] > 0
    assert rest["right"] == 0


def test_the_same_script_with_the_coordinators_credentials_tells_all(
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    """Or the script would be at chance because it cannot do better."""
    for row in tables["coordinator"]:
        assert row["right"] == row["tries"], row
