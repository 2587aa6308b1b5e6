"""The pairs of benchmarks/registration.py: easy, hard, impossible, and real."""

import hashlib
import itertools
import pickle
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import registration_phantoms as phantoms
from attrs import frozen
from registration_phantoms import Look, Motion, Scan

import opp_mri.phantom
from opp_mri.dicom.scan import scan as read_headers
from opp_mri.dicom.sources import find_sources
from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.phantom.patient import Patient
from opp_mri.phantom.protocol import GE, TOSHIBA, SeriesKind

ANATOMIES = 10
VISITS = 5
T1, T2FS = SeriesKind.T1, SeriesKind.T2FS

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
        moved = self.followup.posture.motion_from(self.baseline.posture)
        truth: FloatArray = moved[self.baseline.shape.vertebra]
        return truth

    def tre_mm(self, followup_from_baseline: FloatArray) -> FloatArray:
        """Errors at the landmarks."""
        vertebra = self.baseline.shape.vertebra
        start = self.baseline.landmarks_lps_mm(vertebra)
        carried = start @ followup_from_baseline[:3, :3].T + followup_from_baseline[:3, 3]
        errors: FloatArray = np.linalg.norm(
            carried - self.followup.landmarks_lps_mm(vertebra), axis=1
        )
        return errors


@frozen(kw_only=True, eq=False)
class Body:
    """All scans of one anatomy."""

    level: str
    visits: tuple[dict[SeriesKind, Scan], ...]
    hard: dict[str, Scan]
    gone: dict[str, Scan]


# --- phantoms


def body(number: int) -> Body:
    """Scan a patient as often as the sets need, or take it from the cache."""
    path = Path(tempfile.gettempdir()) / "opp-mri-registration" / f"{_version()}-{number}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())  # noqa: S301 - our own file
    patient = phantoms.anatomy_of(number)
    lying = [phantoms.lying(patient, visit, Motion()) for visit in range(VISITS)]
    made = Body(
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
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(made))
    return made


def _one(patient: Patient, visit: int, motion: Motion, look: Look, away_mm: float | None) -> Scan:
    where = phantoms.lying(patient, visit, motion)
    return phantoms.scan(patient, visit, where, look, (T1,), away_mm=away_mm)[T1]


def _version() -> str:
    digest = hashlib.sha256(Path(phantoms.__file__).read_bytes())
    digest.update(repr((HARD, GONE, VISITS)).encode())
    for path in sorted(Path(opp_mri.phantom.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def easy_pairs(bodies: Iterable[Body], kind: SeriesKind) -> list[Pair]:
    return [
        Pair(name=f"{each.level} {a}-{b}", baseline=each.visits[a][kind],
             followup=each.visits[b][kind])
        for each in bodies
        for a, b in itertools.combinations(range(VISITS), 2)
    ]  # fmt: skip


def hard_pairs(bodies: Iterable[Body]) -> list[Pair]:
    return [
        Pair(name=name, baseline=each.visits[0][T1], followup=scan)
        for each in bodies
        for name, scan in each.hard.items()
    ]


def gone_pairs(bodies: Iterable[Body]) -> list[Pair]:
    return [
        Pair(name=name, baseline=visit[T1], followup=scan)
        for each in bodies
        for visit in each.visits
        for name, scan in each.gone.items()
    ]


def stranger_pairs(bodies: Sequence[Body]) -> list[Pair]:
    return [
        Pair(name="another patient", baseline=a.visits[0][T1], followup=b.visits[1][T1])
        for a, b in itertools.permutations(bodies, 2)
    ]


def real_t1(folder: Path) -> tuple[Volume, Volume]:
    """Load the T1 of both dates of the real spine."""
    instances, sources = defaultdict(list), {}
    for found in read_headers(find_sources(sorted(folder.glob("mapconcierge*")))):
        if found.instance is not None:
            instances[found.instance.series_instance_uid].append(found.instance)
            sources[found.instance.sop_instance_uid] = found.source
    by_name = {
        one.instance.series_description: one
        for series in instances.values()
        for one in describe_series(series)
    }
    return load_volume(by_name["T1 SAG"], sources), load_volume(by_name["T1WI"], sources)
