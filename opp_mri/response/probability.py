"""What measurement error does to a call: reported next to the category, never deciding.

Three questions are answered by simulation, each in the words of `opp_mri.response.page`: were
every length measured a second time, how often would the call be the same; what would the rules say
of the true lengths; and how would they call a lesion that never changed, measured on this schedule
with this error.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from math import sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import classify
from opp_mri.response.course import gather_facts, split_studies
from opp_mri.response.draws import CATEGORIES, Integers, classify_draws
from opp_mri.response.prior import PAPER_PRIOR, CoursePrior
from opp_mri.response.repeat import TrueLengths, estimate_true_lengths
from opp_mri.units import LONGEST_MM, RECORDED_PRECISION_MM

FRAGILE_BELOW: Final = 0.8
NOISE_FROM: Final = 0.1
DRAWS: Final = 4000  # a share has a standard error of at most 0.8 points
UNCHANGED_MM: Final = 20
REFUTED_BELOW: Final = 0.005
_CHANGED: Final = frozenset({ResponseCategory.OPP, ResponseCategory.PD, ResponseCategory.PR})

_APART_MM: Final = 2.0
_SHARE_APART: Final = 0.25
DEFAULT_SD_MM: Final = _APART_MM / (sqrt(2) * NormalDist().inv_cdf(1 - _SHARE_APART / 2))
"""Standard deviation of one measurement: about 1.23 mm.

Under it two independent measurements differ by 2 mm or more in 25 of 100 pairs, as repeats by one
reader did in 140 focal marrow lesions (PMID 37001052).
"""

DEFAULT_ERROR: Final = MeasurementError(
    sd_mm=DEFAULT_SD_MM,
    source="published repeats of focal marrow lesions (PMID 37001052), not this project",
    is_published=True,
)


@frozen(kw_only=True)
class CategoryProbabilities:
    """How probable each category is, were every length measured a second time.

    Parameters
    ----------
    category
        The call: the category of the lengths as they are recorded.
    probabilities
        Share of the second measurements that have each category, in the order of categories; the
        sum is 1, and a category of no draw is left out.
    posterior
        Share of the true lengths that the rules give each category, likewise.
    prior
        How common each course is supposed to be.
    sd_mm
        Standard deviation of one measurement, mm.
    draws
        Number of draws.
    """

    category: ResponseCategory
    probabilities: Mapping[ResponseCategory, float]
    posterior: Mapping[ResponseCategory, float]
    prior: CoursePrior = PAPER_PRIOR
    sd_mm: float
    draws: int

    @property
    def standard_error(self) -> float:
        """Standard error of the call's own probability, from the number of draws."""
        probability = self.probabilities.get(self.category, 0.0)
        return sqrt(probability * (1 - probability) / self.draws)

    def is_fragile(self, category: ResponseCategory) -> bool:
        """Return whether a call is to be shown as fragile: below 0.8, if simulated (RULES)."""
        return bool(self.probabilities) and self.probabilities.get(category, 0.0) < FRAGILE_BELOW


def estimate_category_probabilities(
    timeline: Timeline,
    rules: Rules,
    *,
    error: MeasurementError = DEFAULT_ERROR,
    prior: CoursePrior = PAPER_PRIOR,
    draws: int = DRAWS,
    seed: int = 0,
) -> CategoryProbabilities:
    """Return the probability of each category on a second measurement, and of the true lengths.

    A second measurement has an error of its own, and what is recorded holds one: around a length
    alone it differs by the SD times the square root of 2, and by less where the other lengths of
    the lesion tell more of the true one (`opp_mri.response.repeat`).

    Parameters
    ----------
    timeline, rules
        As for `classify`.
    error
        Of one measurement; with an SD of 0 the lengths stay as they are recorded.
    prior
        How common each course is before anything is measured.
    draws
        How often all lengths are drawn.
    seed
        Of the random numbers, 0 or more. They depend on it and on days and lengths alone, so that
        neither the name of a lesion nor the order of lesions plays a part.

    Raises
    ------
    ValueError
        There is no draw, or the seed is negative.
    """
    if draws < 1:
        raise ValueError(f"there must be at least one draw, not {draws!r}")
    category = classify(timeline, rules).category
    true, repeated_tenths = (
        draw_repeated_tenths(timeline, error, prior=prior, draws=draws, seed=seed)
        if error.sd_mm
        else ({}, {})
    )
    return CategoryProbabilities(
        category=category,
        probabilities=compute_shares(timeline, repeated_tenths, rules)
        if repeated_tenths
        else {category: 1.0},
        posterior=compute_shares(timeline, true, rules) if true else {category: 1.0},
        prior=prior,
        sd_mm=error.sd_mm,
        draws=draws,
    )


def estimate_expected_calls(
    timeline: Timeline,
    rules: Rules,
    *,
    error: MeasurementError = DEFAULT_ERROR,
    draws: int = DRAWS,
) -> Mapping[ResponseCategory, float]:
    """Return how often a lesion that never changes would have each category on this schedule.

    The lesion has `UNCHANGED_MM` on all studies that count, or the length of the first study of
    each sequence where the error depends on the size; days, sequences and events are those of the
    timeline. Without a sequence that has a baseline and a follow-up the mapping is empty.

    Parameters
    ----------
    timeline
        Of the lesion, for its schedule.
    rules
        Criteria and mode.
    error
        Measurement error in mm.
    draws
        Number of simulated courses.

    Returns
    -------
    Mapping of ResponseCategory to float
        Share of the draws with each category, 0 to 1.
    """
    observations = {}
    for sequence, row in timeline.observations.items():
        length_mm = Decimal(UNCHANGED_MM)
        if error.depends_on_size:
            length_mm = next((study.ap_mm for study in row if study.ap_mm), length_mm)
        observations[sequence] = tuple(evolve(study, ap_mm=length_mm) for study in row)
    unchanged_timeline = evolve(timeline, lesion_id="", observations=observations)
    return _compute_expected_calls(_Frozen(unchanged_timeline), rules, error, draws)


class _Frozen:
    """A timeline that can be a key: lesions of one schedule are simulated once."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._key = (
            timeline.first_fraction_day,
            tuple(timeline.observations.items()),
            timeline.events,
        )

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self._key == other._key


@lru_cache(maxsize=10_000)
def _compute_expected_calls(
    unchanged_timeline: _Frozen, rules: Rules, error: MeasurementError, draws: int
) -> Mapping[ResponseCategory, float]:
    timeline = unchanged_timeline.timeline
    tenths = draw_tenths(timeline, error, draws=draws, seed=0)
    return compute_shares(timeline, tenths, rules) if tenths else {}


def choose_error(timeline: Timeline, error: MeasurementError) -> MeasurementError:
    """Return the error to simulate with: the given one, unless this lesion refutes a published one.

    The published error was found on other lesions by other readers. Where the lengths of this one
    scatter so little about a straight line per sequence that the published error would do so in
    fewer than `REFUTED_BELOW` of such lesions, the upper 97.5% limit of their own SD is used.
    """
    if not error.is_published:
        return error
    squares_mm2, freedom, lengths = 0.0, 0, 0
    for studies in split_studies(timeline).values():
        rows = [study for study in (studies.baseline, *studies.follow_ups) if study and study.ap_mm]
        if len(rows) > 2:
            days = np.array([study.days_from_ssrs for study in rows], dtype=float)
            lengths_mm = np.array([float(study.ap_mm) for study in rows])
            line = np.polynomial.Polynomial.fit(days, lengths_mm, 1)
            squares_mm2 += float(((lengths_mm - line(days)) ** 2).sum())
            freedom, lengths = freedom + len(rows) - 2, lengths + len(rows)
    if not freedom:
        return error
    from scipy.special import gammainc, gammaincinv  # slow to import

    if gammainc(freedom / 2, squares_mm2 / error.sd_mm**2 / 2) >= REFUTED_BELOW:
        return error
    rounding_mm2 = freedom * float(RECORDED_PRECISION_MM) ** 2 / 12
    limit_mm2 = max(squares_mm2, rounding_mm2) / (2 * float(gammaincinv(freedom / 2, 0.025)))
    return MeasurementError(
        sd_mm=sqrt(limit_mm2),
        source=f"upper limit from the scatter of this lesion's own {lengths} lengths, which is "
        "less than that of published repeats",
    )


def is_noise(category: ResponseCategory, calls: Mapping[ResponseCategory, float]) -> bool:
    """Return whether a call is one that measurement error often gives to an unchanged lesion.

    Stable disease is what an unchanged lesion should be called, so it is never noise; nor is the
    lack of an answer.
    """
    return category in _CHANGED and calls.get(category, 0.0) >= NOISE_FROM


def estimate_lesion_lengths(timeline: Timeline, error: MeasurementError) -> TrueLengths | None:
    """Describe what the true lengths of a lesion may be; None where no length can play a part."""
    measured_studies = _keep_measured(_collect_studies(timeline))
    return (
        estimate_true_lengths(measured_studies, error) if measured_studies and error.sd_mm else None
    )


def draw_repeated_tenths(
    timeline: Timeline,
    error: MeasurementError,
    *,
    prior: CoursePrior = PAPER_PRIOR,
    draws: int,
    seed: int,
) -> tuple[dict[SeriesRole, Integers], dict[SeriesRole, Integers]]:
    """Draw true lengths, and second measurements of them; each as `draw_tenths` gives lengths.

    Parameters
    ----------
    timeline
        Of the lesion.
    error
        Measurement error in mm.
    prior
        Distribution of true courses.
    draws
        Number of draws.
    seed
        With the lengths it decides the draws; the name of the lesion does not.
    """
    studies = _collect_studies(timeline)
    measured_studies = _keep_measured(studies)
    keys = [(name, study.days_from_ssrs) for name, row in measured_studies.items() for study in row]
    tenths: tuple[Integers, ...] = (np.zeros((0, draws), dtype=np.int64),) * 2
    if measured_studies:
        random = np.random.default_rng([seed, *_compute_digest(studies)])
        lengths_mm = estimate_true_lengths(measured_studies, error, prior.changes).draw_mm(
            prior, draws, random
        )
        tenths = tuple(round_to_tenths(10 * rows) for rows in lengths_mm)
    zero_lengths = np.zeros(draws, dtype=np.int64)
    true, repeated_tenths = (
        {
            sequence: np.array(
                [row_of.get((sequence, study.days_from_ssrs), zero_lengths) for study in row]
            )
            for sequence, row in studies.items()
        }
        for row_of in (dict(zip(keys, rows, strict=True)) for rows in tenths)
    )
    return true, repeated_tenths


def _keep_measured(
    studies: Mapping[SeriesRole, Sequence[Observation]],
) -> dict[SeriesRole, list[Observation]]:
    """Leave out what is gone: an answer, not a measurement."""
    rows = {sequence: [study for study in row if study.ap_mm] for sequence, row in studies.items()}
    return {sequence: row for sequence, row in rows.items() if row}


def round_to_tenths(tenths: NDArray[np.float64]) -> Integers:
    """Round half-even, as a length is when it is recorded, and not below 0."""
    return np.clip(np.rint(tenths).astype(np.int64), 0, 10 * LONGEST_MM - 1)


def _collect_studies(timeline: Timeline) -> dict[SeriesRole, tuple[Observation, ...]]:
    return {
        sequence: (studies.baseline, *studies.follow_ups)
        for sequence, studies in split_studies(timeline).items()
        if studies.baseline is not None and studies.follow_ups
    }


def draw_tenths(
    timeline: Timeline, error: MeasurementError, *, draws: int, seed: int
) -> dict[SeriesRole, Integers]:
    """Draw the lengths that can play a part: of sequences with a baseline and a follow-up.

    Each length gets a normal error, of which all sequences of one visit share a part; the result
    is rounded half-even to 0.1 mm, as a computed length is when it is recorded, and not below 0. A
    length of 0 is an explicit answer, not a measurement: it has no error.

    Parameters
    ----------
    timeline
        Of the lesion.
    error
        Measurement error in mm, with the correlation of the errors of one visit.
    draws
        Number of draws.
    seed
        With the lengths it decides the draws; the name of the lesion does not.

    Returns
    -------
    dict
        Per sequence, in the order of sequences, whole tenths of a mm: a row for the baseline and
        one for each follow-up that counts, a column for each draw.
    """
    studies = _collect_studies(timeline)
    random = np.random.default_rng([seed, *_compute_digest(studies)])
    shared = sqrt(error.visit_correlation)
    visits: dict[int, NDArray[np.float64]] = {}
    if shared:
        days = {study.days_from_ssrs for row in studies.values() for study in row}
        visits = {day: random.standard_normal(draws) for day in sorted(days)}
    drawn_tenths = {}
    for sequence, row in studies.items():
        tenths = np.array([[float(10 * study.ap_mm)] for study in row])
        lengths = random.standard_normal((len(tenths), draws))
        if shared:
            lengths *= sqrt(1 - error.visit_correlation)
            lengths += shared * np.array([visits[study.days_from_ssrs] for study in row])
        sds_mm = [[error.get_sd_mm(sequence, float(study.ap_mm))] for study in row]
        lengths *= 10 * np.array(sds_mm) * (tenths != 0)
        lengths += tenths
        drawn_tenths[sequence] = round_to_tenths(lengths)
    return drawn_tenths


def _compute_digest(studies: Mapping[SeriesRole, Sequence[Observation]]) -> bytes:
    """Return what identifies days and lengths, however their digits are written."""
    text = "|".join(
        f"{sequence}:{study.days_from_ssrs}:{study.ap_mm.normalize()}"
        for sequence, row in studies.items()
        for study in row
    )
    return sha256(text.encode()).digest()


def compute_shares(
    timeline: Timeline, tenths: Mapping[SeriesRole, Integers], rules: Rules
) -> dict[ResponseCategory, float]:
    """Return the share of the draws that has each category, in the order of categories."""
    codes = classify_draws(split_studies(timeline), tenths, gather_facts(timeline), rules)
    shares = np.bincount(codes, minlength=len(CATEGORIES)) / len(codes)
    return {
        category: share
        for category, share in zip(CATEGORIES, shares.tolist(), strict=True)
        if share
    }
