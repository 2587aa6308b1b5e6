"""What a report of a cohort is made of: facts for its header, and sections."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from attrs import frozen

from opp_mri.cohort.tables.tables import Table
from opp_mri.domain.assessment import Criteria, Mode
from opp_mri.response.assessed import AssessedLesion

HASH_SHOWN: Final = 12  # digits of it in the footer of a printed page
NO_DEVICE: Final = (
    "This is research software, not a medical device. Do not base a decision about a patient on it."
)


@frozen(kw_only=True)
class ReportFacts:
    """What the header of every report says.

    Parameters
    ----------
    title
        Heading of the report.
    written_on
        Its date, given, so that the same input gives the same bytes; None: it bears none.
    criteria, mode
        By which the lesions were classified.
    data_sha256
        SHA-256 of the data that all of it was computed from.
    readers
        Whose readings these are, where known.
    records, records_head
        Number of the project's records and hash of the last one, the head of their chain; 0 and ""
        where the data come from tables.
    """

    title: str
    written_on: date | None
    criteria: Criteria
    mode: Mode
    data_sha256: str
    readers: tuple[str, ...] = ()
    records: int = 0
    records_head: str = ""


@frozen(kw_only=True)
class ReportFigure:
    """A figure of a report.

    Parameters
    ----------
    title
        What it shows, with units.
    svg
        One SVG element, as `figure_svg` gives it.
    description
        What is seen, with the numbers, for who cannot see it.
    lesion_ids
        The lesions that it is drawn from.
    from_tables
        True where it shows no more than the tables of the report: only such a figure stays in a
        report in which small counts are withheld.
    """

    title: str
    svg: str
    description: str
    lesion_ids: tuple[str, ...] = ()
    from_tables: bool = False


@frozen(kw_only=True)
class Section:
    """A part of a report: text, then figures, then tables."""

    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    tables: tuple[Table, ...] = ()


@frozen(kw_only=True)
class CohortReport:
    """A report of a cohort.

    Parameters
    ----------
    lesions
        All of them, those that are not analysed too.
    sections
        In the order to be shown; the appendix of rows is added to them.
    rows_file
        Name of the table that `rows_csv` fills next to the report, or "" where there is none.
    """

    facts: ReportFacts
    lesions: Sequence[AssessedLesion]
    sections: Sequence[Section]
    rows_file: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables of all sections."""
        return [table for section in self.sections for table in section.tables]

    @property
    def suppressed(self) -> bool:
        """Whether small counts are withheld in its tables.

        Raises
        ------
        ValueError
            In some of the tables and not in others, which would give them away.
        """
        limits = {table.suppressed for table in self.tables}
        if len(limits) > 1:
            raise ValueError("the tables of one report are suppressed together, or none is")
        return True in limits
