"""A store of version 0.1 comes over whole, into the chain, after a verified backup."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from contract.test_store import image, reading, study_records
from fixtures.makers import NOON, make_lesion, make_volume
from fixtures.old_store import write_old_store

from opp_mri.domain.imaging import FileStatus, SeriesRole, SourceFile
from opp_mri.domain.measurement import Signature
from opp_mri.domain.reader_study import ReadingProtocol, Unblinding
from opp_mri.errors import ProjectError
from opp_mri.store.kinds import StoreUpgrade
from opp_mri.store.serial import to_json
from opp_mri.store.sql import open_sqlite
from opp_mri.workflow.safekeeping.audit import verify

LOG = study_records()[:6]  # the kinds that 0.1 had


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store with the tables of 0.1.0: an image, a volume, readings, a signature, a log."""
    readings = [reading(f"r{n}", recorded_at=NOON + timedelta(hours=n)) for n in range(4)]
    signed = Signature(
        signature_id="s", lesion_id="L", reader="A", reading_ids=("r0", "r1"),
        statement="I sign.", recorded_at=NOON + timedelta(hours=2, minutes=1),
    )  # fmt: skip
    path = write_old_store(tmp_path / "store.sqlite", readings)
    with closing(sqlite3.connect(path)) as connection:
        at = NOON.isoformat()
        connection.execute("INSERT INTO role_override VALUES (1, 'v1', 'T1', ?)", [at])
        connection.execute("INSERT INTO same_patient VALUES (1, 'P2', 'P1', ?)", [at])
        connection.execute(
            "INSERT INTO lesion VALUES (1, 'L', ?, ?)", [to_json(make_lesion("L")), at]
        )
        connection.execute("INSERT INTO signature VALUES (1, 's', 'L', ?)", [to_json(signed)])
        for n, record in enumerate(LOG, 1):
            connection.execute(
                "INSERT INTO study_log VALUES (?, ?, ?)",
                [n, type(record).__name__, to_json(record)],
            )
        entry = image("a", "1.1")
        assert entry.instance is not None
        connection.execute(
            "INSERT INTO file VALUES (1, '/data/a', '', 100, 1, 'image', '', ?, '1.1')",
            [entry.instance.series_instance_uid],
        )
        connection.execute(
            "INSERT INTO instance VALUES (?, '1.1', '1.2.3', 'P1', 'x', NULL, ?)",
            [entry.instance.series_instance_uid, to_json(entry.instance)],
        )
        volume = make_volume("v1")
        connection.execute("INSERT INTO volume VALUES ('v1', 'P1', '1.2.3', ?)", [to_json(volume)])
        for place in volume.frames:
            connection.execute(
                "INSERT INTO frame VALUES (?, ?, 'v1')",
                [place.sop_instance_uid, place.frame_number],
            )
        connection.commit()
    return path


def test_every_record_comes_over_and_proves_itself(old: Path) -> None:
    store = open_sqlite(old)
    assert [reading.reading_id for reading in store.get_readings("L")] == ["r0", "r1", "r2", "r3"]
    assert store.get_readings()[2] == reading("r2", recorded_at=NOON + timedelta(hours=2))
    (signature,) = store.get_signatures("L")
    assert signature.content_hash
    assert store.get_role_overrides() == {"v1": SeriesRole.T1}
    assert store.get_same_patient() == [("P2", "P1")]
    assert store.get_lesions() == [make_lesion("L")]
    for record in LOG:
        assert store.log_of(type(record)) == [record]
    assert store.count_files() == {FileStatus.IMAGE: 1}
    assert store.get_volume("v1") == make_volume("v1")
    assert [*store.read_known_files()] == [
        SourceFile(path="/data/a", size_bytes=100, modified_ns=1)
    ]
    assert verify(store).faults == ()
    (upgrade,) = store._read_records(StoreUpgrade)
    assert (upgrade.from_version, upgrade.records) == ("0004", 14)
    store.close()


def test_records_stand_in_the_order_of_their_times(old: Path) -> None:
    store = open_sqlite(old)
    kinds = [record.kind for record in store.read_chain()]
    assert kinds.index("Signature") > [r.key for r in store.read_chain()].index("r2")
    assert kinds.index(ReadingProtocol.__name__) < kinds.index(Unblinding.__name__)
    store.close()


def test_a_verified_backup_is_made_before(old: Path) -> None:
    before = old.read_bytes()
    open_sqlite(old).close()
    backup = old.with_name("store.before-0005.sqlite")
    assert backup.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(backup)) as copy, closing(sqlite3.connect(":memory:")) as first:
        first.deserialize(before)
        assert list(copy.iterdump()) == list(first.iterdump())


def test_a_damaged_record_comes_over_as_it_is_and_is_named(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("DROP TRIGGER reading_no_update")
        connection.execute("UPDATE reading SET record = '{\"rea' WHERE reading_id = 'r1'")
        connection.commit()
    store = open_sqlite(old)
    assert [reading.reading_id for reading in store.get_readings()] == ["r0", "r2", "r3"]
    assert "a reading, is damaged" in caplog.text
    store.close()


def test_a_damaged_file_is_not_migrated(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_reading_1'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(old.read_bytes())
    content[(page - 1) * size + 8 : (page - 1) * size + 200] = b"\xff" * 192
    old.write_bytes(bytes(content))
    with pytest.raises(ProjectError, match="damaged"):
        open_sqlite(old)
    assert old.read_bytes() == bytes(content)


def test_a_record_keeps_its_text_letter_by_letter(old: Path) -> None:
    store = open_sqlite(old)
    (body,) = [record.body for record in store.read_chain() if record.key == "r3"]
    assert body == to_json(reading("r3", recorded_at=NOON + timedelta(hours=3)))
    assert json.loads(body)["length_mm"] == "12.3"
    store.close()
