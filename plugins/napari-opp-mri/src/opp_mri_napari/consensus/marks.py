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

    Parameters
    ----------
    place
        Which slice.
    new_contours
        What is drawn or proposed.
    path
        The points of a contour that is open on this slice.
    """
    frame = image.volume.frames[place]
    screen_from_pixel = image.geometry.screen_from_pixel
    outlines = {
        letter: [
            [screen_from_pixel(point) for point in (*contour.points, contour.points[0])]
            for contour in contours
            if contour.image == frame
        ]
        for letter, contours in (
            ("A", pair.a.contours), ("B", pair.b.contours), ("new", new_contours)
        )
    }  # fmt: skip
    if path:
        outlines["new"].append([screen_from_pixel(point) for point in path])
    return {letter: paths for letter, paths in outlines.items() if paths}


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
