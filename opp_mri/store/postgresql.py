"""The store on a PostgreSQL server: many readers at once, each with an account and a role.

What an account may see and write is decided by the database (rights, functions, row-level
security), not by this program. One writer at a time appends to the chain; the others wait.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import frozen
from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from opp_mri.errors import InputError, ProjectError
from opp_mri.store.causes import BUSY, find_cause
from opp_mri.store.migrations.guards import renew_postgresql_guards
from opp_mri.store.migrations.postgresql_guards import CATALOGUE, PRIVATE, VERSION
from opp_mri.store.postgresql_checks import find_guard_faults, owns_tables, read_guards_version
from opp_mri.store.sql import NEWEST, VERSION_TABLE, SqlStore, upgrade

log = logging.getLogger("opp_mri.store")

TURN: Final = 5_150_014  # advisory lock of the writer whose turn it is
WAIT_S: Final = 15
CONNECT_TIMEOUT_S: Final = 10
STILL_USED: Final = "2BP01"  # dependent_objects_still_exist


class Role(StrEnum):
    """What an account may do."""

    READER = "reader"
    ADJUDICATOR = "adjudicator"
    COORDINATOR = "coordinator"
    ANALYST = "analyst"


@frozen(kw_only=True)
class Account:
    """An account of the database.

    Parameters
    ----------
    reader
        Name under which it reads; "" for coordinators and analysts.
    """

    name: str
    role: Role
    reader: str


class PostgresqlStore(SqlStore):
    """A project's store in a PostgreSQL database."""

    _reading_options: ClassVar[Mapping[str, Any]] = {"isolation_level": "REPEATABLE READ"}

    def list_accounts(self) -> Sequence[Account]:
        """Return all accounts, by name."""
        query = text(f"SELECT name, role, reader FROM {PRIVATE}.account")  # noqa: S608 - our own
        with self.begin_reading() as connection:
            rows = connection.execute(query).all()
        return [Account(name=n, role=Role(role), reader=reader) for n, role, reader in sorted(rows)]

    def add_account(self, account: Account) -> str:
        """Make an account with the rights of its role, and give its password.

        Raises
        ------
        InputError
            A reader's name is missing or taken, or the account exists.
        """
        reads = account.role in (Role.READER, Role.ADJUDICATOR)
        if reads is not bool(account.reader):
            raise InputError(
                "Readers and adjudicators need a reader's name; other roles have none."
            )
        if any(a.name == account.name or (reads and a.reader == account.reader)
               for a in self.list_accounts()):  # fmt: skip
            raise InputError(
                f"The account {account.name}, or an account of this reader, exists already: name "
                "another."
            )
        if self._has_role(account.name):
            raise InputError(
                f"The server already has a role {account.name}, which is not an account of this "
                "project: name another."
            )
        password = secrets.token_urlsafe(18)
        with self.begin_writing() as connection:
            name = connection.dialect.identifier_preparer.quote(account.name)
            # neither a name nor a password can be a bound parameter here; the server may log the
            # statement, so it holds what verifies the password
            driver: Any = connection.connection.driver_connection
            verifier = driver.pgconn.encrypt_password(
                password.encode(), account.name.encode(), b"scram-sha-256"
            ).decode()
            connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD '{verifier}'")
            for right in _list_rights(account.role):
                connection.exec_driver_sql(f"GRANT {right} TO {name}")
            statement = text(
                f"INSERT INTO {PRIVATE}.account VALUES (:name, :role, :reader)"  # noqa: S608
            )
            connection.execute(
                statement,
                {"name": account.name, "role": account.role.value, "reader": account.reader},
            )
            connection.exec_driver_sql("SELECT opp_mri_fit_rights()")
        return password

    def remove_account(self, name: str) -> None:
        """Take an account's rights and the account itself away; what it recorded stays.

        Sessions that it has open see and write nothing from now on.

        Raises
        ------
        InputError
            There is no such account, or its role is used elsewhere on the server.
        """
        if all(account.name != name for account in self.list_accounts()):
            raise InputError(f"There is no account {name}: `opp-mri account list` lists them.")
        has_role = self._has_role(name)
        with self.begin_writing() as connection:
            statement = text(f"DELETE FROM {PRIVATE}.account WHERE name = :name")  # noqa: S608
            connection.execute(statement, {"name": name})
            if has_role:
                _drop_role(connection, name)

    def _has_role(self, name: str) -> bool:
        query = text("SELECT count(*) FROM pg_roles WHERE rolname = :name")
        with self.begin_reading() as connection:
            return bool(connection.scalar(query, {"name": name}))

    def notice_missing_records(self) -> None:
        """Name it where records are missing, or are hidden from an account that reads blind."""
        with self.begin_reading() as connection:
            sees_all = connection.scalar(text("SELECT opp_mri_role()")) == Role.COORDINATOR
            reads_blind = not sees_all and connection.scalar(text("SELECT opp_mri_blinded()"))
        if sees_all:
            super().notice_missing_records()
        if reads_blind:
            log.warning(
                "This account reads blind: lesions, images and records of other people are hidden "
                "until the blinding is lifted, so that tables are empty here. Read in the package "
                "that the coordinator gives you."
            )

    def _wait_turn(self, connection: Connection) -> None:
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
        try:
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
        except DBAPIError as error:
            holder = self._find_turn_holder() if find_cause(error.orig) == BUSY else ""
            if not holder:
                raise
            raise ProjectError(
                f"A session of the account {holder} holds the database for writing, so this was "
                f"not recorded. Try again; if {holder} is not at work, ask the administrator of "
                "the server to end that session."
            ) from error

    def _find_turn_holder(self) -> str:
        """Return the account whose turn to write it is; "" where the turn has just ended."""
        query = text(
            "SELECT usename FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :turn "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self._engine.connect() as connection:  # the transaction that waited is lost
            return str(connection.scalar(query, {"turn": TURN}) or "")

    def _read_clock(self, connection: Connection) -> datetime:
        moment = connection.scalar(text("SELECT clock_timestamp() AT TIME ZONE 'UTC'"))
        if not isinstance(moment, datetime):
            raise ProjectError("The database returned no time.")
        return moment.replace(tzinfo=UTC)

    def _get_account(self, connection: Connection) -> str:
        return str(connection.scalar(text("SELECT session_user")))

    def _find_integrity_faults(self, connection: Connection) -> list[str]:
        return find_guard_faults(connection)


def open_postgresql(address: str, folder: Path, *, create: bool = False) -> PostgresqlStore:
    """Open a store in a PostgreSQL database, and bring an older one up to date.

    Parameters
    ----------
    address
        `postgresql://host/database`; account and password best come from the environment
        (PGUSER, PGPASSWORD) or from a password file, as for every PostgreSQL program.
    folder
        The project's folder; files in it are kept by their path in it.
    create
        Make the tables where there are none.

    Raises
    ------
    ProjectError
        The server does not answer, the account is refused, or there is no store.
    InputError
        The address is not that of a PostgreSQL database.
    """
    store = PostgresqlStore(_create_engine(address), folder)
    try:
        _migrate(store, create=create)
    except BaseException:
        store.close()
        raise
    return store


def refuse_password(address: str) -> None:
    """Refuse an address with a password: other users of the machine and the settings would hold it.

    Raises
    ------
    InputError
        It has one, or is not an address.
    """
    if _parse_address(address).password is not None:
        raise InputError(
            "The address holds a password, which others would see in the list of processes and in "
            "the settings. Nothing was made: change that password, leave it out, and give it by "
            "PGPASSWORD or a password file."
        )


def _parse_address(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise InputError("Name the address of a database: postgresql://host/database.") from error
    if url.get_backend_name() != "postgresql":
        raise InputError("Only PostgreSQL databases have an address: postgresql://host/database.")
    return url


def _create_engine(address: str) -> Engine:
    if find_spec("psycopg") is None:
        raise ProjectError(
            "The driver of PostgreSQL is not installed: `pip install 'opp-mri[postgresql]'`."
        )
    return create_engine(
        _parse_address(address).set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


def _migrate(store: PostgresqlStore, *, create: bool) -> None:
    with store.begin_reading() as connection:
        tables = set(inspect(connection).get_table_names())
        versions: Sequence[str] = []
        if VERSION_TABLE in tables:
            query = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own name
            versions = connection.execute(query).scalars().all()
    if list(versions) == [NEWEST]:
        _renew_guards(store)
        store.notice_missing_records()
        return
    if versions:
        raise ProjectError(
            "The database was last used by another version of opp_mri: use that version."
        )
    if tables:
        raise ProjectError("The database holds tables of another program: name another database.")
    if not create:
        raise ProjectError("The database is empty: `opp-mri init --database` makes a project.")
    upgrade(store)


def _renew_guards(store: PostgresqlStore) -> None:
    """Bring guards of an older version up to date where the account owns the tables.

    Guards of this version stay, also where they were altered: `audit verify` names that.
    """
    with store.begin_reading() as connection:
        if read_guards_version(connection) >= VERSION or not owns_tables(connection):
            return
    with store.begin_writing() as connection:
        renew_postgresql_guards(connection)
    log.info("The safeguards of the database were brought to those of this version of opp_mri.")


def _drop_role(connection: Connection, name: str) -> None:
    """Take a role's rights in this database and the role itself away."""
    quoted_name = connection.dialect.identifier_preparer.quote(name)
    for schema in ("public", PRIVATE):
        for objects in (
            f"ALL TABLES IN SCHEMA {schema}", f"ALL SEQUENCES IN SCHEMA {schema}",
            f"SCHEMA {schema}",
        ):  # fmt: skip
            connection.exec_driver_sql(f"REVOKE ALL ON {objects} FROM {quoted_name}")
    try:
        connection.exec_driver_sql(f"DROP ROLE {quoted_name}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != STILL_USED:
            raise
        raise InputError(
            f"{name} owns, or has rights to, other things on the server, so the account was not "
            "removed: the server's administrator removes these first (DROP OWNED)."
        ) from error


def _list_rights(role: Role) -> list[str]:
    """Return the rights that a role has at all times; the others follow from the blinding."""
    schema = "SCHEMA public"
    rights = [f"SELECT ON {VERSION_TABLE}", f"USAGE ON {schema}"]
    if role is not Role.ANALYST:
        rights.append("INSERT ON record")
    if role is Role.COORDINATOR:
        rights += [
            f"SELECT ON ALL TABLES IN {schema}",
            "INSERT, UPDATE ON place",
            f"INSERT, UPDATE, DELETE ON {', '.join(CATALOGUE)}",
            f"USAGE ON ALL SEQUENCES IN {schema}",
            f"USAGE ON SCHEMA {PRIVATE}",
            f"SELECT ON {PRIVATE}.account",
        ]
    return rights
