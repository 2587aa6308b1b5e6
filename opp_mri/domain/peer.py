"""Archives (PACS) that a project exchanges images and reports with, and what they hold."""

import re
from datetime import date
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import Attribute, converters, field, frozen, validators

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
UID: Final = re.compile(r"\d+(\.\d+)*")
LONGEST_UID: Final = 64  # characters, PS3.5 chapter 9
LONGEST_AE_TITLE: Final = 16  # characters, PS3.5 table 6.2-1
WEB_SOURCE: Final = "dicomweb+"  # before the url of an archive whose images are a source
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_uid(text: str) -> bool:
    """Return whether a text is a UID: digits in components, so that it names one file only."""
    return len(text) <= LONGEST_UID and bool(UID.fullmatch(text))


class Authentication(StrEnum):
    """How a user identifies to a DICOMweb server."""

    NONE = "none"
    BASIC = "basic"
    TOKEN = "token"  # noqa: S105 - the name of a way, not a secret


class Retrieval(StrEnum):
    """How images are requested by DIMSE: over the same association, or sent to a port of ours."""

    GET = "get"
    MOVE = "move"


def _check_name(_: Any, _attribute: "Attribute[str]", value: str) -> None:
    if not NAME.fullmatch(value):
        raise ValueError("a name has up to 32 letters, digits, hyphens and underscores")


def _check_ae_title(_: Any, attribute: "Attribute[str]", value: str) -> None:
    is_plain = value.isascii() and value.isprintable() and "\\" not in value
    if not value.strip() or len(value) > LONGEST_AE_TITLE or not is_plain:
        raise ValueError(f"{attribute.name} has 1 to 16 plain characters")


def _check_host(_: Any, _attribute: "Attribute[str]", value: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("host must be a name or an address")


def _check_port(_: Any, attribute: "Attribute[int]", value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"{attribute.name} must be a number from 1 to 65535")


def _check_url(_: Any, _attribute: "Attribute[str]", value: str) -> None:
    try:
        parts = urlsplit(value)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        has_port = False
    if not has_port or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must be an address such as https://pacs.example/dicom-web")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("url must hold no user name, password or token: they are kept elsewhere")


@frozen(kw_only=True)
class _Peer:
    """What all peers have.

    Parameters
    ----------
    name
        How the project calls it.
    timeout_s
        Longest silence of the peer, s.
    authority
        File of the certificates (PEM) that vouch for the peer; "" for those of the system.
    certificate, key
        Files (PEM) by which this program identifies itself by TLS; "" for none.
    """

    name: str = field(validator=_check_name)
    timeout_s: float = field(
        default=30.0, converter=float, validator=[validators.gt(0), validators.le(3600)]
    )
    authority: str = field(default="", validator=validators.instance_of(str))
    certificate: str = field(default="", validator=validators.instance_of(str))
    key: str = field(default="", validator=validators.instance_of(str))


@frozen(kw_only=True)
class WebPeer(_Peer):
    """An archive that is reached by DICOMweb.

    Parameters
    ----------
    url
        Address of the service, without user name or password.
    authentication, user
        How the user identifies; the secret is never part of the record.
    """

    url: str = field(validator=[validators.instance_of(str), _check_url])
    authentication: Authentication = field(default=Authentication.NONE, converter=Authentication)
    user: str = field(default="", validator=validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        if (self.authentication is Authentication.BASIC) != bool(self.user):
            raise ValueError("a user name goes with basic authentication, and only with it")
        parts = urlsplit(self.url)
        if (
            self.authentication is not Authentication.NONE
            and parts.scheme != "https"
            and parts.hostname not in LOOPBACK
        ):
            raise ValueError("a password or token needs https: over http others could read it")


@frozen(kw_only=True)
class DimsePeer(_Peer):
    """An archive that is reached by DIMSE.

    Parameters
    ----------
    host, port
        Where it listens.
    called_ae_title, calling_ae_title
        Its application entity, and how this program introduces itself.
    tls
        Whether the connection is encrypted.
    retrieval
        How images are requested.
    listen_host, listen_port
        For C-MOVE: where this program receives images; the archive knows it by
        `calling_ae_title`.
    """

    host: str = field(validator=_check_host)
    port: int = field(validator=_check_port)
    called_ae_title: str = field(default="ANY-SCP", validator=_check_ae_title)
    calling_ae_title: str = field(default="OPP_MRI", validator=_check_ae_title)
    tls: bool = field(default=False, validator=validators.instance_of(bool))
    retrieval: Retrieval = field(default=Retrieval.GET, converter=Retrieval)
    listen_host: str = field(default="127.0.0.1", validator=validators.instance_of(str))
    listen_port: int = field(default=11112, validator=_check_port)


Peer = WebPeer | DimsePeer


@frozen(kw_only=True)
class StudyQuery:
    """Which studies to find; what is None is not restricted.

    Parameters
    ----------
    patient_id, patient_name
        As the archive knows them; `*` and `?` stand for other characters.
    """

    patient_id: str | None = None
    patient_name: str | None = None
    study_instance_uid: str | None = None
    earliest: date | None = None
    latest: date | None = None
    modality: str | None = "MR"


@frozen(kw_only=True)
class RemoteStudy:
    """A study as an archive describes it; a count is None where it states none."""

    patient_id: str = field(repr=False)
    study_instance_uid: str
    study_date: date | None = None
    study_description: str = ""
    modalities: tuple[str, ...] = ()
    series_count: int | None = None
    instance_count: int | None = None


@frozen(kw_only=True)
class RemoteSeries:
    """A series as an archive describes it; a count is None where it states none."""

    study: RemoteStudy
    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    instance_count: int | None = None


@frozen(kw_only=True)
class RemoteInstance:
    """An instance as an archive lists it."""

    sop_instance_uid: str
    instance_number: int | None = field(default=None, converter=converters.optional(int))
