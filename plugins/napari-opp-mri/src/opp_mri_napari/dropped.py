"""What happens to a folder that is dropped on napari: it is offered to the reading room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from opp_mri.workflow.catalogue.index import holds_dicom

LayerData = tuple[Any, ...]


def choose_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader for one folder with DICOM files in it; None for anything else.

    napari asks this for whatever is dropped on it, so it looks at a few files at most.
    """
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    folder = Path(path)
    return read_folder if folder.is_dir() and holds_dicom(folder) else None


def read_folder(path: str | list[str]) -> list[LayerData]:
    """Ask where the project of a dropped folder shall live, and open the reading room on it."""
    from opp_mri_napari.reading.widgets.app import start_on_folder

    start_on_folder(Path(path if isinstance(path, str) else path[0]))
    return [(None,)]  # napari's word for: no layers
