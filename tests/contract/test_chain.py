"""Records prove themselves: whatever is done to a store behind opp_mri's back is named."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import attrs
import pytest
from contract.test_store import reading
from fixtures.forged_store import edit_without_guards, rewrite_record
from fixtures.makers import NOON, make_lesion
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.measurement import Answer, LengthSource, Signature
from opp_mri.errors import ConflictError, InputError, ProjectError
from opp_mri.store import appending
from opp_mri.store.appending import Draft
from opp_mri.store.chain import GENESIS, ChainRecord, Head, check_chain, record_hash
from opp_mri.store.serial import to_json
from opp_mri.store.sql import SqlStore, open_sqlite
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.safekeeping.audit import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a lesion, five readings and a signature; closed."""
    place = tmp_path / "store.sqlite"
    store = open_sqlite(place, create=True)
    store.add_lesions([make_lesion("L")], NOON)
    store.add_readings(
        [reading(f"r{n}", study_date=NOON.date().replace(day=n)) for n in range(1, 6)]
    )
    store.add_signature(
        Signature(
            signature_id="s", lesion_id="L", reader="A", reading_ids=("r1", "r2"),
            statement="I sign.", recorded_at=NOON,
        )
    )  # fmt: skip
    store.close()
    return place


def faults_of(path: Path, expected: str | None = None) -> list[str]:
    store = open_sqlite(path)
    try:
        return list(verify(store, expected).faults)
    finally:
        store.close()


def test_an_untouched_store_has_no_fault(path: Path) -> None:
    assert faults_of(path) == []


def test_the_hash_of_a_record_stays_what_it_is() -> None:
    content = record_hash(
        sequence_number=1, kind="Reading", key="r", subject="L", reader="A", account="",
        recorded_at="2024-05-01", written_at="2024-05-01", body='{"a":"ä"}',
        previous_hash=GENESIS,
    )  # fmt: skip
    assert content == "6a1321cabd196620e8926a29cd596cb7deb98a0de471e0b8725404bff3e696e4"


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE record SET body = replace(body, '12.3', '12.4') WHERE key = 'r2'",
         "Record 3 (Reading) was changed"),
        ("UPDATE record SET reader = 'B' WHERE key = 'r2'", "Record 3 (Reading) was changed"),
        ("UPDATE record SET recorded_at = '1990' WHERE key = 'r2'", "Record 3 (Reading) was"),
        ("UPDATE record SET body = x'00ff' WHERE key = 'r2'", "Record 3 (Reading) was changed"),
        ("UPDATE record SET body = CAST(x'ff22' AS TEXT) WHERE key = 'r2'", "Record 3 (Reading)"),
        ("DELETE FROM record WHERE key = 'r2'", "Record 3 is missing: it was deleted"),
        ("DELETE FROM record WHERE sequence_number > 5", "Records 6 to 7 are missing"),
        ("DELETE FROM record", "Records 1 to 7 are missing"),
        ("UPDATE record SET sequence_number = 100 WHERE key = 'r2'", "Record 3 is missing"),
        ("UPDATE chain_head SET sequence_number = 6", "The head of the chain is not its last"),
        ("DELETE FROM chain_head", "The head of the chain is not its last"),
        ("UPDATE record SET sequence_number = CASE sequence_number WHEN 3 THEN -4 ELSE -3 END "
         "WHERE sequence_number IN (3, 4)", "was changed after it was recorded"),
    ],
)  # fmt: skip
def test_an_edit_a_deletion_and_another_order_are_named(
    path: Path, statement: str, sentence: str
) -> None:
    edit_without_guards(path, statement)
    assert any(sentence in fault for fault in faults_of(path)), faults_of(path)


def test_a_guard_that_is_removed_or_replaced_is_named(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER record_no_update")
    connection.execute("CREATE TRIGGER helpful AFTER INSERT ON record BEGIN SELECT 1; END")
    connection.commit()
    connection.close()
    faults = faults_of(path)
    assert any("record_no_update" in fault and "missing" in fault for fault in faults)
    assert any("helpful" in fault for fault in faults)


@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR REPLACE", "REPLACE"])
@pytest.mark.parametrize(
    "number", ["sequence_number", "(SELECT max(sequence_number) + 1 FROM record)"]
)
def test_a_row_cannot_be_replaced_or_forged(path: Path, verb: str, number: str) -> None:
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(
            f"{verb} INTO record SELECT {number}, kind, key, subject, reader, account, "  # noqa: S608
            "recorded_at, written_at, replace(body, '12.3', '40.0'), "
            "(SELECT hash FROM chain_head), hash FROM record WHERE key = 'r2'"
        )
    connection.close()
    assert faults_of(path) == []


def test_a_chain_that_is_written_again_is_found_by_a_head_that_was_kept(path: Path) -> None:
    store = open_sqlite(path)
    head_hash = store.get_head().hash
    body = next(record.body for record in store.read_chain() if record.key == "r2")
    store.close()
    rewrite_record(path, "r2", body.replace("12.3", "40.0"))
    assert any("kept elsewhere" in fault for fault in faults_of(path, head_hash))
    # the length is no longer that of its points, and what was signed is another content
    assert any("12.30 mm apart" in fault for fault in faults_of(path))
    assert any("differ from those that were signed" in fault for fault in faults_of(path))


def test_a_damaged_record_is_named_and_never_stops_the_others(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit_without_guards(path, "UPDATE record SET body = 'no JSON' WHERE key = 'r2'")
    store = open_sqlite(path)
    assert [reading.reading_id for reading in store.get_readings()] == ["r1", "r3", "r4", "r5"]
    assert store.get_signatures() == []  # it covers the damaged one
    (damage, _) = store.list_damages("L")
    assert damage.sequence_number == 3
    assert "Record 3, a reading, is damaged" in caplog.text
    assert "L" not in damage.message.split()
    store.add_readings([reading("r6")])  # work goes on
    store.close()


def test_independence_follows_the_order_and_a_wrong_clock_is_named(path: Path) -> None:
    store = open_sqlite(path)
    for year in (1990, 2999):
        moment = datetime(year, 1, 1, tzinfo=UTC)
        store.add_readings([reading(f"of-{year}", recorded_at=moment)])
    report = verify(store)
    store.close()
    assert report.faults == ()
    assert any(
        "1990" in caution and "may have been wrong" in caution for caution in report.cautions
    )
    assert any("2999" in caution and "was ahead" in caution for caution in report.cautions)


@pytest.mark.parametrize(
    "changes",
    [
        {"length_mm": Decimal("40.0")},
        {"length_mm": None},
        {"length_mm": Decimal("40.0"), "caliper": None},
        {"length_source": LengthSource.IMPORTED},
        {"answer": Answer.GONE},
        {"answer": Answer.GONE, "caliper": None},
        {"answer": Answer.NOT_MEASURABLE},
        {"answer": Answer.NOT_MEASURABLE, "caliper": None},
        {"answer": Answer.WITHDRAWN, "caliper": None},
    ],
)
def test_a_reading_that_contradicts_itself_is_not_recorded(
    path: Path, changes: dict[str, object]
) -> None:
    store = open_sqlite(path)
    before = store.get_head()
    with pytest.raises(InputError, match="Nothing was recorded"):
        store.add_readings([reading("good"), reading("bad", **changes)])
    assert store.get_head() == before
    store.close()


@pytest.mark.parametrize("length", ["-4.0", "NaN", "Infinity", "5000", "1e300", "0.0"])
def test_a_forged_length_that_no_door_lets_in_is_named_when_it_is_read(
    path: Path, length: str
) -> None:
    store = open_sqlite(path)
    sound = attrs.evolve(
        reading("forged"), caliper=None, length_source=LengthSource.IMPORTED,
        length_mm=Decimal("11.1"),
    )  # fmt: skip
    with patch.object(appending, "to_json", lambda record: to_json(record).replace("11.1", length)):
        store._append([Draft(sound)])
    assert "forged" not in [reading.reading_id for reading in store.get_readings()]
    assert len(store.get_readings()) == 5
    assert store.list_damages("L")
    assert verify(store).faults
    store.close()


def test_the_same_cell_from_two_places_is_told(path: Path) -> None:
    first_store, second_store = open_sqlite(path), open_sqlite(path)
    number_seen = first_store.get_head().sequence_number
    second_store.add_readings([reading("there")], seen_number=number_seen)
    with pytest.raises(ConflictError, match="in another window or program"):
        first_store.add_readings([reading("here")], seen_number=number_seen)
    first_store.add_readings(
        [reading("elsewhere", reader="B")], seen_number=number_seen
    )  # another reader's cell
    first_store.add_readings([reading("here")], seen_number=first_store.get_head().sequence_number)
    first_store.close()
    second_store.close()


def test_a_lock_is_one_transaction(path: Path) -> None:
    store = open_sqlite(path)
    before = store.get_head()
    with pytest.raises(RuntimeError):
        _add_and_fail(store)
    assert store.get_head() == before
    with store.lock():
        store.add_readings([reading("inside")])
    assert len(store.get_readings()) == 6
    store.close()


def _add_and_fail(store: SqlStore) -> None:
    with store.lock():
        store.add_readings([reading("inside")])
        assert len(store.get_readings()) == 6
        raise RuntimeError


def chain_of(count: int) -> tuple[list[ChainRecord], Head]:
    records: list[ChainRecord] = []
    head = Head()
    for number in range(1, count + 1):
        content = {
            "sequence_number": number, "kind": "Reading", "key": f"r{number}", "subject": "L",
            "reader": "A", "account": "", "recorded_at": "", "written_at": "",
            "body": f'{{"n":{number}}}', "previous_hash": head.hash,
        }  # fmt: skip
        record = ChainRecord(**content, hash=record_hash(**content))
        records.append(record)
        head = Head(sequence_number=number, hash=record.hash)
    return records, head


Change = Callable[[list[ChainRecord], int, int], None]


def swap(records: list[ChainRecord], a: int, b: int) -> None:
    records[a], records[b] = records[b], records[a]


def drop(records: list[ChainRecord], a: int, _b: int) -> None:
    del records[a]


def repeat(records: list[ChainRecord], a: int, b: int) -> None:
    records.insert(b, records[a])


def exchange(records: list[ChainRecord], a: int, b: int) -> None:
    records[a] = attrs.evolve(records[a], body=records[b].body, hash=records[b].hash)


@given(st.data(), st.sampled_from([swap, drop, repeat, exchange]))
def test_no_change_of_a_chain_stays_unnoticed(data: st.DataObject, change: Change) -> None:
    records, head = chain_of(8)
    assert list(check_chain(records, head)) == []
    a = data.draw(st.integers(0, 7))
    b = data.draw(st.integers(0, 7).filter(lambda n: n != a))
    change(records, a, b)
    assert list(check_chain(records, head))


def test_a_store_in_use_by_this_version_keeps_its_file_for_its_owner(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_a_flipped_bit_anywhere_in_a_record_is_named(path: Path) -> None:
    content = path.read_bytes()
    place = content.index(b'"reading_id":"r3"')
    for step in range(0, 120, 7):
        for bit in (0, 3, 6):
            altered_bytes = bytearray(content)
            altered_bytes[place + step] ^= 1 << bit
            path.write_bytes(bytes(altered_bytes))
            assert faults_of(path), (step, bit)


def test_the_timeline_of_a_lesion_with_a_damaged_record_says_so(path: Path) -> None:
    edit_without_guards(path, "UPDATE record SET body = 'x' WHERE key = 'r2'")
    store = open_sqlite(path)
    (lesion,) = store.get_lesions()
    flags = build_draft_timeline(store, lesion, "A").flags
    assert any("Record 3, a reading, is damaged" in flag for flag in flags)
    store.close()


def test_what_another_person_records_during_a_verification_is_no_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, second_store = open_sqlite(path), open_sqlite(path)
    find_faults = store.find_database_faults

    def find_while_another_records() -> Sequence[str]:
        faults = find_faults()
        second_store.add_lesions([make_lesion("M")], NOON)
        return faults

    monkeypatch.setattr(store, "find_database_faults", find_while_another_records)
    assert verify(store).faults == ()
    store.close()
    second_store.close()


@pytest.mark.parametrize("name", [b"previous_hash", b"CREATE TABLE record", b"record_follows"])
def test_a_flipped_bit_in_the_definition_of_a_table_is_told_in_words(
    path: Path, name: bytes
) -> None:
    """SQLite quotes the damaged definition in its error, which is no valid text then."""
    sound = path.read_bytes()
    for place in range(sound.index(name), sound.index(name) + len(name), 3):
        altered_bytes = bytearray(sound)
        altered_bytes[place] ^= 0x80
        path.write_bytes(bytes(altered_bytes))
        with suppress(ProjectError):  # the store is refused in words, or each fault is named
            assert faults_of(path)
