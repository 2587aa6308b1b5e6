"""The scan: every file gets an answer, in order, whatever happens."""

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import attrs
import pytest
from fixtures.dicom_files import mr_image, written
from fixtures.processes import started

from opp_mri.dicom import scan as scanning
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import ScannedFile, scan
from opp_mri.domain.imaging import FileStatus, SourceFile


def scanned(*sources: Path, workers: int = 1) -> list[ScannedFile]:
    return list(scan(find_sources(sources), workers=workers))


def images(folder: Path, count: int) -> None:
    for number in range(count):
        dataset = mr_image(SOPInstanceUID=f"1.2.{number}", InstanceNumber=number)
        (folder / f"{number:04}").write_bytes(written(dataset))


def test_every_file_is_accounted_for_in_its_order(tmp_path: Path) -> None:
    images(tmp_path, 3)
    (tmp_path / "0001").write_bytes((tmp_path / "0001").read_bytes()[:-5])
    (tmp_path / "notes.txt").write_text("none")
    result = scanned(tmp_path)
    assert [file.status for file in result] == [
        FileStatus.IMAGE,
        FileStatus.TRUNCATED,
        FileStatus.IMAGE,
        FileStatus.NOT_DICOM,
    ]
    assert [volume.instance is None for volume in result] == [False, True, False, True]
    assert [bool(file.detail) for file in result] == [False, True, False, True]


def test_sources_are_left_as_they_were(tmp_path: Path) -> None:
    images(tmp_path, 2)
    (tmp_path / "0000").chmod(stat.S_IRUSR)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    scanned(tmp_path)
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    assert after == before


def test_an_archive_gives_what_its_folder_gives(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    images(folder, 3)
    (folder / "0001").write_bytes((folder / "0001").read_bytes()[:-5])
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    plain, packed_files = scanned(folder), scanned(tmp_path / "study.zip")
    assert [attrs.evolve(file, source=plain[0].source) for file in packed_files] == [
        attrs.evolve(file, source=plain[0].source) for file in plain
    ]


def test_an_archive_in_an_archive_is_not_looked_into_and_says_so(tmp_path: Path) -> None:
    for name, content in (("in.zip", b"1"), ("out.zip", b"")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("in.zip", content or (tmp_path / "in.zip").read_bytes())
    (result,) = scanned(tmp_path / "out.zip")
    assert result.status is FileStatus.ARCHIVE
    assert "unpack it" in result.detail


def test_a_damaged_archive_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and nothing more")
    (result,) = scanned(tmp_path)
    assert result.status is FileStatus.UNREADABLE
    assert "damaged" in result.detail


def test_a_member_with_damaged_bytes_is_unreadable(tmp_path: Path) -> None:
    images(tmp_path, 1)
    content = (tmp_path / "0000").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", content)
    zip_content = bytearray((tmp_path / "a.zip").read_bytes())
    zip_content[60:200] = bytes(140)
    (tmp_path / "a.zip").write_bytes(zip_content)
    (result,) = scanned(tmp_path / "a.zip")
    assert result.status is FileStatus.UNREADABLE
    assert "damaged" in result.detail


def test_a_member_locked_with_a_password_is_unreadable(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"secret")
    zip_content = bytearray((tmp_path / "a.zip").read_bytes())
    zip_content[zip_content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(zip_content)
    (result,) = scanned(tmp_path / "a.zip")
    assert result.status is FileStatus.UNREADABLE
    assert "password" in result.detail


def test_a_file_that_went_away_is_unreadable(tmp_path: Path) -> None:
    missing_source = SourceFile(path=str(tmp_path / "gone"), size_bytes=1, modified_ns=0)
    (result,) = scan([missing_source], workers=1)
    assert result.status is FileStatus.UNREADABLE
    assert "not there" in result.detail


def test_the_first_answers_come_before_the_last_files_are_listed(tmp_path: Path) -> None:
    images(tmp_path, 200)
    sources_taken: list[SourceFile] = []
    files = (sources_taken.append(source) or source for source in find_sources([tmp_path]))
    next(scan(files, workers=1))
    assert len(sources_taken) < 200


def test_a_pool_gives_the_same_answers_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path, 300)
    monkeypatch.setattr(scanning, "POOL_PAYS_AFTER_S", 0.0)
    assert scanned(tmp_path, workers=2) == scanned(tmp_path, workers=1)


def test_a_process_that_is_killed_loses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path, 400)
    monkeypatch.setattr(scanning, "POOL_PAYS_AFTER_S", 0.0)
    answers = scan(find_sources([tmp_path]), workers=2)
    result = [next(answers) for _ in range(65)]  # the pool has begun
    for process in multiprocessing.active_children():
        os.kill(process.pid or 0, signal.SIGKILL)
    result += answers
    assert Counter(file.status for file in result) == {FileStatus.IMAGE: 400}


ENDLESS_SCAN = """
import sys
from opp_mri.dicom import scan as scanning
from opp_mri.dicom.headers.sources import find_sources

def main():
    scanning.POOL_PAYS_AFTER_S = 0.0
    files = list(find_sources([sys.argv[1]]))
    def forever():
        while True:
            yield from files
    count = 0
    try:
        for _ in scanning.scan(forever(), workers=2):
            count += 1
            if count == 500:
                print("scanning", flush=True)
    except KeyboardInterrupt:
        print("kept", count >= 500, flush=True)

if __name__ == "__main__":
    main()
"""


def test_ctrl_c_ends_the_scan_without_noise_from_its_processes(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    images(folder, 70)
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS_SCAN)
    command = [sys.executable, script, folder]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "scanning\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("kept True\n", "", 0)


def test_a_ctrl_c_that_comes_while_processes_start_is_not_lost() -> None:
    events = []

    def start() -> None:
        with scanning._hold_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            events.append("the processes have started")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert events


def test_the_real_files_are_told_apart(real_data: Path) -> None:
    counts = Counter(file.status for file in scanned(real_data))
    assert counts[FileStatus.IMAGE] == 185
    assert counts[FileStatus.STRUCTURED_REPORT] == 9
    assert counts[FileStatus.DICOMDIR] == 1
    assert counts[FileStatus.TRUNCATED] + counts[FileStatus.UNREADABLE] == 0
