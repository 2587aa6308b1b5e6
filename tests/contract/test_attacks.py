"""What a person tries who has an account, a password and psql: SQL of their own."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from contract.test_store import reading, study_records
from fixtures.makers import NOON, make_lesion
from fixtures.postgresql import execute, fetch_visible

from opp_mri.domain.imaging import FileStatus, SourceFile
from opp_mri.domain.reader_study import ReadingProtocol, Unblinding
from opp_mri.store.appending import Draft
from opp_mri.store.chain import record_hash
from opp_mri.store.postgresql import Account, PostgresqlStore, Role, open_postgresql
from opp_mri.store.protocol import CatalogueEntry
from opp_mri.workflow.safekeeping.audit import verify

COLUMNS = (
    "sequence_number", "kind", "key", "subject", "reader", "account", "recorded_at", "written_at",
    "body", "previous_hash", "hash",
)  # fmt: skip
CATALOGUE = ("file", "instance", "volume", "frame", "stale_patient", "described_with")


def next_row(connection: psycopg.Connection[Any], **changes: Any) -> dict[str, Any]:
    """Return the next record of the chain as a person makes it who knows the program."""
    head = connection.execute("SELECT sequence_number, hash FROM opp_mri_head()").fetchone()
    account = connection.execute("SELECT session_user").fetchone()
    assert head is not None
    assert account is not None
    row: dict[str, Any] = {
        "sequence_number": head[0] + 1, "kind": "Reading", "key": "own", "subject": "L",
        "reader": "anna", "account": account[0], "recorded_at": NOON.isoformat(),
        "written_at": NOON.isoformat(), "body": json.dumps({"reader": "anna"}),
        "previous_hash": head[1], **changes,
    }  # fmt: skip
    return {**row, "hash": record_hash(**row)}


def insert(connection: psycopg.Connection[Any], row: dict[str, Any], table: str, end: str) -> None:
    values = ", ".join(f"%({name})s" for name in COLUMNS)
    statement = f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES ({values}) {end}"  # noqa: S608
    connection.execute(statement, row)  # type: ignore[arg-type]


def test_an_insert_that_gives_way_does_not_move_the_head(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """ON CONFLICT DO NOTHING runs the triggers before the insert, and then inserts nothing."""
    stores["anna"].add_readings([reading("own", reader="anna")])
    before = stores["cora"].get_head()
    with psycopg.connect(accounts["anna"], autocommit=True) as connection:
        insert(connection, next_row(connection), "record", "ON CONFLICT DO NOTHING")
    assert stores["cora"].get_head() == before
    assert verify(stores["cora"]).faults == ()
    stores["bert"].add_readings([reading("later", reader="bert")])
    assert verify(stores["cora"]).faults == ()


def test_the_guards_cannot_be_hung_on_a_table_of_the_reader(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """They run with the owner's rights: on a temporary table they would move the head."""
    stores["anna"].add_readings([reading("own", reader="anna")])
    before = stores["cora"].get_head()
    with psycopg.connect(accounts["anna"], autocommit=True) as connection:
        connection.execute(
            "CREATE TEMP TABLE mine AS SELECT * FROM opp_mri_records(NULL, NULL, NULL, NULL) "
            "LIMIT 0"
        )
        for function in ("opp_mri_follow", "opp_mri_note_signed"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    f"CREATE TRIGGER x BEFORE INSERT ON mine FOR EACH ROW EXECUTE "  # type: ignore[arg-type]
                    f"FUNCTION public.{function}()"
                )
        insert(connection, next_row(connection, key="other"), "mine", "")
    assert stores["cora"].get_head() == before
    assert verify(stores["cora"]).faults == ()


def test_rows_in_one_statement_follow_each_other(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """Two rows that both follow the head are refused; the second must follow the first."""
    with psycopg.connect(accounts["anna"]) as connection:
        first = next_row(connection, key="one")
        second = next_row(connection, key="two", sequence_number=first["sequence_number"] + 1)
        values = ", ".join(["(" + ", ".join(["%s"] * len(COLUMNS)) + ")"] * 2)
        with pytest.raises(psycopg.errors.RaiseException, match="follows the head"):
            connection.execute(
                f"INSERT INTO record ({', '.join(COLUMNS)}) VALUES {values}",  # type: ignore[arg-type]  # noqa: S608
                [row[name] for row in (first, second) for name in COLUMNS],
            )
    assert verify(stores["cora"]).faults == ()


def catalogue_entry() -> CatalogueEntry:
    source = SourceFile(path="/images/P1/2021-08-05.dcm", size_bytes=1, modified_ns=1)
    return CatalogueEntry(source=source, status=FileStatus.NOT_DICOM, detail="of P1")


def test_a_blinded_reader_sees_no_patient_date_lesion_or_image_of_the_project(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """With the catalogue a script would match the images of a package with their dates."""
    stores["cora"].add_lesions([make_lesion("L-OF-P1", patient_id="P1")], NOON)
    stores["cora"].add_files([catalogue_entry()])
    stores["cora"].add_role_override("volume-of-P1", None, NOON)
    stores["cora"].add_same_patient([("P1", "P2")], NOON)
    # own answers that came back in a package stand here under real names and dates
    stores["cora"].add_readings([reading("merged", reader="anna")])
    assert "P1" in fetch_visible(accounts["anna"])
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    visible = fetch_visible(accounts["anna"])
    for word in ("P1", "2021-08-05", "merged"):
        assert word not in visible
    assert '"readers":["anna","bert"]' in visible
    assert "P1" in fetch_visible(accounts["carl"])  # the adjudicator does not read blind
    stores["cora"].add_to_log(
        [Unblinding(signed_by="lead", reason="done", statement="I do.", recorded_at=NOON)]
    )
    assert "P1" in fetch_visible(accounts["anna"])


def test_a_blinded_reader_records_nothing_in_the_project(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    with psycopg.connect(accounts["cora"]) as connection:  # the reader does not see the head
        row = next_row(connection)
    with (
        psycopg.connect(accounts["anna"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        insert(connection, row, "record", "")
    assert verify(stores["cora"]).faults == ()


@pytest.mark.parametrize("table", ["record", "place", *CATALOGUE])
def test_statistics_of_the_server_show_no_values(
    stores: dict[str, PostgresqlStore], shared: PostgresqlStore, accounts: dict[str, str],
    table: str,
) -> None:  # fmt: skip
    stores["cora"].add_files([catalogue_entry()])
    stores["cora"].add_to_log(study_records())
    with shared.begin_writing() as connection:
        connection.exec_driver_sql("ANALYZE")
    with psycopg.connect(accounts["anna"]) as attacker:
        query = "SELECT * FROM pg_stats WHERE schemaname = 'public' AND tablename = %s"
        assert attacker.execute(query, [table]).fetchall() == []


def test_a_database_that_lets_everybody_create_in_public_is_closed(
    server: str, tmp_path: Path
) -> None:
    """PostgreSQL up to 14 does, and databases that came from it: a function of a reader's could
    stand in for one that the guards call."""
    execute(f"{server}/postgres", "CREATE DATABASE from_14")
    execute(f"{server}/from_14", "GRANT CREATE ON SCHEMA public TO PUBLIC")
    store = open_postgresql(f"{server}/from_14", tmp_path, create=True)
    with store.begin_reading() as connection:
        query = "SELECT has_schema_privilege('public', 'public', 'CREATE')"
        assert connection.exec_driver_sql(query).scalar() is False
    store.close()


def test_a_password_is_not_sent_in_words_that_a_log_could_keep(
    shared: PostgresqlStore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    original = psycopg.Cursor.execute

    def noted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(str(query))
        return original(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    name = f"emil{database.rsplit('_', 1)[1]}"
    password = shared.add_account(Account(name=name, role=Role.ANALYST, reader=""))
    shared.remove_account(name)
    (creation,) = [statement for statement in statements if "CREATE ROLE" in statement]
    assert password not in creation
    assert "SCRAM-SHA-256$" in creation


def test_drafts_appended_by_hand_are_held_against_their_content(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """What a reader writes by SQL in the own name and against the rules is named, not taken."""
    store = stores["anna"]
    store._append([Draft(reading("sound", reader="anna"))])
    with psycopg.connect(accounts["anna"], autocommit=True) as connection:
        insert(connection, next_row(connection, key="nonsense"), "record", "")
    assert [reading.reading_id for reading in stores["cora"].get_readings()] == ["sound"]
    assert any("cannot be read" in damage.message for damage in stores["cora"].list_damages())
