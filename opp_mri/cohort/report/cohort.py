"""The report of a cohort: a page whose numbers link to the lesions they count, and a PDF."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from markupsafe import Markup

from opp_mri.cohort.report.document import HASH_SHOWN, NO_DEVICE, CohortReport, ReportFigure
from opp_mri.cohort.report.page import embed_svg, render_page
from opp_mri.cohort.report.rows import (
    MOST_NAMED,
    RowList,
    build_lesion_rows,
    build_row_lists,
    list_behind,
    name_figure,
)
from opp_mri.cohort.report.words import describe_criteria
from opp_mri.cohort.statistics.members import ALL
from opp_mri.cohort.tables.tables import NONE, Table
from opp_mri.domain.assessment import Reason
from opp_mri.response.sentences import describe_reason

MOST_ROWS_IN_PDF: Final = 100
"""Lesions; the PDF of a larger cohort has no appendix of rows."""


@frozen(kw_only=True)
class LinkedCell:
    """A cell with the list that it links to, or ""."""

    text: str
    href: str
    is_number: bool


@frozen(kw_only=True)
class LinkedTable:
    """A table of a page: its rows in groups that share their first label."""

    number: int
    title: str
    columns: Sequence[str]
    groups: Sequence[Sequence[Sequence[LinkedCell]]]
    notes: Sequence[str]


@frozen(kw_only=True)
class LinkedFigure:
    """A figure of a page, with the list of the lesions that it is drawn from, or ""."""

    number: int
    title: str
    svg: Markup
    n: int
    href: str


def render_cohort_html(report: CohortReport, *, rows: bool = True) -> str:
    """Render the report of a cohort as one HTML page.

    Parameters
    ----------
    rows
        Whether the page has the appendix of rows, and its numbers link to it. A report in which
        small counts are withheld never has it.

    Raises
    ------
    ValueError
        Small counts are withheld in some of its tables and not in others.
    """
    lists = build_row_lists(report) if rows else {}
    lesions = build_lesion_rows(report, lists.values())
    facts = report.facts
    reasons = {row.reason: None for row in lesions}
    return render_page(
        "cohort_report.html.j2",
        title=facts.title,
        facts=facts,
        no_device=NO_DEVICE,
        footer=f"data {facts.data_sha256[:HASH_SHOWN]}",
        criteria=describe_criteria(facts.criteria),
        sections=_build_sections(report, lists),
        everyone=lists.get(ALL),
        n_lesions=len(report.lesions),
        n_patients=len({lesion.patient_id for lesion in report.lesions}),
        suppressed=report.suppressed,
        rows=rows,
        rows_file=report.rows_file,
        lists=list(lists.values()),
        shown_in=_find_figures_by_list(report, lists),
        lesions=lesions,
        anchors={row.lesion_id: row.anchor for row in lesions},
        rules=[
            (reason, describe_reason(reason, facts.criteria))
            for reason in Reason
            if reason in reasons
        ],
        most_named=MOST_NAMED,
    )


def render_printed_html(report: CohortReport) -> str:
    """Render the page for a PDF: above `MOST_ROWS_IN_PDF` lesions it has no appendix of rows."""
    return render_cohort_html(report, rows=len(report.lesions) <= MOST_ROWS_IN_PDF)


def _build_sections(report: CohortReport, lists: Mapping[str, RowList]) -> list[dict[str, object]]:
    """Count the figures and tables of all sections, and link their numbers."""
    tables = figures = 0
    sections = []
    for number, section in enumerate(report.sections, 1):
        linked_tables, linked_figures = [], []
        for figure in section.figures:
            figures += 1
            if figure.from_tables or not report.suppressed:
                linked_figures.append(_link_figure(figure, figures, lists))
        for table in section.tables:
            tables += 1
            linked_tables.append(_link_table(table, tables, lists))
        sections.append(
            {
                "number": number,
                "title": section.title,
                "paragraphs": section.paragraphs,
                "tables": linked_tables,
                "figures": linked_figures,
                "left_out": len(section.figures) - len(linked_figures),
            }
        )
    return sections


def _link_figure(figure: ReportFigure, number: int, lists: Mapping[str, RowList]) -> LinkedFigure:
    behind = lists.get(name_figure(number))
    return LinkedFigure(
        number=number,
        title=figure.title,
        svg=embed_svg(figure.svg, prefix=f"f{number}", description=figure.description),
        n=len(figure.lesion_ids),
        href=behind.anchor if behind else "",
    )


def _link_table(table: Table, number: int, lists: Mapping[str, RowList]) -> LinkedTable:
    """Link each number of a table; rows with a second label and the same first are a group."""
    groups: list[list[list[LinkedCell]]] = []
    previous = None
    for row in table.rows:
        cells = []
        for cell in row:
            behind = list_behind(cell, lists) if cell.key else None
            is_linked = cell.count != 0 and cell.text != NONE
            href = behind.anchor if behind and is_linked else ""
            cells.append(LinkedCell(text=cell.text, href=href, is_number=bool(cell.key)))
        label = row[0].text if len(row) > 2 and not row[1].key else None
        if label is None or label != previous:
            groups.append([])
        groups[-1].append(cells)
        previous = label
    return LinkedTable(
        number=number, title=table.title, columns=table.columns, groups=groups, notes=table.notes
    )


def _find_figures_by_list(
    report: CohortReport, lists: Mapping[str, RowList]
) -> dict[str, list[int]]:
    """Return the tables that contain each list's number, for the links back."""
    figure_numbers: dict[str, list[int]] = {key: [] for key in lists}
    for number, table in enumerate(report.tables, 1):
        for key in dict.fromkeys(cell.key for row in table.rows for cell in row):
            if key in figure_numbers:
                figure_numbers[key].append(number)
    return figure_numbers
