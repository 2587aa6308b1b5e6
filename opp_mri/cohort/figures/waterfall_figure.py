"""Waterfall plot: the change of each lesion at its last follow-up, sorted, with its peak."""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from opp_mri.cohort.figures.change_lines import FEW, MANY, ChangeLine, find_deciding_line, limit_mm
from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    add_axes,
    break_notes,
    draw_limits,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    measure_text_width_in,
    name_y,
    set_mm_ticks,
    write,
    write_drawn_note,
    write_foot,
    write_legend,
)
from opp_mri.cohort.figures.style import (
    BAND,
    CATEGORY_COLOURS,
    CATEGORY_MARKERS,
    INK,
    use_journal_style,
)
from opp_mri.cohort.statistics.members import list_answers, select_eligible
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response.assessed import AssessedLesion

RIGHT_IN, TOP_IN, HEIGHT_IN = 0.10, 0.36, 2.3
MARK_IN: Final = 0.22  # next to the name of a row
STRIP_IN, STRIP_GAP_IN = 0.15, 0.08
THIN_POINTS: Final = 1.2  # of the line to a peak

Bar = tuple[ResponseCategory, ChangeLine]


def draw_waterfall(lesions: Sequence[AssessedLesion], width_in: float = DOUBLE_IN) -> Figure:
    """Draw the change from baseline at the last follow-up, mm, of each lesion, largest first.

    Parameters
    ----------
    lesions
        The cohort; those that are analysed are drawn, each on its deciding sequence.
    width_in
        Width of the figure: `SINGLE_IN` or `DOUBLE_IN`.

    Raises
    ------
    ValueError
        The lesions were classified by changes in mm that differ.
    """
    eligible_lesions = select_eligible(lesions)
    lines = [
        (lesion.assessment.category, find_deciding_line(lesion)) for lesion in eligible_lesions
    ]
    bars = [(category, line) for category, line in lines if line is not None]
    if not bars:
        words = "There is no lesion with a baseline and a follow-up to draw."
        return draw_nothing(words, width_in)
    bars.sort(key=lambda bar: -bar[1].last_mm)
    answers = [
        a for a in list_answers(eligible_lesions) if any(category is a for category, _ in bars)
    ]
    with use_journal_style():
        foot = break_notes(
            [f"{write_drawn_note(len(bars), len(lesions))} {_write_note(len(bars))}"], width_in
        )
        strips_in = STRIP_GAP_IN + STRIP_IN * len(answers)
        figure = make_sheet(width_in, TOP_IN + HEIGHT_IN + strips_in + 0.14 + measure_foot_in(foot))
        names = {answer: _name_row(answer, bars) for answer in answers}
        left_in = EDGE_IN + MARK_IN + max(map(measure_text_width_in, names.values()))
        room_in = width_in - left_in - RIGHT_IN
        axes = add_axes(figure, left_in, TOP_IN, room_in, HEIGHT_IN)
        draw_limits(axes, limit_mm(eligible_lesions))
        _draw_bars(axes, bars, 72 * room_in / len(bars))
        ends = [mm for _, line in bars for mm in (line.last_mm, line.peak_mm)]
        set_mm_ticks(
            axes, min(-limit_mm(eligible_lesions), *ends), max(limit_mm(eligible_lesions), *ends)
        )
        _hide_x(axes, len(bars))
        name_y(figure, [axes], "change at the last follow-up, mm")
        strips = add_axes(
            figure, left_in, TOP_IN + HEIGHT_IN + STRIP_GAP_IN, room_in, STRIP_IN * len(answers)
        )
        _draw_strips(strips, bars, answers, 72 * room_in / len(bars))
        for row, (answer, name) in enumerate(names.items()):
            _name_strip(figure, answer, name, left_in, row)
        write_legend(
            figure,
            0.1,
            _build_legend(limit_mm(eligible_lesions), peaks=len(bars) <= FEW),
            left_in=EDGE_IN,
        )
        write_foot(figure, foot)
    return figure


def _write_note(bars: int) -> str:
    peaks = (
        "Peaks: lesions with an answer that grew and are now smaller."
        if bars <= FEW
        else f"Peaks are not drawn for more than {FEW} lesions."
    )
    return (
        "Each lesion on its deciding sequence, from that sequence's own baseline. Rows below the "
        f"bars: the category of each. {peaks}"
    )


def _draw_bars(axes: Axes, bars: Sequence[Bar], step_points: float) -> None:
    """Draw a bar to the last change, and a thin line with a cap on to a larger peak."""
    many, few = len(bars) > MANY, len(bars) <= FEW
    width = step_points * (0.72 if few else 1.25)
    colours = [CATEGORY_COLOURS[category] for category, _ in bars]
    growths = [
        (n, line.peak_mm)
        for n, (_, line) in enumerate(bars)
        if line.peak_day is not None and line.peak_mm > line.last_mm
    ]
    if not few:
        growths = []  # they would hide each other
    peaks = [[(n, max(0.0, bars[n][1].last_mm)), (n, mm)] for n, mm in growths]
    lasts = [[(n, 0.0), (n, line.last_mm)] for n, (_, line) in enumerate(bars)]
    for lines, of, points in (
        (peaks, [colours[n] for n, _ in growths], THIN_POINTS),
        (lasts, colours, width),
    ):
        collection = LineCollection(
            lines, colors=of, linewidths=points, capstyle="butt", rasterized=many, zorder=2
        )
        collection.set_snap(False)
        axes.add_collection(collection, autolim=False)
    axes.plot(
        [n for n, _ in growths], [mm for _, mm in growths], ls="", marker="_" if few else ".",
        ms=min(5.0, step_points) if few else 1.0 if many else 2.0, mew=0.9 if few else 0,
        alpha=0.5 if many else 1, color=INK, rasterized=many, zorder=2.5,
    )  # fmt: skip


def _draw_strips(
    axes: Axes, bars: Sequence[Bar], answers: Sequence[ResponseCategory], step_points: float
) -> None:
    """Draw a row for each category, with a mark under each of its lesions."""
    for row, answer in enumerate(answers):
        axes.axhline(row, color=BAND, lw=0.6, zorder=0)
        at = [n for n, (category, _) in enumerate(bars) if category is answer]
        few = len(bars) <= FEW
        axes.plot(
            at, [row] * len(at), ls="", marker=CATEGORY_MARKERS[answer] if few else "|",
            ms=min(4.0, max(1.5, step_points)) if few else 6.0, mew=0 if few else 0.4,
            mfc=CATEGORY_COLOURS[answer], mec=CATEGORY_COLOURS[answer],
            rasterized=len(bars) > MANY, zorder=2,
        )  # fmt: skip
    axes.set_ylim(len(answers) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    _hide_x(axes, len(bars))


def _hide_x(axes: Axes, number: int) -> None:
    axes.set_xlim(-0.7, number - 0.3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _name_row(answer: ResponseCategory, bars: Sequence[Bar]) -> str:
    return f"{answer.value}  n = {sum(category is answer for category, _ in bars):,}"


def _name_strip(
    figure: Figure, answer: ResponseCategory, name: str, left_in: float, row: int
) -> None:
    """Name a row, and show its mark."""
    top_in = TOP_IN + HEIGHT_IN + STRIP_GAP_IN + (row + 0.5) * STRIP_IN
    wide, high = figure.get_size_inches()
    write(figure, left_in - MARK_IN, top_in, name, ha="right", color=INK)
    figure.add_artist(
        Line2D(
            [(left_in - MARK_IN / 2) / wide], [1 - top_in / high], marker=CATEGORY_MARKERS[answer],
            ms=4.2, mfc=CATEGORY_COLOURS[answer], mec=INK, mew=0.4, ls="",
        )
    )  # fmt: skip


def _build_legend(limit: float, *, peaks: bool) -> list[Line2D | Patch]:
    peak = Line2D([], [], ls="", marker="_", color=INK, ms=6, mew=0.9, label="peak")
    return [
        *([peak] if peaks else []),
        Patch(color=BAND, lw=0, label=f"baseline ± {limit:g} mm"),
    ]
