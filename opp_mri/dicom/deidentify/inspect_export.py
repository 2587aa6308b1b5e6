"""What could identify somebody in an export: headers, reports, pixels, file names, other files."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from attrs import frozen
from pydicom import Dataset

from opp_mri.dicom.deidentify.engine import clean_dataset, read_original
from opp_mri.dicom.deidentify.pixel_text import explain_pixel_risk, may_show_text
from opp_mri.dicom.deidentify.profile import SHIFTED, ExportProfile
from opp_mri.dicom.deidentify.words import clean_text
from opp_mri.dicom.headers.byte_reader import open_bytes
from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.sources import READ_ERRORS
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.dicom.pixels import read_frames
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

_NAME: Final = re.compile(
    r"(P-[0-9A-F]{10}|[\d.]+|deidentified|changes|dicom)(\.(dcm|json|csv))?", re.IGNORECASE
)
_PARTS: Final = {
    "replaced": "it names somebody or something",
    "removed": "it must not be there",
    "cleaned": "it has words that are not known to be harmless",
}
_META: Final = ("SourceApplicationEntityTitle", "SendingApplicationEntityTitle",
                "ReceivingApplicationEntityTitle", "PrivateInformation")  # fmt: skip


@frozen(kw_only=True)
class Finding:
    """Something in a file that could identify somebody; it quotes no value.

    Parameters
    ----------
    place
        Keyword, with the sequences that hold it, or "pixels", "file name" and the like.
    """

    file_name: str
    place: str
    reason: str


def inspect_file(source: SourceFile, name: str) -> Iterator[Finding]:
    """Yield what of a file could identify somebody.

    Parameters
    ----------
    name
        Its path in the export.
    """
    for part in PurePath(name).parts:
        if not _NAME.fullmatch(part) and clean_text(part) != part:
            yield Finding(
                file_name=name, place="file name", reason="it is neither a UID nor a pseudonym"
            )
            break
    try:
        with silence_pydicom():
            dataset = read_original(source)
            if "SOPClassUID" in dataset:
                yield from _inspect(dataset, source, name)
                return
    except (*READ_ERRORS, *PYDICOM_ERRORS):
        pass
    if PurePath(name).name != "deidentified.json":
        yield Finding(
            file_name=name, place="file", reason="it is not DICOM, and cannot be inspected"
        )


def _inspect(dataset: Dataset, source: SourceFile, name: str) -> Iterator[Finding]:
    profile = ExportProfile(pseudonyms=None, patient_id="")
    clean_dataset(dataset, profile)
    for place, action in profile.changes:
        yield Finding(file_name=name, place=place, reason=_PARTS[action])
    is_stated = str(dataset.get("LongitudinalTemporalInformationModified", "")) == "MODIFIED"
    if not is_stated or str(dataset.get("PatientIdentityRemoved", "")) != "YES":
        for element in dataset.iterall():
            if element.keyword in SHIFTED and not element.is_empty:
                yield Finding(
                    file_name=name,
                    place=element.keyword,
                    reason="it is a date, and the header does not state that dates were shifted",
                )
    yield from _inspect_around(dataset, source, name)
    if "PixelData" in dataset:
        yield from _inspect_pixels(dataset, source, name)


def _inspect_around(dataset: Dataset, source: SourceFile, name: str) -> Iterator[Finding]:
    """Look at the preamble, the file meta information, and behind the pixels."""
    meta = getattr(dataset, "file_meta", Dataset())
    for keyword in _META:
        if not (keyword not in meta or meta[keyword].is_empty):
            yield Finding(file_name=name, place=keyword, reason="it names a system or a person")
    with open_bytes(source) as reader:
        preamble = reader.read_at(0, 128)
    if preamble.strip(b"\0") and reader.size > 132:
        yield Finding(file_name=name, place="preamble", reason="it is not empty")
    if "PixelData" in dataset and not meta.get("TransferSyntaxUID", "").is_encapsulated:
        expected = (
            int(dataset.Rows)
            * int(dataset.Columns)
            * int(dataset.get("SamplesPerPixel", 1))
            * int(dataset.get("NumberOfFrames") or 1)
            * (int(dataset.BitsAllocated) // 8)
        )
        if len(dataset.PixelData) > expected + expected % 2:
            yield Finding(file_name=name, place="pixels", reason="bytes follow the last pixel")


def _inspect_pixels(dataset: Dataset, source: SourceFile, name: str) -> Iterator[Finding]:
    if (risk := explain_pixel_risk(dataset)) and dataset.get("BurnedInAnnotation") != "NO":
        yield Finding(file_name=name, place="pixels", reason=risk)
    try:
        numbers = range(1, int(dataset.get("NumberOfFrames") or 1) + 1)
        frames = read_frames(source, numbers)
    except InputError:
        yield Finding(file_name=name, place="pixels", reason="they cannot be decoded")
        return
    if any(may_show_text(frame.stored) for frame in frames):
        yield Finding(file_name=name, place="pixels", reason="they seem to show text")
