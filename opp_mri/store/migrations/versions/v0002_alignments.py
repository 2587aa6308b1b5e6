"""Fits between visits, and what readers decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Create the tables; both are append-only."""
    op.create_table(
        "alignment",
        sa.Column("alignment_id", sa.Integer, primary_key=True),
        sa.Column("fit_id", sa.String(16), nullable=False, unique=True),
        sa.Column("lesion_id", sa.Text, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "alignment_decision",
        sa.Column("alignment_decision_id", sa.Integer, primary_key=True),
        sa.Column("fit_id", sa.String(16), nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in ("alignment", "alignment_decision"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
