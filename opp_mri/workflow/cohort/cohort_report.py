"""The figures of a cohort, and the report that holds them with the tables."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.cohort.report.cohort import render_cohort_html, render_printed_html
from opp_mri.cohort.report.document import CohortReport, ReportFacts, ReportFigure, Section
from opp_mri.cohort.report.page import save_page
from opp_mri.cohort.report.rows import MOST_NAMED, render_rows_csv
from opp_mri.errors import InputError
from opp_mri.files import write_bytes
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.cohort_contents import CohortContents
from opp_mri.workflow.cohort.cohort_pictures import (
    Picture,
    build_course_pictures,
    build_event_pictures,
    build_flow_picture,
)

FUTURE: Final = (
    "The category depends on findings after the event that it names, so a comparison from day 0 "
    "favours lesions with a long follow-up; the landmark analysis restarts time at the landmark."
)
CHANGES: Final = (
    "Each change is from its sequence's own baseline; lengths of two sequences are never "
    "subtracted."
)


@frozen(kw_only=True)
class CohortPictures:
    """The figures of a cohort, by what they tell of."""

    screening: tuple[Picture, ...]
    course: tuple[Picture, ...] = ()
    events: tuple[Picture, ...] = ()

    @property
    def every(self) -> tuple[Picture, ...]:
        """All of them, in their order."""
        return (*self.screening, *self.course, *self.events)


def build_cohort_pictures(cohort: Cohort, contents: CohortContents) -> CohortPictures:
    """Return the figures of a cohort; where small counts are withheld only those of the tables."""
    screening = (build_flow_picture(cohort.lesions, contents.tables.screening),)
    if contents.tables.suppressed:
        return CohortPictures(screening=screening)
    return CohortPictures(
        screening=screening,
        course=build_course_pictures(cohort.lesions, float(cohort.criteria.change_mm)),
        events=build_event_pictures(contents.analysis),
    )


def compose_cohort_report(
    cohort: Cohort,
    contents: CohortContents,
    pictures: CohortPictures,
    *,
    title: str,
    written_on: date | None,
    rows_file: str = "",
) -> CohortReport:
    """Compose the report of a cohort.

    Parameters
    ----------
    written_on
        Its date; None for one that is the same whenever it is written.
    rows_file
        Name of a table with the rows next to the report, or "".
    """
    tables = contents.tables
    return CohortReport(
        facts=ReportFacts(
            title=title,
            written_on=written_on,
            criteria=cohort.criteria,
            mode=cohort.mode,
            data_sha256=cohort.data_sha256,
            readers=cohort.readers,
            records=cohort.head.sequence_number,
            records_head=cohort.head.hash if cohort.head.sequence_number else "",
        ),
        lesions=cohort.lesions,
        sections=(
            Section(
                title="Screening",
                figures=_draw_figures(pictures.screening),
                tables=(tables.screening,),
            ),
            Section(title="Lesions and responses", tables=(tables.demographics, tables.responses)),
            Section(
                title="Course",
                paragraphs=(CHANGES,),
                figures=_draw_figures(pictures.course),
                tables=(tables.course,),
            ),
            Section(
                title="Events",
                paragraphs=(FUTURE,),
                figures=_draw_figures(pictures.events),
                tables=tables.statistics,
            ),
        ),
        rows_file=rows_file,
    )


def save_cohort_report(
    path: Path, cohort: Cohort, contents: CohortContents, *, title: str, written_on: date
) -> list[Path]:
    """Write the report as HTML or PDF, by the ending of the name, and its rows next to it.

    Returns
    -------
    list of Path
        The report, and where lists are too long for a page the table of the lesions behind each
        number; that of a report with withheld counts would give them away.

    Raises
    ------
    InputError
        A file cannot be written, or a library that a PDF needs is missing.
    """
    paths = [path]
    if len(cohort.lesions) > MOST_NAMED and not contents.tables.suppressed:
        paths.append(path.with_name(f"{path.stem}-rows.csv"))
    report = compose_cohort_report(
        cohort,
        contents,
        build_cohort_pictures(cohort, contents),
        title=title,
        written_on=written_on,
        rows_file="".join(file.name for file in paths[1:]),
    )
    is_pdf = path.suffix.lower() == ".pdf"
    save_page(path, render_printed_html(report) if is_pdf else render_cohort_html(report))
    for rows in paths[1:]:
        write_bytes(rows, render_rows_csv(report))
    return paths


def save_pictures(folder: Path, pictures: Sequence[Picture], suffixes: Sequence[str]) -> list[Path]:
    """Draw figures into a folder, each in every format.

    Parameters
    ----------
    suffixes
        Of `.svg`, `.pdf` and `.png`.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}): name another."
        ) from error
    paths = []
    for picture in pictures:
        for suffix in suffixes:
            paths.append(folder / f"{picture.name}{suffix}")
            write_bytes(paths[-1], picture.render_content(suffix))
    return paths


def _draw_figures(pictures: Sequence[Picture]) -> tuple[ReportFigure, ...]:
    return tuple(
        ReportFigure(
            title=picture.title,
            svg=picture.svg,
            description=picture.description,
            lesion_ids=picture.lesion_ids,
            from_tables=picture.from_tables,
        )
        for picture in pictures
    )
