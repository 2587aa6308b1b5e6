"""The Spinal Instability Neoplastic Score (SINS) of a lesion.

Source: Fisher et al., Spine 2010;35:E1221-E1229. Six items, 0 to 18 points: 0 to 6 stable, 7 to 12
potentially unstable, 13 to 18 unstable.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

PAIN_POINTS: Final[Mapping[str, str]] = {
    "0": "pain free",
    "1": "pain that is not mechanical",
    "3": "mechanical pain, or relief by lying down",
}
ALIGNMENT_POINTS: Final[Mapping[str, str]] = {
    "0": "normal",
    "2": "de novo deformity (kyphosis, scoliosis)",
    "4": "subluxation or translation",
}
COLLAPSE_POINTS: Final[Mapping[str, str]] = {
    "0": "none",
    "1": "no collapse, over 50% of the body involved",
    "2": "collapse under 50%",
    "3": "collapse over 50%",
}
POSTEROLATERAL_POINTS: Final[Mapping[str, str]] = {
    "0": "none",
    "1": "unilateral",
    "3": "bilateral",
}
UNSTABLE_FROM: Final = 13
INDETERMINATE_FROM: Final = 7


class BoneQuality(StrEnum):
    """Bone quality of a lesion, an item of SINS too."""

    LYTIC = "lytic"
    MIXED = "mixed"
    BLASTIC = "blastic"


class Stability(StrEnum):
    """What a sum of SINS means."""

    STABLE = "stable"
    INDETERMINATE = "potentially_unstable"
    UNSTABLE = "unstable"


_QUALITY_POINTS: Final = {BoneQuality.LYTIC: 2, BoneQuality.MIXED: 1, BoneQuality.BLASTIC: 0}


def score_location(level: str) -> int:
    """Return the points of a level: 3 junctional, 2 mobile, 1 semirigid, 0 rigid.

    Parameters
    ----------
    level
        C1 to C7, T1 to T13, L1 to L6, S1 to S5. A supernumerary T13 or L6 counts as junctional.

    Raises
    ------
    ValueError
        This is not the name of a vertebra.
    """
    match = re.fullmatch(r"([CTLS])([0-9]+)", level)
    if match is None:
        raise ValueError(f"{level} is not a vertebra")
    region, number = match[1], int(match[2])
    if region == "C":
        return 3 if number in (1, 2, 7) else 2
    if region == "T":
        return 1 if 3 <= number <= 10 else 3
    if region == "L":
        return 2 if 2 <= number <= 4 else 3
    return 3 if number == 1 else 0


def sum_sins(
    level: str, quality: BoneQuality | None, pain: int | None, alignment: int | None,
    collapse: int | None, posterolateral: int | None,
) -> int | None:  # fmt: skip
    """Add up the six items; None where one of them is not known.

    Parameters
    ----------
    level
        The vertebra, as for `score_location`.
    quality
        Lytic, mixed or blastic.
    pain, alignment, collapse, posterolateral
        Points of the item as entered, or None.

    Returns
    -------
    int or None
        0 to 18 points (Fisher et al., Spine 2010;35:E1221-E1229).
    """
    point_values = (pain, alignment, collapse, posterolateral)
    if quality is None or any(points is None for points in point_values):
        return None
    points = sum(points for points in point_values if points is not None)
    return score_location(level) + _QUALITY_POINTS[quality] + points


def classify_stability(points: int) -> Stability:
    """Return what a sum of SINS means."""
    if points >= UNSTABLE_FROM:
        return Stability.UNSTABLE
    return Stability.INDETERMINATE if points >= INDETERMINATE_FROM else Stability.STABLE
