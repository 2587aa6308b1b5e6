"""What a reading may hold: checked when it is recorded, when it comes back and when it is read."""

import math
from decimal import Decimal
from typing import Final

from opp_mri.domain.geometry import ORTHONORMAL_TOLERANCE
from opp_mri.domain.measurement import Answer, Caliper, LengthSource, Reading
from opp_mri.domain.timeline import Origin
from opp_mri.units import RECORDED_PRECISION_MM, format_mm

HALF_STEP_MM: Final = float(RECORDED_PRECISION_MM) / 2
FLOAT_NOISE_MM: Final = 1e-6


def find_reading_faults(reading: Reading) -> list[str]:
    """Return, as sentences, what contradicts itself in a reading; none where it is sound.

    A length that was computed is the distance of its points, rounded to 0.1 mm, and no other has
    points. An answer without a length has neither. An accepted proposal has the points that were
    proposed. (That a length is finite and of a sensible
    size is checked by `Reading` itself.)
    """
    if reading.answer is Answer.MEASURED:
        faults = _find_length_faults(reading)
        if not faults and reading.caliper is not None:
            faults = _find_caliper_faults(reading.caliper, reading.length_mm)
        return faults or _find_origin_faults(reading)
    if reading.origin is not Origin.DRAWN:
        return [f"The answer “{reading.answer.value}” has no line that could be a proposal."]
    if reading.caliper is not None:
        return [f"The answer “{reading.answer.value}” has points."]
    if reading.answer is Answer.GONE:
        zero = reading.length_mm is not None and reading.length_mm == 0
        return [] if zero else ["The answer “gone” has another length than 0 mm."]
    if reading.length_mm is not None:
        return [f"The answer “{reading.answer.value}” has a length."]
    return []


def _find_length_faults(reading: Reading) -> list[str]:
    length_mm = reading.length_mm
    if length_mm is None:
        return ["The answer “measured” has no length."]
    if length_mm == 0:
        return ["The length is 0 mm; the answer “gone” states that the abnormality is gone."]
    if (reading.length_source is LengthSource.GEOMETRY) is (reading.caliper is None):
        return ["A length that was computed has points, and only such a length has."]
    if reading.length_source is None:
        return ["The length has no source."]
    return []


def _find_origin_faults(reading: Reading) -> list[str]:
    if reading.origin is Origin.DRAWN:
        return []
    if reading.caliper is None:
        return ["A length without points is recorded as a proposal."]
    # a report that comes back names the origin, and not what was proposed
    is_unchanged = reading.proposed is None or reading.proposed.has_line_of(reading.caliper)
    if reading.origin is Origin.ACCEPTED and not is_unchanged:
        return ["The line is recorded as an accepted proposal, but differs from the proposal."]
    return []


def _find_caliper_faults(caliper: Caliper, length_mm: Decimal | None) -> list[str]:
    points = (caliper.start, caliper.end, caliper.start_lps_mm, caliper.end_lps_mm)
    if not all(math.isfinite(x) for point in points for x in point):
        return ["A point of the caliper is not finite."]
    distance_mm = math.dist(caliper.start_lps_mm, caliper.end_lps_mm)
    allowed_mm = HALF_STEP_MM + FLOAT_NOISE_MM + 2 * ORTHONORMAL_TOLERANCE * distance_mm
    if length_mm is None or abs(float(length_mm) - distance_mm) > allowed_mm:
        length_text = "none" if length_mm is None else format_mm(length_mm)
        return [
            f"The length is {length_text}, but its points are {distance_mm:.2f} mm apart in the "
            "patient."
        ]
    return []
