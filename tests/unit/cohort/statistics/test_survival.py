"""Each number next to what R 4.2.2 gives for it (survival 3.5-3, cmprsk 2.2-11), or derived."""

import math

import numpy as np
import pytest
from attrs import evolve
from fixtures.survival_data import gehan, made, paper
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from opp_mri.cohort.statistics.exact_test import run_fisher_test
from opp_mri.cohort.statistics.survival import (
    Curve,
    EventEstimate,
    Observed,
    compute_median_days,
    count_at_risk,
    estimate_cumulative_incidence,
    estimate_kaplan_meier,
    follow_up_days,
    log_rank,
)
from opp_mri.errors import InputError

EXACT = 1e-9
UNHURRIED = settings(deadline=None)  # the first example imports statsmodels
ROWS = st.lists(
    st.tuples(st.integers(1, 40), st.booleans(), st.sampled_from("ab")), min_size=1, max_size=30
)


def observed(rows: list[tuple[int, bool, str]]) -> Observed:
    days, events, groups = zip(*rows, strict=True)
    return Observed(duration_days=days, event=events, group=groups)


def whole(observed: Observed) -> Observed:
    return evolve(observed, group=None)


def test_the_curve_of_gehans_trial_is_the_published_one() -> None:
    """survfit(Surv(t, e) ~ arm, conf.type = "log-log")."""
    treated_curve, placebo = estimate_kaplan_meier(gehan())
    assert (treated_curve.group, placebo.group) == ("6-MP", "placebo")
    assert treated_curve.days == (0, 6, 7, 10, 13, 16, 22, 23)
    assert treated_curve.at_risk == (21, 21, 17, 15, 12, 11, 7, 6)
    assert treated_curve.events == (0, 3, 1, 1, 1, 1, 1, 1)
    assert treated_curve.values == pytest.approx(
        (1, 0.857142857142857, 0.806722689075630, 0.752941176470588, 0.690196078431372,
         0.627450980392157, 0.537815126050420, 0.448179271708683), abs=EXACT,
    )  # fmt: skip
    assert treated_curve.low[1:] == pytest.approx(
        (0.619717955265984, 0.563146564622233, 0.503199510799957, 0.431610222486184,
         0.367510855987502, 0.267778936767135, 0.188052005959232), abs=EXACT,
    )  # fmt: skip
    assert treated_curve.high[1:] == pytest.approx(
        (0.951551747646997, 0.922809019202880, 0.889361835169265, 0.849065963349451,
         0.804912189471841, 0.746790717635394, 0.680142628495241), abs=EXACT,
    )  # fmt: skip
    assert placebo.values[-1] == 0
    assert (placebo.low[-1], placebo.high[-1]) == (None, None)


def test_medians_and_their_intervals_are_those_of_r() -> None:
    """summary(survfit(..., conf.type = "log-log"))$table."""
    treated_median, placebo = map(compute_median_days, estimate_kaplan_meier(gehan()))
    assert (treated_median.value, treated_median.low, treated_median.high) == (23, 13, None)
    assert (placebo.value, placebo.low, placebo.high) == (8, 4, 11)
    result = [compute_median_days(curve) for curve in estimate_kaplan_meier(made())]
    assert [(member.value, member.low, member.high) for member in result] == [
        (133, 98, None), (182, 161, None), (182, 63, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "at_risk", "values", "low", "high"),
    [
        (False, (47, 28, 8),
         (0.892470133120947, 0.795387134957052, 0.615182237193345),
         (0.775666291681806, 0.648985284689750, 0.406631116251122),
         (0.950330415254579, 0.885842391799601, 0.769274239190432)),
        (True, (43, 28, 8),
         (0.873881802821065, 0.778820845249232, 0.602369247497453),
         (0.740451485460877, 0.626489064096715, 0.396494134809145),
         (0.941313130951694, 0.874916471579187, 0.757496662420803)),
    ],
)  # fmt: skip
def test_a_curve_with_ties_and_late_entry_is_that_of_r(entry, at_risk, values, low, high) -> None:
    """survfit(Surv(entry, day, event) ~ 1, d, conf.type = "log-log") at days 35, 91 and 154."""
    observed = whole(made(entry=entry))
    (curve,) = estimate_kaplan_meier(observed)
    result = [curve.read_share(day) for day in (35, 91, 154)]
    assert [estimate.value for estimate in result] == pytest.approx(values, abs=EXACT)
    assert [estimate.low for estimate in result] == pytest.approx(low, abs=EXACT)
    assert [estimate.high for estimate in result] == pytest.approx(high, abs=EXACT)
    assert count_at_risk(observed, (35, 91, 154)) == {"all": at_risk}


def test_a_curve_says_nothing_after_the_last_day() -> None:
    (curve,) = estimate_kaplan_meier(Observed(duration_days=(5, 9), event=(1, 0)))
    assert curve.read_share(9).value == 0.5
    assert curve.read_share(10) == EventEstimate(
        value=None, n=2, events=1, reason="Nobody was followed until day 10."
    )


def test_a_median_that_is_not_reached_says_so() -> None:
    (curve,) = estimate_kaplan_meier(Observed(duration_days=(5, 9, 9), event=(1, 0, 0)))
    median_days = compute_median_days(curve)
    assert (median_days.value, median_days.high) == (None, None)
    assert median_days.reason == "Not reached: more than half were without the event to the end."


@pytest.mark.parametrize(
    ("days", "event", "median_days"),
    [
        ([20, 30, 40, 50, 91, 400, 800, 900], [1, 1, 1, 1, 1, 1, 0, 1], 70.5),
        ([90, 360], [1, 0], 90),
        ([0, 90], [1, 0], 0),
        ([10, 20, 30, 40], [1, 1, 0, 0], 20),
        ([10, 20, 30], [1, 1, 1], 20),
    ],
)
def test_a_curve_that_lies_at_a_half_has_the_median_of_r(days, event, median_days) -> None:
    """R 4.2.2, print(survfit(...)): the midpoint of the two events between which it lies there."""
    curve = estimate_kaplan_meier(Observed(duration_days=days, event=event))[0]
    assert compute_median_days(curve).value == pytest.approx(median_days)


def test_the_log_rank_test_is_that_of_r() -> None:
    """survdiff(Surv(t, e) ~ arm) and survdiff(Surv(day, event) ~ group, d)."""
    two, three = log_rank(gehan()), log_rank(made())
    assert two.chi_square == pytest.approx(16.7929409892165, rel=EXACT)
    assert two.p == pytest.approx(4.16880910933453e-05, rel=EXACT)
    assert two.expected == pytest.approx({"6-MP": 19.2505009480311, "placebo": 10.7494990519689})
    assert three.chi_square == pytest.approx(0.103700064036726, rel=EXACT)
    assert (three.degrees_of_freedom, three.p) == (2, pytest.approx(0.949471246452884, rel=EXACT))


def test_the_counts_of_the_paper_fix_its_log_rank_test() -> None:
    """survdiff: 7.549401, p = 0.0060030; the paper prints .005."""
    result = log_rank(paper())
    assert result.chi_square == pytest.approx(7.54940109571625, rel=EXACT)
    assert result.p == pytest.approx(0.00600300228082665, rel=EXACT)


@UNHURRIED
@given(ROWS, st.integers(0, 20))
def test_the_log_rank_test_with_delayed_entry_is_its_definition(rows, late) -> None:
    """Sum of observed less expected, squared, over its hypergeometric variance (Mantel 1966)."""
    sample = observed(rows)
    entry = np.minimum(np.arange(sample.n) * late % 11, sample.duration_days - 1)
    sample = evolve(sample, entry_days=entry)
    first = sample.group == "a"
    difference = variance = 0.0
    for day in np.unique(sample.duration_days[sample.event]):
        risk = (sample.duration_days >= day) & ((entry < day) | (entry == 0))
        ends = sample.event & (sample.duration_days == day)
        n, m, d = risk.sum(), (risk & first).sum(), ends.sum()
        difference += (ends & first).sum() - d * m / n
        variance += d * m / n * (1 - m / n) * (n - d) / max(n - 1, 1)
    result = log_rank(sample)
    if variance > 1e-9:
        assert result.chi_square == pytest.approx(difference**2 / variance, abs=1e-7)
    else:
        assert result.chi_square is None
        assert result.reason


def test_the_log_rank_test_says_why_there_is_none() -> None:
    observed = Observed(duration_days=(5, 9), event=(1, 0), group=("a", "a"))
    assert log_rank(observed).reason == "There is only one group with anybody at risk at an event."
    without_events = evolve(observed, event=(0, 0), group=("a", "b"))
    assert log_rank(without_events).reason == "There is no event."
    apart = evolve(observed, duration_days=(9, 5), group=("a", "b"))
    assert log_rank(apart).p is None


@pytest.mark.parametrize(
    ("cause", "values", "errors"),
    [
        (1, (0.102210338680927, 0.178715220856746, 0.276434256577895),
         (0.0395597891822003, 0.0514618128149919, 0.0643531368325840)),
        (2, (0.102210338680927, 0.177672082094418, 0.271542605510396),
         (0.0395597891822003, 0.0511674946763704, 0.0633623966771414)),
        (3, (0.016969696969697, 0.0728650514597536, 0.1803048984344844),
         (0.0168249103425928, 0.0351501252618081, 0.0546184871683228)),
    ],
)  # fmt: skip
def test_the_cumulative_incidence_is_that_of_r(cause, values, errors) -> None:
    """survfit(Surv(day, factor(cause, 0:3)) ~ 1, d), pstate and std.err; cuminc gives the same.

    Limits by their definition: the log(-log) of the share, with the error by the delta method.
    """
    curve = estimate_cumulative_incidence(whole(made()))[cause - 1]
    result = [curve.read_share(day) for day in (35, 91, 154)]
    assert [estimate.value for estimate in result] == pytest.approx(values, abs=EXACT)
    for estimate, share, error in zip(result, values, errors, strict=True):
        half = stats.norm.ppf(0.975) * error / (share * abs(math.log(share)))
        middle = math.log(-math.log(share))
        limits = [math.exp(-math.exp(middle + sign * half)) for sign in (1, -1)]
        assert [estimate.low, estimate.high] == pytest.approx(limits, abs=1e-8)


def test_a_cause_that_nobody_had_has_a_flat_curve() -> None:
    observed = Observed(duration_days=(5, 9), event=(1, 0), cause=(1, 0))
    opp, other_curve = estimate_cumulative_incidence(observed, causes=2)
    assert (opp.values, other_curve.values) == ((0.0, 0.5), (0.0,))
    assert other_curve.read_share(9).value == 0


@UNHURRIED
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), min_size=1, max_size=30).filter(
        lambda rows: any(cause for _, cause in rows)
    )
)
def test_incidences_add_up_to_one_less_the_share_without_any_event(rows) -> None:
    days, causes = map(np.array, zip(*rows, strict=True))
    observed = Observed(duration_days=days, event=causes == 1, cause=causes)
    (free,) = estimate_kaplan_meier(Observed(duration_days=days, event=causes > 0))
    curves = estimate_cumulative_incidence(observed, causes=3)
    for day in range(max(days) + 1):
        total = sum(curve.read_share(day).value for curve in curves)
        assert total == pytest.approx(1 - free.read_share(day).value, abs=1e-9)


@UNHURRIED
@given(st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_without_censoring_the_curve_is_the_share_that_is_left(days) -> None:
    (curve,) = estimate_kaplan_meier(Observed(duration_days=days, event=[1] * len(days)))
    for day in range(max(days) + 1):
        assert curve.read_share(day).value == pytest.approx(
            sum(day_of_row > day for day_of_row in days) / len(days)
        )


@UNHURRIED
@given(ROWS)
def test_curves_stay_within_their_limits_and_count_everyone_once(rows) -> None:
    curves = estimate_kaplan_meier(observed(rows))
    assert sum(curve.n for curve in curves) == len(rows)
    for curve in curves:
        _check(curve)


def _check(curve: Curve) -> None:
    assert sum(curve.events) + len(curve.censored_days) == curve.n
    assert list(curve.values) == sorted(curve.values, reverse=True)
    for low, value, high in zip(curve.low, curve.values, curve.high, strict=True):
        assert low is None or 0 <= low <= value <= high <= 1
    for day, at_risk in zip(curve.days, curve.at_risk, strict=True):
        before = [d for d in curve.censored_days if d < day]
        had = sum(n for d, n in zip(curve.days, curve.events, strict=True) if d < day)
        assert at_risk == curve.n - len(before) - had


@UNHURRIED
@given(ROWS)
def test_the_log_rank_test_does_not_care_about_names_order_or_unit(rows) -> None:
    sample = observed(rows)
    swapped_rows = evolve(sample, group=np.where(sample.group == "a", "z", "y")).take(
        np.ones(sample.n, bool)
    )
    weekly_rows = evolve(
        sample, duration_days=7 * sample.duration_days[::-1], event=sample.event[::-1],
        group=sample.group[::-1],
    )  # fmt: skip
    chi = log_rank(sample).chi_square
    for other_sample in (swapped_rows, weekly_rows):
        result = log_rank(other_sample).chi_square
        assert (result is None) == (chi is None)
        assert chi is None or result == pytest.approx(chi, abs=1e-7)


@pytest.mark.parametrize(
    ("first", "second", "p", "ratio"),
    [
        ((5, 16), (0, 21), 0.0100207159030688, math.inf),  # the paper
        ((7, 19), (3, 43), 0.00645610463117773, 7.46322985),
        ((0, 9), (4, 12), 0.103759398496241, 0.0),
        ((3, 4), (1, 4), 0.485714285714286, 6.40830887),
    ],
)
def test_fishers_test_is_that_of_r(first, second, p, ratio) -> None:
    """fisher.test, whose odds ratio is found to four digits or so."""
    result = run_fisher_test(first, second)
    assert result.p == pytest.approx(p, rel=EXACT)
    assert result.odds_ratio.value == pytest.approx(ratio, rel=1e-5)
    assert (result.odds_ratio.n, result.odds_ratio.events) == (
        first[1] + second[1], first[0] + second[0]
    )  # fmt: skip


@UNHURRIED
@given(st.tuples(*[st.integers(1, 25)] * 4))
def test_the_limits_of_the_odds_ratio_leave_a_fortieth_on_either_side(counts) -> None:
    a, b, c, d = counts
    result = run_fisher_test((a, a + b), (c, c + d)).odds_ratio
    total, drawn_count, marked_count = sum(counts), a + b, a + c
    for odds, side in ((result.low, "upper"), (result.high, "lower")):
        if math.isinf(odds) or odds == 0:
            continue
        law = stats.nchypergeom_fisher(total, marked_count, drawn_count, odds)
        tail = law.sf(a - 1) if side == "upper" else law.cdf(a)
        assert tail == pytest.approx(0.025, abs=1e-6)


@UNHURRIED
@given(st.tuples(*[st.integers(0, 20)] * 4))
def test_the_odds_ratio_of_swapped_arms_is_the_reciprocal(counts) -> None:
    a, b, c, d = counts
    first_test, reverse_test = (
        run_fisher_test((a, a + b), (c, c + d)),
        run_fisher_test((c, c + d), (a, a + b)),
    )
    assert first_test.p == (
        reverse_test.p if reverse_test.p is None else pytest.approx(reverse_test.p)
    )
    ratio, back = first_test.odds_ratio, reverse_test.odds_ratio
    if ratio.value is None:
        assert ratio.reason
        return
    for value, inverse in ((ratio.value, back.value), (ratio.low, back.high)):
        expected = math.inf if inverse == 0 else 1 / inverse
        assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("arms", [((0, 0), (2, 5)), ((0, 0), (0, 0))])
def test_fishers_test_of_an_empty_arm_has_no_p(arms) -> None:
    result = run_fisher_test(*arms)
    assert result.p is None
    assert result.odds_ratio.reason == "An arm has no lesion."


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"duration_days": (), "event": ()}, "no lesion"),
        ({"duration_days": (1, 2), "event": (1,)}, "differ in length"),
        ({"duration_days": (-1,), "event": (1,)}, "missing or negative"),
        ({"duration_days": (math.nan,), "event": (1,)}, "missing or negative"),
        ({"duration_days": (1,), "event": (1,), "cause": (2,)}, "Event and cause differ"),
        ({"duration_days": (1,), "event": (0,), "cause": (-1,)}, "A cause is"),
        ({"duration_days": (5,), "event": (1,), "entry_days": (5,)}, "An entry"),
    ],
)
def test_rows_that_cannot_be_are_refused_in_words(columns, words) -> None:
    with pytest.raises(InputError, match=words):
        Observed(**columns)


def test_competing_risks_want_causes_and_everyone_from_the_start() -> None:
    for observed in (gehan(), made(entry=True)):
        with pytest.raises(InputError, match="Competing risks"):
            estimate_cumulative_incidence(observed)


def test_more_events_than_lesions_are_refused() -> None:
    with pytest.raises(InputError, match="never more events"):
        run_fisher_test((3, 2), (0, 4))


def test_the_median_follow_up_is_that_of_r() -> None:
    """survfit(Surv(day, event == 0) ~ 1, conf.type = "log-log")."""
    result = follow_up_days(evolve(made(), event=made().cause != 0, cause=None))
    assert (result.value, result.low, result.high) == (161, 119, None)


def test_a_median_that_is_not_reached_keeps_the_limit_that_exists() -> None:
    """survfit(Surv(1:12, (1:12) <= 5) ~ 1, conf.type = "log-log")."""
    curve = estimate_kaplan_meier(observed([(day, day <= 5, "a") for day in range(1, 13)]))[0]
    median_days = compute_median_days(curve)
    assert median_days.value is None
    assert median_days.low == 2
