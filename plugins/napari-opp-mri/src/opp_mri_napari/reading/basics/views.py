"""What the reading room shows, as frozen snapshots: made by the presenter, drawn by widgets.

Places on a pane are (down, across) in mm from the centre of the pane's first shown pixel, and never
lengths that count: those come from the core, as text.
"""

import re
from enum import StrEnum
from typing import Any

from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import Vector3
from opp_mri_napari.shared.geometry import ScreenPoint

# --- panes


class MarkStyle(StrEnum):
    """What a line on a pane is."""

    OWN = "own"  # the reader's caliper
    FROZEN = "frozen"  # the reader's signed caliper
    GHOST = "ghost"  # the prior caliper, carried by a confirmed fit
    AXIS = "axis"  # the AP axis, set or being set
    HINT = "hint"  # the reader's caliper on another sequence of the same time point
    PROPOSAL = "proposal"  # what the program proposes for a cell without an answer
    CANDIDATE = "candidate"  # a line that was drawn and is not the greatest
    CROSS = "cross"  # where the active pane's image cuts this one
    A = "A"  # one of two unnamed readers, in consensus
    B = "B"


@frozen(kw_only=True)
class Mark:
    """A line on a pane, drawn the same at any zoom.

    Parameters
    ----------
    start, end
        Its ends on the screen.
    label
        Its length as the core gives it, such as `17.3 mm`; "" for none.
    detail
        A second, quieter line, such as `AP 17.1 mm, 4°`.
    selected
        End with the handle that keys move: 0, 1 or None.
    dragged
        End that is being dragged: its handle is hidden and magnified; 0, 1 or None.
    """

    style: MarkStyle
    start: ScreenPoint
    end: ScreenPoint
    label: str = ""
    detail: str = ""
    selected: int | None = None
    dragged: int | None = None


@frozen(kw_only=True)
class Outline:
    """A contour on a pane, drawn the same at any zoom.

    Parameters
    ----------
    style
        `OWN`, `FROZEN` (signed), `HINT`: of a reference vertebra, or `CANDIDATE`: interpolated
        between drawn slices, or not changed by the tool that is chosen, dashed.
    points
        Its corners on the screen.
    closed
        False while it is drawn.
    handles
        Clicks to mark while it is drawn.
    """

    style: MarkStyle
    points: tuple[ScreenPoint, ...] = field(repr=False)
    closed: bool = True
    handles: tuple[ScreenPoint, ...] = ()


@frozen(kw_only=True, eq=False)
class StripSlice:
    """One slice of the strip next to a pane.

    Parameters
    ----------
    slice_index
        Of the volume.
    picture
        Its native values around the lesion, shape (down, across).
    measured
        Whether the reader's caliper lies on it.
    """

    slice_index: int
    picture: NDArray[Any] = field(repr=False)
    measured: bool


@frozen(kw_only=True)
class LevelMark:
    """The lesion's vertebra on a pane; `place` is None where nobody has said where it is.

    `confirmed` is False where a fit that waits puts it there.
    """

    text: str
    place: ScreenPoint | None
    confirmed: bool = True


@frozen(kw_only=True, eq=False)
class Locator:
    """The whole shown image, small, and its size in mm (down, across)."""

    picture: NDArray[Any] = field(repr=False)
    size_mm: ScreenPoint


@frozen(kw_only=True, eq=False)
class PaneView:
    """One pane: a volume of one time point in its own native geometry.

    Parameters
    ----------
    pane_id
        Constant for a time point as long as the patient is open.
    heading
        Time point, such as `TP1 · +8.1 weeks`.
    series_name
        Sequence, date, and the series as the scanner calls it.
    active
        Whether keys act on this pane.
    voxels
        Shape (slices, down, across), turned upright, native values; None where there is no image:
        then `message` says why, or that it loads.
    scale_mm
        Size of a voxel along these.
    slice_index
        The slice that is shown.
    mixed
        What is drawn instead of the native slice (baseline, overlay, difference); None for that.
    compared
        What that is, in words.
    window
        Values that are drawn black and white.
    shorter_names
        Shorter names of the series, for a narrow pane.
    centre
        Where the middle of the pane looks.
    zoom
        Screen pixels per mm.
    letters
        Patient directions at left, right, top and bottom.
    marks, outlines
        Lines and contours on the shown slice.
    slice_text, window_text
        Which slice is shown, and width and level in stored values.
    header
        Lines in the corner of the image: series, timing, slice thickness, field strength.
    level
        The lesion's vertebra.
    locator
        The whole image, small, with what the pane shows of it; None where it shows it whole.
    technique
        What differs in acquisition from the baseline, in few words.
    doubts
        What speaks against the role of a series in doubt, in sentences.
    badge
        The same-plane badge, such as `prior plane +0.4 mm, tilt 1.2°`; "" for none.
    link_note
        How this pane is linked to where the lesion is known; "" where that needs no word.
    link_is_open
        Whether the note asks for something, as no level is confirmed here.
    loading
        Whether its images are on their way.
    magnified
        Place under the magnifier, or None.
    state
        What is recorded for this pane's cell, such as `draft 17.3 mm`.
    proposal
        What is proposed for this pane's cell and how sure it is, or why nothing is, in words.
    volume
        The volume within the contours of this pane's cell, in words; "" where there are none.
    strip
        Slices next to the shown one; only of the active pane.
    """

    pane_id: str
    heading: str
    series_name: str
    active: bool
    shorter_names: tuple[str, ...] = ()
    voxels: NDArray[Any] | None = field(default=None, repr=False)
    scale_mm: Vector3 = (1.0, 1.0, 1.0)
    slice_index: int = 0
    mixed: NDArray[Any] | None = field(default=None, repr=False)
    compared: str = ""
    window: tuple[float, float] = (0.0, 1.0)
    centre: ScreenPoint = (0.0, 0.0)
    zoom: float = 1.0
    letters: tuple[str, str, str, str] = ("", "", "", "")
    marks: tuple[Mark, ...] = ()
    outlines: tuple[Outline, ...] = ()
    slice_text: str = ""
    window_text: str = ""
    header: tuple[str, ...] = ()
    level: LevelMark | None = None
    locator: Locator | None = None
    technique: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    badge: str = ""
    link_note: str = ""
    link_is_open: bool = False
    message: str = ""
    loading: bool = False
    magnified: ScreenPoint | None = None
    state: str = ""
    proposal: str = ""
    volume: str = ""
    strip: tuple[StripSlice, ...] = ()


class PointerKind(StrEnum):
    """What the mouse did."""

    PRESS = "press"
    MOVE = "move"  # with or without a button
    RELEASE = "release"
    DOUBLE = "double"
    WHEEL = "wheel"
    LEAVE = "leave"


class Button(StrEnum):
    """Which button; `NONE` for a move without one."""

    NONE = "none"
    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


@frozen(kw_only=True)
class Pointer:
    """A mouse event on a pane.

    Parameters
    ----------
    place
        Where it is in the pane's mm, by the zoom and centre that the pane shows.
    x_px, y_px
        Where it is on the pane, in screen pixels from its top left.
    size_px
        Width and height of the pane's image area.
    notches
        Of the wheel; up is positive.
    """

    pane_id: str
    kind: PointerKind
    place: ScreenPoint
    x_px: float
    y_px: float
    size_px: tuple[float, float] = (0.0, 0.0)
    button: Button = Button.NONE
    notches: int = 0
    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    space: bool = False


def shorten_proposal(words: str) -> str:
    """Return of what is said about a proposal what a small pane has room for."""
    if words.startswith("No proposal."):
        return "No proposal."
    slice_words = re.search(r"on slice \d+", words)
    parts = (
        f"O{slice_words[0][1:]}." if slice_words else "",
        "Enter accepts it." if words.endswith("Enter accepts it.") else "",
    )
    return " ".join(part for part in parts if part)


def shorten_state(state: str) -> str:
    """Return what is recorded, with the signs of the worklist, for a narrow pane."""
    for word, sign in (("draft", "◐"), ("signed", "●"), ("unread", "○")):
        if state.startswith(word):
            mark = " !" if state.endswith("by override") else ""
            return f"{sign}{state.removeprefix(word)}".partition(",")[0] + mark
    return state


def shorten_badge(badge: str) -> tuple[str, ...]:
    """Return shorter wordings of the same-plane badge, for a narrow pane."""
    short = badge.replace("prior plane ", "plane ").replace(
        "not the prior plane: tilted by", "tilt"
    )
    return short, short.replace("plane ", "").replace("tilt ", "")


def shorten_heading(heading: str) -> tuple[str, ...]:
    """Return shorter wordings of a time point and its weeks, for a narrow pane."""
    return heading.replace(" weeks", " w"), heading.partition(" · ")[0]


def shorten_note(note: str) -> tuple[str, ...]:
    """Return shorter wordings of how a pane is linked, what it asks for last, for a narrow pane."""
    return note.rpartition(": ")[2], note.rpartition(", ")[2]
