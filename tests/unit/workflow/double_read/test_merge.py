"""What comes back from a package: only what is signed, once, and as the images have it."""

import json
import math
import sqlite3
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.processes import started
from fixtures.small_study import altered, declare, make_study, proposal_of, read_all

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, Reading
from opp_mri.domain.reader_study import (
    Blinding,
    CaseOrder,
    IssuedPackage,
    MergedPackage,
    ResolutionKind,
)
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.appending import Draft
from opp_mri.store.protocol import Store
from opp_mri.store.sql import SqlStore, open_sqlite
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.double_read.consensus import prepare_consensus
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.resolving import resolve
from opp_mri.workflow.double_read.returning import seal_return
from opp_mri.workflow.double_read.seal import ISSUE_NAME, make_keys, write_seal
from opp_mri.workflow.measuring.edits import sign_drafts
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.protocol import unblind
from opp_mri.workflow.measuring.readings import get_counted_readings, get_independent_readings
from opp_mri.workflow.project import RETURN_NAME, STORE_NAME, Project, open_project


def test_answers_come_back_on_the_projects_own_images(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    blind = read_all(folder / "reader-1", issued_packages["reader-1"])
    summary = merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert (summary.added, summary.known, summary.unsigned, summary.late) == (8, 0, 0, 0)
    readings = get_counted_readings(project.store)
    assert [reading.reading_id for reading in readings] == [reading.reading_id for reading in blind]
    uids = {f.sop_instance_uid for v in project.store.get_volumes() for f in v.frames}
    for reading, hidden in zip(readings, blind, strict=True):
        assert reading.caliper is not None
        assert hidden.caliper is not None
        assert reading.caliper.sop_instance_uid in uids
        assert reading.caliper.start == hidden.caliper.start
        assert reading.length_mm == hidden.length_mm == Decimal("16.0")
        assert reading.study_date in (date(2024, 1, 15), date(2024, 5, 1))
        assert reading.lesion_id in ("LP1", "LP2")
        assert reading.reader == "reader-1"
        assert not reading.repeat


def test_it_may_come_back_several_times_and_adds_what_is_new(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    package = folder / "reader-1"
    assert merge_package(project, package, NOON, unsealed=True).added == 0  # nothing is read yet
    assert project.store.log_of(MergedPackage) == []
    first = read_all(package, issued_packages["reader-1"], most=2)
    assert merge_package(project, package, NOON, unsealed=True).added == len(first) == 4
    with open_project(package) as opened_project:
        (lesion, *_) = opened_project.store.get_lesions()
        own_reading = next(
            first_reading for first_reading in first if first_reading.lesion_id == lesion.lesion_id
        )
        again = attrs.evolve(own_reading, reading_id="again", amendment_reason="a clearer edge")
        opened_project.store.add_readings([again])
    summary = merge_package(project, package, NOON, unsealed=True)
    assert (summary.added, summary.known, summary.unsigned) == (0, 4, 1)
    with open_project(package) as opened_project:
        opened_project.store.add_signature(
            sign_drafts([again], frozenset(), statement="Done.", at=NOON)
        )
    summary = merge_package(project, package, NOON, unsealed=True)
    assert (summary.added, summary.known, summary.unsigned) == (1, 4, 0)
    assert [
        len(merged_package.reading_ids) for merged_package in project.store.log_of(MergedPackage)
    ] == [4, 1]
    assert merge_package(project, package, NOON, unsealed=True).added == 0
    assert len(project.store.log_of(MergedPackage)) == 2


def forge(store: Store, reading: Reading) -> None:
    """Append a reading as somebody would who knows the source code: chained, but not checked."""
    assert isinstance(store, SqlStore)
    store._append([Draft(reading)])


def longer(reading: Reading) -> Reading:
    return altered(reading, length_mm=Decimal("9.0"))


def elsewhere(reading: Reading) -> Reading:
    assert reading.caliper is not None
    return altered(reading, caliper=attrs.evolve(reading.caliper, sop_instance_uid="1.2.3"))


def other_day(reading: Reading) -> Reading:
    return altered(reading, study_date=date(2000, 2, 2))


def no_line(reading: Reading) -> Reading:
    return altered(reading, caliper=None)


def not_from_points(reading: Reading) -> Reading:
    return altered(reading, length_source=LengthSource.IMPORTED)


def unknown_lesion(reading: Reading) -> Reading:
    return altered(reading, lesion_id="CASE-009-1")


def with_a_proposal(reading: Reading) -> Reading:
    assert reading.caliper is not None
    return altered(reading, proposed=proposal_of(reading.caliper, shown_ms=2000))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (longer, "but its points are 16.00 mm apart"),
        (elsewhere, "lies on none of the images"),
        (other_day, "belongs to none of the time points"),
        (no_line, "A length that was computed has points"),
        (not_from_points, "A length that was computed has points"),
        (unknown_lesion, "that was not issued with the package"),
        (with_a_proposal, "names a proposal, which the protocol does not allow"),
    ],
)
def test_a_package_that_was_altered_gives_nothing(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage], spoil, sentence: str
) -> None:  # type: ignore[no-untyped-def]
    package = folder / "reader-1"
    (first, *_) = read_all(package, issued_packages["reader-1"])
    bad = spoil(first)
    with open_project(package) as opened_project:
        forge(opened_project.store, bad)
        opened_project.store.add_signature(
            sign_drafts([bad], frozenset(), statement="Done.", at=NOON)
        )
    with pytest.raises(InputError, match=sentence) as error_info:
        merge_package(project, package, NOON, unsealed=True)
    assert first.lesion_id not in str(error_info.value)
    assert project.store.get_readings() == []
    assert project.store.get_signatures() == []
    assert project.store.log_of(MergedPackage) == []


def test_readings_of_somebody_else_in_a_package_are_not_taken(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    package = folder / "reader-1"
    (first, *_) = read_all(package, issued_packages["reader-1"])
    bad = altered(first, reader="reader-2")
    with open_project(package) as opened_project:
        opened_project.store.add_readings([bad])
        opened_project.store.add_signature(
            sign_drafts([bad], frozenset(), statement="Done.", at=NOON)
        )
    with pytest.raises(InputError, match="is by a reader other than"):
        merge_package(project, package, NOON, unsealed=True)
    assert project.store.get_readings() == []


def test_only_a_package_of_this_project_is_taken(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is not a reader's package"):
        merge_package(project, folder / "project", NOON, unsealed=True)
    with open_project(make_study(tmp_path / "other")) as other_project:
        declare(other_project, tmp_path)
        with pytest.raises(InputError, match="was not made from this project"):
            merge_package(other_project, folder / "reader-1", NOON, unsealed=True)
    with pytest.raises(ProjectError):
        merge_package(project, tmp_path / "nowhere", NOON, unsealed=True)


def test_after_unblinding_nothing_comes_back_and_nothing_new_is_independent(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    read_all(folder / "reader-1", issued_packages["reader-1"])
    merge_package(project, folder / "reader-1", NOON, unsealed=True)
    event = unblind(project.store, signed_by="lead", reason="both signed", at=NOON)
    read_all(folder / "reader-2", issued_packages["reader-2"])
    with pytest.raises(ProjectError, match="blinding is lifted"):
        merge_package(project, folder / "reader-2", NOON, unsealed=True)
    before = get_independent_readings(project.store)
    late = attrs.evolve(
        project.store.get_readings()[0], reading_id="late", length_mm=Decimal("1.0"), draft=False,
        caliper=None, length_source=LengthSource.IMPORTED,
        recorded_at=event.recorded_at.replace(year=1990),  # whatever a clock says
    )  # fmt: skip
    project.store.add_readings([late])
    assert late in get_counted_readings(project.store)
    assert get_independent_readings(project.store) == before


def test_what_is_answered_after_resolving_began_is_not_independent(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    for reader in ("reader-1", "reader-2"):
        columns = 1.0 if reader == "reader-1" else 8.0
        read_all(folder / reader, issued_packages[reader], most=2, columns=lambda *_, c=columns: c)
        merge_package(project, folder / reader, NOON, unsealed=True)
    result = prepare_consensus(project, load_project_rules(project))
    (pair, *_) = result[0].open_pairs
    resolve(project.store, pair, ResolutionKind.KEEP_A, reason="seen", at=NOON)
    with open_project(folder / "reader-1") as package:
        log = [
            attrs.evolve(reading, reading_id=f"new-{n}", answer=Answer.GONE, caliper=None,
                         length_mm=Decimal("0.0"), length_source=LengthSource.READER)
            for n, reading in enumerate(package.store.get_readings())
        ]  # fmt: skip
        package.store.add_readings(log)
        for lesion in package.store.get_lesions():
            own_log = [entry for entry in log if entry.lesion_id == lesion.lesion_id]
            package.store.add_signature(
                sign_drafts(own_log, frozenset(), statement="Done.", at=NOON)
            )
    summary = merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert (summary.added, summary.late) == (2, 2)
    kept_lesions = {
        reading.lesion_id
        for reading in project.store.get_readings()
        if reading.reading_id.startswith("new")
    }
    assert pair.lesion.lesion_id not in kept_lesions


def test_a_merge_is_all_or_nothing(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    read_all(folder / "reader-1", issued_packages["reader-1"])
    assert isinstance(project.store, SqlStore)
    with sqlite3.connect(folder / "project" / "opp_mri.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON record WHEN NEW.kind = 'MergedPackage' "
            "BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    with pytest.raises(Exception, match="x"):
        merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert project.store.get_readings() == []
    assert project.store.get_signatures() == []
    with sqlite3.connect(folder / "project" / "opp_mri.sqlite") as connection:
        connection.execute("DROP TRIGGER full")
    assert merge_package(project, folder / "reader-1", NOON, unsealed=True).added == 8


def test_two_who_merge_the_same_package_at_once_add_it_once(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    read_all(folder / "reader-1", issued_packages["reader-1"])
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from opp_mri.workflow.double_read.merge import merge_package\n"
        "from opp_mri.workflow.project import open_project\n"
        "with open_project(Path(sys.argv[1])) as project:\n"
        "    merge_package(project, Path(sys.argv[2]), datetime.now(UTC), unsealed=True)\n"
    )
    command = [sys.executable, "-c", code, folder / "project", folder / "reader-1"]
    with started(command) as first, started(command) as second:
        assert [run.wait(timeout=120) for run in (first, second)] == [0, 0]
    assert len(get_counted_readings(project.store)) == 8
    assert len(project.store.get_signatures()) == 2


def test_answers_may_be_handed_over_in_a_table_unless_time_points_are_locked(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    def table(store: Store, reader: str) -> Path:
        (lesion, *_) = store.get_lesions()
        (volume, *_) = store.get_volumes([lesion.patient_id])
        path = tmp_path / "calipers.csv"
        path.write_text(
            "lesion_id,reader,sequence,sop_instance_uid,column_1,row_1,column_2,row_2\n"
            f"{lesion.lesion_id},{reader},,{volume.frames[0].sop_instance_uid},1,5,6,5\n"
        )
        return path

    faults = measure(project.store, table(project.store, "reader-1"), NOON).refused
    assert "reads blind" in faults[0].message  # in the project itself
    with open_project(folder / "reader-1") as package:
        faults = measure(package.store, table(package.store, "reader-2"), NOON).refused
        assert "another reader" in faults[0].message
        faults = measure(package.store, table(package.store, "consensus"), NOON).refused
        assert "name of resolved answers" in faults[0].message
        assert measure(package.store, table(package.store, "reader-1"), NOON).refused == ()
    assert merge_package(project, folder / "reader-1", NOON, unsealed=True).added == 1
    (reading,) = get_counted_readings(project.store)
    assert reading.length_mm == Decimal("10.0")
    with open_project(folder / "reader-2") as package:
        (blinding,) = package.store.log_of(Blinding)
        package.store.add_to_log([attrs.evolve(blinding, order=CaseOrder.LOCKED_SEQUENTIAL)])
        faults = measure(package.store, table(package.store, "reader-2"), NOON).refused
        assert "in the reading room" in faults[0].message


FORGERIES: dict[str, tuple[Callable[[Reading], Reading], str]] = {
    "outside the image": (
        lambda reading: moved(reading, (5000.0, 5.0)), "has a point outside its image"
    ),
    "another sequence": (
        lambda reading: altered(reading, sequence=other_sequence(reading)),
        "image of another sequence",
    ),
    "without points": (
        lambda reading: altered(reading, caliper=None, length_source=LengthSource.IMPORTED),
        "has a length without points",
    ),
    "a repeat": (lambda reading: altered(reading, repeat=True), "is marked as a repeat"),
    "another reader": (
        lambda reading: altered(reading, reader="reader-2"), "is by a reader other than"
    ),
}  # fmt: skip


def other_sequence(reading: Reading) -> SeriesRole:
    return SeriesRole.T2FS if reading.sequence is SeriesRole.T1 else SeriesRole.T1


def moved(reading: Reading, end: tuple[float, float]) -> Reading:
    """Move the second point, with the length and the place in the patient that fit it."""
    line = reading.caliper
    assert line is not None
    ratio = (end[0] - line.start[0]) / (line.end[0] - line.start[0])
    a, b = line.start_lps_mm, line.end_lps_mm
    far = (
        a[0] + ratio * (b[0] - a[0]), a[1] + ratio * (b[1] - a[1]), a[2] + ratio * (b[2] - a[2])
    )  # fmt: skip
    return altered(
        reading, caliper=attrs.evolve(line, end=end, end_lps_mm=far),
        length_mm=Decimal(f"{math.dist(a, far) % 900:.1f}"),
    )  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_every_answer_is_checked_as_if_it_were_typed_and_each_fault_named(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage], name: str
) -> None:
    spoil, sentence = FORGERIES[name]
    package = folder / "reader-1"
    (first, *_) = read_all(package, issued_packages["reader-1"])
    bad = attrs.evolve(spoil(first), draft=False)
    with open_project(package) as opened_project:
        forge(opened_project.store, bad)
    with pytest.raises(InputError, match="was altered") as error_info:
        merge_package(project, package, NOON, unsealed=True)
    assert sentence in str(error_info.value) or "points are" in str(error_info.value)
    assert first.lesion_id not in str(error_info.value)
    assert project.store.get_readings() == []


def test_images_that_were_replaced_deleted_or_added_are_named(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    package = folder / "reader-1"
    read_all(package, issued_packages["reader-1"])
    images = sorted((package / "images").iterdir())
    images[0].unlink()
    images[1].write_bytes(images[2].read_bytes())
    (package / "images" / "one_more.dcm").write_bytes(b"x")
    with pytest.raises(InputError) as error_info:
        merge_package(project, package, NOON, unsealed=True)
    for word in ("1 of its images were deleted", "were added", "were changed"):
        assert word in str(error_info.value)


def test_a_package_that_was_sealed_for_return_cannot_be_changed_unnoticed(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    package = folder / "reader-1"
    (first, *_) = read_all(package, issued_packages["reader-1"])
    copytree(package, folder / "unsealed")
    seal_return(package, NOON)
    with pytest.raises(InputError, match="sealed already"):
        seal_return(package, NOON)
    copytree(package, folder / "good")
    assert merge_package(project, folder / "good", NOON, unsealed=True).added == 8
    forged_reading = altered(first, answer=Answer.GONE, caliper=None, length_mm=Decimal("0.0"))
    with open_project(package) as opened_project:
        with pytest.raises(ProjectError, match="sealed for its return"):
            opened_project.store.add_readings([forged_reading])
        assert len(opened_project.store.get_readings()) == 8
    store = open_sqlite(package / STORE_NAME)  # by another program than opp_mri
    store.add_readings([forged_reading])
    store.close()
    with pytest.raises(InputError, match="changed after its reader sealed it"):
        merge_package(project, package, NOON, unsealed=True)
    (package / RETURN_NAME).unlink()
    with pytest.raises(InputError, match="seal of its reader was removed"):
        merge_package(project, package, NOON, unsealed=True)
    (folder / "unsealed" / ISSUE_NAME).unlink()
    with pytest.raises(InputError, match="seal was removed"):
        merge_package(project, folder / "unsealed", NOON, unsealed=True)


def test_the_seal_of_another_key_is_refused(project: Project, folder: Path) -> None:
    package = folder / "reader-1"
    manifest = json.loads((package / ISSUE_NAME).read_text())["manifest"]
    write_seal(package / ISSUE_NAME, manifest, make_keys().private)
    with pytest.raises(InputError, match="not the one that was made for it"):
        merge_package(project, package, NOON, unsealed=True)


def test_a_clock_that_was_wrong_is_told_and_decides_nothing(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    for reader, year in (("reader-1", 1990), ("reader-2", 2999)):
        read_all(folder / reader, issued_packages[reader], at=NOON.replace(year=year))
    past = merge_package(project, folder / "reader-1", NOON, unsealed=True)
    future = merge_package(project, folder / "reader-2", NOON, unsealed=True)
    assert "ran behind" in past.cautions[0]
    assert "was ahead" in future.cautions[0]
    unblind(project.store, signed_by="lead", reason="done", at=NOON.replace(year=1980))
    assert len(get_independent_readings(project.store)) == 16


def test_an_interrupted_package_is_cleared_or_completed_by_the_next_run(
    project: Project, folder: Path
) -> None:
    partial = folder / "again.partial"
    partial.mkdir()
    (partial / "something").touch()
    with pytest.raises(InputError, match="does not belong to opp_mri"):
        make_package(project, "reader-1", folder / "again", NOON, again=True)
    (partial / "being-made").write_text("no package of this project")
    package = make_package(project, "reader-1", folder / "again", NOON, again=True)
    assert not partial.exists()
    package.folder.rename(partial)  # killed between the log and the last step
    (partial / "being-made").write_text(package.issued.package_id)
    assert make_package(project, "reader-1", folder / "again", NOON).issued == package.issued
    assert not (folder / "again" / "being-made").exists()
