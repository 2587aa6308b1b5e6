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


def last_follow_up_day(assessed_lesion: AssessedLesion) -> int:
    return gather_events(assessed_lesion).last_day


def label(assessed_lesion: AssessedLesion) -> str:
    return assessed_lesion.lesion.lesion_id


def test_each_lesion_has_a_bar_to_its_last_follow_up_by_category_the_longest_first() -> None:
    order = list(ResponseCategory)
    expected = sorted(
        THOSE,
        key=lambda lesion: (order.index(lesion.assessment.category), -last_follow_up_day(lesion)),
    )
    ends = [end for _, end in bars_of(draw_swimmer(COHORT))]
    assert ends == pytest.approx([last_follow_up_day(lesion) / 7 for lesion in expected])


def test_peak_and_return_are_those_of_the_deciding_sequence() -> None:
    figure = draw_swimmer(COHORT)
    peaks = [peak.day / 7 for lesion in THOSE if (peak := find_time_to_peak(lesion))]
    returns = [
        back[lesion.assessment.deciding_sequence].day / 7
        for lesion in THOSE
        if (back := find_returns_to_baseline(lesion)).get(lesion.assessment.deciding_sequence)
        and back[lesion.assessment.deciding_sequence].day
    ]
    assert sorted(marks_of(figure, PEAK)) == pytest.approx(sorted(peaks))
    assert sorted(marks_of(figure, RETURN)) == pytest.approx(sorted(returns))


def test_retreatments_and_deaths_are_marked_on_their_days() -> None:
    figure = draw_swimmer(COHORT)
    retreatment_days = [
        o.assessment.retreatment_day / 7 for o in THOSE if o.assessment.retreatment_day
    ]
    deaths = [
        count_days(lesion.lesion.ssrs_last_date, lesion.lesion.death_date) / 7
        for lesion in THOSE
        if lesion.lesion.death_date
    ]
    assert sorted(marks_of(figure, RETREATED)) == pytest.approx(sorted(retreatment_days))
    assert sorted(marks_of(figure, DEATH)) == pytest.approx(sorted(deaths))
    assert retreatment_days
    assert deaths


def test_lesions_are_named_only_where_the_caller_names_them() -> None:
    assert "L000" not in words_of(draw_swimmer(COHORT))
    words = words_of(draw_swimmer(COHORT, label))
    assert all(lesion.lesion.lesion_id in words for lesion in THOSE)


def test_a_name_stands_beside_its_own_bar() -> None:
    figure = draw_swimmer(COHORT, label)
    axes = figure.axes[0]
    heights = {
        text.get_text(): axes.transData.inverted().transform(text.get_window_extent().p0)[1]
        for text in texts_of(figure)
    }
    lesions_by_height = sorted(THOSE, key=lambda lesion: heights[lesion.lesion.lesion_id])
    ends = [end for _, end in bars_of(figure)]
    assert ends == pytest.approx([last_follow_up_day(lesion) / 7 for lesion in lesions_by_height])


def test_of_many_lesions_the_most_eventful_are_drawn_and_the_others_counted() -> None:
    figure = draw_swimmer(COHORT * 3, label)
    assert len(bars_of(figure)) == FEW < 3 * len(THOSE)
    assert figure.get_figheight() < 9.7
    words = words_of(figure)
    opp = sum(lesion.assessment.category is ResponseCategory.OPP for lesion in THOSE)
    assert f"{3 * opp} lesions" in words
    assert f"{3 * len(THOSE) - FEW} others are not." in words


def test_only_marks_that_are_there_are_explained() -> None:
    stable = [lesion for lesion in THOSE if lesion.assessment.category is ResponseCategory.SD]
    words = words_of(
        draw_swimmer([lesion for lesion in stable if lesion.lesion.death_date is None])
    )
    assert "death" not in words
    assert " peak " not in words.split("n =")[0]


@pytest.mark.parametrize("n", range(1, 14))
def test_however_few_lesions_each_has_a_bar_of_its_own_with_room_between(n: int) -> None:
    bars = draw_swimmer(THOSE[:n]).axes[0].collections[0]
    assert bars.get_linewidths() == pytest.approx([0.66 * 72 * ROW_IN])
