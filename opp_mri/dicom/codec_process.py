"""Decode compressed pixels in a process of its own, with limits of time and memory.

The codecs are C++ libraries: a damaged stream can abort the process that decodes it, or make it
ask for gigabytes, or never end. Here that ends the other process, and the file is named.
"""

import atexit
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import LifoQueue
from typing import IO, Any, Final

from opp_mri.domain.imaging import SourceFile

SECONDS: Final = 60.0  # for a request, and as long again for every hundred frames
MEMORY_BYTES: Final = 4 << 30  # of addresses
MOST_PROCESSES: Final = 2  # of some 100 MB each
PIPE_BYTES: Final = 1 << 20  # an image at once: fewer turns of the two processes
START: Final = (
    "import sys; sys.path[:] = {path!r}; "
    "from opp_mri.dicom.codec_process import serve; serve({function!r})"
)
_LENGTH: Final = struct.Struct("<Q")


class CodecError(ValueError):
    """The other process could not decode; the text says why."""


class CodecProcess:
    """A process that decodes, started when it is first needed and again after it has died.

    Parameters
    ----------
    function
        Where it finds the function of a source and frame numbers, as "module:name".
    seconds
        How long a request may take.
    """

    def __init__(self, function: str, *, seconds: float = SECONDS) -> None:
        self._function = function
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()
        atexit.register(self.stop)

    def call(self, source: SourceFile, frame_numbers: Sequence[int]) -> Any:
        """Return what the function gives.

        Raises
        ------
        CodecError
            It raised an error, died, or took too long.
        """
        with self._one_at_a_time:
            process = self._ensure_running()
            seconds = self._seconds * (1 + len(frame_numbers) / 100)
            late = threading.Event()
            timer = threading.Timer(seconds, _end, (process, late))
            timer.start()
            try:
                write_message(process.stdin, (source, tuple(frame_numbers)))
                answer = read_message(process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self.stop()
                reason = (
                    f"decoding them took longer than {seconds:.0f} s"
                    if late.is_set()
                    else "the codec broke down on them: the compressed data are damaged"
                )
                raise CodecError(reason) from error
            finally:
                timer.cancel()
        if isinstance(answer, CodecError):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.kill()
        process.wait()

    def _ensure_running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            start = START.format(path=sys.path, function=self._function)
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
                [sys.executable, "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pipesize=PIPE_BYTES,
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        return self._process


class CodecPool:
    """Processes that decode: as many as there are callers at the same time, up to `count`.

    Parameters
    ----------
    function
        As for `CodecProcess`.
    count
        None for `MOST_PROCESSES`, and one where this process has been given a single core.
    """

    def __init__(self, function: str, *, count: int | None = None) -> None:
        self.count = count or _count_processes()
        self._free: LifoQueue[CodecProcess] = LifoQueue()  # a caller alone has the same again
        for _ in range(self.count):
            self._free.put(CodecProcess(function))

    def call(self, source: SourceFile, frame_numbers: Sequence[int]) -> Any:
        """Return what the function gives; raises CodecError as `CodecProcess.call`."""
        process = self._free.get()
        try:
            return process.call(source, frame_numbers)
        finally:
            self._free.put(process)

    def stop(self) -> None:
        """End the processes that are free."""
        for _ in range(self._free.qsize()):
            process = self._free.get()
            process.stop()
            self._free.put(process)


def _count_processes() -> int:
    if os.environ.get("OMP_NUM_THREADS") == "1":  # a worker among others
        return 1
    return min(MOST_PROCESSES, os.cpu_count() or 1)


def _end(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def serve(function: str) -> None:
    """Answer requests on standard input until it ends; run in the other process."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a codec prints must not get among the answers
    _limit_memory()
    decode = _import_function(function)
    while True:
        try:
            source, frame_numbers = read_message(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = decode(source, frame_numbers)
        except MemoryError:
            answer = CodecError("decoding them would take too much memory")
        except Exception as error:
            lines = str(error).strip().splitlines()
            answer = CodecError(lines[0].rstrip(".:") if lines else type(error).__name__)
        write_message(answers, answer)


def write_message(pipe: IO[bytes] | None, message: object) -> None:
    """Write a message to the other process."""
    if pipe is None:
        raise EOFError
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def read_message(pipe: IO[bytes] | None) -> Any:
    """Read a message of the other process; EOFError where it has ended."""
    head = b"" if pipe is None else pipe.read(_LENGTH.size)
    if pipe is None or len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from our own process


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):  # not on Windows, and not on every Mac
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _import_function(function: str) -> Callable[[SourceFile, Sequence[int]], object]:
    module, _, name = function.partition(":")
    decode: Callable[[SourceFile, Sequence[int]], object] = getattr(
        __import__(module, fromlist=[name]), name
    )
    return decode
