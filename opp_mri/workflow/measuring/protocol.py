"""The reading protocol of a project: read from TOML, shown, and frozen once reading has begun."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import attrs

from opp_mri.domain.documents import parse_toml
from opp_mri.domain.reader_study import (
    CONSENSUS,
    CaseOrder,
    IssuedPackage,
    ReadingProtocol,
    ResolvedBy,
    ShownDates,
    Unblinding,
)
from opp_mri.errors import InputError, ProjectError
from opp_mri.files import read_document
from opp_mri.store.protocol import Store
from opp_mri.units import format_mm

EXAMPLE: Final = """\
# Who reads, how blind, and how two reads become one. Show it to the readers before they begin:
# it is frozen once the first package is made.

name = "two readers"
readers = ["reader-1", "reader-2"]   # they read independently

order = "shuffled"   # "locked-sequential": a time point opens once the last is signed; or "free"
dates = "offsets"           # days from the first study; or "hidden": neither days nor order
hide_dose = true            # dose and fractions
hide_outcome = true         # events, findings, death; age, sex and histology never pass
proposals = false           # true: the room proposes lines to both readers

repeats_share = 0.1         # of the cases come back to each reader unannounced, ...
washout_days = 14           # ... so long after the first package came back

length_limit_mm = 2.0       # lengths, and ends, further apart are discordant
angle_limit_deg = 10.0      # so are lines at a larger angle

resolution = "consensus"    # of the two readers; or "adjudicator", who selects one of both answers
adjudicator = ""            # who, where one resolves
"""


def load_current_protocol(store: Store) -> ReadingProtocol | None:
    """Give the protocol that holds, or None."""
    protocols = store.log_of(ReadingProtocol)
    return protocols[-1] if protocols else None


def require_protocol(store: Store) -> ReadingProtocol:
    """Return the protocol that holds.

    Raises
    ------
    ProjectError
        There is none.
    """
    protocol = load_current_protocol(store)
    if protocol is None:
        raise ProjectError(
            "This project has no reading protocol: write one (`opp-mri protocol --example` shows "
            "how) and declare it with `opp-mri protocol FILE`."
        )
    return protocol


def declare_protocol(store: Store, path: Path) -> ReadingProtocol:
    """Read a protocol and make it the one that holds.

    Raises
    ------
    InputError
        The file is not as it must be; the text says where.
    ProjectError
        Reading has begun under another one.
    """
    protocol = read_protocol(path)
    with store.lock():
        if protocol == load_current_protocol(store):
            return protocol
        if find_freeze_time(store):
            raise ProjectError(
                "Reading has begun, so the protocol is frozen: make a new project for another one."
            )
        store.add_to_log([protocol])
    return protocol


def find_freeze_time(store: Store) -> datetime | None:
    """Return when the first package was made, which freezes the protocol; None before that."""
    packages = store.log_of(IssuedPackage)
    return packages[0].recorded_at if packages else None


def is_unblinded(store: Store) -> bool:
    """Return whether the blinding was lifted."""
    return bool(store.log_of(Unblinding))


def unblind(store: Store, *, signed_by: str, reason: str, at: datetime) -> Unblinding:
    """Lift the blinding; a signed event in the log, after which no package is taken back.

    Parameters
    ----------
    signed_by
        Name of the one who lifts it.
    reason
        Why.
    at
        When, with a time zone.

    Raises
    ------
    ProjectError
        There is no protocol, or it is lifted already.
    InputError
        No name or no reason is given.
    """
    require_protocol(store)
    if not signed_by.strip() or not reason.strip():
        raise InputError("Say who lifts the blinding, and why.")
    event = Unblinding(
        signed_by=signed_by.strip(),
        reason=reason.strip(),
        statement="I lift the blinding of this study; no independent read is added after this.",
        recorded_at=at,
    )
    with store.lock():
        if is_unblinded(store):
            raise ProjectError("The blinding is lifted already; nothing was recorded.")
        store.add_to_log([event])
    return event


def read_protocol(path: Path) -> ReadingProtocol:
    """Read a protocol from TOML.

    Raises
    ------
    InputError
        It cannot be read, or says something that cannot be; the text says what.
    """
    try:
        document = parse_toml(read_document(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as TOML ({error}): correct it.") from error
    field_names = [field.name for field in attrs.fields(ReadingProtocol)]
    if unknown := [name for name in document if name not in field_names]:
        raise InputError(
            f"{path} has an unknown setting “{unknown[0]}”: remove it; known are "
            f"{', '.join(field_names)}."
        )
    values: dict[str, Any] = {}
    for name, value in document.items():
        try:
            values[name] = _READ[name](value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: “{name}” {error}.") from error
    for name in ("name", "readers"):
        if name not in values:
            raise InputError(f"{path} lacks “{name}”: add it.")
    protocol = ReadingProtocol(**values)
    _check_together(path, protocol)
    return protocol


def describe_protocol(protocol: ReadingProtocol, *, is_unnamed: bool = False) -> list[str]:
    """Describe a protocol in words, for those who are to read by it.

    Parameters
    ----------
    is_unnamed
        Without the names of readers and adjudicator, as a reader's package shows it.
    """
    order = {
        CaseOrder.SHUFFLED: "Cases come in an order of each reader's own.",
        CaseOrder.LOCKED_SEQUENTIAL: "Cases come in an order of each reader's own; within a case a "
        "time point opens once the one before is signed.",
        CaseOrder.FREE: "Cases come in the same order for both readers, and any may be read first.",
    }[protocol.order]
    dates = {
        ShownDates.OFFSETS: "Dates are shown as days from the first study.",
        ShownDates.HIDDEN: "Neither dates nor the order of time points are shown.",
    }[protocol.dates]
    hidden = ["other readers", "prior lengths", "age, sex and histology"]
    hidden += ["dose and fractions"] if protocol.hide_dose else []
    hidden += ["events and outcome"] if protocol.hide_outcome else []
    proposal_line = (
        "Lines are proposed to both readers; only what a reader accepts or edits is an answer."
        if protocol.proposals
        else "No lines are proposed."
    )
    readers = "Two readers" if is_unnamed else f"{protocol.readers[0]} and {protocol.readers[1]}"
    sentences = [
        f"{readers} read independently, each from a package of their own.",
        order,
        dates,
        f"Hidden: {', '.join(hidden)}.",
        proposal_line,
    ]
    if protocol.repeats_share:
        sentences.append(
            f"{protocol.repeats_share:.0%} of the cases come back unannounced, at least "
            f"{protocol.washout_days} days later."
        )
    return [
        *sentences,
        f"Lengths or ends more than {format_mm(protocol.length_limit_mm)} apart, lines at more "
        f"than {protocol.angle_limit_deg:g}°, other images or other answers are discordant, and "
        f"are {_describe_resolution(protocol, is_unnamed=is_unnamed)}.",
    ]


def _describe_resolution(protocol: ReadingProtocol, *, is_unnamed: bool) -> str:
    if protocol.resolution is ResolvedBy.CONSENSUS:
        return "resolved by the two readers together, and signed by both"
    if is_unnamed:
        return "settled by an adjudicator, who selects one of the two"
    return f"settled by the adjudicator, {protocol.adjudicator}, who selects one of the two"


def _check_together(path: Path, protocol: ReadingProtocol) -> None:
    has_adjudicator = protocol.resolution is ResolvedBy.ADJUDICATOR
    if has_adjudicator is not bool(protocol.adjudicator):
        raise InputError(
            f"{path}: name an adjudicator where, and only where, resolution is “adjudicator”."
        )
    if protocol.adjudicator in protocol.readers:
        raise InputError(f"{path}: the adjudicator must be a third person, not a reader.")
    if protocol.order is CaseOrder.LOCKED_SEQUENTIAL and protocol.dates is ShownDates.HIDDEN:
        raise InputError(
            f"{path}: a locked sequence shows the order of time points, so dates cannot be hidden: "
            "choose offsets, or another order."
        )


def _convert_to_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value.strip()


def _name(value: object) -> str:
    if not _convert_to_text(value):
        raise ValueError("must not be empty")
    return _convert_to_text(value)


def _convert_to_readers(value: object) -> tuple[str, str]:
    names = [_name(name) for name in value] if isinstance(value, list) else []
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError("must name two readers, such as [“first”, “second”]")
    return _convert_to_person(names[0]), _convert_to_person(names[1])


def _convert_to_person(value: object) -> str:
    if _convert_to_text(value) == CONSENSUS:
        raise ValueError(f"cannot name anybody “{CONSENSUS}”, which denotes the resolved read")
    return _convert_to_text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be true or false")
    return value


def _number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError("must be a number")
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return float(value)

    return read


def _build_int_converter(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError("must be a whole number")
        return int(_number(low, high)(value))

    return read


def _build_member_converter(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def read(value: object) -> StrEnum:
        if value not in list(kind):
            raise ValueError(f"must be one of {', '.join(kind)}")
        return kind(str(value))

    return read


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _name,
    "readers": _convert_to_readers,
    "order": _build_member_converter(CaseOrder),
    "repeats_share": _number(0, 0.5),
    "washout_days": _build_int_converter(0, 3650),
    "dates": _build_member_converter(ShownDates),
    "hide_dose": _flag,
    "hide_outcome": _flag,
    "proposals": _flag,
    "length_limit_mm": lambda value: Decimal(str(_number(0, 100)(value))),
    "angle_limit_deg": _number(0, 90),
    "resolution": _build_member_converter(ResolvedBy),
    "adjudicator": _convert_to_person,
}
