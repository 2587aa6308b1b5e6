"""Two readers' contours of a cell on their way to one: A's, B's, or new ones; nothing is changed.

Contours have no mean. Where they agree within the limits, those of A are taken; which reader is A
is drawn by lot for each cell, so that neither reader's hand prevails.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import uuid4

import attrs
from attrs import frozen

from opp_mri.agreement.consensus import letter_readings
from opp_mri.agreement.discordance import VolumeCause
from opp_mri.domain.contour import Contour, VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Edit, Lesion
from opp_mri.domain.reader_study import (
    CONSENSUS,
    ReadingProtocol,
    Resolution,
    ResolutionKind,
)
from opp_mri.errors import ConflictError, InputError
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.resolutions import (
    check_selection,
    find_latest_resolution,
    record_resolution,
)
from opp_mri.workflow.double_read.volume_agreement import (
    VolumePair,
    compare_pair,
    find_cause,
    measure_cc,
)
from opp_mri.workflow.measuring.contours import (
    draft_contours,
    get_independent_contours,
    select_latest_contours,
)
from opp_mri.workflow.measuring.measure import load_native_image
from opp_mri.workflow.measuring.protocol import require_protocol

CellKey = tuple[date, SeriesRole]


@frozen(kw_only=True)
class ContourPair:
    """The contours of two readers of a cell, as A and B, and what happened to them.

    Parameters
    ----------
    a, b
        The contours; which reader is A changes from cell to cell.
    comparison
        Volumes, overlap and distance, A first.
    cause
        Why they are discordant, or None where they agree within the limits.
    resolution, result, result_cc
        What was made of them, and its volume, or None while it is open.
    """

    lesion: Lesion
    a: VolumeReading
    b: VolumeReading
    comparison: VolumePair
    cause: VolumeCause | None
    resolution: Resolution | None = None
    result: VolumeReading | None = None
    result_cc: float | None = None

    @property
    def cell(self) -> CellKey:
        """Time point and sequence."""
        return self.a.cell

    @property
    def is_discordant(self) -> bool:
        """Whether both differ by more than the limits."""
        return self.cause is not None

    @property
    def is_open(self) -> bool:
        """Whether it waits to be resolved."""
        return self.is_discordant and self.resolution is None


def prepare_contour_pairs(
    store: Store, protocol: ReadingProtocol, lesion: Lesion
) -> tuple[tuple[ContourPair, ...], frozenset[CellKey]]:
    """Return the cells that both readers drew, discordant ones first, and those that one drew."""
    counted_readings = get_independent_contours(store, lesion.lesion_id)
    first, second = (
        select_latest_contours([reading for reading in counted_readings if reading.reader == name])
        for name in protocol.readers
    )
    pairs = [
        _build_pair(store, lesion, first[cell], second[cell])
        for cell in sorted(first.keys() & second.keys())
    ]
    pairs.sort(key=lambda pair: (pair.cause is None, pair.cell))
    return tuple(pairs), frozenset(first.keys() ^ second.keys())


def _build_pair(
    store: Store, lesion: Lesion, first: VolumeReading, second: VolumeReading
) -> ContourPair:
    a, b = letter_readings((first, second))
    comparison = compare_pair(store, a, b)
    resolution = find_contour_resolution(store, a, b)
    result = None
    if resolution is not None:
        result = _get_contours(store, lesion.lesion_id).get(resolution.reading_id)
    return ContourPair(
        lesion=lesion,
        a=a,
        b=b,
        comparison=comparison,
        cause=find_cause(comparison),
        resolution=resolution,
        result=result,
        result_cc=None if result is None else measure_cc(store, result),
    )


def find_contour_resolution(store: Store, a: VolumeReading, b: VolumeReading) -> Resolution | None:
    """Return what was made of two readers' contours last; None where either was amended since."""
    drawn_ids = _get_contours(store, a.lesion_id).keys()
    return find_latest_resolution(store, a, b, drawn_ids)


def resolve_contours(
    store: Store, pair: ContourPair, kind: ResolutionKind, *, reason: str, at: datetime,
    contours: Sequence[Contour] = (),
) -> Resolution:  # fmt: skip
    """Make one of two readers' contours; both stay, and a later resolution follows an earlier one.

    Parameters
    ----------
    reason
        Why; needed for all but a concordant pair.
    contours
        Those that are to hold, for `ResolutionKind.NEW`; all on one series of the time point.

    Raises
    ------
    InputError
        This cannot be made of the two, the protocol does not allow it, or no reason is given.
    GeometryError
        The new contours give no volume.
    """
    check_contours_allowed(require_protocol(store), pair, kind, reason)
    with store.lock():
        if find_current_resolution(store, pair) != pair.resolution:
            raise ConflictError(
                f"Another user resolved the contours on {pair.a.sequence.value} of "
                f"{pair.a.study_date} in the meantime, so this was not recorded: look at them "
                "again."
            )
        reading = _build_result(store, pair, kind, contours, at)
        return record_resolution(store, (pair.a, pair.b), reading, kind, reason=reason, at=at)


def find_current_resolution(store: Store, pair: ContourPair) -> Resolution | None:
    """Return what holds now of a pair's contours, which both still have to be the latest.

    Raises
    ------
    ConflictError
        One of the two was amended since the pair was shown.
    """
    counted_readings = get_independent_contours(store, pair.lesion.lesion_id)
    for reading in (pair.a, pair.b):
        own = [candidate for candidate in counted_readings if candidate.reader == reading.reader]
        latest = select_latest_contours(own).get(pair.cell)
        if latest is None or latest.reading_id != reading.reading_id:
            raise ConflictError(
                f"Contours on {pair.a.sequence.value} of {pair.a.study_date} were amended in the "
                "meantime. Nothing was recorded: look at them again."
            )
    return find_contour_resolution(store, pair.a, pair.b)


def check_contours_allowed(
    protocol: ReadingProtocol, pair: ContourPair, kind: ResolutionKind, reason: str
) -> None:
    """Refuse what the protocol or the pair does not let.

    Raises
    ------
    InputError
        The text says why.
    """
    if kind is ResolutionKind.CONCORDANT:
        if pair.cause is not None:
            raise ValueError("a discordant pair has to be resolved")
        return
    if kind is ResolutionKind.MEAN:
        raise InputError("Contours have no mean: keep A or B, or draw new ones.")
    check_selection(protocol, kind)
    if not reason.strip():
        raise InputError("A resolution needs a reason: state it.")


def _build_result(
    store: Store, pair: ContourPair, kind: ResolutionKind, contours: Sequence[Contour],
    at: datetime,
) -> VolumeReading:  # fmt: skip
    if kind is not ResolutionKind.NEW:
        contours_to_keep = pair.b if kind is ResolutionKind.KEEP_B else pair.a
        return attrs.evolve(
            contours_to_keep, reading_id=str(uuid4()), reader=CONSENSUS, draft=True, edit=Edit.MADE,
            amendment_reason="", repeat=False, recorded_at=at,
        )  # fmt: skip
    if not contours:
        raise InputError("Draw the new contours first.")
    lesion_id, first = pair.lesion.lesion_id, contours[0]
    image = load_native_image(store, lesion_id, (first.sop_instance_uid, first.frame_number))
    if image.study_date != pair.cell[0]:
        raise InputError(
            "The new contours lie on an image of another time point: draw them on this one."
        )
    return draft_contours(pair.cell, lesion_id, image.volume, contours, reader=CONSENSUS, at=at)


def _get_contours(store: Store, lesion_id: str) -> Mapping[str, VolumeReading]:
    return {reading.reading_id: reading for reading in store.log_of(VolumeReading, lesion_id)}
