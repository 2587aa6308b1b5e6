"""Draws of a second measurement of one lesion, by a mixture of three kinds of course.

Around the recorded lengths alone a second measurement differs by the SD times the square root of
2. But what is recorded of a lesion that does not change, or changes smoothly, says more than each
length by itself. So three normal models of the true course are weighed by how well they explain
the recorded lengths: constant; smooth in time and shared by the sequences; free at each study.
"""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.assessment import MeasurementError
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation

Matrix = NDArray[np.float64]

CHANGE_MM: Final = 4.6
"""SD of a true change: that of changes spread evenly from -8 to 8 mm."""
SMOOTH_DAYS: Final = 150.0
SHARED: Final = 0.9
"""Share of the variance of a smooth change that the sequences have in common."""
MOST_CORRELATED: Final = 0.99  # beyond this the errors of a visit cannot be told apart
PRIOR: Final = (1 / 3, 1 / 2, 1 / 6)
"""Constant (12 of the 37 lesions of the source paper were stable), smooth, free."""


def repeated_mm(
    studies: Mapping[SeriesRole, Sequence[Observation]],
    error: MeasurementError,
    draws: int,
    random: np.random.Generator,
) -> Matrix:
    """Draw second measurements of all lengths.

    Parameters
    ----------
    studies
        Per sequence its baseline and follow-ups; none has a length of 0.
    error
        Of one measurement; its SD is above 0.

    Returns
    -------
    numpy.ndarray
        A row for each length, in the order of `studies`, a column for each draw, mm.
    """
    rows = [(place, study) for place, row in enumerate(studies.values()) for study in row]
    place = np.array([each for each, _ in rows])
    days = np.array([study.days_from_ssrs for _, study in rows], dtype=float)
    lengths = np.array([float(study.ap_mm) for _, study in rows])
    first = np.array([np.flatnonzero(place == each)[0] for each in place])
    same_sequence = place[:, np.newaxis] == place
    same_visit = (days[:, np.newaxis] == days) & ~same_sequence
    shared = min(error.visit_correlation, MOST_CORRELATED)
    noise = error.sd_mm**2 * (np.eye(len(rows)) + shared * same_visit)
    means = np.eye(len(studies))[place]
    fits = [_fit(lengths, means, noise, course) for course in _courses(days, first, same_sequence)]
    weights = _weights([log_likelihood for _, _, log_likelihood in fits])
    counts = random.multinomial(draws, weights)
    parts = [
        mean[:, np.newaxis]
        + np.linalg.cholesky(spread + 1e-9 * np.eye(len(rows)))
        @ random.standard_normal((len(rows), count))
        for (mean, spread, _), count in zip(fits, counts.tolist(), strict=True)
        if count
    ]
    return np.hstack(parts)


def _courses(days: Matrix, first: NDArray[np.int64], same_sequence: NDArray[np.bool_]) -> (
    list[Matrix]
):  # fmt: skip
    """Give the covariance of the true changes: constant, smooth, free."""

    def kernel(one: Matrix, other: Matrix) -> Matrix:
        apart: Matrix = (one[:, np.newaxis] - other) / SMOOTH_DAYS
        return np.exp(-(apart**2) / 2)

    base = days[first]
    smooth = kernel(days, days) - kernel(days, base) - kernel(base, days) + kernel(base, base)
    follow_up = np.arange(len(days)) != first
    return [
        np.zeros((len(days), len(days))),
        CHANGE_MM**2 * smooth * np.where(same_sequence, 1.0, SHARED),
        CHANGE_MM**2 * np.diag(follow_up.astype(float)),
    ]


def _fit(
    lengths: Matrix, means: Matrix, noise: Matrix, course: Matrix
) -> tuple[Matrix, Matrix, float]:
    """Give mean and covariance of a second measurement, and the restricted log likelihood."""
    total = course + noise
    inverse = np.linalg.inv(total)
    information = means.T @ inverse @ means
    weight = inverse - inverse @ means @ np.linalg.inv(information) @ means.T @ inverse
    mean = lengths - noise @ weight @ lengths
    spread = 2 * noise - noise @ weight @ noise
    log_likelihood = -0.5 * float(
        np.linalg.slogdet(total)[1] + np.linalg.slogdet(information)[1] + lengths @ weight @ lengths
    )
    return mean, (spread + spread.T) / 2, log_likelihood


def _weights(log_likelihoods: Sequence[float]) -> list[float]:
    best = max(log_likelihoods)
    posterior = [prior * exp(each - best) for prior, each in zip(PRIOR, log_likelihoods,
                 strict=True)]  # fmt: skip
    return [each / sum(posterior) for each in posterior]
