"""Visits of a spine that are harder than the demo's, with extents that are known on native slices.

Bodies come from `opp_mri.phantom`. Added here: rough and infiltrating lesions, lesions that touch
the posterior wall or cross it, a second lesion or a haemangioma in the same body, endplate
changes, a fractured body (wedge or depressed endplate), fatty marrow, in-plane blur and chemical
shift. `suggestion_drawing` draws them and knows the true extents.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from attrs import evolve, field, frozen
from scipy import ndimage
from suggestion_drawing import (
    CASES_WITHOUT_LESION,
    Fracture,
    Grid,
    RoughShape,
    draw_findings,
    measure_true_extent_mm,
)

from opp_mri.domain.geometry import ImagePlane, VolumeGeometry
from opp_mri.domain.imaging import SeriesRole
from opp_mri.phantom.acquisition import (
    Prescription,
    Receiver,
    Scene,
    compute_straight_points,
    receive,
)
from opp_mri.phantom.anatomy import Anatomy
from opp_mri.phantom.cases import CASES
from opp_mri.phantom.patient import Patient, make_patient
from opp_mri.phantom.protocol import GE, PHILIPS, SIEMENS, TOSHIBA, SeriesKind
from opp_mri.phantom.seeding import make_generator
from opp_mri.phantom.spine import Posture, Vertebra, build_posture, build_rigid
from opp_mri.phantom.tissue import Contrast, Tissue, build_water_and_fat
from opp_mri.suggestion.images import SequenceImage

SCANNERS = (SIEMENS, GE, PHILIPS, TOSHIBA)
DIFFICULTIES = (
    "plain", "rough", "infiltrating", "at the wall", "epidural", "second lesion", "haemangioma",
    "endplate change", "fatty marrow", "chemical shift", "small", "fracture", "no lesion",
)  # fmt: skip
ROLES = {
    SeriesKind.T1: SeriesRole.T1, SeriesKind.T2FS: SeriesRole.T2FS,
    SeriesKind.STIR: SeriesRole.STIR, SeriesKind.T1POST: SeriesRole.T1POST,
}  # fmt: skip
GROWTH = {
    SeriesKind.T1: 0.0, SeriesKind.T2FS: 0.6, SeriesKind.STIR: 0.7, SeriesKind.T1POST: 0.4,
}  # fmt: skip


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
    fracture = _fracture(person.seed, index, body, difficulty)
    if fracture is not None and difficulty != CASES_WITHOUT_LESION:
        base = _below_fracture(base, body, fracture)
    scanner = SCANNERS[person.seed % len(SCANNERS)]
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
        draw_findings(water, fat, where, planes, stack, shape, contrast, difficulty, rng, fracture)
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
        if difficulty != CASES_WITHOUT_LESION:
            true_mm[ROLES[kind]] = measure_true_extent_mm(
                where, planes, stack, shape, body, fracture
            )
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


def _fracture(seed: int, index: int, body: Vertebra, difficulty: str) -> Fracture | None:
    """Fracture the body, or half of those without a lesion; an old one, without oedema."""
    rng = make_generator(seed, "fracture", index)
    is_wedge, is_drawn = rng.random() < 0.5, rng.random() < 0.5
    if difficulty != "fracture" and not (difficulty == CASES_WITHOUT_LESION and is_drawn):
        return None
    loss = float(rng.uniform(0.15, 0.32)) * body.height_mm
    return Fracture(wedge_mm=loss if is_wedge else 0.0, dent_mm=0.0 if is_wedge else loss)


def _below_fracture(shape: RoughShape, body: Vertebra, fracture: Fracture) -> RoughShape:
    """Move a lesion below the endplate of a fractured body, and flatten it to fit there."""
    loss = max(fracture.wedge_mm / 2, fracture.dent_mm)
    x, y, _ = shape.centre_local_mm
    return evolve(
        shape,
        centre_local_mm=(x, y, -loss / 2),
        half_height_mm=min(shape.half_height_mm, (body.height_mm - loss) / 2 - 3.5),
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


def _geometry(planes: tuple[ImagePlane, ...], stack: Prescription) -> VolumeGeometry:
    first = planes[0]
    return VolumeGeometry(
        frame_of_reference_uid=first.frame_of_reference_uid,
        origin_lps_mm=first.position_lps_mm,
        directions=np.array([first.normal, first.column_direction, first.row_direction]),
        spacing_kji_mm=(stack.slice_spacing_mm, first.row_spacing_mm, first.column_spacing_mm),
        shape_kji=(len(planes), first.rows, first.columns),
    )
