"""Opening transactions, and saying in plain words why a database does not answer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.exc import DatabaseError, OperationalError

from opp_mri.errors import ProjectError
from opp_mri.store.schema import stale_patient

BEGIN = "opp_mri_begin"  # execution option: the statement that opens a transaction

MOST_PARAMETERS = 500  # SQLite takes 999 at its least


class Transactions:
    """Transactions on an engine; both halves of the store stand on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading_transaction(self) -> Iterator[Connection]:
        """Read a consistent state."""
        with _plain_words(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing_transaction(self) -> Iterator[Connection]:
        """Write all or nothing; waits its turn where another program writes."""
        with (
            _plain_words(),
            self._engine.connect().execution_options(**{BEGIN: "BEGIN IMMEDIATE"}) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


@contextmanager
def _plain_words() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig).lower()
        if "locked" in cause or "busy" in cause:
            raise ProjectError(
                "Another program is writing to this project, so this was not recorded. Try again."
            ) from error
        if "full" in cause:
            raise ProjectError(
                "The disk is full; nothing was changed. Make room and try again."
            ) from error
        if "readonly" in cause or "unable to open" in cause or "disk i/o" in cause:
            raise ProjectError(
                "The project's store cannot be opened or written: check the folder's permissions "
                "and that its drive is there."
            ) from error
        raise
    except DatabaseError as error:
        cause = str(error.orig).lower()
        if "not a database" in cause or "malformed" in cause:
            raise ProjectError(
                "The project's store is damaged: restore its file from a backup."
            ) from error
        raise


def mark_stale(connection: Connection, patient_ids: Iterable[str]) -> None:
    """Have the volumes of some PatientIDs described anew."""
    rows = [{"patient_id": patient_id} for patient_id in sorted(patient_ids)]
    if rows:
        connection.execute(insert_or(stale_patient).on_conflict_do_nothing(), rows)


def in_parts(values: Iterable[Any], most: int = MOST_PARAMETERS) -> Iterator[list[Any]]:
    """Cut values into lists that fit one statement."""
    whole = list(values)
    for start in range(0, len(whole), most):
        yield whole[start : start + most]
