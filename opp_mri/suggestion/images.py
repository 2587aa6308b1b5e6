"""The images that a proposal is made from, and native slices cut along the vertebra's AP axis."""

from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, Vector3, VolumeGeometry
from opp_mri.domain.imaging import SeriesRole

STEP_MM: Final = 0.6
FRONT_MM: Final = 46.0  # of the seed along the AP axis
BACK_MM: Final = 36.0
HALF_LENGTH_MM: Final = 48.0  # along the spine: the neighbouring vertebrae are needed
NEAR_MM: Final = 5.5  # slices this near to the seed show the body and the reference
SEARCHED_MM: Final = 11.0  # slices farther from the seed are not searched for the greatest extent

Patch = NDArray[np.float32]


@frozen(kw_only=True, eq=False)
class SequenceImage:
    """One sagittal volume of a visit.

    Parameters
    ----------
    role
        The sequence that it is read as.
    geometry
        The native grid.
    voxels
        Shape (slices, rows, columns), float32.
    """

    role: SeriesRole
    geometry: VolumeGeometry = field(repr=False)
    voxels: NDArray[np.float32] = field(repr=False)


@frozen(kw_only=True, eq=False)
class ApFrame:
    """Axes through a seed: along the AP axis, down the spine, and across it.

    Parameters
    ----------
    seed_lps_mm
        The origin, in patient LPS mm.
    posterior, caudal, normal
        Unit vectors in LPS, perpendicular to one another; `normal` is that of the slices.
    """

    seed_lps_mm: FloatArray
    posterior: FloatArray
    caudal: FloatArray
    normal: FloatArray


@frozen(kw_only=True, eq=False)
class SlicePatches:
    """Native slices of one sequence around a seed, sampled in their own plane only.

    Parameters
    ----------
    slices
        Index k of each native slice.
    across_mm
        Signed distance of each slice from the seed along the normal, mm.
    values
        Shape (slices, v, u): down the spine, and towards posterior, every `STEP_MM`.
    """

    image: SequenceImage
    slices: tuple[int, ...]
    across_mm: FloatArray
    values: Patch = field(repr=False)


def build_ap_frame(image: SequenceImage, seed_lps_mm: Vector3, axis_lps: Vector3) -> ApFrame:
    """Lay axes through a seed, in the plane of an image's slices.

    Parameters
    ----------
    image
        Gives the plane of the slices.
    seed_lps_mm
        The click, patient LPS mm.
    axis_lps
        AP axis of the vertebra, a unit vector towards posterior.
    """
    normal = np.cross(image.geometry.directions[2], image.geometry.directions[1])
    axis = np.asarray(axis_lps, np.float64)
    posterior = axis - normal * (axis @ normal)
    posterior /= np.linalg.norm(posterior)
    caudal = np.cross(posterior, normal)
    if caudal[2] > 0:
        caudal = -caudal
    return ApFrame(
        seed_lps_mm=np.asarray(seed_lps_mm, np.float64),
        posterior=posterior,
        caudal=caudal,
        normal=normal,
    )


def compute_axis_mm() -> tuple[FloatArray, FloatArray]:
    """Return the coordinates v and u of a patch in mm from the seed."""
    return (
        np.arange(-HALF_LENGTH_MM, HALF_LENGTH_MM + STEP_MM / 2, STEP_MM),
        np.arange(-FRONT_MM, BACK_MM + STEP_MM / 2, STEP_MM),
    )


def convert_to_pixels(
    frame: ApFrame, image: SequenceImage, v_mm: FloatArray, u_mm: FloatArray
) -> FloatArray:
    """Return (row, column) in pixels, shape (2, ...), of points of the frame, along the normal."""
    geometry = image.geometry
    offset = frame.seed_lps_mm - np.asarray(geometry.origin_lps_mm)
    indices = []
    for axis in (1, 2):
        direction = geometry.directions[axis] / geometry.spacing_kji_mm[axis]
        indices.append(
            offset @ direction
            + v_mm * (frame.caudal @ direction)
            + u_mm * (frame.posterior @ direction)
        )
    return np.stack(indices)


def cut_patches(
    frame: ApFrame,
    image: SequenceImage,
    half_width_mm: float,
    window: tuple[slice, slice] = (slice(None), slice(None)),
) -> SlicePatches:
    """Sample the native slices around the seed, each in its own plane.

    Parameters
    ----------
    half_width_mm
        Slices farther from the seed than this are left out.
    window
        Rows and columns of the patch to sample.

    Returns
    -------
    SlicePatches
        Without any slice where the seed lies outside the stack.
    """
    geometry = image.geometry
    across = geometry.directions[0] @ frame.normal  # 1 or -1
    seed_k = float(
        (frame.seed_lps_mm - np.asarray(geometry.origin_lps_mm)) @ geometry.directions[0]
    )
    distances = (np.arange(geometry.shape_kji[0]) * geometry.spacing_kji_mm[0] - seed_k) * across
    nearby = [int(k) for k in np.flatnonzero(np.abs(distances) <= half_width_mm)]
    v_mm, u_mm = (axis[part] for axis, part in zip(compute_axis_mm(), window, strict=True))
    # pixels are linear in v and u: three corners give the whole grid
    first, next_v, next_u = convert_to_pixels(
        frame,
        image,
        v_mm[0] + np.array([0.0, STEP_MM, 0.0]),
        u_mm[0] + np.array([0.0, 0.0, STEP_MM]),
    ).T
    values = np.zeros((len(nearby), len(v_mm), len(u_mm)), np.float32)
    for index, k in enumerate(nearby):
        ndimage.affine_transform(
            image.voxels[k],
            np.stack([next_v - first, next_u - first], axis=1),
            offset=first,
            output_shape=values.shape[1:],
            output=values[index],
            order=1,
            mode="nearest",
        )
    return SlicePatches(
        image=image, slices=tuple(nearby), across_mm=distances[nearby], values=values
    )
