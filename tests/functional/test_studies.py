"""Studies as hospitals send them: imported again, in blocks, over years; and what is read there."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fixtures.dicom_makers import (
    STIR,
    T1,
    T1POST,
    T2FS,
    reimport,
    write_enhanced,
    write_series,
    write_study,
)
from pydicom import Dataset

from opp_mri.domain.imaging import FileStatus, SeriesRole, VolumeDescription
from opp_mri.domain.measurement import LengthSource
from opp_mri.errors import InputError, TableError
from opp_mri.workflow.catalogue.index import describe_stale, index, override_role
from opp_mri.workflow.catalogue.patients import (
    find_likely_matches,
    join_patients,
    list_patients,
    list_time_points,
)
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.lesions import add_lesion, find_lesion
from opp_mri.workflow.measuring.measure import MeasureSummary, measure
from opp_mri.workflow.measuring.timeline import LesionTimeline, Phase, build_lesion_timeline
from opp_mri.workflow.project import Project, create_project, open_project

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
JANUARY, JUNE = date(2024, 1, 15), date(2024, 6, 1)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as opened_project:
        yield opened_project


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "files"


def indexed(project: Project, folder: Path) -> list[VolumeDescription]:
    index(project, [folder], workers=1)
    return list(project.store.get_volumes())


def join(project: Project, folder: Path, *pairs: str) -> int:
    path = folder / "map.csv"
    path.write_text("\n".join(["patient_id,same_as", *pairs]))
    pair_count = join_patients(project.store, path, NOON)
    describe_stale(project)
    return pair_count


def dates(project: Project, patient_id: str = "P1") -> list[date | None]:
    return [point.study_date for point in list_time_points(project.store, patient_id)]


def selected(volumes: list[VolumeDescription]) -> list[tuple[SeriesRole | None, str]]:
    return sorted(
        (volume.role, volume.instance.series_description) for volume in volumes if volume.selected
    )


# The same study imported again


def test_a_study_imported_again_is_one_study_at_one_time_point(
    project: Project, files: Path
) -> None:
    reimport(write_study(files / "a"), files / "b")
    volumes = indexed(project, files)
    (point,) = list_time_points(project.store, "P1")
    assert point.study_instance_uids == ("1.2.3.1",)
    assert point.copied_study_instance_uids == ("1.2.3.1.99",)
    assert [len(point.get_chosen(role)) for role in (SeriesRole.T1, SeriesRole.T2FS)] == [1, 1]
    ids = {volume.volume_id for volume in volumes if volume.study_instance_uid == "1.2.3.1"}
    assert {v.duplicate_of for v in volumes if v.study_instance_uid == "1.2.3.1.99"} == ids


def test_a_copy_in_another_transfer_syntax_is_a_copy_still(project: Project, files: Path) -> None:
    reimport(write_study(files / "a"), files / "b", compress=True)
    assert sum(volume.duplicate_of is not None for volume in indexed(project, files)) == 2


def test_under_another_patient_id_a_match_is_proposed_and_joined_only_by_a_person(
    project: Project, files: Path, tmp_path: Path
) -> None:
    reimport(write_study(files / "a"), files / "b", PatientID="Q", PatientName="Other^Name")
    assert not any(volume.duplicate_of for volume in indexed(project, files))
    (match,) = find_likely_matches(project.store)
    assert (match.patient_ids, match.reasons) == (
        ("P1", "Q"),
        ("both have the same pixels",),
    )
    assert join(project, tmp_path, "Q,P1") == 1
    assert find_likely_matches(project.store) == []
    assert len(list_patients(project.store)) == 1
    (point,) = list_time_points(project.store, "Q")
    assert len(point.study_instance_uids) == 1
    assert join(project, tmp_path, "Q,Q") == 1, "a join can be taken back"
    assert len(list_patients(project.store)) == 2
    assert not any(volume.duplicate_of for volume in project.store.get_volumes())
    assert join(project, tmp_path, "Q,Q") == 0


@pytest.mark.parametrize("slice_count", [3, 6])
def test_a_part_of_a_study_imported_again_adds_nothing(
    project: Project, files: Path, slice_count: int
) -> None:
    reimport(write_study(files / "a")[:slice_count], files / "b", StudyDate="20240601")
    volumes = indexed(project, files)
    copies = [volume for volume in volumes if volume.study_instance_uid == "1.2.3.1.99"]
    assert all(volume.duplicate_of and not volume.selected for volume in copies)
    assert dates(project) == [JANUARY]


@pytest.mark.parametrize("day", ["20240601", "20231201", ""])
def test_a_study_imported_again_under_another_date_stands_at_its_earliest(
    project: Project, files: Path, day: str
) -> None:
    reimport(write_study(files / "a"), files / "b", StudyDate=day)
    indexed(project, files)
    assert dates(project) == [date(2023, 12, 1) if day == "20231201" else JANUARY]


def test_a_prior_that_was_sent_into_a_new_study_does_not_move_what_is_new(
    project: Project, files: Path
) -> None:
    new = {"study": "2", "StudyDate": "20240601"}
    prior = write_series(files / "a", T1, AcquisitionDate="20240115")
    reimport(prior, files / "b", StudyDate="20240601", StudyInstanceUID="1.2.3.2")
    write_series(files, T2FS, **new, seed=6, AcquisitionDate="20240115")
    write_series(files, STIR, **new, seed=5)
    indexed(project, files)
    first, second = list_time_points(project.store, "P1")
    assert {v.role for v in first.volumes} == {SeriesRole.T1, SeriesRole.T2FS}
    assert (first.study_date, second.study_date) == (JANUARY, JUNE)
    assert {v.role for v in second.volumes} == {SeriesRole.STIR}


def test_follow_up_on_the_same_grid_is_not_a_copy(project: Project, files: Path) -> None:
    write_study(files / "a")
    write_study(files / "b", study="2", seed=1, StudyDate="20240601")
    assert not any(volume.duplicate_of for volume in indexed(project, files))
    assert dates(project) == [JANUARY, JUNE]


def test_empty_outer_slices_make_no_copies_and_no_match(project: Project, files: Path) -> None:
    def empty(dataset: Dataset, number: int) -> None:
        if number in (0, 3):
            dataset.PixelData = bytes(len(dataset.PixelData))

    write_study(files / "a", edit=empty)
    write_study(files / "b", study="2", seed=1, StudyDate="20240601", edit=empty)
    assert not any(volume.duplicate_of for volume in indexed(project, files))
    assert dates(project) == [JANUARY, JUNE]


def test_a_copy_takes_over_when_its_original_goes(project: Project, files: Path) -> None:
    paths = write_study(files / "a")
    reimport(paths, files / "b")
    indexed(project, files)
    for path in paths:
        path.unlink()
    volumes = indexed(project, files)
    assert {volume.study_instance_uid for volume in volumes} == {"1.2.3.1.99"}
    assert all(volume.selected and volume.duplicate_of is None for volume in volumes)


@pytest.mark.parametrize(
    "other_values", [{"PatientID": "Q"}, {"StudyInstanceUID": "1.2.9"}], ids=["patient", "study"]
)
def test_a_series_that_is_split_between_two_patients_or_studies_is_two_series(
    project: Project, files: Path, other_values: dict[str, str]
) -> None:
    write_series(files, slices=range(4))
    write_series(files, slices=range(4, 8), **other_values)
    volumes = indexed(project, files)
    assert [len(volume.frames) for volume in volumes] == [4, 4]
    assert len({volume.volume_id for volume in volumes}) == 2


def test_a_series_that_is_split_between_two_patient_ids_is_whole_when_they_are_joined(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files, slices=range(4))
    write_series(files, slices=range(4, 8), PatientID="Q")
    indexed(project, files)
    join(project, tmp_path, "Q,P1")
    assert [len(volume.frames) for volume in project.store.get_volumes()] == [8]


# Blocks, contrast, several studies of a day


def test_blocks_of_a_long_spine_are_stations_with_a_choice_each(
    project: Project, files: Path
) -> None:
    cervical = {"SeriesNumber": 11, "SeriesDescription": "T1 C-SPINE"}
    write_series(files, T1 | cervical, top_mm=400)
    write_series(files, T2FS | {"SeriesNumber": 12}, top_mm=400)
    write_series(files, T1)
    write_series(files, T1POST)
    volumes = indexed(project, files)
    selected_roles = {(volume.station, volume.role) for volume in volumes if volume.selected}
    assert selected_roles == {
        (1, SeriesRole.T1),
        (1, SeriesRole.T2FS),
        (2, SeriesRole.T1),
        (2, SeriesRole.T1POST),
    }


def test_after_contrast_a_silent_t1_is_post_contrast_and_the_earlier_one_is_not(
    project: Project, files: Path
) -> None:
    silent_fs = T1 | {
        "SeriesNumber": 7,
        "SeriesDescription": "T1 FS SAG",
        "ScanOptions": "FS",
        "AcquisitionTime": "104000",
    }
    write_study(files, T1, T1POST, silent_fs)
    roles = {volume.instance.series_description: volume.role for volume in indexed(project, files)}
    assert roles == {
        "T1 SAG": SeriesRole.T1,
        "T1 SAG +C": SeriesRole.T1POST,
        "T1 FS SAG": SeriesRole.T1POST,
    }


@pytest.mark.parametrize(
    ("description", "agent", "role"),
    [
        ("T1 SAG no contrast", "", SeriesRole.T1),
        ("T1 SAG PRE GD", "Gadovist", SeriesRole.T1),
        ("T1 sag ohne KM", "", SeriesRole.T1),
        ("T1 SAG sans gado", "", SeriesRole.T1),
        ("T1 造影前", "", SeriesRole.T1),
        ("T1 造影後", "", SeriesRole.T1POST),
        ("T1 SAG w/o fs post", "", SeriesRole.T1POST),
        ("T1 SAG POST", "", SeriesRole.T1POST),
        ("POST OP SPINE T1 SAG", "", SeriesRole.T1),
        ("POST SBRT T1", "", SeriesRole.T1),
        ("PRE-OP T1 SAG +C", "", SeriesRole.T1POST),
        ("L-SPINE W/WO CONTRAST T1", "", SeriesRole.T1),
        ("L-SPINE W/WO CONTRAST T1", "Gadovist", SeriesRole.T1POST),
    ],
)
def test_what_a_description_says_of_contrast_is_understood(
    project: Project, files: Path, description: str, agent: str, role: SeriesRole
) -> None:
    write_series(files, SeriesDescription=description, ContrastBolusAgent=agent)
    (volume,) = indexed(project, files)
    assert volume.role is role, volume.evidence


def test_the_name_of_the_whole_examination_claims_no_contrast(
    project: Project, files: Path
) -> None:
    write_series(files, ProtocolName="L SPINE WITH CONTRAST")
    assert indexed(project, files)[0].role is SeriesRole.T1


def test_enhanced_mr_that_declares_stir_needs_no_inversion_time(
    project: Project, files: Path
) -> None:
    write_series(
        files,
        STIR | {"InversionTime": None, "SeriesDescription": "SAG IR"},
        AcquisitionContrast="STIR",
    )
    assert indexed(project, files)[0].role is SeriesRole.STIR


def test_two_studies_of_one_day_are_one_time_point_with_a_choice_each(
    project: Project, files: Path
) -> None:
    write_study(files, T1)
    write_study(files, T2FS, study="2")
    indexed(project, files)
    (point,) = list_time_points(project.store, "P1")
    assert point.study_instance_uids == ("1.2.3.1", "1.2.3.2")
    assert [len(point.get_chosen(role)) for role in SeriesRole] == [1, 1, 0, 0]


def test_a_study_without_a_date_is_kept_apart_from_dated_ones(
    project: Project, files: Path
) -> None:
    write_study(files, T1)
    write_study(files, T1, study="2", seed=1, StudyDate="")
    indexed(project, files)
    assert dates(project) == [JANUARY, None]


# Who is who


def test_studies_without_a_patient_id_are_not_taken_for_one_patient(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_study(files, T1, PatientID="", PatientName="Doe^Jane")
    write_study(files, T1, study="2", seed=1, PatientID=None, PatientName="Roe^Jane")
    write_study(files, T1, study="3", seed=2, PatientID="  ", PatientName="Doe^Jane")
    volumes = indexed(project, files)
    ids = sorted({volume.patient_id for volume in volumes})
    assert len(ids) == 3
    assert all(patient_id.startswith("NO-ID-") for patient_id in ids)
    (match,) = find_likely_matches(project.store)
    assert match.reasons == ("same name and birth date",)
    assert join(project, tmp_path, ",".join(match.patient_ids)) == 1
    assert len(list_patients(project.store)) == 2


@pytest.mark.parametrize(
    ("names", "sets"),
    [
        (("Yamada^Tarou=山田^太郎=やまだ^たろう", "YAMADA TAROU"), ("\\ISO 2022 IR 87", "")),
        (("Müller^Jörg", "MÜLLER^JÖRG"), ("ISO_IR 100", "ISO_IR 192")),
        (("ヤマダ^タロウ", "ﾔﾏﾀﾞ^ﾀﾛｳ"), ("ISO_IR 192", "ISO_IR 192")),
    ],
)
def test_a_name_in_any_script_and_the_birth_date_propose_a_match(
    project: Project, files: Path, names: tuple[str, str], sets: tuple[str, str]
) -> None:
    for number, (name, charset) in enumerate(zip(names, sets, strict=True)):
        write_study(
            files,
            T1,
            study=str(number),
            seed=number,
            PatientID=f"P{number}",
            PatientName=name,
            SpecificCharacterSet=charset.split("\\"),
        )
    indexed(project, files)
    assert [match.patient_ids for match in find_likely_matches(project.store)] == [("P0", "P1")]


def test_a_placeholder_for_names_proposes_nothing(project: Project, files: Path) -> None:
    for number in range(8):
        write_series(
            files,
            slices=[0],
            study=str(number),
            seed=number,
            PatientID=f"P{number}",
            PatientName="ANONYMOUS",
        )
    indexed(project, files)
    assert find_likely_matches(project.store) == []


# Lesions, calipers, timelines


def lesion(project: Project, **cells: str) -> None:
    values = {
        "lesion_id": "L1",
        "patient_id": "P1",
        "level": "L1",
        "ssrs_first_date": "2024-02-01",
    }
    add_lesion(project.store, values | cells, NOON)


def calipers(project: Project, folder: Path, *rows: str, header: str = "") -> MeasureSummary:
    path = folder / "calipers.csv"
    header = (
        header or "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2"
    )
    path.write_text("\n".join([header, *rows]))
    return measure(project.store, path, NOON)


def timeline(project: Project, reader: str | None = None) -> LesionTimeline:
    return build_lesion_timeline(project.store, find_lesion(project.store, "L1"), reader=reader)


def test_a_caliper_on_frame_5_of_an_enhanced_instance_with_oblong_pixels(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_enhanced(files / "a", {"1": [0.0, 4.4, 8.8, 13.2], "2": [0.0, 4.4, 8.8]})
    indexed(project, files)
    lesion(project)
    result = calipers(
        project,
        tmp_path,
        "L1,,A,1.2.3.1.9.1,5,2,3,8,3",
        "L1,T1POST,A,1.2.3.1.9.1,5,2,3,2,8",
        "L1,T1,B,1.2.3.1.9.1,5,2,3,8,7",
        "L1,T1,C,1.2.3.1.9.1,8,2,3,8,7",
    )
    # columns are 0.5 mm apart and rows 2 mm: 6 * 0.5, and the root of 3 * 3 + 8 * 8
    assert [reading.length_mm for reading in result.stored] == [Decimal("3.0"), Decimal("8.5")]
    assert [reading.sequence for reading in result.stored] == [SeriesRole.T1, SeriesRole.T1]
    caliper = result.stored[0].caliper
    assert caliper is not None
    # frames take turns between the stacks: 5 is the third of stack 1
    assert caliper.start_lps_mm == pytest.approx((8.8, -20 + 2 * 0.5, 40 - 3 * 2))
    by_line = {refusal.line: refusal.message for refusal in result.refused}
    assert by_line[3].startswith("This series is T1, not T1POST.")
    assert by_line[5] == "The image has no frame 8: frames count from 1 to 7."


def test_a_length_on_an_oblique_slice_is_that_of_its_plane(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files, ImageOrientationPatient=[0.28, 0.96, 0, 0, 0, -1], slices=[0])
    indexed(project, files)
    lesion(project)
    (reading,) = calipers(project, tmp_path, "L1,T1,A,1.2.3.1.3.1,1,0,0,3,4").stored
    assert (reading.length_mm, reading.length_source) == (Decimal("10.0"), LengthSource.GEOMETRY)
    assert reading.caliper is not None
    assert reading.caliper.end_lps_mm == pytest.approx((6 * 0.28, -20 + 6 * 0.96, 40 - 8))


@pytest.mark.parametrize(
    ("stated_text", "stored_count"), [("30.1", 1), ("29.9", 1), ("30.11", 0), ("29", 0)]
)
def test_a_stated_length_may_differ_by_a_tenth_of_a_millimetre(
    project: Project, files: Path, tmp_path: Path, stated_text: str, stored_count: int
) -> None:
    write_series(files, slices=[0], PixelSpacing=["4.28571428571429"] * 2)
    indexed(project, files)
    lesion(project)
    header = "lesion_id,reader,sop_instance_uid,column_1,row_1,column_2,row_2,length_mm"
    result = calipers(project, tmp_path, f"L1,A,1.2.3.1.3.1,1,1,8,1,{stated_text}", header=header)
    assert len(result.stored) == stored_count
    if not stored_count:
        assert "30.0" in result.refused[0].message
        assert stated_text in result.refused[0].message


def test_a_date_counts_for_an_image_without_one_and_may_not_contradict_one_that_has_it(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files)
    write_series(files, study="2", seed=1, StudyDate="")
    indexed(project, files)
    lesion(project)
    header = "lesion_id,reader,sop_instance_uid,column_1,row_1,column_2,row_2,study_date"
    result = calipers(
        project,
        tmp_path,
        "L1,A,1.2.3.1.3.1,1,1,4,1,2024-03-10",
        "L1,A,1.2.3.2.3.1,1,1,4,1,",
        "L1,B,1.2.3.1.3.1,1,1,4,1,2024-01-15",
        "L1,B,1.2.3.2.3.1,1,1,4,1,2024-06-01",
        header=header,
    )
    assert [reading.study_date for reading in result.stored] == [JANUARY, JUNE]
    assert [(refusal.line, refusal.message[:40]) for refusal in result.refused] == [
        (2, "The row says 2024-03-10, but the image i"),
        (3, "The image's study has no date: give one "),
    ]


def test_json_calipers_are_the_same_as_csv_and_unknown_names_are_refused(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files)
    indexed(project, files)
    lesion(project)
    row: dict[str, Any] = {
        "lesion_id": "L1",
        "reader": "A",
        "sop_instance_uid": "1.2.3.1.3.1",
        "frame": 1,
        "column_1": 1.5,
        "row_1": 2,
        "column_2": 4,
        "row_2": 2,
    }
    path = tmp_path / "calipers.json"
    path.write_text(json.dumps([row]))
    (reading,) = measure(project.store, path, NOON).stored
    assert reading.length_mm == Decimal("5.0")
    assert calipers(project, tmp_path, "L1,,A,1.2.3.1.3.1,1,1.5,2,4,2").repeated == 1
    path.write_text(json.dumps([row | {"lenght_mm": 5}]))
    summary = measure(project.store, path, NOON)
    assert summary.stored == ()
    (refusal,) = summary.refused
    assert refusal.column == "lenght_mm"
    assert refusal.message.startswith("this name is unknown")
    with pytest.raises(TableError, match="colour"):
        calipers(project, tmp_path, "L1,A,x", header="lesion_id,reader,colour")
    assert len(project.store.get_readings()) == 1


def test_a_caliper_on_another_patient_is_refused_until_a_person_joins_them(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files)
    write_series(files, study="2", seed=1, PatientID="Q", StudyDate="20240601")
    indexed(project, files)
    lesion(project)
    row = "L1,,A,1.2.3.2.3.1,1,1,2,4,2"
    (refusal,) = calipers(project, tmp_path, row).refused
    assert "another patient" in refusal.message
    join(project, tmp_path, "Q,P1")
    assert len(calipers(project, tmp_path, row).stored) == 1


def test_an_image_that_kept_its_uid_when_imported_again_can_be_measured(
    project: Project, files: Path, tmp_path: Path
) -> None:
    paths = write_series(files / "a")
    again = reimport(paths, files / "b", PatientID="Q")
    for path, number in zip(again, range(1, 5), strict=True):
        reimport([path], files / "c", SOPInstanceUID=f"1.2.3.1.3.{number}", PatientID="Q")
        path.unlink()
    indexed(project, files)
    lesion(project)
    row = "L1,,A,1.2.3.1.3.2,1,1,2,4,2"
    assert len(calipers(project, tmp_path, row).stored) == 1, "the other is of another patient"
    join(project, tmp_path, "Q,P1")
    assert calipers(project, tmp_path, row).repeated == 1, "the other is a copy"


def test_a_reading_on_a_copy_stands_at_the_time_point_of_the_original(
    project: Project, files: Path, tmp_path: Path
) -> None:
    reimport(write_series(files / "a"), files / "b", StudyDate="20240601")
    indexed(project, files)
    lesion(project)
    (reading,) = calipers(project, tmp_path, "L1,,A,1.2.3.1.3.2.99,1,1,2,4,2").stored
    assert reading.study_date == JANUARY
    (cell,) = timeline(project).cells
    assert (cell.status, cell.phase) == (CellStatus.MEASURED, Phase.BEFORE)


def test_a_study_between_fractions_is_neither_baseline_nor_follow_up(
    project: Project, files: Path, tmp_path: Path
) -> None:
    days = {"1": "20240115", "2": "20240203", "3": "20240205", "4": "20240206", "5": "20240601"}
    for number, day in days.items():
        write_series(files, study=number, seed=int(number), StudyDate=day)
    indexed(project, files)
    lesion(project, ssrs_last_date="2024-02-05", fractions="3")
    calipers(project, tmp_path, *[f"L1,,A,1.2.3.{n}.3.1,1,1,2,{3 + int(n)},2" for n in days])
    result = timeline(project)
    assert [(cell.days_from_ssrs, cell.phase) for cell in result.cells] == [
        (-21, Phase.BEFORE),
        (-2, Phase.DURING),
        (0, Phase.DURING),
        (1, Phase.AFTER),
        (117, Phase.AFTER),
    ]
    (observed,) = result.timeline.observations.values()
    assert [observation.days_from_ssrs for observation in observed] == [-21, 1, 117]
    assert sum("between first and last fraction" in flag for flag in result.flags) == 2


def test_two_readers_have_a_timeline_each(project: Project, files: Path, tmp_path: Path) -> None:
    write_series(files)
    indexed(project, files)
    lesion(project)
    calipers(project, tmp_path, "L1,,A,1.2.3.1.3.1,1,1,2,4,2", "L1,,B,1.2.3.1.3.1,1,1,2,5,2")
    with pytest.raises(InputError, match=r"--reader \(A, B\)"):
        timeline(project)
    assert timeline(project, "B").timeline.observations[SeriesRole.T1][0].ap_mm == Decimal("8.0")


def test_a_role_that_a_reader_gave_opens_the_series_for_calipers_without_a_sequence(
    project: Project, files: Path, tmp_path: Path
) -> None:
    write_series(files, T2FS | {"ScanOptions": None, "SeriesDescription": "T2 SAG"})
    (volume,) = indexed(project, files)
    lesion(project)
    row = "L1,,A,1.2.3.1.4.1,1,1,2,4,2"
    (refusal,) = calipers(project, tmp_path, row).refused
    assert "has no role, so the sequence must be given" in refusal.message
    override_role(project, volume.volume_id, SeriesRole.T2FS, NOON)
    assert calipers(project, tmp_path, row).stored[0].sequence is SeriesRole.T2FS


def test_everything_of_a_mixed_folder_is_counted_once(project: Project, files: Path) -> None:
    paths = write_study(files / "a", T1, T2FS, STIR, T1POST)
    reimport(paths[:4], files / "b", PatientID="Q")
    write_study(files / "c", T1, study="2", seed=1, StudyDate="20240601")
    (files / "readme").write_text("x")
    summary = index(project, [files], workers=1)
    assert summary.counts == {FileStatus.IMAGE: 24, FileStatus.NOT_DICOM: 1}
    assert sum(len(volume.frames) for volume in project.store.get_volumes()) == 24
    assert selected(list(project.store.get_volumes())).count((SeriesRole.T1, "T1 SAG")) == 3
