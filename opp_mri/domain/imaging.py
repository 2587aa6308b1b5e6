"""What was scanned: instances as their headers describe them, volumes, and the roles they play.

Names are DICOM keywords in snake case, with the unit where there is one.
"""

from datetime import date, time
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, field, fields, frozen

from opp_mri.domain.geometry import ImagePlane, Vector3

HEADER_VERSION: Final = 3
"""Counts changes of what is read of a header; records without the number have 1."""


class SeriesRole(StrEnum):
    """The part that a volume plays in a response assessment (RULES: which series is which)."""

    T1 = "T1"
    T2FS = "T2FS"
    STIR = "STIR"
    T1POST = "T1POST"


class RoleCertainty(StrEnum):
    """How sure a role is; a role in doubt is not selected until a reader settles it."""

    CERTAIN = "certain"
    LIKELY = "likely"
    IN_DOUBT = "in doubt"


class Plane(StrEnum):
    """Anatomical plane by the slice normal: the axis that it is nearest to, within 37 degrees."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"
    OBLIQUE = "oblique"


class FileStatus(StrEnum):
    """What happened to a file that was found; all but `IMAGE` are listed with their reason."""

    IMAGE = "image"
    COPY = "copy"
    NOT_DICOM = "not_dicom"
    ARCHIVE = "archive"
    DICOMDIR = "dicomdir"
    STRUCTURED_REPORT = "structured_report"
    NO_PIXELS = "no_pixels"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


@frozen(kw_only=True)
class SourceFile:
    """A file, or a member of an archive, as it was found.

    Parameters
    ----------
    path
        Absolute path of the file, or of the archive that holds it.
    member
        Name inside the archive, or "" for a file of its own.
    size_bytes
        Size of the file, or uncompressed size of the member.
    modified_ns
        Modification time of the file or of the archive.
    """

    path: str
    member: str = ""
    size_bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Path, and member where there is one, as shown to a user."""
        return f"{self.path}!{self.member}" if self.member else self.path


@frozen(kw_only=True)
class FrameHeader:
    """What one frame of an enhanced image says of its acquisition, where its frames differ.

    Each field is named and understood as in `Instance`; None where the frame says nothing else.
    """

    acquisition_date: date | None = None
    acquisition_time: time | None = None
    scanning_sequence: tuple[str, ...] | None = None
    sequence_variant: tuple[str, ...] | None = None
    scan_options: tuple[str, ...] | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    echo_train_length: int | None = None
    diffusion_b_value: float | None = None
    contrast_agent: str | None = None
    contrast_administered: bool | None = None
    contrast_start_time: time | None = None
    contrast_volume_ml: float | None = None
    pixel_bandwidth_hz: float | None = None
    acquisition_contrast: str | None = None
    echo_pulse_sequence: str | None = None
    echo_planar_pulse_sequence: str | None = None
    inversion_recovery: str | None = None
    spectrally_selected_suppression: str | None = None
    complex_image_component: str | None = None
    volume_based_calculation_technique: str | None = None
    derivation_description: str | None = None
    derivation_codes: tuple[str, ...] | None = None


@frozen(kw_only=True)
class UnreadableValue:
    """A header value that is there but cannot be understood.

    Parameters
    ----------
    keyword
        DICOM keyword of the element.
    sentence
        What is wrong with it, with the value as it is written.
    """

    keyword: str
    sentence: str


@frozen(kw_only=True)
class Frame:
    """One image plane of an instance; a classic instance has one, an enhanced one has many.

    Parameters
    ----------
    frame_number
        From 1, as in DICOM.
    image_position_lps_mm, image_orientation
        ImagePositionPatient and ImageOrientationPatient (row cosines, then column cosines), or
        None where the header has none.
    pixel_spacing_mm
        PixelSpacing: distance between rows, distance between columns; None where absent.
    echo_time_ms, temporal_position, stack_id, frame_type
        What separates frames of one instance into volumes.
    header
        What the frame says of its acquisition that is not so for all frames of the instance.
    """

    frame_number: int = 1
    image_position_lps_mm: Vector3 | None = None
    image_orientation: tuple[float, float, float, float, float, float] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    echo_time_ms: float | None = None
    temporal_position: int | None = None
    stack_id: str | None = None
    frame_type: tuple[str, ...] = ()
    header: FrameHeader | None = None


@frozen(kw_only=True, slots=False)  # made for every file: half the time of one with slots
class Instance:
    """One SOP instance with pixels, as its header describes it; nothing here is derived.

    Absent header values are None or empty. `contrast_agent` is ContrastBolusAgent as written, "off"
    included. Enhanced instances give the values that all their frames share; what differs between
    frames is in `frames`, and `get_frame_header` joins the two.

    `header_version` is the `HEADER_VERSION` of the program that read the header.
    `study_date_from` names the elements that gave the study's date where StudyDate is empty, and
    `unreadable` the values that are there but cannot be understood.
    """

    header_version: int = 1
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str = ""
    frames: tuple[Frame, ...]
    rows: int
    columns: int
    samples_per_pixel: int = 1
    photometric_interpretation: str = ""

    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: date | None = None
    patient_sex: str = ""

    study_instance_uid: str
    study_date: date | None = None
    study_date_from: str = ""
    study_time: time | None = None
    study_description: str = ""

    series_instance_uid: str
    series_number: int | None = None
    series_description: str = ""
    protocol_name: str = ""
    modality: str = ""
    body_part_examined: str = ""
    frame_of_reference_uid: str = ""
    instance_number: int | None = None
    acquisition_number: int | None = None
    acquisition_date: date | None = None
    acquisition_time: time | None = None
    echo_number: int | None = None
    temporal_position: int | None = None
    trigger_time_ms: float | None = None
    image_type: tuple[str, ...] = ()

    scanning_sequence: tuple[str, ...] = ()
    sequence_variant: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    sequence_name: str = ""
    mr_acquisition_type: str = ""
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    echo_train_length: int | None = None
    diffusion_b_value: float | None = None
    contrast_agent: str = ""
    contrast_administered: bool | None = None
    contrast_start_time: time | None = None
    contrast_volume_ml: float | None = None
    magnetic_field_strength: float | None = None
    pixel_bandwidth_hz: float | None = None
    in_plane_phase_encoding_direction: str = ""

    # Enhanced MR says these in its own terms (PS3.3 C.8.13)
    acquisition_contrast: str = ""
    echo_pulse_sequence: str = ""
    echo_planar_pulse_sequence: str = ""
    inversion_recovery: str = ""
    spectrally_selected_suppression: str = ""
    complex_image_component: str = ""
    volume_based_calculation_technique: str = ""

    derivation_description: str = ""
    derivation_codes: tuple[str, ...] = ()

    manufacturer: str = ""
    manufacturer_model_name: str = ""
    institution_name: str = ""

    slice_thickness_mm: float | None = None
    spacing_between_slices_mm: float | None = None
    unreadable: tuple[UnreadableValue, ...] = ()

    def get_frame_header(self, frame: Frame) -> "Instance":
        """Return the header as it is for one of its frames, its own values before others."""
        changes: dict[str, Any] = {}
        if frame.header is not None:
            changes = {
                field.name: value
                for field in fields(FrameHeader)
                if (value := getattr(frame.header, field.name)) is not None
            }
        if frame.echo_time_ms is not None and frame.echo_time_ms != self.echo_time_ms:
            changes["echo_time_ms"] = frame.echo_time_ms
        if frame.frame_type and frame.frame_type != self.image_type:
            changes["image_type"] = frame.frame_type
        return evolve(self, **changes) if changes else self

    def describe_unreadable_value(self, *keywords: str) -> str:
        """Describe what is wrong with the first of some elements that is not understood, or ""."""
        return next((value.sentence for value in self.unreadable if value.keyword in keywords), "")

    @property
    def is_enhanced(self) -> bool:
        """True for the enhanced MR and CT classes, which hold functional groups."""
        return self.sop_class_uid in ENHANCED_SOP_CLASS_UIDS


ENHANCED_SOP_CLASS_UIDS: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)


class Usability(StrEnum):
    """What a volume is good for."""

    VOLUME = "volume"
    IN_PLANE = "in_plane"
    NOTHING = "nothing"


@frozen(kw_only=True)
class FrameReference:
    """Points to one frame of one instance, where DICOM would use a referenced SOP sequence."""

    sop_instance_uid: str
    frame_number: int = 1


@frozen(kw_only=True)
class Doubt:
    """How sure the role of a volume is, and whether it is chosen for it.

    Parameters
    ----------
    role_certainty
        How sure the role is; None where there is none. In doubt, it is not selected.
    choice_in_doubt
        True where another volume is as good for the role, and nothing decides between them.
    """

    role_certainty: RoleCertainty | None = None
    choice_in_doubt: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """True where the role, or the choice among equals, waits for a reader to settle it."""
        return self.choice_in_doubt or self.role_certainty is RoleCertainty.IN_DOUBT


@frozen(kw_only=True)
class VolumeDescription(Doubt):
    """One stack of parallel slices of a series, described from headers alone.

    A series of the files may hold several (two echoes, several orientations, a repeat).

    Parameters
    ----------
    volume_id
        Short and stable: the same files give the same id at every indexing.
    frames
        Its frames in the order of their position along the slice normal.
    planes
        Plane of each frame, in the same order; empty where positions are absent.
    plane
        Anatomical plane, or None where the orientation is absent.
    role, evidence
        The role that the headers (or a reader's override) speak for, and why, in sentences.
    role_overridden
        True where a reader set the role.
    selected
        True where this is the study's choice for its role at its station.
    station
        Number of the block of the spine that it covers within its study, from 1; None where
        stations do not apply.
    usability, refusal
        What it is good for, and why no more than that.
    clash
        Where other images have the UIDs of these: which, and what differs, in a sentence.
    duplicate_of
        The volume of which this one has the very pixels, under other UIDs.
    instance
        Header of the first frame: what the volume was acquired with.
    variants
        Headers of the first frame of each kind, where its frames differ in what decides a role.
    differences
        What they differ in, in a sentence; "" where they do not.
    """

    volume_id: str
    patient_id: str
    study_instance_uid: str
    study_date: date | None
    series_instance_uid: str
    instance: Instance
    frames: tuple[FrameReference, ...]
    planes: tuple[ImagePlane, ...] = field(repr=False)
    plane: Plane | None
    pixel_spacing_mm: tuple[float, float] | None
    slice_spacing_mm: float | None
    usability: Usability
    refusal: str | None = None
    role: SeriesRole | None = None
    role_overridden: bool = False
    evidence: tuple[str, ...] = ()
    selected: bool = False
    station: int | None = None
    clash: str = ""
    duplicate_of: str | None = None
    variants: tuple[Instance, ...] = field(default=(), repr=False)
    differences: str = ""

    def get_plane(self, sop_instance_uid: str, frame_number: int) -> ImagePlane | None:
        """Return the plane of one of its frames, or None where it is not among them or unplaced."""
        reference = FrameReference(sop_instance_uid=sop_instance_uid, frame_number=frame_number)
        if not self.planes or reference not in self.frames:
            return None
        return self.planes[self.frames.index(reference)]
