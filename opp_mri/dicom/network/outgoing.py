"""Files that are sent to an archive: reports and other documents, never images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opp_mri.dicom.headers.byte_reader import MemoryBytes
from opp_mri.dicom.headers.header import read_header
from opp_mri.dicom.headers.keywords import TAGS
from opp_mri.dicom.headers.sources import find_sources, read_source_bytes
from opp_mri.dicom.headers.values import convert_to_text
from opp_mri.dicom.network.archive import OutgoingObject
from opp_mri.domain.imaging import FileStatus
from opp_mri.domain.peer import is_uid

DOCUMENTS: Final = (
    "1.2.840.10008.5.1.4.1.1.88.",  # reports and key objects
    "1.2.840.10008.5.1.4.1.1.11.",  # presentation states
    "1.2.840.10008.5.1.4.1.1.66.1.",  # spatial registrations
    "1.2.840.10008.5.1.4.1.1.7.",  # key images as secondary captures
)


def read_outgoing(sources: Sequence[Path]) -> tuple[list[tuple[str, OutgoingObject]], int]:
    """Return the objects that may be sent, each with the name of its file, and how many may not.

    Raises
    ------
    InputError
        A source does not exist or cannot be read.
    """
    items: dict[str, tuple[str, OutgoingObject]] = {}
    other_files = 0
    for source in find_sources(sources):
        content = read_source_bytes(source)
        header = read_header(MemoryBytes(content))
        if header.status not in (
            *(FileStatus.STRUCTURED_REPORT, FileStatus.NO_PIXELS, FileStatus.IMAGE),
        ):
            other_files += 1
            continue
        item = OutgoingObject(
            patient_id=convert_to_text(header.get_value(TAGS["PatientID"])),
            study_instance_uid=convert_to_text(header.get_value(TAGS["StudyInstanceUID"])),
            series_instance_uid=convert_to_text(header.get_value(TAGS["SeriesInstanceUID"])),
            sop_class_uid=convert_to_text(header.get_value(TAGS["SOPClassUID"])),
            sop_instance_uid=convert_to_text(header.get_value(TAGS["SOPInstanceUID"])),
            transfer_syntax_uid=header.transfer_syntax_uid,
            content=content,
        )
        uids = (item.study_instance_uid, item.series_instance_uid, item.sop_instance_uid)
        if f"{item.sop_class_uid}.".startswith(DOCUMENTS) and all(map(is_uid, uids)):
            items.setdefault(item.sop_instance_uid, (source.name, item))
        else:
            other_files += 1
    return list(items.values()), other_files
