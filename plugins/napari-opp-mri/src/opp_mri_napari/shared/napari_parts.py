"""The parts of napari's window that have no public name: this file alone knows them."""

from typing import Any

import napari
from qtpy.compat import isalive
from qtpy.QtWidgets import QMainWindow, QWidget


def dock_panel(viewer: napari.Viewer, panel: QWidget, name: str) -> None:
    """Show a panel beside the images, a scale bar on them, and none of napari's own parts."""
    viewer.window.add_dock_widget(panel, area="right", name=name)
    fold_layers(viewer, away=True)
    hide_sliders(viewer)
    hide_status_bar(viewer)
    viewer.canvas.overlays.scale_bar.visible = True


def main_window(viewer: napari.Viewer) -> QMainWindow:
    """Give the window of a viewer; nobody keeps it, so that closing frees it."""
    window: QMainWindow = viewer.window._qt_window
    return window


def is_open(viewer: napari.Viewer) -> bool:
    """Tell whether a viewer's window is still there."""
    window = getattr(viewer.window, "_qt_window", None)
    return window is not None and bool(isalive(window))  # type: ignore[no-untyped-call]


def canvas_widget(viewer: napari.Viewer) -> QWidget:
    """Give the widget that a viewer draws on."""
    widget: QWidget = viewer.window._qt_viewer.canvas.native
    return widget


def canvas_height_px(viewer: napari.Viewer) -> float:
    """Give the height of what a viewer draws on."""
    return float(viewer.window._qt_viewer.canvas.size[0])


def fold_layers(viewer: napari.Viewer, *, away: bool) -> None:
    """Fold napari's layer list and controls away, or bring them back."""
    for part in _layer_parts(viewer):
        part.setVisible(not away)


def layers_are_folded(viewer: napari.Viewer) -> bool:
    """Tell whether napari's layer list is folded away."""
    return not any(part.isVisible() for part in _layer_parts(viewer))


def hide_sliders(viewer: napari.Viewer) -> None:
    """Hide napari's own sliders."""
    viewer.window._qt_viewer.dims.setVisible(False)


def hide_status_bar(viewer: napari.Viewer) -> None:
    """Hide napari's status bar."""
    main_window(viewer).statusBar().hide()


def _layer_parts(viewer: napari.Viewer) -> tuple[Any, Any]:
    shown = viewer.window._qt_viewer
    return shown.dockLayerList, shown.dockLayerControls
