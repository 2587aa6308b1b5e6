"""The store on a database, through SQLAlchemy Core: a SQLite file by default."""

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event, text

from opp_mri.errors import ProjectError
from opp_mri.store.sql_alignments import SqlAlignments
from opp_mri.store.sql_catalogue import SqlCatalogue
from opp_mri.store.sql_records import SqlRecords
from opp_mri.store.sql_room import SqlRoom
from opp_mri.store.sql_study import SqlStudy
from opp_mri.store.sql_volumes import SqlVolumes
from opp_mri.store.transactions import BEGIN

BUSY_TIMEOUT_S = 15.0
VERSION_TABLE = "alembic_version"
NEWEST = "0004"  # the newest migration; a test holds it against the scripts


class SqlStore(SqlCatalogue, SqlVolumes, SqlRecords, SqlAlignments, SqlRoom, SqlStudy):
    """A project's store on a SQL database.

    Readings, lesions, overrides and links are append-only; in SQLite triggers hold that.
    SQLite's rollback journal is kept: write-ahead logging does not work on network drives.
    """


def open_sqlite(path: Path, *, create: bool = False) -> SqlStore:
    """Open a store in a SQLite file, and bring an older one up to date.

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
        raise ProjectError(f"{path} is not there: run `opp-mri init` to make a project.")
    url = URL.create("sqlite", database=str(path))  # a folder may be called what? or 100%
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are opened below, not by the driver
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))

    store = SqlStore(engine, path.parent)
    try:
        _migrate(store, create=create)
    except BaseException:
        store.close()
        raise
    return store


def _migrate(store: SqlStore, *, create: bool) -> None:
    with store.reading_transaction() as connection:
        tables = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
        current = None
        if VERSION_TABLE in tables:
            current = connection.execute(
                text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own name
            ).scalar_one_or_none()
    if current == NEWEST:
        return
    if current is None and tables:
        raise ProjectError("The store's file is a database, but none of opp_mri's.")
    if current is None and not create:
        raise ProjectError(
            "The project's store is empty: restore its file from a backup, or, if nothing was ever "
            "kept in it, delete the file and run `opp-mri init` again."
        )
    _upgrade(store)


def _upgrade(store: SqlStore) -> None:
    from alembic import command  # slow to import, and seldom needed
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    with store.writing_transaction() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ProjectError(
                "This project was last used by a newer opp_mri: update opp_mri to open it."
            ) from error
