"""The notebook runs from its first cell to its last, and shows what it was kept with."""

from typing import Any

import nbformat
import pytest
from fixtures import notebook


@pytest.fixture(scope="module")
def cells() -> tuple[list[Any], list[Any]]:
    """The code cells as they are kept, and as they are after a run."""
    stored_notebook = nbformat.read(notebook.NOTEBOOK, as_version=4)
    fresh = notebook.run(notebook.NOTEBOOK)
    kept_cells, fresh_cells = (
        [cell for cell in document.cells if cell.cell_type == "code"]
        for document in (stored_notebook, fresh)
    )
    return kept_cells, fresh_cells


def texts(cell: Any) -> list[str]:
    return [output.get("text") or output.data["text/plain"] for output in cell.outputs]


def test_every_cell_shows_again_what_it_was_kept_with(cells: tuple[list[Any], list[Any]]) -> None:
    stored_cells, fresh = cells
    assert [texts(cell) for cell in fresh] == [texts(cell) for cell in stored_cells]


def test_it_goes_from_a_folder_of_images_to_a_survival_curve(
    cells: tuple[list[Any], list[Any]],
) -> None:
    _, fresh = cells
    assert ".index(" in "".join(cell.source for cell in fresh[:3])
    assert "kaplan_meier" in fresh[-2].source
    assert "image/png" in fresh[-1].outputs[-1].data
