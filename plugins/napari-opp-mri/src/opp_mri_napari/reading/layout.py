"""Which time points have a pane."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

MOST_PANES = 8


class Layout(StrEnum):
    """How many time points are side by side."""

    ALL = "all"
    THREE = "baseline, prior and current"
    ONE = "one"


def shown_days(days: Sequence[date], active: date, layout: Layout) -> tuple[date, ...]:
    """Give the time points to show, in order of time, the active one among them.

    Of more than eight the first is kept, as the baseline, beside the seven around the active one.
    """
    place = list(days).index(active)
    if layout is Layout.ONE:
        return (active,)
    if layout is Layout.THREE:
        return tuple(days[n] for n in sorted({0, max(0, place - 1), place}))
    if len(days) <= MOST_PANES:
        return tuple(days)
    last = min(len(days), max(MOST_PANES, place + 2))
    return (days[0], *days[last - MOST_PANES + 1 : last])
