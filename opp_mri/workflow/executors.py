"""Where the work is done: processes of this machine, or the workers of a Dask scheduler.

Both are a `concurrent.futures.Executor`, so that a workflow does not know which of them it has.
A task whose process or worker is lost, or that fails on workers for a reason that opp_mri does not
know, raises `BrokenExecutor`, and the caller repeats it here.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from attrs import field, frozen

from opp_mri import __version__
from opp_mri.errors import InputError, OppMriError, PeerError
from opp_mri.processes import make_pool

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CONNECT_S: Final = 10
FIRST_WORKER_S: Final = 30
RETRIES: Final = 2  # of a task that fails for a reason that opp_mri does not know
BLIND_WORKER: Final = (
    "A worker cannot read an image that this machine reads: let all workers see the images "
    "under the same paths and with the same permissions, and run the command again."
)
log = logging.getLogger("opp_mri.workflow")


@contextmanager
def open_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes as they are needed; Ctrl-C is left to this one, and each uses one core."""
    with make_pool(count, _leave_interrupts) as pool, _limit_threads():
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _limit_threads() -> Iterator[None]:
    """Let processes that start here use one core each: numpy's own threads would get in the way."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _leave_interrupts() -> None:
    """Leave Ctrl-C to the process that asked for the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def open_cluster(address: str) -> Iterator["ClusterExecutor | None"]:
    """Connect to a Dask scheduler whose workers do the work.

    Parameters
    ----------
    address
        Such as tcp://host:8786, or tls://host:8786 with the certificates of Dask's configuration;
        "" for none, which gives None: this machine works alone.

    Raises
    ------
    InputError
        The address is not one, or Dask distributed is not installed.
    PeerError
        The scheduler does not answer, or has no worker.
    """
    if not address:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "A scheduler needs Dask distributed, which is not installed: "
            "`pip install 'opp-mri[distributed]'`."
        ) from error
    if "://" not in address:
        raise InputError(
            f"{address} is not the address of a scheduler: write it as tcp://host:8786."
        )
    try:
        client = Client(  # type: ignore[no-untyped-call]
            address, timeout=CONNECT_S, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise PeerError(
            f"The scheduler {address} does not answer: start it with `dask scheduler`, or check "
            "the address. Without --scheduler this machine works alone."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=FIRST_WORKER_S)
        except TimeoutError as error:
            raise PeerError(
                f"The scheduler {address} has no worker: start some with "
                f"`dask worker {address} --nthreads 1`."
            ) from error
        executor = ClusterExecutor(client, address)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


@frozen(kw_only=True)
class Task:
    """A call on a worker; its arguments are in no log, as they may name a lesion."""

    version: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = field(repr=False)


@frozen(kw_only=True)
class Outcome:
    """What a call returned, or the condition that it ended with."""

    value: Any = field(default=None, repr=False)
    error: OppMriError | None = field(default=None, repr=False)


def run_task(task: Task) -> Outcome:
    """Run a task on a worker, if its opp_mri is the same: another may give other results."""
    from distributed import get_worker

    if task.version != __version__:
        return Outcome(
            error=PeerError(
                f"A worker has opp_mri {__version__}, and this machine {task.version}: install "
                "the same version on both."
            )
        )
    if get_worker().state.nthreads > 1:
        return Outcome(
            error=PeerError(
                "A worker runs several tasks in one process, in which they wait for each other: "
                "start workers with `dask worker ADDRESS --nthreads 1`."
            )
        )
    try:
        return Outcome(value=task.function(*task.arguments))
    except OppMriError as error:
        return Outcome(error=error)


class ClusterExecutor(Executor):
    """The workers of a Dask scheduler as an executor.

    The scheduler gives the tasks of a lost worker to another one. A task that is given up, since
    it lost several workers, raises `BrokenExecutor`; all tasks raise PeerError where the scheduler
    itself is lost.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False, retries=RETRIES)
        self._address = address

    def count_workers(self) -> int:
        """Return how many workers the scheduler has now; they may come and go."""
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any
    ) -> Future[Any]:
        """Submit a call of a function that workers can import."""
        future: Future[Any] = Future()
        task = Task(
            version=__version__, function=partial(function, **keywords), arguments=arguments
        )
        try:
            task_future = self._executor.submit(run_task, task)
        except Exception as error:  # the client has lost its scheduler
            raise self._describe_loss() from error
        future.set_running_or_notify_cancel()
        task_future.add_done_callback(partial(self._hand_over, future))
        return future

    def _hand_over(self, future: Future[Any], task_future: Future[Outcome]) -> None:
        from distributed.scheduler import KilledWorker

        try:
            outcome = task_future.result()
        except CancelledError:
            future.set_exception(self._describe_loss())
        except KilledWorker:
            future.set_exception(BrokenExecutor("The workers that had this task were lost."))
        except ModuleNotFoundError as error:
            future.set_exception(
                PeerError(f"A worker has no package {error.name}: install opp_mri on each worker.")
            )
        except BaseException as error:  # after the retries: of the worker, or a defect of opp_mri
            log.warning("A task failed on the workers (%s).", type(error).__name__)
            loss = BrokenExecutor(f"The workers failed with {type(error).__name__}.")
            loss.__cause__ = error
            future.set_exception(loss)
        else:
            if outcome.error is not None:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome.value)

    def _describe_loss(self) -> PeerError:
        return PeerError(
            f"The scheduler {self._address} was lost. What was recorded is kept: start the "
            "scheduler and its workers, and run the command again."
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; those that wait are cancelled unless they are waited for."""
        self._executor.shutdown(wait=wait and not cancel_futures)
