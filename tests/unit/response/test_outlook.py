from math import exp, lgamma, log

import pytest
from attrs import evolve
from fixtures.response_builders import (
    AMINI,
    ANY_CRITERIA,
    TIMELINES_WITH_EXCLUSIONS,
    lesion,
    studies,
)
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.assessment import Mode, Reason, ResponseCategory, Rules
from opp_mri.domain.timeline import EventKind, Exclusion, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.outlook import AMINI_2016, CAVEAT, Outlook, compute_outlook, compute_posterior

ENLARGING = lesion(T1=studies(before7="20.0", d60="23.0", d100="24.0"))
ENLARGED_ONCE = lesion(T1=studies(before7="20.0", d300="23.0"))


def outlook_of(timeline: Timeline, fractions: int | None) -> Outlook | None:
    return compute_outlook(
        classify(timeline, Rules(criteria=AMINI, mode=Mode.PROSPECTIVE)), fractions
    )


def density(x: float, alpha: float, beta: float) -> float:
    scale = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
    return exp(scale + (alpha - 1) * log(x) + (beta - 1) * log(1 - x))


@pytest.mark.parametrize(
    ("fractions", "alpha", "beta", "mean", "low", "high", "n"),
    [
        (1, "6.57", "5.43", "0.55", "0.27", "0.80", 8),
        (3, "1.57", "8.43", "0.16", "0.01", "0.42", 6),
        (4, "1.57", "8.43", "0.16", "0.01", "0.42", 6),
        (5, "1.57", "8.43", "0.16", "0.01", "0.42", 6),
    ],
)
def test_the_figures_are_those_of_the_rules(fractions, alpha, beta, mean, low, high, n) -> None:
    result = outlook_of(ENLARGING, fractions)
    assert result is not None
    numbers = [result.alpha, result.beta, result.mean, result.low, result.high]
    assert [f"{number:.2f}" for number in numbers] == [alpha, beta, mean, low, high]
    assert result.n == n


@pytest.mark.parametrize("paper", AMINI_2016, ids=lambda paper: paper.regimen)
def test_each_tail_of_the_interval_holds_one_fortieth_of_the_density(paper) -> None:
    result, steps = compute_posterior(paper), 200_000
    for limit, side in ((result.low, 0.025), (result.high, 0.975)):
        width = limit / steps
        area = sum(density((i + 0.5) * width, result.alpha, result.beta) for i in range(steps))
        assert area * width == pytest.approx(side, abs=1e-5)


def test_the_prior_alone_has_the_mean_of_its_source() -> None:
    posterior = compute_posterior(evolve(AMINI_2016[0], opp=0, pd=0))
    assert posterior.mean == pytest.approx(9 / 23)
    assert posterior.alpha + posterior.beta == pytest.approx(4)


def test_the_sentence_gives_interval_n_and_caveat() -> None:
    result = outlook_of(ENLARGING, 1)
    assert result is not None
    for part in ("0.55", "0.27 to 0.80", "n = 8", "5 of 8", "9 of 23", CAVEAT, "not a category"):
        assert part in result.sentence
    assert CAVEAT == "five events, one centre, no pathology"


def test_a_lesion_that_was_enlarged_on_a_single_study_has_an_outlook() -> None:
    answer = classify(ENLARGED_ONCE, Rules(criteria=AMINI, mode=Mode.PROSPECTIVE))
    assert answer.reason is Reason.ENLARGED_ON_SINGLE_STUDY
    assert compute_outlook(answer, 1) == outlook_of(ENLARGING, 1)


@pytest.mark.parametrize("criterion", Exclusion)
def test_it_is_withheld_when_an_eligibility_criterion_fails(criterion) -> None:
    exclusion_event = TreatmentEvent(0, EventKind.EXCLUSION, criterion.value)
    assert outlook_of(evolve(ENLARGING, events=(exclusion_event,)), 1) is None


@pytest.mark.parametrize("fractions", [None, 2, 6, 10])
def test_it_is_withheld_where_the_fractions_are_unknown_or_unseen(fractions) -> None:
    assert outlook_of(ENLARGING, fractions) is None


@pytest.mark.parametrize(
    "timeline",
    [
        lesion(T1=studies(before7="20.0", d60="20.5")),
        lesion(T1=studies(before7="20.0", d60="20.5", d250="20.0")),
        lesion(T1=studies(before7="20.0", d60="24.0", d100="21.0")),
        lesion(T1=studies(before7="20.0", d200="24.0", d300="25.0", d400="26.0")),
        lesion(T1=studies(d60="24.0")),
        lesion(),
    ],
    ids=["not enlarged", "stable", "falling", "progressive", "no baseline", "not measured"],
)
def test_it_is_withheld_for_a_lesion_that_is_not_open_and_enlarging(timeline) -> None:
    assert outlook_of(timeline, 1) is None


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, mode=st.sampled_from(Mode))
def test_only_an_open_lesion_that_grew_has_one_and_never_with_hindsight(
    timeline, criteria, mode
) -> None:
    answer = classify(timeline, Rules(criteria=criteria, mode=mode))
    if compute_outlook(answer, 1) is not None:
        assert mode is Mode.PROSPECTIVE
        assert answer.category is ResponseCategory.INDETERMINATE
        assert not any(event.kind is EventKind.EXCLUSION for event in timeline.events)
        peaks = [
            sequence.peak_change_mm
            for sequence in answer.sequences.values()
            if sequence.peak_change_mm
        ]
        assert max(peaks) >= criteria.change_mm


def test_an_answer_with_hindsight_has_none_even_where_it_is_open() -> None:
    answer = classify(ENLARGING, Rules(criteria=AMINI, mode=Mode.PROSPECTIVE))
    assert compute_outlook(answer, 1) is not None
    assert compute_outlook(evolve(answer, rules=Rules(criteria=AMINI)), 1) is None
