"""Comparison of groups where an event competes with others: Gray's test, and Fine and Gray's model.

Both ask about the cumulative incidence of the event itself. The log-rank test and Cox's model ask
about its hazard among those who are still free of every event.
"""

from typing import Final

import numpy as np
from attrs import evolve, frozen

from opp_mri.cohort.statistics.hazards import LOOSE, Hazard, Regression
from opp_mri.cohort.statistics.partial_likelihood import Covariates
from opp_mri.cohort.statistics.survival import (
    CENSORED,
    NO_EVENT,
    OF_INTEREST,
    TINY,
    EventEstimate,
    FloatArray,
    IntArray,
    LogRank,
    Observed,
)
from opp_mri.domain.estimate import LEVEL
from opp_mri.errors import InputError

NEWTON_STEPS: Final = 50
STEEP: Final = 1e-9  # length of a Newton step, in SD of the covariate, at which the search ends
LEAST_INFORMATION: Final = LOOSE**-2


@frozen(kw_only=True, eq=False)
class _Grid:
    """Each group on each day with an event of any cause, as arrays of days by groups.

    `risk` is at risk just before the day; `own` and `other` are the events on it; `free` is the
    Kaplan-Meier share without any event just before it and `free_after` just after it; `incidence`
    is the cumulative incidence just before it.
    """

    labels: tuple[str, ...]
    risk: FloatArray
    own: FloatArray
    competing: FloatArray
    free: FloatArray
    free_after: FloatArray
    incidence: FloatArray


def run_gray_test(observed: Observed) -> LogRank:
    """Test whether the groups have the same cumulative incidence of the event.

    Parameters
    ----------
    observed
        Rows with a cause and a group, without delayed entry.

    Returns
    -------
    LogRank
        The chi-square of Gray's test; `expected` is the number of events that each group would
        have if all had the same cumulative incidence. Without a result `reason` says why.

    Raises
    ------
    InputError
        A cause is missing, or there is delayed entry.

    Notes
    -----
    Gray, Ann Stat 1988;16:1141-1154, with rho = 0, as `cuminc` of R's package cmprsk.
    """
    from scipy import stats

    causes = _get_causes(observed)
    days = np.unique(observed.duration_days[causes != CENSORED])
    empty_test = LogRank(
        chi_square=None, degrees_of_freedom=0, p=None, expected={}, n=observed.n,
        events=observed.events, reason=NO_EVENT,
    )  # fmt: skip
    if not observed.events:
        return empty_test
    grid = _build_grid(observed, causes, days)
    total = grid.own.sum(axis=1)
    ratio = np.divide(grid.risk, grid.free, out=np.zeros_like(grid.risk), where=grid.risk > 0)
    still = ratio * (1 - grid.incidence)
    expected = total[:, None] * still / still.sum(axis=1, keepdims=True)
    score = (grid.own - expected).sum(axis=0)
    by_label = dict(zip(grid.labels, map(float, expected.sum(axis=0)), strict=True))
    has_expected = np.array(list(by_label.values())) > TINY
    freedom = int(has_expected.sum()) - 1
    if freedom < 1:
        reason = "There is only one group with anybody at risk at an event."
        return evolve(empty_test, expected=by_label, reason=reason)
    variance = _compute_gray_variance(grid, ratio, total)
    groups = np.flatnonzero(has_expected)[:-1]
    part = variance[np.ix_(groups, groups)]
    if np.linalg.eigvalsh(part)[0] < TINY:
        return evolve(empty_test, expected=by_label, reason="The groups are not at risk together.")
    chi = float(score[groups] @ np.linalg.solve(part, score[groups]))
    return evolve(
        empty_test,
        chi_square=chi,
        degrees_of_freedom=freedom,
        p=float(stats.chi2.sf(chi, freedom)),
        expected=by_label, reason=None,
    )  # fmt: skip


def fit_fine_gray(
    observed: Observed, covariates: Covariates, *, by_patient: bool = False
) -> Regression:
    """Fit the proportional subdistribution hazards model, with intervals and p by Wald.

    Parameters
    ----------
    observed
        Rows with a cause, without delayed entry.
    covariates
        A value for each row, by name.
    by_patient
        Whether the errors allow for lesions of one patient being alike.

    Raises
    ------
    InputError
        A cause is missing, there is delayed entry, or a covariate has a missing value.

    Notes
    -----
    Fine and Gray, J Am Stat Assoc 1999;94:496-509: weights by the Kaplan-Meier estimate of the
    censoring, ties by Breslow, robust variance that includes the error of the weights, as `crr` of
    R's package cmprsk. Summed over patients it is that of Zhou et al., Biostatistics 2012;13:
    371-383.
    """
    causes = _get_causes(observed)
    table = np.array([np.asarray(lesion, dtype=np.float64) for lesion in covariates.values()])
    if table.shape != (len(covariates), observed.n) or not np.isfinite(table).all():
        raise InputError("Give each covariate a value for every lesion.")
    sd = np.where(table.std(axis=1) > 0, table.std(axis=1), 1.0)
    weighted = _Weighted(observed, causes, ((table.T - table.mean(axis=1)) / sd))
    names = tuple(covariates)
    beta = weighted.find_maximum(names)
    if isinstance(beta, str):
        return _build_failed_regression(observed, names, beta)
    _, information = weighted.compute_slopes(beta)
    parts = weighted.compute_residuals(beta)
    patients = None
    if by_patient and observed.patient is not None:
        _, patient = np.unique(observed.patient, return_inverse=True)
        patients = int(patient.max()) + 1
        patient_parts = np.zeros((patients, parts.shape[1]))
        np.add.at(patient_parts, patient, parts)
        parts = patient_parts
    inverse = np.linalg.inv(information)
    errors = np.sqrt(np.diag(inverse @ parts.T @ parts @ inverse))
    if errors.min() < TINY:
        return _build_failed_regression(
            observed, names, "Too few events for an error of the ratio."
        )
    hazards = _build_hazards(observed, names, beta, errors, sd)
    return evolve(
        _build_failed_regression(observed, names, None), patients=patients, hazards=hazards
    )


def _build_hazards(
    observed: Observed, names: tuple[str, ...], beta: FloatArray, errors: FloatArray, sd: FloatArray
) -> tuple[Hazard, ...]:
    """Return the ratios per unit of each covariate, of coefficients and errors per SD."""
    from scipy import special

    p = special.chdtrc(1, (beta / errors) ** 2)
    z = float(special.ndtri((1 + LEVEL) / 2))
    return tuple(
        Hazard(
            covariate=name,
            ratio=EventEstimate(
                value=float(np.exp(b / s)), low=float(np.exp((b - z * e) / s)),
                high=float(np.exp((b + z * e) / s)), n=observed.n, events=observed.events,
            ),
            standard_error=float(e / s), p=float(p_of),
        )
        for name, b, e, s, p_of in zip(names, beta, errors, sd, p, strict=True)
    )  # fmt: skip


class _Weighted:
    """The weighted partial likelihood of Fine and Gray, of covariates in units of their SD."""

    def __init__(self, observed: Observed, causes: IntArray, x: FloatArray) -> None:
        self.x, self.days = x, observed.duration_days
        self.event_days, counts = np.unique(self.days[causes == OF_INTEREST], return_counts=True)
        self.counts = counts.astype(np.float64)
        self.events = np.flatnonzero(causes == OF_INTEREST)
        self.censored = causes == CENSORED
        self.competing = np.flatnonzero(causes > OF_INTEREST)
        self.lost_days, lost_counts = np.unique(self.days[self.censored], return_counts=True)
        self.lost_risk = _count_at_least(self.days, self.lost_days)
        self.lost_hazard = lost_counts / self.lost_risk
        self.watched = np.concatenate([[1.0], np.cumprod(1 - self.lost_hazard)])
        self.at_event = self._weigh_watched(self.event_days)
        self.at_own = self._weigh_watched(self.days)

    def _weigh_watched(self, days: FloatArray) -> FloatArray:
        """Return the Kaplan-Meier share that is not censored just before each day."""
        return np.asarray(self.watched[np.searchsorted(self.lost_days, days)])

    def find_maximum(self, names: tuple[str, ...]) -> FloatArray | str:
        """Return the coefficients, or the reason why there are no finite ones."""
        beta = np.zeros(self.x.shape[1])
        if not len(self.events):
            return NO_EVENT
        for _ in range(NEWTON_STEPS):
            score, information = self.compute_slopes(beta)
            if np.linalg.eigvalsh(information)[0] < LEAST_INFORMATION:
                break
            step = np.linalg.solve(information, score)
            beta = beta + step * min(1.0, 2.0 / max(np.abs(step).max(), TINY))
            if np.abs(step).max() < STEEP:
                return np.asarray(beta)
        words = ", ".join(names)
        if beta.any():
            return (
                f"The likelihood of {words} has no maximum, as where all events are in one arm: "
                "no hazard ratio."
            )
        if len(names) == 1:
            return f"{words.capitalize()} is the same for all at risk at an event: leave it out."
        return f"Of {words} some are the same for all at risk, or follow from the others."

    def _compute_sums(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Sum risk, risk times x and risk times x x' over the weighted risk set of each event."""
        p = self.x.shape[1]
        risk = np.exp(self.x @ beta)[:, None]
        square = np.einsum("ia,ib->iab", self.x, self.x).reshape(-1, p * p)
        columns = risk * np.hstack([np.ones((len(risk), 1)), self.x, square])
        order = np.argsort(self.days)
        later = _sum_to_end(columns[order])
        sums = later[np.searchsorted(self.days[order], self.event_days)]
        competing_rows = self.competing[np.argsort(self.days[self.competing])]
        hazard_sum = _sum_from_start(columns[competing_rows] / self.at_own[competing_rows, None])
        sums += (
            self.at_event[:, None]
            * hazard_sum[np.searchsorted(self.days[competing_rows], self.event_days)]
        )
        return sums[:, 0], sums[:, 1 : p + 1], sums[:, p + 1 :].reshape(-1, p, p)

    def compute_slopes(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the score and the information."""
        whole, first, second = self._compute_sums(beta)
        mean = first / whole[:, None]
        spread = second / whole[:, None, None] - np.einsum("ea,eb->eab", mean, mean)
        score = self.x[self.events].sum(axis=0) - self.counts @ mean
        return score, np.einsum("e,eab->ab", self.counts, spread)

    def compute_residuals(self, beta: FloatArray) -> FloatArray:
        """Return the part of each row in the score, with that of its censoring in the weights."""
        whole, first, _ = self._compute_sums(beta)
        mean, hazard = first / whole[:, None], self.counts / whole
        risk = np.exp(self.x @ beta)[:, None]
        steps = hazard[:, None] * np.hstack([np.ones((len(hazard), 1)), mean])
        until = _sum_from_start(steps)[np.searchsorted(self.event_days, self.days, "right")]
        parts = risk * (until[:, 1:] - self.x * until[:, :1])
        place = np.searchsorted(self.event_days, self.days[self.events])
        parts[self.events] += self.x[self.events] - mean[place]
        after = _sum_to_end(self.at_event[:, None] * steps)
        competing_rows = self.competing
        remainder = after[np.searchsorted(self.event_days, self.days[competing_rows], "right")]
        remainder = remainder / self.at_own[competing_rows, None]
        parts[competing_rows] += risk[competing_rows] * (
            remainder[:, 1:] - self.x[competing_rows] * remainder[:, :1]
        )
        return parts + self._compute_censoring_part(risk, after)

    def _compute_censoring_part(self, risk: FloatArray, after: FloatArray) -> FloatArray:
        competing_rows = self.competing[np.argsort(self.days[self.competing])]
        own = np.hstack([np.ones((len(competing_rows), 1)), self.x[competing_rows]])
        before = _sum_from_start(risk[competing_rows] * own / self.at_own[competing_rows, None])
        hazard_sum = before[np.searchsorted(self.days[competing_rows], self.lost_days)]
        later = after[np.searchsorted(self.event_days, self.lost_days)]
        weighted_difference = hazard_sum[:, 1:] * later[:, :1] - hazard_sum[:, :1] * later[:, 1:]
        share = weighted_difference / self.lost_risk[:, None]
        place = np.searchsorted(self.lost_days, self.days, "right")
        parts = -_sum_from_start(share * self.lost_hazard[:, None])[place]
        parts[self.censored] += share[place[self.censored] - 1]
        return parts


def _get_causes(observed: Observed) -> IntArray:
    if observed.cause is None or observed.unseen_until is not None:
        raise InputError("Competing risks need a cause for each lesion, and no delayed entry.")
    return observed.cause


def _build_grid(observed: Observed, causes: IntArray, days: FloatArray) -> _Grid:
    labels, columns = [], []
    for label, rows in observed.split_by_group():
        group_causes = causes[observed.group == label] if observed.group is not None else causes
        at = _count_at_least(rows.duration_days, days)
        own, competing = (
            np.array([(rows.duration_days[mask] == day).sum() for day in days], dtype=np.float64)
            for mask in (group_causes == OF_INTEREST, group_causes > OF_INTEREST)
        )
        stay = 1 - np.divide(own + competing, at, out=np.zeros(len(days)), where=at > 0)
        after = np.cumprod(stay)
        free = np.concatenate([[1.0], after[:-1]])
        jump = free * np.divide(own, at, out=np.zeros(len(days)), where=at > 0)
        columns.append((at, own, competing, free, after, np.cumsum(jump) - jump))
        labels.append(label)
    stacks = (np.stack(arrays, axis=1) for arrays in zip(*columns, strict=True))
    risk, own, competing, free, after, incidence = stacks
    return _Grid(labels=tuple(labels), risk=risk, own=own, competing=competing, free=free,
                 free_after=after, incidence=incidence)  # fmt: skip


def _compute_gray_variance(grid: _Grid, ratio: FloatArray, total: FloatArray) -> FloatArray:
    """Return the variance of the scores of the groups, with the correction for ties."""
    whole = ratio.sum(axis=1)
    common = np.cumsum(total / whole)
    before = np.concatenate([[0.0], common[:-1]])
    groups = len(grid.labels)
    weight = ratio[:, :, None] * (np.eye(groups) - (ratio / whole[:, None])[:, None, :])
    cumulative = np.cumsum(weight * (total / (whole * (1 - before)))[:, None, None], axis=0)
    remainder = cumulative[-1] - cumulative
    share = np.divide(
        1 - common[:, None], grid.free_after, out=np.zeros_like(ratio), where=grid.free_after > TINY
    )
    at_risk = grid.risk > 0
    expected = whole[:, None] * grid.free
    correction = _compute_tie_correction(np.broadcast_to(total[:, None], ratio.shape), expected)
    own = np.divide(
        correction * grid.free * total[:, None], whole[:, None] * grid.risk,
        out=np.zeros_like(ratio), where=at_risk,
    )  # fmt: skip
    correction = _compute_tie_correction(grid.competing, grid.risk)
    competing_variance = np.divide(
        correction * grid.free**2 * grid.competing,
        grid.risk**2,
        out=np.zeros_like(ratio),
        where=at_risk,
    )
    competing_variance[grid.free_after <= TINY] = 0.0
    of_own = weight + (1 - share)[:, None, :] * remainder
    of_other = share[:, None, :] * remainder
    return np.asarray(
        np.einsum("tik,tjk,tk->ij", of_own, of_own, own)
        + np.einsum("tik,tjk,tk->ij", of_other, of_other, competing_variance)
    )


def _compute_tie_correction(events: FloatArray, risk: FloatArray) -> FloatArray:
    several = (events > 1) & (risk > 1)
    return 1 - np.divide(events - 1, risk - 1, out=np.zeros(risk.shape), where=several)


def _count_at_least(values: FloatArray, days: FloatArray) -> FloatArray:
    """Count the values from each day on."""
    return len(values) - np.searchsorted(np.sort(values), days).astype(np.float64)


def _sum_from_start(columns: FloatArray) -> FloatArray:
    """Sum the rows before each place, and all of them last."""
    return np.vstack([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])


def _sum_to_end(columns: FloatArray) -> FloatArray:
    """Sum the rows from each place on, with nothing last."""
    return np.vstack([np.cumsum(columns[::-1], axis=0)[::-1], np.zeros((1, columns.shape[1]))])


def _build_failed_regression(
    observed: Observed, names: tuple[str, ...], reason: str | None
) -> Regression:
    n, events = observed.n, observed.events
    no_estimate = EventEstimate(value=None, n=n, events=events, reason=reason)
    return Regression(
        model="fine_gray", ties="breslow", n=n, events=events, reason=reason,
        hazards=tuple(Hazard(covariate=name, ratio=no_estimate) for name in names),
    )  # fmt: skip
