"""What a reader does to answers in the reading room: make, withdraw, undo, redo, sign.

Nothing is ever changed: each of these is a further reading, or a signature, in an append-only log.
A log is all readings of one lesion by one reader, in the order of their recording.
"""

import math
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

import attrs

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import (
    Answer,
    Caliper,
    Edit,
    PixelPoint,
    Reading,
    ShownProposal,
    Signature,
)
from opp_mri.domain.timeline import Origin
from opp_mri.errors import InputError
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.contours import find_unsigned_contours
from opp_mri.workflow.measuring.native_reading import NativeImage, build_reading
from opp_mri.workflow.measuring.readings import AnyReading, find_unsigned_cells

SAME_POINT_PX: Final = 1e-6

Line = tuple[PixelPoint, PixelPoint]


def draft_line(
    cell: Cell,
    lesion_id: str,
    volume: VolumeDescription,
    place: int,
    points: tuple[PixelPoint, PixelPoint],
    *,
    reader: str,
    at: datetime,
    override_reason: str = "",
) -> Reading:
    """Make the draft of a caliper on one image of a volume.

    Parameters
    ----------
    cell
        Time point and sequence that it belongs to.
    place
        Which of the volume's frames it lies on, from 0.
    points
        Its ends, (column, row).
    override_reason
        Why the reader measures on an unsuitable image all the same; it stays in the remarks of the
        reading, and with them in every table and report.

    Raises
    ------
    GeometryError
        No length can be taken here, or the image is unsuitable and no reason is given.
    """
    frame = volume.frames[place]
    image = NativeImage(
        place=(frame.sop_instance_uid, frame.frame_number),
        volume=volume,
        plane=volume.planes[place],
        study_date=cell.study_date,
    )
    reading = build_reading(
        lesion_id, reader, (cell.study_date, cell.sequence), Answer.MEASURED,
        points=points, image=image, override_reason=override_reason, at=at,
    )  # fmt: skip
    return attrs.evolve(reading, draft=True)


def draft_answer(
    cell: Cell, lesion_id: str, answer: Answer, *, reason: str, reader: str, at: datetime
) -> Reading:
    """Make the draft of an answer without a line: gone, not measurable, or withdrawn.

    Parameters
    ----------
    cell
        Study and sequence.
    lesion_id
        Name of the lesion.
    answer
        Any answer but a measured one.
    reason
        Why; required for "not measurable".
    reader
        Who answers.
    at
        When, with a time zone.

    Raises
    ------
    InputError
        Not measurable needs a reason.
    """
    if answer is Answer.MEASURED:
        raise ValueError("a measured answer has a line")
    if answer is Answer.NOT_MEASURABLE and not reason.strip():
        raise InputError("Say why the lesion cannot be measured here.")
    reading = build_reading(
        lesion_id, reader, (cell.study_date, cell.sequence), answer, reason=reason.strip(), at=at
    )
    return attrs.evolve(reading, draft=True)


def mark_origin(
    reading: Reading, before: Reading | None, shown_proposal: ShownProposal | None
) -> Reading:
    """Record with an answer which proposal was shown before it, and whether its line comes from it.

    A line comes from another one on the same image where one end is the same, or where both ends
    moved by the same step: so it is after an end, or the whole line, was moved by mouse or keys.

    Parameters
    ----------
    reading
        The answer of the reader.
    before
        What held for the cell before; None for nothing.
    shown_proposal
        The proposal that was shown for the cell while nothing held; None for none.
    """
    shown_proposal = (
        before.proposed if before is not None and before.proposed is not None else shown_proposal
    )
    origin = Origin.DRAWN
    if reading.caliper is not None and shown_proposal is not None:
        is_from_reading = (
            before is not None
            and before.origin is not Origin.DRAWN
            and before.caliper is not None
            and _is_moved(_get_image(before.caliper), _get_line(before.caliper), reading.caliper)
        )
        image = (shown_proposal.sop_instance_uid, shown_proposal.frame_number)
        is_from_proposal = (before is None or before.caliper is None) and _is_moved(
            image, (shown_proposal.start, shown_proposal.end), reading.caliper
        )
        if is_from_reading or is_from_proposal:
            origin = Origin.EDITED
    return attrs.evolve(reading, origin=origin, proposed=shown_proposal)


def accept_proposal(reading: Reading, shown_proposal: ShownProposal) -> Reading:
    """Record that a reader took a proposed line over as it was shown."""
    return attrs.evolve(reading, origin=Origin.ACCEPTED, proposed=shown_proposal)


def undo(log: Sequence[Reading], signed_ids: Container[str], at: datetime) -> Reading | None:
    """Return the reading that takes back the latest edit since the signature, or None."""
    latest, before = _find_latest_edit(log, signed_ids)
    if latest is None or before is not None:
        return _record_again(before, Edit.UNDONE, at) if before is not None else None
    return attrs.evolve(
        _record_again(latest, Edit.UNDONE, at),
        answer=Answer.WITHDRAWN, length_mm=None, length_source=None, caliper=None, reason="",
        remarks=(), amendment_reason="", origin=Origin.DRAWN,
    )  # fmt: skip


def undo_contours(
    log: Sequence[VolumeReading], signed_ids: Container[str], at: datetime
) -> VolumeReading | None:
    """Return the contours that take back the latest edit since the signature, or None."""
    latest, before = _find_latest_edit(log, signed_ids)
    if latest is None or before is not None:
        return _record_again(before, Edit.UNDONE, at) if before is not None else None
    return attrs.evolve(
        _record_again(latest, Edit.UNDONE, at), contours=(), reference=None, amendment_reason=""
    )


def _find_latest_edit(
    log: Sequence[AnyReading], signed_ids: Container[str]
) -> tuple[AnyReading | None, AnyReading | None]:
    """Return the latest edit since the signature, and what held for its cell before; or None."""
    current_entries, _ = _replay_log(log, signed_ids)
    if not current_entries:
        return None, None
    latest = current_entries[-1]
    entries = [entry for entry in log if not entry.draft or entry.reading_id in signed_ids]
    entries += current_entries[:-1]
    before = [entry for entry in entries if entry.cell == latest.cell]
    return latest, before[-1] if before else None


def redo(log: Sequence[AnyReading], signed_ids: Container[str], at: datetime) -> AnyReading | None:
    """Return the reading that makes the latest undone edit again, or None."""
    _, taken_back = _replay_log(log, signed_ids)
    return _record_again(taken_back[-1], Edit.REDONE, at) if taken_back else None


def needs_amendment(
    reading: AnyReading, log: Sequence[AnyReading], signed_ids: Container[str]
) -> bool:
    """Return whether a reading follows one that is signed, and so needs a reason."""
    return any(entry.cell == reading.cell and entry.reading_id in signed_ids for entry in log)


def sign_drafts(
    log: Sequence[Reading], signed_ids: frozenset[str], *, contours: Sequence[VolumeReading] = (),
    statement: str, at: datetime,
) -> Signature:  # fmt: skip
    """Return the signature under all drafts of a lesion.

    Parameters
    ----------
    log
        Readings of one reader on one lesion, in the order of the log.
    signed_ids
        Identifiers of the readings that are signed.
    contours
        Contours of this reader on this lesion, in the order of the log.
    statement
        What the reader signs, in words.
    at
        When, with a time zone.

    Raises
    ------
    InputError
        Nothing waits to be signed.
    """
    unsigned_readings: list[Reading | VolumeReading] = [
        *find_unsigned_cells(log, signed_ids), *find_unsigned_contours(contours, signed_ids)
    ]  # fmt: skip
    if not unsigned_readings:
        raise InputError("There is nothing to sign here: measure first.")
    return Signature(
        signature_id=str(uuid4()),
        lesion_id=unsigned_readings[0].lesion_id,
        reader=unsigned_readings[0].reader,
        reading_ids=tuple(reading.reading_id for reading in unsigned_readings),
        statement=statement,
        recorded_at=at,
    )


def _is_moved(image: tuple[str, int], line: Line, caliper: Caliper) -> bool:
    """Return whether a caliper is a line of an image with one end, or the whole line, moved."""
    if image != _get_image(caliper):
        return False
    start, end = _get_line(caliper)
    steps = [
        (after[0] - before[0], after[1] - before[1])
        for before, after in zip(line, (start, end), strict=True)
    ]
    return (
        any(math.hypot(*step) <= SAME_POINT_PX for step in steps)
        or math.dist(*steps) <= SAME_POINT_PX
    )


def _get_image(caliper: Caliper) -> tuple[str, int]:
    return (caliper.sop_instance_uid, caliper.frame_number)


def _get_line(caliper: Caliper) -> Line:
    return (caliper.start, caliper.end)


def _replay_log(
    log: Sequence[AnyReading], signed_ids: Container[str]
) -> tuple[list[AnyReading], list[AnyReading]]:
    """Replay the log: the edits in force, and those that were undone, the latest last."""
    current_entries: list[AnyReading] = []
    taken_back: list[AnyReading] = []
    for reading in log:
        if reading.reading_id in signed_ids:  # signed answers cannot be undone
            current_entries, taken_back = [], []
        elif not reading.draft:
            continue
        elif reading.edit is Edit.MADE:
            current_entries.append(reading)
            taken_back = []
        elif reading.edit is Edit.UNDONE and current_entries:
            taken_back.append(current_entries.pop())
        elif reading.edit is Edit.REDONE and taken_back:
            current_entries.append(taken_back.pop())
    return current_entries, taken_back


def _record_again(reading: AnyReading, edit: Edit, at: datetime) -> AnyReading:
    return attrs.evolve(reading, reading_id=str(uuid4()), draft=True, edit=edit, recorded_at=at)
