"""What a reader decides about a fit: recorded, and superseded only with a reason."""

from datetime import datetime

from opp_mri.domain.alignment import AlignmentDecision, FitDecision
from opp_mri.domain.registration import Verdict
from opp_mri.errors import InputError, UnknownError
from opp_mri.store.protocol import Store


def decide(
    store: Store, fit: str, decision: FitDecision, *, reader: str, reason: str, at: datetime
) -> AlignmentDecision:
    """Record that a reader confirms or rejects a fit.

    Parameters
    ----------
    fit
        Identifier of the fit.
    decision
        Confirmed or rejected.
    reader
        Who decides.
    reason
        Why; required where an earlier decision is changed.
    at
        When, with a time zone.

    Raises
    ------
    UnknownError
        There is no such fit.
    InputError
        A later decision needs a reason; a fit that failed cannot be confirmed.
    """
    alignments_by_id = {alignment.fit_id: alignment for alignment in store.get_alignments()}
    if fit not in alignments_by_id:
        raise UnknownError(f"There is no fit {fit}: `opp-mri align` lists them.")
    if decision is FitDecision.CONFIRMED and alignments_by_id[fit].fit.verdict is Verdict.FAILED:
        raise InputError(
            "This fit failed: there is nothing to confirm. Mark a common point instead."
        )
    earlier = store.get_alignment_decisions().get(fit, ())
    if earlier and not reason:
        raise InputError(
            "This fit was decided before: give the reason for the change with --reason."
        )
    alignment_decision = AlignmentDecision(
        fit_id=fit, decision=decision, reader=reader, reason=reason, recorded_at=at
    )
    store.add_alignment_decision(alignment_decision)
    return alignment_decision
