import pytest
from fixtures.cohort_makers import make_cohort
from fixtures.figure_checks import words_of
from matplotlib.collections import LineCollection

from opp_mri.cohort.figures.style import CATEGORY_MARKERS
from opp_mri.cohort.figures.waterfall_figure import draw_waterfall
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import Mode, ResponseCategory

COHORT = make_cohort(48)
THOSE = select_eligible(COHORT)


def found(assessed_lesion):
    return assessed_lesion.assessment.sequences[assessed_lesion.assessment.deciding_sequence]


def bars_of(figure) -> tuple[list[float], list[float]]:
    """Ends of the thin lines to the peak, and of the bars to the last follow-up."""
    thin, wide = sorted(
        (lines for lines in figure.axes[0].collections if isinstance(lines, LineCollection)),
        key=lambda lines: lines.get_linewidth()[0],
    )
    return tuple([float(end[1]) for _, end in lines.get_segments()] for lines in (thin, wide))


def test_each_lesion_has_a_bar_to_its_last_change_the_largest_first() -> None:
    _, last = bars_of(draw_waterfall(COHORT))
    expected = sorted((float(found(lesion).last_change_mm) for lesion in THOSE), reverse=True)
    assert last == pytest.approx(expected)


def test_a_lesion_that_grew_and_is_smaller_now_shows_its_peak_too() -> None:
    peaks, _ = bars_of(draw_waterfall(COHORT))
    expected = [
        float(found(lesion).peak_change_mm)
        for lesion in THOSE
        if found(lesion).last_change_mm < found(lesion).peak_change_mm >= 2
    ]
    assert sorted(peaks) == pytest.approx(sorted(expected))


def test_the_row_of_a_category_has_a_mark_under_each_of_its_bars() -> None:
    figure = draw_waterfall(COHORT)
    order = sorted(THOSE, key=lambda lesion: -found(lesion).last_change_mm)
    for answer in (ResponseCategory.OPP, ResponseCategory.PD, ResponseCategory.PR):
        marks = next(
            line.get_xdata()
            for line in figure.axes[1].lines
            if line.get_marker() == CATEGORY_MARKERS[answer]
        )
        assert list(marks) == [n for n, o in enumerate(order) if o.assessment.category is answer]
        assert f"{answer.value} n = {len(marks)}" in words_of(figure)


def test_the_band_of_the_criteria_is_named() -> None:
    assert "baseline ± 2 mm" in words_of(draw_waterfall(COHORT))


def test_indeterminate_lesions_have_a_row_as_known_today() -> None:
    figure = draw_waterfall(make_cohort(70, seed=1, mode=Mode.PROSPECTIVE))
    assert "INDETERMINATE n = " in words_of(figure)
