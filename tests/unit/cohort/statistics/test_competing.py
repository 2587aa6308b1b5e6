"""Gray's test and Fine and Gray's model next to what cmprsk 2.2-11 gives in R 4.2.2."""

import math

import numpy as np
import pytest
from attrs import evolve
from fixtures.survival_data import X, Z, gehan, made

from opp_mri.cohort.statistics.competing import fit_fine_gray, run_gray_test
from opp_mri.cohort.statistics.survival import Observed
from opp_mri.errors import InputError

TWO = made().take(made().group != "c")
APART = evolve(made(), duration_days=made().duration_days + np.arange(60) / 100)  # no ties


@pytest.mark.parametrize(
    ("observed", "chi_square", "p", "freedom"),
    [
        (made(), 0.217762794631421897, 0.8968367784400563, 2),
        (TWO, 0.080451783490654002, 0.7766860990033106, 1),
        (APART, 0.161891875353292469, 0.9222435487258378, 2),
    ],
    ids=["three groups", "two groups", "no ties"],
)
def test_grays_test_is_that_of_r(observed, chi_square, p, freedom) -> None:
    """cuminc(day, cause, group)$Tests."""
    result = run_gray_test(observed)
    assert result.chi_square == pytest.approx(chi_square, rel=1e-11)
    assert result.p == pytest.approx(p, rel=1e-11)
    assert result.degrees_of_freedom == freedom
    assert sum(result.expected.values()) == pytest.approx(observed.events)


@pytest.mark.parametrize(
    ("observed", "covariates", "beta", "errors"),
    [
        (made(), {"x": X, "z": Z}, (0.01769019172086539, -0.28899453044660900),
         (0.03370849088966084, 0.49661354840156602)),
        (APART, {"x": X, "z": Z}, (0.01724036022224111, -0.28528684139688248),
         (0.03405619163421812, 0.50698165634374892)),
        (TWO, {"a": (TWO.group == "a") * 1.0}, (0.1715804666978371,), (0.5837785196343531,)),
    ],
    ids=["ties", "no ties", "arm"],
)  # fmt: skip
def test_fine_and_grays_model_is_that_of_r(observed, covariates, beta, errors) -> None:
    """crr(day, cause, cbind(x, z), gtol = 1e-12, maxiter = 50): coef, sqrt(diag(var))."""
    result = fit_fine_gray(observed, covariates).hazards
    assert [math.log(hazard.ratio.value) for hazard in result] == pytest.approx(beta, rel=1e-9)
    assert [hazard.standard_error for hazard in result] == pytest.approx(errors, rel=1e-9)


def test_a_ratio_that_is_large_but_finite_is_given() -> None:
    """coxph(Surv(day, e) ~ x, ties = "breslow") and crr(day, rep(1, 41), cbind(x = x))."""
    days, causes = np.arange(1, 42), np.ones(41, dtype=np.int64)
    days[[19, 20]] = days[[20, 19]]
    trial = Observed(duration_days=days, event=causes, cause=causes)
    hazard = fit_fine_gray(trial, {"x": np.linspace(2, -2, 41)}).hazards[0]
    assert math.log(hazard.ratio.value) == pytest.approx(36.88877880159990, rel=1e-9)
    assert hazard.standard_error == pytest.approx(9.37962964578723, rel=1e-9)


def test_a_day_0_counts_like_any_other_day() -> None:
    """crr takes who left on day 0 out of the weights of that day; a day later it does not."""
    days = made().duration_days - made().duration_days.min()
    at_0, a_day_later = (evolve(made(), duration_days=days + shift) for shift in (0, 1))
    first, second = (fit_fine_gray(rows, {"x": X}).hazards[0] for rows in (at_0, a_day_later))
    assert first == second


def test_without_competing_events_the_ratio_is_that_of_cox_with_breslows_ties() -> None:
    """coxph(Surv(t, e) ~ arm, ties = "breslow"): -1.5092."""
    trial = evolve(gehan(), cause=gehan().event * 1)
    result = fit_fine_gray(trial, {"6-MP": (trial.group == "6-MP") * 1.0})
    assert math.log(result.hazards[0].ratio.value) == pytest.approx(-1.5092, abs=5e-5)


def test_errors_by_patient_differ_and_the_ratio_does_not() -> None:
    by_row = fit_fine_gray(made(), {"x": X}).hazards[0]
    by_patient = fit_fine_gray(made(), {"x": X}, by_patient=True)
    assert by_patient.patients == 40
    assert by_patient.hazards[0].ratio.value == by_row.ratio.value
    assert by_patient.hazards[0].standard_error != by_row.standard_error


def test_what_is_not_estimable_has_a_reason() -> None:
    without_events = evolve(TWO, event=np.zeros(TWO.n), cause=np.zeros(TWO.n))
    assert run_gray_test(without_events).reason == "There is no event."
    assert fit_fine_gray(without_events, {"x": np.arange(TWO.n)}).reason == "There is no event."
    one_arm = TWO.take((TWO.group == "a") | ~TWO.event)
    assert run_gray_test(evolve(one_arm, group=None)).p is None
    result = fit_fine_gray(one_arm, {"a": (one_arm.group == "a") * 1.0})
    assert result.hazards[0].ratio.value is None
    assert result.reason == (
        "The likelihood of a has no maximum, as where all events are in one arm: no hazard ratio."
    )
    same = fit_fine_gray(TWO, {"a": np.ones(TWO.n)})
    assert same.reason == "A is the same for all at risk at an event: leave it out."


def test_delayed_entry_or_a_missing_cause_is_refused() -> None:
    for wrong in (made(entry=True), evolve(made(), cause=None)):
        with pytest.raises(InputError, match="Competing risks need a cause"):
            run_gray_test(wrong)
