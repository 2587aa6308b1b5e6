"""The panel of a timeline figure that shows the volumes within contours on one sequence."""

from typing import Final

from matplotlib.axes import Axes

from opp_mri.cohort.figures.style import BASELINE, COLOURS, MARKERS, PANEL_IN
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Timeline, VolumeObservation
from opp_mri.response.course import find_retreatment_day
from opp_mri.units import weeks_from_days

NORMAL_95: Final = 1.96
ROOM_ABOVE: Final = 1.3  # for the labels
SMALLEST_SPAN_CC: Final = 1.0


def draw_volumes(panel: Axes, role: SeriesRole, timeline: Timeline) -> None:
    """Draw the volumes of one sequence with their 95% intervals, from 0 cc upwards."""
    volumes, colour = timeline.volumes[role], COLOURS[role]
    baseline = timeline.find_volume_baseline(role)
    if baseline is not None:
        panel.axhline(float(baseline.volume_cc), color=BASELINE, lw=0.8, zorder=0.6)
    retreatment_day = find_retreatment_day(timeline)
    for volume in volumes:
        is_left_out = retreatment_day is not None and volume.days_from_ssrs > retreatment_day
        week, volume_cc = weeks_from_days(volume.days_from_ssrs), float(volume.volume_cc)
        error_cc = NORMAL_95 * (volume.standard_error_cc or 0.0)
        panel.errorbar(
            week, volume_cc, error_cc or None, fmt=MARKERS[role], ms=5.5, color=colour, lw=1.1,
            alpha=0.35 if is_left_out else 1.0, zorder=3.5,
        )  # fmt: skip
        panel.annotate(
            f"{volume.volume_cc}", (week, volume_cc + error_cc), xytext=(0, 4),
            textcoords="offset points", ha="center", va="bottom", size=8, annotation_clip=False,
        )  # fmt: skip
    weeks = [weeks_from_days(volume.days_from_ssrs) for volume in volumes]
    panel.plot(weeks, [float(volume.volume_cc) for volume in volumes], color=colour, lw=1.6)
    highest = max(float(v.volume_cc) + NORMAL_95 * (v.standard_error_cc or 0.0) for v in volumes)
    panel.set_ylim(0, ROOM_ABOVE * max(highest, SMALLEST_SPAN_CC))
    height = 1 + 0.06 / PANEL_IN
    name = f"{role.value} volume"
    panel.text(0, height, name, transform=panel.transAxes, weight="bold", color=colour)
    panel.text(0.25, height, _write_change(volumes, baseline), transform=panel.transAxes)


def _write_change(
    volumes: tuple[VolumeObservation, ...], baseline: VolumeObservation | None
) -> str:
    """Write the last change from baseline in per cent, with its week."""
    last = volumes[-1]
    if baseline is None:
        return "no baseline"
    if last is baseline or not baseline.volume_cc:
        return f"baseline {baseline.volume_cc} cc"
    percent = round(100 * (last.volume_cc / baseline.volume_cc - 1))
    sign = "+" if percent > 0 else "−" if percent < 0 else ""
    return f"{sign}{abs(percent)}% at week {weeks_from_days(last.days_from_ssrs):.0f}"
