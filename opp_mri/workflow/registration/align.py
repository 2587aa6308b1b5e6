"""Line up every follow-up on the treated vertebra, propose, and let readers decide.

Registration moves the reader's eye, never a measurement: lengths stay on native voxels.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import nullcontext
from datetime import datetime

import attrs
from attrs import frozen

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment
from opp_mri.domain.geometry import Volume
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.registration import Fit
from opp_mri.errors import OppMriError, PeerError
from opp_mri.registration.align import ALGORITHM_VERSION, align_visit, list_parameters
from opp_mri.registration.second_opinion import add_second_opinion, ask_second_opinion
from opp_mri.units import format_count
from opp_mri.workflow.executors import BLIND_WORKER, open_processes
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.align_left_out import (
    describe_not_comparable,
    list_left_out,
)
from opp_mri.workflow.registration.align_plan import (
    NotComparable,
    SequencePair,
    VisitTask,
    find_recorded_fit,
    fit_id,
    plan,
    with_imports,
)

log = logging.getLogger("opp_mri.workflow")


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
        Visits that could not be tried, each as a sentence without names.
    left_out
        Baseline series that get no fit for a lesion, and why, a sentence each.
    not_comparable
        Those of them that a follow-up has no like sequence for.
    """

    alignments: tuple[Alignment, ...]
    new: int
    failures: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    not_comparable: tuple[NotComparable, ...] = ()


def align_project(
    project: Project,
    at: datetime,
    *,
    lesion_ids: Sequence[str] = (),
    quick: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress = ignore_progress,
) -> AlignSummary:
    """Line up what is new or has changed; what is done when it is interrupted is kept.

    Parameters
    ----------
    lesion_ids
        Only these lesions; all, and patients without a lesion, where it is empty.
    quick
        Whether the second opinion is left out. A later run without it asks for it.
    workers
        Processes; None for one a core, 1 for this process alone.
    executor
        Workers that see the images under the same paths, instead of processes of this machine.

    Raises
    ------
    PeerError
        The executor was lost, or its workers do not see images that this machine sees.
    """
    store = project.store
    tasks = plan(store, lesion_ids)
    recorded_fits = {alignment.fit_id: alignment for alignment in store.get_alignments()}
    open_tasks = [
        task
        for task in tasks
        if any(
            fit_id(task, pair) not in recorded_fits
            and not (quick and fit_id(task, pair, quick=True) in recorded_fits)
            for pair in task.pairs
        )
    ]
    failures: list[str] = []
    runs = _run(open_tasks, workers, executor, quick=quick)
    for count, (task, outcome) in enumerate(runs, start=1):
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            store.add_alignments(
                [_build_alignment(task, task.pairs[n], fit, at, quick=quick) for n, fit in outcome]
            )
        progress("lining up follow-ups", count, len(open_tasks))
    now_recorded = {alignment.fit_id: alignment for alignment in store.get_alignments()}
    planned_fits = [
        find_recorded_fit(now_recorded, task, pair) for task in tasks for pair in task.pairs
    ]
    alignments = [alignment for alignment in planned_fits if alignment is not None]
    return AlignSummary(
        alignments=tuple(with_imports(alignments, tuple(now_recorded.values()))),
        new=len(now_recorded.keys() - recorded_fits.keys()),
        failures=tuple(failures),
        left_out=(*list_left_out(store, lesion_ids), *describe_not_comparable(tasks)),
        not_comparable=tuple(
            series_left_out for task in tasks for series_left_out in task.not_comparable
        ),
    )


Outcome = list[tuple[int, Fit]]  # the number of a pair in its task, and its fit


def _run(
    tasks: Sequence[VisitTask], workers: int | None, executor: Executor | None, *, quick: bool
) -> Iterator[tuple[VisitTask, Outcome | str]]:
    count = min(workers or os.cpu_count() or 1, len(tasks))
    if executor is None and count <= 1:
        for task in tasks:
            yield task, _align_task(task, quick=quick)
        return
    with open_processes(count) if executor is None else nullcontext(executor) as pool:
        futures = {
            pool.submit(_align_task, _remove_identity(task), quick=quick): task for task in tasks
        }
        for future, task in futures.items():  # in the order of one process, as records are chained
            try:
                outcome = future.result()
                if executor is not None and isinstance(outcome, str):
                    outcome = _repeat_here(task, quick=quick)
            except BrokenExecutor:  # killed, out of memory, or given up
                outcome = _align_given_up(task, quick=quick)
            yield task, outcome


def _remove_identity(task: VisitTask) -> VisitTask:
    """Return a task without names and dates: paths and geometry are all that another needs."""
    pairs = tuple(
        (sequence, remove_volume_identity(baseline), remove_volume_identity(followup))
        for sequence, baseline, followup in task.pairs
    )
    return attrs.evolve(task, patient_id="", lesion_id=None, pairs=pairs, not_comparable=())


def remove_volume_identity(volume: VolumeDescription) -> VolumeDescription:
    """Return a volume without names and dates: its geometry, and which frames it has."""
    instance = attrs.evolve(
        volume.instance,
        patient_id="",
        patient_name="",
        patient_birth_date=None,
        patient_sex="",
        study_date=None,
    )
    return attrs.evolve(volume, patient_id="", study_date=None, instance=instance, variants=())


def _repeat_here(task: VisitTask, *, quick: bool) -> str:
    """Repeat what failed on a worker, which may not see the images; return why it fails here."""
    outcome = _align_task(task, quick=quick)
    if not isinstance(outcome, str):
        raise PeerError(BLIND_WORKER)
    return outcome


def _align_given_up(task: VisitTask, *, quick: bool) -> Outcome | str:
    """Do here what workers gave up; where it fails here too, name it, and let the rest go on."""
    try:
        return _align_task(task, quick=quick)
    except Exception as error:  # whatever it is: one visit never stops the others
        log.warning("A visit failed on the workers and here.", exc_info=error)
        return (
            f"A visit of {format_count(len(task.pairs), 'sequence')} failed on the workers and on "
            f"this machine ({type(error).__name__}): report it, and run the command again."
        )


def _align_task(task: VisitTask, *, quick: bool) -> Outcome | str:
    """Line up one visit: the sequences that share a frame of reference together."""
    outcome: Outcome = []
    try:
        for group in _group_by_frames(task):
            volumes = [volume_pair for _, volume_pair in group]
            fits = align_visit(
                volumes,
                centre_lps_mm=task.centre_lps_mm,
                lesion_radius_mm=task.lesion_radius_mm,
            )
            for (number, pair_volumes), fit in zip(group, fits, strict=True):
                if not quick:
                    opinion = ask_second_opinion(*pair_volumes, fit, task.lesion_radius_mm)
                    fit = add_second_opinion(fit, opinion)
                outcome.append((number, fit))
    except OppMriError as error:
        return str(error)
    return outcome


def _group_by_frames(task: VisitTask) -> list[list[tuple[int, tuple[Volume, Volume]]]]:
    """Load the volumes of each pair, with its number, grouped by the frames of reference of both.

    A volume without a frame of reference is grouped with no other.
    """
    groups: dict[tuple[object, object], list[tuple[int, tuple[Volume, Volume]]]] = {}
    for number, pair in enumerate(task.pairs):
        baseline, followup = (load_volume(volume, task.sources) for volume in pair[1:])
        frames = (
            baseline.geometry.frame_of_reference_uid,
            followup.geometry.frame_of_reference_uid,
        )
        key = frames if all(frames) else (number, number)
        groups.setdefault(key, []).append((number, (baseline, followup)))
    return list(groups.values())


def _build_alignment(
    task: VisitTask, pair: SequencePair, fit: Fit, at: datetime, *, quick: bool
) -> Alignment:
    sequence, baseline, followup = pair
    if baseline.study_date is None or followup.study_date is None:
        raise ValueError("volumes without a date are never paired")
    return Alignment(
        fit_id=fit_id(task, pair, quick=quick),
        patient_id=task.patient_id,
        lesion_id=task.lesion_id,
        sequence=sequence,
        baseline_volume_id=baseline.volume_id,
        followup_volume_id=followup.volume_id,
        baseline_study_date=baseline.study_date,
        followup_study_date=followup.study_date,
        brought_along=fit.correction_mm is not None,
        algorithm_version=ALGORITHM_VERSION,
        parameters=list_parameters(),
        fit=fit,
        recorded_at=at,
    )
