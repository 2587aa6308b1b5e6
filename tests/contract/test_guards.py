"""The guards of PostgreSQL: compared by their content, brought up to date, tight for each role."""

import json
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import attrs
import psycopg
import pytest
from contract.test_attacks import insert, next_row
from contract.test_store import reading, study_records
from fixtures.makers import NOON
from fixtures.postgresql import execute

from opp_mri.domain.measurement import Signature
from opp_mri.domain.reader_study import ReadingProtocol, Resolution
from opp_mri.errors import InputError
from opp_mri.store.chain import Head
from opp_mri.store.migrations.postgresql_guards import STATEMENTS, VERSION
from opp_mri.store.postgresql import PostgresqlStore, open_postgresql
from opp_mri.workflow.project import create_project

DIGEST_OF = {2: "04ba5d9ee6e2fa45"}
"""Of the statements of each version: who changes the statements gives them a new version."""


def test_changed_statements_have_a_new_version() -> None:
    digest = sha256("".join(STATEMENTS).encode()).hexdigest()[:16]
    assert DIGEST_OF[VERSION] == digest


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE OR REPLACE FUNCTION opp_mri_blinded() RETURNS boolean LANGUAGE sql STABLE "
         "SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT false'",
         "function “opp_mri_blinded()” that guards the records differs"),
        ("ALTER FUNCTION opp_mri_role() RESET search_path", "“opp_mri_role()” that"),
        ("CREATE FUNCTION opp_mri_part(part varchar) RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
         "“opp_mri_part(part character varying)” was added"),
        ("ALTER POLICY record_seen ON record USING (true)", "policy “record.record_seen” that"),
        ("CREATE POLICY more ON chain_head USING (true)", "policy “chain_head.more” was added"),
        ("CREATE RULE quiet AS ON INSERT TO record DO INSTEAD NOTHING", "“quiet” was added"),
        ("CREATE OR REPLACE TRIGGER record_signed AFTER INSERT ON record FOR EACH ROW WHEN (false) "
         "EXECUTE FUNCTION opp_mri_note_signed()", "trigger “record_signed” that"),
        ("ALTER TABLE record ALTER COLUMN body SET STATISTICS 100", "keeps statistics"),
    ],
)  # fmt: skip
def test_an_altered_guard_is_named(
    shared: PostgresqlStore, database: str, statement: str, named: str
) -> None:
    execute(database, statement)
    (fault,) = shared.find_structure_faults()
    assert named in fault


def test_an_account_with_more_rights_than_its_role_is_named(
    opened: dict[str, PostgresqlStore], accounts: dict[str, str], database: str
) -> None:
    assert opened["cora"].find_structure_faults() == []
    name = accounts["anna"].split("//")[1].split(":")[0]
    for give, take in (
        (f"GRANT owner TO {name}", f"REVOKE owner FROM {name}"),
        (f"ALTER ROLE {name} BYPASSRLS", f"ALTER ROLE {name} NOBYPASSRLS"),
        (f"GRANT UPDATE ON chain_head TO {name}", f"REVOKE UPDATE ON chain_head FROM {name}"),
    ):
        execute(database, give)
        (fault,) = opened["cora"].find_structure_faults()
        assert f"The account “{name}” has rights beyond its role" in fault
        execute(database, take)


def test_guards_of_an_older_version_are_named_and_replaced_when_the_owner_opens_the_project(
    opened: dict[str, PostgresqlStore], accounts: dict[str, str], database: str, tmp_path: Path
) -> None:
    opened["anna"].add_readings([reading("r", reader="anna")])
    execute(
        database,
        "COMMENT ON SCHEMA opp_mri_private IS NULL",
        "DROP POLICY head_seen ON chain_head",
        "ALTER TABLE chain_head DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE record ALTER COLUMN reader SET STATISTICS 100",
        "ANALYZE record",
    )
    open_postgresql(accounts["cora"], tmp_path).close()  # may not change them
    (fault,) = opened["cora"].find_structure_faults()
    assert "older version" in fault
    open_postgresql(database, tmp_path).close()
    assert opened["cora"].find_structure_faults() == []
    with psycopg.connect(database) as owner:
        assert owner.execute("SELECT * FROM pg_stats WHERE tablename = 'record'").fetchall() == []
    assert [one.reading_id for one in opened["anna"].get_readings()] == ["r"]


def test_the_planner_tells_nothing_about_rows_that_an_account_may_not_see(
    opened: dict[str, PostgresqlStore], accounts: dict[str, str], database: str
) -> None:
    """EXPLAIN took the number of rows from statistics of all rows: also of the other reader's."""
    store = opened["cora"]
    store.add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    store.add_readings([reading(str(uuid4()), reader="bert") for _ in range(60)])
    execute(database, "ANALYZE")
    with psycopg.connect(accounts["anna"]) as attacker:
        plans = {
            value: attacker.execute(
                f"EXPLAIN (FORMAT JSON) SELECT FROM record WHERE {column} <= '{value}'"  # type: ignore[arg-type]
            ).fetchone()
            for column, value in (
                ("reader", "bert"), ("reader", "adam"), ("body", '{"reading_id":"8'),
                ("body", '{"reading_id":"f'), ("recorded_at", "1999"), ("recorded_at", "2999"),
            )
        }  # fmt: skip
    rows = {value: plan[0][0]["Plan"]["Plan Rows"] for value, plan in plans.items() if plan}
    assert len(set(rows.values())) == 1, rows


def test_a_blinded_reader_does_not_see_how_many_records_there_are(
    opened: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    opened["cora"].add_readings([reading("bert-1", reader="bert")])
    assert opened["anna"].get_head().sequence_number == 1
    opened["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    assert opened["anna"].get_head() == Head()
    with psycopg.connect(accounts["anna"]) as connection:
        assert connection.execute("SELECT * FROM chain_head").fetchall() == []
    assert opened["carl"].get_head().sequence_number == 2


def test_nobody_writes_in_the_name_of_another_person(
    opened: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """Not the coordinator as another account, nor a reader as who resolved."""
    resolution = next(record for record in study_records() if isinstance(record, Resolution))
    body = json.dumps({"resolved_by": ["carl"]})
    for who, changes in (
        ("cora", {"account": accounts["anna"].split("//")[1].split(":")[0]}),
        ("anna", {"kind": "Resolution", "reader": "", "body": body}),
    ):
        with (
            psycopg.connect(accounts[who]) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            insert(connection, next_row(connection, **changes), "record", "")
    opened["anna"].add_to_log([attrs.evolve(resolution, resolved_by=("anna", "bert"))])


def test_a_signature_of_another_reader_shows_no_draft(opened: dict[str, PostgresqlStore]) -> None:
    opened["bert"].add_readings([reading("draft", reader="bert", draft=True)])
    opened["cora"].add_signature(
        Signature(
            signature_id="s", lesion_id="L", reader="anna", reading_ids=("draft",),
            statement="I sign.", together_with=("anna",), recorded_at=NOON,
        )
    )  # fmt: skip
    assert opened["anna"].get_readings() == opened["ali"].get_readings() == []


def test_an_address_with_a_password_is_refused_and_not_repeated(
    tmp_path: Path, server: str
) -> None:
    address = server.replace("owner@", "owner:hidden-word@") + "/template"
    with pytest.raises(InputError, match="holds a password") as refusal:
        create_project(tmp_path / "study", address)
    assert "hidden-word" not in str(refusal.value)
    assert not (tmp_path / "study").exists()
    with pytest.raises(InputError) as refusal:
        open_postgresql("no address, hidden-word", tmp_path)
    assert "hidden-word" not in str(refusal.value)
