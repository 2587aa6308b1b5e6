"""Each figure that the paper prints, next to what its own table gives."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from opp_mri.cli import paper as verb
from opp_mri.cohort.statistics.paper import (
    PRINTED,
    TABLE,
    PrintedFigure,
    compute_printed_figures,
    find_mean_interval,
    find_narrowest_t_interval,
    log_rank_of_counts,
    read_paper,
)
from opp_mri.errors import InputError, TableError

FOLDER = Path(__file__).parents[4] / "sample_data" / "amini2016"
FISHER = "OPP and a single fraction, Fisher exact P"
LOG_RANK = "OPP-free survival by fractionation, log-rank P"
HISTOLOGIES = "Renal cell carcinoma, sarcoma and thyroid carcinoma"
PEAK_INTERVAL = "Time to peak, 95% interval of the mean, weeks"
AGREEING = {
    "Lesions": ("37", "37"),
    "Patients": ("36", "36"),
    "Patients excluded": ("187", "187"),
    "Age, mean, years": ("53", "52.57"),
    "Age, range, years": ("32–74", "32–74"),
    "Age, 95% interval of the mean, years": ("49–56", "48.98–56.15"),
    "Thoracic": ("49%", "48.6% (18 of 37)"),
    "Lumbar": ("43%", "43.2% (16 of 37)"),
    "1 fraction, lesions": ("16", "16"),
    "1 fraction": ("43%", "43.2% (16 of 37)"),
    "3 fractions, lesions": ("15", "15"),
    "3 fractions": ("41%", "40.5% (15 of 37)"),
    "5 fractions, lesions": ("6", "6"),
    "5 fractions": ("16%", "16.2% (6 of 37)"),
    "27 Gy in 3 fractions": ("41%", "40.5% (15 of 37)"),
    "24 Gy in 1 fraction": ("19%", "18.9% (7 of 37)"),
    "18 Gy in 1 fraction": ("16%", "16.2% (6 of 37)"),
    "30 Gy in 5 fractions": ("16%", "16.2% (6 of 37)"),
    "16 Gy in 1 fraction": ("8%", "8.1% (3 of 37)"),
    "Stable or partial response": ("62%", "62.2% (23 of 37: 11 PR, 12 SD)"),
    "Enlarged early, lesions": ("14", "14"),
    "Enlarged early": ("38%", "37.8% (14 of 37: 5 OPP, 9 PD)"),
    "OPP, lesions": ("5", "5"),
    "OPP of those that enlarged": ("36%", "35.7% (5 of 14)"),
    "PD, lesions": ("9", "9"),
    "PD of those that enlarged": ("64%", "64.3% (9 of 14)"),
    "OPP of all lesions": ("14%", "13.5% (5 of 37)"),
    "OPP after 1 fraction, lesions": ("5", "5 of 16"),
    "OPP after 1 fraction": ("31%", "31.2% (5 of 16)"),
    "OPP after several fractions, lesions": ("0", "0 of 21"),
    "OPP after 24 Gy, lesions": ("3", "3"),
    "OPP after 18 Gy, lesions": ("1", "1"),
    "OPP after 16 Gy, lesions": ("1", "1"),
    FISHER: (".01", "0.01002 (5 of 16, 0 of 21)"),
}
DIFFERING = {
    HISTOLOGIES: (
        "67%",
        "67.6% (25 of 37: 12 Renal cell carcinoma, 6 Sarcoma, 7 Thyroid carcinoma)",
    ),
    LOG_RANK: (".005", "0.0060 (chi-square 7.549)"),
    PEAK_INTERVAL: ("8.6–19.1", "6.5–21.3 or wider (t)"),
}


def by_name(folder: Path) -> dict[str, PrintedFigure]:
    return {figure.name: figure for figure in compute_printed_figures(folder)}


@pytest.fixture(scope="module")
def figures() -> dict[str, PrintedFigure]:
    return by_name(FOLDER)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "copy"))


def change(folder: Path, old: str, new: str, file: str = TABLE) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def test_table_1_holds_the_lesions_of_the_paper() -> None:
    rows = read_paper(FOLDER).rows
    assert len(rows) == 37
    assert [row.level for row in rows if row.patient == 17] == ["L1", "L2"]
    assert [row.level for row in rows if row.patient == 36] == ["L6"]
    assert Counter(row.response for row in rows) == {"OPP": 5, "PD": 9, "PR": 11, "SD": 12}
    assert Counter(row.region for row in rows) == {"T": 18, "L": 16, "C": 3}
    assert Counter(row.histology for row in rows) == {
        "Renal cell carcinoma": 12,
        "Thyroid carcinoma": 7,
        "Sarcoma": 6,
        "Breast carcinoma": 5,
        "Lung carcinoma": 2,
        "Melanoma": 1,
        "Basal cell carcinoma": 1,
        "Colon carcinoma": 1,
        "Adenoid cystic carcinoma": 1,
        "Prostate carcinoma": 1,
    }


@pytest.mark.parametrize("name", AGREEING)
def test_a_figure_that_follows_from_the_table_agrees(
    name: str, figures: dict[str, PrintedFigure]
) -> None:
    figure = figures[name]
    assert (figure.printed, figure.computed) == AGREEING[name]
    assert figure.agrees is True
    assert figure.why == ""
    assert figure.where


@pytest.mark.parametrize("name", DIFFERING)
def test_a_figure_that_differs_says_why(name: str, figures: dict[str, PrintedFigure]) -> None:
    figure = figures[name]
    assert (figure.printed, figure.computed) == DIFFERING[name]
    assert figure.agrees is False
    assert figure.why.startswith("With the paper's digits it is ")


def test_every_other_figure_is_named_as_one_that_nothing_published_gives(
    figures: dict[str, PrintedFigure],
) -> None:
    rest = [figure for name, figure in figures.items() if name not in AGREEING.keys() | DIFFERING]
    assert len(rest) == 17
    assert {figure.agrees for figure in rest} == {None}
    assert all(figure.why for figure in rest)
    cox = [entry for entry in rest if entry.name.startswith("Cox")]
    assert len(cox) == 5
    assert {figure.computed for figure in cox} == {None}


def test_the_share_that_differs_over_lesions_is_as_printed_over_patients(
    figures: dict[str, PrintedFigure],
) -> None:
    why = figures[HISTOLOGIES].why
    assert "it is 68." in why
    assert "over patients it is as printed: 24 of 36, 66.7%" in why


def test_the_reconstructed_days_give_every_printed_digit_and_are_called_a_reconstruction(
    figures: dict[str, PrintedFigure],
) -> None:
    for name in ("Time to peak, range, weeks", "Time to peak, mean, weeks"):
        figure = figures[name]
        assert figure.computed == f"{figure.printed} (reconstruction)"
        assert figure.agrees is None
        assert "no check" in figure.why
    why = figures[PEAK_INTERVAL].why
    assert "The days 68, 76, 83, 87, 171, a reconstruction" in why
    assert "give 8.6–19.1 by the normal distribution, and 6.4–21.3 by t" in why


def test_fishers_p_is_the_tail_of_the_hypergeometric_distribution() -> None:
    # No table is as unlikely at the other end: P is that all 5 are among the 16.
    assert math.comb(16, 5) / math.comb(37, 5) == pytest.approx(0.0100207, abs=5e-8)


def test_the_log_rank_of_counts_is_that_of_any_times_with_events_before_censorings() -> None:
    single = stats.CensoredData(
        uncensored=[68, 76, 83, 87, 171], right=[200 + n for n in range(11)]
    )
    several = stats.CensoredData(uncensored=[], right=[190 + 3 * n for n in range(21)])
    test = log_rank_of_counts((16, 21), [(1, 0)] * 5)
    result = stats.logrank(single, several)
    assert test.chi_square == pytest.approx(result.statistic**2)
    assert test.p == pytest.approx(result.pvalue)
    assert test.chi_square == pytest.approx(7.549, abs=5e-4)
    assert test.p == pytest.approx(0.0060, abs=5e-5)


def test_the_log_rank_counts_ties_as_a_second_implementation_does() -> None:
    first = stats.CensoredData(uncensored=[1, 1, 3], right=[9] * 4)
    second = stats.CensoredData(uncensored=[1, 2, 3, 3], right=[9] * 2)
    result = stats.logrank(first, second)
    test = log_rank_of_counts((7, 6), [(2, 1), (0, 1), (1, 2)])
    assert (test.chi_square, test.p) == pytest.approx((result.statistic**2, result.pvalue))


@pytest.mark.parametrize("at_risk", [(16, 21), (0, 21), (16, 0)])
def test_a_log_rank_without_events_or_without_a_second_group_has_no_p(
    at_risk: tuple[int, int],
) -> None:
    events = [] if all(at_risk) else [(1, 0) if at_risk[0] else (0, 1)]
    assert log_rank_of_counts(at_risk, events).p is None


def test_the_log_rank_says_what_it_assumes(figures: dict[str, PrintedFigure]) -> None:
    assert "It is assumed that the event is the peak" in figures[LOG_RANK].why
    assert "Were all events on one day, p would be 0.0066." in figures[LOG_RANK].why


def test_no_values_with_the_mean_and_range_have_a_narrower_t_interval() -> None:
    narrowest = find_narrowest_t_interval(5, 13.9, 9.7, 24.4)
    assert narrowest is not None
    random = np.random.default_rng(1)
    for _ in range(200):
        two = random.uniform(9.7, 24.4, 2)
        third = 5 * 13.9 - 9.7 - 24.4 - two.sum()
        if 9.7 <= third <= 24.4:
            low, high = find_mean_interval([9.7, 24.4, third, *two])
            assert low <= narrowest[0]
            assert high >= narrowest[1]
    assert find_narrowest_t_interval(2, 13.9, 9.7, 24.4) is None
    assert find_narrowest_t_interval(3, 13.9, 9.7, 24.4) is None


def test_another_response_changes_the_figures_that_rest_on_it(copy: Path) -> None:
    change(copy, "29,74,M,Lung carcinoma,L1,18,1,OPP", "29,74,M,Lung carcinoma,L1,18,1,SD")
    result = by_name(copy)
    differing_names = {name for name, item in result.items() if item.agrees is False}
    assert differing_names - DIFFERING.keys() == {
        "Stable or partial response",
        "Enlarged early, lesions",
        "Enlarged early",
        "OPP, lesions",
        "OPP of those that enlarged",
        "PD of those that enlarged",
        "OPP of all lesions",
        "OPP after 1 fraction, lesions",
        "OPP after 1 fraction",
        "OPP after 18 Gy, lesions",
        FISHER,
    }
    assert result["OPP, lesions"].computed == "4"
    assert result["OPP, lesions"].why == "With the paper's digits it is 4."
    assert result[FISHER].computed == "0.02756 (4 of 16, 0 of 21)"
    assert result[LOG_RANK].computed != DIFFERING[LOG_RANK][1]
    assert result["Time to peak, mean, weeks"].computed is None


def test_another_age_level_and_patient_change_what_is_computed_of_them(copy: Path) -> None:
    change(copy, "29,74,M,Lung carcinoma,L1", "27,94,M,Lung carcinoma,T1")
    result = by_name(copy)
    changed_names = {
        name for name, item in result.items() if item.agrees is False
    } - DIFFERING.keys()
    assert changed_names == {
        "Patients",
        "Patients excluded",
        "Age, range, years",
        "Age, 95% interval of the mean, years",
        "Thoracic",
        "Lumbar",
    }
    assert result["Age, mean, years"].computed == "53.11"


def test_events_in_both_groups_leave_the_log_rank_open(copy: Path) -> None:
    change(
        copy, "5,52,M,Renal cell carcinoma,L1,27,3,PR", "5,52,M,Renal cell carcinoma,L1,27,3,OPP"
    )
    figure = by_name(copy)[LOG_RANK]
    assert (figure.computed, figure.agrees) == (None, None)
    assert figure.why.startswith("Both groups have events")


def test_a_printed_interval_as_wide_as_one_by_t_is_not_said_to_differ(copy: Path) -> None:
    change(copy, "8.6–19.1", "6.4–21.3", PRINTED)
    figure = by_name(copy)[PEAK_INTERVAL]
    assert figure.agrees is None
    assert figure.why == "The printed interval may be one by t."


def test_a_table_without_opp_leaves_open_what_rests_on_it(copy: Path) -> None:
    table = copy / TABLE
    table.write_text(table.read_text().replace(",OPP", ",SD").replace(",PD", ",SD"))
    result = by_name(copy)
    for name in (LOG_RANK, "OPP of those that enlarged", PEAK_INTERVAL):
        assert (result[name].computed, result[name].agrees) == (None, None)
        assert result[name].why


def test_a_table_with_faults_is_refused_with_their_lines_and_columns(copy: Path) -> None:
    change(copy, "\n1,57,F,", "\n1,old,F,")
    change(copy, "L4,24,1,SD", "L4,24,1")
    with pytest.raises(TableError) as error_info:
        compute_printed_figures(copy)
    assert [(fault.line, fault.column) for fault in error_info.value.faults] == [
        (2, "age_years"),
        (3, "response"),
    ]


@pytest.mark.parametrize("text", ["", "patient,age\n1,57\n2,58\n"])
def test_a_table_with_other_columns_is_refused(copy: Path, text: str) -> None:
    (copy / TABLE).write_text(text)
    with pytest.raises(TableError, match="age_years"):
        compute_printed_figures(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('compute = "fisher"', 'compute = "barnard"'),
        ("count = { dose_gy = [27]", "count = { dose = [27]"),
        ('needs = ["Time to peak, mean, weeks"', 'needs = ["Time to peak, mode"'),
        ('reason = "collinear"', 'reason = "obvious"'),
        ("enrolled = 223", "screened = 223"),
        ("[reconstruction]\n", "[reconstruction\n"),
    ],
)
def test_a_list_of_figures_that_names_what_there_is_not_is_refused(
    copy: Path, old: str, new: str
) -> None:
    change(copy, old, new, PRINTED)
    with pytest.raises(InputError, match=PRINTED):
        compute_printed_figures(copy)


def test_a_folder_without_the_files_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data"):
        compute_printed_figures(tmp_path)


def test_the_verb_shows_the_table_and_why_figures_differ() -> None:
    output = CliRunner().invoke(verb.paper_command, [], catch_exceptions=False).output
    lines = [line.split() for line in output.splitlines()]
    assert ["Lesions", "37", "37", "yes"] in lines
    assert ["OPP-free", "survival", "by", "fractionation,", "log-rank", "P:"] in lines
    assert "54 figures: 34 agree, 3 differ, 17 cannot be computed" in output


def test_the_verb_gives_json_with_one_object_a_figure() -> None:
    run = CliRunner().invoke(verb.paper_command, ["--json", "--data", str(FOLDER)])
    result = json.loads(run.output)
    assert len(result) == 54
    for record in result:
        assert {"name", "printed", "computed", "agrees", "why"} <= record.keys()
        assert record["agrees"] in (True, False, None)
        assert record["why"] or record["agrees"]


def test_the_verb_says_where_to_find_the_data_where_they_are_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verb, "SOURCE_DATA", tmp_path / "absent")
    result = CliRunner().invoke(verb.paper_command, [])
    assert isinstance(result.exception, InputError)
    assert "--data" in str(result.exception)
