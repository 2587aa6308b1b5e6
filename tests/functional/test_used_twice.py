"""UIDs that were used twice: a copy is proved, and what is no copy is kept beside the other."""

from datetime import date
from pathlib import Path

import pytest
from fixtures.dicom_makers import T1, write_series
from fixtures.makers import NOON

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.imaging import FileStatus, SeriesRole
from opp_mri.workflow.catalogue.index import index, override_role
from opp_mri.workflow.project import Project, create_project, open_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    create_project(tmp_path / "project")
    return open_project(tmp_path / "project")


def test_the_same_pixels_patient_and_date_are_a_copy(project: Project, tmp_path: Path) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, Manufacturer="Another archive")
    summary = index(project, [tmp_path / "files"])
    assert summary.counts == {FileStatus.IMAGE: 4, FileStatus.COPY: 4}
    (volume,) = project.store.volumes()
    assert volume.selected


def test_a_follow_up_under_the_uids_of_the_baseline_does_not_vanish(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, seed=5, StudyDate="20240715")
    summary = index(project, [tmp_path / "files"])
    assert summary.counts == {FileStatus.IMAGE: 8}
    volumes = project.store.volumes()
    assert [volume.study_date for volume in volumes] == [date(2024, 1, 15), date(2024, 7, 15)]
    assert all(volume.selected for volume in volumes)
    assert "they were used twice" in " ".join(volumes[0].evidence)
    pixels = [
        load_volume(
            volume, project.store.sources_of([f.sop_instance_uid for f in volume.frames])
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
    volumes = project.store.volumes()
    assert [(v.is_in_doubt, v.selected) for v in volumes] == [(True, False)] * 2
    assert "one is wrong" in volumes[0].evidence[-1]
    settled = override_role(project, volumes[1].volume_id, SeriesRole.T1, NOON)
    assert settled.selected
    assert index(project, [tmp_path / "files"]).read == 0, "nothing is new"


def test_the_same_uids_of_another_patient_are_another_image(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, PatientID="P2")
    index(project, [tmp_path / "files"])
    assert [volume.patient_id for volume in project.store.volumes()] == ["P1", "P2"]
