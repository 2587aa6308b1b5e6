"""The store on a database, through SQLAlchemy Core: a SQLite file by default."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from opp_mri.errors import ProjectError
from opp_mri.files import write_whole
from opp_mri.store.checks import find_catalogue_faults, find_schema_faults
from opp_mri.store.schema import metadata
from opp_mri.store.sql_catalogue import SqlCatalogue
from opp_mri.store.sql_pixels import SqlPixels
from opp_mri.store.sql_records import SqlRecords
from opp_mri.store.sql_volumes import SqlVolumes
from opp_mri.store.transactions import BEGIN, mark_stale

BUSY_TIMEOUT_S: Final = 15.0  # tests shorten it
VERSION_TABLE: Final = "alembic_version"
NEWEST: Final = "0005"  # the newest migration; a test holds it against the scripts
OWNER_ONLY: Final = 0o600
# A damaged text gives other text, not an error that stops the rest.
DECODE: Final = partial(str, encoding="utf-8", errors="backslashreplace")


class SqlStore(SqlCatalogue, SqlPixels, SqlVolumes, SqlRecords):
    """A project's store on a SQL database.

    All that people state is one append-only chain of records; triggers in the database hold that.
    SQLite's rollback journal is kept: write-ahead logging does not work on network drives.
    """

    def find_structure_faults(self) -> Sequence[str]:
        """Return each fault of the database itself, in sentences: its file, tables and guards."""
        with self.begin_reading() as connection:
            return self._find_integrity_faults(connection)

    def find_database_faults(self) -> Sequence[str]:
        """Return each fault of the database itself and of the catalogue, in sentences."""
        with self.begin_reading() as connection:
            faults = [*self._find_integrity_faults(connection)]
            catalogue, stale = find_catalogue_faults(connection)
        if stale:
            with self.begin_writing() as connection:
                mark_stale(connection, stale)
        return faults + catalogue

    def _find_integrity_faults(self, connection: Connection) -> list[str]:
        rows = connection.execute(text("PRAGMA integrity_check(20)")).scalars()
        faults = [f"The database file is damaged: {row}." for row in rows if row != "ok"]
        return faults + find_schema_faults(connection, _describe_new_schema())


def open_sqlite(path: Path, *, create: bool = False) -> SqlStore:
    """Open a store in a SQLite file, and bring an older one up to date.

    An older one is copied first, next to it, and the copy is verified.

    Parameters
    ----------
    path
        The file.
    create
        Make it where it is not there.

    Raises
    ------
    ProjectError
        It is absent, no store, damaged, locked, or written by a newer opp_mri.
    """
    if not create and not path.is_file():
        raise ProjectError(f"{path} does not exist: run `opp-mri init` to make a project.")
    is_new = create and (not path.exists() or path.stat().st_size == 0)
    if is_new:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    store = SqlStore(_create_engine(str(path)), path.parent)
    try:
        _migrate(store, path, create=create)
    except BaseException:
        store.close()
        if is_new:  # an empty file would be taken for a project
            path.unlink(missing_ok=True)
        raise
    return store


def is_unfinished(path: Path) -> bool:
    """Return whether a file is a store of which nothing was made before `init` was interrupted."""
    if not path.stat().st_size:
        return True
    try:
        with closing(sqlite3.connect(path)) as connection:
            tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    return not tables


def _create_engine(database: str) -> Engine:
    url = URL.create("sqlite", database=database)  # a folder may be called what? or 100%
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are opened below, not by the driver
        connection.text_factory = DECODE
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))

    return engine


def _migrate(store: SqlStore, path: Path, *, create: bool) -> None:
    with store.begin_reading() as connection:
        tables = _list_tables(connection)
        versions: Sequence[str] = []
        if VERSION_TABLE in tables:
            versions = (
                connection.execute(
                    text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own name
                )
                .scalars()
                .all()
            )
    if list(versions) == [NEWEST]:
        store.notice_missing_records()
        return
    if len(versions) > 1:
        raise ProjectError(
            "The project's store names two versions, so it was edited or damaged: "
            "restore its latest backup with `opp-mri restore`."
        )
    if not versions and tables:
        raise ProjectError("The store's file is a database, but not of opp_mri: restore a backup.")
    if not versions and not create:
        raise ProjectError(
            "The project's store is empty: restore its file from a backup, or, if nothing was ever "
            "kept in it, delete the file and run `opp-mri init` again."
        )
    if versions:
        copy_before_migration(path, versions[0])
    upgrade(store)


def _list_tables(connection: Connection) -> set[str]:
    """Return the names of what is in a database; refuse what is not a table where opp_mri has one.

    A view can answer each question otherwise, or never.
    """
    rows = connection.execute(text("SELECT name, type, sql FROM sqlite_master")).all()
    for name, kind, statement in rows:
        is_plain = kind == "table" and str(statement).upper().startswith("CREATE TABLE")
        if name in {VERSION_TABLE, *metadata.tables} and not is_plain:
            raise ProjectError(
                f"“{name}” of the project's store is not a table that opp_mri made: the store "
                "was altered. Keep it as evidence, and use the original or a backup."
            )
    return {name for name, *_ in rows}


def copy_before_migration(path: Path, version: str) -> Path:
    """Copy a store before its tables are changed, and verify the copy.

    Raises
    ------
    ProjectError
        The copy is not sound, so the store is left as it is.
    """
    copy = path.with_name(f"{path.stem}.before-{NEWEST}{path.suffix}")
    copy_database(path, copy)
    if _read_version(copy) != version:
        raise ProjectError(
            "The project's store is damaged, so it was not brought to the newest version: restore "
            "its latest backup."
        )
    return copy


def _read_version(path: Path) -> str | None:
    """Return the version of the tables in a file; None where the file is not sound."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                return None
            query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - our own name
            return str(connection.execute(query).fetchone()[0])
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite file while others may use it, for its owner only; replaces the target."""
    try:
        with write_whole(target) as copy:
            os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
            with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(copy)) as new:
                old.backup(new)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise ProjectError(
            f"{target} could not be written ({error}): make room, or choose another place."
        ) from error


def upgrade(store: SqlStore) -> None:
    """Bring the tables of a store to the newest version, all or nothing."""
    from alembic import command  # slow to import, and seldom needed
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    with store.begin_writing() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ProjectError(
                "This project was last used by a newer opp_mri: update opp_mri to open it."
            ) from error


@cache  # it takes a tenth of a second
def _describe_new_schema() -> dict[str, str]:
    """Return the statements of the tables, indexes and triggers of a new store, by name."""
    store = SqlStore(_create_engine(":memory:"), Path())
    try:
        upgrade(store)
        with store.begin_reading() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master"))
            return {name: statement or "" for name, statement in rows}
    finally:
        store.close()
