"""The services of DIMSE that an archive is asked for: classes, contexts, requests, statuses."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import build_context
from pynetdicom.association import Association

from opp_mri.domain.peer import RemoteInstance, RemoteSeries

VERIFICATION: Final = UID("1.2.840.10008.1.1")
FIND: Final = UID("1.2.840.10008.5.1.4.1.2.2.1")  # study root
MOVE: Final = UID("1.2.840.10008.5.1.4.1.2.2.2")
GET: Final = UID("1.2.840.10008.5.1.4.1.2.2.3")
MR_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
    "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
    "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
)
OTHER_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture Image Storage
    "1.2.840.10008.5.1.4.1.1.11.1",  # Grayscale Softcopy Presentation State Storage
    "1.2.840.10008.5.1.4.1.1.66.1",  # Spatial Registration Storage
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage
    "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set Storage
    "1.2.840.10008.5.1.4.1.1.88.11",  # Basic Text SR Storage
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR Storage
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR Storage
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR Storage
    "1.2.840.10008.5.1.4.1.1.88.59",  # Key Object Selection Document Storage
)
PLAIN: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
COMPRESSED: Final = (
    *(JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless, JPEGBaseline8Bit),
)
INSTANCES_AT_ONCE: Final = 50  # UIDs of one request
LONGEST_ABORT_S: Final = 1.0
SUCCESS: Final = 0x0000
PENDING: Final = frozenset({0xFF00, 0xFF01})
PARTLY: Final = 0xB000  # some sub-operations failed: what is missing is named afterwards
REASONS: Final = {
    0xA701: "it is out of resources",
    0xA702: "it is out of resources",
    0xA801: "it does not know our AE title as a destination",
    0xA900: "it does not understand the request",
    0x0122: "it does not offer this service",
    0x0124: "it does not permit this",
}


def build_requests(
    series: RemoteSeries, instances: Sequence[RemoteInstance] | None
) -> Iterator[Dataset]:
    """Yield the requests for some instances, or for a whole series where they are None."""
    if instances is None:
        yield _request("SERIES", build_series_keys(series))
        return
    for start in range(0, len(instances), INSTANCES_AT_ONCE):
        several = instances[start : start + INSTANCES_AT_ONCE]
        uids = [item.sop_instance_uid for item in several]
        request = _request("IMAGE", build_series_keys(series))
        request.SOPInstanceUID = uids[0] if len(uids) == 1 else uids
        yield request


def _request(level: str, keys: dict[str, str]) -> Dataset:
    request = Dataset()
    request.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(request, keyword, value)
    return request


def build_series_keys(series: RemoteSeries) -> dict[str, str]:
    """Return the keys that name a series."""
    return {
        "StudyInstanceUID": series.study.study_instance_uid,
        "SeriesInstanceUID": series.series_instance_uid,
    }


def build_storage_contexts() -> list[Any]:
    """Return contexts for what is retrieved; MR as it is stored, one context for each syntax."""
    contexts = [
        build_context(UID(name), syntax) for name in MR_CLASSES for syntax in (*PLAIN, *COMPRESSED)
    ]
    return contexts + [build_context(UID(name), list(PLAIN)) for name in OTHER_CLASSES]


def get_status_code(status: Dataset) -> int | None:
    """Return the code of a status; None where the connection ended without one."""
    code = status.get("Status")
    return None if code is None else int(code)


def explain_status(code: int | None) -> str:
    """Explain a status that is not a success."""
    if code is None:
        return "it gave no status"
    if code >> 8 in (0xA9, 0xC0) and code not in REASONS:
        return f"it does not understand the request (status {code:04X})"
    return f"{REASONS[code]} (status {code:04X})" if code in REASONS else f"status {code:04X}"


def break_association(association: Association) -> None:
    """Abort an association and close its socket, without waiting for the other side."""
    threading.Thread(target=_abort, args=(association,), daemon=True).start()


def _abort(association: Association) -> None:
    connection = getattr(association.dul.socket, "socket", None)
    if association.is_established:
        thread = threading.Thread(target=association.abort, daemon=True)
        thread.start()
        thread.join(LONGEST_ABORT_S)
    if isinstance(connection, socket.socket):  # else a thread could wait for it for ever
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
