"""A pair of answers in the words of the consensus room: A and B, and no name of a reader."""

from datetime import date
from typing import Final

from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.units import count_days, format_mm, weeks_from_days
from opp_mri.workflow.double_read.consensus import Pair

KEY_SHEET: Final = (
    ("A / B", "keep A, keep B"),
    ("M", "mean of the ends, of two lines on one image"),
    ("L, two clicks", "a new line"),
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


def write_title(pair: Pair) -> str:
    """Name the cell."""
    lesion, reading = pair.lesion, pair.a
    when = describe_weeks(lesion, reading.study_date)
    return f"{lesion.lesion_id} {lesion.level} · {reading.sequence.value} · {when}"


def describe_weeks(lesion: Lesion, day: date) -> str:
    """State when a study was, such as `+11.3 weeks`."""
    return f"{weeks_from_days(count_days(lesion.ssrs_last_date, day)):+.1f} weeks"


def list_facts(pair: Pair) -> tuple[tuple[str, str], ...]:
    """Return what A and B say, and how far apart they are."""
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


def state(pair: Pair) -> str:
    """Describe what happened to a pair."""
    if pair.resolution is None or pair.result is None:
        return "open" if pair.discordance else "agrees: becomes the mean when signed"
    return f"resolved ({pair.resolution.kind.value}): {describe_answer(pair.result)}"


def describe_answer(reading: Reading) -> str:
    """Describe an answer in a few words."""
    if reading.answer is Answer.MEASURED and reading.length_mm is not None:
        return format_mm(reading.length_mm)
    return {Answer.GONE: "gone, 0.0 mm"}.get(reading.answer, "not measurable")
