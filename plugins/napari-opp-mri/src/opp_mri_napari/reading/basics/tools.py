"""What the left button does, and a line that it drew where none belongs."""

from enum import StrEnum
from typing import Final

from attrs import frozen

from opp_mri.domain.imaging import Plane, SeriesRole, VolumeDescription
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
KEYS: Final = {
    SeriesRole.T1: "1", SeriesRole.T2FS: "2", SeriesRole.STIR: "2", SeriesRole.T1POST: "3",
}  # fmt: skip


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


def suggest_series(volume: VolumeDescription, sequence: SeriesRole) -> str:
    """Advise what to do in the room where a series is not one that a sequence is measured on."""
    if volume.plane is Plane.SAGITTAL and volume.is_in_doubt:
        return f"U chooses it for {sequence.value}."
    return f"{KEYS[sequence]} shows the {sequence.value} of the study, if it has one."
