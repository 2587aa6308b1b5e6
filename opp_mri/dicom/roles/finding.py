"""One step of the judgement: what was concluded, how sure that is, and from what."""

from enum import StrEnum
from typing import Generic, TypeVar

from attrs import frozen

from opp_mri.domain.imaging import RoleCertainty

Value = TypeVar("Value")


@frozen(kw_only=True)
class Finding(Generic[Value]):
    """What was concluded, and the sentence that says from what.

    Parameters
    ----------
    value
        The conclusion, or None where the header does not allow one.
    sentence
        Shown to the user as evidence.
    certainty
        How sure it is; IN_DOUBT where the header contradicts itself or says what is not known.
    """

    value: Value | None
    sentence: str
    certainty: RoleCertainty = RoleCertainty.CERTAIN


class Weighting(StrEnum):
    """Contrast weighting by timing."""

    T1 = "T1"
    T1_INVERSION = "T1, inversion-prepared"
    T2 = "T2"
    STIR = "STIR"
