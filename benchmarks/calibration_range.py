"""Whether the range of a probability, under all stated priors, holds what is observed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from attrs import frozen

from benchmarks.calibration_lesions import POPULATIONS, Days, Values, draw_days
from benchmarks.profiles import FACTS, errors, timeline_of
from opp_mri.domain.assessment import Rules
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.response.course import split_studies
from opp_mri.response.criteria import load_criteria
from opp_mri.response.draws import classify_draws
from opp_mri.response.prior import ALTERNATIVE_PRIORS, PAPER_PRIOR
from opp_mri.response.probability import draw_repeated_tenths, round_to_tenths

RULES: Final = Rules(criteria=load_criteria("amini-2016"))
RANGE_BINS: Final = np.array([0, 0.5, 0.8, 0.9, 1.0001])
RANGE_DRAWS, SECOND_MEASUREMENTS, FEWEST = 250, 100, 20
NEAR_POINTS: Final = 2


@frozen(kw_only=True)
class RangeGroup:
    """Lesions of one kind whose call has about the same stated probability, with its range."""

    lesions: int
    stated: float
    lowest: float
    highest: float
    same: float
    standard_error: float

    @property
    def outside_points(self) -> float:
        """How far the observed share lies outside the range, in points; 0 within it."""
        return 100 * max(0.0, self.lowest - self.same, self.same - self.highest)

    @property
    def verdict(self) -> str:
        """Whether the observed share lies in the range."""
        if not self.outside_points:
            return "in the range"
        error = 100 * self.standard_error
        return f"outside by {self.outside_points:.1f} (standard error {error:.1f})"


def ranges_of(
    population: str, lesions: int, sd_mm: float, correlation: float
) -> Iterator[RangeGroup]:
    """Simulate lesions, and give the stated range and the observed share of each group."""
    rng = np.random.default_rng([9, int(100 * sd_mm), int(10 * correlation)])
    error = MeasurementError(sd_mm=sd_mm, visit_correlation=correlation, source="simulated")
    rows = []
    for _ in range(lesions):
        days = draw_days(rng)
        rows.append(_stated_by_prior(rng, POPULATIONS[population](rng, days), days, error))
    values = np.array(rows)
    stated_by_prior, same = values[:, :-1], values[:, -1]
    place = np.digitize(stated_by_prior[:, 0], RANGE_BINS)
    for number in range(1, len(RANGE_BINS)):
        own = place == number
        if own.sum() >= FEWEST:
            yield RangeGroup(
                lesions=int(own.sum()),
                stated=float(stated_by_prior[own, 0].mean()),
                lowest=float(stated_by_prior[own].min(axis=1).mean()),
                highest=float(stated_by_prior[own].max(axis=1).mean()),
                same=float(same[own].mean()),
                standard_error=float(same[own].std() / np.sqrt(own.sum())),
            )


def _stated_by_prior(
    rng: np.random.Generator, truth_mm: Values, days: Days, error: MeasurementError
) -> list[float]:
    """Return the probability of the same call under each prior, and the observed share."""
    first_mm = truth_mm + errors(rng, truth_mm.shape, error.sd_mm, error.visit_correlation)
    timeline = timeline_of(first_mm, days)
    studies_by_sequence = split_studies(timeline)
    shape = (SECOND_MEASUREMENTS, *truth_mm.shape)
    second_mm = truth_mm + errors(rng, shape, error.sd_mm, error.visit_correlation)
    measured_mm = np.concatenate([first_mm[np.newaxis], second_mm])
    priors = (PAPER_PRIOR, *ALTERNATIVE_PRIORS)
    repeats = [
        draw_repeated_tenths(timeline, error, prior=prior, draws=RANGE_DRAWS, seed=0)[1]
        for prior in priors
    ]
    tenths = {
        name: np.hstack(
            [
                round_to_tenths(10 * measured_mm[:, place].T),
                *(repeat[name] for repeat in repeats),
            ]
        )
        for place, name in enumerate(studies_by_sequence)
    }
    calls = classify_draws(studies_by_sequence, tenths, FACTS, RULES)
    same = calls == calls[0]
    end = SECOND_MEASUREMENTS + 1
    by_prior = same[end:].reshape(len(priors), RANGE_DRAWS).mean(axis=1)
    return [*by_prior.tolist(), float(same[1:end].mean())]


def range_section(
    groups_by_setting: Mapping[tuple[str, float, float], Sequence[RangeGroup]], lesions: int
) -> list[str]:
    """Write whether the stated range holds the observed share."""
    groups = [group for own in groups_by_setting.values() for group in own]
    total = sum(group.lesions for group in groups)
    inside = sum(group.lesions for group in groups if not group.outside_points)
    near = sum(group.lesions for group in groups if group.outside_points <= NEAR_POINTS)
    lines = [
        "",
        "## The range",
        "",
        "No single number can be right for each of these kinds of lesions. The page of a lesion "
        "therefore states, next to the probability, its lowest and highest value under three "
        "priors: that of the program; lesions that change by 4 to 10 mm or not at all; and lesions "
        "of which small changes are as common as large ones. If the true mix is a mixture of the "
        "three, the probability lies in the range, whatever the shares. The second and the third "
        "prior were chosen after looking at *mix* and *even over lesions*, so that the range is "
        "tuned to these two kinds. Here are "
        f"{lesions:,} other lesions of each kind, by what was stated: the mean limits of the "
        f"range, and the observed share. It lies in the range for groups with {inside / total:.0%} "
        f"of the lesions, and in it or within {NEAR_POINTS} points of it for "
        f"{near / total:.0%}. The limits are computed with {RANGE_DRAWS} draws for each prior, "
        "fewer than the program uses, so the range is somewhat wide.",
        "",
        "| lesions | SD mm | correlation | n | stated | range | the same | |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {name} | {sd_mm} | {correlation} | {group.lesions} | {group.stated:.0%} | "
        f"{group.lowest:.0%} to {group.highest:.0%} | {group.same:.0%} | {group.verdict} |"
        for (name, sd_mm, correlation), own in groups_by_setting.items()
        for group in own
    ]
    return lines
