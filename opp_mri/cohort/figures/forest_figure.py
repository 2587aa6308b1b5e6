"""Forest plot: hazard ratios with their intervals, next to the numbers they rest on."""

from collections.abc import Sequence
from math import floor, isfinite, log10
from typing import Final

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    LINE_IN,
    add_axes,
    break_notes,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    wrap_text,
    write,
    write_foot,
)
from opp_mri.cohort.figures.style import BAND, INK, QUIET, describe_p, use_journal_style
from opp_mri.cohort.statistics.hazards import FEWEST_EVENTS, FEWEST_PATIENTS
from opp_mri.cohort.statistics.survival import EventEstimate

LABEL_IN, COUNT_IN, PLOT_IN = 2.05, 0.95, 2.05  # columns; what is left is for the ratio in words
HEAD_IN, PAD_IN, AXIS_IN = 0.36, 0.09, 0.42
WIDEST: Final = 1000.0  # ratios beyond it, or below its inverse, end in an arrow
TICKS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


@frozen(kw_only=True)
class ForestRow:
    """One hazard ratio.

    Parameters
    ----------
    label
        What is compared with what, such as single fraction versus multifraction.
    ratio
        The ratio with its interval, lesions and events; where there is none, `reason` says why.
    p
        Two-sided, of a ratio of 1.
    model
        The model, and whether its interval is by lesion or by patient.
    heading
        The model or the group of rows that it belongs to: written above the first of them.
    """

    label: str
    ratio: EventEstimate
    p: float | None = None
    model: str = ""
    heading: str = ""


@frozen(kw_only=True)
class _Line:
    """A row as it is laid out: its wrapped texts, and how far it is from the top."""

    row: ForestRow
    label: tuple[str, ...]
    words: tuple[str, ...]
    heading: tuple[str, ...]
    top_in: float

    @property
    def heading_in(self) -> float:
        """Height of the heading."""
        return LINE_IN * len(self.heading) + (0.5 * PAD_IN if self.heading else 0.0)

    @property
    def bottom_in(self) -> float:
        """Where the next row begins."""
        lines = max(len(self.label), len(self.words))
        return self.top_in + self.heading_in + LINE_IN * lines + PAD_IN

    @property
    def middle_in(self) -> float:
        """Height of the ratio's own mark."""
        return (self.top_in + self.heading_in + self.bottom_in) / 2


def draw_forest(rows: Sequence[ForestRow], event: str) -> Figure:
    """Draw hazard ratios on a log axis, each with its interval, lesions and events.

    Parameters
    ----------
    rows
        In the order to be shown. One without a finite ratio says in words why it has none.
    event
        What the hazard is of, such as OPP.
    """
    if not rows:
        return draw_nothing(f"There is no hazard ratio of {event} to draw.")
    lines = _lay_out(rows)
    with use_journal_style():
        foot = break_notes(
            [
                f"Hazard ratio of {event}: above 1, the event comes sooner in the group named "
                "first, or "
                "with the higher value. Bars: 95% intervals; an arrow: the interval extends "
                "beyond the axis. By patient: errors allow for several lesions of a patient. "
                f"Errors by patient are too small with fewer than {FEWEST_EVENTS} events or "
                f"{FEWEST_PATIENTS} patients (simulated; Cameron and Miller 2015): the wider of "
                "these and those by lesion is drawn."
            ],
            DOUBLE_IN,
        )
        body_in = lines[-1].bottom_in - HEAD_IN
        figure = make_sheet(DOUBLE_IN, HEAD_IN + body_in + AXIS_IN + measure_foot_in(foot))
        plot_left_in = EDGE_IN + LABEL_IN + COUNT_IN
        _draw_bands(figure, lines)
        axes = add_axes(figure, plot_left_in, HEAD_IN, PLOT_IN, body_in, facecolor="none")
        low, high = _find_span(rows)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(body_in, 0)
        axes.axvline(1, color=QUIET, lw=0.8, zorder=1)
        _set_ticks(axes, low, high)
        _write_columns(figure, plot_left_in)
        for line in lines:
            _write_row(figure, line, plot_left_in + PLOT_IN + 0.12)
            _draw_ratio(axes, line.row.ratio, line.middle_in - HEAD_IN)
        write_foot(figure, foot)
    return figure


def _draw_bands(figure: Figure, lines: Sequence[_Line]) -> None:
    """Shade every other row, to lead the eye from its label to its ratio."""
    wide, high = figure.get_size_inches()
    for line in lines[1::2]:
        top_in = line.top_in + line.heading_in
        figure.add_artist(
            Rectangle(
                (EDGE_IN / 2 / wide, 1 - line.bottom_in / high), 1 - EDGE_IN / wide,
                (line.bottom_in - top_in) / high, fc=BAND, alpha=0.45, lw=0, zorder=0,
                transform=figure.transFigure,
            )
        )  # fmt: skip


def _lay_out(rows: Sequence[ForestRow]) -> list[_Line]:
    lines: list[_Line] = []
    top_in, heading = HEAD_IN, ""
    words_in = DOUBLE_IN - EDGE_IN - LABEL_IN - COUNT_IN - PLOT_IN - 0.12 - EDGE_IN
    for row in rows:
        new = row.heading if row.heading != heading else ""
        lines.append(
            _Line(
                row=row,
                label=(
                    *wrap_text(row.label, LABEL_IN - 0.2),
                    *(wrap_text(row.model, LABEL_IN - 0.2) if row.model else ()),
                ),
                words=tuple(wrap_text(_describe_row(row), words_in)),
                heading=tuple(wrap_text(new, LABEL_IN + COUNT_IN - 0.1)),
                top_in=top_in,
            )
        )
        top_in, heading = lines[-1].bottom_in, row.heading
    return lines


def _describe_row(row: ForestRow) -> str:
    """Write a ratio with its interval and p, or the reason why it has none."""
    ratio = row.ratio
    p = "" if row.p is None else f"; {describe_p(row.p)}"
    if ratio.value is None or not isfinite(ratio.value):
        return ratio.reason or "There is no finite ratio."
    if ratio.low is None or ratio.high is None:
        return f"{_number(ratio.value)} (no interval){p}"
    return f"{_number(ratio.value)} ({_number(ratio.low)} to {_number(ratio.high)}){p}"


def _number(value: float) -> str:
    """Write a ratio to three digits, or to two decimals where it is small."""
    if not isfinite(value):
        return "∞" if value > 0 else "−∞"
    if 0 < value < 0.01:
        return "< 0.01"
    if value == 0:
        return "0"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def _find_span(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Return the ends of the axis: all finite ratios and limits, and some room about 1."""
    limits = [0.3, 3.0]
    for row in rows:
        sides = (row.ratio.value, row.ratio.low, row.ratio.high)
        if row.ratio.value is not None and isfinite(row.ratio.value):
            limits += [side for side in sides if side is not None and 0 < side < float("inf")]
    return max(1 / WIDEST, min(limits)) / 1.25, min(WIDEST, max(limits)) * 1.25


def _set_ticks(axes: Axes, low: float, high: float) -> None:
    ticks = [tick for tick in TICKS if low <= tick <= high]
    if len(ticks) > 7:
        ticks = [tick for tick in ticks if abs(log10(tick) - floor(log10(tick) + 0.01)) < 0.01]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("hazard ratio, log scale")


def _write_columns(figure: Figure, plot_left_in: float) -> None:
    top_in = HEAD_IN / 2
    right_in = plot_left_in - 0.14
    style = {"weight": "bold", "color": INK}
    write(figure, EDGE_IN, top_in, "Comparison", **style)
    write(figure, right_in - 0.44, top_in, "Lesions", ha="right", **style)
    write(figure, right_in + 0.04, top_in, "Events", ha="right", **style)
    write(figure, plot_left_in + PLOT_IN + 0.12, top_in, "Ratio (95% interval); p", **style)


def _write_row(figure: Figure, line: _Line, words_left_in: float) -> None:
    right_in = EDGE_IN + LABEL_IN + COUNT_IN - 0.14
    for number, text in enumerate(line.heading):
        at_in = line.top_in + 0.5 * PAD_IN + (number + 0.5) * LINE_IN
        write(figure, EDGE_IN, at_in, text, weight="bold", color=INK)
    indent_in = 0.1 if line.row.heading else 0.0
    for lines, left_in in ((line.label, EDGE_IN + indent_in), (line.words, words_left_in)):
        for number, text in enumerate(lines):
            at_in = line.middle_in + (number - (len(lines) - 1) / 2) * LINE_IN
            write(figure, left_in, at_in, text, color=INK)
    write(figure, right_in - 0.44, line.middle_in, f"{line.row.ratio.n:,}", ha="right", color=INK)
    write(figure, right_in + 0.04, line.middle_in, f"{line.row.ratio.events:,}", ha="right",
          color=INK)  # fmt: skip


def _draw_ratio(axes: Axes, ratio: EventEstimate, height_in: float) -> None:
    """Draw a ratio with its interval; a limit beyond the axis ends in an arrow."""
    if ratio.value is None or not isfinite(ratio.value):
        return
    low, high = axes.get_xlim()
    if ratio.low is not None and ratio.high is not None:
        ends = [max(low, ratio.low), min(high, ratio.high)]
        axes.plot(ends, [height_in] * 2, color=INK, lw=1.1, solid_capstyle="butt", zorder=2)
        for end, limit, marker in ((ends[0], ratio.low, "<"), (ends[1], ratio.high, ">")):
            beyond = end != limit
            axes.plot(
                end, height_in, marker=marker if beyond else "|", ms=4 if beyond else 8,
                mew=0 if beyond else 1.1, color=INK, clip_on=False, zorder=3.5,
            )  # fmt: skip
    inside = min(max(ratio.value, low), high)
    axes.plot(inside, height_in, marker="s", ms=3.5, mfc=INK, mec=INK, mew=0, zorder=3)
