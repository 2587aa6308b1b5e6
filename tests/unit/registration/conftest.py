"""A patient scanned on a few dates, coarse and in memory, with what is true of it."""

import numpy as np
import pytest
from attrs import evolve, frozen

from opp_mri.domain.geometry import FloatArray, Vector3, Volume, VolumeGeometry
from opp_mri.domain.transform import RigidTransform
from opp_mri.phantom.cases import CASES, Visit
from opp_mri.phantom.patient import AcquiredStudy, make_patient
from opp_mri.phantom.protocol import GE, SIEMENS, SeriesKind


@frozen(kw_only=True, eq=False)
class Scanned:
    """A T1 volume of a study, and the study."""

    volume: Volume
    study: AcquiredStudy

    @property
    def vertebra(self) -> int:
        return self.study.shapes[SeriesKind.T1].vertebra

    @property
    def radius_mm(self) -> float:
        return self.study.shapes[SeriesKind.T1].ap_mm / 2

    @property
    def centre_lps_mm(self) -> Vector3:
        shape = self.study.shapes[SeriesKind.T1]
        x, y, z = self.study.posture.place(shape.vertebra, shape.centre_local_mm).tolist()
        return (x, y, z)

    def landmarks_lps_mm(self, vertebra: int | None = None) -> FloatArray:
        vertebra = self.vertebra if vertebra is None else vertebra
        posture = self.study.posture
        corners = posture.spine.vertebrae[vertebra].corners_local_mm().values()
        return np.array([posture.place(vertebra, corner) for corner in corners])

    def truly_from(self, followup: "Scanned", levels_off: int = 0) -> RigidTransform:
        """Give the true transform, or the one that takes a neighbour for the vertebra."""
        here = self.study.posture.lps_from_local[self.vertebra]
        there = followup.study.posture.lps_from_local[self.vertebra + levels_off]
        return RigidTransform(
            to_frame_of_reference_uid=self.volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=followup.volume.geometry.frame_of_reference_uid,
            matrix=here @ np.linalg.inv(there),
        )


def scans(number: int, *visits: Visit) -> list[Scanned]:
    case = evolve(CASES[number - 1], visits=visits, sequences=(SeriesKind.T1,))
    patient = make_patient(case, seed=1, coarse=True)
    return [Scanned(volume=t1_volume(study), study=study) for study in patient.studies()]


def t1_volume(study: AcquiredStudy) -> Volume:
    (series,) = study.series
    plane = series.planes[0]
    return Volume(
        volume_id=str(study.study_date),
        geometry=VolumeGeometry(
            frame_of_reference_uid=plane.frame_of_reference_uid,
            origin_lps_mm=plane.position_lps_mm,
            directions=np.array([plane.normal, plane.column_direction, plane.row_direction]),
            spacing_kji_mm=(
                series.slice_spacing_mm, plane.row_spacing_mm, plane.column_spacing_mm,
            ),
            shape_kji=(len(series.planes), plane.rows, plane.columns),
        ),
        voxels=series.pixels.astype(np.int16),
    )  # fmt: skip


@pytest.fixture(scope="session")
def lumbar() -> list[Scanned]:
    """Three dates of a lesion of L2: the second on another scanner, grown by 8 mm."""
    return scans(
        1,
        Visit(day=-9, ap_mm=15.0, scanner=SIEMENS),
        Visit(day=79, ap_mm=23.0, scanner=GE),
        Visit(day=170, ap_mm=17.6, scanner=SIEMENS),
    )


@pytest.fixture(scope="session")
def thoracic() -> list[Scanned]:
    """One date of somebody else's thoracic spine."""
    return scans(3, Visit(day=-9, ap_mm=15.0, scanner=SIEMENS))


def shifted(volume: Volume, shift_lps_mm: tuple[float, float, float]) -> Volume:
    """Give the volume with other header coordinates."""
    x, y, z = np.add(volume.geometry.origin_lps_mm, shift_lps_mm).tolist()
    return evolve(volume, geometry=evolve(volume.geometry, origin_lps_mm=(x, y, z)))
