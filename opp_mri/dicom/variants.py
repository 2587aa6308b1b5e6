"""Where the slices of one stack differ in what decides a role: which differ, and in what words."""

import math
from collections.abc import Hashable, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Final

from opp_mri.dicom.splitting import DECIDING, DECIDING_FIELDS, Slice

_ALL: Final = attrgetter(*DECIDING_FIELDS, "derivation_description", "derivation_codes")
SAME_TIME: Final = 0.05  # relative: triggered and interleaved scans vary their times a little
MOST_NAMED: Final = 2  # facts in one sentence


def separate_variants(stack: Sequence[Slice]) -> tuple[list[Slice], str]:
    """Return one slice of each kind, where the slices differ in what decides a role.

    Parameters
    ----------
    stack
        The slices of one volume, in the order of their positions.

    Returns
    -------
    tuple of list of Slice and str
        Slices that differ from each other, and what they differ in, with the numbers of the
        slices from 1. Empty where all slices agree.
    """
    if (
        len({_ALL(image.header) for image in stack}) == 1
        and not stack[0].header.contrast_start_time
    ):
        return [], ""  # the usual case, and quickly recognised
    facts = {
        name: values
        for name, fact in DECIDING.items()
        if len(set(values := _group_alike([fact(image) for image in stack]))) > 1
    }
    if not facts:
        return [], ""
    kinds: dict[tuple[Hashable, ...], Slice] = {}
    for image, kind in zip(stack, zip(*facts.values(), strict=True), strict=True):
        kinds.setdefault(kind, image)
    sentences = [_write_sentence(name, values) for name, values in facts.items()]
    return list(kinds.values()), " ".join(sentences[:MOST_NAMED])


def _group_alike(values: Sequence[Hashable]) -> list[Hashable]:
    """Take numbers that are nearly equal as equal to the first of them."""
    leaders: list[float] = []
    alike: list[Hashable] = []
    for value in values:
        number = value[1] if isinstance(value, tuple) and len(value) == 2 else None
        if not isinstance(number, float):
            alike.append(value)
            continue
        near = (old for old in leaders if math.isclose(old, number, rel_tol=SAME_TIME))
        leader = next(near, None)
        if leader is None:
            leaders.append(number)
            leader = number
        alike.append((value[0], leader))  # type: ignore[index]  # a pair, see above
    return alike


def _write_sentence(name: str, values: Sequence[Hashable]) -> str:
    """State which slices have which value."""
    by_value: dict[Hashable, list[int]] = {}
    for number, value in enumerate(values, start=1):
        by_value.setdefault(value, []).append(number)
    parts = [
        f"{_write_value(value)} in slice{'' if len(numbers) == 1 else 's'} {_write_ranges(numbers)}"
        for value, numbers in by_value.items()
    ]
    return f"{name} is {', '.join(parts)}."


def _write_value(value: Hashable) -> str:
    content = value[1] if isinstance(value, tuple) and len(value) == 2 else value
    match content:
        case None | "" | ():
            return "absent"
        case bool():
            return "YES" if content else "NO"
        case tuple():
            return "\\".join(map(str, content))
        case float():
            return f"{content:g}"
    return str(content)


def _write_ranges(numbers: Sequence[int]) -> str:
    """Write 1, 2, 3, 7 as "1-3, 7"."""
    starts = [numbers[0], *(b for a, b in pairwise(numbers) if b != a + 1)]
    ends = [*(a for a, b in pairwise(numbers) if b != a + 1), numbers[-1]]
    return ", ".join(
        str(start) if start == end else f"{start}-{end}"
        for start, end in zip(starts, ends, strict=True)
    )
