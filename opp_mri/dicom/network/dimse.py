"""An archive by DIMSE: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE over one association."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from opp_mri.dicom.headers.values import PYDICOM_ERRORS
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
from opp_mri.dicom.network.dimse_services import (
    FIND,
    GET,
    MOVE,
    MR_CLASSES,
    OTHER_CLASSES,
    PARTLY,
    PENDING,
    SUCCESS,
    VERIFICATION,
    break_association,
    build_requests,
    build_series_keys,
    build_storage_contexts,
    explain_status,
    get_status_code,
)
from opp_mri.dicom.network.tls import find_tls_fault, make_tls_context
from opp_mri.dicom.network.waiting import WHOLE_ITEM, Activity, take_in_time
from opp_mri.domain.peer import (
    DimsePeer,
    RemoteInstance,
    RemoteSeries,
    RemoteStudy,
    Retrieval,
    StudyQuery,
)
from opp_mri.errors import PeerError

Emit = Callable[[Any], None]
MOST_STRAYS: Final = 50  # objects that were not requested


@define(kw_only=True, eq=False)
class DimseArchive:
    """An archive by DIMSE; use it in a ``with``. One association serves all requests.

    Parameters
    ----------
    peer
        How it is reached.
    outgoing_classes
        SOP classes with their transfer syntaxes that will be sent; where there are any, nothing
        can be retrieved.
    """

    peer: DimsePeer
    outgoing_classes: frozenset[tuple[str, str]] = frozenset()
    _association: Association | None = field(default=None, init=False)
    _activity: Activity = field(factory=lambda: Activity(is_fine=True), init=False)
    _emit: Emit | None = field(default=None, init=False)
    _server: ThreadedAssociationServer | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        association, self._association = self._association, None
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
        if association is None or not association.is_established:
            return
        if kind is None:
            thread = threading.Thread(target=association.release, daemon=True)
            thread.start()
            thread.join(self.peer.timeout_s)
        break_association(association)

    def check(self) -> None:
        """Check that the archive answers (C-ECHO)."""
        for status in self._take(lambda emit: emit(self._open_association().send_c_echo())):
            self._check_status(status, "C-ECHO")

    def find_studies(self, query: StudyQuery) -> Sequence[RemoteStudy]:
        """Find studies (C-FIND)."""
        criteria = query_values(query)
        return understand_studies(self._find("STUDY", criteria, STUDY_KEYS), query)

    def find_series(self, study: RemoteStudy) -> Sequence[RemoteSeries]:
        """List the series of a study (C-FIND)."""
        criteria = {"StudyInstanceUID": study.study_instance_uid}
        return understand_series(self._find("SERIES", criteria, SERIES_KEYS), study)

    def list_instances(self, series: RemoteSeries) -> Sequence[RemoteInstance]:
        """List the instances of a series (C-FIND)."""
        answers = self._find("IMAGE", build_series_keys(series), INSTANCE_KEYS)
        return understand_instances(answers, series)

    def holds_instance(self, item: OutgoingObject) -> bool:
        """Return whether the archive lists an object under its patient, study and series."""
        criteria = {
            "StudyInstanceUID": item.study_instance_uid,
            "SeriesInstanceUID": item.series_instance_uid,
            "SOPInstanceUID": item.sop_instance_uid,
        }
        answers = self._find("IMAGE", criteria, ())
        if not any(
            str(answer.get("SOPInstanceUID")) == item.sop_instance_uid for answer in answers
        ):
            return False
        query = StudyQuery(
            patient_id=item.patient_id or None,
            study_instance_uid=item.study_instance_uid,
            modality=None,
        )
        return bool(self.find_studies(query))

    def read_header(self, series: RemoteSeries, instance: RemoteInstance) -> bytes:
        """Return one instance as a file: DIMSE sends headers only with their pixels."""
        contents = []
        for content in self.retrieve(series, [instance]):  # to the end: the association goes on
            contents.append(content)
            if len(contents) > MOST_STRAYS:
                raise PeerError(
                    f"{self.peer.name} sends objects that were not asked for, so the connection "
                    "was ended: ask its administrator."
                )
        if contents:
            return contents[0]
        raise PeerError(
            f"{self.peer.name} lists an image that it does not send: ask its administrator."
        )

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance] | None
    ) -> Iterator[bytes]:
        """Yield files as the archive sends them (C-GET or C-MOVE)."""
        exchange = self._get if self.peer.retrieval is Retrieval.GET else self._move
        for request in build_requests(series, instances):
            yield from self._take(partial(exchange, request))

    def store(self, items: Sequence[OutgoingObject]) -> Iterator[StoreOutcome]:
        """Send objects, and yield what the archive answered to each (C-STORE)."""

        def send(emit: Emit) -> None:
            association = self._open_association()
            for item in items:
                try:
                    status = association.send_c_store(dcmread(BytesIO(item.content)))
                except ValueError:  # no presentation context was accepted for it
                    failure = "the archive does not accept objects of this kind"
                else:
                    code = get_status_code(status)
                    if code is None:
                        self._check_status(status, "C-STORE")
                    failure = (
                        "" if code == SUCCESS or (code or 0) >> 12 == 0xB else explain_status(code)
                    )
                emit(StoreOutcome(sop_instance_uid=item.sop_instance_uid, failure=failure))

        yield from self._take(send)

    def _find(
        self, level: str, criteria: dict[str, str], return_keys: Sequence[str]
    ) -> list[Dataset]:
        request = Dataset()
        request.QueryRetrieveLevel = level
        if not all(value.isascii() for value in criteria.values()):
            request.SpecificCharacterSet = "ISO_IR 192"
        for keyword in return_keys:
            setattr(request, keyword, None)
        for keyword, value in criteria.items():
            setattr(request, keyword, value)

        def ask(emit: Emit) -> None:
            for status, identifier in self._open_association().send_c_find(request, FIND):
                if get_status_code(status) in PENDING and identifier is not None:
                    emit(identifier)
                    continue
                self._check_status(status, "C-FIND")

        answers = []
        for answer in self._take(ask):
            answers.append(answer)
            if len(answers) > MOST_ANSWERS:
                raise PeerError(
                    f"{self.peer.name} sent more than {MOST_ANSWERS} answers to one query: "
                    "restrict the query."
                )
        return answers

    def _get(self, request: Dataset, emit: Emit) -> None:
        self._emit = emit
        for status, _ in self._open_association().send_c_get(request, GET):
            if get_status_code(status) not in PENDING:
                self._check_status(status, "C-GET")

    def _move(self, request: Dataset, emit: Emit) -> None:
        self._emit = emit
        self._listen()
        sender = self._open_association().send_c_move(request, self.peer.calling_ae_title, MOVE)
        for status, _ in sender:
            if get_status_code(status) not in PENDING:
                self._check_status(status, "C-MOVE")

    def _listen(self) -> None:
        """Start to receive at our address, once."""
        peer = self.peer
        if self._server is not None:
            return
        entity = AE(ae_title=peer.calling_ae_title)
        entity.require_called_aet = True
        for context in build_storage_contexts():
            entity.add_supported_context(context.abstract_syntax, context.transfer_syntax)
        self._set_timeouts(entity)
        try:
            self._server = entity.start_server(
                (peer.listen_host, peer.listen_port),
                block=False,
                evt_handlers=[
                    (evt.EVT_C_STORE, self._handle_received),
                    (evt.EVT_DATA_RECV, self._notice_activity),
                ],
            )
        except OSError as error:
            raise PeerError(
                f"Images of {peer.name} cannot be received at {peer.listen_host}:{peer.listen_port}"
                f" ({error.strerror}): choose another listen_port or listen_host in the settings."
            ) from None

    def _handle_received(self, event: evt.Event) -> int:
        if self._emit is not None:
            self._emit(event.encoded_dataset())
        return SUCCESS

    def _notice_activity(self, _event: evt.Event) -> None:
        self._activity.note_activity()

    def _take(self, exchange: Callable[[Emit], None]) -> Iterator[Any]:
        try:
            yield from take_in_time(
                exchange,
                peer=self.peer.name,
                timeout_s=self.peer.timeout_s,
                activity=self._activity,
                stop=self._stop,
            )
        except PYDICOM_ERRORS as error:
            raise PeerError(  # an answer that pynetdicom or pydicom cannot make sense of
                f"{self.peer.name} sent an answer that is not DICOM ({type(error).__name__}): "
                "check host and port of the peer."
            ) from None

    def _stop(self) -> None:
        association, self._association = self._association, None
        if association is not None:
            break_association(association)

    def _open_association(self) -> Association:
        """Return the association, which is requested once."""
        if self._association is not None and self._association.is_established:
            return self._association
        if self._association is not None:
            raise PeerError(f"{self.peer.name} has ended the connection: run the command again.")
        peer = self.peer
        entity = AE(ae_title=peer.calling_ae_title)
        self._set_timeouts(entity)
        contexts = [build_context(VERIFICATION), build_context(FIND)]
        roles = []
        if self.outgoing_classes:
            contexts += [build_context(UID(name), UID(way)) for name, way in self.outgoing_classes]
        elif peer.retrieval is Retrieval.GET:
            contexts += [build_context(GET), *build_storage_contexts()]
            names = (*MR_CLASSES, *OTHER_CLASSES)
            roles = [build_role(UID(name), scp_role=True) for name in names]
        else:
            contexts.append(build_context(MOVE))
        tls = (make_tls_context(peer), peer.host) if peer.tls else None
        association = entity.associate(
            peer.host,
            peer.port,
            contexts,
            ae_title=peer.called_ae_title,
            ext_neg=roles,  # type: ignore[arg-type]  # a list of one kind of its items
            tls_args=tls,
            evt_handlers=[
                (evt.EVT_C_STORE, self._handle_received),
                (evt.EVT_DATA_RECV, self._notice_activity),
            ],
        )
        if association.is_established:
            self._association = association
            return association
        break_association(association)
        if association.is_rejected:
            raise PeerError(
                f"{peer.name} rejected the connection: it must know our AE title "
                f"{peer.calling_ae_title}, and be called by its own, here {peer.called_ae_title}."
            )
        raise PeerError(
            find_tls_fault(peer)
            or f"{peer.name} cannot be reached, or does not speak DIMSE there: check host, port "
            "and tls of the peer, and the network."
        )

    def _set_timeouts(self, entity: AE) -> None:
        entity.connection_timeout = self.peer.timeout_s
        entity.acse_timeout = self.peer.timeout_s
        entity.network_timeout = self.peer.timeout_s
        entity.dimse_timeout = WHOLE_ITEM * self.peer.timeout_s  # of a whole object

    def _check_status(self, status: Dataset, service: str) -> None:
        code = get_status_code(status)
        if code is None:
            raise PeerError(
                f"{self.peer.name} ended the connection, or fell silent, during a {service}: "
                "run the command again. What has arrived is kept."
            )
        if code not in (SUCCESS, PARTLY):
            raise PeerError(
                f"{self.peer.name} refused a {service}: {explain_status(code)}. Ask its "
                "administrator."
            )
