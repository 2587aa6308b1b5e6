"""The vectorised statement of the rules calls the patients of the tables as `classify` does."""

from decimal import Decimal

import numpy as np
import pytest
from attrs import evolve

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import classify
from opp_mri.response.course import Studied, gather_facts, split_studies
from opp_mri.response.draws import CATEGORIES, classify_draws

from .cases import Case, read_sections

STEPS_TENTHS = (-20, -1, 0, 0, 0, 0, 1, 20)
NEIGHBOURS = 11


def followed(timeline: Timeline) -> dict[SeriesRole, Studied]:
    """Return the sequences that have a baseline and a follow-up."""
    return {
        sequence: study
        for sequence, study in split_studies(timeline).items()
        if study.baseline is not None and study.follow_ups
    }


CASES = [
    case
    for section in read_sections()
    for case in section.cases
    if case.criteria.persistence is None and followed(case.timeline)
]


def neighbours_of(case: Case) -> list[Timeline]:
    """Return the patient, and copies whose lengths lie on either side of a limit."""
    random = np.random.default_rng(1)

    def moved(study: Observation) -> Observation:
        step_mm = Decimal(int(random.choice(STEPS_TENTHS))) / 10
        return evolve(study, ap_mm=max(Decimal(0), round(study.ap_mm, 1) + step_mm))

    rounded_observations = {
        sequence: tuple(evolve(study, ap_mm=round(study.ap_mm, 1)) for study in row)
        for sequence, row in case.timeline.observations.items()
    }
    copies = [
        {sequence: tuple(map(moved, row)) for sequence, row in rounded_observations.items()}
        for _ in range(NEIGHBOURS)
    ]
    return [evolve(case.timeline, observations=row) for row in (rounded_observations, *copies)]


@pytest.mark.parametrize("mode", list(Mode), ids=str)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_patients_are_called_the_same_one_by_one_and_at_once(case: Case, mode: Mode) -> None:
    rules = Rules(criteria=case.criteria, mode=mode)
    timelines = neighbours_of(case)
    studies_by_sequence = [followed(timeline) for timeline in timelines]
    tenths = {
        sequence: np.array(
            [
                [
                    int(10 * study.ap_mm)
                    for study in (rows[sequence].baseline, *rows[sequence].follow_ups)
                ]
                for rows in studies_by_sequence
            ]
        ).T
        for sequence in studies_by_sequence[0]
    }
    codes = classify_draws(studies_by_sequence[0], tenths, gather_facts(case.timeline), rules)
    assert [CATEGORIES[code] for code in codes] == [
        classify(timeline, rules).category for timeline in timelines
    ]
