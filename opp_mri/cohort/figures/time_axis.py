"""Time from SSRS under curves of events: its unit, its ticks, and the numbers at risk below it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import ceil
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from opp_mri.cohort.figures.panels import DAYS_PER_MONTH
from opp_mri.cohort.figures.sheet import EDGE_IN, LINE_IN, choose_week_step, measure_size_in, write
from opp_mri.cohort.figures.style import INK, Dashes
from opp_mri.cohort.statistics.members import FractionGroup
from opp_mri.cohort.statistics.survival import BoolArray, Curve, Observed
from opp_mri.units import DAYS_PER_WEEK

FEW_LEFT: Final = 0.1  # share of the lesions at risk below which a curve rests on few
WIDEST_BAND: Final = 0.5  # a wider interval says nothing, and would cover the others
THIN_NOTE: Final = (
    "Where fewer than a tenth of the lesions are at risk, curves are thin and have no band."
)


class TimeUnit(StrEnum):
    """What time from SSRS is shown in."""

    WEEKS = "weeks"
    MONTHS = "months"

    @property
    def days(self) -> float:
        """Days in one of them."""
        return DAYS_PER_WEEK if self is TimeUnit.WEEKS else DAYS_PER_MONTH

    @property
    def label(self) -> str:
        """The name of the axis."""
        return f"{self.value} from completion of SSRS"


def choose_tick_days(last_day: float, unit: TimeUnit, at_most: int) -> list[float]:
    """Return the days of the ticks, from 0 to the last day."""
    last = last_day / unit.days
    if unit is TimeUnit.WEEKS:
        step = choose_week_step(last, at_most)
    else:
        step = next((s for s in (1, 2, 3, 6, 12, 24, 48) if last / s <= at_most), 96)
    return [n * step * unit.days for n in range(int(last // step) + 1)]


def set_time(axes: Axes, last_day: float, days: Sequence[float], unit: TimeUnit) -> None:
    """Show time from day 0 to the last day in this unit, with ticks on these days."""
    last = max(last_day / unit.days, 1.0)
    axes.set_xlim(0, last * 1.02)
    axes.set_xticks([day / unit.days for day in days])
    axes.set_xticklabels([f"{day / unit.days:.0f}" for day in days])


def write_at_risk(
    figure: Figure,
    axes: Axes,
    rows: Mapping[str, tuple[Sequence[int], str]],
    days: Sequence[float],
    unit: TimeUnit,
    top_in: float,
) -> None:
    """Write under the ticks how many lesions are at risk on each, a row for each group.

    Parameters
    ----------
    rows
        By the name of a group: its numbers, one for each tick, and its colour.
    days
        The ticks.
    top_in
        Where the first row is, from the top of the sheet.
    """
    left_in = axes.get_position().x0 * figure.get_figwidth()
    in_of_unit = measure_size_in(axes)[0] / axes.get_xlim()[1]
    for row, (name, (numbers, colour)) in enumerate(rows.items()):
        height_in = top_in + row * LINE_IN
        write(figure, EDGE_IN, height_in, name, color=colour)
        for day, number in zip(days, numbers, strict=True):
            at_in = left_in + in_of_unit * day / unit.days
            write(figure, at_in, height_in, f"{number:,}", ha="center", color=INK)


def draw_steps(
    axes: Axes, curve: Curve, colour: str, dashes: Dashes, unit: TimeUnit, thin_day: float
) -> None:
    """Draw a curve in steps over the band of its intervals, thin and without a band from a day on.

    An interval wider than `WIDEST_BAND` is not drawn.
    """
    days = np.array([*curve.days, curve.last_day])
    share, low, high = (
        np.array([np.nan if value is None else value for value in (*side, side[-1])])
        for side in (curve.values, curve.low, curve.high)
    )
    ends = float(min(thin_day, curve.last_day))
    place = int(np.searchsorted(days, ends, "right"))
    until = np.array([*days[:place], ends]) / unit.days
    shares = np.array([*share[:place], share[max(place - 1, 0)]])
    band = [np.array([*side[:place], side[max(place - 1, 0)]]) for side in (low, high)]
    narrow = (band[1] - band[0]) <= WIDEST_BAND
    for side in band:
        side[~narrow] = np.nan
    axes.fill_between(
        until, band[0], band[1], step="post", color=colour, alpha=0.14, lw=0, zorder=1
    )
    for side in band:
        axes.step(until, side, where="post", color=colour, lw=0.5, alpha=0.5, zorder=1.5)
    axes.step(until, shares, where="post", color=colour, lw=1.5, ls=dashes, zorder=3)
    times = np.array([*curve.days, curve.last_day]) / unit.days
    axes.step(times, share, where="post", color=colour, lw=0.7, ls=dashes, alpha=0.7, zorder=2.5)


def has_band(curve: Curve, thin_day: float) -> bool:
    """Return whether `draw_steps` draws the interval of a curve anywhere."""
    return any(
        low is not None and high is not None and high - low <= WIDEST_BAND
        for day, low, high in zip(curve.days, curve.low, curve.high, strict=True)
        if day <= thin_day
    )


def find_thinning_day(rows: Observed) -> float:
    """Return the last day on which a tenth of the lesions or more are at risk.

    Notes
    -----
    Beyond it a curve rests on few: Pocock, Clayton and Altman, Lancet 2002;359:1686-1689, would end
    it where 10 to 20% are left.
    """
    last_days = np.sort(rows.duration_days)[::-1]
    return float(last_days[ceil(FEW_LEFT * rows.n) - 1])


def set_share(axes: Axes, highest: float = 1.0, lowest: float = 0.0) -> None:
    """Show shares from the lowest to the highest as a percentage, with even ticks."""
    axes.set_ylim(lowest, highest + 0.02 * (highest - lowest))
    axes.yaxis.set_major_locator(MultipleLocator(0.2 if highest - lowest > 0.5 else 0.1))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}")


def keep_known_arms(observed: Observed) -> tuple[Observed, int]:
    """Leave lesions of which the fractions are unknown out of a figure that compares the arms.

    Returns
    -------
    tuple
        The rows to draw, and how many were left out; all rows where no arm is known.
    """
    is_known = find_known_arms(observed)
    return observed.take(is_known), int((~is_known).sum())


def find_known_arms(observed: Observed) -> BoolArray:
    """Return which rows a figure that compares the arms draws: all where no arm is known."""
    all_rows = np.ones(observed.n, dtype=np.bool_)
    if observed.group is None:
        return all_rows
    is_known = np.asarray(observed.group != FractionGroup.UNKNOWN)
    return is_known if is_known.any() else all_rows
