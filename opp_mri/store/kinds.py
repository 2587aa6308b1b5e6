"""The kinds of records that a store appends, each declared once."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.exchange import ExportedReport
from opp_mri.domain.measurement import (
    ApAxis,
    CommonPoint,
    Lesion,
    LevelConfirmation,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import (
    Blinding,
    IssuedPackage,
    MergedPackage,
    ReadingProtocol,
    Resolution,
    Unblinding,
)
from opp_mri.domain.visit import Visit


class OverriddenRole(StrEnum):
    """Roles that are not the role of a sequence."""

    NONE = "none"
    BY_HEADER = "header"  # the override is taken back


@frozen(kw_only=True)
class RoleOverride:
    """The role that a reader gives to a volume.

    Parameters
    ----------
    role
        A sequence, or one of `OverriddenRole`.
    """

    volume_id: str
    role: str


@frozen(kw_only=True)
class SamePatient:
    """A PatientID that names the same patient as another one."""

    patient_id: str
    same_as: str


@frozen(kw_only=True)
class StoreUpgrade:
    """A store that had no chain was given one: earlier records were not protected by it.

    Parameters
    ----------
    from_version
        Version of the tables from which the records were taken over.
    records
        Number of records that were taken over.
    """

    from_version: str
    records: int
    recorded_at: datetime


@frozen(kw_only=True)
class Kind:
    """Where a kind of record keeps what the database looks for: names of its fields, or "".

    Parameters
    ----------
    key
        Unique within the kind: a record with the same key is the same record.
    subject
        What the record is about.
    reader
        Who states it.
    """

    key: str = ""
    subject: str = ""
    reader: str = ""


KINDS: Final[dict[type[Any], Kind]] = {
    RoleOverride: Kind(subject="volume_id"),
    SamePatient: Kind(subject="patient_id"),
    Lesion: Kind(subject="lesion_id"),
    Reading: Kind(key="reading_id", subject="lesion_id", reader="reader"),
    VolumeReading: Kind(key="reading_id", subject="lesion_id", reader="reader"),
    Signature: Kind(key="signature_id", subject="lesion_id", reader="reader"),
    Alignment: Kind(key="fit_id", subject="lesion_id"),
    AlignmentDecision: Kind(subject="fit_id", reader="reader"),
    ApAxis: Kind(subject="lesion_id", reader="reader"),
    CommonPoint: Kind(subject="patient_id", reader="reader"),
    LevelConfirmation: Kind(subject="lesion_id", reader="reader"),
    ReadingProtocol: Kind(),
    Blinding: Kind(subject="reader"),
    IssuedPackage: Kind(key="package_id", subject="reader"),
    MergedPackage: Kind(subject="reader"),
    Resolution: Kind(key="resolution_id", subject="lesion_id"),
    Unblinding: Kind(reader="signed_by"),
    Visit: Kind(subject="lesion_id", reader="recorded_by"),
    ExportedReport: Kind(subject="report_key"),
    StoreUpgrade: Kind(),
}


def get_field_text(record: Any, name: str) -> str:
    """Return the text of a field that a kind names; "" where it names none or it is empty."""
    return str(getattr(record, name) or "") if name else ""
