"""The pairs of benchmarks/registration.py: easy, hard, impossible, and real."""

import hashlib
import itertools
import pickle
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import registration_imaging as imaging
import registration_phantoms as phantoms
from attrs import evolve, frozen
from registration_imaging import Artefacts, DarkMarrow
from registration_phantoms import Look, Motion, Scan
from scipy.spatial.transform import Rotation

import opp_mri.phantom
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan as read_headers
from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.domain.transform import RigidTransform
from opp_mri.phantom.patient import Patient
from opp_mri.phantom.protocol import GE, PHILIPS, SIEMENS, TOSHIBA, SeriesKind
from opp_mri.registration.resampling import resample_on_grid

T = TypeVar("T")
ANATOMIES = 10
VISITS = 5
T1, T2FS = SeriesKind.T1, SeriesKind.T2FS
SEQUENCES = (SeriesKind.T1, SeriesKind.T2FS, SeriesKind.STIR, SeriesKind.T1POST)
DARK_ANATOMIES = 4
DARK_VISITS = 3
DARK_FROM = 100  # number of the first anatomy with dark marrow
DARK_TABLE_MM = (0.0, 35.0, -30.0)
DARK_GROWN_MM = (0.0, 6.0, -4.0)
DARK_SCANNERS = (SIEMENS, PHILIPS, SIEMENS)  # T1POST without fat suppression, as is like with like
STRANGERS_FROM = 200
STRANGER_ANATOMIES = 7
STRANGER_SIZES = (0.90, 0.94, 0.97, 1.0, 1.03, 1.07)  # 3% and more from each other

HARD: dict[str, tuple[Motion, Look, float | None]] = {
    "vendor and 3 T": (Motion(), Look(scanner=GE), None),
    "vendor, strong shading": (Motion(), Look(scanner=TOSHIBA, shading=1.6), None),
    "headers off by 49 mm": (Motion(table_mm=49.0), Look(), None),
    "headers off by -49 mm, turned": (Motion(table_mm=-49.0, turn_deg=9.0), Look(), None),
    "a level missing at the edge": (Motion(), Look(), 112.0),
    "another level missing": (Motion(), Look(scanner=GE), -112.0),
    "noise four times": (Motion(), Look(noise=4.0), None),
    "fatty marrow": (Motion(), Look(fatty=0.22), None),
    "10 mm of growth": (Motion(), Look(grown_mm=10.0), None),
    "all at once": (
        Motion(table_mm=49.0, turn_deg=6.0),
        Look(scanner=GE, noise=2.0, fatty=0.15, grown_mm=10.0),
        None,
    ),
}
NO_ARTEFACT = Artefacts(shift_pixels=0.0, slice_sd_mm=0.0, distortion_mm=0.0, voids=0)
ARTEFACTS: dict[str, Artefacts] = {
    "none": NO_ARTEFACT,
    "chemical shift of 1.2 pixels": evolve(NO_ARTEFACT, shift_pixels=1.2),
    "slice-to-slice motion of 0.2 mm": evolve(NO_ARTEFACT, slice_sd_mm=0.2),
    "gradient distortion of 2 mm": evolve(NO_ARTEFACT, distortion_mm=2.0),
    "voids": evolve(NO_ARTEFACT, voids=5),
    "all of them": Artefacts(),
}
GONE = {"level gone upward": 215.0, "level gone downward": -215.0}


@frozen(kw_only=True, eq=False)
class Pair:
    """Two scans to line up, and what is wrong with them."""

    name: str
    baseline: Scan
    followup: Scan

    @property
    def truth(self) -> FloatArray:
        """Followup from baseline at the lesion's vertebra, (4, 4)."""
        motion = self.followup.posture.compute_motion_from(self.baseline.posture)
        truth: FloatArray = motion[self.baseline.shape.vertebra]
        return truth

    def tre_mm(self, followup_from_baseline: FloatArray) -> FloatArray:
        """Errors at the landmarks."""
        errors: FloatArray = np.linalg.norm(self.errors_lps_mm(followup_from_baseline), axis=1)
        return errors

    def errors_lps_mm(self, followup_from_baseline: FloatArray) -> FloatArray:
        """Errors at the landmarks by direction: (15, 3)."""
        vertebra = self.baseline.shape.vertebra
        start = self.baseline.landmarks_lps_mm(vertebra)
        mapped_points = start @ followup_from_baseline[:3, :3].T + followup_from_baseline[:3, 3]
        errors: FloatArray = mapped_points - self.followup.landmarks_lps_mm(vertebra)
        return errors

    @property
    def best_rigid(self) -> FloatArray:
        """The rigid motion that is nearest to the truth at the landmarks, (4, 4)."""
        vertebra = self.baseline.shape.vertebra
        start = self.baseline.landmarks_lps_mm(vertebra)
        end = self.followup.landmarks_lps_mm(vertebra)
        turn, _ = Rotation.align_vectors(end - end.mean(axis=0), start - start.mean(axis=0))
        best = np.eye(4)
        best[:3, :3] = turn.as_matrix()
        best[:3, 3] = end.mean(axis=0) - best[:3, :3] @ start.mean(axis=0)
        return best


@frozen(kw_only=True, eq=False)
class Body:
    """All scans of one anatomy."""

    level: str
    visits: tuple[dict[SeriesKind, Scan], ...]
    hard: dict[str, Scan]
    gone: dict[str, Scan]


# --- phantoms


def _cached(name: str, make: Callable[[], T]) -> T:
    path = Path(tempfile.gettempdir()) / "opp-mri-registration" / f"{_version()}-{name}.pickle"
    if path.exists():
        content: T = pickle.loads(path.read_bytes())  # noqa: S301 - our own file
        return content
    scans = make()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(scans))
    return scans


def body(number: int) -> Body:
    """Scan a patient as often as the sets need, or take it from the cache."""
    return _cached(str(number), lambda: _make_body(number))


def _make_body(number: int) -> Body:
    patient = phantoms.anatomy_of(number)
    lying = [phantoms.lying(patient, visit, Motion()) for visit in range(VISITS)]
    return Body(
        level=patient.case.level,
        visits=tuple(
            phantoms.scan(patient, visit, where, Look(), (T1, T2FS))
            for visit, where in enumerate(lying)
        ),
        hard={
            name: _one(patient, VISITS + index, *how)
            for index, (name, how) in enumerate(HARD.items())
        },
        gone={
            name: _one(patient, 50 + index, Motion(), Look(), away)
            for index, (name, away) in enumerate(GONE.items())
        },
    )


def dark_body(number: int) -> Body:
    """Scan a patient with dark, flat marrow: all sequences, at a few visits."""
    return _cached(f"dark-{number}", lambda: _make_dark_body(number))


def _make_dark_body(number: int) -> Body:
    patient = phantoms.anatomy_of(DARK_FROM + number, dry=4 if number % 2 else None)
    wild = number % 2 == 0
    dark = DarkMarrow(
        lesion_of_csf=(0.53, 1.2)[number % 2],
        bowel_of_csf=1.0 if wild else 0.5,
        bowel_from_mm=-24.0 if wild else -42.0,
        pulsation=0.8 if wild else 0.45,
    )
    visits = []
    for visit in range(DARK_VISITS):
        motion = Motion(joint_sd_deg=(1.6, 0.9, 0.9), table_mm=DARK_TABLE_MM[visit], turn_deg=6.0)
        look = Look(
            scanner=DARK_SCANNERS[visit],
            dark=dark,
            between_mm=0.25,
            noise=2.0 if wild else 1.0,
            grown_mm=DARK_GROWN_MM[visit],
        )
        where = phantoms.lying(patient, visit, motion)
        visits.append(phantoms.scan(patient, visit, where, look, SEQUENCES))
    return Body(level=patient.case.level, visits=tuple(visits), hard={}, gone={})


def artefact_scans(number: int, name: str) -> tuple[Scan, ...]:
    """Scan a patient at three visits with some of the artefacts."""
    return _cached(f"artefact-{number}-{name}", lambda: _make_artefact_scans(number, name))


def _make_artefact_scans(number: int, name: str) -> tuple[Scan, ...]:
    patient = phantoms.anatomy_of(number)
    look = Look(artefacts=ARTEFACTS[name])
    return tuple(
        phantoms.scan(patient, visit, phantoms.lying(patient, visit, Motion()), look)[T1]
        for visit in range(3)
    )


def strangers(number: int) -> tuple[Scan, ...]:
    """Scan persons with the same lesion who differ in size by 3% and more."""
    return _cached(f"strangers-{number}", lambda: _make_strangers(number))


def _make_strangers(number: int) -> tuple[Scan, ...]:
    patient = phantoms.anatomy_of(STRANGERS_FROM + number)
    scans = []
    for visit, size in enumerate(STRANGER_SIZES):
        person = phantoms.sized(patient, size)
        where = phantoms.lying(person, visit, Motion())
        scans.append(phantoms.scan(person, visit, where, Look())[T1])
    return tuple(scans)


def _one(patient: Patient, visit: int, motion: Motion, look: Look, away_mm: float | None) -> Scan:
    where = phantoms.lying(patient, visit, motion)
    return phantoms.scan(patient, visit, where, look, (T1,), away_mm=away_mm)[T1]


def _version() -> str:
    digest = hashlib.sha256(Path(phantoms.__file__).read_bytes())
    digest.update(Path(imaging.__file__).read_bytes())
    digest.update(Path(__file__).read_bytes())
    for path in sorted(Path(opp_mri.phantom.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def easy_pairs(bodies: Iterable[Body], kind: SeriesKind) -> list[Pair]:
    return [
        Pair(name=f"{body_scans.level} {a}-{b}", baseline=body_scans.visits[a][kind],
             followup=body_scans.visits[b][kind])
        for body_scans in bodies
        for a, b in itertools.combinations(range(VISITS), 2)
    ]  # fmt: skip


def hard_pairs(bodies: Iterable[Body]) -> list[Pair]:
    return [
        Pair(name=name, baseline=body_scans.visits[0][T1], followup=scan)
        for body_scans in bodies
        for name, scan in body_scans.hard.items()
    ]


def gone_pairs(bodies: Iterable[Body]) -> list[Pair]:
    return [
        Pair(name=name, baseline=visit[T1], followup=scan)
        for body_scans in bodies
        for visit in body_scans.visits
        for name, scan in body_scans.gone.items()
    ]


def stranger_pairs(groups: Iterable[Sequence[Scan]]) -> list[Pair]:
    return [
        Pair(name="another patient", baseline=a, followup=b)
        for group in groups
        for a, b in itertools.permutations(group, 2)
    ]


def dark_visits(bodies: Iterable[Body]) -> list[list[Pair]]:
    """Return each pair of visits, both ways, as its pairs of sequences."""
    return [
        [
            Pair(
                name=kind.value,
                baseline=body_scans.visits[a][kind],
                followup=body_scans.visits[b][kind],
            )
            for kind in SEQUENCES
        ]
        for body_scans in bodies
        for a, b in itertools.permutations(range(DARK_VISITS), 2)
    ]


def real_series(folder: Path) -> dict[str, Volume]:
    """Load the sagittal series of the real spine of two dates, by their description."""
    instances, sources = defaultdict(list), {}
    for header in read_headers(find_sources(sorted(folder.glob("mapconcierge*")))):
        if header.instance is not None:
            instances[header.instance.series_instance_uid].append(header.instance)
            sources[header.instance.sop_instance_uid] = header.source
    by_name = {
        volume.instance.series_description: volume
        for series in instances.values()
        for volume in describe_series(series)
    }
    return {name: load_volume(by_name[name], sources) for name in REAL_SERIES if name in by_name}


REAL_FIRST_T1, REAL_SECOND_T1 = "T1 SAG", "T1WI"
REAL_SERIES = (REAL_FIRST_T1, REAL_SECOND_T1, "STIR SAG", "T2 SAG")


@frozen(kw_only=True, eq=False)
class Moved:
    """A real series, and itself moved on purpose.

    Parameters
    ----------
    truth
        Baseline from follow-up, (4, 4).
    """

    name: str
    baseline: Volume
    followup: Volume
    truth: FloatArray


def move_on_purpose(name: str, volume: Volume, number: int) -> Moved:
    """Resample a real series half a slice off, turned by up to 7 degrees, noisy and shaded."""
    rng = np.random.default_rng(number)
    geometry = volume.geometry
    centre = geometry.lps_from_kji((np.array(geometry.shape_kji) - 1) / 2)
    truth = phantoms.build_rigid(rng.uniform(-7, 7, 3) * (1.0, 0.4, 0.4), np.zeros(3))
    shift = rng.uniform(-12, 12, 3) + geometry.directions[0] * geometry.spacing_kji_mm[0] / 2
    shift[2] = rng.choice((-1, 1)) * rng.uniform(20, 30)
    shift[0] = geometry.spacing_kji_mm[0] / 2
    truth[:3, 3] = centre + shift - truth[:3, :3] @ centre
    frame = f"2.25.{number + 1}"
    grid = evolve(geometry, frame_of_reference_uid=frame)
    resampled_volume = resample_on_grid(
        volume,
        grid,
        RigidTransform(
            to_frame_of_reference_uid=geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=frame,
            matrix=truth,
        ),
    )
    shade = 1 + 0.3 * np.linspace(-1, 1, resampled_volume.shape[1])[None, :, None]
    noise = rng.normal(0, 0.02 * np.nanpercentile(resampled_volume, 99), resampled_volume.shape)
    voxels = np.clip(np.nan_to_num(resampled_volume) * shade + noise, 0, None).astype(np.float32)
    return Moved(
        name=name,
        baseline=volume,
        followup=Volume(volume_id=f"moved-{number}", geometry=grid, voxels=voxels),
        truth=truth,
    )
