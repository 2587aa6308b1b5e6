from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.assessment import Mode, Reason, ResponseCategory
from opp_mri.domain.timeline import EventKind, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.sentences import CATEGORY_WORDS, reason_in_words, sentences

from .builders import AMINI, ANY_CRITERIA, TIMELINES_WITH_EXCLUSIONS, lesion, studies


def said(
    timeline: Timeline, mode: Mode = Mode.RETROSPECTIVE, margin: str | None = None, **thresholds
) -> str:
    return "\n".join(
        sentences(
            classify(timeline, AMINI, mode),
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
    assert text.startswith("Osseous pseudoprogression (OPP): the lesion enlarged and then declined")
    assert "84 days or more after the peak" in text
    assert "T1: peak +5.2 mm at week 12.0 (day 84)" in text
    assert "the study before it was on day 42" in text
    assert "+0.4 mm at the last study, week 52.1 (day 365)" in text
    assert "2 studies show a decline from the peak of 2.0 mm or more" in text
    assert "at the last study it is 4.8 mm" in text
    assert "T1 was back to baseline at week 52.1 (day 365)" in text


def test_one_study_is_said_in_the_singular() -> None:
    one = lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0"))
    assert "1 study shows a decline" in said(one)


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
    assert "T1 grew again by 5.5 mm from its smallest, 20.5 mm at week 17.1 (day 120)." in said(one)


def test_a_small_margin_is_told() -> None:
    assert "A change of 0.3 mm in one recorded value would change the category." in said(
        OPP, margin="0.3"
    )


def test_a_lesion_without_lengths_to_compare_says_nothing_of_a_margin() -> None:
    assert "recorded value" not in said(lesion(T1=studies(d0="20.0")))


def test_another_category_under_another_threshold_is_told() -> None:
    by = {Decimal(2): ResponseCategory.OPP, Decimal(3): ResponseCategory.SD}
    assert "With a threshold of 3.0 mm it would be SD." in said(OPP, by=by)


def test_growth_in_the_window_comes_with_a_caution() -> None:
    one = lesion(T1=studies(d0="20.0", d60="24.0", d120="25.0"))
    assert "Caution: growth in the first 182 days" in said(one, Mode.PROSPECTIVE)
    assert "Caution" not in said(OPP)


def test_an_excluded_lesion_is_said_to_be_kept_out_of_the_pool() -> None:
    one = evolve(OPP, events=(TreatmentEvent(0, EventKind.EXCLUSION, "cement"),))
    assert said(one).startswith("Not eligible: there is cement at the level.")
    assert "never pooled" in said(one)


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, mode=st.sampled_from(list(Mode)))
def test_all_sentences_are_whole(timeline, criteria, mode) -> None:
    told = sentences(classify(timeline, criteria, mode), margin_mm=None, category_by_change_mm={})
    assert len(told) >= 2
    for sentence in told:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "{" not in sentence
