"""Proportional hazards: Cox's model, errors by patient, a check of it, and Firth's penalty.

A hazard ratio is per unit of its covariate. Where it cannot be obtained it is None, with a reason.
"""

from functools import partial as bound
from typing import Final, Literal

import numpy as np
from attrs import evolve, frozen

from opp_mri.cohort.statistics.partial_likelihood import (
    Covariates,
    PartialLikelihood,
    Slopes,
    Ties,
    compute_score_residuals,
)
from opp_mri.cohort.statistics.survival import (
    TINY,
    EventEstimate,
    FloatArray,
    Observed,
    estimate_kaplan_meier,
)
from opp_mri.domain.estimate import LEVEL
from opp_mri.errors import InputError

NO_INFORMATION: Final = 1e-9  # a share of what an event can tell of a covariate in units of its SD
LOOSE: Final = 100.0  # error of a log ratio per SD from which no maximum exists
LEVEL_GROUND: Final = 1e-10  # slope against error at which a maximum is reached
STEEP: Final = 1e-4  # slope against error at which a maximum is not reached
NEWTON_STEPS: Final = 50
ALIKE: Final = "The patients are too alike, or too few, for errors by patient."
FEWEST_EVENTS: Final = 20
FEWEST_PATIENTS: Final = 50
"""With fewer events or patients the errors by patient are too small: their 95% intervals held the
truth in 89 to 95% of simulated cohorts (docs/explanation/cohort-statistics.md). Cameron and
Miller, J Hum Resour 2015;50:317-372, find 20 to 50 clusters too few."""
FAR: Final = 1e6  # represents an unbounded fall of the likelihood


@frozen(kw_only=True)
class Hazard:
    """Hazard ratio of one covariate; `standard_error` is that of its logarithm."""

    covariate: str
    ratio: EventEstimate
    standard_error: float | None = None
    p: float | None = None


@frozen(kw_only=True)
class Regression:
    """A fitted model, or the reason why there is none; `patients` if errors allow for theirs."""

    model: Literal["cox", "firth", "fine_gray"]
    ties: Ties
    hazards: tuple[Hazard, ...]
    n: int
    events: int
    patients: int | None = None
    reason: str | None = None

    @property
    def is_error_too_small(self) -> bool:
        """Whether its errors are by patient, with fewer events or patients than that needs."""
        return self.patients is not None and (
            self.patients < FEWEST_PATIENTS or self.events < FEWEST_EVENTS
        )


@frozen(kw_only=True)
class Trend:
    """Test that a hazard ratio is the same on all days; `covariate` None means all together."""

    covariate: str | None
    chi_square: float | None
    degrees_of_freedom: int
    p: float | None
    n: int
    events: int
    reason: str | None = None


def fit_cox(
    observed: Observed, covariates: Covariates, *, ties: Ties = "efron", by_patient: bool = False
) -> Regression:
    """Fit Cox's model, with intervals and p by Wald.

    Notes
    -----
    Cox, J R Stat Soc B 1972;34:187-220. There is a reason and no ratio where the likelihood has
    no maximum, as with all events in one arm. `by_patient` allows for lesions of one patient being
    alike: the sandwich of Lin and Wei, J Am Stat Assoc 1989;84:1074-1078, summed over patients.
    """
    from scipy import special

    partial = PartialLikelihood(observed, covariates, ties)
    if by_patient and observed.patient is None:
        raise InputError("Errors by patient need the patient of each lesion.")
    clusters = (
        None if observed.patient is None else np.unique(observed.patient, return_inverse=True)
    )
    patients = len(clusters[0]) if clusters is not None and by_patient else None
    maximum = _find_maximum(partial)
    if patients is not None and patients <= len(partial.names):
        maximum = "There are no more patients than covariates, too few for errors by patient."
    if isinstance(maximum, str):
        return _build_failed_regression(partial, "cox", maximum)
    beta, slopes = maximum
    variance = np.linalg.inv(slopes.information)
    if clusters is not None and patients is not None:
        parts = np.zeros((patients, len(beta)))
        np.add.at(parts, clusters[1][partial.order], compute_score_residuals(partial, beta, slopes))
        variance = variance @ parts.T @ parts @ variance
    errors = np.sqrt(np.diag(variance))
    if errors.min() < TINY:
        return _build_failed_regression(partial, "cox", ALIKE)
    half = errors * float(special.ndtri((1 + LEVEL) / 2))
    p = special.chdtrc(1, (beta / errors) ** 2)
    failure = _build_failed_regression(
        partial, "cox", None, beta, errors, beta - half, beta + half, p
    )
    return evolve(failure, patients=patients)


def check_proportionality(
    observed: Observed, covariates: Covariates, *, ties: Ties = "efron"
) -> tuple[Trend, ...]:
    """Test for each covariate, and last for all, that the hazard ratio is the same on all days.

    Notes
    -----
    Score test on the Schoenfeld residuals (Grambsch and Therneau, Biometrika 1994;81:515-526)
    against 1 less the Kaplan-Meier share just before each event, as in R's `cox.zph` since 3.0.
    """
    from scipy import special

    partial = PartialLikelihood(observed, covariates, ties)
    every, maximum = list(range(len(covariates))), _find_maximum(partial)
    parts = [*zip(partial.names, ([i] for i in every), strict=True), (None, every)]
    chis: list[float | None] = [None] * len(parts)
    reason = "The events tell nothing of a change with time."
    if isinstance(maximum, str):
        reason = maximum
    else:
        _, slopes = maximum
        curve = estimate_kaplan_meier(evolve(observed, group=None))[0]
        before = np.maximum(np.searchsorted(curve.days, partial.event_days) - 1, 0)
        time = 1 - np.array(curve.values)[before]
        time -= time.mean()
        score = time @ (partial.x[partial.events] - slopes.mean)
        once = np.einsum("e,eab->ab", time, slopes.spread)
        variance = np.einsum("e,eab->ab", time**2, slopes.spread)
        variance -= once @ np.linalg.solve(slopes.information, once)
        for k, (_, columns) in enumerate(parts):
            part = variance[np.ix_(columns, columns)]
            if np.linalg.eigvalsh(part)[0] > NO_INFORMATION:
                chis[k] = float(score[columns] @ np.linalg.solve(part, score[columns]))
    return tuple(
        Trend(
            covariate=name, chi_square=chi, degrees_of_freedom=len(columns), n=observed.n,
            p=None if chi is None else float(special.chdtrc(len(columns), chi)),
            events=observed.events, reason=reason if chi is None else None,
        )
        for (name, columns), chi in zip(parts, chis, strict=True)
    )  # fmt: skip


def fit_firth(observed: Observed, covariates: Covariates, *, ties: Ties = "efron") -> Regression:
    """Fit Cox's model with Firth's penalty, which is finite with all events in one arm too.

    Notes
    -----
    Heinze and Schemper, Biometrics 2001;57:114-119: the log-likelihood plus half the log of the
    determinant of the information; interval by its profile and p by its ratio, both with the
    penalty of the whole model. Rows count as independent.
    """
    from scipy import optimize, special

    partial = PartialLikelihood(observed, covariates, ties)
    reason = _find_obstacle(partial)
    if reason is not None:
        return _build_failed_regression(partial, "firth", reason)
    zero = np.zeros(len(partial.names))
    top, best = _climb_to_maximum(
        partial, zero, _invert_square(partial.compute_slopes(zero).information), sharp=1e-8
    )
    inverse = _invert_square(partial.compute_slopes(best).information)
    errors = np.sqrt(np.diag(inverse))
    if np.abs(_compute_penalised(partial, best)[1] * errors).max() > STEEP:
        return _build_failed_regression(
            partial, "firth", "The maximum of the likelihood was not reached."
        )
    ends, roots = np.zeros((2, len(best))), zero.copy()
    for i, error in enumerate(errors):
        beyond = bound(_measure_beyond, partial, top, best, inverse, i)
        roots[i] = beyond(0.0) + special.ndtri((1 + LEVEL) / 2)
        for side, step in enumerate((-2 * error, 2 * error)):
            near, far = best[i], best[i] + step
            while beyond(far) < 0:
                near, far = far, far + 1.5 * (far - near)
            ends[side, i] = optimize.brentq(beyond, near, far, xtol=1e-8 * error)
    p = special.chdtrc(1, roots**2)
    return _build_failed_regression(partial, "firth", None, best, errors, ends[0], ends[1], p)


def _find_maximum(partial: PartialLikelihood) -> tuple[FloatArray, Slopes] | str:
    """Return the coefficients of the highest likelihood, or the reason why there are none.

    Newton's steps, halved where they overshoot: the likelihood is concave.
    """
    reason = _find_obstacle(partial) or _find_endless_direction(partial)
    if reason is not None:
        return reason
    beta = np.zeros(len(partial.names))
    slopes = partial.compute_slopes(beta)
    with np.errstate(all="ignore"):  # where there is no maximum, which is judged here
        try:
            for _ in range(NEWTON_STEPS):
                step = np.linalg.solve(slopes.information, slopes.score)
                size, after = 1.0, partial.compute_slopes(beta + step)
                while not after.value >= slopes.value - TINY * abs(slopes.value) and size > TINY:
                    size /= 2
                    after = partial.compute_slopes(beta + size * step)
                beta, slopes = beta + size * step, after
                errors = np.sqrt(np.diag(_invert_square(slopes.information)))
                slope = np.abs(slopes.score * errors).max()
                if slope < LEVEL_GROUND or not errors.max() < LOOSE:
                    break
            is_maximum = slope < STEEP and errors.max() < LOOSE
        except np.linalg.LinAlgError:
            is_maximum = False
    if not is_maximum:
        names = ", ".join(partial.names)
        return f"No finite hazard ratios: a mix of {names} may tell the events apart."
    return beta, slopes


def _find_obstacle(partial: PartialLikelihood) -> str | None:
    """Explain why the covariates cannot be determined from the events at all."""
    if not len(partial.events):
        return "There is no event, so nothing can be said of hazards."
    information = partial.compute_slopes(np.zeros(len(partial.names))).information
    for name, own in zip(partial.names, np.diag(information), strict=True):
        if own < NO_INFORMATION:
            return f"{name.capitalize()} is the same for all at risk at an event: leave it out."
    if np.linalg.eigvalsh(information)[0] < NO_INFORMATION:
        return f"Of {', '.join(partial.names)} some follow from the others: leave one out."
    return None


def _find_endless_direction(partial: PartialLikelihood) -> str | None:
    """Return whether every event has the highest value of a covariate among those at risk."""
    may = np.ones((2, len(partial.names)), dtype=np.bool_)
    for k, day in enumerate(np.unique(partial.event_days)):
        risk = partial.raw[(partial.days >= day) & (partial.unseen < day)]
        own = partial.raw[partial.events[partial.tie == k]]
        may &= [own.min(axis=0) >= risk.max(axis=0), own.max(axis=0) <= risk.min(axis=0)]
        if not may.any():
            return None
    side, column = np.argwhere(may)[0]
    name, values = partial.names[column], np.unique(partial.raw[partial.events, column])
    count = len(partial.events)
    events = "The only event is of a lesion" if count == 1 else f"All {count} events are of lesions"
    if len(values) > 1:
        where = f"Each event came to the {('highest', 'lowest')[side]} {name} of all then at risk"
    elif np.isin(partial.raw[:, column], (0.0, 1.0)).all():
        where = f"{events} {('without', 'with')[int(values[0])]} {name}"
    else:
        where = f"{events} where {name} is {values[0]:g}"
    return f"{where}: the likelihood has no maximum. Firth's penalty gives a finite hazard ratio."


def _compute_penalised(partial: PartialLikelihood, beta: FloatArray) -> tuple[float, FloatArray]:
    """Return Firth's penalised log-likelihood and its slope."""
    with np.errstate(all="ignore"):
        slopes = partial.compute_slopes(beta, skew=True)
        sign, log_determinant = np.linalg.slogdet(slopes.information)
    if not (sign > 0 and np.isfinite(slopes.value)):
        return -FAR, np.zeros_like(beta)
    inverse = np.linalg.inv(slopes.information)
    penalty = np.einsum("ab,abc->c", inverse, slopes.skew) / 2
    return slopes.value + float(log_determinant) / 2, slopes.score + penalty


def _climb_to_maximum(
    partial: PartialLikelihood,
    start: FloatArray,
    inverse: FloatArray,
    fixed_index: int = -1,
    *,
    sharp: float,
) -> tuple[float, FloatArray]:  # fmt: skip
    """Return the highest penalised likelihood and where it is, one coefficient held if asked.

    `sharp` is the slope to reach, in units of the errors from the inverse information.
    """
    from scipy import optimize

    free, beta = np.arange(len(start)) != fixed_index, start.copy()
    if not free.any():
        return _compute_penalised(partial, beta)[0], beta
    if fixed_index >= 0:
        inverse = (
            inverse
            - np.outer(inverse[fixed_index], inverse[fixed_index])
            / inverse[fixed_index, fixed_index]
        )
    inverse = inverse[np.ix_(free, free)]
    unit = np.sqrt(np.diag(inverse))

    def measure_depth(steps: FloatArray) -> tuple[float, FloatArray]:
        beta[free] = start[free] + unit * steps
        value, slope = _compute_penalised(partial, beta)
        return -value, -unit * slope[free]

    towards = inverse / np.outer(unit, unit)
    result = optimize.minimize(
        measure_depth, np.zeros(len(unit)), jac=True, method="BFGS",
        options={"gtol": sharp, "hess_inv0": (towards + towards.T) / 2},
    )  # fmt: skip
    beta[free] = start[free] + unit * result.x
    return -float(result.fun), beta


def _measure_beyond(
    partial: PartialLikelihood, top: float, best: FloatArray, inverse: FloatArray, i: int, at: float
) -> float:
    """Return by how much the root of the likelihood ratio of one coefficient exceeds its limit."""
    from scipy import special

    start = best + inverse[i] * ((at - best[i]) / inverse[i, i])
    value, _ = _climb_to_maximum(
        partial, start, inverse, i, sharp=1e-4
    )  # its error is the square of this
    return float(np.sqrt(max(2 * (top - value), 0.0)) - special.ndtri((1 + LEVEL) / 2))


def _build_failed_regression(
    partial: PartialLikelihood,
    model: Literal["cox", "firth"],
    reason: str | None,
    *columns: FloatArray,
) -> Regression:
    """Put coefficient, error, limits and p of each covariate into its own unit."""
    n, events, hazards = partial.observed.n, partial.observed.events, []
    for i, name in enumerate(partial.names):
        hazard = Hazard(
            covariate=name, ratio=EventEstimate(value=None, n=n, events=events, reason=reason)
        )
        if columns:
            beta, error, low, high = (float(column[i] / partial.sd[i]) for column in columns[:4])
            with np.errstate(over="ignore"):
                value, low, high = np.exp([beta, low, high]).tolist()
            ratio = evolve(hazard.ratio, value=value, low=low, high=high)
            hazard = evolve(hazard, ratio=ratio, standard_error=error, p=float(columns[4][i]))
        hazards.append(hazard)
    return Regression(model=model, ties=partial.ties, hazards=tuple(hazards), n=n, events=events,
                      reason=reason)  # fmt: skip


def _invert_square(square: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(square), dtype=np.float64)
