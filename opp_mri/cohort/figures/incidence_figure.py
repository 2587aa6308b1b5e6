"""Cumulative incidence of the first event: OPP, local failure or death; a panel for each arm."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    LINE_IN,
    SINGLE_IN,
    add_axes,
    break_notes,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    measure_size_in,
    name_x,
    name_y,
    write_foot,
    write_legend,
)
from opp_mri.cohort.figures.style import CATEGORY_COLOURS, INK, Dashes, use_journal_style
from opp_mri.cohort.figures.time_axis import (
    THIN_NOTE,
    WIDEST_BAND,
    TimeUnit,
    choose_tick_days,
    draw_steps,
    find_known_arms,
    find_thinning_day,
    keep_known_arms,
    set_share,
    set_time,
    write_at_risk,
)
from opp_mri.cohort.statistics.events import Cause
from opp_mri.cohort.statistics.survival import (
    ALL,
    Curve,
    EventEstimate,
    Observed,
    count_at_risk,
    estimate_cumulative_incidence,
)
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.units import format_count

CAUSES: Final[Mapping[Cause, tuple[str, str, Dashes]]] = {
    Cause.OPP: ("OPP", CATEGORY_COLOURS[ResponseCategory.OPP], "-"),
    Cause.LOCAL_FAILURE: ("local failure", CATEGORY_COLOURS[ResponseCategory.PD], (0, (5, 1.5))),
    Cause.DEATH: ("death", "#009E73", (0, (1.2, 1.2))),
}
LEFT_IN, TOP_IN, RIGHT_IN, BETWEEN_IN = 0.66, 0.50, 0.12, 0.34
HEIGHT_IN, AXIS_IN = 1.9, 0.50


def draw_incidence(
    observed: Observed | None,
    causes: Mapping[int, Cause],
    *,
    has_died: Sequence[bool] = (),
    unit: TimeUnit = TimeUnit.WEEKS,
) -> Figure:
    """Draw the share of lesions with each event first, over time.

    Parameters
    ----------
    observed
        Who was followed for how long and how that ended; up to four groups. None: there is nobody.
    causes
        What each cause of `observed` is.
    has_died
        Whether the patient of each row has died, whenever that was; empty where it is not known.
    unit
        Weeks or months from SSRS.

    Raises
    ------
    ValueError
        There are more groups than fit side by side.
    """
    if observed is None:
        return draw_nothing("No lesion was followed for OPP, local failure or death.")
    later_deaths = _describe_later_deaths(observed, causes, has_died)
    observed, unknown = keep_known_arms(observed)
    arms: dict[str, list[Curve]] = {}
    for curve in estimate_cumulative_incidence(observed):
        if curve.cause in causes:
            arms.setdefault(curve.group, []).append(curve)
    if len(arms) > 4:
        raise ValueError("at most 4 groups fit next to each other in one figure")
    last_day = float(observed.duration_days.max())
    days = choose_tick_days(last_day, unit, at_most=5 if len(arms) > 1 else 8)
    at_risk = count_at_risk(observed, days)
    thin_days = {group: find_thinning_day(rows) for group, rows in observed.split_by_group()}
    wide = len(arms) > 1
    width_in = DOUBLE_IN if wide else SINGLE_IN
    top_in = TOP_IN if wide else TOP_IN + LINE_IN * (len(causes) - 1)
    with use_journal_style():
        notes = [*_write_notes(arms, causes, thin_days, unit), *later_deaths]
        if unknown:
            notes.append(f"{format_count(unknown, 'lesion')} with unknown fractions: not drawn.")
        foot = break_notes(notes, width_in)
        figure = make_sheet(
            width_in, top_in + HEIGHT_IN + AXIS_IN + LINE_IN + measure_foot_in(foot)
        )
        panels = _add_panels(figure, len(arms), top_in)
        for axes, (group, curves) in zip(panels, arms.items(), strict=True):
            for curve in curves:
                draw_steps(axes, curve, *CAUSES[causes[curve.cause]][1:], unit, thin_days[group])
            set_time(axes, last_day, days, unit)
            set_share(axes, min(1.0, max(0.2, ceil(5 * _find_highest(arms, thin_days)) / 5)))
            _write_head(axes, group, curves[0].n)
            numbers = {"at risk" if axes is panels[0] else "": (at_risk[group], INK)}
            below_in = top_in + HEIGHT_IN + AXIS_IN
            write_at_risk(figure, axes, numbers, days, unit, below_in)
        name_y(figure, panels, "with the event, % of lesions")
        name_x(figure, panels, unit.label)
        columns = len(causes) if wide else 1
        handles = _build_legend(arms, causes)
        write_legend(figure, 0.1, handles, left_in=LEFT_IN, handlelength=2.4, ncols=columns)
        write_foot(figure, foot)
    return figure


def _find_highest(arms: Mapping[str, Sequence[Curve]], thin_days: Mapping[str, float]) -> float:
    """Return the highest share or upper limit that is drawn."""
    values = [value for curves in arms.values() for curve in curves for value in curve.values]
    for group, curves in arms.items():
        for curve in curves:
            limits = zip(curve.days, curve.low, curve.high, strict=True)
            values += [
                high
                for day, low, high in limits
                if low is not None
                and high is not None
                and day <= thin_days[group]
                and high - low <= WIDEST_BAND
            ]
    return max(values)


def _add_panels(figure: Figure, number: int, top_in: float) -> list[Axes]:
    room = figure.get_figwidth() - LEFT_IN - RIGHT_IN - BETWEEN_IN * (number - 1)
    panels: list[Axes] = []
    for n in range(number):
        left_in = LEFT_IN + n * (room / number + BETWEEN_IN)
        panels.append(add_axes(figure, left_in, top_in, room / number, HEIGHT_IN))
        panels[n].tick_params(labelleft=n == 0)
    return panels


def _write_head(axes: Axes, group: str, n: int) -> None:
    name = "" if group == ALL else f"{group}: "
    height = 1 + 0.08 / measure_size_in(axes)[1]
    axes.text(0, height, f"{name}{format_count(n, 'lesion')}", transform=axes.transAxes, color=INK)


def _build_legend(arms: Mapping[str, Sequence[Curve]], causes: Mapping[int, Cause]) -> list[Line2D]:
    """Name the causes, with all their events."""
    events = dict.fromkeys(causes, 0)
    for curves in arms.values():
        for curve in curves:
            events[curve.cause] += sum(curve.events)
    return [
        Line2D([], [], color=colour, ls=dashes, lw=1.5, label=f"{name}: {format_count(n, 'event')}")
        for cause, n in events.items()
        for name, colour, dashes in (CAUSES[causes[cause]],)
    ]


def _write_notes(
    arms: Mapping[str, Sequence[Curve]],
    causes: Mapping[int, Cause],
    thin_days: Mapping[str, float],
    unit: TimeUnit,
) -> list[str]:
    """Return each share at the dotted line, with its interval."""
    notes = []
    for group, curves in arms.items():
        estimates = {
            CAUSES[causes[curve.cause]][0]: curve.read_share(thin_days[group]) for curve in curves
        }
        shares = ", ".join(f"{name} {_format_percent(share)}" for name, share in estimates.items())
        name = "All lesions" if group == ALL else group.capitalize()
        notes.append(f"{name}, at {unit.value[:-1]} {thin_days[group] / unit.days:.0f}: {shares}.")
    return [
        *notes,
        f"{THIN_NOTE} Only the first event of a lesion counts. "
        "Bands and brackets: 95% intervals (Aalen-Johansen, log-log); there is no band where "
        f"it would be wider than {100 * WIDEST_BAND:.0f} percentage points.",
    ]


def _describe_later_deaths(
    observed: Observed, causes: Mapping[int, Cause], has_died: Sequence[bool]
) -> list[str]:
    """Count the lesions whose patient died, but not as their first event."""
    if not len(has_died) or observed.cause is None:
        return []
    is_counted = np.asarray(has_died, dtype=np.bool_) & find_known_arms(observed)
    earlier = [number for number, cause in causes.items() if cause is not Cause.DEATH]
    counts = {
        "after OPP or local failure": int((is_counted & np.isin(observed.cause, earlier)).sum()),
        "after its follow-up had ended": int((is_counted & (observed.cause == 0)).sum()),
    }
    parts = [f"{format_count(n, 'lesion')} {words}" for words, n in counts.items() if n]
    if not parts:
        return []
    return [f"Not counted as death, as the patient died later: {', '.join(parts)}."]


def _format_percent(share: EventEstimate) -> str:
    """Write a share and, where it has one, its interval."""
    if share.value is None:
        return "not known"
    if share.low is None or share.high is None:
        return f"{100 * share.value:.0f}% (no interval)"
    return f"{100 * share.value:.0f}% ({100 * share.low:.0f} to {100 * share.high:.0f})"
