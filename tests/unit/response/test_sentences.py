from collections.abc import Mapping
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
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.assessment import Caution, Mode, Reason, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import EventKind, Timeline, TreatmentEvent, VolumeObservation
from opp_mri.response.assessed import AssessedTimeline
from opp_mri.response.classify import classify
from opp_mri.response.criteria import load_criteria
from opp_mri.response.page import PageFacts, build_page
from opp_mri.response.probability import CategoryProbabilities
from opp_mri.response.sentences import CATEGORY_WORDS, describe_courses, describe_reason


def said(
    timeline: Timeline,
    mode: Mode = Mode.RETROSPECTIVE,
    margin: str | None = "0.3",
    days: int | None = 21,
    by: Mapping[Decimal, ResponseCategory] | None = None,
    cautions: tuple[Caution, ...] = (),
    repeat: Mapping[ResponseCategory, float] | None = None,
    repeat_range: tuple[float, float] | None = None,
    unchanged_calls: Mapping[ResponseCategory, float] | None = None,
) -> str:
    """Return the page and the courses of a lesion, a line for each sentence."""
    assessment = classify(timeline, Rules(criteria=AMINI, mode=mode))
    page = build_page(
        assessment,
        PageFacts(
            margin_mm=None if margin is None else Decimal(margin),
            margin_days=days,
            category_by_change_mm=by or {},
            cautions=cautions,
            repeat=CategoryProbabilities(
                category=assessment.category,
                probabilities=repeat or {assessment.category: 1.0},
                posterior={ResponseCategory.OPP: 0.9, ResponseCategory.PD: 0.1},
                sd_mm=1.0,
                draws=1000,
            ),
            repeat_range=repeat_range,
            unchanged_calls=unchanged_calls
            or {ResponseCategory.SD: 0.6, ResponseCategory.PD: 0.4},
            error=MeasurementError(sd_mm=1.0, source="a test"),
            other_profiles={
                "one": ResponseCategory.SD, "two": ResponseCategory.OPP, "three":
                ResponseCategory.SD,
            },
        ),
    )  # fmt: skip
    assert len(page) <= 6
    return "\n".join((*page, *describe_courses(assessment)))


OPP = lesion(T1=studies(before7="20.0", d42="23.0", d84="25.2", d168="22.1", d365="20.4"))
DISCORDANT = lesion(
    T1=studies(d0="20.0", d60="25.0", d200="20.0", d300="20.0"),
    T2FS=studies(d0="20.0", d60="23.0", d200="23.0", d300="23.0"),
)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence(reason) -> None:
    words = describe_reason(reason, AMINI)
    assert len(words) > 15
    assert "{" not in words


@pytest.mark.parametrize("category", list(ResponseCategory))
def test_every_category_has_its_words(category) -> None:
    assert CATEGORY_WORDS[category]


def test_the_page_says_category_course_margins_cautions_error_and_profiles_in_six_sentences() -> (
    None
):
    text = said(
        OPP,
        cautions=(Caution.DECLINE_ON_ONE_STUDY, Caution.NOISE),
        repeat={ResponseCategory.OPP: 0.75, ResponseCategory.PD: 0.21, ResponseCategory.SD: 0.04},
        by={Decimal(3): ResponseCategory.SD, Decimal(4): ResponseCategory.SD},
        repeat_range=(0.61, 0.78),
    )
    assert text.splitlines()[:6] == [
        "Osseous pseudoprogression (OPP): the lesion enlarged, then declined from its peak by "
        "2.0 mm or more, as seen 84 days or more after it, with no change of systemic therapy in "
        "between.",
        "T1: peak +5.2 mm at week 12.0 (day 84), after a study on day 42; +0.4 mm at the last "
        "study, week 52.1 (day 365), 4.8 mm below the peak; decline seen on 2 studies; back to "
        "baseline there.",
        "A change of 0.3 mm in one recorded length or a shift of one study by 21 days would change "
        "the category; with a threshold of 3.0 mm or 4.0 mm it would be SD.",
        "Caution, ask a reader: the decline was seen on one follow-up only; measurement error "
        "alone would give an unchanged lesion on this schedule the same category in 10% of cases "
        "or more.",
        "Fragile: measured again with an error of 1.00 mm (standard deviation of one measurement; "
        "a test), the category would be the same in 75% (61% to 78%, depending on how common small "
        "changes are among such lesions), otherwise PD 21%; if each course were as common as among "
        "the 37 lesions of Amini 2016, the rules would call the true lengths OPP 90%, PD 10%; such "
        "error alone would call an unchanged lesion on this schedule SD 60%, PD 40%.",
        "This is the answer of amini-2016, with hindsight; one and three would say SD; two would "
        "say the same.",
    ]


def test_a_fragile_call_of_any_category_begins_with_the_word_and_asks_for_a_reader() -> None:
    stable = lesion(T1=studies(d0="20.0", d90="20.0", d200="20.0"))
    for timeline, category in ((stable, ResponseCategory.SD), (OPP, ResponseCategory.OPP)):
        lines = said(timeline, repeat={category: 0.66, ResponseCategory.PD: 0.34}).splitlines()
        assert lines[3] == "There are no cautions, but the category is fragile: ask a reader."
        assert lines[4].startswith("Fragile: measured again with")
        lines = said(timeline, repeat={category: 0.8}).splitlines()
        assert lines[3] == "There are no cautions."
        assert lines[4].startswith("Measured again with")


def test_a_share_of_unchanged_lesions_below_that_of_the_caution_is_not_rounded_up_to_it() -> None:
    calls = {ResponseCategory.SD: 0.801, ResponseCategory.OPP: 0.0995, ResponseCategory.PD: 0.0995}
    assert "on this schedule SD 80%, OPP 9%, PD 9%." in said(OPP, unchanged_calls=calls)
    calls = {ResponseCategory.SD: 0.8, ResponseCategory.OPP: 0.1, ResponseCategory.PD: 0.1}
    assert "on this schedule SD 80%, OPP 10%, PD 10%." in said(OPP, unchanged_calls=calls)


def test_no_end_of_the_range_is_rounded_up_to_the_share_that_is_not_fragile() -> None:
    text = said(OPP, repeat={ResponseCategory.OPP: 0.77}, repeat_range=(0.71, 0.798))
    assert "the same in 77% (71% to 79%, depending" in text


def test_a_range_of_at_most_two_points_is_not_shown() -> None:
    text = said(OPP, repeat={ResponseCategory.OPP: 0.75}, repeat_range=(0.74, 0.76))
    assert "the same in 75%; if each course" in text


def test_a_probability_that_only_rounds_to_certainty_is_not_stated_as_certain() -> None:
    text = said(
        OPP,
        repeat={ResponseCategory.OPP: 0.998, ResponseCategory.PD: 0.002},
        repeat_range=(0.96, 0.999),
    )
    assert "the same in over 99% (96% to over 99%, depending" in text


def test_a_category_that_no_error_can_change_has_no_probability() -> None:
    open_lesion = lesion(T1=studies(d0="20.0", d60="25.0"))
    text = said(
        open_lesion,
        Mode.PROSPECTIVE,
        unchanged_calls={ResponseCategory.INDETERMINATE: 1.0},
    )
    assert "Measurement error does not affect this category." in text
    assert "Measured again" not in text


def test_the_page_states_the_day_of_a_retreatment_from_which_on_studies_do_not_count() -> None:
    lesion_with_retreatment = evolve(
        lesion(T1=studies(d0="20.0", d90="25.0", d150="27.0", d270="24.0")),
        events=(TreatmentEvent(160, EventKind.LOCAL_RETREATMENT),),
    )
    page = said(lesion_with_retreatment).splitlines()[:6]
    assert "studies after the local retreatment on day 160 do not count" in page[1]


def test_criteria_that_use_volumes_state_what_is_not_computed_and_how_they_count() -> None:
    volumes = {
        SeriesRole.T1: [
            VolumeObservation(day, Decimal(cc))
            for day, cc in ((-7, 5), (90, 7), (180, 5), (270, 5))
        ]
    }
    timeline = Timeline(lesion_id="L", observations={}, volumes=volumes)
    criteria = load_criteria("bahig-2016")
    page = AssessedTimeline(
        timeline=timeline, assessment=classify(timeline, Rules(criteria=criteria))
    ).sentences
    assert "counted as enlarged on 1 study" in page[1]
    expected = "Margins, probabilities and cautions are not computed for these criteria."
    assert page[2] == expected
    assert not any("no cautions" in sentence for sentence in page)
    assert len(page) <= 6


def test_without_cautions_the_page_says_so() -> None:
    assert "There are no cautions." in said(OPP)


def test_a_sequence_takes_one_sentence_whatever_happened_on_it() -> None:
    for mode in Mode:
        lines = said(DISCORDANT, mode).splitlines()
        assert [line.split(":")[0] for line in lines if line.startswith(("T1:", "T2FS:"))] == [
            "T1",
            "T2FS",
        ]


def test_one_study_is_said_in_the_singular() -> None:
    timeline = lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0"))
    assert "decline seen on 1 study;" in said(timeline)


def test_a_return_to_baseline_before_the_last_study_has_its_day() -> None:
    timeline = lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0", d300="20.4"))
    assert "back to baseline at week 28.6 (day 200)." in said(timeline)


def test_a_decline_that_does_not_reach_the_baseline_is_said_so() -> None:
    timeline = lesion(T1=studies(d0="20.0", d60="28.0", d200="25.0"))
    assert "decline seen on 1 study; not back to baseline." in said(timeline)


def test_no_change_does_not_read_like_a_lesion_that_is_gone() -> None:
    timeline = lesion(T1=studies(d0="20.0", d200="20.0"))
    assert "T1: ±0.0 mm at the last study, week 28.6 (day 200); never above baseline." in said(
        timeline
    )


def test_growth_on_the_last_study_alone_is_not_said_to_have_lasted() -> None:
    timeline = lesion(T1=studies(d0="20.0", d100="20.0", d300="28.0"))
    text = said(timeline)
    assert "the lesion is enlarged by 2.0 mm or more at the last study" in text
    assert "T1: peak +8.0 mm at the last study, week 42.9 (day 300), after one on day 100." in text


def test_a_response_that_shrank_and_grew_back_is_not_said_to_have_stayed_the_same() -> None:
    timeline = lesion(T1=studies(d0="20.0", d100="15.0", d300="20.5"))
    assert "its change at the last study is within the measurement error" in said(timeline)
    assert "grew again by 5.5 mm from its smallest, 15.0 mm on day 100." in said(timeline)


def test_studies_that_a_retreatment_leaves_out_are_told() -> None:
    retreatment_days = TreatmentEvent(100, EventKind.LOCAL_RETREATMENT)
    timeline = lesion(retreatment_days, T1=studies(d0="20.0", d60="25.0", d200="20.0"))
    assert "Studies after the local retreatment on day 100 do not count." in said(timeline)


def test_a_single_sequence_is_not_said_to_have_decided() -> None:
    assert "decides" not in said(OPP)


def test_one_day_is_said_in_the_singular() -> None:
    criteria = evolve(AMINI, sustain_days=1)
    assert "less than 1 day after" in describe_reason(Reason.DECLINE_NOT_YET_SUSTAINED, criteria)
    assert "1 day or more" in describe_reason(Reason.SUSTAINED_DECLINE, criteria)


def test_a_threshold_that_is_not_inclusive_is_said_so() -> None:
    criteria = evolve(AMINI, decline_inclusive=False)
    assert "by more than 2.0 mm" in describe_reason(Reason.DECLINE_FROM_BASELINE, criteria)


def test_discordant_sequences_are_told_with_both_categories_and_ask_for_a_reader() -> None:
    for mode in Mode:
        text = said(DISCORDANT, mode)
        assert "T1 decides, as it grew most (T2FS says PD, so the sequences disagree): " in text


def test_a_tie_between_sequences_is_told() -> None:
    row = studies(d0="20.0", d60="25.0", d200="20.0")
    assert "T1 decides, as it grew most, equally with T2FS, and comes first in order: " in said(
        lesion(T1=row, T2FS=row)
    )


def test_a_sequence_that_was_followed_for_too_short_a_time_is_told() -> None:
    short = lesion(T1=studies(d0="20.0", d60="28.0"), T2FS=studies(d0="20.0", d60="20", d200="20"))
    assert "T2FS decides, as no other sequence was followed for 182 days (T1 says PD" in said(short)


def test_a_regrowth_is_told_from_the_smallest_length() -> None:
    timeline = lesion(T1=studies(d0="20.0", d60="25.0", d120="20.5", d300="26.0"))
    assert "grew again by 5.5 mm from its smallest, 20.5 mm on day 120" in said(timeline)


def test_where_only_a_length_or_only_a_day_changes_the_category_both_are_named() -> None:
    assert "A change of 0.3 mm in one recorded length, but no shift of one study, would" in said(
        OPP, margin=Decimal("0.3"), days=None
    )
    assert "No change of one length, but a shift of one study by 21 days, would change" in said(
        OPP, margin=None, days=21
    )


def test_a_lesion_that_nothing_changes_says_so() -> None:
    assert "No change of one length and no shift of one study would change the category." in said(
        OPP, margin=None, days=None
    )


def test_progression_within_the_window_is_said_to_be_open() -> None:
    timeline = lesion(T1=studies(d0="20.0", d110="25.0", d190="24.0"))
    assert "Growth in the first 182 days after radiosurgery may be pseudoprogression" in said(
        timeline
    )
    assert "may be pseudoprogression" not in said(OPP)


def test_a_lesion_that_declined_and_is_called_progressive_says_why() -> None:
    timeline = lesion(T1=studies(d0="20.0", d200="25.0", d250="20.0"))
    assert "falls short of pseudoprogression counts as PD" in said(timeline)
    assert "counts as PD" not in said(timeline, Mode.PROSPECTIVE)
    assert "counts as PD" not in said(lesion(T1=studies(d0="20.0", d250="25.0")))


def test_an_excluded_lesion_is_said_to_be_kept_out_of_the_pool() -> None:
    excluded_timeline = evolve(OPP, events=(TreatmentEvent(0, EventKind.EXCLUSION, "cement"),))
    assert said(excluded_timeline).startswith("Not eligible: there is cement at the level.")
    assert "never pooled" in said(excluded_timeline)


@settings(max_examples=25, deadline=None)
@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, mode=st.sampled_from(list(Mode)))
def test_all_sentences_are_whole(timeline, criteria, mode) -> None:
    assessment = classify(timeline, Rules(criteria=criteria, mode=mode))
    sentences = AssessedTimeline(timeline=timeline, assessment=assessment).sentences
    assert 2 <= len(sentences) <= 6
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "{" not in sentence
