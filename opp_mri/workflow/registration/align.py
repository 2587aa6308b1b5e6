"""Line up every follow-up on the treated vertebra, propose, and let readers decide.

Registration moves the reader's eye, never a measurement: lengths stay on native voxels.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from typing import Final

from attrs import frozen

from opp_mri.dicom.roles.suppression import judge_fat_suppression
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment
from opp_mri.domain.geometry import Volume
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Fit
from opp_mri.errors import OppMriError
from opp_mri.registration.align import ALGORITHM_VERSION, align_visit, list_parameters
from opp_mri.registration.second_opinion import add_second_opinion, ask_second_opinion
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.align_left_out import describe_unpaired, list_left_out
from opp_mri.workflow.registration.align_plan import (
    SequencePair,
    VisitTask,
    find_recorded_fit,
    fit_id,
    plan,
    with_imports,
)

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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
    quick: bool = False,
    workers: int | None = None,
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
    for count, (task, outcome) in enumerate(_run(open_tasks, workers, quick=quick), start=1):
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            store.add_alignments(
                [_build_alignment(task, pair, fit, at, quick=quick) for pair, fit in outcome]
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
        left_out=(*list_left_out(store, lesion_ids), *describe_unpaired(tasks)),
    )


Outcome = list[tuple[SequencePair, Fit]]


def _run(
    tasks: Sequence[VisitTask], workers: int | None, *, quick: bool
) -> Iterator[tuple[VisitTask, Outcome | str]]:
    align_one = partial(_align_task, quick=quick)
    workers = min(workers or os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task, align_one(task)
        return
    # spawned, as a fork of a process with threads may hang
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_leave_interrupts) as pool:
        with _limit_threads():
            futures = {pool.submit(align_one, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                try:
                    outcome = future.result()
                except BrokenProcessPool:  # killed, or out of memory
                    outcome = align_one(futures[future])
                yield futures[future], outcome
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _limit_threads() -> Iterator[None]:
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


def _align_task(task: VisitTask, *, quick: bool) -> Outcome | str:
    """Line up one visit: the sequences that share a frame of reference together."""
    outcome: Outcome = []
    try:
        for group in _group_by_frames(task):
            pairs = [pair for pair, _ in group]
            volumes = [volume_pair for _, volume_pair in group]
            fits = align_visit(
                volumes,
                centre_lps_mm=task.centre_lps_mm,
                lesion_radius_mm=task.lesion_radius_mm,
                comparable=[_is_same_contrast(pair) for pair in pairs],
            )
            for pair, pair_volumes, fit in zip(pairs, volumes, fits, strict=True):
                if not quick:
                    opinion = ask_second_opinion(*pair_volumes, fit, task.lesion_radius_mm)
                    fit = add_second_opinion(fit, opinion)
                outcome.append((pair, fit))
    except OppMriError as error:
        return str(error)
    return outcome


def _group_by_frames(
    task: VisitTask,
) -> list[list[tuple[SequencePair, tuple[Volume, Volume]]]]:
    """Load the volumes, grouped by the frames of reference of both dates; none joins nothing."""
    groups: dict[tuple[object, object], list[tuple[SequencePair, tuple[Volume, Volume]]]] = {}
    for number, pair in enumerate(task.pairs):
        baseline, followup = (load_volume(volume, task.sources) for volume in pair[1:])
        frames = (
            baseline.geometry.frame_of_reference_uid,
            followup.geometry.frame_of_reference_uid,
        )
        key = frames if all(frames) else (number, number)
        groups.setdefault(key, []).append((pair, (baseline, followup)))
    return list(groups.values())


def _is_same_contrast(pair: SequencePair) -> bool:
    """Return whether fat is suppressed on both dates or on neither."""
    role, baseline, followup = pair
    before, after = (bool(judge_fat_suppression(v.instance).value) for v in (baseline, followup))
    return role is SeriesRole.STIR or before == after


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
