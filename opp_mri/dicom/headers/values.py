"""Header values as the domain wants them: plain, with units, and None where they say nothing.

A header is written by many hands: a number field may hold "off", a date may hold dots. What cannot
be understood is None, never a guess, and never stops the run.
"""

import math
import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Final

from pydicom.errors import BytesLengthException, InvalidDicomError

from opp_mri.domain.visible_text import make_line_visible
from opp_mri.units import format_count

PYDICOM_ERRORS: Final = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError),
    *(ValueError, struct.error, zlib.error, BytesLengthException, InvalidDicomError),
)
"""What pydicom raises on damaged data sets (NotImplementedError is a RuntimeError)."""

_DECIMAL: Final = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
)  # a DS; Python would take 1_0
_BLANKS: Final = re.compile(r"[\t\n\r\v\f]+")
_LONGEST_QUOTED: Final = 64
_LARGEST_INTEGER: Final = 2**63 - 1  # what a database holds; IS itself allows 32 bits
_DATE: Final = re.compile(r"(\d{4})([.\-/]?)(\d\d)\2(\d\d)")
_TIME: Final = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6})\d*)?)?)?")


def convert_to_text(value: object) -> str:
    """Return text without the spaces around it; several values keep their backslashes."""
    if isinstance(value, str):
        return value.strip(" \0\t\r\n")
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    elif isinstance(value, Sequence):  # a PersonName is none
        value = "\\".join(str(part) for part in value)
    return str(value).strip(" \0\t\r\n")


def convert_to_shown_text(value: object) -> str:
    """Return text on one line as it can be shown to people.

    Blanks of any kind become spaces; other characters that act instead of being read, such as
    terminal escapes and bidirectional overrides, are written out.
    """
    return make_line_visible(_BLANKS.sub(" ", convert_to_text(value)))


def convert_to_texts(value: object) -> tuple[str, ...]:
    """Return the values of a code string, none for an empty one."""
    text = convert_to_text(value)
    return tuple(make_line_visible(part.strip(" \0")) for part in text.split("\\")) if text else ()


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else, several values included."""
    source_value = (
        value if isinstance(value, str | bytes) else getattr(value, "original_string", None)
    )
    if isinstance(source_value, str | bytes) and not _DECIMAL.fullmatch(
        convert_to_text(source_value)
    ):
        return None
    try:
        result = float(value)  # type: ignore[arg-type]  # whatever cannot be converted raises
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def convert_to_integer(value: object) -> int | None:
    """Return a whole number, or None for anything else."""
    result: float | int | None = int(value) if isinstance(value, int) else number(value)
    if result is None or result != int(result) or abs(result) > _LARGEST_INTEGER:
        return None
    return int(result)


def convert_to_numbers(value: object) -> tuple[float, ...]:
    """Return several finite numbers, or none at all where one of them is not a number."""
    if isinstance(value, list) and {*map(type, value)} == {float}:  # clean, as most are
        return tuple(value) if all(map(math.isfinite, value)) else ()
    if isinstance(value, str | bytes):  # of another VR than DS, which is cut up already
        value = convert_to_text(value).split("\\")
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    parts = tuple(value) if several else (value,)  # type: ignore[arg-type]  # several: iterable
    values = tuple(part for part in map(number, parts) if part is not None)
    return values if len(values) == len(parts) else ()


def pair(value: object) -> tuple[float, float] | None:
    """Return two numbers, or None."""
    match convert_to_numbers(value):
        case (first, second):
            return first, second
    return None


def convert_to_triple(value: object) -> tuple[float, float, float] | None:
    """Return three numbers, or None."""
    match convert_to_numbers(value):
        case (x, y, z):
            return x, y, z
    return None


def convert_to_sextuple(value: object) -> tuple[float, float, float, float, float, float] | None:
    """Return six numbers, or None."""
    match convert_to_numbers(value):
        case (a, b, c, d, e, f):
            return a, b, c, d, e, f
    return None


def convert_to_bool(value: object) -> bool | None:
    """Return what YES or NO means, or None for anything else."""
    return {"YES": True, "NO": False}.get(convert_to_text(value).upper())


def list_code_meanings(value: object) -> tuple[str, ...]:
    """Return the meaning of each code of a code sequence, or else the code itself."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()
    meanings = (
        convert_to_text(item.get("CodeMeaning")) or convert_to_text(item.get("CodeValue"))
        for item in items
    )
    return tuple(meaning for meaning in meanings if meaning)


def _as_written(part: object) -> str:
    original_text = getattr(part, "original_string", None)
    if original_text is not None:
        return convert_to_text(original_text)
    return f"{part:g}" if isinstance(part, float) else convert_to_text(part)


def describe_fault(keyword: str, value: object) -> str:
    """Explain why a value that is there cannot be understood, with the value as it is written.

    Parameters
    ----------
    keyword, value
        DICOM keyword and value of the element, which no converter could understand.
    """
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    parts = [_as_written(part) for part in value] if several else convert_to_text(value).split("\\")  # type: ignore[attr-defined]  # several: iterable
    quote = "\\".join(parts)[:_LONGEST_QUOTED]
    if not all(_DECIMAL.fullmatch(part) for part in parts):
        return f'{keyword} is written as "{make_line_visible(quote)}", which cannot be understood.'
    count = format_count(len(parts), "value")
    return f"{keyword} holds {count} ({quote}), and another number of values is needed."


def convert_to_day(value: object) -> date | None:
    """Return a date, 20180107 or the old 2018.01.07."""
    match = _DATE.fullmatch(convert_to_text(value))
    if not match:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def convert_datetime_to_day(value: object) -> date | None:
    """Return the date of a date-time."""
    return convert_to_day(convert_to_text(value)[:8])


def convert_to_clock(value: object) -> time | None:
    """Return a time, with or without minutes, seconds and fraction, or with the old colons."""
    match = _TIME.fullmatch(convert_to_text(value))
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    microsecond = int((match[4] or "").ljust(6, "0"))
    try:
        return time(hour, minute, min(second, 59), microsecond)  # 60 is a leap second
    except ValueError:
        return None


def convert_datetime_to_clock(value: object) -> time | None:
    """Return the time of a date-time, its offset from UTC left out, or None where it has none."""
    datetime_text = re.split(r"[+\-]", convert_to_text(value))[0]
    return convert_to_clock(datetime_text[8:]) if len(datetime_text) > 8 else None
