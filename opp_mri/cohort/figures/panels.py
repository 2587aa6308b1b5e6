"""The parts of a timeline figure: the panel of one sequence, and the lanes of events above it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from opp_mri.cohort.figures.style import (
    BAND,
    BASELINE,
    CHARACTER_IN,
    COLOURS,
    INK,
    LANE_IN,
    MARKERS,
    PANEL_HEADER_IN,
    PANEL_IN,
    PANEL_WIDTH_IN,
    QUIET,
    WINDOW,
    WINDOW_INK,
)
from opp_mri.cohort.words import describe_event, write_identifier
from opp_mri.domain.assessment import Assessment, Criteria, SequenceAssessment
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline, TreatmentEvent, find_baseline
from opp_mri.response.course import find_retreatment_day
from opp_mri.units import DAYS_PER_WEEK, format_mm, weeks_from_days

WINDOW_OPENS_DAYS: Final = 91  # three months; the window closes at Criteria.window_days
DAYS_PER_MONTH: Final = 30.4
LABEL_ROOM_IN: Final = 0.33  # a length of four characters, with air
HALO: Final = [withStroke(linewidth=2, foreground="white")]  # parts a word from a line
PAPER: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # hides a line behind a word


XLimits = tuple[float, float]  # weeks


@frozen(kw_only=True)
class TimelineMarks:
    """What a timeline's lengths do not say by themselves.

    Parameters
    ----------
    imported
        Sequence and day of each length that came as a number, without points.
    not_measurable
        Sequence and day of each study on which a reader found the lesion not measurable.
    """

    imported: frozenset[tuple[SeriesRole, int]] = frozenset()
    not_measurable: frozenset[tuple[SeriesRole, int]] = frozenset()

    def list_days_without(self, role: SeriesRole) -> list[int]:
        """Return the days on which this sequence was not measurable."""
        return sorted(day for sequence, day in self.not_measurable if sequence is role)


@frozen
class LaneLabel:
    """The name of an event, next to its line, above the first panel."""

    week: float
    text: str
    lane: int
    runs_right: bool


def sort_into_lanes(
    events: Iterable[TreatmentEvent], criteria: Criteria, x_limits: XLimits
) -> list[LaneLabel]:
    """Sort the labels of SSRS and the events into lanes in which they do not touch.

    A label runs from its line to the right or, near the right edge, to the left. The name of the
    window lies in the lowest lane. Labels are placed from the right, so that the line of a label in
    a higher lane passes to the left of those below it.
    """
    weeks_per_in = (x_limits[1] - x_limits[0]) / PANEL_WIDTH_IN
    week_labels = {
        (weeks_from_days(event.days_from_ssrs), describe_event(event)) for event in events
    }
    labels: list[LaneLabel] = []
    spans = [(0, *get_window_weeks(criteria))]
    for week, text in sorted(week_labels | {(0.0, "SSRS")}, reverse=True):
        width = weeks_per_in * (CHARACTER_IN * len(text) + 0.12)
        runs_right = week + width <= x_limits[1]
        start = week if runs_right else week - width
        clashes = {lane for lane, a, b in spans if a < start + width and start < b}
        lane = next(lane for lane in range(len(spans) + 1) if lane not in clashes)
        labels.append(LaneLabel(week, text, lane, runs_right))
        spans.append((lane, start, start + width))
    return labels


def get_window_weeks(criteria: Criteria) -> tuple[float, float]:
    """Return the weeks at which the window of caution opens and closes."""
    opens = min(WINDOW_OPENS_DAYS, criteria.window_days)
    return weeks_from_days(opens), weeks_from_days(criteria.window_days)


def draw_time(panel: Axes, events: Iterable[TreatmentEvent], criteria: Criteria) -> None:
    """Shade the window in which growth may be pseudoprogression; draw SSRS and events as lines."""
    panel.axvspan(*get_window_weeks(criteria), color=WINDOW, lw=0, zorder=0)
    panel.axvline(0, color=INK, lw=1.1, zorder=1)
    for event in events:
        week = weeks_from_days(event.days_from_ssrs)
        panel.axvline(week, color=QUIET, lw=0.8, ls=(0, (4, 3)), zorder=1)


def draw_lanes(panel: Axes, labels: Sequence[LaneLabel], criteria: Criteria) -> None:
    """Write the events above the first panel, each by its line, and name the window."""
    transform = panel.get_xaxis_transform()
    for label in labels:
        colour = INK if label.text == "SSRS" else QUIET
        height = _compute_lane_height(label.lane)
        stem = [label.week, label.week]
        panel.plot(stem, [1, height], transform=transform, clip_on=False, color=colour, lw=0.7)
        panel.annotate(
            label.text,
            (label.week, height),
            xycoords=transform,
            xytext=(3 if label.runs_right else -3, 0),
            textcoords="offset points",
            ha="left" if label.runs_right else "right",
            va="center",
            size=8,
            color=colour,
            bbox=PAPER,
        )
    opens, closes = get_window_weeks(criteria)
    if opens < closes:
        months = (round(weeks * DAYS_PER_WEEK / DAYS_PER_MONTH) for weeks in (opens, closes))
        panel.text(
            (opens + closes) / 2,
            _compute_lane_height(0),
            "–".join(map(str, months)) + " months",
            transform=transform,
            size=8,
            color=WINDOW_INK,
            path_effects=HALO,
            ha="center",
            va="center",
        )
        bar = [opens, closes], [_compute_lane_height(-0.5)] * 2
        panel.plot(
            *bar, transform=transform, clip_on=False, color=WINDOW, lw=2.5, solid_capstyle="butt"
        )


def draw_sequence(
    panel: Axes,
    role: SeriesRole,
    timeline: Timeline,
    criteria: Criteria,
    assessment: Assessment | None,
    marks: TimelineMarks,
) -> None:
    """Draw the lengths of one sequence over the band about its own baseline."""
    observations = timeline.observations.get(role, ())
    answer = assessment.sequences.get(role) if assessment else None
    baseline_mm = _find_baseline_mm(timeline, role, answer)
    if baseline_mm is not None:
        low, high = baseline_mm - criteria.change_mm, baseline_mm + criteria.change_mm
        panel.axhspan(float(low), float(high), color=BAND, lw=0, zorder=0.5, alpha=0.85)
        panel.axhline(float(baseline_mm), color=BASELINE, lw=0.8, zorder=0.6)
    retreatment_day = find_retreatment_day(timeline)
    drawn_observations = [
        o for o in observations if retreatment_day is None or o.days_from_ssrs <= retreatment_day
    ]
    _draw_lengths(panel, role, drawn_observations, marks, left_out=False)
    _draw_lengths(panel, role, observations[len(drawn_observations) :], marks, left_out=True)
    for day in marks.list_days_without(role):
        transform = panel.get_xaxis_transform()
        panel.plot(weeks_from_days(day), 0.08, "x", transform=transform, color=INK, ms=5, mew=1.2)
    _label_lengths(panel, observations, answer)
    _write_header(panel, role, answer, assessment)


def _compute_lane_height(lane: float) -> float:
    """Return the height of a lane's middle above the first panel, in heights of a panel."""
    return 1 + (PANEL_HEADER_IN + (lane + 0.35) * LANE_IN) / PANEL_IN


def _find_baseline_mm(
    timeline: Timeline, role: SeriesRole, answer: SequenceAssessment | None
) -> Decimal | None:
    """Return the sequence's baseline: as assessed, or else its last length before treatment."""
    if answer is not None:
        return answer.baseline_mm
    baseline = find_baseline(timeline.observations.get(role, ()), timeline.first_fraction_day)
    return baseline.ap_mm if baseline else None


def _draw_lengths(
    panel: Axes,
    role: SeriesRole,
    observations: Sequence[Observation],
    marks: TimelineMarks,
    *,
    left_out: bool,
) -> None:
    """Draw lengths joined by a line; imported ones are hollow, those left out are faint."""
    colour = COLOURS[role]
    weeks = [weeks_from_days(o.days_from_ssrs) for o in observations]
    lengths_mm = [float(o.ap_mm) for o in observations]
    alpha = 0.35 if left_out else 1.0
    line = ":" if left_out else "-"
    panel.plot(weeks, lengths_mm, ls=line, color=colour, lw=1.6, alpha=alpha, zorder=3)
    for observation, week, length_mm in zip(observations, weeks, lengths_mm, strict=True):
        hollow = (role, observation.days_from_ssrs) in marks.imported
        panel.plot(
            week,
            length_mm,
            MARKERS[role],
            ms=5.5,
            mew=1.3,
            color=colour,
            alpha=alpha,
            mfc="white" if hollow else colour,
            zorder=3.5,
            clip_on=False,
        )


def _label_lengths(
    panel: Axes, observations: Sequence[Observation], answer: SequenceAssessment | None
) -> None:
    """Write the lengths at their points: baseline, peak and last first, others where room is."""
    first, last = panel.get_xlim()
    room = LABEL_ROOM_IN * (last - first) / PANEL_WIDTH_IN
    key_days = (answer.last_day, answer.peak_day, answer.baseline_day) if answer else ()
    order = sorted(
        range(len(observations)),
        key=lambda i: (observations[i].days_from_ssrs not in key_days, -i),
    )
    label_weeks: list[float] = []
    for index in order:
        week = weeks_from_days(observations[index].days_from_ssrs)
        if all(abs(week - label_week) >= room for label_week in label_weeks):
            label_weeks.append(week)
            above = _would_point_up(observations, index)
            before = week <= 0
            panel.annotate(
                format_mm(observations[index].ap_mm).removesuffix(" mm"),
                (week, float(observations[index].ap_mm)),
                xytext=(2 if before else 0, 6 if above else -6),
                textcoords="offset points",
                ha="right" if before else "center",  # clear of the line of SSRS
                va="bottom" if above else "top",
                size=8,
                zorder=4,
                path_effects=HALO,
                annotation_clip=False,
            )


def _would_point_up(observations: Sequence[Observation], index: int) -> bool:
    """Return whether a point lies above the line of its neighbours; its label goes there too."""
    own_mm = observations[index].ap_mm
    beside = [o.ap_mm for o in observations[max(0, index - 1) : index + 2]]
    return own_mm * len(beside) >= sum(beside, Decimal(0))


def _write_header(
    panel: Axes,
    role: SeriesRole,
    sequence_assessment: SequenceAssessment | None,
    assessment: Assessment | None,
) -> None:
    """Name the sequence above its panel, how it changed, and what it is called by itself."""
    height = 1 + 0.06 / PANEL_IN
    panel.text(0, height, role.value, transform=panel.transAxes, weight="bold", color=COLOURS[role])
    if sequence_assessment is None or assessment is None:
        return
    panel.text(
        0.125, height, _change_text(sequence_assessment), transform=panel.transAxes, bbox=PAPER
    )
    decides = assessment.deciding_sequence is role
    answer = write_identifier(sequence_assessment.category.value) + (", decides" if decides else "")
    panel.text(
        1,
        height,
        answer,
        transform=panel.transAxes,
        ha="right",
        bbox=PAPER,
        weight="bold" if decides else "normal",
    )


def _change_text(answer: SequenceAssessment) -> str:
    """Write the peak and the last change from baseline, each with its sign and week."""
    if answer.baseline_mm is None:
        return "no baseline"
    changes = [(answer.peak_change_mm, answer.peak_day), (answer.last_change_mm, answer.last_day)]
    if answer.peak_change_mm is not None and answer.peak_change_mm <= 0:
        del changes[0]  # what never grew has no peak to speak of
    words = [
        f"{_format_signed_mm(change_mm)} at week {weeks_from_days(day):.0f}"
        for change_mm, day in dict.fromkeys(changes)
        if change_mm is not None and day is not None
    ]
    return ", ".join(words) or f"baseline {format_mm(answer.baseline_mm)}, no follow-up"


def _format_signed_mm(change_mm: Decimal) -> str:
    """Write a change with its sign and unit: +5.2 mm, −3.0 mm, 0.0 mm."""
    sign = "+" if change_mm > 0 else "−" if change_mm < 0 else ""
    return f"{sign}{format_mm(abs(change_mm))}"
