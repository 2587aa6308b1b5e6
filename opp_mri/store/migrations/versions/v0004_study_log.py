"""The log of a study: protocol, packages, resolutions, unblinding."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Create the log; it is append-only."""
    op.create_table(
        "study_log",
        sa.Column("sequence_number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False, index=True),
        sa.Column("record", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER study_log_no_{verb.lower()} BEFORE {verb} ON study_log "
                "BEGIN SELECT RAISE(ABORT, 'study_log is append-only'); END"
            )
