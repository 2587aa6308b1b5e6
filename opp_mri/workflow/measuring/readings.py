"""Which readings count: those that were handed over in a table, and those that were signed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Edit, Reading
from opp_mri.domain.reader_study import CONSENSUS, Unblinding
from opp_mri.store.protocol import Store

AnyReading = TypeVar("AnyReading", Reading, VolumeReading)


def get_counted_readings(store: Store, lesion_id: str | None = None) -> list[Reading]:
    """Return the readings that count, of one lesion or of all, in the order of their recording.

    Drafts of the reading room count once a signature covers them. Hidden repeats are not among
    them: `repeat_readings` gives these.
    """
    return select_counted(store.get_readings(lesion_id), find_signed_ids(store, lesion_id))


def select_counted(readings: Iterable[AnyReading], signed_ids: frozenset[str]) -> list[AnyReading]:
    """Return those of some readings that count, as `get_counted_readings` does.

    Parameters
    ----------
    signed_ids
        The ids of the readings that are signed.
    """
    return _select_counted(readings, signed_ids, repeat=False)


def get_independent_readings(store: Store, lesion_id: str | None = None) -> list[Reading]:
    """Return the counted readings that readers can hold against each other.

    Resolved answers are not among them, nor is what follows in the log after the end of the
    blinding: the order of the log decides, not a clock.
    """
    late = store.get_readings_after(Unblinding)
    return [
        reading
        for reading in get_counted_readings(store, lesion_id)
        if reading.reader != CONSENSUS and reading.reading_id not in late
    ]


def repeat_readings(store: Store) -> list[Reading]:
    """Return the signed readings of cases that came back hidden, in the order of recording."""
    return _select_counted(store.get_readings(), find_signed_ids(store), repeat=True)


def get_own_readings(store: Store, lesion_id: str, reader: str) -> list[Reading]:
    """Return all that a reader recorded of a lesion, drafts too, hidden repeats left out.

    Parameters
    ----------
    lesion_id
        Name of the lesion.
    reader
        Name of the reader.

    Returns
    -------
    list of Reading
        In the order of the log, amended ones too.
    """
    return [
        reading
        for reading in store.get_readings(lesion_id)
        if reading.reader == reader and not reading.repeat
    ]


def _select_counted(
    readings: Iterable[AnyReading], signed_ids: frozenset[str], *, repeat: bool
) -> list[AnyReading]:
    return [
        reading
        for reading in readings
        if reading.repeat is repeat and (not reading.draft or reading.reading_id in signed_ids)
    ]


def find_signed_ids(store: Store, lesion_id: str | None = None) -> frozenset[str]:
    """Return the ids of all readings that are signed by all who have to."""
    signers: dict[str, set[str]] = defaultdict(set)
    cosigners: dict[str, set[str]] = defaultdict(set)
    for signature in store.get_signatures(lesion_id):
        for reading_id in signature.reading_ids:
            signers[reading_id].add(signature.reader)
            cosigners[reading_id] |= set(signature.together_with)
    return frozenset(
        reading_id for reading_id, names in signers.items() if cosigners[reading_id] <= names
    )


def select_latest_by_cell(readings: Iterable[Reading]) -> Mapping[tuple[date, SeriesRole], Reading]:
    """Return what holds for each cell, of one lesion and one reader; a withdrawn answer is none."""
    latest = {reading.cell: reading for reading in readings}
    return {
        cell: reading for cell, reading in latest.items() if reading.answer is not Answer.WITHDRAWN
    }


def select_latest_of_readers(readings: Sequence[Reading]) -> list[Reading]:
    """Return what holds for each cell of one lesion by each reader, in the order of recording."""
    latest = {(reading.reader, reading.cell): reading for reading in readings}
    latest_ids = {
        reading.reading_id for reading in latest.values() if reading.answer is not Answer.WITHDRAWN
    }
    return [reading for reading in readings if reading.reading_id in latest_ids]


def find_settled_ids(readings: Sequence[AnyReading], signed_ids: frozenset[str]) -> frozenset[str]:
    """Return the ids of the readings of one lesion and reader that need no signature.

    Those that are signed, and those with which an undo brought a signed answer back unchanged: the
    signed answer has counted all the time.
    """
    latest_by_cell = {
        reading.cell: reading
        for reading in readings
        if not reading.draft or reading.reading_id in signed_ids
    }
    restored_ids = {
        reading.reading_id
        for reading in readings
        if reading.edit is Edit.UNDONE
        and reading.cell in latest_by_cell
        and _is_equal(reading, latest_by_cell[reading.cell])
    }
    return signed_ids | restored_ids


def _is_equal(reading: AnyReading, other_reading: AnyReading) -> bool:
    if isinstance(reading, VolumeReading) or isinstance(other_reading, VolumeReading):
        return (
            isinstance(reading, VolumeReading)
            and isinstance(other_reading, VolumeReading)
            and reading.has_equal_contours(other_reading)
        )
    return (reading.answer, reading.length_mm, reading.caliper, reading.reason) == (
        other_reading.answer, other_reading.length_mm, other_reading.caliper, other_reading.reason
    )  # fmt: skip


def find_unsigned_cells(readings: Sequence[Reading], signed_ids: frozenset[str]) -> list[Reading]:
    """Return the latest reading of each cell of one lesion and reader that is not signed."""
    latest = {reading.cell: reading for reading in readings}
    settled_ids = find_settled_ids(readings, signed_ids)
    answered_cells = {
        reading.cell
        for reading in readings
        if not reading.draft or reading.reading_id in signed_ids
    }
    return [
        reading
        for reading in latest.values()
        if reading.draft
        and reading.reading_id not in settled_ids
        # to take back what never counted needs no signature
        and (reading.answer is not Answer.WITHDRAWN or reading.cell in answered_cells)
    ]
