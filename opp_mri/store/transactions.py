"""Opening transactions on a database."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, Engine, Row, insert, select

from opp_mri.errors import ProjectError
from opp_mri.store.causes import translate_errors
from opp_mri.store.checksums import is_sound
from opp_mri.store.protocol import Damage
from opp_mri.store.schema import stale_patient

log = logging.getLogger("opp_mri.store")

CATALOGUE_DAMAGED: Final = (
    "An entry of the catalogue of images is damaged and is left out: run `opp-mri index` again "
    "with the folders of the images, which restores it from the files."
)

BEGIN: Final = "opp_mri_begin"  # execution option: the statement that opens a transaction

MOST_PARAMETERS: Final = 500  # SQLite takes 999 at its least

SEALED: Final = (
    "This package is sealed for its return, so this was not recorded. Send it back as it is, or "
    "ask for another one (`opp-mri reader-package --again`)."
)
BUSY_WRITING: Final = (
    "Another program is writing to this project, so this was not recorded. Try again."
)
BUSY_READING: Final = "Another program is writing to this project, so it cannot be read. Try again."


class Transactions:
    """Transactions on an engine; all parts of a store use them."""

    _reading_options: ClassVar[Mapping[str, Any]] = {}  # that give a consistent state

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._damages: dict[int, Damage] = {}
        self._catalogue_damage_named = False
        self._held = threading.local()
        self._seal: Path | None = None

    def refuse_writing_after(self, seal: Path) -> None:
        """Refuse every write from the moment at which a file, the seal of a return, is there."""
        self._seal = seal

    @contextmanager
    def begin_reading(self) -> Iterator[Connection]:
        """Read a consistent state."""
        open_connection: Connection | None = getattr(self._held, "connection", None)
        open_connection = open_connection or getattr(self._held, "snapshot", None)
        if open_connection is not None:
            yield open_connection
            return
        with (
            translate_errors(BUSY_READING),
            self._engine.connect().execution_options(**self._reading_options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def hold_snapshot(self) -> Iterator[None]:
        """Have all that this thread reads within the block be of one moment.

        Nothing may be written within it.
        """
        with self.begin_reading() as connection:
            before: Connection | None = getattr(self._held, "snapshot", None)
            self._held.snapshot = connection
            try:
                yield
            finally:
                self._held.snapshot = before

    @contextmanager
    def begin_writing(self) -> Iterator[Connection]:
        """Write all or nothing; waits its turn where another program writes."""
        open_connection: Connection | None = getattr(self._held, "connection", None)
        if open_connection is not None:
            yield open_connection
            return
        if getattr(self._held, "snapshot", None) is not None:
            raise RuntimeError("nothing may be written within a snapshot")
        if self._seal is not None and self._seal.exists():
            raise ProjectError(SEALED)
        with (
            translate_errors(BUSY_WRITING),
            self._engine.connect().execution_options(**{BEGIN: "BEGIN IMMEDIATE"}) as connection,
            connection.begin(),
        ):
            self._wait_turn(connection)
            yield connection

    @contextmanager
    def lock(self) -> Iterator[Connection]:
        """Keep every other program from writing until the block ends; all or nothing.

        What this thread reads and writes within the block belongs to one transaction.
        """
        with self.begin_writing() as connection:
            if getattr(self._held, "connection", None) is not None:
                yield connection
                return
            self._held.connection = connection
            try:
                yield connection
            finally:
                self._held.connection = None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _keep_sound(self, table: str, rows: Iterable[Row[Any]]) -> Iterator[Row[Any]]:
        """Yield the rows of the catalogue that are what was written; name the damage once."""
        for row in rows:
            if is_sound(table, row._mapping):
                yield row
            elif not self._catalogue_damage_named:
                self._catalogue_damage_named = True
                log.error("%s", CATALOGUE_DAMAGED)

    def _wait_turn(self, connection: Connection) -> None:
        """Wait until no other writer is at work, where BEGIN alone does not."""


def mark_stale(connection: Connection, patient_ids: Iterable[str]) -> None:
    """Have the volumes of some PatientIDs described again."""
    missing_ids = set(patient_ids)
    if missing_ids:
        missing_ids -= set(connection.scalars(select(stale_patient.c.patient_id)))
    if missing_ids:
        rows = [{"patient_id": patient_id} for patient_id in sorted(missing_ids)]
        connection.execute(insert(stale_patient), rows)


def split_into_parts(values: Iterable[Any], most: int = MOST_PARAMETERS) -> Iterator[list[Any]]:
    """Cut values into lists that fit one statement."""
    whole = list(values)
    for start in range(0, len(whole), most):
        yield whole[start : start + most]
