"""Agreement of two sequences of a lesion: their changes from baseline at the same visits.

Each change is from that sequence's own baseline. Lengths of two sequences are never subtracted from
each other (RULES: inputs of one lesion), and STIR is never compared with T2FS, for which it may
stand in.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opp_mri.cohort.figures.change_lines import MANY, change_lines
from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    SMALL_POINTS,
    TEXT_POINTS,
    add_axes,
    break_notes,
    choose_mm_step,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    measure_size_in,
    measure_text_width_in,
    write_foot,
)
from opp_mri.cohort.figures.style import BAND, BASELINE, INK, QUIET, use_journal_style
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import format_count

NEVER_COMPARED: Final = frozenset({SeriesRole.T2FS, SeriesRole.STIR})
LEFT_IN, RIGHT_IN, TOP_IN, BETWEEN_IN, BELOW_IN = 0.52, 0.14, 0.72, 0.56, 0.46
HEAD_LEFT_IN: Final = 0.40  # its words begin above the name of the axis
MOST_IN_A_ROW, WIDEST_PANEL_IN = 3, 2.3

ROUNDING_MM: Final = 1e-9  # of the binary numbers that lengths are drawn as

Limits = tuple[float, float, float]  # lower, mean, upper


@frozen(kw_only=True)
class SequencePair:
    """Changes on two sequences at the visits that have both, mm.

    Parameters
    ----------
    changes_mm
        By lesion, which has a number here: change on the first and on the second sequence, at each
        visit.
    limits_mm
        Lower limit of agreement, mean and upper limit of the difference of the changes, first less
        second; None where they are not computed, or too few for them.
    """

    first: SeriesRole
    second: SeriesRole
    changes_mm: Mapping[str, tuple[tuple[float, float], ...]]
    limits_mm: Limits | None = None

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All visits."""
        return tuple(point for points in self.changes_mm.values() for point in points)

    @property
    def differences_mm(self) -> dict[str, tuple[float, ...]]:
        """By lesion: change on the first sequence less that on the second, at each visit."""
        return {name: tuple(a - b for a, b in points) for name, points in self.changes_mm.items()}


def pair_sequences(lesions: Sequence[AssessedLesion]) -> tuple[SequencePair, ...]:
    """Pair the changes of each two sequences at the follow-ups that have both.

    Only lesions that are analysed count. Pairs without a visit are left out.
    """
    lines = [change_lines(lesion) for lesion in select_eligible(lesions)]
    changes = {
        str(n): {at: dict(zip(line.days, line.changes_mm, strict=True)) for at, line in of.items()}
        for n, of in enumerate(lines)
    }
    pairs = []
    for first, second in combinations(SeriesRole, 2):
        if {first, second} == NEVER_COMPARED:
            continue
        pairs_by_name = {
            name: tuple((mm, of[second][day]) for day, mm in of[first].items() if day in of[second])
            for name, of in changes.items()
            if first in of and second in of
        }
        pairs_by_name = {name: points for name, points in pairs_by_name.items() if points}
        if pairs_by_name:
            pairs.append(SequencePair(first=first, second=second, changes_mm=pairs_by_name))
    return tuple(pairs)


def draw_sequence_agreement(pairs: Sequence[SequencePair], change_mm: float) -> Figure:
    """Draw the change on one sequence against that on another at the same visits.

    Parameters
    ----------
    pairs
        A panel each.
    change_mm
        The change that counts: half the width of the band about equal changes.
    """
    if not pairs:
        return draw_nothing("No visit of a lesion has two sequences to compare.")
    changes = [mm for pair in pairs for at in pair.points for mm in at]
    ends = min(-change_mm, *changes), max(change_mm, *changes)
    with use_journal_style():
        foot = break_notes(_write_notes(change_mm), DOUBLE_IN)
        columns = min(MOST_IN_A_ROW, len(pairs))
        rows = -(-len(pairs) // MOST_IN_A_ROW)
        room_in = DOUBLE_IN - LEFT_IN - RIGHT_IN - BETWEEN_IN * (columns - 1)
        side_in = min(WIDEST_PANEL_IN, room_in / columns)
        row_in = TOP_IN + side_in + BELOW_IN
        figure = make_sheet(DOUBLE_IN, rows * row_in + measure_foot_in(foot))
        for number, pair in enumerate(pairs):
            row, column = divmod(number, MOST_IN_A_ROW)
            left_in = LEFT_IN + column * (side_in + BETWEEN_IN)
            axes = add_axes(figure, left_in, row * row_in + TOP_IN, side_in, side_in)
            _draw_pair(axes, pair, ends, change_mm)
        write_foot(figure, foot)
    return figure


def _draw_pair(
    axes: Axes, pair: SequencePair, reach: tuple[float, float], change_mm: float
) -> None:
    """Draw one panel: the line of equal changes, its band, and the visits."""
    room = 0.04 * (reach[1] - reach[0])
    ends = [reach[0] - room, reach[1] + room]
    low, high = ([end + side for end in ends] for side in (-change_mm, change_mm))
    axes.fill_between(ends, low, high, color=BAND, alpha=0.85, lw=0, zorder=0.5)
    axes.plot(ends, ends, color=BASELINE, lw=0.9, zorder=0.6)
    for line in (axes.axhline, axes.axvline):
        line(0, color=BASELINE, lw=0.4, ls=(0, (2, 2)), zorder=0.6)
    points, many = pair.points, len(pair.points) > MANY
    axes.plot(
        [second for _, second in points], [first for first, _ in points], ls="", marker="o",
        ms=1.6 if many else 3.0, mfc=INK if many else "none", mec=INK, mew=0 if many else 0.6,
        alpha=max(0.04, min(1.0, 300 / len(points))) if many else 0.75, rasterized=many, zorder=2,
    )  # fmt: skip
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(choose_mm_step(reach[1] - reach[0], at_most=6))
    axes.set_xlabel(f"change on {pair.second.value}, mm")
    axes.set_ylabel(f"change on {pair.first.value}, mm", labelpad=1)
    _write_head(axes, pair, change_mm)


def _write_head(axes: Axes, pair: SequencePair, change_mm: float) -> None:
    """Write above a panel what it compares, how far that differs, and of how many it is."""
    points = pair.points
    within = sum(abs(a - b) <= change_mm + ROUNDING_MM for a, b in points)
    difference, limits = "too few for a mean difference", "and limits of agreement"
    if pair.limits_mm is not None:
        lower, mean, upper = map(_format_signed, pair.limits_mm)
        difference = f"mean difference {mean} mm"
        limits = f"limits of agreement {lower} and {upper} mm"
    wide_in, high_in = measure_size_in(axes)
    name = f"{pair.first.value} and {pair.second.value}"
    right_in = measure_text_width_in(name, TEXT_POINTS, "bold") + 0.1
    small = {"size": SMALL_POINTS, "color": QUIET}
    for text, left_in, above_in, style in (
        (name, 0.0, 0.50, {"weight": "bold"}),
        (f"{100 * within / len(points):.0f}% within {change_mm:g} mm", right_in, 0.50, small),
        (difference, 0.0, 0.36, small),
        (limits, 0.0, 0.22, small),
        (f"{format_count(len(points), 'visit')}, "
        f"{format_count(len(pair.changes_mm), 'lesion')}", 0.0, 0.08,
         small),
    ):  # fmt: skip
        at = (left_in - HEAD_LEFT_IN) / wide_in, 1 + above_in / high_in
        axes.text(*at, text, transform=axes.transAxes, **style)


def _write_notes(change_mm: float) -> list[str]:
    return [
        "Each change is from that sequence's own baseline: changes at the same visit are compared, "
        f"lengths of two sequences never are. Line: equal changes; band: within {change_mm:g} mm.",
        "Mean difference: the first change less the second, with 95% limits of agreement for "
        "several visits of a lesion (Bland and Altman 2007); each lesion counts once in the mean.",
    ]


def _format_signed(value: float) -> str:
    """Write a change in mm to one decimal, with its sign."""
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
