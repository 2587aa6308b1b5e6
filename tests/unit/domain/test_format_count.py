"""A number stands with its noun in the form that the number asks for, a share in whole per cent."""

import pytest

from opp_mri.units import format_count, format_share


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 lesions"), (1, "1 lesion"), (2, "2 lesions"), (1204, "1,204 lesions")],
)
def test_a_noun_takes_an_s_except_after_1(number: int, text: str) -> None:
    assert format_count(number, "lesion") == text


def test_an_irregular_plural_is_stated() -> None:
    assert format_count(1, "study", "studies") == "1 study"
    assert format_count(3, "study", "studies") == "3 studies"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "over 99%"),
        (0.998, "over 99%"),
        (0.994, "99%"),
        (0.805, "80%"),
        (0.799, "79%"),  # fragile
        (0.0, "0%"),
    ],
)
def test_a_share_is_not_rounded_up_to_a_limit_that_it_lies_below(share: float, words: str) -> None:
    assert format_share(share, limit=0.8) == words
