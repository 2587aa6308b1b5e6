"""Make one answer of two, and sign it; nothing is overwritten."""

from datetime import datetime
from typing import Final
from uuid import uuid4

import attrs
from attrs import frozen

from opp_mri.agreement.consensus import (
    compute_mean_ends,
    compute_mean_length_mm,
    find_concordant_answer,
)
from opp_mri.domain.measurement import (
    Answer,
    Edit,
    LengthSource,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import (
    CONSENSUS,
    ReadingProtocol,
    Resolution,
    ResolutionKind,
)
from opp_mri.errors import ConflictError, InputError
from opp_mri.store.protocol import Store
from opp_mri.units import format_count
from opp_mri.workflow.double_read.consensus import LesionConsensus, Pair
from opp_mri.workflow.double_read.resolutions import (
    check_selection,
    find_latest_resolution,
    record_resolution,
)
from opp_mri.workflow.double_read.volume_consensus import (
    ContourPair,
    find_current_resolution,
    resolve_contours,
)
from opp_mri.workflow.measuring.measure import load_native_image
from opp_mri.workflow.measuring.native_reading import Points, build_reading
from opp_mri.workflow.measuring.protocol import require_protocol
from opp_mri.workflow.measuring.readings import get_independent_readings, select_latest_by_cell
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.project import Project

AS_READ: Final = "so measured in the independent reads"
STATEMENT: Final = (
    "These are the resolved measurements of this lesion; I was one of those who resolved them."
)


@frozen(kw_only=True)
class NewLine:
    """A line on one native image, not measured yet.

    Parameters
    ----------
    sop_instance_uid, frame_number
        The image.
    points
        Both ends, (column, row) in pixels; 0, 0 is the centre of the first pixel.
    """

    sop_instance_uid: str
    frame_number: int
    points: Points


@frozen(kw_only=True)
class NewAnswer:
    """An answer to a pair's cell that replaces both: a line, or gone, or not measurable and why."""

    answer: Answer
    line: NewLine | None = None
    reason: str = ""


def resolve(
    store: Store, pair: Pair, kind: ResolutionKind, *, reason: str, at: datetime,
    new: NewAnswer | None = None,
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
        This cannot be made of the two, the protocol does not allow it, or no reason is given.
    GeometryError
        No length can be taken of the new line.
    """
    protocol = require_protocol(store)
    check_allowed(protocol, pair, kind, reason)
    with store.lock():
        if _find_current_resolution(store, pair) != pair.resolution:
            raise ConflictError(
                f"Another user resolved {pair.a.sequence.value} of {pair.a.study_date} in the "
                "meantime, so this was not recorded: look at it again."
            )
        return _resolve(store, pair, kind, new, reason, at)


def _resolve(
    store: Store, pair: Pair, kind: ResolutionKind, new: NewAnswer | None, reason: str,
    at: datetime,
) -> Resolution:  # fmt: skip
    reading = _build_result(store, pair, kind, new, at)
    return record_resolution(store, (pair.a, pair.b), reading, kind, reason=reason, at=at)


def sign_consensus(
    project: Project, lesion: LesionConsensus, signer: str, at: datetime
) -> Signature:
    """Sign all resolved answers of a lesion; what agrees within the limits is resolved by it.

    Parameters
    ----------
    lesion
        With its pairs of readings, as the signer saw them.
    signer
        Name of one who resolves, according to the protocol.
    at
        When, with a time zone.

    Raises
    ------
    InputError
        Something is open still, the signer does not resolve, or has signed already.
    """
    store = project.store
    protocol = require_protocol(store)
    if signer not in protocol.resolvers:
        raise InputError(
            f"{signer} cannot sign here: according to the protocol, "
            f"{' and '.join(protocol.resolvers)} sign."
        )
    if lesion.open_pairs:
        count, (day, sequence) = len(lesion.open_pairs), lesion.open_pairs[0].cell
        raise InputError(
            f"{format_count(count, 'discordant answer')} {'waits' if count == 1 else 'wait'} to be "
            f"resolved, the first of {sequence.value} on {day}: resolve before signing."
        )
    if lesion.open_volumes:
        day, sequence = lesion.open_volumes[0].cell
        raise InputError(
            f"The contours of {format_count(len(lesion.open_volumes), 'cell')} wait to be "
            f"resolved, the first of {sequence.value} on {day}: resolve them before signing."
        )
    if signer in lesion.signed_by:
        raise InputError("This is signed already; nothing was recorded.")
    with store.lock():  # all resolutions and the signature, or nothing
        return _sign(store, lesion, signer, at)


def _sign(store: Store, lesion: LesionConsensus, signer: str, at: datetime) -> Signature:
    results = []
    for pair in lesion.pairs:
        current = _find_current_resolution(store, pair)
        if current is None and pair.resolution is None:
            current = resolve(store, pair, ResolutionKind.CONCORDANT, reason="", at=at)
        # what agrees may have been resolved meanwhile, by the other signer; nothing else may
        is_agreed = current is not None and current.kind is ResolutionKind.CONCORDANT
        if current is None or (current != pair.resolution and not is_agreed):
            raise ConflictError(
                f"The answer to {pair.a.sequence.value} of {pair.a.study_date} was resolved "
                "differently in the meantime. Nothing was signed: look at it again."
            )
        results.append(current.reading_id)
    results += [_settle_contours(store, pair, at) for pair in lesion.volumes]
    if any(
        signature.reader == signer and set(results) <= set(signature.reading_ids)
        for signature in store.get_signatures(lesion.lesion.lesion_id)
    ):
        raise ConflictError("This is signed already; nothing was recorded.")
    signature = Signature(
        signature_id=str(uuid4()),
        lesion_id=lesion.lesion.lesion_id,
        reader=signer,
        reading_ids=tuple(results),
        together_with=require_protocol(store).resolvers,
        statement=STATEMENT,
        recorded_at=at,
    )
    store.add_signature(signature)
    return signature


def _settle_contours(store: Store, pair: ContourPair, at: datetime) -> str:
    """Return the id of the contours that were made of two; those that agree become A's."""
    current = find_current_resolution(store, pair)
    if current is None and pair.resolution is None:
        current = resolve_contours(store, pair, ResolutionKind.CONCORDANT, reason="", at=at)
    is_agreed = current is not None and current.kind is ResolutionKind.CONCORDANT
    if current is None or (current != pair.resolution and not is_agreed):
        raise ConflictError(
            f"The contours on {pair.a.sequence.value} of {pair.a.study_date} were resolved "
            "differently in the meantime. Nothing was signed: look at them again."
        )
    return current.reading_id


def _find_current_resolution(store: Store, pair: Pair) -> Resolution | None:
    """Return what holds now of a pair's two answers, which both still have to be the latest.

    Raises
    ------
    ConflictError
        One of the two answers was amended since the pair was shown.
    """
    lesion_id = pair.lesion.lesion_id
    counted_readings = get_independent_readings(store, lesion_id)
    for reading in (pair.a, pair.b):
        own = [candidate for candidate in counted_readings if candidate.reader == reading.reader]
        latest = select_latest_by_cell(own).get(pair.cell)
        if latest is None or latest.reading_id != reading.reading_id:
            raise ConflictError(
                f"An answer to {pair.a.sequence.value} of {pair.a.study_date} was amended "
                "in the meantime. Nothing was recorded: look at it again."
            )
    length_ids = {reading.reading_id for reading in store.get_readings(lesion_id)}
    return find_latest_resolution(store, pair.a, pair.b, length_ids)


def build_line_answer(
    pair: Pair, points: Points, place: tuple[str, int] | None = None
) -> NewAnswer:
    """Return a line as the answer to a pair's cell.

    Parameters
    ----------
    points
        Both ends, (column, row) in pixels.
    place
        SOPInstanceUID and frame number of the image; None for that of answer A.

    Raises
    ------
    ValueError
        There is no place, and answer A has no line whose image it could lie on.
    """
    if place is None:
        if pair.a.caliper is None:
            raise ValueError("a line needs an image")
        place = (pair.a.caliper.sop_instance_uid, pair.a.caliper.frame_number)
    line = NewLine(sop_instance_uid=place[0], frame_number=place[1], points=points)
    return NewAnswer(answer=Answer.MEASURED, line=line)


def check_allowed(protocol: ReadingProtocol, pair: Pair, kind: ResolutionKind, reason: str) -> None:
    """Refuse what the protocol or the pair does not let.

    Parameters
    ----------
    pair
        The two readings of a cell.
    kind
        How it is to be resolved.
    reason
        Of the resolution; "" where none was given.

    Raises
    ------
    InputError
        The text says why.
    """
    if kind is ResolutionKind.CONCORDANT:
        if pair.discordance:
            raise ValueError("a discordant pair has to be resolved")
        return
    check_selection(protocol, kind)
    if kind is ResolutionKind.MEAN and not pair.may_average:
        raise InputError(
            "The mean of the ends needs two lines on the same image of the same series: keep A "
            "or B, or draw a new line."
        )
    if not reason.strip():
        raise InputError("A resolution needs a reason: state it.")


def _build_result(
    store: Store, pair: Pair, kind: ResolutionKind, new: NewAnswer | None, at: datetime
) -> Reading:
    if kind in (ResolutionKind.KEEP_A, ResolutionKind.KEEP_B):
        return _as_consensus(pair.a if kind is ResolutionKind.KEEP_A else pair.b, at)
    if kind is ResolutionKind.NEW:
        if new is None:
            raise InputError("Give the new line, or the new answer.")
        return _as_consensus(_build_reading(store, pair, new, at), at)
    if pair.may_average:
        return _as_consensus(_build_reading(store, pair, build_mean_line(pair), at), at)
    answer = find_concordant_answer(pair.a, pair.b)
    if pair.a.length_mm is None or pair.b.length_mm is None or answer is not Answer.MEASURED:
        return _as_consensus(pair.a, at)
    return attrs.evolve(
        _as_consensus(pair.a, at),
        caliper=None,
        length_source=LengthSource.MEAN,
        length_mm=compute_mean_length_mm(pair.a.length_mm, pair.b.length_mm),
    )


def build_mean_line(pair: Pair) -> NewAnswer:
    """Return the line between the means of the ends of two lines on one image.

    Parameters
    ----------
    pair
        Two answers with lines on one image.

    Raises
    ------
    ValueError
        One of them has no line.
    """
    if pair.a.caliper is None or pair.b.caliper is None:
        raise ValueError("a mean of ends needs two lines")
    return build_line_answer(pair, compute_mean_ends(pair.a.caliper, pair.b.caliper))


def _build_reading(store: Store, pair: Pair, new: NewAnswer, at: datetime) -> Reading:
    lesion_id, line, image = pair.lesion.lesion_id, new.line, None
    if line is not None:
        image = load_native_image(store, lesion_id, (line.sop_instance_uid, line.frame_number))
        if image.study_date != pair.cell[0]:
            raise InputError(
                "The new line lies on an image of another time point: draw it on this one."
            )
    is_overridden = any(
        remark.startswith(OVERRIDDEN) for reading in (pair.a, pair.b) for remark in reading.remarks
    )
    return build_reading(
        lesion_id, CONSENSUS, pair.cell, new.answer,
        points=line.points if line else None, image=image, reason=new.reason,
        override_reason=AS_READ if is_overridden else "", at=at,
    )  # fmt: skip


def _as_consensus(reading: Reading, at: datetime) -> Reading:
    return attrs.evolve(
        reading, reading_id=str(uuid4()), reader=CONSENSUS, draft=True, edit=Edit.MADE,
        amendment_reason="", repeat=False, recorded_at=at,
    )  # fmt: skip
