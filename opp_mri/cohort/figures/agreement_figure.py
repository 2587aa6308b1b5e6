"""Two readers in one figure: differences against means, a panel for each sequence."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opp_mri.cohort.figures.style import BAND, COLOURS, INK, MARKERS, QUIET, use_our_style
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_count

PANEL_WIDTH_IN, HEIGHT_IN = 2.9, 3.1
BEYOND_MM: Final = 2.0
MANY_PAIRS: Final = 100  # in a panel: smaller marks, behind the lines
LEAST_APART: Final = 0.11  # of two numbers next to a panel, as a share of its reach


@frozen(kw_only=True)
class AgreementPanel:
    """One sequence.

    Parameters
    ----------
    pairs
        First and second length in mm.
    bias, lower, upper
        Bias and limits of agreement in mm, each with its interval; None where too few.
    lesions
        How many lesions the pairs are of.
    """

    sequence: SeriesRole
    pairs: tuple[tuple[float, float], ...]
    bias: tuple[float | None, float | None, float | None]
    lower: tuple[float | None, float | None, float | None]
    upper: tuple[float | None, float | None, float | None]
    lesions: int


def draw_agreement(panels: Sequence[AgreementPanel], readers: tuple[str, str]) -> Figure:
    """Draw the differences of two readers, mm, with bias and limits of agreement."""
    with use_our_style():
        figure = Figure(figsize=(PANEL_WIDTH_IN * max(len(panels), 1) + 0.5, HEIGHT_IN))
        axes = figure.subplots(1, max(len(panels), 1), sharey=True, squeeze=False)[0]
        reach = max(
            [3.0]
            + [abs(a - b) for panel in panels for a, b in panel.pairs]
            + [abs(x) for p in panels for x in (*p.lower, *p.upper) if x is not None]
        )
        for axis, panel in zip(axes, panels, strict=False):
            _draw_panel(axis, panel, reach)
            axis.set_ylim(-reach * 1.12, reach * 1.12)
        axes[0].set_ylabel(f"{readers[0]} less {readers[1]}, mm")
        figure.supxlabel(
            "mean of both readers, mm\n"
            "solid: bias; dashed: limits of agreement; bars at the right: their 95% intervals; "
            "tinted: 2 mm or less",
            fontsize=8.5, color=INK,
        )  # fmt: skip
        figure.tight_layout()
    return figure


def _draw_panel(axis: Axes, panel: AgreementPanel, reach: float) -> None:
    colour = COLOURS[panel.sequence]
    axis.axhspan(-BEYOND_MM, BEYOND_MM, color=BAND, alpha=0.6, lw=0, zorder=0)
    many = len(panel.pairs) > MANY_PAIRS
    axis.scatter(
        [(a + b) / 2 for a, b in panel.pairs], [a - b for a, b in panel.pairs], s=7 if many else 22,
        marker=MARKERS[panel.sequence], facecolor="none", edgecolor=colour,
        linewidth=0.6 if many else 1.1, alpha=0.55 if many else 1, zorder=1.5 if many else 3,
    )  # fmt: skip
    lines = ((panel.bias, "-"), (panel.lower, "--"), (panel.upper, "--"))
    drawn_lines = [
        (value, low, high, style) for (value, low, high), style in lines if value is not None
    ]
    for number, (value, low, high, style) in enumerate(drawn_lines):
        axis.axhline(value, color=INK, lw=0.9, ls=style, zorder=2)
        if low is not None and high is not None:  # next to the panel, where none hides another
            axis.plot(
                [1.015 + 0.018 * number] * 2, [low, high], transform=axis.get_yaxis_transform(),
                color=QUIET, lw=1.8, solid_capstyle="butt", clip_on=False,
            )  # fmt: skip
    values = [value for value, _, _, _ in drawn_lines]
    for value, place in zip(values, spread_out(values, reach * LEAST_APART), strict=True):
        axis.annotate(
            f"{round(value, 1) + 0.0:+.1f}", (1.0, place), xycoords=("axes fraction", "data"),
            xytext=(12, 0), textcoords="offset points", ha="left", va="center", fontsize=7.5,
            color=INK,
        )  # fmt: skip
    axis.set_title(
        f"{panel.sequence.value}: {format_count(len(panel.pairs), 'pair')}, "
        f"n = {format_count(panel.lesions, 'lesion')}",
        fontsize=9, loc="left",
    )  # fmt: skip


def spread_out(values: Sequence[float], least: float) -> list[float]:
    """Move numbers up or down until all are the least distance apart, in the same order."""
    order = sorted(range(len(values)), key=lambda n: values[n])
    places = [values[n] for n in order]
    for _ in range(len(places)):
        for n in range(1, len(places)):
            short = least - (places[n] - places[n - 1])
            if short > 0:
                places[n - 1] -= short / 2
                places[n] += short / 2
    offsets = [0.0] * len(values)
    for place, n in zip(places, order, strict=True):
        offsets[n] = place
    return offsets
