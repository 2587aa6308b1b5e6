"""The first schema: catalogue, lesions, append-only readings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Create the tables, and have SQLite itself refuse to change or delete a reading."""
    _create_catalogue()
    _create_records()
    if op.get_bind().dialect.name == "sqlite":
        for table in ("reading", "lesion", "role_override", "same_patient"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def _create_catalogue() -> None:
    op.create_table(
        "file",
        sa.Column("file_id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("series_instance_uid", sa.String(64)),
        sa.Column("sop_instance_uid", sa.String(64)),
        sa.UniqueConstraint("path", "member"),
    )
    op.create_index("ix_file_instance", "file", ["series_instance_uid", "sop_instance_uid"])
    op.create_table(
        "instance",
        sa.Column("series_instance_uid", sa.String(64), primary_key=True),
        sa.Column("sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("likeness", sa.String(16), nullable=False),
        sa.Column("pixel_hash", sa.String(64)),
        sa.Column("header", sa.Text, nullable=False),
    )
    op.create_index("ix_instance_patient", "instance", ["patient_id"])
    op.create_index("ix_instance_sop", "instance", ["sop_instance_uid"])
    op.create_index("ix_instance_likeness", "instance", ["likeness"])
    op.create_table("stale_patient", sa.Column("patient_id", sa.Text, primary_key=True))
    op.create_table("described_with", sa.Column("words", sa.Text, primary_key=True))
    op.create_table(
        "volume",
        sa.Column("volume_id", sa.String(16), primary_key=True),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    op.create_index("ix_volume_patient", "volume", ["patient_id"])
    op.create_table(
        "frame",
        sa.Column("sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("frame_number", sa.Integer, primary_key=True),
        sa.Column("volume_id", sa.String(16), sa.ForeignKey("volume.volume_id"), primary_key=True),
    )


def _create_records() -> None:
    op.create_table(
        "role_override",
        sa.Column("role_override_id", sa.Integer, primary_key=True),
        sa.Column("volume_id", sa.String(16), nullable=False, index=True),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "same_patient",
        sa.Column("same_patient_id", sa.Integer, primary_key=True),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("same_as", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "lesion",
        sa.Column("lesion_revision_id", sa.Integer, primary_key=True),
        sa.Column("lesion_id", sa.Text, nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "reading",
        sa.Column("sequence_number", sa.Integer, primary_key=True),
        sa.Column("reading_id", sa.String(36), nullable=False, unique=True),
        sa.Column("lesion_id", sa.Text, nullable=False, index=True),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
    )
