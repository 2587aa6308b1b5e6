"""The plugin is there, napari finds it, and a window opens."""

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from npe2 import PluginManager, PluginManifest

if TYPE_CHECKING:
    from napari import Viewer
    from pytestqt.qtbot import QtBot


@pytest.fixture
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-opp-mri")


def test_the_manifest_is_valid_and_its_package_imports(manifest: PluginManifest) -> None:
    manifest.validate_imports()
    assert manifest.name == "napari-opp-mri"
    assert manifest.display_name == "OPP reading room"


def test_the_plugin_and_the_core_are_of_one_version(manifest: PluginManifest) -> None:
    from opp_mri import __version__

    assert manifest.package_version == __version__


def test_what_the_manifest_offers_is_there_to_be_called(manifest: PluginManifest) -> None:
    commands = {command.id: command.python_name for command in manifest.contributions.commands}
    assert set(commands) == {"napari-opp-mri.room", "napari-opp-mri.folder"}
    for name in commands.values():
        module, _, attribute = str(name).partition(":")
        assert callable(getattr(import_module(module), attribute))


def test_napari_finds_the_plugin_by_itself() -> None:
    plugins = PluginManager()
    plugins.discover()
    assert "napari-opp-mri" in plugins


@pytest.mark.window
def test_a_window_opens_on_an_empty_viewer(make_napari_viewer: Callable[..., "Viewer"]) -> None:
    viewer = make_napari_viewer(show=True)
    assert viewer.window._qt_window.isVisible()
    assert len(viewer.layers) == 0


@pytest.mark.window
def test_the_form_holds_the_viewer_itself_where_napari_hands_over_a_proxy(qtbot: "QtBot") -> None:
    """As `napari -w napari-opp-mri` does: Qt takes no window from a proxy."""
    from napari.utils._proxies import PublicOnlyProxy
    from opp_mri_napari.reading.widgets.app import StartPanel

    viewer = SimpleNamespace()
    panel = StartPanel(PublicOnlyProxy(viewer))  # type: ignore[arg-type]
    qtbot.addWidget(panel)
    assert type(panel._viewer) is SimpleNamespace


@pytest.mark.window
def test_an_image_in_millimetres_is_drawn_in_the_window(
    make_napari_viewer: Callable[..., "Viewer"],
) -> None:
    import numpy as np

    viewer = make_napari_viewer(show=True)
    viewer.add_image(
        np.eye(64, dtype="float32"), scale=(0.5, 0.5), units=("mm", "mm"), colormap="gray"
    )
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert picture[..., :3].max() == 255
