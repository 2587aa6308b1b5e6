"""The tables after the newest migration."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from opp_mri.store.file_names import FileName

metadata = MetaData()

file = Table(
    "file",
    metadata,
    Column("file_id", Integer, primary_key=True),
    Column("path", FileName, nullable=False),
    Column("member", FileName, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("series_instance_uid", String(64)),
    Column("sop_instance_uid", String(64)),
    Column("checksum", String(16), nullable=False, server_default=""),
    UniqueConstraint("path", "member"),
    Index("ix_file_instance", "series_instance_uid", "sop_instance_uid"),
)

instance = Table(
    "instance",
    metadata,
    Column("series_instance_uid", String(64), primary_key=True),
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("study_instance_uid", String(64), nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("likeness", String(16), nullable=False),
    Column("pixel_hash", String(64)),
    Column("header", Text, nullable=False),
    Column("checksum", String(16), nullable=False, server_default=""),
    Index("ix_instance_patient", "patient_id"),
    Index("ix_instance_sop", "sop_instance_uid"),
    Index("ix_instance_likeness", "likeness"),
)

stale_patient = Table(
    "stale_patient",
    metadata,
    Column("patient_id", Text, primary_key=True),
)

described_with = Table(
    "described_with",
    metadata,
    Column("words", Text, primary_key=True),
)

volume = Table(
    "volume",
    metadata,
    Column("volume_id", String(16), primary_key=True),
    Column("patient_id", Text, nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("checksum", String(16), nullable=False, server_default=""),
    Index("ix_volume_patient", "patient_id"),
)

frame = Table(
    "frame",
    metadata,
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("frame_number", Integer, primary_key=True),
    Column("volume_id", String(16), ForeignKey("volume.volume_id"), primary_key=True),
)

record = Table(
    "record",
    metadata,
    Column("sequence_number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("key", Text),
    Column("subject", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("recorded_at", String(40), nullable=False),
    Column("written_at", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("kind", "key"),
    Index("ix_record_subject", "kind", "subject"),
)

chain_head = Table(
    "chain_head",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("sequence_number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("record", Text, nullable=False),
)
