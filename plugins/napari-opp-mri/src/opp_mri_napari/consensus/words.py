"""A pair of answers in the words of the consensus room: A and B, and no name of a reader."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.units import count_days, format_count, format_mm, round_to_recorded_mm, weeks_from_days
from opp_mri.workflow.double_read.consensus import LesionConsensus, Pair
from opp_mri.workflow.double_read.resolving import NewAnswer
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.measuring.signal_ratio import describe_reference
from opp_mri_napari.consensus.images import Shown

KEY_SHEET: Final = (
    ("A / B", "keep A, keep B"),
    ("M", "mean of the ends, of two lines on one image"),
    ("L, two clicks", "a new line"),
    ("L, clicks, Enter", "new contours along edges; Enter again once all are drawn"),
    ("Q / 0", "not measurable, gone"),
    ("Enter", "record, with a reason"),
    ("Esc", "take it back before it is recorded"),
    ("T", "the image of A, the image of B"),
    ("Left / Right", "other sequences of the time point"),
    ("Ctrl + Left / Right", "other time points"),
    ("Up / Down, wheel", "slices; Ctrl and wheel zooms"),
    ("right drag, double", "window and level; back to normal"),
    ("middle drag", "move the image"),
    ("N / Shift+N", "next, previous pair"),
    ("S", "sign the lesion"),
)


def write_title(pair: Pair | ContourPair) -> str:
    """Name the cell, and say where its volume is meant."""
    lesion, reading = pair.lesion, pair.a
    when = describe_weeks(lesion, reading.study_date)
    volume = " · volume" if isinstance(pair, ContourPair) else ""
    return f"{lesion.lesion_id} {lesion.level} · {reading.sequence.value} · {when}{volume}"


def describe_weeks(lesion: Lesion, day: date) -> str:
    """State when a study was, such as `+11.3 weeks`."""
    return f"{weeks_from_days(count_days(lesion.ssrs_last_date, day)):+.1f} weeks"


def list_facts(pair: Pair | ContourPair) -> tuple[tuple[str, str], ...]:
    """Return what A and B say, and how far apart they are."""
    if isinstance(pair, ContourPair):
        return _list_volume_facts(pair)
    discordance = pair.discordance
    rows = [("A (solid)", describe_answer(pair.a)), ("B (dashed)", describe_answer(pair.b))]
    if pair.a.length_mm is not None and pair.b.length_mm is not None:
        rows.append(("difference", format_mm(abs(pair.a.length_mm - pair.b.length_mm))))
    if pair.ends is not None:
        rows.append(("anterior ends", f"{pair.ends.anterior_mm:.1f} mm apart"))
        rows.append(("posterior ends", f"{pair.ends.posterior_mm:.1f} mm apart"))
    if (
        discordance is not None
        and discordance.slices_apart_mm is not None
        and discordance.slices_apart_mm >= 0.05
    ):
        rows.append(("slices", f"{discordance.slices_apart_mm:.1f} mm apart"))
    if discordance is not None and discordance.angle_deg is not None:
        rows.append(("angle", f"{discordance.angle_deg:.0f}°"))
    rows.append(
        ("they differ by", discordance.cause.value if discordance else "no more than the limits")
    )
    if pair.changes_category:
        rows.append(("", "the two reads give this lesion different categories"))
    return tuple(rows)


def _list_volume_facts(pair: ContourPair) -> tuple[tuple[str, str], ...]:
    comparison, overlap = pair.comparison, pair.comparison.overlap
    rows = [
        ("A (solid)", describe_contours(pair.a, comparison.first_cc)),
        ("B (dashed)", describe_contours(pair.b, comparison.second_cc)),
    ]
    if comparison.difference_percent is not None:
        rows.append(("difference", f"{abs(comparison.difference_percent):.0f}% of the mean"))
    if overlap is not None:
        rows.append(("Dice coefficient", f"{overlap.dice:.2f}"))
        rows.append(("surfaces, mean", f"{overlap.mean_surface_mm:.1f} mm apart"))
        rows.append(("surfaces, 95%", f"up to {overlap.hausdorff_95_mm:.1f} mm apart"))
    rows.append(("they differ by", pair.cause.value if pair.cause else "no more than the limits"))
    return tuple(rows)


def describe_contours(reading: VolumeReading, volume_cc: float | None) -> str:
    """Describe contours in a few words: the volume, and how many they are."""
    contours = format_count(len(reading.contours), "contour")
    volume = contours if volume_cc is None else f"{volume_cc:.2f} cc, {contours}"
    return f"{volume}{describe_reference(reading)}"


def state(pair: Pair | ContourPair) -> str:
    """Describe what happened to a pair."""
    if isinstance(pair, ContourPair):
        if pair.resolution is None or pair.result is None:
            return "open" if pair.cause else "agrees: becomes A when signed"
        contours = format_count(len(pair.result.contours), "contour")
        return f"resolved ({pair.resolution.kind.value}): {contours}"
    if pair.resolution is None or pair.result is None:
        return "open" if pair.discordance else "agrees: becomes the mean when signed"
    return f"resolved ({pair.resolution.kind.value}): {describe_answer(pair.result)}"


def describe_answer(reading: Reading) -> str:
    """Describe an answer in a few words."""
    if reading.answer is Answer.MEASURED and reading.length_mm is not None:
        return format_mm(reading.length_mm)
    return {Answer.GONE: "gone, 0.0 mm"}.get(reading.answer, "not measurable")


def describe_side(pair: Pair | ContourPair, *, is_a: bool) -> str:
    """Describe what A, or B, says."""
    if isinstance(pair, ContourPair):
        comparison = pair.comparison
        volume_cc = comparison.first_cc if is_a else comparison.second_cc
        return describe_contours(pair.a if is_a else pair.b, volume_cc)
    return describe_answer(pair.a if is_a else pair.b)


def describe_new_length(image: Shown | None, new: NewAnswer) -> str:
    """State how long a line is that was not recorded yet; "" where there is none."""
    line = new.line
    if image is None or line is None:
        return ""
    plane = image.volume.get_plane(line.sop_instance_uid, line.frame_number)
    if plane is None:
        return ""
    return f", {format_mm(round_to_recorded_mm(plane.measure_length_mm(*line.points)))}"


def describe_progress(
    lesions: Sequence[LesionConsensus], pairs: Sequence[Pair | ContourPair]
) -> str:
    """State how far the work is."""
    discordant = [pair for pair in pairs if pair.is_discordant]
    resolved_count = sum(pair.resolution is not None for pair in discordant)
    complete_count = sum(lesion.is_complete for lesion in lesions)
    return (
        f"{resolved_count} of {len(discordant)} discordant pairs resolved, "
        f"{complete_count} of {len(lesions)} lesions complete"
    )
