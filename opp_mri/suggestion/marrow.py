"""How abnormal each point is: 0 as the patient's own marrow, 1 as the lesion at the seed.

The reference is the marrow of the neighbouring vertebrae. The coil's shading is a smooth factor
(log-linear along the AP axis and along the spine, with a bend along the spine), fitted to that
marrow on all slices at once. N4 would take some tenths of a second an image, and does not help.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.imaging import SeriesRole
from opp_mri.suggestion.body import Body
from opp_mri.suggestion.images import (
    SEARCHED_MM,
    ApFrame,
    Patch,
    SlicePatches,
    compute_axis_mm,
    cut_patches,
)

LEAST_REFERENCE: Final = 150  # points; fewer do not make a reference
MARROW_RANGE: Final = (0.55, 1.6)  # of the typical T1 level: neither disc nor a second lesion
SEED_MM: Final = 1.6
DARK_ROLES: Final = frozenset({SeriesRole.T1})


@frozen(kw_only=True, eq=False)
class Abnormality:
    """Evidence of a lesion on the slices of one sequence, around the body.

    Parameters
    ----------
    patches
        The native slices.
    flat
        Signal without the coil's shading, shape (slices, v, u), within `Body.cut`.
    shading
        The factor that was taken out, shape (v, u); 1 at the seed.
    marrow, lesion
        Level of marrow and of the lesion, without shading.
    texture
        Spread (SD) of normal marrow, noise included.
    """

    patches: SlicePatches
    flat: Patch = field(repr=False)
    shading: FloatArray = field(repr=False)
    marrow: float
    lesion: float
    texture: float

    @property
    def contrast(self) -> float:
        """Level of the lesion less that of marrow."""
        return self.lesion - self.marrow

    @property
    def contrast_to_texture(self) -> float:
        """Size of the contrast over the spread of marrow."""
        return abs(self.contrast) / self.texture

    @property
    def has_expected_sign(self) -> bool:
        """Whether the lesion is dark on T1, and bright on the other sequences."""
        return (self.contrast < 0) == (self.patches.image.role in DARK_ROLES)

    def compute_values(self) -> Patch:
        """Return 0 where the signal is that of marrow and 1 where it is that of the lesion."""
        return (self.flat - np.float32(self.marrow)) / np.float32(self.contrast)

    def with_lesion_level(self, region: NDArray[np.bool_]) -> "Abnormality":
        """Take the level of the lesion from a region, shape (slices, v, u)."""
        return evolve(self, lesion=float(np.median(self.flat[region])))


def judge_abnormality(
    frame: ApFrame, patches: Mapping[SeriesRole, SlicePatches], body: Body
) -> dict[SeriesRole, Abnormality]:
    """Compare each sequence with the patient's own marrow.

    Parameters
    ----------
    frame
        The frame of the patches.
    patches
        Slices near the seed, T1 among them, which give the reference.
    body
        The outline; the slices that are compared are cut around it.

    Returns
    -------
    dict
        Empty where the neighbouring vertebrae give no reference.
    """
    t1 = patches[SeriesRole.T1]
    near = t1.values.mean(axis=0)
    ratio = near / body.marrow_level
    reference = body.neighbours & (ratio > MARROW_RANGE[0]) & (ratio < MARROW_RANGE[1])
    if int(reference.sum()) < LEAST_REFERENCE:
        return {}
    abnormalities = {}
    for role, own in patches.items():
        abnormality = _compare(frame, own, reference, body)
        if abnormality is not None:
            abnormalities[role] = abnormality
    return abnormalities


def _compare(
    frame: ApFrame, near_seed: SlicePatches, reference: NDArray[np.bool_], body: Body
) -> Abnormality | None:
    v_mm, u_mm = compute_axis_mm()
    rows, columns = np.nonzero(reference)
    values = np.maximum(near_seed.values[:, rows, columns], 1.0).astype(np.float64)
    terms = _build_shading_terms(v_mm[rows], u_mm[columns])
    level = np.log(values).mean(axis=0)
    factors = np.zeros(terms.shape[1])
    for _ in range(2):
        factors = np.linalg.solve(terms.T @ terms, terms.T @ level)
        rest = level - terms @ factors
        spread = 1.4826 * float(np.median(np.abs(rest)))
        level = terms @ factors + np.clip(rest, -2.5 * spread, 2.5 * spread)
    factors[0], marrow = 0.0, float(np.exp(factors[0]))
    texture = 1.4826 * float(np.median(np.abs(values / np.exp(terms @ factors) - marrow)))
    own_v, own_u = body.compute_axes_mm()
    grid = np.meshgrid(own_v, own_u, indexing="ij")
    shading_field = np.exp(np.clip(_build_shading_terms(*grid) @ factors, -1.0, 1.0))
    patches = cut_patches(frame, near_seed.image, SEARCHED_MM, body.cut)
    flat = (patches.values / shading_field).astype(np.float32)
    near = (np.abs(grid[0]) < SEED_MM) & (np.abs(grid[1]) < SEED_MM)
    if not near.any() or texture <= 0:
        return None
    middle = int(np.argmin(np.abs(patches.across_mm)))
    lesion = float(np.median(flat[middle][near]))
    if abs(lesion - marrow) < 1e-6:
        return None
    return Abnormality(
        patches=patches,
        flat=flat,
        shading=shading_field,
        marrow=marrow,
        lesion=lesion,
        texture=texture,
    )


def _build_shading_terms(v_mm: FloatArray, u_mm: FloatArray) -> FloatArray:
    v, u = v_mm / 30.0, u_mm / 30.0
    return np.stack([np.ones_like(v), u, v, v * v], axis=-1)
