"""What faults do to a project: kills, flipped bits, edits by SQL, forged packages, rounds at once.

`make fault-test` writes the table; a short version is a test. Each run works on a copy of a small
reader study and counts what was acknowledged and is lost, what is corrupted, and what nobody
notices; all three have to be zero.
"""

import argparse
import json
import logging
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from attrs import asdict, define, evolve, field, frozen
from fixtures.forged_store import edit_without_guards
from fixtures.makers import NOON
from fixtures.old_store import write_old_store
from fixtures.small_study import declare, make_study, read_all

from opp_mri.domain.assessment import Mode
from opp_mri.domain.imaging import FileStatus
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage, MergedPackage, Unblinding
from opp_mri.errors import OppMriError
from opp_mri.store.sql import is_unfinished, open_sqlite
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.double_read.consensus import prepare_consensus
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.resolving import sign_consensus
from opp_mri.workflow.double_read.returning import seal_return
from opp_mri.workflow.double_read.seal import ISSUE_NAME, RETURN_KEY_NAME, make_keys
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.protocol import unblind
from opp_mri.workflow.project import (
    RETURN_NAME,
    STORE_NAME,
    Project,
    create_project,
    is_project,
    open_project,
)
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.safekeeping.audit import verify
from opp_mri.workflow.safekeeping.backup import back_up, check_backup, copy_project, restore

READERS: Final = ("reader-1", "reader-2")
PATIENTS: Final = ("P1", "P2")
LONGEST_S: Final = 60.0
OLD_READINGS: Final = 2000


@define
class Row:
    """A line of the table.

    Parameters
    ----------
    acknowledged
        Runs that answered: done, or the fault named in words.
    lost
        Acknowledged results that are not there.
    corrupted
        Half a result, a chain with a fault after a kill, or a traceback.
    unnoticed
        Other content that nothing names, or a forged package that was taken.
    """

    fault: str
    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    corrupted: int = 0
    unnoticed: int = 0
    notes: list[str] = field(factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.corrupted or self.unnoticed)


@define
class Study:
    """Folders of a study at each stage, to be copied for each run."""

    folder: Path
    lines: Path

    def copy(self, stage: str, to: Path) -> Path:
        """Copy a stage; gives the folder that holds `project` and the packages."""
        shutil.copytree(self.folder / stage, to)
        return to


def make_stages(folder: Path) -> Study:
    """Make a study at each stage.

    `new`, not indexed; `plain`, not read; `read`, with sealed packages; `merged`, with both reads
    back; `kept`, with a backup; `old`, in the tables of version 0.1.
    """
    plain = folder / "plain"
    make_study(plain, PATIENTS)
    lines = folder / "lines.csv"
    with open_project(plain / "project") as project:
        rows = ["lesion_id,reader,sequence,sop_instance_uid,column_1,row_1,column_2,row_2"]
        for patient_id in PATIENTS:
            for volume in project.store.get_volumes([patient_id]):
                uid = volume.frames[1].sop_instance_uid
                rows.append(f"L{patient_id},outsider,,{uid},1,5,6,5")
        lines.write_text("\n".join(rows) + "\n")
    shutil.copytree(plain, folder / "read")
    issued_package: dict[str, IssuedPackage] = {}
    with open_project(folder / "read" / "project") as project:
        declare(project, folder)
        for reader in READERS:
            issued_package[reader] = make_package(
                project, reader, folder / "read" / reader, NOON
            ).issued
    for reader in READERS:
        read_all(folder / "read" / reader, issued_package[reader])
        seal_return(folder / "read" / reader, NOON)
    shutil.copytree(folder / "read", folder / "merged")
    with open_project(folder / "merged" / "project") as project:
        for reader in READERS:
            merge_package(project, folder / "merged" / reader, NOON)
        reading = project.store.get_readings()[0]
    shutil.copytree(folder / "merged", folder / "kept")
    with open_project(folder / "kept" / "project") as project:
        back_up(project, folder / "kept" / "backup.zip", NOON)
    shutil.copytree(plain / "dicom", folder / "new" / "dicom")
    for stage in ("new", "old"):
        create_project(folder / stage / "project")
    store = folder / "old" / "project" / STORE_NAME
    store.unlink()
    write_old_store(store, [evolve(reading, reading_id=f"{n}") for n in range(OLD_READINGS)])
    return Study(folder=folder, lines=lines)


def views(project: Project) -> list[Any]:
    """Return all that a project shows."""
    store = project.store
    return [
        store.get_readings(), store.get_signatures(), store.get_lesions(), store.get_volumes(),
        store.get_patients(), store.get_role_overrides(), store.get_same_patient(),
        store.log_of(IssuedPackage), store.log_of(MergedPackage),
        store.get_files(), store.get_instances_of(PATIENTS),
        list(store.read_known_files()), store.get_stale_patients(),
    ]  # fmt: skip


# --- processes ---


def start(action: Callable[[], object]) -> tuple[int, int]:
    """Run an action in a forked process; gives its id and a pipe for its one answer."""
    read_end, write_end = os.pipe()
    process = os.fork()
    if process:
        os.close(write_end)
        return process, read_end
    answer = "done"
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        answer = str(action() or "done")
    except OppMriError as error:
        answer = f"told: {error}"
    except BaseException as error:
        answer = f"fault: {type(error).__name__}: {error}"
    finally:
        os.write(write_end, answer.encode()[:4000])
        os._exit(0)


def finish(process: int, pipe: int, kill_after_s: float | None = None) -> str:
    """Wait for a process, or kill it; gives its answer, or ""."""
    ready, _, _ = select.select([pipe], [], [], LONGEST_S if kill_after_s is None else kill_after_s)
    if not ready:
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    with os.fdopen(pipe, "rb") as answers:
        return answers.read().decode()


# --- kills ---


def do_measure(folder: Path, study: Study) -> object:
    with open_project(folder / "project") as project:
        return measure(project.store, study.lines, NOON) and None


def do_merge(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        return f"{merge_package(project, folder / 'reader-1', NOON).added} added"


def do_sign(folder: Path, signer: str) -> object:
    with open_project(folder / "project") as project:
        lesions = prepare_consensus(
            project, rules=load_project_rules(project, None, Mode.RETROSPECTIVE)
        )
        for lesion in lesions:
            if signer not in lesion.signed_by:
                sign_consensus(project, lesion, signer, NOON)
    return None


def do_unblind(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        unblind(project.store, signed_by="lead", reason="done", at=NOON)
    return None


def do_backup(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        back_up(project, folder / "backup.zip", NOON)
    return None


def do_package(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        make_package(project, "reader-1", folder / "again", NOON, again=True)
    return None


def count_measured(folder: Path) -> tuple[int, int]:
    with open_project(folder / "project") as project:
        return sum(reading.reader == "outsider" for reading in project.store.get_readings()), 8


def count_merged(folder: Path) -> tuple[int, int]:
    with open_project(folder / "project") as project:
        log = len(project.store.log_of(MergedPackage))
        readings = len(project.store.get_readings())
    return (readings if log else -readings), 8


def count_unblinded(folder: Path) -> tuple[int, int]:
    with open_project(folder / "project") as project:
        return len(project.store.log_of(Unblinding)), 1


def count_signed(folder: Path) -> tuple[int, int]:
    """Count lesions whose resolutions all have their signature; a half-done one counts as -1."""
    with open_project(folder / "project") as project:
        signed = {
            key for signature in project.store.get_signatures() for key in signature.reading_ids
        }
        resolved_readings = [
            reading for reading in project.store.get_readings() if reading.reader == "consensus"
        ]
        if any(reading.reading_id not in signed for reading in resolved_readings):
            return -1, 2
        return len({lesion.lesion_id for lesion in resolved_readings}), 2


def count_backup(folder: Path) -> tuple[int, int]:
    path = folder / "backup.zip"
    if path.exists():
        check_backup(path)
    return int(path.exists()), 1


def count_packages(folder: Path) -> tuple[int, int]:
    with open_project(folder / "project") as project:
        issued_packages = [
            package
            for package in project.store.log_of(IssuedPackage)
            if package.reader == "reader-1"
        ]
    return len(issued_packages) - 1, 1


def do_index(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"], workers=1)
    return None


def do_align(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        align_project(project, NOON, workers=1, quick=True)
    return None


def do_migrate(folder: Path, study: Study) -> object:  # noqa: ARG001
    open_project(folder / "project").store.close()
    return None


def do_restore(folder: Path, study: Study) -> object:  # noqa: ARG001
    restore(folder / "backup.zip", folder / "restored")
    return None


def do_copy(folder: Path, study: Study) -> object:  # noqa: ARG001
    with open_project(folder / "project") as project:
        copy_project(project, folder / "copy")
    return None


def count_indexed(folder: Path) -> tuple[int, int]:
    with open_project(folder / "project") as project:
        described_volumes = (
            [] if project.store.get_stale_patients() else project.store.get_volumes(PATIENTS)
        )
        return project.store.count_files().get(FileStatus.IMAGE, 0) + len(described_volumes), 32 + 8


def count_aligned(folder: Path) -> tuple[int, int]:
    """Count the fits; those of one visit stand together or not at all, else it is -1."""
    with open_project(folder / "project") as project:
        visits = Counter(fit.patient_id for fit in project.store.get_alignments())
    return (sum(visits.values()) if set(visits.values()) <= {2} else -1), 4


def count_migrated(folder: Path) -> tuple[int, int]:
    """Count the readings of a store that has the new tables, without migrating it by looking."""
    with closing(sqlite3.connect(folder / "project" / STORE_NAME)) as database:
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        table = "reading" if version == "0004" else "record WHERE kind = 'Reading'"
        (readings,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    whole = readings == OLD_READINGS
    return ((0 if version == "0004" else readings) if whole else -1), OLD_READINGS


def count_same(folder: Path, name: str) -> tuple[int, int]:
    """Count another project's records: none where there is none."""
    with open_project(folder / "project") as project:
        expected = project.store.get_head()
    if not is_project(folder / name) or is_unfinished(folder / name / STORE_NAME):
        return 0, expected.sequence_number
    with open_project(folder / name) as project:
        if not project.store.get_head().sequence_number:
            return 0, expected.sequence_number  # a new project: the next run completes it
        is_same = project.store.get_head() == expected and not verify(project.store).faults
        return (expected.sequence_number if is_same else -1), expected.sequence_number


Action = Callable[[Path, Study], object]


@frozen
class Kill:
    """A command that is killed.

    Parameters
    ----------
    stage
        The stage of the study at which it starts.
    count
        Gives what is recorded, and how much that is when all is done.
    in_parts
        Whether parts may be recorded.
    share
        How often it is killed in comparison with the others; the slow ones less often.
    """

    stage: str
    action: Action
    count: Callable[[Path], tuple[int, int]]
    in_parts: bool = False
    share: int = 6


KILLS: Final = {
    "measure": Kill("plain", do_measure, count_measured),
    "reader-merge": Kill("read", do_merge, count_merged),
    "consensus sign": Kill(
        "merged", lambda folder, _: do_sign(folder, "reader-1"), count_signed, in_parts=True
    ),
    "unblind": Kill("merged", do_unblind, count_unblinded),
    "backup": Kill("merged", do_backup, count_backup),
    "reader-package": Kill("read", do_package, count_packages, share=3),
    "index": Kill("new", do_index, count_indexed, in_parts=True, share=2),
    "migration": Kill("old", do_migrate, count_migrated, share=2),
    "restore": Kill("kept", do_restore, lambda folder: count_same(folder, "restored"), share=2),
    "project copy": Kill("kept", do_copy, lambda folder: count_same(folder, "copy"), share=2),
    "align": Kill("plain", do_align, count_aligned, in_parts=True, share=1),
}


def kill_runs(study: Study, runs: int, chance: random.Random) -> Iterator[Row]:
    """Kill each action at a random moment, look at what is there, and do it again."""
    shares = sum(kill.share for kill in KILLS.values())
    for name, kill in KILLS.items():
        row = Row(fault=f"kill -9 in {name}")
        longest_s = 0.0
        for _ in range(max(-(-runs * kill.share // shares), 1)):
            with tempfile.TemporaryDirectory() as temporary:
                folder = study.copy(kill.stage, Path(temporary) / "run")
                start_s = time.monotonic()
                moment = chance.uniform(0, 1.1 * longest_s) if longest_s else None
                answer = finish(*start(lambda: kill.action(folder, study)), kill_after_s=moment)  # noqa: B023
                if moment is None:
                    longest_s = time.monotonic() - start_s
                judge_kill(row, folder, answer, kill)
                again = finish(*start(lambda: kill.action(folder, study)))  # noqa: B023
                record_count, possible_count = kill.count(folder)
                if record_count < possible_count or again.startswith("fault"):
                    row.corrupted += 1
                    row.notes.append(f"not completed by the next run: {record_count} {again[:200]}")
        yield row


def judge_kill(row: Row, folder: Path, answer: str, kill: Kill) -> None:
    row.runs += 1
    row.acknowledged += bool(answer)
    record_count, possible_count = kill.count(folder)
    with open_project(folder / "project") as project:
        faults = verify(project.store).faults
    if answer and record_count < possible_count:
        row.lost += 1
    allowed_counts = range(possible_count + 1) if kill.in_parts else (0, possible_count)
    if faults or record_count not in allowed_counts or answer.startswith("fault"):
        row.corrupted += 1
        row.notes.append(f"{record_count} of {possible_count} {faults[:1]} {answer[:200]}")


# --- flipped bits, edits ---


def flip_runs(study: Study, runs: int, chance: random.Random, *, inside: bool) -> Row:
    """Flip one bit of the store, anywhere or inside a record, and look whether it is noticed."""
    row = Row(fault="one bit flipped inside a record" if inside else "one bit flipped anywhere")
    with tempfile.TemporaryDirectory() as temporary:
        folder = study.copy("merged", Path(temporary) / "run")
        store = folder / "project" / STORE_NAME
        sound = store.read_bytes()
        with open_project(folder / "project") as project:
            before = views(project)
            bodies = [record.body.encode() for record in project.store.read_chain()]
        for _ in range(runs):
            altered_bytes = bytearray(sound)
            place = chance.randrange(len(altered_bytes))
            if inside:
                body = chance.choice(bodies)
                place = sound.index(body[:60]) + chance.randrange(60)
            altered_bytes[place] ^= 1 << chance.randrange(8)
            store.write_bytes(bytes(altered_bytes))
            row.runs += 1
            note_unnoticed(row, folder / "project", before, f"byte {place}")
    return row


def note_unnoticed(row: Row, folder: Path, before: list[Any], name: str) -> None:
    """Count a change that is neither named in words nor without effect."""
    try:
        with open_project(folder) as project:
            if verify(project.store).faults:
                row.acknowledged += 1
                views(project)  # a damaged record never stops the others
                return
            if views(project) == before:
                return  # free space, or a counter of the file
    except OppMriError:
        row.acknowledged += 1
        return
    except Exception as error:
        row.corrupted += 1
        row.notes.append(f"{name}: {type(error).__name__}: {error}")
        return
    row.unnoticed += 1
    row.notes.append(f"{name}: shows something else, and nothing names it")


EDITS: Final = (
    "UPDATE record SET body = replace(body, '16.0', '40.0') WHERE sequence_number = {n}",
    "UPDATE record SET body = replace(body, 'reader-1', 'reader-2') WHERE sequence_number = {n}",
    "UPDATE record SET body = substr(body, 1, length(body) - {m}) WHERE sequence_number = {n}",
    "UPDATE record SET body = 'null' WHERE sequence_number = {n}",
    "UPDATE record SET body = NULL, kind = 'Lesion' WHERE sequence_number = {n}",
    "UPDATE record SET kind = 'Reading' || kind WHERE sequence_number = {n}",
    "UPDATE record SET subject = 'LP2' || subject WHERE sequence_number = {n}",
    "UPDATE record SET reader = reader || 'x' WHERE sequence_number = {n}",
    "UPDATE record SET recorded_at = '1990-01-01' WHERE sequence_number = {n}",
    "UPDATE record SET written_at = '1990-01-01' WHERE sequence_number = {n}",
    "UPDATE record SET account = 'owner' WHERE sequence_number = {n}",
    "UPDATE record SET hash = previous_hash WHERE sequence_number = {n}",
    "UPDATE record SET sequence_number = -sequence_number WHERE sequence_number = {n}",
    "UPDATE record SET sequence_number = 10000 + {m} WHERE sequence_number = {n}",
    "DELETE FROM record WHERE sequence_number = {n}",
    "DELETE FROM record WHERE sequence_number > {n}",
    "DELETE FROM record",
    "UPDATE chain_head SET sequence_number = {n} - 1",
    "UPDATE chain_head SET hash = '{m}'",
    "DELETE FROM chain_head",
    "UPDATE instance SET patient_id = 'P{m}'",
    "UPDATE instance SET header = replace(header, '2.0', '4.0')",
    "UPDATE volume SET description = replace(description, '2.0', '4.0')",
    "UPDATE file SET path = path || '{m}'",
    "DELETE FROM frame",
)


def edit_runs(study: Study, runs: int, chance: random.Random) -> Row:
    """Edit a store by SQL, its guards removed and put back, and look whether it is noticed."""
    row = Row(fault="store edited by SQL")
    with tempfile.TemporaryDirectory() as temporary:
        folder = study.copy("merged", Path(temporary) / "run")
        store = folder / "project" / STORE_NAME
        sound = store.read_bytes()
        with open_project(folder / "project") as project:
            before = views(project)
            count = project.store.get_head().sequence_number
        for number in range(runs):
            store.write_bytes(sound)
            edit = EDITS[number % len(EDITS)]
            edit = edit.format(n=chance.randint(1, count - 1), m=chance.randint(1, 9))
            try:
                edit_without_guards(store, edit)
            except sqlite3.Error:  # a constraint of the table refuses it
                row.runs += 1
                row.acknowledged += 1
                continue
            with (
                closing(sqlite3.connect(store)) as connection,
                closing(sqlite3.connect(":memory:")) as first,
            ):
                first.deserialize(sound)
                has_changed = list(connection.iterdump()) != list(first.iterdump())
            row.runs += 1
            if has_changed:
                note_unnoticed(row, folder / "project", before, edit)
    return row


# --- forged packages ---


def forge_readings(package: Path, number: int, chance: random.Random) -> None:
    columns = ("16.0", str(chance.randint(20, 90))), ("measured", "gone"), ('"T1"', '"T2FS"'), (
        '"reader":"reader-1"', '"reader":"reader-2"',
    ), ('"frame_number":1', '"frame_number":2'), ('"draft":true', '"draft":false'), (
        "16.0", "-4.0",
    ), ("16.0", "NaN"), ("16.0", "Infinity"), ('"caliper"', '"calliper"'), (
        '"study_date":"2000', '"study_date":"1999',
    )  # fmt: skip
    old, new = columns[number % len(columns)]
    edit_without_guards(
        package / STORE_NAME,
        f"UPDATE record SET body = replace(body, '{old}', '{new}') "  # noqa: S608 - a forger's own
        "WHERE kind IN ('Reading', 'Signature')",
    )


def forge_rows(package: Path, number: int, chance: random.Random) -> None:
    statement = (
        "DELETE FROM record WHERE kind = 'Reading'", "DELETE FROM record WHERE kind = 'Signature'",
        "UPDATE record SET reader = 'reader-2' WHERE kind = 'Reading'",
        "UPDATE record SET body = replace(body, '\"statement\"', '\"x\"')",
        "UPDATE record SET sequence_number = sequence_number + 1000 WHERE kind = 'Signature'",
    )[number % 5]  # fmt: skip
    edit_without_guards(package / STORE_NAME, statement)
    _ = chance


def forge_images(package: Path, number: int, chance: random.Random) -> None:
    images = sorted((package / "images").rglob("*.dcm"))
    image = chance.choice(images)
    if number % 3 == 0:
        image.unlink()
    elif number % 3 == 1:
        content = bytearray(image.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        image.write_bytes(bytes(content))
    else:
        shutil.copyfile(image, image.with_name("another.dcm"))


def forge_seals(package: Path, number: int, chance: random.Random) -> None:
    name = (ISSUE_NAME, RETURN_NAME)[number % 2]
    path = package / name
    if number % 3 == 0:
        path.unlink()
        if path.name == RETURN_NAME:  # as if it had never been sealed
            (package / RETURN_KEY_NAME).write_text(make_keys().private)
        return
    seal = json.loads(path.read_text())
    key = chance.choice(sorted(seal["manifest"]))
    seal["manifest"][key] = "other"
    path.write_text(json.dumps(seal))


def forge_rest(package: Path, number: int, chance: random.Random) -> None:
    """Record something more, in the form of opp_mri, after its reader sealed the package."""
    store = open_sqlite(package / STORE_NAME)  # a package that is opened refuses it
    readings: list[Reading] = list(store.get_readings())
    lesion = store.get_lesions()[0]
    if number % 2:
        store.add_lesions([lesion], NOON)
    else:
        store.add_role_override(f"v{number}", readings[0].sequence, NOON)
    store.close()
    _ = chance


FORGERIES: Final = (forge_readings, forge_rows, forge_images, forge_seals, forge_rest)


def package_runs(study: Study, runs: int, chance: random.Random) -> Row:
    """Forge a sealed package and merge it: it is refused in words, and nothing is taken."""
    row = Row(fault="package forged before its merge")
    with tempfile.TemporaryDirectory() as temporary:
        folder = study.copy("read", Path(temporary) / "run")
        store = folder / "project" / STORE_NAME
        sound = store.read_bytes()
        for number in range(runs):
            package = folder / "forged"
            shutil.copytree(folder / "reader-1", package)
            forge = FORGERIES[number % len(FORGERIES)]
            forge(package, number // len(FORGERIES), chance)
            row.runs += 1
            try:
                with open_project(folder / "project") as project:
                    merge_package(project, package, NOON)
            except OppMriError:
                row.acknowledged += 1
            except Exception as error:
                row.corrupted += 1
                row.notes.append(f"{forge.__name__} {number}: {type(error).__name__}: {error}")
            else:
                row.unnoticed += 1
                row.notes.append(f"{forge.__name__} {number}: was taken")
            if store.read_bytes() != sound:
                row.corrupted += 1
                store.write_bytes(sound)
            shutil.rmtree(package)
    return row


# --- several at once ---


def round_runs(study: Study, runs: int) -> Row:
    """Do the same from several processes at once: one wins, the others are told."""
    row = Row(fault="the same by several at once")
    rounds: tuple[tuple[str, Callable[[Path], list[Callable[[], object]]]], ...] = (
        ("plain", lambda folder: [lambda: do_measure(folder, study)] * 3),
        ("read", lambda folder: [lambda: do_merge(folder, study)] * 3),
        ("merged", lambda folder: [lambda: do_sign(folder, "reader-1"),
                                   lambda: do_sign(folder, "reader-2")]),
        ("merged", lambda folder: [lambda: do_unblind(folder, study)] * 2),
    )  # fmt: skip
    for number in range(runs):
        stage, actions = rounds[number % len(rounds)]
        with tempfile.TemporaryDirectory() as temporary:
            folder = study.copy(stage, Path(temporary) / "run")
            answers = [
                finish(*process_of_action)
                for process_of_action in [start(action) for action in actions(folder)]
            ]
            row.runs += 1
            row.acknowledged += sum(not answer.startswith("told") for answer in answers)
            with open_project(folder / "project") as project:
                faults = list(verify(project.store).faults)
                readings = project.store.get_readings()
                if stage == "merged" and number % len(rounds) == 2:
                    lesions = prepare_consensus(
                        project, rules=load_project_rules(project, None, Mode.RETROSPECTIVE)
                    )
                    if not all(lesion.is_complete for lesion in lesions):
                        row.lost += 1
                        row.notes.append(f"a signature is void: {answers}")
                expected = {0: 8, 1: 8, 2: 24, 3: 16}[number % len(rounds)]
                if faults or len(readings) != expected:
                    row.corrupted += 1
                    row.notes.append(f"{len(readings)} readings, not {expected}; {faults[:1]}")
            told_count = sum(answer.startswith("told") or answer == "0 added" for answer in answers)
            if number % len(rounds) in (1, 3) and told_count != len(answers) - 1:
                row.unnoticed += 1
                row.notes.append(f"nobody was told: {answers}")
            row.corrupted += sum(answer.startswith("fault") for answer in answers)
            row.notes += [answer[:300] for answer in answers if answer.startswith("fault")]
    return row


def fault_table(
    *, kills: int, flips: int, edits: int, packages: int, rounds: int, seed: int = 1
) -> Iterator[Row]:
    """Try all kinds of faults; gives each line of the table when it is done."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="opp_mri_faults_") as temporary:
        study = make_stages(Path(temporary))
        yield from kill_runs(study, kills, chance)
        yield flip_runs(study, flips // 2, chance, inside=False)
        yield flip_runs(study, flips - flips // 2, chance, inside=True)
        yield edit_runs(study, edits, chance)
        yield package_runs(study, packages, chance)
        yield round_runs(study, rounds)


def main() -> None:
    """Write the table; ends with 1 where anything is lost, corrupted or unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("kills", 1000), ("flips", 400), ("edits", 100), ("packages", 100), ("rounds", 50),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    logging.disable()  # the damage that is made here is counted, not shown
    if as_json:
        table = list(fault_table(**options))
        print(json.dumps([asdict(row) for row in table]))
        sys.exit(not all(row.is_clean for row in table))
    columns = ("runs", "acknowledged", "lost", "corrupted", "unnoticed")
    print(f"{'fault':36}" + "".join(f"{name:>14}" for name in columns))
    table = []
    for row in fault_table(**options):
        table.append(row)
        print(
            f"{row.fault:36}" + "".join(f"{getattr(row, name):>14}" for name in columns),
            flush=True,
        )
        for note in row.notes:
            print(f"    {note}", file=sys.stderr)
    sys.exit(not all(row.is_clean for row in table))


if __name__ == "__main__":
    main()
