"""Text of a window, larger or smaller: every size that a style sheet names is multiplied."""

import math
import re
from typing import Final

from qtpy.QtWidgets import QCheckBox, QComboBox, QPushButton, QTabBar, QWidget

STEP: Final = 1.1
LIMITS: Final = (0.7, 2.5)
USUAL_HEIGHT_PX: Final = 1080  # of a screen on which the sizes are as they are written
SIZE: Final = re.compile(r"font-size: (\d+)px")
WRITTEN: Final = "unscaled_style"
SCALE: Final = "text_scale"
BASE_PX: Final = 13
OWN_FONT: Final = (QPushButton, QComboBox, QTabBar, QCheckBox)  # napari gives them its own size


def choose_scale(screen_height_px: float) -> float:
    """Return the scale for a screen: larger above 1080 lines, never smaller.

    Parameters
    ----------
    screen_height_px
        In device-independent pixels, as Qt gives it.
    """
    larger = math.pow(max(0.0, screen_height_px) / USUAL_HEIGHT_PX, 0.75)
    return min(LIMITS[1], max(1.0, larger))


def step_scale(scale: float, steps: int) -> float:
    """Return the scale some steps larger or smaller, within limits."""
    return min(LIMITS[1], max(LIMITS[0], scale * STEP**steps))


def restyle(widget: QWidget, style: str) -> None:
    """Give a widget another style sheet, at the scale that its text has by now."""
    if widget.property(WRITTEN) == style:
        return
    widget.setProperty(WRITTEN, style)
    scale = widget.property(SCALE)
    widget.setStyleSheet(_scale_style(style, 1.0 if scale is None else float(scale)))


def _scale_style(style: str, scale: float) -> str:
    return SIZE.sub(lambda size: f"font-size: {round(int(size[1]) * scale)}px", style)


def rescale(root: QWidget, scale: float) -> None:
    """Multiply the text of a widget and of all in it by a scale."""
    for widget in (root, *root.findChildren(QWidget)):
        style = widget.property(WRITTEN)
        if style is None:
            style = widget.styleSheet()
            if isinstance(widget, OWN_FONT) and not SIZE.search(style) and "{" not in style:
                style = f"{style} font-size: {BASE_PX}px;"
            if not SIZE.search(style):
                continue
            widget.setProperty(WRITTEN, style)
        widget.setProperty(SCALE, scale)
        scaled_style = _scale_style(style, scale)
        if widget.styleSheet() != scaled_style:
            widget.setStyleSheet(scaled_style)
    font = root.font()
    font.setPixelSize(round(BASE_PX * scale))
    root.setFont(font)
