"""What a moving end is held to: the AP axis and the image."""

from opp_mri.domain.caliper import InPlane, hold_to_axis, hold_to_image, move_point
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.measurement import PixelPoint
from opp_mri_napari.shared.geometry import PaneGeometry


class Holder:
    """Holds a moving end to the AP axis, and to the image."""

    def __init__(self, plane: ImagePlane, axis: InPlane | None) -> None:
        self._plane, self._axis = plane, axis

    def __call__(self, fixed: PixelPoint, moving: PixelPoint) -> PixelPoint:
        """Return where the moving end goes."""
        if self._axis is not None:
            moving = hold_to_axis(self._plane, fixed, moving, self._axis)
        return hold_to_image(self._plane, moving)


def find_direction_on_screen(
    geometry: PaneGeometry,
    plane: ImagePlane,
    axis: InPlane,
    end: PixelPoint,
    down: int,
    across: int,
) -> int:
    """Return 1 or -1: which way along the axis an arrow points on the screen."""
    end_on_screen = geometry.screen_from_pixel(end)
    tip_on_screen = geometry.screen_from_pixel(move_point(plane, end, axis[0], axis[1]))
    run = (tip_on_screen[0] - end_on_screen[0]) * down + (
        tip_on_screen[1] - end_on_screen[1]
    ) * across
    return 1 if run >= 0 else -1
