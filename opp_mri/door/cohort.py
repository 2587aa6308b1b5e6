"""A cohort as frames and figures."""

from collections import Counter
from pathlib import Path
from typing import Final

import pandas as pd

from opp_mri.cohort.export.derived import ASSESSMENTS, build_derived_tables
from opp_mri.cohort.export.recorded import LESIONS, build_recorded_tables
from opp_mri.cohort.figures.style import describe_p
from opp_mri.cohort.figures.survival_figure import draw_survival
from opp_mri.cohort.figures.time_axis import TimeUnit
from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.statistics.members import list_answers, select_eligible
from opp_mri.cohort.statistics.results import EndpointAnalysis
from opp_mri.cohort.statistics.survival import LogRank
from opp_mri.cohort.tables.analysis_cells import EVENT_WORDS
from opp_mri.domain.assessment import Criteria
from opp_mri.door.figure import Figure
from opp_mri.door.frames import build_frame
from opp_mri.door.rules import RETROSPECTIVE, choose_rules
from opp_mri.errors import InputError
from opp_mri.units import format_count, weeks_from_days
from opp_mri.workflow.cohort.cohort import Cohort as WorkflowCohort
from opp_mri.workflow.cohort.cohort import assess_table_cohort

KEYS: Final = ("lesion_id", "patient_id")


class KaplanMeier:
    """Kaplan-Meier estimate of lesions free of an event, for all and by fractionation."""

    def __init__(self, analysis: EndpointAnalysis) -> None:
        self._comparison = analysis.comparison
        self.event: Final = EVENT_WORDS[analysis.endpoint]

    @property
    def log_rank(self) -> LogRank:
        """Log-rank test of single fraction versus multifraction; without a p it says why."""
        return self._comparison.log_rank

    def to_frame(self) -> pd.DataFrame:
        """Return the curves as a frame.

        Returns
        -------
        pandas.DataFrame
            One row per step of each arm: ``arm``; ``day`` and ``week`` from completion of
            radiosurgery; ``free``, the share of lesions without the event; ``low`` and ``high``,
            its 95% interval (Greenwood, log-log), missing where there is none; ``at_risk`` just
            before the day, and ``events`` on it.
        """
        rows = [
            (arm.group, day, weeks_from_days(int(day)), free, low, high, at_risk, events)
            for arm in self._comparison.arms
            for day, free, low, high, at_risk, events in zip(
                arm.curve.days, arm.curve.values, arm.curve.low, arm.curve.high,
                arm.curve.at_risk, arm.curve.events, strict=True,
            )
        ]  # fmt: skip
        columns = ["arm", "day", "week", "free", "low", "high", "at_risk", "events"]
        return pd.DataFrame(rows, columns=columns).astype(
            {"day": "int64", "low": "float64", "high": "float64"}
        )

    def plot(self, *, unit: str = "weeks") -> Figure:
        """Draw the curves of the arms with intervals and numbers at risk.

        Parameters
        ----------
        unit : {"weeks", "months"}
            Unit of the time axis.

        Returns
        -------
        Figure

        Raises
        ------
        InputError
            There is no such unit.
        """
        units = {time_unit.value: time_unit for time_unit in TimeUnit}
        if unit not in units:
            raise InputError(f"There is no unit {unit!r}: write {' or '.join(map(repr, units))}.")
        comparison = self._comparison
        drawing = draw_survival(
            comparison.observed, self.event, test=comparison.log_rank, unit=units[unit]
        )
        return Figure(drawing, f"survival free of {self.event}")

    def __repr__(self) -> str:
        arms = [
            f"{arm.group}: {format_count(arm.curve.n, 'lesion')}, "
            f"{format_count(sum(arm.curve.events), 'event')}"
            for arm in self._comparison.arms
        ]
        test = self.log_rank
        test_text = f"log-rank {describe_p(test.p)}" if test.p is not None else "no log-rank test"
        return f"<KaplanMeier free of {self.event}; {'; '.join([*arms, test_text])}>"


class Cohort:
    """Many lesions, classified. `Project.cohort` and `read_tables` give one."""

    def __init__(self, cohort: WorkflowCohort) -> None:
        self._cohort = cohort

    def __len__(self) -> int:
        return len(self._cohort.lesions)

    def __repr__(self) -> str:
        eligible = select_eligible(self._cohort.lesions)
        counts = Counter(lesion.assessment.category for lesion in eligible)
        categories = ", ".join(
            f"{counts[category]} {category}" for category in list_answers(eligible)
        )
        lesions = format_count(len(self), "lesion")
        return f"<Cohort {lesions}, {len(eligible)} eligible: {categories}>"

    def to_frame(self, table: str = LESIONS) -> pd.DataFrame:
        """Return the cohort as a tidy frame.

        Parameters
        ----------
        table : {"lesions", "measurements", "events", "changes", "sequences"}
            ``lesions``: one row per lesion, as it was recorded and as it was classified. Lengths,
            events, changes from baseline, or what each sequence was called. The columns are those
            of the export.

        Returns
        -------
        pandas.DataFrame
            Lengths in mm as floating-point numbers; missing values are missing.

        Raises
        ------
        InputError
            There is no such table.
        """
        lesions, criteria = self._cohort.lesions, self._cohort.criteria
        frames = {
            ready.name: build_frame(ready)
            for ready in (*build_recorded_tables(lesions), *build_derived_tables(lesions, criteria))
        }
        assessments = frames.pop(ASSESSMENTS)
        if table not in frames:
            raise InputError(f"There is no table {table!r}: write one of {', '.join(frames)}.")
        if table != LESIONS:
            return frames[table]
        return frames[LESIONS].merge(
            assessments.drop(columns=[key for key in KEYS[1:] if key in assessments]),
            on=KEYS[0],
            validate="one_to_one",
        )

    def kaplan_meier(self, event: str = "OPP") -> KaplanMeier:
        """Estimate the share of lesions free of an event over time.

        Parameters
        ----------
        event : {"OPP", "progression", "local failure", "fracture", "death"}
            What the lesions are free of.

        Returns
        -------
        KaplanMeier

        Raises
        ------
        InputError
            There is no such event.
        """
        for endpoint in analyse(self._cohort.lesions).endpoints:
            if EVENT_WORDS[endpoint.endpoint].casefold() == event.casefold():
                return KaplanMeier(endpoint)
        known_events = " or ".join(repr(words) for words in EVENT_WORDS.values())
        raise InputError(f"There is no event {event!r}: write {known_events}.")


def read_tables(
    folder: str | Path,
    *,
    mode: str = RETROSPECTIVE,
    criteria: str | Path | Criteria | None = None,
) -> Cohort:
    """Read a cohort from a folder of tables; no project and no images are needed.

    Parameters
    ----------
    folder : str or Path
        Holds ``lesions.csv``, ``measurements.csv`` and perhaps ``events.csv``, as
        ``opp-mri cohort export`` writes them.
    mode : {"retrospective", "prospective"}
        With hindsight, as the source paper did, or as known at the last study.
    criteria : str, Path or Criteria, optional
        Name of a shipped profile, or a TOML file. The default is ``amini-2016``.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        A table is missing or cannot be read; as a `TableError`, with the line and column of each
        fault. There is no such mode or profile.
    """
    return Cohort(assess_table_cohort(Path(folder), choose_rules(mode, criteria)))
