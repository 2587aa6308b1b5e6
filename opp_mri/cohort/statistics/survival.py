"""Time until an event: curves, log-rank, competing risks, landmark.

Intervals are two-sided at 95%. A number that is not estimable is None, with the reason next to it.
With competing risks `log_rank` compares the hazards of the event itself: it is not Gray's test.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import asdict, evolve, field, frozen
from attrs.converters import optional
from numpy.typing import ArrayLike, NDArray

from opp_mri.domain.estimate import LEVEL, Estimate
from opp_mri.errors import InputError

ALL: Final = "all"
CENSORED, OF_INTEREST = 0, 1
NO_EVENT: Final = "There is no event."
NOT_REACHED: Final = "Not reached: more than half were without the event to the end."
HALF_TOLERANCE: Final = 1.5e-8  # of a share that is a half but for rounding, as in R
TINY: Final = 1e-12  # what rounding may leave of nothing

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
TextArray = NDArray[np.str_]


def _convert_to_floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _convert_to_flags(values: ArrayLike) -> BoolArray:
    return np.asarray(values, dtype=np.bool_)


def _convert_to_integers(values: ArrayLike) -> IntArray:
    return np.asarray(values, dtype=np.int64)


def _convert_to_texts(values: ArrayLike) -> TextArray:
    return np.asarray(values, dtype=np.str_)


@frozen(kw_only=True)
class EventEstimate(Estimate):
    """An estimate with the rows it rests on and how many of them have the event.

    A limit may be infinite. What is not estimable is None, and `reason` says why.
    """

    n: int
    events: int
    reason: str | None = None


@frozen(kw_only=True, eq=False)
class Observed:
    """Who was followed for how long and how that ended; one row per lesion.

    Parameters
    ----------
    duration_days
        Day of the event, or last day known to be without it.
    event
        Whether the event of interest happened on that day.
    cause
        0 censored, 1 the event of interest, 2 (and on) a competing event, which all but
        `cumulative_incidence` take as a censoring.
    group, patient
        Label of the arm, and whose lesion it is.
    entry_days
        Day after which a row is at risk, until its last day (delayed entry); 0: from the start.
    """

    duration_days: FloatArray = field(converter=_convert_to_floats)
    event: BoolArray = field(converter=_convert_to_flags)
    cause: IntArray | None = field(default=None, converter=optional(_convert_to_integers))
    group: TextArray | None = field(default=None, converter=optional(_convert_to_texts))
    patient: TextArray | None = field(default=None, converter=optional(_convert_to_texts))
    entry_days: FloatArray | None = field(default=None, converter=optional(_convert_to_floats))

    def __attrs_post_init__(self) -> None:
        columns = (self.event, self.cause, self.group, self.patient, self.entry_days)
        if self.duration_days.ndim != 1 or self.n == 0:
            raise InputError("There is no lesion to analyse: give one row per lesion.")
        if any(
            column is not None and column.shape != self.duration_days.shape for column in columns
        ):
            raise InputError("The columns differ in length: give each lesion a value in each.")
        if not np.all(np.isfinite(self.duration_days) & (self.duration_days >= 0)):
            raise InputError("A duration is missing or negative: give whole days from day 0 on.")
        if self.cause is not None and not np.array_equal(self.cause == OF_INTEREST, self.event):
            raise InputError("Event and cause differ: a row has the event where its cause is 1.")
        if self.cause is not None and self.cause.min() < CENSORED:
            raise InputError("A cause is 0 (censored), 1 (the event) or 2 (a competing event).")
        entry = 0.0 if self.entry_days is None else self.entry_days
        if not np.all((entry >= 0) & ((entry < self.duration_days) | (entry == 0))):
            raise InputError("An entry is before day 0, or not before the end of its row.")

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.duration_days)

    @property
    def events(self) -> int:
        """How many rows have the event of interest."""
        return int(self.event.sum())

    @property
    def unseen_until(self) -> FloatArray | None:
        """Day after which each row is at risk; None where all are watched from the start."""
        if self.entry_days is None or not self.entry_days.any():
            return None
        return np.where(self.entry_days == 0, -1.0, self.entry_days)  # day 0 itself is watched

    def take(self, rows: BoolArray) -> "Observed":
        """Return the rows that are true."""
        columns = asdict(self, recurse=False).items()
        taken_fields: dict[str, Any] = {
            k: None if values is None else values[rows] for k, values in columns
        }
        return Observed(**taken_fields)

    def split_by_group(self) -> Iterator[tuple[str, "Observed"]]:
        """Yield each arm in the order of its label; all rows as one where there are no arms."""
        if self.group is None:
            yield ALL, self
        else:
            for label in np.unique(self.group):
                yield str(label), self.take(self.group == label)


@frozen(kw_only=True)
class Curve:
    """A step function of the day: each value holds from its day until the next.

    Parameters
    ----------
    days
        0, then each day with an event.
    values, low, high
        Share without the event (Kaplan-Meier) or with it (cumulative incidence). A share of 0 or
        1 has no log-log interval.
    at_risk, events
        How many were at risk just before each day, and how many had the event on it.
    censored_days
        When rows ended otherwise, in order; of the cumulative incidence, without any event.
    """

    group: str
    cause: int = OF_INTEREST
    days: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    censored_days: tuple[float, ...]
    last_day: float
    n: int

    def read_share(self, day: float) -> EventEstimate:
        """Return the share on a day, with the events until then."""
        i = bisect_right(self.days, day) - 1
        events = sum(self.events[: i + 1])
        if i < 0 or day > self.last_day:
            reason = f"Nobody was followed until day {day:g}."
            return EventEstimate(value=None, n=self.n, events=events, reason=reason)
        return EventEstimate(
            value=self.values[i], low=self.low[i], high=self.high[i], n=self.n, events=events,
            reason="There is no interval here." if self.low[i] is None else None,
        )  # fmt: skip


@frozen(kw_only=True)
class LogRank:
    """Log-rank test; `expected` is how many events each group would have if all were alike."""

    chi_square: float | None
    degrees_of_freedom: int
    p: float | None
    expected: Mapping[str, float]
    n: int
    events: int
    reason: str | None = None


def estimate_kaplan_meier(observed: Observed) -> tuple[Curve, ...]:
    """Estimate the share without the event by day, for each group.

    Notes
    -----
    Kaplan and Meier, J Am Stat Assoc 1958;53:457-481; Greenwood's error, interval on the
    log(-log) scale (Kalbfleisch and Prentice 1980).
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    curves = []
    for group, rows in observed.split_by_group():
        estimate = SurvfuncRight(rows.duration_days, rows.event * 1, entry=rows.unseen_until)
        share = np.where(estimate.surv_prob < TINY, 0.0, estimate.surv_prob)
        steps = (estimate.surv_times, share, estimate.surv_prob_se)
        curves.append(_build_curve(rows, group, rows.event, 1.0, *steps))
    return tuple(curves)


def compute_median_days(curve: Curve) -> EventEstimate:
    """Return the day on which half are without the event.

    Notes
    -----
    The first day on which at most half are. Where the curve lies at a half between two events, the
    midpoint of their days, as R prints it for `survfit`. Interval of Brookmeyer and Crowley,
    Biometrics 1982;38:29-41, from the curve's own limits. None where the curve, or a limit of it,
    stays above a half: a lower limit may exist without a median.
    """
    value, low, high = (_find_half(curve, side) for side in (curve.values, curve.low, curve.high))
    return EventEstimate(
        value=value,
        low=low,
        high=high,
        n=curve.n,
        events=sum(curve.events),
        reason=NOT_REACHED if value is None else None,
    )


def _find_half(curve: Curve, shares: Sequence[float | None]) -> float | None:
    """Return the day on which a step function passes a half, or the midpoint of lying there."""
    steps = [
        (day, share) for day, share in zip(curve.days, shares, strict=True) if share is not None
    ]
    first = next((day for day, share in steps if share <= 0.5 + HALF_TOLERANCE), None)
    if first is None:
        return None
    below = next((day for day, share in steps if share < 0.5 - HALF_TOLERANCE), first)
    return (first + below) / 2  # the same day, but where the curve lies at a half before it falls


def follow_up_days(observed: Observed) -> EventEstimate:
    """Return the median follow-up: the median time to the end of follow-up, events being censored.

    Notes
    -----
    Reverse Kaplan-Meier: Schemper and Smith, Control Clin Trials 1996;17:343-346.
    """
    reversed_roles = evolve(observed, event=~observed.event, cause=None, group=None)
    return compute_median_days(estimate_kaplan_meier(reversed_roles)[0])


def count_at_risk(observed: Observed, days: Sequence[float]) -> dict[str, tuple[int, ...]]:
    """Count who is at risk on each day, by group; one whose last day it is still counts."""
    return {
        group: tuple(_count_at_risk(rows, days).tolist())
        for group, rows in observed.split_by_group()
    }


def log_rank(observed: Observed) -> LogRank:
    """Test whether the groups have the same hazard.

    Notes
    -----
    Mantel, Cancer Chemother Rep 1966;50:163-170, hypergeometric variance. A group of which nobody
    is at risk on the day of any event is not counted in the degrees of freedom.
    """
    from scipy import stats
    from statsmodels.duration.survfunc import survdiff

    days, counts = np.unique(observed.duration_days[observed.event], return_counts=True)
    share = counts / np.maximum(_count_at_risk(observed, days), 1)
    expected = {
        group: float(_count_at_risk(observations, days) @ share)
        for group, observations in observed.split_by_group()
    }
    informative = [group for group, events in expected.items() if events > TINY]
    freedom = max(len(informative) - 1, 0)
    reason = (
        "There is only one group with anybody at risk at an event." if informative else NO_EVENT
    )
    empty_test = LogRank(chi_square=None, degrees_of_freedom=freedom, p=None, expected=expected,
                   n=observed.n, events=observed.events, reason=reason)  # fmt: skip
    if observed.group is None or not freedom:
        return empty_test
    rows = observed.take(np.isin(observed.group, informative))
    try:
        chi, _ = survdiff(rows.duration_days, rows.event * 1, rows.group, entry=rows.unseen_until)
    except np.linalg.LinAlgError:
        return evolve(empty_test, reason="No two groups are at risk on the day of one event.")
    p = float(stats.chi2.sf(chi, freedom))
    return evolve(empty_test, chi_square=float(chi), p=p, reason=None)


def estimate_cumulative_incidence(
    observed: Observed, causes: int = OF_INTEREST
) -> tuple[Curve, ...]:
    """Estimate the share with each event by day, for each group and cause.

    There is a curve of each cause up to `causes` and to the highest that there is.

    Notes
    -----
    Aalen and Johansen, Scand J Stat 1978;5:141-150; variance of Dinse and Larson, Biometrika
    1986;73:379-386; interval on the log(-log) scale (Choudhury, Stat Med 2002;21:1129-1144),
    none on a day that nobody outlives.
    """
    from statsmodels.duration.survfunc import CumIncidenceRight

    if observed.cause is None or observed.unseen_until is not None:
        raise InputError("Competing risks need a cause for each lesion, and no delayed entry.")
    last = max(causes, int(observed.cause.max()))
    curves = []
    for group, rows in observed.split_by_group():
        cause_of_row = np.asarray(rows.cause)
        with np.errstate(divide="ignore", invalid="ignore"):  # the day that nobody outlives
            estimate = CumIncidenceRight(rows.duration_days, cause_of_row)
        for cause in range(OF_INTEREST, last + 1):
            ends = cause_of_row == cause
            at_event = np.isin(estimate.times, rows.duration_days[ends])
            share, error = (
                side[cause - 1][at_event] if ends.any() else np.zeros(0)
                for side in (estimate.cinc, estimate.cinc_se)
            )
            curves.append(
                _build_curve(rows, group, ends, 0.0, estimate.times[at_event], share, error, cause)
            )
    return tuple(curves)


def _count_at_risk(rows: Observed, days: ArrayLike) -> IntArray:
    unseen_until = rows.unseen_until
    positions = np.searchsorted(np.sort(rows.duration_days), days)
    late = 0 if unseen_until is None else rows.n - np.searchsorted(np.sort(unseen_until), days)
    return np.asarray(rows.n - positions - late)


def _build_curve(
    rows: Observed, group: str, ends: BoolArray, start: float,
    days: FloatArray, share: FloatArray, error: FloatArray, cause: int = OF_INTEREST,
) -> Curve:  # fmt: skip
    """Put day 0 before the steps, and next to them the limits and counts."""
    limits = [_log_log(float(v), float(e)) for v, e in zip(share, error, strict=True)]
    over = ~ends if start else np.asarray(rows.cause) == CENSORED
    return Curve(
        group=group, cause=cause, n=rows.n,
        days=(0.0, *map(float, days)),
        values=(start, *map(float, share)),
        low=(None, *(low for low, _ in limits)),
        high=(None, *(high for _, high in limits)),
        at_risk=tuple(_count_at_risk(rows, (0.0, *days)).tolist()),
        events=(0, *map(int, np.unique(rows.duration_days[ends], return_counts=True)[1])),
        censored_days=tuple(map(float, np.sort(rows.duration_days[over]))),
        last_day=float(rows.duration_days.max()),
    )  # fmt: skip


def _log_log(share: float, error: float) -> tuple[float | None, float | None]:
    from scipy import special

    if not (TINY < share < 1 - TINY and np.isfinite(error)):
        return None, None
    z = float(special.ndtri((1 + LEVEL) / 2))
    factor = float(np.exp(z * error / (share * abs(np.log(share)))))
    return share**factor, share ** (1 / factor)
