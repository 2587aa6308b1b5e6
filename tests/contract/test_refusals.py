"""Each refusal of a database is stated as what it is, and no sound project is called damaged."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fixtures.postgresql import as_account, execute
from sqlalchemy.exc import DBAPIError

from opp_mri.errors import InputError, OppMriError, ProjectError
from opp_mri.store.causes import translate_errors
from opp_mri.store.postgresql import Account, PostgresqlStore, Role, open_postgresql

RIGHT_WORD = "opensesame"
NAMES = ("ask_anna", "ask_full", "ask_shut")


def refuse(address: str, folder: Path) -> str:
    with pytest.raises(ProjectError) as error_info:
        open_postgresql(address, folder)
    text = str(error_info.value)
    assert RIGHT_WORD not in text
    assert "does not answer" not in text
    assert "damaged" not in text
    return text


@pytest.fixture
def server_rules(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database whose server asks ask_anna for a password, and shuts ask_shut out."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    execute(
        database,
        f"CREATE ROLE ask_anna LOGIN PASSWORD '{RIGHT_WORD}'",
        "CREATE ROLE ask_shut LOGIN",
        "CREATE ROLE ask_full LOGIN CONNECTION LIMIT 0",
    )
    with psycopg.connect(database, autocommit=True) as connection:
        (place,) = connection.execute("SHOW hba_file").fetchone() or ("",)
    before = Path(place).read_text()
    rules = "host all ask_anna all scram-sha-256\nhost all ask_shut all reject\n"
    Path(place).write_text(rules + before)
    execute(database, "SELECT pg_reload_conf()")
    time.sleep(0.5)
    yield database
    Path(place).write_text(before)
    execute(database, "SELECT pg_reload_conf()", *(f"DROP ROLE {name}" for name in NAMES))


def test_each_refusal_of_a_connection_has_a_sentence_of_its_own(
    server_rules: str, tmp_path: Path
) -> None:
    def ask(account: str, password: str = "") -> str:
        name = f"{account}:{password}" if password else account
        return refuse(server_rules.replace("//owner@", f"//{name}@"), tmp_path)

    assert "asks for a password" in ask("ask_anna")
    assert "refuses this account or its password" in ask("ask_anna", f"not{RIGHT_WORD}")
    assert "no account of this name" in ask("ask_nobody")
    assert "no database of this name" in refuse(server_rules + "_none", tmp_path)
    assert "lets this account in from here" in ask("ask_shut")
    assert "as many connections as it allows" in ask("ask_full")
    # with the right password, where the fault is another one
    address = as_account(server_rules, "ask_anna", RIGHT_WORD)
    assert "no database of this name" in refuse(address + "_none", tmp_path)
    assert "may not do this" in refuse(address, tmp_path)


def test_an_account_that_may_not_make_tables_is_told(server: str, tmp_path: Path) -> None:
    name = "made_by_another"
    execute(f"{server}/postgres", f"CREATE DATABASE {name}", "CREATE ROLE ask_maker LOGIN")
    try:
        address = f"{server}/{name}".replace("//owner@", "//ask_maker@")
        with pytest.raises(ProjectError, match="may not do this"):
            open_postgresql(address, tmp_path, create=True)
    finally:
        execute(f"{server}/postgres", f"DROP DATABASE {name}", "DROP ROLE ask_maker")


def test_a_role_that_the_server_has_already_is_named(
    shared: PostgresqlStore, database: str
) -> None:
    execute(database, "CREATE ROLE ask_taken LOGIN")
    try:
        account = Account(name="ask_taken", role=Role.READER, reader="reader-1")
        with pytest.raises(InputError, match="The server already has a role ask_taken"):
            shared.add_account(account)
        assert list(shared.list_accounts()) == []
    finally:
        execute(database, "DROP ROLE ask_taken")


def test_an_account_whose_role_was_dropped_can_be_removed(
    shared: PostgresqlStore, database: str
) -> None:
    shared.add_account(Account(name="ask_gone", role=Role.READER, reader="reader-1"))
    execute(database, "DROP OWNED BY ask_gone", "DROP ROLE ask_gone")
    shared.remove_account("ask_gone")
    assert list(shared.list_accounts()) == []


def test_a_role_that_is_used_elsewhere_is_named(shared: PostgresqlStore, database: str) -> None:
    shared.add_account(Account(name="ask_busy", role=Role.READER, reader="reader-1"))
    execute(database, "CREATE SCHEMA elsewhere AUTHORIZATION ask_busy")
    try:
        with pytest.raises(InputError, match="ask_busy owns, or has rights to, other things"):
            shared.remove_account("ask_busy")
        assert [account.name for account in shared.list_accounts()] == ["ask_busy"]
    finally:
        execute(database, "DROP OWNED BY ask_busy", "DROP ROLE ask_busy")


def test_a_server_that_is_read_only_is_said_to_be(shared: PostgresqlStore, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    execute(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    shared.close()
    with pytest.raises(ProjectError, match="accepts no changes"):
        shared.add_account(Account(name="ask_late", role=Role.READER, reader="reader-1"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "disk of the database server is full"),
        ("53200", "short of memory"),
        ("53300", "as many connections as it allows"),
        ("57014", "took longer than the server allows"),
        ("25P03", "took longer than the server allows"),
        ("57P01", "server was stopped"),
        ("57P03", "server was stopped"),
        ("25006", "accepts no changes"),
        ("28P01", "refuses this account or its password"),
        ("3D000", "no database of this name"),
        ("58030", "fault of its own"),
        ("XX000", "fault of its own"),
        ("42501", "may not do this"),
        ("23505", "recorded the same"),
        ("42P01", "damaged"),
        ("42703", "damaged"),
        ("XX001", "damaged"),
    ],
)
def test_an_error_of_the_server_is_called_what_it_is(state: str, words: str) -> None:
    error = psycopg.errors.lookup(state)()
    with pytest.raises(OppMriError, match=words), translate_errors("busy"):
        raise DBAPIError("SELECT 1", None, error)


@pytest.mark.parametrize("state", ["42601", "42710"])  # a syntax, a name in use: no damage
def test_a_fault_of_the_program_is_not_called_damage(state: str) -> None:
    error = psycopg.errors.lookup(state)()
    with pytest.raises(DBAPIError), translate_errors("busy"):
        raise DBAPIError("SELECT 1", None, error)
