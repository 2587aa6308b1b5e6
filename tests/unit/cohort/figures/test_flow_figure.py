from attrs import evolve
from fixtures.cohort_makers import make_cohort, suppress_alone
from fixtures.figure_checks import colliding_texts, cut_texts, words_of

from opp_mri.cohort.figures.flow_figure import draw_flow
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.cohort.tables.tables import Table, tabulate_flow
from opp_mri.domain.assessment import ResponseCategory

COHORT = make_cohort(400, seed=5)


def test_every_step_of_the_table_stands_in_the_diagram_with_lesions_and_patients() -> None:
    table = tabulate_flow(COHORT)
    words = words_of(draw_flow(table))
    for step, lesions, patients, *_ in table.rows:
        if lesions.count:
            name = step.text.removeprefix("Excluded: ").removeprefix("Analysed: ")
            counts = f"{lesions.count:,} lesion{'s' * (lesions.count != 1)}"
            assert name == "All lesions" or name in words
            assert counts in words
            assert f"{patients.count:,} patient" in words


def test_excluded_lesions_are_told_with_what_happened_to_them() -> None:
    table = tabulate_flow(COHORT)
    words = " ".join(words_of(draw_flow(table)).split())
    row = next(row for row in table.rows if row[1].key == "excluded")
    grew, retreatment, has_died = row[3:]
    assert grew.count
    assert has_died.count
    assert f"{grew.count} grew" in words
    assert f"{has_died.count} died" in words
    assert ("retreated" in words) is bool(retreatment.count)


def test_reasons_that_exclude_nobody_are_left_out() -> None:
    stable = [o for o in COHORT if o.assessment.category is ResponseCategory.SD]
    words = words_of(draw_flow(tabulate_flow(stable)))
    assert "Excluded none" in words
    assert "hardware" not in words


def test_long_reasons_are_broken_into_lines_that_stay_in_their_box() -> None:
    table = tabulate_flow(COHORT)
    long = "a reason that goes on and on, " * 6 + "withoutanyplacetobreak" * 6
    rows = [
        (evolve(step, text=f"{step.text} {long}"), *counts)
        if step.text.startswith("Excluded:")
        else (step, *counts)
        for step, *counts in table.rows
    ]
    figure = draw_flow(evolve(table, rows=tuple(rows)))
    assert cut_texts(figure) == []
    assert colliding_texts(figure) == []
    boxes = [patch.get_window_extent() for patch in figure.artists if hasattr(patch, "get_bbox")]
    lines = [t.get_window_extent() for t in figure.texts if "goes on" in t.get_text()]
    assert lines
    assert all(any(box.x0 <= l.x0 and l.x1 <= box.x1 for box in boxes) for l in lines)  # noqa: E741


def test_small_counts_that_are_withheld_are_withheld_in_the_diagram() -> None:
    few = make_cohort(48)
    out = len(few) - len(select_eligible(few))
    assert 0 < out < 5
    withheld: Table = suppress_alone(tabulate_flow(few))
    words = words_of(draw_flow(withheld))
    assert "<5 lesions, <5 patients" in words
    assert f"{out} lesions, " not in words
    assert "Counts from 1 to 4 are withheld" in words


def test_a_single_lesion_is_one_lesion() -> None:
    assert "1 lesion, 1 patient" in words_of(draw_flow(tabulate_flow(select_eligible(COHORT)[:1])))
