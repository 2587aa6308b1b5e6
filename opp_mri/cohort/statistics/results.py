"""What the analysis of a cohort gives; `opp_mri.cohort.statistics.analysis` fills it."""

from collections.abc import Mapping

from attrs import field, frozen

from opp_mri.cohort.statistics.covariates import Columns, Model
from opp_mri.cohort.statistics.endpoints import EventDay, Spread
from opp_mri.cohort.statistics.events import Cause, Endpoint, LesionEvents
from opp_mri.cohort.statistics.exact_test import Fisher
from opp_mri.cohort.statistics.hazards import Regression
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.cohort.statistics.survival import Curve, EventEstimate, LogRank, Observed
from opp_mri.response.assessed import AssessedLesion


@frozen(kw_only=True)
class Arm:
    """Lesions of one group, or of all: the share without the event by day.

    `at_risk` counts those at risk on each of `RISK_DAYS`.
    """

    group: str
    curve: Curve
    median: EventEstimate
    at_risk: tuple[int, ...]


@frozen(kw_only=True, eq=False)
class Comparison:
    """All lesions, then each fraction group that has any; and the log-rank test between the two.

    `observed` holds the rows, for whom other days are to be counted; None where there are none.
    Lesions of which the fractions are unknown have an arm of their own and are not in the test.
    """

    arms: tuple[Arm, ...]
    log_rank: LogRank
    observed: Observed | None
    reason: str | None = None


@frozen(kw_only=True, eq=False)
class LandmarkAnalysis:
    """Lesions followed beyond a day without OPP, local failure or death; the clock restarts on it.

    The other counts are of those left out: they had the event, another one, or ended without.
    """

    day: int
    n: int
    had_event: int
    had_competing: int
    censored: int
    comparison: Comparison


@frozen(kw_only=True, eq=False)
class PatientAnalysis:
    """One endpoint by patient: the first event of any lesion, all patients in one curve."""

    patients: int
    events: int
    curve: Curve | None


@frozen(kw_only=True, eq=False)
class EndpointAnalysis:
    """One endpoint, as time to the event and as one of competing events.

    Parameters
    ----------
    endpoint, events
        What it is, and how many lesions had it.
    comparison
        Kaplan-Meier curves from day 0, and the log-rank test of the fraction groups.
    competing
        First of the event and those that compete with it; cause 1 is the event. None without
        lesions.
    incidence
        Cumulative incidence of the event: all lesions, then each fraction group that has any.
    gray, fine_gray
        Single fraction versus multifraction where other events compete: test of the cumulative
        incidence, and ratio of the subdistribution hazards.
    by_patient
        The same endpoint with the patient as the unit.
    models, multivariable, landmark
        A model of each covariate and of all, and the analysis from the landmark on; only for OPP,
        progression and local failure.
    """

    endpoint: Endpoint
    events: int
    comparison: Comparison
    competing: Observed | None
    incidence: tuple[Curve, ...]
    gray: LogRank
    fine_gray: Regression | None
    by_patient: PatientAnalysis
    models: tuple[Model, ...] = ()
    multivariable: Model | None = None
    landmark: LandmarkAnalysis | None = None


@frozen(kw_only=True)
class OppByFractionation:
    """OPP and analysed lesions of each arm, and Fisher's exact test; single to multifraction."""

    single: tuple[int, int]
    multi: tuple[int, int]
    left_out: int
    test: Fisher


@frozen(kw_only=True)
class FollowUp:
    """How long and how often the lesions were followed.

    Parameters
    ----------
    imaging, life
        Median follow-up by MRI without local failure, and of the patient's life, by reverse
        Kaplan-Meier, days; by lesion.
    studies, interval_days
        Number of follow-up studies of a lesion, and median interval between them.
    without_study
        Lesions without any follow-up study: censored on day 0.
    """

    imaging: EventEstimate
    life: EventEstimate
    studies: Spread | None
    interval_days: Spread | None
    without_study: int


@frozen(kw_only=True, eq=False)
class CohortAnalysis:
    """The statistics of a cohort.

    Parameters
    ----------
    screened
        All lesions of the cohort.
    lesions, lesion_events
        Those that were eligible on day 0, in the order of the rows of each `observed`, and what
        happened to each.
    covariates
        Of each of these lesions; NaN where it is not known.
    first
        First of OPP, local failure and death of each: causes 1 to 3. None without lesions.
    incidence
        Cumulative incidence of each of the three as the first event.
    n, patients, eligible
        Lesions in the analysis of times, their patients, and lesions of which the category is
        analysed: a lesion with a short follow-up is in the first and not in the last.
    event_at, death_within_days, events_per_covariate, landmark_day
        As `analyse` was asked.
    """

    screened: tuple[AssessedLesion, ...] = field(repr=False)
    lesions: tuple[AssessedLesion, ...] = field(repr=False)
    lesion_events: tuple[LesionEvents, ...] = field(repr=False)
    covariates: Columns = field(repr=False)
    first: Observed | None = field(repr=False)
    incidence: Mapping[Cause, tuple[Curve, ...]] = field(repr=False)
    n: int
    patients: int
    eligible: int
    event_at: EventDay
    death_within_days: int
    events_per_covariate: int
    landmark_day: int
    by_endpoint: Mapping[Endpoint, EndpointAnalysis] = field(repr=False)
    follow_up: FollowUp
    fisher: OppByFractionation

    @property
    def analysed(self) -> tuple[AssessedLesion, ...]:
        """The lesions of which the category is analysed."""
        return tuple(select_eligible(self.screened))

    @property
    def endpoints(self) -> tuple[EndpointAnalysis, ...]:
        """All endpoints, in their order."""
        return tuple(self.by_endpoint.values())

    @property
    def modelled(self) -> tuple[EndpointAnalysis, ...]:
        """Those with models and a landmark."""
        return tuple(analysis for analysis in self.endpoints if analysis.landmark is not None)

    @property
    def opp_free(self) -> EndpointAnalysis:
        """Time to OPP."""
        return self.by_endpoint[Endpoint.OPP_FREE]

    @property
    def progression_free(self) -> EndpointAnalysis:
        """Time to progression."""
        return self.by_endpoint[Endpoint.PROGRESSION_FREE]
