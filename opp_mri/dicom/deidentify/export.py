"""One object of an export without identity, by the profile of PS3.15."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from pydicom import Dataset

from opp_mri.dicom.deidentify.engine import clean_dataset, encode_file, read_original
from opp_mri.dicom.deidentify.pixel_text import (
    Region,
    blank_regions,
    explain_pixel_risk,
    may_show_text,
)
from opp_mri.dicom.deidentify.profile import ExportProfile, state_deidentification
from opp_mri.dicom.deidentify.pseudonyms import Pseudonyms
from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.sources import READ_ERRORS
from opp_mri.dicom.headers.values import PYDICOM_ERRORS, convert_to_text
from opp_mri.dicom.pixels import read_frames
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

DOCUMENTS: Final = (
    "1.2.840.10008.5.1.4.1.1.88.",  # reports and key objects
    "1.2.840.10008.5.1.4.1.1.11.",  # presentation states
    "1.2.840.10008.5.1.4.1.1.66.1.",  # spatial registrations
)


@frozen(kw_only=True)
class CleanObject:
    """An object without identity.

    Parameters
    ----------
    content
        Its file.
    name
        Path of its file in the export, by pseudonym and new UIDs.
    changes
        Number of elements by keyword and what was done.
    """

    content: bytes
    name: str
    changes: Counter[tuple[str, str]]


def deidentify_object(
    source: SourceFile,
    pseudonyms: Pseudonyms,
    *,
    regions: Sequence[Region] = (),
    pixels_are_clean: bool = False,
) -> CleanObject:
    """Return an object without identity.

    Parameters
    ----------
    regions
        Rectangles that are blanked in each image.
    pixels_are_clean
        Somebody has looked at the images: what looks like text passes.

    Raises
    ------
    InputError
        It is no image and no document that can be cleaned, or its pixels may show text.
    """
    try:
        with silence_pydicom():
            original = read_original(source)
            return _clean(source, original, pseudonyms, regions, pixels_are_clean)
    except (*READ_ERRORS, *PYDICOM_ERRORS) as error:
        raise InputError(f"It cannot be read ({type(error).__name__}).") from error


def _clean(
    source: SourceFile,
    original: Dataset,
    pseudonyms: Pseudonyms,
    regions: Sequence[Region],
    pixels_are_clean: bool,
) -> CleanObject:
    sop_class = convert_to_text(original.get("SOPClassUID"))
    if not sop_class:
        raise InputError("It is not a DICOM object.")
    is_document = f"{sop_class}.".startswith(DOCUMENTS)
    if not is_document and "PixelData" not in original:
        raise InputError("It is no image, report, presentation state or registration.")
    profile = ExportProfile(
        pseudonyms=pseudonyms, patient_id=convert_to_text(original.get("PatientID"))
    )
    frames = [] if is_document else _read_frames(source, original, regions, pixels_are_clean)
    if "PixelData" in original:
        del original.PixelData  # encoded again, so that nothing hidden in the stream passes
    clean = clean_dataset(original, profile)
    if frames:
        _put_pixels(clean, frames)
        clean.BurnedInAnnotation = "NO"
    clean.PatientID = clean.PatientName = pseudonyms.name_patient(profile.patient_id)
    state_deidentification(clean)
    parts = (clean.StudyInstanceUID, clean.SeriesInstanceUID, f"{clean.SOPInstanceUID}.dcm")
    return CleanObject(
        content=encode_file(clean),
        name="/".join(map(str, (clean.PatientID, *parts))),
        changes=profile.changes,
    )


def _read_frames(
    source: SourceFile, original: Dataset, regions: Sequence[Region], pixels_are_clean: bool
) -> list[NDArray[np.integer]]:
    risk = explain_pixel_risk(original)
    if risk and not (regions or pixels_are_clean):
        raise InputError(f"{risk} Blank the text with --blank, or leave the image out.")
    numbers = range(1, int(original.get("NumberOfFrames") or 1) + 1)
    frames = blank_regions([frame.stored for frame in read_frames(source, numbers)], regions)
    if not pixels_are_clean and any(may_show_text(frame) for frame in frames):
        raise InputError(
            "Its pixels seem to show text. Look at it; then blank the text with --blank, or give "
            "--pixels-are-clean."
        )
    return frames


def _put_pixels(clean: Dataset, frames: Sequence[NDArray[np.integer]]) -> None:
    """Set decoded pixels: no bits above BitsStored, no comment in a codestream, no rest."""
    samples = 1 if frames[0].ndim == 2 else frames[0].shape[2]
    signed = bool(clean.get("PixelRepresentation", 0))
    bits = int(clean.get("BitsStored", 16))
    width = 1 if bits <= 8 else 2 if bits <= 16 else 4
    clean.BitsAllocated, clean.BitsStored, clean.HighBit = 8 * width, bits, bits - 1
    clean.SamplesPerPixel = samples
    clean.Rows, clean.Columns = frames[0].shape[:2]
    if samples > 1:
        clean.PlanarConfiguration = 0
        clean.PhotometricInterpretation = "RGB"
    dtype = np.dtype(f"{'<' if width > 1 else '|'}{'i' if signed else 'u'}{width}")
    content = np.stack(frames).astype(dtype).tobytes()
    clean.PixelData = content + b"\0" * (len(content) % 2)
    clean["PixelData"].VR = "OB" if width == 1 else "OW"
