import pytest
from fixtures.cohort_makers import make_cohort
from fixtures.figure_checks import texts_of, words_of
from matplotlib.collections import LineCollection

from opp_mri.cohort.figures.change_lines import FEW
from opp_mri.cohort.figures.swimmer_figure import (
    DEATH,
    MARKS,
    PEAK,
    RETREATED,
    RETURN,
    ROW_IN,
    draw_swimmer,
)
from opp_mri.cohort.statistics.endpoints import find_returns_to_baseline, find_time_to_peak
from opp_mri.cohort.statistics.events import gather_events
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days

COHORT = make_cohort(48)
THOSE = select_eligible(COHORT)


def bars_of(figure) -> list[tuple[float, float]]:
    """Height and end of each bar, from the top, in weeks."""
    bars = [
        tuple(segment[1][::-1])
        for collection in figure.axes[0].collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
        if segment[0][0] == 0
    ]
    return sorted(bars)


def marks_of(figure, name: str) -> list[float]:
    """Weeks of a mark."""
    return [
        float(week)
        for line in figure.axes[0].lines
        if line.get_marker() == MARKS[name] and line.get_transform() == figure.axes[0].transData
        for week in line.get_xdata()
    ]


def last_follow_up_day(one: AssessedLesion) -> int:
    return gather_events(one).last_day


def label(one: AssessedLesion) -> str:
    return one.lesion.lesion_id


def test_each_lesion_has_a_bar_to_its_last_follow_up_by_category_the_longest_first() -> None:
    order = list(ResponseCategory)
    expected = sorted(
        THOSE, key=lambda each: (order.index(each.assessment.category), -last_follow_up_day(each))
    )
    ends = [end for _, end in bars_of(draw_swimmer(COHORT))]
    assert ends == pytest.approx([last_follow_up_day(each) / 7 for each in expected])


def test_peak_and_return_are_those_of_the_deciding_sequence() -> None:
    figure = draw_swimmer(COHORT)
    peaks = [peak.day / 7 for each in THOSE if (peak := find_time_to_peak(each))]
    returns = [
        back[each.assessment.deciding_sequence].day / 7
        for each in THOSE
        if (back := find_returns_to_baseline(each)).get(each.assessment.deciding_sequence)
        and back[each.assessment.deciding_sequence].day
    ]
    assert sorted(marks_of(figure, PEAK)) == pytest.approx(sorted(peaks))
    assert sorted(marks_of(figure, RETURN)) == pytest.approx(sorted(returns))


def test_retreatments_and_deaths_are_marked_on_their_days() -> None:
    figure = draw_swimmer(COHORT)
    retreatment_days = [
        o.assessment.retreatment_day / 7 for o in THOSE if o.assessment.retreatment_day
    ]
    deaths = [
        count_days(each.lesion.ssrs_last_date, each.lesion.death_date) / 7
        for each in THOSE
        if each.lesion.death_date
    ]
    assert sorted(marks_of(figure, RETREATED)) == pytest.approx(sorted(retreatment_days))
    assert sorted(marks_of(figure, DEATH)) == pytest.approx(sorted(deaths))
    assert retreatment_days
    assert deaths


def test_lesions_are_named_only_where_the_caller_names_them() -> None:
    assert "L000" not in words_of(draw_swimmer(COHORT))
    words = words_of(draw_swimmer(COHORT, label))
    assert all(each.lesion.lesion_id in words for each in THOSE)


def test_a_name_stands_beside_its_own_bar() -> None:
    figure = draw_swimmer(COHORT, label)
    axes = figure.axes[0]
    heights = {
        text.get_text(): axes.transData.inverted().transform(text.get_window_extent().p0)[1]
        for text in texts_of(figure)
    }
    named = sorted(THOSE, key=lambda each: heights[each.lesion.lesion_id])
    ends = [end for _, end in bars_of(figure)]
    assert ends == pytest.approx([last_follow_up_day(each) / 7 for each in named])


def test_of_many_lesions_the_most_eventful_are_drawn_and_the_others_counted() -> None:
    figure = draw_swimmer(COHORT * 3, label)
    assert len(bars_of(figure)) == FEW < 3 * len(THOSE)
    assert figure.get_figheight() < 9.7
    words = words_of(figure)
    opp = sum(each.assessment.category is ResponseCategory.OPP for each in THOSE)
    assert f"{3 * opp} lesions" in words
    assert f"{3 * len(THOSE) - FEW} others are not." in words


def test_only_marks_that_are_there_are_explained() -> None:
    stable = [each for each in THOSE if each.assessment.category is ResponseCategory.SD]
    words = words_of(draw_swimmer([each for each in stable if each.lesion.death_date is None]))
    assert "death" not in words
    assert " peak " not in words.split("n =")[0]


@pytest.mark.parametrize("n", range(1, 14))
def test_however_few_lesions_each_has_a_bar_of_its_own_with_room_between(n: int) -> None:
    bars = draw_swimmer(THOSE[:n]).axes[0].collections[0]
    assert bars.get_linewidths() == pytest.approx([0.66 * 72 * ROW_IN])
