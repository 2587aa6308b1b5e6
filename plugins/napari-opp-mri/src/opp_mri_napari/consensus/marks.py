"""What is drawn over the image of a pair: lines and contours of A and B, and what is new."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from opp_mri.domain.contour import Contour
from opp_mri.domain.measurement import PixelPoint
from opp_mri.workflow.double_read.consensus import Pair
from opp_mri.workflow.double_read.resolving import NewLine
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.measuring.contours import outline_slices
from opp_mri_napari.consensus.images import Line, Shown
from opp_mri_napari.shared.geometry import ScreenPoint

DASH_MM: Final = 1.2
DASHED: Final = 3  # every third side of a dashed contour is left out
Path = list[ScreenPoint]


def find_lines(image: Shown, place: int, pair: Pair, new_line: NewLine | None) -> dict[str, Line]:
    """Return the lines on a slice, by letter.

    Parameters
    ----------
    place
        Which slice.
    new_line
        What is proposed, or None.
    """
    frame = image.volume.frames[place]
    current_frame = (frame.sop_instance_uid, frame.frame_number)
    lines: dict[str, Line] = {}
    for letter, reading in (("A", pair.a), ("B", pair.b)):
        caliper = reading.caliper
        if (
            caliper is not None
            and (caliper.sop_instance_uid, caliper.frame_number) == current_frame
        ):
            lines[letter] = image.place_on_screen(caliper.start, caliper.end)
    if new_line and (new_line.sop_instance_uid, new_line.frame_number) == current_frame:
        lines["new"] = image.place_on_screen(*new_line.points)
    return lines


def find_outlines(
    image: Shown, place: int, pair: ContourPair, new_contours: Iterable[Contour],
    path: Sequence[PixelPoint],
) -> dict[str, list[Path]]:  # fmt: skip
    """Return the contours on a slice, by letter; a closed one ends where it begins.

    An outline that is interpolated between contours is given as separate sides, with gaps.

    Parameters
    ----------
    place
        Which slice.
    new_contours
        What is drawn or proposed.
    path
        The points of a contour that is open on this slice.
    """
    outlines = {
        letter: _trace(image, place, tuple(contours))
        for letter, contours in (
            ("A", pair.a.contours), ("B", pair.b.contours), ("new", new_contours)
        )
    }  # fmt: skip
    if path:
        outlines["new"].append([image.geometry.screen_from_pixel(point) for point in path])
    return {letter: paths for letter, paths in outlines.items() if paths}


def _trace(image: Shown, place: int, contours: Sequence[Contour]) -> list[Path]:
    """Return contours on a slice closed, or every second side of what is interpolated there."""
    volume, screen_from_pixel = image.volume, image.geometry.screen_from_pixel
    if not all(contour.image in volume.frames for contour in contours):
        return []
    outlines = outline_slices(contours, volume).get(place, ())
    paths = [[screen_from_pixel(point) for point in (*outline, outline[0])] for outline in outlines]
    if any(contour.image == volume.frames[place] for contour in contours):
        return paths
    return [list(side) for path in paths for side in list(pairwise(path))[::2]]


def build_pieces(
    lines: Mapping[str, Line], outlines: Mapping[str, Sequence[Path]]
) -> dict[str, list[Line]]:
    """Return lines and contours as the straight pieces that are drawn, B dashed."""
    pieces: dict[str, list[Line]] = {}
    for name, line in lines.items():
        pieces[name] = [*(_draw_dashes(line) if name == "B" else [line]), *_draw_ticks(line)]
    for name, paths in outlines.items():
        sides = [
            side
            for path in paths
            for number, side in enumerate(pairwise(path))
            if name != "B" or number % DASHED < DASHED - 1
        ]
        if sides:
            pieces[name] = sides
    return pieces


def _draw_dashes(line: Line) -> list[Line]:
    start, end = np.array(line[0]), np.array(line[1])
    count = max(3, round(float(np.hypot(*(end - start))) / DASH_MM) | 1)  # odd: both ends drawn
    at = [start + (end - start) * n / count for n in range(count + 1)]
    return [(tuple(at[n]), tuple(at[n + 1])) for n in range(0, count, 2)]


def _draw_ticks(line: Line) -> list[Line]:
    """Return the ends' strokes across the line."""
    start, end = np.array(line[0]), np.array(line[1])
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    across = np.array([-along[1], along[0]]) * 1.5
    return [(tuple(end_point - across), tuple(end_point + across)) for end_point in (start, end)]
