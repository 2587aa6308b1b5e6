"""One pane as it is drawn: image, lines, and what stands above it."""

from datetime import date
from typing import Final

from attrs import evolve

from opp_mri.domain.caliper import Carried
from opp_mri.domain.timeline import Origin
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri_napari.reading.basics.place_words import PlaceWords
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.switches import Switches
from opp_mri_napari.reading.basics.views import LevelMark, Locator, PaneView, StripSlice
from opp_mri_napari.reading.caliper_marks import CaliperMarks, find_ghost
from opp_mri_napari.reading.calipers import Calipers, place_of
from opp_mri_napari.reading.compare import Compare
from opp_mri_napari.reading.contours.contouring import Contouring
from opp_mri_napari.reading.contours.outlines import build_outlines, describe_volume
from opp_mri_napari.reading.cross_lines import build_cross_marks
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.pane_words import (
    describe_slice,
    describe_window,
    list_header_lines,
    list_technique_lines,
    name_series,
)
from opp_mri_napari.reading.panels.side_views import describe_answer
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.reading.proposals import Proposals
from opp_mri_napari.shared.geometry import ScreenPoint

STATE_WORDS: Final = {Origin.ACCEPTED: ", accepted", Origin.EDITED: ", edited"}
STRIP_ASIDE: Final = 2  # slices of the strip on each side of the shown one
STRIP_HALF_MM: Final = 30.0
SAME_PLANE_DEG: Final = 15.0  # a caliper of a plane that is tilted further is not a ghost
HALF_VERTEBRA_MM: Final = 12.0
OBLIQUE_COS: Final = 0.7  # an image across the spine, rather than along it
LOCATOR_PX: Final = 110  # most pixels of the small whole image


class PaneViews:
    """Makes snapshots of panes from what the room holds."""

    def __init__(
        self, session: Session, panes: Panes, calipers: Calipers, navigation: Navigation,
        words: PlaceWords, switches: Switches, compare: Compare, proposals: Proposals,
        contouring: Contouring,
    ) -> None:  # fmt: skip
        self._session, self._panes, self._calipers = session, panes, calipers
        self._navigation, self._words, self._switches = navigation, words, switches
        self._compare, self._proposals, self._contouring = compare, proposals, contouring
        self._marks = CaliperMarks(session, calipers)
        self._latest: dict[str, PaneView] = {}

    def build(
        self, mouse: tuple[Pane, ScreenPoint] | None, changed_day: date | None = None
    ) -> tuple[PaneView, ...]:
        """Return all panes as they are drawn.

        Parameters
        ----------
        mouse
            The pane under the mouse, and where on it.
        changed_day
            The time point whose panes alone may have changed; None for all.
        """
        before = {} if changed_day is None else self._latest
        self._latest = {
            pane.pane_id: before[pane.pane_id]
            if pane.study_date != changed_day and pane.pane_id in before
            else self.view(pane, mouse)
            for pane in self._panes.panes
        }
        return tuple(self._latest.values())

    def view(self, pane: Pane, mouse: tuple[Pane, ScreenPoint] | None) -> PaneView:
        """Return a pane as it is drawn.

        Parameters
        ----------
        mouse
            The pane under the mouse, and where on it.
        """
        active, blind = pane is self._panes.current, self._session.blinding is not None
        series_name, *shorter_names = name_series(pane, self._words.describe_time(pane.study_date))
        words = PaneView(
            pane_id=pane.pane_id,
            heading=self._words.write_heading(pane.study_date),
            series_name=series_name,
            shorter_names=tuple(shorter_names),
            active=active,
            voxels=None,
            state=self._state(pane),
            doubts=pane.doubts,
            technique=list_technique_lines(pane.technique),
        )
        if pane.volume is None or pane.geometry is None or pane.images is None:
            return evolve(
                words, message=self._find_message(pane), loading=is_loading(self._session, pane)
            )
        shows_line = active or not blind  # a blinded reader sees no line of another time point
        ghost = None
        if self._switches.ghost and not blind and not pane.aside:
            ghost = find_ghost(self._session, pane, self._navigation.find_prior(pane))
        near = _keep_near(pane, ghost)
        return evolve(
            words,
            voxels=pane.images,
            scale_mm=pane.geometry.scale_mm,
            slice_index=pane.place,
            slice_text=", ".join(
                part
                for part in (
                    describe_slice(pane, blind=blind),
                    self._describe_line(pane),
                )
                if part
            ),
            window=self._panes.get_window(pane),
            window_text=describe_window(self._panes.get_window(pane)),
            header=() if blind else list_header_lines(pane.volume),
            centre=pane.centre,
            zoom=self._panes.zoom_of(pane),
            letters=pane.geometry.letters,
            mixed=self._compare.mix_images(pane, self._panes.get_window(pane)) if active else None,
            compared=self._compare.describe_comparison(pane) if active else "",
            marks=(
                *(self._marks.build_marks(pane, near, active=active) if shows_line else ()),
                *build_cross_marks(pane, self._panes),
            ),
            outlines=build_outlines(self._session, self._contouring, pane) if shows_line else (),
            level=self._build_level(pane),
            locator=_build_locator(pane),
            badge=_write_badge(ghost),
            link_note=self._navigation.levels.write_sentence(pane),
            link_is_open=self._navigation.levels.find_known(pane) is None,
            magnified=self._find_magnified(pane, mouse),
            proposal=self._proposals.describe_proposal(pane),
            volume=describe_volume(
                self._session, self._contouring, self._calipers.find_cell_of(pane)
            )
            if shows_line
            else "",
            strip=self._strip(pane) if active else (),
        )

    def _find_message(self, pane: Pane) -> str:
        if pane.volume is None:
            return pane.why_empty
        return self._session.cache.failures.get(pane.volume.volume_id) or "loading …"

    def _state(self, pane: Pane) -> str:
        lesion = self._session.lesion
        reading = self._calipers.find_reading(pane)
        is_elsewhere = reading is None or place_of(pane, reading) is None
        if lesion is None or (pane.aside and is_elsewhere):  # the answer stands on its own pane
            return ""
        if reading is None:
            return self._describe_unread(pane)
        counts = not reading.draft or reading.reading_id in lesion.settled
        if self._session.blinding is not None and pane is not self._panes.current:
            return "signed" if counts else "draft"
        text = f"{'signed' if counts else 'draft'} {describe_answer(reading)}"
        text = f"{text}{STATE_WORDS.get(reading.origin, '')}"
        if any(remark.startswith(OVERRIDDEN) for remark in reading.remarks):
            text = f"{text}, by override"
        return text

    def _describe_unread(self, pane: Pane) -> str:
        """State what is recorded for a cell without a length: its contours, or nothing."""
        contours, lesion = self._contouring.find_reading(pane), self._session.lesion
        if contours is None or lesion is None:
            return "unread" if self._calipers.find_cell_of(pane) and pane.volume is not None else ""
        counts = not contours.draft or contours.reading_id in lesion.signed
        return f"{'signed' if counts else 'draft'} volume"

    def _describe_line(self, pane: Pane) -> str:
        """State on which slices candidates lie, or where the line is if it is not shown."""
        reading = self._calipers.find_reading(pane)
        may_tell = self._session.blinding is None or pane is self._panes.current
        if reading is None or reading.caliper is None or not may_tell:
            return ""
        if self._calipers.keeps_greatest and (candidates := self._calipers.find_candidates(pane)):
            sorted_lines = sorted(candidates.items())
            return "lines " + ", ".join(f"{length} on {at + 1}" for at, (length, _) in sorted_lines)
        place = place_of(pane, reading)
        if place is None:
            return "" if pane.aside else "line on another series"
        return "" if place == pane.place else f"line on {place + 1}"

    def _build_level(self, pane: Pane) -> LevelMark | None:
        lesion, known_level = self._session.lesion, self._navigation.levels.find_known(pane)
        if lesion is None or pane.plane is None or pane.geometry is None:
            return None
        name = lesion.lesion.level
        proposed_point = self._navigation.levels.proposed.get(pane.frame)
        if known_level is None and proposed_point is not None:
            at = pane.geometry.screen_from_pixel(pane.plane.pixel_from_lps(proposed_point))
            return LevelMark(text=f"{name}?", place=at, confirmed=False)
        if known_level is None:
            return LevelMark(text=f"{name}?", place=None)
        at = pane.geometry.screen_from_pixel(pane.plane.pixel_from_lps(known_level[1]))
        off_mm = abs(pane.plane.measure_distance_mm(known_level[1]))
        is_across = abs(pane.plane.normal[2]) > OBLIQUE_COS
        if off_mm > HALF_VERTEBRA_MM and is_across:  # another vertebra may lie here
            return LevelMark(text=f"{name} is {off_mm:.0f} mm away", place=None)
        return LevelMark(text=name, place=at)

    def _find_magnified(
        self, pane: Pane, mouse: tuple[Pane, ScreenPoint] | None
    ) -> ScreenPoint | None:
        """Return the place under the magnifier: the dragged or selected end, or the mouse."""
        calipers = self._calipers
        line, dragged_end = calipers.line.line, calipers.line.dragged
        if calipers.on is pane and line is not None and dragged_end is not None:
            if pane.geometry is not None and line[0] != line[1]:
                return pane.geometry.screen_from_pixel(line[dragged_end])
            return None
        if not self._switches.magnifier:
            return None
        movable_line = calipers.find_movable_line(pane) if pane is self._panes.current else None
        if calipers.selected is not None and movable_line is not None and pane.geometry is not None:
            return pane.geometry.screen_from_pixel(movable_line[calipers.selected])
        return mouse[1] if mouse is not None and mouse[0] is pane else None

    def _strip(self, pane: Pane) -> tuple[StripSlice, ...]:
        if pane.images is None or pane.geometry is None:
            return ()
        _, down_mm, across_mm = pane.geometry.scale_mm
        reading = self._calipers.find_reading(pane)
        measured_slice = place_of(pane, reading) if reading is not None else None
        down, across = pane.centre
        caliper = reading.caliper if reading is not None else None
        if pane.whole and pane.plane and caliper is not None and measured_slice is not None:
            # of a whole image the middle is not where the lesion is
            middle = pane.plane.pixel_from_lps(caliper.middle_lps_mm)
            down, across = pane.geometry.screen_from_pixel(middle)
        top, left = down - STRIP_HALF_MM, across - STRIP_HALF_MM
        rows = slice(max(0, round(top / down_mm)),
                     max(1, round((down + STRIP_HALF_MM) / down_mm)))  # fmt: skip
        columns = slice(max(0, round(left / across_mm)),
                        max(1, round((across + STRIP_HALF_MM) / across_mm)))  # fmt: skip
        first = min(
            max(0, pane.place - STRIP_ASIDE), max(0, len(pane.images) - 2 * STRIP_ASIDE - 1)
        )
        return tuple(
            StripSlice(
                slice_index=n, picture=pane.images[n, rows, columns], measured=n == measured_slice
            )
            for n in range(first, min(first + 2 * STRIP_ASIDE + 1, len(pane.images)))
        )


def is_loading(session: Session, pane: Pane) -> bool:
    """Return whether a pane's images are on their way."""
    if pane.volume is None or pane.images is not None:
        return False
    return pane.volume.volume_id not in session.cache.failures


def list_unreadable(session: Session, panes: Panes) -> str:
    """State how many of the shown series cannot be read, and what to do; "" where all can."""
    volumes = [pane.volume for pane in panes.panes if pane.volume is not None]
    count = sum(volume.volume_id in session.cache.failures for volume in volumes)
    if not count:
        return ""
    subject = (
        "The series shown" if len(volumes) == 1 else f"{count} of the {len(volumes)} series shown"
    )
    return (
        f"{subject} cannot be read; the pane says why. Answers are kept. "
        "If the images are on a drive "
        "that was removed, connect it: Ctrl+S tries again."
    )


def _keep_near(pane: Pane, ghost: Carried | None) -> Carried | None:
    """Show a ghost only on the slice that it lies in."""
    if ghost is None or pane.volume is None:
        return None
    if ghost.tilt_deg > SAME_PLANE_DEG:
        return None
    spacing_mm = pane.volume.slice_spacing_mm or pane.volume.instance.slice_thickness_mm or 0.0
    return ghost if abs(ghost.offset_mm) <= spacing_mm / 2 + 1e-6 else None


def _write_badge(ghost: Carried | None) -> str:
    if ghost is None:
        return ""
    if ghost.tilt_deg > SAME_PLANE_DEG:
        return f"not the prior plane: tilted by {ghost.tilt_deg:.0f}°"
    return f"prior plane {ghost.offset_mm:+.1f} mm, tilt {ghost.tilt_deg:.1f}°"


def _build_locator(pane: Pane) -> Locator | None:
    """Return the whole image, small, unless the pane shows it whole anyway."""
    if pane.images is None or pane.geometry is None or pane.whole:
        return None
    image = pane.images[pane.place]
    step = max(1, -(-max(image.shape) // LOCATOR_PX))
    _, down_mm, across_mm = pane.geometry.scale_mm
    return Locator(
        picture=image[::step, ::step],
        size_mm=(image.shape[0] * down_mm, image.shape[1] * across_mm),
    )
