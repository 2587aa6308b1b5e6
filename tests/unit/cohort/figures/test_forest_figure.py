import pytest
from fixtures.figure_checks import colliding_texts, cut_texts, words_of

from opp_mri.cohort.figures.forest_figure import ForestRow, draw_forest
from opp_mri.cohort.statistics.survival import EventEstimate


def row(value: float | None, low: float | None = None, high: float | None = None, **options):
    label = options.pop("label", "single fraction versus multifraction")
    heading = options.pop("heading", "")
    ratio = EventEstimate(value=value, low=low, high=high, **({"n": 37, "events": 5} | options))
    return ForestRow(label=label, ratio=ratio, heading=heading)


def points(figure) -> list[tuple[float, str]]:
    return [
        (float(line.get_xdata()[0]), line.get_marker())
        for line in figure.axes[0].lines
        if line.get_marker() not in ("", "None", None)
    ]


def test_a_ratio_stands_at_its_value_with_its_interval_lesions_and_events() -> None:
    figure = draw_forest([row(1.9, 0.86, 4.8)], "OPP")
    assert sorted(points(figure)) == [(0.86, "|"), (1.9, "s"), (4.8, "|")]
    words = words_of(figure)
    assert "1.90 (0.86 to 4.80)" in words
    assert "37" in words
    assert "Hazard ratio of OPP" in words


def test_the_axis_is_logarithmic() -> None:
    axes = draw_forest([row(1.9, 0.86, 4.8)], "OPP").axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "hazard ratio, log scale"


def test_a_row_without_a_finite_ratio_says_why_and_has_no_mark() -> None:
    figure = draw_forest([row(None, reason="All events are in one arm.")], "OPP")
    assert points(figure) == []
    assert "All events are in one arm." in words_of(figure)
    assert points(draw_forest([row(float("inf"), reason="It has no end.")], "OPP")) == []


def test_a_limit_beyond_the_axis_ends_in_an_arrow() -> None:
    figure = draw_forest([row(14.2, 1.63, float("inf")), row(0.3, 0.0, 2.0)], "OPP")
    markers = [marker for _, marker in points(figure)]
    assert markers.count(">") == markers.count("<") == 1
    assert "14.2 (1.63 to ∞)" in words_of(figure)
    assert "0.30 (0 to 2.00)" in words_of(figure)


def test_a_ratio_without_an_interval_is_a_mark_alone() -> None:
    figure = draw_forest([row(2.5)], "OPP")
    assert points(figure) == [(2.5, "s")]
    assert "2.50 (no interval)" in words_of(figure)


def test_a_heading_is_written_once_above_its_rows() -> None:
    rows = [row(1.0, 0.5, 2.0, heading="Cox", label=f"row {n}") for n in range(3)]
    rows.append(row(1.0, 0.5, 2.0, heading="Firth", label="row 3"))
    words = words_of(draw_forest(rows, "OPP"))
    assert words.count("Cox") == words.count("Firth") == 1


def test_long_labels_and_reasons_are_broken_and_touch_nothing() -> None:
    long = "a label that is much longer than the others, " * 4
    rows = [row(None, label=long, heading=long, reason="a reason in many words " * 5), row(1.0)]
    figure = draw_forest(rows * 3, "OPP")
    assert cut_texts(figure) == []
    assert colliding_texts(figure) == []


@pytest.mark.parametrize("value", [0.0004, 0.02, 1.0, 30.0, 25_000.0])
def test_any_finite_ratio_is_drawn(value: float) -> None:
    figure = draw_forest([row(value, value / 3, value * 3)], "OPP")
    assert [marker for _, marker in points(figure)].count("s") == 1
    assert colliding_texts(figure) == []
