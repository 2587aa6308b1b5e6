"""The rows behind the numbers of a report: which lesions each counts, and what is known of each."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Final

from attrs import frozen

from opp_mri.cohort.export.csv_text import guard_text, write_csv_rows
from opp_mri.cohort.report.document import CohortReport
from opp_mri.cohort.report.words import write_events_by_day, write_lengths_by_day
from opp_mri.cohort.statistics.members import ALL, name_regimen
from opp_mri.cohort.tables.tables import Cell, Table, list_ids
from opp_mri.domain.assessment import Reason
from opp_mri.response.assessed import AssessedLesion

MOST_NAMED: Final = 500
"""A longer list is not written out in a page: it is in the table of rows, under its key."""


@frozen(kw_only=True)
class RowList:
    """The lesions behind a number.

    Parameters
    ----------
    anchor
        Its position in the page.
    key, title
        Name of the number, and where it is shown first, in words.
    lesion_ids
        The lesions, in their order.
    patients
        Number of their patients.
    """

    anchor: str
    key: str
    title: str
    lesion_ids: tuple[str, ...]
    patients: int

    @property
    def named(self) -> bool:
        """Whether the page writes it out."""
        return len(self.lesion_ids) <= MOST_NAMED


@frozen(kw_only=True)
class LesionRow:
    """What is known of a lesion, for the appendix.

    Parameters
    ----------
    about
        Patient, vertebra, treatment and histology.
    lengths
        Per sequence, its name and its lengths by day.
    events
        What happened, by day.
    category, reason
        What it is called, and the rule that decided.
    decided_by
        The deciding sequence, or "".
    """

    anchor: str
    lesion_id: str
    about: str
    lengths: tuple[tuple[str, str], ...]
    events: str
    category: str
    reason: Reason
    decided_by: str
    discordant: bool


def build_row_lists(report: CohortReport) -> dict[str, RowList]:
    """Return the list of lesions behind each number of a report, by key; none when suppressed."""
    if report.suppressed:
        return {}
    all_ids = tuple(list_ids(report.lesions))
    lists = {ALL: ("All lesions", all_ids)}
    for table in report.tables:
        for key, title, lesion_ids in _list_counts(table):
            lists.setdefault(key, (title, lesion_ids))
    for number, figure in enumerate((f for s in report.sections for f in s.figures), 1):
        lists[name_figure(number)] = (f"Figure {number}: {figure.title}", figure.lesion_ids)
    nonempty_lists = [(key, title, ids) for key, (title, ids) in lists.items() if ids]
    patient_of = {lesion.lesion.lesion_id: lesion.patient_id for lesion in report.lesions}
    return {
        key: RowList(
            anchor=f"n{number}",
            key=key,
            title=title,
            lesion_ids=ids,
            patients=len({patient_of[id_] for id_ in ids}),
        )
        for number, (key, title, ids) in enumerate(nonempty_lists, 1)
    }


def name_figure(number: int) -> str:
    """Name the number of lesions that a figure is drawn from."""
    return f"figure.{number}"


def list_behind(cell: Cell, lists: Mapping[str, RowList]) -> RowList | None:
    """Return the list that a cell links to: that of the count it rests on, or else its own."""
    return lists.get(cell.rests_on) or lists.get(cell.key)


def build_lesion_rows(report: CohortReport, lists: Iterable[RowList]) -> list[LesionRow]:
    """Return the rows of the lesions that the lists of a page name, in the order of the cohort."""
    named_ids = {
        lesion_id for row_list in lists if row_list.named for lesion_id in row_list.lesion_ids
    }
    return [
        _build_row(f"r{number}", lesion)
        for number, lesion in enumerate(report.lesions, 1)
        if lesion.lesion.lesion_id in named_ids
    ]


def render_rows_csv(report: CohortReport) -> bytes:
    """Return the table of rows: for each number of a report, the lesions that it counts.

    The columns are `key` (the name that the report gives it), `patient_id` and `lesion_id`.

    Raises
    ------
    ValueError
        Small counts are withheld in the report: the table would give them away.
    """
    if report.suppressed:
        raise ValueError("a table of rows would give away what the report withholds")
    names = {
        lesion.lesion.lesion_id: (
            guard_text(lesion.patient_id),
            guard_text(lesion.lesion.lesion_id),
        )
        for lesion in report.lesions
    }
    rows = (
        (guard_text(row_list.key), *names[lesion_id])
        for row_list in build_row_lists(report).values()
        for lesion_id in row_list.lesion_ids
    )
    return write_csv_rows(("key", "patient_id", "lesion_id"), rows)


def _list_counts(table: Table) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return key, title and lesions of each count of a table; patients go with their lesions."""
    pixelses = []
    for row in table.rows:
        label_cells = takewhile(lambda cell: not cell.key, row)  # remarks follow the numbers
        labels = ", ".join(dict.fromkeys(cell.text for cell in label_cells if cell.text))
        several = sum(bool(cell.key) for cell in row) > 1
        for column, cell in zip(table.columns, row, strict=True):
            if cell.key and cell.count is not None and not cell.rests_on:
                place = f"{labels}; {column}" if several else labels
                pixelses.append((cell.key, f"{table.title}: {place}", cell.lesion_ids))
    return pixelses


def _build_row(anchor: str, assessed_lesion: AssessedLesion) -> LesionRow:
    lesion, assessment = assessed_lesion.lesion, assessed_lesion.assessment
    about = (assessed_lesion.patient_id, lesion.level, name_regimen(lesion), lesion.histology)
    deciding_sequence = assessment.deciding_sequence
    return LesionRow(
        anchor=anchor,
        lesion_id=lesion.lesion_id,
        about=" · ".join(part for part in about if part),
        lengths=tuple(write_lengths_by_day(assessed_lesion.timeline)),
        events=write_events_by_day(assessed_lesion.timeline),
        category=assessment.category.value,
        reason=assessment.reason,
        decided_by=deciding_sequence.value if deciding_sequence else "",
        discordant=assessment.discordant,
    )
