"""What the mouse does on a pane: scroll, zoom, pan, window, and the left button's tool."""

import math
from collections.abc import Callable
from datetime import date
from typing import Final

from opp_mri.domain.caliper import hold_to_image
from opp_mri.domain.measurement import PixelPoint
from opp_mri_napari.reading.basics.line_tool import STILL_PX, Grip
from opp_mri_napari.reading.basics.tools import LANDMARKS, Tool
from opp_mri_napari.reading.basics.views import Button, Pointer, PointerKind
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.compare import Compare
from opp_mri_napari.reading.contours.contouring import Contouring
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.shared.geometry import LEVEL_PER_PX, WIDTH_PER_PX, ScreenPoint

FIVE: Final = 5  # slices that Shift and the wheel go
RESIZED: Final = "The image changed its size while you drew: nothing was recorded. Draw it again."


class Pointing:
    """Turns mouse events into wishes.

    Parameters
    ----------
    panes, calipers, navigation
        What the mouse acts on.
    mark_point
        Takes a click with a tool that marks one point.
    compare
        While it shows anything but native images nothing is measured.
    contouring
        Takes the left button while the contour tool is chosen.
    """

    def __init__(
        self,
        panes: Panes,
        calipers: Calipers,
        navigation: Navigation,
        mark_point: Callable[[Pane, PixelPoint], None],
        compare: Compare,
        contouring: Contouring,
    ) -> None:
        self._panes, self._calipers, self._navigation = panes, calipers, navigation
        self._mark_point, self._compare = mark_point, compare
        self._contouring = contouring
        self._over: tuple[Pane, ScreenPoint] | None = None
        self._held = Button.NONE
        self._panning = False
        self._last_px = self._clicked_px = self._pressed_size_px = (0.0, 0.0)

    @property
    def place(self) -> tuple[Pane, ScreenPoint] | None:
        """The pane under the mouse and where on it (down, across) in mm, or None."""
        if self._over is None or self._over[0] not in self._panes.panes:
            return None
        pane, (down_px, across_px) = self._over  # from the middle: it stays while the image moves
        zoom, (down, across) = self._panes.zoom_of(pane), pane.centre
        return pane, (down + down_px / zoom, across + across_px / zoom)

    @property
    def drawn_day(self) -> date | None:
        """The time point on which a line follows the mouse, where nothing else moves, or None."""
        on, moves_image = self._calipers.on, self._panning or self._held is Button.RIGHT
        if on is None or moves_image or not self._calipers.line.busy:
            return None
        return on.study_date

    def take(self, event: Pointer) -> bool:
        """Take a mouse event; return whether anything is to be drawn again."""
        pane = next((p for p in self._panes.panes if p.pane_id == event.pane_id), None)
        if pane is None:
            return False
        self._over = None
        if event.kind is not PointerKind.LEAVE and pane.images is not None:
            zoom, (down, across) = self._panes.zoom_of(pane), pane.centre
            self._over = (
                pane, ((event.place[0] - down) * zoom, (event.place[1] - across) * zoom)
            )  # fmt: skip
        if event.kind is PointerKind.WHEEL:
            self._turn_wheel(pane, event)
            return True
        if event.kind in (PointerKind.PRESS, PointerKind.DOUBLE):
            return self._press(pane, event)
        if self._has_slipped(event):
            self._calipers.line.cancel()
            self._contouring.cancel()
            self._navigation.hint = RESIZED
        if event.kind is PointerKind.MOVE:
            return self._move(pane, event)
        if event.kind is PointerKind.RELEASE:
            return self._release(pane, event)
        return False

    def _has_slipped(self, event: Pointer) -> bool:
        """Whether the image moved under a hand that draws, as the pane has another size."""
        draws = event.kind in (PointerKind.MOVE, PointerKind.RELEASE) and self._held is Button.LEFT
        if not draws or event.size_px == self._pressed_size_px:
            return False
        return self._calipers.line.busy or self._contouring.busy

    def _turn_wheel(self, pane: Pane, event: Pointer) -> None:
        panes = self._panes
        if event.ctrl:
            panes.magnify(event.notches)
        else:
            panes.scroll(pane, event.notches * (FIVE if event.shift else 1))

    def _press(self, pane: Pane, event: Pointer) -> bool:
        calipers, px = self._calipers, (event.x_px, event.y_px)
        self._navigation.end_messages()
        self._last_px, self._held = px, event.button
        self._pressed_size_px = event.size_px
        self._panning = event.button is Button.MIDDLE or (
            event.button is Button.LEFT and event.space
        )
        if not (calipers.line.waits and calipers.on is not pane):
            self._navigation.activate(pane)
        if event.button is Button.RIGHT and event.kind is PointerKind.DOUBLE:
            self._panes.reset_window()
        if event.button is not Button.LEFT or self._panning:
            return True
        if self._contouring.is_on and not self._compare.is_on:
            return self._contouring.take(pane, event, _find_pixel(pane, event.place))
        # a quick second click elsewhere ends a line; on the very place it enlarges the pane
        twice = event.kind is PointerKind.DOUBLE
        if twice and math.dist(px, self._clicked_px) < STILL_PX and not calipers.line.moves:
            calipers.line.cancel()
            self._held = Button.NONE
            self._navigation.enlarge(pane)
            return True
        self._clicked_px = px
        self._press_tool(pane, event)
        return True

    def _press_tool(self, pane: Pane, event: Pointer) -> None:
        calipers, pixel = self._calipers, _find_pixel(pane, event.place)
        if pixel is None:
            return
        if calipers.tool in (Tool.COMMON_POINT, Tool.SEED):
            self._mark_point(pane, pixel)
            return
        if self._compare.is_on:
            self._navigation.hint = "Only native images are measured on: Esc shows them again."
            return
        if calipers.session.lesion is None:
            self._navigation.hint = "Add a lesion first (Shift+A): a caliper belongs to one."
            return
        if calipers.line.waits and calipers.on is not pane:
            calipers.line.cancel()  # the second click belongs on the image of the first
        calipers.on = pane
        existing_line = calipers.find_movable_line(pane) if calipers.tool is Tool.CALIPER else None
        place, zoom = event.place, self._panes.zoom_of(pane)

        def to_px(point: PixelPoint) -> tuple[float, float]:
            if pane.geometry is None:
                return (0.0, 0.0)
            down, across = pane.geometry.screen_from_pixel(point)
            return (
                event.x_px + (across - place[1]) * zoom,
                event.y_px + (down - place[0]) * zoom,
            )

        if pane.plane is not None:  # like the other end, a first one stays on the image
            pixel = hold_to_image(pane.plane, pixel)
        calipers.line.press(pixel, (event.x_px, event.y_px), existing_line, to_px)
        if calipers.line.grip in (Grip.START, Grip.END):
            calipers.selected = calipers.line.dragged
        elif calipers.line.grip is Grip.NEW_END:
            calipers.selected = None

    def _move(self, pane: Pane, event: Pointer) -> bool:
        step = (event.x_px - self._last_px[0], event.y_px - self._last_px[1])
        self._last_px = (event.x_px, event.y_px)
        if self._panning:
            zoom = self._panes.zoom_of(pane)
            self._panes.pan(pane, step[1] / zoom, step[0] / zoom)
            return True
        if self._held is Button.RIGHT:
            self._panes.change_window(step[1] * LEVEL_PER_PX, WIDTH_PER_PX ** step[0])
            return True
        calipers, pixel = self._calipers, _find_pixel(pane, event.place)
        if self._contouring.busy:
            return self._contouring.take(pane, event, pixel)
        if calipers.line.busy and calipers.on is pane and pixel is not None:
            px = (event.x_px, event.y_px)
            calipers.line.move(pixel, px, calipers.hold(pane, free=event.shift))
            return True
        return False

    def _release(self, pane: Pane, event: Pointer) -> bool:
        held_button = self._held
        self._held, was_panning, self._panning = Button.NONE, self._panning, False
        calipers, pixel = self._calipers, _find_pixel(pane, event.place)
        if held_button is Button.LEFT and not was_panning and self._contouring.busy:
            return self._contouring.take(pane, event, pixel)
        if held_button is not Button.LEFT or was_panning or not calipers.line.busy or pixel is None:
            return held_button is not Button.NONE
        if calipers.on is not pane:
            calipers.line.cancel()
            return True
        hold = calipers.hold(pane, free=event.shift)
        has_redrawn = calipers.line.redraws and calipers.find_reading(pane) is not None
        line = calipers.line.release(pixel, (event.x_px, event.y_px), hold)
        if line is not None and calipers.tool in LANDMARKS:
            calipers.set_axis(pane, line)
        elif line is not None:
            calipers.finish(pane, line)
            if has_redrawn and calipers.pending is None and calipers.refused is None:
                self._navigation.hint = "A new line was drawn in place of the old one."
        return True


def _find_pixel(pane: Pane, place: ScreenPoint) -> PixelPoint | None:
    return pane.geometry.pixel_from_screen(place) if pane.geometry is not None else None
