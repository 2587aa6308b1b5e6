"""Domain records as JSON text."""

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import numpy as np
from cattrs.fns import identity
from cattrs.preconf.json import make_converter

T = TypeVar("T")


def _is_array(kind: Any) -> bool:
    return kind is np.ndarray or get_origin(kind) is np.ndarray


_PLAIN: Final = (str, int, float, bool)  # what JSON writes and reads as it is


def _plain_option(kind: Any) -> type | None:
    """Give float for `float | None`, and so on; None for every other type."""
    arguments = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
    others = [argument for argument in arguments if argument is not NoneType]
    optional = len(others) == 1 and len(arguments) == 2
    return others[0] if optional and others[0] in _PLAIN else None


def _plain_items(kind: Any) -> type | None:
    """Give float for `tuple[float, ...]` or `tuple[float, float]`, and so on."""
    items = set(get_args(kind)) - {...} if get_origin(kind) is tuple else set()
    item = items.pop() if len(items) == 1 else None
    return item if item in _PLAIN else None


def _read_option(kind: Any) -> Callable[[Any, Any], Any]:
    read: Any = _plain_option(kind)
    return lambda value, _: None if value is None else read(value)


def _read_items(kind: Any) -> Callable[[Any, Any], Any]:
    item: Any = _plain_items(kind)
    arguments = get_args(kind)
    length = None if arguments[-1] is ... else len(arguments)

    def read(values: Any, _: Any) -> tuple[Any, ...]:
        items = tuple(map(item, values))
        if length is not None and len(items) != length:
            raise ValueError(f"There are {len(items)} values where {length} belong.")
        return items

    return read


_converter = make_converter(omit_if_default=True, detailed_validation=False)
for _is_plain, _reader in (
    (lambda kind: _plain_option(kind) is not None, _read_option),
    (lambda kind: _plain_items(kind) is not None, _read_items),
):
    _converter.register_unstructure_hook_func(_is_plain, identity)
    _converter.register_structure_hook_factory(_is_plain, _reader)
for _kind in (date, datetime, time):
    _converter.register_unstructure_hook(_kind, lambda value: value.isoformat())
    _converter.register_structure_hook(_kind, lambda text, kind: kind.fromisoformat(text))
_converter.register_unstructure_hook(Decimal, str)
_converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
_converter.register_unstructure_hook_func(_is_array, lambda array: array.tolist())
_converter.register_structure_hook_func(
    _is_array, lambda values, _: np.asarray(values, dtype=float)
)


def to_json(record: Any) -> str:
    """Write a record; fields at their defaults are left out."""
    return json.dumps(_converter.unstructure(record), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str, kind: type[T]) -> T:
    """Read a record back."""
    return _converter.structure(json.loads(text), kind)
