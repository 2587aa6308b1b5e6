"""Contours on panes: what mouse and keys do with the contour tool."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import attrs
from attrs import frozen

from opp_mri.domain.caliper import hold_to_image
from opp_mri.domain.contour import Contour, ReferenceVertebra, VolumeReading
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import PixelPoint
from opp_mri.errors import OppMriError
from opp_mri.workflow.measuring.contours import close_contour, draft_contours, follow_edge
from opp_mri.workflow.measuring.edits import needs_amendment, redo, undo_contours
from opp_mri.workflow.measuring.signal_ratio import explain_not_weighted, list_reference_levels
from opp_mri_napari.reading.basics.line_tool import GRAB_PX
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.basics.views import Button, Pointer, PointerKind
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.contours.contour_tool import (
    REACH_PX,
    ContourTool,
    find_nearest_corner,
    move_corner,
)
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane, Panes

LESION_FIRST: Final = "Draw the lesion first (T): a reference belongs to its contours."


@frozen(kw_only=True, eq=False)
class _Drag:
    """A corner of a contour under the mouse; `part` is the contour's place on its slice."""

    pane: Pane
    place: int
    part: int
    corner: int
    before: tuple[PixelPoint, ...]
    points: tuple[PixelPoint, ...]


class Contouring:
    """The contours of the open lesion, as the reader draws them.

    Parameters
    ----------
    session, panes, calipers, navigation
        What they belong to, and where they are drawn.

    Attributes
    ----------
    tool
        The contour under the mouse.
    on
        The pane, volume and image that it is drawn on, or None.
    reference_level
        The vertebra whose contours are drawn instead of the lesion's; "" for those of the lesion.
    """

    def __init__(
        self, session: Session, panes: Panes, calipers: Calipers, navigation: Navigation
    ) -> None:
        self._session, self._panes = session, panes
        self._calipers, self._navigation = calipers, navigation
        self.tool = ContourTool()
        self.on: tuple[Pane, VolumeDescription, int] | None = None
        self._drag: _Drag | None = None
        self._mouse: PixelPoint = (0.0, 0.0)
        self.reference_level = ""

    @property
    def is_on(self) -> bool:
        """Whether the left button draws contours."""
        return self._calipers.tool is Tool.CONTOUR

    @property
    def tool_words(self) -> str:
        """What the tool draws, where that is no contour of the lesion."""
        if not self.is_on or not self.reference_level:
            return ""
        return f"reference vertebra {self.reference_level}, not irradiated; Shift+T: the next"

    @property
    def irradiated(self) -> frozenset[str]:
        """Levels of all lesions of the patient."""
        patient = self._session.patient
        lesions = patient.lesions if patient is not None else ()
        return frozenset(lesion.lesion.level for lesion in lesions)

    @property
    def busy(self) -> bool:
        """Whether a contour is being drawn or changed."""
        return self.tool.busy or self._drag is not None

    def find_reading(self, pane: Pane) -> VolumeReading | None:
        """Return the contours that hold for a pane's cell."""
        cell = self._calipers.find_cell_of(pane)
        return cell.contours if cell is not None else None

    def find_parts(self, pane: Pane) -> tuple[tuple[PixelPoint, ...], ...]:
        """Return the contours on the shown image of a pane, as they are under the mouse."""
        parts = [contour.points for contour in self._find_contours(pane)]
        drag = self._drag
        if drag is not None and drag.pane is pane and drag.place == pane.place:
            parts[drag.part] = drag.points
        return tuple(parts)

    # --- mouse

    def take(self, pane: Pane, event: Pointer, pixel: PixelPoint | None) -> bool:
        """Take what the left button does on a pane; return whether to draw again."""
        if pixel is None or pane.plane is None or pane.volume is None:
            return False
        pixel = hold_to_image(pane.plane, pixel)
        self._mouse = pixel
        if event.kind is PointerKind.DOUBLE:
            self.close()
            return True
        if event.kind is PointerKind.PRESS and event.button is Button.LEFT:
            self._press(pane, event, pixel)
            return True
        if event.kind is PointerKind.MOVE:
            return self._move(pane, event, pixel)
        if event.kind is PointerKind.RELEASE and event.button is Button.LEFT:
            self._release(pixel)
            return True
        return False

    def _press(self, pane: Pane, event: Pointer, pixel: PixelPoint) -> None:
        if self._session.lesion is None:
            self._navigation.hint = "Add a lesion first (Shift+A): a contour belongs to one."
            return
        if self.tool.busy and not self._is_on(pane):
            self._navigation.hint = (
                "A contour is open on another image: close it there (Enter), or Esc leaves it."
            )
            return
        if pane.volume is None or self._calipers.find_cell_of(pane) is None:
            return
        px = (event.x_px, event.y_px)
        if not self.tool.busy and self._take_hold(pane, event, px):
            return
        self.on = (pane, pane.volume, pane.place)
        self.tool.press(pixel, px, self._follow)

    def _take_hold(self, pane: Pane, event: Pointer, px: tuple[float, float]) -> bool:
        parts = self.find_parts(pane)
        geometry, zoom = pane.geometry, self._panes.zoom_of(pane)
        if not parts or geometry is None:
            return False

        def to_px(point: PixelPoint) -> tuple[float, float]:
            down, across = geometry.screen_from_pixel(point)
            return (
                px[0] + (across - event.place[1]) * zoom, px[1] + (down - event.place[0]) * zoom
            )  # fmt: skip

        nearest = [find_nearest_corner(points, px, to_px) for points in parts]
        part = min(range(len(parts)), key=lambda number: nearest[number][1])
        corner, distance_px = nearest[part]
        if distance_px > GRAB_PX:
            return False
        points = parts[part]
        self._drag = _Drag(
            pane=pane, place=pane.place, part=part, corner=corner, before=points, points=points
        )
        return True

    def _move(self, pane: Pane, event: Pointer, pixel: PixelPoint) -> bool:
        drag = self._drag
        if drag is not None and drag.pane is pane and drag.place == pane.place:
            plane, zoom = pane.plane, self._panes.zoom_of(pane)
            spacing_mm = plane.column_spacing_mm if plane is not None else 1.0
            moved_corners = move_corner(
                drag.before, drag.corner, pixel, REACH_PX / zoom / spacing_mm
            )
            self._drag = attrs.evolve(drag, points=moved_corners)
            return True
        if self.tool.busy and self._is_on(pane):
            self.tool.move(pixel, (event.x_px, event.y_px), self._follow)
            return True
        return False

    def _release(self, pixel: PixelPoint) -> None:
        drag, self._drag = self._drag, None
        if drag is None:
            if self.tool.busy:
                self.tool.release(pixel)
            return
        if drag.points != drag.before and drag.pane.volume is not None:
            self._keep(drag.pane, drag.pane.volume, drag.place, drag.points, part=drag.part)

    def _follow(self, start: PixelPoint, end: PixelPoint) -> Sequence[PixelPoint]:
        loaded_images = self._session.get_images(self.on[1]) if self.on is not None else None
        if loaded_images is None or self.on is None or math.dist(start, end) < 1:
            return (start, end)
        return follow_edge(loaded_images.images[self.on[2]], start, end)

    # --- keys

    def close(self) -> bool:
        """Close the contour that is drawn, and record it; return whether the tool is chosen."""
        if not self.is_on:
            return False
        if not self.tool.busy or self.on is None:
            self._navigation.hint = "No contour is open. T goes back to calipers."
            return True
        pane, volume, place = self.on
        points = self.tool.points
        if len(points) > 1:
            points = (*points, *tuple(self._follow(points[-1], points[0]))[1:-1])
        if self._keep(pane, volume, place, points):
            self.tool.cancel()
        return True

    def flip_tool(self) -> None:
        """Have the left button draw contours, or calipers again."""
        self.cancel()
        self._calipers.line.cancel()
        self._calipers.selected = None
        is_chosen_again = self.is_on and not self.reference_level
        self._calipers.tool = Tool.CALIPER if is_chosen_again else Tool.CONTOUR
        self.reference_level = ""

    def choose_reference(self) -> None:
        """Draw a vertebra that was not irradiated: the one that is there, or the next."""
        pane, lesion = self._panes.current, self._session.lesion
        reading = self.find_reading(pane) if pane is not None else None
        if pane is None or lesion is None or reading is None:
            self._navigation.hint = (
                "Draw the lesion first (T): a reference belongs to its contours."
            )
            return
        refusal = explain_not_weighted(pane.sequence)
        if refusal:
            self._navigation.hint = refusal
            return
        levels = list_reference_levels(lesion.lesion.level, self.irradiated)
        if self.is_on and self.reference_level in levels:
            level = levels[(levels.index(self.reference_level) + 1) % len(levels)]
        else:
            level = reading.reference.level if reading.reference else levels[0]
        self.cancel()
        self._calipers.line.cancel()
        self._calipers.selected, self._calipers.tool = None, Tool.CONTOUR
        self.reference_level = level

    def remove(self, otherwise: Callable[[], None]) -> None:
        """Take back a contour of the shown slice; without the contour tool, do something else.

        Where there are several, that is the one whose line is nearest to the mouse.
        """
        pane = self._panes.current
        if not self.is_on or pane is None:
            otherwise()
            return
        self.cancel()
        contours, reading = self._find_contours(pane), self.find_reading(pane)
        if not contours or reading is None or pane.volume is None:
            self._navigation.hint = "This slice has no contour."
            return
        contour = min(
            contours, key=lambda contour: min(math.dist(p, self._mouse) for p in contour.points)
        )
        rest = [
            other_contour
            for other_contour in self._list_drawn(reading)
            if other_contour is not contour
        ]
        self._record(pane, pane.volume, rest)

    def undo(self, otherwise: Callable[[], None]) -> None:
        """Take back the last click of an open contour, or else the latest edit of contours.

        Parameters
        ----------
        otherwise
            Done without the contour tool, where the edits are those of calipers and marks.
        """
        lesion = self._session.lesion
        if not self.is_on:
            otherwise()
        elif self.tool.busy:
            self.tool.take_back()
        elif lesion is not None:
            back = undo_contours(lesion.contours, lesion.signed, self._session.clock())
            if back is not None:
                self._session.record(back)

    def redo(self, otherwise: Callable[[], None]) -> None:
        """Make the latest undone edit of contours again; without their tool, do something else."""
        lesion = self._session.lesion
        if not self.is_on:
            otherwise()
        elif lesion is not None:
            again = redo(lesion.contours, lesion.signed, self._session.clock())
            if again is not None:
                self._session.record(again)

    def cancel(self) -> bool:
        """Leave the contour that is drawn or moved; return whether one was."""
        was_busy = self.busy
        self.tool.cancel()
        self._drag = self.on = None
        return was_busy

    # --- inside

    def _is_on(self, pane: Pane) -> bool:
        return self.on is not None and (pane, pane.volume, pane.place) == self.on

    def _find_contours(self, pane: Pane) -> list[Contour]:
        reading = self.find_reading(pane)
        if reading is None or pane.volume is None:
            return []
        image = pane.volume.frames[pane.place]
        return [contour for contour in self._list_drawn(reading) if contour.image == image]

    def _list_drawn(self, reading: VolumeReading | None) -> tuple[Contour, ...]:
        """Return the contours that the tool changes: those of the lesion, or of a reference."""
        if reading is None:
            return ()
        if not (self.is_on and self.reference_level):
            return reading.contours
        reference = reading.reference
        is_named = reference is not None and reference.level == self.reference_level
        return reference.contours if reference is not None and is_named else ()

    def _keep(
        self, pane: Pane, volume: VolumeDescription, place: int, points: Sequence[PixelPoint],
        *, part: int | None = None,
    ) -> bool:  # fmt: skip
        """Record a contour, in place of one on its image or new; return whether it is sound."""
        reading = self.find_reading(pane)
        try:
            contour = close_contour(volume, place, points)
        except OppMriError as error:
            self._navigation.hint = str(error)
            return False
        before = self._list_drawn(reading)
        on_image = [number for number, old in enumerate(before) if old.image == contour.image]
        place_to_fill = None if part is None else on_image[part]
        rest = [old for number, old in enumerate(before) if number != place_to_fill]
        return self._record(pane, volume, [*rest, contour])

    def _record(self, pane: Pane, volume: VolumeDescription, contours: Sequence[Contour]) -> bool:
        lesion = self._session.lesion
        if lesion is None:
            return False
        before = self.find_reading(pane)
        reference = before.reference if before is not None else None
        if self.is_on and self.reference_level:
            if before is None:
                self._navigation.hint = LESION_FIRST
                return False
            own, contours = tuple(contours), before.contours
            reference = ReferenceVertebra(level=self.reference_level, contours=own) if own else None
        try:
            reading = draft_contours(
                (pane.study_date, pane.sequence), lesion.lesion.lesion_id, volume, contours,
                reference=reference if contours else None, reader=self._session.reader,
                at=self._session.clock(),
            )  # fmt: skip
        except OppMriError as error:
            self._navigation.hint = str(error)
            return False
        if needs_amendment(reading, lesion.contours, lesion.signed):
            latest = [entry for entry in lesion.contours if entry.cell == reading.cell][-1]
            if not latest.amendment_reason or latest.reading_id in lesion.signed:
                self._calipers.pending = reading
                return True
            reading = attrs.evolve(reading, amendment_reason=latest.amendment_reason)
        self._session.record(reading)
        return True
