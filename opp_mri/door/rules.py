"""Modes and criteria as a user of Python writes them."""

from pathlib import Path
from typing import Final

from opp_mri.domain.assessment import Criteria, Mode, Rules
from opp_mri.errors import InputError
from opp_mri.response.criteria import DEFAULT_CRITERIA, load_criteria

RETROSPECTIVE: Final = "retrospective"


def choose_rules(
    mode: str, criteria: str | Path | Criteria | None, default: str = DEFAULT_CRITERIA
) -> Rules:
    """Return the rules for a mode and criteria.

    Raises
    ------
    InputError
        There is no such mode, or no such criteria.
    """
    try:
        known_mode = Mode(mode)
    except ValueError:
        modes = " or ".join(repr(member.value) for member in Mode)
        raise InputError(f"There is no mode {mode!r}: write {modes}.") from None
    if not isinstance(criteria, Criteria):
        criteria = load_criteria(str(criteria or default))
    return Rules(criteria=criteria, mode=known_mode)
