"""A project: images, lesions and readings in a folder."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from opp_mri.domain.assessment import Criteria
from opp_mri.door.cohort import Cohort
from opp_mri.door.lesion import Lesion
from opp_mri.door.rules import RETROSPECTIVE, choose_rules
from opp_mri.errors import RowsError
from opp_mri.units import format_count
from opp_mri.workflow.catalogue.index import IndexSummary
from opp_mri.workflow.catalogue.index import index as index_sources
from opp_mri.workflow.cohort.cohort import assess_project_cohort
from opp_mri.workflow.measuring.lesions import add_events, add_lesions
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import Project as OpenProject
from opp_mri.workflow.project import create_project, open_project


class Project:
    """An open project. `Project.create` makes one, `opp_mri.open` opens one.

    ``project["OPP-01"]`` is a lesion, ``len(project)`` the number of lesions, and iteration gives
    their names. A project may be used in a ``with``, whose end closes it.
    """

    def __init__(self, project: OpenProject) -> None:
        self._project = project

    @classmethod
    def create(cls, folder: str | Path) -> Self:
        """Create a project and open it.

        Parameters
        ----------
        folder : str or Path
            New or empty, or one with other things in it.

        Returns
        -------
        Project

        Raises
        ------
        ProjectError
            There is a project already, or the folder cannot be written.
        """
        create_project(Path(folder))
        return cls(open_project(Path(folder)))

    @property
    def folder(self) -> Path:
        """Where the project lies."""
        return self._project.folder

    @property
    def lesion_ids(self) -> list[str]:
        """Names of the lesions, in the order in which they were recorded."""
        return [lesion.lesion_id for lesion in self._project.store.get_lesions()]

    def index(self, *sources: str | Path, workers: int = 1) -> IndexSummary:
        """Bring the catalogue of images up to date; the sources are only read.

        Parameters
        ----------
        *sources : str or Path
            Folders, single files, DICOMDIR files or zip archives.
        workers : int
            Processes that read headers. More than one needs a notebook, or a script whose work
            is placed under ``if __name__ == "__main__":``.

        Returns
        -------
        IndexSummary
            How many files there are, and of what kind.

        Raises
        ------
        InputError
            A source does not exist. Nothing was changed.
        """
        return index_sources(self._project, [Path(source) for source in sources], workers=workers)

    def add_lesions(
        self, table: str | Path, *, replace: bool = False, all_or_none: bool = False
    ) -> list[str]:
        """Record the lesions of a table.

        Parameters
        ----------
        table : str or Path
            CSV file with the columns of ``opp-mri lesion add --table``.
        replace : bool
            Whether a lesion that is there already gets a new revision.
        all_or_none : bool
            Whether one bad row keeps the others from being recorded.

        Returns
        -------
        list of str
            Names of the lesions of the table.

        Raises
        ------
        RowsError
            With the line and column of each fault; the other rows are recorded.
        TableError
            Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
        """
        lesions = add_lesions(
            self._project.store,
            Path(table),
            _read_clock(),
            replace=replace,
            all_or_none=all_or_none,
        )
        return [lesion.lesion_id for lesion in lesions]

    def add_events(self, table: str | Path, *, all_or_none: bool = False) -> int:
        """Record the events of a table.

        Parameters
        ----------
        table : str or Path
            CSV file with the columns ``lesion_id``, ``date``, ``event`` and ``value``.
        all_or_none : bool
            Whether one bad row keeps the others from being recorded.

        Returns
        -------
        int
            Number of events that are new.

        Raises
        ------
        RowsError
            With the line and column of each fault; the other rows are recorded.
        TableError
            Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
        """
        return add_events(self._project.store, Path(table), _read_clock(), all_or_none=all_or_none)

    def measure(self, calipers: str | Path, *, all_or_none: bool = False) -> int:
        """Measure calipers on the native images and record the readings.

        Parameters
        ----------
        calipers : str or Path
            CSV or JSON file, as for ``opp-mri measure``: two points in pixels on an image, or a
            reason why there are none.
        all_or_none : bool
            Whether one bad row keeps the others from being recorded.

        Returns
        -------
        int
            Number of new readings; a reading that is recorded already is not added again.

        Raises
        ------
        RowsError
            Some rows cannot be read or contradict the images; the other rows are recorded.
        TableError
            Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
        """
        path = Path(calipers)
        summary = measure(self._project.store, path, _read_clock(), all_or_none=all_or_none)
        if summary.refused:
            stored_count = len(summary.stored) + summary.repeated
            raise RowsError(path.name, summary.refused, stored_count)
        return len(summary.stored)

    def cohort(
        self,
        *,
        mode: str = RETROSPECTIVE,
        criteria: str | Path | Criteria | None = None,
        reader: str | None = None,
    ) -> Cohort:
        """Return all lesions as a cohort.

        Parameters
        ----------
        mode : {"retrospective", "prospective"}
            With hindsight, as the source paper did, or as known at the last study.
        criteria : str, Path or Criteria, optional
            Name of a shipped profile, or a TOML file. The default is that of the project.
        reader : str, optional
            Whose readings count. The default is the consensus, or the only reader of a lesion.

        Returns
        -------
        Cohort

        Raises
        ------
        InputError
            Several readers measured a lesion, there is no consensus, and none is named; there is no
            such mode or profile.
        """
        rules = choose_rules(mode, criteria, self._project.settings.criteria)
        return Cohort(assess_project_cohort(self._project, rules, reader=reader))

    def __getitem__(self, lesion_id: str) -> Lesion:
        return Lesion(self._project, lesion_id)

    def __contains__(self, lesion_id: object) -> bool:
        return lesion_id in self.lesion_ids

    def __iter__(self) -> Iterator[str]:
        return iter(self.lesion_ids)

    def __len__(self) -> int:
        return len(self.lesion_ids)

    def _ipython_key_completions_(self) -> list[str]:
        return self.lesion_ids

    def __repr__(self) -> str:
        return f"<Project {self.folder}, {format_count(len(self), 'lesion')}>"

    def close(self) -> None:
        """Close the project; what was recorded is kept."""
        self._project.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(folder: str | Path) -> Project:
    """Open a project.

    Parameters
    ----------
    folder : str or Path
        Where the project lies.

    Returns
    -------
    Project

    Raises
    ------
    ProjectError
        There is no project, or its store cannot be used.
    """
    return Project(open_project(Path(folder)))


def _read_clock() -> datetime:
    return datetime.now(UTC)
