"""How sure a call is: checked against the rules, draw by draw, and against the normal law."""

from collections import Counter
from decimal import Decimal
from math import inf, nan, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from attrs import evolve
from fixtures.response_builders import (
    AMINI,
    ANY_CRITERIA,
    TIMELINES_WITH_EXCLUSIONS,
    lesion,
    studies,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.assessment import (
    Criteria,
    Mode,
    Plateau,
    Reference,
    ResponseCategory,
    Rules,
    TherapyCounts,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement_error import ErrorClass, MeasurementError
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.probability import (
    DEFAULT_SD_MM,
    FRAGILE_BELOW,
    CategoryProbabilities,
    draw_repeated_tenths,
    draw_tenths,
    estimate_category_probabilities,
    estimate_expected_calls,
    is_noise,
)

OPP, PD, PR, SD = (
    ResponseCategory.OPP,
    ResponseCategory.PD,
    ResponseCategory.PR,
    ResponseCategory.SD,
)
MODES = st.sampled_from(Mode)
MANY_CRITERIA = st.one_of(
    ANY_CRITERIA,
    st.builds(
        Criteria,
        name=st.just("any"),
        change_mm=st.sampled_from([Decimal(mm) for mm in ("2", "1.95", "2.04", "0.5")]),
        growth_inclusive=st.booleans(),
        decline_inclusive=st.booleans(),
        min_follow_up_days=st.sampled_from([100, 182]),
        sustain_days=st.sampled_from([0, 60, 84]),
        window_days=st.sampled_from([60, 182]),
        progression_min_studies=st.integers(1, 3),
        plateau=st.sampled_from(Plateau),
        therapy_counts=st.sampled_from(TherapyCounts),
        reference=st.sampled_from(Reference),
        confirm_growth=st.booleans(),
    ),
)
# small errors put many draws on one limit, large ones mix the orders of the studies
SDS_MM = st.sampled_from([0.05, 0.1, 0.3, DEFAULT_SD_MM, 3.0])
DIGITS = st.sampled_from([Decimal(0), Decimal("0.05"), Decimal("0.003")])


def with_digits(timeline: Timeline, digits_mm: Decimal) -> Timeline:
    """Make all lengths such as only an import has them."""
    return evolve(
        timeline,
        observations={
            sequence: tuple(
                Observation(item.days_from_ssrs, item.ap_mm + digits_mm) for item in row
            )
            for sequence, row in timeline.observations.items()
        },
    )


def error_of(sd_mm: float, visit_correlation: float = 0.0) -> MeasurementError:
    return MeasurementError(sd_mm=sd_mm, visit_correlation=visit_correlation, source="a test")


def as_drawn(timeline: Timeline, error: MeasurementError, draws: int, seed: int) -> list[Timeline]:
    """Write each draw as a timeline of its own; lengths that play no part stay."""
    _, tenths_by_sequence = draw_repeated_tenths(timeline, error, draws=draws, seed=seed)
    retreatment_days = [
        event.days_from_ssrs
        for event in timeline.events
        if event.kind is EventKind.LOCAL_RETREATMENT
    ]
    timelines = []
    for draw in range(draws):
        observations = dict(timeline.observations)
        for sequence, tenths in tenths_by_sequence.items():
            row = timeline.observations[sequence]
            days = [
                item.days_from_ssrs
                for item in row
                if item.days_from_ssrs <= min(retreatment_days, default=999)
            ]
            days = [max(day for day in days if day <= 0), *(day for day in days if day > 0)]
            lengths = dict(zip(days, tenths[:, draw].tolist(), strict=True))
            observations[sequence] = tuple(
                Observation(item.days_from_ssrs, Decimal(lengths[item.days_from_ssrs]) / 10)
                if item.days_from_ssrs in lengths
                else item
                for item in row
            )
        timelines.append(evolve(timeline, observations=observations))
    return timelines


@settings(max_examples=200, deadline=None)
@given(
    timeline=TIMELINES_WITH_EXCLUSIONS,
    digits_mm=DIGITS,
    criteria=MANY_CRITERIA,
    mode=MODES,
    sd_mm=SDS_MM,
    visit_correlation=st.sampled_from([0.0, 0.6, 1.0]),
    seed=st.integers(0, 1000),
)
def test_the_probabilities_are_what_the_rules_say_of_every_single_draw(
    timeline, digits_mm, criteria, mode, sd_mm, visit_correlation, seed
) -> None:
    timeline, draws = with_digits(timeline, digits_mm), 40
    rules = Rules(criteria=criteria, mode=mode)
    result = estimate_category_probabilities(
        timeline, rules, error=error_of(sd_mm, visit_correlation), draws=draws, seed=seed
    ).probabilities
    repeat = error_of(sd_mm, visit_correlation)
    counts = Counter(
        classify(drawn_timeline, rules).category
        for drawn_timeline in as_drawn(timeline, repeat, draws, seed)
    )
    assert result == {item: count / draws for item, count in counts.items()}
    assert sum(result.values()) == pytest.approx(1)


@settings(deadline=None)
@given(timeline=TIMELINES_WITH_EXCLUSIONS, digits_mm=DIGITS, criteria=MANY_CRITERIA, mode=MODES)
def test_without_measurement_error_the_call_is_certain(timeline, digits_mm, criteria, mode) -> None:
    timeline = with_digits(timeline, digits_mm)
    sure = estimate_category_probabilities(
        timeline, Rules(criteria=criteria, mode=mode), error=error_of(0.0), draws=10
    )
    call = classify(timeline, Rules(criteria=criteria, mode=mode)).category
    assert (sure.category, sure.probabilities) == (call, {call: 1.0})
    assert sure.standard_error == 0
    assert not sure.is_fragile(call)


def test_around_a_length_alone_a_second_measurement_differs_by_the_square_root_of_2() -> None:
    wild = lesion(T1=studies(d0="20.0", d60="60.0", d90="10.0", d150="80.0"))
    lengths_mm = (
        draw_repeated_tenths(wild, error_of(1.0), draws=8000, seed=0)[1][SeriesRole.T1] / 10
    )
    assert lengths_mm.std(axis=1) == pytest.approx(sqrt(2), abs=0.08)
    assert lengths_mm.mean(axis=1) == pytest.approx([20, 60, 10, 80], abs=6)


def test_around_lengths_that_agree_it_differs_by_the_sd_and_by_what_their_mean_is_unsure_of() -> (
    None
):
    _, tenths_by_sequence = draw_repeated_tenths(UNCHANGED, error_of(1.0), draws=8000, seed=0)
    spread = np.vstack(list(tenths_by_sequence.values())).std(axis=1) / 10
    assert spread == pytest.approx(np.full(15, sqrt(1 + 1 / 5)), abs=0.12)


def test_a_change_at_the_threshold_is_a_toss_up_and_a_large_one_is_sure() -> None:
    growth = [
        estimate_category_probabilities(
            lesion(T1=studies(d0="20.0", d200=mm)), Rules(criteria=AMINI)
        )
        for mm in ("22.0", "30.0")
    ]
    assert 0.2 < growth[0].probabilities[PD] < 0.6
    assert growth[0].is_fragile(PD)
    assert growth[1].probabilities[PD] > 0.99
    assert not growth[1].is_fragile(PD)


def test_by_default_a_quarter_of_repeats_differs_by_2_mm_or_more() -> None:
    difference = NormalDist(0, sqrt(2) * DEFAULT_SD_MM)
    assert 2 * difference.cdf(-2) == pytest.approx(0.25)
    assert pytest.approx(1.2294, abs=1e-4) == DEFAULT_SD_MM


COURSE = {"before7": "20.0", "d60": "22.3", "d120": "24.1", "d270": "21.9"}
TWO_SEQUENCES = lesion(T1=studies(**COURSE), T2FS=studies(before7="18.0", d60="20.0", d270="19.0"))


def asked(timeline: Timeline, seed: int = 0) -> CategoryProbabilities:
    return estimate_category_probabilities(timeline, Rules(criteria=AMINI), seed=seed)


def test_the_same_seed_gives_the_same_whatever_was_asked_before() -> None:
    timeline = evolve(TWO_SEQUENCES, events=(), observations={"T1": studies(**COURSE)})
    first, second = asked(TWO_SEQUENCES), asked(timeline)
    assert (asked(timeline), asked(TWO_SEQUENCES)) == (second, first)
    assert asked(TWO_SEQUENCES, seed=1) != first


def test_the_order_in_which_sequences_are_given_plays_no_part() -> None:
    reversed_observations = dict(reversed(TWO_SEQUENCES.observations.items()))
    assert asked(evolve(TWO_SEQUENCES, observations=reversed_observations)) == asked(TWO_SEQUENCES)


@settings(deadline=None)
@given(name=st.text(max_size=20), zeros=st.integers(0, 5))
def test_the_name_of_a_lesion_and_the_writing_of_its_lengths_play_no_part(name, zeros) -> None:
    renamed_timeline = evolve(
        TWO_SEQUENCES,
        lesion_id=name,
        observations={
            sequence: tuple(evolve(study, ap_mm=f"{study.ap_mm}{zeros * '0'}") for study in row)
            for sequence, row in TWO_SEQUENCES.observations.items()
        },
    )
    assert asked(renamed_timeline) == asked(TWO_SEQUENCES)


def test_lesions_with_other_lengths_do_not_share_their_errors() -> None:
    timeline = lesion(
        T1=studies(**COURSE | {"d270": "21.8"}), T2FS=TWO_SEQUENCES.observations["T2FS"]
    )
    first, second = (
        draw_tenths(timeline, error_of(2.0), draws=4000, seed=0)[SeriesRole.T1][0]
        for timeline in (TWO_SEQUENCES, timeline)
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.06


def test_the_sequences_of_a_visit_share_a_part_of_their_errors() -> None:
    tenths_by_sequence = draw_tenths(TWO_SEQUENCES, error_of(2.0, 0.6), draws=8000, seed=0)
    t1, t2fs = tenths_by_sequence[SeriesRole.T1], tenths_by_sequence[SeriesRole.T2FS]
    assert np.corrcoef(t1[1], t2fs[1])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert abs(np.corrcoef(t1[2], t2fs[1])[0, 1]) < 0.06
    assert (t1[1] / 10).std() == pytest.approx(2.0, abs=0.1)


def test_a_sequence_with_an_error_of_its_own_is_drawn_with_that() -> None:
    own = ErrorClass(sequence="T2FS", sd_mm=0.5)
    error = MeasurementError(sd_mm=2.0, classes=[own], source="a test")
    for tenths_by_sequence in (
        draw_tenths(TWO_SEQUENCES, error, draws=4000, seed=0),
        draw_tenths(TWO_SEQUENCES, evolve(error, visit_correlation=0.6), draws=4000, seed=0),
    ):
        assert tenths_by_sequence[SeriesRole.T1].std(axis=1) == pytest.approx(20, abs=1.2)
        assert tenths_by_sequence[SeriesRole.T2FS].std(axis=1) == pytest.approx(5, abs=0.4)
    true, repeated_tenths = draw_repeated_tenths(TWO_SEQUENCES, error, draws=4000, seed=0)
    apart = {name: (repeated_tenths[name] - true[name]).std() for name in true}
    assert apart[SeriesRole.T1] == pytest.approx(20, abs=1.2)
    assert apart[SeriesRole.T2FS] == pytest.approx(5, abs=0.4)


def test_a_length_is_drawn_with_the_error_of_its_size() -> None:
    long = ErrorClass(least_mm=22, sd_mm=0.5)
    error = MeasurementError(sd_mm=2.0, classes=[long], source="a test")
    expected = [20, 5, 5, 20, 20, 20, 20]  # of 20, 22.3, 24.1, 21.9, 18, 20 and 19 mm
    tenths_by_sequence = draw_tenths(TWO_SEQUENCES, error, draws=4000, seed=0)
    assert np.vstack(list(tenths_by_sequence.values())).std(axis=1) == pytest.approx(
        expected, rel=0.06
    )
    true, repeated_tenths = draw_repeated_tenths(TWO_SEQUENCES, error, draws=4000, seed=0)
    apart = np.vstack([repeated_tenths[name] - true[name] for name in true])
    assert apart.std(axis=1) == pytest.approx(expected, rel=0.06)


def test_an_unchanged_lesion_has_its_own_size_where_the_error_depends_on_it() -> None:
    large = lesion(T1=studies(before7="30.0", d90="33.0", d200="31.0", d300="30.0"))
    rules = Rules(criteria=AMINI)
    long = ErrorClass(least_mm=25, sd_mm=0.1)
    error = MeasurementError(sd_mm=2.0, classes=[long], source="a test")
    assert estimate_expected_calls(large, rules, error=error) == {SD: 1.0}
    assert estimate_expected_calls(large, rules, error=error_of(2.0))[SD] < 0.5


def test_every_length_has_an_error_of_its_own_and_of_the_given_size() -> None:
    tenths_by_sequence = draw_tenths(TWO_SEQUENCES, error_of(2.0), draws=4000, seed=0)
    lengths_mm = np.vstack(list(tenths_by_sequence.values())) / 10
    assert lengths_mm.mean(axis=1) == pytest.approx([20, 22.3, 24.1, 21.9, 18, 20, 19], abs=0.15)
    assert lengths_mm.std(axis=1) == pytest.approx(2.0, abs=0.1)
    assert np.abs(np.corrcoef(lengths_mm) - np.eye(7)).max() < 0.06


def test_a_drawn_length_is_rounded_half_even_to_a_tenth_of_a_mm() -> None:
    timeline = lesion(T1=studies(d0="18.05", d60="18.15", d90="18.17"))
    tenths = draw_tenths(timeline, error_of(1e-30), draws=1, seed=0)[SeriesRole.T1]
    assert tenths[:, 0].tolist() == [180, 182, 182]


def test_a_drawn_length_is_never_below_0_and_a_lesion_that_is_gone_stays_gone() -> None:
    timeline = lesion(T1=studies(d0="0.5", d60="0.0", d90="0.1"))
    tenths = draw_tenths(timeline, error_of(3.0), draws=500, seed=0)[SeriesRole.T1]
    assert tenths.min() == 0
    assert (tenths[0] > 5).any()
    assert (tenths[1] == 0).all()
    assert (tenths[2] > 1).any()


def test_only_lengths_that_count_are_drawn() -> None:
    retreatment = TreatmentEvent(100, EventKind.LOCAL_RETREATMENT)
    timeline = lesion(
        retreatment,
        T1=studies(before40="18.0", before7="20.0", d60="22.0", d120="25.0"),
        T2FS=studies(d60="20.0"),
        STIR=studies(d0="20.0"),
    )
    tenths_by_sequence = draw_tenths(timeline, error_of(1.0), draws=3, seed=0)
    assert {sequence: tenths.shape for sequence, tenths in tenths_by_sequence.items()} == {
        SeriesRole.T1: (2, 3)
    }


@pytest.mark.parametrize(
    ("timeline", "category"),
    [
        (lesion(), ResponseCategory.INDETERMINATE),
        (lesion(T1=studies(d60="20.0")), ResponseCategory.INDETERMINATE),
        (lesion(T1=studies(d0="20.0")), ResponseCategory.NOT_ELIGIBLE),
        (
            lesion(TreatmentEvent(0, EventKind.EXCLUSION, "cement"), T1=studies(**COURSE)),
            ResponseCategory.NOT_ELIGIBLE,
        ),
    ],
)
def test_where_no_length_plays_a_part_the_call_is_certain(timeline, category) -> None:
    assert asked(timeline).probabilities == {category: 1.0}


def test_categories_stand_in_their_order_and_none_has_a_probability_of_0() -> None:
    probabilities = asked(TWO_SEQUENCES).probabilities
    assert list(probabilities) == [OPP, PD, PR, SD]
    assert min(probabilities.values()) > 0


def shares(**probabilities: float) -> CategoryProbabilities:
    return CategoryProbabilities(
        category=OPP,
        probabilities={ResponseCategory(name): share for name, share in probabilities.items()},
        posterior={},
        sd_mm=1.0,
        draws=1000,
    )


def test_a_call_is_fragile_below_a_probability_of_0_8() -> None:
    assert FRAGILE_BELOW == 0.8
    assert not shares(OPP=0.8, PD=0.2).is_fragile(OPP)
    assert shares(OPP=0.799, PD=0.201).is_fragile(OPP)
    assert shares(OPP=1.0).is_fragile(PD)  # which no draw had


def test_the_standard_error_is_that_of_the_calls_own_share() -> None:
    assert shares(OPP=0.8, PD=0.2).standard_error == pytest.approx(0.01265, abs=1e-5)
    assert shares(PD=1.0).standard_error == 0


@pytest.mark.parametrize(
    "options",
    [{"draws": 0}, {"seed": -1}],
)
def test_a_number_of_draws_or_a_seed_that_is_none_is_refused(options) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        estimate_category_probabilities(TWO_SEQUENCES, Rules(criteria=AMINI), **options)


@pytest.mark.parametrize("sd_mm", [-0.1, nan, inf])
def test_an_error_is_finite_and_not_negative(sd_mm) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        error_of(sd_mm)


def test_the_number_is_what_measuring_an_unchanged_lesion_again_gives() -> None:
    rng = np.random.default_rng(3)
    rules, error = Rules(criteria=AMINI), error_of(0.6)
    forecasts, repeats = [], []
    for _ in range(150):
        first, second = (
            lesion(**{
                sequence: studies(**{day: f"{20 + rng.normal(0, 0.6):.1f}" for day in DAYS})
                for sequence in ("T1", "T2FS", "T1POST")
            })
            for _ in range(2)
        )  # fmt: skip
        answer = estimate_category_probabilities(first, rules, error=error, draws=500)
        forecasts.append(answer.probabilities[answer.category])
        repeats.append(classify(second, rules).category is answer.category)
    assert np.mean(forecasts) == pytest.approx(np.mean(repeats), abs=0.08)


DAYS = ("d0", "d90", "d180", "d270", "d360")
UNCHANGED = lesion(**{
    sequence: studies(**dict.fromkeys(DAYS, "20.0")) for sequence in ("T1", "T2FS", "T1POST")
})  # fmt: skip


def test_an_unchanged_lesion_is_called_stable_by_a_small_error_only() -> None:
    small = estimate_expected_calls(UNCHANGED, Rules(criteria=AMINI), error=error_of(0.5))
    large = estimate_expected_calls(UNCHANGED, Rules(criteria=AMINI))
    assert small[SD] == pytest.approx(0.96, abs=0.02)
    assert large[SD] == pytest.approx(0.17, abs=0.03)
    assert large[PD] == pytest.approx(0.40, abs=0.06)
    assert sum(large.values()) == pytest.approx(1)


def test_the_expected_calls_depend_on_the_schedule_and_not_on_the_lengths() -> None:
    growing_timeline = lesion(**{
        sequence: studies(**dict(zip(DAYS, ("18", "20", "25", "28", "30"), strict=True)))
        for sequence in ("T1", "T2FS", "T1POST")
    })  # fmt: skip
    rules = Rules(criteria=AMINI)
    assert estimate_expected_calls(growing_timeline, rules) == estimate_expected_calls(
        UNCHANGED, rules
    )


def test_a_call_that_error_alone_often_gives_is_noise_but_stable_disease_never_is() -> None:
    calls = {SD: 0.6, PD: 0.1, OPP: 0.2, PR: 0.0999}
    assert [category for category in ResponseCategory if is_noise(category, calls)] == [OPP, PD]


def test_without_a_baseline_no_calls_are_expected() -> None:
    assert estimate_expected_calls(lesion(T1=studies(d60="20.0")), Rules(criteria=AMINI)) == {}
