"""One pane as it is drawn: image, lines, and what stands above it."""

from typing import TYPE_CHECKING

from opp_mri.domain.caliper import Carried
from opp_mri.domain.registration import Verdict
from opp_mri_napari.reading.calipers import ghost_on, place_of
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.reading.session import Session
from opp_mri_napari.reading.side_views import answer_text
from opp_mri_napari.reading.views import PaneView, ScreenPoint, StripSlice

if TYPE_CHECKING:
    from opp_mri_napari.reading.presenter import ReadingRoom

STRIP_BESIDE = 2  # slices of the strip on each side of the shown one
STRIP_HALF_MM = 30.0


def pane_view(room: "ReadingRoom", pane: Pane) -> PaneView:
    """Give a pane as it is drawn."""
    sequence, active = room.navigation.sequence, pane is room.panes.current
    heading, state = room.navigation.heading(pane.study_date), _state(room, pane)
    name = _series_name(room, pane)
    if pane.volume is None or pane.geometry is None or pane.images is None:
        return PaneView(
            pane_id=str(pane.study_date), heading=heading, series_name=name, active=active,
            voxels=None, message=_message(room, pane), loading=is_loading(room.session, pane),
            state=state,
        )  # fmt: skip
    blind = room.session.blinding is not None
    ghost = None
    if room.ghost and not blind:
        ghost = ghost_on(room.session, pane, room.navigation.prior(pane))
    shows_line = active or not blind  # a blinded reader sees no line of another time point
    return PaneView(
        pane_id=str(pane.study_date),
        heading=heading,
        series_name=name,
        active=active,
        voxels=pane.images,
        scale_mm=pane.geometry.scale_mm,
        slice_index=pane.place,
        window=room.panes.window(pane),
        centre=pane.centre,
        zoom=room.panes.zoom,
        letters=pane.geometry.letters,
        marks=room.calipers.marks(pane, sequence, _near(pane, ghost)) if shows_line else (),
        badge=_badge(ghost),
        link_note="" if room.panes.is_linked(pane) else _link_note(room, pane),
        magnified=_magnified(room, pane),
        state=state,
        strip=_strip(room, pane) if active else (),
    )


def _series_name(room: "ReadingRoom", pane: Pane) -> str:
    parts = [room.navigation.when(pane.study_date)]
    if pane.volume is not None:
        role = pane.volume.role.value if pane.volume.role else "no role"
        parts = [role, *parts, pane.volume.instance.series_description]
    return " · ".join(part for part in parts if part)


def is_loading(session: Session, pane: Pane) -> bool:
    """Tell whether a pane's images are on their way."""
    if pane.volume is None or pane.images is not None:
        return False
    return pane.volume.volume_id not in session.failures


def unreadable(session: Session, panes: Panes) -> str:
    """Say how many of the shown series cannot be read, and what to do; "" where all can."""
    shown = [pane.volume for pane in panes.panes if pane.volume is not None]
    count = sum(one.volume_id in session.failures for one in shown)
    if not count:
        return ""
    what = "The series shown" if len(shown) == 1 else f"{count} of the {len(shown)} series shown"
    return (
        f"{what} cannot be read; the pane says why. Answers are kept. If the images are on a drive "
        "that was removed, connect it: Ctrl+S tries again."
    )


def _message(room: "ReadingRoom", pane: Pane) -> str:
    if pane.volume is None:
        return pane.why_empty
    failure = room.session.failures.get(pane.volume.volume_id)
    return failure or "loading …"


def _state(room: "ReadingRoom", pane: Pane) -> str:
    lesion, sequence = room.session.lesion, room.navigation.sequence
    reading = room.calipers.reading(pane, sequence)
    if lesion is None:
        return ""
    if reading is None:
        return "unread" if room.calipers.cell(pane.study_date, sequence) else ""
    counts = not reading.draft or reading.reading_id in lesion.signed
    if room.session.blinding is not None and pane is not room.panes.current:
        return "signed" if counts else "draft"
    text = f"{'signed' if counts else 'draft'} {answer_text(reading)}"
    place = place_of(pane, reading)
    if reading.caliper is not None and place is None:
        return f"{text}, on another series"
    if place is not None and place != pane.place:
        return f"{text}, on slice {place + 1}"
    return text


def _near(pane: Pane, ghost: Carried | None) -> Carried | None:
    """Show a ghost only on the slice that it lies in."""
    if ghost is None or pane.volume is None:
        return None
    spacing_mm = pane.volume.slice_spacing_mm or pane.volume.instance.slice_thickness_mm or 0.0
    return ghost if abs(ghost.offset_mm) <= spacing_mm / 2 + 1e-6 else None


def _badge(ghost: Carried | None) -> str:
    if ghost is None:
        return ""
    return f"prior plane {ghost.offset_mm:+.1f} mm, tilt {ghost.tilt_deg:.1f}°"


def _link_note(room: "ReadingRoom", pane: Pane) -> str:
    lesion, patient = room.session.lesion, room.session.patient
    links = lesion.links if lesion else patient.links if patient else None
    verdict = links.proposed.get(pane.frame) if links else None
    if room.session.blinding is not None:
        return "not linked: K marks a common point"
    if verdict is None:
        return "not linked: no fit yet (`opp-mri align`); K marks a common point"
    if verdict is Verdict.FAILED:
        return "not linked: the fit failed; K marks a common point"
    return f"not linked: a {verdict.value} fit waits, F shows it"


def _magnified(room: "ReadingRoom", pane: Pane) -> ScreenPoint | None:
    """Give the place under the magnifier: the dragged end, or the mouse."""
    line, dragged = room.calipers.line.line, room.calipers.line.dragged
    if room.calipers.on is pane and line is not None and dragged is not None:
        if pane.geometry is not None and line[0] != line[1]:
            return pane.geometry.screen_from_pixel(line[dragged])
        return None
    place = room.pointing.place
    return place[1] if room.magnifier and place is not None and place[0] is pane else None


def _strip(room: "ReadingRoom", pane: Pane) -> tuple[StripSlice, ...]:
    if pane.images is None or pane.geometry is None:
        return ()
    _, down_mm, across_mm = pane.geometry.scale_mm
    down, across = pane.centre
    top, left = down - STRIP_HALF_MM, across - STRIP_HALF_MM
    rows = slice(max(0, round(top / down_mm)),
                 max(1, round((down + STRIP_HALF_MM) / down_mm)))  # fmt: skip
    columns = slice(max(0, round(left / across_mm)),
                    max(1, round((across + STRIP_HALF_MM) / across_mm)))  # fmt: skip
    reading = room.calipers.reading(pane, room.navigation.sequence)
    measured = place_of(pane, reading) if reading is not None else None
    first = min(max(0, pane.place - STRIP_BESIDE), max(0, len(pane.images) - 2 * STRIP_BESIDE - 1))
    return tuple(
        StripSlice(slice_index=n, picture=pane.images[n, rows, columns], measured=n == measured)
        for n in range(first, min(first + 2 * STRIP_BESIDE + 1, len(pane.images)))
    )
