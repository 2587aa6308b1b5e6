"""What the panels next to the panes show, as frozen snapshots."""

from datetime import date
from enum import StrEnum

from attrs import frozen

from opp_mri.domain.imaging import SeriesRole

# --- worklist


class CellLook(StrEnum):
    """How a cell of the worklist is drawn."""

    UNREAD = "unread"
    DRAFT = "draft"
    SIGNED = "signed"
    NOT_MEASURABLE = "not measurable"
    DISCORDANT = "discordant"
    IN_DOUBT = "in doubt"  # a series that may have the role waits to be settled
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
        Short: a length in mm, `gone`, `n/m`, `vol` for contours alone, or "".
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
    signed, drafts, unread, in_doubt, amendments
        How many cells are signed, wait for a signature, are unread, and wait for a series to be
        settled; and how many signed ones have a draft that would amend them.
    search, look
        What the rows are narrowed to.
    """

    columns: tuple[str, ...]
    rows: tuple[WorklistRow, ...]
    patients_without_lesion: tuple[str, ...] = ()
    signed: int = 0
    drafts: int = 0
    unread: int = 0
    in_doubt: int = 0
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
