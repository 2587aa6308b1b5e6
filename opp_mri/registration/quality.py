"""How far a fit can be trusted: numbers, and a verdict with reasons in sentences.

The thresholds are provisional. They lie between what right and wrong fits show on phantoms
(benchmarks/registration.py: of 3,100 fits wrong on purpose none is good), and so that the real
pair of a spine on two scanners is good. There similarity runs from 0.54 to 0.87 by vertebra, and
that of a wrong level of a phantom to 0.8: it is the margin between levels, and the way back, that
tell right from wrong.
"""

from typing import Final

from attrs import frozen

from opp_mri.domain.registration import Verdict

# good needs all of these
GOOD_SIMILARITY: Final = 0.60
GOOD_MARGIN: Final = 0.09  # strangers of another size reach 0.08
GOOD_INCONSISTENCY_MM: Final = 1.0  # half of the 2 mm that a fit must not be off by
GOOD_BLOCK_MM: Final = 1.2
GOOD_OVERLAP: Final = 0.85
GOOD_SIZE: Final = 0.02  # change of size that a scanner's gradients may make
GOOD_MISMATCH: Final = 0.5  # same patient: phantoms to 0.44, real to 0.43; strangers from 0.61
GOOD_ADVANTAGE: Final = 1.2  # ... or this, where noise leaves much unexplained: strangers to 1.08
GOOD_CORRECTION_MM: Final = 3.0  # a patient moves by less between the sequences of a visit
GOOD_OPINION_MM: Final = 1.0
GOOD_OPINION_DEG: Final = 2.0  # mutual information turns right fits by up to 1.8 degrees
# beyond one of these it has failed
FAILED_SIMILARITY: Final = 0.35
FAILED_MARGIN: Final = 0.0
FAILED_INCONSISTENCY_MM: Final = 5.0
FAILED_OVERLAP: Final = 0.40

ELSEWHERE: Final = "It may be another patient or another region of the spine."


@frozen(kw_only=True)
class Numbers:
    """What a verdict is made of; as in `opp_mri.domain.registration.Fit`."""

    similarity_before: float
    similarity: float
    level_margin: float | None
    inverse_consistency_mm: float
    block_residual_mm: float
    overlap: float
    size_along: float | None = None
    size_across: float | None = None
    mismatch: float | None = None
    advantage: float | None = None
    correction_mm: float | None = None


def judge_numbers(numbers: Numbers) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons.

    Parameters
    ----------
    numbers
        What was measured of the fit.
    """
    failures = _list_failures(numbers)
    if failures:
        return Verdict.FAILED, failures
    doubts = _list_doubts(numbers)
    if doubts:
        return Verdict.DOUBTFUL, doubts
    margin = f" and {numbers.level_margin:.2f} above the next level" if numbers.level_margin else ""
    return Verdict.GOOD, (
        f"The images agree around the centre (similarity {numbers.similarity:.2f}{margin}), and "
        f"both directions agree within {numbers.inverse_consistency_mm:.1f} mm.",
    )


def _list_failures(numbers: Numbers) -> tuple[str, ...]:
    failures = []
    if numbers.overlap < FAILED_OVERLAP:
        failures.append(
            f"The follow-up covers only {numbers.overlap:.0%} of the surroundings of the centre."
        )
    if numbers.similarity < FAILED_SIMILARITY:
        failures.append(
            f"The follow-up fits no level of the baseline (similarity {numbers.similarity:.2f})."
        )
    if numbers.level_margin is not None and numbers.level_margin < FAILED_MARGIN:
        failures.append("Another level of the spine fits better than this one.")
    if numbers.inverse_consistency_mm > FAILED_INCONSISTENCY_MM:
        failures.append(
            "Searched from the follow-up, the baseline is found at another place"
            + (
                f", {numbers.inverse_consistency_mm:.0f} mm away."
                if numbers.inverse_consistency_mm < 1000
                else " or not at all."
            )
        )
    nowhere = numbers.similarity < FAILED_SIMILARITY
    if nowhere or numbers.inverse_consistency_mm > FAILED_INCONSISTENCY_MM:
        failures[-1] = f"{failures[-1]} {ELSEWHERE}"
    return tuple(failures)


def _list_doubts(numbers: Numbers) -> tuple[str, ...]:
    doubts = []  # asked so that a number that is none raises a doubt
    if not numbers.overlap >= GOOD_OVERLAP:
        doubts.append(
            f"The follow-up covers {numbers.overlap:.0%} of the surroundings of the centre: the "
            "edge of its field of view is near."
        )
    if not numbers.similarity >= GOOD_SIMILARITY:
        doubts.append(
            f"The images agree poorly around the centre (similarity {numbers.similarity:.2f})."
        )
    if numbers.level_margin is None:
        doubts.append("No other level could be tried, so the level is not confirmed.")
    elif not numbers.level_margin >= GOOD_MARGIN:
        doubts.append(
            f"The next level fits nearly as well (margin {numbers.level_margin:.2f}): count the "
            "levels."
        )
    if not numbers.inverse_consistency_mm <= GOOD_INCONSISTENCY_MM:
        doubts.append(
            f"The two directions disagree by {numbers.inverse_consistency_mm:.1f} mm at the centre."
        )
    if not numbers.block_residual_mm <= GOOD_BLOCK_MM:
        doubts.append(
            f"Parts around the centre disagree with the fit by {numbers.block_residual_mm:.1f} mm."
        )
    size = _describe_size(numbers)
    if size:
        doubts.append(size)
    if _resembles_next_level(numbers):
        doubts.append(
            "The vertebrae match their counterparts little better than the next level (mismatch "
            f"ratio {numbers.mismatch:.2f}, limit {GOOD_MISMATCH:.2f}): it may be another patient."
        )
    if numbers.correction_mm is not None and not numbers.correction_mm <= GOOD_CORRECTION_MM:
        doubts.append(
            f"It lies {numbers.correction_mm:.1f} mm from the other sequences of the visit."
        )
    return tuple(doubts)


def _resembles_next_level(numbers: Numbers) -> bool:
    """Tell whether the vertebrae match hardly better than those of the next level."""
    if numbers.mismatch is None or numbers.advantage is None:
        return False  # no other level could be tried, which is a doubt of its own
    return not (numbers.mismatch <= GOOD_MISMATCH or numbers.advantage >= GOOD_ADVANTAGE)


def _describe_size(numbers: Numbers) -> str:
    """State where the follow-up's vertebrae are larger or smaller than the baseline's."""
    directions = (("along", numbers.size_along), ("across", numbers.size_across))
    changes = [
        f"{abs(size - 1):.1%} {'larger' if size > 1 else 'smaller'} {way} the spine"
        for way, size in directions
        if size is not None and not abs(size - 1) <= GOOD_SIZE
    ]
    if not changes:
        return ""
    return f"The follow-up's vertebrae are {' and '.join(changes)}: it may be another patient."


def describe_opinion(displacement_mm: float, rotation_deg: float) -> str:
    """State how far the second opinion lies from the fit.

    Parameters
    ----------
    displacement_mm
        Between the two places of the centre, mm.
    rotation_deg
        Between the two rotations, degrees.
    """
    return (
        f"The second opinion by SimpleITK lies {displacement_mm:.1f} mm and {rotation_deg:.1f}° "
        "away."
    )
