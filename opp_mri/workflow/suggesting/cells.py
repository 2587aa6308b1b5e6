"""What is proposed for a cell. A window has it at hand before anything that computes is loaded."""

from datetime import date
from typing import Any

from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.proposal import Abstention, AbstentionReason, Proposal
from opp_mri.workflow.measuring.cells import Cell


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


def abstain(
    cell: Cell, reason: AbstentionReason, answer: Abstention | None = None
) -> SuggestedCell:
    """Propose nothing for a cell, for a reason."""
    answer = answer or Abstention(role=cell.sequence, reason=reason)
    return SuggestedCell(study_date=cell.study_date, sequence=cell.sequence, answer=answer)
