"""Random lesions, made to lie on the limits of the rules, through both implementations."""

from decimal import Decimal
from random import Random

from attrs import astuple
from fixtures.random_lesions import is_of_the_table, random_criteria, random_timeline
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.response.classify import classify
from opp_mri.response.margin import compute_margin_days, compute_margin_mm

from . import second_implementation as second
from .cases import read_sections

LESIONS_PER_DRAW = 40
# A generator seeded by hypothesis: its own strategies seldom put two studies on one limit.
RANDOM = st.randoms(use_true_random=True)


@settings(max_examples=100, deadline=None)
@given(random=RANDOM)
def test_two_implementations_of_the_rules_give_one_answer(random: Random) -> None:
    for _ in range(LESIONS_PER_DRAW):
        timeline, criteria = random_timeline(random), random_criteria(random)
        for mode in Mode:
            own_answer, second_answer = (
                classify(timeline, Rules(criteria=criteria, mode=mode)),
                second.assess(timeline, criteria, mode),
            )
            case = f"{timeline}, {criteria}, {mode}"
            answer = (
                own_answer.category,
                own_answer.reason,
                own_answer.deciding_sequence,
                own_answer.discordant,
            )
            assert answer == second_answer[:4], case
            assert set(own_answer.cautions) == second_answer.cautions, case
            sequences = {
                sequence: (
                    item.category,
                    item.reason,
                    item.peak_change_mm,
                    item.peak_day,
                    item.return_to_baseline_day,
                )
                for sequence, item in own_answer.sequences.items()
            }
            assert sequences == {
                item: entry[:5] for item, entry in second_answer.sequences.items()
            }, case


@settings(max_examples=20, deadline=None)
@given(random=RANDOM)
def test_the_margin_is_what_trying_every_step_finds(random: Random) -> None:
    timeline, criteria, most_mm = random_timeline(random), random_criteria(random), Decimal(10)
    for mode in Mode:
        margin = compute_margin_mm(timeline, Rules(criteria=criteria, mode=mode))
        margin_by_scan = second.margin_mm(timeline, criteria, mode, most_mm)
        expected = None if margin is None or margin > most_mm else margin
        assert margin_by_scan == expected, f"{timeline}, {criteria}, {mode}"


@settings(max_examples=10, deadline=None)
@given(random=RANDOM)
def test_the_margin_in_days_is_what_trying_every_day_finds(random: Random) -> None:
    timeline, criteria, most_days = random_timeline(random), random_criteria(random), 60
    for mode in Mode:
        margin = compute_margin_days(timeline, Rules(criteria=criteria, mode=mode))
        margin_by_scan = second.margin_days(timeline, criteria, mode, most_days)
        expected = None if margin is None or margin > most_days else margin
        assert margin_by_scan == expected, f"{timeline}, {criteria}, {mode}"


def test_the_second_implementation_knows_the_patients_of_the_reference_page() -> None:
    for case in (case for section in read_sections() for case in section.cases):
        if not is_of_the_table(case.criteria):
            continue
        for mode, answer in case.answers.items():
            second_answer = second.assess(case.timeline, case.criteria, mode)
            assert second_answer[:4] == astuple(answer)[:4], f"{case.name}, {mode}"
