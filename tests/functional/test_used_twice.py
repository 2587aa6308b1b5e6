"""UIDs that were used twice: a copy is proved, and what is not a copy is kept next to the other."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from fixtures.dicom_makers import T1, write_series
from fixtures.makers import NOON

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.imaging import FileStatus, SeriesRole
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.errors import InputError
from opp_mri.workflow.catalogue.index import index, override_role
from opp_mri.workflow.measuring.lesions import add_lesion
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import Project, create_project, open_project

LESION = {"lesion_id": "L", "patient_id": "P1", "level": "L2", "ssrs_first_date": "2024-02-01"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    create_project(tmp_path / "project")
    return open_project(tmp_path / "project")


def test_the_same_pixels_patient_and_date_are_a_copy(project: Project, tmp_path: Path) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, Manufacturer="Another archive")
    summary = index(project, [tmp_path / "files"])
    assert summary.counts == {FileStatus.IMAGE: 4, FileStatus.COPY: 4}
    (volume,) = project.store.get_volumes()
    assert volume.selected


def test_a_follow_up_under_the_uids_of_the_baseline_does_not_vanish(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, seed=5, StudyDate="20240715")
    summary = index(project, [tmp_path / "files"])
    assert summary.counts == {FileStatus.IMAGE: 8}
    volumes = project.store.get_volumes()
    assert [volume.study_date for volume in volumes] == [date(2024, 1, 15), date(2024, 7, 15)]
    assert all(volume.selected for volume in volumes)
    assert "they were used twice" in " ".join(volumes[0].evidence)
    pixels = [
        load_volume(
            volume, project.store.get_sources_of([f.sop_instance_uid for f in volume.frames])
        ).voxels
        for volume in volumes
    ]
    assert (pixels[0] != pixels[1]).any(), "each has its own pixels"


def test_other_pixels_of_one_date_are_both_kept_and_in_doubt_until_a_reader_settles_it(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, seed=5)
    index(project, [tmp_path / "files"])
    volumes = project.store.get_volumes()
    assert [(v.is_in_doubt, v.selected) for v in volumes] == [(True, False)] * 2
    assert "one is wrong" in volumes[0].evidence[-1]
    settled_volume = override_role(project, volumes[1].volume_id, SeriesRole.T1, NOON)
    assert settled_volume.selected
    assert index(project, [tmp_path / "files"]).read == 0, "nothing is new"


def test_the_same_uids_of_another_patient_are_another_image(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, PatientID="P2")
    index(project, [tmp_path / "files"])
    assert [volume.patient_id for volume in project.store.get_volumes()] == ["P1", "P2"]


@pytest.fixture
def twice(project: Project, tmp_path: Path) -> Project:
    """A follow-up of other pixel size under the UIDs of its baseline, and a lesion without seed."""
    write_series(tmp_path / "files" / "a", T1)
    write_series(
        tmp_path / "files" / "b", T1, seed=5, StudyDate="20240715", PixelSpacing=[1.0, 1.0]
    )
    index(project, [tmp_path / "files"])
    add_lesion(project.store, LESION, NOON)
    return project


def calipers(tmp_path: Path, sop_instance_uid: str, day: str) -> Path:
    path = tmp_path / "calipers.csv"
    path.write_text(
        "lesion_id,sequence,reader,study_date,sop_instance_uid,frame,column_1,row_1,column_2,row_2\n"
        f"L,T1,A,{day},{sop_instance_uid},1,2,5,7,5\n"
    )
    return path


@pytest.mark.parametrize(("day", "length_mm"), [("2024-01-15", "10.0"), ("2024-07-15", "5.0")])
def test_a_caliper_on_a_uid_used_twice_is_measured_on_the_image_of_its_day(
    twice: Project, tmp_path: Path, day: str, length_mm: str
) -> None:
    uid = get_uid_in_file(twice.store.get_volumes()[0].frames[1].sop_instance_uid)
    (reading,) = measure(twice.store, calipers(tmp_path, uid, day), NOON).stored
    assert (reading.length_mm, reading.study_date) == (Decimal(length_mm), date.fromisoformat(day))


def test_a_caliper_on_a_uid_used_twice_is_refused_where_no_day_tells_which(
    twice: Project, tmp_path: Path
) -> None:
    uid = get_uid_in_file(twice.store.get_volumes()[0].frames[1].sop_instance_uid)
    (refusal,) = measure(twice.store, calipers(tmp_path, uid, ""), NOON).refused
    assert "2 images that differ have the SOPInstanceUID" in refusal.message
    assert "give study_date and sequence" in refusal.message
    assert twice.store.get_readings() == []


def test_a_seed_on_a_uid_used_twice_is_refused(twice: Project) -> None:
    uid = get_uid_in_file(twice.store.get_volumes()[0].frames[1].sop_instance_uid)
    seed = {"seed_sop_instance_uid": uid, "seed_column": "3", "seed_row": "4"}
    with pytest.raises(InputError, match="several images that differ have it"):
        add_lesion(twice.store, LESION | {"lesion_id": "L2"} | seed, NOON)
    assert [lesion.lesion_id for lesion in twice.store.get_lesions()] == ["L"]
