"""What goes into a report: frozen records, from which the same bytes are made every time.

The identity of a report is its content: `content_hash` is made of all that the report states, and
the UIDs are made of it, so the same content never becomes a second report.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from attrs import asdict, field, frozen
from pydicom.uid import ComprehensiveSRStorage

from opp_mri.dicom.objects.modules import derive_uid
from opp_mri.dicom.sr.concepts import LengthCode
from opp_mri.domain.assessment import Caution, Mode, Reason, ResponseCategory
from opp_mri.domain.exchange import DocumentReference
from opp_mri.domain.imaging import SeriesRole, SourceFile
from opp_mri.domain.measurement import Answer, LengthSource, PixelPoint
from opp_mri.domain.timeline import Origin

REPORT_VERSION: Final = 1  # raise it where the same content is written otherwise


def derive_tracking_uid(lesion_uid: str, sequence: SeriesRole) -> str:
    """Return the Tracking Unique Identifier of a lesion on a sequence, constant over time.

    Parameters
    ----------
    lesion_uid
        The tracking UID that the project gave the lesion; it is random and reveals no identity.
    """
    return derive_uid("lesion and sequence", lesion_uid, sequence.value)


def derive_volume_tracking_uid(lesion_uid: str, sequence: SeriesRole) -> str:
    """Return the UID of a lesion's volume on a sequence: another one than that of its length.

    Viewers merge the groups of a report that share one (parameters as `derive_tracking_uid`).
    """
    return derive_uid("lesion, sequence and volume", lesion_uid, sequence.value)


@frozen(kw_only=True)
class ReportedImage:
    """An image that a report refers to.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        As its file has them.
    frame_number
        From 1; None where the image has no frames.
    source
        Its file, from which the modules of patient and study are copied; not part of the content.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None
    source: SourceFile = field(eq=False, repr=False)


@frozen(kw_only=True)
class ReportedAnswer:
    """One answer of a reader about one lesion: a measurement group of a report.

    Parameters
    ----------
    lesion_uid
        The tracking UID that the project gave the lesion.
    level
        Vertebra.
    days_from_ssrs
        Whole days from completion of radiosurgery.
    ends
        Both ends of the caliper, (column, row) from the centre of the first pixel, or None.
    images
        The image of the caliper; without a caliper, images that the answer comes from.
    origin
        Whether the line was drawn, or comes from a proposal.
    recorded_at
        When the answer was recorded.
    """

    lesion_id: str
    lesion_uid: str
    level: str
    sequence: SeriesRole
    study_date: date
    days_from_ssrs: int
    answer: Answer
    length_mm: Decimal | None
    length_source: LengthSource | None
    ends: tuple[PixelPoint, PixelPoint] | None
    images: tuple[ReportedImage, ...]
    reason: str = ""
    remarks: tuple[str, ...] = ()
    amendment_reason: str = ""
    origin: Origin = Origin.DRAWN
    recorded_at: datetime


@frozen(kw_only=True)
class ReportedVolume:
    """The volume within one reader's contours of one lesion: a measurement group of a report.

    Parameters
    ----------
    lesion_uid
        The tracking UID that the project gave the lesion.
    level
        Vertebra.
    days_from_ssrs
        Whole days from completion of radiosurgery.
    standard_error_cc
        To 0.01 cc; None where there are too few contours for one.
    contours
        Number of contours.
    images
        The images with contours.
    recorded_at
        When the contours were recorded.
    """

    lesion_id: str
    lesion_uid: str
    level: str
    sequence: SeriesRole
    study_date: date
    days_from_ssrs: int
    volume_cc: Decimal
    standard_error_cc: Decimal | None
    contours: int
    images: tuple[ReportedImage, ...]
    amendment_reason: str = ""
    recorded_at: datetime


@frozen(kw_only=True)
class Verifier:
    """Who verified a report, and when."""

    name: str
    verified_at: datetime


@frozen(kw_only=True)
class MeasurementReport:
    """The answers of one reader on one series of one study.

    Parameters
    ----------
    observers
        The reader; of a consensus, those who signed it.
    verifiers
        Those who signed a consensus; none for an independent read, which is unverified.
    length_code
        How the concept of a length is coded.
    answers, volumes
        In the order of lesions and sequences; at least one of either.
    """

    study_instance_uid: str
    image_series_instance_uid: str
    reader: str
    observers: tuple[str, ...]
    verifiers: tuple[Verifier, ...] = ()
    length_code: LengthCode
    answers: tuple[ReportedAnswer, ...]
    volumes: tuple[ReportedVolume, ...] = ()

    @property
    def study_date(self) -> date:
        """Date of the study."""
        return self.answers[0].study_date if self.answers else self.volumes[0].study_date

    @property
    def key(self) -> str:
        """What the report is about: later content of the same key amends the report."""
        parts = (
            self.study_instance_uid, self.image_series_instance_uid, self.reader,
            self.length_code.value,
        )  # fmt: skip
        return json.dumps(["measurements", *parts], ensure_ascii=False)

    @property
    def images(self) -> tuple[ReportedImage, ...]:
        """Images that the report refers to, each once."""
        images = [image for answer in self.answers for image in answer.images]
        images += [image for volume in self.volumes for image in volume.images]
        return tuple(dict.fromkeys(images))

    @property
    def written_at(self) -> datetime:
        """When the latest part of the content was recorded."""
        times = [answer.recorded_at for answer in self.answers]
        times += [volume.recorded_at for volume in self.volumes]
        return max([*times, *(verifier.verified_at for verifier in self.verifiers)])

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, in hexadecimal digits."""
        return _hash_of(self)


@frozen(kw_only=True)
class ResponseReport:
    """The response of one lesion, as assessed from the readings of one reader.

    Parameters
    ----------
    study_instance_uid
        The latest study that counts: the report belongs to it.
    images
        The images of that study on which the lesion was measured; at least one.
    sentences
        What a reader should know, in words.
    last_day
        Days from completion of radiosurgery of the latest study.
    recorded_at
        When the latest reading was recorded that the assessment rests on.
    """

    study_instance_uid: str
    reader: str
    lesion_id: str
    lesion_uid: str
    level: str
    category: ResponseCategory
    rule: Reason
    deciding_sequence: SeriesRole | None
    discordant: bool
    mode: Mode
    criteria: str
    cautions: tuple[Caution, ...]
    sentences: tuple[str, ...]
    study_date: date
    last_day: int
    images: tuple[ReportedImage, ...]
    recorded_at: datetime

    @property
    def key(self) -> str:
        """What the report is about: later content of the same key amends the report."""
        parts = (self.lesion_uid, self.reader, self.mode.value, self.criteria)
        return json.dumps(["response", *parts], ensure_ascii=False)

    @property
    def written_at(self) -> datetime:
        """When the latest part of the content was recorded."""
        return self.recorded_at

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, in hexadecimal digits."""
        return _hash_of(self)


def _hash_of(report: MeasurementReport | ResponseReport) -> str:
    content: Any = asdict(report, filter=_is_content)
    text = json.dumps([REPORT_VERSION, content], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_content(attribute: Any, value: Any) -> bool:
    # a drawn line makes the same report as before there were proposals, and lengths without
    # volumes the same as before there were volumes
    if attribute.name == "volumes" and not value:
        return False
    return attribute.name != "source" and value is not Origin.DRAWN


@frozen(kw_only=True)
class Identity:
    """The UIDs of a report, and the reports that it follows.

    Parameters
    ----------
    predecessors
        The report that it amends; of a consensus, also the independent reads.
    """

    reference: DocumentReference
    predecessors: tuple[DocumentReference, ...] = ()


def identify(
    report: MeasurementReport | ResponseReport, predecessors: Sequence[DocumentReference] = ()
) -> Identity:
    """Set the UIDs of a report that follow from its content and its predecessors.

    Each report has a series of its own, because viewers show only the last report of a series.
    """
    parts = (report.content_hash, *(reference.sop_instance_uid for reference in predecessors))
    return Identity(
        reference=DocumentReference(
            study_instance_uid=report.study_instance_uid,
            series_instance_uid=derive_uid("report series", *parts),
            sop_class_uid=ComprehensiveSRStorage,
            sop_instance_uid=derive_uid("report", *parts),
        ),
        predecessors=tuple(predecessors),
    )
