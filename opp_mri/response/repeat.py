"""The true lengths of a lesion, and a second measurement of it, given the first.

What a second measurement will be follows from the true lengths, and of these the first measurement
says only so much: the rest is a prior (`opp_mri.response.prior`). Where the prior is that of the
lesions, the share of second measurements with the same call is exactly the probability that is
stated; `benchmarks/calibration.py` measures how far it holds for other lesions.
"""

from collections.abc import Mapping, Sequence
from math import log, pi, sqrt
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import Observation
from opp_mri.response.prior import (
    COURSES,
    EVEN_MM,
    PAPER_CHANGES,
    WIDE,
    ChangePrior,
    CoursePrior,
    Lengths,
    Matrix,
    NormalCourses,
    build_normal_courses,
)

MOST_CORRELATED: Final = 0.99  # beyond this the errors of a visit cannot be distinguished
LEAST_CHANCE: Final = 1e-12
_ANY: Final = -1


@frozen(kw_only=True)
class TrueLengths:
    """What is known of the true lengths of a lesion, for each course that it may have.

    Parameters
    ----------
    lengths, error
        What was measured, and with which error.
    courses
        The normal ones; the last in `log_evidence` is the free course with even changes.
    log_evidence
        Logarithm of the probability density of the lengths for each course, and of the share of
        the course if all courses that have a shape were equally common.
    means_mm, covariances_mm2
        Of the true lengths, for each normal course.
    """

    lengths: Lengths
    error: MeasurementError
    courses: NormalCourses
    log_evidence: Matrix
    means_mm: Matrix
    covariances_mm2: Matrix

    def compute_evidence_by_course(self) -> Matrix:
        """Return how well each of `COURSES`, and in the last place any other, explains the lengths.

        The values are relative to the largest.
        """
        weights = np.exp(self.log_evidence - self.log_evidence.max())
        place = np.append(self.courses.course, _ANY)
        return np.array([weights[place == course].sum() for course in (*range(len(COURSES)), _ANY)])

    def draw_mm(
        self, prior: CoursePrior, draws: int, random: np.random.Generator
    ) -> tuple[Matrix, Matrix]:
        """Draw true lengths, and for each a second measurement.

        Returns
        -------
        tuple of numpy.ndarray
            True and measured: a row for each length, a column for each draw, mm.
        """
        place = np.append(self.courses.course, _ANY)
        shares = np.where(place == _ANY, 1.0, np.array(prior.shares)[place])
        weights = shares * np.exp(self.log_evidence - self.log_evidence.max())
        counts = random.multinomial(draws, weights / weights.sum())
        true = [
            self._draw_normal(number, count, random)
            for number, count in enumerate(counts[:-1].tolist())
            if count
        ]
        if counts[-1]:
            true.append(self._draw_even(counts[-1], random))
        true_mm = np.hstack(true)
        return true_mm, true_mm + self._draw_errors(draws, random)

    def _draw_normal(self, number: int, draws: int, random: np.random.Generator) -> Matrix:
        mean_mm, spread = self.means_mm[number], self.covariances_mm2[number]
        root = np.linalg.cholesky((spread + spread.T) / 2 + 1e-9 * np.eye(len(mean_mm)))
        samples: Matrix = mean_mm[:, np.newaxis] + root @ random.standard_normal(
            (len(mean_mm), draws)
        )
        return samples

    def _draw_even(self, draws: int, random: np.random.Generator) -> Matrix:
        """Draw changes that were evenly spread before, within their limits.

        The baselines, and the part of the errors that a visit shares, are drawn first, as if the
        limits said nothing of them.
        """
        from scipy.special import ndtr, ndtri  # slow to import

        own_mm, follow_ups = self._own_sd_mm, self.lengths.follow_ups
        centre = self.lengths.lengths_mm[:, np.newaxis] - self._draw_shared(draws, random)
        true = centre + own_mm * random.standard_normal(centre.shape)
        start = true[self.lengths.baseline]
        low, high = (ndtr((start + end - centre) / own_mm) for end in (-EVEN_MM, EVEN_MM))
        chance = low + (high - low) * random.random(centre.shape)
        even = centre + own_mm * ndtri(np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE))
        return np.where(follow_ups[:, np.newaxis], even, true)

    @property
    def _own_sd_mm(self) -> Matrix:
        """SD of the part of each error that its visit does not share: a column, mm."""
        own: Matrix = (
            sqrt(1 - _compute_shared_part(self.error)) * self.lengths.sds_mm[:, np.newaxis]
        )
        return own

    def _draw_shared(self, draws: int, random: np.random.Generator) -> Matrix:
        """Draw the part of the errors that all sequences of a visit share."""
        visits, visit = np.unique(self.lengths.days, return_inverse=True)
        parts = random.standard_normal((len(visits), draws))[visit]
        shared: Matrix = (
            sqrt(_compute_shared_part(self.error)) * self.lengths.sds_mm[:, np.newaxis] * parts
        )
        return shared

    def _draw_errors(self, draws: int, random: np.random.Generator) -> Matrix:
        own = random.standard_normal((len(self.lengths.days), draws))
        return self._draw_shared(draws, random) + self._own_sd_mm * own


def estimate_true_lengths(
    studies: Mapping[SeriesRole, Sequence[Observation]],
    error: MeasurementError,
    changes: ChangePrior = PAPER_CHANGES,
) -> TrueLengths:
    """Weigh each course by how well it explains the lengths, and say what they then truly are.

    Parameters
    ----------
    studies
        Per sequence its baseline and follow-ups; none has a length of 0.
    error
        Of one measurement; its SD is above 0.
    changes
        How large changes are supposed to be.

    Notes
    -----
    Nothing is supposed of the length at baseline: its prior is flat, as in restricted maximum
    likelihood (Patterson and Thompson, Biometrika 1971;58:545-554).
    """
    lengths = _gather_lengths(studies, error)
    courses = build_normal_courses(lengths, changes)
    same_visit = (lengths.days[:, np.newaxis] == lengths.days) & ~lengths.same_sequence
    noise = np.outer(lengths.sds_mm, lengths.sds_mm) * (
        np.eye(len(lengths.days)) + _compute_shared_part(error) * same_visit
    )
    starts = np.eye(len(studies))[lengths.sequence]
    total = courses.covariances_mm2 + noise
    inverse = np.linalg.inv(total)
    weighted_starts = starts.T @ inverse
    information = weighted_starts @ starts
    weight = (
        inverse - np.swapaxes(weighted_starts, 1, 2) @ np.linalg.inv(information) @ weighted_starts
    )
    rest = lengths.lengths_mm - courses.means_mm
    weighted_rest = np.einsum("knm,km->kn", weight, rest)
    log_likelihood = -0.5 * (
        np.linalg.slogdet(total)[1]
        + np.linalg.slogdet(information)[1]
        + np.einsum("kn,kn->k", rest, weighted_rest)
    )
    even = log(changes.free * (1 - WIDE)) + _log_even(lengths)
    return TrueLengths(
        lengths=lengths,
        error=error,
        courses=courses,
        log_evidence=np.append(np.log(courses.shares) + log_likelihood, even),
        means_mm=lengths.lengths_mm - weighted_rest @ noise,
        covariances_mm2=noise - noise @ weight @ noise,
    )


def _log_even(lengths: Lengths) -> float:
    """Return the log likelihood of even changes, on the scale of the restricted one.

    Each change is weighed by itself.
    """
    from scipy.special import ndtr  # slow to import

    changes_mm = lengths.lengths_mm - lengths.lengths_mm[lengths.baseline]
    apart_mm, sds_mm = changes_mm[lengths.follow_ups], sqrt(2) * lengths.sds_mm[lengths.follow_ups]
    low, high = ((end - apart_mm) / sds_mm for end in (-EVEN_MM, EVEN_MM))
    chances = (ndtr(high) - ndtr(low)) / (2 * EVEN_MM)
    return float(np.log(np.maximum(chances, LEAST_CHANCE)).sum() + len(apart_mm) * log(2 * pi) / 2)


def _compute_shared_part(error: MeasurementError) -> float:
    return min(error.visit_correlation, MOST_CORRELATED)


def _gather_lengths(
    studies: Mapping[SeriesRole, Sequence[Observation]], error: MeasurementError
) -> Lengths:
    rows = [(place, study) for place, row in enumerate(studies.values()) for study in row]
    sequence = np.array([place for place, _ in rows])
    return Lengths(
        lengths_mm=np.array([float(study.ap_mm) for _, study in rows]),
        days=np.array([study.days_from_ssrs for _, study in rows], dtype=float),
        sequence=sequence,
        baseline=np.array([np.flatnonzero(sequence == name)[0] for name in sequence]),
        sds_mm=np.array(
            [
                error.get_sd_mm(name, float(study.ap_mm))
                for name, row in studies.items()
                for study in row
            ]
        ),
    )
