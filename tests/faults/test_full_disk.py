"""A disk that is full: words, and nothing left that stands in the way once there is room."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LITTLE, ENOUGH = "60k", "40m"


def opp_mri(
    *words: str | Path, largest_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program, with a limit on the size of each file that it writes or without."""

    def limit() -> None:
        if largest_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, largest_bytes))

    return subprocess.run(
        [sys.executable, "-c", "from opp_mri.cli.app import main; main()", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=300, preexec_fn=limit,
    )  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={LITTLE}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Only an administrator can mount a small file system here.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def make_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={ENOUGH}", str(disk)], check=True)


def in_words(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode not in (0, 1), run
    assert "Traceback" not in run.stderr + run.stdout
    assert len(run.stderr) < 400
    return run.stderr


def test_init_on_a_full_disk_leaves_nothing_in_the_way(disk: Path) -> None:
    assert "The disk is full" in in_words(opp_mri("init", disk / "study"))
    make_room(disk)
    assert opp_mri("init", disk / "study").returncode == 0
    assert opp_mri("audit", "verify", "--project", disk / "study").returncode == 0


def test_init_with_a_limit_on_files_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """The portable way: the system refuses to let a file grow."""
    in_words(opp_mri("init", tmp_path / "study", largest_bytes=20_000))
    assert not (tmp_path / "study" / "opp_mri.sqlite").exists()
    assert opp_mri("init", tmp_path / "study").returncode == 0


def test_a_phantom_with_a_limit_on_files_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    words = ("phantom", tmp_path / "cohort", "--patient", "PHANTOM-03")
    in_words(opp_mri(*words, largest_bytes=20_000))
    assert list((tmp_path / "cohort").rglob("*")) == []  # phantom takes an empty folder
