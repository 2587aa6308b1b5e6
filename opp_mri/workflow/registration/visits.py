"""One answer a visit: the sequence that carries the others, and the evidence of each."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from opp_mri.domain.alignment import Alignment
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Verdict

VERDICTS: Final = tuple(Verdict)
SEQUENCES: Final = tuple(SeriesRole)
SHOWN_CORRECTION_MM: Final = 0.5  # a patient's motion between sequences is shown from here on


@frozen(kw_only=True, eq=False)
class VisitFit:
    """The fits of one visit for one lesion.

    Parameters
    ----------
    leading
        The fit that carries the visit: the one with the best verdict; T1 first among equals.
    alignments
        The fits of all sequences, in the order of the sequences.
    """

    leading: Alignment
    alignments: tuple[Alignment, ...]

    @property
    def verdict(self) -> Verdict:
        """The visit's verdict: that of the leading sequence, which carries the others."""
        return self.leading.fit.verdict

    def describe_sequences(self) -> str:
        """Return the evidence of each sequence in a line."""
        return ", ".join(_describe(alignment) for alignment in self.alignments)


def group_by_visit(alignments: Iterable[Alignment]) -> list[VisitFit]:
    """Group fits by lesion and visit, in the order in which the visits first appear.

    Sequences of a visit that lie in another frame of reference are an answer of their own.
    """
    groups: dict[tuple[object, ...], list[Alignment]] = {}
    for alignment in alignments:
        transform = alignment.fit.baseline_from_followup
        frames = (
            transform.to_frame_of_reference_uid,
            transform.from_frame_of_reference_uid,
        )
        key = (
            alignment.patient_id,
            alignment.lesion_id,
            alignment.baseline_study_date,
            alignment.followup_study_date,
            *(frames if all(frames) else (alignment.fit_id,)),
        )
        groups.setdefault(key, []).append(alignment)
    return [_build_answer(fits) for fits in groups.values()]


def _build_answer(alignments: list[Alignment]) -> VisitFit:
    sorted_fits = sorted(alignments, key=lambda fit: SEQUENCES.index(fit.sequence))
    leading_fit = min(sorted_fits, key=lambda fit: VERDICTS.index(fit.fit.verdict))
    return VisitFit(leading=leading_fit, alignments=tuple(sorted_fits))


def _describe(alignment: Alignment) -> str:
    fit = alignment.fit
    words = f"{alignment.sequence.value} {fit.verdict.value} {fit.similarity:.2f}"
    correction_mm = fit.correction_mm
    if correction_mm is not None and correction_mm > SHOWN_CORRECTION_MM:
        words += f" (moved {correction_mm:.1f} mm)"
    return words
