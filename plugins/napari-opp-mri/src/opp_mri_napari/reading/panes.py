"""Panes side by side, each in its native geometry, following one place of the body."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from opp_mri.domain.geometry import ImagePlane, Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.transform import RigidTransform
from opp_mri.workflow.reading_room.room import find_nearest_place
from opp_mri_napari.reading.basics.layout import Slot
from opp_mri_napari.reading.basics.session import Loaded
from opp_mri_napari.shared.geometry import (
    PaneGeometry,
    ScreenPoint,
    build_pane_geometry,
    find_direction_to_left,
)

Linking = Callable[[str, str], RigidTransform | None]
"""Gives the transform to a frame of reference from another one, or None where none links them."""

BOX_MM: Final = 35.0  # half of the box that a lesion's window is taken from
LESION_SHOWN_MM: Final = 130.0  # height that a pane shows around a lesion: four lumbar levels
ZOOM_LIMITS: Final = (0.3, 80.0)  # screen pixels per mm
LESION_QUANTILES: Final = (0.01, 0.99)
PRESETS: Final = (  # MR has no absolute units: a preset is a share of the values near the lesion
    ("wide", (0.0, 1.0)),
    ("lesion", LESION_QUANTILES),
    ("narrow", (0.1, 0.9)),
    ("bright", (0.4, 0.999)),
)
FACTOR_LIMITS: Final = (0.1, 40.0)
ZOOM_STEP: Final = 1.15


@define(kw_only=True, eq=False)
class Pane:
    """One sequence of one time point as it is looked at.

    Attributes
    ----------
    sequence
        What a caliper drawn here is recorded for.
    whole
        Whether the pane shows its image whole: so it is as long as nobody has said where the
        lesion's vertebra is.
    aside
        Whether it shows another series next to the pane that is read.
    volume
        What is shown, or None where there is nothing of this sequence.
    images
        Its images as they lie on the screen, or None as long as they are not there.
    place
        Which image of the volume is shown.
    focus
        Where the middle of the pane looks, LPS mm in the volume's frame of reference.
    own_window
        Values drawn black and white before the reader changes them; None for those of the images.
    why_empty
        Why there is no volume.
    technique
        What differs in acquisition from the baseline of the sequence, in sentences.
    doubts
        What speaks against the role of a series in doubt, in sentences.
    """

    study_date: date
    sequence: SeriesRole = SeriesRole.T1
    whole: bool = True
    aside: bool = False
    volume: VolumeDescription | None = None
    geometry: PaneGeometry | None = None
    loaded: Loaded | None = field(default=None, repr=False)
    images: NDArray[np.generic] | None = field(default=None, repr=False)
    place: int = 0
    focus: Vector3 | None = None
    own_window: tuple[float, float] | None = None
    why_empty: str = ""
    technique: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def pane_id(self) -> str:
        """Constant for one sequence of one time point."""
        return f"{self.study_date} {self.sequence.value}{' aside' if self.aside else ''}"

    @property
    def shown_mm(self) -> float:
        """Height of what the pane shows before the reader zooms, mm."""
        if not self.whole or self.geometry is None:
            return LESION_SHOWN_MM
        rows, columns = self.geometry.last_pixel
        row_mm, column_mm = self.geometry.spacing_mm
        return rows * row_mm if self.geometry.turn.vertical == 1 else columns * column_mm

    @property
    def frame(self) -> str:
        """Frame of reference of what is shown; "" for none."""
        return self.volume.planes[0].frame_of_reference_uid if self.volume else ""

    @property
    def plane(self) -> ImagePlane | None:
        """The plane of the image that is shown."""
        return self.volume.planes[self.place] if self.volume else None

    @property
    def centre(self) -> ScreenPoint:
        """Where the middle of the pane looks, on the screen."""
        if self.plane is None or self.geometry is None or self.focus is None:
            return (0.0, 0.0)
        return self.geometry.screen_from_pixel(self.plane.pixel_from_lps(self.focus))

    def look_at(self, point_lps_mm: Vector3) -> None:
        """Go to the image nearest to a point of this frame of reference, and centre it."""
        self.focus = point_lps_mm
        if self.volume is not None:
            self.place = find_nearest_place(self.volume, point_lps_mm)

    def go_to_place(self, place: int) -> None:
        """Go to an image of the volume; the middle of the pane stays where it is in the image."""
        if self.volume is None or self.focus is None or self.plane is None:
            return
        pixel = self.plane.pixel_from_lps(self.focus)
        self.place = max(0, min(place, len(self.volume.planes) - 1))
        self.focus = self.volume.planes[self.place].lps_from_pixel(*pixel)


class Panes:
    """The panes of a patient, moved together where their frames are linked.

    Attributes
    ----------
    panes, active
        The panes in order of time, and the place of the one that keys act on.
    zoom_factor
        How far the reader has zoomed in, the same in all panes; 1 for what each shows by itself.
    level, width
        The window of all panes: shift of its middle, in widths of each pane's own window, and
        factor of its width.
    height_px
        Height of a pane, as last told.
    layouts
        How often panes were laid out.
    """

    def __init__(self) -> None:
        self.panes: list[Pane] = []
        self.active = 0
        self.zoom_factor = 1.0
        self.level, self.width = 0.0, 1.0
        self.height_px = 600.0
        self.layouts = 0
        self._preset = 0
        self.linking: Linking = lambda _to, _from: None

    @property
    def current(self) -> Pane | None:
        """The active pane."""
        return self.panes[self.active] if self.panes else None

    def zoom_of(self, pane: Pane) -> float:
        """Return the screen pixels per mm of a pane."""
        low, high = ZOOM_LIMITS
        return min(high, max(low, self.height_px / pane.shown_mm * self.zoom_factor))

    @property
    def zoom(self) -> float:
        """Screen pixels per mm of the active pane."""
        return self.zoom_of(self.current) if self.current is not None else 1.0

    def find_pane(self, day: date) -> Pane | None:
        """Return a pane of a time point, the active one first, or None where it is not shown."""
        sorted_panes = sorted(self.panes, key=lambda pane: pane is not self.current)
        return next((pane for pane in sorted_panes if pane.study_date == day), None)

    def lay_out(self, slots: Sequence[Slot], active: Slot) -> None:
        """Show these time points and sequences; panes that stay keep what they show.

        A pane whose sequence changes stays at the same place of the body.
        """
        self.layouts += 1
        remaining_panes = [pane for pane in self.panes if not pane.aside]
        free_panes = {(pane.study_date, pane.sequence): pane for pane in remaining_panes}
        panes_by_slot = {slot: free_panes.pop(slot) for slot in slots if slot in free_panes}
        for day, sequence in slots:
            if (day, sequence) in panes_by_slot:
                continue
            same_day = next((slot for slot in free_panes if slot[0] == day), None)
            if same_day is not None:
                pane = free_panes.pop(same_day)
                pane.sequence = sequence
            else:
                pane = Pane(study_date=day, sequence=sequence)
            panes_by_slot[(day, sequence)] = pane
        self.panes = [panes_by_slot[slot] for slot in slots]
        self.active = list(slots).index(active) if active in slots else 0

    def show(
        self, pane: Pane, volume: VolumeDescription | None, why_empty: str = "",
        level: Vector3 | None = None,
    ) -> None:  # fmt: skip
        """Show a volume in a pane, at the same place of the body as far as that is known.

        Parameters
        ----------
        level
            Where the lesion's vertebra is in the volume, LPS mm, for a pane that follows no other.
        """
        pane.why_empty = why_empty
        if volume is pane.volume:
            return
        before, frame = pane.focus, pane.frame
        pane.volume, pane.loaded, pane.images, pane.own_window = volume, None, None, None
        if volume is None:
            pane.geometry, pane.focus, pane.place = None, None, 0
            return
        pane.geometry = build_pane_geometry(volume.planes[0], volume.slice_spacing_mm)
        pane.place = min(pane.place, len(volume.planes) - 1)
        place = self._carry_point(before, frame, pane.frame) or self._place_of_others(pane)
        pane.look_at(place or level or find_middle(volume))

    def take_images(self, images: Callable[[VolumeDescription], Loaded | None]) -> None:
        """Take what has been loaded."""
        for pane in self.panes:
            if pane.volume is not None and pane.geometry is not None and pane.loaded is None:
                pane.loaded = images(pane.volume)
                if pane.loaded is not None:
                    pane.images = pane.geometry.turn_images(pane.loaded.images)

    def scroll(self, pane: Pane, steps: int) -> None:
        """Go some slices on, towards the patient's left for positive ones; the others follow."""
        if pane.plane is not None:
            pane.go_to_place(pane.place + steps * find_direction_to_left(pane.plane))
            self.follow(pane)

    def go_to_place(self, pane: Pane, place: int) -> None:
        """Go to one image of a pane; the others follow."""
        pane.go_to_place(place)
        self.follow(pane)

    def look_at(self, pane: Pane, point_lps_mm: Vector3) -> None:
        """Look at a place of a pane's frame of reference; the others follow."""
        pane.look_at(point_lps_mm)
        self.follow(pane)

    def pan(self, pane: Pane, down_mm: float, across_mm: float) -> None:
        """Move the image under the middle of the pane; the others follow."""
        if pane.plane is None or pane.geometry is None:
            return
        down, across = pane.centre
        pixel = pane.geometry.pixel_from_screen((down - down_mm, across - across_mm))
        pane.focus = pane.plane.lps_from_pixel(*pixel)
        self.follow(pane)

    def follow(self, leader: Pane) -> None:
        """Have every linked pane look at the leader's place of the body."""
        for pane in self.panes:
            if pane is not leader and pane.volume is not None:
                place = self._carry_point(leader.focus, leader.frame, pane.frame)
                if place is not None:
                    pane.look_at(place)

    def is_linked(self, pane: Pane) -> bool:
        """Return whether a pane follows the active one."""
        leader = self.current
        if leader is None or pane is leader or not leader.frame:
            return True
        return bool(pane.frame) and self.linking(pane.frame, leader.frame) is not None

    def magnify(self, notches: int) -> None:
        """Zoom all panes in or out."""
        low, high = FACTOR_LIMITS
        self.zoom_factor = min(high, max(low, self.zoom_factor * ZOOM_STEP**notches))

    def get_window(self, pane: Pane) -> tuple[float, float]:
        """Return the values that are drawn black and white in a pane."""
        if pane.loaded is None:
            return (0.0, 1.0)
        low, high = pane.own_window or pane.loaded.window
        span = high - low
        middle = (low + high) / 2 + self.level * span
        half = max(span * self.width / 2, 1e-6)
        return (middle - half, middle + half)

    def change_window(self, level: float, width: float) -> None:
        """Move the window of all panes by shares of their own, and multiply its width."""
        self.level = min(2.0, max(-2.0, self.level + level))
        self.width = min(10.0, max(0.02, self.width * width))

    def reset_window(self) -> None:
        """Restore in every pane the window of its images."""
        self.level, self.width = 0.0, 1.0
        for pane in self.panes:
            pane.own_window = None

    def choose_windows(self, quantiles: tuple[float, float] = LESION_QUANTILES) -> None:
        """Window every pane from the surroundings of the place that it looks at."""
        self.level, self.width = 0.0, 1.0
        for pane in self.panes:
            pane.own_window = _choose_window_around(pane, quantiles)

    def copy_window(self, source: Pane) -> None:
        """Set every pane to the very window of one."""
        window = self.get_window(source)
        self.level, self.width = 0.0, 1.0
        for pane in self.panes:
            pane.own_window = window

    def choose_next_preset(self) -> str:
        """Set every pane to the next window preset; return its name."""
        name, quantiles = PRESETS[self._preset % len(PRESETS)]
        self._preset += 1
        self.choose_windows(quantiles)
        return name

    def _carry_point(self, point: Vector3 | None, from_frame: str, to_frame: str) -> Vector3 | None:
        if point is None or not from_frame:
            return None
        transform = self.linking(to_frame, from_frame)
        if transform is None:
            return None
        x, y, z = transform.apply(np.asarray(point)).tolist()
        return (x, y, z)

    def _place_of_others(self, pane: Pane) -> Vector3 | None:
        """Return where another pane looks, in this one's frame; the active pane first."""
        panes = sorted(self.panes, key=lambda pane: pane is not self.current)
        for other_pane in panes:
            if other_pane is not pane and other_pane.volume is not None:
                place = self._carry_point(other_pane.focus, other_pane.frame, pane.frame)
                if place is not None:
                    return place
        return None


def find_middle(volume: VolumeDescription) -> Vector3:
    """Return the middle of the middle image of a volume, LPS mm."""
    plane = volume.planes[len(volume.planes) // 2]
    return plane.lps_from_pixel((plane.columns - 1) / 2, (plane.rows - 1) / 2)


def _choose_window_around(pane: Pane, quantiles: tuple[float, float]) -> tuple[float, float] | None:
    """Return a window from the values around the place that a pane looks at."""
    if pane.images is None or pane.geometry is None:
        return None
    box = pane.images[pane.place]
    for axis, (middle, step_mm) in enumerate(
        zip(pane.centre, pane.geometry.scale_mm[1:], strict=True)
    ):
        first = max(0, round((middle - BOX_MM) / step_mm))
        last = max(first, round((middle + BOX_MM) / step_mm) + 1)
        box = box[first:last] if axis == 0 else box[:, first:last]
    if box.size == 0:
        return None
    low, high = (float(x) for x in np.quantile(box, quantiles))
    return (low, high if high > low else low + 1.0)
