"""Show fits: as records for other programs, and as a page with pictures."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from opp_mri.cohort.figures.overlay_figure import draw_overlay
from opp_mri.cohort.report.alignment_page import FitPage, write_alignment_page
from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.errors import OppMriError
from opp_mri.registration.resampling import cut_overlay
from opp_mri.store.protocol import Store
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.registration.align_plan import NotComparable
from opp_mri.workflow.registration.align_review import load_volume_of_project
from opp_mri.workflow.registration.visits import NOT_COMPARABLE, VisitFit


def build_alignment_json(
    alignment: Alignment, decisions: Sequence[AlignmentDecision] = (), visit: VisitFit | None = None
) -> dict[str, Any]:
    """Return what `opp-mri align --json` shows of a fit.

    Parameters
    ----------
    decisions
        About this fit, the latest last.
    visit
        The answer of its visit.
    """
    fit = alignment.fit
    return {
        "fit_id": alignment.fit_id,
        "patient_id": alignment.patient_id,
        "lesion_id": alignment.lesion_id,
        "sequence": alignment.sequence.value,
        "baseline_study_date": alignment.baseline_study_date.isoformat(),
        "followup_study_date": alignment.followup_study_date.isoformat(),
        "baseline_volume_id": alignment.baseline_volume_id,
        "followup_volume_id": alignment.followup_volume_id,
        "brought_along": alignment.brought_along,
        "centre_lps_mm": list(fit.centre_lps_mm),
        "displacement_lps_mm": [round(x, 3) for x in fit.displacement_lps_mm],
        "rotation_deg": round(fit.rotation_deg, 3),
        "similarity_before": round(fit.similarity_before, 4),
        "similarity": round(fit.similarity, 4),
        "level_margin": _round(fit.level_margin, 4),
        "inverse_consistency_mm": _keep_finite(fit.inverse_consistency_mm),
        "block_residual_mm": _keep_finite(fit.block_residual_mm),
        "overlap": round(fit.overlap, 3),
        "size_along": _round(fit.size_along, 4),
        "size_across": _round(fit.size_across, 4),
        "mismatch": _round(fit.mismatch, 3),
        "advantage": _round(fit.advantage, 3),
        "correction_mm": _round(fit.correction_mm, 3),
        "second_opinion_mm": _round(fit.second_opinion_mm, 3),
        "second_opinion_deg": _round(fit.second_opinion_deg, 3),
        "verdict": fit.verdict.value,
        "visit_verdict": visit.verdict.value if visit else None,
        "leads_visit": visit.leading.fit_id == alignment.fit_id if visit else None,
        "reasons": list(fit.reasons),
        "baseline_from_followup": fit.baseline_from_followup.matrix.tolist(),
        "not_comparable": [
            {"sequence": series_left_out.sequence.value, "reason": series_left_out.reason}
            for series_left_out in (visit.not_comparable if visit else ())
        ],
        "decision": decisions[-1].decision.value if decisions else None,
        "decisions": [
            {
                "decision": decision.decision.value,
                "reader": decision.reader,
                "reason": decision.reason,
                "recorded_at": decision.recorded_at.isoformat(),
            }
            for decision in decisions
        ],
        "algorithm_version": alignment.algorithm_version,
    }


def build_left_out_json(left_out: Sequence[NotComparable]) -> dict[str, Any]:
    """Return what `opp-mri align --json` shows of a visit that has no comparable sequence.

    Parameters
    ----------
    left_out
        The sequences of the visit, one at least.
    """
    first = left_out[0]
    return {
        "fit_id": None,
        "patient_id": first.patient_id,
        "lesion_id": first.lesion_id,
        "baseline_study_date": first.baseline_study_date.isoformat(),
        "followup_study_date": first.followup_study_date.isoformat(),
        "verdict": None,
        "visit_verdict": NOT_COMPARABLE,
        "not_comparable": [
            {"sequence": series_left_out.sequence.value, "reason": series_left_out.reason}
            for series_left_out in left_out
        ],
        "reasons": list(dict.fromkeys(series_left_out.reason for series_left_out in left_out)),
    }


def save_alignment_page(
    path: Path,
    store: Store,
    alignments: Sequence[Alignment],
    *,
    left_out: Sequence[str],
    written_on: date,
    progress: Progress = ignore_progress,
) -> None:
    """Write a page of fits with pictures of before and after.

    A fit whose images cannot be read is shown without a picture, and why.

    Parameters
    ----------
    path
        File of the page, replaced where there is one.
    alignments
        The fits, in the order of the page.
    left_out
        What has no fit, and why, a sentence each.
    written_on
        Date on the page.
    progress
        Told of each fit.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    decisions = store.get_alignment_decisions()
    pages = []
    for count, alignment in enumerate(alignments, start=1):
        fit_decisions = decisions.get(alignment.fit_id, ())
        picture, no_picture = _draw_picture(store, alignment)
        pages.append(
            FitPage(
                alignment=alignment,
                decision=fit_decisions[-1].decision if fit_decisions else None,
                picture=picture,
                no_picture=no_picture,
            )
        )
        progress("drawing fits", count, len(alignments))
    write_alignment_page(path, pages, left_out=left_out, written_on=written_on)


def _draw_picture(store: Store, alignment: Alignment) -> tuple[bytes | None, str]:
    try:
        baseline = load_volume_of_project(store, alignment.baseline_volume_id)
        followup = load_volume_of_project(store, alignment.followup_volume_id)
    except OppMriError as error:
        return None, str(error)
    fit = alignment.fit
    pictures = cut_overlay(baseline, followup, fit.baseline_from_followup, fit.centre_lps_mm)
    return draw_overlay(pictures), ""


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _keep_finite(value: float) -> float | None:
    """Return a number that JSON can hold, None for what is infinite."""
    return round(value, 3) if value < float("inf") else None
