"""What a reader does is a log that only grows: undo, redo and signatures are found by replay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import attrs
import pytest
from fixtures.makers import NOON, study_volume
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.imaging import Plane, SeriesRole
from opp_mri.domain.measurement import Answer, Caliper, Edit, Reading, ShownProposal
from opp_mri.domain.reading_checks import find_reading_faults
from opp_mri.domain.timeline import Origin
from opp_mri.errors import GeometryError, InputError
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.measuring.edits import (
    accept_proposal,
    draft_answer,
    draft_line,
    mark_origin,
    needs_amendment,
    redo,
    sign_drafts,
    undo,
)
from opp_mri.workflow.measuring.readings import (
    find_settled_ids,
    find_unsigned_cells,
    select_latest_by_cell,
)
from opp_mri.workflow.measuring.seeds import Phase

DAY = date(2024, 1, 15)
VOLUME = study_volume("before", SeriesRole.T1)


def cell(sequence: SeriesRole = SeriesRole.T1, day: date = DAY) -> Cell:
    return Cell(
        study_date=day, days_from_ssrs=-17, phase=Phase.BEFORE, sequence=sequence,
        status=CellStatus.UNREAD,
    )  # fmt: skip


def line(length_mm: float, sequence: SeriesRole = SeriesRole.T1) -> Reading:
    volume = attrs.evolve(VOLUME, role=sequence)
    points = ((100.0, 100.0), (100.0 + length_mm, 100.0))
    return draft_line(cell(sequence), "L", volume, 7, points, reader="A", at=NOON)


def lengths(log: Sequence[Reading]) -> dict[str, str]:
    return {key[1].value: str(item.length_mm) for key, item in select_latest_by_cell(log).items()}


def test_a_drawn_line_is_a_draft_with_the_length_of_the_native_image() -> None:
    reading = line(17.3)
    assert (reading.length_mm, reading.draft, reading.edit) == (Decimal("17.3"), True, Edit.MADE)
    assert reading.caliper is not None
    assert reading.caliper.sop_instance_uid == VOLUME.frames[7].sop_instance_uid


def test_undo_brings_back_what_was_said_before_and_redo_what_was_undo() -> None:
    log = [line(10), line(12)]
    back = undo(log, set(), NOON)
    assert back is not None
    log.append(back)
    assert lengths(log) == {"T1": "10.0"}
    again = redo(log, set(), NOON)
    assert again is not None
    log.append(again)
    assert lengths(log) == {"T1": "12.0"}
    assert redo(log, set(), NOON) is None


def test_undo_of_a_first_answer_leaves_the_cell_unread() -> None:
    log = [line(10)]
    back = undo(log, set(), NOON)
    assert back is not None
    assert (back.answer, back.length_mm, back.caliper) == (Answer.WITHDRAWN, None, None)
    assert lengths([*log, back]) == {}
    assert undo([*log, back], set(), NOON) is None


def test_undo_goes_back_through_sequences_in_the_order_of_the_edits() -> None:
    log = [line(10), line(20, SeriesRole.T2FS), line(11)]
    entries = []
    while (back := undo(log, set(), NOON)) is not None:
        log.append(back)
        entries.append(lengths(log))
    assert entries == [{"T1": "10.0", "T2FS": "20.0"}, {"T1": "10.0"}, {}]


def test_a_new_edit_after_undo_forgets_what_could_be_redo() -> None:
    log = [line(10), line(12)]
    back = undo(log, set(), NOON)
    assert back is not None
    assert redo([*log, back, line(15)], set(), NOON) is None


@given(st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=30))
def test_a_log_of_any_edits_undoes_to_nothing_and_redoes_to_where_it_was(
    edit_names: list[str],
) -> None:
    log: list[Reading] = []
    for n, step in enumerate(edit_names):
        actions = {
            "edit": lambda n=n: line(10 + n),
            "undo": lambda: undo(log, set(), NOON),
            "redo": lambda: redo(log, set(), NOON),
        }[step]()
        if actions is not None:
            log.append(actions)
    stands = lengths(log)
    steps = 0
    while (back := undo(log, set(), NOON)) is not None:
        log.append(back)
        steps += 1
    assert lengths(log) == {}
    for _ in range(steps):
        again = redo(log, set(), NOON)
        assert again is not None
        log.append(again)
    assert lengths(log) == stands


def test_a_signature_covers_the_latest_draft_of_each_cell_and_undo_stops_there() -> None:
    log = [line(10), line(11), line(20, SeriesRole.T2FS)]
    signed = sign_drafts(log, frozenset(), statement="I sign.", at=NOON)
    assert signed.reading_ids == (log[1].reading_id, log[2].reading_id)
    assert undo(log, set(signed.reading_ids), NOON) is None
    with pytest.raises(InputError, match="nothing to sign"):
        sign_drafts(log, frozenset(signed.reading_ids), statement="I sign.", at=NOON)


def test_a_change_of_a_signed_answer_is_an_amendment() -> None:
    first = line(10)
    assert needs_amendment(line(11), [first], {first.reading_id})
    assert not needs_amendment(line(11, SeriesRole.T2FS), [first], {first.reading_id})
    assert not needs_amendment(line(11), [first], set())


def test_undoing_an_amendment_brings_the_signed_length_back() -> None:
    first, second = line(10), line(11)
    back = undo([first, second], {first.reading_id}, NOON)
    assert back is not None
    assert (back.length_mm, back.edit, back.draft) == (Decimal("10.0"), Edit.UNDONE, True)


def test_what_was_taken_back_before_it_counted_needs_no_signature() -> None:
    withdrawn_reading = draft_answer(cell(), "L", Answer.WITHDRAWN, reason="", reader="A", at=NOON)
    assert find_unsigned_cells([line(10), withdrawn_reading], frozenset()) == []
    first = line(10)
    assert find_unsigned_cells([first, withdrawn_reading], frozenset({first.reading_id})) == [
        withdrawn_reading
    ]


def test_gone_is_zero_millimetres_and_not_measurable_says_why() -> None:
    gone_reading = draft_answer(cell(), "L", Answer.GONE, reason="", reader="A", at=NOON)
    assert str(gone_reading.length_mm) == "0.0"
    with pytest.raises(InputError, match="Say why"):
        draft_answer(cell(), "L", Answer.NOT_MEASURABLE, reason=" ", reader="A", at=NOON)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"plane": Plane.CORONAL}, "coronal, not sagittal"),
        ({"plane": Plane.AXIAL}, "axial, not sagittal"),
        ({"role": None}, "has no role"),
    ],
)
def test_a_line_on_an_unsuitable_image_is_refused_but_by_an_override_that_stays_visible(
    changes: dict[str, object], why: str
) -> None:
    volume = attrs.evolve(VOLUME, **changes)
    points = ((100.0, 100.0), (117.0, 100.0))
    with pytest.raises(GeometryError, match=why):
        draft_line(cell(), "L", volume, 7, points, reader="A", at=NOON)
    with pytest.raises(GeometryError, match=why):
        draft_line(cell(), "L", volume, 7, points, reader="A", at=NOON, override_reason="  ")
    reading = draft_line(
        cell(), "L", volume, 7, points, reader="A", at=NOON, override_reason="only this one"
    )
    (remark,) = [remark for remark in reading.remarks if remark.startswith("Measured by override.")]
    assert why in remark
    assert "Reason given: only this one." in remark


def test_a_line_on_a_series_of_another_role_is_refused() -> None:
    volume = attrs.evolve(VOLUME, role=SeriesRole.T2FS)
    with pytest.raises(GeometryError, match="T2FS, not T1"):
        draft_line(cell(), "L", volume, 7, ((1.0, 1.0), (9.0, 1.0)), reader="A", at=NOON)


def test_what_an_undo_brings_back_unchanged_needs_no_signature() -> None:
    first = line(10)
    signed = frozenset(sign_drafts([first], frozenset(), statement="I sign.", at=NOON).reading_ids)
    log = [first, attrs.evolve(line(12), amendment_reason="misread")]
    assert [cell.length_mm for cell in find_unsigned_cells(log, signed)] == [Decimal("12.0")]
    back = undo(log, signed, NOON)
    assert back is not None
    log.append(back)
    assert find_unsigned_cells(log, signed) == []
    assert back.reading_id in find_settled_ids(log, signed)
    again = redo(log, signed, NOON)
    assert again is not None
    assert [cell.length_mm for cell in find_unsigned_cells([*log, again], signed)] == [
        Decimal("12.0")
    ]


# --- lines that come from a proposal


def proposed(length_mm: float = 17.0, shown_ms: int = 2400) -> ShownProposal:
    frame = VOLUME.frames[7]
    return ShownProposal(
        sop_instance_uid=frame.sop_instance_uid, frame_number=frame.frame_number,
        start=(100.0, 100.0), end=(100.0 + length_mm, 100.0), standard_error_mm=0.4,
        shown_ms=shown_ms,
    )  # fmt: skip


def test_an_accepted_proposal_is_a_draft_with_the_very_points_that_were_proposed() -> None:
    reading = accept_proposal(line(17.0), proposed())
    assert (reading.origin, reading.draft) == (Origin.ACCEPTED, True)
    assert reading.proposed == proposed()
    assert find_reading_faults(reading) == []


def test_an_accepted_proposal_with_other_points_is_refused() -> None:
    reading = accept_proposal(line(17.2), proposed())
    assert find_reading_faults(reading) == [
        "The line is recorded as an accepted proposal, but differs from the proposal."
    ]


@pytest.mark.parametrize(
    ("start", "end", "origin"),
    [
        ((100.0, 100.0), (119.0, 100.0), Origin.EDITED),  # one end was moved
        ((98.5, 101.0), (117.0, 100.0), Origin.EDITED),
        ((101.25, 100.0), (118.25, 100.0), Origin.EDITED),  # the whole line was moved
        ((100.1, 100.0), (117.2, 100.0), Origin.DRAWN),  # another line, however near
    ],
)
def test_a_line_with_an_end_or_the_whole_moved_is_an_edited_proposal(
    start: tuple[float, float], end: tuple[float, float], origin: Origin
) -> None:
    reading = draft_line(cell(), "L", VOLUME, 7, (start, end), reader="A", at=NOON)
    marked_reading = mark_origin(reading, None, proposed())
    assert marked_reading.origin is origin
    assert marked_reading.proposed == proposed()  # it was shown, whatever was drawn


def test_a_line_on_another_slice_is_drawn() -> None:
    points = ((100.0, 100.0), (119.0, 100.0))
    reading = draft_line(cell(), "L", VOLUME, 6, points, reader="A", at=NOON)
    assert mark_origin(reading, None, proposed()).origin is Origin.DRAWN


def test_every_further_edit_stays_an_edit_of_the_proposal_until_a_line_is_drawn_anew() -> None:
    accepted_reading = accept_proposal(line(17.0), proposed())
    edited_reading = mark_origin(line(18.0), accepted_reading, None)
    again = mark_origin(line(17.0), edited_reading, None)  # moved back: an edit all the same
    points = ((90.0, 90.0), (108.0, 90.0))
    drawn_reading = draft_line(cell(), "L", VOLUME, 7, points, reader="A", at=NOON)
    anew = mark_origin(drawn_reading, again, None)
    after = mark_origin(
        draft_line(cell(), "L", VOLUME, 7, ((90.0, 90.0), (109.0, 90.0)), reader="A", at=NOON),
        anew, None,
    )  # fmt: skip
    origins = [reading.origin for reading in (edited_reading, again, anew, after)]
    assert origins == [Origin.EDITED, Origin.EDITED, Origin.DRAWN, Origin.DRAWN]
    assert {reading.proposed for reading in (edited_reading, again, anew, after)} == {proposed()}


def test_not_measurable_after_a_proposal_says_that_one_was_shown() -> None:
    answer = draft_answer(cell(), "L", Answer.NOT_MEASURABLE, reason="motion", reader="A", at=NOON)
    marked_reading = mark_origin(answer, None, proposed())
    assert (marked_reading.origin, marked_reading.proposed) == (Origin.DRAWN, proposed())
    assert find_reading_faults(marked_reading) == []


def test_undo_of_an_accepted_proposal_leaves_no_answer_and_redo_brings_it_back() -> None:
    log = [accept_proposal(line(17.0), proposed())]
    back = undo(log, set(), NOON)
    assert back is not None
    assert (back.answer, back.origin) == (Answer.WITHDRAWN, Origin.DRAWN)
    assert find_reading_faults(back) == []
    log.append(back)
    once_more = redo(log, set(), NOON)
    assert once_more is not None
    assert (once_more.origin, once_more.proposed) == (Origin.ACCEPTED, proposed())


def test_a_proposal_without_a_line_of_its_own_is_no_caliper() -> None:
    caliper = line(17.0).caliper
    assert isinstance(caliper, Caliper)
    assert proposed().has_line_of(caliper)
    assert not proposed(17.5).has_line_of(caliper)
