"""A fit in the words that the review window shows."""

from attrs import frozen

from opp_mri.domain.alignment import AlignmentDecision
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.workflow.registration.align_review import ReviewItem


@frozen(kw_only=True)
class FitWords:
    """What the panel says of a fit.

    Parameters
    ----------
    title, dates
        Which lesion and sequence; which studies.
    verdict
        The software's proposal.
    numbers
        Rows of a name and its value with unit.
    reasons
        Sentences.
    decisions
        What readers decided, the latest first; empty where undecided.
    """

    title: str
    dates: str
    verdict: Verdict
    numbers: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    decisions: tuple[str, ...]


def fit_words(item: ReviewItem) -> FitWords:
    """Put a fit into words."""
    alignment = item.alignment
    days = (alignment.followup_study_date - alignment.baseline_study_date).days
    return FitWords(
        title=write_title(item),
        dates=(
            f"baseline {alignment.baseline_study_date}, "
            f"follow-up {alignment.followup_study_date} ({days} days later)"
        ),
        verdict=alignment.fit.verdict,
        numbers=(*_list_numbers(alignment.fit), ("made", _describe_origin(item))),
        reasons=alignment.fit.reasons,
        decisions=tuple(_describe_decision(decision) for decision in reversed(item.decisions)),
    )


def describe_ticks(item: ReviewItem) -> str:
    """Describe what the ticks point at: a vertebra only where somebody has marked it."""
    if item.landmark_lps_mm is None:
        return "ticks: middle of the field that was lined up; no vertebra is marked"
    return f"ticks: {item.level}"


def describe_confirming(item: ReviewItem) -> str:
    """Describe what a reader states with C; of a failed fit, that there is nothing to state."""
    if item.alignment.fit.verdict is Verdict.FAILED:
        return "Failed: there is nothing to confirm. R rejects it, N goes on."
    at = f"{item.level} lies on {item.level}" if item.level else "each level lies on itself"
    return f"C states: levels counted, {at}."


def write_title(item: ReviewItem) -> str:
    """State which lesion and sequence a fit is of."""
    alignment = item.alignment
    if alignment.lesion_id is None:
        subject = f"Patient {alignment.patient_id}, common field"
    else:
        subject = f"{alignment.lesion_id}, {item.level}" if item.level else alignment.lesion_id
    return f"{subject}, {alignment.sequence.value}"


def _list_numbers(fit: Fit) -> tuple[tuple[str, str], ...]:
    moved_mm = sum(x * x for x in fit.displacement_lps_mm) ** 0.5
    back = fit.inverse_consistency_mm
    return (
        ("headers apart by", f"{moved_mm:.1f} mm, {fit.rotation_deg:.1f}°"),
        ("similarity", f"{fit.similarity:.2f} (by headers {fit.similarity_before:.2f})"),
        (
            "level margin",
            "no other level to try" if fit.level_margin is None else f"{fit.level_margin:.2f}",
        ),
        ("inverse consistency", f"{back:.1f} mm" if back < float("inf") else "not estimable"),
        (
            "blocks disagree by",
            f"{fit.block_residual_mm:.1f} mm"
            if fit.block_residual_mm < float("inf")
            else "no block",
        ),
        ("covered", f"{fit.overlap:.0%}"),
    )


def _describe_origin(item: ReviewItem) -> str:
    return "with the study's T1" if item.alignment.brought_along else "automatically"


def _describe_decision(decision: AlignmentDecision) -> str:
    when = decision.recorded_at.astimezone().strftime("%Y-%m-%d %H:%M")
    why = f": {decision.reason}" if decision.reason else ""
    return f"{decision.decision.value} by {decision.reader}, {when}{why}"
