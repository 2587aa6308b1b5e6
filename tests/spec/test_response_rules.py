"""The response rules, patient by patient: `rules/*.txt`, which are also the reference page."""

import pytest

from opp_mri.domain.assessment import Caution, Mode, Reason, Rules
from opp_mri.response.classify import classify

from .cases import Case, read_sections
from .write_page import PAGE, page

CASES = [case for section in read_sections() for case in section.cases]


@pytest.mark.parametrize("mode", list(Mode), ids=str)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_patient_is_called_as_the_rules_say(case: Case, mode: Mode) -> None:
    assessment = classify(case.timeline, Rules(criteria=case.criteria, mode=mode))
    expected = case.answers[mode]
    assert (assessment.category, assessment.reason) == (expected.category, expected.reason)
    assert assessment.deciding_sequence is expected.deciding_sequence
    assert assessment.discordant is expected.discordant


WITH_CAUTIONS = [case for case in CASES if case.cautions is not None]


@pytest.mark.parametrize("case", WITH_CAUTIONS, ids=[case.name for case in WITH_CAUTIONS])
def test_a_patient_has_the_cautions_that_the_rules_name(case: Case) -> None:
    assert classify(case.timeline, Rules(criteria=case.criteria)).cautions == case.cautions


def test_every_caution_that_needs_no_simulation_has_a_patient() -> None:
    cautions_of_cases = {caution for case in WITH_CAUTIONS for caution in case.cautions or ()}
    assert cautions_of_cases == set(Caution) - {Caution.NOISE}


def test_every_reason_has_a_patient() -> None:
    reasons = {answer.reason for case in CASES for answer in case.answers.values()}
    assert reasons == set(Reason)


def test_every_patient_has_a_name_of_its_own_and_an_answer_in_each_mode() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(set(case.answers) == set(Mode) for case in CASES)


def test_the_reference_page_shows_these_very_patients() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/reference/response-rules.md is not up to date: run python -m tests.spec.write_page"
    )
