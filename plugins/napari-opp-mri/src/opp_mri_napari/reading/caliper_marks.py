"""The lines on a pane: the caliper, its ghost, its candidates, the AP axis, hints."""

from typing import Final

from opp_mri.domain.caliper import Carried, carry_caliper, project_line
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.measurement import PixelPoint
from opp_mri.units import format_mm, round_to_recorded_mm
from opp_mri.workflow.measuring.cells import Cell
from opp_mri_napari.reading.basics.line_tool import Line
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.basics.views import Mark, MarkStyle
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.geometry import ScreenPoint

SHOWN_ANGLE_DEG: Final = 0.5


class CaliperMarks:
    """Gives what is drawn of the open lesion's calipers."""

    def __init__(self, session: Session, calipers: Calipers) -> None:
        self._session, self._calipers = session, calipers

    def build_marks(self, pane: Pane, ghost: Carried | None, *, active: bool) -> tuple[Mark, ...]:
        """Return the lines on the shown image of a pane."""
        if pane.plane is None or pane.geometry is None:
            return ()
        marks = []
        if ghost is not None:
            marks.append(_mark(pane, MarkStyle.GHOST, (ghost.start, ghost.end)))
        marks += self._build_axis_marks(pane) + self._build_hints(pane, pane.plane)
        if self._calipers.keeps_greatest:
            candidate = self._calipers.find_candidates(pane).get(pane.place)
            if candidate is not None and self._calipers.find_line(pane) is None:
                label = format_mm(candidate[0])
                marks.append(_mark(pane, MarkStyle.CANDIDATE, candidate[1], label=label))
        moving = self._calipers.line.line if self._calipers.on is pane else None
        line, proposed_line = self._calipers.find_line(pane), self._calipers.proposed_line(pane)
        if moving == proposed_line:  # held and not moved yet
            moving = None
        if moving is not None and self._calipers.tool is not Tool.CALIPER:
            marks.append(_mark(pane, MarkStyle.AXIS, moving))
        elif moving is not None and (moving[0] != moving[1] or line is None):
            line = moving
        if line is None and proposed_line is not None:
            marks.append(self._build_proposal_mark(pane, pane.plane, proposed_line, active=active))
        if line is not None:
            marks.append(
                self._build_own_mark(pane, pane.plane, line, drawing=moving is line, active=active)
            )
        return tuple(marks)

    def _build_axis_marks(self, pane: Pane) -> list[Mark]:
        """Return the AP axis where it was set, on the image that it was set on."""
        lesion = self._session.lesion
        if lesion is None or not lesion.axes or pane.volume is None:
            return []
        axis, frame = lesion.axes[-1], pane.volume.frames[pane.place]
        if (axis.sop_instance_uid, axis.frame_number) != (
            frame.sop_instance_uid, frame.frame_number
        ):  # fmt: skip
            return []
        detail = f"AP axis by the {axis.landmark.value.replace('_', ' ')}"
        return [_mark(pane, MarkStyle.AXIS, (axis.start, axis.end), detail=detail)]

    def _build_hints(self, pane: Pane, plane: ImagePlane) -> list[Mark]:
        """Return the calipers of the time point's other sequences that lie in the shown image."""
        lesion = self._session.lesion
        if lesion is None or self._session.blinding is not None or pane.volume is None:
            return []
        hints = []
        reach_mm = (pane.volume.slice_spacing_mm or 0.0) / 2 + 1e-6
        for cell in lesion.timeline.cells:
            caliper = cell.reading.caliper if cell.reading else None
            if cell.study_date != pane.study_date or cell.sequence is pane.sequence:
                continue
            if caliper is None or caliper.frame_of_reference_uid != pane.frame or not pane.frame:
                continue
            ends = (caliper.start_lps_mm, caliper.end_lps_mm)
            if max(abs(plane.measure_distance_mm(end)) for end in ends) <= reach_mm:
                start, end = (plane.pixel_from_lps(end) for end in ends)
                hints.append(_mark(pane, MarkStyle.HINT, (start, end), detail=cell.sequence.value))
        return hints

    def _build_proposal_mark(
        self, pane: Pane, plane: ImagePlane, line: Line, *, active: bool
    ) -> Mark:
        length = format_mm(round_to_recorded_mm(plane.measure_length_mm(*line)))
        selected = self._calipers.selected if active else None
        return _mark(pane, MarkStyle.PROPOSAL, line, label=f"proposal {length}", selected=selected)

    def _build_own_mark(
        self, pane: Pane, plane: ImagePlane, line: Line, *, drawing: bool, active: bool
    ) -> Mark:
        reading, lesion = self._calipers.find_reading(pane), self._session.lesion
        is_signed = (
            not drawing
            and reading is not None
            and lesion is not None
            and (not reading.draft or reading.reading_id in lesion.settled)
        )
        length_mm = round_to_recorded_mm(plane.measure_length_mm(*line))
        detail, axis = "", self._calipers.find_axis(pane)
        if axis is not None and length_mm:
            beside = project_line(plane, *line, axis)
            if beside.angle_deg >= SHOWN_ANGLE_DEG:
                along = format_mm(round_to_recorded_mm(beside.along_mm))
                detail = f"AP {along}, {beside.angle_deg:.0f}°"
        return _mark(
            pane,
            MarkStyle.FROZEN if is_signed else MarkStyle.OWN,
            line,
            label=format_mm(length_mm) if length_mm else "",  # a first click is not a length
            detail=detail,
            selected=self._calipers.selected if active and not drawing else None,
            dragged_end=self._calipers.line.dragged if drawing else None,
        )


def find_ghost(session: Session, pane: Pane, prior: Cell | None) -> Carried | None:
    """Carry the prior time point's caliper onto the shown image of a pane, through confirmed fits.

    None where there is no prior caliper, or no confirmed fit joins both.
    """
    lesion = session.lesion
    reading = prior.reading if prior else None
    if lesion is None or pane.plane is None or reading is None or reading.caliper is None:
        return None
    if prior is None or prior.volume is None:
        return None
    caliper = reading.caliper
    drawn_on = prior.volume.get_plane(caliper.sop_instance_uid, caliper.frame_number)
    here_from_there = lesion.links.find_carrying(pane.frame, caliper.frame_of_reference_uid)
    if drawn_on is None or here_from_there is None:
        return None
    return carry_caliper(caliper, drawn_on, here_from_there, pane.plane)


def _mark(
    pane: Pane, style: MarkStyle, line: Line, *, label: str = "", detail: str = "",
    selected: int | None = None, dragged_end: int | None = None,
) -> Mark:  # fmt: skip
    def show_point(point: PixelPoint) -> ScreenPoint:
        if pane.geometry is None:
            raise ValueError("an empty pane has no line")
        return pane.geometry.screen_from_pixel(point)

    return Mark(
        style=style, start=show_point(line[0]), end=show_point(line[1]), label=label, detail=detail,
        selected=selected, dragged=dragged_end,
    )  # fmt: skip
