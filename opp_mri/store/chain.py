"""The chain of hashes: each record holds the hash of its content and of the record before it.

A change, a deletion, an insertion or another order of records breaks the chain where it was made.
Whoever can rewrite the whole chain can hide this from the store, but not from a person who kept
the hash of its head elsewhere: a signed report prints it.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from attrs import frozen

GENESIS: Final = "0" * 64
"""The hash before the first record."""


@frozen(kw_only=True)
class ChainRecord:
    """A record as the database holds it.

    Parameters
    ----------
    sequence_number
        Place in the chain; the first is 1.
    kind
        Name of the record's class.
    key
        Identifier that is unique within the kind, or "".
    subject
        Lesion, patient, volume or fit that the record is about, or "".
    reader
        Who states it, or "".
    account
        Database account that wrote it; "" where the database has no accounts.
    recorded_at, written_at
        When it was stated, and when it was written into this store, in ISO 8601.
    body
        The record as JSON.
    previous_hash, hash
        Hash of the record before, and of this one: 64 hexadecimal digits.
    """

    sequence_number: int
    kind: str
    key: str
    subject: str
    reader: str
    account: str
    recorded_at: str
    written_at: str
    body: str
    previous_hash: str
    hash: str

    @property
    def is_intact(self) -> bool:
        """Whether the content is what was hashed when it was recorded."""
        return self.hash == record_hash(
            sequence_number=self.sequence_number, kind=self.kind, key=self.key,
            subject=self.subject, reader=self.reader, account=self.account,
            recorded_at=self.recorded_at, written_at=self.written_at, body=self.body,
            previous_hash=self.previous_hash,
        )  # fmt: skip


@frozen(kw_only=True)
class Head:
    """The last link of a chain.

    Parameters
    ----------
    sequence_number
        Number of records.
    hash
        Hash of the last one; `GENESIS` where there is none.
    """

    sequence_number: int = 0
    hash: str = GENESIS


def record_hash(
    *, sequence_number: int, kind: str, key: str, subject: str, reader: str, account: str,
    recorded_at: str, written_at: str, body: str, previous_hash: str,
) -> str:  # fmt: skip
    """Hash a record: SHA-256 over its parts, each with its length in characters before it."""
    parts = (
        str(sequence_number), kind, key, subject, reader, account, recorded_at, written_at,
        previous_hash, body,
    )  # fmt: skip
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_contents(bodies: Iterable[str]) -> str:
    """Hash the contents of several records, in their order: what a signature signs."""
    digests = "".join(sha256(body.encode("utf-8", "surrogatepass")).hexdigest() for body in bodies)
    return sha256(digests.encode()).hexdigest()


@frozen(kw_only=True)
class ChainFault:
    """A place where the chain is broken.

    Parameters
    ----------
    sequence_number
        The record, or the first of several.
    message
        A sentence that names the fault.
    """

    sequence_number: int
    message: str


def check_chain(records: Iterable[ChainRecord], head: Head) -> Iterator[ChainFault]:
    """Yield each fault of a chain, in its order.

    Parameters
    ----------
    records
        All records, by sequence number.
    head
        What the store holds as the head.
    """
    last = Head()
    for record in records:
        number = record.sequence_number
        expected = last.sequence_number + 1
        if number != expected:
            yield ChainFault(sequence_number=expected, message=_find_gap(expected, number))
        if not record.is_intact:
            yield ChainFault(
                sequence_number=number,
                message=f"Record {number} ({record.kind}) was changed after it was recorded.",
            )
        elif number == expected and record.previous_hash != last.hash:
            yield ChainFault(
                sequence_number=number,
                message=f"Record {number} ({record.kind}) does not follow record {number - 1}: "
                "one of the two was replaced, or their order was changed.",
            )
        last = Head(sequence_number=number, hash=record.hash)
    if last.sequence_number < head.sequence_number:
        yield ChainFault(
            sequence_number=last.sequence_number + 1,
            message=_find_gap(last.sequence_number + 1, head.sequence_number + 1),
        )
    elif last != head:
        yield ChainFault(
            sequence_number=last.sequence_number,
            message="The head of the chain is not its last record: the head was changed, or "
            "records were added by other means than opp_mri.",
        )


def _find_gap(first: int, next_number: int) -> str:
    if next_number <= first:
        return f"Record {next_number} occurs twice or is out of order."
    if next_number == first + 1:
        return f"Record {first} is missing: it was deleted."
    return f"Records {first} to {next_number - 1} are missing: they were deleted."
