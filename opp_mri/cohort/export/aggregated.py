"""The cohort's aggregated tables as CSV, with small counts withheld on request."""

from collections.abc import Sequence

from opp_mri.cohort.export.csv_text import csv_rows, guarded
from opp_mri.cohort.members import CohortLesion
from opp_mri.cohort.tables import (
    demographics,
    flow,
    response_by_fractions,
    suppressed_together,
    time_course,
)
from opp_mri.errors import InputError

LEAST_BELOW = 3


def aggregated_files(
    lesions: Sequence[CohortLesion], *, suppress_below: int | None = None
) -> dict[str, bytes]:
    """Give flow, demographics, response by fractionation and time course, by file name.

    Parameters
    ----------
    suppress_below
        Counts from 1 to one less are withheld, and what would give them away; None withholds none.

    Raises
    ------
    InputError
        `suppress_below` is less than 3: only 1 would be withheld, and so be known.
    """
    if suppress_below is not None and suppress_below < LEAST_BELOW:
        raise InputError(
            f"Counts below {suppress_below} cannot be withheld: what is hidden would be known. "
            f"Give {LEAST_BELOW} or more."
        )
    tables = [table(lesions) for table in (flow, demographics, response_by_fractions, time_course)]
    if suppress_below is not None:
        tables = list(suppressed_together(tables, suppress_below))
    return {
        f"{table.title.lower().replace(' ', '_')}.csv": csv_rows(
            table.columns, [[guarded(text) for text in row] for row in table.text_rows]
        )
        for table in tables
    }
