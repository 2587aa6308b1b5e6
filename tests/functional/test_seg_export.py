"""Contours as DICOM segmentations: read back, they are the pixels that were drawn."""

import shutil
import subprocess
from pathlib import Path

import attrs
import highdicom
import pytest
from fixtures.makers import NOON
from fixtures.small_study import make_study

from opp_mri.domain.contour import Contour, MeasuredVolume, ReferenceVertebra, VolumeReading
from opp_mri.workflow.exchange.seg_export import export_segmentations
from opp_mri.workflow.measuring.contours import draft_contours
from opp_mri.workflow.measuring.edits import sign_drafts
from opp_mri.workflow.measuring.timeline import build_draft_timeline, build_lesion_timeline
from opp_mri.workflow.project import open_project

SQUARE = ((1.5, 2.5), (7.5, 2.5), (7.5, 8.5), (1.5, 8.5))  # 6 by 6 pixels
PLACES = (0, 1, 3)


@pytest.fixture(scope="module")
def contoured_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MeasuredVolume]:
    """A project with contours on three of the four slices of a T1, signed, and their volume."""
    project = make_study(tmp_path_factory.mktemp("seg"))
    with open_project(project) as opened_project:
        (lesion,) = opened_project.store.get_lesions()
        cell = build_draft_timeline(opened_project.store, lesion, "A").cells[0]
        assert cell.volume is not None
        frames = [cell.volume.frames[place] for place in PLACES]
        contours = [
            Contour(sop_instance_uid=frame.sop_instance_uid, points=SQUARE) for frame in frames
        ]
        reading = draft_contours(
            (cell.study_date, cell.sequence), lesion.lesion_id, cell.volume, contours,
            reader="A", at=NOON,
        )  # fmt: skip
        opened_project.store.add_readings([reading])
        opened_project.store.add_signature(
            sign_drafts([], frozenset(), contours=[reading], statement="Done.", at=NOON)
        )
        measured_volume = (
            build_lesion_timeline(opened_project.store, lesion).cells[0].measured_volume
        )
        assert measured_volume is not None
    return project, measured_volume


def list_errors(path: Path) -> list[str]:
    """What dciodvfy finds wrong, where it is at hand."""
    program = shutil.which("dciodvfy")
    if program is None:
        return []
    ran = subprocess.run([program, path], capture_output=True, text=True, check=False)
    return [line for line in ran.stderr.splitlines() if line.startswith("Error")]


def test_a_segmentation_read_back_has_the_volume_that_was_measured(
    contoured_project: tuple[Path, MeasuredVolume], tmp_path: Path
) -> None:
    project, measured_volume = contoured_project
    with open_project(project) as opened_project:
        summary = export_segmentations(opened_project.store, tmp_path / "segs")
        (path,) = summary.files
        before = path.read_bytes()
        export_segmentations(opened_project.store, tmp_path / "segs")
        (lesion,) = opened_project.store.get_lesions()
    assert path.read_bytes() == before
    segmentation = highdicom.seg.segread(path)
    pixels = segmentation.pixel_array
    assert pixels.sum(axis=(1, 2)).tolist() == [36, 36, 36, 36]  # the third is interpolated
    assert measured_volume.interpolated == 1
    measures = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    row_mm, column_mm = measures.PixelSpacing
    volume = segmentation.get_volume()
    assert volume.spacing[1:] == pytest.approx((row_mm, column_mm))
    pixel_cc = volume.spacing[0] * row_mm * column_mm / 1000
    assert float(pixels.sum() * pixel_cc) == pytest.approx(
        float(measured_volume.volume_cc), rel=0.01
    )
    (segment,) = segmentation.SegmentSequence
    assert segment.TrackingUID == lesion.tracking_uid
    assert segmentation.ContentCreatorName == "A^"
    assert list_errors(path) == []


def test_readers_whose_names_a_file_name_does_not_tell_apart_have_a_file_each(
    contoured_project: tuple[Path, MeasuredVolume], tmp_path: Path
) -> None:
    project = shutil.copytree(contoured_project[0], tmp_path / "project")
    with open_project(project) as opened_project:
        (reading,) = opened_project.store.log_of(VolumeReading)
        for name in ("B C", "B/C", "B_C"):
            own = attrs.evolve(reading, reading_id=f"of {name}", reader=name)
            opened_project.store.add_readings([own])
            opened_project.store.add_signature(
                sign_drafts([], frozenset(), contours=[own], statement="Done.", at=NOON)
            )
        summary = export_segmentations(opened_project.store, tmp_path / "segs")
    assert len(summary.files) == len({path.name.casefold() for path in summary.files}) == 4


@pytest.mark.parametrize(
    ("level", "code"), [("C3", ("113205007", "SCT")), ("L6", ("vertebra-L6", "99OPPMRI"))]
)
def test_a_reference_vertebra_is_a_segment_of_its_own(
    contoured_project: tuple[Path, MeasuredVolume], tmp_path: Path, level: str,
    code: tuple[str, str],
) -> None:  # fmt: skip
    project = shutil.copytree(contoured_project[0], tmp_path / "project")
    with open_project(project) as opened_project:
        (reading,) = opened_project.store.log_of(VolumeReading)
        points = ((7.6, 8.6), (9.4, 8.6), (9.4, 10.4), (7.6, 10.4))
        reference = ReferenceVertebra(
            level=level, contours=(attrs.evolve(reading.contours[0], points=points),)
        )
        own = attrs.evolve(reading, reading_id="with reference", reference=reference)
        opened_project.store.add_readings([own])
        opened_project.store.add_signature(
            sign_drafts([], frozenset(), contours=[own], statement="Done.", at=NOON)
        )
        (path,) = export_segmentations(opened_project.store, tmp_path / "segs").files
    segmentation = highdicom.seg.segread(path)
    lesion, vertebra = (segmentation.get_segment_description(number) for number in (1, 2))
    assert lesion.segmented_property_type.meaning == "Lesion"
    assert vertebra.segmented_property_category.meaning == "Anatomical Structure"
    property_type = vertebra.segmented_property_type
    assert (property_type.value, property_type.scheme_designator) == code
    assert vertebra.segment_label == f"Reference {level} vertebra, not irradiated"
    assert vertebra.tracking_uid != lesion.tracking_uid
    volume = segmentation.get_volume(combine_segments=False)
    assert volume.array.sum(axis=(0, 1, 2)).tolist() == [4 * 36, 4]
    assert list_errors(path) == []
