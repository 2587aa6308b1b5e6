"""The tests give the same answers however they were started, and leave no process behind."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CTRL_C_TESTS = [
    "tests/unit/dicom/test_scan.py::test_ctrl_c_ends_the_scan_without_noise_from_its_processes",
    "tests/unit/dicom/test_scan.py::test_a_ctrl_c_that_comes_while_processes_start_is_not_lost",
]


def test_tests_of_ctrl_c_pass_where_sigint_was_ignored_when_they_were_started() -> None:
    launcher = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    process = subprocess.run(
        [sys.executable, "-c", launcher, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-p", "no:xdist", *CTRL_C_TESTS],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    assert "2 passed" in process.stdout


def test_every_process_of_a_test_is_started_where_its_end_is_certain() -> None:
    starters = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if f"{subprocess.Popen.__name__}(" in path.read_text()
    ]
    assert starters == ["tests/fixtures/processes.py"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
