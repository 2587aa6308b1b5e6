"""Each kind of store that there is; a test of the contract runs on all of them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from fixtures.postgresql import ABSENT, binaries, execute, running_server

from opp_mri.store.postgresql import PostgresqlStore, open_postgresql
from opp_mri.store.sql import SqlStore, open_sqlite

NUMBERS = count()


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
    opened = open_sqlite(tmp_path / "store.sqlite", create=True)
    yield opened
    opened.close()
