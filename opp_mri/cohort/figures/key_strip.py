"""The key images of a lesion on one sequence, as a strip: a panel for each visit."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
from attrs import evolve, field, frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    LINE_IN,
    SMALL_POINTS,
    TEXT_POINTS,
    add_axes,
    break_notes,
    make_sheet,
    measure_foot_in,
    wrap_text,
    write,
    write_foot,
)
from opp_mri.cohort.figures.style import INK, QUIET, use_journal_style
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_mm, weeks_from_days

Point = tuple[float, float]  # (right, down) in mm from the upper left corner of a panel

LINE_COLOUR: Final = "#FFD400"  # of the caliper, as in the reading room
END_MM: Final = 1.6  # half the length of the bars at the ends of a caliper
BAR_MM: Final = 10.0
GAP_IN: Final = 0.07
MOST_IN_A_ROW: Final = 6
LEAST_PANEL_IN: Final = 1.0
LARGEST_PANEL_IN: Final = 2.3
DARK: Final = "#161616"
NOTE: Final = (
    "Each image is a native slice of its own study: the one that was measured, or else the one "
    "nearest to the lesion. For display it is turned and enlarged within its plane along confirmed "
    "fits; all have the same field and are windowed by the same rule (1st to 99th percentile of "
    "the field). No length is measured on these pictures. Weeks are from the completion of SSRS. "
    "Research software, not a medical device."
)


@frozen(kw_only=True, eq=False)
class KeyImage:
    """The picture of a visit.

    Parameters
    ----------
    grey
        Shape (n, n), from 0, black, to 1, white; NaN outside of the native image.
    side_mm
        Length of a side in mm.
    line
        The caliper, in mm from the upper left corner; None where there is none on this image.
    letters
        Directions of the patient at the left and right edge.
    """

    grey: NDArray[np.float32] = field(repr=False)
    side_mm: float
    line: tuple[Point, Point] | None = None
    letters: tuple[str, str] = ("", "")


@frozen(kw_only=True)
class KeyPanel:
    """A visit in the strip.

    Parameters
    ----------
    study_date
        None where it is left out.
    days_from_ssrs
        Whole days from the completion of radiosurgery.
    length_mm
        What was recorded, or None.
    answer
        What is said in place of a length, or of how it came about.
    label
        What the lesion was called, as known on that day; "" for none.
    image
        None where there is none to show: `reason` says why, in words.
    """

    study_date: date | None
    days_from_ssrs: int
    length_mm: Decimal | None = None
    answer: str = ""
    label: str = ""
    image: KeyImage | None = None
    reason: str = ""

    @property
    def weeks(self) -> str:
        """Weeks from radiosurgery, with their sign."""
        return f"{weeks_from_days(self.days_from_ssrs):+.1f} weeks".replace("-", "\u2212")

    @property
    def when(self) -> str:
        """Date, where it is shown, and weeks."""
        date_and_weeks = [self.study_date.isoformat()] if self.study_date else []
        return " · ".join([*date_and_weeks, self.weeks])

    @property
    def size(self) -> str:
        """The length, or what is said in its place."""
        length = "" if self.length_mm is None else format_mm(self.length_mm)
        return " · ".join(part for part in (length, self.answer) if part)


@frozen(kw_only=True)
class KeyStrip:
    """All visits of a lesion on one sequence.

    Parameters
    ----------
    lesion_id, patient_id, reader
        "" where they are left out.
    category
        What the lesion is called, by which criteria, in words.
    panels
        In the order of time.
    technique
        What differs in acquisition from the baseline, and at which visits, in sentences.
    """

    lesion_id: str
    patient_id: str
    level: str
    sequence: SeriesRole
    reader: str
    category: str
    panels: tuple[KeyPanel, ...]
    technique: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Lesion, level, sequence and patient in a line."""
        patient = f"patient {self.patient_id}" if self.patient_id else ""
        parts = (self.lesion_id, self.level, self.sequence.value, patient)
        return " · ".join(part for part in parts if part)

    @property
    def has_picture(self) -> bool:
        """Whether any visit has a picture."""
        return any(panel.image is not None for panel in self.panels)

    @property
    def in_words(self) -> str:
        """What is seen, with the numbers, for who cannot see it."""
        visits = [f"{panel.when}: {panel.size or panel.reason}" for panel in self.panels]
        return f"{self.title}. {'; '.join(visits)}. {self.category}"

    def without_identity(self) -> "KeyStrip":
        """Return the strip without names, codes and dates; weeks and lengths stay."""
        panels = tuple(evolve(panel, study_date=None) for panel in self.panels)
        return evolve(self, lesion_id="", patient_id="", reader="", panels=panels)


def draw_strip(
    strip: KeyStrip, *, width_in: float = DOUBLE_IN, most_in_a_row: int = MOST_IN_A_ROW
) -> Figure:
    """Draw the key images of a lesion, the visits in the order of time.

    Parameters
    ----------
    width_in
        Width of the figure in inches.
    most_in_a_row
        Panels in a row, at most; further ones follow in rows below.

    Returns
    -------
    Figure
        For `save_figure` or `figure_svg`.
    """
    columns = max(1, min(most_in_a_row, len(strip.panels)))
    panel_in = (width_in - 2 * EDGE_IN - (columns - 1) * GAP_IN) / columns
    panel_in = min(panel_in, LARGEST_PANEL_IN)
    rows = [strip.panels[i : i + columns] for i in range(0, len(strip.panels), columns)]
    with use_journal_style():
        head = wrap_text(strip.category, width_in - 2 * EDGE_IN)
        foot = break_notes((*strip.technique, NOTE), width_in)
        captions = [[_list_caption_lines(panel, panel_in) for panel in row] for row in rows]
        caption_in = [max(len(lines) for lines in row) * LINE_IN for row in captions]
        head_in = EDGE_IN + 0.2 + LINE_IN * len(head) + 0.06
        rows_in = sum(panel_in + high + 0.14 for high in caption_in)
        figure = make_sheet(width_in, head_in + rows_in + measure_foot_in(foot))
        write(
            figure, EDGE_IN, EDGE_IN + 0.08, strip.title, size=TEXT_POINTS + 1, weight="bold",
            color=INK,
        )  # fmt: skip
        for number, line in enumerate(head):
            write(figure, EDGE_IN, EDGE_IN + 0.26 + number * LINE_IN, line, color=INK)
        top_in = head_in
        for row, lines, high in zip(rows, captions, caption_in, strict=True):
            for column, (panel, caption) in enumerate(zip(row, lines, strict=True)):
                left_in = EDGE_IN + column * (panel_in + GAP_IN)
                draw_panel(add_axes(figure, left_in, top_in, panel_in, panel_in), panel)
                _write_caption(figure, left_in, top_in + panel_in, caption)
            top_in += panel_in + high + 0.14
        write_foot(figure, foot)
    return figure


def draw_panel(axes: Axes, panel: KeyPanel, *, points: float = SMALL_POINTS) -> None:
    """Draw the picture of a visit with its caliper, or say why there is none.

    Parameters
    ----------
    points
        Size of its type.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(DARK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    image = panel.image
    if image is None:
        _write_reason(axes, panel.reason, points)
        return
    side = image.side_mm
    masked_image = np.ma.masked_invalid(image.grey)
    axes.imshow(
        masked_image,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(0, side, side, 0),
        interpolation="nearest",
    )
    axes.set_xlim(0, side)
    axes.set_ylim(side, 0)
    if image.line is not None:
        _draw_caliper(axes, *image.line)
    outline = [withStroke(linewidth=1.5, foreground="black")]
    style: dict[str, Any] = {"color": "white", "size": points, "path_effects": outline}
    axes.text(0.03 * side, side / 2, image.letters[0], va="center", ha="left", **style)
    axes.text(0.97 * side, side / 2, image.letters[1], va="center", ha="right", **style)
    bar = (0.04 * side, 0.04 * side + BAR_MM)
    axes.plot(
        bar, (0.95 * side, 0.95 * side), color="white", lw=1.2, solid_capstyle="butt",
        path_effects=outline,
    )  # fmt: skip
    axes.text(bar[1] + 0.02 * side, 0.95 * side, f"{BAR_MM:g} mm", va="center", **style)


def _draw_caliper(axes: Axes, start: Point, end: Point) -> None:
    run = np.subtract(end, start)
    length = float(np.hypot(*run))
    axes.plot(*zip(start, end, strict=True), color=LINE_COLOUR, lw=0.8, solid_capstyle="butt")
    if length == 0:
        return
    across = np.array([-run[1], run[0]]) / length * END_MM
    for x, y in (start, end):
        axes.plot(
            (x - across[0], x + across[0]), (y - across[1], y + across[1]),
            color=LINE_COLOUR, lw=0.8, solid_capstyle="butt",
        )  # fmt: skip


def _write_reason(axes: Axes, reason: str, points: float) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    box = axes.get_window_extent()
    width_in = box.width / axes.figure.dpi
    lines = wrap_text(reason, 0.88 * width_in, points)
    axes.text(
        0.5, 0.5, "\n".join(lines), color="white", size=points, ha="center", va="center",
        linespacing=1.35,
    )  # fmt: skip


def _list_caption_lines(panel: KeyPanel, width_in: float) -> list[tuple[str, dict[str, Any]]]:
    """Return the lines below a panel with the looks of each."""
    quiet: dict[str, Any] = {"color": QUIET}
    strong: dict[str, Any] = {"color": INK, "weight": "bold"}
    when = [panel.study_date.isoformat(), panel.weeks] if panel.study_date else [panel.weeks]
    lines = [(line, {"color": INK}) for line in when]
    # bold type is wider
    lines += [(line, strong) for line in wrap_text(panel.size, 0.9 * width_in)]
    return lines + [(line, quiet) for line in wrap_text(panel.label, width_in)]


def _write_caption(
    figure: Figure, left_in: float, top_in: float, lines: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    for number, (line, looks) in enumerate(lines):
        write(figure, left_in, top_in + 0.1 + number * LINE_IN, line, **looks)
