"""How a study is read: its protocol, blinded packages, resolutions and unblinding."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.exchange import ExportedReport
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import ApAxis, CommonPoint, LevelConfirmation
from opp_mri.domain.visit import Visit

CONSENSUS: Final = "consensus"
"""The reader under whose name resolved answers are kept; nobody may read as such."""


class CaseOrder(StrEnum):
    """In which order a reader sees cases and their time points."""

    SHUFFLED = "shuffled"  # cases in an order of each reader's own, all time points open
    LOCKED_SEQUENTIAL = "locked-sequential"  # and each time point opens once the last is signed
    FREE = "free"  # cases in the same order for all


class ShownDates(StrEnum):
    """What a blinded reader learns of dates."""

    OFFSETS = "offsets"  # days from the first study, in order
    HIDDEN = "hidden"  # neither days nor order


class ResolvedBy(StrEnum):
    """Who settles a discordance."""

    CONSENSUS = "consensus"  # the two readers together
    ADJUDICATOR = "adjudicator"  # a third, who selects one of the two answers


@frozen(kw_only=True)
class ReadingProtocol:
    """Who reads what, how blind, and how two reads become one.

    Parameters
    ----------
    readers
        The two who read independently.
    repeats_share
        Share of the cases that come back to each reader, unannounced.
    washout_days
        Days that have to pass between a reader's first package and the one with the repeats.
    dates, hide_dose, hide_outcome
        What a package says of dates; whether it leaves dose and fractions out, and events.
    length_limit_mm, angle_limit_deg
        Beyond these two answers are discordant.
    adjudicator
        Who selects, where an adjudicator resolves; "" otherwise.
    proposals
        Whether both readers are shown proposed lines; neither is by default.
    """

    name: str
    readers: tuple[str, str]
    order: CaseOrder = CaseOrder.SHUFFLED
    repeats_share: float = 0.1
    washout_days: int = 14
    dates: ShownDates = ShownDates.OFFSETS
    hide_dose: bool = True
    hide_outcome: bool = True
    length_limit_mm: Decimal = Decimal("2.0")
    angle_limit_deg: float = 10.0
    resolution: ResolvedBy = ResolvedBy.CONSENSUS
    adjudicator: str = ""
    proposals: bool = False

    @property
    def resolvers(self) -> tuple[str, ...]:
        """Who has to sign what was resolved."""
        if self.resolution is ResolvedBy.ADJUDICATOR:
            return (self.adjudicator,)
        return self.readers


@frozen(kw_only=True)
class Blinding:
    """What a reader's package knows of itself; nothing of other readers.

    Parameters
    ----------
    reader
        Whose package it is.
    order, dates
        As the protocol has them.
    rules
        The protocol in sentences, without a name: shown to the reader before the first answer.
    proposals
        Whether proposed lines are shown, as the protocol has it for both readers.
    """

    package_id: str
    reader: str
    order: CaseOrder
    dates: ShownDates
    rules: tuple[str, ...] = ()
    proposals: bool = False
    recorded_at: datetime


@frozen(kw_only=True)
class PackageCase:
    """A patient as a package shows one.

    Parameters
    ----------
    code
        Name of the case in the package, in place of the PatientID.
    repeat
        True where the reader has read the patient before, under another code.
    lesions
        Name in the package and name in the project, of each lesion.
    days
        Date in the package and date of the study, of each time point.
    dates
        Date in the package and real date, of treatment and events.
    trims
        SeriesInstanceUID in the project, and the columns at the left and rows at the top that the
        package's images lack; series that lack none are left out.
    """

    code: str
    patient_id: str
    repeat: bool = False
    lesions: tuple[tuple[str, str], ...]
    days: tuple[tuple[date, date], ...]
    dates: tuple[tuple[date, date], ...] = ()
    trims: tuple[tuple[str, int, int], ...] = ()


@frozen(kw_only=True)
class IssuedPackage:
    """A package that was made for a reader; stays with the project.

    Parameters
    ----------
    wave
        1, or 2 for the package with the repeats.
    secret
        What its UIDs were made with, as hexadecimal digits.
    seal_key
        Private key that sealed the package when it was made; "" for a package of version 0.1.
    return_key
        Public key of the seal with which it comes back.
    """

    package_id: str
    reader: str
    wave: int
    secret: str = field(repr=False)
    seal_key: str = field(default="", repr=False)
    return_key: str = ""
    cases: tuple[PackageCase, ...]
    recorded_at: datetime


@frozen(kw_only=True)
class MergedPackage:
    """A package whose signed answers came back.

    Parameters
    ----------
    reading_ids
        Answers that were new.
    head
        Hash of the package's last record; "" where opp_mri did not keep it yet.
    sealed
        Whether its reader had sealed it.
    """

    package_id: str
    reader: str
    reading_ids: tuple[str, ...]
    head: str = ""
    sealed: bool = False
    recorded_at: datetime


class ResolutionKind(StrEnum):
    """How two answers became one."""

    CONCORDANT = "concordant"  # they agree within the limits; the mean of both
    KEEP_A = "A"
    KEEP_B = "B"
    MEAN = "mean"  # of the ends, on one image
    NEW = "new"  # another caliper, or another answer


@frozen(kw_only=True)
class Resolution:
    """How the two answers to a cell became one; both stay as they are.

    Parameters
    ----------
    reading_id
        The answer that came of it, a reading of its own.
    of_reading_ids
        The two answers, A and B.
    resolved_by
        Those who did, and have to sign.
    """

    resolution_id: str
    lesion_id: str
    study_date: date
    sequence: SeriesRole
    kind: ResolutionKind
    reading_id: str
    of_reading_ids: tuple[str, str]
    resolved_by: tuple[str, ...]
    reason: str = ""
    recorded_at: datetime


@frozen(kw_only=True)
class Unblinding:
    """The signed end of blinded reading.

    Parameters
    ----------
    signed_by
        Who lifted it.
    statement
        The sentence that was signed.
    """

    signed_by: str
    reason: str
    statement: str
    recorded_at: datetime


StudyRecord = (
    ReadingProtocol
    | Blinding
    | IssuedPackage
    | MergedPackage
    | Resolution
    | Unblinding
    | ApAxis
    | CommonPoint
    | LevelConfirmation
    | VolumeReading
    | Visit
    | ExportedReport
)  # fmt: skip
