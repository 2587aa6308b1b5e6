"""Which counts to withhold, so that no small one can be worked out from those that are shown.

Counts hang together by sums. A reader is taken to know every sum, every shown count, and that a
withheld one is small or, where it is hidden to protect another, not small.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

HIDDEN: Final = "hidden"
Sum = tuple[str, ...]  # key of a total, then the keys of the counts that add up to it


def withhold_counts(counts: Mapping[str, int], sums: Sequence[Sum], below: int) -> dict[str, str]:
    """Return the word that each withheld count is replaced by, by its key.

    Parameters
    ----------
    counts
        All that are published together, by key.
    sums
        What adds up, of these keys only.
    below
        Counts from 1 to one less are small: they read <`below`. Others read hidden, the smallest
        first, as long as a small one can be only one number. Where nothing is left to hide, all are
        hidden, and none reads <`below`.

    Raises
    ------
    ValueError
        A sum does not hold.
    """
    small = [key for key, count in counts.items() if 0 < count < below]
    words = dict.fromkeys(small, f"<{below}")
    alternatives: list[dict[str, int]] = []  # other numbers that the shown ones allow
    for key in small:
        while _is_determined(key, words, counts, sums, below, alternatives):
            around = _select_sums_around(key, words, sums)
            visible_keys = [k for s in around for k in s if k not in words and counts[k]]
            near = [k for s in around if key in s for k in s if k in visible_keys]
            if visible_keys:
                words[min(near or visible_keys, key=counts.__getitem__)] = HIDDEN
            else:
                words = dict.fromkeys(words, HIDDEN)
    for key in [k for k in words if k not in small]:  # what a later one has made needless
        fewer = {k: word for k, word in words.items() if k != key}
        near_keys = {k for s in _select_sums_around(key, words, sums) for k in s}
        solutions = [total for total in alternatives if total.get(key, counts[key]) == counts[key]]
        doubtful = [k for k in small if k in near_keys]
        if not any(_is_determined(k, fewer, counts, sums, below, solutions) for k in doubtful):
            words, alternatives = fewer, solutions
    return words


def _is_determined(
    key: str, words: Mapping[str, str], counts: Mapping[str, int], sums: Sequence[Sum], below: int,
    alternatives: list[dict[str, int]],
) -> bool:  # fmt: skip
    """Return whether a withheld count can be one number only; any other goes to `alternatives`.

    What is known stays allowed as long as no word is taken back.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    if any(solution.get(key, counts[key]) != counts[key] for solution in alternatives):
        return False
    has_other_words = any(word != HIDDEN for word in words.values())
    sums = _select_sums_around(key, words, sums)
    near_keys = {key} | {k for total in sums for k in total}
    words = {k: word for k, word in words.items() if k in near_keys}
    signs = [{total: -1} | dict.fromkeys(parts, 1) for total, *parts in sums]
    totals = [
        -sum(sign * counts[k] for k, sign in sum_signs.items() if k not in words)
        for sum_signs in signs
    ]
    rows = [[sum_signs.get(k, 0) for k in words] for sum_signs in signs]
    rules = (
        LinearConstraint(np.array(rows).reshape(-1, len(words)), totals, totals) if sums else None
    )
    least = [below if has_other_words and word == HIDDEN else 1 for word in words.values()]
    most = [2 * max(counts.values()) if word == HIDDEN else below - 1 for word in words.values()]
    cost = np.array([k == key for k in words], dtype=float)
    for sign in (1, -1):
        optimum = milp(sign * cost, integrality=[1] * len(words), bounds=Bounds(least, most),
                     constraints=rules).x  # fmt: skip
        if optimum is None:
            raise ValueError("the sums of tables that are published together hold")
        alternative = {k: round(float(x)) for k, x in zip(words, optimum, strict=True)}
        if alternative[key] != counts[key]:
            alternatives.append(alternative)
            return False
    return True


def _select_sums_around(key: str, words: Mapping[str, str], sums: Sequence[Sum]) -> list[Sum]:
    """Return the sums that a withheld count hangs on, by way of other withheld ones."""
    remaining_sums, near_keys, nearby = [*sums], {key}, list[Sum]()
    while near := [total for total in remaining_sums if not near_keys.isdisjoint(total)]:
        remaining_sums = [total for total in remaining_sums if near_keys.isdisjoint(total)]
        near_keys |= {k for total in near for k in total if k in words}
        nearby += near
    return nearby
