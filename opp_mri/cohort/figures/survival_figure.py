"""Lesions free of an event, by arm: Kaplan-Meier curves with intervals and numbers at risk.

The form of Fig 2 of Amini et al., AJNR 2016;37:387-392, with what it leaves out.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    LINE_IN,
    add_axes,
    break_notes,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    measure_text_width_in,
    write,
    write_foot,
    write_legend,
)
from opp_mri.cohort.figures.style import (
    INK,
    Dashes,
    choose_arm_styles,
    describe_p,
    use_journal_style,
)
from opp_mri.cohort.figures.time_axis import (
    THIN_NOTE,
    WIDEST_BAND,
    TimeUnit,
    choose_tick_days,
    draw_steps,
    find_thinning_day,
    has_band,
    keep_known_arms,
    set_share,
    set_time,
    write_at_risk,
)
from opp_mri.cohort.statistics.survival import (
    ALL,
    Curve,
    LogRank,
    Observed,
    count_at_risk,
    estimate_kaplan_meier,
)
from opp_mri.units import format_count

RIGHT_IN, AXIS_IN = 0.15, 0.46
RISK_WORDS: Final = "Lesions at risk"
MOST_ARMS: Final = 4
BAND_NOTE: Final = "Bands: 95% intervals (Greenwood, log-log)"
TOO_WIDE: Final = f"it is wider than {100 * WIDEST_BAND:.0f} percentage points"
MOST_CENSORED_DAYS: Final = 150  # more ticks on one curve are a smear


def draw_survival(
    observed: Observed | None,
    event: str,
    *,
    test: LogRank | None = None,
    unit: TimeUnit = TimeUnit.WEEKS,
    width_in: float = DOUBLE_IN,
) -> Figure:
    """Draw the share of lesions free of an event over time, for each arm.

    Parameters
    ----------
    observed
        Follow-up of the lesions; up to four groups. None: there is no lesion.
    event
        What they are free of, such as OPP or progression.
    test
        The log-rank test of the arms, where there is one.
    unit
        Weeks or months from SSRS.
    width_in
        Width of the figure: `SINGLE_IN` or `DOUBLE_IN`.

    Raises
    ------
    ValueError
        There are more groups than can be distinguished.
    """
    if observed is None:
        return draw_nothing(f"No lesion was followed for {event}.", width_in)
    observed, unknown = keep_known_arms(observed)
    curves = estimate_kaplan_meier(observed)
    if len(curves) > MOST_ARMS:
        raise ValueError(f"no more than {MOST_ARMS} groups can be distinguished in one figure")
    styles = choose_arm_styles([curve.group for curve in curves])
    names = ["all lesions" if curve.group == ALL else curve.group for curve in curves]
    last_day = float(observed.duration_days.max())
    days = choose_tick_days(last_day, unit, 9 if width_in > DOUBLE_IN / 2 else 6)
    with use_journal_style():
        lowest = _find_lowest(curves, observed)
        notes = _write_notes(curves, names, test, has_bands=_has_bands(curves, observed))
        if unknown:
            notes.append(f"{format_count(unknown, 'lesion')} with unknown fractions: not drawn.")
        if lowest:
            notes.append(f"The vertical axis begins at {100 * lowest:.0f}%.")
        foot = break_notes(notes, width_in)
        top_in = EDGE_IN + 0.06 + 1.15 * LINE_IN * len(curves) + 0.12
        left_in = EDGE_IN + 0.2 + max(map(measure_text_width_in, [*names, RISK_WORDS]))
        height_in = 0.6 * min(width_in, 4.0)
        risk_in = AXIS_IN + 0.08 + LINE_IN * len(curves)
        figure = make_sheet(width_in, top_in + height_in + risk_in + 0.12 + measure_foot_in(foot))
        axes = add_axes(figure, left_in, top_in, width_in - left_in - RIGHT_IN, height_in)
        _draw_arms(axes, observed, curves, styles, unit)
        set_time(axes, last_day, days, unit)
        set_share(axes, lowest=lowest)
        axes.set_xlabel(unit.label)
        axes.set_ylabel(f"free of {event}, % of lesions")
        handles = _build_legend(curves, names, styles)
        write_legend(figure, EDGE_IN + 0.06, handles, ncols=1, handlelength=2.4)
        below_in = top_in + height_in + AXIS_IN
        write(figure, EDGE_IN, below_in, RISK_WORDS, color=INK, weight="bold")
        at_risk = count_at_risk(observed, days)
        rows = {
            name: (at_risk[curve.group], styles[curve.group][0])
            for name, curve in zip(names, curves, strict=True)
        }
        write_at_risk(figure, axes, rows, days, unit, below_in + LINE_IN)
        write_foot(figure, foot)
    return figure


def _has_bands(curves: Sequence[Curve], observed: Observed) -> bool:
    return any(
        has_band(curve, find_thinning_day(rows))
        for curve, (_, rows) in zip(curves, observed.split_by_group(), strict=True)
    )


def _draw_arms(
    axes: Axes,
    observed: Observed,
    curves: Sequence[Curve],
    styles: Mapping[str, tuple[str, Dashes]],
    unit: TimeUnit,
) -> None:
    for curve, (_, rows) in zip(curves, observed.split_by_group(), strict=True):
        colour, dashes = styles[curve.group]
        draw_steps(axes, curve, colour, dashes, unit, find_thinning_day(rows))
        _mark_ends(axes, curve, colour, unit)


def _find_lowest(curves: Sequence[Curve], observed: Observed) -> float:
    """Return where the vertical axis begins: at a half where nothing drawn lies below it."""
    values = [value for curve in curves for value in curve.values]
    for curve, (_, rows) in zip(curves, observed.split_by_group(), strict=True):
        limits = zip(curve.days, curve.low, strict=True)
        values += [v for day, v in limits if v is not None and day <= find_thinning_day(rows)]
    return 0.5 if min(values) > 0.52 else 0.0


def _mark_ends(axes: Axes, curve: Curve, colour: str, unit: TimeUnit) -> None:
    """Mark where follow-up ended without the event, as long as the marks can be distinguished."""
    over = sorted(set(curve.censored_days))
    if len(over) <= MOST_CENSORED_DAYS:
        heights = [curve.read_share(day).value or 0.0 for day in over]
        times = [day / unit.days for day in over]
        axes.plot(times, heights, ls="", marker="|", ms=5, mew=0.9, color=colour, zorder=4)


def _build_legend(
    curves: Sequence[Curve], names: Sequence[str], styles: Mapping[str, tuple[str, Dashes]]
) -> list[Line2D]:
    return [
        Line2D(
            [], [], color=styles[curve.group][0], ls=styles[curve.group][1], lw=1.5,
            label=f"{name}: {format_count(curve.n, 'lesion')}, "
            f"{format_count(sum(curve.events), 'event')}",
        )
        for curve, name in zip(curves, names, strict=True)
    ]  # fmt: skip


def _write_notes(
    curves: Sequence[Curve], names: Sequence[str], test: LogRank | None, *, has_bands: bool
) -> list[str]:
    notes = []
    if test is not None and test.chi_square is not None and test.p is not None:
        notes.append(
            f"Log-rank test: chi-square {test.chi_square:.2f} on {test.degrees_of_freedom} "
            f"df, {describe_p(test.p)}; {format_count(test.n, 'lesion')}, "
            f"{format_count(test.events, 'event')}."
        )
    elif test is not None:
        notes.append(f"There is no log-rank test. {test.reason}")
    if has_bands:
        notes.append(f"{BAND_NOTE}; there is none at 100% or at 0%, nor where {TOO_WIDE}.")
    elif any(sum(curve.events) for curve in curves):
        notes.append(f"No 95% interval is drawn where {TOO_WIDE}.")
    else:
        notes.append("There is no event, and so there is no interval.")
    are_crowded = [len(set(curve.censored_days)) > MOST_CENSORED_DAYS for curve in curves]
    ticks = "Ticks: end of follow-up without the event"
    if all(are_crowded):
        notes.append("Ends of follow-up are too many to mark.")
    elif any(are_crowded):
        curve_names = ", ".join(n for n, many in zip(names, are_crowded, strict=True) if not many)
        notes.append(f"{ticks}; too many to mark except for {curve_names}.")
    else:
        notes.append(f"{ticks}.")
    return [*notes, THIN_NOTE]
