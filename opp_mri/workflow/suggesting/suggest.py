"""Propose a caliper for each cell of a lesion. Nothing of it is recorded."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.dicom.volume import build_geometry
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import ApAxis
from opp_mri.domain.proposal import Abstention, AbstentionReason, Proposal
from opp_mri.errors import GeometryError, InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.suggestion.images import SequenceImage
from opp_mri.suggestion.propose import propose_visit
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.measuring.suitability import explain_unsuitable
from opp_mri.workflow.measuring.timeline import Cell, build_reader_timeline
from opp_mri.workflow.registration.align_review import load_volume_of_project
from opp_mri.workflow.registration.links import Links, find_links


@frozen(kw_only=True)
class SuggestedCell:
    """What is proposed for one sequence of one time point.

    Parameters
    ----------
    volume_id, sop_instance_uid, frame_number
        The native image of a proposal; "" and 0 where there is none.
    answer
        The proposal, or the abstention with its reason.
    """

    study_date: date
    sequence: SeriesRole
    volume_id: str = ""
    sop_instance_uid: str = ""
    frame_number: int = 0
    answer: Proposal | Abstention


@frozen(kw_only=True, eq=False)
class CellImages:
    """A cell with the images that are shown for it.

    Parameters
    ----------
    voxels
        Native values, shape (slices, rows, columns), in the order of `volume.planes`.
    """

    cell: Cell
    volume: VolumeDescription
    voxels: NDArray[Any] = field(repr=False)


def suggest_lesion(store: Store, lesion_id: str) -> tuple[SuggestedCell, ...]:
    """Propose the greatest AP extent for each cell of a lesion that has an image.

    Raises
    ------
    UnknownError
        The project holds no such lesion.
    InputError
        Nothing says where the lesion is.
    ProjectError
        The project is a blinded package.
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
    visits: dict[date, list[tuple[Cell, VolumeDescription]]] = defaultdict(list)
    for cell in timeline.cells:
        if cell.volume is not None and not explain_unsuitable(cell.volume, cell.sequence):
            visits[cell.study_date].append((cell, cell.volume))
    links = find_links(store, (lesion.patient_id,), lesion)
    axes = store.get_ap_axes(lesion_id)
    suggested_cells: list[SuggestedCell] = []
    for day in sorted(visits):
        by_frame: dict[str, list[tuple[Cell, VolumeDescription]]] = defaultdict(list)
        for cell, volume in visits[day]:
            by_frame[volume.planes[0].frame_of_reference_uid].append((cell, volume))
        for frame_uid, cells in by_frame.items():
            seed = seeds.get(frame_uid)
            if seed is None:
                suggested_cells.extend(abstain(cell, AbstentionReason.NO_FIT) for cell, _ in cells)
            else:
                axis = _find_axis(frame_uid, axes, links)
                suggested_cells.extend(_suggest_together(store, cells, seed, axis))
    order = list(SeriesRole)
    return tuple(sorted(suggested_cells, key=lambda s: (s.study_date, order.index(s.sequence))))


def suggest_visit(
    cells: Sequence[CellImages], seed_lps_mm: Vector3, axis_lps: Vector3 | None
) -> tuple[SuggestedCell, ...]:
    """Propose for the cells of one visit, whose sequences support one another.

    Parameters
    ----------
    cells
        Of one visit, with their images, in one frame of reference.
    seed_lps_mm
        A point in the lesion in that frame, patient LPS mm.
    axis_lps
        AP axis of the vertebra in that frame, a unit vector towards posterior; None where no
        reader has set one.
    """
    images: list[SequenceImage] = []
    images_by_sequence: dict[SeriesRole, CellImages] = {}
    suggested_cells: list[SuggestedCell] = []
    for cell_images in cells:
        try:
            geometry = build_geometry(cell_images.volume)
        except GeometryError:  # slices of an irregular stack: measured on by hand alone
            suggested_cells.append(abstain(cell_images.cell, AbstentionReason.NO_IMAGE))
            continue
        voxels = cell_images.voxels.astype(np.float32)
        images.append(
            SequenceImage(role=cell_images.cell.sequence, geometry=geometry, voxels=voxels)
        )
        images_by_sequence[cell_images.cell.sequence] = cell_images
    for answer in propose_visit(images, seed_lps_mm, axis_lps) if images else ():
        cell, description = (
            images_by_sequence[answer.role].cell,
            images_by_sequence[answer.role].volume,
        )
        if isinstance(answer, Abstention):
            suggested_cells.append(abstain(cell, answer.reason, answer))
            continue
        image = description.frames[answer.slice_index]
        suggested_cells.append(
            SuggestedCell(
                study_date=cell.study_date,
                sequence=cell.sequence,
                volume_id=description.volume_id,
                sop_instance_uid=image.sop_instance_uid,
                frame_number=image.frame_number,
                answer=answer,
            )
        )
    return tuple(suggested_cells)


def _suggest_together(
    store: Store,
    cells: Sequence[tuple[Cell, VolumeDescription]],
    seed: Vector3,
    axis: Vector3 | None,
) -> list[SuggestedCell]:
    """Read the images of the cells of one frame of reference, and propose for them."""
    cells_with_images: list[CellImages] = []
    suggested_cells: list[SuggestedCell] = []
    for cell, description in cells:
        try:
            voxels = load_volume_of_project(store, description.volume_id).voxels
        except GeometryError:
            suggested_cells.append(abstain(cell, AbstentionReason.NO_IMAGE))
        else:
            cells_with_images.append(CellImages(cell=cell, volume=description, voxels=voxels))
    return [*suggested_cells, *suggest_visit(cells_with_images, seed, axis)]


def abstain(
    cell: Cell, reason: AbstentionReason, answer: Abstention | None = None
) -> SuggestedCell:
    """Propose nothing for a cell, for a reason."""
    answer = answer or Abstention(role=cell.sequence, reason=reason)
    return SuggestedCell(study_date=cell.study_date, sequence=cell.sequence, answer=answer)


def _find_axis(frame_uid: str, axes: Sequence[ApAxis], links: Links) -> Vector3 | None:
    """Return the AP axis that a reader set last, carried to a frame by confirmed fits, or None."""
    for axis in reversed(axes):
        transform = links.find_carrying(frame_uid, axis.frame_of_reference_uid)
        if transform is not None:
            x, y, z = (transform.matrix[:3, :3] @ np.asarray(axis.direction_lps)).tolist()
            return (x, y, z)
    return None
