"""Response criteria: shipped as TOML, or read from a file of one's own.

A key that a file leaves out has the value of `amini-2016`.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from attrs import fields

from opp_mri.domain.assessment import (
    Criteria,
    Persistence,
    Plateau,
    Quantity,
    Reference,
    TherapyCounts,
    Threshold,
)
from opp_mri.domain.documents import parse_toml
from opp_mri.errors import InputError
from opp_mri.files import read_document

DEFAULT_CRITERIA: Final = "amini-2016"
SHIPPED_CRITERIA: Final = (
    DEFAULT_CRITERIA,
    "amini-2016-literal",
    "plateau-variant",
    "confirmed-growth",
    "amini-2016-nadir",
    "bahig-2016",
    "maralani-2021",
    "spino-2015",
)

LARGEST_CHANGE_MM: Final = 100
LARGEST_PERCENT: Final = 1000
MOST_DAYS: Final = 36525  # a hundred years
MOST_STUDIES: Final = 1000
_WHOLE_NUMBER_BOUNDS: Final = {
    "min_follow_up_days": (0, MOST_DAYS),
    "sustain_days": (0, MOST_DAYS),
    "window_days": (0, MOST_DAYS),
    "progression_min_studies": (1, MOST_STUDIES),
}
_CODES: Final[Mapping[str, type[StrEnum]]] = {
    "plateau": Plateau,
    "therapy_counts": TherapyCounts,
    "reference": Reference,
    "quantity": Quantity,
}
_SWITCHES: Final = frozenset({"growth_inclusive", "decline_inclusive", "confirm_growth"})
_TEXTS: Final = frozenset({"name", "source", "certainty"})


def load_criteria(name_or_file: str) -> Criteria:
    """Load criteria by the name of a shipped profile, or from a TOML file.

    Parameters
    ----------
    name_or_file
        One of `SHIPPED_CRITERIA`, or the path of a TOML file with keys of `Criteria`.

    Raises
    ------
    InputError
        There is no such profile or file, or a key or value of it is not as it must be.
    """
    if name_or_file in SHIPPED_CRITERIA:
        return load_shipped_criteria()[name_or_file]
    path = Path(name_or_file)
    try:
        text = read_document(path)
    except (FileNotFoundError, IsADirectoryError):
        *names, last = SHIPPED_CRITERIA
        raise InputError(
            f"There are no criteria “{name_or_file}”: give {', '.join(names)} or {last}, or the "
            "path of a TOML file."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"The criteria {path} cannot be read: give a TOML file.") from error
    return _build_criteria(path.name, text, path.stem)


@cache
def load_shipped_criteria() -> Mapping[str, Criteria]:
    """Load all shipped profiles, by name."""
    folder = files("opp_mri.response") / "criteria"
    return {
        name: _build_criteria(name, (folder / f"{name}.toml").read_text(encoding="utf-8"), name)
        for name in SHIPPED_CRITERIA
    }


def build_criteria_json(criteria: Criteria) -> dict[str, object]:
    """Return every parameter of criteria as JSON has it."""
    return {
        attribute.name: _convert_to_plain(getattr(criteria, attribute.name))
        for attribute in fields(Criteria)
    }


def _convert_to_plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_convert_to_plain(item) for item in value]
    if isinstance(value, Persistence | Threshold):
        return {
            attribute.name: _convert_to_plain(getattr(value, attribute.name))
            for attribute in fields(type(value))
        }
    return value


def format_criteria_toml(criteria: Criteria) -> str:
    """Write criteria as TOML that `load_criteria` reads again, every parameter named."""
    lines = list(_write_toml_lines(criteria))
    if criteria.persistence is not None:
        lines += ["", "[persistence]", *_write_toml_lines(criteria.persistence)]
    for threshold in criteria.thresholds:
        lines += ["", "[[thresholds]]", *_write_toml_lines(threshold)]
    return "\n".join(lines) + "\n"


def _write_toml_lines(record: Criteria | Persistence | Threshold) -> Iterator[str]:
    for attribute in fields(type(record)):
        value = getattr(record, attribute.name)
        if value is None or value == "" or attribute.name in ("persistence", "thresholds"):
            continue
        yield f"{attribute.name} = {_write_toml_value(value)}"


def _write_toml_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_write_toml_value, value))}]"
    if isinstance(value, str):  # and an enumeration of strings
        return json.dumps(str(value), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _build_criteria(file: str, text: str, name: str) -> Criteria:
    try:
        document = parse_toml(text, decimals=True)
    except ValueError as error:
        raise InputError(f"{file} is not TOML: {error}. Correct it there.") from error
    known_keys = [attribute.name for attribute in fields(Criteria)]
    faults = [
        f"{key}: this key is unknown; known are {', '.join(known_keys)}"
        for key in document
        if key not in known_keys
    ]
    faults += [
        f"{key}: {fault}"
        for key in known_keys
        if key in document and (fault := _find_fault(key, document[key]))
    ]
    if not faults:
        try:
            return Criteria(**{"name": name} | _convert_values(document))
        except (TypeError, ValueError) as error:
            faults = [str(error)]
    raise InputError(
        f"{file} was not used. Correct these keys:\n" + "\n".join(f"  {fault}" for fault in faults)
    )


def _convert_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    converted_fields = dict(fields)
    if "persistence" in fields:
        converted_fields["persistence"] = Persistence(**fields["persistence"])
    if "thresholds" in fields:
        converted_fields["thresholds"] = [Threshold(**table) for table in fields["thresholds"]]
    return converted_fields


def _find_fault(key: str, value: object) -> str | None:
    """Explain why a value cannot be that of this key, or None where it can."""
    if key in _TEXTS:
        has_text = isinstance(value, str) and value.strip()
        return None if has_text else "give a text in quotation marks"
    if key in _SWITCHES:
        return None if isinstance(value, bool) else "give true or false, without quotation marks"
    if key in _CODES:
        codes = list(_CODES[key])
        return None if value in codes else "give " + " or ".join(f'"{code}"' for code in codes)
    if key == "change_mm":
        return _find_length_fault(value)
    if key == "change_percent":
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        fits = number and 0 <= Decimal(str(value)) <= LARGEST_PERCENT
        return None if fits else f"give a number of per cent from 0 to {LARGEST_PERCENT}"
    if key == "persistence":
        return _find_table_fault(Persistence, value)
    if key == "thresholds":
        tables = value if isinstance(value, list) else [None]
        return next(filter(None, (_find_table_fault(Threshold, table) for table in tables)), None)
    least, most = _WHOLE_NUMBER_BOUNDS[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        return f"give a whole number from {least} to {most}"
    return None


def _find_table_fault(kind: type[Persistence] | type[Threshold], value: object) -> str | None:
    known_keys = [attribute.name for attribute in fields(kind)]
    if not isinstance(value, dict):
        return f"give a table with some of {', '.join(known_keys)}"
    if unknown := [name for name in value if name not in known_keys]:
        return f"{unknown[0]} is unknown; known are {', '.join(known_keys)}"
    try:
        kind(**value)
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def _find_length_fault(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "give a length in mm, such as 2.0, without quotation marks"
    if isinstance(value, Decimal) and not value.is_finite():
        return "give a length in mm, such as 2.0"
    if not 0 < value <= LARGEST_CHANGE_MM:
        return f"give a length of more than 0 and at most {LARGEST_CHANGE_MM} mm"
    return None
