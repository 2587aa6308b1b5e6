"""Differences against means: every panel says its n, and no two numbers next to it touch."""

import pytest

from opp_mri.cohort.figures.agreement_figure import AgreementPanel, draw_agreement, spread_out
from opp_mri.domain.imaging import SeriesRole


def panel(sequence: SeriesRole, lesions: int = 4, **ends: object) -> AgreementPanel:
    values = {"bias": (0.1, -0.2, 0.4), "lower": (-0.9, -1.4, -0.6), "upper": (1.1, 0.8, 1.6)}
    return AgreementPanel(
        sequence=sequence, pairs=((10.0, 10.5), (12.0, 11.2)), lesions=lesions,
        **(values | ends),  # type: ignore[arg-type]
    )  # fmt: skip


def test_each_panel_says_its_pairs_and_lesions_and_the_axes_their_unit() -> None:
    no_estimate = (None, None, None)
    figure = draw_agreement(
        [panel(SeriesRole.T1), panel(SeriesRole.STIR, 1, lower=no_estimate, upper=no_estimate)],
        ("first", "second"),
    )
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "T1: 2 pairs, n = 4 lesions", "STIR: 2 pairs, n = 1 lesion",
    ]  # fmt: skip
    assert figure.axes[0].get_ylabel() == "first less second, mm"
    assert "mean of both readers, mm" in figure.get_supxlabel()
    assert [text.get_text() for text in figure.axes[0].texts] == ["+0.1", "-0.9", "+1.1"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["+0.1"]


def test_a_number_that_rounds_to_nothing_has_no_minus() -> None:
    figure = draw_agreement([panel(SeriesRole.T1, bias=(-0.01, -0.2, 0.2))], ("a", "b"))
    assert figure.axes[0].texts[0].get_text() == "+0.0"


def test_numbers_beside_a_panel_are_moved_apart_in_their_order() -> None:
    result = spread_out([0.0, -0.1, 0.1, 5.0], 1.0)
    assert sorted(range(4), key=lambda n: result[n]) == [1, 0, 2, 3]
    gaps = [b - a for a, b in zip(sorted(result), sorted(result)[1:], strict=False)]
    assert all(gap > 0.95 for gap in gaps)
    assert sum(result) == pytest.approx(5.0)
    assert spread_out([], 1.0) == []
