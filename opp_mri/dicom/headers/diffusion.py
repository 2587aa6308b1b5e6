"""The b-value that scanners write in elements of their own, where the public one may be absent.

Siemens 0019,100C; GE 0043,1039, the first of its values, with or without a bias of 1000000000;
Philips 2001,1003. An element of that number under another creator means something else.
"""

from collections.abc import Iterator, Sequence
from struct import unpack
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.header import PRIVATE_B_VALUES, Header
from opp_mri.dicom.headers.values import number, text

GE_BIAS: Final = 1_000_000_000  # added to the b-value in 0043,1039 of multi-b and synthetic series
SAME_B: Final = 0.1  # relative: nominal and effective b-values differ by some per cent
LARGEST_B: Final = 100_000  # s/mm2; beyond it the element holds something else


@frozen
class PrivateBValue:
    """A b-value in s/mm2 and the creator that wrote it."""

    b_value: float
    creator: str


def private_b_values(header: Header) -> Iterator[PrivateBValue]:
    """Give each private b-value of a header."""
    for creator, creator_tag, tag in PRIVATE_B_VALUES:
        if tag in header and text(header.value(creator_tag)).upper() == creator.upper():
            b_value = _b_value(header.value(tag), header)
            if b_value is not None and 0 <= b_value <= LARGEST_B:
                yield PrivateBValue(b_value, creator)


def differ(b_value: float, other: float) -> bool:
    """Tell whether two b-values contradict each other: other than by rounding."""
    return abs(b_value - other) > SAME_B * max(b_value, other)


def _b_value(value: object, header: Header) -> float | None:
    if isinstance(value, bytes) and len(value) == 4 and not value.strip().isdigit():  # FL as UN
        value = unpack("<f" if header.layout.little_endian else ">f", value)[0]
    elif isinstance(value, bytes):  # IS as UN
        value = text(value).split("\\")
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    b_value = number(value)
    return None if b_value is None else b_value % GE_BIAS
