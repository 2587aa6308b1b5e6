"""The Spinal Instability Neoplastic Score, as Fisher 2010 adds it up."""

import pytest
from fixtures.makers import make_lesion

from opp_mri.domain.sins import Stability, classify_stability, score_location


@pytest.mark.parametrize(
    ("levels", "points"),
    [
        ("C1 C2 C7 T1 T2 T11 T12 T13 L1 L5 L6 S1", 3),
        ("C3 C4 C5 C6 L2 L3 L4", 2),
        ("T3 T4 T5 T6 T7 T8 T9 T10", 1),
        ("S2 S3 S4 S5", 0),
    ],
)
def test_the_location_follows_from_the_level(levels: str, points: int) -> None:
    assert {score_location(level) for level in levels.split()} == {points}


def test_six_items_add_up_and_a_missing_one_leaves_no_sum() -> None:
    items = {
        "level": "L1", "bone_quality": "lytic", "sins_pain": 3, "sins_alignment": 4,
        "sins_collapse": 3, "sins_posterolateral": 3,
    }  # fmt: skip
    assert make_lesion(**items).sins == 18
    assert make_lesion(**{**items, "level": "S2", "bone_quality": "blastic", "sins_pain": 0,
                          "sins_alignment": 0, "sins_collapse": 0,
                          "sins_posterolateral": 0}).sins == 0  # fmt: skip
    for name in items.keys() - {"level"}:
        assert make_lesion(**{**items, name: None}).sins is None


@pytest.mark.parametrize(
    ("name", "points"),
    [("sins_pain", 2), ("sins_alignment", 3), ("sins_collapse", 4), ("sins_posterolateral", 2)],
)
def test_an_item_has_only_the_points_of_the_score(name: str, points: int) -> None:
    with pytest.raises(ValueError, match=name):
        make_lesion(**{name: points})


def test_the_sum_is_stable_to_6_potentially_unstable_to_12_and_unstable_from_13() -> None:
    assert [classify_stability(points) for points in (0, 6, 7, 12, 13, 18)] == [
        Stability.STABLE, Stability.STABLE, Stability.INDETERMINATE, Stability.INDETERMINATE,
        Stability.UNSTABLE, Stability.UNSTABLE,
    ]  # fmt: skip
