"""An assessed lesion: what was recorded, what it is called, and how far that can be relied on.

Margin, probability, labels and sentences are computed when they are asked for, and once.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

from attrs import evolve, frozen

from opp_mri.domain.assessment import Assessment, Caution, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import Timeline
from opp_mri.domain.visit import Visit
from opp_mri.response.classify import classify
from opp_mri.response.course import Course, build_courses, split_studies
from opp_mri.response.criteria import load_shipped_criteria
from opp_mri.response.history import DatedLabel, classify_by_day, describe_labels
from opp_mri.response.lack import has_recorded
from opp_mri.response.margin import classify_by_threshold, compute_margin_days, compute_margin_mm
from opp_mri.response.outlook import Outlook, compute_outlook
from opp_mri.response.page import PageFacts, build_page
from opp_mri.response.probability import (
    DEFAULT_ERROR,
    FRAGILE_BELOW,
    CategoryProbabilities,
    choose_error,
    estimate_category_probabilities,
    estimate_expected_calls,
    is_noise,
)
from opp_mri.response.repeat_range import estimate_repeat_range
from opp_mri.response.sentences import describe_courses
from opp_mri.units import format_share


@frozen(kw_only=True, slots=False)
class AssessedTimeline:
    """A timeline with its assessment and all that is derived from both.

    Parameters
    ----------
    timeline, assessment
        What was assessed, and the answer.
    error
        The error of measurement that the probability is computed with.
    """

    timeline: Timeline
    assessment: Assessment
    error: MeasurementError = DEFAULT_ERROR

    @property
    def rules(self) -> Rules:
        """By which it was classified."""
        return self.assessment.rules

    @property
    def is_measured(self) -> bool:
        """Whether anything was recorded that the criteria read."""
        return has_recorded(self.timeline, self.rules.criteria.quantity)

    @property
    def is_simulated(self) -> bool:
        """Whether margins and probabilities are computed: for the table of rules alone."""
        return self.rules.criteria.persistence is None

    @cached_property
    def courses(self) -> Mapping[SeriesRole, tuple[int, Course]]:
        """Baseline day and course of each sequence that has both a baseline and a follow-up."""
        studies_by_sequence = split_studies(self.timeline)
        return {
            sequence: (baseline.days_from_ssrs, course)
            for sequence, course in build_courses(
                studies_by_sequence, self.assessment.criteria
            ).items()
            if (baseline := studies_by_sequence[sequence].baseline) is not None
        }

    @cached_property
    def margin_mm(self) -> Decimal | None:
        """Smallest change of one recorded length that changes the category; None if none does."""
        return compute_margin_mm(self.timeline, self.rules) if self.is_simulated else None

    @cached_property
    def margin_days(self) -> int | None:
        """Smallest shift of one study's day that changes the category; None if none does."""
        return compute_margin_days(self.timeline, self.rules) if self.is_simulated else None

    @cached_property
    def category_by_change_mm(self) -> Mapping[Decimal, ResponseCategory]:
        """Category with a `change_mm` of 2, 3 and 4."""
        if not self.is_simulated:
            return {}
        return classify_by_threshold(self.timeline, self.rules)

    @cached_property
    def weighed_error(self) -> MeasurementError:
        """The error that the simulations use: this lesion's scatter may refute a published one."""
        return choose_error(self.timeline, self.error)

    @cached_property
    def sureness(self) -> CategoryProbabilities:
        """Probability of each category on a second measurement, and of the true lengths."""
        if not self.is_simulated:
            return CategoryProbabilities(
                category=self.assessment.category,
                probabilities={},
                posterior={},
                sd_mm=0.0,
                draws=0,
            )
        return estimate_category_probabilities(self.timeline, self.rules, error=self.weighed_error)

    @cached_property
    def repeat_range(self) -> tuple[float, float] | None:
        """Lowest and highest probability of the same category, under all stated priors."""
        if not self.is_simulated:
            return None
        return estimate_repeat_range(
            self.timeline, self.rules, self.sureness, error=self.weighed_error
        )

    @cached_property
    def unchanged_calls(self) -> Mapping[ResponseCategory, float]:
        """How often a lesion that never changes would have each category on this schedule."""
        if not self.is_simulated:
            return {}
        return estimate_expected_calls(self.timeline, self.rules, error=self.weighed_error)

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader should know, `noise` included; each of them asks for a reader."""
        noise = is_noise(self.assessment.category, self.unchanged_calls)
        return (*self.assessment.cautions, *((Caution.NOISE,) if noise else ()))

    @property
    def is_fragile(self) -> bool:
        """Whether the probability of the category is below 0.8."""
        return self.sureness.is_fragile(self.assessment.category)

    @property
    def probability_words(self) -> str:
        """How often the category would be the same, measured again, in whole per cent."""
        share = self.sureness.probabilities.get(self.assessment.category, 0.0)
        return format_share(share, limit=FRAGILE_BELOW)

    @property
    def asks_for_reader(self) -> bool:
        """Whether a reader is asked: a caution, a discordance, or a fragile call."""
        return bool(self.cautions) or self.assessment.discordant or self.is_fragile

    @cached_property
    def labels(self) -> tuple[DatedLabel, ...]:
        """What the lesion was called on each day of follow-up, as known on that day."""
        return classify_by_day(self.timeline, self.assessment.criteria)

    @cached_property
    def other_profiles(self) -> Mapping[str, ResponseCategory]:
        """Category by each other shipped profile for which something was recorded."""
        return {
            name: assessment.category
            for name, assessment in self.by_profile.items()
            if name != self.assessment.criteria.name
        }

    @cached_property
    def by_profile(self) -> Mapping[str, Assessment]:
        """Assessment by each shipped profile that reads what was recorded."""
        return {
            name: classify(self.timeline, evolve(self.rules, criteria=criteria))
            for name, criteria in load_shipped_criteria().items()
            if has_recorded(self.timeline, criteria.quantity)
        }

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What a reader should know, in at most six sentences."""
        return build_page(
            self.assessment,
            PageFacts(
                margin_mm=self.margin_mm,
                margin_days=self.margin_days,
                category_by_change_mm=self.category_by_change_mm,
                cautions=self.cautions,
                repeat=self.sureness,
                repeat_range=self.repeat_range,
                unchanged_calls=self.unchanged_calls,
                error=self.weighed_error,
                other_profiles=self.other_profiles,
            ),
        )

    @cached_property
    def details(self) -> tuple[str, ...]:
        """How each sequence went, what the lesion was called on each date, and the errors."""
        errors = self.weighed_error.classes_source if self.is_simulated else ""
        return (
            *describe_courses(self.assessment),
            *describe_labels(self.labels, self.assessment),
            *((f"Standard deviation of one measurement: {errors}.",) if errors else ()),
        )


@frozen(kw_only=True, slots=False)
class AssessedLesion(AssessedTimeline):
    """A lesion with its timeline and its assessment.

    Parameters
    ----------
    lesion
        Its level, treatment and patient.
    reader
        Whose readings these are; "" where that is not known.
    flags
        What is unusual about the studies, in sentences.
    visits
        Findings at visits other than lengths, by date.
    """

    lesion: Lesion
    reader: str = ""
    flags: tuple[str, ...] = ()
    visits: tuple[Visit, ...] = ()

    @property
    def patient_id(self) -> str:
        """Whose lesion it is."""
        return self.lesion.patient_id

    @cached_property
    def outlook(self) -> Outlook | None:
        """What an open, enlarging lesion may become; None where that is withheld."""
        return compute_outlook(self.assessment, self.lesion.fractions) if self.is_measured else None
