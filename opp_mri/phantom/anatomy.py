"""The tissues of a patient, painted as labels in the straight frame of the spine.

What is painted later lies on top: trunk, vessels, muscles, canal, discs, bodies, posterior
elements. The lesion is not painted here; it is drawn exactly, at each visit (`lesion`).
"""

import math
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.phantom import posterior
from opp_mri.phantom.canvas import Canvas, smooth_noise
from opp_mri.phantom.seeding import make_generator
from opp_mri.phantom.spine import Spine, Vertebra
from opp_mri.phantom.tissue import PROPERTIES, Contrast, Tissue, build_water_and_fat

LEFT_RIGHT_MM: Final = 44.0
ANTERIOR_MM, POSTERIOR_MM = 112.0, 108.0
PATCH_MM: Final = 3.2  # size of the patches of marrow
CORTEX_MM: Final = 1.0
WIDE: Final = 2.5  # cells are longer left to right, along which a slice averages


@frozen(kw_only=True)
class Build:
    """What makes a patient differ from another.

    Parameters
    ----------
    patient_id
        Names the patient's random numbers.
    fat_mm
        Thickness of the fat under the skin of the back.
    dry_discs
        Levels below which the disc has lost its water.
    thoracic
        Whether lungs, rather than bowel, lie in front.
    """

    patient_id: str
    fat_mm: float
    dry_discs: frozenset[str]
    thoracic: bool


@frozen(kw_only=True, eq=False)
class Anatomy:
    """A patient's tissues on a grid of the straight frame.

    Parameters
    ----------
    origin_mm, spacing_mm
        Of the grid, in the order z, y, x.
    labels
        `Tissue` of each cell, shape (z, y, x).
    fat_fraction
        Share of fat in each cell, texture included.
    """

    origin_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]
    labels: NDArray[np.uint8] = field(repr=False)
    fat_fraction: NDArray[np.float32] = field(repr=False)

    def compute_signal(
        self, contrast: Contrast, thick_mm: tuple[float, float, float]
    ) -> NDArray[np.float32]:
        """Return the signal on the grid, averaged over the thickness of a slice.

        Parameters
        ----------
        contrast
            What makes the contrast.
        thick_mm
            Extent in z, y and x over which the signal is averaged: partial volume.
        """
        water, fat = build_water_and_fat(contrast)
        signal = np.abs(
            water[self.labels] * (1 - self.fat_fraction) + fat[self.labels] * self.fat_fraction
        )
        for axis, (extent, step) in enumerate(zip(thick_mm, self.spacing_mm, strict=True)):
            cells = round(extent / step)
            if cells > 1:
                ndimage.uniform_filter1d(signal, cells, axis=axis, output=signal)
        return signal

    def sample_signal(
        self, grid: NDArray[np.float32], straight_mm: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Interpolate a grid linearly at points (3, ...), x y z, of the straight frame."""
        indices = np.empty_like(straight_mm)
        for axis in range(3):
            source = straight_mm[2 - axis]
            indices[axis] = (source - self.origin_mm[axis]) / self.spacing_mm[axis]
        return ndimage.map_coordinates(grid, indices, order=1, mode="nearest", output=np.float32)


def paint_anatomy(spine: Spine, build: Build, *, seed: int, cell_mm: float = 0.75) -> Anatomy:
    """Paint a patient.

    Parameters
    ----------
    spine
        Its vertebrae.
    build
        The person.
    seed
        The cohort's seed.
    cell_mm
        Size of a cell in the sagittal plane; left to right it is longer.
    """
    canvas = _blank(spine, cell_mm)
    rng = make_generator(seed, build.patient_id, "anatomy")
    _paint_trunk(canvas, spine, build, rng)
    posterior.paint_muscles(canvas, spine, rng)
    posterior.paint_back(canvas, spine, build.fat_mm, rng)
    for vertebra in spine.vertebrae:
        posterior.paint_arch_space(canvas, vertebra, rng)
    posterior.paint_canal(canvas, spine, rng)
    for upper, lower in zip(spine.vertebrae, spine.vertebrae[1:], strict=False):
        _paint_disc(canvas, upper, lower, dry=upper.level in build.dry_discs)
    for vertebra in spine.vertebrae:
        _paint_body(canvas, vertebra)
        posterior.paint_arch(canvas, vertebra)
    patches = smooth_noise(rng, canvas, (PATCH_MM, PATCH_MM, PATCH_MM))
    patches += 0.6 * smooth_noise(rng, canvas, (3 * PATCH_MM, 3 * PATCH_MM, 3 * PATCH_MM))
    mean = np.array([PROPERTIES[tissue].fat_fraction for tissue in Tissue], np.float32)
    varies = np.array([PROPERTIES[tissue].fat_variation for tissue in Tissue], np.float32)
    fat_fraction = np.clip(mean[canvas.labels] + varies[canvas.labels] * patches, 0, 1)
    return Anatomy(
        origin_mm=canvas.origin_mm,
        spacing_mm=canvas.spacing_mm,
        labels=canvas.labels,
        fat_fraction=fat_fraction,
    )


def _blank(spine: Spine, cell_mm: float) -> Canvas:
    top = spine.vertebrae[0].z_mm + spine.vertebrae[0].height_mm / 2
    bottom = spine.vertebrae[-1].z_mm - spine.vertebrae[-1].height_mm / 2
    spacing = (cell_mm, cell_mm, WIDE * cell_mm)
    sizes = (top - bottom, ANTERIOR_MM + POSTERIOR_MM, 2 * LEFT_RIGHT_MM)
    shape = tuple(math.ceil(size / step) + 1 for size, step in zip(sizes, spacing, strict=True))
    return Canvas(
        origin_mm=(bottom, -ANTERIOR_MM, -LEFT_RIGHT_MM),
        spacing_mm=spacing,
        labels=np.full(shape, Tissue.FAT, np.uint8),
    )


def _paint_trunk(canvas: Canvas, spine: Spine, build: Build, rng: np.random.Generator) -> None:
    """Paint what lies in front of the spine and next to it."""
    z, y, x = canvas.get_axes()
    front = -_compute_half_depth_mm(spine, z)
    folds = smooth_noise(rng, canvas, (9.0, 8.0, 9.0))
    far = y < front - 24 + 3 * folds
    if build.thoracic:
        canvas.put(Tissue.LUNG, far | ((np.abs(x) > 17) & (y < front * 0.2)))
        canvas.put(Tissue.VEIN, (far | (np.abs(x) > 17)) & (y < front * 0.2) & (folds > 2.1))
        canvas.put(Tissue.ORGAN, (folds > -0.6) & (y < front - 34) & (np.abs(x + 4) < 30))
        vessels = [(Tissue.ARTERY, 9.0, 13.0, 10.5), (Tissue.VEIN, -5.0, 8.0, 3.0)]
    else:
        canvas.put(Tissue.ORGAN, far & (folds > -0.4) & (y < front - 30))
        canvas.put(Tissue.ANNULUS, far & (folds > 1.7))  # gut
        canvas.put(Tissue.MUSCLE, _outline_psoas(x, y, front))
        vessels = [(Tissue.ARTERY, 9.0, 12.5, 8.5), (Tissue.VEIN, -13.0, 11.5, 9.5)]
    wander = 2.5 * np.sin(z / 37.0 + rng.uniform(0, 6))
    fork = np.clip(
        (_find_fork_mm(spine) - z) / 60, 0, 2
    )  # the great vessels part and leave forward
    for tissue, left, ahead, radius in vessels:
        aside = x - left * (1 + 2 * fork) - wander
        distance = np.hypot(aside, y - front + ahead + 12 * fork + 0.3 * wander)
        distance = distance + 0.45 * radius * np.minimum(fork * 4, 1)
        canvas.put(Tissue.LIGAMENT, distance < radius + 1.2)
        canvas.put(tissue, distance < radius)


def _find_fork_mm(spine: Spine) -> float:
    """Return the fork of the great vessels in z: at L4, or below the section."""
    forks = [v.z_mm for v in spine.vertebrae if v.level == "L4"]
    return forks[0] if forks else spine.vertebrae[-1].z_mm - 200


def _outline_psoas(
    x: NDArray[np.float32], y: NDArray[np.float32], front: NDArray[np.float32]
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = ((np.abs(x) - 38) / 15) ** 2 + ((y - front * 0.1) / 21) ** 2 < 1
    return inside


def _compute_half_depth_mm(spine: Spine, z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half the depth of the bodies along the spine, as smooth as the vessels in front of it."""
    upward_vertebrae = spine.vertebrae[::-1]
    depths = np.interp(
        z, [v.z_mm for v in upward_vertebrae], [v.depth_mm / 2 for v in upward_vertebrae]
    )
    return depths.astype(np.float32)


def _paint_disc(canvas: Canvas, upper: Vertebra, lower: Vertebra, *, dry: bool) -> None:
    z_mm = upper.z_mm - upper.height_mm / 2 - upper.disc_mm / 2
    reach = upper.disc_mm / 2 + 3.5
    depth, width = (upper.depth_mm + lower.depth_mm) / 4, (upper.width_mm + lower.width_mm) / 4
    box = canvas.cut_box(
        (z_mm - reach, z_mm + reach), (-depth - 4, depth + 4), (-width - 3, width + 3)
    )
    z, y, x = box.get_axes()
    z = z - z_mm
    around = _compute_rim(x / width, y / depth)
    box.put(Tissue.LIGAMENT, (around < 1.10) & (np.abs(z) < reach))
    box.put(Tissue.ANNULUS, around < 1.02)
    thick = upper.disc_mm / 2 + 1.2
    inner = (np.abs(x) / (0.70 * width)) ** 2.5 + (np.abs(y - 0.8) / (0.66 * depth)) ** 2.5
    nucleus = inner + (np.abs(z) / thick) ** 4 < 1
    box.put(Tissue.DRY_NUCLEUS if dry else Tissue.NUCLEUS, nucleus)
    cleft = (np.abs(z) < 0.55) & (inner < 0.35)
    if not dry and upper.disc_mm > 6:
        box.put(Tissue.DRY_NUCLEUS, cleft)


def _compute_rim(across: NDArray[np.floating], along: NDArray[np.floating]) -> NDArray[np.floating]:
    """Grow from 0 at the axis of a body to 1 at its wall; the back is flatter than the front."""
    flat = np.where(along > 0, 3.4, 2.3)
    distance: NDArray[np.floating] = (np.abs(across) ** 2.4 + np.abs(along) ** flat) ** (1 / 2.4)
    return distance


def _paint_body(canvas: Canvas, vertebra: Vertebra) -> None:
    """Paint a body: concave endplates, a waist, a dark rim, and the basivertebral vein."""
    depth, width, half = vertebra.depth_mm / 2, vertebra.width_mm / 2, vertebra.height_mm / 2
    box = canvas.cut_box(
        (vertebra.z_mm - half - 1, vertebra.z_mm + half + 1),
        (-depth - 3, depth + 3),
        (-width - 3, width + 3),
    )
    z, y, x = box.get_axes()
    z = z - vertebra.z_mm
    sacral = vertebra.level.startswith("S")
    slope = 1 + (0.16 * z / half if sacral else 0.0)
    waist = 1 - (0.0 if sacral else 0.085) * (1 - (z / half) ** 2)
    rim = _compute_rim(x / (width * waist), y / (depth * waist * slope))
    bowl = 0.075 * vertebra.height_mm * (0.4 if sacral else 1.0)
    hollow = np.clip(1 - ((x / width) ** 2 + ((y - 1.5) / depth) ** 2) * 1.15, 0, 1)
    to_endplate = half - bowl * hollow - np.abs(z) - 2.2 * np.clip(rim - 0.82, 0, 1) ** 2 * 9
    to_wall = (1 - rim) * depth
    box.put(Tissue.LIGAMENT, (to_wall > -1.0) & (to_wall <= 0) & (np.abs(z) < half))
    inside = np.minimum(to_wall, to_endplate)
    box.put(Tissue.CORTEX, inside > 0)
    box.put(Tissue.MARROW, inside > CORTEX_MM)
    if not sacral:
        opening = 1.0 + 0.16 * np.clip(y - 0.25 * depth, 0, None)
        vein = (y > 0.3 * depth) & (y < depth + 1) & (np.abs(z + 0.5) < opening * 0.8)
        box.put(Tissue.VEIN, vein & (np.abs(x) < 2.2 * opening))
