"""What the times of a reader's answers say about the clock of the reader's computer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.units import format_count

CLOCK_TOLERANCE: Final = timedelta(days=1)


def find_clock_cautions(
    issued_package: IssuedPackage,
    added_readings: Sequence[Reading] | Sequence[VolumeReading],
    at: datetime,
) -> list[str]:
    """Return, in sentences, where the clock of a package's reader was wrong.

    Parameters
    ----------
    added_readings
        Answers that were taken, in the order of their recording.
    at
        When they were taken.
    """
    early = [
        reading
        for reading in added_readings
        if reading.recorded_at < issued_package.recorded_at - CLOCK_TOLERANCE
    ]
    ahead = [reading for reading in added_readings if reading.recorded_at > at + CLOCK_TOLERANCE]
    cautions = []
    if early:
        cautions.append(
            f"{format_count(len(early), 'answer')} dated before the package was made (first: "
            f"{early[0].recorded_at.date()}): the clock of its reader ran behind."
        )
    if ahead:
        cautions.append(
            f"{format_count(len(ahead), 'answer')} dated in the future (first: "
            f"{ahead[0].recorded_at.date()}): the clock of its reader was ahead."
        )
    moments = [reading.recorded_at for reading in added_readings]
    if any(later < earlier - CLOCK_TOLERANCE for earlier, later in pairwise(moments)):
        cautions.append("The clock of its reader ran backwards; the order of the answers holds.")
    return cautions
