"""Flow diagram of screening: who was there, who was left out and why, who was analysed.

In the form of the CONSORT statement (Schulz et al., BMJ 2010;340:c332).
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Rectangle

from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    SMALL_POINTS,
    TEXT_POINTS,
    break_notes,
    draw_nothing,
    make_sheet,
    measure_foot_in,
    wrap_text,
    write_foot,
)
from opp_mri.cohort.figures.style import CATEGORY_COLOURS, INK, QUIET, use_journal_style
from opp_mri.cohort.statistics.members import ALL, ELIGIBLE, EXCLUDED
from opp_mri.cohort.tables.tables import HAPPENED, Cell, Table
from opp_mri.cohort.tables.withholding import HIDDEN
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.units import format_count

MAIN_IN, BETWEEN_IN = 2.6, 0.5
SIDE_IN: Final = DOUBLE_IN - 2 * EDGE_IN - MAIN_IN - BETWEEN_IN
LINE_IN, PAD_IN, GAP_IN = 0.145, 0.09, 0.34
STEM_IN: Final = 0.22
RESPONSE: Final = "response."


@frozen(kw_only=True)
class _Box:
    """A box with its lines, the first bold; places are from the left and the top of the sheet."""

    left_in: float
    top_in: float
    width_in: float
    lines: tuple[str, ...]
    colour: str = "white"

    @property
    def height_in(self) -> float:
        return 2 * PAD_IN + LINE_IN * len(self.lines)

    @property
    def bottom_in(self) -> float:
        return self.top_in + self.height_in

    @property
    def middle_in(self) -> float:
        return self.left_in + self.width_in / 2


def draw_flow(flow: Table) -> Figure:
    """Draw the steps of screening as boxes, with the lesions and patients of each.

    Parameters
    ----------
    flow
        The table of `tables.flow`, with its small counts withheld or not. Reasons that exclude
        nobody are left out.
    """
    steps = {row[1].key: row for row in flow.rows}
    if ALL not in steps or steps[ALL][1].count == 0:
        return draw_nothing("There is no lesion in the cohort.")
    left_in, inner_in = EDGE_IN, MAIN_IN - 2 * PAD_IN
    first = _Box(
        left_in=left_in, top_in=EDGE_IN, width_in=MAIN_IN,
        lines=("Lesions in the cohort", *wrap_text(_write_counts(steps[ALL]), inner_in)),
    )  # fmt: skip
    side = _Box(
        left_in=left_in + MAIN_IN + BETWEEN_IN, top_in=first.bottom_in + GAP_IN / 2,
        width_in=SIDE_IN, lines=_write_exclusions(steps),
    )  # fmt: skip
    next_box = _Box(
        left_in=left_in, top_in=side.bottom_in + GAP_IN / 2, width_in=MAIN_IN,
        lines=("Analysed", *wrap_text(_write_counts(steps[ELIGIBLE]), inner_in)),
    )  # fmt: skip
    answers = _build_answer_boxes(steps, next_box.bottom_in + GAP_IN + STEM_IN / 2)
    with use_journal_style():
        foot = break_notes(flow.notes, DOUBLE_IN)
        bottom_in = max(box.bottom_in for box in (next_box, *answers))
        figure = make_sheet(DOUBLE_IN, bottom_in + 0.14 + measure_foot_in(foot))
        for box in (first, side, next_box, *answers):
            _draw_box(figure, box)
        branch_in = (side.top_in + side.bottom_in) / 2
        _draw_arrow(figure, (first.middle_in, first.bottom_in), (first.middle_in, next_box.top_in))
        _draw_arrow(figure, (first.middle_in, branch_in), (side.left_in, branch_in))
        _draw_fork(figure, next_box, answers)
        write_foot(figure, foot)
    return figure


def _write_counts(row: Sequence[Cell]) -> str:
    """Write lesions and patients of a step, as far as the table shows them."""
    return ", ".join(_count(cell, word) for cell, word in ((row[1], "lesion"), (row[2], "patient")))


def _count(cell: Cell, word: str) -> str:
    if cell.count is not None:
        return format_count(cell.count, word)
    return f"{word}s withheld" if cell.text == HIDDEN else f"{cell.text} {word}s"


def _write_exclusions(steps: dict[str, tuple[Cell, ...]]) -> tuple[str, ...]:
    """Return the lines of the box at the side: all that are excluded, then each reason.

    Of each it says how many grew, were retreated and died.
    """
    if steps[EXCLUDED][1].count == 0:
        return ("Excluded", "none")
    every = steps[EXCLUDED]
    lines = [
        "Excluded",
        *wrap_text(f"{_write_counts(every)}{_write_happened(every)}", SIDE_IN - 2 * PAD_IN),
    ]
    for key, row in steps.items():
        if key.startswith(f"{EXCLUDED}.") and row[1].count != 0:
            reason = row[0].text.removeprefix("Excluded: ")
            words = f"{reason}: {_write_counts(row)}{_write_happened(row)}"
            head, *rest = wrap_text(words, SIDE_IN - 2 * PAD_IN - 0.12)
            lines += [f"• {head}", *(f"   {line}" for line in rest)]
    return tuple(lines)


def _write_happened(row: Sequence[Cell]) -> str:
    """Describe what happened to the lesions of a step, as far as the table shows it."""
    parts = [
        f"{cell.text} {heading.lower()}"
        for (heading, _, _), cell in zip(HAPPENED, row[3:], strict=True)
        if cell.count != 0
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _build_answer_boxes(steps: dict[str, tuple[Cell, ...]], top_in: float) -> list[_Box]:
    """Return a box for each category, side by side."""
    rows = {key: row for key, row in steps.items() if key.startswith(RESPONSE)}
    gap_in = 0.12
    width_in = (DOUBLE_IN - 2 * EDGE_IN - gap_in * (len(rows) - 1)) / max(1, len(rows))
    boxes = []
    for number, (key, row) in enumerate(rows.items()):
        answer = ResponseCategory(key.removeprefix(RESPONSE))
        parts = _write_counts(row).split(", ")
        lines = [line for part in parts for line in wrap_text(part, width_in - 2 * PAD_IN)]
        boxes.append(
            _Box(
                left_in=EDGE_IN + number * (width_in + gap_in),
                top_in=top_in,
                width_in=width_in,
                lines=(answer.value, *lines),
                colour=CATEGORY_COLOURS[answer],
            )
        )
    return boxes


def _draw_box(figure: Figure, box: _Box) -> None:
    """Draw a box, and its lines in it; one with a colour has it as a bar on top."""
    wide, high = figure.get_size_inches()
    corner = box.left_in / wide, 1 - box.bottom_in / high
    size = box.width_in / wide, box.height_in / high
    figure.add_artist(
        Rectangle(corner, *size, fc="white", ec=QUIET, lw=0.7, transform=figure.transFigure)
    )
    if box.colour != "white":
        top = (corner[0], corner[1] + size[1] - 0.05 / high)
        figure.add_artist(
            Rectangle(top, size[0], 0.05 / high, fc=box.colour, lw=0, transform=figure.transFigure)
        )
    for number, line in enumerate(box.lines):
        top_in = box.top_in + PAD_IN + (number + 0.5) * LINE_IN
        figure.text(
            (box.left_in + PAD_IN) / wide, 1 - top_in / high, line, va="center", color=INK,
            size=TEXT_POINTS if number == 0 else SMALL_POINTS,
            weight="bold" if number == 0 else "normal",
        )  # fmt: skip


def _draw_line(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    wide, high = figure.get_size_inches()
    figure.add_artist(
        Line2D(
            [start[0] / wide, end[0] / wide], [1 - start[1] / high, 1 - end[1] / high],
            color=QUIET, lw=0.8, zorder=0,
        )
    )  # fmt: skip


def _draw_arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two places, in inches from the left and the top."""
    wide, high = figure.get_size_inches()
    figure.add_artist(
        FancyArrowPatch(
            (start[0] / wide, 1 - start[1] / high), (end[0] / wide, 1 - end[1] / high),
            arrowstyle="-|>,head_length=0.35,head_width=0.16", mutation_scale=10, shrinkA=0,
            shrinkB=0, color=QUIET, lw=0.8, transform=figure.transFigure,
        )
    )  # fmt: skip


def _draw_fork(figure: Figure, above: _Box, below: Sequence[_Box]) -> None:
    """Join a box to those below it."""
    if not below:
        return
    bar_in = above.bottom_in + STEM_IN
    ends = [above.middle_in, *(box.middle_in for box in below)]
    _draw_line(figure, (above.middle_in, above.bottom_in), (above.middle_in, bar_in))
    _draw_line(figure, (min(ends), bar_in), (max(ends), bar_in))
    for box in below:
        _draw_arrow(figure, (box.middle_in, bar_in), (box.middle_in, box.top_in))
