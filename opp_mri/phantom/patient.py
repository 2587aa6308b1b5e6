"""A patient of the cohort: the anatomy, each visit's posture, and the series acquired at it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import ImagePlane
from opp_mri.phantom import acquisition
from opp_mri.phantom.acquisition import Prescription, Receiver, Scene
from opp_mri.phantom.anatomy import Anatomy, Build, paint_anatomy
from opp_mri.phantom.cases import Case, Encoding, Visit
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.prescription import AXIAL_LIKE, prescribe
from opp_mri.phantom.protocol import MEASURED, HeaderValue, SeriesKind, build_series_header
from opp_mri.phantom.seeding import make_generator, make_uid
from opp_mri.phantom.spine import Posture, Spine, build_posture, build_rigid, build_spine_section
from opp_mri.phantom.tissue import Contrast

JOINT_SD_DEG: Final = (1.3, 0.7, 0.7)  # posture change of a joint from visit to visit
PATIENT_SD_DEG: Final = (2.2, 2.0, 2.5)
PATIENT_SD_MM: Final = (4.0, 5.0, 9.0)
TABLE_MM: Final = (
    60.0  # the origin of the header coordinates lies anywhere within this along the table
)
COARSE_CELL_MM: Final = 1.5
MINUTES_PER_SERIES: Final = 5

ORDER: Final = (
    SeriesKind.LOCALIZER,
    SeriesKind.PLAIN_T2,
    SeriesKind.REFORMAT,
    SeriesKind.T2FS,
    SeriesKind.STIR,
    SeriesKind.AXIAL_T2,
    SeriesKind.T1,
    SeriesKind.T1POST,
)


@frozen(kw_only=True, eq=False)
class AcquiredSeries:
    """A series as a scanner would hand it over, not yet encoded.

    Parameters
    ----------
    kind, number
        What it shows, and its SeriesNumber.
    header
        Values of all its images, by DICOM keyword.
    planes, pixels
        Image planes, and stored values of shape (images, rows, columns).
    thickness_mm, slice_spacing_mm
        SliceThickness and SpacingBetweenSlices.
    sop_instance_uids
        One an image, or a single one where the images are the frames of one instance.
    """

    kind: SeriesKind
    number: int
    header: dict[str, HeaderValue]
    planes: tuple[ImagePlane, ...]
    pixels: NDArray[np.uint16] = field(repr=False)
    thickness_mm: float
    slice_spacing_mm: float
    sop_instance_uids: tuple[str, ...]

    def get_reference(self, index: int) -> tuple[str, int]:
        """Return SOPInstanceUID and frame number, from 1, of an image."""
        if len(self.sop_instance_uids) == 1:
            return self.sop_instance_uids[0], index + 1
        return self.sop_instance_uids[index], 1


@frozen(kw_only=True, eq=False)
class AcquiredStudy:
    """A visit: where the patient lay, what the lesion was, and the series.

    Parameters
    ----------
    posture
        Place of each vertebra.
    shapes
        The lesion on each measured sequence.
    """

    visit: Visit
    study_date: date
    study_instance_uid: str
    frame_of_reference_uid: str
    posture: Posture = field(repr=False)
    shapes: dict[SeriesKind, LesionShape]
    series: tuple[AcquiredSeries, ...] = field(repr=False)


@frozen(kw_only=True, eq=False)
class Patient:
    """A case with its body.

    Parameters
    ----------
    coarse
        Half the matrix and coarser tissue, for quick tests.
    """

    case: Case
    seed: int
    coarse: bool
    spine: Spine
    anatomy: Anatomy = field(repr=False)

    @property
    def vertebra(self) -> int:
        """Index of the vertebra that holds the lesion."""
        return self.spine.index(self.case.level)

    def generate_studies(self) -> Iterator[AcquiredStudy]:
        """Acquire one visit after the other."""
        signals: dict[tuple[Contrast, bool], NDArray[np.float32]] = {}
        for index, visit in enumerate(self.case.visits):
            yield self._acquire_study(index, visit, signals)

    def get_lesion(self, visit: Visit, sequence: SeriesKind) -> LesionShape:
        """Return the lesion as a sequence of a visit shows it."""
        vertebra = self.spine.vertebrae[self.vertebra]
        sizes = (vertebra.width_mm, vertebra.depth_mm, vertebra.height_mm)
        centre = [
            share * size / 2 for share, size in zip(self.case.centre_share, sizes, strict=True)
        ]
        scale = (visit.ap_mm / self.case.visits[0].ap_mm) ** 0.5
        return LesionShape(
            vertebra=self.vertebra,
            centre_local_mm=(centre[0], centre[1], centre[2]),
            ap_mm=self.case.compute_ap_mm(visit, sequence),
            half_left_right_mm=self.case.half_width_mm * scale,
            half_height_mm=self.case.half_height_mm * scale,
            phase=float(self.case.number),
        )

    def _acquire_study(
        self, index: int, visit: Visit, signals: dict[tuple[Contrast, bool], NDArray[np.float32]]
    ) -> AcquiredStudy:
        case = self.case
        frame_uid = make_uid(self.seed, case.patient_id, index, "frame of reference")
        scene = Scene(anatomy=self.anatomy, posture=self._find_posture(index))
        shapes = {sequence: self.get_lesion(visit, sequence) for sequence in case.sequences}
        seen_from: dict[Prescription, NDArray[np.float32]] = {}
        series = []
        kinds = [kind for kind in ORDER if kind in (*case.sequences, *visit.extras)]
        for number, kind in enumerate(kinds, start=1):
            stacks = prescribe(case, scene.posture, kind, index, seed=self.seed, coarse=self.coarse)
            planes = tuple(plane for stack in stacks for plane in stack.build_planes(frame_uid))
            contrast = visit.scanner.contrasts[kind]
            key = (contrast, kind in AXIAL_LIKE)
            if key not in signals:
                signals[key] = self.anatomy.compute_signal(contrast, _choose_thickness(kind))
            images: list[NDArray[np.uint16]] = []
            for stack in stacks:
                slice_planes = stack.build_planes(frame_uid)
                if stack not in seen_from:
                    seen_from[stack] = acquisition.compute_straight_points(scene, slice_planes)
                image = acquisition.compute_tissue_image(scene, signals[key], seen_from[stack])
                shape = shapes.get(kind, self.get_lesion(visit, SeriesKind.T2FS))
                acquisition.draw_lesion(
                    image, scene, slice_planes, stack.thickness_mm, shape, contrast
                )
                rng = make_generator(self.seed, case.patient_id, index, kind, len(images), "noise")
                images.append(
                    acquisition.receive(
                        image, slice_planes, seen_from[stack], _choose_receiver(kind, contrast), rng
                    )
                )
            series.append(
                self._build_series(
                    index, visit, kind, number, planes, np.concatenate(images), stacks[0]
                )
            )
        return AcquiredStudy(
            visit=visit,
            study_date=self.compute_date(visit.day),
            study_instance_uid=make_uid(self.seed, case.patient_id, index, "study"),
            frame_of_reference_uid=frame_uid,
            posture=scene.posture,
            shapes=shapes,
            series=tuple(series),
        )

    def compute_date(self, day: int) -> date:
        """Return the date of a day counted from the end of radiosurgery."""
        return self.case.ssrs_last_date + timedelta(days=day)

    def _find_posture(self, index: int) -> Posture:
        """Lay the patient down: no two visits are alike, in the joints or on the table."""
        rng = make_generator(self.seed, self.case.patient_id, index, "posture")
        joints = rng.normal(0, JOINT_SD_DEG, (len(self.spine.vertebrae) - 1, 3))
        table = np.array([0.0, -20.0, rng.uniform(-TABLE_MM, TABLE_MM)])
        shift = rng.normal(0, PATIENT_SD_MM) + table
        return build_posture(self.spine, joints, build_rigid(rng.normal(0, PATIENT_SD_DEG), shift))

    def _build_series(
        self,
        index: int,
        visit: Visit,
        kind: SeriesKind,
        number: int,
        planes: tuple[ImagePlane, ...],
        pixels: NDArray[np.uint16],
        stack: Prescription,
    ) -> AcquiredSeries:
        case = self.case
        names = (case.patient_id, index, kind)
        frames = 1 if case.encoding is Encoding.ENHANCED else len(planes)
        return AcquiredSeries(
            kind=kind,
            number=number,
            header=self._build_header(index, visit, kind, number),
            planes=planes,
            pixels=pixels,
            thickness_mm=stack.thickness_mm,
            slice_spacing_mm=stack.slice_spacing_mm,
            sop_instance_uids=tuple(
                make_uid(self.seed, *names, "image", image) for image in range(1, frames + 1)
            ),
        )

    def _build_header(
        self, index: int, visit: Visit, kind: SeriesKind, number: int
    ) -> dict[str, HeaderValue]:
        case = self.case
        study_date = self.compute_date(visit.day)
        minutes = int(make_generator(self.seed, case.patient_id, index, "clock").integers(0, 480))
        start = datetime.combine(study_date, datetime.min.time()) + timedelta(
            hours=8, minutes=minutes
        )
        acquisition_start = start + timedelta(
            minutes=3 + MINUTES_PER_SERIES * number, seconds=17 * number
        )
        if kind is SeriesKind.T1POST:
            acquisition_start += timedelta(minutes=4)  # the agent is given and takes effect
        day, clock = study_date.strftime("%Y%m%d"), acquisition_start.strftime("%H%M%S")
        return build_series_header(visit.scanner, kind, visit.scanner.contrasts[kind]) | {
            "PatientName": f"PHANTOM^{case.number:02d}",
            "PatientID": case.patient_id,
            "PatientBirthDate": f"{case.ssrs_last_date.year - case.age_years}0115",
            "PatientSex": case.sex,
            "PatientAge": f"{case.age_years:03d}Y",
            "PatientWeight": 74,
            "StudyInstanceUID": make_uid(self.seed, case.patient_id, index, "study"),
            "StudyID": f"{4000 + 37 * case.number + index}",
            "AccessionNumber": f"A{case.number:02d}{index + 1:03d}",
            "StudyDescription": "MR THORACIC SPINE" if case.thoracic else "MR LUMBAR SPINE",
            "StudyDate": day,
            "StudyTime": start.strftime("%H%M%S"),
            "SeriesInstanceUID": make_uid(self.seed, case.patient_id, index, kind, "series"),
            "SeriesNumber": number,
            "SeriesDate": day,
            "SeriesTime": clock,
            "AcquisitionDate": day,
            "AcquisitionTime": clock,
            "ContentDate": day,
            "ContentTime": clock,
            "AcquisitionNumber": 1,
        }


def make_patient(case: Case, *, seed: int, coarse: bool = False) -> Patient:
    """Return the body of a case.

    Parameters
    ----------
    case
        Who.
    seed
        The cohort's seed.
    coarse
        Half the matrix and coarser tissue, for quick tests; all truth stays as it is.
    """
    rng = make_generator(seed, case.patient_id, "body")
    first, last, middle = ("C7", "L1", "T8") if case.thoracic else ("T10", "S3", "L3")
    small = 0.95 if case.sex == "F" else 1.03
    spine = build_spine_section(
        first, last, middle, size=small + rng.normal(0, 0.01), curvature=1 + rng.normal(0, 0.12)
    )
    build = Build(
        patient_id=case.patient_id,
        fat_mm=float(rng.uniform(10, 22)),
        dry_discs=case.dry_discs,
        thoracic=case.thoracic,
    )
    cell = {"cell_mm": COARSE_CELL_MM} if coarse else {}
    return Patient(
        case=case,
        seed=seed,
        coarse=coarse,
        spine=spine,
        anatomy=paint_anatomy(spine, build, seed=seed, **cell),
    )


def without_pixels(study: AcquiredStudy) -> AcquiredStudy:
    """Return a study without its stored values, from which the truth is written."""
    no_pixels = np.zeros((0, 0, 0), np.uint16)
    measured_series = (series for series in study.series if series.kind in MEASURED)
    return evolve(
        study, series=tuple(evolve(series, pixels=no_pixels) for series in measured_series)
    )


def _choose_thickness(kind: SeriesKind) -> tuple[float, float, float]:
    """Return the extent in z, y and x of the straight frame over which a slice averages, in mm."""
    match kind:
        case SeriesKind.LOCALIZER:
            return (3.0, 3.0, 3.0)  # three planes share it
        case SeriesKind.AXIAL_T2:
            return (4.0, 0.0, 0.0)
        case SeriesKind.REFORMAT:
            return (0.0, 2.0, 3.0)
        case _:
            return (0.0, 0.0, 4.0)


def _choose_receiver(kind: SeriesKind, contrast: Contrast) -> Receiver:
    is_suppressed = contrast.fat_suppressed or contrast.ti_ms is not None
    weighted = {SeriesKind.T1: 1.25, SeriesKind.T1POST: 1.25, SeriesKind.LOCALIZER: 1.6}
    return Receiver(
        gain=acquisition.WHITE * weighted.get(kind, 1.5) * (1.2 if is_suppressed else 1.0),
        noise=16.0 if is_suppressed else 12.0,
        saturated_from_mm=None if kind in AXIAL_LIKE else -34.0,
    )
