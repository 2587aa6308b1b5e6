"""Visits of a spine that are harder than the demo's, with extents that are known on native slices.

Bodies come from `opp_mri.phantom`. Added here: rough and infiltrating lesions, lesions that touch
the posterior wall or cross it, a second lesion or a haemangioma in the same body, endplate
changes, fatty marrow, in-plane blur and chemical shift.

The true extent of a sequence is the longest run along the vertebra's AP axis, over its native
slices, on which at least half of the slice's thickness is lesion inside the body.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import ImagePlane, VolumeGeometry
from opp_mri.domain.imaging import SeriesRole
from opp_mri.phantom.acquisition import (
    Prescription,
    Receiver,
    Scene,
    compute_points_lps_mm,
    compute_straight_points,
    receive,
)
from opp_mri.phantom.anatomy import CORTEX_MM, Anatomy
from opp_mri.phantom.cases import CASES
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.patient import Patient, make_patient
from opp_mri.phantom.protocol import GE, PHILIPS, SIEMENS, TOSHIBA, SeriesKind
from opp_mri.phantom.seeding import make_generator
from opp_mri.phantom.spine import Posture, Vertebra, build_posture, build_rigid
from opp_mri.phantom.tissue import Contrast, Tissue, build_water_and_fat
from opp_mri.suggestion.images import SequenceImage

SCANNERS = (SIEMENS, GE, PHILIPS, TOSHIBA)
DIFFICULTIES = (
    "plain", "rough", "infiltrating", "at the wall", "epidural", "second lesion", "haemangioma",
    "endplate change", "fatty marrow", "chemical shift", "small", "no lesion",
)  # fmt: skip
ROLES = {
    SeriesKind.T1: SeriesRole.T1, SeriesKind.T2FS: SeriesRole.T2FS,
    SeriesKind.STIR: SeriesRole.STIR, SeriesKind.T1POST: SeriesRole.T1POST,
}  # fmt: skip
GROWTH = {
    SeriesKind.T1: 0.0, SeriesKind.T2FS: 0.6, SeriesKind.STIR: 0.7, SeriesKind.T1POST: 0.4,
}  # fmt: skip
FINE_MM = (0.15, 0.5)  # of the grid on which truth is taken: along the AP axis, and across it
Grid = NDArray[np.float32]


@frozen(kw_only=True)
class RoughShape(LesionShape):
    """A lesion whose surface is uneven at several scales; its extent is measured, not stated."""

    roughness: float = 0.0

    def level(self, points_local_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the side of the inequality that is at most 1 inside."""
        level = super().level(points_local_mm)
        halves = (self.half_left_right_mm, self.ap_mm / 2, self.half_height_mm)
        x, y, z = (
            (points_local_mm[axis] - self.centre_local_mm[axis]) / halves[axis] for axis in range(3)
        )
        norm = np.sqrt(x * x + y * y + z * z) + 1e-6
        x, y, z = x / norm, y / norm, z / norm
        # lobes depend on the direction alone, so that the surface has no loose teeth
        lobes = (
            np.sin(3.1 * y + 2.2 * z + self.phase) * np.cos(2.6 * z - 1.5 * x + 2 * self.phase)
            + 0.6 * np.sin(4.3 * z - 3.6 * y + 3 * self.phase)
        )  # fmt: skip
        rough: NDArray[np.float64] = level * (1 + self.roughness * lobes)
        return rough


@frozen(kw_only=True, eq=False)
class HardVisit:
    """One visit with one lesion, or none, and what is true of it.

    Parameters
    ----------
    images
        The sequences, as the suggestion room takes them.
    click_lps_mm
        Where a reader clicked.
    true_mm
        Greatest AP extent on each sequence; empty where there is no lesion.
    """

    patient: str
    difficulty: str
    level: str
    scanner: str
    images: tuple[SequenceImage, ...] = field(repr=False)
    click_lps_mm: tuple[float, float, float]
    axis_lps: tuple[float, float, float]
    true_mm: dict[SeriesRole, float]


def visits(seed: int, *, patients: int, lesions_each: int) -> Iterator[HardVisit]:
    """Make visits: patients, and on each this many lesions of difficulties in turn."""
    turn = itertools.cycle(DIFFICULTIES)
    for number in range(patients):
        case = CASES[(number + seed) % len(CASES)]
        person = make_patient(case, seed=seed * 1000 + number)
        cache: dict[object, tuple[Grid, Grid]] = {}
        for index in range(lesions_each):
            yield make_visit(person, index, next(turn), cache)


def make_visit(
    person: Patient, index: int, difficulty: str, cache: dict[object, tuple[Grid, Grid]]
) -> HardVisit:
    """Lay the patient down, put a lesion into a vertebra and acquire three sequences."""
    rng = make_generator(person.seed, "hard", index)
    levels = [v.level for v in person.spine.vertebrae[2:-2] if not v.level.startswith("S")]
    level = levels[int(rng.integers(len(levels)))]
    spot = person.spine.index(level)
    body = person.spine.vertebrae[spot]
    joints = rng.normal(0, (1.3, 0.7, 0.7), (len(person.spine.vertebrae) - 1, 3))
    where = build_posture(
        person.spine, joints, build_rigid(rng.normal(0, 2.2, 3), rng.normal(0, 6, 3))
    )
    base = _lesion(rng, body, spot, difficulty)
    scanner = SCANNERS[int(rng.integers(4))]
    second = SeriesKind.STIR if rng.random() < 0.25 else SeriesKind.T2FS
    stack = _prescription(rng, where, spot)
    fatty = 0.2 if difficulty == "fatty marrow" else 0.0
    scene = Scene(anatomy=person.anatomy, posture=where)
    planes = stack.build_planes(f"1.2.{index}")
    straight = compute_straight_points(scene, planes)
    images, true_mm = [], {}
    shift = float(rng.uniform(0.6, 1.6)) if difficulty == "chemical shift" else 0.25
    shift *= 1 if rng.random() < 0.5 else -1
    blur = float(rng.uniform(0.45, 0.75))  # SD in pixels
    for kind in (SeriesKind.T1, second, SeriesKind.T1POST):
        contrast = scanner.contrasts[kind]
        shape = evolve(base, ap_mm=base.ap_mm + GROWTH[kind])
        key = (contrast, fatty)
        if key not in cache:
            cache[key] = _parts(person.anatomy, contrast, fatty)
        water, fat = (person.anatomy.sample_signal(grid, straight) for grid in cache[key])
        _draw(water, fat, where, planes, stack, shape, contrast, difficulty, rng)
        fat = ndimage.shift(fat, (0, 0, shift) if rng.random() < 0.8 else (0, shift, 0), order=1)
        image = ndimage.gaussian_filter(np.abs(water + fat), (0, blur, blur))
        is_suppressed = contrast.fat_suppressed or contrast.ti_ms is not None
        receiver = Receiver(gain=900 * (1.8 if is_suppressed else 1.4), noise=16.0)
        pixels = receive(image, planes, straight, receiver, rng)
        images.append(
            SequenceImage(
                role=ROLES[kind], geometry=_geometry(planes, stack),
                voxels=pixels.astype(np.float32),
            )
        )  # fmt: skip
        if difficulty != "no lesion":
            true_mm[ROLES[kind]] = _true_extent_mm(where, planes, stack, shape, body)
    click = np.array(base.centre_local_mm) + rng.uniform(-0.3, 0.3, 3) * (
        base.half_left_right_mm, base.ap_mm / 2, base.half_height_mm,
    )  # fmt: skip
    x, y, z = where.place_points(spot, (float(click[0]), float(click[1]), float(click[2])))
    axis = where.lps_from_local[spot][:3, 1]
    return HardVisit(
        patient=f"{person.case.patient_id}/{person.seed}/{index}", difficulty=difficulty,
        level=level, scanner=scanner.name, images=tuple(images),
        click_lps_mm=(float(x), float(y), float(z)),
        axis_lps=(float(axis[0]), float(axis[1]), float(axis[2])), true_mm=true_mm,
    )  # fmt: skip


def _lesion(rng: np.random.Generator, body: Vertebra, spot: int, difficulty: str) -> RoughShape:
    depth = body.depth_mm
    share = rng.uniform(0.18, 0.3) if difficulty == "small" else rng.uniform(0.35, 0.68)
    ap = float(share * depth)
    room = depth / 2 - 3.2 - ap / 2 - 0.6
    y = float(rng.uniform(-max(room, 0), max(room, 0)))
    if difficulty in ("at the wall", "epidural"):
        y = depth / 2 * 0.93 - ap / 2 + 0.5
    elif difficulty == "second lesion":
        ap = float(min(ap, 0.42 * depth))
        y = -depth / 2 + 2.5 + ap / 2
    half_height = float(min(rng.uniform(4.5, 9.5), body.height_mm / 2 - 3.5, max(ap * 0.6, 3.0)))
    rough = difficulty in ("rough", "infiltrating", "second lesion", "haemangioma")
    return RoughShape(
        vertebra=spot,
        centre_local_mm=(float(rng.normal(0, 3.0)), y, float(rng.normal(0, 1.0))),
        ap_mm=ap,
        half_left_right_mm=float(rng.uniform(6, 11)) * min(1.0, ap / 14 + 0.3),
        half_height_mm=half_height,
        phase=float(rng.uniform(0, 6)),
        roughness=float(rng.uniform(0.12, 0.3)) if rough else 0.05,
    )


def _prescription(rng: np.random.Generator, where: Posture, spot: int) -> Prescription:
    tilt = build_rigid(rng.normal(0, 1.2, 3), np.zeros(3))[:3, :3]
    axes = where.lps_from_local[where.spine.middle, :3, :3] @ tilt
    centre = where.place_points(spot, (0.0, 2.0, 0.0)) + rng.normal(0, 1.5, 3)
    pixel = float(rng.uniform(0.65, 1.05))
    gap = (4.4, 4.0) if rng.random() < 0.5 else (3.3, 3.0)
    row, column = axes[:, 1], -axes[:, 2]
    return Prescription(
        centre_lps_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        row_direction=(float(row[0]), float(row[1]), float(row[2])),
        column_direction=(float(column[0]), float(column[1]), float(column[2])),
        rows=round(130 / pixel), columns=round(100 / pixel), row_spacing_mm=pixel,
        column_spacing_mm=pixel, slices=9, slice_spacing_mm=gap[0], thickness_mm=gap[1],
    )  # fmt: skip


def _parts(anatomy: Anatomy, contrast: Contrast, fatty: float) -> tuple[Grid, Grid]:
    """Return the signal of water and of fat, averaged through a slice, fat marrow included."""
    water, fat = build_water_and_fat(contrast)
    share = anatomy.fat_fraction
    if fatty:
        share = np.where(anatomy.labels == Tissue.MARROW, np.clip(share + fatty, 0, 1), share)
    parts = (water[anatomy.labels] * (1 - share), fat[anatomy.labels] * share)
    cells = round(4.0 / anatomy.spacing_mm[2])
    means = [ndimage.uniform_filter1d(part.astype(np.float32), cells, axis=2) for part in parts]
    return means[0], means[1]


def _inside_body_mm(local: NDArray[np.float64], body: Vertebra) -> NDArray[np.float64]:
    """Return the depth below the wall and the endplates, as `phantom.anatomy` paints a body."""
    x, y, z = local
    depth, width, half = body.depth_mm / 2, body.width_mm / 2, body.height_mm / 2
    waist = 1 - 0.085 * (1 - (z / half) ** 2)
    flat = np.where(y > 0, 3.4, 2.3)
    across, along = np.abs(x / (width * waist)), np.abs(y / (depth * waist))
    rim = (across**2.4 + along**flat) ** (1 / 2.4)
    hollow = np.clip(1 - ((x / width) ** 2 + ((y - 1.5) / depth) ** 2) * 1.15, 0, 1)
    endplate = half - 0.075 * body.height_mm * hollow - np.abs(z)
    inside: NDArray[np.float64] = np.minimum((1 - rim) * depth, endplate)
    return inside


@frozen(kw_only=True, eq=False)
class _Window:
    """The pixels around a body, and its local frame at one point of each of them.

    Parameters
    ----------
    cut
        Slices, rows and columns of the window.
    local
        Shape (3, slices, rows, columns): the centre of each voxel in the frame of the body, mm.
    normal, column, row
        Steps through the slice, along a column and along a row, mm in that frame; the first for a
        whole thickness, the others for a pixel.
    """

    cut: tuple[slice, slice, slice]
    local: NDArray[np.float64]
    normal: NDArray[np.float64]
    column: NDArray[np.float64]
    row: NDArray[np.float64]


def _window(
    where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription, spot: int
) -> _Window:
    plane = planes[0]
    body = where.spine.vertebrae[spot]
    x, y, z = (float(value) for value in where.place_points(spot, (0.0, 0.0, 0.0)))
    column, row = plane.pixel_from_lps((x, y, z))
    down = (body.height_mm / 2 + 2) / stack.row_spacing_mm
    across = (body.depth_mm / 2 + 6) / stack.column_spacing_mm
    rows = slice(max(int(row - down), 0), int(row + down) + 2)
    columns = slice(max(int(column - across), 0), int(column + across) + 2)
    grid = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    lps = np.stack([compute_points_lps_mm(plane, *grid) for plane in planes], axis=1)
    inverse = np.linalg.inv(where.lps_from_local[spot])
    turn = inverse[:3, :3]
    return _Window(
        cut=(slice(None), rows, columns),
        local=np.tensordot(turn, lps, axes=1) + inverse[:3, 3][:, None, None, None],
        normal=turn @ np.array(plane.normal) * stack.thickness_mm,
        column=turn @ np.array(plane.column_direction) * stack.row_spacing_mm,
        row=turn @ np.array(plane.row_direction) * stack.column_spacing_mm,
    )


def _draw(
    water: Grid, fat: Grid, where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription,
    shape: RoughShape, contrast: Contrast, difficulty: str, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Put what is abnormal into the two parts of an image."""
    body = where.spine.vertebrae[shape.vertebra]
    levels, _ = build_water_and_fat(contrast)
    lesion = float(abs(levels[Tissue.LESION]))
    window = _window(where, planes, stack, shape.vertebra)
    water, fat = water[window.cut], fat[window.cut]  # views: what is drawn is drawn on the image
    share, other_share = np.zeros_like(water), np.zeros_like(water)
    points = list(itertools.product((np.arange(5) - 2) / 5, (-0.25, 0.25), (-0.25, 0.25)))
    for deep, down, across in points:
        step = deep * window.normal + down * window.column + across * window.row
        local = window.local + step[:, None, None, None]
        inside = _inside_body_mm(local, body) > CORTEX_MM
        share += _lesion_inside(local, shape, inside, difficulty, body) / len(points)
        other_share += (_neighbour(local, shape, difficulty, body) & inside) / len(points)
    rng_level = 1 + 0.08 * ndimage.gaussian_filter(rng.standard_normal(share.shape), (0, 2, 2)) * 4
    if difficulty != "no lesion":
        water += share * (lesion * rng_level.astype(np.float32) - water)
        fat -= share * fat
    if difficulty == "second lesion":
        water += other_share * (lesion - water)
        fat -= other_share * fat
    elif difficulty == "haemangioma":
        fat += other_share * 0.1 * fat
        water += other_share * (0.55 * lesion - water)
    elif difficulty == "endplate change":
        water += 0.5 * other_share * (0.8 * lesion - water)
        fat -= 0.5 * other_share * fat


def _lesion_inside(
    local: NDArray[np.float64], shape: RoughShape, inside: NDArray[np.bool_], difficulty: str,
    body: Vertebra,
) -> Grid:  # fmt: skip
    level = shape.level(local)
    if difficulty == "infiltrating":
        share = np.clip((1.18 - level) / 0.36, 0, 1) * inside
    else:
        share = (level <= 1) & inside
    if difficulty == "epidural":
        x, y, z = local
        up = (z - shape.centre_local_mm[2]) / (shape.half_height_mm * 0.9)
        blob = ((y - body.depth_mm / 2 + 1) / 4.0) ** 2 + up**2 + (x / 7) ** 2 < 1
        share = np.maximum(share, blob & (level < 8) & (y > body.depth_mm / 2 * 0.9))
    lesion_share: Grid = share.astype(np.float32)
    return lesion_share


def _neighbour(
    local: NDArray[np.float64], shape: RoughShape, difficulty: str, body: Vertebra
) -> NDArray[np.bool_]:
    """Return what lies next to the lesion in the same body."""
    x, y, z = local
    back = shape.centre_local_mm[1] + shape.ap_mm / 2
    front = shape.centre_local_mm[1] - shape.ap_mm / 2
    if difficulty == "second lesion":
        room = body.depth_mm / 2 - 2.5 - (back + 2.5)  # marrow stays between both, and at the wall
        half = min(max(room / 2, 0.1), 4.2)
        return ((y - back - 2.5 - half) / half) ** 2 + (z / 5) ** 2 + (x / 7) ** 2 < 1
    if difficulty == "haemangioma":
        up = math.copysign(body.height_mm / 2 - 5, -shape.centre_local_mm[2])
        side = front - 4 if -front < body.depth_mm / 2 - 7 else back + 5
        return ((y - side) / 3.5) ** 2 + ((z - up) / 4) ** 2 + (x / 6) ** 2 < 1
    if difficulty == "endplate change":
        return (body.height_mm / 2 - np.abs(z) < 4.5) & (z > 0) & (y < 0)
    return np.zeros(y.shape, np.bool_)


def _true_extent_mm(
    where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription, shape: RoughShape,
    body: Vertebra,
) -> float:  # fmt: skip
    """Take the longest run of lesion along the AP axis over the native slices."""
    spot = shape.vertebra
    normal = np.array(planes[0].normal)
    axis = where.lps_from_local[spot][:3, 1]
    axis = axis - normal * (axis @ normal)
    axis /= np.linalg.norm(axis)
    across = np.cross(normal, axis)
    inverse = np.linalg.inv(where.lps_from_local[spot])
    along = np.arange(-26, 26, FINE_MM[0])
    beside = np.arange(-14, 14, FINE_MM[1])
    longest = 0.0
    centre = where.place_points(spot, shape.centre_local_mm)
    for plane in planes:
        if abs((centre - np.array(plane.position_lps_mm)) @ normal) > 9:
            continue  # a lesion is longest near its middle
        origin = centre - normal * ((centre - np.array(plane.position_lps_mm)) @ normal)
        half = np.zeros((len(beside), len(along)))
        for depth in (np.arange(5) - 2) / 5 * stack.thickness_mm:
            lps = (origin + normal * depth)[:, None, None] + (
                across[:, None, None] * beside[:, None] + axis[:, None, None] * along
            )
            local = np.tensordot(inverse[:3, :3], lps, axes=1) + inverse[:3, 3][:, None, None]
            inside = _inside_body_mm(local, body) > CORTEX_MM
            half += (shape.level(local) <= 1) & inside
        labels, count = ndimage.label(half >= 2.5, np.ones((3, 3)))
        for label in range(1, count + 1):
            region = labels == label
            for line in region[region.any(axis=1)]:
                edges = np.flatnonzero(np.diff(np.pad(line.astype(np.int8), 1)))
                longest = max(longest, float((edges[1::2] - edges[::2]).max()) * FINE_MM[0])
    return longest


def _geometry(planes: tuple[ImagePlane, ...], stack: Prescription) -> VolumeGeometry:
    first = planes[0]
    return VolumeGeometry(
        frame_of_reference_uid=first.frame_of_reference_uid,
        origin_lps_mm=first.position_lps_mm,
        directions=np.array([first.normal, first.column_direction, first.row_direction]),
        spacing_kji_mm=(stack.slice_spacing_mm, first.row_spacing_mm, first.column_spacing_mm),
        shape_kji=(len(planes), first.rows, first.columns),
    )
