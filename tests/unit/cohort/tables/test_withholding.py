from collections.abc import Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.cohort.tables.withholding import HIDDEN, Sum, withhold_counts

BELOW = 3
PARTS = st.lists(st.integers(0, 6), min_size=2, max_size=4)


def possible(
    key: str, words: Mapping[str, str], counts: Mapping[str, int], sums: Sequence[Sum]
) -> set[int]:
    """Try all numbers that the withheld counts may have, one by one."""
    has_words = any(word != HIDDEN for word in words.values())
    least = BELOW if has_words else 1
    ranges = [
        range(least, 2 * max(counts.values()) + 1) if word == HIDDEN else range(1, BELOW)
        for word in words.values()
    ]
    result = set()
    for numbers in product(*ranges):
        trial = {**counts, **dict(zip(words, numbers, strict=True))}
        if all(trial[total] == sum(trial[part] for part in parts) for total, *parts in sums):
            result.add(trial[key])
    return result


@settings(deadline=None)
@given(PARTS, st.integers(0, 6))
def test_no_small_count_is_the_only_one_that_the_sums_allow(parts, more) -> None:
    counts = {"whole": sum(parts), **{f"part {n}": part for n, part in enumerate(parts)}}
    counts |= {"more": more, "all": sum(parts) + more}
    sums = [("whole", *(f"part {n}" for n in range(len(parts)))), ("all", "whole", "more")]
    words = withhold_counts(counts, sums, BELOW)
    if len(words) > 5:
        return  # too many to try
    nothing_left = words == {key: HIDDEN for key, count in counts.items() if count}
    for key in [item for item, count in counts.items() if 0 < count < BELOW]:
        assert nothing_left or len(possible(key, words, counts, sums)) > 1


def test_a_count_that_hangs_on_no_sum_is_withheld_alone() -> None:
    assert withhold_counts({"alone": 2, "other": 9}, [], BELOW) == {"alone": "<3"}


def test_a_count_is_protected_through_a_chain_of_sums() -> None:
    counts = {"all": 30, "left": 28, "events": 2, "later": 20, "ended": 8}
    sums = [("all", "left", "events"), ("left", "later", "ended")]
    words = withhold_counts(counts, sums, BELOW)
    assert words["events"] == "<3"
    assert len(possible("events", words, counts, sums)) == 2


def test_what_hangs_on_something_else_stays() -> None:
    counts = {"all": 12, "a": 2, "b": 10, "other": 12, "c": 5, "d": 7}
    sums = [("all", "a", "b"), ("other", "c", "d")]
    assert withhold_counts(counts, sums, BELOW).keys() == {"a", "b"}


def test_sums_that_do_not_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="hold"):
        withhold_counts({"all": 2, "a": 1, "b": 9}, [("all", "a", "b")], BELOW)
