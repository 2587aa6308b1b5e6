"""Contours in a blinded read: drawn in the package, checked on the way back, and counted signed."""

from datetime import date
from pathlib import Path

import attrs
import pytest
from fixtures.forged_store import edit_without_guards
from fixtures.makers import NOON

from opp_mri.dicom.volume import load_stack
from opp_mri.domain.contour import Contour, ReferenceVertebra, VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.errors import GeometryError, InputError, ProjectError
from opp_mri.store.appending import Draft
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.contours import draft_contours, find_unsigned_contours
from opp_mri.workflow.measuring.edits import sign_drafts, undo_contours
from opp_mri.workflow.measuring.readings import find_signed_ids
from opp_mri.workflow.measuring.signal_ratio import compute_ratio, list_ratios
from opp_mri.workflow.measuring.timeline import build_draft_timeline, build_lesion_timeline
from opp_mri.workflow.project import STORE_NAME, Project, open_project
from opp_mri.workflow.safekeeping.audit import list_entries, verify

SQUARE = ((2.0, 2.0), (7.0, 2.0), (7.0, 8.0), (2.0, 8.0))


def contours_on(cell: Cell, *places: int) -> list[Contour]:
    """A square on some slices of the series of a cell."""
    assert cell.volume is not None
    frames = [cell.volume.frames[place] for place in places]
    return [
        Contour(
            sop_instance_uid=frame.sop_instance_uid, frame_number=frame.frame_number, points=SQUARE
        )
        for frame in frames
    ]


def drawn_in(package: Project, *, sign: bool = True) -> list[VolumeReading]:
    """Draw on three slices of each cell of the package's first lesion, and sign."""
    lesion = package.store.get_lesions()[0]
    cells = build_draft_timeline(package.store, lesion, "reader-1").cells
    contour_readings = [
        draft_contours(
            (cell.study_date, cell.sequence), lesion.lesion_id, cell.volume,
            contours_on(cell, 0, 1, 2), reader="reader-1", at=NOON,
        )
        for cell in cells
        if cell.volume is not None
    ]  # fmt: skip
    package.store.add_readings(contour_readings)
    if sign:
        signature = sign_drafts(
            [], frozenset(), contours=contour_readings, statement="Done.", at=NOON
        )
        package.store.add_signature(signature)
    return contour_readings


def test_signed_contours_come_back_and_give_the_volume_of_the_projects_own_headers(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage]
) -> None:
    with open_project(folder / "reader-1") as package:
        contour_readings = drawn_in(package)
        code = package.store.get_lesions()[0]
    summary = merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert (summary.added, summary.unsigned) == (len(contour_readings), 0)
    real = {
        code: lesion_id
        for case in issued_packages["reader-1"].cases
        for code, lesion_id in case.lesions
    }
    lesion = project.store.get_lesion(real[code.lesion_id])
    assert lesion is not None
    timeline = build_lesion_timeline(project.store, lesion, reader="reader-1")
    cells = [cell for cell in timeline.cells if cell.contours is not None]
    assert len(cells) == len(contour_readings)
    for cell in cells:
        assert cell.volume is not None
        plane, measured_volume = cell.volume.planes[0], cell.measured_volume
        area_mm2 = 5 * plane.column_spacing_mm * 6 * plane.row_spacing_mm
        assert measured_volume is not None
        truth_cc = 3 * area_mm2 * (cell.volume.slice_spacing_mm or 0) / 1000
        assert float(measured_volume.volume_cc) == pytest.approx(truth_cc, abs=0.005)
    assert sum(map(len, timeline.timeline.volumes.values())) == len(contour_readings)
    assert not verify(project.store).faults
    assert merge_package(project, folder / "reader-1", NOON, unsealed=True).added == 0


def test_a_reference_vertebra_comes_back_and_the_projects_images_give_its_t2_ratio(
    project: Project,
    folder: Path,
    issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
) -> None:
    with open_project(folder / "reader-1") as package:
        lesion = package.store.get_lesions()[0]
        cell = next(
            cell
            for cell in build_draft_timeline(package.store, lesion, "reader-1").cells
            if cell.sequence is SeriesRole.T2FS
        )
        assert cell.volume is not None
        small = attrs.evolve(contours_on(cell, 1)[0], points=((7.5, 8.5), (9, 8.5), (9, 10.5)))
        reading = draft_contours(
            (cell.study_date, cell.sequence), lesion.lesion_id, cell.volume, contours_on(cell, 0),
            reference=ReferenceVertebra(level="C3", contours=(small,)), reader="reader-1", at=NOON,
        )  # fmt: skip
        uids = {frame.sop_instance_uid for frame in cell.volume.frames}
        voxels = load_stack(cell.volume, package.store.get_sources_of(uids))
        in_package, refusal = compute_ratio(reading, cell.volume, voxels, {lesion.level})
        assert not refusal
        package.store.add_readings([reading])
        package.store.add_signature(
            sign_drafts([], frozenset(), contours=[reading], statement="Done.", at=NOON)
        )
        with pytest.raises(ProjectError, match="blinded package"):
            list_ratios(package.store)
    merge_package(project, folder / "reader-1", NOON, unsealed=True)
    (reading_ratio,) = list_ratios(project.store)
    assert reading_ratio.level == "C3"
    assert reading_ratio.ratio is not None
    assert in_package is not None
    assert reading_ratio.ratio.lesion_pixels == in_package.lesion_pixels
    # scaling cancels, and the noise of a package's images does not, on three pixels
    assert reading_ratio.ratio.ratio == pytest.approx(in_package.ratio, rel=0.05)
    assert reading_ratio.reading.all_contours[-1].sop_instance_uid != small.sop_instance_uid


def test_unsigned_contours_stay_in_the_package(
    project: Project,
    folder: Path,
    issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
) -> None:
    with open_project(folder / "reader-1") as package:
        contour_readings = drawn_in(package, sign=False)
    summary = merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert (summary.added, summary.unsigned) == (0, len(contour_readings))
    assert project.store.log_of(VolumeReading) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((1, 1), (8, 1), (50, 8)), "outside its image"),
        (((1, 1), (8, 8), (8, 1), (1, 8)), "crosses itself"),
        (((1, 1), (8, 1)), "points"),
        (tuple((1 + n / 400, n % 2) for n in range(2001)), "2000 points, not 2001"),
        (((1, 1), (8, 1), (float("nan"), 4)), "not finite"),
        (((1, 1), (1.1, 1), (1.1, 1.1)), "less than 0.01 cc"),
    ],
)
def test_a_forged_contour_is_refused_as_if_it_were_drawn(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
    points: tuple[tuple[float, float], ...], words: str,
) -> None:  # fmt: skip
    with open_project(folder / "reader-1") as package:
        lesion = package.store.get_lesions()[0]
        cell = build_draft_timeline(package.store, lesion, "reader-1").cells[0]
        assert cell.volume is not None
        (sound,) = contours_on(cell, 1)
        place = (cell.study_date, cell.sequence)
        forged_contour = attrs.evolve(sound, points=points)
        with pytest.raises(GeometryError):
            draft_contours(
                place, lesion.lesion_id, cell.volume, [forged_contour], reader="reader-1", at=NOON
            )
        reading = draft_contours(
            place, lesion.lesion_id, cell.volume, [sound], reader="reader-1", at=NOON
        )
        forged_reading = attrs.evolve(reading, contours=(forged_contour,), draft=False)
        assert isinstance(package.store, SqlStore)
        package.store._append([Draft(forged_reading)])
    with pytest.raises(InputError, match=words):
        merge_package(project, folder / "reader-1", NOON, unsealed=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"study_date": date(2000, 2, 2)}, "none of the time points"),
        ({"reader": "reader-2"}, "a reader other than the package's"),
        ({"lesion_id": "elsewhere"}, "not issued with the package"),
        ({"repeat": True}, "marked as a repeat"),
        ({}, "counts without a signature"),
    ],
)
def test_contours_that_cannot_have_been_drawn_in_the_package_are_refused(
    project: Project, folder: Path, issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
    changes: dict[str, object], words: str,
) -> None:  # fmt: skip
    with open_project(folder / "reader-1") as package:
        (first, *_) = drawn_in(package)
        forged_reading = attrs.evolve(first, reading_id="forged", draft=False, **changes)
        package.store.add_readings([forged_reading])
    with pytest.raises(InputError, match=words):
        merge_package(project, folder / "reader-1", NOON, unsealed=True)


def test_the_log_of_a_blinded_project_shows_no_contours(
    project: Project,
    folder: Path,
    issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
) -> None:
    with open_project(folder / "reader-1") as package:
        drawn_in(package)
    merge_package(project, folder / "reader-1", NOON, unsealed=True)
    entries = [
        entry
        for entry in list_entries(project.store, blinded_readers=("reader-1",))
        if entry.action == "VolumeReading"
    ]
    assert entries
    assert all("not shown" in entry.content for entry in entries)


def test_signed_contours_count_until_their_amendment_is_signed(
    folder: Path,
    issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
) -> None:
    with open_project(folder / "reader-1") as package:
        store = package.store
        (signed_reading, *_) = drawn_in(package)
        lesion = store.get_lesion(signed_reading.lesion_id)
        assert lesion is not None

        def count_contours(*, drafts: bool = False) -> int:
            timeline = (
                build_draft_timeline(store, lesion, "reader-1")
                if drafts
                else build_lesion_timeline(store, lesion, reader="reader-1")
            )
            (cell,) = (
                cell
                for cell in timeline.cells
                if (cell.study_date, cell.sequence) == signed_reading.cell
            )
            return 0 if cell.contours is None else len(cell.contours.contours)

        amended_reading = attrs.evolve(
            signed_reading, reading_id="amended", contours=signed_reading.contours[:2],
            amendment_reason="edge",
        )  # fmt: skip
        store.add_readings([amended_reading])
        assert (count_contours(), count_contours(drafts=True)) == (3, 2)
        log = store.log_of(VolumeReading, lesion.lesion_id)
        undone_reading = undo_contours(log, find_signed_ids(store), NOON)
        assert undone_reading is not None
        assert undone_reading.contours == signed_reading.contours  # the signed ones, not none
        store.add_readings([undone_reading])
        log = store.log_of(VolumeReading, lesion.lesion_id)
        assert undo_contours(log, find_signed_ids(store), NOON) is None  # no undo past a signature
        assert find_unsigned_contours(log, find_signed_ids(store)) == []
        again = attrs.evolve(amended_reading, reading_id="again")
        store.add_readings([again])
        log = store.log_of(VolumeReading, lesion.lesion_id)
        store.add_signature(
            sign_drafts([], find_signed_ids(store), contours=log, statement="Done.", at=NOON)
        )
        assert count_contours() == 2


def test_contours_edited_in_the_database_are_named_and_not_merged(
    project: Project,
    folder: Path,
    issued_packages: dict[str, IssuedPackage],  # noqa: ARG001
) -> None:
    with open_project(folder / "reader-1") as package:
        drawn_in(package)
    edit_without_guards(
        folder / "reader-1" / STORE_NAME,
        "UPDATE record SET body = replace(body, '[7.0,8.0]', '[9.0,8.0]') "
        "WHERE sequence_number = (SELECT min(sequence_number) FROM record "
        "WHERE kind = 'VolumeReading')",
    )
    with open_project(folder / "reader-1") as package:
        (number, *_) = [
            record.sequence_number
            for record in package.store.read_chain()
            if record.kind == "VolumeReading"
        ]
        faults = verify(package.store).faults
        assert any(f"Record {number} (VolumeReading" in fault for fault in faults)
    with pytest.raises(InputError, match=f"Record {number} "):
        merge_package(project, folder / "reader-1", NOON, unsealed=True)
    assert project.store.log_of(VolumeReading) == []
