"""Each kind of store that there is; a test of the contract runs on all of them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from fixtures.postgresql import ABSENT, as_account, binaries, execute, running_server

from opp_mri.store.postgresql import Account, PostgresqlStore, Role, open_postgresql
from opp_mri.store.sql import SqlStore, open_sqlite

NUMBERS = count()
ROLES = {"anna": Role.READER, "bert": Role.READER, "carl": Role.ADJUDICATOR,
         "cora": Role.COORDINATOR, "ali": Role.ANALYST}  # fmt: skip


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running PostgreSQL server with a database `template` that holds an empty store."""
    if binaries() is None:
        pytest.skip(ABSENT)
    with running_server() as address:
        execute(f"{address}/postgres", "CREATE DATABASE template")
        folder = tmp_path_factory.mktemp("template")
        open_postgresql(f"{address}/template", folder, create=True).close()
        yield address


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """The address of a database with an empty store."""
    name = f"store_{next(NUMBERS)}"
    execute(f"{server}/postgres", f"CREATE DATABASE {name} TEMPLATE template")
    yield f"{server}/{name}"
    execute(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def shared(database: str, tmp_path: Path) -> Iterator[PostgresqlStore]:
    """An empty store in a database, opened by its owner."""
    store = open_postgresql(database, tmp_path)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store of each kind."""
    if request.param == "postgresql":
        yield request.getfixturevalue("shared")
        return
    store = open_sqlite(tmp_path / "store.sqlite", create=True)
    yield store
    store.close()


@pytest.fixture
def accounts(shared: PostgresqlStore, database: str) -> Iterator[dict[str, str]]:
    """The address of each account; account and reader have one name, with a suffix for the roles
    of the server, which all its databases share."""
    name = database.rsplit("_", 1)[1]
    addresses = {}
    for user, role in ROLES.items():
        reads = role in (Role.READER, Role.ADJUDICATOR)
        account = Account(name=f"{user}{name}", role=role, reader=user if reads else "")
        password = shared.add_account(account)
        addresses[user] = as_account(database, account.name, password)
    yield addresses
    shared.close()
    for user in ROLES:
        execute(database, f"DROP OWNED BY {user}{name}", f"DROP ROLE {user}{name}")


@pytest.fixture
def stores(accounts: dict[str, str], tmp_path: Path) -> Iterator[dict[str, PostgresqlStore]]:
    stores = {user: open_postgresql(address, tmp_path) for user, address in accounts.items()}
    yield stores
    for store in stores.values():
        store.close()
