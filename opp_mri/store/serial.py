"""Domain records as JSON text."""

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import numpy as np
from cattrs.fns import identity
from cattrs.preconf.json import make_converter

T = TypeVar("T")


def _is_array(kind: Any) -> bool:
    return kind is np.ndarray or get_origin(kind) is np.ndarray


_PLAIN: Final = (str, int, float, bool)  # what JSON writes and reads as it is
_BY_TEXT: Final[dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]]] = {
    date: (date.isoformat, date.fromisoformat),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    Decimal: (str, Decimal),
}
"""What JSON holds as text: how it is written and read."""


def _get_option_type(kind: Any) -> type | None:
    """Return float for `float | None`, and so on; None for every other type."""
    arguments = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
    types = [argument for argument in arguments if argument is not NoneType]
    optional = len(types) == 1 and len(arguments) == 2
    return types[0] if optional else None


def _get_plain_option_type(kind: Any) -> type | None:
    option = _get_option_type(kind)
    return option if option in _PLAIN else None


def _get_text_option_type(kind: Any) -> type | None:
    option = _get_option_type(kind)
    return option if option in _BY_TEXT else None


def _get_item_type(kind: Any) -> type | None:
    """Return float for `tuple[float, ...]` or `tuple[float, float]`, and so on."""
    items = set(get_args(kind)) - {...} if get_origin(kind) is tuple else set()
    item = items.pop() if len(items) == 1 else None
    return item if item in _PLAIN else None


def _read_option(kind: Any) -> Callable[[Any, Any], Any]:
    convert: Any = _get_plain_option_type(kind)
    return lambda value, _: None if value is None else convert(value)


def _write_text_option(kind: Any) -> Callable[[Any], str | None]:
    write, _ = _BY_TEXT[_get_option_type(kind) or NoneType]
    return lambda value: None if value is None else write(value)


def _read_text_option(kind: Any) -> Callable[[Any, Any], Any]:
    _, convert = _BY_TEXT[_get_option_type(kind) or NoneType]
    return lambda value, _: None if value is None else convert(value)


def _read_text(convert: Callable[[str], Any], text: Any, _: Any) -> Any:
    return convert(text)


def _read_items(kind: Any) -> Callable[[Any, Any], Any]:
    item: Any = _get_item_type(kind)
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
    (lambda kind: _get_plain_option_type(kind) is not None, _read_option),
    (lambda kind: _get_item_type(kind) is not None, _read_items),
):
    _converter.register_unstructure_hook_func(_is_plain, identity)
    _converter.register_structure_hook_factory(_is_plain, _reader)
_converter.register_unstructure_hook_factory(
    lambda kind: _get_text_option_type(kind) is not None, _write_text_option
)
_converter.register_structure_hook_factory(
    lambda kind: _get_text_option_type(kind) is not None, _read_text_option
)
for _kind, (_write, _read) in _BY_TEXT.items():
    _converter.register_unstructure_hook(_kind, _write)
    _converter.register_structure_hook(_kind, partial(_read_text, _read))
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
