"""Propose a caliper for each cell of a lesion. Nothing of it is recorded."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from datetime import date

import numpy as np
from attrs import evolve, field, frozen

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, SourceFile, VolumeDescription
from opp_mri.domain.measurement import ApAxis
from opp_mri.domain.proposal import Abstention, AbstentionReason
from opp_mri.errors import GeometryError, InputError, PeerError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.executors import BLIND_WORKER
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.marks import select_in_force
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.measuring.suitability import explain_unsuitable
from opp_mri.workflow.measuring.timeline import build_reader_timeline
from opp_mri.workflow.registration.align import remove_volume_identity
from opp_mri.workflow.registration.links import Links, find_links
from opp_mri.workflow.suggesting.cells import CellImages, SuggestedCell, abstain
from opp_mri.workflow.suggesting.visit import suggest_visit


@frozen(kw_only=True)
class SuggestTask:
    """The cells of one visit in one frame of reference.

    Parameters
    ----------
    cells
        Each with the volume that is measured on.
    sources
        SOPInstanceUID to the file that holds it.
    seed, axis
        A point in the lesion in that frame, LPS mm, and the AP axis that a reader set, or None.
    """

    cells: tuple[tuple[Cell, VolumeDescription], ...]
    sources: Mapping[str, SourceFile] = field(repr=False)
    seed: Vector3
    axis: Vector3 | None


def suggest_lesion(
    store: Store, lesion_id: str, *, executor: Executor | None = None
) -> tuple[SuggestedCell, ...]:
    """Propose the greatest AP extent for each cell of a lesion that has an image.

    Parameters
    ----------
    executor
        Workers that see the images under the same paths, a visit each; None for this process.

    Raises
    ------
    UnknownError
        The project holds no such lesion.
    InputError
        Nothing says where the lesion is.
    ProjectError
        The project is a blinded package.
    PeerError
        The executor was lost, or its workers do not see images that this machine sees.
    """
    if read_blinding(store) is not None:
        raise ProjectError(
            "This command is not available in a blinded package. Where the protocol allows "
            "proposals, the reading room shows them (`opp-mri read`), so that they are recorded."
        )
    lesion = find_lesion(store, lesion_id)
    seeds = carry_seed_to_frames(store, lesion)
    if not seeds:
        raise InputError(
            f"Lesion {lesion_id} has neither a seed nor a baseline caliper, so its position "
            "is unknown. Set a seed with `opp-mri lesion add --replace`, or measure its baseline."
        )
    timeline = build_reader_timeline(store, lesion, "", ())
    links = find_links(store, (lesion.patient_id,), lesion)
    axes = select_in_force(store.get_ap_axes(lesion_id))
    by_visit: dict[tuple[date, str], list[tuple[Cell, VolumeDescription]]] = defaultdict(list)
    for cell in timeline.cells:
        if cell.volume is not None and not explain_unsuitable(cell.volume, cell.sequence):
            frame_uid = cell.volume.planes[0].frame_of_reference_uid
            by_visit[cell.study_date, frame_uid].append((cell, cell.volume))
    suggested_cells: list[SuggestedCell] = []
    tasks: list[SuggestTask] = []
    for (_, frame_uid), cells in by_visit.items():
        seed = seeds.get(frame_uid)
        if seed is None:
            suggested_cells.extend(abstain(cell, AbstentionReason.NO_FIT) for cell, _ in cells)
            continue
        uids = [frame.sop_instance_uid for _, volume in cells for frame in volume.frames]
        sources, axis = store.get_sources_of(uids), _find_axis(frame_uid, axes, links)
        tasks.append(SuggestTask(cells=tuple(cells), sources=sources, seed=seed, axis=axis))
    for answers in map(_suggest_task, tasks) if executor is None else _run_on(executor, tasks):
        suggested_cells.extend(answers)
    order = list(SeriesRole)
    return tuple(sorted(suggested_cells, key=lambda s: (s.study_date, order.index(s.sequence))))


def _run_on(executor: Executor, tasks: Sequence[SuggestTask]) -> Iterator[list[SuggestedCell]]:
    futures = [executor.submit(_suggest_task, _remove_identity(task)) for task in tasks]
    for future, task in zip(futures, tasks, strict=True):
        try:
            answers = future.result()
        except BrokenExecutor:  # given up, after several workers were lost
            yield _suggest_task(task)
            continue
        except InputError:
            _suggest_task(task)  # where it fails here too, for this reason
            raise PeerError(BLIND_WORKER) from None
        if any(_has_no_image(answer) for answer in answers):
            answers_here = _suggest_task(task)
            if sum(map(_has_no_image, answers)) > sum(map(_has_no_image, answers_here)):
                raise PeerError(BLIND_WORKER)
        day = task.cells[0][0].study_date
        yield [evolve(answer, study_date=day) for answer in answers]


def _has_no_image(suggested_cell: SuggestedCell) -> bool:
    answer = suggested_cell.answer
    return isinstance(answer, Abstention) and answer.reason is AbstentionReason.NO_IMAGE


def _remove_identity(task: SuggestTask) -> SuggestTask:
    """Return a task without names and dates: paths and geometry are all that another needs."""
    cells = tuple(
        (
            evolve(cell, study_date=date.min, days_from_ssrs=0, volume=None, flags=()),
            remove_volume_identity(volume),
        )
        for cell, volume in task.cells
    )
    return evolve(task, cells=cells)


def _suggest_task(task: SuggestTask) -> list[SuggestedCell]:
    """Read the images of the cells of one frame of reference, and propose for them."""
    cells_with_images: list[CellImages] = []
    suggested_cells: list[SuggestedCell] = []
    for cell, description in task.cells:
        try:
            voxels = load_volume(description, task.sources).voxels
        except GeometryError:
            suggested_cells.append(abstain(cell, AbstentionReason.NO_IMAGE))
        else:
            cells_with_images.append(CellImages(cell=cell, volume=description, voxels=voxels))
    return [*suggested_cells, *suggest_visit(cells_with_images, task.seed, task.axis)]


def _find_axis(frame_uid: str, axes: Sequence[ApAxis], links: Links) -> Vector3 | None:
    """Return the AP axis that a reader set last, carried to a frame by confirmed fits, or None."""
    for axis in reversed(axes):
        transform = links.find_carrying(frame_uid, axis.frame_of_reference_uid)
        if transform is not None:
            x, y, z = (transform.matrix[:3, :3] @ np.asarray(axis.direction_lps)).tolist()
            return (x, y, z)
    return None
