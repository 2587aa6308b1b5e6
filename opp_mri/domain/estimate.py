"""A number that is estimated from data, with its interval."""

from typing import Final

from attrs import frozen

LEVEL: Final = 0.95
"""Level of each two-sided interval."""


@frozen(kw_only=True)
class Estimate:
    """A number with its 95% interval; None where it is not estimable."""

    value: float | None
    low: float | None = None
    high: float | None = None
