import re
from collections import Counter
from datetime import date, timedelta

import pytest
from attrs import evolve
from fixtures.cohort_courses import COHORTS, DEGENERATE, cohort_lesion, lesions_of_the_paper
from fixtures.cohort_makers import make_cohort
from hypothesis import HealthCheck, Phase, given, settings

from opp_mri.cohort.statistics.analysis import CohortAnalysis, analyse
from opp_mri.cohort.tables.analysis_tables import (
    build_analysis_tables,
    tabulate_free_shares,
    tabulate_incidence,
    tabulate_landmarks,
)
from opp_mri.cohort.tables.suppression import suppress_counts
from opp_mri.cohort.tables.tables import (
    Cell,
    Table,
    tabulate_demographics,
    tabulate_flow,
    tabulate_response_by_fractions,
    tabulate_time_course,
)
from opp_mri.domain.assessment import Mode
from opp_mri.domain.timeline import EventKind, TreatmentEvent
from opp_mri.response.assessed import AssessedLesion

UNHURRIED = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make it smaller takes minutes
)  # fmt: skip
BELOW = 5
SHARE = re.compile(r"\.week_\d+")


def named(lesions: list[AssessedLesion]) -> list[AssessedLesion]:
    return [evolve(o, lesion=evolve(o.lesion, lesion_id=f"L{i}")) for i, o in enumerate(lesions)]


def all_tables(lesions: list[AssessedLesion], *, is_suppressing: bool = False) -> list[Table]:
    """The tables of the statistics with those that they are published with."""
    result = [
        make(lesions)
        for make in (
            tabulate_flow,
            tabulate_demographics,
            tabulate_response_by_fractions,
            tabulate_time_course,
        )
    ]
    return [*result, *build_analysis_tables(analyse(lesions), is_suppressing=is_suppressing)]


def cells_of(tables: list[Table]) -> list[Cell]:
    return [cell for table in tables for row in table.rows for cell in row]


def rows_of(table: Table, *labels: str) -> list[tuple[str, ...]]:
    return [row for row in table.text_rows if row[: len(labels)] == labels]


@pytest.fixture(scope="module")
def paper() -> CohortAnalysis:
    return analyse(lesions_of_the_paper())


def by_title(analysis: CohortAnalysis) -> dict[str, Table]:
    return {table.title: table for table in build_analysis_tables(analysis)}


@UNHURRIED
@given(COHORTS)
def test_counts_add_up_and_have_one_meaning_in_all_tables(make_lesions) -> None:
    tables = all_tables(named(make_lesions))
    ids_by_key: dict[str, tuple[str, ...]] = {}
    for cell in cells_of(tables):
        if cell.count is not None:
            assert ids_by_key.setdefault(cell.key, cell.lesion_ids) == cell.lesion_ids
            assert cell.key.startswith("patients/") or len(set(cell.lesion_ids)) == cell.count
    for table in tables:
        for total, *parts in table.sums:
            if {total, *parts} <= ids_by_key.keys():
                assert Counter(ids_by_key[total]) == Counter(
                    i for part in parts for i in ids_by_key[part]
                )


@UNHURRIED
@given(COHORTS)
def test_every_line_has_a_cell_for_each_column_and_every_statistic_its_lesions(
    make_lesions,
) -> None:
    tables = all_tables(named(make_lesions))
    ids_by_key = {cell.key: cell.lesion_ids for cell in cells_of(tables) if cell.count is not None}
    keys = [cell.key for cell in cells_of(tables) if cell.key and cell.count is None]
    assert len(keys) == len(set(keys))
    for table in tables:
        assert {len(row) for row in table.rows} <= {len(table.columns)}
    for cell in cells_of(tables):
        assert {*cell.told_by} <= ids_by_key.keys() | {""}
        if cell.rests_on and cell.values.get("value") is not None and not SHARE.search(cell.key):
            assert len(ids_by_key[cell.rests_on]) == cell.values["n"] or "patients/" in cell.key


@UNHURRIED
@given(COHORTS)
def test_nothing_that_tells_a_small_count_is_left_when_they_are_withheld(make_lesions) -> None:
    tables = all_tables(named(make_lesions), is_suppressing=True)
    hidden = suppress_counts(tables, BELOW)
    counts = {cell.key: cell.count for cell in cells_of(tables) if cell.count is not None}
    visible_keys = {cell.key for cell in cells_of(hidden) if cell.count is not None}
    for before, cell in zip(cells_of(tables), cells_of(hidden), strict=True):
        assert not cell.lesion_ids
        if before.count is not None and 0 < before.count < BELOW:
            assert cell.text in (f"<{BELOW}", "hidden")
            assert set(cell.values.values()) <= {None}
        if any(key not in visible_keys for key in before.told_by):
            assert (cell.text, set(cell.values.values()) - {None}) == ("hidden", set())
        elif before.told_by:
            assert all(not 0 < counts[key] < BELOW for key in before.told_by)


def test_nothing_estimated_from_the_categories_is_shown_where_small_counts_are_withheld(
    paper,
) -> None:
    """Shares of courses and expected numbers of categories would bound a withheld count."""
    telling_words = re.compile(
        "true lengths|courses are as common|no lesion had changed", re.IGNORECASE
    )

    def words_of(*, is_suppressing: bool) -> str:
        tables = build_analysis_tables(paper, is_suppressing=is_suppressing)
        rows = [" ".join(row) for table in tables for row in table.text_rows]
        return " ".join([*rows, *(note for table in tables for note in table.notes)])

    assert telling_words.search(words_of(is_suppressing=False))
    assert not telling_words.search(words_of(is_suppressing=True))


def test_each_share_has_its_interval_and_the_number_at_risk(paper) -> None:
    """summary(survfit(Surv(d, e) ~ arm, conf.type = "log-log"), times = c(91, 182))."""
    (line,) = rows_of(tabulate_free_shares(paper), "OPP-free", "single fraction")
    assert line[2:] == ("75.0% (46.3 to 89.8); 12", "68.8% (40.5 to 85.6); 11", "-", "-")


def test_the_incidence_of_the_paper_is_that_of_r(paper) -> None:
    """summary(survfit(Surv(d, factor(c, 0:2)) ~ 1), times = 182), limits by the log(-log)."""
    table = tabulate_incidence(paper)
    (opp,), (failure,) = (
        rows_of(table, f"first event: {cause}", "all") for cause in ("OPP", "local failure")
    )
    assert opp[3] == "13.5% (4.9 to 26.4); 23"
    assert failure[3] == "24.3% (12.1 to 38.8); 23"


def test_the_tests_of_the_paper_are_in_one_table(paper) -> None:
    lines = {
        row[0]: row[1:] for row in by_title(paper)["Single fraction versus multifraction"].text_rows
    }
    assert lines["Log-rank, time to OPP"] == ("37", "5", "chi-square 7.549", "0.006", "")
    assert lines["Fisher's exact test of OPP"] == (
        "37", "5", "odds ratio infinite (1.41 to infinite)", "0.010", ""
    )  # fmt: skip
    assert lines["Log-rank, time to OPP from day 182 on"] == (
        "23", "0", "-", "-", "There is no event."
    )  # fmt: skip


def test_the_hazard_ratio_of_fractionation_is_firths_beside_coxs_reason(paper) -> None:
    table = by_title(paper)["Hazard ratios, time to OPP"]
    cox, firth = rows_of(table, "Single fraction versus multifraction")
    assert cox[1:7] == ("alone, Cox", "37", "5", "-", "-", "-")
    assert cox[-1].startswith("All 5 events are of lesions with single fraction")
    assert firth[1:6] == ("alone, Firth", "37", "5", "16.7 (1.89 to 2191)", "0.007")
    (together,) = rows_of(table, "All of them")
    assert together[-1] == "5 covariates need 50 events, 10 for each; there are 5."


def test_the_machine_form_has_numbers_unrounded_and_an_infinite_one_as_a_word(paper) -> None:
    result = {cell.key: cell.values for cell in cells_of(list(build_analysis_tables(paper)))}
    fisher = result["opp.fisher"]
    assert fisher["p"] == pytest.approx(0.0100207, abs=5e-8)
    assert (fisher["value"], fisher["high"], fisher["n"]) == ("infinite", "infinite", 37)
    assert result["opp_free.age.cox"]["p"] == pytest.approx(
        paper.opp_free.models[0].cox.hazards[0].p
    )


def test_the_landmark_says_who_was_left_out(paper) -> None:
    table = tabulate_landmarks(paper)
    assert table.title == "Landmark at day 182"
    assert [row[1:4] for row in rows_of(table, "OPP-free")] == [
        ("had the event by then", "5", "-"),
        ("had another event by then", "9", "-"),
        ("follow-up ended by then", "0", "-"),
        ("were followed beyond it: all", "23", "0"),
        ("were followed beyond it: single fraction", "8", "0"),
        ("were followed beyond it: multifraction", "15", "0"),
    ]


@pytest.mark.parametrize("lesions", DEGENERATE.values(), ids=DEGENERATE)
def test_a_cohort_of_little_has_tables_with_reasons(lesions) -> None:
    for table in build_analysis_tables(analyse(lesions)):
        assert table.rows
        for row in table.text_rows:
            if table.columns[-1] == "Remark" and row[-2] == "-" and row[-3] == "-":
                assert row[-1] or row[1].startswith(("had", "follow-up ended"))


def test_without_tables_of_many_small_counts_fewer_are_hidden() -> None:
    lesions = list(make_cohort(48))
    hidden = [
        sum(
            cell.text == "hidden"
            for cell in cells_of(suppress_counts(all_tables(lesions, is_suppressing=level), BELOW))
        )
        for level in (False, True)
    ]
    assert hidden[1] < hidden[0]


def test_a_reason_that_holds_a_small_count_is_withheld_with_it() -> None:
    lesions = named(
        [cohort_lesion(t1={-10: 20, 87: 25, 180: 21, 260: 20})] * 2 + [cohort_lesion()] * 9
    )
    lesions += [evolve(o, lesion=evolve(o.lesion, fractions=3, lesion_id=f"M{i}"))
                for i, o in enumerate([cohort_lesion()] * 8)]  # fmt: skip
    tables = suppress_counts(all_tables(lesions, is_suppressing=True), BELOW)
    words = [cell.text for cell in cells_of(tables)]
    assert not any("All 2 events" in word or "there are 2" in word for word in words)


def test_short_follow_up_is_no_exclusion_from_the_times_and_is_counted() -> None:
    lesions = named([cohort_lesion(), cohort_lesion(t1={-10: 20, 90: 25}), cohort_lesion()])
    tables = by_title(analyse(lesions))
    (times,) = rows_of(tables["Time to events"], "Progression-free", "all")
    assert times[2:5] == ("3", "0", "0 not resolved")
    (short,) = rows_of(tables["Follow-up"], "With a follow-up under 6 months, or none", "all")
    assert short[-1] == "1"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_short_follow_up_is_counted_whatever_the_lesion_is_called(mode: Mode) -> None:
    """One is short, one has none, one grew by day 75 and was retreated on day 100."""
    retreatment = TreatmentEvent(100, EventKind.LOCAL_RETREATMENT)
    lesions = [
        cohort_lesion(mode=mode),
        cohort_lesion(t1={-10: 20, 80: 20}, mode=mode),
        cohort_lesion(t1={-10: 20}, mode=mode),
        cohort_lesion(retreatment, t1={-10: 20, 75: 24, 300: 20}, mode=mode),
    ]
    table = by_title(analyse(named(lesions)))["Follow-up"]
    counts = [
        rows_of(table, label, "all")[0][-1]
        for label in (
            "With a follow-up under 6 months, or none",
            "Of these not analysed for response",
            "Of these analysed for response",
        )
    ]
    assert counts == ["3", "2", "1"]


def test_both_answers_of_open_growth_are_shown() -> None:
    lesions = named([cohort_lesion()] * 4 + [cohort_lesion(t1={-10: 20, 90: 25})])
    table = by_title(analyse(lesions))[
        "Progression-free share by assumed outcome of open growth, %"
    ]
    shares = [row[2].split(" (")[0].split(";")[0] for row in table.text_rows]
    assert shares == ["100.0%", "80.0%", "100.0%"]


def test_screening_says_who_grew_was_retreated_and_died() -> None:
    retreatment_days = TreatmentEvent(100, EventKind.LOCAL_RETREATMENT)
    has_died = {"death_date": date(2024, 5, 11)}
    lesions = [
        cohort_lesion(retreatment_days, t1={-10: 20, 90: 20}),
        cohort_lesion(t1={-10: 20, 90: 25}, **has_died),
        cohort_lesion(),
    ]
    (line,) = rows_of(tabulate_flow(named(lesions)), "Excluded")
    assert line[1:] == ("2", "1", "1", "1", "1")


def test_categories_are_counted_by_sequence_and_by_threshold() -> None:
    opp = {-10: 20, 87: 22.5, 180: 20, 260: 20}
    lesions = named([cohort_lesion(t1=opp), cohort_lesion()])
    tables = by_title(analyse(lesions))
    sequence, *_ = tables["Category of each sequence"].text_rows
    assert sequence[:3] == ("T1", "2", "1 (50.0%)")
    opp_by_mm = [row[2] for row in tables["Categories by the change that counts"].text_rows]
    assert opp_by_mm == ["1 (50.0%)", "0 (0.0%)", "0 (0.0%)"]


def test_deaths_that_are_known_for_longer_than_lives_are_named_with_their_remedy() -> None:
    has_died, alive_lesion = (
        evolve(member, lesion=evolve(member.lesion, patient_id=name, lesion_id=name))
        for member, name in zip((cohort_lesion(),) * 2, "AB", strict=True)
    )
    ssrs = has_died.lesion.ssrs_last_date
    has_died = evolve(
        has_died, lesion=evolve(has_died.lesion, death_date=ssrs + timedelta(days=900))
    )
    (note,) = [
        n for n in tabulate_free_shares(analyse([has_died, alive_lesion])).notes if "survival" in n
    ]
    assert note == (
        "Overall survival is underestimated: 1 lesion without a recorded death is followed to the "
        "last study only, but 1 death after the last study counts. Record last_contact_date."
    )
    followed_lesion = evolve(
        alive_lesion,
        lesion=evolve(alive_lesion.lesion, last_contact_date=ssrs + timedelta(days=950)),
    )
    assert not [
        n
        for n in tabulate_free_shares(analyse([has_died, followed_lesion])).notes
        if "survival" in n
    ]
