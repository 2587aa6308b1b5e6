"""Reading and writing in the background: nothing that the eye waits for runs in its thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from opp_mri.errors import OppMriError, ProjectError
from opp_mri_napari.shared.work import Job, Work


class Background(QObject):
    """Runs what a window wants read and written, one of each at a time, and hands it back.

    Parameters
    ----------
    work
        What is read and written.
    preload
        Something that is loaded first, while the window does not need it yet.

    Signals
    -------
    read
        Something was read and taken; says what.
    written
        Something was written, or could not be.
    idle
        Nothing is left to read.
    """

    read = Signal(str)
    written = Signal()
    idle = Signal()
    _was_read = Signal(object, object)
    _was_written = Signal(object)

    def __init__(self, work: Work, *, preload: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.reading = self._closed = False
        self._source = work
        self._saving: Future[Any] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="room-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="room-write")
        self._was_read.connect(self._take_read)
        self._was_written.connect(self._take_written)
        if preload is not None:
            self._writer.submit(preload)

    def work(self) -> None:
        """Start what waits."""
        save = self._source.get_next_save()
        if save is not None:
            self._saving = self._writer.submit(save.run)
            self._saving.add_done_callback(self._hand_over_written)
        if self.reading:
            return
        job = self._source.get_next_job()
        if job is not None:
            self.reading = True
            self._reader.submit(job.run).add_done_callback(partial(self._hand_over_read, job))
        else:
            self.idle.emit()

    def write_rest(self) -> None:
        """Write all that waits, here and now, as far as it can be written."""
        if self._saving is not None:
            wait([self._saving])
            self._settle(self._saving)
        self._source.save_rest()

    def close(self) -> None:
        """Write all that waits, and let the threads go."""
        self._closed = True
        self._writer.shutdown(wait=True)
        self.write_rest()
        self._reader.shutdown(wait=True, cancel_futures=True)

    # these two run in the worker's thread

    def _hand_over_read(self, job: Job, future: Future[Any]) -> None:
        if not future.cancelled() and isalive(self):  # type: ignore[no-untyped-call]
            self._was_read.emit(job, future)

    def _hand_over_written(self, future: Future[Any]) -> None:
        if not future.cancelled() and isalive(self):  # type: ignore[no-untyped-call]
            self._was_written.emit(future)

    def _take_read(self, job: Job, future: Future[Any]) -> None:
        if self._closed:
            return
        self.reading = False
        try:
            job.take(future.result())
        except OppMriError as error:
            job.failed(error)
        self.read.emit(job.label)

    def _take_written(self, future: Future[Any]) -> None:
        if not self._closed and future is self._saving:  # else it is settled already
            self._settle(future)
            self.written.emit()

    def _settle(self, future: Future[Any]) -> None:
        self._saving = None
        error = future.exception()
        if error is not None and not isinstance(error, OppMriError):
            # a fault of ours: what was not written stays in line, and the fault is shown
            self._source.save_done(ProjectError(f"It could not be written: {error!r}."))
            raise error
        self._source.save_done(error)
