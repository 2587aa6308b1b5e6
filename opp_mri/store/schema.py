"""The tables, as they stand after the newest migration."""

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
    Index("ix_volume_patient", "patient_id"),
)

frame = Table(
    "frame",
    metadata,
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("frame_number", Integer, primary_key=True),
    Column("volume_id", String(16), ForeignKey("volume.volume_id"), primary_key=True),
)

role_override = Table(
    "role_override",
    metadata,
    Column("role_override_id", Integer, primary_key=True),
    Column("volume_id", String(16), nullable=False, index=True),
    Column("role", String(8), nullable=False),
    Column("recorded_at", String(40), nullable=False),
)

same_patient = Table(
    "same_patient",
    metadata,
    Column("same_patient_id", Integer, primary_key=True),
    Column("patient_id", Text, nullable=False),
    Column("same_as", Text, nullable=False),
    Column("recorded_at", String(40), nullable=False),
)

lesion = Table(
    "lesion",
    metadata,
    Column("lesion_revision_id", Integer, primary_key=True),
    Column("lesion_id", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
    Column("recorded_at", String(40), nullable=False),
)

reading = Table(
    "reading",
    metadata,
    Column("sequence_number", Integer, primary_key=True),
    Column("reading_id", String(36), nullable=False, unique=True),
    Column("lesion_id", Text, nullable=False, index=True),
    Column("reader", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("recorded_at", String(40), nullable=False),
)

alignment = Table(
    "alignment",
    metadata,
    Column("alignment_id", Integer, primary_key=True),
    Column("fit_id", String(16), nullable=False, unique=True),
    Column("lesion_id", Text, index=True),
    Column("record", Text, nullable=False),
)

alignment_decision = Table(
    "alignment_decision",
    metadata,
    Column("alignment_decision_id", Integer, primary_key=True),
    Column("fit_id", String(16), nullable=False, index=True),
    Column("record", Text, nullable=False),
)

signature = Table(
    "signature",
    metadata,
    Column("sequence_number", Integer, primary_key=True),
    Column("signature_id", String(36), nullable=False, unique=True),
    Column("lesion_id", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

ap_axis = Table(
    "ap_axis",
    metadata,
    Column("ap_axis_id", Integer, primary_key=True),
    Column("lesion_id", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

common_point = Table(
    "common_point",
    metadata,
    Column("common_point_id", Integer, primary_key=True),
    Column("patient_id", Text, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

study_log = Table(
    "study_log",
    metadata,
    Column("sequence_number", Integer, primary_key=True),
    Column("kind", String(32), nullable=False, index=True),
    Column("record", Text, nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("record", Text, nullable=False),
)
