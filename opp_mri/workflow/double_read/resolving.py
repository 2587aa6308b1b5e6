"""Make one answer of two, and sign it; nothing is overwritten."""

from datetime import datetime
from uuid import uuid4

import attrs

from opp_mri.agreement.consensus import concordant_answer, mean_ends, mean_length_mm
from opp_mri.domain.measurement import (
    Answer,
    Edit,
    LengthSource,
    PixelPoint,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import (
    CONSENSUS,
    ReadingProtocol,
    Resolution,
    ResolutionKind,
    ResolvedBy,
)
from opp_mri.errors import InputError
from opp_mri.store.protocol import Store
from opp_mri.tables.calipers import CaliperRow
from opp_mri.workflow.double_read.consensus import LesionConsensus, Pair
from opp_mri.workflow.measuring.measure import NativeImage, native_image, reading_of
from opp_mri.workflow.measuring.protocol import needed_protocol
from opp_mri.workflow.project import Project

STATEMENT = (
    "These are the resolved measurements of this lesion; I was one of those who resolved them."
)


def resolve(
    store: Store, pair: Pair, kind: ResolutionKind, *, reason: str, at: datetime,
    new: CaliperRow | None = None,
) -> Resolution:  # fmt: skip
    """Make one answer of two; both stay, and a later resolution follows an earlier one.

    Parameters
    ----------
    reason
        Why; needed for all but a concordant pair.
    new
        The line or the answer that is to hold, for `ResolutionKind.NEW`.

    Raises
    ------
    InputError
        This cannot be made of the two, the protocol does not let it, or a reason is wanting.
    GeometryError
        No length can be taken of the new line.
    """
    protocol = needed_protocol(store)
    check_allowed(protocol, pair, kind, reason)
    reading = _result(store, pair, kind, new, at)
    resolution = Resolution(
        resolution_id=str(uuid4()),
        lesion_id=pair.lesion.lesion_id,
        study_date=pair.a.study_date,
        sequence=pair.a.sequence,
        kind=kind,
        reading_id=reading.reading_id,
        of_reading_ids=(pair.a.reading_id, pair.b.reading_id),
        resolved_by=protocol.resolvers,
        reason=reason.strip(),
        recorded_at=at,
    )
    store.add_to_log([resolution], readings=[reading])
    return resolution


def sign_consensus(
    project: Project, lesion: LesionConsensus, signer: str, at: datetime
) -> Signature:
    """Sign all resolved answers of a lesion; what agrees within the limits is resolved by it.

    Raises
    ------
    InputError
        Something is open still, the signer does not resolve, or has signed already.
    """
    store = project.store
    protocol = needed_protocol(store)
    if signer not in protocol.resolvers:
        raise InputError(
            f"{signer} does not sign here: by the protocol {' and '.join(protocol.resolvers)} do."
        )
    if lesion.open_pairs:
        day, sequence = lesion.open_pairs[0].cell
        raise InputError(
            f"{len(lesion.open_pairs)} discordant answers wait to be resolved, the first of "
            f"{sequence.value} on {day}: resolve them before signing."
        )
    if signer in lesion.signed_by:
        raise InputError("This is signed already; nothing was recorded.")
    results = []
    for pair in lesion.pairs:
        result = pair.result
        if result is None:
            made = resolve(store, pair, ResolutionKind.CONCORDANT, reason="", at=at)
            results.append(made.reading_id)
        else:
            results.append(result.reading_id)
    signed = Signature(
        signature_id=str(uuid4()),
        lesion_id=lesion.lesion.lesion_id,
        reader=signer,
        reading_ids=tuple(results),
        together_with=protocol.resolvers,
        statement=STATEMENT,
        recorded_at=at,
    )
    store.add_signature(signed)
    return signed


def line_of(
    pair: Pair, start: PixelPoint, end: PixelPoint, frame: tuple[str, int] | None = None
) -> CaliperRow:
    """Give a line for a pair's cell, on A's image or on the frame that is given."""
    if frame is None:
        if pair.a.caliper is None:
            raise ValueError("a line needs an image")
        frame = (pair.a.caliper.sop_instance_uid, pair.a.caliper.frame_number)
    return CaliperRow(
        line=0,
        lesion_id=pair.lesion.lesion_id,
        reader=CONSENSUS,
        sequence=pair.a.sequence,
        sop_instance_uid=frame[0],
        frame_number=frame[1],
        start=start,
        end=end,
        length_mm=None,
        study_date=pair.a.study_date,
        answer=Answer.MEASURED,
        reason="",
    )


def check_allowed(protocol: ReadingProtocol, pair: Pair, kind: ResolutionKind, reason: str) -> None:
    """Refuse what the protocol or the pair does not let.

    Raises
    ------
    InputError
        The text says why.
    """
    if kind is ResolutionKind.CONCORDANT:
        if pair.discordance:
            raise ValueError("a discordant pair has to be resolved")
        return
    selecting = (ResolutionKind.KEEP_A, ResolutionKind.KEEP_B)
    if protocol.resolution is ResolvedBy.ADJUDICATOR and kind not in selecting:
        raise InputError("By the protocol the adjudicator selects: keep A or keep B.")
    if kind is ResolutionKind.MEAN and not pair.may_average:
        raise InputError(
            "The mean of the ends is taken only of two lines on the same image of the same "
            "series: keep one, or draw a new one."
        )
    if not reason.strip():
        raise InputError("Say why: a resolution needs a reason.")


def _result(
    store: Store, pair: Pair, kind: ResolutionKind, new: CaliperRow | None, at: datetime
) -> Reading:
    if kind in (ResolutionKind.KEEP_A, ResolutionKind.KEEP_B):
        return _as_consensus(pair.a if kind is ResolutionKind.KEEP_A else pair.b, at)
    if kind is ResolutionKind.NEW:
        if new is None:
            raise InputError("Give the new line, or the new answer.")
        image = native_image(store, new) if new.sop_instance_uid else None
        _check_cell(pair, new, image)
        return _as_consensus(reading_of(new, image, at), at)
    if pair.may_average:
        row = mean_row(pair)
        return _as_consensus(reading_of(row, native_image(store, row), at), at)
    answer = concordant_answer(pair.a, pair.b)
    if pair.a.length_mm is None or pair.b.length_mm is None or answer is not Answer.MEASURED:
        return _as_consensus(pair.a, at)
    return attrs.evolve(
        _as_consensus(pair.a, at),
        caliper=None,
        length_source=LengthSource.MEAN,
        length_mm=mean_length_mm(pair.a.length_mm, pair.b.length_mm),
    )


def mean_row(pair: Pair) -> CaliperRow:
    """Give the line between the means of the ends of two lines on one image."""
    if pair.a.caliper is None or pair.b.caliper is None:
        raise ValueError("a mean of ends needs two lines")
    return line_of(pair, *mean_ends(pair.a.caliper, pair.b.caliper))


def _check_cell(pair: Pair, new: CaliperRow, image: NativeImage | None) -> None:
    day = image.study_date if image else new.study_date
    if (day, new.sequence) != pair.cell:
        raise InputError("The new line lies on an image of another time point or sequence.")


def _as_consensus(reading: Reading, at: datetime) -> Reading:
    return attrs.evolve(
        reading, reading_id=str(uuid4()), reader=CONSENSUS, draft=True, edit=Edit.MADE,
        amendment_reason="", repeat=False, recorded_at=at,
    )  # fmt: skip
