import numpy as np
import pytest
from fixtures.figure_checks import texts_of, words_of

from opp_mri.cohort.figures.sheet import SINGLE_IN
from opp_mri.cohort.figures.style import ARMS, describe_p
from opp_mri.cohort.figures.survival_figure import draw_survival
from opp_mri.cohort.figures.time_axis import TimeUnit, choose_tick_days, find_thinning_day
from opp_mri.cohort.statistics.survival import Observed, estimate_kaplan_meier, log_rank

# the paper's arms (RULES): 5 OPP of 16 after one fraction, 0 of 21 after several
PAPER = Observed(
    duration_days=[68, 76, 83, 87, 171, *range(200, 211), *range(200, 221)],
    event=[True] * 5 + [False] * 32,
    group=["single fraction"] * 16 + ["multifraction"] * 21,
)


def test_the_curve_of_each_arm_is_that_of_kaplan_and_meier_in_weeks() -> None:
    axes = draw_survival(PAPER, "OPP").axes[0]
    for curve in estimate_kaplan_meier(PAPER):
        weeks = [*(day / 7 for day in curve.days), curve.last_day / 7]
        shares = [*curve.values, curve.values[-1]]
        assert any(
            np.array_equal(line.get_xdata(), weeks) and np.array_equal(line.get_ydata(), shares)
            for line in axes.lines
        )


def test_each_arm_gives_its_lesions_and_its_events() -> None:
    words = words_of(draw_survival(PAPER, "OPP"))
    assert "single fraction: 16 lesions, 5 events" in words
    assert "multifraction: 21 lesions, 0 events" in words


def test_the_log_rank_test_is_given_with_its_chi_square() -> None:
    words = words_of(draw_survival(PAPER, "OPP", test=log_rank(PAPER)))
    assert "chi-square 7.55 on 1 df, p = 0.006; 37 lesions, 5 events." in words


def test_no_test_is_written_where_none_is_given_and_a_reason_where_there_is_none() -> None:
    assert "og-rank" not in words_of(draw_survival(PAPER, "OPP"))
    nobody = Observed(duration_days=[200, 300], event=[False, False], group=["a", "b"])
    words = words_of(draw_survival(nobody, "OPP", test=log_rank(nobody)))
    assert "There is no log-rank test. " in words
    assert "There is no event, and so there is no interval." in words


def test_no_band_is_explained_where_none_is_drawn() -> None:
    few = Observed(duration_days=[80, 150, 200, 250], event=[True, True, False, True])
    figure = draw_survival(few, "OPP")
    assert "No 95% interval is drawn where it is wider than 50 percentage points." in words_of(
        figure
    )
    assert "Bands" not in words_of(figure)
    assert "Bands: 95% intervals" in words_of(draw_survival(PAPER, "OPP"))


@pytest.mark.parametrize("unit", TimeUnit)
def test_numbers_at_risk_stand_exactly_under_their_ticks(unit: TimeUnit) -> None:
    figure = draw_survival(PAPER, "OPP", unit=unit)
    axes = figure.axes[0]
    ticks = [axes.transData.transform((tick, 0))[0] for tick in axes.get_xticks()]
    below = axes.get_window_extent().y0
    for arm in (16, 21):
        row = next(t for t in texts_of(figure) if t.get_text() == str(arm))
        height = row.get_window_extent().y0
        centres = [
            (box.x0 + box.x1) / 2
            for text in texts_of(figure)
            for box in (text.get_window_extent(),)
            if text.get_text().isdigit() and abs(box.y0 - height) < 2 and box.y1 < below
        ]
        assert sorted(centres) == pytest.approx(ticks, abs=1)


def test_numbers_at_risk_fall_as_lesions_end() -> None:
    words = words_of(draw_survival(PAPER, "OPP"))
    days = choose_tick_days(220, TimeUnit.WEEKS, 9)
    single = [sum(day >= tick for day in PAPER.duration_days[:16]) for tick in days]
    assert " ".join(["single fraction", *map(str, single)]) in words


def test_ends_of_follow_up_are_marked_on_the_curve() -> None:
    axes = draw_survival(PAPER, "OPP").axes[0]
    censoring_marks = [line for line in axes.lines if line.get_marker() == "|"]
    assert sum(len(line.get_xdata()) for line in censoring_marks) == 32
    assert {round(height, 4) for line in censoring_marks for height in line.get_ydata()} == {
        1.0,
        0.6875,
    }


def test_months_are_named_on_the_axis() -> None:
    words = words_of(draw_survival(PAPER, "OPP", unit=TimeUnit.MONTHS, width_in=SINGLE_IN))
    assert "months from completion of SSRS" in words
    assert "free of OPP, % of lesions" in words


def test_more_arms_than_can_be_told_apart_are_refused() -> None:
    many = Observed(duration_days=[1] * 5, event=[True] * 5, group=list("abcde"))
    with pytest.raises(ValueError, match="no more than 4 groups"):
        draw_survival(many, "OPP")


def test_a_curve_is_thin_after_the_last_day_with_a_tenth_of_the_lesions_at_risk() -> None:
    rows = Observed(duration_days=range(1, 21), event=[False] * 20)
    assert find_thinning_day(rows) == 19  # 2 of 20 are at risk on day 19, 1 on day 20


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0002, "p < 0.001"), (0.0060, "p = 0.006"), (0.0495, "p = 0.050"), (0.34, "p = 0.34")],
)
def test_a_p_value_is_written_as_journals_do(p: float, words: str) -> None:
    assert describe_p(p) == words


def test_an_arm_keeps_its_colour_and_line_whatever_else_is_there() -> None:
    unknown = Observed(
        duration_days=[*PAPER.duration_days, 300],
        event=[*PAPER.event, True],
        group=[*PAPER.group, "fractions unknown"],
    )
    single = PAPER.take(PAPER.group == "single fraction")
    for observed, arms in ((PAPER, 2), (unknown, 2), (single, 1)):
        figure = draw_survival(observed, "OPP")
        legend = figure.legends[0]
        entries = zip(legend.get_texts(), legend.get_lines(), strict=True)
        colours = {text.get_text().split(":")[0]: line.get_color() for text, line in entries}
        assert len(colours) == arms
        assert all(colours[arm] == ARMS[arm][0] for arm in colours)
    assert "1 lesion with unknown fractions: not drawn." in words_of(draw_survival(unknown, "OPP"))


def test_no_band_covers_more_than_half_of_the_axis() -> None:
    few = Observed(duration_days=[10, 20, 30, 40], event=[True, True, False, False])
    for band in draw_survival(few, "OPP").axes[0].collections:
        for path in band.get_paths():
            heights = path.vertices[:, 1]
            assert not len(heights) or heights.max() - heights.min() <= 0.55
