"""Where a technologist lays the slices of each series at each visit."""

from typing import Final

import numpy as np

from opp_mri.domain.geometry import FloatArray
from opp_mri.phantom.acquisition import Prescription
from opp_mri.phantom.cases import Case
from opp_mri.phantom.protocol import SeriesKind
from opp_mri.phantom.seeding import make_generator
from opp_mri.phantom.spine import Posture, build_rigid

AXIAL_LIKE: Final = (SeriesKind.LOCALIZER, SeriesKind.AXIAL_T2, SeriesKind.REFORMAT)
ALIGNMENT_SD_DEG: Final = 1.2  # how well slices are lined up with the patient
MIDDLE_BEHIND_MM: Final = (
    -15.0
)  # middle of the image from the middle body: along y, front is negative

_X, _Y, _Z = np.eye(3)
_PLANES: Final = {"sagittal": (_Y, -_Z), "coronal": (_X, -_Z), "axial": (_X, _Y)}


def prescribe(
    case: Case, where: Posture, kind: SeriesKind, visit: int, *, seed: int, coarse: bool
) -> tuple[Prescription, ...]:
    """Lay the slices of a series.

    Parameters
    ----------
    case, where
        The patient, and where it lies.
    kind, visit
        Which series of which visit (from 0); the sagittal series of a visit share their slices,
        but T1 after contrast agent is laid again at every third visit.
    seed, coarse
        The cohort's seed, and whether to halve the matrix.

    Returns
    -------
    tuple of Prescription
        One stack; three of three slices for a localizer.
    """
    anew = kind is SeriesKind.T1POST and visit % 3 == 1
    rng = make_generator(seed, case.patient_id, visit, "post" if anew else "slices")
    tilt = build_rigid(rng.normal(0, ALIGNMENT_SD_DEG, 3), np.zeros(3))[:3, :3]
    axes = where.lps_from_local[where.spine.middle, :3, :3] @ tilt
    centre = where.place_points(where.spine.middle, (0.0, MIDDLE_BEHIND_MM, 0.0)) + rng.normal(
        0, 2.5, 3
    )
    match kind:
        case SeriesKind.LOCALIZER:
            return tuple(
                _prescribe_stack(centre, np.eye(3), plane, (192, 192), 1.6, 3, (12.0, 8.0), coarse)
                for plane in _PLANES
            )
        case SeriesKind.AXIAL_T2:
            lesion = where.lps_from_local[where.spine.index(case.level)]
            middle = lesion[:3, 3] - 10 * lesion[:3, 1]
            return (
                _prescribe_stack(
                    middle, lesion[:3, :3], "axial", (192, 192), 0.78, 9, (4.4, 4.0), coarse
                ),
            )
        case SeriesKind.REFORMAT:
            middle = where.place_points(where.spine.middle, (0.0, 0.0, 0.0))
            return (
                _prescribe_stack(middle, axes, "coronal", (256, 192), 1.1, 9, (3.0, 3.0), coarse),
            )
        case _:
            return (_prescribe_sagittal(case, centre, axes, rng, visit, coarse),)


def _prescribe_sagittal(
    case: Case,
    centre: FloatArray,
    axes: FloatArray,
    rng: np.random.Generator,
    visit: int,
    coarse: bool,
) -> Prescription:
    """Another field of view at every visit, and another matrix at some."""
    rows, columns = case.matrix
    if visit % 4 == 2:
        rows, columns = rows - 32, columns - 16
    spacing = round((282.0 + 30.0 * float(rng.random())) / rows, 4)
    slices = 11 if rng.random() < 0.6 else 13
    gap = (4.4, 4.0) if slices == 11 else (4.0, 3.6)
    return _prescribe_stack(centre, axes, "sagittal", (rows, columns), spacing, slices, gap, coarse)


def _prescribe_stack(
    centre: FloatArray,
    axes: FloatArray,
    plane: str,
    matrix: tuple[int, int],
    spacing_mm: float,
    slices: int,
    spacing_and_thickness_mm: tuple[float, float],
    coarse: bool,
) -> Prescription:
    row, column = (axes @ direction for direction in _PLANES[plane])
    shrink = 2 if coarse else 1
    return Prescription(
        centre_lps_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        row_direction=(float(row[0]), float(row[1]), float(row[2])),
        column_direction=(float(column[0]), float(column[1]), float(column[2])),
        rows=matrix[0] // shrink,
        columns=matrix[1] // shrink,
        row_spacing_mm=spacing_mm * shrink,
        column_spacing_mm=spacing_mm * shrink,
        slices=slices,
        slice_spacing_mm=spacing_and_thickness_mm[0],
        thickness_mm=spacing_and_thickness_mm[1],
    )
