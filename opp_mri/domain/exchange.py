"""What is exchanged with other programs: reports that went out, and lines that come in."""

from datetime import date, datetime
from decimal import Decimal

from attrs import converters, field, frozen

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, PixelPoint
from opp_mri.domain.timeline import Origin
from opp_mri.units import convert_to_mm


@frozen(kw_only=True)
class DocumentReference:
    """Points to a report, where DICOM would use an item of a reference sequence."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@frozen(kw_only=True)
class ExportedReport:
    """A report that was written; a later one with the same key amends it.

    Parameters
    ----------
    report_key
        What the report is about.
    content_hash
        SHA-256 of what it states, in hexadecimal digits: the same content is the same report.
    reference
        Its UIDs.
    predecessors
        The reports that it follows.
    reading_ids
        The readings that it states.
    """

    report_key: str
    content_hash: str
    reference: DocumentReference
    predecessors: tuple[DocumentReference, ...] = ()
    reading_ids: tuple[str, ...] = ()
    recorded_at: datetime


def _read_origin(text: str) -> Origin:
    return Origin(text or Origin.DRAWN)  # reports name no origin of a drawn line


@frozen(kw_only=True)
class OwnAnswer:
    """What a report of opp_mri states beyond a line: the answer as it was recorded.

    Parameters
    ----------
    lesion_id, lesion_level
        The lesion, as the project that wrote the report names it, and its vertebra.
    tracking_uid
        Tracking Unique Identifier of lesion and sequence.
    reader
        Whose answer it is, as the project that wrote the report names the reader.
    """

    lesion_id: str
    reader: str
    lesion_level: str
    tracking_uid: str
    sequence: SeriesRole = field(converter=SeriesRole)
    study_date: date
    answer: Answer = field(converter=Answer)
    length_mm: Decimal | None = field(converter=converters.optional(convert_to_mm))
    length_source: LengthSource | None = field(converter=converters.optional(LengthSource))
    reason: str = ""
    remarks: tuple[str, ...] = ()
    amendment_reason: str = ""
    origin: Origin = field(default=Origin.DRAWN, converter=_read_origin)


@frozen(kw_only=True)
class Annotation:
    """A straight line that another program, or this one, wrote into a file.

    Either `ends` on an image, or `ends_lps_mm` in the patient; an answer without a line has
    neither.

    Parameters
    ----------
    file_name
        The file that holds it.
    label
        What the file calls it.
    reader
        Who drew it; "" where the file does not say.
    patient_names
        What the file says of the patient: PatientID and name, as far as they are there.
    study_instance_uid
        Its study; "" where the file does not say.
    sop_instance_uid, frame_number
        The image, or "".
    ends
        (column, row) in pixels; 0, 0 is the centre of the first pixel.
    ends_lps_mm, frame_of_reference_uid
        The ends in the patient, and their frame of reference, "" where the file does not say.
    stated_mm
        The length that the file states, in mm; None where it states none.
    level
        Vertebra, "" where the file does not say.
    report_uid, predecessor_uids
        SOPInstanceUID of the report, and of the reports that it follows.
    own
        For a report of opp_mri.
    """

    file_name: str
    label: str
    reader: str = ""
    patient_names: frozenset[str] = field(default=frozenset(), repr=False)
    study_instance_uid: str = ""
    sop_instance_uid: str = ""
    frame_number: int = 1
    ends: tuple[PixelPoint, PixelPoint] | None = None
    ends_lps_mm: tuple[Vector3, Vector3] | None = None
    frame_of_reference_uid: str = ""
    stated_mm: Decimal | None = None
    level: str = ""
    report_uid: str = ""
    predecessor_uids: frozenset[str] = frozenset()
    own: OwnAnswer | None = None


@frozen(kw_only=True)
class SetAside:
    """A part of a file, or a whole file, that was not imported, and why.

    Parameters
    ----------
    label
        What the file calls the part; "" for the whole file.
    """

    file_name: str
    label: str = ""
    reason: str


@frozen(kw_only=True)
class AnnotationFile:
    """What a file of another program holds."""

    annotations: tuple[Annotation, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
