"""Points that a reader marks: a vertebra, one place in two panes, the inside of a lesion."""

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.measurement import CommonPoint, PixelPoint
from opp_mri_napari.reading.basics.place_words import PlaceWords
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.lesion_entry import LesionEntry
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.geometry import ScreenPoint


class Marking:
    """Takes points on panes.

    Parameters
    ----------
    session, calipers, navigation, lesion_entry
        What the points are for.
    """

    def __init__(
        self, session: Session, calipers: Calipers, navigation: Navigation,
        lesion_entry: LesionEntry,
    ) -> None:  # fmt: skip
        self.session, self.calipers, self.navigation = session, calipers, navigation
        self.lesion_entry, self._words = lesion_entry, PlaceWords(session)
        self._first_point: tuple[str, Vector3] | None = None

    def choose_tool(self, tool: Tool) -> None:
        """Have the left button do something else."""
        self.calipers.line.cancel()
        self.calipers.tool, self.calipers.selected = tool, None
        self._first_point = None

    def confirm_level(self, place: tuple[Pane, ScreenPoint] | None) -> None:
        """Confirm that the lesion's vertebra is at a place, that under the mouse; None for none."""
        lesion = self.session.lesion
        if place is None or place[0].plane is None or place[0].geometry is None:
            level = lesion.lesion.level if lesion else "the vertebra"
            self.navigation.hint = f"Point at {level} with the mouse, then press V."
            return
        pane, at = place
        plane, geometry = pane.plane, pane.geometry
        if plane is None or geometry is None:
            return
        pixel = geometry.pixel_from_screen(at)
        if not plane.contains(*pixel):
            self.navigation.hint = "The mouse is outside the image: point at the vertebra."
            return
        point = plane.lps_from_pixel(*pixel)
        refusal = self.navigation.levels.confirm(pane, point)
        self.navigation.activate(pane)
        code = self._words.find_code(pane.study_date)
        level = lesion.lesion.level if lesion else ""
        self.navigation.hint = refusal or f"{level} confirmed in {code}."

    def mark_point(self, pane: Pane, pixel: PixelPoint) -> None:
        """Take a click with the common point tool, or with that for a lesion's seed."""
        if pane.plane is None or pane.volume is None:
            return
        if self.calipers.tool is Tool.SEED:
            self.calipers.cancel()
            self.navigation.hint = ""
            self.lesion_entry.set_seed(pane, pixel)
            return
        point = pane.plane.lps_from_pixel(*pixel)
        if self._first_point is None:
            self._first_point = (pane.frame, point)
            self.navigation.hint = "Now click the same place of the body in another pane."
        elif self._first_point[0] == pane.frame:
            self.navigation.hint = "Both points are in one frame of reference: click another pane."
        else:
            self._join(*self._first_point, pane.frame, point)

    def _join(self, frame: str, point: Vector3, other_frame: str, other_point: Vector3) -> None:
        patient = self.session.patient
        self.choose_tool(Tool.CALIPER)
        if patient is None:
            return
        if not frame or not other_frame:
            self.session.warning = "A series names no frame of reference: it cannot be linked."
            return
        common_point = CommonPoint(
            patient_id=patient.patient_id, reader=self.session.reader,
            frame_of_reference_uid=frame, point_lps_mm=point,
            other_frame_of_reference_uid=other_frame, other_point_lps_mm=other_point,
            recorded_at=self.session.clock(),
        )  # fmt: skip
        store = self.session.project.store

        def take(_: object) -> None:
            self.navigation.reload()
            self.navigation.hint = "Linked by the common point: scrolling only, no ghost."

        self.lesion_entry.ask(lambda: store.add_common_point(common_point), take)
