"""Propose a caliper for each cell of a visit, from its images."""

from collections.abc import Sequence

import numpy as np

from opp_mri.dicom.volume import build_geometry
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import Abstention, AbstentionReason
from opp_mri.errors import GeometryError
from opp_mri.suggestion.images import SequenceImage
from opp_mri.suggestion.propose import propose_visit
from opp_mri.workflow.suggesting.cells import CellImages, SuggestedCell, abstain


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
