"""Which follow-ups are lined up on which baseline: a visit at a time, like sequence with like."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import attrs
from attrs import frozen

from opp_mri.dicom.roles.suppression import judge_fat_suppression
from opp_mri.domain.alignment import Alignment
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, SourceFile, Usability, VolumeDescription
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import UnknownError
from opp_mri.registration.align import ALGORITHM_VERSION, list_parameters
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import Patient, TimePoint, list_patients, list_time_points
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.measuring.seeds import Phase, covers, determine_phase, find_lesion_seed_lps_mm

DEFAULT_LESION_RADIUS_MM: Final = 15.0  # where no length is recorded: most of a vertebral body
ID_DIGITS: Final = 12
IMPORTED: Final = "imported"  # the version of a fit that another program made
SequencePair = tuple[SeriesRole, VolumeDescription, VolumeDescription]


@frozen(kw_only=True)
class NotComparable:
    """A sequence of a baseline that is left out at a follow-up, as nothing there is like it.

    Parameters
    ----------
    reason
        Why, in a sentence.
    """

    patient_id: str
    lesion_id: str | None
    sequence: SeriesRole
    baseline_study_date: date
    followup_study_date: date
    reason: str


@frozen(kw_only=True)
class VisitTask:
    """One follow-up time point to line up on one baseline, all its sequences together.

    Parameters
    ----------
    pairs
        Sequence, baseline volume and follow-up volume; T1 first. Empty where nothing is comparable.
    not_comparable
        Sequences of the baseline without a like one at the follow-up.
    centre_lps_mm, lesion_radius_mm
        The lesion in baseline coordinates; None and 0 for the common field of view.
    sources
        SOPInstanceUID to the file that holds it.
    """

    patient_id: str
    lesion_id: str | None
    pairs: tuple[SequencePair, ...]
    not_comparable: tuple[NotComparable, ...]
    centre_lps_mm: Vector3 | None
    lesion_radius_mm: float
    sources: Mapping[str, SourceFile] = attrs.field(repr=False)


def plan(store: Store, lesion_ids: Sequence[str] = ()) -> list[VisitTask]:
    """Return the visits to line up: per lesion, or per patient where there is no lesion yet.

    Parameters
    ----------
    lesion_ids
        Names of lesions; empty for all lesions and patients.

    Raises
    ------
    UnknownError
        There is no such lesion.
    """
    lesions = {lesion.lesion_id: lesion for lesion in store.get_lesions()}
    if unknown := [lesion_id for lesion_id in lesion_ids if lesion_id not in lesions]:
        raise UnknownError(f"There is no lesion {unknown[0]}: `opp-mri lesion list` lists them.")
    tasks: list[VisitTask] = []
    for patient in list_patients(store):
        own = [lesion for lesion in lesions.values() if lesion.patient_id in patient.patient_ids]
        points = [p for p in list_time_points(store, patient.patient_id) if p.study_date]
        for lesion in own:
            if not lesion_ids or lesion.lesion_id in lesion_ids:
                tasks += _plan_lesion(store, patient, lesion, points)
        if not own and not lesion_ids:
            tasks += (
                _plan_visits(store, patient, None, points[0], points[1:], None, 0.0)
                if points
                else []
            )
    return tasks


def fit_id(task: VisitTask, pair: SequencePair, *, quick: bool = False) -> str:
    """Return the id of a fit: a hash of all that it depends on.

    Parameters
    ----------
    quick
        Whether it is without a second opinion.
    """
    sequence, baseline, followup = pair
    depends_on = (
        ALGORITHM_VERSION,
        sorted(list_parameters().items()),
        task.lesion_id,
        task.centre_lps_mm,
        task.lesion_radius_mm,
        sequence.value,
        [_name_frames(volume) for volume in (baseline, followup)],
        [[_name_frames(volume) for volume in volumes] for _, *volumes in task.pairs],
        quick,
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:ID_DIGITS]


def find_recorded_fit(
    recorded_fits: Mapping[str, Alignment], task: VisitTask, pair: SequencePair
) -> Alignment | None:
    """Return the fit of a pair as recorded; the one with a second opinion where there are both."""
    return recorded_fits.get(fit_id(task, pair)) or recorded_fits.get(
        fit_id(task, pair, quick=True)
    )


def import_id(task: VisitTask, pair: SequencePair, transform: RigidTransform) -> str:
    """Return the id of a fit that another program made."""
    depends_on = (fit_id(task, pair), transform.matrix.round(9).tolist())
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:ID_DIGITS]


def with_imports(
    planned_fits: Sequence[Alignment], recorded_alignments: Sequence[Alignment]
) -> list[Alignment]:
    """Return fits with those that were imported for the same volumes and lesion after each."""
    imported_fits: dict[tuple[str | None, str, str], list[Alignment]] = {}
    for alignment in recorded_alignments:
        if alignment.algorithm_version == IMPORTED:
            imported_fits.setdefault(_get_volumes(alignment), []).append(alignment)
    return [
        fit
        for alignment in planned_fits
        for fit in (alignment, *imported_fits.get(_get_volumes(alignment), ()))
    ]


def _get_volumes(alignment: Alignment) -> tuple[str | None, str, str]:
    return (alignment.lesion_id, alignment.baseline_volume_id, alignment.followup_volume_id)


def _name_frames(volume: VolumeDescription) -> list[tuple[str, int]]:
    return [(frame.sop_instance_uid, frame.frame_number) for frame in volume.frames]


def _plan_lesion(
    store: Store, patient: Patient, lesion: Lesion, points: Sequence[TimePoint]
) -> list[VisitTask]:
    seed = find_lesion_seed_lps_mm(store, lesion)
    before = [
        point
        for point in points
        if point.study_date
        and determine_phase(lesion, point.study_date) is Phase.BEFORE
        and any(volume.selected and _holds(volume, seed) for volume in point.volumes)
    ]
    if not before:
        return []
    baseline = before[-1]
    later = points[points.index(baseline) + 1 :]
    readings = [
        reading
        for reading in get_counted_readings(store, lesion.lesion_id)
        if reading.study_date == baseline.study_date
    ]
    lengths = [float(reading.length_mm) for reading in readings if reading.length_mm]
    radius_mm = max(lengths) / 2 if lengths else DEFAULT_LESION_RADIUS_MM
    return _plan_visits(store, patient, lesion, baseline, later, seed, radius_mm)


def _plan_visits(
    store: Store,
    patient: Patient,
    lesion: Lesion | None,
    baseline: TimePoint,
    later: Sequence[TimePoint],
    seed: tuple[str, Vector3] | None,
    radius_mm: float,
) -> list[VisitTask]:
    tasks = []
    for point in later:
        lesion_id = lesion.lesion_id if lesion else None
        pairs = tuple(_pair_like_with_like(baseline, point, seed))
        not_comparable = tuple(
            NotComparable(
                patient_id=patient.patient_id,
                lesion_id=lesion_id,
                sequence=role,
                baseline_study_date=baseline.study_date,
                followup_study_date=point.study_date,
                reason=reason,
            )
            for role, reason in _explain_unlike(baseline, point, seed)
            if baseline.study_date and point.study_date
        )
        if not pairs and not not_comparable:
            continue
        uids = [
            frame.sop_instance_uid
            for _, *volume_pair in pairs
            for volume in volume_pair
            for frame in volume.frames
        ]
        tasks.append(
            VisitTask(
                patient_id=patient.patient_id,
                lesion_id=lesion_id,
                pairs=pairs,
                not_comparable=not_comparable,
                centre_lps_mm=seed[1] if seed else None,
                lesion_radius_mm=radius_mm if seed else 0.0,
                sources=store.get_sources_of(uids),
            )
        )
    return tasks


def _pair_like_with_like(
    baseline: TimePoint, followup: TimePoint, seed: tuple[str, Vector3] | None
) -> Iterator[SequencePair]:
    """Pair the volumes of each role and contrast; at baseline the one that covers the lesion."""
    for role in SeriesRole:
        first = [v for v in baseline.get_chosen(role) if _holds(v, seed)]
        second = followup.get_chosen(role)
        usable = [v for v in (*first[:1], *second[:1]) if v.usability is Usability.VOLUME]
        if len(usable) == 2 and _is_same_contrast(role, usable[0], usable[1]):
            yield role, usable[0], usable[1]


def _explain_unlike(
    baseline: TimePoint, followup: TimePoint, seed: tuple[str, Vector3] | None
) -> Iterator[tuple[SeriesRole, str]]:
    """Yield the sequences of a baseline that are like none of a follow-up, and why."""
    for role in SeriesRole:
        first = [v for v in baseline.get_chosen(role) if _holds(v, seed)]
        second = followup.get_chosen(role)
        if first and not second:
            instead = [
                other_role.value
                for other_role in SeriesRole
                if followup.get_chosen(other_role) and not baseline.get_chosen(other_role)
            ]
            only = f", only {' and '.join(instead)}" if instead else ""
            yield role, (f"The follow-up has no {role}{only}: unlike sequences are not comparable.")
        elif first and not _is_same_contrast(role, first[0], second[0]):
            when = "baseline" if _is_fat_suppressed(first[0]) else "follow-up"
            yield (
                role,
                (f"Fat is suppressed at the {when} only: unlike sequences are not comparable."),
            )


def _is_same_contrast(
    role: SeriesRole, baseline: VolumeDescription, followup: VolumeDescription
) -> bool:
    """Return whether fat is suppressed on both dates or on neither."""
    return role is SeriesRole.STIR or _is_fat_suppressed(baseline) == _is_fat_suppressed(followup)


def _is_fat_suppressed(volume: VolumeDescription) -> bool:
    return bool(judge_fat_suppression(volume.instance).value)


def _holds(volume: VolumeDescription, seed: tuple[str, Vector3] | None) -> bool:
    """Return whether a lesion can be found on a volume by its seed, which is known in one frame.

    In another frame of reference the seed's coordinates would point at something else.
    """
    return seed is None or covers(volume, dict([seed])) is True
