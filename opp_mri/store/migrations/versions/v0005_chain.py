"""One append-only table for all records, chained by hash; checksums for the catalogue."""

import heapq
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from opp_mri.store.chain import GENESIS, hash_contents, record_hash
from opp_mri.store.checksums import CHECKED, compute_row_checksum
from opp_mri.store.migrations.guards import create_guards
from opp_mri.store.schema import file, instance, volume

revision = "0005"
down_revision: str | None = "0004"

# table of 0004, its order, kind of record ("" where the row says), and the fields of key,
# subject and reader in the record
OLD: Final = (
    ("role_override", "role_override_id", "RoleOverride", ("", "volume_id", "")),
    ("same_patient", "same_patient_id", "SamePatient", ("", "patient_id", "")),
    ("lesion", "lesion_revision_id", "Lesion", ("", "lesion_id", "")),
    ("alignment", "alignment_id", "Alignment", ("fit_id", "lesion_id", "")),
    ("alignment_decision", "alignment_decision_id", "AlignmentDecision", ("", "fit_id", "reader")),
    ("reading", "sequence_number", "Reading", ("reading_id", "lesion_id", "reader")),
    ("signature", "sequence_number", "Signature", ("signature_id", "lesion_id", "reader")),
    ("ap_axis", "ap_axis_id", "ApAxis", ("", "lesion_id", "reader")),
    ("common_point", "common_point_id", "CommonPoint", ("", "patient_id", "reader")),
    ("study_log", "sequence_number", "", ("", "", "")),
)
OF_LOG: Final = {
    "Blinding": ("", "reader", ""),
    "IssuedPackage": ("package_id", "reader", ""),
    "MergedPackage": ("", "reader", ""),
    "Resolution": ("resolution_id", "lesion_id", ""),
    "Unblinding": ("", "", "signed_by"),
}
Old = tuple[str, int, int, dict[str, str]]  # time, table, place in it, what becomes of the row


def upgrade() -> None:
    """Move every record into the chain, in the order of their times within that of each table."""
    _create()
    _add_checksums()
    connection = op.get_bind()
    old = [_read_records(connection, place) for place in range(len(OLD))]
    contents = [content for *_, content in heapq.merge(*old, key=lambda row: row[:3])]
    _hash_signed(contents)
    if contents:
        start = {"from_version": "0004", "records": len(contents), "recorded_at": _read_clock()}
        contents.append(
            _read_content("StoreUpgrade", ("", "", ""), json.dumps(start), _read_clock())
        )
    _append(connection, contents)
    for name, *_ in OLD:
        op.drop_table(name)
    create_guards(op)


def _create() -> None:
    op.create_table(
        "record",
        sa.Column("sequence_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
        sa.Column("written_at", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_index("ix_record_subject", "record", ["kind", "subject"])
    op.create_table(
        "chain_head",
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence_number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def _add_checksums() -> None:
    connection = op.get_bind()
    for table in (file, instance, volume):
        checksum = sa.Column("checksum", sa.String(16), nullable=False, server_default="")
        op.add_column(table.name, checksum)
        columns = [column for column in table.columns if column.name != "checksum"]
        keys = list(table.primary_key.columns)
        rows = connection.execute(sa.select(*columns)).mappings().all()
        for row in rows:
            value = compute_row_checksum(row[name] for name in CHECKED[table.name])
            place = sa.and_(*(key == row[key.name] for key in keys))
            connection.execute(sa.update(table).where(place).values(checksum=value))


def _read_records(connection: sa.Connection, place: int) -> Iterator[Old]:
    name, order, kind, fields = OLD[place]
    rows = connection.execute(
        sa.text(f"SELECT * FROM {name} ORDER BY {order}")  # noqa: S608 - our own names
    ).mappings()
    latest = ""
    for number, row in enumerate(rows):
        body, recorded_at = _build_body(row)
        row_kind = kind or row["kind"]
        content = _read_content(row_kind, OF_LOG.get(row_kind, fields), body, recorded_at)
        latest = max(latest, recorded_at)  # the order within a table holds, whatever a clock said
        yield latest, place, number, content


def _build_body(row: Any) -> tuple[str, str]:
    """Return the record as JSON, and when it was recorded."""
    if "record" not in row:
        fields = {name: row[name] for name in row if name not in ("recorded_at",)}
        fields = {name: value for name, value in fields.items() if not name.endswith("_id")
                  or name in ("volume_id", "patient_id")}  # fmt: skip
        return _write_json(fields), _convert_to_utc(row["recorded_at"])
    if "recorded_at" in row:
        return row["record"], _convert_to_utc(row["recorded_at"])
    try:
        return row["record"], _convert_to_utc(json.loads(row["record"]).get("recorded_at", ""))
    except (ValueError, AttributeError):  # a damaged record moves as it is, and is named when read
        return row["record"], ""


def _read_content(kind: str, fields: tuple[str, str, str], body: str, at: str) -> dict[str, str]:
    try:
        values = json.loads(body)
        key, subject, reader = (str(values.get(name) or "") if name else "" for name in fields)
    except (ValueError, AttributeError):
        key, subject, reader = "", "", ""
    return {
        "kind": kind, "key": key, "subject": subject, "reader": reader, "account": "",
        "recorded_at": at, "body": body,
    }  # fmt: skip


def _hash_signed(contents: list[dict[str, str]]) -> None:
    """Return for each signature the hash of the content that it covers."""
    bodies = {row["key"]: row["body"] for row in contents if row["kind"] == "Reading"}
    for row in contents:
        if row["kind"] == "Signature":
            try:
                values = json.loads(row["body"])
                signed_bodies = [bodies.get(key, "") for key in values["reading_ids"]]
            except (ValueError, KeyError, TypeError):
                continue
            row["body"] = _write_json(values | {"content_hash": hash_contents(signed_bodies)})


def _append(connection: sa.Connection, contents: list[dict[str, str]]) -> None:
    from opp_mri.store.schema import chain_head, record

    previous, written_at = GENESIS, _read_clock()
    rows = []
    for number, content in enumerate(contents, 1):
        content["recorded_at"] = content["recorded_at"] or written_at
        linked_fields = {
            **content, "sequence_number": number, "written_at": written_at,
            "previous_hash": previous,
        }  # fmt: skip
        previous = record_hash(**linked_fields)  # type: ignore[arg-type]
        rows.append({**linked_fields, "key": content["key"] or None, "hash": previous})
    if rows:
        connection.execute(sa.insert(record), rows)
    connection.execute(
        sa.insert(chain_head).values(only=1, sequence_number=len(rows), hash=previous)
    )


def _convert_to_utc(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat() if text else ""
    except ValueError:
        return text


def _read_clock() -> str:
    return datetime.now(UTC).isoformat()


def _write_json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
