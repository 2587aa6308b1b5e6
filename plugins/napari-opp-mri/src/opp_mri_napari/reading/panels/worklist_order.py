"""In which order a reader goes through cells, and which of them the worklist shows."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from attrs import define

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.reading_room.worklist import CellState, WorkCell, WorkLesion, Worklist
from opp_mri_napari.reading.panels.panel_views import CellLook, CellRef

LOOKS: Final = {
    CellState.UNREAD: CellLook.UNREAD,
    CellState.DRAFT: CellLook.DRAFT,
    CellState.SIGNED: CellLook.SIGNED,
    CellState.DISCORDANT: CellLook.DISCORDANT,
    CellState.NO_IMAGE: CellLook.NO_IMAGE,
}


class CellOrder(StrEnum):
    """What changes first on the way through a lesion."""

    TIME_POINT = "time points of a sequence first"  # as panes of all time points lie side by side
    SEQUENCE = "sequences of a time point first"


def look_of(cell: WorkCell) -> CellLook:
    """Return how a cell is drawn."""
    reading = cell.reading
    if cell.state is CellState.NO_IMAGE and cell.status is CellStatus.IN_DOUBT:
        return CellLook.IN_DOUBT
    if (
        reading is not None
        and reading.answer is Answer.NOT_MEASURABLE
        and cell.state is not CellState.DISCORDANT
    ):
        return CellLook.NOT_MEASURABLE
    return LOOKS[cell.state]


@define
class WorklistOrder:
    """The reader's way through the worklist: the keys obey it and the table shows it.

    Attributes
    ----------
    order
        What Enter goes through first.
    search
        Words that a row must hold; "" for all rows.
    look
        A look that a cell of the row must have; None for any.
    """

    order: CellOrder = CellOrder.TIME_POINT
    search: str = ""
    look: CellLook | None = None

    def is_shown(self, row: WorkLesion, sequence: SeriesRole) -> bool:
        """Return whether the worklist shows the row of a lesion on one sequence."""
        lesion = row.lesion
        words = f"{row.patient_id} {lesion.lesion_id} {lesion.level} {sequence.value}".casefold()
        cells = [cell for cell in row.cells if cell.sequence is sequence]
        return (
            all(word in words for word in self.search.casefold().split())
            and any(look_of(cell) is not CellLook.NO_IMAGE for cell in cells)
            and (self.look is None or any(look_of(cell) is self.look for cell in cells))
        )

    def list_lesions(self, worklist: Worklist) -> list[WorkLesion]:
        """Return the lesions of which the worklist shows a row."""
        return [
            row for row in worklist.lesions if any(self.is_shown(row, role) for role in SeriesRole)
        ]

    def find_next_cell(self, worklist: Worklist, after: CellRef | None) -> CellRef | None:
        """Return the next cell to read among the rows that are shown, or None.

        That is the next unread cell, or the next one of the look that the reader filters by: in the
        same lesion first, then further down, then from the top.
        """
        wanted_look = self.look or CellLook.UNREAD
        cells = [
            (_build_ref(row, cell), look_of(cell))
            for row in worklist.lesions
            for cell in self._sort_cells(row)
        ]
        refs = [ref for ref, _ in cells]
        start = refs.index(after) + 1 if after in refs else 0
        lesion_id = after.lesion_id if after is not None else ""
        following_cells = sorted(
            cells[start:] + cells[:start], key=lambda entry: entry[0].lesion_id != lesion_id
        )
        rows = {row.lesion.lesion_id: row for row in worklist.lesions}
        return next(
            (
                ref
                for ref, look in following_cells
                if look is wanted_look
                and ref != after
                and self.is_shown(rows[ref.lesion_id], ref.sequence)
            ),
            None,
        )

    def describe_nothing_left(self, worklist: Worklist) -> str:
        """State that no cell is left, and what then."""
        if self.search or self.look is not None:
            return "No unread cell matches the filter of the worklist: clear the filter."
        states = {cell.state for row in worklist.lesions for cell in row.cells}
        if CellState.DRAFT in states:
            return "Nothing is unread: S signs the drafts."
        return "Nothing is unread, and nothing waits for a signature."

    def _sort_cells(self, row: WorkLesion) -> Sequence[WorkCell]:
        if self.order is CellOrder.SEQUENCE:
            return row.cells
        roles = list(SeriesRole)
        return sorted(row.cells, key=lambda cell: roles.index(cell.sequence))


def find_next_patient(worklist: Worklist | None, patient_id: str) -> str | None:
    """Return the patient whom the worklist has after one, or None."""
    lesions = worklist.lesions if worklist else ()
    ids = list(dict.fromkeys(lesion.patient_id for lesion in lesions))
    if patient_id not in ids or ids[-1] == patient_id:
        return None
    return ids[ids.index(patient_id) + 1]


def _build_ref(row: WorkLesion, cell: WorkCell) -> CellRef:
    return CellRef(
        patient_id=row.patient_id, lesion_id=row.lesion.lesion_id,
        study_date=cell.study_date, sequence=cell.sequence,
    )  # fmt: skip
