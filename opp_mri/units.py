"""Millimetres, days and weeks: how they are recorded and how they are written.

A computed length is rounded once, half-even, to 0.1 mm when it is recorded (RULES: inputs of one
lesion), so that what is shown is what is classified. Nothing is rounded after that.
"""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from math import floor
from operator import index
from typing import Final, SupportsIndex

RECORDED_PRECISION_MM: Final = Decimal("0.1")
RECORDED_PRECISION_CC: Final = Decimal("0.01")
LONGEST_MM: Final = 1000  # a length is shorter
LARGEST_CC: Final = 10_000  # a volume is smaller
MOST_DECIMALS: Final = 20  # with LONGEST_MM, a difference of two lengths stays exact in 28 digits
MOST_DAYS: Final = 36_525  # a hundred years
DAYS_PER_WEEK: Final = 7


def round_to_recorded_mm(length_mm: float) -> Decimal:
    """Round a computed length once, half-even, to the recorded precision of 0.1 mm.

    Parameters
    ----------
    length_mm
        A length in mm, finite and not negative.

    Raises
    ------
    ValueError
        The length is negative or not finite: no geometry gives such a length.
    """
    exact = Decimal(length_mm)
    if not exact.is_finite() or exact < 0:
        raise ValueError(f"a length is finite and not negative, not {length_mm!r}")
    return exact.quantize(RECORDED_PRECISION_MM, rounding=ROUND_HALF_EVEN)


def round_to_recorded_cc(volume_cc: float) -> Decimal:
    """Round a computed volume, or its standard error, once, half-even, to 0.01 cc."""
    return Decimal(volume_cc).quantize(RECORDED_PRECISION_CC, rounding=ROUND_HALF_EVEN)


def format_mm(length_mm: Decimal) -> str:
    """Write a recorded length with its unit: always mm, with at least one decimal."""
    if length_mm == length_mm.quantize(RECORDED_PRECISION_MM):
        length_mm = length_mm.quantize(RECORDED_PRECISION_MM)
    return f"{length_mm} mm"


def format_cc(volume_cc: Decimal, standard_error_cc: float | Decimal | None = None) -> str:
    """Write a volume with its unit, and with its standard error where there is one."""
    if standard_error_cc is None:
        return f"{volume_cc} cc"
    return f"{volume_cc} ± {standard_error_cc:.2f} cc"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun: 1 lesion, 1,204 lesions.

    Parameters
    ----------
    noun, plural
        The noun of one, and of several where it does not just take an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """Write words as a list in a sentence: A, B and C."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def format_share(share: float, *, limit: float = 1.0) -> str:
    """Write a probability in whole per cent, never as 100%, nor rounded up to a limit.

    Parameters
    ----------
    share
        From 0 to 1; 1 is what a simulation of some thousand draws says, not certainty.
    limit
        What is said of a share depends on whether it lies below this.
    """
    percent = round(100 * share)
    if percent == 100:
        return "over 99%"
    return f"{floor(100 * share) if share < limit <= percent / 100 else percent}%"


def number(value: Decimal | None) -> float | None:
    """Return an exact decimal as a JSON number: the shortest that reads back as it."""
    return None if value is None else float(value)


def count_days(start: date, end: date) -> int:
    """Return the whole days from one date to another, negative where `end` comes first."""
    return (end - start).days


def weeks_from_days(days: int) -> float:
    """Derive weeks from days; weeks are shown and never stored."""
    return days / DAYS_PER_WEEK


def convert_to_decimal(value: object) -> Decimal:
    """Convert a number without loss: a `Decimal`, a text such as "2.0", or a whole number.

    Raises
    ------
    TypeError
        The value is a binary floating-point number, whose decimal digits are not those that were
        written, or no number at all.
    ValueError
        The text is not a finite decimal number.
    """
    if isinstance(value, Decimal):
        exact = value
    elif isinstance(value, str):
        try:
            exact = Decimal(value)
        except ArithmeticError:
            raise ValueError(f"{value!r} is not a number: write it like 2.0") from None
    else:
        exact = Decimal(_convert_to_int(value, "a Decimal, a text such as '2.0' or a whole number"))
    if not exact.is_finite():
        raise ValueError(f"a number must be finite, not {exact}")
    return exact


def convert_to_mm(value: object) -> Decimal:
    """Convert a length in mm as `convert_to_decimal` does: 0 or more, below `LONGEST_MM`."""
    length_mm = convert_to_decimal(value)
    if not 0 <= length_mm < LONGEST_MM:
        raise ValueError(f"a length is 0 or more and below {LONGEST_MM} mm, not {length_mm} mm")
    if length_mm.as_tuple().exponent < -MOST_DECIMALS:  # type: ignore[operator]  # it is finite
        raise ValueError(f"a length has at most {MOST_DECIMALS} decimals, not {length_mm} mm")
    return length_mm


def convert_to_cc(value: object) -> Decimal:
    """Convert a volume in cc as `convert_to_decimal` does: 0 or more, below `LARGEST_CC`."""
    volume_cc = convert_to_decimal(value)
    if not 0 <= volume_cc < LARGEST_CC:
        raise ValueError(f"a volume is 0 or more and below {LARGEST_CC} cc, not {volume_cc} cc")
    return volume_cc


def convert_to_days(value: object) -> int:
    """Convert a number of days from SSRS that is a whole number within a hundred years.

    Raises
    ------
    TypeError
        The value is not a whole number.
    ValueError
        It lies outside the hundred years before and after SSRS.
    """
    days = _convert_to_int(value, "a whole number of days")
    if not -MOST_DAYS <= days <= MOST_DAYS:
        raise ValueError(f"a day lies within {MOST_DAYS} days of radiosurgery, not at {days}")
    return days


def _convert_to_int(value: object, expected: str) -> int:
    if type(value) is int:  # nearly always, and the check below is slow
        return value
    if not isinstance(value, SupportsIndex) or isinstance(value, bool):
        raise TypeError(f"give {expected}, not {value!r} ({type(value).__name__})")
    return index(value)
