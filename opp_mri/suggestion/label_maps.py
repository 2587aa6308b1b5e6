"""Levels of vertebrae in a label map (NIfTI) that SPINEPS or TotalSpineSeg has written.

The values are those that both projects publish: the vertebra mask (`seg-vert`) of SPINEPS numbers
vertebrae from 1 (C1) to 25 (L6), adds 100 for the disc and 200 for the endplates below, and has 26
for the sacrum and 28 for a thirteenth thoracic vertebra; the map of TotalSpineSeg has 11 to 17 for
C1 to C7, 21 to 32 for T1 to T12, 41 to 47 for lumbar vertebrae and 50 for the sacrum.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from math import cos, degrees, radians
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, Vector3, VolumeGeometry
from opp_mri.errors import GeometryError, InputError

SACRUM: Final = "sacrum"
MOST_TILT_DEG: Final = 1.0  # between the axes of a label map and those of its series
NEAR_MM: Final = 5.0  # a seed may lie this far from the nearest labelled voxel of its vertebra
CLEARLY_NEARER_MM: Final = 1.0  # than the next vertebra
AXES: Final = ("the slices", "the rows", "the columns")


class LabelTool(StrEnum):
    """The program that wrote a label map."""

    SPINEPS = "spineps"
    TOTALSPINESEG = "totalspineseg"


def _number_levels(first: Mapping[str, int], last: Mapping[str, int]) -> dict[int, str]:
    """Return the level of each value, where each region is numbered from its first value on."""
    return {
        first[region] + number - 1: f"{region}{number}"
        for region, count in last.items()
        for number in range(1, count + 1)
    }


LEVEL_OF_VALUE: Final[Mapping[LabelTool, Mapping[int, str]]] = {
    LabelTool.SPINEPS: _number_levels({"C": 1, "T": 8, "L": 20}, {"C": 7, "T": 12, "L": 6})
    | {26: SACRUM, 28: "T13"},
    LabelTool.TOTALSPINESEG: _number_levels({"C": 11, "T": 21, "L": 41}, {"C": 7, "T": 12, "L": 6})
    | {50: SACRUM},
}
# discs, endplates, cord, canal, coccyx: labelled, and no vertebra
OTHER_VALUES: Final[Mapping[LabelTool, frozenset[int]]] = {
    LabelTool.SPINEPS: frozenset({0, 27, *range(29, 34), *range(101, 134), *range(201, 234)}),
    LabelTool.TOTALSPINESEG: frozenset(
        {0, 1, 2, *range(63, 68), *range(71, 83), *range(91, 97), 100}
    ),
}
CRANIAL_TO_CAUDAL: Final = (
    *(f"C{number}" for number in range(1, 8)),
    *(f"T{number}" for number in range(1, 14)),
    *(f"L{number}" for number in range(1, 7)),
    SACRUM,
)


@frozen(kw_only=True)
class LabelledVertebra:
    """A vertebra of a label map.

    Parameters
    ----------
    level
        Such as T12, or `SACRUM`.
    centre_lps_mm
        Mean of its voxels, patient LPS mm.
    voxels
        Number of its voxels.
    """

    level: str
    centre_lps_mm: Vector3
    voxels: int


@frozen(kw_only=True, eq=False)
class LabelMap:
    """The vertebrae of a label map, from cranial to caudal.

    Parameters
    ----------
    geometry
        Grid of the labels in the patient.
    values
        Label of each voxel, shape `geometry.shape_kji`.
    """

    tool: LabelTool
    vertebrae: tuple[LabelledVertebra, ...]
    geometry: VolumeGeometry = field(repr=False)
    values: NDArray[np.integer] = field(repr=False)

    def find_level(self, point_lps_mm: Vector3) -> str:
        """Return the level of the vertebra at a point, or "" where none is clearly the nearest.

        Parameters
        ----------
        point_lps_mm
            Patient LPS mm. It may lie up to `NEAR_MM` from the nearest labelled voxel.
        """
        kji = self.geometry.kji_from_lps(np.asarray(point_lps_mm))
        reach = np.ceil(NEAR_MM / np.asarray(self.geometry.spacing_kji_mm)) + 1
        low = np.maximum(np.floor(kji - reach), 0).astype(int)
        high = np.maximum(np.ceil(kji + reach) + 1, 0).astype(int)
        window = self.values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        nearest_mm: dict[str, float] = {}
        for value in np.unique(window):
            level = LEVEL_OF_VALUE[self.tool].get(int(value))
            if level is not None:
                offsets = np.argwhere(window == value) + low - kji
                # the voxel that holds the point is at no distance
                offsets = np.sign(offsets) * np.maximum(np.abs(offsets) - 0.5, 0.0)
                steps_mm = offsets * np.asarray(self.geometry.spacing_kji_mm)
                nearest_mm[level] = float(np.linalg.norm(steps_mm, axis=1).min())
        order = sorted(nearest_mm, key=lambda level: nearest_mm[level])
        if not order or nearest_mm[order[0]] > NEAR_MM:
            return ""
        is_close = len(order) > 1 and (
            nearest_mm[order[1]] - nearest_mm[order[0]] < CLEARLY_NEARER_MM
        )
        return "" if is_close and nearest_mm[order[0]] > 0 else order[0]


def read_label_map(path: Path, tool: LabelTool, series: VolumeGeometry) -> LabelMap:
    """Read a label map and check that it belongs to a series.

    Parameters
    ----------
    path
        NIfTI, `.nii` or `.nii.gz`.
    tool
        The program that wrote it: both use some of the same values for other levels.
    series
        Grid of the series that was segmented. The label map may have another voxel size, but must
        have its axes and cover the same part of the body.

    Raises
    ------
    InputError
        It cannot be read, or its values are not those of the program.
    GeometryError
        It is not in the place of the series.
    """
    values, geometry = _read_image(path)
    refuse_other_place(geometry, series)
    present = set(np.unique(values).tolist())
    levels = LEVEL_OF_VALUE[tool]
    unknown = sorted(present - levels.keys() - OTHER_VALUES[tool])
    if unknown:
        first_values = ", ".join(str(value) for value in unknown[:6])
        hint = " It needs the vertebra mask (seg-vert)." if tool is LabelTool.SPINEPS else ""
        raise InputError(
            f"{path.name} holds the values {first_values}, which are no labels of {tool}.{hint} "
            "Check which program wrote the file, and choose it with --tool."
        )
    places = {levels[value]: np.argwhere(values == value) for value in sorted(present & {*levels})}
    if not places:
        raise InputError(f"{path.name} labels no vertebra. Check that it is the output of {tool}.")
    vertebrae = [
        LabelledVertebra(
            level=level,
            centre_lps_mm=_convert_to_vector(geometry.lps_from_kji(places[level].mean(axis=0))),
            voxels=len(places[level]),
        )
        for level in CRANIAL_TO_CAUDAL
        if level in places
    ]
    for upper, lower in pairwise(vertebrae):
        if upper.centre_lps_mm[2] <= lower.centre_lps_mm[2]:
            raise InputError(
                f"In {path.name} {upper.level} does not lie above {lower.level}, so the labels do "
                "not follow the spine. Check which program wrote the file, and choose it with "
                "--tool."
            )
    return LabelMap(tool=tool, vertebrae=tuple(vertebrae), geometry=geometry, values=values)


def refuse_other_place(geometry: VolumeGeometry, series: VolumeGeometry) -> None:
    """Refuse a grid that has other axes than a series, or covers another part of the body.

    Raises
    ------
    GeometryError
        With what differs.
    """
    cosines = np.abs(series.directions @ geometry.directions.T)
    match = cosines.argmax(axis=1)
    tilt_deg = degrees(np.arccos(min(1.0, float(cosines.max(axis=1).min()))))
    if len(set(match.tolist())) < 3 or cosines.max(axis=1).min() < cos(radians(MOST_TILT_DEG)):
        raise GeometryError(
            f"The axes of the label map and of the series differ by {tilt_deg:.1f}°, so it was "
            "made from another image. Choose the series that was segmented with --series."
        )
    for axis, name in enumerate(AXES):
        direction = series.directions[axis]
        own = _measure_reach(series, direction)
        map_reach = _measure_reach(geometry, direction)
        allowed_mm = max(series.spacing_kji_mm[axis], geometry.spacing_kji_mm[int(match[axis])])
        apart_mm = float(np.abs(np.subtract(own, map_reach)).max())
        if apart_mm > allowed_mm:
            raise GeometryError(
                f"Across {name} the label map ends {apart_mm:.1f} mm from where the series ends, "
                "so it was made from another image. Choose the series that was segmented with "
                "--series."
            )


def _measure_reach(geometry: VolumeGeometry, direction: FloatArray) -> tuple[float, float]:
    """Return where a grid begins and ends along a direction, mm, the outer half voxels included."""
    corners = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in geometry.shape_kji]))
    places = geometry.lps_from_kji(corners.reshape(3, -1).T) @ direction
    return float(places.min()), float(places.max())


def _read_image(path: Path) -> tuple[NDArray[np.integer], VolumeGeometry]:
    import SimpleITK as sitk  # noqa: N813 - its usual name; 50 MB are loaded only when asked

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI. Check that it is a .nii or .nii.gz file with "
            "perpendicular axes."
        ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{path.name} is not one volume of labels.")
    values = sitk.GetArrayFromImage(image)
    labels = np.rint(values).astype(np.int32)
    if not np.array_equal(labels, values):
        raise InputError(
            f"{path.name} holds values that are no whole numbers: it is an image, or labels that "
            "were interpolated. Give the label map that the program wrote."
        )
    directions = np.asarray(image.GetDirection()).reshape(3, 3).T[::-1]  # of k, j and i, a row each
    i_mm, j_mm, k_mm = image.GetSpacing()
    return labels, VolumeGeometry(
        frame_of_reference_uid="",
        origin_lps_mm=_convert_to_vector(np.asarray(image.GetOrigin())),
        directions=directions,
        spacing_kji_mm=(k_mm, j_mm, i_mm),
        shape_kji=labels.shape,
    )


def _convert_to_vector(values: FloatArray) -> Vector3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
