"""Images of benchmark phantoms with what the plain phantom leaves out: artefacts and flat marrow.

All sets have chemical shift, slice-to-slice motion, gradient distortion and signal voids; the
"dark marrow" sets have marrow without texture, moving CSF with ghosts, bowel that changes, a lesion
that may outshine CSF, fat suppression that fails at the edge of the coil, and signal in the cord.
"""

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, ImagePlane
from opp_mri.phantom import acquisition
from opp_mri.phantom.acquisition import Receiver
from opp_mri.phantom.anatomy import Anatomy
from opp_mri.phantom.canvas import Canvas, smooth_noise
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.spine import Posture, straight_from_lps
from opp_mri.phantom.tissue import Contrast, Tissue, build_water_and_fat, compute_lesion_signal

Volume32 = NDArray[np.float32]

HALF_WIDTH_MM = 18.0  # of a vertebra
FIELD_RADIUS_MM = 150.0  # where the distortion is given


@frozen(kw_only=True)
class Artefacts:
    """Imperfections of an acquisition.

    Parameters
    ----------
    shift_pixels
        Chemical shift of fat along the rows.
    slice_sd_mm
        Standard deviation of each slice's own motion, in each direction.
    distortion_mm
        Gradient distortion 150 mm from the isocentre; it grows with the cube of the distance.
    voids
        Number of signal voids of 4 to 7 mm in the soft tissue.
    """

    shift_pixels: float = 1.2
    slice_sd_mm: float = 0.2
    distortion_mm: float = 2.0
    voids: int = 5


@frozen(kw_only=True)
class DarkMarrow:
    """Fat-suppressed images of treated marrow, in surroundings that change.

    Parameters
    ----------
    marrow_of_csf
        Signal of marrow as a share of that of CSF, on fat-suppressed sequences.
    lesion_of_csf
        Signal of the lesion likewise.
    bowel_of_csf, bowel_from_mm
        How strongly bowel varies, and where it begins: y of the straight frame.
    pulsation
        How much of the signal of CSF the flow takes, in patches.
    """

    marrow_of_csf: float = 48 / 270
    lesion_of_csf: float = 3 * 48 / 270
    bowel_of_csf: float = 0.5
    bowel_from_mm: float = -42.0
    pulsation: float = 0.45


@frozen(kw_only=True, eq=False)
class Distortion:
    """A displacement that grows with the cube of the distance from the isocentre."""

    centre_lps_mm: FloatArray
    amount_mm: float

    def offset(self, points: FloatArray) -> FloatArray:
        """Return the place that is seen at points (3, ...), less the points, LPS mm."""
        away = points - self.centre_lps_mm.reshape(3, *([1] * (points.ndim - 1)))
        far = np.linalg.norm(away, axis=0)
        share: FloatArray = away * self.amount_mm * far**2 / FIELD_RADIUS_MM**3
        return share

    def appears(self, points: FloatArray) -> FloatArray:
        """Return where true places, shape (n, 3), appear in the image."""
        points_seen = points.T.copy()
        for _ in range(5):
            points_seen = points.T - self.offset(points_seen)
        return np.asarray(points_seen.T)


@frozen(kw_only=True, eq=False)
class Sight:
    """What each pixel of a stack looks at.

    Parameters
    ----------
    planes
        As the header has them.
    moved
        As they lay when each slice was acquired.
    straight
        Shape (3, slices, rows, columns): place in the straight frame.
    """

    planes: tuple[ImagePlane, ...]
    moved: tuple[ImagePlane, ...]
    straight: Volume32 = field(repr=False)
    points: Volume32 = field(repr=False)


def look(
    where: Posture,
    vertebra: int,
    planes: tuple[ImagePlane, ...],
    artefacts: Artefacts,
    distortion: Distortion,
    rng: np.random.Generator,
) -> Sight:
    """Lay the slices through the patient, each with its own motion."""
    plane = planes[0]
    column, row = np.meshgrid(np.arange(float(plane.columns)), np.arange(float(plane.rows)))
    points = np.stack(
        [acquisition.compute_points_lps_mm(plane, column, row) for plane in planes], axis=1
    )
    shifts = rng.normal(0, artefacts.slice_sd_mm, (len(planes), 3))
    # the mean over the slices through the vertebra is the patient's place, and part of the truth
    centre = where.place_points(vertebra, (0.0, 0.0, 0.0))
    near = [
        abs(plane.measure_distance_mm(tuple(centre.tolist()))) < HALF_WIDTH_MM for plane in planes
    ]
    shifts -= shifts[near].mean(axis=0) if any(near) else 0.0
    points_seen = points + shifts.T[:, :, None, None] + distortion.offset(points)
    moved_planes = tuple(
        _shifted(plane, shift) for plane, shift in zip(planes, shifts, strict=True)
    )
    return Sight(
        planes=planes,
        moved=moved_planes,
        straight=straight_from_lps(where, points_seen),
        points=points_seen.astype(np.float32),
    )


def _shifted(plane: ImagePlane, shift: FloatArray) -> ImagePlane:
    x, y, z = (np.asarray(plane.position_lps_mm) + shift).tolist()
    return evolve(plane, position_lps_mm=(x, y, z))


def image(
    anatomy: Anatomy,
    contrast: Contrast,
    sight: Sight,
    where: Posture,
    shape: LesionShape,
    thickness_mm: float,
    artefacts: Artefacts,
    dark: DarkMarrow | None,
    rng: np.random.Generator,
) -> Volume32:
    """Return the signal of a series, lesion included, before coil and noise."""
    is_suppressed = contrast.fat_suppressed or contrast.ti_ms is not None
    flat = dark if is_suppressed else None
    plain = Contrast(
        tr_ms=contrast.tr_ms, te_ms=contrast.te_ms, ti_ms=contrast.ti_ms,
        agent=contrast.agent, field_t=contrast.field_t,
    )  # fmt: skip
    water, fat = build_water_and_fat(plain)
    fraction = anatomy.fat_fraction
    if dark is not None:  # treated marrow has lost its texture, whatever the sequence
        fraction = np.where(anatomy.labels == Tissue.MARROW, np.float32(0.7), fraction)
    water_grid = water[anatomy.labels] * (1 - fraction)
    fat_grid = fat[anatomy.labels] * fraction
    csf = abs(float(water[Tissue.CSF]))
    fluid: Volume32 | None = None
    if flat is not None:
        sign = np.sign(water[Tissue.MARROW]) or 1.0
        marrow = anatomy.labels == Tissue.MARROW
        water_grid[marrow] = sign * flat.marrow_of_csf * csf
        fat_grid[marrow] *= 0.3  # what is left where suppression fails
        _change_surroundings(water_grid, anatomy, csf, flat, rng)
        fluid = np.where(anatomy.labels == Tissue.CSF, np.abs(water_grid), 0).astype(np.float32)
    wide = max(round(thickness_mm / anatomy.spacing_mm[2]), 1)
    grids = [water_grid, fat_grid] + ([fluid] if fluid is not None else [])
    signals = [
        anatomy.sample_signal(ndimage.uniform_filter1d(grid.astype(np.float32), wide, axis=2),
                       sight.straight)
        for grid in grids
    ]  # fmt: skip
    shifted_values = ndimage.shift(
        signals[1], (0, 0, artefacts.shift_pixels), order=1, mode="nearest"
    )
    leaves = _leaves(sight, contrast, flat, rng)
    image = np.abs(signals[0] + leaves * shifted_values).astype(np.float32)
    level = compute_lesion_signal(contrast)
    if flat is not None:
        level = flat.lesion_of_csf * csf
    _draw_lesion(image, where, sight.moved, thickness_mm, shape, level)
    if fluid is not None:
        _ghost(image, signals[2], rng)
    _cut_voids(image, sight, where, shape, artefacts.voids, rng)
    return image


def _change_surroundings(
    water: Volume32,
    anatomy: Anatomy,
    csf: float,
    dark: DarkMarrow,
    rng: np.random.Generator,
) -> None:
    """Let CSF pulsate, the bowel move and shine, and the cord show patches of signal."""
    canvas = Canvas(
        origin_mm=anatomy.origin_mm, spacing_mm=anatomy.spacing_mm, labels=anatomy.labels
    )
    _, y, _ = canvas.get_axes()
    flow = smooth_noise(rng, canvas, (14.0, 6.0, 8.0))
    fluid = (anatomy.labels == Tissue.CSF) | (anatomy.labels == Tissue.ROOTS)
    water[fluid] *= np.clip(1 - dark.pulsation * np.clip(flow[fluid], 0, None), 0.2, 1)
    bowel = smooth_noise(rng, canvas, (15.0, 12.0, 12.0))
    front = np.broadcast_to(y < dark.bowel_from_mm, anatomy.labels.shape)
    water[front] = csf * np.clip(0.35 + dark.bowel_of_csf * bowel[front], 0.02, 2.0)
    cord = anatomy.labels == Tissue.CORD
    patches = smooth_noise(rng, canvas, (25.0, 8.0, 8.0))
    water[cord] *= 1 + 0.6 * np.clip(patches[cord], 0, None)


def _leaves(
    sight: Sight, contrast: Contrast, flat: DarkMarrow | None, rng: np.random.Generator
) -> Volume32 | float:
    """Return the share of fat that suppression leaves: more at the edge of the coil."""
    if not contrast.fat_suppressed:
        return 1.0
    if flat is None:
        return 0.07
    middle = sight.points.mean(axis=(1, 2, 3))
    along = sight.points[2] - middle[2] + rng.uniform(-15, 15)
    ahead = sight.points[1] - middle[1]
    falloff = 1 / (1 + np.exp(-(np.abs(along) - 115) / 9)) + 1 / (1 + np.exp((ahead + 95) / 9))
    left: Volume32 = (0.07 + 0.7 * np.clip(falloff, 0, 1)).astype(np.float32)
    return left


def _draw_lesion(
    image: Volume32,
    where: Posture,
    planes: tuple[ImagePlane, ...],
    thickness_mm: float,
    shape: LesionShape,
    level: float,
) -> None:
    centre = where.place_points(shape.vertebra, shape.centre_local_mm)
    x, y, z = centre.tolist()
    reach = shape.reach_mm()
    for index, plane in enumerate(planes):
        if abs(plane.measure_distance_mm((x, y, z))) > reach + thickness_mm:
            continue
        column, row = plane.pixel_from_lps((x, y, z))
        down, across = reach / plane.row_spacing_mm + 1, reach / plane.column_spacing_mm + 1
        window = (
            slice(max(int(row - down), 0), max(min(int(row + down) + 2, plane.rows), 0)),
            slice(
                max(int(column - across), 0),
                max(min(int(column + across) + 2, plane.columns), 0),
            ),
        )
        share, core = acquisition.compute_lesion_share(where, plane, window, thickness_mm, shape)
        patch = image[index][window]
        patch += share * (level * (1 - 0.12 * core) - patch)


def _ghost(image: Volume32, fluid: Volume32, rng: np.random.Generator) -> None:
    """Add ghosts of pulsating CSF along the columns and the rows, fainter with each."""
    axis = 1 + int(rng.integers(0, 2))
    step = int(image.shape[axis] * rng.uniform(0.08, 0.2))
    for order, strength in ((1, 0.12), (2, 0.06)):
        for way in (-1, 1):
            image += strength * np.roll(fluid, way * order * step, axis=axis)


def _cut_voids(
    image: Volume32,
    sight: Sight,
    where: Posture,
    shape: LesionShape,
    count: int,
    rng: np.random.Generator,
) -> None:
    """Cut voids into the tissue near the lesion's vertebra, and not into the vertebra."""
    centre = where.place_points(shape.vertebra, (0.0, 0.0, 0.0))
    for _ in range(count):
        direction = rng.normal(size=3)
        away = direction / np.linalg.norm(direction) * rng.uniform(32, 75)
        radius = rng.uniform(4, 7)
        middle = (centre + away).astype(np.float32)
        far = sum((sight.points[axis] - middle[axis]) ** 2 for axis in range(3))
        image *= 1 - 0.9 * np.exp(-((far / radius**2) ** 2))


def stored(image: Volume32, sight: Sight, receiver: Receiver, rng: np.random.Generator
           ) -> NDArray[np.int16]:  # fmt: skip
    """Turn signal into stored values."""
    pixels = acquisition.receive(image, sight.planes, sight.straight, receiver, rng)
    return pixels.astype(np.int16)
