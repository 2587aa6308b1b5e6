"""Spider plot: how every lesion of a cohort changed, a panel for each category."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.change_lines import find_deciding_line, limit_mm
from opp_mri.cohort.figures.change_panels import ChangePanel, draw_change_panels
from opp_mri.cohort.figures.sheet import draw_nothing, mark, write_drawn_note
from opp_mri.cohort.figures.style import CATEGORY_COLOURS, CATEGORY_MARKERS, INK
from opp_mri.cohort.statistics.members import list_answers, select_eligible
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import weeks_from_days


def draw_spider(lesions: Sequence[AssessedLesion]) -> Figure:
    """Draw the change from baseline on the deciding sequence, mm by week, of every lesion.

    Parameters
    ----------
    lesions
        The cohort; those that are analysed are drawn.

    Raises
    ------
    ValueError
        The lesions were classified by changes in mm that differ.
    """
    eligible_lesions = select_eligible(lesions)
    lines = [
        (lesion.assessment.category, find_deciding_line(lesion)) for lesion in eligible_lesions
    ]
    panels = [
        ChangePanel(
            name=category.value,
            colour=CATEGORY_COLOURS[category],
            marker=CATEGORY_MARKERS[category],
            lines=change_lines,
        )
        for category in list_answers(eligible_lesions)
        if (
            change_lines := tuple(line for of, line in lines if of is category and line is not None)
        )
    ]
    if not panels:
        return draw_nothing("There is no lesion with a baseline and a follow-up to draw.")
    line_count = sum(len(panel.lines) for panel in panels)
    return draw_change_panels(
        panels,
        limit_mm(eligible_lesions),
        draw_marks=_mark_ends,
        legend=[
            Line2D([], [], color=INK, lw=0.9, label="one lesion, on its deciding sequence"),
            mark("o", INK, "last follow-up"),
        ],
        notes=[
            f"{write_drawn_note(line_count, len(lesions))} "
            "Each line starts at its own baseline, drawn at week 0."
        ],
    )


def _mark_ends(axes: Axes, panel: ChangePanel) -> None:
    axes.plot(
        [weeks_from_days(line.last_day) for line in panel.lines],
        [line.last_mm for line in panel.lines],
        ls="", marker=panel.marker, ms=3.4, mfc=panel.colour, mec="white", mew=0.4, zorder=3,
        clip_on=False,
    )  # fmt: skip
