"""One answer a visit: the sequence that carries the others, and the evidence of each."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from attrs import frozen

from opp_mri.domain.alignment import Alignment
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Verdict
from opp_mri.workflow.registration.align_plan import NotComparable

VERDICTS: Final = tuple(Verdict)
SEQUENCES: Final = tuple(SeriesRole)
NOT_COMPARABLE: Final = "not comparable: left out"
SHOWN_CORRECTION_MM: Final = 0.5  # a patient's motion between sequences is shown from here on

Visit = tuple[str, str | None, date, date]


@frozen(kw_only=True, eq=False)
class VisitFit:
    """The fits of one visit for one lesion.

    Parameters
    ----------
    leading
        The fit that carries the visit: the one with the best verdict; T1 first among equals.
    alignments
        The fits of all sequences, in the order of the sequences.
    not_comparable
        Sequences that are left out.
    """

    leading: Alignment
    alignments: tuple[Alignment, ...]
    not_comparable: tuple[NotComparable, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The visit's verdict: that of the leading sequence, which carries the others."""
        return self.leading.fit.verdict

    def describe_sequences(self) -> str:
        """Return the evidence of each sequence in a line."""
        evidence = [_describe(alignment) for alignment in self.alignments]
        return ", ".join([*evidence, *map(describe_left_out, self.not_comparable)])


def describe_left_out(left_out: NotComparable) -> str:
    """Return the words for a sequence that is left out."""
    return f"{left_out.sequence.value} {NOT_COMPARABLE}"


def group_by_visit(
    alignments: Iterable[Alignment], not_comparable: Iterable[NotComparable] = ()
) -> list[VisitFit]:
    """Group fits by lesion and visit, in the order in which the visits first appear.

    Sequences of a visit that lie in another frame of reference are an answer of their own.

    Parameters
    ----------
    not_comparable
        Sequences that are left out: each goes with the fits of its visit, where it has any.
    """
    left_out = group_left_out(not_comparable)
    groups: dict[tuple[object, ...], list[Alignment]] = {}
    for alignment in alignments:
        transform = alignment.fit.baseline_from_followup
        frames = (
            transform.to_frame_of_reference_uid,
            transform.from_frame_of_reference_uid,
        )
        key = (
            *_get_visit(alignment),
            *(frames if all(frames) else (alignment.fit_id,)),
        )
        groups.setdefault(key, []).append(alignment)
    return [_build_answer(fits, left_out.get(_get_visit(fits[0]), ())) for fits in groups.values()]


def group_left_out(
    not_comparable: Iterable[NotComparable], but_for: Iterable[Alignment] = ()
) -> dict[Visit, tuple[NotComparable, ...]]:
    """Group the sequences that are left out by visit.

    Parameters
    ----------
    but_for
        Fits whose visits are not asked for.
    """
    visits = {_get_visit(alignment) for alignment in but_for}
    groups: dict[Visit, tuple[NotComparable, ...]] = {}
    for series_left_out in not_comparable:
        visit = _get_visit(series_left_out)
        if visit not in visits:
            groups[visit] = (*groups.get(visit, ()), series_left_out)
    return groups


def _get_visit(member: Alignment | NotComparable) -> Visit:
    return (
        member.patient_id,
        member.lesion_id,
        member.baseline_study_date,
        member.followup_study_date,
    )


def _build_answer(
    alignments: list[Alignment], not_comparable: tuple[NotComparable, ...]
) -> VisitFit:
    sorted_fits = sorted(alignments, key=lambda fit: SEQUENCES.index(fit.sequence))
    leading = min(sorted_fits, key=lambda fit: VERDICTS.index(fit.fit.verdict))
    return VisitFit(leading=leading, alignments=tuple(sorted_fits), not_comparable=not_comparable)


def _describe(alignment: Alignment) -> str:
    fit = alignment.fit
    words = f"{alignment.sequence.value} {fit.verdict.value} {fit.similarity:.2f}"
    correction_mm = fit.correction_mm
    if correction_mm is not None and correction_mm > SHOWN_CORRECTION_MM:
        words += f" (moved {correction_mm:.1f} mm)"
    return words
