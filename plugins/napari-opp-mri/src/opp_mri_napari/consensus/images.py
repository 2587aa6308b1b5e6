"""The images on which two answers to a cell are looked at: that of A or B, or another series."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import PixelPoint, Reading
from opp_mri.workflow.catalogue.patients import list_time_points
from opp_mri.workflow.double_read.consensus import Pair
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.project import Project
from opp_mri.workflow.reading_room.room import find_nearest_place, load_images
from opp_mri_napari.shared.geometry import (
    PaneGeometry,
    ScreenPoint,
    build_pane_geometry,
    choose_window,
)
from opp_mri_napari.shared.work import ImageCache, Job

Line = tuple[ScreenPoint, ScreenPoint]


@frozen(kw_only=True, eq=False)
class Shown:
    """The series that a pair is looked at on, and how it lies on the screen."""

    volume: VolumeDescription
    geometry: PaneGeometry

    def place_on_screen(self, start: PixelPoint, end: PixelPoint) -> Line:
        """Return a line as points on the screen, (down, across) in mm."""
        return self.geometry.screen_from_pixel(start), self.geometry.screen_from_pixel(end)


@frozen(kw_only=True, eq=False)
class Pictures:
    """The images of a series.

    Parameters
    ----------
    images
        Shape (slices, down, across).
    native
        The same as they are stored, shape (slices, rows, columns).
    window
        Values drawn black and white.
    """

    images: NDArray[Any] = field(repr=False)
    native: NDArray[Any] = field(repr=False)
    window: tuple[float, float]


class PairImages:
    """Which image of a pair is shown, and what is loaded of it.

    Attributes
    ----------
    letter
        Whose image is shown, A or B.
    place
        Which slice of it.
    context
        Another series of the patient that is looked at, or None for the image of A or B.
    """

    def __init__(self, project: Project, pair: Pair | ContourPair) -> None:
        self._store = project.store
        self._cache: ImageCache[Pictures] = ImageCache()
        self.open(pair)

    def open(self, pair: Pair | ContourPair) -> None:
        """Show a pair, at the line of its first answer that has one."""
        self._pair = pair
        self.letter = "A" if find_place(pair.a) else "B"
        self.place = 0
        self.context: VolumeDescription | None = None
        self._to_line()

    @property
    def reading(self) -> Reading | VolumeReading:
        """The answer whose image is shown."""
        return self._pair.a if self.letter == "A" else self._pair.b

    # --- going about

    def turn(self) -> bool:
        """Show the image of the other answer; from another series, that of the answer again.

        Returns
        -------
        bool
            False where the other answer has no line, and thus no image.
        """
        if self.context is not None:
            self.context = None
        else:
            other_reading = self._pair.b if self.letter == "A" else self._pair.a
            if find_place(other_reading) is None:
                return False
            self.letter = "B" if self.letter == "A" else "A"
        self._to_line()
        return True

    def scroll(self, steps: int) -> None:
        """Go some slices on."""
        image = self.get_shown()
        if image is not None:
            self.place = max(0, min(self.place + steps, len(image.volume.planes) - 1))

    def step_sequence(self, steps: int) -> None:
        """Look at the next sequence of the time point."""
        day, sequence = self.get_shown_place()
        volumes = self._group_volumes()
        roles = [role for role in SeriesRole if (day, role) in volumes]
        if roles:
            at = roles.index(sequence) if sequence in roles else -1
            self._look_at((day, roles[(at + steps) % len(roles)]))

    def step_time_point(self, steps: int) -> None:
        """Look at the same sequence of the next time point."""
        day, sequence = self.get_shown_place()
        days = sorted(d for d, role in self._group_volumes() if role is sequence)
        if day in days and 0 <= days.index(day) + steps < len(days):
            self._look_at((days[days.index(day) + steps], sequence))

    # --- what is shown

    def get_shown_place(self) -> tuple[date, SeriesRole]:
        """Return time point and sequence of what is shown."""
        if self.context is not None:
            for key, volume in self._group_volumes().items():
                if volume.volume_id == self.context.volume_id:
                    return key
        return self._pair.cell

    def get_shown(self) -> Shown | None:
        """Return the series that is looked at, or None where the answer has no line."""
        volume = self.context or self._find_volume_of_answer()
        if volume is None:
            return None
        geometry = build_pane_geometry(volume.planes[0], volume.slice_spacing_mm)
        return Shown(volume=volume, geometry=geometry)

    def get_pictures(self) -> Pictures | None:
        """Return the images of the series that is looked at, or None as long as they load."""
        image = self.get_shown()
        return None if image is None else self._cache.get(image.volume.volume_id)

    @property
    def failure(self) -> str:
        """Why there is no image; "" where there is one, or where the answer has no line."""
        image = self.get_shown()
        if image is not None:
            return self._cache.failures.get(image.volume.volume_id, "")
        if find_place(self.reading) is None:
            return ""
        return "The images of this answer are no longer indexed: index them again."

    def get_next_job(self) -> Job | None:
        """Return the images to load next."""
        image = self.get_shown()
        if image is None:
            return None
        volume, geometry, store = image.volume, image.geometry, self._store
        self._cache.want_images({volume.volume_id})
        if not self._cache.is_open(volume.volume_id):
            return None

        def load() -> Pictures:
            images = load_images(store, volume)
            return Pictures(
                images=geometry.turn_images(images), native=images, window=choose_window(images)
            )

        return self._cache.build_job(
            volume.volume_id, load, lambda volume_images: volume_images.images.nbytes
        )

    # --- inside

    def _find_volume_of_answer(self) -> VolumeDescription | None:
        place = find_place(self.reading)
        volumes = self._store.get_volumes_with_frame(*place) if place is not None else ()
        return volumes[0] if volumes else None

    def _group_volumes(self) -> Mapping[tuple[date, SeriesRole], VolumeDescription]:
        """Return the selected series of the patient, by time point and sequence."""
        return {
            (point.study_date, volume.role): volume
            for point in list_time_points(self._store, self._pair.lesion.patient_id)
            for volume in point.volumes
            if point.study_date and volume.selected and volume.role
        }

    def _look_at(self, key: tuple[date, SeriesRole]) -> None:
        if key == self._pair.cell:
            self.context = None
            self._to_line()
            return
        self.context = self._group_volumes()[key]
        self.place = len(self.context.planes) // 2
        caliper = None if isinstance(self.reading, VolumeReading) else self.reading.caliper
        frame = self.context.planes[0].frame_of_reference_uid
        if caliper is not None and frame and frame == caliper.frame_of_reference_uid:
            self.place = find_nearest_place(self.context, caliper.start_lps_mm)

    def _to_line(self) -> None:
        image, place = self.get_shown(), find_place(self.reading)
        if image is not None and place is not None:
            frames = [(frame.sop_instance_uid, frame.frame_number) for frame in image.volume.frames]
            self.place = frames.index(place)


def find_place(reading: Reading | VolumeReading) -> tuple[str, int] | None:
    """Return the image of an answer: that of its line, or of the middle one of its contours."""
    if isinstance(reading, VolumeReading):
        contour = reading.contours[len(reading.contours) // 2]
        return (contour.sop_instance_uid, contour.frame_number)
    if reading.caliper is None:
        return None
    return (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
