"""Images in an archive as sources: by DICOMweb, dicomweb+https://host/dicom-web.

Each instance has an address (PS3.18 10.1). An archive states neither its size nor when it changed,
and DICOMweb gives no range of bytes: what is listed again is not fetched again, and a header costs
its whole instance.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from opp_mri.dicom.network.quiet import silence_network
from opp_mri.dicom.network.web import WebArchive
from opp_mri.domain.imaging import SourceFile
from opp_mri.domain.peer import (
    WEB_SOURCE,
    Authentication,
    RemoteInstance,
    RemoteSeries,
    RemoteStudy,
    StudyQuery,
    WebPeer,
)
from opp_mri.errors import InputError, PeerError

TOKEN, USER, PASSWORD = (f"OPP_MRI_DICOMWEB_{word}" for word in ("TOKEN", "USER", "PASSWORD"))
NAME: Final = "archive"  # of the peer, in sentences
LEVELS: Final = ("studies", "series", "instances")


def list_instances(address: str) -> Iterator[SourceFile]:
    """List every instance of an archive, or of one study or series of it.

    Raises
    ------
    InputError
        The address is not one, or the archive lists nothing under it.
    PeerError
        The archive does not answer, or refuses.
    """
    service, uids = _split(address)
    study_uid, series_uid = uids.get("studies"), uids.get("series")
    is_empty = True
    with silence_network():
        archive = _open(service)
        try:
            for study in archive.find_studies(
                StudyQuery(study_instance_uid=study_uid, modality=None)
            ):
                for series in archive.find_series(study):
                    if series_uid not in (None, series.series_instance_uid):
                        continue
                    folder = (
                        f"{WEB_SOURCE}{service}/studies/{study.study_instance_uid}"
                        f"/series/{series.series_instance_uid}/instances"
                    )
                    for uid in sorted(i.sop_instance_uid for i in archive.list_instances(series)):
                        is_empty = False
                        yield SourceFile(path=f"{folder}/{uid}", size_bytes=0, modified_ns=0)
        except PeerError as error:
            raise PeerError(_explain(error, service)) from error
    if is_empty:
        raise InputError(f"The archive lists no instance under {address}: check how it is written.")


def read_instance(path: str) -> bytes:
    """Fetch an instance as a file (WADO-RS).

    Raises
    ------
    OSError
        The archive answers, but does not give this instance.
    PeerError
        The archive does not answer, or refuses.
    """
    service, uids = _split(path)
    study = RemoteStudy(patient_id="", study_instance_uid=uids["studies"])
    series = RemoteSeries(study=study, series_instance_uid=uids["series"])
    with silence_network():
        archive = _open(service)
        try:
            files = list(
                archive.retrieve(series, [RemoteInstance(sop_instance_uid=uids["instances"])])
            )
        except PeerError as error:
            try:
                archive.check()
            except PeerError as loss:
                raise PeerError(_explain(loss, service)) from loss
            raise OSError(None, f"the archive does not give it: {error}") from error
    if not files:
        raise OSError(None, "the archive lists it and does not give it")
    return files[0]


def _split(address: str) -> tuple[str, dict[str, str]]:
    """Return the address of the service, and the UIDs that follow it."""
    service, *words = address.removeprefix(WEB_SOURCE).rstrip("/").split("/studies/", 1)
    parts = f"studies/{words[0]}".split("/") if words else []
    if len(parts) % 2 or tuple(parts[::2]) != LEVELS[: len(parts) // 2]:
        raise InputError(
            f"{address} is not an address of DICOMweb: write it as "
            f"{WEB_SOURCE}https://host/dicom-web, with /studies/UID and /series/UID for less."
        )
    return service, dict(zip(parts[::2], parts[1::2], strict=True))


def _open(service: str) -> WebArchive:
    """Return the connection to a service; the account comes from the environment."""
    token, user = os.environ.get(TOKEN, ""), os.environ.get(USER, "")
    if token:
        return _connect(service, Authentication.TOKEN, "", token, os.getpid())
    way = Authentication.BASIC if user else Authentication.NONE
    return _connect(service, way, user, os.environ.get(PASSWORD, ""), os.getpid())


@lru_cache(maxsize=4)
def _connect(
    service: str,
    way: Authentication,
    user: str,
    secret: str,
    process: int,  # noqa: ARG001 - forks share no session
) -> WebArchive:
    try:
        peer = WebPeer(name=NAME, url=service, authentication=way, user=user)
    except ValueError as error:
        raise InputError(f"The address of the archive cannot be used: {error.args[0]}.") from None
    return WebArchive(peer=peer, secret=secret)


def _explain(error: PeerError, service: str) -> str:
    """Name the address, and the environment for the account, instead of the peers of a project."""
    words = str(error).replace(
        f"`opp-mri pacs peer login {NAME}`",
        f"{TOKEN}, or {USER} and {PASSWORD}, in the environment",
    )
    words = words.replace("the url of the peer", "this address")
    place = f"The archive at {service}"
    rest = words.removeprefix(f"{NAME} ")
    return f"{place} {rest}" if rest != words else f"{place}: {words}"
