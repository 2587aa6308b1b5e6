"""The b-value that scanners write in elements of their own, where the public one may be absent.

Siemens 0019,100C; GE 0043,1039, the first of its values, with or without a bias of 1000000000;
Philips 2001,1003; United Imaging 0065,1009. An element of that number under another creator means
something else.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from struct import unpack
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.elements import Layout
from opp_mri.dicom.headers.header import Header
from opp_mri.dicom.headers.keywords import PRIVATE_B_VALUES
from opp_mri.dicom.headers.values import convert_to_text, number
from opp_mri.domain.imaging import FileStatus

GE_BIAS: Final = 1_000_000_000  # added to the b-value in 0043,1039 of multi-b and synthetic series
SAME_B: Final = 0.1  # relative: nominal and effective b-values differ by some per cent
LARGEST_B: Final = 100_000  # s/mm2; beyond it the element holds something else
_DIGITS: Final = re.compile(rb"[\d\\ .+\-]+")  # a text: of IS or DS
_PLACES: Final = sorted(
    (tag, creator, creator_tag) for creator, creator_tag, tag in PRIVATE_B_VALUES
)


@frozen
class PrivateBValue:
    """A b-value in s/mm2 and the creator that wrote it."""

    b_value: float
    creator: str


def find_private_b_values(header: Header) -> Iterator[PrivateBValue]:
    """Yield each private b-value of a header."""
    elements = header.raw if header.dataset is None else header.dataset
    for tag, creator, creator_tag in [place for place in _PLACES if place[0] in elements]:
        if header.dataset is None:
            raw_values = header.raw.get(creator_tag, b""), header.raw[tag]
            b_value = _read_b_value_once(creator, creator_tag, tag, *raw_values, header.layout)
        else:
            b_value = _read_b_value_of(creator, creator_tag, tag, header)
        if b_value is not None:
            yield PrivateBValue(b_value, creator)


def would_differ(b_value: float, other_b_value: float) -> bool:
    """Return whether two b-values contradict each other: other than by rounding."""
    return abs(b_value - other_b_value) > SAME_B * max(b_value, other_b_value)


@lru_cache(maxsize=4096)
def _read_b_value_once(  # what the value follows from, to be hashed
    creator: str, creator_tag: int, tag: int, creator_element: bytes, element: bytes, layout: Layout
) -> float | None:
    raw = {tag: element} | ({creator_tag: creator_element} if creator_element else {})
    header = Header(status=FileStatus.IMAGE, layout=layout, raw=raw)
    return _read_b_value_of(creator, creator_tag, tag, header)


def _read_b_value_of(creator: str, creator_tag: int, tag: int, header: Header) -> float | None:
    """Return a b-value in s/mm2; None under another creator, or where the value can be none."""
    if convert_to_text(header.get_value(creator_tag)).upper() != creator.upper():
        return None
    b_value = _interpret_b_value(header.get_value(tag), header)
    return b_value if b_value is not None and 0 <= b_value <= LARGEST_B else None


def _interpret_b_value(value: object, header: Header) -> float | None:
    if isinstance(value, bytes) and len(value) == 4 and not value.strip().isdigit():  # FL as UN
        value = unpack("<f" if header.layout.little_endian else ">f", value)[0]
    elif isinstance(value, bytes) and len(value) == 8 and not _DIGITS.fullmatch(value):  # FD as UN
        value = unpack("<d" if header.layout.little_endian else ">d", value)[0]
    elif isinstance(value, bytes):  # IS as UN
        value = convert_to_text(value).split("\\")
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    b_value = number(value)
    return None if b_value is None else b_value % GE_BIAS
