"""An assessed lesion: what was recorded, what it is called, and how far that can be relied on.

Margin, probability, labels and sentences are computed when they are asked for, and once.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import (
    Assessment,
    Caution,
    MeasurementError,
    ResponseCategory,
    Rules,
)
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import Timeline
from opp_mri.domain.visit import Visit
from opp_mri.response.history import DatedLabel, labels_by_day, labels_in_words
from opp_mri.response.margin import categories_by_threshold, margin_days, margin_mm
from opp_mri.response.outlook import Outlook, outlook
from opp_mri.response.probability import (
    DEFAULT_ERROR,
    CategoryProbabilities,
    category_probabilities,
    expected_calls,
    is_noise,
)
from opp_mri.response.sentences import SHORT_WORDS, sentences

LEAST_TOLD: Final = 0.05  # a category less probable than this is not named in the sentence


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
        """Whether any length was recorded."""
        return any(self.timeline.observations.values())

    @cached_property
    def margin_mm(self) -> Decimal | None:
        """Smallest change of one recorded length that changes the category; None if none does."""
        return margin_mm(self.timeline, self.rules)

    @cached_property
    def margin_days(self) -> int | None:
        """Smallest shift of one study's day that changes the category; None if none does."""
        return margin_days(self.timeline, self.rules)

    @cached_property
    def category_by_change_mm(self) -> Mapping[Decimal, ResponseCategory]:
        """Category with a `change_mm` of 2, 3 and 4."""
        return categories_by_threshold(self.timeline, self.rules)

    @cached_property
    def sureness(self) -> CategoryProbabilities:
        """Probability of each category, were every length measured a second time."""
        return category_probabilities(self.timeline, self.rules, error=self.error)

    @cached_property
    def unchanged_calls(self) -> Mapping[ResponseCategory, float]:
        """How often a lesion that never changes would have each category on this schedule."""
        return expected_calls(self.timeline, self.rules, error=self.error)

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader should know, `noise` included; each of them asks for a reader."""
        noise = is_noise(self.assessment.category, self.unchanged_calls)
        return (*self.assessment.cautions, *((Caution.NOISE,) if noise else ()))

    @property
    def is_fragile(self) -> bool:
        """Whether the probability of the category is below 0.8."""
        return self.sureness.fragile(self.assessment.category)

    @property
    def asks_for_reader(self) -> bool:
        """Whether a reader is asked: a caution, a discordance, or a fragile call."""
        return bool(self.cautions) or self.assessment.discordant or self.is_fragile

    @cached_property
    def labels(self) -> tuple[DatedLabel, ...]:
        """What the lesion was called on each day of follow-up, as known on that day."""
        return labels_by_day(self.timeline, self.assessment.criteria)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What a radiologist would read."""
        return (
            *sentences(
                self.assessment,
                margin_mm=self.margin_mm,
                category_by_change_mm=self.category_by_change_mm,
            ),
            *labels_in_words(self.labels, self.assessment),
            *_probability_in_words(self.sureness, self.error),
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
        What was found at visits besides lengths, by date.
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
        return outlook(self.assessment, self.lesion.fractions) if self.is_measured else None


def _probability_in_words(sureness: CategoryProbabilities, error: MeasurementError) -> list[str]:
    category = sureness.category
    if category is ResponseCategory.NOT_ELIGIBLE:
        return []
    share = sureness.probabilities.get(category, 0.0)
    others = [
        f"{SHORT_WORDS[one]} {probability:.0%}"
        for one, probability in sorted(sureness.probabilities.items(), key=lambda item: -item[1])
        if one is not category and probability >= LEAST_TOLD
    ]
    fragile = "Fragile: were" if sureness.fragile(category) else "Were"
    return [
        f"{fragile} every length measured once more, with an error of {error.sd_mm:.1f} mm "
        f"(standard deviation; {error.source}), the category would be the same in {share:.0%}"
        + (f", else {', '.join(others)}." if others else ".")
    ]
