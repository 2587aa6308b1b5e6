"""Key images and the text to dictate, by the command line."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.makers import NOON, make_lesion
from fixtures.small_study import VISITS, declare, make_study
from PIL import Image
from pydicom import Dataset, dcmread

from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import Project, open_project

Run = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A patient with a lesion that reader A has measured on T1 of both visits."""
    folder = make_study(tmp_path)
    with open_project(folder) as opened_project:
        measure_t1(opened_project, "LP1", tmp_path)
    return folder


def measure_t1(project: Project, lesion_id: str, folder: Path) -> None:
    """Have reader A measure a lesion on T1 of both visits."""
    rows = ["lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2"]
    for volume in project.store.get_volumes(["P1"]):
        if volume.role is SeriesRole.T1:
            columns = 4 if volume.study_date == VISITS[0] else 6
            uid = volume.frames[1].sop_instance_uid
            rows.append(f"{lesion_id},T1,A,{uid},1,1,5,{1 + columns},5")
    table = folder / "calipers.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert measure(project.store, table, NOON).refused == ()


def test_a_strip_is_drawn_and_a_visit_without_a_picture_is_named(
    opp_mri: Run, project: Path, tmp_path: Path
) -> None:
    ran = opp_mri("strip", "LP1", "--project", project, "-o", tmp_path / "strip.png")
    assert "Written" in ran.out
    assert "no confirmed fit to the baseline" in ran.err
    assert Image.open(tmp_path / "strip.png").format == "PNG"


def test_another_ending_is_refused_before_anything_is_read(opp_mri: Run, tmp_path: Path) -> None:
    ran = opp_mri("strip", "L", "--project", tmp_path, "-o", tmp_path / "s.bmp", expect=3)
    assert "ends in .png, .svg, .pdf, .pptx, .gif" in ran.err


def test_key_images_become_objects_of_the_study_of_their_image(
    opp_mri: Run, project: Path, tmp_path: Path
) -> None:
    ran = opp_mri("key-images", "LP1", tmp_path / "keys", "--project", project)
    assert ran.out.startswith("2 presentation states, 2 key object selections and 1 secondary")
    assert "2024-05-01, T1: No picture: no confirmed fit to the baseline" in ran.err
    with open_project(project) as opened_project:
        readings = {
            reading.study_date: reading for reading in opened_project.store.get_readings("LP1")
        }
        volumes = {volume.study_date: volume for volume in opened_project.store.get_volumes(["P1"])}
    for day in VISITS:
        state = read_object(tmp_path / "keys", f"LP1-{day}-T1-A-*-state.dcm")
        caliper = readings[day].caliper
        assert caliper is not None
        assert state.StudyInstanceUID == volumes[day].study_instance_uid
        assert (state.PatientID, state.PatientName) == ("P1", "Name^P1")
        (annotation,) = state.GraphicAnnotationSequence
        (image,) = annotation.ReferencedImageSequence
        assert image.ReferencedSOPInstanceUID == caliper.sop_instance_uid
        (line,) = annotation.GraphicObjectSequence
        corner = [number + 0.5 for end in (caliper.start, caliper.end) for number in end]
        assert line.GraphicData == pytest.approx(corner)
        (text,) = annotation.TextObjectSequence
        assert text.UnformattedTextValue == f"LP1 {readings[day].length_mm} mm"
        (selection,) = (tmp_path / "keys").glob(f"LP1-{day}-*-selection.dcm")
        items = dcmread(selection).ContentSequence
        (selected,) = [item for item in items if item.ValueType == "IMAGE"]
        (reference,) = selected.ReferencedSOPSequence
        assert reference.ReferencedSOPInstanceUID == caliper.sop_instance_uid
        (referenced_image,) = reference.ReferencedSOPSequence
        assert referenced_image.ReferencedSOPInstanceUID == state.SOPInstanceUID
    picture = read_object(tmp_path / "keys", f"LP1-{VISITS[0]}-T1-A-*-picture.dcm")
    assert picture.pixel_array.shape[2] == 3
    assert picture.BurnedInAnnotation == "YES"
    assert "PixelSpacing" not in picture
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    opp_mri("key-images", "LP1", tmp_path / "keys", "--project", project)
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before


def read_object(folder: Path, pattern: str) -> Dataset:
    """Read the object with a name, in which dciodvfy finds no error where it is installed."""
    program = shutil.which("dciodvfy")
    if program is not None:
        for path in folder.iterdir():
            process = subprocess.run([program, path], capture_output=True, text=True, check=False)
            assert [line for line in process.stderr.splitlines() if line.startswith("Error")] == []
    (path,) = folder.glob(pattern)
    return dcmread(path)


def test_lesions_whose_names_a_file_name_does_not_tell_apart_keep_their_own_files(
    opp_mri: Run, project: Path, tmp_path: Path
) -> None:
    names = ("L 2", "L_2")
    with open_project(project) as opened_project:
        opened_project.store.add_lesions(
            [
                make_lesion(name, patient_id="P1", tracking_uid=f"2.25.{n + 80}")
                for n, name in enumerate(names)
            ],
            NOON,
        )
        for name in names:
            measure_t1(opened_project, name, tmp_path)
    for name in names:
        opp_mri("key-images", name, tmp_path / "keys", "--project", project)
    paths = list((tmp_path / "keys").iterdir())
    assert len(paths) == 10  # of each lesion 2 states, 2 selections and 1 capture
    texts = {
        dcmread(path).GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue[:3]
        for path in paths
        if path.name.endswith("-state.dcm")
    }
    assert texts == set(names)


def test_a_lesion_without_a_caliper_has_no_key_images(
    opp_mri: Run, project: Path, tmp_path: Path
) -> None:
    ran = opp_mri(
        "key-images", "LP1", tmp_path / "k", "--sequence", "T2FS", "--project", project, expect=3
    )
    assert "has a caliper on an image of this project" in ran.err
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize(
    "verb",
    [("strip", "LP1", "-o", "strip.png"), ("dictate", "LP1"), ("key-images", "LP1", "strip.png")],
)
def test_a_blinded_readers_answers_are_not_shown(
    opp_mri: Run, project: Path, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    with open_project(project) as opened_project:
        declare(opened_project, tmp_path, readers='["A", "B"]')
    ran = opp_mri(*verb, "--project", project, cwd=tmp_path, expect=6)
    assert "still read blind" in ran.err
    assert not (tmp_path / "strip.png").exists()


def test_the_text_to_dictate_follows_the_projects_template(opp_mri: Run, project: Path) -> None:
    output = opp_mri("dictate", "LP1", "--project", project).out
    assert output.startswith("L1, T1, AP 8.0 mm (01/2024), 12.0 mm (05/2024); ")
    (project / "mine.j2").write_text("{{ level }} was {{ category }}", encoding="utf-8")
    settings = project / "opp_mri.toml"
    settings.write_text('dictation_template = "mine.j2"\n', encoding="utf-8")
    assert opp_mri("dictate", "LP1", "--project", project).out.startswith("L1 was ")
    (project / "mine.j2").write_text("{{ levle }}", encoding="utf-8")
    ran = opp_mri("dictate", "LP1", "--project", project, expect=3)
    assert "'levle' is undefined" in ran.err
    assert "{{ level }}" in opp_mri("dictate", "--show-template").out
