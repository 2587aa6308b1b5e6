"""Propose a caliper for each cell of a lesion. Nothing of it is recorded."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import ApAxis
from opp_mri.domain.proposal import AbstentionReason
from opp_mri.errors import GeometryError, InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.marks import select_in_force
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.measuring.suitability import explain_unsuitable
from opp_mri.workflow.measuring.timeline import build_reader_timeline
from opp_mri.workflow.registration.align_review import load_volume_of_project
from opp_mri.workflow.registration.links import Links, find_links
from opp_mri.workflow.suggesting.cells import CellImages, SuggestedCell, abstain
from opp_mri.workflow.suggesting.visit import suggest_visit


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
    axes = select_in_force(store.get_ap_axes(lesion_id))
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


def _find_axis(frame_uid: str, axes: Sequence[ApAxis], links: Links) -> Vector3 | None:
    """Return the AP axis that a reader set last, carried to a frame by confirmed fits, or None."""
    for axis in reversed(axes):
        transform = links.find_carrying(frame_uid, axis.frame_of_reference_uid)
        if transform is not None:
            x, y, z = (transform.matrix[:3, :3] @ np.asarray(axis.direction_lps)).tolist()
            return (x, y, z)
    return None
