"""What every store holds to; each new kind of store is added to the fixture."""

import sqlite3
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import attrs
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fixtures.makers import NOON, make_instance, make_lesion, make_volume
from fixtures.processes import started
from sqlalchemy.exc import DatabaseError

from opp_mri.domain.contour import Contour, VolumeReading
from opp_mri.domain.exchange import DocumentReference, ExportedReport
from opp_mri.domain.imaging import FileStatus, Frame, SeriesRole, SourceFile
from opp_mri.domain.measurement import (
    Answer,
    ApAxis,
    AxisLandmark,
    Caliper,
    CommonPoint,
    Edit,
    LengthSource,
    LevelConfirmation,
    Place,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import (
    Blinding,
    CaseOrder,
    IssuedPackage,
    MergedPackage,
    PackageCase,
    ReadingProtocol,
    Resolution,
    ResolutionKind,
    ResolvedBy,
    ShownDates,
    StudyRecord,
    Unblinding,
)
from opp_mri.domain.timeline import Exclusion
from opp_mri.domain.visit import Visit
from opp_mri.errors import ConflictError, InputError, ProjectError
from opp_mri.store import schema, sql
from opp_mri.store.protocol import CatalogueEntry
from opp_mri.store.sql import SqlStore, open_sqlite

only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def source(name: str, *, modified_ns: int = 1) -> SourceFile:
    return SourceFile(path=f"/data/{name}", size_bytes=100, modified_ns=modified_ns)


def image(
    name: str, uid: str, *, likeness: str = "x", modified_ns: int = 1, **header: object
) -> CatalogueEntry:
    return CatalogueEntry(
        source=source(name, modified_ns=modified_ns),
        status=FileStatus.IMAGE,
        instance=make_instance(uid, **header),
        likeness=likeness,
    )


def reading(reading_id: str = "r1", **changes: object) -> Reading:
    values: dict[str, object] = {
        "reading_id": reading_id,
        "lesion_id": "L",
        "sequence": SeriesRole.T1,
        "reader": "A",
        "study_date": date(2024, 1, 1),
        "answer": Answer.MEASURED,
        "length_mm": Decimal("12.3"),
        "length_source": LengthSource.GEOMETRY,
        "caliper": Caliper(
            sop_instance_uid="1.2",
            frame_number=1,
            start=(0.1, 0.2),
            end=(10.0, 0.30000000000000004),
            start_lps_mm=(1.0, 2.0, 3.0),
            end_lps_mm=(1.0, 14.3, 3.0),
            frame_of_reference_uid="1.9",
        ),
        "remarks": ("A remark.",),
        "recorded_at": NOON,
    }
    return Reading(**(values | changes))  # type: ignore[arg-type]


def test_files_are_known_by_name_size_and_time(store: SqlStore) -> None:
    store.add_files([image("a", "1.1")])
    assert [*store.read_known_files()] == [
        SourceFile(path="/data/a", size_bytes=100, modified_ns=1)
    ]


def test_a_header_comes_back_as_it_went_in(store: SqlStore) -> None:
    entry = image("a", "1.1", patient_name="山道^正樹", study_date=date(2018, 1, 7))
    store.add_files([entry])
    assert store.get_instance("1.1") == entry.instance
    assert store.get_instances_of(["P1"]) == [entry.instance]


def test_what_is_left_out_is_listed_with_its_reason(store: SqlStore) -> None:
    note = CatalogueEntry(source=source("note"), status=FileStatus.NOT_DICOM, detail="A text.")
    store.add_files([image("a", "1.1"), note])
    assert store.get_files(left_out_only=True) == [note]
    assert store.count_files() == {FileStatus.IMAGE: 1, FileStatus.NOT_DICOM: 1}


def test_the_same_instance_in_a_second_file_is_a_copy(store: SqlStore) -> None:
    assert store.add_files([image("a", "1.1"), image("b", "1.1")]) == 1
    assert store.add_files([image("c", "1.1")]) == 1
    assert store.count_files() == {FileStatus.IMAGE: 1, FileStatus.COPY: 2}


def test_equal_uids_with_another_geometry_are_left_out_and_said(store: SqlStore) -> None:
    store.add_files([image("a", "1.1"), image("b", "1.1", likeness="y")])
    (entry,) = store.get_files(left_out_only=True)
    assert entry.status is FileStatus.UNREADABLE
    assert "another geometry" in entry.detail


def test_a_changed_file_replaces_its_header(store: SqlStore) -> None:
    store.add_files([image("a", "1.1", series_description="old")])
    store.add_files([image("a", "1.1", modified_ns=2, series_description="new")])
    instance = store.get_instance("1.1")
    assert instance is not None
    assert instance.series_description == "new"
    assert store.count_files() == {FileStatus.IMAGE: 1}


def test_when_a_file_goes_its_copy_holds_the_instance(store: SqlStore) -> None:
    store.add_files([image("a", "1.1"), image("b", "1.1")])
    store.forget_files([("/data/a", "")])
    assert store.get_instance("1.1") is not None
    assert store.get_sources_of(["1.1"]) == {"1.1": source("b")}
    store.forget_files([("/data/b", "")])
    assert store.get_instance("1.1") is None


def test_whatever_touches_a_patient_makes_its_volumes_stale(store: SqlStore) -> None:
    store.add_files([image("a", "1.1")])
    assert store.get_stale_patients() == ["P1"]
    store.replace_volumes(["P1"], [])
    assert store.get_stale_patients() == []
    store.forget_files([("/data/a", "")])
    assert store.get_stale_patients() == ["P1"]


def test_volumes_come_back_as_they_went_in_and_by_frame(store: SqlStore) -> None:
    volume = attrs.evolve(make_volume("v1", slices=3), role=SeriesRole.T1, evidence=("Why.",))
    store.replace_volumes(["P1"], [volume])
    assert store.get_volume("v1") == volume
    assert store.get_volumes() == [volume]
    assert store.get_volumes_with_frame(volume.frames[1].sop_instance_uid, 1) == [volume]
    assert store.get_volumes_with_frame(volume.frames[1].sop_instance_uid, 2) == []
    store.replace_volumes(["P1"], [])
    assert store.get_volumes() == []


def test_look_alikes_of_another_study_wait_for_their_pixels(store: SqlStore) -> None:
    store.add_files(
        [
            image("a", "1.1", study_instance_uid="S1", likeness="same"),
            image("b", "1.2", study_instance_uid="S2", likeness="same", patient_id="P2"),
            image("c", "1.3", study_instance_uid="S2", likeness="other"),
        ]
    )
    assert store.get_unhashed_look_alikes() == ["1.1", "1.2"]
    store.add_pixel_hashes({"1.1": "f00", "1.2": "f00"})
    assert store.get_unhashed_look_alikes() == []
    assert store.get_pixel_hashes_of(["P2"]) == {"1.2": "f00"}
    assert store.get_patients_with_equal_pixels() == [("P1", "P2")]


def test_the_latest_override_counts_and_can_be_cleared(store: SqlStore) -> None:
    store.add_role_override("v1", SeriesRole.T1, NOON)
    store.add_role_override("v1", None, NOON)
    store.add_role_override("v2", SeriesRole.STIR, NOON)
    assert store.get_role_overrides() == {"v1": None, "v2": SeriesRole.STIR}
    store.clear_role_override("v2", NOON)
    assert store.get_role_overrides() == {"v1": None}


def test_a_lesion_comes_back_with_its_latest_revision(store: SqlStore) -> None:
    lesion = make_lesion(exclusions=(Exclusion.CEMENT,), dose_gy=Decimal("24.0"))
    store.add_lesions([lesion, make_lesion("M")], NOON)
    revised_lesion = attrs.evolve(lesion, histology="renal")
    store.add_lesions([revised_lesion], NOON)
    assert store.get_lesion("L") == revised_lesion
    assert [lesion.lesion_id for lesion in store.get_lesions()] == ["L", "M"]
    assert store.get_lesion("absent") is None


def test_a_reading_comes_back_to_the_last_digit(store: SqlStore) -> None:
    store.add_readings([reading()])
    assert store.get_readings("L") == [reading()]
    assert str(store.get_readings()[0].length_mm) == "12.3"


@pytest.mark.parametrize("text", ["\0", "a\0b", "\udcff"])
@pytest.mark.parametrize("name", ["reading_id", "lesion_id", "reader", "remarks"])
def test_characters_that_a_database_cannot_keep_are_refused_in_words(
    store: SqlStore, name: str, text: str
) -> None:
    """SQLite kept U+0000 in a remark, and PostgreSQL then showed no reading to any account."""
    with pytest.raises(InputError, match="not text"):
        store.add_readings([reading(**{name: (text,) if name == "remarks" else text})])
    assert store.get_readings() == []


def test_a_name_whose_bytes_are_not_text_is_no_defect_of_the_program(store: SqlStore) -> None:
    with pytest.raises(InputError, match="not text"):
        store.get_lesion("\udcff")
    store.add_readings([reading(remarks=("a backslash, \\u0000, in words",))])
    assert len(store.get_readings()) == 1


def test_readings_are_appended_all_or_none(store: SqlStore) -> None:
    store.add_readings([reading("r1")])
    with pytest.raises(ConflictError, match="same identifier"):
        store.add_readings([reading("r2"), reading("r1")])
    assert [reading.reading_id for reading in store.get_readings()] == ["r1"]


@pytest.mark.parametrize("statement", ["DELETE FROM record", "UPDATE record SET reader = 'B'"])
@only_sqlite
def test_a_reading_cannot_be_changed_or_deleted(
    store: SqlStore, tmp_path: Path, statement: str
) -> None:
    store.add_readings([reading()])
    with (
        sqlite3.connect(tmp_path / "store.sqlite") as connection,
        pytest.raises(sqlite3.DatabaseError, match="append-only"),
    ):
        connection.execute(statement)


def test_the_newest_migration_is_the_one_that_a_store_is_brought_to() -> None:
    scripts = Path(sql.__file__).parent / "migrations"
    assert ScriptDirectory(str(scripts)).get_current_head() == sql.NEWEST


def test_signatures_axes_and_common_points_come_back_in_order(store: SqlStore) -> None:
    signatures = [
        Signature(
            signature_id=f"s{n}", lesion_id="L", reader="A", reading_ids=(f"r{n}",),
            statement="I sign.", recorded_at=NOON,
        )
        for n in range(2)
    ]  # fmt: skip
    axis = ApAxis(
        lesion_id="L", reader="A", frame_of_reference_uid="1.9", direction_lps=(0.0, 1.0, 0.0),
        landmark=AxisLandmark.ENDPLATE, sop_instance_uid="1.2", frame_number=1,
        start=(1.0, 2.0), end=(3.5, 2.0), recorded_at=NOON,
    )  # fmt: skip
    point = CommonPoint(
        patient_id="P1", reader="A", frame_of_reference_uid="1.9", point_lps_mm=(1.0, 2.0, 3.0),
        other_frame_of_reference_uid="1.8", other_point_lps_mm=(4.0, 5.0, 6.0), recorded_at=NOON,
    )  # fmt: skip
    store.add_readings([reading(f"r{n}") for n in range(2)])
    for signature in signatures:
        store.add_signature(signature)
    signatures = [
        attrs.evolve(signature, content_hash=stored_signature.content_hash)
        for signature, stored_signature in zip(signatures, store.get_signatures(), strict=True)
    ]
    assert all(signature.content_hash for signature in signatures)
    store.add_ap_axis(axis)
    store.add_common_point(point)
    assert store.get_signatures("L") == store.get_signatures() == signatures
    assert (store.get_ap_axes("L"), store.get_ap_axes("M")) == ([axis], [])
    assert (store.get_common_points("P1"), store.get_common_points("P2")) == ([point], [])


def test_a_reader_has_one_place_and_another_reader_another(store: SqlStore) -> None:
    for reader, day in (("A", 1), ("A", 2), ("B", 3)):
        place = Place(
            reader=reader, patient_id="P1", lesion_id=None, sequence=SeriesRole.T1,
            study_date=date(2024, 1, day),
        )  # fmt: skip
        store.keep_place(place)
    assert store.get_place("A") == attrs.evolve(place, reader="A", study_date=date(2024, 1, 2))
    assert store.get_place("B") == place
    assert store.get_place("C") is None


def study_records() -> list[StudyRecord]:
    """One record of each kind, every field away from its default where it has one."""
    day, shown_day = date(2000, 1, 1), date(2024, 1, 15)
    case = PackageCase(
        code="CASE-001", patient_id="P1", repeat=True, lesions=(("CASE-001-1", "L"),),
        days=((day, shown_day),),
    )  # fmt: skip
    return [
        ReadingProtocol(
            name="n", readers=("a", "b"), order=CaseOrder.LOCKED_SEQUENTIAL, repeats_share=0.25,
            washout_days=3, dates=ShownDates.HIDDEN, hide_dose=False, hide_outcome=False,
            length_limit_mm=Decimal("2.50"), angle_limit_deg=7.5,
            resolution=ResolvedBy.ADJUDICATOR, adjudicator="c", proposals=True,
        ),
        Blinding(package_id="p", reader="a", order=CaseOrder.FREE, dates=ShownDates.OFFSETS,
                 rules=("One.", "Two."), proposals=True, recorded_at=NOON),
        IssuedPackage(package_id="p", reader="a", wave=2, secret=f"{255:04x}", cases=(case,),
                      recorded_at=NOON),
        MergedPackage(package_id="p", reader="a", reading_ids=("r1", "r2"), recorded_at=NOON),
        Resolution(
            resolution_id="x", lesion_id="L", study_date=shown_day, sequence=SeriesRole.T1,
            kind=ResolutionKind.MEAN, reading_id="r3", of_reading_ids=("r1", "r2"),
            resolved_by=("a", "b"), reason="half", recorded_at=NOON,
        ),
        Unblinding(signed_by="lead", reason="done", statement="I do.", recorded_at=NOON),
        ApAxis(
            lesion_id="L", reader="a", frame_of_reference_uid="1.9", direction_lps=(0.0, 0.6, 0.8),
            landmark=AxisLandmark.POSTERIOR_WALL, sop_instance_uid="1.9", frame_number=2,
            start=(1.0, 2.5), end=(8.0, 2.0), recorded_at=NOON, edit=Edit.UNDONE,
        ),
        CommonPoint(
            patient_id="P1", reader="a", frame_of_reference_uid="1.9", point_lps_mm=(1.0, 2.0, 3.5),
            other_frame_of_reference_uid="1.8", other_point_lps_mm=(4.0, 5.0, 6.5),
            recorded_at=NOON, edit=Edit.REDONE,
        ),
        LevelConfirmation(
            lesion_id="L", reader="a", frame_of_reference_uid="1.9", point_lps_mm=(1.0, 2.0, 3.5),
            recorded_at=NOON, edit=Edit.UNDONE,
        ),
        VolumeReading(
            reading_id="v1", lesion_id="L", sequence=SeriesRole.T1, reader="a",
            study_date=shown_day,
            contours=(
                Contour(
                    sop_instance_uid="1.9", frame_number=2,
                    points=((1.0, 2.5), (8.0, 2.0), (4.0, 9.0)),
                ),
            ),
            draft=True, edit=Edit.REDONE, amendment_reason="edge", repeat=True, recorded_at=NOON,
        ),
        Visit(
            lesion_id="L", visit_date=shown_day, paraspinal_mm=Decimal("4.50"), pain=3,
            steroid=True, recorded_by="a", recorded_at=NOON,
        ),
        ExportedReport(
            report_key="[]", content_hash="ab", reading_ids=("r1",), recorded_at=NOON,
            reference=DocumentReference(
                study_instance_uid="1.1", series_instance_uid="1.2", sop_class_uid="1.3",
                sop_instance_uid="1.4",
            ),
        ),
    ]  # fmt: skip


def test_the_log_of_a_study_comes_back_by_kind_and_in_order(store: SqlStore) -> None:
    records = study_records()
    store.add_to_log(records)
    assert {type(record) for record in records} == set(get_args(StudyRecord))
    for record in records:
        assert store.log_of(type(record)) == [record]
    again = attrs.evolve(records[0], washout_days=10)
    store.add_to_log([again])
    assert store.log_of(ReadingProtocol) == [records[0], again]


@only_sqlite
def test_a_record_brings_its_readings_and_signatures_all_or_none(store: SqlStore) -> None:
    merged_package = study_records()[3]
    signed = Signature(
        signature_id="s", lesion_id="L", reader="A", reading_ids=("r1",), statement="I sign.",
        recorded_at=NOON,
    )  # fmt: skip
    store.add_readings([reading("r1")])
    with pytest.raises(InputError, match="not recorded here"):
        store.add_to_log([merged_package], signatures=[attrs.evolve(signed, reading_ids=("r9",))])
    store.add_to_log([merged_package], readings=[reading("r1"), reading("r2")], signatures=[signed])
    store.add_to_log([merged_package], readings=[reading("r2")], signatures=[signed])
    assert [reading.reading_id for reading in store.get_readings()] == ["r1", "r2"]
    assert [signature.signature_id for signature in store.get_signatures()] == ["s"]
    assert store.log_of(MergedPackage) == [merged_package, merged_package]
    with store.begin_writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stop BEFORE INSERT ON record WHEN NEW.kind = 'MergedPackage' "
            "BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    with pytest.raises(DatabaseError):
        store.add_to_log([merged_package], readings=[reading("r3")])
    assert [reading.reading_id for reading in store.get_readings()] == ["r1", "r2"]


@only_sqlite
def test_the_log_of_a_study_is_never_changed(store: SqlStore, tmp_path: Path) -> None:
    store.add_to_log(study_records())
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        for statement in ("DELETE FROM record", "UPDATE record SET body = ''"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                connection.execute(statement)


@only_sqlite
def test_a_second_writer_waits_or_is_told(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_connection = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    second_connection.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sql, "BUSY_TIMEOUT_S", 0.1)
    second = open_sqlite(tmp_path / "store.sqlite")
    with pytest.raises(ProjectError, match="Another program is writing"):
        second.add_readings([reading()])
    second_connection.execute("COMMIT")
    second_connection.close()
    second.add_readings([reading()])
    assert len(store.get_readings()) == 1
    second.close()


@only_sqlite
def test_two_writers_at_once_lose_nothing(store: SqlStore, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:2]\n"
        "from pathlib import Path; from test_store import reading\n"
        "from opp_mri.store.sql import open_sqlite\n"
        "store = open_sqlite(Path(sys.argv[2]))\n"
        "for n in range(20): store.add_readings([reading(f'{sys.argv[3]}-{n}')])\n"
    )
    folder = Path(__file__).parent
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "store.sqlite")]
    search = {"PYTHONPATH": f"{folder}:{folder.parent}"}
    with (
        started([*command, "one"], env=search) as first,
        started([*command, "two"], env=search) as second,
    ):
        assert [run.wait(timeout=60) for run in (first, second)] == [0, 0]
    assert len({reading.reading_id for reading in store.get_readings()}) == 40


@only_sqlite
def test_a_full_disk_changes_nothing_and_is_said(store: SqlStore) -> None:
    store.add_readings([reading("before")])
    with store.begin_writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [reading(f"r{n}", reason="long " * 200) for n in range(500)]
    with pytest.raises(ProjectError, match="disk is full"):
        store.add_readings(many)
    assert [reading.reading_id for reading in store.get_readings()] == ["before"]


@only_sqlite
def test_a_process_killed_in_a_transaction_leaves_what_was_there(
    store: SqlStore, tmp_path: Path
) -> None:
    store.add_readings([reading("before")])
    code = (
        "import os, sys; from pathlib import Path; from test_store import reading\n"
        "from opp_mri.store.sql import open_sqlite; from opp_mri.store import schema\n"
        "from opp_mri.store.serial import to_json; from sqlalchemy import insert\n"
        "store = open_sqlite(Path(sys.argv[1]))\n"
        "with store.lock() as connection:\n"
        "    connection.execute(insert(schema.stale_patient), dict(patient_id='P9'))\n"
        "    store.add_readings([reading('x')])\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    folder = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store.sqlite")],
        env={"PYTHONPATH": f"{folder}:{folder.parent}"},
        check=False,
    )
    assert run.returncode == -9
    assert [reading.reading_id for reading in store.get_readings()] == ["before"]


def test_an_absent_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="opp-mri init"):
        open_sqlite(tmp_path / "none.sqlite")


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_store_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.sqlite").write_bytes(content)
    with pytest.raises(ProjectError, match=r"damaged|opened"):
        open_sqlite(tmp_path / "store.sqlite")


@only_sqlite
def test_a_truncated_store_is_said(store: SqlStore, tmp_path: Path) -> None:
    store.add_readings([reading(f"r{n}") for n in range(200)])
    store.close()
    path = tmp_path / "store.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ProjectError, match="damaged"):
        open_sqlite(path).get_readings()


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("CREATE TABLE something (x)")
    with pytest.raises(ProjectError, match="but not of opp_mri"):
        open_sqlite(tmp_path / "store.sqlite")


@only_sqlite
def test_a_store_of_a_newer_version_is_left_alone(store: SqlStore, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ProjectError, match="newer opp_mri"):
        open_sqlite(tmp_path / "store.sqlite")


def test_the_migrations_make_the_schema_that_the_code_uses(store: SqlStore) -> None:
    with store.begin_reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_frames_of_an_enhanced_instance_come_back(store: SqlStore) -> None:
    frames = tuple(Frame(frame_number=n, echo_time_ms=10.0 * n) for n in (1, 2, 3))
    store.add_files([image("a", "1.1", frames=frames)])
    instance = store.get_instance("1.1")
    assert instance is not None
    assert instance.frames == frames


def test_a_snapshot_shows_one_moment_and_takes_no_writing(store: SqlStore) -> None:
    store.add_readings([reading("first")])
    with store.hold_snapshot():
        assert len(store.get_readings()) == 1
        with pytest.raises(RuntimeError, match="within a snapshot"):
            store.add_readings([reading("second")])
        assert len(store.get_readings()) == 1
    store.add_readings([reading("second")])
    assert len(store.get_readings()) == 2
