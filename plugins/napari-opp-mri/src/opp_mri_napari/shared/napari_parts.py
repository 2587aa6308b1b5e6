"""Parts of napari's window that have no public name, which this file alone knows."""

from typing import Any, Final

import napari
import pint
from qtpy.compat import isalive
from qtpy.QtWidgets import QMainWindow, QMenu, QScrollArea, QWidget

SCROLL_BAR_PX: Final = 18


def dock_panel(viewer: napari.Viewer, panel: QWidget, name: str) -> None:
    """Show a panel next to the images, a scale bar on them, and none of napari's own parts."""
    area = make_scrollable(panel)  # on a low screen the window is no higher than the screen
    area.setMinimumWidth(panel.minimumWidth() + SCROLL_BAR_PX)
    viewer.window.add_dock_widget(area, area="right", name=name)
    fold_layers(viewer, away=True)
    hide_sliders(viewer)
    hide_status_bar(viewer)
    viewer.window._qt_viewer.show_welcome_screen = False  # an image is on its way
    viewer.canvas.overlays.scale_bar.visible = True


def unwrap_viewer(viewer: napari.Viewer) -> napari.Viewer:
    """Return a viewer itself: `napari -w` gives a plugin a proxy, whose window Qt refuses."""
    return getattr(viewer, "__wrapped__", viewer)


def get_main_window(viewer: napari.Viewer) -> QMainWindow:
    """Return the window of a viewer; nobody keeps it, so that closing frees it."""
    window: QMainWindow = viewer.window._qt_window
    return window


def is_open(viewer: napari.Viewer) -> bool:
    """Return whether a viewer's window is still there."""
    window = getattr(viewer.window, "_qt_window", None)
    return window is not None and bool(isalive(window))  # type: ignore[no-untyped-call]


def get_canvas_widget(viewer: napari.Viewer) -> QWidget:
    """Return the widget that a viewer draws on."""
    widget: QWidget = viewer.window._qt_viewer.canvas.native
    return widget


def measure_canvas_height_px(viewer: napari.Viewer) -> float:
    """Return the height of what a viewer draws on."""
    return float(viewer.window._qt_viewer.canvas.size[0])


def fold_layers(viewer: napari.Viewer, *, away: bool) -> None:
    """Fold napari's layer list and controls away, or bring them back."""
    for part in _get_layer_parts(viewer):
        part.setVisible(not away)


def is_layers_folded(viewer: napari.Viewer) -> bool:
    """Return whether napari's layer list is folded away."""
    return not any(part.isVisible() for part in _get_layer_parts(viewer))


def hide_sliders(viewer: napari.Viewer) -> None:
    """Hide napari's own sliders."""
    viewer.window._qt_viewer.dims.setVisible(False)


def hide_status_bar(viewer: napari.Viewer) -> None:
    """Hide napari's status bar."""
    get_main_window(viewer).statusBar().hide()


def scale_menus(viewer: napari.Viewer, text_px: int) -> None:
    """Give the menu bar and its menus text of a size; napari's own is small on a large screen."""
    window = get_main_window(viewer)
    for widget in (window.menuBar(), *window.findChildren(QMenu)):
        widget.setStyleSheet(f"QMenuBar, QMenu, QMenu::item {{ font-size: {text_px}px; }}")


def _get_layer_parts(viewer: napari.Viewer) -> tuple[Any, Any]:
    qt_viewer = viewer.window._qt_viewer
    return qt_viewer.dockLayerList, qt_viewer.dockLayerControls


def make_scrollable(page: QWidget) -> QScrollArea:
    """Return a page that never asks for more room than there is."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    return area


def load_units() -> None:
    """Read the units of measurement that napari asks for when the first image is drawn."""
    pint.application_registry.parse_units("mm")
