"""Lines in: own reports identical, those of other programs measured again, the rest set aside."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import attrs
import pytest
from fixtures.foreign_reports import (
    image_of,
    lps_ends,
    write_aim_4,
    write_markups,
    write_ohif_table,
    write_tid_1410,
    write_tid_1500,
)
from fixtures.makers import NOON, make_lesion
from fixtures.reports import export, read_and_sign
from fixtures.small_study import declare, make_study
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from opp_mri.dicom.sr.concepts import build_vertebra_code
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.errors import UnknownError
from opp_mri.workflow.exchange.placing import ImportChoice
from opp_mri.workflow.exchange.sr_import import ImportSummary, import_annotations
from opp_mri.workflow.measuring.edits import draft_answer, sign_drafts
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, open_project

ENDS = ((1.5, 5.5), (9.0, 5.5))  # 7.5 columns of 2 mm, from the corner of the first pixel
LENGTH_MM = 15.0
LATER = NOON + timedelta(days=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    make_study(folder, ("P1", "P2"))
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(copytree(template / "project", tmp_path / "project")) as opened_project:
        yield opened_project


@pytest.fixture
def image(template: Path) -> Dataset:
    return image_of(template / "dicom", PatientID="P1", StudyDate="20240501")


def take_in(project: Project, *paths: Path, **choice: object) -> ImportSummary:
    return import_annotations(project.store, paths, ImportChoice(**choice), LATER)  # type: ignore[arg-type]


def reason_of(summary: ImportSummary) -> str:
    assert summary.lines == ()
    (aside,) = summary.set_aside
    return aside.reason


def said(reading: Reading) -> tuple[object, ...]:
    return (
        reading.lesion_id, reading.reader, reading.cell, reading.answer, reading.length_mm,
        reading.length_source, reading.caliper, reading.reason, reading.remarks,
    )  # fmt: skip


def test_own_reports_are_identical_in_their_own_project(project: Project, tmp_path: Path) -> None:
    read_and_sign(project, "A", lambda _lesion, _cell: 7.123456789)
    export(project, tmp_path / "out")
    before = project.store.get_head()
    summary = take_in(project, tmp_path / "out")
    assert len(summary.lines) == 8
    assert not any(line.is_new for line in summary.lines)
    assert project.store.get_head() == before
    assert {aside.reason.split(",")[0] for aside in summary.set_aside} == {"It states a response"}


def test_own_reports_make_the_same_readings_in_another_project_of_the_same_images(
    project: Project, template: Path, tmp_path: Path
) -> None:
    read_and_sign(project, "A", lambda _lesion, _cell: 7.123456789)
    export(project, tmp_path / "out")
    with open_project(copytree(template / "project", tmp_path / "second")) as second:
        summary = take_in(second, tmp_path / "out")
        assert all(line.is_new for line in summary.lines)
        second_readings = {said(reading) for reading in get_counted_readings(second.store)}
    assert second_readings == {said(reading) for reading in get_counted_readings(project.store)}
    assert len(second_readings) == 8


def test_of_a_report_and_its_amendment_the_amendment_comes_in(
    project: Project, template: Path, tmp_path: Path
) -> None:
    read_and_sign(project, "A")
    export(project, tmp_path / "out")
    read_and_sign(project, "A", lambda _lesion, _cell: 7.0, LATER, reason="too short")
    export(project, tmp_path / "out", LATER)
    with open_project(copytree(template / "project", tmp_path / "second")) as second:
        summary = take_in(second, tmp_path / "out")
        assert {str(line.reading.length_mm) for line in summary.lines} == {"14.0"}
    amendments = [aside for aside in summary.set_aside if "amends" in aside.reason]
    assert len(amendments) == 8


def test_an_own_report_whose_points_were_altered_is_set_aside(
    project: Project, tmp_path: Path
) -> None:
    read_and_sign(project, "A")
    export(project, tmp_path / "out")
    (path, *rest) = [p for p in (tmp_path / "out").glob("*.dcm") if "response" not in p.name]
    text = path.read_bytes().replace(b"1.0 5.0 9.0 5.0", b"1.0 5.0 8.0 5.0")
    assert text != path.read_bytes()
    path.write_bytes(text)
    assert "altered" in reason_of(take_in(project, path))
    assert rest


@pytest.mark.parametrize("kind", ["tid 1500", "tid 1410", "aim 4", "markups", "ras", "ohif"])
def test_a_line_of_another_program_becomes_a_caliper_on_its_image(
    project: Project, image: Dataset, tmp_path: Path, kind: str
) -> None:
    choice = {"lesion_id": "LP1"}
    match kind:
        case "tid 1500":
            path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
        case "tid 1410":
            path = write_tid_1410(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
        case "aim 4":
            path = write_aim_4(tmp_path / "aim.xml", image, ENDS, LENGTH_MM)
        case "markups" | "ras":
            name = f"LP1 {role_of(project, image)} 2024-05-01"
            path = write_markups(tmp_path / "l.mrk.json", image, ENDS, name, ras=kind == "ras")
            choice["reader"] = "Slicer"
        case _:
            path = write_ohif_table(tmp_path / "ohif.csv", image, ENDS, LENGTH_MM)
            choice["reader"] = "Ohif"
    summary = take_in(project, path, **choice)
    assert summary.set_aside == ()
    (line,) = summary.lines
    caliper = line.reading.caliper
    assert caliper is not None
    assert str(line.reading.length_mm) == "15.0"
    assert caliper.sop_instance_uid == image.SOPInstanceUID
    for end, expected in zip(
        (caliper.start_lps_mm, caliper.end_lps_mm), lps_ends(image, ENDS), strict=True
    ):
        assert end == pytest.approx(expected, abs=1e-5)
    assert [said(reading) for reading in get_counted_readings(project.store)] == [
        said(line.reading)
    ]
    again = take_in(project, path, **choice)
    assert [line.is_new for line in again.lines] == [False]


def role_of(project: Project, image: Dataset) -> str:
    (volume,) = project.store.get_volumes_with_frame(image.SOPInstanceUID, 1)
    assert volume.role is not None
    return volume.role.value


def test_centimetres_are_ten_millimetres(project: Project, image: Dataset, tmp_path: Path) -> None:
    path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, 1.5, unit=codes.UCUM.Centimeter)
    (line,) = take_in(project, path).lines
    assert str(line.reading.length_mm) == "15.0"


def test_the_lesion_is_found_by_its_level(project: Project, image: Dataset, tmp_path: Path) -> None:
    level = make_lesion("L").level
    path = write_tid_1500(
        tmp_path / "a.dcm", image, ENDS, LENGTH_MM, site=build_vertebra_code(level)
    )
    (line,) = take_in(project, path).lines
    assert line.reading.lesion_id == "LP1"
    other_level = "C3" if level != "C3" else "C4"
    path = write_tid_1500(
        tmp_path / "b.dcm", image, ENDS, LENGTH_MM, site=build_vertebra_code(other_level)
    )
    assert f"It measures {other_level}" in reason_of(take_in(project, path))


def test_of_two_lesions_of_a_patient_none_is_guessed(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    project.store.add_lesions([make_lesion("second", patient_id="P1")], NOON)
    path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
    assert "It may measure LP1, second" in reason_of(take_in(project, path))
    assert take_in(project, path, lesion_id="second").lines


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"value": 16.0}, "It states 16.0 mm, but its points are 15.0 mm apart"),
        ({"unit": Code("1", "UCUM", "no units")}, "Its unit is “1”, not mm"),
        ({"unit": Code("[hnsf'U]", "UCUM", "HU")}, "It is no length"),
        ({"name": Code("G-A186", "SRT", "Short Axis")}, "short axis"),
        ({"PatientID": "Z9", "PatientName": "Somebody^Else"}, "Its patient differs"),
        ({"StudyInstanceUID": "1.2.3.4.5"}, "It belongs to another study"),
        ({"ends": ((1.5, 5.5), (99.0, 5.5)), "value": 195.0}, "outside the image"),
        ({"ends": ((1.5, 5.5), (9.0, 5.5), (9.0, 9.0))}, "Its region has 3 points"),
    ],
)
def test_what_contradicts_its_image_is_set_aside_with_the_reason(
    project: Project, image: Dataset, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    values = {"ends": ENDS, "value": LENGTH_MM} | changes
    path = write_tid_1500(tmp_path / "sr.dcm", image, **values)  # type: ignore[arg-type]
    assert reason in reason_of(take_in(project, path))
    assert list(get_counted_readings(project.store)) == []


def test_a_line_on_an_image_that_is_not_indexed_is_set_aside(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    image.SOPInstanceUID = generate_uid()
    path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
    assert "Its image is not in the project" in reason_of(take_in(project, path))


def test_two_different_lengths_of_one_cell_are_both_set_aside(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    write_tid_1500(tmp_path / "a.dcm", image, ENDS, LENGTH_MM)
    write_tid_1500(tmp_path / "b.dcm", image, ((1.5, 5.5), (8.0, 5.5)), 13.0)
    summary = take_in(project, tmp_path / "a.dcm", tmp_path / "b.dcm")
    assert summary.lines == ()
    assert [aside.file_name for aside in summary.set_aside] == ["a.dcm", "b.dcm"]


def test_an_answer_that_the_project_holds_is_never_replaced(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    take_in(project, write_tid_1500(tmp_path / "a.dcm", image, ENDS, LENGTH_MM))
    other_report = write_tid_1500(tmp_path / "b.dcm", image, ((1.5, 5.5), (8.0, 5.5)), 13.0)
    assert "holds another answer of this reader" in reason_of(take_in(project, other_report))


def test_a_report_that_is_cut_gives_nothing(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) - 40, 200):
        path.write_bytes(whole[:size])
        summary = take_in(project, path)
        assert summary.lines == (), size
    assert list(get_counted_readings(project.store)) == []


def test_a_blinded_reader_gets_nothing_in_by_a_report(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    declare(project, tmp_path, readers='["A", "B"]')
    path = write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM, reader="A")
    assert "reads blind" in reason_of(take_in(project, path))


def test_a_line_that_lies_on_several_images_is_not_put_on_one_by_guess(
    project: Project, image: Dataset, tmp_path: Path
) -> None:
    path = write_markups(tmp_path / "l.mrk.json", image, ENDS, "L")
    assert "images, and it does not name one" in reason_of(take_in(project, path, reader="S"))


def test_an_unknown_lesion_is_refused_at_once(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="There is no lesion X"):
        take_in(project, tmp_path, lesion_id="X")


def test_images_among_the_sources_are_passed_over(
    project: Project, template: Path, image: Dataset, tmp_path: Path
) -> None:
    write_tid_1500(tmp_path / "sr.dcm", image, ENDS, LENGTH_MM)
    summary = take_in(project, template / "dicom", tmp_path / "sr.dcm")
    assert (summary.files, len(summary.lines)) == (1, 1)
    assert summary.other_files > 1


def test_gone_comes_back_and_never_to_another_patient_or_a_study_that_is_not_there(
    project: Project, template: Path, tmp_path: Path
) -> None:
    (lesion, *_) = project.store.get_lesions()
    cell = next(
        cell for cell in build_draft_timeline(project.store, lesion, "A").cells if cell.volume
    )
    gone_reading = draft_answer(cell, lesion.lesion_id, Answer.GONE, reason="", reader="A", at=NOON)
    project.store.add_readings([gone_reading])
    project.store.add_signature(
        sign_drafts([gone_reading], frozenset(), statement="Done.", at=NOON)
    )
    export(project, tmp_path / "out")
    (path,) = [p for p in (tmp_path / "out").iterdir() if "response" not in p.name]
    with open_project(copytree(template / "project", tmp_path / "second")) as second:
        (line,) = take_in(second, path).lines
        assert said(line.reading) == said(attrs.evolve(gone_reading, draft=False))
    report = dcmread(path)
    for keyword, value, reason in (
        ("StudyInstanceUID", "1.2.3.4.5", "is not in the project"),
        ("PatientID", "Z9", "differs from the patient of its image"),
    ):
        changed_report = Dataset(report)
        changed_report.file_meta = report.file_meta
        changed_report.PatientName = (
            "Somebody^Else" if keyword == "PatientID" else report.PatientName
        )
        setattr(changed_report, keyword, value)
        changed_report.save_as(tmp_path / f"{keyword}.dcm", enforce_file_format=True)
        with open_project(copytree(template / "project", tmp_path / keyword)) as other_project:
            assert reason in reason_of(take_in(other_project, tmp_path / f"{keyword}.dcm"))
