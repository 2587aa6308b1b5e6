"""Accounts of a shared project: the database itself decides what each may see and write."""

import threading
from pathlib import Path

import attrs
import psycopg
import pytest
from contract.test_store import reading, study_records
from fixtures.makers import NOON, make_lesion
from fixtures.postgresql import RECORDS, as_account, execute, fetch_visible

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Signature
from opp_mri.domain.reader_study import (
    IssuedPackage,
    ReadingProtocol,
    Resolution,
    Unblinding,
)
from opp_mri.errors import ConflictError, InputError, OppMriError, ProjectError
from opp_mri.store.postgresql import Account, PostgresqlStore, Role, open_postgresql
from opp_mri.workflow.safekeeping.audit import verify


def sign(store: PostgresqlStore, reader: str, *reading_ids: str, together: tuple[str, ...] = ()):
    store.add_signature(
        Signature(
            signature_id=f"{reader}-{'-'.join(reading_ids)}", lesion_id="L", reader=reader,
            reading_ids=reading_ids, statement="I sign.", together_with=together,
            recorded_at=NOON,
        )
    )  # fmt: skip


def read_by_both(stores: dict[str, PostgresqlStore]) -> None:
    stores["cora"].add_lesions([make_lesion("L")], NOON)
    for user in ("anna", "bert"):
        stores[user].add_readings(
            [reading(f"{user}-{n}", reader=user, draft=True) for n in ("signed", "draft")]
        )
        sign(stores[user], user, f"{user}-signed")


def seen(store: PostgresqlStore) -> set[str]:
    return {reading.reading_id for reading in store.get_readings()}


def test_others_readings_are_seen_once_they_are_signed(stores: dict[str, PostgresqlStore]) -> None:
    read_by_both(stores)
    assert seen(stores["anna"]) == {"anna-signed", "anna-draft", "bert-signed"}
    assert seen(stores["carl"]) == seen(stores["ali"]) == {"anna-signed", "bert-signed"}
    assert len(seen(stores["cora"])) == 4


def test_what_needs_two_signatures_is_seen_after_the_second(
    stores: dict[str, PostgresqlStore],
) -> None:
    stores["cora"].add_readings([reading("both", reader="anna", draft=True)])
    for user, expected in (("anna", set()), ("bert", {"both"})):
        stores["cora"].add_signature(
            Signature(
                signature_id=user, lesion_id="L", reader=user, reading_ids=("both",),
                statement="I sign.", together_with=("anna", "bert"), recorded_at=NOON,
            )
        )  # fmt: skip
        assert seen(stores["ali"]) == expected


def test_a_blinded_reader_sees_nothing_of_the_other_until_the_blinding_is_lifted(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    read_by_both(stores)
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    assert seen(stores["anna"]) == {"anna-signed", "anna-draft"}
    assert {signature.reader for signature in stores["anna"].get_signatures()} == {"anna"}
    with psycopg.connect(accounts["anna"]) as connection:
        rows = connection.execute(RECORDS).fetchall()
        assert rows
        assert not any('"reader":"bert"' in body for (body,) in rows)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM opp_mri_private.signed_reading")
    lift = Unblinding(signed_by="lead", reason="done", statement="I do.", recorded_at=NOON)
    stores["cora"].add_to_log([lift])
    assert seen(stores["anna"]) == {"anna-signed", "anna-draft", "bert-signed"}


def test_contours_are_seen_and_written_as_lengths_are(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    (sample,) = [record for record in study_records() if isinstance(record, VolumeReading)]
    stores["cora"].add_lesions([make_lesion("L")], NOON)
    for user in ("anna", "bert"):
        for name in ("signed", "draft"):
            own = attrs.evolve(sample, reading_id=f"{user}-{name}", reader=user, draft=True)
            stores[user].add_readings([own])
        sign(stores[user], user, f"{user}-signed")

    def list_visible(user: str) -> set[str]:
        return {contours.reading_id for contours in stores[user].log_of(VolumeReading)}

    assert list_visible("anna") == {"anna-signed", "anna-draft", "bert-signed"}
    assert list_visible("ali") == {"anna-signed", "bert-signed"}
    with pytest.raises(ProjectError, match="may not do this"):
        stores["anna"].add_readings([attrs.evolve(sample, reading_id="forged", reader="bert")])
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    assert list_visible("anna") == {"anna-signed", "anna-draft"}
    assert "bert-" not in fetch_visible(accounts["anna"])


def test_a_blinded_reader_is_not_left_to_take_hidden_records_for_missing_ones(
    stores: dict[str, PostgresqlStore],
    accounts: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    for user, hidden in (("carl", False), ("ali", False), ("cora", False), ("anna", True)):
        caplog.clear()
        open_postgresql(accounts[user], tmp_path).close()
        assert ("This account reads blind" in caplog.text) is hidden, user


def test_a_reader_cannot_lift_the_blinding_by_a_table_of_the_same_name(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    read_by_both(stores)
    stores["cora"].add_to_log([ReadingProtocol(name="n", readers=("anna", "bert"))])
    with psycopg.connect(accounts["anna"], autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE record AS SELECT 1 AS sequence_number, "
                           "'Unblinding' AS kind, '{}' AS body, '' AS reader")  # fmt: skip
        rows = connection.execute(RECORDS).fetchall()
    assert rows
    assert not any('"reader":"bert"' in body for (body,) in rows)


@pytest.mark.parametrize("user", ["anna", "carl", "ali"])
def test_secrets_are_for_the_coordinator_alone(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], user: str
) -> None:
    stores["cora"].add_to_log(study_records())
    (issued_package,) = stores["cora"].log_of(IssuedPackage)
    assert issued_package.secret
    assert stores[user].log_of(IssuedPackage) == []
    visible = fetch_visible(accounts[user])
    assert "resolution_id" in visible
    assert issued_package.secret not in visible


def test_an_account_writes_in_its_own_name(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str]
) -> None:
    read_by_both(stores)
    with pytest.raises(ProjectError, match="may not do this"):
        stores["anna"].add_readings([reading("forged", reader="bert")])
    with pytest.raises((ProjectError, InputError)):
        sign(stores["anna"], "bert", "bert-draft")
    for user in ("anna", "ali"):
        with pytest.raises(OppMriError):
            stores[user].add_lesions([make_lesion("M")], NOON)
        with pytest.raises(OppMriError):
            stores[user].add_to_log([study_records()[0]])
    for statement in (
        "UPDATE record SET body = ''", "DELETE FROM record", "TRUNCATE record",
        "ALTER TABLE record DISABLE TRIGGER ALL", "UPDATE chain_head SET hash = ''",
        "DROP POLICY record_seen ON record", "INSERT INTO opp_mri_private.account VALUES (1)",
        "SET SESSION AUTHORIZATION owner", "CREATE ROLE more SUPERUSER",
    ):  # fmt: skip
        with (
            psycopg.connect(accounts["anna"]) as connection,
            pytest.raises(psycopg.Error),
        ):
            connection.execute(statement)  # type: ignore[arg-type]
    assert verify(stores["cora"]).faults == ()


def test_readers_who_resolve_write_what_they_resolve_once_unblinded(
    stores: dict[str, PostgresqlStore],
) -> None:
    read_by_both(stores)
    resolution = next(record for record in study_records() if isinstance(record, Resolution))
    resolution = attrs.evolve(resolution, resolved_by=("anna", "bert"))
    resolved_reading = reading("r3", reader="consensus", draft=True)
    (sample,) = [record for record in study_records() if isinstance(record, VolumeReading)]
    resolved_contours = attrs.evolve(sample, reading_id="v3", reader="consensus", repeat=False)
    stores["anna"].add_to_log([resolution], readings=[resolved_reading, resolved_contours])
    assert [
        reading.reading_id
        for reading in stores["bert"].get_readings()
        if reading.reader == "consensus"
    ] == ["r3"]
    assert [contours.reading_id for contours in stores["bert"].log_of(VolumeReading)] == ["v3"]


def test_a_removed_account_sees_and_writes_nothing_more_and_its_records_stay(
    shared: PostgresqlStore, stores: dict[str, PostgresqlStore], database: str, tmp_path: Path
) -> None:
    read_by_both(stores)
    name = f"dora{database.rsplit('_', 1)[1]}"
    account = Account(name=name, role=Role.READER, reader="dora")
    address = as_account(database, name, shared.add_account(account))
    at_work = open_postgresql(address, tmp_path)
    at_work.add_readings([reading("dora-draft", reader="dora", draft=True)])
    assert seen(at_work) == {"dora-draft", "anna-signed", "bert-signed"}
    with psycopg.connect(address, autocommit=True) as session:
        shared.remove_account(name)
        with pytest.raises(psycopg.Error):  # its role is gone
            session.execute(RECORDS)
    with pytest.raises(ProjectError, match="may not do this"):
        at_work.add_readings([reading("dora-later", reader="dora")])
    at_work.close()
    with pytest.raises(ProjectError):
        open_postgresql(address, tmp_path)
    assert "dora-draft" in seen(stores["cora"])
    assert verify(stores["cora"]).faults == ()
    assert name not in [account.name for account in shared.list_accounts()]
    with pytest.raises(InputError, match="no account"):
        shared.remove_account(name)


def test_twenty_readers_who_write_at_once_lose_nothing(
    shared: PostgresqlStore, database: str, tmp_path: Path
) -> None:
    faults: list[BaseException] = []

    def write(number: int) -> None:
        store = open_postgresql(database, tmp_path)
        try:
            for n in range(5):
                store.add_readings([reading(f"{number}-{n}", reader=f"R{number}")])
        except BaseException as error:
            faults.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert faults == []
    assert len(shared.get_readings()) == 100
    assert verify(shared).faults == ()


def test_a_signature_is_seen_in_the_other_window_at_once(
    stores: dict[str, PostgresqlStore],
) -> None:
    read_by_both(stores)
    before = len(stores["bert"].get_signatures())
    sign(stores["anna"], "anna", "anna-draft")
    assert len(stores["bert"].get_signatures()) == before + 1


def test_the_same_cell_from_two_places_is_told(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], tmp_path: Path
) -> None:
    elsewhere = open_postgresql(accounts["anna"], tmp_path)
    start = stores["anna"].get_head().sequence_number
    elsewhere.add_readings([reading("first", reader="anna")], seen_number=start)
    with pytest.raises(ConflictError, match="another window"):
        stores["anna"].add_readings([reading("second", reader="anna")], seen_number=start)
    elsewhere.close()


def test_an_absent_server_and_another_database_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="does not answer"):
        open_postgresql("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    with pytest.raises(InputError, match="Only PostgreSQL"):
        open_postgresql("mysql://host/db", tmp_path)


def test_a_session_that_keeps_the_turn_of_writing_is_named(
    stores: dict[str, PostgresqlStore], accounts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any account can take the lock, and would otherwise stop all writers by nobody's name."""
    monkeypatch.setattr("opp_mri.store.postgresql.WAIT_S", 1)
    with psycopg.connect(accounts["ali"]) as idle:
        account = idle.execute("SELECT session_user FROM pg_advisory_xact_lock(5150014)").fetchone()
        assert account
        with pytest.raises(ProjectError, match=f"account {account[0]} holds the database"):
            stores["anna"].add_readings([reading("r", reader="anna", draft=True)])
    stores["anna"].add_readings([reading("r", reader="anna", draft=True)])
    assert seen(stores["anna"]) == {"r"}


def test_a_guard_that_was_removed_is_named(shared: PostgresqlStore, database: str) -> None:
    execute(
        database, "DROP POLICY record_seen ON record",
        "ALTER TABLE record DISABLE TRIGGER record_follows",
        "ALTER TABLE record DISABLE ROW LEVEL SECURITY",
    )  # fmt: skip
    faults = " ".join(shared.find_database_faults())
    for words in ("record_seen", "record_follows", "“record” is off"):
        assert words in faults
