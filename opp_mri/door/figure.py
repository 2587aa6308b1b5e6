"""A figure that shows itself in a notebook."""

import io
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure as MatplotlibFigure

from opp_mri.cohort.figures.timeline_figure import save_figure

SHOWN_DPI: Final = 160  # in a notebook: sharp on a screen, and a third of the size of a print


class Figure:
    """A figure that is drawn; a notebook shows it where it is the value of a cell.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The drawing itself, to be adapted further.
    """

    def __init__(self, figure: MatplotlibFigure, title: str) -> None:
        self.figure = figure
        self._title = title

    def __repr__(self) -> str:
        return f"<Figure {self._title}>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width_in, height_in = self.figure.get_size_inches()
        metadata = {"width": round(96 * width_in), "height": round(96 * height_in)}
        picture = io.BytesIO()
        self.figure.savefig(picture, format="png", dpi=SHOWN_DPI, metadata={"Software": None})
        return picture.getvalue(), metadata

    def save(self, path: str | Path) -> None:
        """Save the figure.

        Parameters
        ----------
        path : str or Path
            File whose name ends in ``.svg``, ``.pdf`` or ``.png``. The same figure gives the same
            bytes.

        Raises
        ------
        InputError
            The name has another ending, or the file cannot be written.
        """
        save_figure(self.figure, Path(path))
