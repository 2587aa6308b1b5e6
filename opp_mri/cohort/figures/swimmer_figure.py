"""Swimmer plot: how long each lesion was followed, and what happened to it on the way."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opp_mri.cohort.figures.change_lines import FEW, change_lines
from opp_mri.cohort.figures.sheet import (
    DOUBLE_IN,
    EDGE_IN,
    SMALL_POINTS,
    TEXT_POINTS,
    WEEKS_LABEL,
    add_axes,
    break_notes,
    draw_nothing,
    make_sheet,
    mark,
    measure_foot_in,
    measure_size_in,
    measure_text_width_in,
    set_week_ticks,
    write_drawn_note,
    write_foot,
    write_legend,
)
from opp_mri.cohort.figures.style import (
    CATEGORY_COLOURS,
    CATEGORY_MARKERS,
    INK,
    QUIET,
    use_journal_style,
)
from opp_mri.cohort.statistics.members import list_answers, select_eligible
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.timeline import EventKind
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days, format_count, weeks_from_days

ROW_IN, HEAD_IN = 0.118, 0.24
LEFT_IN, RIGHT_IN, TOP_IN, AXIS_IN = 0.16, 0.14, 0.36, 0.40

GROWTH, PEAK, RETURN = "first growth", "peak", "back at baseline"
THERAPY, RETREATED, DEATH = "therapy changed", "retreatment", "death"
MARKS: Final = {GROWTH: "^", PEAK: "*", RETURN: "o", THERAPY: "X", RETREATED: "P", DEATH: "s"}
FILLED: Final = {RETREATED, DEATH}
SIZES: Final = {PEAK: 5.6, GROWTH: 4.2, RETURN: 3.8, THERAPY: 4.6, RETREATED: 4.8, DEATH: 3.6}


@frozen(kw_only=True)
class _Swimmer:
    """One lesion: its last follow-up, and the days of what is marked."""

    lesion: AssessedLesion
    last_day: int
    days: Mapping[str, tuple[int, ...]]

    @property
    def events(self) -> int:
        """Number of marks on its bar."""
        return sum(map(len, self.days.values()))

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
        Names a lesion next to its bar; None: none is named.

    Notes
    -----
    Growth, peak and return to baseline are those of the deciding sequence. Bars are sorted by
    category, the longest first. Of more than 60 lesions the 60 with the most events are drawn.
    """
    eligible_lesions = select_eligible(lesions)
    every = [
        swimmer for lesion in eligible_lesions if (swimmer := _build_swimmer(lesion)) is not None
    ]
    if not every:
        return draw_nothing("There is no lesion with a baseline and a follow-up to draw.")
    swimmers = sorted(every, key=lambda swimmer: -swimmer.events)[:FEW]
    groups = {
        answer: sorted(
            (swimmer for swimmer in swimmers if swimmer.lesion.assessment.category is answer),
            key=lambda swimmer: (-swimmer.last_day, -swimmer.end_day),
        )
        for answer in list_answers(eligible_lesions)
    }
    groups = {answer: group for answer, group in groups.items() if group}
    names = [label(swimmer.lesion) for swimmer in swimmers] if label else []
    rows_in = ROW_IN * len(swimmers)
    sizes = Counter(swimmer.lesion.assessment.category for swimmer in every)
    with use_journal_style():
        foot = break_notes(_write_notes(len(swimmers), len(every), len(lesions)), DOUBLE_IN)
        body_in = rows_in + HEAD_IN * len(groups) + 0.06
        figure = make_sheet(DOUBLE_IN, TOP_IN + body_in + AXIS_IN + measure_foot_in(foot))
        left_in = LEFT_IN + max(map(measure_text_width_in, names), default=0)
        axes = add_axes(figure, left_in, TOP_IN, DOUBLE_IN - left_in - RIGHT_IN, body_in)
        axes.set_ylim(body_in, 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        set_week_ticks(
            axes, weeks_from_days(max(swimmer.end_day for swimmer in swimmers)), at_most=10
        )
        axes.set_xlabel(WEEKS_LABEL)
        top_in = 0.0
        for answer, group in groups.items():
            _draw_group(axes, answer, group, top_in, sizes[answer])
            if names and label:
                _name_rows(axes, [label(swimmer.lesion) for swimmer in group], top_in + HEAD_IN)
            top_in += HEAD_IN + ROW_IN * len(group)
        write_legend(figure, 0.1, _build_legend(swimmers), left_in=EDGE_IN)
        write_foot(figure, foot)
    return figure


def _build_swimmer(assessed_lesion: AssessedLesion) -> _Swimmer | None:
    lines = change_lines(assessed_lesion)
    decides = next(
        (of for at, of in lines.items() if at is assessed_lesion.assessment.deciding_sequence), None
    )
    if decides is None:
        return None
    lesion, events = assessed_lesion.lesion, assessed_lesion.timeline.events
    days: dict[str, Iterable[int | None]] = {
        GROWTH: [decides.grew_day],
        PEAK: [decides.peak_day],
        RETURN: [decides.return_day],
        THERAPY: [e.days_from_ssrs for e in events if e.kind is EventKind.SYSTEMIC_THERAPY_CHANGE],
        RETREATED: [assessed_lesion.assessment.retreatment_day],
        DEATH: [count_days(lesion.ssrs_last_date, at) for at in (lesion.death_date,) if at],
    }
    return _Swimmer(
        lesion=assessed_lesion,
        last_day=max(line.last_day for line in lines.values()),
        days={name: tuple(d for d in of if d is not None and d > 0) for name, of in days.items()},
    )


def _draw_group(
    axes: Axes,
    answer: ResponseCategory,
    group: Sequence[_Swimmer],
    top_in: float,
    of: int,
) -> None:
    """Draw a heading, then the bars of a category, `of` lesions in all, with their marks."""
    colour = CATEGORY_COLOURS[answer]
    heading_in = top_in + 0.62 * HEAD_IN
    name_in = measure_text_width_in(answer.value, TEXT_POINTS, "bold")
    for x_points, text, weight, points in (
        (10.0, answer.value, "bold", TEXT_POINTS),
        (16.0 + 72 * name_in, _describe_size(len(group), of), "normal", SMALL_POINTS),
    ):
        axes.annotate(
            text, (0, heading_in), xytext=(x_points, 0), textcoords="offset points",
            weight=weight, size=points, va="center_baseline",
            color=INK if weight == "bold" else QUIET,
        )  # fmt: skip
    wide_in, high_in = measure_size_in(axes)
    axes.plot(
        0.05 / wide_in, 1 - heading_in / high_in, marker=CATEGORY_MARKERS[answer], ms=5, mfc=colour,
        mec=INK, mew=0.5, transform=axes.transAxes,
    )  # fmt: skip
    heights = [top_in + HEAD_IN + (n + 0.5) * ROW_IN for n in range(len(group))]
    bars = [
        [(0, height), (weeks_from_days(swimmer.last_day), height)]
        for swimmer, height in zip(group, heights, strict=True)
    ]
    width = 72 * ROW_IN * 0.66
    collection = LineCollection(bars, colors=colour, linewidths=width, capstyle="butt", zorder=2)
    axes.add_collection(collection, autolim=False)
    beyond = [
        [(weeks_from_days(swimmer.last_day), height), (weeks_from_days(swimmer.end_day), height)]
        for swimmer, height in zip(group, heights, strict=True)
        if swimmer.end_day > swimmer.last_day
    ]
    axes.add_collection(
        LineCollection(beyond, colors=QUIET, linewidths=0.8, zorder=1.8),
        autolim=False,
    )
    _draw_marks(axes, group, heights, light=answer is not ResponseCategory.PD)


def _describe_size(drawn_count: int, of: int) -> str:
    return (
        format_count(of, "lesion")
        if drawn_count == of
        else f"{drawn_count} of {format_count(of, 'lesion')}"
    )


def _draw_marks(
    axes: Axes, group: Sequence[_Swimmer], heights: Sequence[float], *, light: bool
) -> None:
    """Draw what happened on each bar; on a black one the marks have a white edge."""
    for name, marker in MARKS.items():
        points = [
            (weeks_from_days(day), height)
            for swimmer, height in zip(group, heights, strict=True)
            for day in swimmer.days[name]
        ]
        axes.plot(
            [week for week, _ in points], [height for _, height in points], ls="", marker=marker,
            ms=SIZES[name], clip_on=False, mfc=INK if name in FILLED else "white",
            mec=INK if light or name not in FILLED else "white", mew=0.6, zorder=3,
        )  # fmt: skip


def _name_rows(axes: Axes, names: Sequence[str], top_in: float) -> None:
    for number, name in enumerate(names):
        axes.annotate(
            name, (0, top_in + (number + 0.5) * ROW_IN), xytext=(-3, 0),
            textcoords="offset points", ha="right", va="center", size=SMALL_POINTS, color=QUIET,
        )  # fmt: skip


def _build_legend(swimmers: Sequence[_Swimmer]) -> list[Line2D]:
    """Explain the marks that are there."""
    return [
        mark(marker, INK if name in FILLED else "white", name, size=SIZES[name])
        for name, marker in MARKS.items()
        if any(swimmer.days[name] for swimmer in swimmers)
    ]


def _write_notes(drawn_count: int, measured_count: int, of: int) -> list[str]:
    notes = [
        f"{write_drawn_note(measured_count, of)} Bar: from completion of SSRS to the last "
        "follow-up that counts; thin line: until what happened later. First growth, peak and "
        "return to baseline are those of the deciding sequence; a lesion without an answer has no "
        "peak yet."
    ]
    if drawn_count < measured_count:
        notes.append(
            f"The {drawn_count} lesions with the most events are drawn; "
            f"{measured_count - drawn_count:,} others are not."
        )
    return notes
