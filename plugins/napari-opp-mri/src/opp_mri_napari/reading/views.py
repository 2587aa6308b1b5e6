"""What the reading room shows, as frozen snapshots: made by the presenter, drawn by widgets.

Places on a pane are (down, across) in mm from the centre of the pane's first shown pixel, and never
lengths that count: those come from the core, as text.
"""

from datetime import date
from enum import StrEnum
from typing import Any

from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri_napari.shared.geometry import ScreenPoint

# --- panes


class MarkStyle(StrEnum):
    """What a line on a pane is."""

    OWN = "own"  # the reader's caliper
    FROZEN = "frozen"  # the reader's signed caliper
    GHOST = "ghost"  # the prior caliper, carried by a confirmed fit
    AXIS = "axis"  # the AP axis, set or being set
    HINT = "hint"  # the reader's caliper on another sequence of the same time point
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


@frozen(kw_only=True, eq=False)
class StripSlice:
    """One slice of the strip beside a pane.

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
    """The lesion's vertebra on a pane; `place` is None where nobody has said where it is."""

    text: str
    place: ScreenPoint | None


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
    centre
        Where the middle of the pane looks.
    zoom
        Screen pixels per mm.
    letters
        Patient directions at left, right, top and bottom.
    marks
        Lines on the shown slice.
    slice_text, window_text
        Which slice is shown, and width and level in stored values.
    header
        Lines in the corner of the image: series, timing, slice thickness, field strength.
    level
        The lesion's vertebra.
    locator
        The whole image, small, with what the pane shows of it; None where it shows it whole.
    technique
        What differs in acquisition from the baseline, in sentences.
    badge
        The same-plane badge, such as `prior plane +0.4 mm, tilt 1.2°`; "" for none.
    link_note
        How this pane is linked to where the lesion is known; "" where that needs no word.
    loading
        Whether its images are on their way.
    magnified
        Place under the magnifier, or None.
    state
        What is recorded for this pane's cell, such as `draft 17.3 mm`.
    strip
        Slices beside the shown one; only of the active pane.
    """

    pane_id: str
    heading: str
    series_name: str
    active: bool
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
    slice_text: str = ""
    window_text: str = ""
    header: tuple[str, ...] = ()
    level: LevelMark | None = None
    locator: Locator | None = None
    technique: tuple[str, ...] = ()
    badge: str = ""
    link_note: str = ""
    message: str = ""
    loading: bool = False
    magnified: ScreenPoint | None = None
    state: str = ""
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
    notches
        Of the wheel; up is positive.
    """

    pane_id: str
    kind: PointerKind
    place: ScreenPoint
    x_px: float
    y_px: float
    button: Button = Button.NONE
    notches: int = 0
    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    space: bool = False


# --- worklist


class CellLook(StrEnum):
    """How a cell of the worklist is drawn."""

    UNREAD = "unread"
    DRAFT = "draft"
    SIGNED = "signed"
    NOT_MEASURABLE = "not measurable"
    DISCORDANT = "discordant"
    NO_IMAGE = "no image"  # no series of the role, or it does not reach the lesion


@frozen(kw_only=True)
class CellRef:
    """A lesion on one sequence of one time point."""

    patient_id: str
    lesion_id: str
    study_date: date
    sequence: SeriesRole


@frozen(kw_only=True)
class WorklistCell:
    """A cell as it is drawn.

    Parameters
    ----------
    text
        Short: a length in mm, `gone`, `n/m`, or "".
    tip
        What it is, in a sentence.
    """

    ref: CellRef
    look: CellLook
    text: str
    tip: str
    current: bool = False


@frozen(kw_only=True)
class WorklistRow:
    """A lesion on one sequence; its cells by time point, None where there is nothing to show."""

    patient_id: str
    lesion_id: str
    level: str
    sequence: SeriesRole
    cells: tuple[WorklistCell | None, ...]
    current: bool = False


@frozen(kw_only=True)
class WorklistView:
    """The worklist.

    Parameters
    ----------
    columns
        Headings of the time points, `TP0`, `TP1` ...; a row has as many cells as its patient has
        time points.
    patients_without_lesion
        Patients that have images and no lesion yet.
    signed, drafts, unread, amendments
        How many cells are signed, wait for a signature and are unread; and how many signed ones
        have a draft that would amend them.
    search, look
        What the rows are narrowed to.
    """

    columns: tuple[str, ...]
    rows: tuple[WorklistRow, ...]
    patients_without_lesion: tuple[str, ...] = ()
    signed: int = 0
    drafts: int = 0
    unread: int = 0
    amendments: int = 0
    search: str = ""
    look: CellLook | None = None


# --- timeline


@frozen(kw_only=True)
class CurvePoint:
    """A length on the growth curve; `draft` until it is signed."""

    weeks: float
    length_mm: float
    ref: CellRef
    draft: bool
    current: bool = False


@frozen(kw_only=True)
class Curve:
    """The lengths of one sequence, in order of time."""

    sequence: SeriesRole
    points: tuple[CurvePoint, ...]


@frozen(kw_only=True)
class TimelineView:
    """The growth curve and what the rules say of it.

    Parameters
    ----------
    hidden
        Why nothing is shown (a blinded read, no lesion yet); "" where it is.
    category, rule
        The category and the rule that decided, in words.
    sentences
        Everything a radiologist would read about it.
    margin
        How little would change the category, in words.
    window_weeks
        First and last week of the time in which pseudoprogression is expected, or None.
    events
        Weeks from SSRS and words.
    """

    hidden: str = ""
    curves: tuple[Curve, ...] = ()
    category: str = ""
    rule: str = ""
    sentences: tuple[str, ...] = ()
    margin: str = ""
    window_weeks: tuple[float, float] | None = None
    events: tuple[tuple[float, str], ...] = ()


# --- sign-off


@frozen(kw_only=True)
class SignOffView:
    """What a signature covers: the reader reads this record, and this record is signed.

    Parameters
    ----------
    lesion_id
        The lesion that it was made for; "" where none is open.
    lesion
        Id and level of the lesion.
    missing
        What is not read yet, a line each: named before anything else.
    drafts
        What is signed, a line each.
    reading_ids
        The readings that stand in `drafts`, in the same order.
    statement
        The sentence that is signed.
    """

    lesion_id: str = ""
    lesion: str = ""
    missing: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    reading_ids: tuple[str, ...] = ()
    statement: str = ""


# --- the whole


@frozen(kw_only=True)
class StatusView:
    """The lines above the panes.

    Parameters
    ----------
    title
        Patient, lesion, level, reader.
    tool
        What the mouse does now, in words.
    share
        Of the baseline in an overlay, 0 to 1; None where there is no overlay.
    saved
        `saved`, `saving …`, or that something is not saved.
    banner
        What went wrong and what to do; "" for nothing.
    hint
        What would come next.
    """

    title: str
    tool: str
    saved: str
    share: float | None = None
    banner: str = ""
    hint: str = ""
