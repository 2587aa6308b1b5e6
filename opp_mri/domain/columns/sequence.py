"""The numbers of one sequence's course: what JSON, exports and the dictionary say of them."""

from typing import Final

from opp_mri.domain.assessment import SequenceAssessment
from opp_mri.domain.columns.column import Column, Kind

_RULES: Final = "response rules (Amini et al., AJNR 2016;37:387-392)"

COURSE_COLUMNS: Final[tuple[Column[SequenceAssessment], ...]] = (
    Column(
        name="baseline_day", label="Baseline", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda course: course.baseline_day, source=_RULES,
        description="Day of the study that changes are taken from; empty without one.",
    ),
    Column(
        name="baseline_mm", label="Baseline AP extent", kind=Kind.DECIMAL, unit="mm",
        of=lambda course: course.baseline_mm, source=_RULES,
        description="AP extent at the baseline.",
    ),
    Column(
        name="peak_change_mm", label="Peak change", kind=Kind.DECIMAL, unit="mm",
        of=lambda course: course.peak_change_mm, source=_RULES,
        description="Largest change from baseline; empty without a baseline or a follow-up.",
    ),
    Column(
        name="days_to_peak", label="Peak", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda course: course.peak_day, source=_RULES,
        description="First follow-up that shows the largest change.",
    ),
    Column(
        name="peak_after_day", label="Study before the peak", kind=Kind.INTEGER,
        unit="days from SSRS", of=lambda course: course.peak_after_day, source=_RULES,
        description="The true peak lies after this day: it is known from visits only.",
    ),
    Column(
        name="last_change_mm", label="Last change", kind=Kind.DECIMAL, unit="mm",
        of=lambda course: course.last_change_mm, source=_RULES,
        description="Change at the last follow-up.",
    ),
    Column(
        name="last_day", label="Last follow-up", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda course: course.last_day, source=_RULES,
        description="Last follow-up of the sequence that counts.",
    ),
    Column(
        name="days_to_baseline", label="Return to baseline", kind=Kind.INTEGER,
        unit="days from SSRS", of=lambda course: course.return_to_baseline_day, source=_RULES,
        description="First follow-up after the peak that shows no growth; empty where it "
        "never grew, or did not return within the follow-up.",
    ),
    Column(
        name="decline_studies", label="Studies that show the decline", kind=Kind.INTEGER,
        of=lambda course: course.decline_studies, source=_RULES,
        description="Follow-ups after the peak that show a decline from it.",
    ),
    Column(
        name="growth_studies", label="Studies that show the growth", kind=Kind.INTEGER,
        of=lambda course: course.growth_studies, source=_RULES,
        description="Follow-ups that show growth from baseline.",
    ),
    Column(
        name="nadir_mm", label="Smallest AP extent", kind=Kind.DECIMAL, unit="mm",
        of=lambda course: course.nadir_mm, source=_RULES,
        description="Smallest length at a follow-up.",
    ),
    Column(
        name="nadir_day", label="Smallest seen", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda course: course.nadir_day, source=_RULES,
        description="Day of the smallest length.",
    ),
    Column(
        name="regrowth_mm", label="Regrowth", kind=Kind.DECIMAL, unit="mm",
        of=lambda course: course.regrowth_mm, source=_RULES,
        description="Growth from the smallest to the last length.",
    ),
)  # fmt: skip
"""All but category and reason, from baseline to regrowth."""
