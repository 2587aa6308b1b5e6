"""How far a fit can be trusted: numbers, and a verdict with reasons in sentences.

The thresholds are provisional. They lie between what right and wrong fits show on phantoms
(benchmarks/registration.py: of 3,100 fits wrong on purpose none is good), and so that the real
pair of a spine on two scanners is good. There similarity runs from 0.54 to 0.87 by vertebra, and
that of a wrong level of a phantom to 0.8: it is the margin between levels, and the way back, that
tell right from wrong.
"""

from attrs import frozen

from opp_mri.domain.registration import Verdict

# good needs all of these
GOOD_SIMILARITY = 0.60
GOOD_MARGIN = 0.06
GOOD_INCONSISTENCY_MM = 1.0  # half of the 2 mm that a fit must not be off by
GOOD_BLOCK_MM = 1.2
GOOD_OVERLAP = 0.85
# beyond one of these it has failed
FAILED_SIMILARITY = 0.35
FAILED_MARGIN = 0.0
FAILED_INCONSISTENCY_MM = 5.0
FAILED_OVERLAP = 0.40

ELSEWHERE = "It may be another patient or another region of the spine."


@frozen(kw_only=True)
class Numbers:
    """What a verdict is made of; as in `opp_mri.domain.registration.Fit`."""

    similarity_before: float
    similarity: float
    level_margin: float | None
    inverse_consistency_mm: float
    block_residual_mm: float
    overlap: float


def judged(numbers: Numbers) -> tuple[Verdict, tuple[str, ...]]:
    """Give the verdict and its reasons.

    Parameters
    ----------
    numbers
        What was measured of the fit.
    """
    failures = _failures(numbers)
    if failures:
        return Verdict.FAILED, failures
    doubts = _doubts(numbers)
    if doubts:
        return Verdict.DOUBTFUL, doubts
    margin = f" and {numbers.level_margin:.2f} above the next level" if numbers.level_margin else ""
    return Verdict.GOOD, (
        f"The images agree around the centre (similarity {numbers.similarity:.2f}{margin}), and "
        f"both directions agree within {numbers.inverse_consistency_mm:.1f} mm.",
    )


def _failures(numbers: Numbers) -> tuple[str, ...]:
    found = []
    if numbers.overlap < FAILED_OVERLAP:
        found.append(
            f"The follow-up covers only {numbers.overlap:.0%} of the surroundings of the centre."
        )
    if numbers.similarity < FAILED_SIMILARITY:
        found.append(
            f"The follow-up fits no level of the baseline (similarity {numbers.similarity:.2f})."
        )
    if numbers.level_margin is not None and numbers.level_margin < FAILED_MARGIN:
        found.append("Another level of the spine fits better than this one.")
    if numbers.inverse_consistency_mm > FAILED_INCONSISTENCY_MM:
        found.append(
            "Searched from the follow-up, the baseline is found at another place"
            + (
                f", {numbers.inverse_consistency_mm:.0f} mm away."
                if numbers.inverse_consistency_mm < 1000
                else " or not at all."
            )
        )
    nowhere = numbers.similarity < FAILED_SIMILARITY
    if nowhere or numbers.inverse_consistency_mm > FAILED_INCONSISTENCY_MM:
        found[-1] = f"{found[-1]} {ELSEWHERE}"
    return tuple(found)


def _doubts(numbers: Numbers) -> tuple[str, ...]:
    found = []  # asked so that a number that is none raises a doubt
    if not numbers.overlap >= GOOD_OVERLAP:
        found.append(
            f"The follow-up covers {numbers.overlap:.0%} of the surroundings of the centre: the "
            "edge of its field of view is near."
        )
    if not numbers.similarity >= GOOD_SIMILARITY:
        found.append(
            f"The images agree poorly around the centre (similarity {numbers.similarity:.2f})."
        )
    if numbers.level_margin is None:
        found.append("No other level could be tried, so the level is not confirmed.")
    elif not numbers.level_margin >= GOOD_MARGIN:
        found.append(
            f"The next level fits nearly as well (margin {numbers.level_margin:.2f}): count the "
            "levels."
        )
    if not numbers.inverse_consistency_mm <= GOOD_INCONSISTENCY_MM:
        found.append(
            f"The two directions disagree by {numbers.inverse_consistency_mm:.1f} mm at the centre."
        )
    if not numbers.block_residual_mm <= GOOD_BLOCK_MM:
        found.append(
            f"Parts around the centre disagree with the fit by {numbers.block_residual_mm:.1f} mm."
        )
    return tuple(found)
