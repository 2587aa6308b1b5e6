"""Pull series from an archive into a folder: checked, whole, and only what is not there yet."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import Factory, define, field, frozen

from opp_mri.dicom.network.archive import Archive
from opp_mri.dicom.network.quiet import silence_network
from opp_mri.dicom.network.received import build_path, check_received, is_whole, write_received
from opp_mri.domain.peer import Peer, RemoteInstance, RemoteSeries, RemoteStudy, StudyQuery
from opp_mri.errors import PeerError, ProjectError, UnknownError
from opp_mri.workflow.pacs.choosing import SeriesChoice, choose_series
from opp_mri.workflow.pacs.peers import open_archive
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import Project

MOST_STRAYS: Final = 50  # objects of a request that were not asked for, before it is ended


@frozen(kw_only=True)
class PullChoice:
    """What to pull.

    Parameters
    ----------
    query
        Which studies.
    take_all
        All their series, not only sagittal ones that could have a role.
    with_reports
        Their structured reports too.
    """

    query: StudyQuery
    take_all: bool = False
    with_reports: bool = False


@frozen(kw_only=True)
class PulledSeries:
    """What came of a series.

    Parameters
    ----------
    received, present
        Number of objects that were fetched, and that were there already.
    missing
        Number of objects that the archive lists and did not send.
    faults
        Why objects were not kept, in sentences, with their number.
    """

    choice: SeriesChoice
    received: int = 0
    present: int = 0
    missing: int = 0
    faults: tuple[tuple[str, int], ...] = ()


@frozen(kw_only=True)
class PullSummary:
    """What a pull did.

    Parameters
    ----------
    folder
        Where the files are.
    """

    folder: Path
    studies: tuple[RemoteStudy, ...]
    series: tuple[PulledSeries, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all that was wanted is there, and nothing else was sent."""
        return not any(
            pulled_series.missing or pulled_series.faults for pulled_series in self.series
        )


def pull_studies(
    project: Project,
    peer: Peer,
    choice: PullChoice,
    folder: Path,
    *,
    progress: Progress = ignore_progress,
) -> PullSummary:
    """Pull studies; files that are there and whole are not fetched again.

    Parameters
    ----------
    folder
        Takes a file for each object, below folders named by the UIDs of study and series.
    progress
        Called with the number of objects.

    Raises
    ------
    PeerError
        The archive does not answer, refuses, or falls silent. What arrived is kept.
    UnknownError
        The archive has no such study.
    ProjectError
        The folder cannot be written.
    """
    gradient = project.settings.allow_gradient_echo
    with silence_network(), open_archive(peer) as archive:
        studies = archive.find_studies(choice.query)
        if not studies:
            raise UnknownError(
                f"{peer.name} has no such study: `opp-mri pacs find {peer.name}` lists studies."
            )
        choices: list[SeriesChoice] = []
        for number, study in enumerate(studies):
            progress("looking at headers", number, len(studies))
            choices += choose_series(
                archive,
                archive.find_series(study),
                with_reports=choice.with_reports,
                take_all=choice.take_all,
                allow_gradient_echo=gradient,
            )
        progress("looking at headers", len(studies), len(studies))
        try:
            pulled_series = _pull(archive, choices, folder, progress)
        except OSError as error:
            raise ProjectError(
                f"{folder} cannot be written ({error.strerror}): make room, or choose a folder "
                "that you may write. What has arrived is kept."
            ) from error
    return PullSummary(folder=folder, studies=tuple(studies), series=tuple(pulled_series))


def _pull(
    archive: Archive, choices: Sequence[SeriesChoice], folder: Path, progress: Progress
) -> list[PulledSeries]:
    wanted_choices = [choice for choice in choices if choice.is_wanted]
    plans = [
        _Plan(choice.series, archive.list_instances(choice.series), folder)
        for choice in wanted_choices
    ]
    total = sum(len(plan.listed) for plan in plans)
    received_count = sum(len(plan.present) for plan in plans)
    progress("receiving", received_count, total)

    def count() -> None:
        nonlocal received_count
        received_count += 1
        progress("receiving", min(received_count, total), total)

    of_series: dict[str, PulledSeries] = {}
    for choice, plan in zip(wanted_choices, plans, strict=True):
        plan.fetch(archive, count)
        of_series[choice.series.series_instance_uid] = PulledSeries(
            choice=choice,
            received=plan.received,
            present=len(plan.present),
            missing=len(plan.list_missing()) + plan.unlisted,
            faults=tuple(plan.faults.items()),
        )
    return [
        of_series.get(choice.series.series_instance_uid, PulledSeries(choice=choice))
        for choice in choices
    ]


@define
class _Plan:
    """The objects of a series: those that are there, and those that are still to come."""

    series: RemoteSeries
    listed: Sequence[RemoteInstance]
    folder: Path
    present: frozenset[str] = field(init=False)
    arrived: set[str] = field(init=False, factory=set)
    received: int = field(init=False, default=0)
    faults: Counter[str] = field(init=False, default=Factory(Counter))

    def __attrs_post_init__(self) -> None:
        self.present = frozenset(
            instance.sop_instance_uid
            for instance in self.listed
            if is_whole(
                build_path(self.folder, self.series, instance.sop_instance_uid),
                self.series,
                instance.sop_instance_uid,
            )
        )

    @property
    def unlisted(self) -> int:
        """Number of objects that the archive counts in the series and does not list."""
        return max((self.series.instance_count or 0) - len(self.listed), 0)

    def list_missing(self) -> list[RemoteInstance]:
        """Return what the archive lists and is not there."""
        present_uids = self.present | self.arrived
        return [
            instance for instance in self.listed if instance.sop_instance_uid not in present_uids
        ]

    def fetch(self, archive: Archive, count: Callable[[], None]) -> None:
        """Fetch what is missing: the whole series at once where none of it is there."""
        missing_instances = self.list_missing()
        if not missing_instances:
            return
        self._keep(
            archive.retrieve(self.series, missing_instances if self.present else None), count
        )
        missing_instances = self.list_missing()
        if missing_instances and not self.present and self.arrived and not self.faults:
            self._keep(
                archive.retrieve(self.series, missing_instances), count
            )  # a server may send a part

    def _keep(self, contents: Iterator[bytes], count: Callable[[], None]) -> None:
        asked_for = {instance.sop_instance_uid for instance in self.listed}
        for content in contents:
            received_file = check_received(content, self.series)
            uid = received_file.sop_instance_uid
            fault = received_file.fault
            if not fault and uid not in asked_for:
                fault = "It is not in the archive's own list of the series."
            if not fault and uid in self.arrived:
                path = build_path(self.folder, self.series, uid)
                fault = "" if path.read_bytes() == content else "It was sent twice, and differs."
                if not fault:
                    continue
            if fault:
                self.faults[fault] += 1
                if self.faults.total() > MOST_STRAYS:
                    raise PeerError(
                        "The archive sends objects that were not asked for, so the connection was "
                        f"ended: {fault} What was asked for and has arrived is kept."
                    )
                continue
            write_received(build_path(self.folder, self.series, uid), content)
            self.arrived.add(uid)
            self.received += 1
            count()
