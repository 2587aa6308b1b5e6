"""The text to dictate of a lesion, by a template that a project may replace."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from attrs import asdict, frozen
from jinja2 import PackageLoader

from opp_mri.cohort.report.own_template import FillError, fill, make_environment
from opp_mri.errors import InputError
from opp_mri.files import read_document

SHIPPED: Final = "dictation.txt.j2"
HOW: Final = (
    "`opp-mri dictate --show-template` prints the shipped one to start from; without "
    "`dictation_template` in opp_mri.toml that one is used."
)


@frozen(kw_only=True)
class DictatedVisit:
    """One visit on one sequence.

    Parameters
    ----------
    date, days, weeks
        Of the study; days and weeks from the completion of radiosurgery.
    mm
        The recorded length as text without its unit; "" where there is none.
    size
        The length with its unit, or what was answered in its place; after it the volume, where
        there is one.
    cc
        The volume within the contours as text without its unit; "" where there is none.
    draft
        True where no signature covers it.
    """

    date: date
    days: int
    weeks: float
    mm: str
    size: str
    cc: str = ""
    draft: bool = False


@frozen(kw_only=True)
class DictatedSequence:
    """All visits of one sequence that were read, in the order of time."""

    name: str
    visits: Sequence[DictatedVisit]

    @property
    def has_lengths(self) -> bool:
        """Whether a visit has an answer about the length, not the volume alone."""
        return any(not visit.size.startswith("volume ") for visit in self.visits)


@frozen(kw_only=True)
class Dictation:
    """What a template may name; each field is a name in it.

    Parameters
    ----------
    ssrs_date
        Last day of radiosurgery.
    answer
        The category with its criteria, or why there is none yet.
    category, rule, criteria, mode
        Its parts: abbreviation, sentence of the rule, name of the criteria, retrospective or
        prospective; "" where there is no category.
    cautions
        A sentence each.
    fragile, discordant
        Whether the call is fragile, and whether the sequences disagree.
    drafts
        How many of the answers no signature covers.
    """

    lesion_id: str
    patient_id: str
    level: str
    ssrs_date: date
    reader: str
    sequences: Sequence[DictatedSequence]
    answer: str
    category: str = ""
    rule: str = ""
    criteria: str = ""
    mode: str = ""
    cautions: Sequence[str] = ()
    fragile: bool = False
    discordant: bool = False
    drafts: int = 0


def read_shipped_template() -> str:
    """Return the text of the template that is used where a project names no other."""
    environment = make_environment()
    source, _, _ = PackageLoader("opp_mri.cohort").get_source(environment, SHIPPED)
    return source


def dictate(facts: Dictation, template: Path | None = None) -> str:
    """Write the text to dictate.

    Parameters
    ----------
    template
        A jinja2 template in UTF-8; None for the shipped one.

    Returns
    -------
    str
        Without a line break at its end.

    Raises
    ------
    InputError
        The template cannot be read, something in it is wrong, or filling it takes too long or too
        much memory; the text says what.
    """
    values = asdict(facts, recurse=False)
    if template is None:
        return make_environment().from_string(read_shipped_template()).render(**values).strip()
    try:
        return fill(_read(template), values)
    except FillError as error:
        raise InputError(f"The template {template} {error} {HOW}") from error


def _read(template: Path) -> str:
    try:
        return read_document(template)
    except UnicodeDecodeError as error:
        raise InputError(f"The template {template} cannot be read (not UTF-8). {HOW}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"The template {template} cannot be read ({reason}). {HOW}") from error
