"""What the left button does, and a line that it drew where none belongs."""

from enum import StrEnum
from typing import Final

from attrs import frozen

from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import AxisLandmark
from opp_mri.workflow.measuring.cells import Cell
from opp_mri_napari.reading.basics.line_tool import Line


class Tool(StrEnum):
    """What the left button does."""

    CALIPER = "caliper"
    ENDPLATE = "AP axis along an endplate"
    POSTERIOR_WALL = "AP axis by the posterior wall"
    COMMON_POINT = "common point"
    SEED = "point inside the lesion"
    CONTOUR = "contour: click along the edge or draw; Enter or a double click closes it"


LANDMARKS: Final = {
    Tool.ENDPLATE: AxisLandmark.ENDPLATE,
    Tool.POSTERIOR_WALL: AxisLandmark.POSTERIOR_WALL,
}


@frozen(kw_only=True, eq=False)
class RefusedLine:
    """A line on an unsuitable image: recorded only by an explicit override with a reason.

    Parameters
    ----------
    cell, volume, place, line
        What it would be recorded for, and where it lies.
    why
        Why it was refused, in a sentence.
    """

    cell: Cell
    volume: VolumeDescription
    place: int
    line: Line
    why: str
