"""A pool of processes that end with the one that started them, even where it was killed."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait


def make_pool(count: int, prepare: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Return a pool of processes, each started when it is first needed.

    Parameters
    ----------
    count
        How many there are at most.
    prepare
        What each does first; a function of a module.
    """
    # spawned, as a fork of a process with threads (a progress bar, a window) may hang
    spawn = get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin, initargs=(prepare,))


def _begin(prepare: Callable[[], None] | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    """Wait until the parent is gone: nobody would read an answer, or end this process."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
