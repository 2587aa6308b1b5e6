import numpy as np
import pytest
from fixtures.figure_checks import words_of

from opp_mri.cohort.figures.incidence_figure import draw_incidence
from opp_mri.cohort.statistics.events import Cause
from opp_mri.cohort.statistics.survival import Observed, estimate_cumulative_incidence

CAUSES = {1: Cause.OPP, 2: Cause.LOCAL_FAILURE, 3: Cause.DEATH}
END = [1, 2, 1, 3, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 3, 0, 0, 0, 0, 0]
ROWS = Observed(
    duration_days=[60 + 15 * n for n in range(20)],
    event=[cause == 1 for cause in END],
    cause=END,
    group=["multifraction"] * 10 + ["single fraction"] * 10,
)


def test_each_arm_has_a_panel_with_the_curve_of_each_cause() -> None:
    figure = draw_incidence(ROWS, CAUSES)
    panels = dict(zip(["multifraction", "single fraction"], figure.axes, strict=True))
    for curve in estimate_cumulative_incidence(ROWS):
        shares = [*curve.values, curve.values[-1]]
        curves = [line.get_ydata() for line in panels[curve.group].lines]
        assert any(np.array_equal(line, shares) for line in curves)


def test_arms_and_causes_give_their_lesions_and_events() -> None:
    words = words_of(draw_incidence(ROWS, CAUSES))
    for expected in (
        "multifraction: 10 lesions", "OPP: 3 events", "local failure: 3 events", "death: 2 events",
    ):  # fmt: skip
        assert expected in words


def test_shares_are_given_with_intervals_at_the_day_after_which_few_are_left() -> None:
    words = words_of(draw_incidence(ROWS, CAUSES))
    curve = estimate_cumulative_incidence(ROWS)[0]
    share = curve.read_share(195.0)  # the last lesion of the first arm: a tenth of ten
    assert f"Multifraction, at week 28: OPP {100 * share.value:.0f}% (" in words
    assert f"({100 * share.low:.0f} to {100 * share.high:.0f})" in words


def test_a_cause_that_the_caller_does_not_name_is_not_drawn() -> None:
    assert "death" not in words_of(draw_incidence(ROWS, {1: Cause.OPP, 2: Cause.LOCAL_FAILURE}))


def test_panels_have_the_same_axes() -> None:
    figure = draw_incidence(ROWS, CAUSES)
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1


def test_more_arms_than_fit_are_refused() -> None:
    many = Observed(duration_days=[9] * 5, event=[True] * 5, cause=[1] * 5, group=list("abcde"))
    with pytest.raises(ValueError, match="at most 4 groups"):
        draw_incidence(many, CAUSES)


def test_an_arm_of_unknown_fractions_is_not_drawn_and_is_counted() -> None:
    few = Observed(
        duration_days=[*ROWS.duration_days, 90, 95],
        event=[*ROWS.event, True, False],
        cause=[*ROWS.cause, 1, 0],
        group=[*ROWS.group, "fractions unknown", "fractions unknown"],
    )
    figure = draw_incidence(few, CAUSES)
    assert len(figure.axes) == 2
    assert "2 lesions with unknown fractions: not drawn." in words_of(figure)


def test_deaths_that_are_not_a_first_event_are_counted_below_the_figure() -> None:
    has_died = [cause == 3 for cause in END]
    assert "died" not in words_of(draw_incidence(ROWS, CAUSES, has_died=has_died))
    has_died[0] = has_died[1] = has_died[4] = (
        True  # after an OPP, after a local failure, after a censoring
    )
    words = " ".join(words_of(draw_incidence(ROWS, CAUSES, has_died=has_died)).split())
    assert "death: 2 events" in words
    assert (
        "Not counted as death, as the patient died later: 2 lesions after OPP or local failure, "
        "1 lesion after its follow-up had ended." in words
    )


def test_a_death_in_an_arm_that_is_not_drawn_is_not_counted() -> None:
    rows = Observed(
        duration_days=[*ROWS.duration_days, 90], event=[*ROWS.event, False], cause=[*ROWS.cause, 0],
        group=[*ROWS.group, "fractions unknown"],
    )  # fmt: skip
    assert "died later" not in words_of(
        draw_incidence(rows, CAUSES, has_died=[False] * 20 + [True])
    )
