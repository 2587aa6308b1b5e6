"""Small multiples of changes from baseline by week: panels side by side, on the same axes."""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from opp_mri.cohort.figures.change_lines import (
    FEW_LINES,
    MIDDLE_NOTE,
    ChangeLine,
    draw_lines,
    find_last_week,
)
from opp_mri.cohort.figures.sheet import (
    CHANGE_LABEL,
    DOUBLE_IN,
    STACKED_IN,
    WEEKS_LABEL,
    add_axes,
    break_notes,
    draw_limits,
    make_sheet,
    measure_foot_in,
    measure_head_width_in,
    name_x,
    name_y,
    set_mm_ticks,
    set_week_ticks,
    write_foot,
    write_legend,
    write_panel_head,
)
from opp_mri.cohort.figures.style import BAND, use_journal_style
from opp_mri.units import format_count

LEFT_IN, TOP_IN, BETWEEN_IN, RIGHT_IN = 0.46, 0.50, 0.20, 0.10
PANEL_HEIGHT_IN, AXIS_IN = 2.05, 0.42
WIDEST_PANEL_IN: Final = 3.2


@frozen(kw_only=True)
class ChangePanel:
    """One panel: what it shows, its colour and marker, and a line for each lesion."""

    name: str
    colour: str
    marker: str
    lines: tuple[ChangeLine, ...]


def draw_change_panels(
    panels: Sequence[ChangePanel],
    limit_mm: float,
    *,
    draw_marks: Callable[[Axes, ChangePanel], None],
    legend: Sequence[Line2D],
    notes: Sequence[str],
) -> Figure:
    """Draw panels in one row, with the band of measurement error; few lines have marks.

    Parameters
    ----------
    panels
        At least one, each with at least one line.
    limit_mm
        The change that counts.
    draw_marks
        Marks the lines of a panel that has few.
    legend
        Explains the lines and their marks.
    notes
        Sentences below the figure.
    """
    every = [line for panel in panels for line in panel.lines]
    has_markers = any(len(panel.lines) <= FEW_LINES for panel in panels)
    if max(len(panel.lines) for panel in panels) > FEW_LINES:
        notes = [
            *notes,
            MIDDLE_NOTE,
            f"Marks are left out in panels of more than {FEW_LINES} lines.",
        ]
    heads = [format_count(len(panel.lines), "lesion") for panel in panels]
    with use_journal_style():
        foot = break_notes(notes, DOUBLE_IN)
        width_in = _measure_panel_width_in(len(panels))
        is_stacked = any(
            measure_head_width_in(panel.name, words) > width_in
            for panel, words in zip(panels, heads, strict=True)
        )
        top_in = TOP_IN + STACKED_IN * is_stacked
        figure = make_sheet(DOUBLE_IN, top_in + PANEL_HEIGHT_IN + AXIS_IN + measure_foot_in(foot))
        row = _add_row_of_axes(figure, len(panels), width_in, top_in)
        for axes, panel, words in zip(row, panels, heads, strict=True):
            draw_limits(axes, limit_mm)
            draw_lines(axes, panel.lines, panel.colour)
            if len(panel.lines) <= FEW_LINES:
                draw_marks(axes, panel)
            mark = {"colour": panel.colour, "marker": panel.marker}
            write_panel_head(axes, panel.name, words, is_stacked=is_stacked, **mark)
            set_week_ticks(axes, find_last_week(every), at_most=6)
        changes_mm = [mm for line in every for mm in line.changes_mm]
        set_mm_ticks(row[0], min(-limit_mm, *changes_mm), max(limit_mm, *changes_mm))
        name_y(figure, row, CHANGE_LABEL)
        name_x(figure, row, WEEKS_LABEL)
        band = Patch(color=BAND, lw=0, label=f"baseline ± {limit_mm:g} mm")
        handles: Sequence[Artist] = legend if has_markers else legend[:1]
        write_legend(figure, 0.1, [*handles, band], left_in=LEFT_IN)
        write_foot(figure, foot)
    return figure


def _measure_panel_width_in(number: int) -> float:
    room_in = DOUBLE_IN - LEFT_IN - RIGHT_IN - BETWEEN_IN * (number - 1)
    return min(WIDEST_PANEL_IN, room_in / number)


def _add_row_of_axes(figure: Figure, number: int, width_in: float, top_in: float) -> list[Axes]:
    row: list[Axes] = []
    for n in range(number):
        left_in = LEFT_IN + n * (width_in + BETWEEN_IN)
        shared = row[0] if row else None
        row.append(add_axes(figure, left_in, top_in, width_in, PANEL_HEIGHT_IN, sharey=shared))
        row[n].tick_params(labelleft=n == 0)
    return row
