"""Draw timelines of a project's lesions, and write pages of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from opp_mri.cohort.figures.agreement_figure import AgreementPanel, draw_agreement
from opp_mri.cohort.figures.panels import TimelineMarks
from opp_mri.cohort.figures.timeline_figure import draw_timeline, save_figure
from opp_mri.cohort.report.timelines import LesionPage, render_timelines_html
from opp_mri.domain.assessment import Criteria, ResponseCategory
from opp_mri.domain.estimate import Estimate
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource
from opp_mri.files import write_bytes
from opp_mri.workflow.assessing.respond import ProjectLesion
from opp_mri.workflow.double_read.agreement import Agreement
from opp_mri.workflow.double_read.volume_agreement import OVERALL
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.seeds import Phase


def save_timeline(path: Path, lesion: ProjectLesion) -> None:
    """Draw a lesion's timeline to SVG, PNG or PDF, by the ending of the name."""
    figure = draw_timeline(
        lesion.timeline,
        lesion.rules.criteria,
        assessment=lesion.assessment if lesion.is_measured else None,
        level=lesion.lesion.level,
        marks=find_timeline_marks(lesion.cells),
    )
    save_figure(figure, path)


def save_agreement(agreement: Agreement, path: Path) -> None:
    """Draw the differences of two readers, a panel for each sequence, to SVG, PNG or PDF."""
    panels = [
        AgreementPanel(
            sequence=SeriesRole(length.name),
            pairs=tuple(pair[1:] for pair in length.pairs),
            bias=_ends(length.bland_altman.bias_mm),
            lower=_ends(length.bland_altman.lower_mm),
            upper=_ends(length.bland_altman.upper_mm),
            lesions=length.bland_altman.lesions,
        )
        for length in agreement.lengths
        if length.name != OVERALL
    ]
    save_figure(draw_agreement(panels, agreement.readers), path)


def _ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return (estimate.value, estimate.low, estimate.high)


def save_page(
    path: Path,
    lesions: Sequence[ProjectLesion],
    *,
    criteria: Criteria,
    written_on: date,
    title: str,
    truth: Mapping[str, ResponseCategory] | None = None,
) -> None:
    """Write a self-contained page of all assessed lesions, with the truth where it is known.

    Parameters
    ----------
    path
        File of the page, replaced where there is one.
    lesions
        Assessed lesions, in the order of the page.
    criteria
        By which they were assessed.
    written_on
        Date on the page.
    title
        Heading of the page.
    truth
        Name of a lesion to its true category, as for a phantom; None where it is not known.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    pages = [
        LesionPage(
            lesion_id=lesion.lesion.lesion_id,
            level=lesion.lesion.level,
            timeline=lesion.timeline,
            assessment=lesion.assessment,
            margin_mm=lesion.margin_mm,
            sentences=(*lesion.sentences, *lesion.details),
            truth_category=(truth or {}).get(lesion.lesion.lesion_id),
            marks=find_timeline_marks(lesion.cells),
        )
        for lesion in lesions
        if lesion.is_measured
    ]
    html = render_timelines_html(pages, criteria=criteria, written_on=written_on, title=title)
    write_bytes(path, html.encode())


def find_timeline_marks(cells: Iterable[Cell]) -> TimelineMarks:
    """Return which lengths came without points, and which studies could not be measured."""
    answers = [
        (cell.reading, (cell.sequence, cell.days_from_ssrs))
        for cell in cells
        if cell.reading is not None and cell.phase is not Phase.DURING
    ]
    return TimelineMarks(
        imported=frozenset(
            place for reading, place in answers if reading.length_source is LengthSource.IMPORTED
        ),
        not_measurable=frozenset(
            place for reading, place in answers if reading.answer is Answer.NOT_MEASURABLE
        ),
    )
