"""Workers of a Dask scheduler give what one process gives, though some of them are killed."""

import os
import pickle
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from datetime import date
from operator import truediv
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.clusters import Cluster, running_cluster
from fixtures.makers import NOON, make_lesion
from fixtures.postgresql import ABSENT, binaries, execute, running_server

from opp_mri.dicom import scan as scanning
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import ScannedFile, scan
from opp_mri.domain.imaging import FileStatus, SeriesRole, SourceFile
from opp_mri.domain.proposal import Abstention, AbstentionReason
from opp_mri.domain.registration import Fit
from opp_mri.errors import ConflictError, OppMriError, PeerError, ProjectError
from opp_mri.store.chain import Head
from opp_mri.store.serial import to_json
from opp_mri.workflow import executors
from opp_mri.workflow.assessing import respond as responding
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.catalogue import index as indexing
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.cohort.cohort import assess_project_cohort
from opp_mri.workflow.executors import ClusterExecutor, open_cluster
from opp_mri.workflow.project import STORE_NAME, create_project, open_project
from opp_mri.workflow.registration import align as aligning
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.registration.align_plan import VisitTask
from opp_mri.workflow.suggesting.cells import SuggestedCell
from opp_mri.workflow.suggesting.suggest import suggest_lesion


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with three workers, two of which the first test kills."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=3) as test_cluster:
        yield test_cluster


@pytest.fixture(scope="module")
def executor(cluster: Cluster) -> Iterator[ClusterExecutor]:
    with open_cluster(cluster.address) as connected_executor:
        assert connected_executor is not None
        yield connected_executor


@pytest.fixture(scope="module")
def images(
    coarse_phantom: Callable[..., PhantomSummary], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The T1 of five visits, so that there is little to line up."""
    folder, whole = (tmp_path_factory.mktemp(name) for name in ("images", "whole"))
    create_project(whole)
    with open_project(whole) as project:
        index(project, [coarse_phantom("PHANTOM-01").dicom], workers=1)
        for volume in project.store.get_volumes():
            if volume.role is SeriesRole.T1 and volume.selected:
                uids = [frame.sop_instance_uid for frame in volume.frames]
                for uid, source in project.store.get_sources_of(uids).items():
                    (folder / uid).symlink_to(source.path)
    return folder


@pytest.fixture(scope="module")
def alone(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that one process indexed and lined up."""
    folder = tmp_path_factory.mktemp("alone")
    create_project(folder)
    with open_project(folder) as project:
        index(project, [images], workers=1)
        align_project(project, NOON, quick=True, workers=1)
    return folder


def dump_catalogue(folder: Path) -> list[str]:
    """Return all that the store of a project holds as SQL, but records with their time of entry."""
    connection = sqlite3.connect(folder / STORE_NAME)
    try:
        lines = list(connection.iterdump())
    finally:
        connection.close()
    records = ('INSERT INTO "record"', 'INSERT INTO "chain_head"')
    return [line for line in lines if not line.startswith(records)]


def dump_fits(folder: Path) -> list[str]:
    with open_project(folder) as project:
        return [to_json(alignment) for alignment in project.store.get_alignments()]


class Killer:
    """A progress that kills the next worker when the first part is done."""

    def __init__(self, *workers: int) -> None:
        self.waiting = list(workers)
        self._steps: set[str] = set()

    def __call__(self, step: str, count: int, total: int) -> None:
        if 0 < count < total and step not in self._steps and step != "describing series":
            self._steps.add(step)
            os.kill(self.waiting.pop(), signal.SIGKILL)


def test_an_index_and_fits_equal_those_of_one_process_though_workers_are_killed(
    images: Path,
    alone: Path,
    cluster: Cluster,
    executor: ClusterExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 10)  # the first is kept before the last is sent
    monkeypatch.setattr(scanning, "CHUNK", 3)
    create_project(tmp_path)
    killer = Killer(*cluster.workers[:2])
    with open_project(tmp_path) as project:
        summary = index(project, [images], executor=executor, progress=killer)
        alignment_summary = align_project(
            project, NOON, quick=True, executor=executor, progress=killer
        )
    assert killer.waiting == []
    assert summary.read == len(list(images.iterdir()))
    assert alignment_summary.new == 4
    assert dump_catalogue(tmp_path) == dump_catalogue(alone)
    assert dump_fits(tmp_path) == dump_fits(alone)


class HereExecutor(Executor):
    """Runs each task here at once, and keeps what would have been sent to a worker."""

    def __init__(self, change: Callable[[Any], Any] = lambda result: result) -> None:
        self.sent: list[bytes] = []
        self._change = change

    def submit(self, function: Callable[..., Any], /, *words: Any, **keywords: Any) -> Future[Any]:
        self.sent.append(pickle.dumps((function, words, keywords)))
        future: Future[Any] = Future()
        future.set_result(self._change(function(*words, **keywords)))
        return future


def test_what_is_sent_for_an_alignment_names_no_patient(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(alone, tmp_path / "copy")
    monkeypatch.setattr(aligning, "_align_task", find_no_fit)
    monkeypatch.setattr(aligning, "fit_id", lambda *_, **__: "new")
    executor = HereExecutor()
    with open_project(tmp_path / "copy") as project:
        instance = project.store.get_volumes()[0].instance
        align_project(project, NOON, quick=True, executor=executor)
    names = [instance.patient_name, instance.patient_id]
    assert len(executor.sent) == 4
    assert all(names)
    for task in executor.sent:
        assert not [name for name in names if f"{name}".encode() in task]


def find_no_fit(_task: VisitTask, *, quick: bool) -> list[tuple[int, Fit]]:  # noqa: ARG001
    return []


def hide(scanned_files: list[ScannedFile]) -> list[ScannedFile]:
    return [
        ScannedFile(source=file.source, status=FileStatus.UNREADABLE, detail="not there")
        for file in scanned_files
    ]


def test_workers_that_do_not_see_the_images_are_refused(images: Path) -> None:
    with pytest.raises(PeerError, match="see the images under the same paths"):
        list(scan(find_sources([images]), workers=1, executor=HereExecutor(change=hide)))


def test_a_file_that_nobody_can_read_is_unreadable_for_workers_too(tmp_path: Path) -> None:
    missing_source = SourceFile(path=str(tmp_path / "gone"), size_bytes=1, modified_ns=0)
    (scanned_file,) = scan([missing_source], workers=1, executor=HereExecutor())
    assert scanned_file.status is FileStatus.UNREADABLE


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("here:1", "write it as tcp://"), ("tcp://127.0.0.1:9", "does not answer")],
)
def test_a_scheduler_that_cannot_be_reached_is_a_sentence(
    address: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "CONNECT_S", 0.1)
    with pytest.raises(OppMriError, match=sentence), open_cluster(address):
        pass


def test_a_worker_of_another_version_is_refused(
    executor: ClusterExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "__version__", "0.0.1")
    with pytest.raises(PeerError, match="install the same version"):
        executor.submit(os.getpid).result()


def test_a_cohort_in_a_file_is_not_shared_with_workers(
    alone: Path, executor: ClusterExecutor
) -> None:
    with open_project(alone) as project, pytest.raises(ProjectError, match="PostgreSQL"):
        assess_project_cohort(project, load_project_rules(project), executor=executor)


def test_a_condition_on_a_worker_is_the_condition_here(
    executor: ClusterExecutor, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match="not an opp_mri project"):
        executor.submit(open_project, tmp_path).result()


def test_a_cohort_in_postgresql_is_read_by_workers_as_by_one_process(
    executor: ClusterExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if binaries() is None:
        pytest.skip(ABSENT)
    monkeypatch.setattr(responding, "LESIONS_OF_TASK", 2)
    with running_server() as address:
        execute(f"{address}/postgres", "CREATE DATABASE cohort")
        create_project(tmp_path / "project", f"{address}/cohort")
        with open_project(tmp_path / "project") as project:
            project.store.add_lesions([make_lesion(f"L{number}") for number in range(5)], NOON)
            rules = load_project_rules(project)
            alone = assess_project_cohort(project, rules)
            assert len(alone.lesions) == 5
            assert assess_project_cohort(project, rules, executor=executor) == alone
            heads = iter([project.store.get_head(), Head()])
            monkeypatch.setattr(type(project.store), "get_head", lambda _: next(heads))
            with pytest.raises(ConflictError, match="run the command again"):
                responding.assess_project_on(executor, project, rules)


@pytest.fixture
def with_lesion(
    coarse_phantom: Callable[..., PhantomSummary], opp_mri: Callable[..., Any], tmp_path: Path
) -> Path:
    """A project with the lesion of a phantom patient."""
    phantom = coarse_phantom("PHANTOM-01")
    opp_mri("init", tmp_path)
    opp_mri("index", phantom.dicom, "--project", tmp_path)
    opp_mri("lesion", "add", "--table", phantom.lesions, "--project", tmp_path)
    return tmp_path


def test_proposals_of_workers_are_those_of_one_process(
    with_lesion: Path, cluster: Cluster, opp_mri: Callable[..., Any]
) -> None:
    command = ("suggest", "OPP-01", "--project", with_lesion, "--json")
    cells = opp_mri(*command).json
    assert [cell for cell in cells if cell.get("reason") != "no_fit"]
    assert opp_mri(*command, "--scheduler", cluster.address).json == cells
    with open_project(with_lesion) as project:
        executor = HereExecutor()
        suggest_lesion(project.store, "OPP-01", executor=executor)
    (request,) = executor.sent
    assert b"OPP-01" not in request
    _, (task,), _ = pickle.loads(request)  # noqa: S301 - written above
    for cell, volume in task.cells:
        assert (cell.study_date, volume.study_date) == (date.min, None)
        assert volume.patient_id == volume.instance.patient_name == ""


def forget_images(cells: list[SuggestedCell]) -> list[SuggestedCell]:
    answers = [Abstention(role=cell.sequence, reason=AbstentionReason.NO_IMAGE) for cell in cells]
    return [attrs.evolve(cell, answer=a) for cell, a in zip(cells, answers, strict=True)]


def test_a_worker_that_sees_no_images_is_refused_for_proposals_too(with_lesion: Path) -> None:
    with (
        open_project(with_lesion) as project,
        pytest.raises(PeerError, match="see the images under the same paths"),
    ):
        suggest_lesion(project.store, "OPP-01", executor=HereExecutor(change=forget_images))


def test_a_lost_scheduler_is_a_sentence_and_the_same_command_continues(
    images: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 10)
    monkeypatch.setattr(scanning, "CHUNK", 3)
    create_project(tmp_path / "project")
    with (
        running_cluster(tmp_path, workers=1) as lost_cluster,
        open_project(tmp_path / "project") as project,
    ):
        killer = Killer(lost_cluster.scheduler)
        with (
            pytest.raises(PeerError, match=r"scheduler .* was lost.* run the command again"),
            open_cluster(lost_cluster.address) as lost_executor,
        ):
            index(project, [images], executor=lost_executor, progress=killer)
        recorded_count = len(project.store.get_files())
        assert 0 < recorded_count < len(list(images.iterdir()))
        assert (
            index(project, [images], workers=1).read == len(list(images.iterdir())) - recorded_count
        )
    assert dump_catalogue(tmp_path / "project") == dump_catalogue(alone)


def fail(*_words: Any, **_keywords: Any) -> None:
    raise MemoryError("no more")


def test_a_task_that_workers_give_up_is_done_here(
    executor: ClusterExecutor, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BrokenExecutor, match="ZeroDivisionError"):
        executor.submit(truediv, 1, 0).result()
    submit = executor.submit
    monkeypatch.setattr(executor, "submit", lambda *_, **__: submit(truediv, 1, 0))
    files = list(find_sources([images]))
    alone = list(scan(files, workers=1))
    assert list(scan(files, workers=1, executor=executor)) == alone


class BrokenForOne(HereExecutor):
    """Gives up the first task that it is given."""

    def submit(self, function: Callable[..., Any], /, *words: Any, **keywords: Any) -> Future[Any]:
        if self.sent:
            return super().submit(function, *words, **keywords)
        self.sent.append(b"")
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("The workers failed with MemoryError."))
        return future


def test_a_visit_that_fails_everywhere_is_named_and_the_rest_is_done(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(alone, tmp_path / "copy")
    calls: list[VisitTask] = []

    def fail_for_one(task: VisitTask, *, quick: bool) -> list[tuple[int, Fit]]:  # noqa: ARG001
        calls.append(task)
        return fail() or [] if task.patient_id else []  # what was sent has no name

    monkeypatch.setattr(aligning, "_align_task", fail_for_one)
    monkeypatch.setattr(aligning, "fit_id", lambda *_, **__: "new")
    monkeypatch.setattr(HereExecutor, "submit", submit_unpickled)
    with open_project(tmp_path / "copy") as project:
        summary = align_project(project, NOON, quick=True, executor=BrokenForOne())
    assert len(calls) == 4
    (failure,) = summary.failures
    assert "failed on the workers and on this machine (MemoryError)" in failure


def submit_unpickled(
    _executor: HereExecutor, function: Callable[..., Any], /, *words: Any, **keywords: Any
) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(function(*words, **keywords))
    return future


def test_a_file_on_which_opp_mri_itself_fails_is_named_and_the_rest_is_read(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = list(find_sources([images]))
    read_one = scanning.read_header
    monkeypatch.setattr(
        scanning,
        "read_header",
        lambda reader, templates: fail() if reader.size == size else read_one(reader, templates),
    )
    size = files[0].size_bytes + 1
    clean = [file.status for file in scan(files, workers=1)]
    assert set(clean) == {FileStatus.IMAGE}
    path = images.parent / "odd"
    path.write_bytes((images / Path(files[0].path).name).read_bytes() + b"\0")
    odd = SourceFile(path=str(path), size_bytes=size, modified_ns=0)
    first, *other_files = scan([odd, *files], workers=1)
    assert first.status is FileStatus.UNREADABLE
    assert "MemoryError" in first.detail
    assert [file.status for file in other_files] == clean
