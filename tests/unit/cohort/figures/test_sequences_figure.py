from collections.abc import Mapping
from decimal import Decimal

import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.figure_checks import colliding_texts, words_of

from opp_mri.cohort.figures.sequences_figure import (
    SequencePair,
    draw_sequence_agreement,
    pair_sequences,
)
from opp_mri.domain.assessment import Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify

T1, T2FS, STIR, T1POST = SeriesRole
SOME = make_cohort(1)[0]


def lesion(lengths: Mapping[SeriesRole, Mapping[int, str]]) -> AssessedLesion:
    observations = {
        role: tuple(Observation(day, Decimal(mm)) for day, mm in row.items())
        for role, row in lengths.items()
    }
    timeline = Timeline(lesion_id="L", observations=observations)
    assessment = classify(timeline, Rules(criteria=AMINI))
    return evolve(SOME, timeline=timeline, assessment=assessment)


TWO = {T1: {-9: "20.0", 90: "24.0", 200: "21.0"}, T2FS: {-9: "30.0", 90: "33.5", 200: "31.1"}}


def test_changes_are_paired_and_not_lengths() -> None:
    (pair,) = pair_sequences([lesion(TWO)])
    assert (pair.first, pair.second) == (T1, T2FS)
    assert pair.points == ((4.0, 3.5), (1.0, 1.1))
    (differences,) = pair.differences_mm.values()
    assert differences == pytest.approx((0.5, -0.1))


def test_only_visits_that_have_both_sequences_are_paired() -> None:
    missing_pair = TWO | {T2FS: {-9: "30.0", 91: "33.5", 200: "31.1"}}
    (pair,) = pair_sequences([lesion(missing_pair)])
    assert pair.points == ((1.0, 1.1),)


def test_a_sequence_without_a_baseline_of_its_own_is_not_compared() -> None:
    assert pair_sequences([lesion(TWO | {T2FS: {90: "33.5", 200: "31.1"}})]) == ()


def test_stir_is_never_compared_with_t2fs() -> None:
    all_four = dict.fromkeys(SeriesRole, TWO[T1])
    pairs = [{pair.first, pair.second} for pair in pair_sequences([lesion(all_four)])]
    assert {T2FS, STIR} not in pairs
    assert len(pairs) == 5


def test_lesions_that_are_not_analysed_are_not_compared() -> None:
    short = {role: {-9: "20.0", 90: "20.0"} for role in (T1, T2FS)}
    assert pair_sequences([lesion(short)]) == ()


def test_lesions_of_one_name_are_still_two_lesions() -> None:
    (pair,) = pair_sequences([lesion(TWO), lesion(TWO)])
    assert len(pair.changes_mm) == 2
    assert "4 visits, 2 lesions" in words_of(draw_sequence_agreement([pair], 2.0))


def test_the_words_above_a_panel_do_not_run_into_the_next() -> None:
    all_four = dict.fromkeys(SeriesRole, TWO[T1])
    pairs = pair_sequences([lesion(all_four)])
    wide = [evolve(pair, limits_mm=(-12.25, -10.04, 12.0)) for pair in pairs]
    for pairs_drawn in (pairs, wide):
        assert colliding_texts(draw_sequence_agreement(pairs_drawn, 2.0)) == []


def test_the_mean_difference_is_written_with_its_limits_or_as_unknown() -> None:
    (pair,) = pair_sequences([lesion(TWO)])
    known_pair = evolve(pair, limits_mm=(-1.25, -0.04, 2.0))
    words = words_of(draw_sequence_agreement([known_pair], 2.0))
    assert "mean difference 0.0 mm" in words
    assert "limits of agreement −1.2 and +2.0 mm" in words
    assert "too few for a mean difference" in words_of(draw_sequence_agreement([pair], 2.0))


def test_a_difference_of_exactly_the_change_that_counts_is_within_the_band() -> None:
    pair = SequencePair(first=T1, second=T1POST, changes_mm={"0": ((2.3, 0.3), (2.4, 0.3))})
    assert "50% within 2 mm" in words_of(draw_sequence_agreement([pair], 2.0))


def test_the_figure_says_that_lengths_of_two_sequences_are_never_compared() -> None:
    words = words_of(draw_sequence_agreement(pair_sequences([lesion(TWO)]), 2.0))
    assert "lengths of two sequences never are" in words
    assert "change on T1, mm" in words
    assert "change on T2FS, mm" in words


def test_panels_share_one_square_scale() -> None:
    figure = draw_sequence_agreement(pair_sequences(make_cohort(48)), 2.0)
    assert len({axes.get_xlim() for axes in figure.axes} | {a.get_ylim() for a in figure.axes}) == 1
