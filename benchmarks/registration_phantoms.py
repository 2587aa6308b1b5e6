"""Pairs of phantom volumes with known truth, made in memory for benchmarks/registration.py."""

from datetime import date

import numpy as np
import registration_imaging as imaging
from attrs import evolve, field, frozen

from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.geometry import FloatArray, Volume, VolumeGeometry
from opp_mri.phantom.acquisition import Prescription, Receiver
from opp_mri.phantom.anatomy import Anatomy, Build, paint_anatomy
from opp_mri.phantom.cases import Case, Visit
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.patient import Patient, make_patient
from opp_mri.phantom.prescription import prescribe
from opp_mri.phantom.protocol import GE, PHILIPS, SIEMENS, TOSHIBA, Scanner, SeriesKind
from opp_mri.phantom.seeding import make_generator, make_uid
from opp_mri.phantom.spine import LEVELS, Posture, build_posture, build_rigid, build_spine_section

MAKERS = (SIEMENS, GE, PHILIPS, TOSHIBA)
SEED = 3
LUMBAR, THORACIC = ("T12", "L1", "L2", "L3", "L4", "L5"), ("T6", "T7", "T8", "T9", "T10")


@frozen(kw_only=True)
class Motion:
    """How a patient lies at a visit, next to the anatomical posture.

    Parameters
    ----------
    shift_mm, turn_deg
        Largest shift and rotation as a whole, in any direction.
    table_mm
        Shift of the header's coordinates along the table.
    joint_sd_deg
        Standard deviation of the bend of each joint.
    """

    shift_mm: float = 5.0
    turn_deg: float = 3.0
    table_mm: float = 0.0
    joint_sd_deg: tuple[float, float, float] = (1.3, 0.7, 0.7)


@frozen(kw_only=True)
class Look:
    """What a visit's images look like.

    Parameters
    ----------
    noise
        Factor on the noise.
    fatty
        Fat fraction added to the marrow, in patches.
    grown_mm
        Added to the AP extent of the lesion.
    shading
        How strongly the signal falls with the distance from the coil.
    between_mm
        Standard deviation of the patient's motion between the series of a visit.
    dark
        Marrow without texture, in surroundings that change; None for the plain phantom.
    artefacts
        What goes wrong in each acquisition.
    """

    scanner: Scanner = SIEMENS
    noise: float = 1.0
    fatty: float = 0.0
    grown_mm: float = 0.0
    shading: float = 1.0
    between_mm: float = 0.0
    dark: imaging.DarkMarrow | None = None
    artefacts: imaging.Artefacts = field(factory=imaging.Artefacts)


@frozen(kw_only=True, eq=False)
class Scan:
    """A volume with its truth: the posture that it was made in, and the lesion."""

    volume: Volume = field(repr=False)
    posture: Posture = field(repr=False)
    shape: LesionShape
    distortion: imaging.Distortion = field(repr=False)

    def landmarks_lps_mm(self, vertebra: int) -> FloatArray:
        """Return centre and corners of a body, in its middle and 12 mm to each side: (15, 3)."""
        corners = self.posture.spine.vertebrae[vertebra].compute_corners_local_mm().values()
        places = np.array(
            [
                self.posture.place_points(vertebra, (x + aside, y, z))
                for x, y, z in corners
                for aside in (-12.0, 0.0, 12.0)
            ]
        )
        return self.distortion.appears(places)

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Centre of the lesion."""
        place = self.posture.place_points(self.shape.vertebra, self.shape.centre_local_mm)
        x, y, z = self.distortion.appears(place[None])[0].tolist()
        return (x, y, z)


def anatomy_of(number: int, *, coarse: bool = False, dry: int | None = 2) -> Patient:
    """Return one of the patients of the benchmark: thoracic where the number is a third.

    So many discs have lost their water; all of them where `dry` is None.
    """
    thoracic = number % 3 == 2
    rng = make_generator(SEED, number, "case")
    levels = THORACIC if thoracic else LUMBAR
    case = Case(
        number=number, title="", category=ResponseCategory.SD,
        reason=Reason.WITHIN_MEASUREMENT_ERROR, level=str(rng.choice(levels)),
        thoracic=thoracic, sex="FM"[number % 2], age_years=60, histology="", dose_gy=24,
        fractions=1, ssrs_last_date=date(2020, 1, 1),
        visits=(Visit(day=-7, ap_mm=float(rng.uniform(10, 18)), scanner=SIEMENS),),
        centre_share=tuple(rng.uniform(-0.25, 0.25, 3)),
        half_width_mm=8.0 if thoracic else 10.0, half_height_mm=5.0 if thoracic else 6.5,
        matrix=[(288, 208), (256, 192), (384, 272)][number % 3],
        dry_discs=frozenset(LEVELS if dry is None else rng.choice(LUMBAR, dry, replace=False)),
    )  # fmt: skip
    return make_patient(case, seed=SEED, coarse=coarse)


def sized(patient: Patient, size: float) -> Patient:
    """Return somebody else of this size, with the same lesion: a stranger."""
    spine = patient.spine
    first, last = spine.vertebrae[0].level, spine.vertebrae[-1].level
    middle = spine.vertebrae[spine.middle].level
    rng = make_generator(SEED, patient.case.number, str(size), "stranger")
    spine = build_spine_section(first, last, middle, size=size, curvature=1 + rng.normal(0, 0.12))
    build = Build(
        patient_id=f"{patient.case.number} {size}",
        fat_mm=float(rng.uniform(10, 22)),
        dry_discs=frozenset(rng.choice(LUMBAR, 2, replace=False)),
        thoracic=patient.case.thoracic,
    )
    return evolve(patient, spine=spine, anatomy=paint_anatomy(spine, build, seed=SEED))


def lying(patient: Patient, visit: int, motion: Motion) -> Posture:
    """Lay the patient down for a visit; the same visit is the same posture."""
    rng = make_generator(SEED, patient.case.number, visit, "lying", str(motion))
    joints = rng.normal(0, motion.joint_sd_deg, (len(patient.spine.vertebrae) - 1, 3))
    shift = _within(rng, motion.shift_mm) + np.array([0, -20.0, motion.table_mm])
    return build_posture(patient.spine, joints, build_rigid(_within(rng, motion.turn_deg), shift))


def _within(rng: np.random.Generator, radius: float) -> FloatArray:
    direction = rng.normal(size=3)
    within: FloatArray = direction / np.linalg.norm(direction) * radius * rng.uniform(0.3, 1)
    return within


def fattier(anatomy: Anatomy, fat_share: float, rng: np.random.Generator) -> Anatomy:
    """Return the anatomy with marrow that is fattier in wide patches, as after radiation."""
    from opp_mri.phantom.canvas import Canvas, smooth_noise
    from opp_mri.phantom.tissue import Tissue

    canvas = Canvas(
        origin_mm=anatomy.origin_mm, spacing_mm=anatomy.spacing_mm, labels=anatomy.labels
    )
    patches = 1 + 0.8 * smooth_noise(rng, canvas, (25.0, 15.0, 15.0))
    marrow = anatomy.labels == Tissue.MARROW
    fat = np.where(marrow, anatomy.fat_fraction + fat_share * patches, anatomy.fat_fraction)
    return evolve(anatomy, fat_fraction=np.clip(fat, 0, 1).astype(np.float32))


def scan(
    patient: Patient,
    visit: int,
    where: Posture,
    look: Look,
    kinds: tuple[SeriesKind, ...] = (SeriesKind.T1,),
    *,
    away_mm: float | None = None,
) -> dict[SeriesKind, Scan]:
    """Acquire some sagittal series of a visit, between which the patient may move.

    `away_mm` lays the middle of the stack this far caudal of the lesion's vertebra.
    """
    case = patient.case
    anatomy = patient.anatomy
    if look.fatty:
        anatomy = fattier(anatomy, look.fatty, make_generator(SEED, case.number, visit, "fatty"))
    frame_uid = make_uid(SEED, case.number, visit, "frame")
    (stack,) = prescribe(case, where, SeriesKind.T1, visit, seed=SEED, coarse=patient.coarse)
    if away_mm is not None:
        stack = _laid_away(stack, where, patient.vertebra, away_mm)
    planes = stack.build_planes(frame_uid)
    shape = _lesion_at(patient, look)
    scans = {}
    for kind in kinds:
        rng = make_generator(SEED, case.number, visit, kind, "images")
        lies = _moved(where, patient.vertebra, look.between_mm, rng)
        distortion = imaging.Distortion(
            centre_lps_mm=np.array(stack.centre_lps_mm) + rng.normal(0, 8.0, 3),
            amount_mm=look.artefacts.distortion_mm,
        )
        sight = imaging.look(lies, patient.vertebra, planes, look.artefacts, distortion, rng)
        contrast = look.scanner.contrasts[kind]
        image = imaging.image(
            anatomy,
            contrast,
            sight,
            lies,
            shape,
            stack.thickness_mm,
            look.artefacts,
            look.dark,
            rng,
        )
        is_suppressed = contrast.fat_suppressed or contrast.ti_ms is not None
        receiver = Receiver(
            gain=900.0 * (1.8 if is_suppressed else 1.25),
            noise=(16.0 if is_suppressed else 12.0) * look.noise,
            shading=look.shading,
            saturated_from_mm=None if look.dark else -34.0,
        )
        pixels = imaging.stored(image, sight, receiver, rng)
        scans[kind] = Scan(
            volume=_volume(f"{case.number}-{visit}-{kind}", planes, stack, pixels),
            posture=lies,
            shape=shape,
            distortion=distortion,
        )
    return scans


def _lesion_at(patient: Patient, look: Look) -> LesionShape:
    base = patient.case.visits[0]
    shape = patient.get_lesion(base, SeriesKind.T1)
    larger = ((base.ap_mm + look.grown_mm) / base.ap_mm) ** 0.5
    return evolve(
        shape,
        ap_mm=base.ap_mm + look.grown_mm,
        half_left_right_mm=shape.half_left_right_mm * larger,
        half_height_mm=shape.half_height_mm * larger,
    )


def _moved(where: Posture, vertebra: int, sd_mm: float, rng: np.random.Generator) -> Posture:
    """Let the patient move a little as a whole, as between the series of a visit."""
    centre = where.place_points(vertebra, (0.0, 0.0, 0.0))
    motion = build_rigid(rng.normal(0, 0.5 * sd_mm, 3), np.zeros(3))
    motion[:3, 3] = centre + rng.normal(0, sd_mm, 3) - motion[:3, :3] @ centre
    return evolve(where, lps_from_local=motion @ where.lps_from_local)


def _laid_away(stack: Prescription, where: Posture, vertebra: int, away_mm: float) -> Prescription:
    """Lay the middle of a stack this far along the spine from a vertebra."""
    own = where.lps_from_local[where.spine.middle]
    aside = np.array(stack.centre_lps_mm) - own[:3, 3]
    middle = where.place_points(vertebra, (0.0, 0.0, 0.0)) - away_mm * own[:3, 2]
    return evolve(stack, centre_lps_mm=tuple((middle + aside).tolist()))


def _volume(name: str, planes, stack: Prescription, pixels) -> Volume:  # type: ignore[no-untyped-def]
    first = planes[0]
    return Volume(
        volume_id=name,
        geometry=VolumeGeometry(
            frame_of_reference_uid=first.frame_of_reference_uid,
            origin_lps_mm=first.position_lps_mm,
            directions=np.array([first.normal, first.column_direction, first.row_direction]),
            spacing_kji_mm=(stack.slice_spacing_mm, first.row_spacing_mm, first.column_spacing_mm),
            shape_kji=pixels.shape,
        ),
        voxels=pixels.astype(np.int16),
    )
