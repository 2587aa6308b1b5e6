"""Domain records as JSON text."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar, get_origin

import numpy as np
from cattrs.preconf.json import make_converter

T = TypeVar("T")


def _is_array(kind: Any) -> bool:
    return kind is np.ndarray or get_origin(kind) is np.ndarray


_converter = make_converter(omit_if_default=True)
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
