"""An archive by DICOMweb: QIDO-RS, WADO-RS and STOW-RS over one session."""

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from attrs import define, field
from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from opp_mri.dicom.headers.values import PYDICOM_ERRORS, convert_to_text
from opp_mri.dicom.network.answers import (
    INSTANCE_KEYS,
    SERIES_KEYS,
    STUDY_KEYS,
    query_values,
    understand_instances,
    understand_series,
    understand_studies,
)
from opp_mri.dicom.network.archive import MOST_ANSWERS, OutgoingObject, StoreOutcome
from opp_mri.dicom.network.tls import explain_untrusted, make_tls_context
from opp_mri.dicom.network.waiting import take_in_time
from opp_mri.domain.peer import (
    LOOPBACK,
    Authentication,
    RemoteInstance,
    RemoteSeries,
    RemoteStudy,
    StudyQuery,
    WebPeer,
)
from opp_mri.errors import InputError, PeerError

ANY_SYNTAX: Final = (("application/dicom", "*"),)  # some servers answer 406 without the syntax
NEVER_CHUNKED: Final = 1 << 31  # bytes; some servers store nothing of a chunked request
STREAMED: Final = 1 << 20  # bytes that are read at once
FULL_PAGE: Final = 50  # answers from which on a server may have cut the list short
LARGEST_HEADER: Final = 1 << 26  # bytes of the headers of one instance

Emit = Callable[[Any], None]


@define(kw_only=True, eq=False)
class WebArchive:
    """An archive by DICOMweb; use it in a ``with``. One session serves all requests.

    Parameters
    ----------
    peer
        How it is reached.
    secret
        Password or token; "" for none.
    """

    peer: WebPeer
    secret: str = field(default="", repr=False)
    _session: requests.Session = field(init=False, factory=requests.Session, repr=False)
    _client: DICOMwebClient = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        peer, session = self.peer, self._session
        if self.secret and not (self.secret.isascii() and self.secret.isprintable()):
            raise InputError(
                f"The password or token of the peer {peer.name} has characters that cannot be "
                "sent: enter it again without line breaks."
            )
        if peer.authentication is Authentication.BASIC:
            session.auth = (peer.user, self.secret)
        elif peer.authentication is Authentication.TOKEN:
            session.auth = _Bearer(self.secret)
        session.max_redirects = 0  # a redirection could send the secret elsewhere
        if peer.url.startswith("https:"):
            make_tls_context(peer)  # says which file cannot be used
            session.verify = peer.authority or ssl.get_default_verify_paths().cafile or True
            session.cert = (peer.certificate, peer.key) if peer.key else peer.certificate or None
        session.trust_env = False  # neither authorities nor passwords of other programs are used
        if urlsplit(peer.url).hostname not in LOOPBACK:
            session.proxies = requests.utils.get_environ_proxies(peer.url)
        timeouts = (peer.timeout_s, peer.timeout_s)
        self._client = DICOMwebClient(
            peer.url.rstrip("/"), session=session, timeout=timeouts, permissive_uid=True
        )
        self._client.set_http_retry_params(retry=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def check(self) -> None:
        """Check that the archive answers a query."""
        self._ask(lambda: self._client.search_for_studies(limit=1))

    def find_studies(self, query: StudyQuery) -> Sequence[RemoteStudy]:
        """Find studies (QIDO-RS)."""
        answers = self._search(
            lambda **page: self._client.search_for_studies(
                fields=list(STUDY_KEYS), search_filters=query_values(query), **page
            )
        )
        return understand_studies(answers, query)

    def find_series(self, study: RemoteStudy) -> Sequence[RemoteSeries]:
        """List the series of a study (QIDO-RS)."""
        answers = self._search(
            lambda **page: self._client.search_for_series(
                study.study_instance_uid, fields=list(SERIES_KEYS), **page
            )
        )
        return understand_series(answers, study)

    def list_instances(self, series: RemoteSeries) -> Sequence[RemoteInstance]:
        """List the instances of a series (QIDO-RS)."""
        answers = self._search(
            lambda **page: self._client.search_for_instances(
                series.study.study_instance_uid,
                series.series_instance_uid,
                fields=list(INSTANCE_KEYS),
                **page,
            )
        )
        return understand_instances(answers, series)

    def holds_instance(self, item: OutgoingObject) -> bool:
        """Return whether the archive lists an object under its patient, study and series."""
        answers = self._ask(
            lambda: self._client.search_for_instances(
                item.study_instance_uid,
                item.series_instance_uid,
                search_filters={"SOPInstanceUID": item.sop_instance_uid},
                fields=["PatientID"],
            )
        )
        for answer in map(_from_json, answers):
            patient_id = convert_to_text(answer.get("PatientID"))
            if convert_to_text(answer.get("SOPInstanceUID")) == item.sop_instance_uid:
                return patient_id in ("", item.patient_id)
        return False

    def read_header(self, series: RemoteSeries, instance: RemoteInstance) -> bytes:
        """Return one instance as a file without its pixels (WADO-RS, metadata)."""
        answers = self._ask(
            lambda: [
                self._client.retrieve_instance_metadata(
                    series.study.study_instance_uid,
                    series.series_instance_uid,
                    instance.sop_instance_uid,
                )
            ]
        )
        header = _from_json(answers[0])
        for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
            if keyword in header:
                del header[keyword]
        return _encode(header)

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance] | None
    ) -> Iterator[bytes]:
        """Yield files as the archive sends them (WADO-RS)."""
        study_uid, series_uid = series.study.study_instance_uid, series.series_instance_uid
        self._client.set_chunk_size(STREAMED)

        def receive(emit: Emit) -> None:
            if instances is None:
                datasets = self._client.iter_series(study_uid, series_uid, media_types=ANY_SYNTAX)
                for dataset in datasets:
                    emit(_as_file(dataset))
                return
            for instance in instances:
                dataset = self._client.retrieve_instance(
                    study_uid, series_uid, instance.sop_instance_uid, media_types=ANY_SYNTAX
                )
                emit(_as_file(dataset))

        yield from self._take(receive)

    def store(self, items: Sequence[OutgoingObject]) -> Iterator[StoreOutcome]:
        """Send objects, and yield what the archive answered to each (STOW-RS)."""
        self._client.set_chunk_size(NEVER_CHUNKED)

        def send(emit: Emit) -> None:
            for item in items:
                answer = self._client.store_instances([dcmread(BytesIO(item.content))])
                failed_items = (
                    answer.get("FailedSOPSequence") or ()
                )  # some answers hold an empty one
                failure = "the archive did not store it" if failed_items else ""
                emit(StoreOutcome(sop_instance_uid=item.sop_instance_uid, failure=failure))

        yield from self._take(send)

    def _search(self, search: Callable[..., list[dict[str, Any]]]) -> list[Dataset]:
        """Return all answers to a query, page by page where a server cuts its list short."""
        answers: dict[str, Dataset] = {}
        offset = 0
        while True:
            page = self._ask(partial(search, **({"offset": offset} if offset else {})))
            before = len(answers)
            for answer in page:
                answers.setdefault(json.dumps(answer, sort_keys=True), _from_json(answer))
            offset += len(page)
            if len(answers) > MOST_ANSWERS:
                raise PeerError(
                    f"{self.peer.name} sent more than {MOST_ANSWERS} answers to one query: "
                    "restrict the query."
                )
            if len(page) < FULL_PAGE or len(answers) == before:
                return list(answers.values())

    def _ask(self, request: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        answers = [item for answer in self._take(lambda emit: emit(request())) for item in answer]
        if not all(isinstance(answer, dict) for answer in answers):
            raise PeerError(_describe_not_dicomweb(self.peer))
        return answers

    def _take(self, exchange: Callable[[Emit], None]) -> Iterator[Any]:
        peer = self.peer
        try:
            yield from take_in_time(
                exchange, peer=peer.name, timeout_s=peer.timeout_s, stop=self._session.close
            )
        except requests.RequestException as error:  # its text may quote what was sent
            raise PeerError(_explain(error, peer)) from None
        except PYDICOM_ERRORS:
            raise PeerError(_describe_not_dicomweb(peer)) from None


class _Bearer(requests.auth.AuthBase):
    """A token; it is shown by no representation."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _explain(error: requests.RequestException, peer: WebPeer) -> str:
    status = getattr(error.response, "status_code", None)
    if status in (401, 403):
        return (
            f"{peer.name} refused access (HTTP {status}): check the user and the password or token "
            f"(`opp-mri pacs peer login {peer.name}`)."
        )
    if status is not None:
        return f"{peer.name} answered HTTP {status}: check the url of the peer."
    match error:
        case requests.exceptions.SSLError():
            return explain_untrusted(peer.name)
        case requests.Timeout():
            return (
                f"{peer.name} has sent nothing for {peer.timeout_s:g} s: try again later. What has "
                "arrived is kept."
            )
        case requests.TooManyRedirects():
            return f"{peer.name} redirects elsewhere, which is not followed: correct the url."
        case requests.exceptions.JSONDecodeError() | requests.exceptions.InvalidJSONError():
            return _describe_not_dicomweb(peer)
        case _:
            return (
                f"{peer.name} cannot be reached, or ended the connection: check the url and the "
                "network, and run the command again. What has arrived is kept."
            )


def _describe_not_dicomweb(peer: WebPeer) -> str:
    return f"{peer.name} sent an answer that is not DICOMweb: check the url of the peer."


def _from_json(answer: dict[str, Any]) -> Dataset:
    """Return an answer as a dataset; values that are not as they must be are left out."""
    dataset = Dataset()
    for tag, element in answer.items():
        with suppress(*PYDICOM_ERRORS):
            dataset.update(Dataset.from_json({tag: _without_bulk(element)}))
    return dataset


def _without_bulk(element: Any) -> Any:
    """Omit values that are stored elsewhere on the server: no header that is needed is."""
    if isinstance(element, dict) and "BulkDataURI" in element:
        return {key: value for key, value in element.items() if key != "BulkDataURI"}
    return element


def _as_file(dataset: Dataset) -> bytes:
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _encode(header: Dataset) -> bytes:
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return _as_file(header)
