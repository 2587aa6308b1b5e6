"""Each model next to what R 4.2.2 gives for it (survival 3.5-3), a closed form, or a property.

R has no penalised Cox model of Firth in that package. Its references here maximise, by `optim` and
`optimize`, what `coxph(..., init = b, control = coxph.control(iter.max = 0))` says at `b`:
`loglik[2] + log(det(solve(var))) / 2`, the definition; limits by `uniroot` on its profile.
"""

import math

import numpy as np
import pytest
from attrs import evolve
from fixtures.survival_data import (
    OVARIAN_AGE,
    OVARIAN_DAYS,
    OVARIAN_DIED,
    OVARIAN_RX,
    X,
    Z,
    gehan,
    made,
    paper,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opp_mri.cohort.statistics.hazards import (
    Hazard,
    Regression,
    check_proportionality,
    fit_cox,
    fit_firth,
)
from opp_mri.cohort.statistics.survival import Observed
from opp_mri.errors import InputError

EXACT = 1e-8
FIRTH = 1e-6
UNHURRIED = settings(deadline=None, max_examples=60)
ROWS = st.lists(
    st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), min_size=2, max_size=25
)

COX = {  # coefficients, errors, errors by patient, chi-square of cox.zph for x, z, both
    ("efron", False): (
        (0.0239307027060092, -0.8552647532106584), (0.0399937135515747, 0.5443965582232922),
        (0.0330452389172842, 0.4621011132056017),
        (0.712253556153493, 0.147255889744503, 1.028755204147902),
    ),
    ("efron", True): (
        (0.0269678902847684, -0.8528057806600051), (0.0404347698069981, 0.5453651239432937),
        (0.0352484422998791, 0.4758609737176480),
        (0.795125629093925, 0.122131116323720, 1.078813600976950),
    ),
    ("breslow", False): (
        (0.0242882646108567, -0.8559188487008940), (0.0396226540890625, 0.5444119460909599),
        (0.0317763776084814, 0.4536043975219593),
        (0.635837443647128, 0.136018693087101, 0.918550028262072),
    ),
    ("breslow", True): (
        (0.0272690774183247, -0.8530689024815010), (0.0400615385532737, 0.5454059996904592),
        (0.0339010196518336, 0.4661067744477141),
        (0.718900884621985, 0.112116044258061, 0.971912539443814),
    ),
}  # fmt: skip


def log_ratios(regression: Regression) -> list[float]:
    return [math.log(hazard.ratio.value) for hazard in regression.hazards]


def errors(regression: Regression) -> list[float]:
    return [hazard.standard_error for hazard in regression.hazards]


def two_arms(rows: list[tuple[int, bool, bool]]) -> tuple[Observed, dict[str, np.ndarray]]:
    days, events, arm = (np.array(column) for column in zip(*rows, strict=True))
    return Observed(duration_days=days, event=events), {"arm": arm * 1.0}


@pytest.mark.parametrize(("ties", "entry"), COX)
def test_coxs_model_with_ties_and_late_entry_is_that_of_r(ties, entry) -> None:
    """coxph(Surv(entry, day, event) ~ x + z, d, ties = ...), + cluster(patient), cox.zph."""
    ratios, error, robust, chi = COX[ties, entry]
    observed, covariates = made(entry=entry), {"x": X, "z": Z}
    plain = fit_cox(observed, covariates, ties=ties)
    assert log_ratios(plain) == pytest.approx(ratios, rel=EXACT)
    assert errors(plain) == pytest.approx(error, rel=EXACT)
    assert plain.patients is None
    by_patient = fit_cox(observed, covariates, ties=ties, by_patient=True)
    assert log_ratios(by_patient) == pytest.approx(ratios, rel=EXACT)
    assert errors(by_patient) == pytest.approx(robust, rel=EXACT)
    assert by_patient.patients == 40
    trends = check_proportionality(observed, covariates, ties=ties)
    assert [trend.covariate for trend in trends] == ["x", "z", None]
    assert [trend.degrees_of_freedom for trend in trends] == [1, 1, 2]
    assert [trend.chi_square for trend in trends] == pytest.approx(chi, rel=1e-7)


def test_interval_and_p_are_walds() -> None:
    """summary(coxph(...))$conf.int and $coefficients, plain and by patient."""
    plain = fit_cox(made(), {"x": X, "z": Z})
    assert [hazard.p for hazard in plain.hazards] == pytest.approx(
        (0.549598677668876, 0.116175071147832), rel=EXACT
    )
    limits = [side for hazard in plain.hazards for side in (hazard.ratio.low, hazard.ratio.high)]
    assert limits == pytest.approx(
        (0.947000615865523, 1.107734502439594, 0.146275653363901, 1.235817746919605), rel=EXACT
    )
    robust = fit_cox(made(), {"x": X, "z": Z}, by_patient=True)
    assert [hazard.p for hazard in robust.hazards] == pytest.approx(
        (0.468955205946637, 0.064195835596830), rel=EXACT
    )


def test_patients_who_are_all_alike_give_no_error_by_patient() -> None:
    twice = Observed(
        duration_days=(5, 9, 12, 20) * 2, event=(1, 1, 0, 1) * 2, patient=("a",) * 4 + ("b",) * 4
    )
    regression = fit_cox(twice, {"x": np.array((1.0, 3.0, 0.0, 2.0) * 2)}, by_patient=True)
    assert regression.reason == "The patients are too alike, or too few, for errors by patient."
    assert regression.hazards[0].ratio.value is None


def test_p_of_the_check_is_that_of_r() -> None:
    """cox.zph(..., transform = "km")$table[, 3]."""
    result = [check.p for check in check_proportionality(made(), {"x": X, "z": Z})]
    assert result == pytest.approx((0.398696699503563, 0.701171643294605, 0.597872593502799))


def test_the_ovarian_trial_is_that_of_r() -> None:
    """coxph(Surv(futime, fustat) ~ age + rx, ovarian), as its help prints; cox.zph."""
    observed = Observed(duration_days=OVARIAN_DAYS, event=OVARIAN_DIED)
    covariates = {"age": OVARIAN_AGE, "rx": OVARIAN_RX}
    regression = fit_cox(observed, covariates)
    assert log_ratios(regression) == pytest.approx(
        (0.147326595469114, -0.803973012665114), rel=EXACT
    )
    assert errors(regression) == pytest.approx((0.0461470477408026, 0.6320493718794501), rel=EXACT)
    assert [
        check.chi_square for check in check_proportionality(observed, covariates)
    ] == pytest.approx((0.224265642197981, 0.779606879884519, 0.918669928516088), rel=1e-7)


@pytest.mark.parametrize(
    ("ties", "ratio", "error", "chi"),
    [
        ("efron", 1.572125148829066, 0.412396717709455, 0.022863378052822),
        ("breslow", 1.509191412585878, 0.409564406366741, 0.0641796863810183),
    ],
)
def test_gehans_trial_is_that_of_r(ties, ratio, error, chi) -> None:
    """coxph(Surv(t, e) ~ I(arm == "placebo"), ties = ...); Cox 1972 has 1.51 by Breslow's way."""
    covariates = {"placebo": (gehan().group == "placebo") * 1}
    regression = fit_cox(gehan(), covariates, ties=ties)
    assert log_ratios(regression) == pytest.approx([ratio], rel=EXACT)
    assert errors(regression) == pytest.approx([error], rel=EXACT)
    trends = check_proportionality(gehan(), covariates, ties=ties)
    assert trends[0].chi_square == pytest.approx(chi, rel=1e-7)


def check_firth(
    hazard: Hazard, ratio: float, error: float, low: float, high: float, p: float
) -> None:
    logs = [
        math.log(number) for number in (hazard.ratio.value, hazard.ratio.low, hazard.ratio.high)
    ]
    assert [*logs, hazard.standard_error, hazard.p] == pytest.approx(
        [ratio, low, high, error, p], abs=FIRTH
    )


@pytest.mark.parametrize(
    ("ties", "entry", "expected"),
    [
        ("efron", False,
         ((0.0228794542, 0.0399692965, -0.0538570288, 0.1017795285, 0.559368950),
          (-0.8502406556, 0.5441948290, -1.9009075512, 0.2082282380, 0.112948306))),
        ("breslow", True,
         ((0.0261758649, 0.0400347483, -0.0506760930, 0.1052404228, 0.504856791),
          (-0.8471615696, 0.5451838405, -1.9006817598, 0.2126929962, 0.114733143))),
    ],
)  # fmt: skip
def test_firths_model_of_two_covariates_is_its_definition_in_r(ties, entry, expected) -> None:
    regression = fit_firth(made(entry=entry), {"x": X, "z": Z}, ties=ties)
    for hazard, numbers in zip(regression.hazards, expected, strict=True):
        check_firth(hazard, *numbers)


def test_firths_model_is_finite_where_all_events_are_in_one_arm() -> None:
    """As above, of the counts of the paper and invented days: ratio 16.7 (1.89 to 2191)."""
    single = {"single fraction": (paper().group == "single") * 1}
    check_firth(
        fit_firth(paper(), single).hazards[0],
        2.8142676, 1.6196965, 0.6354151838, 7.6921308830, 0.0073171253,
    )  # fmt: skip
    plain = fit_cox(paper(), single)
    assert plain.reason == (
        "All 5 events are of lesions with single fraction: the likelihood has no maximum. "
        "Firth's penalty gives a finite hazard ratio."
    )
    assert (plain.hazards[0].ratio.value, plain.hazards[0].p) == (None, None)


def test_firths_model_of_gehans_trial_is_its_definition_in_r() -> None:
    check_firth(
        fit_firth(gehan(), {"placebo": (gehan().group == "placebo") * 1}).hazards[0],
        1.54173939, 0.41011883, 0.7784835955, 2.3810480162, 5.52205775763366e-05,
    )  # fmt: skip


def test_firths_ratio_of_two_rows_is_three() -> None:
    """With r the ratio, r / (1 + r) * sqrt(r / (1 + r)^2) is highest at 3."""
    observed = Observed(duration_days=(1, 2), event=(1, 0))
    assert fit_firth(observed, {"arm": (1, 0)}).hazards[0].ratio.value == pytest.approx(3, rel=1e-7)
    assert fit_firth(observed, {"arm": (0, 1)}).hazards[0].ratio.value == pytest.approx(
        1 / 3, rel=1e-7
    )


def test_firths_ratio_of_three_rows_is_the_root_of_its_slope() -> None:
    """Days 1, 2, 3, all events, x = 1, 1, 0: the example of coxphf, without a finite Cox ratio.

    The likelihood is r / (2r + 1) * r / (r + 1), the information 2r / (2r + 1)^2 + r / (r + 1)^2.
    """
    r = np.linspace(1, 12, 1_100_001)
    information = 2 * r / (2 * r + 1) ** 2 + r / (r + 1) ** 2
    height = np.log(r / (2 * r + 1) * r / (r + 1)) + np.log(information) / 2
    observed = Observed(duration_days=(1, 2, 3), event=(1, 1, 1))
    assert fit_cox(observed, {"x": (1, 1, 0)}).reason
    result = fit_firth(observed, {"x": (1, 1, 0)}).hazards[0].ratio.value
    assert result == pytest.approx(r[height.argmax()], abs=1e-4)


@UNHURRIED
@given(ROWS)
def test_the_hazard_ratio_of_a_swapped_arm_is_the_reciprocal(rows) -> None:
    observed, arm = two_arms(rows)
    swapped_arm = {"arm": 1 - arm["arm"]}
    for fit in (fit_cox, fit_firth):
        hazard, swapped_hazard = (
            fit(observed, arm).hazards[0],
            fit(observed, swapped_arm).hazards[0],
        )
        assert (hazard.ratio.value is None) == (swapped_hazard.ratio.value is None)
        if hazard.ratio.value is None:
            continue
        assert math.log(hazard.ratio.value) == pytest.approx(
            -math.log(swapped_hazard.ratio.value), abs=1e-5
        )
        assert hazard.ratio.low < hazard.ratio.value < hazard.ratio.high
        assert math.log(hazard.ratio.low) == pytest.approx(
            -math.log(swapped_hazard.ratio.high), abs=1e-4
        )
        assert hazard.p == pytest.approx(swapped_hazard.p, abs=1e-5)


@UNHURRIED
@given(ROWS)
def test_firths_interval_is_finite_about_its_ratio_and_agrees_with_its_p(rows) -> None:
    result = fit_firth(*two_arms(rows)).hazards[0]
    assume(result.ratio.value is not None)
    assert 0 < result.ratio.low < result.ratio.value < result.ratio.high < math.inf
    if abs(result.p - 0.05) > 1e-4:
        assert (result.p < 0.05) == (result.ratio.low > 1 or result.ratio.high < 1)


@UNHURRIED
@given(st.integers(1, 5), st.floats(0.01, 1000), st.floats(-1e4, 1e4))
def test_a_covariate_may_have_any_unit_and_origin(fold, unit, origin) -> None:
    plain, scaled_fit = fit_cox(made(), {"x": X}), fit_cox(made(), {"x": X * unit + origin})
    assert log_ratios(scaled_fit)[0] * unit == pytest.approx(log_ratios(plain)[0], rel=1e-5)
    later = evolve(made(), duration_days=made().duration_days * fold)
    assert log_ratios(fit_cox(later, {"x": X})) == pytest.approx(log_ratios(plain))


def test_doubled_rows_of_the_same_patients_change_no_robust_error_but_by_ties() -> None:
    once = made()
    twice = Observed(
        duration_days=np.tile(once.duration_days, 2),
        event=np.tile(once.event, 2),
        patient=np.tile(np.arange(60), 2),
    )
    single = evolve(once, patient=np.arange(60))
    covariates = {"x": np.tile(X, 2), "z": np.tile(Z, 2)}
    plain = fit_cox(single, {"x": X, "z": Z}, ties="breslow", by_patient=True)
    doubled_fit = fit_cox(twice, covariates, ties="breslow", by_patient=True)
    assert errors(doubled_fit) == pytest.approx(errors(plain))
    naive = fit_cox(twice, covariates, ties="breslow")
    assert [math.sqrt(2) * error for error in errors(naive)] == pytest.approx(
        errors(fit_cox(single, {"x": X, "z": Z}, ties="breslow"))
    )


@pytest.mark.parametrize(
    ("days", "events", "covariates", "words"),
    [
        ((1, 2), (0, 0), {"age": (5, 6)}, "There is no event"),
        ((1, 2), (1, 1), {"age": (5, 5)}, "Age is the same for all at risk at an event"),
        ((1, 2, 3, 4), (1, 1, 1, 0), {"a": (1, 0, 1, 0), "b": (2, 0, 2, 0)}, "follow from"),
        ((1, 2, 3, 4), (1, 0, 1, 0), {"arm": (0, 1, 0, 1)}, "2 events are of lesions without arm"),
        ((1, 2), (1, 0), {"age": (60, 40)}, "The only event is of a lesion where age is 60"),
        ((1, 2, 3), (1, 1, 0), {"age": (60, 50, 40)}, "to the highest age of all then at risk"),
        ((1, 2, 3, 4, 5, 6), (1, 1, 1, 1, 1, 0),
         {"a": (5, 1, 4, 2, 3, 0), "b": (1, 4, 0.5, 2, 0.3, 0)}, "a mix of a, b may tell"),
    ],
)  # fmt: skip
def test_coxs_model_says_why_there_is_none(days, events, covariates, words) -> None:
    observed = Observed(duration_days=days, event=events)
    regression = fit_cox(observed, covariates)
    assert words in regression.reason
    assert all(hazard.ratio.value is None for hazard in regression.hazards)
    assert {hazard.ratio.reason for hazard in regression.hazards} == {regression.reason}
    assert {result.reason for result in check_proportionality(observed, covariates)} == {
        regression.reason
    }


def test_too_few_patients_for_errors_by_patient_is_a_reason() -> None:
    observed = evolve(made(), patient=np.arange(60) % 2)
    regression = fit_cox(observed, {"x": X, "z": Z}, by_patient=True)
    assert regression.reason == (
        "There are no more patients than covariates, too few for errors by patient."
    )


def test_one_event_tells_nothing_of_a_change_with_time() -> None:
    observed = Observed(duration_days=(1, 2, 3), event=(1, 0, 0))
    (trend, _) = check_proportionality(observed, {"age": (50, 60, 40)})
    assert trend.p is None
    assert trend.reason == "The events tell nothing of a change with time."


@pytest.mark.parametrize(
    ("covariates", "words"),
    [
        ({}, "at least one covariate"),
        ({"x": (1, 2)}, "for every lesion"),
        ({"x": [math.nan] * 60}, "missing value"),
    ],
)
def test_covariates_that_do_not_fit_the_rows_are_refused(covariates, words) -> None:
    with pytest.raises(InputError, match=words):
        fit_cox(made(), covariates)


def test_errors_by_patient_need_patients() -> None:
    with pytest.raises(InputError, match="need the patient"):
        fit_cox(gehan(), {"x": (1,) * 42}, by_patient=True)
