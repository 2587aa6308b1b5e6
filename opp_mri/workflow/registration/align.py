"""Line up every follow-up on the treated vertebra, propose, and let readers decide.

Registration moves the reader's eye, never a measurement: lengths stay on native voxels.
"""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context

import attrs
from attrs import frozen

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment, AlignmentDecision, FitDecision
from opp_mri.domain.geometry import Vector3, Volume
from opp_mri.domain.imaging import SeriesRole, SourceFile, Usability, VolumeDescription
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.errors import InputError, OppMriError, UnknownError
from opp_mri.registration.align import ALGORITHM_VERSION, align, judge, parameters
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import Patient, TimePoint, patients, time_points
from opp_mri.workflow.measuring.readings import counted_readings
from opp_mri.workflow.measuring.seeds import Phase, covers, lesion_seed_lps_mm, phase
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.align_left_out import left_out

DEFAULT_LESION_RADIUS_MM = 15.0  # where no length is recorded: most of a vertebral body
ID_DIGITS = 12
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SequencePair = tuple[SeriesRole, VolumeDescription, VolumeDescription]


@frozen(kw_only=True)
class PairTask:
    """One follow-up time point to line up on one baseline, all its sequences together.

    Parameters
    ----------
    pairs
        Sequence, baseline volume and follow-up volume; T1 first, as others are brought along.
    centre_lps_mm, lesion_radius_mm
        The lesion in baseline coordinates; None and 0 for the common field of view.
    sources
        SOPInstanceUID to the file that holds it.
    """

    patient_id: str
    lesion_id: str | None
    pairs: tuple[SequencePair, ...]
    centre_lps_mm: Vector3 | None
    lesion_radius_mm: float
    sources: Mapping[str, SourceFile] = attrs.field(repr=False)


@frozen(kw_only=True)
class AlignSummary:
    """What one run did.

    Parameters
    ----------
    alignments
        All fits that hold for the project as it is now, those of earlier runs included.
    new
        How many of them this run made.
    failures
        Pairs that could not be tried, each as a sentence without names.
    left_out
        Baseline series that get no fit for a lesion, and why, a sentence each.
    """

    alignments: tuple[Alignment, ...]
    new: int
    failures: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def align_project(
    project: Project,
    at: datetime,
    *,
    lesion_ids: Sequence[str] = (),
    workers: int | None = None,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> AlignSummary:
    """Line up what is new or has changed; what is done when it is interrupted is kept.

    Parameters
    ----------
    lesion_ids
        Only these lesions; all, and patients without a lesion, where it is empty.
    workers
        Processes; None for one a core, 1 for none beside this one.
    """
    store = project.store
    tasks = plan(store, lesion_ids)
    recorded = {alignment.fit_id: alignment for alignment in store.alignments()}
    wanted = {fit_id(task, pair): task for task in tasks for pair in task.pairs}
    open_tasks = [
        task for task in tasks if any(fit_id(task, pair) not in recorded for pair in task.pairs)
    ]
    failures: list[str] = []
    for done, (task, outcome) in enumerate(_run(open_tasks, workers), start=1):
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            made = [_alignment(task, pair, *fitted, at) for pair, fitted in outcome]
            store.add_alignments(made)
        progress("lining up follow-ups", done, len(open_tasks))
    now_recorded = {alignment.fit_id: alignment for alignment in store.alignments()}
    return AlignSummary(
        alignments=tuple(now_recorded[one] for one in wanted if one in now_recorded),
        new=len(now_recorded.keys() - recorded.keys()),
        failures=tuple(failures),
        left_out=left_out(store, lesion_ids),
    )


def plan(store: Store, lesion_ids: Sequence[str] = ()) -> list[PairTask]:
    """Give the pairs to line up: per lesion, or per patient where there is no lesion yet."""
    lesions = {lesion.lesion_id: lesion for lesion in store.lesions()}
    if unknown := [one for one in lesion_ids if one not in lesions]:
        raise UnknownError(f"There is no lesion {unknown[0]}: `opp-mri lesion list` lists them.")
    tasks: list[PairTask] = []
    for patient in patients(store):
        theirs = [one for one in lesions.values() if one.patient_id in patient.patient_ids]
        points = [p for p in time_points(store, patient.patient_id) if p.study_date]
        for lesion in theirs:
            if not lesion_ids or lesion.lesion_id in lesion_ids:
                tasks += _lesion_tasks(store, patient, lesion, points)
        if not theirs and not lesion_ids:
            tasks += (
                _tasks(store, patient, None, points[0], points[1:], None, 0.0) if points else []
            )
    return tasks


def fit_id(task: PairTask, pair: SequencePair) -> str:
    """Give the id of a fit: a hash of all that it depends on."""
    sequence, baseline, followup = pair
    depends_on = (
        ALGORITHM_VERSION,
        sorted(parameters().items()),
        task.lesion_id,
        task.centre_lps_mm,
        task.lesion_radius_mm,
        sequence.value,
        [[(f.sop_instance_uid, f.frame_number) for f in v.frames] for v in (baseline, followup)],
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:ID_DIGITS]


def decide(
    store: Store, fit: str, decision: FitDecision, *, reader: str, reason: str, at: datetime
) -> AlignmentDecision:
    """Record that a reader confirms or rejects a fit.

    Raises
    ------
    UnknownError
        There is no such fit.
    InputError
        A later decision needs a reason; a fit that failed cannot be confirmed.
    """
    known = {alignment.fit_id: alignment for alignment in store.alignments()}
    if fit not in known:
        raise UnknownError(f"There is no fit {fit}: `opp-mri align` lists them.")
    if decision is FitDecision.CONFIRMED and known[fit].fit.verdict is Verdict.FAILED:
        raise InputError(
            "This fit failed: there is nothing to confirm. Mark a common point instead."
        )
    earlier = store.alignment_decisions().get(fit, ())
    if earlier and not reason:
        raise InputError("This fit was decided before: say with --reason why it changes.")
    decided = AlignmentDecision(
        fit_id=fit, decision=decision, reader=reader, reason=reason, recorded_at=at
    )
    store.add_alignment_decision(decided)
    return decided


def _lesion_tasks(
    store: Store, patient: Patient, lesion: Lesion, points: Sequence[TimePoint]
) -> list[PairTask]:
    seed = lesion_seed_lps_mm(store, lesion)
    before = [
        point
        for point in points
        if point.study_date
        and phase(lesion, point.study_date) is Phase.BEFORE
        and any(v.selected and _holds(v, seed) for v in point.volumes)
    ]
    if not before:
        return []
    baseline = before[-1]
    later = points[points.index(baseline) + 1 :]
    readings = [
        reading
        for reading in counted_readings(store, lesion.lesion_id)
        if reading.study_date == baseline.study_date
    ]
    lengths = [float(r.length_mm) for r in readings if r.length_mm]
    radius_mm = max(lengths) / 2 if lengths else DEFAULT_LESION_RADIUS_MM
    return _tasks(store, patient, lesion, baseline, later, seed, radius_mm)


def _tasks(
    store: Store,
    patient: Patient,
    lesion: Lesion | None,
    baseline: TimePoint,
    later: Sequence[TimePoint],
    seed: tuple[str, Vector3] | None,
    radius_mm: float,
) -> list[PairTask]:
    tasks = []
    for point in later:
        pairs = tuple(_like_with_like(baseline, point, seed))
        if not pairs:
            continue
        uids = [f.sop_instance_uid for _, *both in pairs for v in both for f in v.frames]
        tasks.append(
            PairTask(
                patient_id=patient.patient_id,
                lesion_id=lesion.lesion_id if lesion else None,
                pairs=pairs,
                centre_lps_mm=seed[1] if seed else None,
                lesion_radius_mm=radius_mm if seed else 0.0,
                sources=store.sources_of(uids),
            )
        )
    return tasks


def _like_with_like(
    baseline: TimePoint, followup: TimePoint, seed: tuple[str, Vector3] | None
) -> Iterator[SequencePair]:
    """Pair the volumes of each role; at baseline the one that covers the lesion."""
    for role in SeriesRole:
        first = [v for v in baseline.chosen(role) if _holds(v, seed)]
        second = followup.chosen(role)
        usable = [v for v in (*first[:1], *second[:1]) if v.usability is Usability.VOLUME]
        if len(usable) == 2:
            yield role, usable[0], usable[1]


def _holds(volume: VolumeDescription, seed: tuple[str, Vector3] | None) -> bool:
    """Tell whether a lesion can be found on a volume by its seed, which is known in one frame.

    In another frame of reference the seed's coordinates would point at something else.
    """
    return seed is None or covers(volume, dict([seed])) is True


Fitted = tuple[Fit, bool]
Outcome = list[tuple[SequencePair, Fitted]]


def _run(
    tasks: Sequence[PairTask], workers: int | None
) -> Iterator[tuple[PairTask, Outcome | str]]:
    workers = min(workers or os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task, _align_pair(task)
        return
    # spawned, as a fork of a process with threads may hang
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_leave_interrupts) as pool:
        with _one_thread_each():
            futures = {pool.submit(_align_pair, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                try:
                    outcome = future.result()
                except BrokenProcessPool:  # killed, or out of memory
                    outcome = _align_pair(futures[future])
                yield futures[future], outcome
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start here use one core each: numpy's own threads would get in the way."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _leave_interrupts() -> None:
    """Leave Ctrl-C to the process that asked for the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _align_pair(task: PairTask) -> Outcome | str:
    """Line up one time point: its T1 first, the others brought along or by themselves."""
    outcome: Outcome = []
    leading: tuple[Fit, Volume, Volume] | None = None
    try:
        for pair in task.pairs:
            baseline, followup = (load_volume(v, task.sources) for v in pair[1:])
            fitted = _brought_along(task, leading, baseline, followup)
            if fitted is None:
                fit = align(
                    baseline,
                    followup,
                    centre_lps_mm=task.centre_lps_mm,
                    lesion_radius_mm=task.lesion_radius_mm,
                )
                fitted = (fit, False)
            if leading is None:
                leading = (fitted[0], baseline, followup)
            outcome.append((pair, fitted))
    except OppMriError as error:
        return str(error)
    return outcome


def _brought_along(
    task: PairTask,
    leading: tuple[Fit, Volume, Volume] | None,
    baseline: Volume,
    followup: Volume,
) -> Fitted | None:
    """Judge the study's leading transform on another sequence; None where it does not hold."""
    if leading is None or leading[0].verdict is Verdict.FAILED:
        return None
    frames = [v.geometry.frame_of_reference_uid for v in (baseline, followup)]
    leaders = [v.geometry.frame_of_reference_uid for v in leading[1:]]
    if frames != leaders or not all(frames):
        return None
    fit = judge(
        baseline,
        followup,
        leading[0].baseline_from_followup,
        centre_lps_mm=task.centre_lps_mm,
        lesion_radius_mm=task.lesion_radius_mm,
    )
    return (fit, True) if fit.verdict is Verdict.GOOD else None


def _alignment(
    task: PairTask, pair: SequencePair, fit: Fit, brought_along: bool, at: datetime
) -> Alignment:
    sequence, baseline, followup = pair
    if baseline.study_date is None or followup.study_date is None:
        raise ValueError("volumes without a date are never paired")
    return Alignment(
        fit_id=fit_id(task, pair),
        patient_id=task.patient_id,
        lesion_id=task.lesion_id,
        sequence=sequence,
        baseline_volume_id=baseline.volume_id,
        followup_volume_id=followup.volume_id,
        baseline_study_date=baseline.study_date,
        followup_study_date=followup.study_date,
        brought_along=brought_along,
        algorithm_version=ALGORITHM_VERSION,
        parameters=parameters(),
        fit=fit,
        recorded_at=at,
    )
