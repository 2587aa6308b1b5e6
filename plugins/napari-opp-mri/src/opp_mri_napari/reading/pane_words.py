"""What stands on and above a pane's image, from the header of its series."""

from collections.abc import Sequence
from typing import Final

from opp_mri.domain.imaging import VolumeDescription
from opp_mri_napari.reading.panes import Pane

MOST_LINES: Final = 3  # of technique on an image; the text below the curve has all


def name_series(pane: Pane, when: str) -> tuple[str, ...]:
    """Name what a pane shows: role, date, and the series as the scanner calls it.

    Shorter names follow, without that of the scanner, then without the phase, then the role alone.

    Parameters
    ----------
    when
        Date and phase of the time point; "" in a blinded read.
    """
    day = when.partition(" ")[0]
    if pane.volume is None:
        return tuple(_join(pane.sequence.value, words) for words in (when, day))
    role = pane.volume.role.value if pane.volume.role else "no role"
    if pane.volume.is_in_doubt:
        role = f"{role}? in doubt, U chooses it"
    description = pane.volume.instance.series_description
    return (_join(role, when, description), _join(role, when), _join(role, day), role)


def _join(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)


def describe_slice(pane: Pane, *, blind: bool) -> str:
    """State which slice is shown; without their number where it would tell time points apart."""
    if pane.volume is None:
        return ""
    return f"{pane.place + 1}" if blind else f"{pane.place + 1}/{len(pane.volume.planes)}"


def describe_window(window: tuple[float, float]) -> str:
    """Return width and level, in stored values."""
    low, high = window
    return f"W {high - low:.0f}  L {(low + high) / 2:.0f}"


def list_technique_lines(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return changes of technique in few words, fat suppression first, for the image's corner."""
    sorted_sentences = sorted(
        sentences, key=lambda sentence: not sentence.startswith("Fat suppression")
    )
    lines = [sentence.replace(" differs:", ":").rstrip(".") for sentence in sorted_sentences]
    if len(lines) > MOST_LINES:
        return (*lines[: MOST_LINES - 1], f"{len(lines) - MOST_LINES + 1} more changes")
    return tuple(lines)


def list_header_lines(volume: VolumeDescription) -> tuple[str, ...]:
    """Return what a radiologist reads in the corner of an image: series, timing, slice, field."""
    instance = volume.instance
    echo_ms = instance.echo_time_ms or volume.instance.frames[0].echo_time_ms
    plane = volume.plane.value if volume.plane else ""
    first = [
        f"Se {instance.series_number}" if instance.series_number is not None else "",
        plane,
    ]
    timing = [
        f"TR {instance.repetition_time_ms:.0f}" if instance.repetition_time_ms else "",
        f"TE {echo_ms:.0f}" if echo_ms else "",
        f"TI {instance.inversion_time_ms:.0f}" if instance.inversion_time_ms else "",
    ]
    times = " ".join(part for part in timing if part)
    geometry = [
        f"{instance.slice_thickness_mm:.1f} mm" if instance.slice_thickness_mm else "",
        f"{instance.magnetic_field_strength:g} T" if instance.magnetic_field_strength else "",
    ]
    lines = (
        " · ".join(part for part in first if part),
        f"{times} ms" if times else "",
        " · ".join(part for part in geometry if part),
    )
    return tuple(line for line in lines if line)
