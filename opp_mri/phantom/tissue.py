"""What each tissue gives to the signal: relaxation at 1.5 T, fat, uptake of contrast agent.

Signal is that of a spin echo, with inversion where there is an inversion time, and of water and fat
as two components, so that the contrast of an image follows from the timing in its header. Values
are rounded from the literature's ranges and chosen for a plausible picture, not for quantitative
MR.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

FAT_T1_MS, FAT_T2_MS = 245.0, 95.0
FAT_SUPPRESSION_LEAVES: Final = 0.07
T1_GROWS_WITH_FIELD: Final = 0.33  # exponent of B0 / 1.5 T


class Tissue(IntEnum):
    """Labels of the anatomy; what is painted later lies on top."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    ORGAN = 4
    LUNG = 5
    ARTERY = 6
    VEIN = 7
    CORTEX = 8
    MARROW = 9
    ANNULUS = 10
    NUCLEUS = 11
    DRY_NUCLEUS = 12
    CSF = 13
    CORD = 14
    ROOTS = 15
    LIGAMENT = 16
    LESION = 17


@frozen
class Properties:
    """MR properties of a tissue at 1.5 T.

    Parameters
    ----------
    density
        Proton density, CSF being 1.
    t1_ms, t2_ms
        Relaxation of the water part.
    fat_fraction, fat_variation
        Mean fat fraction, and how far the patchy texture moves it.
    uptake_per_s
        Added relaxation rate after contrast agent.
    """

    density: float
    t1_ms: float
    t2_ms: float
    fat_fraction: float = 0.0
    fat_variation: float = 0.0
    uptake_per_s: float = 0.0


PROPERTIES: Final[dict[Tissue, Properties]] = {
    Tissue.AIR: Properties(0.0, 1000, 50),
    Tissue.SKIN: Properties(0.55, 600, 35, 0.1, 0.0, 0.4),
    Tissue.FAT: Properties(0.95, 600, 50, 0.96, 0.03),
    Tissue.MUSCLE: Properties(0.80, 950, 38, 0.08, 0.07, 0.20),
    Tissue.ORGAN: Properties(0.80, 850, 60, 0.05, 0.05, 0.9),
    Tissue.LUNG: Properties(0.10, 1200, 30, 0.0, 0.0, 0.3),
    Tissue.ARTERY: Properties(0.14, 1400, 120, 0.0, 0.0, 5.0),  # flow void
    Tissue.VEIN: Properties(0.50, 1400, 140, 0.0, 0.0, 2.2),
    Tissue.CORTEX: Properties(0.09, 600, 8, 0.1),
    Tissue.MARROW: Properties(0.74, 1000, 52, 0.62, 0.13, 0.20),
    Tissue.ANNULUS: Properties(0.45, 900, 26, 0.0, 0.0, 0.05),
    Tissue.NUCLEUS: Properties(0.92, 1150, 95),
    Tissue.DRY_NUCLEUS: Properties(0.65, 1050, 46),
    Tissue.CSF: Properties(1.00, 3800, 900),
    Tissue.CORD: Properties(0.80, 900, 78),
    Tissue.ROOTS: Properties(0.85, 1300, 120),
    Tissue.LIGAMENT: Properties(0.22, 800, 12, 0.05),
    Tissue.LESION: Properties(0.78, 1450, 98, 0.0, 0.0, 4.2),
}


@frozen(kw_only=True)
class Contrast:
    """What makes the contrast of a series.

    Parameters
    ----------
    tr_ms, te_ms, ti_ms
        Repetition, echo and inversion time; no inversion where `ti_ms` is None.
    fat_suppressed
        Whether fat is suppressed spectrally.
    agent
        Whether contrast agent was given before.
    field_t
        Field strength in tesla.
    """

    tr_ms: float
    te_ms: float
    ti_ms: float | None = None
    fat_suppressed: bool = False
    agent: bool = False
    field_t: float = 1.5


def build_water_and_fat(contrast: Contrast) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signal of pure water and of pure fat in each tissue, indexed by label."""
    slower = (contrast.field_t / 1.5) ** T1_GROWS_WITH_FIELD
    water = np.zeros(len(Tissue), np.float32)
    fat = np.zeros(len(Tissue), np.float32)
    leaves = FAT_SUPPRESSION_LEAVES if contrast.fat_suppressed else 1.0
    for tissue, own in PROPERTIES.items():
        rate = 1000 / (own.t1_ms * slower) + (own.uptake_per_s if contrast.agent else 0.0)
        water[tissue] = own.density * _compute_spin_echo(contrast, 1000 / rate, own.t2_ms)
        fat[tissue] = (
            own.density * leaves * _compute_spin_echo(contrast, FAT_T1_MS * slower, FAT_T2_MS)
        )
    return water, fat


def compute_lesion_signal(contrast: Contrast) -> float:
    """Return the mean signal of the lesion."""
    return float(abs(build_water_and_fat(contrast)[0][Tissue.LESION]))


def _compute_spin_echo(contrast: Contrast, t1_ms: float, t2_ms: float) -> float:
    recovery = 1 - np.exp(-contrast.tr_ms / t1_ms)
    if contrast.ti_ms is not None:
        recovery = 1 - 2 * np.exp(-contrast.ti_ms / t1_ms) + np.exp(-contrast.tr_ms / t1_ms)
    return float(recovery * np.exp(-contrast.te_ms / t2_ms))
