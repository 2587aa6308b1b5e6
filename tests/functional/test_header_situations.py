"""Situations that public bug reports describe, built here: which volume has which role.

Each case writes files as a scanner would, indexes them, and says the role of each volume that it
names, whether it is chosen, and words of its evidence.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.dicom_makers import T1, T1POST, T2FS, save, write_enhanced, write_series
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items

from opp_mri.domain.imaging import VolumeDescription
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import create_project, open_project

PLAIN_T2 = T2FS | {"ScanOptions": None, "SeriesDescription": "T2 SAG"}
X = [4.4 * number for number in range(4)]


def indexed(tmp_path: Path) -> list[VolumeDescription]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "files"], workers=1)
        return list(project.store.get_volumes())


def said(volumes: Sequence[VolumeDescription]) -> dict[str, tuple[str | None, bool]]:
    """Return role and choice by the first value that tells the volumes apart."""
    return {
        volume.instance.series_description: (
            volume.role.value if volume.role else None,
            volume.selected,
        )
        for volume in volumes
    }


def item(**values: Any) -> Items:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Items([dataset])


def write_frames(path: Path, groups: Sequence[Callable[[Dataset], None]], **values: Any) -> Path:
    """Write an enhanced image whose frames lie at the same positions, once for each group."""
    write_enhanced(path, {"1": X}, **({"EchoPulseSequence": "SPIN"} | values))

    dataset = dcmread(path)
    frames = []
    for group in groups:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            copy = Dataset.from_json(frame.to_json())
            group(copy)
            frames.append(copy)
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    dataset.NumberOfFrames = len(frames)
    shape = (len(frames), dataset.Rows, dataset.Columns)
    pixels = np.random.default_rng(1).integers(0, 4096, shape).astype("<u2")
    dataset.add_new("PixelData", "OW", pixels.tobytes())
    return save(dataset, path)


def typed(kind: str, component: str = "MAGNITUDE") -> Callable[[Dataset], None]:
    def change(frame: Dataset) -> None:
        frame.MRImageFrameTypeSequence = item(
            FrameType=["ORIGINAL", "PRIMARY", "T1", kind], ComplexImageComponent=component
        )

    return change


@pytest.mark.parametrize(("base", "role_of"), [(T1, {"IN_PHASE": "T1"}), (T2FS, {"WATER": "T2FS"})])
def test_of_an_enhanced_dixon_the_frame_type_tells_the_part(
    tmp_path: Path, base: dict[str, Any], role_of: dict[str, str]
) -> None:
    parts = ["WATER", "FAT", "IN_PHASE", "OPP_PHASE", "FAT_FRACTION"]
    values = base | {"SeriesDescription": "mDIXON FS SAG", "ScanOptions": None}
    write_frames(tmp_path / "files" / "one", [typed(part) for part in parts], **values)
    volumes = indexed(tmp_path)
    roles = {v.instance.image_type[3]: v.role.value for v in volumes if v.role}
    assert len(volumes) == len(parts)
    assert roles == role_of


def test_magnitude_and_phase_are_never_one_volume(tmp_path: Path) -> None:
    groups = [typed("NONE"), typed("NONE", "PHASE")]
    write_frames(tmp_path / "files" / "one", groups, **T1)
    volumes = indexed(tmp_path)
    roles = {v.instance.complex_image_component: v.role and v.role.value for v in volumes}
    assert roles == {"MAGNITUDE": "T1", "PHASE": None}
    assert all(len(volume.frames) == len(X) for volume in volumes)


def test_frames_before_and_after_the_agent_are_t1_and_t1post(tmp_path: Path) -> None:
    def used(answer: str) -> Callable[[Dataset], None]:
        return lambda frame: setattr(
            frame, "ContrastBolusUsageSequence", item(ContrastBolusAgentAdministered=answer)
        )

    write_frames(tmp_path / "files" / "one", [used("NO"), used("YES")], **T1)
    roles = {v.frames[0].frame_number: v.role and v.role.value for v in indexed(tmp_path)}
    assert roles == {4: "T1", 8: "T1POST"}


def test_fat_suppression_of_each_frame_counts(tmp_path: Path) -> None:
    def fat(suppression: str) -> Callable[[Dataset], None]:
        return lambda frame: setattr(
            frame, "MRModifierSequence", item(SpectrallySelectedSuppression=suppression)
        )

    write_frames(tmp_path / "files" / "one", [fat("NONE"), fat("FAT")], **PLAIN_T2)
    roles = {v.frames[0].frame_number: v.role and v.role.value for v in indexed(tmp_path)}
    assert roles == {4: None, 8: "T2FS"}


@pytest.mark.parametrize(
    ("change", "base"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, T1),
        (
            {"SeriesDescription": "T1 SAG SUB", "ImageType": ["DERIVED", "SECONDARY", "OTHER"]},
            T1POST,
        ),
        ({"SeriesDescription": "T2_map_fs", "ImageType": ["DERIVED", "PRIMARY", "T2 MAP"]}, T2FS),
        ({"SeriesDescription": "ADC sag fs", "ImageType": ["DERIVED", "SECONDARY", "OTHER"]}, T2FS),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, T1),
    ],
)
def test_what_was_not_acquired_has_no_role_and_leaves_the_choice_to_what_was(
    tmp_path: Path, change: dict[str, Any], base: dict[str, Any]
) -> None:
    write_series(tmp_path / "files", base)
    write_series(tmp_path / "files", base | change, series="90", SeriesNumber=90, seed=3)
    selected_series = {
        v.instance.series_number: (bool(v.role), v.selected) for v in indexed(tmp_path)
    }
    assert selected_series == {base["SeriesNumber"]: (True, True), 90: (False, False)}


def test_contrast_over_midnight_is_told_by_the_clock(tmp_path: Path) -> None:
    write_series(tmp_path / "files", T1, StudyTime="233000", AcquisitionTime="234000")
    write_series(
        tmp_path / "files",
        T1POST,
        SeriesDescription="T1 SAG",
        StudyTime="233000",
        AcquisitionDate="20240116",
        AcquisitionTime="000800",
        ContrastBolusStartTime="235500",
    )
    volumes = {v.instance.series_number: v for v in indexed(tmp_path)}
    assert [v.role.value for v in volumes.values() if v.role] == ["T1", "T1POST"]
    assert "13 min after the start of contrast" in " ".join(volumes[6].evidence)


def test_an_agent_in_half_of_a_stack_s_files_makes_two_volumes(tmp_path: Path) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(
        tmp_path / "files" / "b",
        T1,
        seed=4,
        ContrastBolusAgent="Gd",
        edit=lambda dataset, _: setattr(dataset, "SOPInstanceUID", f"{dataset.SOPInstanceUID}.2"),
    )
    volumes = indexed(tmp_path)
    assert sorted(v.role.value for v in volumes if v.role) == ["T1", "T1POST"]
    assert all(v.selected and len(v.frames) == 4 for v in volumes)


def test_slices_that_differ_in_fat_suppression_have_no_role_and_are_named(tmp_path: Path) -> None:
    def suppressed(dataset: Dataset, number: int) -> None:
        if number > 1:
            dataset.ScanOptions = "FS"

    write_series(tmp_path / "files", PLAIN_T2, edit=suppressed)
    (volume,) = indexed(tmp_path)
    assert volume.role is None
    assert "ScanOptions is FS in slices 1-2, absent in slices 3-4." in volume.evidence[0]


def test_two_dates_under_one_study_uid_are_two_time_points(tmp_path: Path) -> None:
    write_series(tmp_path / "files" / "a", T1)
    write_series(tmp_path / "files" / "b", T1, series="31", SeriesNumber=3, StudyDate="20240715")
    volumes = indexed(tmp_path)
    assert [v.study_date for v in volumes if v.selected] == [date(2024, 1, 15), date(2024, 7, 15)]


def test_an_empty_study_date_is_that_on_which_the_others_agree_and_is_said(tmp_path: Path) -> None:
    dates = dict.fromkeys(("SeriesDate", "AcquisitionDate", "ContentDate"), "20240115")
    write_series(tmp_path / "files", T1, StudyDate="", **dates)
    (volume,) = indexed(tmp_path)
    assert volume.study_date == date(2024, 1, 15)
    assert "StudyDate is empty" in volume.evidence[-1]


@pytest.mark.parametrize("keyword", ["SeriesDate", "AcquisitionDate"])
def test_one_date_of_the_scanner_stands_in_for_an_empty_study_date(
    tmp_path: Path, keyword: str
) -> None:
    write_series(tmp_path / "files", T1, StudyDate="", **{keyword: "20240115"})
    (volume,) = indexed(tmp_path)
    assert volume.study_date == date(2024, 1, 15)
    assert volume.evidence[-1] == f"StudyDate is empty; the date is that of {keyword}."


def test_the_date_of_the_pixels_alone_is_no_study_date_which_is_said(tmp_path: Path) -> None:
    write_series(tmp_path / "files", T1, StudyDate="", ContentDate="20240115")
    (volume,) = indexed(tmp_path)
    assert volume.study_date is None
    assert volume.evidence[-1].startswith("It has no date: StudyDate is empty")


def test_dates_that_do_not_agree_are_no_study_date(tmp_path: Path) -> None:
    dates = {"SeriesDate": "20240115", "AcquisitionDate": "20240115", "ContentDate": "20240116"}
    write_series(tmp_path / "files", T1, StudyDate="", **dates)
    (volume,) = indexed(tmp_path)
    assert volume.study_date is None
