"""The statistics and the tables of a cohort, from which its report and its figures are made."""

from attrs import frozen

from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.tables.analysis_tables import build_analysis_tables
from opp_mri.cohort.tables.suppression import suppress_counts
from opp_mri.cohort.tables.tables import (
    Table,
    tabulate_demographics,
    tabulate_flow,
    tabulate_response_by_fractions,
    tabulate_time_course,
)
from opp_mri.errors import InputError
from opp_mri.workflow.cohort.cohort import Cohort, pause_collection


@frozen(kw_only=True)
class CohortTables:
    """The tables of a cohort, by what they describe; small counts are withheld in all or none."""

    screening: Table
    demographics: Table
    responses: Table
    course: Table
    statistics: tuple[Table, ...]

    @property
    def every(self) -> tuple[Table, ...]:
        """All of them, in the order in which they are shown."""
        descriptive_tables = (self.screening, self.demographics, self.responses, self.course)
        return (*descriptive_tables, *self.statistics)

    @property
    def suppressed(self) -> bool:
        """Whether small counts are withheld."""
        return self.screening.suppressed


def build_cohort_tables(
    cohort: Cohort, analysis: CohortAnalysis, *, suppress_below: int | None = None
) -> CohortTables:
    """Return the tables of a cohort.

    Parameters
    ----------
    suppress_below
        Counts from 1 to one less are withheld, and what would give them away; None: none. Tables
        by week and of single calls are left out then: so many of their counts are small that
        larger totals would have to go with them.
    """
    lesions = cohort.lesions
    tables = CohortTables(
        screening=tabulate_flow(lesions),
        demographics=tabulate_demographics(lesions),
        responses=tabulate_response_by_fractions(lesions),
        course=tabulate_time_course(lesions),
        statistics=build_analysis_tables(analysis, is_suppressing=suppress_below is not None),
    )
    if not suppress_below:
        return tables
    screening, about, responses, course, *statistics = suppress_counts(tables.every, suppress_below)
    return CohortTables(
        screening=screening,
        demographics=about,
        responses=responses,
        course=course,
        statistics=tuple(statistics),
    )


@frozen(kw_only=True, eq=False)
class CohortContents:
    """Statistics and tables of a cohort, from which reports and figures are made."""

    analysis: CohortAnalysis
    tables: CohortTables


@pause_collection()
def compute_cohort_contents(cohort: Cohort, *, suppress_below: int | None = None) -> CohortContents:
    """Compute the statistics and the tables of a cohort.

    Raises
    ------
    InputError
        The cohort has no lesion.
    """
    if not cohort.lesions:
        raise InputError(
            "The cohort has no lesion: add lesions with `opp-mri lesion add`, or name tables that "
            "have some."
        )
    analysis = analyse(cohort.lesions)
    tables = build_cohort_tables(cohort, analysis, suppress_below=suppress_below)
    return CohortContents(analysis=analysis, tables=tables)
