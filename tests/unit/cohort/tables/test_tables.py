from itertools import product
from typing import Any

import pytest
from attrs import evolve
from fixtures.cohort_courses import COHORTS, COURSES, cohort_lesion, failing, lesions_of_the_paper
from fixtures.cohort_makers import suppress_alone
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.cohort.statistics.members import EXCLUSION_WORDS, is_eligible
from opp_mri.cohort.tables.suppression import suppress_counts
from opp_mri.cohort.tables.tables import (
    Cell,
    Table,
    tabulate_demographics,
    tabulate_flow,
    tabulate_response_by_fractions,
    tabulate_time_course,
)
from opp_mri.domain.assessment import Mode, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Exclusion
from opp_mri.response.assessed import AssessedLesion

TABLES = (
    tabulate_flow,
    tabulate_demographics,
    tabulate_response_by_fractions,
    tabulate_time_course,
)


AMINI = lesions_of_the_paper()


def cell(table: Table, key: str) -> Cell:
    (result,) = {c.text: c for row in table.rows for c in row if c.key == key}.values()
    return result


def texts(table: Table, *first: str) -> list[tuple[str, ...]]:
    """The cells after the given ones, of each row that begins with these."""
    n = len(first)
    return [row[n:] for row in table.text_rows if row[:n] == first]


def shown(table: Table) -> dict[str, int]:
    return {c.key: c.count for row in table.rows for c in row if c.count is not None}


@settings(deadline=None)
@given(COHORTS)
def test_in_every_table_the_counts_add_up(lesions) -> None:
    counts: dict[str, int] = {}
    tables = [make(lesions) for make in TABLES]
    for table in tables:
        for key, count in shown(table).items():
            assert counts.setdefault(key, count) == count
        for record in table.records:
            assert record["key"]
    for total, *parts in [line for table in tables for line in table.sums]:
        if {total, *parts} <= counts.keys():
            assert counts[total] == sum(counts[part] for part in parts)


@settings(deadline=None)
@given(COHORTS)
def test_every_lesion_is_excluded_by_one_reason_or_has_one_answer(lesions) -> None:
    counts = shown(tabulate_flow(lesions))
    excluded_count = sum(counts[f"excluded.{reason}"] for reason in EXCLUSION_WORDS)
    answered_count = sum(n for key, n in counts.items() if key.startswith("response."))
    assert counts["all"] == len(lesions) == excluded_count + answered_count
    assert counts["eligible"] == answered_count == sum(is_eligible(lesion) for lesion in lesions)
    patients = {lesion.patient_id for lesion in lesions if is_eligible(lesion)}
    assert counts["patients/eligible"] == len(patients)


def test_the_flow_names_every_exclusion_in_order_even_at_0() -> None:
    lesions = [failing(Exclusion.CEMENT), cohort_lesion(t1={-10: 20, 90: 20}), *AMINI]
    assert [row[:2] for row in tabulate_flow(lesions).text_rows] == [
        ("All lesions", "39"),
        ("Excluded", "2"),
        ("Excluded: hardware", "0"),
        ("Excluded: cement", "1"),
        ("Excluded: significant fracture", "0"),
        ("Excluded: not in the vertebral body", "0"),
        ("Excluded: over 75% of the cross-section", "0"),
        ("Excluded: no baseline", "0"),
        ("Excluded: no follow-up", "0"),
        ("Excluded: follow-up under 6 months", "1"),
        ("Analysed", "37"),
        ("Analysed: OPP", "5"),
        ("Analysed: PD", "9"),
        ("Analysed: PR", "11"),
        ("Analysed: SD", "12"),
    ]


@settings(deadline=None, max_examples=40)
@given(COHORTS)
def test_every_count_names_the_lesions_it_counts_and_every_statistic_those_of_its_n(
    make_lesions,
) -> None:
    lesions = [
        evolve(o, lesion=evolve(o.lesion, lesion_id=f"L{i}")) for i, o in enumerate(make_lesions)
    ]
    patients = {lesion.lesion.lesion_id: lesion.patient_id for lesion in lesions}
    ids_by_key: dict[str, tuple[str, ...]] = {}
    cells = [c for make in TABLES for row in make(lesions).rows for c in row]
    for cell in cells:
        if cell.count is not None:
            assert ids_by_key.setdefault(cell.key, cell.lesion_ids) == cell.lesion_ids
            of = cell.lesion_ids
            if cell.key.startswith("patients/"):
                of = {patients[lesion_id] for lesion_id in cell.lesion_ids}
            assert len(set(of)) == len(of) == cell.count
    for cell in cells:
        if cell.count is None and cell.rests_on:
            assert len(ids_by_key[cell.rests_on]) == cell.values["n"]


def test_the_lesions_behind_a_number_are_those_that_it_says() -> None:
    lesions = {"grown": opp(), "other": cohort_lesion(fractions=3)}
    renamed_lesions = [
        evolve(o, lesion=evolve(o.lesion, lesion_id=name)) for name, o in lesions.items()
    ]
    tables = [make(renamed_lesions) for make in TABLES]
    ids_by_key = {c.key: c.lesion_ids for table in tables for row in table.rows for c in row}
    assert ids_by_key["response.OPP"] == ids_by_key["opp.peak.deciding.n"] == ("grown",)
    assert ids_by_key["group.multifraction"] == ids_by_key["fractions.3"] == ("other",)
    assert ids_by_key["response.OPP/group.multifraction"] == ()
    assert ids_by_key["excluded.cement"] == ()


def test_a_suppressed_table_says_so_and_names_no_lesion() -> None:
    table = suppress_alone(tabulate_demographics(AMINI))
    assert table.suppressed
    assert not any(cell.lesion_ids for row in table.rows for cell in row)


def test_an_open_lesion_is_analysed_as_indeterminate() -> None:
    lesions = [cohort_lesion(t1={-10: 20, 90: 25}, mode=Mode.PROSPECTIVE)]
    assert texts(tabulate_flow(lesions), "Analysed: INDETERMINATE") == [("1", "1", "1", "0", "0")]
    assert texts(tabulate_response_by_fractions(lesions), "INDETERMINATE") == [
        ("1 (100.0%)", "0", "1 (100.0%)")
    ]


def test_the_demographics_of_the_paper_come_out_as_it_prints_them() -> None:
    table = tabulate_demographics(AMINI)
    assert texts(table, "Lesions") == [("", "37")]
    assert texts(table, "Patients") == [("", "36")]
    age = "Age at radiosurgery"
    assert texts(table, age, "mean (95% t interval), years") == [("52.6 (49.0 to 56.2)",)]
    assert texts(table, age, "range, years") == [("32 to 74",)]
    assert texts(table, "Level") == [
        ("cervical", "3 (8.1%)"), ("thoracic", "18 (48.6%)"), ("lumbar", "16 (43.2%)"),
        ("sacral", "0 (0.0%)"),
    ]  # fmt: skip
    assert texts(table, "Radiosensitivity") == [
        ("radiosensitive", "17 (45.9%)"), ("radioresistant", "20 (54.1%)"),
    ]  # fmt: skip
    assert texts(table, "Dose and fractions") == [
        ("16 Gy / 1", "3 (8.1%)"), ("18 Gy / 1", "6 (16.2%)"), ("24 Gy / 1", "7 (18.9%)"),
        ("27 Gy / 3", "15 (40.5%)"), ("30 Gy / 5", "6 (16.2%)"),
    ]  # fmt: skip
    assert texts(table, "Fractions") == [
        ("1", "16 (43.2%)"), ("3", "15 (40.5%)"), ("5", "6 (16.2%)"),
    ]  # fmt: skip
    assert texts(table, "Histology", "renal cell carcinoma") == [("12 (32.4%)",)]


def test_a_mean_in_the_machine_form_is_not_rounded() -> None:
    values = cell(tabulate_demographics(AMINI), "age.mean").values
    assert values["mean"] == pytest.approx(1945 / 37)
    assert values["low"] == pytest.approx(48.98, abs=0.005)
    assert values["high"] == pytest.approx(56.15, abs=0.005)
    assert values["n"] == 37


def test_ages_from_the_year_of_birth_are_counted_and_so_are_unknown_ones() -> None:
    lesions = [cohort_lesion(age_years=50), cohort_lesion(birth_year=1964), cohort_lesion()]
    assert texts(tabulate_demographics(lesions), "Age at radiosurgery") == [
        ("known", "2 (66.7%)"),
        ("of these from the year of birth", "1"),
        ("unknown", "1 (33.3%)"),
        ("mean (95% t interval), years", "55.0 (-8.5 to 118.5)"),
        ("range, years", "50 to 60"),
    ]


def test_responses_of_the_paper_by_fractions_have_its_percentages() -> None:
    table = tabulate_response_by_fractions(AMINI)
    assert table.columns == ("Response", "Single fraction", "Multifraction", "All lesions")
    assert table.text_rows[0] == ("Lesions", "16", "21", "37")
    assert table.text_rows[1] == ("OPP", "5 (31.2%)", "0 (0.0%)", "5 (13.5%)")
    assert table.text_rows[2] == ("PD", "3 (18.8%)", "6 (28.6%)", "9 (24.3%)")


def test_unknown_fractions_have_a_column_of_their_own_where_there_are_any() -> None:
    table = tabulate_response_by_fractions([*AMINI, cohort_lesion(fractions=None)])
    assert table.columns[3] == "Fractions unknown"
    assert table.text_rows[0] == ("Lesions", "16", "21", "1", "38")


def test_the_time_to_peak_of_the_paper_has_its_digits_and_bounds_by_the_visits() -> None:
    table = tabulate_time_course(AMINI)
    assert texts(table, "Time to peak, weeks", "deciding") == [
        ("5", "13.9 (6.4 to 21.3)", "11.9", "9.7 to 24.4", "")
    ]
    assert texts(table, "Study before the peak, weeks", "deciding") == [
        ("5", "0.0 (0.0 to 0.0)", "0.0", "0.0 to 0.0", "")
    ]


def opp(**options: Any) -> AssessedLesion:
    return cohort_lesion(t1=COURSES[ResponseCategory.OPP], other_lengths=options)


def test_peak_change_and_return_are_by_sequence_with_those_that_never_return() -> None:
    never = {-10: 20, 87: 29, 180: 24, 300: 23.9}
    course = {-10: 20, 87: 24, 210: 21.5, 300: 20}
    table = tabulate_time_course([opp(), opp(T2FS=never), opp(T2FS=course), *AMINI[1:4]])
    assert texts(table, "Peak change, mm", "T1") == [
        ("3", "5.0 (5.0 to 5.0)", "5.0", "5.0 to 5.0", "")
    ]
    assert texts(table, "Peak change, mm", "T2FS") == [
        ("2", "6.5 (-25.3 to 38.3)", "6.5", "4.0 to 9.0", "")
    ]
    assert texts(table, "Return to baseline, weeks", "T2FS") == [
        ("1", "30.0", "30.0", "30.0 to 30.0", "1")
    ]
    values = cell(table, "opp.return.T2FS.median").values
    assert values == {"median": 210, "n": 1, "unit": "days"}


def test_a_sequence_on_which_none_returned_says_so() -> None:
    never = {-10: 20, 87: 29, 180: 24, 300: 23.9}
    table = tabulate_time_course([opp(T2FS=never)])
    assert texts(table, "Return to baseline, weeks", "T2FS") == [("0", "-", "-", "-", "1")]


@pytest.mark.parametrize("make", TABLES)
def test_a_table_of_nothing_is_a_table(make) -> None:
    table = make([])
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(count == 0 for count in shown(table).values())


@settings(deadline=None)
@given(COHORTS)
def test_every_row_has_a_cell_for_each_column_and_text_and_numbers_agree(lesions) -> None:
    for table in (make(lesions) for make in TABLES):
        for row in table.rows:
            assert len(row) == len(table.columns)
            for cell in row:
                assert type(cell.text) is str
                assert cell.count is None or cell.text.split()[0] == str(cell.count)
                assert cell.count is None or cell.values["n"] == cell.count


# --- small numbers


def a_table(total: int, *parts: int) -> Table:
    keys = [f"p{i}" for i in range(len(parts))]
    cells = [
        Cell(text=str(n), key=key, count=n, values={"n": n})
        for key, n in zip(["total", *keys], [total, *parts], strict=True)
    ]
    return Table(
        title="", columns=("n",), rows=tuple((cell,) for cell in cells), sums=(("total", *keys),)
    )


def hidden(table: Table) -> list[str]:
    return [row[0] for row in suppress_alone(table).text_rows]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((37, 20, 17), ["37", "20", "17"]),
        ((20, 15, 5), ["20", "15", "5"]),
        ((20, 20, 0), ["20", "20", "0"]),  # 0 is not a small number
        ((37, 34, 3), ["37", "hidden", "<5"]),
        ((37, 20, 14, 3), ["37", "20", "hidden", "<5"]),
        ((37, 30, 4, 3), ["37", "30", "<5", "<5"]),  # 7 in two: 3 and 4, or 4 and 3
        ((37, 29, 4, 4), ["37", "hidden", "<5", "<5"]),  # 8 in two: both 4
        ((37, 35, 1, 1), ["37", "hidden", "<5", "<5"]),
        ((6, 5, 1), ["hidden", "5", "<5"]),  # 6 is 5 and 1 only, if the other is 5 or more
        ((3, 3, 0), ["<5", "<5", "0"]),
        ((4, 1, 1, 1, 1), ["hidden"] * 5),  # four of them in less than 5: each is 1
    ],
)
def test_a_small_number_is_withheld_with_what_would_give_it_away(counts, expected) -> None:
    assert hidden(a_table(*counts)) == expected


def feasible(counts: tuple[int, ...], words: list[str], below: int) -> list[set[int]]:
    """All values that each cell can have, by what is shown: tried one after the other."""
    top = 2 * max(counts) + 1
    has_limit = any(word.startswith("<") for word in words)
    ranges = {"hidden": range(below if has_limit else 1, top), f"<{below}": range(1, below)}
    options = [ranges.get(word, [n]) for n, word in zip(counts, words, strict=True)]
    result = [solution for solution in product(*options) if solution[0] == sum(solution[1:])]
    return [{solution[i] for solution in result} for i in range(len(counts))]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(3, 6))
def test_no_small_number_follows_from_what_is_left(parts, below) -> None:
    counts = (sum(parts), *parts)
    words = [row[0] for row in suppress_alone(a_table(*counts), below).text_rows]
    for n, word, values in zip(counts, words, feasible(counts, words, below), strict=True):
        assert word == str(n) or len(values) > 1
        assert not 0 < n < below or word != str(n)


def test_a_percentage_and_a_statistic_do_not_tell_what_is_withheld() -> None:
    lesions = [*[cohort_lesion(age_years=50, sex="F")] * 9, *[cohort_lesion(sex="M")] * 2]
    table = suppress_alone(tabulate_demographics(lesions))
    assert texts(table, "Sex") == [("female", "hidden"), ("male", "<5")]
    assert cell(table, "sex.male").values == {"n": None, "of": None, "percent": None}
    assert cell(table, "age.mean").text == "50.0 (50.0 to 50.0)"
    assert cell(table, "age.mean").values["n"] is None  # 11 less 9 are two without an age
    few = suppress_alone(tabulate_time_course([opp(), opp()]))
    assert texts(few, "Peak change, mm", "T1") == [("<5", "hidden", "hidden", "hidden", "")]


def test_a_percentage_goes_where_its_total_is_withheld() -> None:
    share = Cell(text="6 (100.0%)", key="x", count=6, share_of="total", values={"n": 6, "of": 6})
    table = a_table(6, 5, 1)
    result = suppress_alone(evolve(table, rows=(*table.rows, (share,))))
    assert cell(result, "total").text == "hidden"
    assert (cell(result, "x").text, cell(result, "x").values) == ("6", {"n": 6, "of": None})


def test_a_part_that_is_the_whole_is_withheld_with_it() -> None:
    lesions = [*[cohort_lesion(sex="F")] * 5, cohort_lesion(sex="M")]
    table = suppress_alone(tabulate_demographics(lesions))
    assert texts(table, "Lesions") == [("", "hidden")]
    assert texts(table, "Level", "lumbar") == [("hidden",)]


def test_no_larger_number_is_hidden_without_need() -> None:
    words = {c.key: c.text for t in suppress_counts([m(AMINI) for m in TABLES])
             for row in t.rows for c in row}  # fmt: skip
    assert words["group.single fraction"] == "16"
    assert words["response.PR"].startswith("11")


def test_histologies_do_not_tell_each_other_by_their_radiosensitivity() -> None:
    lesions = [cohort_lesion(histology=t) for t in ["RCC"] * 6 + ["sarcoma"] * 2 + ["lung"] * 9]
    table = suppress_alone(
        tabulate_demographics([*lesions, *[cohort_lesion(histology="breast")] * 5])
    )
    words = dict(texts(table, "Histology"))
    resistant = dict(texts(table, "Radiosensitivity"))["radioresistant"]
    assert words["sarcoma"] == "<5"
    assert "hidden" in {words["renal cell carcinoma"], resistant}


def test_patients_are_withheld_with_their_lesions() -> None:
    lesions = [failing(Exclusion.CEMENT)] * 2 + [cohort_lesion(patient_id=p) for p in "ABCDEFGH"]
    table = suppress_alone(tabulate_flow(lesions))
    assert [row[:2] for row in texts(table, "Excluded: cement")] == [("<5", "<5")]
    assert [row[:2] for row in texts(table, "All lesions")] == [("hidden", "hidden")]
    assert [row[:2] for row in texts(table, "Analysed")] == [("8", "8")]


def test_tables_published_together_do_not_show_what_another_hides() -> None:
    tables = suppress_counts([make(AMINI) for make in TABLES])
    words: dict[str, set[str]] = {}
    for table in tables:
        for cell in (c for row in table.rows for c in row if c.key and "/" not in c.key):
            words.setdefault(cell.key, set()).add(cell.text.split(" (")[0])
    assert all(len(word) == 1 for word in words.values())
    assert words["response.OPP"] <= {"5", "hidden"}


def test_tables_of_other_lesions_cannot_be_published_together() -> None:
    with pytest.raises(ValueError, match="same lesions"):
        suppress_counts([tabulate_flow(AMINI), tabulate_demographics(AMINI[1:])])


def test_a_limit_that_would_tell_the_number_is_refused() -> None:
    with pytest.raises(ValueError, match="known to be 1"):
        suppress_alone(a_table(3, 1, 2), below=2)


@settings(deadline=None, max_examples=20)
@given(COHORTS)
def test_no_small_count_is_left_in_text_or_numbers_and_twice_is_as_once(lesions) -> None:
    for table in (make(lesions) for make in TABLES):
        small = {key for key, count in shown(table).items() if 0 < count < 5}
        once = suppress_alone(table)
        assert not small & shown(once).keys()
        for record in once.records:
            assert record["key"] not in small or set(record.values()) == {record["key"], None}
            assert record.get("n") not in (1, 2, 3, 4)
        assert evolve(suppress_alone(once), notes=once.notes) == once


def test_a_cohort_of_other_sequences_keeps_their_order() -> None:
    row = COURSES[ResponseCategory.OPP]
    table = tabulate_time_course(
        [opp(**{role.value: row for role in (SeriesRole.T1POST, SeriesRole.STIR)})]
    )
    assert [row[1] for row in table.text_rows if row[0] == "Peak change, mm"] == [
        "T1", "STIR", "T1POST",
    ]  # fmt: skip
