"""A second opinion moves away from a wrong fit, and stays with a right one."""

import numpy as np
import pytest
from attrs import evolve
from fixtures.registration_volumes import Scanned

from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.second_opinion import (
    SecondOpinion,
    add_second_opinion,
    ask_second_opinion,
)


def fit_of(transform: RigidTransform, baseline: Scanned, verdict: Verdict = Verdict.GOOD) -> Fit:
    return Fit(
        baseline_from_followup=transform,
        centre_lps_mm=baseline.centre_lps_mm,
        similarity_before=0.1,
        similarity=0.9,
        level_margin=0.2,
        runner_up_lps_mm=None,
        inverse_consistency_mm=0.1,
        block_residual_mm=0.3,
        overlap=1.0,
        verdict=verdict,
        reasons=("All agree.",),
    )


def asked(baseline: Scanned, followup: Scanned, off_mm: tuple[float, float, float]) -> Fit:
    truth = baseline.truly_from(followup)
    matrix = truth.matrix.copy()
    matrix[:3, 3] += off_mm
    fit = fit_of(evolve(truth, matrix=matrix), baseline)
    opinion = ask_second_opinion(baseline.volume, followup.volume, fit, baseline.radius_mm)
    return add_second_opinion(fit, opinion)


def test_it_agrees_with_the_truth(lumbar: list[Scanned]) -> None:
    fit = asked(lumbar[0], lumbar[2], (0.0, 0.0, 0.0))
    assert fit.verdict is Verdict.GOOD
    assert fit.second_opinion_mm is not None
    assert fit.second_opinion_mm < 1.0


@pytest.mark.parametrize("off_mm", [(0.0, 0.0, 3.0), (0.0, 2.5, 0.0)])
def test_a_fit_that_is_off_becomes_doubtful_and_says_why(
    lumbar: list[Scanned], off_mm: tuple[float, float, float]
) -> None:
    fit = asked(lumbar[0], lumbar[2], off_mm)
    assert fit.verdict is Verdict.DOUBTFUL
    assert "second opinion by SimpleITK lies" in fit.reasons[0]


def test_a_failed_fit_stays_failed(lumbar: list[Scanned]) -> None:
    fit = fit_of(RigidTransform.build_identity("2.25.1"), lumbar[0], Verdict.FAILED)
    asked_of = add_second_opinion(fit, SecondOpinion(displacement_mm=9.0, rotation_deg=9.0))
    assert asked_of.verdict is Verdict.FAILED
    assert asked_of.second_opinion_mm == 9.0


def test_without_an_opinion_nothing_changes(lumbar: list[Scanned]) -> None:
    fit = fit_of(RigidTransform.build_identity("2.25.1"), lumbar[0])
    assert add_second_opinion(fit, None) is fit


def test_images_that_do_not_meet_give_no_opinion(lumbar: list[Scanned]) -> None:
    baseline, followup = lumbar[0], lumbar[2]
    truth = baseline.truly_from(followup)
    matrix = truth.matrix.copy()
    matrix[:3, 3] += np.array([0.0, 0.0, 900.0])
    fit = fit_of(evolve(truth, matrix=matrix), baseline)
    opinion = ask_second_opinion(baseline.volume, followup.volume, fit, baseline.radius_mm)
    assert opinion is None or opinion.displacement_mm >= 0
