"""Text that is burned into pixels: by what the header states, and by the look of letters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from pydicom import Dataset
from scipy import ndimage

from opp_mri.dicom.deidentify.engine import has_burned_in_text

SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
FEWEST_LETTERS: Final = 4  # of one line of text
LETTER_HEIGHT: Final = (5, 48)  # pixels
LETTER_WIDTH: Final = (1, 48)
SAME_LINE: Final = 3.0  # pixels between the middles of letters of a line
MOST_SATURATED: Final = 0.2  # of an image; more of it is a background
GAP: Final = 2.5  # letter heights between neighbours of a line


@frozen(kw_only=True)
class Region:
    """A rectangle of pixels: first column and row from 0, width and height."""

    column: int
    row: int
    width: int
    height: int


def explain_pixel_risk(dataset: Dataset) -> str:
    """Explain why the pixels of an image may show text, by its header; "" where nothing says so."""
    if has_burned_in_text(dataset):
        return "Its header states that text is burned into the image."
    sop_class = str(dataset.get("SOPClassUID", ""))
    if f"{sop_class}.".startswith(f"{SECONDARY_CAPTURE}."):
        return "It is a secondary capture, which often shows the name of the patient."
    kinds = {str(kind).upper() for kind in dataset.get("ImageType", []) or []}
    if kinds & {"SCREEN SAVE", "SCREENSHOT", "REPORT", "SCREEN", "DOC"}:
        return "It is a picture of a screen."
    return ""


def blank_regions(
    frames: Sequence[NDArray[np.integer]], regions: Sequence[Region]
) -> list[NDArray[np.integer]]:
    """Return frames with some rectangles set to their lowest value."""
    blank_frames = [frame.copy() for frame in frames]
    for frame in blank_frames:
        for region in regions:
            rows = slice(region.row, region.row + region.height)
            frame[rows, region.column : region.column + region.width] = frame.min()
    return blank_frames


def may_show_text(frame: NDArray[np.integer]) -> bool:
    """Return whether an image has what looks like a line of letters of one constant value.

    Letters are burned in with one value, mostly the highest. Pixels of that value that form several
    small shapes of one height on one line are taken for text; a saturated vessel is not.
    """
    grey = frame if frame.ndim == 2 else frame.max(axis=2)
    low, high = int(grey.min()), int(grey.max())
    return high > low and any(_has_line(grey == value) for value in (high, low))


def _has_line(mask: NDArray[np.bool_]) -> bool:
    share = float(mask.mean())
    if share > MOST_SATURATED or not mask.any():
        return False
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count < FEWEST_LETTERS:
        return False
    boxes = [box for box in ndimage.find_objects(labels) if box is not None]
    letters = sorted(
        (
            (rows.start + rows.stop) / 2,
            (columns.start + columns.stop) / 2,
            float(rows.stop - rows.start),
        )
        for rows, columns in boxes
        if LETTER_HEIGHT[0] <= rows.stop - rows.start <= LETTER_HEIGHT[1]
        and LETTER_WIDTH[0] <= columns.stop - columns.start <= LETTER_WIDTH[1]
    )
    return any(_is_line(letters, middle, height) for middle, _, height in letters)


def _is_line(letters: Sequence[tuple[float, float, float]], middle: float, height: float) -> bool:
    """Return whether several shapes of about this height lie next to each other on a line."""
    columns = sorted(
        column
        for row, column, letter_height in letters
        if abs(row - middle) <= SAME_LINE and abs(letter_height - height) <= max(2.0, 0.3 * height)
    )
    run = 1
    for left, right in pairwise(columns):
        run = run + 1 if right - left <= GAP * height else 1
        if run >= FEWEST_LETTERS:
            return True
    return False
