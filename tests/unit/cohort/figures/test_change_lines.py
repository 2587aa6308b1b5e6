from fixtures.cohort_makers import make_cohort

from opp_mri.cohort.figures.change_lines import change_lines
from opp_mri.cohort.statistics.endpoints import find_time_to_peak
from opp_mri.cohort.statistics.events import gather_events
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response.criteria import load_criteria


def test_a_line_has_the_peak_of_the_tables_and_none_without_an_answer() -> None:
    for lesion in select_eligible(make_cohort(80)):
        line = change_lines(lesion)[lesion.assessment.deciding_sequence]
        peak = find_time_to_peak(lesion)
        assert line.peak_day == (peak.day if peak else None)
        if lesion.assessment.category is ResponseCategory.INDETERMINATE:
            assert (line.peak_day, line.return_day) == (None, None)
            assert line.grew_day is not None


def test_growth_that_must_be_confirmed_is_drawn_on_the_day_of_the_survival_tables() -> None:
    cohort = make_cohort(80, criteria=load_criteria("confirmed-growth"))
    pairs = [
        (
            min((line.grew_day for line in lines if line.grew_day), default=None),
            gather_events(lesion).growth_day,
        )
        for lesion in select_eligible(cohort)
        for lines in [change_lines(lesion).values()]
    ]
    assert [drawn_day for drawn_day, _ in pairs] == [day for _, day in pairs]
    assert any(day is None for _, day in pairs)
