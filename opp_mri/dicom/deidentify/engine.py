"""The engine that removes identity: it visits every element at every depth and builds a new file.

What passes is decided by a profile, a function of one element. `allow_list` is the profile of
blinded packages.
"""

import hashlib
import hmac
from collections.abc import Callable
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian

from opp_mri.dicom.headers.byte_reader import open_bytes
from opp_mri.domain.imaging import SourceFile

NewUid = Callable[[str], str]
Place = tuple[str, ...]
"""Keywords of the sequences that hold an element, the outermost first."""

Profile = Callable[[DataElement, Dataset, Place], DataElement | None]
"""Returns what replaces an element of a dataset, or None where nothing does."""


def build_uid_replacer(secret: bytes, case: str) -> NewUid:
    """Return what replaces UIDs: the same one for the same UID, case and secret, and no way back.

    Parameters
    ----------
    secret
        Known to the project alone; without it a new UID says nothing of the old one.
    case
        A case that comes twice has other UIDs each time.
    """

    def replace_uid(uid: str) -> str:
        digest = hmac.new(secret, f"{case}/{uid}".encode(), hashlib.sha256).digest()
        number = bytearray(digest[:16])
        number[6] = number[6] & 0x0F | 0x40  # a UUID of version 4, as PS3.5 B.2 requires after 2.25
        number[8] = number[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(number, 'big')}"

    return replace_uid


def clean_dataset(
    dataset: Dataset,
    profile: Profile,
    place: Place = (),
    *,
    keywords: frozenset[str] | None = None,
) -> Dataset:
    """Return a new dataset of what the profile lets pass, at every depth.

    Parameters
    ----------
    dataset
        What is cleaned; it is not changed.
    profile
        Asked about each element.
    place
        Where the dataset lies in the file.
    keywords
        Elements of other keywords stay behind without being decoded; None where the profile is
        asked about every element.
    """
    clean = Dataset()
    for tag in sorted(dataset.keys()):
        if keywords is not None and keyword_for_tag(tag) not in keywords:
            continue
        element = dataset[tag]
        new_element = profile(element, dataset, place)
        if new_element is None:
            continue
        if new_element.VR == "SQ":
            within = (*place, element.keyword or str(element.tag))
            items = [
                clean_dataset(item, profile, within, keywords=keywords)
                for item in new_element.value or ()
            ]
            new_element = DataElement(element.tag, "SQ", DicomSequence(items))
        clean.add(new_element)
    return clean


def read_original(source: SourceFile) -> Dataset:
    """Read a file, or a member of an archive, whole; one without a preamble too."""
    with open_bytes(source) as reader:
        content = BytesIO(reader.read_at(0, reader.size))
    return dcmread(content, force=True)


def has_burned_in_text(dataset: Dataset) -> bool:
    """Return whether the header states that text is burned into the pixels."""
    return str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES"


def encode_file(clean: Dataset) -> bytes:
    """Encode a dataset with new file meta information, uncompressed."""
    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    clean.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
