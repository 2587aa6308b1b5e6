"""Millimetres, days and weeks: how they are recorded and how they are written.

A computed length is rounded once, half-even, to 0.1 mm when it is recorded (RULES: inputs of one
lesion), so that what is shown is what is classified. Nothing is rounded after that.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

RECORDED_PRECISION_MM = Decimal("0.1")
DAYS_PER_WEEK = 7


def recorded_mm(length_mm: float) -> Decimal:
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


def format_mm(length_mm: Decimal) -> str:
    """Write a recorded length with its unit: always mm, with at least one decimal."""
    if length_mm == length_mm.quantize(RECORDED_PRECISION_MM):
        length_mm = length_mm.quantize(RECORDED_PRECISION_MM)
    return f"{length_mm} mm"


def number(value: Decimal | None) -> float | None:
    """Give an exact decimal as a JSON number: the shortest that reads back as it."""
    return None if value is None else float(value)


def days_between(start: date, end: date) -> int:
    """Give the whole days from one date to another, negative where `end` comes first."""
    return (end - start).days


def weeks_from_days(days: int) -> float:
    """Derive weeks from days; weeks are shown and never stored."""
    return days / DAYS_PER_WEEK
