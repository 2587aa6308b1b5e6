"""Addresses of archives as sources; what speaks with an archive is loaded where one is used."""

from collections.abc import Iterator

from opp_mri.dicom.headers.object_store import add_scheme
from opp_mri.domain.imaging import SourceFile
from opp_mri.domain.peer import WEB_SOURCE


def add_archives() -> None:
    """Let sources be listed and read by DICOMweb."""
    add_scheme(WEB_SOURCE, _list_instances, _read_instance)


def _list_instances(address: str) -> Iterator[SourceFile]:
    from opp_mri.dicom.network.web_source import list_instances

    return list_instances(address)


def _read_instance(path: str) -> bytes:
    from opp_mri.dicom.network.web_source import read_instance

    return read_instance(path)
