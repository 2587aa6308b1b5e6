"""Evidence of identity: what a rigid motion cannot explain, as the size of the vertebrae.

The bones of an adult keep their size. Two scanners differ by a per cent, two persons by several.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Layer
from opp_mri.registration.refine import Template, stretch

STEPS: Final = 8


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


def measure_sizes(
    templates: Sequence[Template], images: Sequence[Layer], image_from_template: FloatArray
) -> Sizes:
    """Let the images grow or shrink along the spine and from front to back, next to the motion.

    Parameters
    ----------
    templates, images, image_from_template
        As for `opp_mri.registration.refine.refine`.
    """
    stretched = stretch(templates, images, image_from_template, STEPS)
    if stretched is None:
        return Sizes(along=None, across=None)
    return Sizes(along=float(stretched[0]), across=float(stretched[1]))
