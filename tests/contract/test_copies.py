"""Backups and copies: equal, verified, and refused where something is not as it was recorded."""

import json
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from contract.test_store import image, reading, study_records
from fixtures.forged_store import edit_without_guards
from fixtures.makers import NOON, make_lesion, make_volume
from fixtures.postgresql import execute

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Place, Signature
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.project import (
    SETTINGS_NAME,
    STORE_NAME,
    Project,
    create_project,
    open_project,
)
from opp_mri.workflow.safekeeping.accounts import add_account
from opp_mri.workflow.safekeeping.audit import verify
from opp_mri.workflow.safekeeping.backup import (
    MANIFEST_NAME,
    back_up,
    check_backup,
    copy_project,
    restore,
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with something in every table."""
    create_project(tmp_path / "one")
    with open_project(tmp_path / "one") as opened_project:
        store = opened_project.store
        store.add_files([image("a", "1.1"), image("b", "1.2"), image("c", "1.1")])
        store.replace_volumes(["P1"], [make_volume("v1")])
        store.mark_stale(["P9"])
        store.describe_with("words")
        store.add_role_override("v1", SeriesRole.T1, NOON)
        store.add_lesions([make_lesion("L")], NOON)
        store.add_readings([reading(f"r{n}", draft=True) for n in range(40)])
        store.add_signature(
            Signature(
                signature_id="s", lesion_id="L", reader="A", reading_ids=("r1",),
                statement="I sign.", recorded_at=NOON,
            )
        )  # fmt: skip
        store.add_to_log(study_records())
        place = Place(
            reader="A", patient_id="P1", lesion_id="L", sequence=SeriesRole.T1, study_date=None
        )
        store.keep_place(place)
        yield opened_project


def everything(project: Project) -> list[object]:
    store = project.store
    return [
        list(store.read_chain()), store.get_head(), list(store.read_known_files()),
        store.get_files(),
        store.get_patients(), store.get_volumes(), store.get_stale_patients(), store.get_place("A"),
        store.get_readings(), store.get_signatures(),
        store.get_lesions(), store.get_instances_of(["P1"]),
    ]  # fmt: skip


def test_a_backup_holds_all_and_makes_an_equal_project(project: Project, tmp_path: Path) -> None:
    backup = back_up(project, tmp_path / "backup.zip", NOON)
    assert backup.head == project.store.get_head()
    assert backup.path.stat().st_mode & 0o077 == 0
    assert check_backup(backup.path) == backup
    restore(backup.path, tmp_path / "two")
    with open_project(tmp_path / "two") as again:
        assert everything(again) == everything(project)
        assert verify(again.store).faults == ()
        again.store.add_readings([reading("later")])
    for path in (tmp_path / "two").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_a_backup_never_replaces_anything(project: Project, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        back_up(project, tmp_path / "there", NOON)
    back_up(project, tmp_path / "backup.zip", NOON)
    with pytest.raises(ProjectError, match="move it away first"):
        restore(tmp_path / "backup.zip", project.folder)


def test_a_damaged_backup_is_refused_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    path = back_up(project, tmp_path / "backup.zip", NOON).path
    content = path.read_bytes()
    for place in range(40, len(content), len(content) // 25):
        altered_bytes = bytearray(content)
        altered_bytes[place] ^= 16
        path.write_bytes(bytes(altered_bytes))
        try:
            restore(path, tmp_path / "two")
        except InputError:
            assert not (tmp_path / "two").exists()
            continue
        with open_project(tmp_path / "two") as again:  # a bit of no meaning, such as a time
            assert everything(again) == everything(project)
        for file in (tmp_path / "two").iterdir():
            file.unlink()
        (tmp_path / "two").rmdir()


def test_a_forged_backup_is_refused(project: Project, tmp_path: Path) -> None:
    path = back_up(project, tmp_path / "backup.zip", NOON).path
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    store = tmp_path / "forged.sqlite"
    store.write_bytes(parts[STORE_NAME])
    edit_without_guards(store, "UPDATE record SET body = replace(body, '12.3', '40.0')")
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, store.read_bytes() if name == STORE_NAME else part)
    with pytest.raises(InputError, match="altered after it was made"):
        restore(path, tmp_path / "two")


def forge_backup(path: Path, **contents: bytes) -> None:
    """Return members of a backup another content, with a manifest that agrees."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts |= {name.replace("__", "."): content for name, content in contents.items()}
    manifest = json.loads(parts[MANIFEST_NAME])
    manifest["sha256"] = {name: sha256(parts[name]).hexdigest() for name in manifest["sha256"]}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**parts, MANIFEST_NAME: json.dumps(manifest).encode()}.items():
            archive.writestr(name, part)


def test_a_backup_that_names_a_database_is_refused(project: Project, tmp_path: Path) -> None:
    """Whoever made it would be sent the account and password of this machine."""
    path = back_up(project, tmp_path / "backup.zip", NOON).path
    forge_backup(path, opp_mri__toml=b'database = "postgresql://attacker.example/x"\n')
    with pytest.raises(InputError, match="altered after it was made"):
        restore(path, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_a_backup_that_would_fill_the_disk_is_refused_before_it_is_unpacked(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = back_up(project, tmp_path / "backup.zip", NOON).path
    forge_backup(path, opp_mri__toml=b"\n" * (64 << 20))
    assert path.stat().st_size < 1 << 20
    little = shutil.disk_usage(tmp_path)._replace(free=32 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: little)
    with pytest.raises(InputError, match="needs 64 MiB"):
        restore(path, tmp_path / "two")


def test_an_encrypted_backup_is_plain_nowhere_but_in_the_projects(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither making nor restoring it uses the folder for temporary files of the system."""
    folders: list[str] = []

    def noted(*, prefix: str, dir: Path | None = None) -> tempfile.TemporaryDirectory[str]:
        folders.append(str(dir))
        return tempfile.TemporaryDirectory(prefix=prefix, dir=dir)

    monkeypatch.setattr("opp_mri.workflow.safekeeping.backup.TemporaryDirectory", noted)
    back_up(project, tmp_path / "backup.opp", NOON, "five words drawn at random")
    restore(tmp_path / "backup.opp", tmp_path / "two", "five words drawn at random")
    assert folders == [str(project.folder)] * 2 + [str(tmp_path / "two")]
    assert {path.name for path in (tmp_path / "two").iterdir()} == {STORE_NAME, SETTINGS_NAME}


def test_a_project_with_a_fault_is_not_backed_up_as_if_it_were_sound(
    project: Project, tmp_path: Path
) -> None:
    edit_without_guards(
        project.folder / STORE_NAME, "UPDATE record SET reader = 'B' WHERE key = 'r7'"
    )
    with pytest.raises(ProjectError, match=r"Record 10 \(Reading\) was changed"):
        back_up(project, tmp_path / "backup.zip", NOON)
    with pytest.raises(ProjectError):
        copy_project(project, tmp_path / "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    create_project(tmp_path / "two")  # nothing stands in the way


def test_a_copy_goes_into_a_database_and_back_equal(
    project: Project, tmp_path: Path, server: str
) -> None:
    execute(f"{server}/postgres", "CREATE DATABASE study")
    try:
        head = copy_project(project, tmp_path / "shared", f"{server}/study")
        with open_project(tmp_path / "shared") as shared:
            assert everything(shared) == everything(project)
            assert verify(shared.store).faults == ()
            shared.store.add_files([image("d", "1.4")])  # numbers go on behind those copied
            shared.store.forget_files([("/data/d", "")])
            shared.store.replace_volumes(["P1"], [make_volume("v1")])
            copy_project(shared, tmp_path / "back")
            back_up(shared, tmp_path / "backup.zip", NOON)
            with pytest.raises(InputError, match="a reader's name"):
                add_account(shared, "cora", "reader")
        with open_project(tmp_path / "back") as back:
            assert back.store.get_head() == head
            assert list(back.store.read_chain()) == list(project.store.read_chain())
            assert isinstance(back.store, SqlStore)
        with pytest.raises(ProjectError):
            copy_project(project, tmp_path / "other", f"{server}/study")
        with pytest.raises(ProjectError, match="which has no accounts"):
            add_account(project, "cora", "coordinator")
    finally:
        execute(f"{server}/postgres", "DROP DATABASE study WITH (FORCE)")


def test_the_tables_of_the_copy_take_what_comes_later(project: Project, tmp_path: Path) -> None:
    copy_project(project, tmp_path / "two")
    with open_project(tmp_path / "two") as copy:
        copy.store.add_readings([reading("later")])
        assert len(copy.store.get_readings()) == 41
    with closing(project.store):
        assert len(project.store.get_readings()) == 40


def test_a_copy_that_was_interrupted_is_completed_by_the_next_run(tmp_path: Path) -> None:
    """Killed before anything was copied, it left an empty file, or a project without records."""
    create_project(tmp_path / "study")
    with open_project(tmp_path / "study") as project:
        project.store.add_lesions([make_lesion("L")], NOON)
        create_project(tmp_path / "new")
        (tmp_path / "cut").mkdir()
        with closing(sqlite3.connect(tmp_path / "cut" / STORE_NAME)) as cut_store:
            cut_store.execute("PRAGMA user_version = 1")  # a file with a header and no table
            cut_store.commit()
        (tmp_path / "cut" / SETTINGS_NAME).touch()
        for name in ("new", "cut"):
            assert copy_project(project, tmp_path / name) == project.store.get_head()
        with pytest.raises(ProjectError, match="project already"):
            copy_project(project, tmp_path / "new")
