"""Label maps of other programs: values by their published tables, in the place of the series."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import SimpleITK
from fixtures.label_maps import block_labels, write_label_map

from opp_mri.domain.geometry import VolumeGeometry
from opp_mri.errors import GeometryError, InputError
from opp_mri.suggestion.label_maps import SACRUM, LabelTool, read_label_map

SERIES = VolumeGeometry(
    frame_of_reference_uid="1.2.3",
    origin_lps_mm=(-12.0, -60.0, 75.0),
    directions=np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]),
    spacing_kji_mm=(4.0, 1.0, 1.0),
    shape_kji=(7, 150, 120),
)
LUMBAR = (20, 21, 22, 23, 24, 26)  # L1 to L5 and the sacrum of SPINEPS, from the top


def label_file(
    folder: Path, values: tuple[int, ...] = LUMBAR, geometry: VolumeGeometry = SERIES
) -> Path:
    return write_label_map(folder / "map.nii.gz", block_labels(geometry, values), geometry)


def test_a_vertebra_mask_of_spineps_names_its_vertebrae_from_cranial_to_caudal(
    tmp_path: Path,
) -> None:
    label_map = read_label_map(label_file(tmp_path), LabelTool.SPINEPS, SERIES)
    levels = [vertebra.level for vertebra in label_map.vertebrae]
    assert levels == ["L1", "L2", "L3", "L4", "L5", SACRUM]


def test_a_map_of_totalspineseg_names_its_vertebrae(tmp_path: Path) -> None:
    path = label_file(tmp_path, (31, 32, 41, 42, 50))
    label_map = read_label_map(path, LabelTool.TOTALSPINESEG, SERIES)
    assert [vertebra.level for vertebra in label_map.vertebrae] == [
        "T11", "T12", "L1", "L2", SACRUM
    ]  # fmt: skip


def test_a_point_has_the_level_of_the_vertebra_that_holds_it_or_is_clearly_nearest(
    tmp_path: Path,
) -> None:
    label_map = read_label_map(label_file(tmp_path), LabelTool.SPINEPS, SERIES)
    second, third = label_map.vertebrae[1], label_map.vertebrae[2]
    x, y, z = second.centre_lps_mm
    assert label_map.find_level((x, y, z)) == "L2"
    half = block_height(SERIES) / 2
    assert label_map.find_level((x, y, z - half - 1.5)) == "L2"
    assert label_map.find_level((x, y, (z + third.centre_lps_mm[2]) / 2)) == ""  # amid the disc
    assert label_map.find_level((x, y + 40.0, z)) == ""
    assert label_map.find_level((x, y + 4000.0, z)) == ""


def test_a_map_of_cubes_that_covers_the_series_belongs_to_it(tmp_path: Path) -> None:
    cubes = attrs.evolve(
        SERIES, origin_lps_mm=(-13.5, -60.0, 75.0), spacing_kji_mm=(1.0, 1.0, 1.0),
        shape_kji=(28, 150, 120),
    )  # fmt: skip
    label_map = read_label_map(label_file(tmp_path, geometry=cubes), LabelTool.SPINEPS, SERIES)
    assert label_map.find_level(label_map.vertebrae[3].centre_lps_mm) == "L4"


def test_axes_in_another_order_are_the_same_place(tmp_path: Path) -> None:
    rotated_geometry = VolumeGeometry(
        frame_of_reference_uid="", origin_lps_mm=(12.0, -60.0, -74.0),
        directions=np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]]),
        spacing_kji_mm=(1.0, 1.0, 4.0), shape_kji=(150, 120, 7),
    )  # fmt: skip
    labels = block_labels(SERIES, LUMBAR).transpose(1, 2, 0)[::-1, :, ::-1]
    path = write_label_map(tmp_path / "turned.nii.gz", labels, rotated_geometry)
    label_map = read_label_map(path, LabelTool.SPINEPS, SERIES)
    assert [vertebra.level for vertebra in label_map.vertebrae][:2] == ["L1", "L2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"origin_lps_mm": (-12.0, -60.0, 115.0)}, "Across the rows the label map ends 40.0 mm"),
        ({"shape_kji": (7, 150, 100)}, "Across the columns the label map ends 20.0 mm"),
        ({"shape_kji": (5, 150, 120)}, "Across the slices the label map ends 8.0 mm"),
        (
            {"directions": np.array([[1.0, 0, 0], [0, 0.1, -0.99498744], [0, 0.99498744, 0.1]])},
            "differ by 5.7°",
        ),
    ],
)
def test_a_map_of_another_place_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    displaced_geometry = attrs.evolve(SERIES, **changes)
    with pytest.raises(GeometryError, match=message):
        read_label_map(label_file(tmp_path, geometry=displaced_geometry), LabelTool.SPINEPS, SERIES)


@pytest.mark.parametrize(
    ("values", "tool", "message"),
    [
        (LUMBAR, LabelTool.TOTALSPINESEG, "holds the values 20, which are no labels"),
        ((41, 42, 50), LabelTool.SPINEPS, r"holds the values 41, 42, 50.*seg-vert"),
        ((24, 23, 22), LabelTool.SPINEPS, "L3 does not lie above L4"),
        ((0, 1, 2), LabelTool.TOTALSPINESEG, "labels no vertebra"),
    ],
)
def test_values_that_are_not_those_of_the_program_are_refused(
    tmp_path: Path, values: tuple[int, ...], tool: LabelTool, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_label_map(label_file(tmp_path, values), tool, SERIES)


def test_what_is_no_label_map_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "map.nii.gz"
    text.write_text("no image")
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_label_map(text, LabelTool.SPINEPS, SERIES)
    path = tmp_path / "image.nii"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.full((4, 5, 6), 0.5, np.float32)), path)
    with pytest.raises(InputError, match="no whole numbers"):
        read_label_map(path, LabelTool.SPINEPS, SERIES)


def block_height(geometry: VolumeGeometry) -> float:
    return 0.75 * geometry.shape_kji[1] * geometry.spacing_kji_mm[1] / len(LUMBAR)
