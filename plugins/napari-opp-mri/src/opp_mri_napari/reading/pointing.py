"""What the mouse does on a pane: scroll, zoom, pan, window, and the left button's tool."""

from typing import TYPE_CHECKING

from opp_mri.domain.measurement import PixelPoint
from opp_mri_napari.reading.calipers import LANDMARKS, Tool
from opp_mri_napari.reading.line_tool import Grip
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.reading.views import Button, Pointer, PointerKind, ScreenPoint

if TYPE_CHECKING:
    from opp_mri_napari.reading.presenter import ReadingRoom

FIVE = 5  # slices that Shift and the wheel go
WIDTH_PER_PX, LEVEL_PER_PX = 1.005, 0.003


class Pointing:
    """Turns mouse events into wishes.

    Attributes
    ----------
    place
        The pane under the mouse and where on it, or None.
    """

    def __init__(self, room: "ReadingRoom") -> None:
        self._room = room
        self.place: tuple[Pane, ScreenPoint] | None = None
        self._held = Button.NONE
        self._panning = False
        self._last_px = (0.0, 0.0)

    def take(self, event: Pointer) -> bool:
        """Take a mouse event; tell whether anything is to be drawn anew."""
        room = self._room
        pane = next((p for p in room.panes.panes if str(p.study_date) == event.pane_id), None)
        if pane is None:
            return False
        self.place = None if event.kind is PointerKind.LEAVE else (pane, event.place)
        if event.kind is PointerKind.WHEEL:
            self._wheel(pane, event)
            return True
        if event.kind in (PointerKind.PRESS, PointerKind.DOUBLE):
            return self._press(pane, event)
        if event.kind is PointerKind.MOVE:
            return self._move(pane, event)
        if event.kind is PointerKind.RELEASE:
            return self._release(pane, event)
        return room.magnifier

    def _wheel(self, pane: Pane, event: Pointer) -> None:
        panes = self._room.panes
        if event.ctrl:
            panes.magnify(event.notches)
        else:
            panes.scroll(pane, event.notches * (FIVE if event.shift else 1))

    def _press(self, pane: Pane, event: Pointer) -> bool:
        room = self._room
        self._last_px, self._held = (event.x_px, event.y_px), event.button
        self._panning = event.button is Button.MIDDLE or (
            event.button is Button.LEFT and event.space
        )
        if not (room.calipers.line.waits and room.calipers.on is not pane):
            room.navigation.activate(pane)
        if event.button is Button.RIGHT and event.kind is PointerKind.DOUBLE:
            room.panes.reset_window()
        if event.button is Button.LEFT and not self._panning:
            self._press_tool(pane, event)
        return True

    def _press_tool(self, pane: Pane, event: Pointer) -> None:
        calipers, pixel = self._room.calipers, _pixel(pane, event.place)
        if pixel is None:
            return
        if calipers.tool in (Tool.COMMON_POINT, Tool.SEED):
            self._room.mark_point(pane, pixel)
            return
        lesion = self._room.session.lesion
        if lesion is None:
            self._room.navigation.hint = "Add a lesion first (Shift+A): a caliper belongs to one."
            return
        if calipers.line.waits and calipers.on is not pane:
            calipers.line.cancel()  # the second click belongs on the image of the first
        calipers.on = pane
        there = (
            calipers.line_on(pane, self._room.navigation.sequence)
            if calipers.tool is Tool.CALIPER
            else None
        )
        place, zoom = event.place, self._room.panes.zoom

        def to_px(point: PixelPoint) -> tuple[float, float]:
            if pane.geometry is None:
                return (0.0, 0.0)
            down, across = pane.geometry.screen_from_pixel(point)
            return (
                event.x_px + (across - place[1]) * zoom,
                event.y_px + (down - place[0]) * zoom,
            )

        calipers.line.press(pixel, (event.x_px, event.y_px), there, to_px)
        if calipers.line.grip in (Grip.START, Grip.END):
            calipers.selected = calipers.line.dragged
        elif calipers.line.grip is Grip.NEW_END:
            calipers.selected = None

    def _move(self, pane: Pane, event: Pointer) -> bool:
        room = self._room
        step = (event.x_px - self._last_px[0], event.y_px - self._last_px[1])
        self._last_px = (event.x_px, event.y_px)
        if self._panning:
            room.panes.pan(pane, step[1] / room.panes.zoom, step[0] / room.panes.zoom)
            return True
        if self._held is Button.RIGHT:
            room.panes.change_window(step[1] * LEVEL_PER_PX, WIDTH_PER_PX ** step[0])
            return True
        calipers, pixel = room.calipers, _pixel(pane, event.place)
        if calipers.line.busy and calipers.on is pane and pixel is not None:
            px = (event.x_px, event.y_px)
            calipers.line.move(pixel, px, calipers.hold(pane, free=event.shift))
            return True
        return room.magnifier

    def _release(self, pane: Pane, event: Pointer) -> bool:
        room, held = self._room, self._held
        self._held, panned, self._panning = Button.NONE, self._panning, False
        calipers, pixel = room.calipers, _pixel(pane, event.place)
        if held is not Button.LEFT or panned or not calipers.line.busy or pixel is None:
            return panned or held is Button.RIGHT
        if calipers.on is not pane:
            calipers.line.cancel()
            return True
        hold = calipers.hold(pane, free=event.shift)
        line = calipers.line.release(pixel, (event.x_px, event.y_px), hold)
        if line is not None and calipers.tool in LANDMARKS:
            calipers.set_axis(pane, line)
        elif line is not None:
            calipers.finish(pane, room.navigation.sequence, line)
        return True


def _pixel(pane: Pane, place: ScreenPoint) -> PixelPoint | None:
    return pane.geometry.pixel_from_screen(place) if pane.geometry is not None else None
