"""The timeline of a lesion with the caliper that is under the mouse."""

from opp_mri.errors import OppMriError
from opp_mri.workflow.measuring.edits import draft_line
from opp_mri.workflow.measuring.timeline import LesionTimeline, with_readings
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.calipers import Calipers


def build_live_timeline(session: Session, calipers: Calipers, lesion: RoomLesion) -> LesionTimeline:
    """Return a lesion's timeline as it would be if the mouse let go now."""
    live = calipers.get_live_length()
    if live is None:
        return lesion.timeline
    pane, line = live
    cell = calipers.find_cell_of(pane)
    if cell is None or pane.volume is None:
        return lesion.timeline
    try:
        reading = draft_line(
            cell, lesion.lesion.lesion_id, pane.volume, pane.place, line,
            reader=session.reader, at=session.clock(),
        )  # fmt: skip
    except OppMriError:  # a line of no length yet, or on an unsuitable image
        return lesion.timeline
    return with_readings(lesion.timeline, (*lesion.log, reading))
