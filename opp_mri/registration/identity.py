"""Evidence of identity: what a rigid motion cannot explain.

The bones of an adult keep their size: two scanners differ by a per cent, two persons by several.
And each vertebra has a shape and a marrow of its own: those of the same patient differ far less
from their counterparts than from the next level, those of two persons about as much.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.estimate import IDENTITY, LEAST_IDENTITY_OVERLAP, Question
from opp_mri.registration.layers import Layer
from opp_mri.registration.refine import correlate_all, refine_all, stretch
from opp_mri.registration.template import Template, make_template

STEPS: Final = 8
NEIGHBOUR_STEPS: Final = 10
NEIGHBOUR_THINNED: Final = 5
LEVELS_APART: Final = (0.0, 0.9, -0.9)  # shares of the way to the next level: three vertebrae
LEAST_VERTEBRAE: Final = 2


@frozen(kw_only=True)
class Sizes:
    """Sizes of the follow-up over those of the baseline; None where they cannot be determined.

    Parameters
    ----------
    along, across
        Along the spine, and from front to back.
    """

    along: float | None
    across: float | None


@frozen(kw_only=True)
class Resemblance:
    """How much more vertebrae resemble their counterparts than those of the next level.

    Parameters
    ----------
    mismatch
        What gain, offset and a rigid motion leave unexplained, over what they leave at the next
        level: near 1 for two persons.
    advantage
        Correlation over that with the next level. Noise weakens both alike.
    """

    mismatch: float
    advantage: float


def measure_sizes(
    templates: Sequence[Template], images: Sequence[Layer], image_from_template: FloatArray
) -> Sizes:
    """Let the images grow or shrink along the spine and from front to back, next to the motion.

    Parameters
    ----------
    templates, images, image_from_template
        As for `opp_mri.registration.refine.refine`.
    """
    factors = stretch(templates, images, image_from_template, STEPS)
    if factors is None:
        return Sizes(along=None, across=None)
    return Sizes(along=float(factors[0]), across=float(factors[1]))


def measure_resemblance(
    question: Question, followup_from_baseline: FloatArray, next_level_mm: FloatArray
) -> Resemblance | None:
    """Compare vertebrae with their counterparts, and with those of the next level.

    The vertebra and its neighbours are registered one by one, on their own level and a level up
    and down: so a spine that bent does not count.

    Parameters
    ----------
    question
        The images and the centre.
    followup_from_baseline
        The fit, (4, 4).
    next_level_mm
        From the centre to the next level, LPS mm.

    Returns
    -------
    Resemblance or None
        Averaged over the vertebrae. None where fewer than two can be compared.
    """
    pairs = []
    for share in LEVELS_APART:
        centre = question.centre + share * next_level_mm
        hole_mm = question.hole_mm if share == 0.0 else 0.0
        starts = np.tile(followup_from_baseline, (3, 1, 1))
        for start, way in zip(starts[1:], (1.0, -1.0), strict=True):
            start[:3, 3] -= followup_from_baseline[:3, :3] @ (way * next_level_mm)
        own, *elsewhere = _correlate_vertebra(question, centre, hole_mm, starts)
        other_values = [value for value in elsewhere if value is not None]
        if own is not None and other_values:
            pairs.append((own, max(other_values)))
    if len(pairs) < LEAST_VERTEBRAE:
        return None
    return Resemblance(
        mismatch=float(np.mean([(1 - own) / max(1 - rival, 1e-6) for own, rival in pairs])),
        advantage=float(np.mean([own / max(rival, 0.1) for own, rival in pairs])),
    )


def _correlate_vertebra(
    question: Question, centre: FloatArray, hole_mm: float, starts: FloatArray
) -> list[float | None]:
    """Register one vertebra from starts (n, 4, 4), each of another level.

    Returns
    -------
    list of float or None
        Its correlation at each; None where the images do not reach.
    """
    templates = [
        make_template(view.cut_fine_layer(question.centre, question.region), centre, IDENTITY,
                      hole_mm).thin(NEIGHBOUR_THINNED)
        for view in question.fixed
    ]  # fmt: skip
    place = (starts[0] @ np.append(question.centre, 1.0))[:3]
    images = [view.cut_fine_layer(place, question.region) for view in question.moving]
    moving_from_fixed = refine_all(templates, images, starts, NEIGHBOUR_STEPS)
    return [
        correlation if overlap >= LEAST_IDENTITY_OVERLAP else None
        for correlation, overlap in correlate_all(templates, images, moving_from_fixed)
    ]
