"""Indexing as a user meets it: odd sources, broken files, interruption, and indexing again."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.dicom_makers import (
    AXIAL,
    CORONAL,
    STIR,
    T1,
    T2FS,
    save,
    write_enhanced,
    write_series,
    write_study,
)
from fixtures.processes import started
from pydicom import Dataset, dcmread
from pydicom.fileset import FileSet
from pydicom.uid import EncapsulatedPDFStorage, EnhancedSRStorage

from opp_mri.domain.imaging import FileStatus, Plane, SeriesRole, Usability, VolumeDescription
from opp_mri.errors import InputError, ProjectError, UnknownError
from opp_mri.workflow.catalogue.index import IndexSummary, clear_override, index, override_role
from opp_mri.workflow.project import Project, create_project, open_project

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as opened_project:
        yield opened_project


def run(project: Project, *sources: Path) -> IndexSummary:
    return index(project, sources, workers=1)


def left_out(project: Project) -> dict[str, tuple[FileStatus, str]]:
    return {
        Path(entry.source.name).name: (entry.status, entry.detail)
        for entry in project.store.get_files(left_out_only=True)
    }


def only_volume(project: Project) -> VolumeDescription:
    (volume,) = project.store.get_volumes()
    return volume


# What one series of the files may hold


def test_two_echoes_in_one_series_are_two_volumes(project: Project, tmp_path: Path) -> None:
    write_series(tmp_path / "a", T2FS, EchoTime=20, EchoNumbers=1)
    write_series(
        tmp_path / "b",
        T2FS,
        EchoNumbers=2,
        edit=lambda dataset, _: setattr(dataset, "SOPInstanceUID", f"{dataset.SOPInstanceUID}.2"),
    )
    run(project, tmp_path / "a", tmp_path / "b")
    first, second = sorted(
        project.store.get_volumes(), key=lambda volume: volume.instance.echo_time_ms or 0
    )
    assert (len(first.frames), first.role) == (4, None), "20 ms is proton density"
    assert (len(second.frames), second.role) == (4, SeriesRole.T2FS)


def test_several_orientations_in_one_series_are_described_apart(
    project: Project, tmp_path: Path
) -> None:
    turns = {0: (CORONAL, [0, -20, 40]), 1: (AXIAL, [-20, -20, 0])}

    def turn(dataset: Dataset, number: int) -> None:
        if number in turns:
            dataset.ImageOrientationPatient, dataset.ImagePositionPatient = turns[number]

    write_series(tmp_path / "a", edit=turn, slices=range(6))
    run(project, tmp_path / "a")
    volumes = {volume.plane: volume for volume in project.store.get_volumes()}
    assert {plane: len(v.frames) for plane, v in volumes.items()} == {
        Plane.CORONAL: 1,
        Plane.AXIAL: 1,
        Plane.SAGITTAL: 4,
    }
    assert volumes[Plane.SAGITTAL].role is SeriesRole.T1
    assert "Not sagittal" in volumes[Plane.AXIAL].evidence[-1]


def test_a_repeated_acquisition_in_one_series_is_two_volumes_of_which_the_later_is_chosen(
    project: Project, tmp_path: Path
) -> None:
    for turn in (1, 2):
        write_series(
            tmp_path / f"turn{turn}",
            AcquisitionNumber=turn,
            AcquisitionTime=f"10{turn}000",
            edit=lambda dataset, _, turn=turn: setattr(
                dataset, "SOPInstanceUID", f"{dataset.SOPInstanceUID}.{turn}"
            ),
        )
    run(project, tmp_path)
    volumes = project.store.get_volumes()
    selected_acquisitions = {
        volume.instance.acquisition_number: volume.selected for volume in volumes
    }
    assert selected_acquisitions == {1: False, 2: True}


def test_an_acquisition_number_for_every_slice_splits_nothing(
    project: Project, tmp_path: Path
) -> None:
    write_series(
        tmp_path / "a", edit=lambda dataset, n: setattr(dataset, "AcquisitionNumber", n + 1)
    )
    run(project, tmp_path / "a")
    assert (len(only_volume(project).frames), only_volume(project).usability) == (
        4,
        Usability.VOLUME,
    )


def test_two_stacks_of_an_enhanced_instance_are_two_volumes(
    project: Project, tmp_path: Path
) -> None:
    write_enhanced(tmp_path / "a", {"1": [0.0, 4.4, 8.8], "2": [0.0, 4.4, 8.8, 13.2]})
    run(project, tmp_path / "a")
    volumes = project.store.get_volumes()
    assert sorted(len(volume.frames) for volume in volumes) == [3, 4]
    assert {volume.role for volume in volumes} == {SeriesRole.T1}
    assert sorted(volume.station or 0 for volume in volumes) == [1, 2]


# Where files come from


def test_names_do_not_matter(project: Project, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "スパイン Wirbelsäule")
    for path, name in zip(paths, ("画像 1", "IM1.jpg", ".hidden", "-rf"), strict=True):
        path.rename(path.with_name(name))
    assert run(project, tmp_path / "スパイン Wirbelsäule").counts == {FileStatus.IMAGE: 4}


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text on this system")
def test_a_file_name_in_another_encoding_is_a_file_like_any_other(
    project: Project, tmp_path: Path
) -> None:
    path = write_series(tmp_path / "a", slices=[0])[0]
    odd = path.rename(path.parent / os.fsdecode(b"caf\xe9"))
    shutil.copy(odd, path.parent / os.fsdecode(b"d\xe9ja"))
    assert run(project, path.parent).counts == {FileStatus.IMAGE: 1, FileStatus.COPY: 1}
    uid = only_volume(project).frames[0].sop_instance_uid
    assert project.store.get_sources_of([uid])[uid].path == str(odd)
    assert run(project, path.parent).read == 0
    odd.unlink()
    assert run(project, path.parent).counts == {FileStatus.IMAGE: 1}


def test_a_folder_is_the_same_by_a_relative_and_an_absolute_path(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "in" / "a")
    monkeypatch.chdir(tmp_path / "in")
    assert run(project, Path("a")).read == 4
    assert run(project, tmp_path / "in" / "a").read == 0
    assert run(project, Path("..") / "in" / "a").read == 0
    assert run(project, Path()).counts == {FileStatus.IMAGE: 4}


def test_a_folder_and_a_link_to_it_hold_each_image_once(project: Project, tmp_path: Path) -> None:
    write_series(tmp_path / "in" / "a")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "in" / "a")
    (tmp_path / "in" / "a" / "loop").symlink_to(tmp_path / "in")
    assert run(project, tmp_path / "in").counts == {FileStatus.IMAGE: 4}
    assert len(only_volume(project).frames) == 4


def test_a_zip_of_the_folder_holds_only_copies(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    paths = write_series(folder / "a")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    assert run(project, folder / "a.zip").counts == {FileStatus.IMAGE: 4}
    first = only_volume(project)
    assert run(project, folder / "a").counts == {FileStatus.IMAGE: 4, FileStatus.COPY: 4}
    (folder / "a.zip").unlink()
    assert run(project, folder).counts == {FileStatus.IMAGE: 4}
    assert only_volume(project) == first


def test_a_dicomdir_brings_the_files_that_it_names(project: Project, tmp_path: Path) -> None:
    file_set = FileSet()
    for path in write_series(tmp_path / "a"):
        dataset = dcmread(path)
        dataset.StudyTime, dataset.StudyID = "100000", "1"
        file_set.add(dataset)
    file_set.write(tmp_path / "disc")
    counts = run(project, tmp_path / "disc" / "DICOMDIR").counts
    assert counts == {FileStatus.IMAGE: 4, FileStatus.DICOMDIR: 1}


def test_an_empty_folder_is_no_error(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(project, tmp_path / "empty") == IndexSummary(files=0, read=0, gone=0, counts={})


# Files that are not images, or no longer or not yet whole


def test_every_file_is_in_a_series_or_listed_with_the_reason(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "a"
    image = write_series(folder, slices=[0])[0]
    (folder / "empty").write_bytes(b"")
    (folder / "notes.txt").write_text("T1 T2")
    (folder / "cut").write_bytes(write_series(folder, slices=[1])[0].read_bytes()[:-50])
    report = dcmread(image)
    del report.PixelData
    report.SOPClassUID, report.SOPInstanceUID = EnhancedSRStorage, "1.9.1"
    save(report, folder / "report")
    report.SOPClassUID, report.SOPInstanceUID = EncapsulatedPDFStorage, "1.9.2"
    report.EncapsulatedDocument = b"%PDF-"
    save(report, folder / "pdf")
    assert run(project, folder).files == 7
    files_left_out = left_out(project)
    assert {name: status for name, (status, _) in files_left_out.items()} == {
        "empty": FileStatus.NOT_DICOM,
        "notes.txt": FileStatus.NOT_DICOM,
        "cut": FileStatus.TRUNCATED,
        "report": FileStatus.STRUCTURED_REPORT,
        "pdf": FileStatus.NO_PIXELS,
    }
    assert all(detail.endswith((".", "?")) for _, detail in files_left_out.values()), files_left_out


def test_the_same_file_twice_is_one_image_and_a_copy(project: Project, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a")
    shutil.copy(paths[0], tmp_path / "a" / "zz-again")
    assert run(project, tmp_path / "a").counts == {FileStatus.IMAGE: 4, FileStatus.COPY: 1}
    assert left_out(project)["zz-again"][1] == f"The same instance as {paths[0]}."
    assert len(only_volume(project).frames) == 4


def test_equal_uids_with_another_geometry_are_both_kept_and_the_second_stays_when_the_first_goes(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "in" / "a")
    write_series(tmp_path / "in" / "b", top_mm=90)
    assert run(project, tmp_path / "in").counts == {FileStatus.IMAGE: 8}
    volumes = project.store.get_volumes()
    assert {volume.planes[0].position_lps_mm[2] for volume in volumes} == {40, 90}
    assert all(volume.is_in_doubt for volume in volumes)
    shutil.rmtree(tmp_path / "in" / "a")
    assert run(project, tmp_path / "in").counts == {FileStatus.IMAGE: 4}
    assert only_volume(project).planes[0].position_lps_mm[2] == 90


def test_a_file_that_changes_vanishes_and_comes_back_is_followed(
    project: Project, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "a")
    run(project, tmp_path / "a")
    volume_id = only_volume(project).volume_id
    dataset = dcmread(paths[0])
    dataset.SeriesDescription = "T1 SAG corrected"
    save(dataset, paths[0])
    assert run(project, tmp_path / "a").read == 1
    assert only_volume(project).volume_id == volume_id
    content = paths[1].read_bytes()
    paths[1].unlink()
    assert run(project, tmp_path / "a").gone == 1
    assert only_volume(project).usability is Usability.IN_PLANE
    assert "missing" in (only_volume(project).refusal or "")
    paths[1].write_bytes(content)
    assert run(project, tmp_path / "a").read == 1
    assert only_volume(project).usability is Usability.VOLUME
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").mkdir()
    assert run(project, tmp_path / "a").gone == 4
    assert project.store.get_volumes() == []


def test_a_truncated_file_that_is_whole_later_completes_its_series(
    project: Project, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "a")
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:-100])
    run(project, tmp_path / "a")
    assert len(only_volume(project).frames) == 3
    paths[2].write_bytes(whole)
    assert run(project, tmp_path / "a").counts == {FileStatus.IMAGE: 4}
    assert len(only_volume(project).frames) == 4


def test_a_folder_that_cannot_be_looked_into_today_loses_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "in" / "a")
    run(project, tmp_path / "in")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    summary = run(project, tmp_path / "in")
    assert (summary.gone, summary.counts[FileStatus.UNREADABLE]) == (0, 1)
    assert len(only_volume(project).frames) == 4
    monkeypatch.undo()
    assert run(project, tmp_path / "in").counts == {FileStatus.IMAGE: 4}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read_is_listed(project: Project, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a")
    paths[0].chmod(0)
    run(project, tmp_path / "a")
    status, detail = left_out(project)[paths[0].name]
    assert (status, "permitted" in detail) == (FileStatus.UNREADABLE, True)


# Indexing again, and overrides


def test_a_second_run_over_unchanged_files_reads_nothing_and_keeps_every_volume(
    project: Project, tmp_path: Path
) -> None:
    write_study(tmp_path / "a", T1, T2FS, STIR)
    assert run(project, tmp_path / "a").read == 12
    before = project.store.get_volumes()
    assert run(project, tmp_path / "a").read == 0
    assert project.store.get_volumes() == before


def test_an_override_survives_more_slices_and_changed_files(
    project: Project, tmp_path: Path
) -> None:
    plain = T2FS | {"ScanOptions": None, "SeriesDescription": "T2 SAG"}
    paths = write_series(tmp_path / "a", plain)
    run(project, tmp_path / "a")
    override_role(project, only_volume(project).volume_id, SeriesRole.T2FS, NOON)
    write_series(tmp_path / "a", plain, slices=range(4, 7))
    run(project, tmp_path / "a")
    assert (only_volume(project).role, len(only_volume(project).frames)) == (SeriesRole.T2FS, 7)
    for path in paths:
        dataset = dcmread(path)
        dataset.SeriesDescription = "T2 SAG corrected"
        save(dataset, path)
    run(project, tmp_path / "a")
    volume = only_volume(project)
    assert (volume.role, volume.role_overridden, volume.selected) == (SeriesRole.T2FS, True, True)
    assert volume.evidence[-1] == "A reader gave it the role T2FS."
    assert clear_override(project, volume.volume_id, NOON).role is None


def test_a_volume_on_which_nothing_can_be_measured_can_have_no_role(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "a", ImagePositionPatient=None)
    run(project, tmp_path / "a")
    volume_id = only_volume(project).volume_id
    with pytest.raises(InputError, match="can have no role: The header has no ImagePosition"):
        override_role(project, volume_id, SeriesRole.T1, NOON)
    assert project.store.get_role_overrides() == {}
    with pytest.raises(UnknownError, match="opp-mri series"):
        override_role(project, "none", SeriesRole.T1, NOON)


# Interruption


def test_volumes_are_described_by_the_next_run_if_the_first_died_after_reading(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "a")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("opp_mri.workflow.catalogue.index.describe_stale", die)
    with pytest.raises(KeyboardInterrupt):
        run(project, tmp_path / "a")
    monkeypatch.undo()
    assert project.store.get_volumes() == []
    assert run(project, tmp_path / "a").read == 0
    assert len(project.store.get_volumes()) == 2


def test_what_was_described_before_an_interruption_is_kept(
    project: Project, tmp_path: Path
) -> None:
    for number in range(3):
        write_series(tmp_path / "a", study=str(number), PatientID=f"P{number}", top_mm=number)

    def interrupt(step: str, count: int, _total: int) -> None:
        if (step, count) == ("describing series", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index(project, [tmp_path / "a"], workers=1, progress=interrupt)
    assert len(project.store.get_volumes()) == 2
    assert project.store.get_stale_patients() == ["P2"]
    assert run(project, tmp_path / "a").read == 0
    assert len(project.store.get_volumes()) == 3


def test_a_kept_batch_survives_kill_9_and_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    series_file = write_series(tmp_path / "made", slices=[0])[0]
    dataset = dcmread(series_file)
    (tmp_path / "many").mkdir()
    for number in range(3000):
        dataset.SOPInstanceUID = f"1.2.3.1.3.{number + 1}"
        dataset.SeriesInstanceUID = f"1.2.3.1.{number // 20}"
        dataset.ImagePositionPatient = [4.4 * (number % 20), -20, 40]
        save(dataset, tmp_path / "many" / f"{number:05}")
    create_project(tmp_path / "project")
    store = tmp_path / "project" / "opp_mri.sqlite"
    code, _ = interrupted(store, tmp_path, signal.SIGKILL, more_than=0)
    assert code == -signal.SIGKILL
    after_kill = files_in(store)
    code, error = interrupted(store, tmp_path, signal.SIGINT, more_than=after_kill)
    assert code == 130
    assert "Traceback" not in error
    assert "Interrupted; what was recorded so far is kept." in error
    file_count = files_in(store)
    assert 0 < after_kill <= file_count
    with open_project(tmp_path / "project") as project:
        assert run(project, tmp_path / "many").read == 3000 - file_count
        assert sum(len(volume.frames) for volume in project.store.get_volumes()) == 3000


def interrupted(
    store: Path, folder: Path, with_signal: signal.Signals, more_than: int
) -> tuple[int, str]:
    """Send the command a signal once it has kept some files; give its exit code and its stderr."""
    command = [
        *(sys.executable, "-c", "from opp_mri.cli import main; main()"),
        *("index", str(folder / "many"), "--project", str(folder / "project")),
        *("--workers", "1"),
    ]
    with started(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and files_in(store) <= more_than:
            time.sleep(0.005)
        process.send_signal(with_signal)
        _, error = process.communicate(timeout=60)
    return process.returncode, error


def files_in(store: Path) -> int:
    with closing(sqlite3.connect(store, timeout=30)) as connection:
        return int(connection.execute("SELECT count(*) FROM file").fetchone()[0])


# Projects, and what the command line says


def test_the_command_line_says_what_is_wrong_and_changes_nothing(
    opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    write_series(tmp_path / "a")
    result = opp_mri("index", tmp_path / "a", "--project", tmp_path / "project", expect=6)
    assert result.err.startswith("Error: ")
    assert "opp-mri init" in result.err
    opp_mri("init", tmp_path / "project")
    absent = opp_mri(
        *("index", tmp_path / "a", tmp_path / "absent", "--project", tmp_path / "project"),
        expect=3,
    )
    assert "There is no file or folder" in absent.err
    with open_project(tmp_path / "project") as project:
        assert project.store.count_files() == {}


def test_no_message_names_the_patient(opp_mri: Callable[..., Any], tmp_path: Path) -> None:
    paths = write_study(tmp_path / "in", PatientName="Secret^Jane", PatientID="SECRET-1")
    shutil.copy(paths[0], tmp_path / "in" / "copy")
    write_series(tmp_path / "in", study="2", PatientName="Secret^Jane", PatientID="SECRET-2")
    opp_mri("init", tmp_path / "project")
    ran = opp_mri("index", tmp_path / "in", "--project", tmp_path / "project")
    assert "PatientIDs that may be one patient: 1 pair" in ran.out
    (tmp_path / "map.csv").write_text("patient_id,same_as\nSECRET-9,SECRET-1\n")
    wrong = opp_mri(
        *("index", "--same-patient", tmp_path / "map.csv", "--project", tmp_path / "project"),
        expect=3,
    )
    assert "secret" not in (ran.out + ran.err + wrong.out + wrong.err).lower()


@pytest.mark.parametrize("name", ["what?", "100%", "a%20b", "a#b", "with space", "脊椎"])
def test_a_project_may_have_any_name(tmp_path: Path, name: str) -> None:
    create_project(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    with open_project(tmp_path / name) as project:
        assert project.store.count_files() == {}


def test_a_project_is_made_once_and_an_interrupted_init_can_be_done_again(tmp_path: Path) -> None:
    create_project(tmp_path)
    with pytest.raises(ProjectError, match="is a project already"):
        create_project(tmp_path)
    (tmp_path / "opp_mri.sqlite").unlink()  # as if init had been killed before its store was made
    (tmp_path / "opp_mri.toml").write_text('criteria = "plateau-variant"\n')
    create_project(tmp_path)
    with open_project(tmp_path) as project:
        assert project.settings.criteria == "plateau-variant", "settings are never overwritten"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("criteria = ", "cannot be read as TOML"),
        ("colour = 1", "unknown setting “colour”"),
        ('allow_gradient_echo = "yes"', "must be a bool"),
    ],
)
def test_settings_that_cannot_be_used_are_said(tmp_path: Path, text: str, words: str) -> None:
    create_project(tmp_path)
    (tmp_path / "opp_mri.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        open_project(tmp_path)


def test_a_store_that_was_emptied_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    create_project(tmp_path)
    (tmp_path / "opp_mri.sqlite").write_bytes(b"")
    with pytest.raises(ProjectError, match="store is empty: restore"):
        open_project(tmp_path)


def test_a_store_that_another_program_writes_to_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "a", slices=[0])
    create_project(tmp_path / "project")
    monkeypatch.setattr("opp_mri.store.sql.BUSY_TIMEOUT_S", 0.1)
    with open_project(tmp_path / "project") as project:
        second_connection = sqlite3.connect(tmp_path / "project" / "opp_mri.sqlite")
        second_connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(ProjectError, match="Another program is writing"):
            run(project, tmp_path / "a")
        second_connection.close()
        assert run(project, tmp_path / "a").counts == {FileStatus.IMAGE: 1}


def test_settings_that_change_count_at_the_next_description(tmp_path: Path) -> None:
    write_series(tmp_path / "a", ScanningSequence="GR")
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        run(project, tmp_path / "a")
        assert only_volume(project).role is None
        tolerant_project = attrs.evolve(
            project, settings=attrs.evolve(project.settings, allow_gradient_echo=True)
        )
        run(tolerant_project, tmp_path / "a")
        assert only_volume(tolerant_project).role is SeriesRole.T1
