"""What was made of two readers' answers to a cell, lengths or contours: find it, and record it."""

from collections.abc import Collection
from datetime import datetime
from uuid import uuid4

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import ReadingProtocol, Resolution, ResolutionKind, ResolvedBy
from opp_mri.errors import InputError
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.protocol import require_protocol


def find_latest_resolution(
    store: Store,
    a: Reading | VolumeReading,
    b: Reading | VolumeReading,
    reading_ids: Collection[str],
) -> Resolution | None:
    """Return what was made of two answers last; None where it was made of other ones.

    Parameters
    ----------
    a, b
        The answers of a cell.
    reading_ids
        Of all answers of their kind: a cell may have a length and contours.
    """
    resolutions = [
        resolution
        for resolution in store.log_of(Resolution)
        if resolution.lesion_id == a.lesion_id
        and (resolution.study_date, resolution.sequence) == a.cell
        and resolution.reading_id in reading_ids
    ]
    if not resolutions or set(resolutions[-1].of_reading_ids) != {a.reading_id, b.reading_id}:
        return None
    return resolutions[-1]


def record_resolution(
    store: Store, of_readings: tuple[Reading, Reading] | tuple[VolumeReading, VolumeReading],
    reading: Reading | VolumeReading, kind: ResolutionKind, *, reason: str, at: datetime,
) -> Resolution:  # fmt: skip
    """Record the answer that was made of two, and how it was made."""
    a, b = of_readings
    resolution = Resolution(
        resolution_id=str(uuid4()),
        lesion_id=a.lesion_id,
        study_date=a.study_date,
        sequence=a.sequence,
        kind=kind,
        reading_id=reading.reading_id,
        of_reading_ids=(a.reading_id, b.reading_id),
        resolved_by=require_protocol(store).resolvers,
        reason=reason.strip(),
        recorded_at=at,
    )
    store.add_to_log([resolution], readings=[reading])
    return resolution


def check_selection(protocol: ReadingProtocol, kind: ResolutionKind) -> None:
    """Refuse what an adjudicator may not do: to make an answer that neither reader gave.

    Raises
    ------
    InputError
        The protocol has an adjudicator, and this selects neither A nor B.
    """
    selections = (ResolutionKind.KEEP_A, ResolutionKind.KEEP_B)
    if protocol.resolution is ResolvedBy.ADJUDICATOR and kind not in selections:
        raise InputError("According to the protocol, the adjudicator selects: keep A or keep B.")
