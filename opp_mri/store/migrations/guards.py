"""Triggers that hold the chain in the database itself: rows are added at its head, and only so."""

from typing import Any, Final

from sqlalchemy import Connection

from opp_mri.store.migrations.postgresql_guards import STATEMENTS as POSTGRESQL

SQLITE: Final = (
    # OR REPLACE deletes without firing a trigger on DELETE, so that this one has to see it coming
    "CREATE TRIGGER record_follows BEFORE INSERT ON record "
    "WHEN NOT EXISTS (SELECT 1 FROM chain_head WHERE NEW.sequence_number = sequence_number + 1 "
    "AND NEW.previous_hash = hash) "
    "OR EXISTS (SELECT 1 FROM record WHERE kind = NEW.kind AND key = NEW.key) "
    "BEGIN SELECT RAISE(ABORT, 'record is append-only: a row follows the head of the chain'); END",
    "CREATE TRIGGER record_moves_head AFTER INSERT ON record "
    "BEGIN UPDATE chain_head SET sequence_number = NEW.sequence_number, hash = NEW.hash; END",
    "CREATE TRIGGER record_no_update BEFORE UPDATE ON record "
    "BEGIN SELECT RAISE(ABORT, 'record is append-only'); END",
    "CREATE TRIGGER record_no_delete BEFORE DELETE ON record "
    "BEGIN SELECT RAISE(ABORT, 'record is append-only'); END",
    "CREATE TRIGGER chain_head_moves_on BEFORE UPDATE ON chain_head "
    "WHEN NEW.sequence_number <> OLD.sequence_number + 1 OR NEW.only <> 1 "
    "BEGIN SELECT RAISE(ABORT, 'the head of the chain only moves on'); END",
    "CREATE TRIGGER chain_head_no_insert BEFORE INSERT ON chain_head "
    "BEGIN SELECT RAISE(ABORT, 'the chain has one head'); END",
    "CREATE TRIGGER chain_head_no_delete BEFORE DELETE ON chain_head "
    "BEGIN SELECT RAISE(ABORT, 'the chain has one head'); END",
)


def create_guards(op: Any) -> None:
    """Create the triggers, and where there are accounts the policies, of the database at hand."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
        return
    renew_postgresql_guards(connection)


def renew_postgresql_guards(connection: Connection) -> None:
    """Create the functions, triggers and policies of PostgreSQL in place of those that are there.

    Parameters
    ----------
    connection
        Of the owner of the tables, in a transaction.
    """
    driver: Any = connection.connection.driver_connection
    for statements in POSTGRESQL:  # several at a time, with literal % signs
        driver.execute(statements)
