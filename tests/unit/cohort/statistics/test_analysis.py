import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest
from attrs import evolve, fields, has
from fixtures.cohort_courses import (
    COHORTS,
    COURSES,
    DEGENERATE,
    cohort_lesion,
    lesions_of_the_paper,
)
from fixtures.cohort_makers import make_cohort
from fixtures.makers import make_lesion
from fixtures.visit_makers import with_visits
from hypothesis import HealthCheck, given, settings

from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.statistics.covariates import (
    PAPER_COVARIATES,
    Covariate,
    gather_covariates,
    get_covariate,
)
from opp_mri.cohort.statistics.endpoints import EventDay
from opp_mri.cohort.statistics.events import Cause, Endpoint, LesionEvents
from opp_mri.cohort.statistics.members import FractionGroup
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.statistics.survival import EventEstimate, Observed
from opp_mri.domain.assessment import Mode, ResponseCategory
from opp_mri.domain.visit import Visit
from opp_mri.response.assessed import AssessedLesion

UNHURRIED = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
OPP, PD, PR, SD = (COURSES[category] for category in tuple(ResponseCategory)[:4])
DAY_0 = date(2024, 2, 1)


@pytest.fixture(scope="module")
def paper() -> CohortAnalysis:
    return analyse(lesions_of_the_paper())


def numbers(result: object) -> Iterator[EventEstimate]:
    """Yield every estimate of an analysis, however deep."""
    if isinstance(result, EventEstimate):
        yield result
    elif isinstance(result, tuple):
        for field in result:
            yield from numbers(field)
    elif isinstance(result, Mapping):
        yield from numbers(tuple(result.values()))
    elif has(type(result)) and not isinstance(result, Observed | AssessedLesion | LesionEvents):
        for field in fields(type(result)):
            yield from numbers(getattr(result, field.name))


def test_the_counts_of_the_paper_give_its_fisher_test(paper) -> None:
    """It prints P = .01."""
    assert (paper.fisher.single, paper.fisher.multi) == ((5, 16), (0, 21))
    assert paper.fisher.test.p == pytest.approx(0.0100207, abs=5e-8)
    ratio = paper.fisher.test.odds_ratio
    assert (ratio.value, ratio.high) == (math.inf, math.inf)
    assert ratio.low == pytest.approx(1.41236, abs=5e-6)


def test_the_counts_of_the_paper_bound_its_log_rank_test(paper) -> None:
    """It prints P = .005; with every event before every censoring it is .0060."""
    result = paper.opp_free.comparison.log_rank
    assert result.chi_square == pytest.approx(7.549, abs=5e-4)
    assert result.p == pytest.approx(0.0060, abs=5e-5)


def test_the_papers_failed_model_has_a_reason_and_firths_a_number(paper) -> None:
    model = paper.opp_free.models[-1]
    assert model.covariates == (Covariate.SINGLE_FRACTION,)
    assert model.cox.reason.startswith("All 5 events are of lesions with single fraction")
    ratio = model.firth.hazards[0].ratio
    assert 1 < ratio.low < ratio.value < ratio.high < math.inf
    assert (ratio.n, ratio.events) == (37, 5)


def test_the_other_covariates_of_the_paper_have_coxs_model_with_errors_by_patient(paper) -> None:
    assert (paper.n, paper.patients, paper.eligible) == (37, 36, 37)
    for model in paper.opp_free.models[:-1]:
        assert (model.n, model.events, model.left_out) == (37, 5, 0)
        assert model.cox.patients == 36
        assert model.cox.hazards[0].ratio.value is not None
        assert [trend.covariate for trend in model.trends] == [model.covariates[0]]
        by_lesion = model.cox_by_lesion
        assert by_lesion.patients is None
        assert by_lesion.hazards[0].ratio.value == model.cox.hazards[0].ratio.value
        assert by_lesion.hazards[0].standard_error != model.cox.hazards[0].standard_error
        assert model.firth is None


def test_with_one_lesion_a_patient_the_errors_are_by_lesion() -> None:
    lesions = [
        evolve(lesion, lesion=evolve(lesion.lesion, patient_id=str(n)))
        for n, lesion in enumerate(lesions_of_the_paper())
    ]
    (age, *_) = analyse(lesions).opp_free.models
    assert age.cox.patients is None
    assert age.cox_by_lesion is None


def test_the_direction_of_the_papers_hazard_ratios_comes_out(paper) -> None:
    """Age 1.16, dose 0.86, radiosensitive 0.70, thoracic 0.75: below or above 1 as printed."""
    result = {m.covariates[0]: m.cox.hazards[0].ratio.value for m in paper.opp_free.models[:-1]}
    assert result[Covariate.AGE] > 1
    assert result[Covariate.DOSE] < 1
    assert result[Covariate.RADIOSENSITIVE] < 1
    assert result[Covariate.THORACIC] < 1


def test_a_model_of_all_wants_ten_events_for_each_covariate(paper) -> None:
    result = paper.opp_free.multivariable
    assert result.reason == "5 covariates need 50 events, 10 for each; there are 5."
    assert (result.n, result.events) == (37, 5)
    enough = analyse(lesions_of_the_paper(), events_per_covariate=1).progression_free.multivariable
    assert enough.reason is None
    assert [hazard.covariate for hazard in enough.cox.hazards] == [*PAPER_COVARIATES]
    assert [trend.covariate for trend in enough.trends] == [*PAPER_COVARIATES, None]
    assert enough.firth is not None


def test_the_arms_are_all_then_single_then_multifraction_then_unknown() -> None:
    lesions = [cohort_lesion(fractions=fraction_count) for fraction_count in (None, 3, 1, 5)]
    result = analyse(lesions).opp_free.comparison
    assert [arm.group for arm in result.arms] == [
        "all", FractionGroup.SINGLE, FractionGroup.MULTI, FractionGroup.UNKNOWN
    ]  # fmt: skip
    assert [arm.curve.n for arm in result.arms] == [4, 1, 2, 1]
    assert result.log_rank.n == 3
    assert analyse(lesions).fisher.left_out == 1


def test_an_opp_is_no_progression_and_the_other_way_round() -> None:
    lesions = [cohort_lesion(t1=OPP), cohort_lesion(t1=PD), cohort_lesion(t1=SD)]
    result = analyse(lesions)
    assert result.opp_free.comparison.observed.duration_days.tolist() == [87, 260, 200]
    assert result.opp_free.comparison.observed.event.tolist() == [True, False, False]
    assert result.progression_free.comparison.observed.duration_days.tolist() == [260, 80, 200]
    assert result.opp_free.competing.cause.tolist() == [1, 2, 0]
    assert result.first.duration_days.tolist() == [87, 80, 200]
    assert result.first.cause.tolist() == [1, 2, 0]


def test_numbers_at_risk_are_counted_in_weeks_0_13_26_52_and_104(paper) -> None:
    everyone = paper.opp_free.comparison.arms[0]
    assert everyone.at_risk == (37, 33, 32, 0, 0)


def test_the_event_may_be_set_at_the_peak() -> None:
    growing_course = {-10: 20, 50: 22.5, 87: 25, 180: 21, 260: 20}
    first, peak = (
        analyse([cohort_lesion(t1=growing_course)], event_at=event_time).first.duration_days[0]
        for event_time in (EventDay.FIRST_GROWTH, EventDay.PEAK)
    )
    assert (first, peak) == (50, 87)


def test_a_death_competes_and_ends_no_lesion_otherwise() -> None:
    has_died = cohort_lesion(t1=SD, death_date=DAY_0 + timedelta(250))
    result = analyse([has_died, cohort_lesion(t1=SD), cohort_lesion(t1=OPP)])
    opp, failure, death = (curves[0] for curves in result.incidence.values())
    assert [*result.incidence] == [Cause.OPP, Cause.LOCAL_FAILURE, Cause.DEATH]
    assert opp.values[-1] == pytest.approx(1 / 3)
    assert failure.values == (0.0,)
    assert death.days == (0, 250)
    assert result.opp_free.events == 1
    survival = result.by_endpoint[Endpoint.SURVIVAL].comparison.observed
    assert survival.duration_days.tolist() == [250, 200, 260]


def test_the_landmark_keeps_who_is_without_any_event_and_counts_the_others() -> None:
    late = {-10: 20, 100: 20, 300: 25, 400: 26}
    lesions = [cohort_lesion(t1=course) for course in (OPP, OPP, PD, SD, PR, late)]
    result = analyse(lesions, landmark_day=182)
    opp, progression = result.opp_free.landmark, result.progression_free.landmark
    assert (opp.n, opp.had_event, opp.had_competing, opp.censored) == (3, 2, 1, 0)
    assert (progression.had_event, progression.had_competing) == (1, 2)
    assert progression.comparison.observed.duration_days.tolist() == [18, 18, 118]
    assert opp.comparison.log_rank.reason == "There is no event."
    beyond = analyse(lesions, landmark_day=5000).opp_free.landmark
    assert (beyond.n, beyond.had_event, beyond.had_competing, beyond.censored) == (0, 2, 2, 2)
    assert beyond.comparison.reason == "No lesion is followed beyond day 5000 without an event."


def test_a_lesion_imaged_until_before_the_landmark_is_censored_though_it_dies_later() -> None:
    few = cohort_lesion(t1={-10: 20, 45: 20, 92: 20}, death_date=DAY_0 + timedelta(205))
    lesions = [cohort_lesion(t1=course) for course in (OPP, PD, SD)] + [few]
    result = analyse(lesions, landmark_day=182)
    for landmark in (result.opp_free.landmark, result.progression_free.landmark):
        assert landmark.censored == 1
        assert landmark.n + landmark.had_event + landmark.had_competing == 3
        assert min(landmark.comparison.observed.duration_days) > 0


@pytest.mark.parametrize(
    ("covariate", "lesion", "expected"),
    [
        (Covariate.AGE, {"age_years": 57}, 57),
        (Covariate.AGE, {}, None),
        (Covariate.DOSE, {"dose_gy": Decimal("13.5")}, 13.5),
        (Covariate.DOSE, {"dose_gy": None}, None),
        (Covariate.RADIOSENSITIVE, {"histology": "breast"}, 1),
        (Covariate.RADIOSENSITIVE, {"histology": "RCC"}, 0),
        (Covariate.RADIOSENSITIVE, {"histology": "bladder"}, None),
        (Covariate.THORACIC, {"level": "T12"}, 1),
        (Covariate.THORACIC, {"level": "C3"}, 0),
        (Covariate.THORACIC, {"level": "L6"}, 0),
        (Covariate.THORACIC, {"level": "S1"}, None),
        (Covariate.SINGLE_FRACTION, {"fractions": 1}, 1),
        (Covariate.SINGLE_FRACTION, {"fractions": 3}, 0),
        (Covariate.SINGLE_FRACTION, {"fractions": None}, None),
    ],
)
def test_a_covariate_is_a_number_or_not_known(covariate, lesion, expected) -> None:
    assert get_covariate(make_lesion(**lesion), covariate) == expected


def test_a_lesion_without_a_covariate_is_left_out_of_that_model_only() -> None:
    lesions = [
        cohort_lesion(t1=OPP, histology="bladder", level="S1", age_years=50, fractions=3),
        cohort_lesion(t1=OPP, histology="RCC", level="T1", age_years=60, dose_gy=None),
        cohort_lesion(t1=SD, histology="breast", level="L1", age_years=None),
    ]
    result = {model.covariates[0]: model for model in analyse(lesions).opp_free.models}
    counts = {k: (m.n, m.events, m.left_out, m.events_left_out) for k, m in result.items()}
    assert counts == {
        Covariate.AGE: (2, 2, 1, 0),
        Covariate.DOSE: (2, 1, 1, 1),
        Covariate.RADIOSENSITIVE: (2, 1, 1, 1),
        Covariate.THORACIC: (2, 1, 1, 1),
        Covariate.SINGLE_FRACTION: (3, 2, 0, 0),
    }


def test_a_covariate_that_is_known_of_nobody_is_a_reason() -> None:
    (age, *_) = analyse([cohort_lesion(t1=OPP), cohort_lesion()]).opp_free.models
    assert age.reason == "Age is not known of any lesion."


@pytest.mark.parametrize("lesions", DEGENERATE.values(), ids=DEGENERATE)
def test_where_there_is_no_number_there_is_a_reason(lesions) -> None:
    for number in numbers(analyse(lesions)):
        assert number.value is not None or number.reason


def test_every_lesion_that_was_eligible_on_day_0_has_a_time_in_every_endpoint() -> None:
    lesions = [
        cohort_lesion(t1={-10: 20, 90: 25}, mode=Mode.PROSPECTIVE),
        cohort_lesion(t1={-10: 20, 90: 20}),
        cohort_lesion(t1={-10: 20}),
        cohort_lesion(),
        cohort_lesion(t1={90: 20, 200: 20}),
    ]
    result = analyse(lesions)
    assert (result.eligible, result.n) == (2, 4)
    for endpoint in result.endpoints:
        assert endpoint.comparison.observed.n == endpoint.competing.n == 4
    days = result.progression_free.comparison.observed.duration_days.tolist()
    assert days == [90, 90, 0, 200]
    assert result.follow_up.without_study == 1


def test_a_patient_has_the_event_of_the_worst_lesion() -> None:
    lesions = [
        cohort_lesion(t1=SD, patient_id="A"),
        cohort_lesion(t1=PD, patient_id="A"),
        cohort_lesion(t1=SD, patient_id="B"),
    ]
    result = analyse(lesions).progression_free
    assert (result.events, result.by_patient.patients, result.by_patient.events) == (1, 2, 1)
    assert result.by_patient.curve.days == (0, 80)


def test_median_follow_up_counts_an_event_as_censored() -> None:
    """survfit(Surv(c(80, 200, 200), c(0, 1, 1)) ~ 1): the median is 200."""
    result = analyse([cohort_lesion(t1=PD), cohort_lesion(), cohort_lesion()])
    assert result.follow_up.imaging.value == 200
    assert result.follow_up.studies.median == 2


@UNHURRIED
@given(COHORTS)
def test_no_cohort_raises_and_every_test_and_model_has_a_number_or_a_reason(lesions) -> None:
    result = analyse(lesions)
    for number in numbers(result):
        assert number.value is not None or number.reason
    for endpoint in result.endpoints:
        landmark = endpoint.landmark
        later = [] if landmark is None else [landmark.comparison.log_rank]
        for test in (endpoint.comparison.log_rank, endpoint.gray, *later):
            assert (test.p is None) == bool(test.reason)
        together = [endpoint.multivariable] if endpoint.multivariable else []
        for model in (*endpoint.models, *together):
            assert (model.cox is None) == bool(model.reason)
            assert model.n + model.left_out == result.n
            if model.cox is not None and model.cox.reason:
                assert model.firth is not None
            for trend in model.trends:
                assert (trend.p is None) == bool(trend.reason)


def test_the_same_lesions_give_the_same_analysis() -> None:
    first, second = (analyse(make_cohort(60)) for _ in range(2))
    assert list(numbers(first)) == list(numbers(second))


def test_sins_and_epidural_disease_are_covariates_only_where_a_lesion_has_them() -> None:
    lesions = make_cohort(60)
    assert tuple(gather_covariates(lesions)) == PAPER_COVARIATES
    lesions_with_visits = with_visits(lesions)
    assert tuple(gather_covariates(lesions_with_visits)) == (*PAPER_COVARIATES, Covariate.EPIDURAL)
    models = analyse(lesions_with_visits).opp_free.models
    epidural = next(model for model in models if model.covariates == (Covariate.EPIDURAL,))
    assert epidural.n == models[0].n + models[0].left_out
    together = analyse(lesions_with_visits).opp_free.multivariable
    assert together is None or Covariate.EPIDURAL not in together.covariates


@pytest.mark.parametrize(
    ("grade", "day", "expected"),
    [("0", date(2024, 1, 20), 0.0), ("1a", date(2024, 1, 20), 1.0), ("3", date(2024, 2, 2), None)],
)
def test_epidural_disease_is_that_before_treatment(
    grade: str, day: date, expected: float | None
) -> None:
    visit = Visit(lesion_id="L", visit_date=day, epidural_grade=grade)
    assert get_covariate(make_lesion(), Covariate.EPIDURAL, (visit,)) == expected


def test_sins_counts_in_points_where_all_items_are_known() -> None:
    items = {"bone_quality": "lytic", "sins_pain": 3, "sins_alignment": 0, "sins_collapse": 2}
    assert get_covariate(make_lesion(**items), Covariate.SINS) is None
    assert get_covariate(make_lesion(**items, sins_posterolateral=1), Covariate.SINS) == 11.0
