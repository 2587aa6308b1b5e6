"""Whether a project's records are those that were recorded, and who recorded what, when and why."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve, frozen

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.documents import parse_json
from opp_mri.store.chain import ChainRecord, Head, check_chain
from opp_mri.store.protocol import Store
from opp_mri.units import format_count

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
OLDEST: Final = timedelta(days=2 * 365)  # an answer of a package comes back within two years
NOT_SHOWN: Final = "not shown until the blinding is lifted"


@frozen(kw_only=True)
class AuditReport:
    """The result of a verification.

    Parameters
    ----------
    head
        The head of the chain.
    faults
        Each edit, deletion, other order or damage, in sentences; none where all is as recorded.
    cautions
        Clocks that ran backwards or were years off.
    """

    head: Head
    faults: tuple[str, ...]
    cautions: tuple[str, ...]


@frozen(kw_only=True)
class AuditEntry:
    """A record as it is shown.

    Parameters
    ----------
    action
        Kind of record.
    person
        Reader or signer, or the database account; "" where the record names nobody.
    content
        What was recorded, shortly.
    reason
        Why, in the words of the person.
    """

    sequence_number: int
    recorded_at: str
    action: str
    person: str
    subject: str
    content: str
    reason: str
    hash: str


def verify(store: Store, expected: str | None = None) -> AuditReport:
    """Verify every record, the order of records, the catalogue and the database.

    Parameters
    ----------
    expected
        Hash of a head that was kept elsewhere: it must be the hash of some record.
    """
    faults = list(store.find_database_faults())
    with store.hold_snapshot():  # others may go on: what they add belongs to head and chain or not
        return _verify_chain(store, faults, expected)


def _verify_chain(store: Store, faults: list[str], expected: str | None) -> AuditReport:
    head = store.get_head()
    cautions: list[str] = []
    hashes: set[str] = set()

    def observe() -> Iterator[ChainRecord]:
        clock = ""
        for record in store.read_chain():
            hashes.add(record.hash)
            cautions.extend(_find_clock_cautions(record, clock))
            clock = record.written_at
            yield record

    faults += [fault.message for fault in check_chain(observe(), head)]
    store.log_of(VolumeReading)
    for kind in (store.get_readings, store.get_signatures, store.get_lesions):
        kind()  # reading names what no hash reveals: a length that is not that of its points
    fault_text = " ".join(faults)
    faults += [
        damage.message
        for damage in store.list_damages()
        if f"Record {damage.sequence_number} (" not in fault_text
    ]
    if expected and expected not in hashes:
        faults.append(
            "No record has the hash that was kept elsewhere: records were removed, the whole "
            "chain was rewritten, or the hash belongs to another project."
        )
    return AuditReport(head=head, faults=tuple(faults), cautions=tuple(cautions))


def list_entries(
    store: Store, after: int = 0, *, blinded_readers: Collection[str] = ()
) -> Iterator[AuditEntry]:
    """Yield all records for showing, in their order.

    Parameters
    ----------
    blinded_readers
        Readers whose answers are not shown: that there is one, and when it was recorded, is.
    """
    for record in store.read_chain(after):
        entry = _build_entry(record)
        if record.kind in ("Reading", "VolumeReading") and record.reader in blinded_readers:
            entry = evolve(entry, content=NOT_SHOWN, reason="")
        yield entry


def _find_clock_cautions(record: ChainRecord, before: str) -> list[str]:
    written_at, recorded_at = _parse_time(record.written_at), _parse_time(record.recorded_at)
    previous = _parse_time(before)
    name = f"Record {record.sequence_number} ({record.kind})"
    cautions = []
    if written_at and previous and written_at < previous - CLOCK_TOLERANCE:
        cautions.append(
            f"{name} was written at {record.written_at}, before the record that it follows "
            f"({before}): a clock ran backwards. The order of the log holds."
        )
    if written_at and recorded_at and recorded_at > written_at + CLOCK_TOLERANCE:
        cautions.append(
            f"{name} is dated {record.recorded_at}, after it was written: a clock was ahead."
        )
    if written_at and recorded_at and recorded_at < written_at - OLDEST:
        cautions.append(
            f"{name} is dated {record.recorded_at}, more than two years before it was written: "
            "a clock may have been wrong."
        )
    return cautions


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _build_entry(record: ChainRecord) -> AuditEntry:
    try:
        body: Any = parse_json(record.body)
    except ValueError:
        body = None
    if not record.is_intact or not isinstance(body, dict):
        body = {"damaged": "this record differs from what was recorded"}
    reason = str(body.get("reason") or body.get("amendment_reason") or body.get("statement") or "")
    return AuditEntry(
        sequence_number=record.sequence_number,
        recorded_at=record.recorded_at,
        action=record.kind,
        person=record.reader or record.account,
        subject=record.subject,
        content=_describe_content(record.kind, body),
        reason=reason,
        hash=record.hash,
    )


def _describe_content(kind: str, body: dict[str, Any]) -> str:
    if "damaged" in body:
        return str(body["damaged"])
    if kind == "Reading":
        length = f", {body['length_mm']} mm" if body.get("length_mm") else ""
        draft = ", draft" if body.get("draft") else ""
        edit = f", {body['edit']}" if body.get("edit") else ""
        return (
            f"{body.get('sequence')} of {body.get('study_date')}: {body.get('answer')}{length}"
            f"{draft}{edit}"
        )
    if kind == "VolumeReading":
        draft = ", draft" if body.get("draft") else ""
        edit = f", {body['edit']}" if body.get("edit") else ""
        count = len(body.get("contours", ()))
        reference = body.get("reference")
        to = f", reference {reference['level']}" if reference else ""
        return (
            f"{body.get('sequence')} of {body.get('study_date')}: {count} contours{to}{draft}{edit}"
        )
    if kind == "Signature":
        return format_count(len(body.get("reading_ids", ())), "reading")
    keys = ("role", "same_as", "level", "decision", "kind", "name", "wave", "from_version", "head")
    return ", ".join(f"{name} {body[name]}" for name in keys if body.get(name))
