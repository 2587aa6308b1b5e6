"""What the study list shows and does; no Qt, and nothing of an archive in the window's thread."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from opp_mri.domain.peer import StudyQuery
from opp_mri.errors import InputError, OppMriError
from opp_mri.units import format_count
from opp_mri.workflow.pacs.finding import ListedStudy, find_studies, find_studies_here
from opp_mri.workflow.pacs.peers import find_default_folder, find_peer, list_peers
from opp_mri.workflow.pacs.pulling import PullChoice, PullSummary, pull_studies
from opp_mri.workflow.progress import Progress
from opp_mri.workflow.project import Project, open_project
from opp_mri_napari.shared.work import Job, Save

NO_PEERS: Final = (
    "This project has no archive yet. Run `opp-mri pacs peer add` in a terminal, then open this "
    "list again."
)
NO_QUERY: Final = "Enter a patient ID, a name or a date: * and ? stand for other characters."
STOPPED: Final = "Stopped. What has arrived is kept; pull again to fetch the rest."


class StoppedError(OppMriError):
    """The reader ended a pull."""


class StudyList:
    """The studies of an archive, for the project that they are pulled into.

    Parameters
    ----------
    folder
        The project's.
    progress
        Called in the worker's thread with a step, what is done of it, and its size.

    Raises
    ------
    OppMriError
        There is no such project, or a peer of its settings is not as it must be.

    Attributes
    ----------
    peers
        Names of the project's archives.
    studies
        Result of the latest search.
    notice, failure
        What the latest search or pull came to, or why it failed, in sentences.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        with open_project(folder) as project:
            self.peers = tuple(peer.name for peer in list_peers(project))
        self.studies: tuple[ListedStudy, ...] = ()
        self.notice, self.failure = "", "" if self.peers else NO_PEERS
        self._peer_name = ""
        self._progress = progress
        self._waiting: Job | None = None
        self._is_working = self._is_stopped = False

    @property
    def is_busy(self) -> bool:
        """Whether a search or a pull waits or runs."""
        return self._waiting is not None or self._is_working

    def search(
        self, peer_name: str, *, patient: str, name: str, earliest: str, latest: str
    ) -> None:
        """Ask for the MR studies of an archive; dates are written as 2021-05-30."""
        if self.is_busy or not peer_name:
            return
        self.notice = self.failure = ""
        try:
            query = StudyQuery(
                patient_id=patient.strip() or None,
                patient_name=name.strip() or None,
                earliest=_read_date(earliest),
                latest=_read_date(latest),
            )
        except InputError as error:
            self.failure = str(error)
            return
        if not any((query.patient_id, query.patient_name, query.earliest, query.latest)):
            self.failure = NO_QUERY
            return
        self._peer_name = peer_name
        self._plan("search", partial(self._find, query), self._take_studies)

    def pull(self, rows: Sequence[int]) -> None:
        """Pull listed studies and index them."""
        selected_studies = [self.studies[row] for row in rows if row < len(self.studies)]
        if self.is_busy:
            return
        self.notice = self.failure = ""
        if not selected_studies:
            self.failure = "Choose one or more studies of the list."
            return
        self._plan("pull", partial(self._pull, selected_studies), self._take_pulled)

    def stop(self) -> None:
        """End a pull after the object that is on its way."""
        self._is_stopped = self.is_busy

    def build_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the list, by `STUDY_COLUMNS`."""
        return [study.build_row() for study in self.studies]

    # what `shared.work.Work` asks

    def get_next_job(self) -> Job | None:
        """Return the search or pull that waits."""
        job, self._waiting = self._waiting, None
        self._is_working = self._is_working or job is not None
        return job

    def get_next_save(self) -> Save | None:
        """Return None: nothing is written but what a pull brings."""
        return None

    def save_done(self, error: OppMriError | None) -> None:
        """Do nothing: nothing is saved."""

    def save_rest(self) -> None:
        """Do nothing: nothing is saved."""

    def _plan(self, label: str, run: Callable[[], Any], take: Callable[[Any], None]) -> None:
        def take_result(result: Any) -> None:
            self._is_working = False
            take(result)

        self._is_stopped = False
        self._waiting = Job(label=label, run=run, take=take_result, failed=self._fail)

    def _fail(self, error: OppMriError) -> None:
        self._is_working = False
        self.failure = str(error)

    # these run in the worker's thread

    def _find(self, query: StudyQuery) -> list[ListedStudy]:
        with open_project(self.folder) as project:
            return find_studies(project, find_peer(project, self._peer_name), query)

    def _pull(self, studies: Sequence[ListedStudy]) -> tuple[list[PullSummary], frozenset[str]]:
        from opp_mri.workflow.catalogue.index import index  # loads pydicom

        with open_project(self.folder) as project:
            folder = find_default_folder(project)
            summaries = [self._pull_study(project, study, folder) for study in studies]
            if folder.exists():
                index(project, [folder], workers=1, progress=self._report)
            return summaries, find_studies_here(project)

    def _pull_study(self, project: Project, entry: ListedStudy, folder: Path) -> PullSummary:
        query = StudyQuery(
            patient_id=entry.study.patient_id or None,
            study_instance_uid=entry.study.study_instance_uid,
        )
        peer = find_peer(project, self._peer_name)
        return pull_studies(project, peer, PullChoice(query=query), folder, progress=self._report)

    def _report(self, step: str, count: int, total: int) -> None:
        if self._is_stopped:
            raise StoppedError(STOPPED)
        self._progress(step, count, total)

    # these run in the window's thread

    def _take_studies(self, studies: Sequence[ListedStudy]) -> None:
        self.studies = tuple(studies)
        self.notice = f"{format_count(len(studies), 'study', 'studies')} in {self._peer_name}."

    def _take_pulled(self, result: tuple[Sequence[PullSummary], frozenset[str]]) -> None:
        summaries, local_uids = result
        self.studies = tuple(
            attrs.evolve(study, is_here=study.study.study_instance_uid in local_uids)
            for study in self.studies
        )
        pulled_series = [series for summary in summaries for series in summary.series]
        received_count = sum(series.received for series in pulled_series)
        present = sum(series.present for series in pulled_series)
        wanted_count = sum(series.choice.is_wanted for series in pulled_series)
        self.notice = (
            f"{format_count(received_count, 'image')} received and {present} present before, of "
            f"{wanted_count} series that could have a role "
            f"({len(pulled_series) - wanted_count} others left in the archive)."
        )
        missing_count = sum(series.missing for series in pulled_series)
        faults = [sentence for series in pulled_series for sentence, _ in series.faults]
        if missing_count or faults:
            sentences = " ".join(dict.fromkeys(faults))
            self.failure = (
                f"Not complete: {format_count(missing_count, 'image')} missing. {sentences}"
            )


def _read_date(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(f"{text.strip()} is not a date: write it as 2021-05-30.") from error
