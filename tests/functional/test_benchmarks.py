"""The command for all benchmarks runs, and writes its page, plot and numbers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_bench(folder: Path, *words: str) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench", "--quick", "--write", folder, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    numbers: dict[str, Any] = json.loads((folder / "benchmarks-measured.json").read_text())
    return numbers


def test_the_short_version_measures_each_part_next_to_its_peers(tmp_path: Path) -> None:
    numbers = run_bench(tmp_path)
    parts = {"indexing", "loading", "project", "store", "classification", "cohort"}
    parts |= {"registration", "suggestion"}
    assert {row["part"] for row in numbers["rows"]} == parts
    readers = " ".join({row["reader"] for row in numbers["rows"]})
    peers = ("pydicom", "GDCM", "SimpleITK", "bare read", "sqlite3", "statsmodels", "Chan-Vese")
    assert all(peer in readers for peer in peers)
    assert all(row["seconds"] > 0 and row["times_opp_mri"] > 0 for row in numbers["rows"])
    page = (tmp_path / "benchmarks-measured.md").read_text()
    assert all(f"## {part.capitalize()}" in page for part in parts)
    assert (tmp_path / "benchmarks-measured.png").read_bytes().startswith(b"\x89PNG")
    kept_rows = [row for row in numbers["rows"] if row["part"] != "classification"]
    all_rows = run_bench(tmp_path, "--only", "classification")["rows"]
    assert [row for row in all_rows if row["part"] != "classification"] == kept_rows
    assert len(all_rows) == len(numbers["rows"])
