"""The sheet that a figure of a cohort is laid out on, in inches, and the parts that many share.

A figure is as wide as a column of a journal, or as two, and its type is never under 7 points there.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath
from matplotlib.ticker import MultipleLocator

from opp_mri.cohort.figures.style import BAND, BASELINE, INK, QUIET, use_journal_style
from opp_mri.units import format_count

SINGLE_IN: Final = 3.3
DOUBLE_IN: Final = 6.9
EDGE_IN: Final = 0.08
TEXT_POINTS, SMALL_POINTS = 8.0, 7.0
STACKED_IN: Final = 0.13  # of a second line above a panel
LINE_IN: Final = 0.13  # from one line of small type to the next
WEEKS_LABEL: Final = "weeks from completion of SSRS"
CHANGE_LABEL: Final = "change from baseline, mm"
_WEEK_STEPS: Final = (2, 4, 8, 12, 24, 48, 96, 192)
_POINTS_PER_IN: Final = 72.0


def make_sheet(width_in: float, height_in: float) -> Figure:
    """Make an empty white figure of this size."""
    figure = Figure(figsize=(width_in, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_axes(
    figure: Figure, left_in: float, top_in: float, width_in: float, height_in: float, **options: Any
) -> Axes:
    """Add axes by their distance from the left and the top of the sheet."""
    wide, high = figure.get_size_inches()
    bottom = (high - top_in - height_in) / high
    return figure.add_axes((left_in / wide, bottom, width_in / wide, height_in / high), **options)


def write(figure: Figure, left_in: float, top_in: float, text: str, **options: Any) -> None:
    """Write small type on the sheet, its middle this far from the top."""
    wide, high = figure.get_size_inches()
    style: dict[str, Any] = {"size": SMALL_POINTS, "color": QUIET, "va": "center"}
    figure.text(left_in / wide, 1 - top_in / high, text, **style | options)


def draw_nothing(words: str, width_in: float = DOUBLE_IN) -> Figure:
    """Make a figure that says in words why it is empty."""
    with use_journal_style():
        lines = wrap_text(words, width_in - 0.6, TEXT_POINTS)
        figure = make_sheet(width_in, 0.9 + 0.15 * len(lines))
        figure.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color=QUIET)
    return figure


@lru_cache(maxsize=8192)
def measure_text_width_in(text: str, points: float = SMALL_POINTS, weight: str = "normal") -> float:
    """Measure a line of type, in inches."""
    font = FontProperties(family="DejaVu Sans", size=points, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / _POINTS_PER_IN


def wrap_text(text: str, width_in: float, points: float = SMALL_POINTS) -> list[str]:
    """Break a text into lines that are no wider than this; a longer word is broken too."""
    words, lines = text.split(), []
    while words:
        first = words[0]
        if len(first) > 1 and measure_text_width_in(first, points) > width_in:
            fits = max(
                (
                    n
                    for n in range(1, len(first))
                    if measure_text_width_in(first[:n], points) <= width_in
                ),
                default=1,
            )
            lines.append(first[:fits])
            words[0] = first[fits:]
            continue
        count = _count_fitting(words, width_in, points)
        lines.append(" ".join(words[:count]))
        del words[:count]
    return lines


def _count_fitting(words: Sequence[str], width_in: float, points: float) -> int:
    """Count the words, at least one, that fit into a line; few lines are measured for it."""

    def is_too_wide(count: int) -> bool:
        return measure_text_width_in(" ".join(words[:count]), points) > width_in

    most = min(8, len(words))
    while most < len(words) and not is_too_wide(most):
        most = min(2 * most, len(words))
    return 1 + bisect_left(range(2, most + 1), True, key=is_too_wide)


def break_notes(notes: Iterable[str], width_in: float) -> list[str]:
    """Break the notes under a figure into lines, each note on a line of its own."""
    return [line for note in notes for line in wrap_text(note, width_in - 2 * EDGE_IN)]


def write_foot(figure: Figure, lines: Sequence[str]) -> None:
    """Write notes at the bottom of the sheet; they need `foot_in` of it."""
    height_in = figure.get_figheight()
    for number, line in enumerate(lines):
        write(figure, EDGE_IN, height_in - measure_foot_in(lines) + (number + 0.5) * LINE_IN, line)


def measure_foot_in(lines: Sequence[str]) -> float:
    """Return the height of the notes, in inches."""
    return LINE_IN * len(lines) + EDGE_IN if lines else EDGE_IN


def write_legend(figure: Figure, top_in: float, handles: Sequence[Artist], **options: Any) -> None:
    """Explain marks in one row, or as many as are asked for, this far from the top."""
    wide, high = figure.get_size_inches()
    style: dict[str, Any] = {
        "ncols": max(1, len(handles)), "fontsize": SMALL_POINTS, "labelcolor": INK,
        "frameon": False, "handlelength": 1.4, "handletextpad": 0.4, "columnspacing": 1.2,
        "labelspacing": 0.35, "borderaxespad": 0, "borderpad": 0,
    }  # fmt: skip
    anchor = (options.pop("left_in", EDGE_IN) / wide, 1 - top_in / high)
    figure.legend(handles=list(handles), loc="upper left", bbox_to_anchor=anchor, **style | options)


def mark(marker: str, face: str, label: str, edge: str = INK, size: float = 4.0) -> Line2D:
    """Make a mark for a legend."""
    return Line2D(
        [], [], ls="", marker=marker, ms=size, mfc=face, mec=edge, mew=0.7, label=label
    )  # fmt: skip


def write_panel_head(
    axes: Axes, name: str, words: str, *, colour: str, marker: str, is_stacked: bool = False
) -> None:
    """Write above a panel its mark, its name, bold, and next to or below it what it is of."""
    wide, high = measure_size_in(axes)
    right_in = 0.0 if is_stacked else measure_head_width_in(name, "")
    for text, left_in, up_in, style in (
        (name, 0.14, 0.06 + STACKED_IN * is_stacked, {"weight": "bold"}),
        (words, right_in, 0.06, {"size": SMALL_POINTS, "color": QUIET}),
    ):
        at = left_in / wide, 1 + up_in / high
        axes.text(*at, text, transform=axes.transAxes, **style)
    axes.plot(
        0.06 / wide, 1 + (0.1 + STACKED_IN * is_stacked) / high, marker=marker, ms=5, mfc=colour,
        mec=INK, mew=0.5, clip_on=False, transform=axes.transAxes,
    )  # fmt: skip


def measure_head_width_in(name: str, words: str) -> float:
    """Return the width of what `head_panel` writes in one line."""
    return 0.22 + measure_text_width_in(name, TEXT_POINTS, "bold") + measure_text_width_in(words)


def name_y(figure: Figure, axes: Sequence[Axes], text: str) -> None:
    """Name the vertical axis of panels at the left edge of the sheet, whatever its ticks."""
    boxes = [axis.get_position() for axis in axes]
    middle = (min(box.y0 for box in boxes) + max(box.y1 for box in boxes)) / 2
    left = 0.11 / figure.get_figwidth()
    figure.text(left, middle, text, rotation=90, va="center", ha="center", color=INK)


def name_x(figure: Figure, axes: Sequence[Axes], text: str, below_in: float = 0.31) -> None:
    """Name the horizontal axis of panels side by side once, this far below them."""
    boxes = [axis.get_position() for axis in axes]
    middle = (min(box.x0 for box in boxes) + max(box.x1 for box in boxes)) / 2
    height = min(box.y0 for box in boxes) - below_in / figure.get_figheight()
    figure.text(middle, height, text, va="center", ha="center", color=INK)


def write_drawn_note(drawn_count: int, of: int) -> str:
    """State how many lesions are drawn, and how many are left out."""
    if drawn_count == of:
        return f"n = {format_count(drawn_count, 'lesion')}."
    left_out = f"{of - drawn_count:,} not analysed, and left out."
    return f"n = {format_count(drawn_count, 'lesion')}; {left_out}"


def measure_size_in(axes: Axes) -> tuple[float, float]:
    """Return width and height of axes, in inches."""
    box, dpi = axes.get_window_extent(), axes.figure.dpi
    return box.width / dpi, box.height / dpi


def draw_limits(axes: Axes, limit_mm: float) -> None:
    """Shade the changes that are within measurement error, and draw the baseline."""
    axes.axhspan(-limit_mm, limit_mm, color=BAND, lw=0, alpha=0.85, zorder=0.5)
    axes.axhline(0, color=BASELINE, lw=0.8, zorder=0.6)


def set_week_ticks(axes: Axes, last_week: float, at_most: int = 8) -> None:
    """Show weeks from 0 to the last, with ticks at visits of a usual schedule."""
    axes.set_xlim(0, last_week * 1.02)
    axes.xaxis.set_major_locator(MultipleLocator(choose_week_step(last_week, at_most)))


def choose_week_step(last_week: float, at_most: int = 8) -> int:
    """Return a step that leaves no more than this many ticks."""
    return next((step for step in _WEEK_STEPS if last_week / step <= at_most), 480)


def set_mm_ticks(axes: Axes, low_mm: float, high_mm: float) -> None:
    """Show these changes with some room, and ticks at whole mm."""
    room = 0.06 * (high_mm - low_mm)
    axes.set_ylim(low_mm - room, high_mm + room)
    axes.yaxis.set_major_locator(choose_mm_step(high_mm - low_mm))


def choose_mm_step(span_mm: float, at_most: int = 9) -> MultipleLocator:
    """Place ticks at whole mm, no more than this many."""
    return MultipleLocator(next((s for s in (2, 5, 10, 20) if span_mm / s <= at_most), 50))
