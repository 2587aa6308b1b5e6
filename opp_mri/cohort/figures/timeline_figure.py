"""The timeline of a lesion as a picture: greatest AP extent in mm against weeks from SSRS.

Each sequence has a panel of its own, because a change is only ever taken from that sequence's own
baseline (RULES: inputs of one lesion). All panels have one time axis and the same number of mm per
centimetre: slopes may be compared, and lengths of two sequences are not subtracted by eye.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from opp_mri.cohort.figures.panels import (
    TimelineMarks,
    XLimits,
    draw_lanes,
    draw_sequence,
    draw_time,
    sort_into_lanes,
)
from opp_mri.cohort.figures.style import (
    AXIS_IN,
    BAND,
    INK,
    LANE_IN,
    LEFT_IN,
    LEGEND_IN,
    PANEL_HEADER_IN,
    PANEL_IN,
    PANEL_WIDTH_IN,
    QUIET,
    RIGHT_IN,
    TITLE_IN,
    WIDTH_IN,
    use_our_style,
)
from opp_mri.cohort.figures.volume_panel import draw_volumes
from opp_mri.cohort.words import write_identifier
from opp_mri.domain.assessment import Assessment, Criteria
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.domain.visible_text import make_visible
from opp_mri.errors import InputError
from opp_mri.files import write_bytes
from opp_mri.response.course import find_retreatment_day
from opp_mri.units import format_count, format_mm, weeks_from_days

NO_MARKS: Final = TimelineMarks()
TITLE_LENGTH: Final = 48  # characters of 12 points, bold, that fit side by side
ROOM_FOR_LABELS: Final = 1.35
SMALLEST_SPAN_MM: Final = 8.0  # below it, half a millimetre of noise would look like a change
RESOLUTION_DPI: Final = 300  # of a PNG, and of what is drawn as pixels in an SVG or PDF
# neither a date nor a program's version, so that the same figure gives the same bytes
METADATA: Final[dict[str, dict[str, None]]] = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def draw_timeline(
    timeline: Timeline,
    criteria: Criteria,
    *,
    assessment: Assessment | None = None,
    level: str = "",
    marks: TimelineMarks = NO_MARKS,
) -> Figure:
    """Draw a lesion's lengths over time, a panel for each sequence.

    Parameters
    ----------
    timeline
        The lesion's lengths and events.
    criteria
        Gives the band about each baseline and the end of the window.
    assessment
        What the timeline was called; without it the picture says that it is not classified.
    level
        Vertebra, such as L1.
    marks
        Lengths that were imported, studies that were not measurable.

    Returns
    -------
    Figure
        For `save_figure` or `figure_svg`.
    """
    roles = [r for r in SeriesRole if timeline.observations.get(r) or marks.list_days_without(r)]
    volume_roles = [role for role in SeriesRole if timeline.volumes.get(role)]
    x_limits = _choose_x_limits(timeline, criteria, marks)
    labels = sort_into_lanes(timeline.events, criteria, x_limits)
    with use_our_style():
        figure, panels = _lay_out(
            max(1, len(roles) + len(volume_roles)), 1 + max(label.lane for label in labels)
        )
        _write_title(figure, timeline, criteria, assessment, level)
        for panel in panels:
            panel.set_xlim(*x_limits)
            draw_time(panel, timeline.events, criteria)
        length_panels, volume_panels = panels[: len(roles)], panels[len(roles) :]
        for panel, role in zip(length_panels, roles, strict=True):
            draw_sequence(panel, role, timeline, criteria, assessment, marks)
        for panel, role in zip(volume_panels, volume_roles, strict=False):
            draw_volumes(panel, role, timeline)
        if roles:
            _share_scale(length_panels)
        elif not volume_roles:
            panels[0].set_yticks([])
            words = "nothing measured"
            panels[0].text(0.5, 0.4, words, transform=panels[0].transAxes, ha="center")
        draw_lanes(panels[0], labels, criteria)
        _name_scale(figure, length_panels if volume_roles else panels, "greatest AP extent, mm")
        _name_scale(figure, volume_panels if volume_roles else [], "volume, cc")
        _write_axes(figure, panels, timeline)
        _write_legend(figure, _build_legend(timeline, criteria, marks))
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure as SVG, PNG or PDF by the suffix of the path; the same figure, the same bytes.

    Raises
    ------
    InputError
        The suffix is another one, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in METADATA:
        raise InputError(
            f"A figure cannot be drawn to {path.name}: give a name that ends in .svg, .png or .pdf."
        )
    write_bytes(path, render_figure(figure, suffix))


def render_figure(figure: Figure, suffix: str) -> bytes:
    """Return a figure as the bytes of a file; the same figure, the same bytes.

    Parameters
    ----------
    suffix
        `.svg`, `.png` or `.pdf`.
    """
    buffer = io.BytesIO()
    with use_our_style():
        figure.savefig(buffer, format=suffix[1:], dpi=RESOLUTION_DPI, metadata=METADATA[suffix])
    content = buffer.getvalue()
    return make_visible(content.decode()).encode() if suffix == ".svg" else content


def render_figure_svg(figure: Figure) -> str:
    """Return a figure as the text of one SVG element, without XML prologue, for use in a page."""
    return extract_svg_element(render_figure(figure, ".svg"))


def extract_svg_element(content: bytes) -> str:
    """Return the SVG element of a file, without its XML prologue."""
    text = content.decode()
    return text[text.index("<svg") :]


def _choose_x_limits(timeline: Timeline, criteria: Criteria, marks: TimelineMarks) -> XLimits:
    """Return the weeks to show: all that happened, and the window at least."""
    days = [o.days_from_ssrs for o in _select_lengths(timeline)]
    days += [volume.days_from_ssrs for row in timeline.volumes.values() for volume in row]
    days += [event.days_from_ssrs for event in timeline.events]
    days += [day for _, day in marks.not_measurable]
    first = weeks_from_days(min([0, *days]))
    last = weeks_from_days(max([criteria.window_days, *days]))
    room = 0.055 * (last - first)
    return first - room, last + 0.8 * room


def _lay_out(panels: int, lanes: int) -> tuple[Figure, list[Axes]]:
    """Lay out title, lanes of events and panels, in inches from the top."""
    top_in = TITLE_IN + lanes * LANE_IN
    row_in = PANEL_HEADER_IN + PANEL_IN
    height_in = top_in + panels * row_in + AXIS_IN + LEGEND_IN
    figure = Figure(figsize=(WIDTH_IN, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    axes: list[Axes] = []
    for index in range(panels):
        bottom = (height_in - top_in - (index + 1) * row_in) / height_in
        box = (LEFT_IN / WIDTH_IN, bottom, PANEL_WIDTH_IN / WIDTH_IN, PANEL_IN / height_in)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
    return figure, axes


def _write_title(
    figure: Figure,
    timeline: Timeline,
    criteria: Criteria,
    assessment: Assessment | None,
    level: str,
) -> None:
    """Write lesion, level and category, then the reason, the mode and the criteria."""
    answer, reason, rules = "not classified", "", criteria.name
    if assessment is not None:
        answer = (
            write_identifier(assessment.category.value) + ", discordant" * assessment.discordant
        )
        reason = write_identifier(assessment.reason.value)
        rules = f"{assessment.mode.value} · {criteria.name}"
    vertebra = f" · {level}" if level else ""
    name = _shorten(f"Lesion {timeline.lesion_id}", TITLE_LENGTH - len(vertebra + answer))
    left, right = 0.12 / WIDTH_IN, 1 - RIGHT_IN / WIDTH_IN
    height_in = figure.get_figheight()
    first, second = 1 - 0.22 / height_in, 1 - 0.43 / height_in
    figure.text(left, first, name + vertebra, size=12, weight="bold", va="center")
    figure.text(right, first, answer, size=12, weight="bold", va="center", ha="right")
    figure.text(left, second, reason, color=QUIET, va="center")
    figure.text(right, second, rules, size=8.5, color=QUIET, va="center", ha="right")


def _share_scale(panels: Sequence[Axes]) -> None:
    """Set every panel to the same span in mm about its own lengths, with room for the labels."""
    limits = [panel.get_ylim() for panel in panels]
    span = max(SMALLEST_SPAN_MM, *(high - low for low, high in limits)) * ROOM_FOR_LABELS
    step = next((s for s in (1, 2, 5, 10, 20) if span / s <= 6), 50)
    for panel, (low, high) in zip(panels, limits, strict=True):
        middle = (low + high) / 2
        panel.set_ylim(middle - span / 2, middle + span / 2)
        panel.yaxis.set_major_locator(MultipleLocator(step))


def _write_axes(figure: Figure, panels: Sequence[Axes], timeline: Timeline) -> None:
    """Name the axis of time once for all panels, and give n."""
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    first, last = panels[-1].get_xlim()
    step = next((s for s in (4, 8, 12, 24, 52, 104) if (last - first) / s <= 9), 208)
    panels[-1].xaxis.set_major_locator(MultipleLocator(step))
    panels[-1].set_xlabel("weeks from completion of SSRS", labelpad=3)
    lengths = _select_lengths(timeline)
    volumes = sum(map(len, timeline.volumes.values()))
    studies = len({o.days_from_ssrs for o in lengths})
    rest = format_count(volumes, "volume") if volumes else format_count(studies, "time point")
    figure.text(
        1 - RIGHT_IN / WIDTH_IN,
        (LEGEND_IN + 0.06) / figure.get_figheight(),
        f"n = {format_count(len(lengths), 'length')}, {rest}",
        size=8,
        color=QUIET,
        ha="right",
    )


def _name_scale(figure: Figure, panels: Sequence[Axes], words: str) -> None:
    """Name what some panels show once for all of them, at their left."""
    if panels:
        middle = (panels[0].get_position().y1 + panels[-1].get_position().y0) / 2
        figure.text(0.14 / WIDTH_IN, middle, words, rotation=90, va="center", ha="center")


def _build_legend(timeline: Timeline, criteria: Criteria, marks: TimelineMarks) -> list[Artist]:
    """Explain the marks that are used, and no others."""

    def mark(marker: str, face: str, label: str, alpha: float = 1.0) -> Line2D:
        return Line2D(
            [], [], ls="", marker=marker, ms=5.5, mfc=face, mec=INK, alpha=alpha, label=label
        )

    band = Patch(color=BAND, label=f"baseline ± {format_mm(criteria.change_mm)}")
    handles: list[Artist] = [band] if _select_lengths(timeline) else []
    if any(v.standard_error_cc for row in timeline.volumes.values() for v in row):
        handles.append(Line2D([], [], ls="-", color=INK, lw=1.1, label="volume, 95% interval"))
    if marks.imported:
        handles.append(mark("o", "white", "imported length"))
    if marks.not_measurable:
        handles.append(mark("x", INK, "not measurable"))
    retreatment_day = find_retreatment_day(timeline)
    if any(
        retreatment_day is not None and o.days_from_ssrs > retreatment_day
        for o in _select_lengths(timeline)
    ):
        handles.append(mark("o", INK, "left out after retreatment", alpha=0.35))
    return handles


def _write_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    figure.legend(
        handles=list(handles),
        loc="lower left",
        bbox_to_anchor=(LEFT_IN / WIDTH_IN, 0.08 / figure.get_figheight()),
        ncols=max(1, len(handles)),
        frameon=False,
        fontsize=8,
        labelcolor=QUIET,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _select_lengths(timeline: Timeline) -> list[Observation]:
    return [o for observations in timeline.observations.values() for o in observations]
