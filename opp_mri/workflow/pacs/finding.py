"""Find studies in an archive, and say which of them the project holds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import frozen

from opp_mri.dicom.network.quiet import silence_network
from opp_mri.domain.peer import Peer, RemoteStudy, StudyQuery
from opp_mri.workflow.pacs.choosing import SeriesChoice, choose_series
from opp_mri.workflow.pacs.peers import open_archive
from opp_mri.workflow.project import Project

STUDY_COLUMNS: Final = ("Patient", "Date", "Description", "Series", "Images", "In project")


@frozen(kw_only=True)
class ListedStudy:
    """A study of an archive.

    Parameters
    ----------
    is_here
        Whether the project has images of it.
    series
        Its series with what their headers say, where that was asked for.
    """

    study: RemoteStudy
    is_here: bool
    series: tuple[SeriesChoice, ...] = ()

    def build_row(self) -> tuple[str, ...]:
        """Return the cells of a list of studies, by `STUDY_COLUMNS`."""
        numbers = (self.study.series_count, self.study.instance_count)
        return (
            self.study.patient_id,
            str(self.study.study_date or "-"),
            self.study.study_description or "-",
            *("-" if number is None else str(number) for number in numbers),
            "yes" if self.is_here else "no",
        )


def find_studies(
    project: Project, peer: Peer, query: StudyQuery, *, with_series: bool = False
) -> list[ListedStudy]:
    """Find studies, by patient and date.

    Parameters
    ----------
    with_series
        Whether to look at one header of each series.

    Raises
    ------
    PeerError
        The archive does not answer, refuses, or answers wrongly.
    """
    local_uids = find_studies_here(project)
    gradient = project.settings.allow_gradient_echo
    with silence_network(), open_archive(peer) as archive:
        listed_studies = []
        for study in archive.find_studies(query):
            series: Sequence[SeriesChoice] = ()
            if with_series:
                series = choose_series(
                    archive,
                    archive.find_series(study),
                    with_reports=True,
                    take_all=False,
                    allow_gradient_echo=gradient,
                )
            is_here = study.study_instance_uid in local_uids
            listed_studies.append(ListedStudy(study=study, is_here=is_here, series=tuple(series)))
    return listed_studies


def find_studies_here(project: Project) -> frozenset[str]:
    """Return the UIDs of the studies of which the project has images."""
    return frozenset(volume.study_instance_uid for volume in project.store.get_volumes())


def watch_patients(
    project: Project, peer: Peer, *, wait: Callable[[], bool]
) -> Iterator[tuple[ListedStudy, ...]]:
    """Yield, time after time, the studies of the project's patients that are new in an archive.

    A study is new where the project has no image of it; each is named once.

    Parameters
    ----------
    wait
        Called between two looks; False ends the watch.

    Raises
    ------
    PeerError
        The archive fails.
    """
    announced_uids: set[str] = set()
    while True:
        local_uids = find_studies_here(project) | announced_uids
        new: list[ListedStudy] = []
        with silence_network(), open_archive(peer) as archive:
            for patient in project.store.get_patients():
                query = StudyQuery(patient_id=patient.patient_id)
                new += [
                    ListedStudy(study=study, is_here=False)
                    for study in archive.find_studies(query)
                    if study.study_instance_uid not in local_uids
                    and study.patient_id == patient.patient_id
                ]
        announced_uids |= {listed_study.study.study_instance_uid for listed_study in new}
        yield tuple(new)
        if not wait():
            return
