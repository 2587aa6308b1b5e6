"""Signatures, AP axes and common points, and where a reader left off."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Create the tables; all but the place are append-only."""
    op.create_table(
        "signature",
        sa.Column("sequence_number", sa.Integer, primary_key=True),
        sa.Column("signature_id", sa.String(36), nullable=False, unique=True),
        sa.Column("lesion_id", sa.Text, nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "ap_axis",
        sa.Column("ap_axis_id", sa.Integer, primary_key=True),
        sa.Column("lesion_id", sa.Text, nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "common_point",
        sa.Column("common_point_id", sa.Integer, primary_key=True),
        sa.Column("patient_id", sa.Text, nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "place",
        sa.Column("reader", sa.Text, primary_key=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in ("signature", "ap_axis", "common_point"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
