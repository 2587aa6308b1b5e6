"""The contours on a pane, and the volume within them in words."""

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import PixelPoint
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.contours import find_series, interpolate_contours
from opp_mri.workflow.measuring.signal_ratio import compute_ratio
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.views import MarkStyle, Outline
from opp_mri_napari.reading.contours.contouring import Contouring
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.geometry import ScreenPoint
from opp_mri_napari.shared.volume_words import format_volume


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
    return (*outlines, *_build_resting(contouring, reading, pane))


def _build_resting(
    contouring: Contouring, reading: VolumeReading | None, pane: Pane
) -> list[Outline]:
    """Return the contours on a slice that the tool does not change."""
    if reading is None or reading.reference is None or pane.volume is None:
        return []
    is_reference_drawn = contouring.is_on and bool(contouring.reference_level)
    resting_contours = reading.contours if is_reference_drawn else reading.reference.contours
    image = pane.volume.frames[pane.place]
    style = MarkStyle.CANDIDATE if is_reference_drawn else MarkStyle.HINT
    return [
        Outline(style=style, points=_show(pane, contour.points))
        for contour in resting_contours
        if contour.image == image
    ]


def describe_volume(session: Session, contouring: Contouring, cell: Cell | None) -> str:
    """State the volume within the contours of a cell, and its T2 ratio; "" where it has none.

    Parameters
    ----------
    session
        Holds the images.
    contouring
        Knows which levels were irradiated.
    """
    if cell is None or cell.contours is None:
        return ""
    if cell.measured_volume is None:
        return "contours without a volume: their series is not in the project"
    return "\n".join(
        filter(
            None,
            (
                format_volume(cell.measured_volume),
                _describe_ratio(session, contouring, cell.contours),
            ),
        )
    )


def _describe_ratio(session: Session, contouring: Contouring, reading: VolumeReading) -> str:
    reference, patient = reading.reference, session.patient
    if reference is None or patient is None:
        return ""
    volume = find_series(reading, patient.series.get(reading.study_date, ()))
    images = session.get_images(volume) if volume is not None else None
    if volume is None or images is None:
        return f"reference {reference.level}"
    ratio, refusal = compute_ratio(reading, volume, images.images, contouring.irradiated)
    if ratio is None:
        return f"No T2 ratio. {refusal}"
    return f"T2 ratio {ratio.ratio:.2f} to {reference.level}"


def _show(pane: Pane, points: tuple[PixelPoint, ...]) -> tuple[ScreenPoint, ...]:
    if pane.geometry is None:
        raise ValueError("an empty pane has no contour")
    return tuple(pane.geometry.screen_from_pixel(point) for point in points)
