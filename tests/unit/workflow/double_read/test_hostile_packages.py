"""What comes back from people who know the program, and wish to fool the coordinator."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.forged_store import edit_without_guards
from fixtures.makers import NOON
from fixtures.small_study import read_all

from opp_mri.domain.measurement import Answer, Reading
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.errors import InputError, OppMriError, ProjectError
from opp_mri.store.sql import open_sqlite
from opp_mri.workflow.double_read.locked_package import lock_package
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.returning import seal_return
from opp_mri.workflow.double_read.seal import (
    ISSUE_NAME,
    RETURN_KEY_NAME,
    make_keys,
    read_seal,
    write_seal,
)
from opp_mri.workflow.project import (
    RETURN_NAME,
    SETTINGS_NAME,
    STORE_NAME,
    Project,
    open_project,
)


@pytest.fixture
def package(folder: Path, issued_packages: dict[str, IssuedPackage]) -> Path:
    """A package that its reader read and sealed."""
    package = folder / "reader-1"
    read_all(package, issued_packages["reader-1"])
    seal_return(package, NOON)
    return package


def record_more(package: Path) -> None:
    """Record a forged answer in the way of opp_mri, by another program."""
    store = open_sqlite(package / STORE_NAME)
    (first, *_) = store.get_readings()
    lesion = store.get_lesions()[0]
    store.add_lesions([lesion], NOON)
    store.close()
    assert first.answer is Answer.MEASURED


@pytest.mark.parametrize("key", ["", "not a key", "another"])
def test_a_seal_that_was_removed_is_not_replaced_by_a_key_of_ones_own(
    project: Project, package: Path, key: str
) -> None:
    """Without its seal and with any file for a key, the package looked as if never sealed."""
    record_more(package)
    (package / RETURN_NAME).unlink()
    (package / RETURN_KEY_NAME).write_text(make_keys().private if key == "another" else key)
    with pytest.raises(InputError, match="key differs from the key"):
        merge_package(project, package, NOON, unsealed=True)
    assert project.store.get_readings() == []


def test_a_package_sealed_again_with_a_key_of_ones_own_is_refused(
    project: Project, package: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    record_more(package)
    with open_project(package) as opened_project:
        head = opened_project.store.get_head()
    manifest = read_seal(package / RETURN_NAME, issued_packages["reader-1"].return_key)
    forged_manifest = {**manifest, "records": head.sequence_number, "head": head.hash}
    write_seal(package / RETURN_NAME, forged_manifest, make_keys().private)
    with pytest.raises(InputError, match=RETURN_NAME):
        merge_package(project, package, NOON, unsealed=True)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of databases to which a connection is tried."""
    addresses: list[str] = []

    def connect(address: str, *_: object, **__: object) -> None:
        addresses.append(address)
        raise ProjectError("The server does not answer.")

    monkeypatch.setattr("opp_mri.workflow.project.open_postgresql", connect)
    return addresses


@pytest.mark.parametrize("use", [
    lambda project, package: merge_package(project, package, NOON, unsealed=True),
    lambda _, package: seal_return(package, NOON),
    lambda _, package: lock_package(package, package.with_suffix(".opp"), "five words by chance"),
], ids=["merge", "seal", "lock"])  # fmt: skip
def test_a_package_that_names_a_database_is_refused_before_any_connection(
    project: Project, package: Path, connections: list[str],
    use: Callable[[Project, Path], object],
) -> None:  # fmt: skip
    """The server of somebody else would be sent this machine's account and password."""
    with (package / SETTINGS_NAME).open("a") as settings:
        settings.write('\ndatabase = "postgresql://attacker.example/x"\n')
    with pytest.raises(InputError, match="name a database"):
        use(project, package)
    assert connections == []


def amend(package: Path, issued_packages: IssuedPackage) -> Reading:
    """Read a package and amend one answer in it."""
    return read_all(package, issued_packages)[-1]


def test_an_index_that_hides_an_answer_is_named(project: Project, package: Path) -> None:
    """The chain is read from the table, answers by an index: the two have to agree."""
    edit_without_guards(
        package / STORE_NAME,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = sql || ' WHERE sequence_number < 8' "
        "WHERE name = 'ix_record_subject'",
        "PRAGMA writable_schema = RESET",
        "REINDEX ix_record_subject",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, ' WHERE sequence_number < 8', '') "
        "WHERE name = 'ix_record_subject'",
        "PRAGMA writable_schema = OFF",
    )
    with pytest.raises(InputError, match="damaged"):
        merge_package(project, package, NOON, unsealed=True)
    assert project.store.get_readings() == []


def test_a_view_in_the_place_of_a_table_is_refused_at_once(project: Project, package: Path) -> None:
    """It can answer each question otherwise, or never."""
    with closing(sqlite3.connect(package / STORE_NAME)) as connection:
        connection.execute("ALTER TABLE record RENAME TO kept")
        connection.execute(
            "CREATE VIEW record AS WITH RECURSIVE more(n) AS "
            "(SELECT 1 UNION ALL SELECT n + 1 FROM more) SELECT kept.* FROM kept, more"
        )
        connection.commit()
    with pytest.raises(OppMriError, match="not a table"):
        merge_package(project, package, NOON, unsealed=True)


@pytest.mark.parametrize("name", [ISSUE_NAME, RETURN_NAME, SETTINGS_NAME])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(
    project: Project, package: Path, name: str
) -> None:
    (package / name).unlink()
    os.mkfifo(package / name)
    with pytest.raises(InputError):
        merge_package(project, package, NOON, unsealed=True)


@pytest.mark.parametrize("name", [ISSUE_NAME, RETURN_NAME, SETTINGS_NAME, RETURN_KEY_NAME])
def test_a_huge_file_is_refused_and_not_read_into_memory(
    project: Project, package: Path, name: str
) -> None:
    if name == RETURN_KEY_NAME:
        (package / RETURN_NAME).unlink()
    with (package / name).open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError):
        merge_package(project, package, NOON, unsealed=True)


def test_sealing_that_was_interrupted_before_its_key_was_removed_is_completed(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    """A key that stays would let anybody seal the package again on its way."""
    package = folder / "reader-1"
    read_all(package, issued_packages["reader-1"])
    key = (package / RETURN_KEY_NAME).read_text()
    head = seal_return(package, NOON)
    (package / RETURN_KEY_NAME).write_text(key)
    assert seal_return(package, NOON) == head
    assert not (package / RETURN_KEY_NAME).exists()
    assert merge_package(project, package, NOON, unsealed=True).added == 8
    with pytest.raises(InputError, match="sealed already"):
        seal_return(package, NOON)


def test_a_link_in_a_package_takes_no_file_of_its_sender_along(
    package: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    (package / "images" / "notes.dcm").symlink_to(secret)
    with pytest.raises(InputError, match="is a link"):
        lock_package(package, tmp_path / "locked.opp", "five words drawn at random")
    assert not (tmp_path / "locked.opp").exists()


@pytest.mark.parametrize("manifest", [5, ["package_id"]])
def test_a_seal_over_something_else_than_a_manifest_is_refused_in_words(
    project: Project, folder: Path, manifest: Any
) -> None:
    """Its reader holds the key, and can sign anything with it."""
    package = folder / "reader-1"
    write_seal(package / RETURN_NAME, manifest, (package / RETURN_KEY_NAME).read_text())
    with pytest.raises(InputError, match="cannot be read"):
        merge_package(project, package, NOON)


@pytest.mark.parametrize(
    ("lesion", "covers", "words"),
    [
        ("of nobody", True, "lesion that was not issued"),
        ("another", True, "covers answers to another lesion"),
        ("another", False, "covers answers to another lesion, or none"),
    ],
)
def test_a_signature_that_no_reading_room_makes_is_refused_in_words(
    project: Project,
    folder: Path,
    issued_packages: dict[str, IssuedPackage],
    lesion: str,
    covers: bool,
    words: str,
) -> None:
    package = folder / "reader-1"
    read_all(package, issued_packages["reader-1"])
    with open_project(package) as opened_project:
        (signature, other_lesion) = opened_project.store.get_signatures()
        forged_signature = attrs.evolve(
            signature,
            signature_id="forged",
            lesion_id=other_lesion.lesion_id if lesion == "another" else lesion,
            reading_ids=signature.reading_ids if covers else (),
            content_hash="",
        )
        opened_project.store.add_signature(forged_signature)
    seal_return(package, NOON)
    with pytest.raises(InputError, match=words):
        merge_package(project, package, NOON)
    assert project.store.get_readings() == []
