"""How each sequence of a lesion changed from its own baseline, as lines to draw."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from opp_mri.cohort.figures.style import INK
from opp_mri.cohort.statistics.endpoints import (
    ReturnToBaseline,
    find_returns_to_baseline,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import Course
from opp_mri.units import DAYS_PER_WEEK, weeks_from_days

FEW: Final = 60  # so many bars are distinguished, and each may have its marks
FEW_LINES: Final = 30  # in one panel; more hide each other
MANY: Final = 1000  # more are drawn as pixels: an SVG of them would be slow to open
BIN_WEEKS: Final = 12
ENOUGH_FOR_MIDDLE: Final = 10

FloatArray = NDArray[np.float64]


@frozen(kw_only=True)
class ChangeLine:
    """One sequence of one lesion.

    Parameters
    ----------
    days, changes_mm
        Day and change of each follow-up that counts, in time order.
    peak_mm
        The largest change.
    grew_day
        First growth, or None.
    peak_day
        Day of the peak, as in the tables: None where it never grew or the lesion has no answer,
        since a growth that was retreated before the answer may not have ended at its largest size.
    return_day, return_mm
        First follow-up after that peak that shows no growth, or None.
    """

    sequence: SeriesRole
    days: tuple[int, ...]
    changes_mm: tuple[float, ...]
    peak_mm: float
    grew_day: int | None = None
    peak_day: int | None = None
    return_day: int | None = None
    return_mm: float | None = None

    @property
    def last_day(self) -> int:
        """Day of the last follow-up."""
        return self.days[-1]

    @property
    def last_mm(self) -> float:
        """Change at the last follow-up."""
        return self.changes_mm[-1]

    @property
    def points(self) -> FloatArray:
        """Week and change of each study; the baseline comes first, at week 0."""
        weeks = [0.0, *(day / DAYS_PER_WEEK for day in self.days)]
        return np.column_stack([weeks, [0.0, *self.changes_mm]])


def change_lines(lesion: AssessedLesion) -> dict[SeriesRole, ChangeLine]:
    """Return the line of each sequence of a lesion that has a baseline and a follow-up."""
    returns = find_returns_to_baseline(lesion)
    return {
        sequence: _build_line(sequence, course, returns.get(sequence))
        for sequence, (_, course) in lesion.courses.items()
    }


def find_deciding_line(lesion: AssessedLesion) -> ChangeLine | None:
    """Return the line of the sequence that decided; None where none did, or it was not followed."""
    sequence = lesion.assessment.deciding_sequence
    return None if sequence is None else change_lines(lesion).get(sequence)


def limit_mm(lesions: Iterable[AssessedLesion]) -> float:
    """Return the change that counts, mm, of lesions that were all classified by one criteria.

    Raises
    ------
    ValueError
        The lesions were classified by changes that differ: no one band is right for all.
    """
    limits = {lesion.assessment.criteria.change_mm for lesion in lesions}
    if len(limits) > 1:
        raise ValueError("lesions in one figure are classified by the same change in mm")
    return float(next(iter(limits), 2.0))


def _build_line(sequence: SeriesRole, course: Course, peak: ReturnToBaseline | None) -> ChangeLine:
    changes_mm = tuple(map(float, course.changes_mm))
    back = None if peak is None else peak.day
    return ChangeLine(
        sequence=sequence,
        days=tuple(course.days),
        changes_mm=changes_mm,
        peak_mm=float(course.peak_mm),
        grew_day=course.days[course.grown[0]] if course.grew else None,
        peak_day=None if peak is None else peak.peak_day,
        return_day=back,
        return_mm=None if back is None else changes_mm[course.days.index(back)],
    )


def draw_lines(axes: Axes, lines: Sequence[ChangeLine], colour: str) -> None:
    """Draw a thin line for each; the more there are, the fainter, and under them their median."""
    few = len(lines) <= FEW_LINES
    axes.add_collection(
        LineCollection(
            [line.points for line in lines],
            colors=colour,
            linewidths=0.9 if few else 0.4,
            alpha=0.85 if few else max(0.04, min(0.5, 25 / len(lines))),
            rasterized=len(lines) > MANY,
            zorder=2,
        )
    )
    if not few:
        _draw_middle(axes, lines)


def _draw_middle(axes: Axes, lines: Sequence[ChangeLine]) -> None:
    """Draw median and quartiles over bins of weeks, a lesion once in each."""
    bins: dict[int, list[FloatArray]] = {}
    for line in lines:
        points = line.points[1:]
        places = {round(week / BIN_WEEKS): n for n, week in enumerate(points[:, 0])}
        for number, place in places.items():  # the last study in the bin
            bins.setdefault(number, []).append(points[place])
    rows = [(0.0, 0.0, 0.0, 0.0)]  # the baseline
    for _, changes in sorted(bins.items()):
        if len(changes) >= ENOUGH_FOR_MIDDLE:
            weeks, changes_mm = np.array(changes).T
            rows.append((np.median(weeks), *np.quantile(changes_mm, [0.25, 0.5, 0.75])))
    weeks, low, middle, high = np.array(rows).T
    axes.plot(weeks, middle, color="white", lw=3.0, zorder=3.4)
    axes.plot(weeks, middle, color=INK, lw=1.5, zorder=3.5)
    for side in (low, high):
        axes.plot(weeks, side, color="white", lw=2.0, zorder=3.4)
        axes.plot(weeks, side, color=INK, lw=0.8, ls=(0, (3, 2)), zorder=3.5)


MIDDLE_NOTE: Final = (
    f"Heavy line: median of the lesions seen in each {BIN_WEEKS} weeks, where "
    f"{ENOUGH_FOR_MIDDLE} or more were; dashed: quartiles."
)


def find_last_week(lines: Iterable[ChangeLine]) -> float:
    """Return the week of the last follow-up of all."""
    return weeks_from_days(max(line.last_day for line in lines))
