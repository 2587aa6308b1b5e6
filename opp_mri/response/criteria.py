"""Response criteria: shipped as TOML, or read from a file of one's own.

A key that a file leaves out has the value of `amini-2016`.
"""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from attrs import asdict, fields

from opp_mri.domain.assessment import Criteria, Plateau
from opp_mri.errors import InputError

DEFAULT_CRITERIA: Final = "amini-2016"
SHIPPED_CRITERIA: Final = (DEFAULT_CRITERIA, "plateau-variant")

LARGEST_CHANGE_MM: Final = 100
MOST_DAYS: Final = 36525  # a hundred years
MOST_STUDIES: Final = 1000
_WHOLE_NUMBER_BOUNDS: Final = {
    "min_follow_up_days": (0, MOST_DAYS),
    "sustain_days": (0, MOST_DAYS),
    "window_days": (0, MOST_DAYS),
    "progression_min_studies": (1, MOST_STUDIES),
}


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
        shipped = files("opp_mri.response") / "criteria" / f"{name_or_file}.toml"
        return _criteria(name_or_file, shipped.read_text(encoding="utf-8"), name_or_file)
    path = Path(name_or_file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(
            f"There are no criteria “{name_or_file}”: give {' or '.join(SHIPPED_CRITERIA)}, "
            "or the path of a TOML file."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The criteria {path} cannot be read: give a TOML file.") from error
    return _criteria(path.name, text, path.stem)


def criteria_toml(criteria: Criteria) -> str:
    """Write criteria as TOML that `load_criteria` reads again, every parameter named."""
    lines = []
    for name, value in asdict(criteria).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        quoted = isinstance(value, str)  # and an enumeration of strings
        if value != "":
            lines.append(f"{name} = {json.dumps(text, ensure_ascii=False) if quoted else text}")
    return "\n".join(lines) + "\n"


def _criteria(file: str, text: str, name: str) -> Criteria:
    try:
        given = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}. Mend it there.") from error
    known = [attribute.name for attribute in fields(Criteria)]
    faults = [
        f"{key}: this key is unknown; known are {', '.join(known)}"
        for key in given
        if key not in known
    ]
    faults += [
        f"{key}: {fault}" for key in known if key in given and (fault := _fault(key, given[key]))
    ]
    if faults:
        raise InputError(
            f"{file} was not used. Mend these keys:\n" + "\n".join(f"  {one}" for one in faults)
        )
    return Criteria(**{"name": name} | _converted(given))


def _converted(given: Mapping[str, Any]) -> dict[str, Any]:
    converters = {"change_mm": Decimal, "plateau": Plateau}
    return {key: converters.get(key, type(value))(value) for key, value in given.items()}


def _fault(key: str, value: object) -> str | None:
    """Say why a value cannot be that of this key, or None where it can."""
    if key in ("name", "source"):
        given = isinstance(value, str) and value.strip()
        return None if given else "give a text in quotation marks"
    if key in ("growth_inclusive", "decline_inclusive"):
        return None if isinstance(value, bool) else "give true or false, without quotation marks"
    if key == "plateau":
        return None if value in list(Plateau) else 'give "PD" or "OPP"'
    if key == "change_mm":
        return _length_fault(value)
    least, most = _WHOLE_NUMBER_BOUNDS[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        return f"give a whole number from {least} to {most}"
    return None


def _length_fault(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "give a length in mm, such as 2.0, without quotation marks"
    if isinstance(value, Decimal) and not value.is_finite():
        return "give a length in mm, such as 2.0"
    if not 0 < value <= LARGEST_CHANGE_MM:
        return f"give a length of more than 0 and at most {LARGEST_CHANGE_MM} mm"
    return None
