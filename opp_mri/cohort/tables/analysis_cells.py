"""What the tables of an analysis are made of: counts by arm, statistics with their interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from opp_mri.cohort.statistics.events import Endpoint, LesionEvents
from opp_mri.cohort.statistics.members import ALL, FractionGroup, classify_fractions
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.statistics.survival import BoolArray, EventEstimate, FloatArray
from opp_mri.cohort.tables.tables import NONE as NONE
from opp_mri.cohort.tables.tables import Cell, Value, count_cell, list_ids
from opp_mri.cohort.tables.withholding import Sum
from opp_mri.units import DAYS_PER_WEEK

TIME_KNOWN: Final = "time.known"
OPEN: Final = "not reached"
ENDPOINT_WORDS: Final = {
    Endpoint.OPP_FREE: "OPP-free",
    Endpoint.PROGRESSION_FREE: "Progression-free",
    Endpoint.LOCAL_CONTROL: "Local control",
    Endpoint.FRACTURE_FREE: "Fracture-free",
    Endpoint.SURVIVAL: "Overall survival",
}
EVENT_WORDS: Final = {
    Endpoint.OPP_FREE: "OPP",
    Endpoint.PROGRESSION_FREE: "progression",
    Endpoint.LOCAL_CONTROL: "local failure",
    Endpoint.FRACTURE_FREE: "fracture",
    Endpoint.SURVIVAL: "death",
}


class Rows:
    """The lesions of an analysis by arm, counted in cells; the same key counts the same lesions.

    `arms` begins with all lesions; `first_days` is the day of the first event, or of the end
    without one, and `ended` marks those that had any.
    """

    def __init__(self, analysis: CohortAnalysis) -> None:
        first = analysis.first
        self.ids = np.array(list_ids(analysis.lesions), dtype=object)
        self.groups = np.array(
            [classify_fractions(lesion.lesion) for lesion in analysis.lesions], dtype=str
        )
        self.arms = [ALL, *(group for group in FractionGroup if (self.groups == group).any())]
        self.first_days = np.zeros(0) if first is None else first.duration_days
        self.ended = np.asarray((np.zeros(0) if first is None else np.asarray(first.cause)) > 0)
        self.observed = {
            endpoint_analysis.endpoint: endpoint_analysis.comparison.observed
            for endpoint_analysis in analysis.endpoints
        }
        self.lesion_events = analysis.lesion_events

    def select_arm(self, group: str) -> BoolArray:
        """Return which lesions are of an arm, or of all."""
        return np.asarray((self.groups == group) | (group == ALL))

    def get_events(self, endpoint: Endpoint) -> BoolArray:
        """Return which lesions had the event of an endpoint."""
        observed = self.observed[endpoint]
        return np.zeros(0, dtype=np.bool_) if observed is None else observed.event

    def get_days(self, endpoint: Endpoint) -> FloatArray:
        """Return the days on which the times to an endpoint end."""
        observed = self.observed[endpoint]
        return np.zeros(0) if observed is None else observed.duration_days

    def select_where(self, test: Callable[[LesionEvents], bool]) -> BoolArray:
        """Return of which lesions something is true."""
        return np.array([test(events) for events in self.lesion_events], dtype=np.bool_)

    def count(self, key: str, rows: BoolArray) -> Cell:
        """Count the lesions that are true."""
        return count_cell(key, self.ids[rows].tolist())

    def build_sums(self, *keys: str) -> list[Sum]:
        """State that the arms of each count add up to all."""
        arms = self.arms[1:]
        return [(key, *(key + name_arm_key(group) for group in arms)) for key in keys if arms]


def name_arm_key(group: str) -> str:
    """Return the end of the key of an arm's number; none for all lesions."""
    return "" if group == ALL else f"/group.{group}"


def build_statistic_cell(
    key: str, rests_on: str, told_by: Sequence[str], estimate: EventEstimate, *, unit: str = "",
    more: Mapping[str, Value] | None = None,
) -> Cell:  # fmt: skip
    """Put a number and its interval into a cell; days are shown as weeks, shares as percent."""
    size, percent = (DAYS_PER_WEEK if unit == "days" else 1), unit == "share"
    texts = [
        None
        if number is None
        else _write_value(number / size, percent=percent, weeks=unit == "days")
        for number in (estimate.value, estimate.low, estimate.high)
    ]
    value, low, high = texts
    if value is None:
        text = NONE if low is None else f"{OPEN} ({low} to {high or OPEN})"
    else:
        text = f"{value}%" if percent else value
        text += "" if low is None and high is None else f" ({low or OPEN} to {high or OPEN})"
    values: dict[str, Value] = {
        "value": _keep_finite(estimate.value),
        "low": _keep_finite(estimate.low), "high": _keep_finite(estimate.high),
        **(more or {}), "n": estimate.n, "events": estimate.events,
    }  # fmt: skip
    if unit:
        values["unit"] = unit
    return Cell(text=text, key=key, rests_on=rests_on, told_by=tuple(told_by), values=values)


def build_remark_cell(reason: str | None, told_by: Sequence[str]) -> Cell:
    """Explain why a number is not available; the words may hold counts, withheld with them."""
    return Cell(text=reason or "", told_by=tuple(told_by) if reason else ())


def write_p(p: float | None) -> str:
    """Write a p."""
    if p is None:
        return NONE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def name_arm(group: str) -> str:
    """Name an arm for a reader."""
    return "all" if group == ALL else group


def _write_value(value: float, *, percent: bool, weeks: bool) -> str:
    if math.isinf(value):
        return "infinite"
    if percent:
        return f"{100 * value:.1f}"
    if weeks or 10 <= value < 100:
        return f"{value:.1f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def _keep_finite(value: float | None) -> Value:
    """Return a number that every format can hold: an infinite one as a word."""
    return "infinite" if value is not None and math.isinf(value) else value
