"""A page of fits: each with its numbers, its verdict, and pictures of before and after."""

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from attrs import frozen

from opp_mri.cohort.report.page import render_page, save_page
from opp_mri.domain.alignment import Alignment, FitDecision
from opp_mri.domain.registration import Fit, Verdict


@frozen(kw_only=True, eq=False)
class FitPage:
    """What a page shows of one fit.

    Parameters
    ----------
    alignment
        The fit.
    decision
        What a reader decided last, or None.
    picture
        PNG of the overlay, or None.
    no_picture
        Why there is none.
    """

    alignment: Alignment
    decision: FitDecision | None = None
    picture: bytes | None = None
    no_picture: str = ""

    @property
    def heading(self) -> str:
        """Lesion or patient, sequence, and the two dates."""
        alignment = self.alignment
        region = alignment.lesion_id or "common field of view"
        dates = f"{alignment.baseline_study_date} and {alignment.followup_study_date}"
        return f"{region}, {alignment.sequence.value}, {dates}"

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """Names and values with their units."""
        fit = self.alignment.fit
        x, y, z = fit.displacement_lps_mm
        margin = "no other place" if fit.level_margin is None else f"{fit.level_margin:.2f}"
        return [
            ("fit", self.alignment.fit_id),
            ("displacement LPS", f"{x:+.1f}, {y:+.1f}, {z:+.1f} mm"),
            ("rotation", f"{fit.rotation_deg:.1f}°"),
            ("similarity before / after", f"{fit.similarity_before:.2f} / {fit.similarity:.2f}"),
            ("level margin", margin),
            ("inverse consistency", f"{fit.inverse_consistency_mm:.2f} mm"),
            ("block residual", f"{fit.block_residual_mm:.2f} mm"),
            ("overlap", f"{fit.overlap:.0%}"),
            ("second opinion", _describe_opinion(fit)),
            ("moved from the visit's fit", _with_unit(fit.correction_mm, "{:.2f} mm")),
            (
                "size along / across",
                f"{_with_unit(fit.size_along, '{:.1%}')} / {_with_unit(fit.size_across, '{:.1%}')}",
            ),
            (
                "mismatch ratio / advantage over the next level",
                f"{_with_unit(fit.mismatch, '{:.2f}')} / {_with_unit(fit.advantage, '{:.2f}')}",
            ),
        ]


def _describe_opinion(fit: Fit) -> str:
    if fit.second_opinion_mm is None or fit.second_opinion_deg is None:
        return "not asked"
    return f"{fit.second_opinion_mm:.2f} mm, {fit.second_opinion_deg:.1f}° away"


def _with_unit(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def write_alignment_page(
    path: Path, fits: Sequence[FitPage], *, left_out: Sequence[str] = (), written_on: date
) -> None:
    """Write a self-contained page of fits.

    Parameters
    ----------
    left_out
        What has no fit, and why, a sentence each.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    verdicts = Counter(fit.alignment.fit.verdict for fit in fits)
    html = render_page(
        "alignments.html.j2",
        title="Follow-ups lined up on their baseline",
        fits=[
            {
                "heading": fit.heading,
                "verdict": fit.alignment.fit.verdict.value,
                "decision": fit.decision.value if fit.decision else "",
                "numbers": fit.numbers,
                "reasons": fit.alignment.fit.reasons,
                "picture": b64encode(fit.picture).decode() if fit.picture else "",
                "no_picture": fit.no_picture,
            }
            for fit in fits
        ],
        counts=", ".join(f"{verdicts[v]} {v.value}" for v in Verdict),
        left_out=left_out,
        written_on=written_on,
    )
    save_page(path, html)
