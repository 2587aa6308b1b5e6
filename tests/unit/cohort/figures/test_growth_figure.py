from decimal import Decimal

import numpy as np
import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.figure_checks import words_of
from matplotlib.collections import LineCollection

from opp_mri.cohort.figures.change_lines import FEW_LINES, change_lines, limit_mm
from opp_mri.cohort.figures.growth_figure import draw_growth
from opp_mri.cohort.figures.style import COLOURS
from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify

COHORT = make_cohort(48)
OPP = [lesion for lesion in COHORT if lesion.assessment.category is ResponseCategory.OPP]


def lesion(
    assessed_lesion: AssessedLesion, lengths: dict[int, str], *events: TreatmentEvent
) -> AssessedLesion:
    """The lesion with these lengths on T1, classified again."""
    row = tuple(Observation(day, Decimal(mm))
                for day, mm in lengths.items())  # fmt: skip
    timeline = Timeline(lesion_id="L", observations={SeriesRole.T1: row}, events=events)
    return evolve(
        assessed_lesion,
        timeline=timeline,
        assessment=classify(timeline, Rules(criteria=AMINI)),
    )


RISE_AND_FALL = {-9: "17.3", 47: "19.8", 83: "22.4", 171: "20.1", 260: "17.1"}


def lines_in(axes) -> list[np.ndarray]:
    return [
        segment
        for collection in axes.collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
    ]


def test_each_sequence_of_the_opp_lesions_has_a_panel_and_each_lesion_a_line_in_it() -> None:
    figure = draw_growth(COHORT)
    expected = {
        role: sum(role in change_lines(lesion) for lesion in OPP)
        for role in SeriesRole
        if any(role in change_lines(lesion) for lesion in OPP)
    }
    assert [len(lines_in(axes)) for axes in figure.axes] == list(expected.values())
    assert f"T1 {expected[SeriesRole.T1]} lesions" in words_of(figure)


def test_a_line_is_the_change_from_the_sequences_own_baseline_by_week_from_0() -> None:
    (line,) = lines_in(draw_growth([lesion(OPP[0], RISE_AND_FALL)]).axes[0])
    weeks, changes_mm = line.T
    assert weeks == pytest.approx([0, 47 / 7, 83 / 7, 171 / 7, 260 / 7])
    assert changes_mm == pytest.approx([0, 2.5, 5.1, 2.8, -0.2])


def test_the_peak_has_a_full_mark_and_the_return_a_hollow_one() -> None:
    axes = draw_growth([lesion(OPP[0], RISE_AND_FALL)]).axes[0]
    marks = {
        line.get_markerfacecolor(): (*line.get_xdata(), *line.get_ydata())
        for line in axes.lines
        if line.get_clip_on() is False and line.get_transform() == axes.transData
    }
    assert marks[COLOURS[SeriesRole.T1]] == pytest.approx((83 / 7, 5.1))
    assert marks["white"] == pytest.approx((260 / 7, -0.2))


def test_a_lesion_that_did_not_return_has_no_mark_of_a_return_and_is_counted_so() -> None:
    high = {-9: "17.3", 83: "25.4", 171: "22.0", 260: "20.1"}
    words = words_of(draw_growth([lesion(OPP[0], high)]))
    assert "that grew, and that then came back to baseline: T1 1 and 0." in words


def test_follow_ups_after_a_retreatment_are_not_drawn() -> None:
    later = RISE_AND_FALL | {400: "30.0"}
    retreatment_days = TreatmentEvent(300, EventKind.LOCAL_RETREATMENT)
    (line,) = lines_in(draw_growth([lesion(OPP[0], later, retreatment_days)]).axes[0])
    assert max(line[:, 0]) == pytest.approx(260 / 7)


def test_all_panels_have_the_same_axes_and_the_band_of_the_criteria() -> None:
    figure = draw_growth(COHORT)
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1
    assert "baseline ± 2 mm" in words_of(figure)
    assert "change from baseline, mm" in words_of(figure)
    assert "weeks from completion of SSRS" in words_of(figure)


def test_many_lesions_are_summed_up_by_a_median_and_lose_their_marks() -> None:
    many = OPP * (FEW_LINES + 1)
    words = words_of(draw_growth(many))
    assert "median of the lesions seen in each 12 weeks" in words
    assert "Marks are left out in panels of more than 30 lines." in words
    assert "peak" not in words


def test_lesions_that_were_classified_by_different_changes_are_refused() -> None:
    wide = make_cohort(48, criteria=evolve(AMINI, change_mm=AMINI.change_mm + 1))
    with pytest.raises(ValueError, match="the same change in mm"):
        draw_growth([*COHORT, *wide])
    assert limit_mm(wide) == 3.0


def test_without_an_opp_lesion_the_figure_says_so() -> None:
    rest = [lesion for lesion in COHORT if lesion not in OPP]
    assert words_of(draw_growth(rest)) == "There is no OPP lesion to draw."
