"""Growth of the OPP lesions in one figure: change from baseline by week, a panel for each sequence.

The form of Fig 3 of Amini et al., AJNR 2016;37:387-392, with changes in the place of sizes: each is
from the sequence's own baseline, so that the panels may be compared.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.change_lines import change_lines, limit_mm
from opp_mri.cohort.figures.change_panels import ChangePanel, draw_change_panels
from opp_mri.cohort.figures.sheet import draw_nothing, mark
from opp_mri.cohort.figures.style import COLOURS, INK, MARKERS
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import weeks_from_days


def draw_growth(
    lesions: Sequence[AssessedLesion], category: ResponseCategory = ResponseCategory.OPP
) -> Figure:
    """Draw how the lesions of a category changed on each sequence, mm, with peak and return.

    Parameters
    ----------
    lesions
        The cohort; those of the category that are analysed are drawn.
    category
        OPP, as in the paper, or another.

    Raises
    ------
    ValueError
        The lesions were classified by changes in mm that differ.
    """
    growth_lesions = [o for o in select_eligible(lesions) if o.assessment.category is category]
    lines_of_lesions = [change_lines(lesion) for lesion in growth_lesions]
    panels = [
        ChangePanel(name=role.value, colour=COLOURS[role], marker=MARKERS[role], lines=lines)
        for role in SeriesRole
        if (lines := tuple(of[role] for of in lines_of_lesions if role in of))
    ]
    if not panels:
        return draw_nothing(f"There is no {category.value} lesion to draw.")
    return draw_change_panels(
        panels,
        limit_mm(growth_lesions),
        draw_marks=_mark_peaks,
        legend=_build_legend(category),
        notes=[
            "Each line starts at the sequence's own baseline, drawn at week 0.",
            _write_note(panels),
        ],
    )


def _mark_peaks(axes: Axes, panel: ChangePanel) -> None:
    """Mark each peak by a full marker and each return to baseline by a hollow one."""
    peaks = [(line.peak_day, line.peak_mm) for line in panel.lines]
    returns = [(line.return_day, line.return_mm) for line in panel.lines]
    for points, face in ((peaks, panel.colour), (returns, "white")):
        weeks = [weeks_from_days(day) for day, _ in points if day is not None]
        changes_mm = [mm for day, mm in points if day is not None and mm is not None]
        axes.plot(
            weeks, changes_mm, ls="", marker=panel.marker,
            ms=4.2, mfc=face, mec=panel.colour, mew=0.9, clip_on=False, zorder=3,
        )  # fmt: skip


def _build_legend(category: ResponseCategory) -> list[Line2D]:
    line = Line2D([], [], color=INK, lw=0.9, label=f"one {category.value} lesion")
    return [line, mark("o", INK, "peak"), mark("o", "white", "first study back at baseline")]


def _write_note(panels: Sequence[ChangePanel]) -> str:
    """State how many lesions grew, and how many of these returned, on each sequence."""
    counts = "; ".join(
        f"{panel.name} {sum(line.peak_day is not None for line in panel.lines):,} and "
        f"{sum(line.return_day is not None for line in panel.lines):,}"
        for panel in panels
    )
    return f"Lesions that grew, and that then came back to baseline: {counts}."
