"""What holds in a blinded read: who may open what, and which time points are open."""

from collections.abc import Iterable, Sequence
from datetime import date

import attrs

from opp_mri.domain.reader_study import CONSENSUS, Blinding, CaseOrder
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.protocol import is_unblinded, load_current_protocol
from opp_mri.workflow.measuring.timeline import LesionTimeline


def read_blinding(store: Store) -> Blinding | None:
    """Return what a package says of itself; None for any other project."""
    blindings = store.log_of(Blinding)
    return blindings[-1] if blindings else None


def check_reader(store: Store, reader: str) -> None:
    """Refuse a reader who must not read here.

    Raises
    ------
    ProjectError
        The package is another reader's, or the reader is blinded and this is the whole project.
    InputError
        The name denotes the resolved read.
    """
    if reader == CONSENSUS:
        raise InputError(f"“{CONSENSUS}” is the name of resolved answers: give your own.")
    blinding = read_blinding(store)
    if blinding is not None:
        if blinding.reader != reader:
            raise ProjectError("This package belongs to another reader: open your own.")
        return
    protocol = load_current_protocol(store)
    if protocol and reader in protocol.readers and not is_unblinded(store):
        raise ProjectError(
            "By this project's protocol this reader reads blind: in the reader's own package "
            "(`opp-mri reader-package` makes it), not in the project."
        )


def list_blinded_readers(store: Store) -> frozenset[str]:
    """Return the readers of the protocol whose answers are not shown here yet."""
    protocol = load_current_protocol(store)
    if protocol is None or is_unblinded(store):
        return frozenset()
    return frozenset(protocol.readers)


def check_shown(store: Store, readers: Iterable[str]) -> None:
    """Refuse to show answers of readers who are still blinded.

    Nobody knows who looks at the screen: it may be the other reader.

    Raises
    ------
    ProjectError
        One of the readers reads blind by the protocol, and the blinding is not lifted.
    """
    hidden = sorted(list_blinded_readers(store).intersection(readers))
    if hidden:
        raise ProjectError(
            f"By this project's protocol {' and '.join(hidden)} still read blind, so these answers "
            "are not shown: lift the blinding first (`opp-mri unblind`), or use the comparison of "
            "the two reads (`opp-mri agreement`)."
        )


def check_table(store: Store, reader: str) -> None:
    """Refuse a reader whose answers must not be handed over in a table here.

    Raises
    ------
    ProjectError, InputError
        As `check_reader`; or time points open one after the other, which a table does not know.
    """
    check_reader(store, reader)
    blinding = read_blinding(store)
    if blinding is not None and blinding.order is CaseOrder.LOCKED_SEQUENTIAL:
        raise ProjectError(
            "In this package a time point opens once the one before is signed: read it in the "
            "reading room (`opp-mri read`)."
        )


def find_last_open_day(
    blinding: Blinding | None, lesions: Sequence[tuple[LesionTimeline, frozenset[str]]]
) -> date | None:
    """Return the latest time point of a patient that is open; None where all are.

    Parameters
    ----------
    lesions
        Timeline of each lesion with drafts, and the ids of what is signed.
    """
    if blinding is None or blinding.order is not CaseOrder.LOCKED_SEQUENTIAL:
        return None
    open_days = [
        cell.study_date
        for timeline, signed_ids in lesions
        for cell in timeline.cells
        if cell.status is CellStatus.UNREAD
        or any(
            answer is not None and answer.draft and answer.reading_id not in signed_ids
            for answer in (cell.reading, cell.contours)
        )
    ]
    return min(open_days, default=None)


def cut_timeline(timeline: LesionTimeline, day: date | None) -> LesionTimeline:
    """Return a timeline without the cells that are locked."""
    if day is None:
        return timeline
    return attrs.evolve(
        timeline, cells=tuple(cell for cell in timeline.cells if cell.study_date <= day)
    )
