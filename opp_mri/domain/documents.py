"""JSON and TOML from elsewhere: whatever the content, parsing gives a value or a ValueError."""

import json
import tomllib
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def parse_json(text: str, *, decimals: bool = False) -> Any:
    """Parse JSON.

    Parameters
    ----------
    decimals
        Whether numbers with a point become `Decimal`, with the digits that were written.

    Raises
    ------
    ValueError
        It is not JSON, is nested too deeply, or holds a number without sense.
    """
    return _parse(json.loads, text, parse_float=Decimal if decimals else None)


def parse_toml(text: str, *, decimals: bool = False) -> dict[str, Any]:
    """Parse TOML; errors as in `parse_json`.

    Parameters
    ----------
    text
        A document in TOML 1.0.
    decimals
        Give numbers with a point as Decimal, to the last digit that was written.
    """
    values: dict[str, Any] = _parse(tomllib.loads, text, parse_float=Decimal if decimals else float)
    return values


def _parse(parse: Callable[..., Any], text: str, **options: Any) -> Any:
    try:
        return parse(text, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ArithmeticError as error:
        raise ValueError("a number in it has no sensible size") from error
