"""Scan files: what each is, and for an image what its header says; in parallel where that pays.

A pool of processes costs about a second to start, so a scan begins in this process, and a pool
takes over once it has lasted that long. Workers of another machine, as an executor, begin at once.
"""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from itertools import islice
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.byte_reader import open_bytes
from opp_mri.dicom.headers.header import read_header, silence_pydicom
from opp_mri.dicom.headers.object_store import is_object
from opp_mri.dicom.headers.sources import READ_ERRORS, describe_reason
from opp_mri.dicom.headers.template import Templates
from opp_mri.dicom.instances import instance_from_header
from opp_mri.domain.imaging import FileStatus, Instance, SourceFile
from opp_mri.errors import InputError, PeerError
from opp_mri.processes import make_pool

POOL_PAYS_AFTER_S: Final = 1.0
CHUNK: Final = 64  # files; what Ctrl-C may lose
log = logging.getLogger("opp_mri.dicom")
_seen = threading.local()  # `templates`: the headers of earlier files


@frozen(kw_only=True)
class ScannedFile:
    """What happened to one file.

    Parameters
    ----------
    source, status
        The file, and what it is.
    detail
        A sentence about it; "" for an image.
    instance
        What its header says, for an image.
    """

    source: SourceFile
    status: FileStatus
    detail: str = ""
    instance: Instance | None = None


def scan(
    files: Iterable[SourceFile],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
) -> Iterator[ScannedFile]:
    """Scan files, in their order; none of them stops the scan, whatever is wrong with it.

    Parameters
    ----------
    files
        Taken as they are needed.
    workers
        Processes; None for as many as there are cores, 1 for this process alone. With an executor,
        how many workers it has.
    executor
        Workers that see the files under the same paths; None for processes of this machine.

    Yields
    ------
    ScannedFile
        As they come, so that a caller can keep them: an end by Ctrl-C loses only those in flight.

    Raises
    ------
    PeerError
        The executor was lost, or its workers do not see files that this machine sees.
    """
    if workers is None:
        workers = os.cpu_count() or 1
    chunks = _generate_chunks(files)
    if executor is None:
        for scanned_files in _scan_chunks(chunks, workers):
            yield from scanned_files
    else:
        for scanned_files in _scan_with(executor, chunks, workers):
            _check_sight(scanned_files)
            yield from scanned_files


def _check_sight(scanned_files: Sequence[ScannedFile]) -> None:
    """Refuse workers that cannot read what is readable here: their answers would be wrong."""
    unreadable = [file.source for file in scanned_files if file.status is FileStatus.UNREADABLE]
    if any(file.status is not FileStatus.UNREADABLE for file in _scan_chunk(unreadable)):
        raise PeerError(
            "A worker cannot read a file that this machine reads: let all workers see the images "
            "under the same paths and with the same permissions, and run the command again."
        )


def _generate_chunks(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    remaining_files = iter(files)
    while chunk := list(islice(remaining_files, CHUNK)):
        yield chunk


def _scan_chunks(chunks: Iterator[list[SourceFile]], workers: int) -> Iterator[list[ScannedFile]]:
    spent_s = 0.0
    for chunk in chunks:
        start_s = time.perf_counter()
        scanned_files = _scan_chunk(chunk)
        spent_s += time.perf_counter() - start_s
        yield scanned_files
        if workers > 1 and spent_s >= POOL_PAYS_AFTER_S:
            yield from _scan_in_pool(chunks, workers)


def _scan_in_pool(chunks: Iterator[list[SourceFile]], workers: int) -> Iterator[list[ScannedFile]]:
    pool = make_pool(workers)
    try:
        yield from _scan_with(pool, chunks, workers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _scan_with(
    executor: Executor, chunks: Iterator[list[SourceFile]], workers: int
) -> Iterator[list[ScannedFile]]:
    queue: deque[tuple[list[SourceFile], Future[list[ScannedFile]] | None]] = deque()
    for chunk in chunks:
        queue.append((chunk, _submit(executor, chunk)))
        if len(queue) > 2 * workers:
            yield _get_answer(*queue.popleft())
    while queue:
        yield _get_answer(*queue.popleft())


def _submit(executor: Executor, chunk: list[SourceFile]) -> Future[list[ScannedFile]] | None:
    try:
        with _hold_interrupts():
            return executor.submit(_scan_chunk, chunk)
    except BrokenExecutor:
        return None


def _get_answer(
    chunk: list[SourceFile], future: Future[list[ScannedFile]] | None
) -> list[ScannedFile]:
    """Wait for a chunk; where its process died (killed, out of memory) it is scanned here."""
    try:
        return _scan_chunk(chunk) if future is None else future.result()
    except BrokenExecutor:
        return _scan_chunk(chunk)


@contextmanager
def _hold_interrupts() -> Iterator[None]:
    """Let processes that start here never see Ctrl-C, which is this one's to handle, and be quiet.

    Held back, not ignored: one that comes meanwhile is raised at the end, when the processes and
    the thread that minds them are whole.
    """
    came: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:  # another thread of this process may still be given the signal
        handler = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    if hasattr(signal, "pthread_sigmask"):  # not on Windows; processes inherit it
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def _scan_chunk(chunk: Sequence[SourceFile]) -> list[ScannedFile]:
    templates: Templates = _seen.__dict__.setdefault("templates", Templates())
    with silence_pydicom():
        return [_scan_one(source, templates) for source in chunk]


def _scan_one(source: SourceFile, templates: Templates) -> ScannedFile:
    try:
        with open_bytes(source) as reader:
            header = read_header(reader, templates)
        if header.status is FileStatus.IMAGE:
            instance = instance_from_header(header)
            return ScannedFile(source=source, status=FileStatus.IMAGE, instance=instance)
    except READ_ERRORS as error:
        return _build_unreadable(source, describe_reason(error))
    except PeerError:
        raise  # the archive is lost, not a file
    except InputError as error:
        return _build_unreadable(source, str(error))
    except Exception as error:  # a defect: one file never stops the others
        log.warning("A header was not understood.", exc_info=error)
        return _build_unreadable(
            source, f"opp_mri failed on it ({type(error).__name__}): report it, with the file."
        )
    is_unopened = header.status in (FileStatus.NOT_DICOM, FileStatus.ARCHIVE)
    if is_unopened and _is_archive(source):
        return _build_unreadable(
            source,
            "Archives in an object store are not opened: unpack it there, and index again."
            if is_object(source.path)
            else "The zip archive is damaged: fetch it again.",
        )
    return ScannedFile(source=source, status=header.status, detail=header.detail)


def _is_archive(source: SourceFile) -> bool:
    """Recognise an archive that could not be opened: else its members would be here instead."""
    return not source.member and source.path.lower().endswith(".zip")


def _build_unreadable(source: SourceFile, reason: str) -> ScannedFile:
    return ScannedFile(source=source, status=FileStatus.UNREADABLE, detail=reason)
