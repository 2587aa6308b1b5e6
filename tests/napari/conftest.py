"""These tests need napari, which the core does without."""

import pytest

pytest.importorskip("napari", reason="napari is not installed: the plugin's tests are left out")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what opens a window together on one worker."""
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(pytest.mark.xdist_group("window"))
