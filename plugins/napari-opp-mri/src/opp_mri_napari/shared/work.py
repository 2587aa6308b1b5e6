"""What is read and written away from a window: jobs, saves in their order, and kept images."""

from collections.abc import Callable, Collection
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import field, frozen

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Reading
from opp_mri.errors import OppMriError

Value = TypeVar("Value")

MOST_BYTES: Final = 500_000_000  # of voxels kept; 8 visits of 3 sequences take 190 MB


@frozen(kw_only=True, eq=False)
class Job:
    """Something to be read, away from the window.

    Parameters
    ----------
    label
        What it is, to tell the reader.
    run
        May run in another thread; changes nothing here.
    take, failed
        Take the outcome, in the window's thread.
    """

    label: str
    run: Callable[[], Any]
    take: Callable[[Any], None]
    failed: Callable[[OppMriError], None]


@frozen(kw_only=True, eq=False)
class Save:
    """Something to be written. It stays in line until it is written.

    Parameters
    ----------
    run
        Writes; may run in another thread.
    reading
        The answer that it saves, where it is one.
    place
        Whether it only keeps where the reader is: a later one takes its turn.
    """

    run: Callable[[], Any]
    reading: Reading | VolumeReading | None = None
    place: bool = False


class Work(Protocol):
    """What a window has read and written in the background."""

    def get_next_job(self) -> Job | None:
        """Return what is to be read next, or None; each is given once."""

    def get_next_save(self) -> Save | None:
        """Return what is to be written next, in order; one at a time."""

    def save_done(self, error: OppMriError | None) -> None:
        """Take the outcome of the save that was given last."""

    def save_rest(self) -> None:
        """Write all that is still in line, here and now."""


class SaveQueue:
    """What waits to be written, in order; what cannot be written stays.

    Attributes
    ----------
    failure
        Why the latest save failed, in plain words; "" where it did not.
    """

    def __init__(self) -> None:
        self.failure = ""
        self.waiting: list[Save] = []
        self._saving = self._failed = False

    @property
    def count(self) -> int:
        """How many answers and notes are not written yet."""
        return sum(not save.place for save in self.waiting)

    @property
    def text(self) -> str:
        """Return whether all is written."""
        if not self.count:
            return "not writable" if self.failure else "saved"
        return f"{self.count} not saved" if self._failed else "saving …"

    def add(self, save: Save) -> None:
        """Put something in line; of places the latest is enough."""
        if save.place:
            first = 1 if self._saving else 0  # what is being written stays
            self.waiting[first:] = [job for job in self.waiting[first:] if not job.place]
        self.waiting.append(save)
        self._failed = False

    def get_next_save(self) -> Save | None:
        """Return what is to be written next, in order; one at a time."""
        if self._saving or self._failed or not self.waiting:
            return None
        self._saving = True
        return self.waiting[0]

    def finish_save(self, error: OppMriError | None) -> None:
        """Take the outcome of the save that was given last; a failed answer stays in line."""
        self._saving = False
        if error is None:
            self.waiting.pop(0)
            self.failure = ""
        elif self.waiting[0].place:  # no answer was lost
            self.waiting.pop(0)
            self.failure = f"Answers cannot be saved in this project now. {error}"
        else:
            self._failed = True
            self.failure = (
                f"The latest answer is not saved; it is kept here. {error} Ctrl+S tries again."
            )

    def drop(self) -> None:
        """Leave unwritten what was given last: something else was recorded in its place."""
        self.waiting.pop(0)
        self._saving = False

    def try_again(self) -> None:
        """Try again what could not be written."""
        self._failed = False
        self.failure = ""


@frozen(kw_only=True, eq=False)
class _Kept(Generic[Value]):
    value: Value = field(repr=False)
    size_bytes: int


class ImageCache(Generic[Value]):
    """Images that were loaded in the background, as many as fit.

    Parameters
    ----------
    most_bytes
        What is kept at most, but for what is wanted now.

    Attributes
    ----------
    failures
        Why images could not be loaded, by key.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.failures: dict[str, str] = {}
        self._most_bytes = most_bytes
        self._kept: dict[str, _Kept[Value]] = {}
        self._running: set[str] = set()
        self._wanted: Collection[str] = ()

    def get(self, key: str) -> Value | None:
        """Return images, or None as long as they are not there."""
        entry = self._kept.get(key)
        return entry.value if entry is not None else None

    def is_waiting_for(self, key: str) -> bool:
        """Return whether images are not there yet and may still come."""
        return key not in self._kept and key not in self.failures

    def is_open(self, key: str) -> bool:
        """Return whether to ask for images: neither there, nor failed, nor on their way."""
        return self.is_waiting_for(key) and key not in self._running

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return sum(entry.size_bytes for entry in self._kept.values())

    def want_images(self, keys: Collection[str]) -> None:
        """Set the keys whose images must not be released."""
        self._wanted = keys

    def build_job(
        self, key: str, load: Callable[[], Value], size_bytes: Callable[[Value], int]
    ) -> Job:
        """Return the job that loads images."""
        self._running.add(key)

        def take(value: Value) -> None:
            self._running.discard(key)
            self._kept[key] = _Kept(value=value, size_bytes=size_bytes(value))
            self._release_others(key)

        def note_failure(error: OppMriError) -> None:
            self._running.discard(key)
            self.failures[key] = str(error)

        return Job(label="images", run=load, take=take, failed=note_failure)

    def _release_others(self, latest: str) -> None:
        """Let the oldest images go that nobody wants, where there are too many."""
        for key in list(self._kept):
            if self.size_bytes <= self._most_bytes:
                return
            if key not in self._wanted and key != latest:
                del self._kept[key]
