"""Proposed lines: computed away from the window, shown, accepted. No answer before a reader's."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Final

import numpy as np

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import ShownProposal
from opp_mri.domain.proposal import Abstention, AbstentionReason, Proposal
from opp_mri.units import format_mm
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.suitability import explain_unsuitable
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri.workflow.suggesting.cells import CellImages, SuggestedCell, abstain
from opp_mri_napari.reading.basics.line_tool import Line
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.switches import Switches
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.compare import Compare
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.shared.geometry import ScreenPoint
from opp_mri_napari.shared.work import Job

LEAST_LOOK_S: Final = 0.25  # nobody sees a line sooner: a key that came too early
NOT_ALLOWED: Final = "The protocol of this blinded read allows no proposals."
POINT_FIRST: Final = "Point into the lesion with the mouse, then press H."

NO_PLACE: Final = -1

CellKey = tuple[date, SeriesRole]
Visit = tuple[date, str]  # time point and frame of reference: sequences that support one another


class Proposals:
    """The proposals for the open lesion's cells that have no answer.

    Parameters
    ----------
    session, panes, calipers, navigation, switches, compare
        What is open, how it is looked at, the answers, and where the reader is.
    stopwatch
        Gives seconds.
    """

    def __init__(
        self, session: Session, panes: Panes, calipers: Calipers, navigation: Navigation,
        switches: Switches, compare: Compare, stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._session, self._panes, self._calipers = session, panes, calipers
        self._navigation, self._switches, self._compare = navigation, switches, compare
        self._stopwatch = stopwatch
        self._lesion_id = ""
        self._answers: dict[CellKey, SuggestedCell] = {}
        self._asked: set[Visit] = set()
        self._points: dict[str, Vector3] = {}
        self._shown_s: dict[CellKey, float] = {}
        self._visible: tuple[CellKey, float] | None = None
        self._arrival: tuple[int, str, int] = (0, "", NO_PLACE)  # layout, pane, and where it was
        calipers.proposed_line = self.find_line
        calipers.shown_proposal = self.get_shown

    # --- what is shown

    @property
    def allowed(self) -> bool:
        """Whether proposals may be shown here: in a blinded read as its protocol has it."""
        return self._session.blinding is None or self._session.blinding.proposals

    def find_proposal(self, pane: Pane) -> Proposal | None:
        """Return the proposal for a pane's cell, on whatever slice it lies; None for none."""
        suggested_cell = self._get_suggested(pane)
        if suggested_cell is None or isinstance(suggested_cell.answer, Abstention):
            return None
        if pane.volume is None or pane.volume.volume_id != suggested_cell.volume_id:
            return None
        return suggested_cell.answer

    def find_line(self, pane: Pane) -> Line | None:
        """Return the proposed line that lies on the shown image of a pane."""
        proposal = self.find_proposal(pane)
        if proposal is None or proposal.slice_index != pane.place:
            return None
        if pane is self._panes.current and self._compare.is_on:
            return None
        return (proposal.start, proposal.end)

    def describe_proposal(self, pane: Pane) -> str:
        """State what is proposed for a pane's cell and how sure it is, or why nothing is."""
        suggested_cell = self._get_suggested(pane)
        is_current = pane is self._panes.current
        if suggested_cell is None or (is_current and self._compare.is_on):
            return ""
        if isinstance(suggested_cell.answer, Abstention):
            # only where it is read, on the series itself: elsewhere the words would cover images
            is_shown = pane.volume is not None and pane.volume.role is pane.sequence
            is_told = is_current and is_shown and not pane.aside
            return f"No proposal. {suggested_cell.answer.reason.sentence}" if is_told else ""
        proposal = self.find_proposal(pane)
        if proposal is None:
            return ""
        parts = [
            f"Proposal: {format_mm(proposal.length_mm)}",
            f"standard error {proposal.standard_error_mm:.1f} mm",
        ]
        parts += ["one end at the cortex"] if proposal.end_at_wall else []
        if proposal.slice_index != pane.place:
            parts.append(f"on slice {proposal.slice_index + 1}")
        is_accepted_by_key = is_current and self._calipers.tool is not Tool.CONTOUR
        accepts = " Enter accepts it." if is_accepted_by_key else ""
        return f"{', '.join(parts)}.{accepts}"

    def get_shown(self, key: CellKey) -> ShownProposal | None:
        """Return the proposal that the reader was shown for a cell, and for how long."""
        suggested_cell = self._answers.get(key)
        if suggested_cell is None or isinstance(suggested_cell.answer, Abstention):
            return None
        is_running = self._visible is not None and self._visible[0] == key
        if not is_running and key not in self._shown_s:
            return None
        return ShownProposal(
            sop_instance_uid=suggested_cell.sop_instance_uid,
            frame_number=suggested_cell.frame_number,
            start=suggested_cell.answer.start,
            end=suggested_cell.answer.end,
            standard_error_mm=suggested_cell.answer.standard_error_mm,
            shown_ms=round(1000 * self._measure_seconds_shown(key)),
        )

    # --- what the reader does

    def accept(self) -> bool:
        """Take the current cell's proposal over; return whether the reader goes on from here."""
        pane = self._panes.current
        proposal = None if pane is None else self.find_proposal(pane)
        if pane is None or proposal is None:
            return True
        key, hint = (pane.study_date, pane.sequence), ""
        if self._compare.is_on:
            hint = "Esc shows the native image, and the proposal on it."
        elif self._calipers.line.busy:
            hint = "Finish the line, or cancel it (Esc), before you accept a proposal."
        elif pane.place != proposal.slice_index:
            pane.go_to_place(proposal.slice_index)
            hint = "The proposal is on this slice: Enter accepts it."
        elif self._measure_seconds_shown(key) < LEAST_LOOK_S:
            hint = "Look at the proposal first: Enter accepts it."
        if hint:
            self._navigation.hint = hint
            return False
        shown_proposal = self.get_shown(key)
        return shown_proposal is not None and self._calipers.accept(
            pane, (proposal.start, proposal.end), shown_proposal
        )

    def point_here(self, place: tuple[Pane, ScreenPoint] | None) -> None:
        """Propose from the place under the mouse, a point in the lesion; None for none."""
        self._navigation.hint = self._take_point(place)

    def flip(self) -> None:
        """Switch proposals on or off."""
        if not self.allowed:
            self._navigation.hint = NOT_ALLOWED
            return
        self._switches.proposals = not self._switches.proposals
        state = "on" if self._switches.proposals else "off"
        self._navigation.hint = f"Proposals are {state}."

    def update(self) -> None:
        """Ask for what can be proposed by now, show it, and count how long it is shown."""
        lesion = self._session.lesion
        if lesion is not None and lesion.lesion.lesion_id != self._lesion_id:
            self._lesion_id = lesion.lesion.lesion_id
            self._points = {}
            self._forget()
        volumes = [pane.volume for pane in self._panes.panes if pane.volume is not None]
        waits = any(self._session.cache.is_waiting_for(volume.volume_id) for volume in volumes)
        if lesion is not None and self.allowed and self._switches.proposals and not waits:
            self._ask(lesion)
        self._jump()
        self._count()

    # --- inside

    def _get_suggested(self, pane: Pane) -> SuggestedCell | None:
        """Return what is proposed for a pane's cell, where it may be shown and has no answer."""
        if pane.aside or not self.allowed or not self._switches.proposals:
            return None
        if self._session.blinding is not None and pane is not self._panes.current:
            return None  # a blinded reader sees no line of another time point
        cell = self._calipers.find_cell_of(pane)
        if cell is None or cell.reading is not None:
            return None
        return self._answers.get((pane.study_date, pane.sequence))

    def _take_point(self, place: tuple[Pane, ScreenPoint] | None) -> str:
        if not self.allowed:
            return NOT_ALLOWED
        if place is None or place[0].plane is None or place[0].geometry is None:
            return POINT_FIRST
        pane, at = place
        plane, geometry = pane.plane, pane.geometry
        if plane is None or geometry is None or self._session.lesion is None:
            return POINT_FIRST
        if not pane.frame:
            return "This series names no frame of reference: draw the line by hand."
        pixel = geometry.pixel_from_screen(at)
        if not plane.contains(*pixel):
            return POINT_FIRST
        self._switches.proposals = True
        self._points[pane.frame] = plane.lps_from_pixel(*pixel)
        self._forget()
        self._navigation.activate(pane)
        self._arrival = (self._panes.layouts, pane.pane_id, pane.place)
        return ""

    def _forget(self) -> None:
        self._answers, self._asked = {}, set()
        self._shown_s, self._visible = {}, None

    def _ask(self, lesion: RoomLesion) -> None:
        """Have proposals computed for the visits whose images are all there."""
        for visit, cells in _group_by_visit(lesion).items():
            unread = [cell for cell in cells if cell.reading is None]
            if visit in self._asked or not unread:
                continue
            seed = self._find_seed(lesion, *visit)
            if seed is None:
                self._answers |= {
                    _build_key(cell): _build_unplaced(cell)
                    for cell in unread
                    if not _is_unplaced(self._answers.get(_build_key(cell)))
                }
                continue
            images_of_cells = self._load_images(cells)
            if images_of_cells is not None:
                self._asked.add(visit)
                self._compute(lesion, images_of_cells, seed, visit[1])

    def _load_images(self, cells: list[Cell]) -> list[CellImages] | None:
        """Return the images of the cells of a visit; None while some are on their way."""
        cell_images = []
        for cell in cells:
            volume = cell.volume
            if volume is None or volume.volume_id in self._session.cache.failures:
                continue
            images = self._session.get_images(volume)
            if images is None:
                return None
            cell_images.append(CellImages(cell=cell, volume=volume, voxels=images.images))
        return cell_images

    def _compute(
        self, lesion: RoomLesion, cells: list[CellImages], seed: Vector3, frame: str
    ) -> None:
        answers, axis = self._answers, lesion.find_axis_lps(frame)

        def run() -> tuple[SuggestedCell, ...]:
            # brings scipy, which nothing needs before the images are shown
            from opp_mri.workflow.suggesting.visit import suggest_visit

            return suggest_visit(cells, seed, axis)

        def take(suggested_cells: tuple[SuggestedCell, ...]) -> None:
            # into the answers that it was asked for: another lesion, or point, has others
            answers.update(
                {
                    (suggested_cell.study_date, suggested_cell.sequence): suggested_cell
                    for suggested_cell in suggested_cells
                }
            )

        self._session.ask(Job(label="proposal", run=run, take=take, failed=self._session.warn))

    def _find_seed(self, lesion: RoomLesion, day: date, frame: str) -> Vector3 | None:
        """Return a point in the lesion: clicked, of a caliper of the reader's, or its seed.

        What lies in another frame of reference is carried by a confirmed fit. In a blinded read
        the point comes from the visit itself: the seed would tell which one is the baseline.
        """
        if frame in self._points:
            return self._points[frame]
        calipers = [
            (cell.study_date, cell.reading.caliper)
            for cell in lesion.timeline.cells
            if cell.reading is not None and cell.reading.caliper is not None
        ]
        of_visit = [
            (frame, caliper.middle_lps_mm)
            for when, caliper in calipers
            if when == day and caliper.frame_of_reference_uid == frame
        ]
        if self._session.blinding is not None:
            return of_visit[0][1] if of_visit else None
        prior = [
            (caliper.frame_of_reference_uid, caliper.middle_lps_mm)
            for when, caliper in reversed(calipers)
            if when < day
        ]
        seeds = [lesion.seed] if lesion.seed is not None else []
        for other_frame, point in (*of_visit, *self._points.items(), *prior, *seeds):
            transform = lesion.links.find_carrying(frame, other_frame)
            if transform is not None:
                x, y, z = transform.apply(np.asarray(point)).tolist()
                return (x, y, z)
        return None

    def _jump(self) -> None:
        """Go to the slice of a proposal once after its cell was opened, unless the reader moved."""
        pane = self._panes.current
        if pane is None or self._calipers.line.busy:
            return
        layouts = self._panes.layouts
        if self._arrival[0] != layouts:
            self._arrival = (layouts, pane.pane_id, pane.place)
        elif self._arrival[1] != pane.pane_id:  # the mouse chose it: nothing moves under it
            self._arrival = (layouts, pane.pane_id, NO_PLACE)
        proposal = self.find_proposal(pane)
        if proposal is not None and self._arrival[2] == pane.place:
            pane.go_to_place(proposal.slice_index)
            self._arrival = (layouts, pane.pane_id, NO_PLACE)

    def _count(self) -> None:
        """Count for how long the current cell's proposal is shown."""
        pane, now_s = self._panes.current, self._stopwatch()
        visible = None
        if pane is not None and pane.images is not None and self.find_line(pane) is not None:
            visible = (pane.study_date, pane.sequence)
        if self._visible is not None and self._visible[0] != visible:
            key, since = self._visible
            self._shown_s[key] = self._shown_s.get(key, 0.0) + now_s - since
            self._visible = None
        if visible is not None and self._visible is None:
            self._visible = (visible, now_s)

    def _measure_seconds_shown(self, key: CellKey) -> float:
        seconds = self._shown_s.get(key, 0.0)
        if self._visible is not None and self._visible[0] == key:
            seconds += self._stopwatch() - self._visible[1]
        return seconds


def _group_by_visit(lesion: RoomLesion) -> dict[Visit, list[Cell]]:
    """Return the cells of a lesion that can be measured, by time point and frame of reference."""
    visits: dict[Visit, list[Cell]] = defaultdict(list)
    for cell in lesion.timeline.cells:
        volume = cell.volume
        if volume is None or not volume.planes or explain_unsuitable(volume, cell.sequence):
            continue
        frame = volume.planes[0].frame_of_reference_uid
        if frame:
            visits[cell.study_date, frame].append(cell)
    return visits


def _build_key(cell: Cell) -> CellKey:
    return cell.study_date, cell.sequence


def _build_unplaced(cell: Cell) -> SuggestedCell:
    return abstain(cell, AbstentionReason.NO_FIT)


def _is_unplaced(suggested_cell: SuggestedCell | None) -> bool:
    answer = None if suggested_cell is None else suggested_cell.answer
    return isinstance(answer, Abstention) and answer.reason is AbstentionReason.NO_FIT
