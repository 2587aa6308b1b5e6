"""Transforms and images as files that ITK, 3D Slicer and others read: .tfm, NRRD, NIfTI."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, VolumeGeometry
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import InputError
from opp_mri.registration.layers import invert


def write_transform(path: Path, baseline_from_followup: RigidTransform) -> None:
    """Write a fit as a transform of ITK.

    ITK resamples the follow-up on the baseline's grid, so its transform carries points of the
    baseline to the follow-up, LPS mm; 3D Slicer inverts it when it is laid on the follow-up.

    Parameters
    ----------
    path
        Ends in .tfm, .txt or .h5; a file that is there is replaced.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    import SimpleITK as sitk  # noqa: N813 - its usual name; 50 MB are loaded only when asked

    matrix = baseline_from_followup.invert().matrix
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3].tolist())
    try:
        sitk.WriteTransform(transform, str(path))
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be written: choose a folder that you may write."
        ) from error


def read_transform(path: Path) -> FloatArray:
    """Read a transform of ITK, from points of the baseline to the follow-up.

    Returns
    -------
    numpy.ndarray
        Shape (4, 4): `baseline_from_followup`, LPS mm.

    Raises
    ------
    InputError
        The file is none of ITK's, or its transform is not linear.
    """
    import SimpleITK as sitk  # noqa: N813

    try:
        transform = sitk.ReadTransform(str(path))
    except (RuntimeError, UnicodeDecodeError) as error:  # its message may hold what is not text
        raise InputError(
            f"{path} is not a transform of ITK: save it as .tfm, .txt or .h5 (in 3D Slicer: a "
            "linear transform)."
        ) from error
    if not transform.IsLinear():
        raise InputError(f"{path} is a deformable transform: only a rigid transform can be a fit.")
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    followup_from_baseline = np.eye(4)
    followup_from_baseline[:3, 3] = origin
    for axis in range(3):
        step = np.array(transform.TransformPoint(np.eye(3)[axis].tolist()))
        followup_from_baseline[:3, axis] = step - origin
    if abs(np.linalg.det(followup_from_baseline)) < 1e-6:
        raise InputError(f"{path} has a singular matrix: it is not a rigid transform.")
    return invert(followup_from_baseline)


def write_image(path: Path, values: NDArray[np.float32], grid: VolumeGeometry) -> None:
    """Write an image on a grid; outside what was acquired, where it is NaN, it is 0.

    Parameters
    ----------
    path
        Ends in .nrrd or .nii.gz; a file that is there is replaced.
    values
        Shape `grid.shape_kji`.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    import SimpleITK as sitk  # noqa: N813

    image = make_image(np.nan_to_num(values), grid)
    image.SetMetaData("Comment", "Resampled to be looked at, not to be measured on.")
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be written: choose a folder that you may write."
        ) from error


def make_image(values: NDArray[np.generic], grid: VolumeGeometry) -> Any:
    """Return values on a grid, shape `grid.shape_kji`, as an image of SimpleITK."""
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(values)
    image.SetSpacing([float(step) for step in grid.spacing_kji_mm[::-1]])
    image.SetOrigin([float(x) for x in grid.origin_lps_mm])
    image.SetDirection(grid.directions[::-1].T.ravel().tolist())
    return image
