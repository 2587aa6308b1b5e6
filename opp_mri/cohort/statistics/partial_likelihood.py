"""Cox's partial likelihood with its derivatives, and the part of each row in its slope."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike

from opp_mri.cohort.statistics.survival import FloatArray, IntArray, Observed
from opp_mri.errors import InputError

Ties = Literal["efron", "breslow"]
Covariates = Mapping[str, ArrayLike]


@frozen(kw_only=True, eq=False)
class Slopes:
    """Log-likelihood and derivatives; the last three are per event, of those then at risk."""

    value: float
    score: FloatArray
    information: FloatArray
    skew: FloatArray  # derivative of the information
    mean: FloatArray
    spread: FloatArray
    hazard: FloatArray


class PartialLikelihood:
    """Cox's partial likelihood of covariates in units of their SD; rows and events by day."""

    def __init__(self, observed: Observed, covariates: Covariates, ties: Ties) -> None:
        table = [np.asarray(column, dtype=np.float64) for column in covariates.values()]
        if not table or any(column.shape != (observed.n,) for column in table):
            raise InputError("Give at least one covariate, and of each a value for every lesion.")
        if not np.isfinite(table).all():
            raise InputError("A covariate has a missing value: leave that lesion out first.")
        self.names, self.observed, self.ties = tuple(covariates), observed, ties
        self.order = np.argsort(observed.duration_days, kind="stable")
        self.raw = np.stack(table, axis=1)[self.order]
        sd = self.raw.std(axis=0)
        self.sd = np.where(sd > 0, sd, 1.0)
        self.x = (self.raw - self.raw.mean(axis=0)) / self.sd
        self.days = observed.duration_days[self.order]
        unseen_until = observed.unseen_until
        self.unseen = (
            np.full(observed.n, -1.0) if unseen_until is None else unseen_until[self.order]
        )
        self.by_entry = np.argsort(self.unseen, kind="stable")
        self.events = np.flatnonzero(observed.event[self.order])
        self.event_days = self.days[self.events]
        self.first = np.searchsorted(self.days, self.event_days)
        self.late = np.searchsorted(self.unseen[self.by_entry], self.event_days)
        self._first = np.unique(self.first, return_inverse=True)
        self._late = np.unique(self.late, return_inverse=True)
        _, self.new_day, self.tie, size = np.unique(
            self.event_days, return_index=True, return_inverse=True, return_counts=True
        )
        # Efron: of d events on a day the k-th, from 0, finds k / d of each of them gone
        removed_share = (np.arange(len(self.events)) - self.new_day[self.tie]) / size[self.tie]
        self.gone = removed_share if ties == "efron" else np.zeros(len(removed_share))
        p = len(self.names)
        # a product of two covariates is summed once, whichever comes first
        first, second = np.triu_indices(p)
        self.powers = np.hstack(
            [np.ones((observed.n, 1)), self.x, self.x[:, first] * self.x[:, second]]
        )
        self._pairs = np.zeros((p, p), dtype=np.int64)
        self._pairs[first, second] = self._pairs[second, first] = np.arange(len(first))

    def sum_tied(self, columns: FloatArray) -> FloatArray:
        """Sum rows of events over those on the same day."""
        return np.asarray(np.add.reduceat(columns, self.new_day)[self.tie])

    def sum_at_risk(self, columns: FloatArray) -> FloatArray:
        """Sum rows over those at risk at each event."""
        sums = _sum_from(columns, *self._first)
        sums -= self.gone[:, None] * self.sum_tied(columns[self.events])
        if self.late.size and self.late.min() < len(columns):
            sums -= _sum_from(columns[self.by_entry], *self._late)
        return sums

    def compute_slopes(self, beta: FloatArray, *, skew: bool = False) -> Slopes:
        """Differentiate at coefficients."""
        p = len(self.names)
        linear = self.x @ beta
        top = float(linear.max())
        weighted = np.exp(linear - top)[:, None] * self.powers
        sums = self.sum_at_risk(weighted)
        whole = sums[:, :1]
        mean = sums[:, 1 : p + 1] / whole
        square = np.take(sums[:, p + 1 :] / whole, self._pairs, axis=1)
        spread = square - np.einsum("ea,eb->eab", mean, mean)
        third = np.zeros((p, p, p))
        if skew:
            for a in range(p):
                cube = self.sum_at_risk(self.x[:, a, None] * weighted[:, p + 1 :]) / whole
                third[a] = cube.sum(axis=0)[self._pairs]
            mixed = np.einsum("ea,ebc->abc", mean, square)
            third -= mixed + mixed.transpose(1, 0, 2) + mixed.transpose(1, 2, 0)
            third += 2 * np.einsum("ea,eb,ec->abc", mean, mean, mean)
        return Slopes(
            value=float((linear[self.events] - top - np.log(whole[:, 0])).sum()),
            score=(self.x[self.events] - mean).sum(axis=0),
            information=spread.sum(axis=0),
            skew=third,
            mean=mean,
            spread=spread,
            hazard=np.exp(-top) / whole[:, 0],
        )


def compute_score_residuals(
    partial: PartialLikelihood, beta: FloatArray, slopes: Slopes
) -> FloatArray:
    """Return the part of each row in the score (Therneau et al., Biometrika 1990;77:147-160)."""
    risk, unit = np.exp(partial.x @ beta)[:, None], np.ones((len(partial.events), 1))
    steps = slopes.hazard[:, None] * np.hstack([unit, slopes.mean])
    total = np.vstack([np.zeros(steps.shape[1]), steps.cumsum(axis=0)])
    cumulative = total[np.searchsorted(partial.event_days, partial.days, "right")]
    cumulative -= total[np.searchsorted(partial.event_days, partial.unseen, "right")]
    parts = risk * (cumulative[:, 1:] - partial.x * cumulative[:, :1])
    own = partial.x[partial.events]
    tied_sums = partial.sum_tied(partial.gone[:, None] * steps)
    parts[partial.events] += own - partial.sum_tied(slopes.mean) / partial.sum_tied(unit)
    parts[partial.events] += risk[partial.events] * (own * tied_sums[:, :1] - tied_sums[:, 1:])
    return np.asarray(parts)


def _sum_from(columns: FloatArray, starts: IntArray, back: IntArray) -> FloatArray:
    """Sum the rows from each of the starts to the end, and give the sums in the order of `back`."""
    sums = np.zeros((len(starts), columns.shape[1]))
    is_filled = starts < len(columns)
    parts = np.add.reduceat(columns, starts[is_filled]) if is_filled.any() else sums[:0]
    sums[is_filled] = parts[::-1].cumsum(axis=0)[::-1]
    return np.asarray(sums[back])
