"""Studies come out of an archive, and reports go in, by DIMSE and by DICOMweb, lying ones too."""

import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fixtures.archives import (
    Sending,
    Shelf,
    be_silent,
    dimse_archive,
    drip,
    free_port,
    hang_up,
    read_all,
    send_garbage,
    socket_server,
    web_archive,
)
from fixtures.dicom_makers import AXIAL, STIR, T1, T2FS, write_study
from pydicom import Dataset

from opp_mri.domain.peer import DimsePeer, Peer, Retrieval, StudyQuery, WebPeer
from opp_mri.errors import InputError, PeerError, UnknownError
from opp_mri.workflow.pacs.finding import find_studies, watch_patients
from opp_mri.workflow.pacs.peers import add_peer, build_peer, check_peer, find_peer
from opp_mri.workflow.pacs.pulling import PullChoice, PullSummary, pull_studies
from opp_mri.workflow.pacs.pushing import push_reports
from opp_mri.workflow.project import Project, create_project, open_project

WAYS = ["get", "move", "web"]
QUERY = StudyQuery(patient_id="P1")
PAUSE_S = 1.0  # the longest silence in these tests
LOCALIZER = T1 | {"SeriesNumber": 1, "SeriesDescription": "Localizer", "RepetitionTime": 8}
AXIAL_T2 = T2FS | {
    "SeriesNumber": 9,
    "SeriesDescription": "T2 AX",
    "ImageOrientationPatient": AXIAL,
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """A study of patient P1 with a T1, a T2FS, a STIR and two series without a role; one of P2."""
    folder = tmp_path_factory.mktemp("archive")
    dates = {"StudyDate": "20240115"}
    series = (T1, T2FS, STIR, LOCALIZER, AXIAL_T2)
    write_study(folder / "1", *series, study="1", PatientID="P1", **dates)
    write_study(folder / "2", T1, study="2", PatientID="P2", **dates)
    return read_all(folder)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as opened_project:
        yield opened_project


@contextmanager
def served(shelf: Shelf, way: str, timeout_s: float = 20.0) -> Iterator[Peer]:
    """Serve a shelf by one of the ways, and give the peer."""
    if way == "web":
        with web_archive(shelf) as url:
            yield WebPeer(name="archive", url=url, timeout_s=timeout_s)
        return
    listen_port = free_port()
    with dimse_archive(shelf, move_to=("127.0.0.1", listen_port)) as port:
        yield DimsePeer(
            name="archive", host="127.0.0.1", port=port, called_ae_title="ARCHIVE",
            retrieval=Retrieval(way), listen_port=listen_port, timeout_s=timeout_s,
        )  # fmt: skip


def pull(project: Project, peer: Peer, folder: Path, **choice: Any) -> PullSummary:
    return pull_studies(project, peer, PullChoice(query=QUERY, **choice), folder)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("way", WAYS)
def test_only_sagittal_series_that_could_have_a_role_are_pulled(
    way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    with served(Shelf(objects), way) as peer:
        check_peer(peer)
        (listed_study,) = find_studies(project, peer, QUERY, with_series=True)
        summary = pull(project, peer, tmp_path / "in")
    roles = {series.series.series_description: series.role for series in listed_study.series}
    assert roles == {
        "T1 SAG": "T1", "T2 FS SAG": "T2FS", "STIR SAG": "STIR", "Localizer": None, "T2 AX": None,
    }  # fmt: skip
    assert summary.is_complete
    datasets = read_all(tmp_path / "in")
    assert {str(dataset.SeriesDescription) for dataset in datasets} == {
        "T1 SAG",
        "T2 FS SAG",
        "STIR SAG",
    }
    assert len(datasets) == 12
    original = {str(dataset.SOPInstanceUID): dataset.PixelData for dataset in objects}
    assert all(dataset.PixelData == original[str(dataset.SOPInstanceUID)] for dataset in datasets)


def test_all_series_are_pulled_where_all_are_wanted(
    objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    with served(Shelf(objects), "web") as peer:
        pull(project, peer, tmp_path / "in", take_all=True)
    assert len(files(tmp_path / "in")) == 20


@pytest.mark.parametrize("way", ["get", "web"])
def test_what_is_there_and_whole_is_not_fetched_again(
    way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    shelf = Shelf(objects)
    with served(shelf, way) as peer:
        pull(project, peer, tmp_path / "in")
        removed_path, cut_path, *whole_paths = files(tmp_path / "in")
        removed_path.unlink()
        cut_path.write_bytes(cut_path.read_bytes()[:-50])
        before = [path.stat().st_mtime_ns for path in whole_paths]
        again = pull(project, peer, tmp_path / "in")
        third = pull(project, peer, tmp_path / "in")
    assert [path.stat().st_mtime_ns for path in whole_paths] == before
    assert sum(series.received for series in again.series) == 2
    assert sum(series.received for series in third.series) == 0
    assert sum(series.present for series in third.series) == 12


def another_patient(objects: list[Dataset]) -> list[Dataset]:
    stray = copy.deepcopy(objects[0])
    stray.PatientID, stray.SOPInstanceUID = "P9", "1.2.3.4"
    stray.file_meta.MediaStorageSOPInstanceUID = stray.SOPInstanceUID
    return [*objects, stray]


def another_study(objects: list[Dataset]) -> list[Dataset]:
    stray = copy.deepcopy(objects[0])
    stray.StudyInstanceUID = "1.2.3.5"
    return [*objects[1:], stray]


def a_path_for_a_uid(objects: list[Dataset]) -> list[Dataset]:
    stray = copy.deepcopy(objects[0])
    stray.SOPInstanceUID = "../../../escaped"
    stray.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    return [*objects, stray]


def unlisted(objects: list[Dataset]) -> list[Dataset]:
    stray = copy.deepcopy(objects[0])
    stray.SOPInstanceUID = stray.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    return [*objects, stray]


def twice_and_different(objects: list[Dataset]) -> list[Dataset]:
    second = copy.deepcopy(objects[0])
    second.PixelData = bytes(len(second.PixelData))
    return [*objects, second]


def cut_pixels(objects: list[Dataset]) -> list[Dataset]:
    cut_dataset = copy.deepcopy(objects[0])
    cut_dataset.PixelData = cut_dataset.PixelData[:100]
    return [cut_dataset, *objects[1:]]


LIES: dict[str, tuple[Sending, str]] = {
    "another patient": (another_patient, "another patient"),
    "another study": (another_study, "another study"),
    "a path for a UID": (a_path_for_a_uid, "not a UID"),
    "an instance that is not listed": (unlisted, "not in the archive's own list"),
    "an instance twice, and different": (twice_and_different, "sent twice, and differs"),
    "half of the pixels": (cut_pixels, "not a whole object"),
}


@pytest.mark.parametrize("way", ["get", "web"])
@pytest.mark.parametrize("lie", LIES)
def test_what_was_not_asked_for_is_not_written(
    lie: str, way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    tamper, reason = LIES[lie]

    def lying(datasets: list[Dataset]) -> list[Dataset]:
        return list(tamper(datasets)) if len(datasets) > 1 else datasets

    with served(Shelf(objects, lying), way) as peer:
        summary = pull(project, peer, tmp_path / "in")
    faults = {sentence for series in summary.series for sentence, _ in series.faults}
    assert not summary.is_complete
    assert any(reason in sentence for sentence in faults), faults
    true = {str(dataset.SOPInstanceUID): dataset.PixelData for dataset in objects}
    for dataset in read_all(tmp_path / "in"):
        assert dataset.PatientID == "P1"
        assert dataset.PixelData == true[str(dataset.SOPInstanceUID)]
    assert list(tmp_path.rglob("*escaped*")) == []


@pytest.mark.parametrize("way", ["get", "web"])
def test_the_same_instance_twice_is_kept_once(
    way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    with served(Shelf(objects, lambda datasets: [*datasets, *datasets]), way) as peer:
        assert pull(project, peer, tmp_path / "in").is_complete
    assert len(files(tmp_path / "in")) == 12


def test_an_archive_that_sends_without_end_is_left(
    objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    with (
        served(
            Shelf(objects, lambda datasets: datasets and another_patient(datasets)[-1:] * 500),
            "get",
        ) as peer,
        pytest.raises(PeerError, match="not asked for"),
    ):
        pull(project, peer, tmp_path / "in")


@pytest.mark.parametrize("behave", [be_silent, send_garbage, hang_up, drip])
@pytest.mark.parametrize("way", ["get", "web"])
def test_a_server_that_does_not_answer_costs_bounded_time(
    way: str, behave: Callable[..., None], project: Project
) -> None:
    start_s = time.monotonic()
    pause_s = PAUSE_S / 4 if behave is drip else PAUSE_S  # an answer may take 20 times as long
    with socket_server(behave) as port:
        peer: Peer = (
            WebPeer(name="archive", url=f"http://127.0.0.1:{port}/web", timeout_s=pause_s)
            if way == "web"
            else DimsePeer(name="archive", host="127.0.0.1", port=port, timeout_s=pause_s)
        )
        with pytest.raises(PeerError, match="archive") as failure:
            find_studies(project, peer, QUERY)
    assert time.monotonic() - start_s < 30 * PAUSE_S
    assert "What has arrived is kept" in str(failure.value) or "check" in str(failure.value)


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_server_that_drops_in_the_middle_leaves_whole_files_and_the_pull_continues(
    way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    shelf = Shelf(objects)

    def drop(datasets: list[Dataset]) -> list[Dataset]:
        if len(datasets) < 2:
            return datasets
        raise ConnectionResetError

    shelf.sending = drop
    with served(shelf, way, timeout_s=3.0) as peer:
        with pytest.raises(PeerError):
            pull(project, peer, tmp_path / "in")
        shelf.sending = lambda datasets: datasets
        assert pull(project, peer, tmp_path / "in").is_complete
    assert len(files(tmp_path / "in")) == 12


def test_an_unknown_study_is_said_to_be_unknown(
    objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    choice = PullChoice(query=StudyQuery(patient_id="nobody"))
    with served(Shelf(objects), "web") as peer, pytest.raises(UnknownError, match="no such study"):
        pull_studies(project, peer, choice, tmp_path / "in")


def make_report(folder: Path, objects: list[Dataset]) -> Path:
    """Write a report that belongs to the study of some images."""
    report = Dataset()
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate"):
        setattr(report, keyword, objects[0].get(keyword, ""))
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    report.SOPInstanceUID, report.SeriesInstanceUID = "1.2.88.1", "1.2.88"
    report.Modality = "SR"
    folder.mkdir()
    report.file_meta = copy.deepcopy(objects[0].file_meta)
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    objects[0].save_as(folder / "image.dcm", enforce_file_format=True)
    return folder


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_report_is_pushed_once_and_seen_to_arrive_and_images_are_never_pushed(
    way: str, objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    folder = make_report(tmp_path / "out", objects)
    shelf = Shelf(objects)
    with served(shelf, way) as peer:
        first, second = push_reports(peer, [folder]), push_reports(peer, [folder])
        summary = pull(project, peer, tmp_path / "in", with_reports=True)
    assert [outcome.state for outcome in first.objects] == ["arrived"]
    assert [outcome.state for outcome in second.objects] == ["was there"]
    assert first.other_files == 1
    assert len(shelf.objects) == len(objects) + 1
    assert summary.is_complete
    assert "SR" in {dataset.Modality for dataset in read_all(tmp_path / "in")}


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_report_that_the_archive_accepts_and_does_not_keep_has_failed(
    way: str, objects: list[Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opp_mri.workflow.pacs.pushing.WAITS_S", (0.0, 0.1))
    folder = make_report(tmp_path / "out", objects)
    shelf = Shelf(objects)
    shelf.forgets = True
    with served(shelf, way) as peer:
        summary = push_reports(peer, [folder])
    assert not summary.is_complete
    assert "does not list it" in summary.objects[0].reason


def test_watching_names_each_new_study_once(
    objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    from opp_mri.workflow.catalogue.index import index

    with served(Shelf(objects), "web") as peer:
        pull(project, peer, tmp_path / "in")
        index(project, [tmp_path / "in"], workers=1)
    later = copy.deepcopy(objects[0])
    later.StudyInstanceUID, later.StudyDate = "1.2.77", "20240601"
    looks = iter([True, False])
    with served(Shelf([*objects, later]), "web") as peer:
        first, second = watch_patients(project, peer, wait=lambda: next(looks))
    assert [listed_study.study.study_instance_uid for listed_study in first] == ["1.2.77"]
    assert second == ()


SECRET = "Tr0ub4dor-and-3"  # noqa: S105


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.mark.usefixtures("no_keyring")
def test_a_secret_stands_in_no_file_no_message_and_no_traceback(
    objects: list[Dataset], project: Project, tmp_path: Path
) -> None:
    environment = {**os.environ, "OPP_MRI_PACS_SECRET_ARCHIVE": SECRET, "PYTHONFAULTHANDLER": "1"}
    script = "import logging; logging.basicConfig(level=0); from opp_mri.cli import main; main()"

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", script, "pacs", *words, "--project", str(project.folder)],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip

    with web_archive(Shelf(objects), secret=f"Bearer {SECRET}") as url:
        addition = run("peer", "add", "archive", "--url", url, "--token")
        right = run("find", "archive", "--patient", "P1")
        environment["OPP_MRI_PACS_SECRET_ARCHIVE"] = f"wrong-{SECRET}"
        wrong = run("find", "archive", "--patient", "P1")
        environment["OPP_MRI_PACS_SECRET_ARCHIVE"] = f"{SECRET}\nX-Injected: 1"
        failure = run("find", "archive", "--patient", "P1")
        del environment["OPP_MRI_PACS_SECRET_ARCHIVE"]
        missing_study = run("find", "archive", "--patient", "P1")
    assert (addition.returncode, right.returncode) == (0, 0), addition.stderr + right.stderr
    assert "P1" in right.stdout
    assert wrong.returncode == 7
    assert "refused access" in wrong.stderr
    assert failure.returncode == 3
    assert missing_study.returncode == 5
    assert "OPP_MRI_PACS_SECRET_ARCHIVE" in missing_study.stderr
    for ran in (addition, right, wrong, failure, missing_study):
        assert SECRET not in ran.stdout + ran.stderr
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"url": "https://anna:pw@pacs/web"}, "no user name, password"),
        ({"url": "http://pacs/web", "authentication": "token"}, "needs https"),
        ({"url": "https://pacs/web", "password": "Tr0ub"}, "hold a password"),
        ({"url": "ftp://pacs"}, "must be an address"),
        ({"host": "pacs", "port": 0}, "cannot be used"),
        ({"host": "pacs", "port": 104, "called_ae_title": "MORE THAN 16 LETTERS"}, "16"),
        ({"host": "pacs", "port": 104, "speed": 3}, "unknown entry"),
    ],
)
def test_a_peer_that_cannot_work_or_holds_a_secret_is_refused(
    table: dict[str, object], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as failure:
        build_peer("archive", table)
    assert "Tr0ub" not in str(failure.value)
    assert "pw@" not in str(failure.value)


def test_a_peer_is_kept_in_the_settings(project: Project) -> None:
    peer = DimsePeer(name="archive", host="pacs", port=104, called_ae_title="PACS", tls=True)
    add_peer(project, peer)
    with open_project(project.folder) as again:
        assert find_peer(again, "archive") == peer
        with pytest.raises(InputError, match="already"):
            add_peer(again, peer)
        with pytest.raises(UnknownError, match="no peer elsewhere"):
            find_peer(again, "elsewhere")


def test_the_command_line_finds_and_pulls_as_json(
    objects: list[Dataset], project: Project, opp_mri: Callable[..., Any]
) -> None:
    where = ("--project", project.folder)
    with dimse_archive(Shelf(objects)) as port:
        opp_mri("pacs", "peer", "add", "archive", "--host", "127.0.0.1", "--port", port,
                "--ae-title", "ARCHIVE", *where)  # fmt: skip
        assert "answers" in opp_mri("pacs", "peer", "check", "archive", *where).out
        result = opp_mri("pacs", "find", "archive", "--patient", "P1", "--json", *where).json
        pull_result = opp_mri("pacs", "pull", "archive", "--patient", "P1", *where)
    assert [record["in_project"] for record in result] == [False]
    assert "12 received" in pull_result.out
    assert json.loads(opp_mri("pacs", "peer", "list", "--json", *where).out)[0]["port"] == port
    assert "objects per second" in pull_result.err
