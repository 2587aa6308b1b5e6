"""Backups and packages that only a passphrase opens; whatever is altered is refused in words."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study

from opp_mri.errors import InputError
from opp_mri.workflow.double_read.locked_package import lock_package, unlock_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.seal import hash_files
from opp_mri.workflow.project import open_project
from opp_mri.workflow.safekeeping import encryption
from opp_mri.workflow.safekeeping.backup import back_up, restore
from opp_mri.workflow.safekeeping.encryption import (
    MARK,
    EncryptedWriter,
    decrypt,
    is_encrypted,
    open_new_archive,
    unpack,
)

PASSPHRASE: Final = " ".join(["correct", "horse", "battery", "staple"])


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the cost that makes guessing slow, and make pieces small."""
    monkeypatch.setattr(encryption, "SCRYPT_COST", 4)
    monkeypatch.setattr(encryption, "PIECE", 1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("locked")
    make_study(folder)
    with open_project(folder / "project") as project:
        declare(project, folder)
        make_package(project, "reader-1", folder / "package", NOON)
    return folder


def encrypted(path: Path, content: bytes) -> Path:
    with path.open("wb") as target:
        writer = EncryptedWriter(target, PASSPHRASE)
        writer.write(content)
        writer.finish()
    return path


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 5432])
def test_what_is_encrypted_comes_back(tmp_path: Path, size: int) -> None:
    content = bytes(n % 251 for n in range(size))
    path = encrypted(tmp_path / "file", content)
    assert is_encrypted(path)
    assert content[:20] not in path.read_bytes() or size < 20
    decrypt(path, tmp_path / "plain", PASSPHRASE)
    assert (tmp_path / "plain").read_bytes() == content


def test_any_changed_byte_and_any_other_passphrase_is_refused(tmp_path: Path) -> None:
    sound = encrypted(tmp_path / "file", bytes(1500)).read_bytes()
    path, plain = tmp_path / "altered", tmp_path / "plain"
    for place in range(len(MARK), len(sound), 7):
        altered_bytes = bytearray(sound)
        altered_bytes[place] ^= 1
        path.write_bytes(bytes(altered_bytes))
        with pytest.raises(InputError, match="passphrase is wrong, or the file was altered"):
            decrypt(path, plain, PASSPHRASE)
        plain.unlink()
    with pytest.raises(InputError, match="passphrase is wrong"):
        decrypt(tmp_path / "file", plain, "another passphrase")


@pytest.mark.parametrize("change", ["cut", "cut at a piece", "doubled", "swapped"])
def test_pieces_cannot_be_left_out_repeated_or_moved(tmp_path: Path, change: str) -> None:
    sound = encrypted(tmp_path / "file", bytes(3000)).read_bytes()
    head = len(sound) - 3 * 1016
    first, second, third = (sound[head + n * 1016 : head + (n + 1) * 1016] for n in range(3))
    altered_files = {
        "cut": first + second + third[:-1],
        "cut at a piece": first + second,
        "doubled": first + first + second + third,
        "swapped": second + first + third,
    }[change]
    (tmp_path / "altered").write_bytes(sound[:head] + altered_files)
    with pytest.raises(InputError, match="is incomplete"):
        decrypt(tmp_path / "altered", tmp_path / "plain", PASSPHRASE)


def test_a_file_cannot_ask_for_more_memory_than_a_key_needs(tmp_path: Path) -> None:
    content = bytearray(encrypted(tmp_path / "file", b"").read_bytes())
    content[len(MARK)] = 40
    (tmp_path / "greedy").write_bytes(bytes(content))
    with pytest.raises(InputError, match="passphrase is wrong, or the file was altered"):
        decrypt(tmp_path / "greedy", tmp_path / "plain", PASSPHRASE)


def test_a_backup_is_restored_with_its_passphrase_only(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with open_project(folder / "project") as project:
        backup = back_up(project, path, NOON, PASSPHRASE)
        before = sorted((folder / "project").iterdir())
    assert b"SQLite format" not in path.read_bytes()
    with pytest.raises(InputError, match="passphrase is wrong"):
        restore(path, tmp_path / "wrong", "another passphrase")
    assert not (tmp_path / "wrong").exists()
    assert restore(path, tmp_path / "again", PASSPHRASE).head == backup.head
    with open_project(tmp_path / "again") as project:
        assert project.store.get_head() == backup.head
    assert sorted((folder / "project").iterdir()) == before, "nothing plain is left"


def test_a_package_goes_there_and_back_as_it_is(folder: Path, tmp_path: Path) -> None:
    package = folder / "package"
    count = lock_package(package, tmp_path / "package.opp", PASSPHRASE)
    assert count == len(hash_files(package))
    assert b"DICM" not in (tmp_path / "package.opp").read_bytes()
    unlock_package(tmp_path / "package.opp", tmp_path / "there", PASSPHRASE)
    assert hash_files(tmp_path / "there") == hash_files(package)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(InputError, match="not empty"):
        unlock_package(tmp_path / "package.opp", tmp_path / "there", PASSPHRASE)
    with pytest.raises(InputError, match="exists already"):
        lock_package(package, tmp_path / "package.opp", PASSPHRASE)
    with pytest.raises(InputError, match="not a reader's package"):
        lock_package(folder / "project", tmp_path / "project.opp", PASSPHRASE)


def test_a_passphrase_that_can_be_guessed_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short"):
        lock_package(folder / "package", tmp_path / "package.opp", "secret")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_names_files_elsewhere_is_refused(tmp_path: Path) -> None:
    with open_new_archive(tmp_path / "evil.opp", PASSPHRASE) as archive:
        archive.writestr("../above.txt", "x")
    with pytest.raises(InputError, match="outside its folder"):
        unlock_package(tmp_path / "evil.opp", tmp_path / "there", PASSPHRASE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.opp"]


def test_an_archive_larger_than_the_room_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.zip"
    with ZipFile(bomb, "w", ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(3 << 20))
    (tmp_path / "out").mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(InputError, match="needs 3 MiB, which are not free"):
        unpack(bomb, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
