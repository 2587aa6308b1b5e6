"""The contours on a pane, and the volume within them in words."""

from opp_mri.domain.measurement import PixelPoint
from opp_mri.workflow.measuring.contours import find_series, interpolate_contours
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.views import MarkStyle, Outline
from opp_mri_napari.reading.basics.volume_words import format_volume
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.contours.contouring import Contouring
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.geometry import ScreenPoint


def build_outlines(session: Session, contouring: Contouring, pane: Pane) -> tuple[Outline, ...]:
    """Return the contours on the shown image of a pane: drawn, interpolated, and under the mouse.

    Parameters
    ----------
    session
        What is open.
    contouring
        The contours of the open lesion.
    pane
        The pane.
    """
    if pane.geometry is None or pane.volume is None:
        return ()
    outlines = []
    tool, reading = contouring.tool, contouring.find_reading(pane)
    if tool.busy and contouring.on is not None and contouring.on == (pane, pane.volume, pane.place):
        outlines.append(
            Outline(
                style=MarkStyle.OWN, points=_show(pane, (*tool.points, *tool.hover)),
                closed=False, handles=_show(pane, tool.clicks),
            )
        )  # fmt: skip
    parts = contouring.find_parts(pane)
    if parts:
        lesion = session.lesion
        counts = reading is not None and lesion is not None and (
            not reading.draft or reading.reading_id in lesion.signed
        )  # fmt: skip
        style = MarkStyle.FROZEN if counts else MarkStyle.OWN
        outlines += [Outline(style=style, points=_show(pane, points)) for points in parts]
    elif reading is not None and find_series(reading, [pane.volume]) is not None:
        between = interpolate_contours(reading.contours, pane.volume).get(pane.place, ())
        outlines += [
            Outline(style=MarkStyle.CANDIDATE, points=_show(pane, polygon)) for polygon in between
        ]
    return tuple(outlines)


def describe_volume(calipers: Calipers, pane: Pane) -> str:
    """State the volume within the contours of a pane's cell; "" where there are none."""
    cell = calipers.find_cell_of(pane)
    if cell is None or cell.contours is None:
        return ""
    if cell.measured_volume is None:
        return "contours without a volume: their series is not in the project"
    return format_volume(cell.measured_volume)


def _show(pane: Pane, points: tuple[PixelPoint, ...]) -> tuple[ScreenPoint, ...]:
    if pane.geometry is None:
        raise ValueError("an empty pane has no contour")
    return tuple(pane.geometry.screen_from_pixel(point) for point in points)
