"""New contours of a pair as its resolvers draw them, slice by slice: no Qt."""

import math

from attrs import define, field

from opp_mri.domain.contour import Contour
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import PixelPoint
from opp_mri.errors import OppMriError
from opp_mri.workflow.double_read.consensus import Pair
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.measuring.contours import close_contour, follow_edge, measure_outlined
from opp_mri_napari.consensus.images import Pictures
from opp_mri_napari.shared.volume_words import format_volume


@define
class NewContours:
    """Contours that are to replace A and B.

    Attributes
    ----------
    contours
        Those that are closed.
    path
        The points of the one that is drawn, (column, row).
    place
        Which slice it is drawn on.
    """

    contours: list[Contour] = field(factory=list)
    path: list[PixelPoint] = field(factory=list)
    place: int = 0

    def click(self, pixel: PixelPoint, pictures: Pictures, place: int) -> str:
        """Add the path along the edge to a point; return why not, or ""."""
        if self.path and place != self.place:
            return "A contour is open on another slice: close it there (Enter), or Esc leaves it."
        self.place = place
        if not self.path:
            self.path = [pixel]
        elif math.dist(self.path[-1], pixel) > 0:
            self.path += self._follow(self.path[-1], pixel, pictures)[1:]
        return ""

    def close(self, volume: VolumeDescription, pictures: Pictures) -> str:
        """Close the contour that is drawn; return why not, or ""."""
        points = [*self.path, *self._follow(self.path[-1], self.path[0], pictures)[1:-1]]
        try:
            contour = close_contour(volume, self.place, points)
        except OppMriError as error:
            return str(error)
        self.contours.append(contour)
        self.path = []
        return ""

    def describe(self, volume: VolumeDescription, pair: Pair | ContourPair) -> str:
        """State the volume that would stand in place of A and B, and what would be lost."""
        measured_volume = measure_outlined(self.contours, volume)
        words = "no volume" if measured_volume is None else format_volume(measured_volume)
        drawings = (pair.a, pair.b) if isinstance(pair, ContourPair) else ()
        has_reference = any(reading.reference is not None for reading in drawings)
        loss = "; no reference vertebra, so no T2 ratio" if has_reference else ""
        return f"new contours in place of A and B, {words}{loss}"

    def take_back(self) -> bool:
        """Leave the contour that is drawn, else the last one; return whether there was any."""
        if self.path:
            self.path = []
            return True
        return bool(self.contours and self.contours.pop())

    def _follow(self, start: PixelPoint, end: PixelPoint, pictures: Pictures) -> list[PixelPoint]:
        if math.dist(start, end) < 1:
            return [start, end]
        return list(follow_edge(pictures.native[self.place], start, end))
