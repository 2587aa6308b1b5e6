"""Which time points and sequences have a pane."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

from opp_mri.domain.imaging import SeriesRole

MOST_PANES: Final = 8
MOST_IN_GRID: Final = 9  # three visits of three sequences

Slot = tuple[date, SeriesRole]


class Layout(StrEnum):
    """What is side by side."""

    ALL = "all time points"
    THREE = "baseline, prior and current"
    ONE = "one"
    SEQUENCES = "sequences of one time point"
    GRID = "time points by sequences"
    ASIDE = "another series next to it"


BY_TIME: Final = (Layout.ALL, Layout.THREE, Layout.ONE)
BY_SEQUENCE: Final = (Layout.SEQUENCES, Layout.GRID, Layout.ALL)


def choose_slots(
    days: Sequence[date], sequences: Sequence[SeriesRole], active: Slot, layout: Layout
) -> tuple[Slot, ...]:
    """Return what to show, in order of sequence and then of time, the active slot among it.

    Parameters
    ----------
    days, sequences
        Those that the patient has, in order.
    """
    day, sequence = active
    if layout is Layout.SEQUENCES:
        return tuple((day, role) for role in _with(sequences, sequence))
    if layout is Layout.GRID:
        rows = _with(sequences, sequence)
        columns = choose_days(days, day, Layout.ALL, max(1, MOST_IN_GRID // len(rows)))
        return tuple((study_date, row) for row in rows for study_date in columns)
    return tuple((study_date, sequence) for study_date in choose_days(days, day, layout))


def choose_days(
    days: Sequence[date], active: date, layout: Layout, most: int = MOST_PANES
) -> tuple[date, ...]:
    """Return the time points to show, in order of time, the active one among them.

    Of more than fit the first is kept, as the baseline, next to those around the active one.
    """
    place = list(days).index(active)
    if layout in (Layout.ONE, Layout.ASIDE) or most == 1:
        return (active,)
    if layout is Layout.THREE:
        return tuple(days[n] for n in sorted({0, max(0, place - 1), place}))
    if len(days) <= most:
        return tuple(days)
    last = min(len(days), max(most, place + 2))
    return (days[0], *days[last - most + 1 : last])


def _with(sequences: Sequence[SeriesRole], sequence: SeriesRole) -> list[SeriesRole]:
    return [role for role in SeriesRole if role in sequences or role is sequence]
