from collections import Counter

import pytest
from fixtures.cohort_makers import make_cohort
from fixtures.figure_checks import words_of
from matplotlib.collections import LineCollection

from opp_mri.cohort.figures.spider_figure import draw_spider
from opp_mri.cohort.figures.style import CATEGORY_COLOURS
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import Mode, ResponseCategory

COHORT = make_cohort(48)


def collection_of(axes) -> LineCollection:
    return next(
        collection for collection in axes.collections if isinstance(collection, LineCollection)
    )


def test_each_category_has_a_panel_with_a_line_for_each_of_its_lesions() -> None:
    figure = draw_spider(COHORT)
    tally = Counter(lesion.assessment.category for lesion in select_eligible(COHORT))
    counts = [len(collection_of(axes).get_segments()) for axes in figure.axes]
    assert counts == [tally[answer] for answer in ResponseCategory if tally[answer]]


def test_a_line_ends_at_the_last_change_of_the_deciding_sequence() -> None:
    for lesion in select_eligible(COHORT):
        result = lesion.assessment.sequences[lesion.assessment.deciding_sequence]
        (axes,) = draw_spider([lesion]).axes
        (line,) = collection_of(axes).get_segments()
        week, change_mm = line[-1]
        assert week == pytest.approx(result.last_day / 7)
        assert change_mm == pytest.approx(float(result.last_change_mm))


def test_lesions_that_are_not_analysed_are_left_out_and_counted() -> None:
    out = len(COHORT) - len(select_eligible(COHORT))
    words = words_of(draw_spider(COHORT))
    assert f"n = {len(COHORT) - out} lesions; {out} not analysed, and left out." in words


def test_indeterminate_lesions_are_drawn_as_known_today() -> None:
    figure = draw_spider(make_cohort(70, seed=1, mode=Mode.PROSPECTIVE))
    assert "INDETERMINATE" in words_of(figure)


def test_lines_have_the_colour_of_their_category() -> None:
    for lesion in COHORT[:12]:
        if lesion in select_eligible(COHORT):
            (axes,) = draw_spider([lesion]).axes
            (colour,) = collection_of(axes).get_colors()
            expected = CATEGORY_COLOURS[lesion.assessment.category].lstrip("#")
            rgb = [int(expected[i : i + 2], 16) / 255 for i in (0, 2, 4)]
            assert colour[:3] == pytest.approx(rgb)
