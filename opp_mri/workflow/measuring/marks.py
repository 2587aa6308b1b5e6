"""What a reader marks next to answers, and in which order all of it is undone and made again.

A mark is an AP axis, a confirmed level, or a point common to two frames of reference. As with
readings nothing is changed: an undo is one more record of the same mark.
"""

import heapq
from collections.abc import Container, Sequence
from datetime import datetime
from typing import TypeVar

import attrs

from opp_mri.domain.measurement import ApAxis, CommonPoint, Edit, LevelConfirmation, Reading

Mark = ApAxis | CommonPoint | LevelConfirmation
AnyMark = TypeVar("AnyMark", ApAxis, CommonPoint, LevelConfirmation)
Step = Reading | Mark


def select_in_force(marks: Sequence[AnyMark]) -> list[AnyMark]:
    """Return the marks that hold, in the order in which they were made.

    Parameters
    ----------
    marks
        Of one kind, in the order of the log, those that were undone too.
    """
    in_force: list[AnyMark] = []
    for mark in marks:
        if mark.edit is not Edit.UNDONE:
            in_force.append(mark)
            continue
        latest = _find_latest(in_force, mark)
        if latest is not None:
            del in_force[latest]
    return in_force


def find_undo(
    log: Sequence[Reading], signed: Container[str], marks: Sequence[Mark],
    signed_at: datetime | None,
) -> Step | None:  # fmt: skip
    """Return the latest answer or mark since the signature that an undo takes back, or None.

    Parameters
    ----------
    log
        Readings of one reader on one lesion, in the order of the log.
    signed
        Ids of the readings that are signed.
    marks
        All marks of this reader, in the order of the log, those that were undone too.
    signed_at
        When the reader last signed the lesion; None for never.
    """
    done, _ = _replay_steps(log, signed, marks, signed_at)
    return done[-1] if done else None


def find_redo(
    log: Sequence[Reading], signed: Container[str], marks: Sequence[Mark],
    signed_at: datetime | None,
) -> Step | None:  # fmt: skip
    """Return the answer or mark that was undone last and can be made again, or None."""
    _, taken_back = _replay_steps(log, signed, marks, signed_at)
    return taken_back[-1] if taken_back else None


def _replay_steps(
    log: Sequence[Reading], signed: Container[str], marks: Sequence[Mark],
    signed_at: datetime | None,
) -> tuple[list[Step], list[Step]]:  # fmt: skip
    """Replay answers and marks: the steps in force, and those that were undone, the latest last."""
    later = [mark for mark in marks if signed_at is None or mark.recorded_at > signed_at]
    steps: list[Step] = list(heapq.merge(later, log, key=lambda step: step.recorded_at))
    done: list[Step] = []
    taken_back: list[Step] = []
    for step in steps:
        if isinstance(step, Reading) and step.reading_id in signed:
            done = [entry for entry in done if not isinstance(entry, Reading)]
            taken_back = []
        elif isinstance(step, Reading) and not step.draft:
            continue
        elif step.edit is Edit.MADE:
            done.append(step)
            taken_back = []
        else:
            source, target = (done, taken_back) if step.edit is Edit.UNDONE else (taken_back, done)
            latest = _find_latest(source, step)
            if latest is not None:
                target.append(source.pop(latest))
    return done, taken_back


def _find_latest(steps: Sequence[Step], step: Step) -> int | None:
    """Return where the latest of some steps is that a record undoes or makes again, or None."""
    for place in reversed(range(len(steps))):
        is_reading = isinstance(steps[place], Reading)
        if is_reading and isinstance(step, Reading):
            return place
        if not is_reading and _is_equal(steps[place], step):
            return place
    return None


def _is_equal(step: Step, other_step: Step) -> bool:
    """Return whether two marks differ in nothing but when and why they were recorded."""
    return type(step) is type(other_step) and step == attrs.evolve(
        other_step, edit=step.edit, recorded_at=step.recorded_at
    )
