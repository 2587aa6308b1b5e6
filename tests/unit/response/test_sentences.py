from decimal import Decimal

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
from opp_mri.domain.timeline import EventKind, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.sentences import CATEGORY_WORDS, reason_in_words, sentences


def said(
    timeline: Timeline, mode: Mode = Mode.RETROSPECTIVE, margin: str | None = None, **thresholds
) -> str:
    return "\n".join(
        sentences(
            classify(timeline, Rules(criteria=AMINI, mode=mode)),
            margin_mm=None if margin is None else Decimal(margin),
            category_by_change_mm=thresholds.get("by", {}),
        )
    )


OPP = lesion(T1=studies(before7="20.0", d42="23.0", d84="25.2", d168="22.1", d365="20.4"))
DISCORDANT = lesion(
    T1=studies(d0="20.0", d60="25.0", d200="20.0", d300="20.0"),
    T2FS=studies(d0="20.0", d60="23.0", d200="23.0", d300="23.0"),
)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence(reason) -> None:
    words = reason_in_words(reason, AMINI)
    assert len(words) > 15
    assert "{" not in words


@pytest.mark.parametrize("category", list(ResponseCategory))
def test_every_category_has_its_words(category) -> None:
    assert CATEGORY_WORDS[category]


def test_a_pseudoprogression_is_told_with_its_rule_and_numbers() -> None:
    text = said(OPP)
    assert text.splitlines()[:2] == [
        "Osseous pseudoprogression (OPP): the lesion enlarged, then declined from its peak by "
        "2.0 mm or more, as seen 84 days or more after it, with no change of systemic therapy in "
        "between.",
        "T1: peak +5.2 mm at week 12.0 (day 84), after a study on day 42; +0.4 mm at the last "
        "study, week 52.1 (day 365), 4.8 mm below the peak; decline seen on 2 studies; back to "
        "baseline there.",
    ]


def test_a_sequence_takes_one_sentence_whatever_happened_on_it() -> None:
    for mode in Mode:
        lines = said(DISCORDANT, mode).splitlines()
        assert [line.split(":")[0] for line in lines if line.startswith(("T1:", "T2FS:"))] == [
            "T1",
            "T2FS",
        ]


def test_one_study_is_said_in_the_singular() -> None:
    one = lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0"))
    assert "decline seen on 1 study;" in said(one)


def test_a_return_to_baseline_before_the_last_study_has_its_day() -> None:
    one = lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0", d300="20.4"))
    assert "back to baseline at week 28.6 (day 200)." in said(one)


def test_a_decline_that_does_not_reach_the_baseline_is_said_so() -> None:
    one = lesion(T1=studies(d0="20.0", d60="28.0", d200="25.0"))
    assert "decline seen on 1 study; not back to baseline." in said(one)


def test_no_change_does_not_read_like_a_lesion_that_is_gone() -> None:
    one = lesion(T1=studies(d0="20.0", d200="20.0"))
    assert "T1: ±0.0 mm at the last study, week 28.6 (day 200); never above baseline." in said(one)


def test_growth_on_the_last_study_alone_is_not_said_to_have_lasted() -> None:
    one = lesion(T1=studies(d0="20.0", d100="20.0", d300="28.0"))
    text = said(one)
    assert "the lesion is enlarged by 2.0 mm or more at the last study" in text
    assert "T1: peak +8.0 mm at the last study, week 42.9 (day 300), after one on day 100." in text


def test_a_response_that_shrank_and_grew_back_is_not_said_to_have_stayed_the_same() -> None:
    one = lesion(T1=studies(d0="20.0", d100="15.0", d300="20.5"))
    assert "its change at the last study is within the measurement error" in said(one)
    assert "grew again by 5.5 mm from its smallest, 15.0 mm on day 100." in said(one)


def test_studies_that_a_retreatment_leaves_out_are_told() -> None:
    retreated = TreatmentEvent(100, EventKind.LOCAL_RETREATMENT)
    one = lesion(retreated, T1=studies(d0="20.0", d60="25.0", d200="20.0"))
    assert "Studies after the local retreatment on day 100 do not count." in said(one)


def test_a_single_sequence_is_not_said_to_have_decided() -> None:
    assert "decided" not in said(OPP)


def test_one_day_is_said_in_the_singular() -> None:
    criteria = evolve(AMINI, sustain_days=1)
    assert "less than 1 day after" in reason_in_words(Reason.DECLINE_NOT_YET_SUSTAINED, criteria)
    assert "1 day or more" in reason_in_words(Reason.SUSTAINED_DECLINE, criteria)


def test_a_threshold_that_is_not_inclusive_is_said_so() -> None:
    criteria = evolve(AMINI, decline_inclusive=False)
    assert "by more than 2.0 mm" in reason_in_words(Reason.DECLINE_FROM_BASELINE, criteria)


def test_discordant_sequences_are_told_with_both_categories_and_ask_for_a_reader() -> None:
    for mode in Mode:
        text = said(DISCORDANT, mode)
        assert "The sequences disagree: T1 says OPP and T2FS says PD. Ask a reader." in text
    assert "T1 would decide: it grew most" in said(DISCORDANT, Mode.PROSPECTIVE)


def test_a_tie_between_sequences_is_told() -> None:
    row = studies(d0="20.0", d60="25.0", d200="20.0")
    assert "T1 decided: it grew most, equally with T2FS, and comes first in order." in said(
        lesion(T1=row, T2FS=row)
    )


def test_a_regrowth_is_told_from_the_smallest_length() -> None:
    one = lesion(T1=studies(d0="20.0", d60="25.0", d120="20.5", d300="26.0"))
    assert "grew again by 5.5 mm from its smallest, 20.5 mm on day 120." in said(one)


def test_a_small_margin_is_told() -> None:
    assert (
        "A change of 0.3 mm in one recorded length, within measurement error, would change the "
        "category." in said(OPP, margin="0.3")
    )
    assert "A change of 2.0 mm in one recorded length would change" in said(OPP, margin="2.0")


def test_a_lesion_without_lengths_to_compare_says_nothing_of_a_margin() -> None:
    assert "recorded length" not in said(lesion(T1=studies(d0="20.0")))


def test_another_category_under_another_threshold_is_told() -> None:
    by = {Decimal(2): ResponseCategory.OPP, Decimal(3): ResponseCategory.SD}
    assert "With a threshold of 3.0 mm it would be SD." in said(OPP, by=by)


def test_thresholds_with_the_same_category_are_told_together() -> None:
    by = {Decimal(3): ResponseCategory.SD, Decimal(4): ResponseCategory.SD}
    assert "With a threshold of 3.0 mm or 4.0 mm it would be SD." in said(OPP, by=by)


def test_progression_within_the_window_comes_with_a_caution() -> None:
    one = lesion(T1=studies(d0="20.0", d110="25.0", d190="24.0"))
    assert "Caution: growth in the first 182 days" in said(one)
    assert "Caution" not in said(OPP)


def test_a_caution_that_the_rule_itself_says_is_not_said_twice() -> None:
    one = lesion(T1=studies(d0="20.0", d60="24.0", d120="25.0"))
    assert "may still turn out to be pseudoprogression" in said(one, Mode.PROSPECTIVE)
    assert "Caution" not in said(one, Mode.PROSPECTIVE)


def test_a_lesion_that_declined_and_is_called_progressive_says_why() -> None:
    one = lesion(T1=studies(d0="20.0", d200="25.0", d250="20.0"))
    assert "falls short of pseudoprogression counts as PD" in said(one)
    assert "counts as PD" not in said(one, Mode.PROSPECTIVE)
    assert "counts as PD" not in said(lesion(T1=studies(d0="20.0", d250="25.0")))


def test_an_excluded_lesion_is_said_to_be_kept_out_of_the_pool() -> None:
    one = evolve(OPP, events=(TreatmentEvent(0, EventKind.EXCLUSION, "cement"),))
    assert said(one).startswith("Not eligible: there is cement at the level.")
    assert "never pooled" in said(one)


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, mode=st.sampled_from(list(Mode)))
def test_all_sentences_are_whole(timeline, criteria, mode) -> None:
    told = sentences(
        classify(timeline, Rules(criteria=criteria, mode=mode)),
        margin_mm=None,
        category_by_change_mm={},
    )
    assert len(told) >= 2
    for sentence in told:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "{" not in sentence
