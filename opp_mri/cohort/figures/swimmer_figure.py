"""Swimmer plot: how long each lesion was followed, and what happened to it on the way."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.change_lines import FEW, MANY, change_lines
from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    SMALL_POINTS,
    TEXT_POINTS,
    WEEKS_LABEL,
    counted,
    drawn_note,
    foot_in,
    foot_lines,
    mark,
    new_sheet,
    nothing_to_draw,
    place,
    size_in,
    text_width_in,
    week_ticks,
    write_foot,
    write_legend,
)
from opp_mri.cohort.figures.style import (
    CATEGORY_COLOURS,
    CATEGORY_MARKERS,
    INK,
    QUIET,
    journal_style,
)
from opp_mri.cohort.statistics.members import answers_of, eligible_of
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.timeline import EventKind
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import days_between, weeks_from_days

ROW_IN, HEAD_IN = 0.118, 0.24
FULL_PAGE_IN = 7.4  # of rows, where there are more than can be told apart
LEFT_IN, RIGHT_IN, TOP_IN, AXIS_IN = 0.16, 0.14, 0.36, 0.40

GROWTH, PEAK, RETURN = "first growth", "peak", "back at baseline"
THERAPY, RETREATED, DEATH = "therapy changed", "retreatment", "death"
MARKS = {GROWTH: "^", PEAK: "*", RETURN: "o", THERAPY: "X", RETREATED: "P", DEATH: "s"}
FILLED = {RETREATED, DEATH}
MARKS_OF_MANY = {PEAK: ".", DEATH: "."}  # where bars are too thin for shapes
SIZES = {PEAK: 5.6, GROWTH: 4.2, RETURN: 3.8, THERAPY: 4.6, RETREATED: 4.8, DEATH: 3.6}


@frozen(kw_only=True)
class _Swimmer:
    """One lesion: its last follow-up, and the days of what is marked."""

    lesion: AssessedLesion
    last_day: int
    days: Mapping[str, tuple[int, ...]]

    @property
    def end_day(self) -> int:
        """Last day on which anything is drawn."""
        return max([self.last_day, *(day for days in self.days.values() for day in days)])


def draw_swimmer(
    lesions: Sequence[AssessedLesion], label: Callable[[AssessedLesion], str] | None = None
) -> Figure:
    """Draw a bar for each lesion, from SSRS to its last follow-up, with its events.

    Parameters
    ----------
    lesions
        The cohort; those that are analysed are drawn.
    label
        Names a lesion beside its bar; None: none is named. No more than 60 can be.

    Notes
    -----
    Growth, peak and return to baseline are those of the deciding sequence. Bars stand by category,
    the longest first.
    """
    those = eligible_of(lesions)
    found = [one for lesion in those if (one := _swimmer(lesion)) is not None]
    if not found:
        return nothing_to_draw("There is no lesion with a baseline and a follow-up to draw.")
    groups = {
        answer: sorted(
            (one for one in found if one.lesion.assessment.category is answer),
            key=lambda one: (-one.last_day, -one.end_day),
        )
        for answer in answers_of(those)
    }
    groups = {answer: group for answer, group in groups.items() if group}
    few = len(found) <= FEW
    names = [label(one.lesion) for one in found] if label and few else []
    rows_in = ROW_IN * len(found) if few else FULL_PAGE_IN - HEAD_IN * len(groups)
    with journal_style():
        foot = foot_lines(_notes(len(found), len(lesions), label is not None), DOUBLE_IN)
        body_in = rows_in + HEAD_IN * len(groups) + 0.06
        figure = new_sheet(DOUBLE_IN, TOP_IN + body_in + AXIS_IN + foot_in(foot))
        left_in = LEFT_IN + max(map(text_width_in, names), default=0)
        axes = place(figure, left_in, TOP_IN, DOUBLE_IN - left_in - RIGHT_IN, body_in)
        axes.set_ylim(body_in, 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        week_ticks(axes, weeks_from_days(max(one.end_day for one in found)), at_most=10)
        axes.set_xlabel(WEEKS_LABEL)
        top_in = 0.0
        for answer, group in groups.items():
            row_in = rows_in / len(found)
            _draw_group(axes, answer, group, top_in, row_in, few=few)
            if names and label:
                _name_rows(axes, [label(one.lesion) for one in group], top_in + HEAD_IN)
            top_in += HEAD_IN + row_in * len(group)
        write_legend(figure, 0.1, _legend(found), left_in=EDGE_IN)
        write_foot(figure, foot)
    return figure


def _swimmer(one: AssessedLesion) -> _Swimmer | None:
    lines = change_lines(one)
    decides = next((of for at, of in lines.items() if at is one.assessment.deciding_sequence), None)
    if decides is None:
        return None
    lesion, events = one.lesion, one.timeline.events
    days: dict[str, Iterable[int | None]] = {
        GROWTH: [decides.grew_day],
        PEAK: [decides.peak_day],
        RETURN: [decides.return_day],
        THERAPY: [e.days_from_ssrs for e in events if e.kind is EventKind.SYSTEMIC_THERAPY_CHANGE],
        RETREATED: [one.assessment.retreatment_day],
        DEATH: [days_between(lesion.ssrs_last_date, at) for at in (lesion.death_date,) if at],
    }
    return _Swimmer(
        lesion=one,
        last_day=max(line.last_day for line in lines.values()),
        days={name: tuple(d for d in of if d is not None and d > 0) for name, of in days.items()},
    )


def _draw_group(
    axes: Axes,
    answer: ResponseCategory,
    group: Sequence[_Swimmer],
    top_in: float,
    row_in: float,
    *,
    few: bool,
) -> None:
    """Draw a heading, then the bars of a category with their marks."""
    colour = CATEGORY_COLOURS[answer]
    heading_in = top_in + 0.62 * HEAD_IN
    name_in = text_width_in(answer.value, TEXT_POINTS, "bold")
    for x_points, text, weight, points in (
        (10.0, answer.value, "bold", TEXT_POINTS),
        (16.0 + 72 * name_in, counted(len(group), "lesion"), "normal", SMALL_POINTS),
    ):
        axes.annotate(
            text, (0, heading_in), xytext=(x_points, 0), textcoords="offset points",
            weight=weight, size=points, va="center_baseline",
            color=INK if weight == "bold" else QUIET,
        )  # fmt: skip
    wide_in, high_in = size_in(axes)
    axes.plot(
        0.05 / wide_in, 1 - heading_in / high_in, marker=CATEGORY_MARKERS[answer], ms=5, mfc=colour,
        mec=INK, mew=0.5, transform=axes.transAxes,
    )  # fmt: skip
    many = len(group) > MANY
    heights = [top_in + HEAD_IN + (n + 0.5) * row_in for n in range(len(group))]
    bars = [
        [(0, height), (weeks_from_days(one.last_day), height)]
        for one, height in zip(group, heights, strict=True)
    ]
    width = 72 * row_in * (0.66 if few else 1.25)
    bars_there = LineCollection(
        bars, colors=colour, linewidths=width, capstyle="butt", rasterized=many, zorder=2
    )
    bars_there.set_snap(False)  # else thin bars leave stripes between them
    axes.add_collection(bars_there, autolim=False)
    beyond = [
        [(weeks_from_days(one.last_day), height), (weeks_from_days(one.end_day), height)]
        for one, height in zip(group, heights, strict=True)
        if one.end_day > one.last_day
    ]
    axes.add_collection(
        LineCollection(
            beyond, colors=QUIET, linewidths=min(0.8, width), rasterized=many, zorder=1.8
        ),
        autolim=False,
    )
    _draw_marks(axes, group, heights, few=few, many=many)


def _draw_marks(
    axes: Axes, group: Sequence[_Swimmer], heights: Sequence[float], *, few: bool, many: bool
) -> None:
    for name, marker in (MARKS if few else MARKS_OF_MANY).items():
        points = [
            (weeks_from_days(day), height)
            for one, height in zip(group, heights, strict=True)
            for day in one.days[name]
        ]
        axes.plot(
            [week for week, _ in points], [height for _, height in points], ls="", marker=marker,
            ms=SIZES[name] if few else 1.2 if many else 3.0, clip_on=False, rasterized=many,
            mfc=INK if name in FILLED else "white", mec=INK, mew=0.6 if few else 0, zorder=3,
        )  # fmt: skip


def _name_rows(axes: Axes, names: Sequence[str], top_in: float) -> None:
    for number, name in enumerate(names):
        axes.annotate(
            name, (0, top_in + (number + 0.5) * ROW_IN), xytext=(-3, 0),
            textcoords="offset points", ha="right", va="center", size=SMALL_POINTS, color=QUIET,
        )  # fmt: skip


def _legend(found: Sequence[_Swimmer]) -> list[Line2D]:
    """Explain the marks that are there."""
    few = len(found) <= FEW
    return [
        mark(
            marker if few else "o", INK if name in FILLED else "white", name,
            size=SIZES[name] if few else 2.4,
        )
        for name, marker in (MARKS if few else MARKS_OF_MANY).items()
        if any(one.days[name] for one in found)
    ]  # fmt: skip


def _notes(drawn: int, of: int, labelled: bool) -> list[str]:
    several = drawn > FEW
    marked = "Peak is that" if several else "First growth, peak and return to baseline are those"
    notes = [
        f"{drawn_note(drawn, of)} Bar: from completion of SSRS to the last follow-up that counts; "
        f"thin line: until what happened later. {marked} of the deciding sequence."
    ]
    if several:
        left_out = "names and other marks" if labelled else "other marks"
        notes.append(f"There are more than {FEW} lesions: {left_out} are left out.")
    return notes
