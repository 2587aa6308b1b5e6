"""A page about many lesions: a table of what they are called, and each timeline drawn beneath.

The page is one HTML file that needs nothing else: no scripts, no fonts, no network. It prints.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from attrs import frozen
from markupsafe import Markup

from opp_mri.cohort.figures.panels import TimelineMarks
from opp_mri.cohort.figures.timeline_figure import NO_MARKS, draw_timeline, render_figure_svg
from opp_mri.cohort.report.page import embed_svg, render_page
from opp_mri.cohort.report.words import describe_timeline
from opp_mri.cohort.words import write_identifier
from opp_mri.domain.assessment import Assessment, Criteria, ResponseCategory
from opp_mri.domain.timeline import Timeline


@frozen(kw_only=True)
class LesionPage:
    """What a page says of one lesion.

    Parameters
    ----------
    lesion_id, level
        The lesion and its vertebra.
    timeline, assessment
        Its lengths and events, and what they were called.
    margin_mm
        Smallest change of one recorded value that changes the category; None where no change does.
    sentences
        What a radiologist would read.
    truth_category
        What the lesion is known to be, where that is known.
    marks
        Lengths that were imported, studies that were not measurable.
    """

    lesion_id: str
    level: str
    timeline: Timeline
    assessment: Assessment
    margin_mm: Decimal | None
    sentences: tuple[str, ...] = ()
    truth_category: ResponseCategory | None = None
    marks: TimelineMarks = NO_MARKS

    @property
    def agrees(self) -> bool | None:
        """Whether the category is the true one; None where the truth is not known."""
        if self.truth_category is None:
            return None
        return self.assessment.category is self.truth_category


def render_timelines_html(
    lesions: Sequence[LesionPage],
    *,
    criteria: Criteria,
    written_on: date,
    title: str = "Lesions and their response",
) -> str:
    """Render a self-contained HTML page of lesions: table, timelines, sentences.

    Parameters
    ----------
    lesions
        In the order in which they are to be listed.
    criteria
        The rules that classified them.
    written_on
        The date in the header; given, so that the same input gives the same bytes.
    title
        Heading of the page.
    """
    compared_lesions = [lesion for lesion in lesions if lesion.agrees is not None]
    return render_page(
        "timelines.html.j2",
        title=title,
        lesions=lesions,
        figures=[_draw_figure(lesion, number) for number, lesion in enumerate(lesions, 1)],
        counts=_count_by_category(lesions),
        known=len(compared_lesions),
        agreed=sum(lesion.agrees is True for lesion in compared_lesions),
        criteria=criteria,
        written_on=written_on,
    )


def _count_by_category(lesions: Sequence[LesionPage]) -> list[tuple[str, int]]:
    """Count the lesions of each category, in the order of the categories."""
    counts = Counter(lesion.assessment.category for lesion in lesions)
    return [(write_identifier(c.value), counts[c]) for c in ResponseCategory if counts[c]]


def _draw_figure(lesion: LesionPage, number: int) -> Markup:
    """Draw a timeline as inline SVG, with ids that no other figure of the page has."""
    svg = render_figure_svg(
        draw_timeline(
            lesion.timeline,
            lesion.assessment.criteria,
            assessment=lesion.assessment,
            level=lesion.level,
            marks=lesion.marks,
        )
    )
    return embed_svg(svg, prefix=f"f{number}", description=describe_timeline(lesion.timeline))
