"""What an archive is asked, whichever way it is reached."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from attrs import frozen

from opp_mri.domain.peer import RemoteInstance, RemoteSeries, RemoteStudy, StudyQuery

MOST_ANSWERS: Final = 20_000  # of one query; a server that sends more does not tell the truth


@frozen(kw_only=True)
class StoreOutcome:
    """What an archive answered to an object that was sent; "" for accepted."""

    sop_instance_uid: str
    failure: str = ""


@frozen(kw_only=True)
class OutgoingObject:
    """An object to send.

    Parameters
    ----------
    content
        The file.
    """

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    content: bytes


class Archive(Protocol):
    """An open connection to an archive; raises `PeerError` where the archive fails."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def check(self) -> None:
        """Check that the archive answers."""

    def find_studies(self, query: StudyQuery) -> Sequence[RemoteStudy]:
        """Find studies."""

    def find_series(self, study: RemoteStudy) -> Sequence[RemoteSeries]:
        """List the series of a study."""

    def list_instances(self, series: RemoteSeries) -> Sequence[RemoteInstance]:
        """List the instances of a series."""

    def holds_instance(self, item: OutgoingObject) -> bool:
        """Return whether the archive lists an object under its patient, study and series."""

    def read_header(self, series: RemoteSeries, instance: RemoteInstance) -> bytes:
        """Return an instance as a file; without its pixels where the archive can leave them out."""

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance] | None
    ) -> Iterator[bytes]:
        """Yield the files of some instances, or of the whole series where they are None."""

    def store(self, items: Sequence[OutgoingObject]) -> Iterator[StoreOutcome]:
        """Send objects, and yield what the archive answered to each."""
