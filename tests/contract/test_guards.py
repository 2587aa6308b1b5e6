"""The guards of PostgreSQL: compared by their content, brought up to date, tight for each role."""

import json
from hashlib import sha256
from pathlib import Path

import attrs
import psycopg
import pytest
from contract.test_attacks import insert, next_row
from contract.test_store import reading, study_records
from fixtures.makers import NOON
from fixtures.postgresql import RECORDS, as_account, execute

from opp_mri.domain.measurement import Signature
from opp_mri.domain.reader_study import ReadingProtocol, Resolution, Unblinding
from opp_mri.errors import InputError
from opp_mri.store.chain import Head
from opp_mri.store.migrations.postgresql_guards import CATALOGUE, STATEMENTS, VERSION
from opp_mri.store.postgresql import Account, PostgresqlStore, Role, open_postgresql
from opp_mri.workflow.project import create_project

DIGEST_OF = {4: "eac3d1059c986bc3", 5: "3602f0a2026f851a", 6: "149ac278b69e7157"}
"""Of the statements of each version: who changes the statements gives them a new version."""
EXPLAIN = "EXPLAIN (ANALYZE, FORMAT JSON)"


def get_name(address: str) -> str:
    """Return the account of an address."""
    return address.split("//")[1].split(":")[0]


def test_changed_statements_have_a_new_version() -> None:
    digest = sha256("".join(STATEMENTS).encode()).hexdigest()[:16]
    assert DIGEST_OF[VERSION] == digest


@pytest.mark.parametrize(
    ("statement", "named_object"),
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
    shared: PostgresqlStore, database: str, statement: str, named_object: str
) -> None:
    execute(database, statement)
    (fault,) = shared.find_structure_faults()
    assert named_object in fault


def test_an_account_with_more_rights_than_its_role_is_named(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], database: str
) -> None:
    assert stores["cora"].find_structure_faults() == []
    name = get_name(accounts["anna"])
    for give, take in (
        (f"GRANT owner TO {name}", f"REVOKE owner FROM {name}"),
        (f"ALTER ROLE {name} BYPASSRLS", f"ALTER ROLE {name} NOBYPASSRLS"),
        (f"GRANT UPDATE ON chain_head TO {name}", f"REVOKE UPDATE ON chain_head FROM {name}"),
        (f"GRANT SELECT (body) ON record TO {name}", f"REVOKE SELECT (body) ON record FROM {name}"),  # noqa: S608
    ):
        execute(database, give)
        (fault,) = stores["cora"].find_structure_faults()
        assert f"The account “{name}” has rights beyond its role" in fault
        execute(database, take)


def test_guards_of_an_older_version_are_named_and_replaced_when_the_owner_opens_the_project(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], database: str, tmp_path: Path
) -> None:
    stores["anna"].add_readings([reading("r", reader="anna")])
    execute(
        database,
        "COMMENT ON SCHEMA opp_mri_private IS NULL",
        "DROP POLICY head_seen ON chain_head",
        "ALTER TABLE chain_head DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE record ALTER COLUMN reader SET STATISTICS 100",
        "ANALYZE record",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {get_name(accounts['anna'])}",
    )
    open_postgresql(accounts["cora"], tmp_path).close()  # may not change them
    (fault,) = stores["cora"].find_structure_faults()
    assert "older version" in fault
    open_postgresql(database, tmp_path).close()
    assert stores["cora"].find_structure_faults() == []
    with psycopg.connect(database) as owner:
        assert owner.execute("SELECT * FROM pg_stats WHERE tablename = 'record'").fetchall() == []
    assert [reading.reading_id for reading in stores["anna"].get_readings()] == ["r"]


@pytest.mark.parametrize("user", ["anna", "carl", "ali"])
def test_no_plan_tells_an_account_what_is_in_a_record_that_it_may_not_see(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], user: str
) -> None:
    """The server compares texts before it asks a policy, and EXPLAIN ANALYZE tells the result:
    a script read the secret of a package letter by letter."""
    stores["cora"].add_readings([reading("bert-draft", reader="bert", draft=True)])
    stores["cora"].add_to_log(study_records())
    with psycopg.connect(accounts[user], autocommit=True) as attacker:
        for table in ("record", "chain_head"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attacker.execute(f"{EXPLAIN} SELECT FROM {table} WHERE hash > '8'")  # type: ignore[arg-type]
        visible = len(attacker.execute(RECORDS).fetchall())
        for text in ("!", '{"package_id":"p","reader":"a","wave":2,"secret":"00', "~"):
            row = attacker.execute(f"{EXPLAIN} {RECORDS} WHERE body > '{text}'").fetchone()  # type: ignore[arg-type]
            assert row is not None
            plan = row[0][0]["Plan"]
            assert plan["Node Type"] == "Function Scan"
            assert "Plans" not in plan
            assert plan["Actual Rows"] + plan["Rows Removed by Filter"] == visible


def test_a_blinded_account_has_no_right_on_a_table_whose_rows_it_may_not_see(
    stores: dict[str, PostgresqlStore], shared: PostgresqlStore, accounts: dict[str, str],
    database: str,
) -> None:  # fmt: skip
    """On a table that shows no row, EXPLAIN ANALYZE gives away patients and dates."""
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    late = Account(name=f"bert-late{database.rsplit('_', 1)[1]}", role=Role.READER, reader="fred")
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert", "fred"))])
    addresses = [accounts["anna"], as_account(database, late.name, shared.add_account(late))]
    for address in addresses:
        with psycopg.connect(address, autocommit=True) as attacker:
            for table in (*CATALOGUE, "place", "record", "chain_head"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    attacker.execute(f"{EXPLAIN} SELECT FROM {table}")  # type: ignore[arg-type]
    shared.remove_account(late.name)
    assert stores["cora"].find_structure_faults() == []
    stores["cora"].add_to_log(
        [Unblinding(signed_by="lead", reason="done", statement="I do.", recorded_at=NOON)]
    )
    with psycopg.connect(accounts["anna"], autocommit=True) as account_connection:
        for table in (*CATALOGUE, "place"):
            account_connection.execute(f"SELECT FROM {table}")  # type: ignore[arg-type]


def test_a_blinded_reader_does_not_see_how_many_records_there_are(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    stores["cora"].add_readings([reading("bert-1", reader="bert")])
    assert stores["anna"].get_head().sequence_number == 1
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    assert stores["anna"].get_head() == Head()
    with psycopg.connect(accounts["anna"]) as connection:
        assert connection.execute("SELECT * FROM opp_mri_head()").fetchall() == []
    assert stores["carl"].get_head().sequence_number == 2


def test_nobody_writes_in_the_name_of_another_person(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    """Not the coordinator as another account, nor a reader as who resolved."""
    resolution = next(record for record in study_records() if isinstance(record, Resolution))
    body = json.dumps({"resolved_by": ["carl"]})
    for user, changes in (
        ("cora", {"account": get_name(accounts["anna"])}),
        ("anna", {"kind": "Resolution", "reader": "", "body": body}),
    ):
        with (
            psycopg.connect(accounts[user]) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            insert(connection, next_row(connection, **changes), "record", "")
    stores["anna"].add_to_log([attrs.evolve(resolution, resolved_by=("anna", "bert"))])


def test_a_signature_of_another_reader_shows_no_draft(stores: dict[str, PostgresqlStore]) -> None:
    stores["bert"].add_readings([reading("draft", reader="bert", draft=True)])
    stores["cora"].add_signature(
        Signature(
            signature_id="s", lesion_id="L", reader="anna", reading_ids=("draft",),
            statement="I sign.", together_with=("anna",), recorded_at=NOON,
        )
    )  # fmt: skip
    assert stores["anna"].get_readings() == stores["ali"].get_readings() == []


def test_no_record_stops_the_accounts_that_may_not_see_it(
    stores: dict[str, PostgresqlStore], database: str
) -> None:
    """A remark with U+0000, which JSON may hold and the guards cannot read, is refused."""
    stores["cora"].add_readings([reading("sound", reader="anna")])
    with psycopg.connect(database) as owner:
        body = '{"reading_id":"bad","reader":"bert","remarks":["\\u0000"]}'
        row = next_row(owner, key="bad", reader="bert", body=body)
        with pytest.raises(psycopg.DataError):
            insert(owner, row, "record", "")
    assert len(stores["anna"].get_readings()) == 1


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
