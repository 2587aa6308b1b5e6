"""Calipers on panes: what the left button, the arrows and the answer keys do to an answer.

The length is the core's; here are only points (column, row) of a native image.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import uuid4

import attrs

from opp_mri.domain.caliper import (
    PATIENT_AP_LPS,
    InPlane,
    axis_from_landmark,
    find_direction_in_plane,
    hold_to_image,
    move_point,
    project_axis,
)
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import (
    Answer,
    ApAxis,
    Reading,
    ShownProposal,
)
from opp_mri.domain.timeline import Origin
from opp_mri.errors import GeometryError, OppMriError
from opp_mri.units import round_to_recorded_mm
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.edits import (
    accept_proposal,
    draft_answer,
    draft_line,
    mark_origin,
    needs_amendment,
    redo,
    undo,
)
from opp_mri.workflow.measuring.suitability import explain_unsuitable
from opp_mri_napari.reading.basics.holding import Holder, find_direction_on_screen
from opp_mri_napari.reading.basics.line_tool import Line, LineTool
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import LANDMARKS, RefusedLine, Tool, suggest_series
from opp_mri_napari.reading.panes import Pane

NUDGE_MM: Final = 0.1

CellKey = tuple[date, SeriesRole]


class Calipers:
    """The answers of the open lesion, as the reader makes them.

    Attributes
    ----------
    tool
        What the left button does.
    line
        The line under the mouse.
    on
        The pane that the line under the mouse is on.
    selected
        End that the arrows move, 0 or 1, or None.
    pending
        An answer to a signed cell that waits for its reason, or None.
    refused
        A line on an unsuitable image that waits for an override, or None.
    lock
        Whether lines are held to the AP axis.
    keeps_greatest
        Whether lines on several slices are candidates, of which the greatest is the answer.
    proposed_line, shown_proposal
        Give the proposed line on a pane's image, and what was proposed for a cell.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tool = Tool.CALIPER
        self.line = LineTool()
        self.on: Pane | None = None
        self.selected: int | None = None
        self.pending: Reading | VolumeReading | None = None
        self.refused: RefusedLine | None = None
        self.lock = True
        self.keeps_greatest = False
        self.proposed_line: Callable[[Pane], Line | None] = lambda _pane: None
        self.shown_proposal: Callable[[CellKey], ShownProposal | None] = lambda _cell: None

    # --- what is there

    def find_cell(self, day: date, sequence: SeriesRole) -> Cell | None:
        """Return the cell of the open lesion, or None where there is none."""
        lesion = self.session.lesion
        cells = lesion.timeline.cells if lesion else ()
        return next((c for c in cells if c.study_date == day and c.sequence is sequence), None)

    def find_cell_of(self, pane: Pane) -> Cell | None:
        """Return the cell that a pane shows, or None where no lesion is open."""
        return self.find_cell(pane.study_date, pane.sequence)

    def find_reading(self, pane: Pane) -> Reading | None:
        """Return the reader's latest answer of a pane's cell."""
        cell = self.find_cell_of(pane)
        return cell.reading if cell else None

    def find_line(self, pane: Pane) -> Line | None:
        """Return the caliper that lies on the shown image of a pane."""
        reading = self.find_reading(pane)
        if reading is None or reading.caliper is None or place_of(pane, reading) != pane.place:
            return None
        return (reading.caliper.start, reading.caliper.end)

    def find_movable_line(self, pane: Pane) -> Line | None:
        """Return the line that mouse and keys move: the caliper, or else what is proposed."""
        return self.find_line(pane) or self.proposed_line(pane)

    def find_axis(self, pane: Pane) -> InPlane | None:
        """Return the AP axis in the shown image: the vertebra's own, or else the patient's."""
        if pane.plane is None:
            return None
        lesion = self.session.lesion
        own = lesion.find_axis_lps(pane.frame) if lesion else None
        return project_axis(pane.plane, own or PATIENT_AP_LPS)

    def hold(self, pane: Pane, *, free: bool) -> Holder:
        """Return what a moving end is held to."""
        if pane.plane is None:
            raise ValueError("an empty pane has no line")
        is_locked = self.lock and not free and self.tool is Tool.CALIPER
        before = self.line.before if self.line.moves else None
        return Holder(pane.plane, self._find_axis_of(pane, before) if is_locked else None)

    def _find_axis_of(self, pane: Pane, line: Line | None) -> InPlane | None:
        """Return the axis that a line is held to: its own where it comes from a proposal.

        A proposal lies along the vertebra as it was recognized; only an axis that a reader set
        turns it.
        """
        lesion, reading = self.session.lesion, self.find_reading(pane)
        is_proposed = reading is None or reading.origin is not Origin.DRAWN
        if lesion is None or pane.plane is None or line is None or not is_proposed:
            return self.find_axis(pane)
        if lesion.find_axis_lps(pane.frame) is not None or self.find_movable_line(pane) != line:
            return self.find_axis(pane)
        return find_direction_in_plane(pane.plane, *line)

    # --- what the reader does

    def finish(self, pane: Pane, line: Line) -> None:
        """Record a line that the mouse has let go of; refuse it on an unsuitable image."""
        cell = self.find_cell_of(pane)
        if cell is None or pane.volume is None or pane.plane is None:
            return
        if round_to_recorded_mm(pane.plane.measure_length_mm(*line)) == 0:  # a click that trembled
            return
        why = explain_unsuitable(pane.volume, pane.sequence)
        if why:
            why = f"{why} {suggest_series(pane.volume, pane.sequence)}"
            self.refused = RefusedLine(
                cell=cell, volume=pane.volume, place=pane.place, line=line, why=why
            )
        else:
            self._draw(cell, pane.volume, pane.place, line)

    def override(self, reason: str) -> None:
        """Record the line that was refused, with the reader's reason."""
        refusal = self.refused
        if refusal is not None and reason.strip():
            self.refused = None
            self._draw(refusal.cell, refusal.volume, refusal.place, refusal.line, reason)

    def _draw(
        self, cell: Cell, volume: VolumeDescription, place: int, line: Line, override: str = ""
    ) -> None:
        reading = self._draft(cell, volume, place, line, override)
        if reading is None:
            return
        before = self.find_cell(cell.study_date, cell.sequence)
        self._record(reading)
        if self.keeps_greatest and before is not None and self.pending is None:
            self._keep_greatest(before.reading, reading)

    def _draft(
        self, cell: Cell, volume: VolumeDescription, place: int, line: Line, override: str = ""
    ) -> Reading | None:
        lesion = self.session.lesion
        if lesion is None:
            return None
        try:
            return draft_line(
                cell, lesion.lesion.lesion_id, volume, place, line,
                reader=self.session.reader, at=self.session.clock(), override_reason=override,
            )  # fmt: skip
        except OppMriError as error:
            self.session.warn(error)
            return None

    def accept(self, pane: Pane, line: Line, shown_proposal: ShownProposal) -> bool:
        """Record a proposed line as it is; return whether it is recorded."""
        cell = self.find_cell_of(pane)
        if cell is None or pane.volume is None:
            return False
        reading = self._draft(cell, pane.volume, pane.place, line)
        if reading is not None:
            self._amend(accept_proposal(reading, shown_proposal))
        return reading is not None and self.pending is None

    def _keep_greatest(self, before: Reading | None, latest: Reading) -> None:
        """Make the answer before the latest one the answer again where it is greater."""
        if before is None or before.caliper is None or latest.caliper is None:
            return
        if before.length_mm is None or latest.length_mm is None or not before.draft:
            return
        same_slice = (before.caliper.sop_instance_uid, before.caliper.frame_number) == (
            latest.caliper.sop_instance_uid, latest.caliper.frame_number
        )  # fmt: skip
        if not same_slice and before.length_mm > latest.length_mm:
            self.session.record(
                attrs.evolve(before, reading_id=str(uuid4()), recorded_at=self.session.clock())
            )

    def find_candidates(self, pane: Pane) -> Mapping[int, tuple[Decimal, Line]]:
        """Return the latest line on each image of a pane's volume, by the place of the image."""
        lesion, cell = self.session.lesion, self.find_cell_of(pane)
        lines: dict[int, tuple[Decimal, Line]] = {}
        for reading in lesion.log if lesion and cell and pane.volume else ():
            place = place_of(pane, reading)
            if reading.cell == (pane.study_date, pane.sequence) and place is not None:
                caliper, length_mm = reading.caliper, reading.length_mm
                if caliper is not None and length_mm is not None:
                    lines[place] = (length_mm, (caliper.start, caliper.end))
        return lines

    def describe_tool(self, pane: Pane | None) -> str:
        """Describe what the left button does, and along which axis."""
        if self.tool is not Tool.CALIPER or pane is None or pane.plane is None:
            return self.tool.value
        lesion = self.session.lesion
        own = lesion.find_axis_lps(pane.frame) if lesion else None
        name = "candidates" if self.keeps_greatest else "caliper"
        return f"{name}, AP axis of the {'vertebra' if own is not None else 'patient'}"

    def set_axis(self, pane: Pane, line: Line) -> None:
        """Set the vertebra's AP axis from a line along a landmark."""
        lesion = self.session.lesion
        if lesion is None or pane.plane is None or pane.volume is None:
            return
        landmark, frame = LANDMARKS[self.tool], pane.volume.frames[pane.place]
        try:
            direction = axis_from_landmark(pane.plane, landmark, *line)
        except GeometryError as error:
            self.session.warn(error)
            return
        self.session.set_axis(
            ApAxis(
                lesion_id=lesion.lesion.lesion_id,
                reader=self.session.reader,
                frame_of_reference_uid=pane.frame,
                direction_lps=direction,
                landmark=landmark,
                sop_instance_uid=frame.sop_instance_uid,
                frame_number=frame.frame_number,
                start=line[0],
                end=line[1],
                recorded_at=self.session.clock(),
            )
        )
        self.tool = Tool.CALIPER

    def nudge(self, pane: Pane, down: int, across: int, how: str) -> None:
        """Move the selected end: by 0.1 mm, by a `voxel`, or by 0.1 mm along the `axis` only.

        Parameters
        ----------
        down, across
            -1, 0 or 1 each, on the screen.
        """
        line, plane = self.find_movable_line(pane), pane.plane
        if line is None or plane is None or pane.geometry is None or self.selected is None:
            return
        end = line[self.selected]
        if how == "axis":
            axis = self._find_axis_of(pane, line)
            if axis is None:
                return
            step = NUDGE_MM * find_direction_on_screen(
                pane.geometry, plane, axis, end, down, across
            )
            to = move_point(plane, end, step * axis[0], step * axis[1])
        else:
            steps = (NUDGE_MM, NUDGE_MM) if how == "" else pane.geometry.scale_mm[1:]
            at = pane.geometry.screen_from_pixel(end)
            to = pane.geometry.pixel_from_screen(
                (at[0] + down * steps[0], at[1] + across * steps[1])
            )
        to = hold_to_image(plane, to)
        self.finish(pane, (to, line[1]) if self.selected == 0 else (line[0], to))

    def say(self, pane: Pane, answer: Answer, reason: str = "") -> None:
        """Record an answer without a line: gone, not measurable, or withdrawn."""
        cell, lesion = self.find_cell_of(pane), self.session.lesion
        if cell is None or lesion is None:
            return
        if answer is Answer.WITHDRAWN and cell.reading is None:
            return
        try:
            reading = draft_answer(
                cell, lesion.lesion.lesion_id, answer, reason=reason,
                reader=self.session.reader, at=self.session.clock(),
            )  # fmt: skip
        except OppMriError as error:
            self.session.warn(error)
            return
        self._record(reading)

    def give_reason(self, reason: str) -> None:
        """Record the answer that waits, with the reason for changing a signed one."""
        if self.pending is not None and reason.strip():
            pending_reading, self.pending = self.pending, None
            self.session.record(attrs.evolve(pending_reading, amendment_reason=reason.strip()))

    def undo(self) -> Reading | None:
        """Take back the latest edit; gives what holds now, or None where there is nothing."""
        return self._replay(undo)

    def redo(self) -> Reading | None:
        """Make the latest undone edit again."""
        return self._replay(redo)

    def drop_questions(self) -> None:
        """Leave an answer that waits for a reason unrecorded."""
        self.pending = self.refused = None

    def cancel(self) -> bool:
        """Leave what is being drawn, the selection, or a special tool; return whether one was."""
        if self.line.busy:
            self.line.cancel()
        elif self.pending is not None or self.refused is not None:
            self.drop_questions()
        elif self.selected is not None:
            self.selected = None
        elif self.tool is not Tool.CALIPER:
            self.tool = Tool.CALIPER
        else:
            return False
        return True

    def get_live_length(self) -> tuple[Pane, Line] | None:
        """Return the caliper under the mouse, for the growth curve."""
        if self.on is None or self.line.line is None or self.tool is not Tool.CALIPER:
            return None
        if self.line.line == self.proposed_line(self.on):  # not moved yet: no answer
            return None
        return (self.on, self.line.line)

    def _record(self, reading: Reading) -> None:
        cell = self.find_cell(*reading.cell)
        before = cell.reading if cell is not None else None
        self._amend(mark_origin(reading, before, self.shown_proposal(reading.cell)))

    def _amend(self, reading: Reading) -> None:
        lesion = self.session.lesion
        if lesion is not None and needs_amendment(reading, lesion.log, lesion.signed):
            latest = [entry for entry in lesion.log if entry.cell == reading.cell][-1]
            if not latest.amendment_reason or latest.reading_id in lesion.signed:
                self.pending = reading
                return
            reading = attrs.evolve(reading, amendment_reason=latest.amendment_reason)
        self.session.record(reading)

    def _replay(self, step) -> Reading | None:  # type: ignore[no-untyped-def]
        lesion = self.session.lesion
        if lesion is None:
            return None
        reading: Reading | None = step(lesion.log, lesion.signed, self.session.clock())
        if reading is not None:
            self.session.record(reading)
        return reading


def place_of(pane: Pane, reading: Reading) -> int | None:
    """Return which image of a pane's volume a caliper lies on, or None if another volume."""
    if reading.caliper is None or pane.volume is None:
        return None
    caliper_frame = (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
    for place, frame in enumerate(pane.volume.frames):
        if (frame.sop_instance_uid, frame.frame_number) == caliper_frame:
            return place
    return None
