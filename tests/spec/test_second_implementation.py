"""Random lesions, made to lie on the limits of the rules, through both implementations."""

from decimal import Decimal
from random import Random

from attrs import astuple
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.assessment import Criteria, Mode, Plateau, Reference, Rules, TherapyCounts
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.response.classify import classify
from opp_mri.response.criteria import SHIPPED_CRITERIA, load_criteria
from opp_mri.response.margin import compute_margin_days, compute_margin_mm

from . import second_implementation as second
from .cases import read_sections

LESIONS_PER_DRAW = 40
BASELINE_DAYS = ([-5], [-5], [-5], [-5], [0], [-40, -1], [-1, 0], [])
# around half a year, and 84 days apart or nearly so
FOLLOW_UP_DAYS = (1, 30, 98, 99, 113, 114, 115, 181, 182, 183, 265, 266, 267, 300, 450)
CHANGES_MM = [Decimal(mm) for mm in ("-2.0", "-0.1", "0", "0", "1.9", "2.0", "2.1", "4.0", "6.0")]
OCCURRENCES = [
    *[(EventKind.SYSTEMIC_THERAPY_CHANGE, "")] * 10,
    *[(EventKind.OTHER_BONE_LESIONS, one.value) for one in OtherBoneLesions] * 4,
    *[(EventKind.LOCAL_RETREATMENT, "")] * 2,
    *[
        (kind, value)
        for kind in (EventKind.FRACTURE, EventKind.EPIDURAL_GROWTH)
        for value in ("", "none")
    ],
    *[(EventKind.EXCLUSION, one.value) for one in (Exclusion.CEMENT,)],
]


def _is_of_the_table(criteria: Criteria) -> bool:
    """Tell whether criteria are those of the table of rules, which is what this states again."""
    return (
        criteria.persistence is None
        and criteria.reference is Reference.BASELINE
        and not criteria.confirm_growth
    )


SHIPPED = [load_criteria(name) for name in SHIPPED_CRITERIA]
SHIPPED = [criteria for criteria in SHIPPED if _is_of_the_table(criteria)]

# A generator seeded by hypothesis: its own strategies seldom put two studies on one limit.
RANDOM = st.randoms(use_true_random=True)


def _timeline(random: Random) -> Timeline:
    baseline, days = (
        random.choice(BASELINE_DAYS),
        random.sample(FOLLOW_UP_DAYS, random.randint(1, 6)),
    )
    days = sorted([*baseline, *days])
    start_mm = Decimal(random.choice(["0.5", "2.0", "20.0"]))
    sequences = random.sample(list(SeriesRole), random.choice([1, 1, 2, 2, 3, 4]))
    rows = {
        sequence: tuple(
            Observation(day, max(Decimal(0), start_mm + random.choice(CHANGES_MM) * (day > 0)))
            for day in days
            if random.random() < 0.9
        )
        for sequence in sequences
    }
    return Timeline(
        lesion_id="a lesion",
        first_fraction_day=random.choice([0] * 12 + [-2, -6]),
        observations={one: row for one, row in rows.items() if row}
        or {SeriesRole.T1: (Observation(0, start_mm),)},
        events=tuple(_event(random, days) for _ in range(random.randint(0, 4))),
    )


def _event(random: Random, days: list[int]) -> TreatmentEvent:
    kind, value = random.choice(OCCURRENCES)
    day = random.choice([-1, 0, *days, *(day + 1 for day in days)])
    if kind is EventKind.LOCAL_RETREATMENT:
        day = max(day, 1)
    return TreatmentEvent(day, kind, value)


def _criteria(random: Random) -> Criteria:
    if random.random() < 0.7:
        return random.choice(SHIPPED)
    return Criteria(
        name="random",
        change_mm=random.choice([Decimal("1.9"), Decimal("2.0"), Decimal("4.0")]),
        growth_inclusive=random.random() < 0.5,
        decline_inclusive=random.random() < 0.5,
        min_follow_up_days=random.choice([181, 182, 183]),
        sustain_days=random.choice([1, 83, 84, 85]),
        window_days=random.choice([114, 182]),
        progression_min_studies=random.randint(1, 3),
        plateau=random.choice(list(Plateau)),
        therapy_counts=random.choice(list(TherapyCounts)),
    )


@settings(max_examples=100, deadline=None)
@given(random=RANDOM)
def test_two_implementations_of_the_rules_give_one_answer(random: Random) -> None:
    for _ in range(LESIONS_PER_DRAW):
        timeline, criteria = _timeline(random), _criteria(random)
        for mode in Mode:
            here, there = (
                classify(timeline, Rules(criteria=criteria, mode=mode)),
                second.assess(timeline, criteria, mode),
            )
            case = f"{timeline}, {criteria}, {mode}"
            answer = (here.category, here.reason, here.deciding_sequence, here.discordant)
            assert answer == there[:4], case
            assert set(here.cautions) == there.cautions, case
            sequences = {
                sequence: (
                    one.category,
                    one.reason,
                    one.peak_change_mm,
                    one.peak_day,
                    one.return_to_baseline_day,
                )
                for sequence, one in here.sequences.items()
            }
            assert sequences == {one: it[:5] for one, it in there.sequences.items()}, case


@settings(max_examples=20, deadline=None)
@given(random=RANDOM)
def test_the_margin_is_what_trying_every_step_finds(random: Random) -> None:
    timeline, criteria, most_mm = _timeline(random), _criteria(random), Decimal(10)
    for mode in Mode:
        margin = compute_margin_mm(timeline, Rules(criteria=criteria, mode=mode))
        scanned = second.margin_mm(timeline, criteria, mode, most_mm)
        expected = None if margin is None or margin > most_mm else margin
        assert scanned == expected, f"{timeline}, {criteria}, {mode}"


@settings(max_examples=10, deadline=None)
@given(random=RANDOM)
def test_the_margin_in_days_is_what_trying_every_day_finds(random: Random) -> None:
    timeline, criteria, most_days = _timeline(random), _criteria(random), 60
    for mode in Mode:
        margin = compute_margin_days(timeline, Rules(criteria=criteria, mode=mode))
        scanned = second.margin_days(timeline, criteria, mode, most_days)
        expected = None if margin is None or margin > most_days else margin
        assert scanned == expected, f"{timeline}, {criteria}, {mode}"


def test_the_second_implementation_knows_the_patients_of_the_reference_page() -> None:
    for case in (case for section in read_sections() for case in section.cases):
        if not _is_of_the_table(case.criteria):
            continue
        for mode, answer in case.answers.items():
            said = second.assess(case.timeline, case.criteria, mode)
            assert said[:4] == astuple(answer)[:4], f"{case.name}, {mode}"
