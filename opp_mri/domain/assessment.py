"""What a timeline is called, by which rule, and how surely."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from attrs import field, frozen, validators

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind
from opp_mri.units import convert_to_days, convert_to_decimal, convert_to_mm


class ResponseCategory(StrEnum):
    """Response of a lesion (Amini 2016, image review and analysis); not RECIST."""

    OPP = "OPP"
    PD = "PD"
    PR = "PR"
    SD = "SD"
    INDETERMINATE = "INDETERMINATE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"


class Mode(StrEnum):
    """Whether a timeline is read with hindsight, or as known today."""

    RETROSPECTIVE = "retrospective"
    PROSPECTIVE = "prospective"


class Plateau(StrEnum):
    """What growth followed by stability is called."""

    PD = "PD"
    OPP = "OPP"


class TherapyCounts(StrEnum):
    """Until when a change of systemic therapy after the peak may explain a decline."""

    UNTIL_SUSTAINED = "until_sustained"
    UNTIL_LAST = "until_last"


class Quantity(StrEnum):
    """What criteria read."""

    AP_MM = "ap_mm"
    VOLUME_CC = "volume_cc"


class Reference(StrEnum):
    """What a growth is counted from."""

    BASELINE = "baseline"
    NADIR = "nadir"


class Reason(StrEnum):
    """The rule that decided (RULES: one sequence, and several sequences)."""

    NO_BASELINE = "no_baseline"
    NO_FOLLOW_UP = "no_follow_up"
    FOLLOW_UP_UNDER_6_MONTHS = "follow_up_under_6_months"
    NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS = "not_enlarged_follow_up_under_6_months"
    RETREATED_BEFORE_THE_ANSWER = "retreated_before_the_answer"
    DECLINE_FROM_BASELINE = "decline_from_baseline"
    WITHIN_MEASUREMENT_ERROR = "within_measurement_error"
    DECLINING_FOLLOW_UP_UNDER_6_MONTHS = "declining_follow_up_under_6_months"
    DECLINE_NOT_YET_SUSTAINED = "decline_not_yet_sustained"
    SUSTAINED_DECLINE = "sustained_decline"
    SUSTAINED_DECLINE_DESPITE_GROWTH_ELSEWHERE = "sustained_decline_despite_growth_elsewhere"
    DECLINE_ATTRIBUTABLE_TO_SYSTEMIC_THERAPY = "decline_attributable_to_systemic_therapy"
    SYSTEMIC_THERAPY_CHANGED_OTHER_LESIONS_UNKNOWN = (
        "systemic_therapy_changed_other_lesions_unknown"
    )
    ENLARGING_WITHIN_OPP_WINDOW = "enlarging_within_opp_window"
    REGROWTH_NOT_YET_CONFIRMED = "regrowth_not_yet_confirmed"
    ENLARGED_ON_SINGLE_STUDY = "enlarged_on_single_study"
    REGROWTH_AFTER_DECLINE = "regrowth_after_decline"
    DECLINE_NOT_HELD = "decline_not_held"
    PLATEAU_AFTER_GROWTH = "plateau_after_growth"
    DECLINE_BELOW_THRESHOLD = "decline_below_threshold"
    PERSISTENT_ENLARGEMENT = "persistent_enlargement"
    # of criteria that ask whether an enlargement persists
    PROGRESSION_BY_EVENT = "progression_by_event"
    ENLARGEMENT_CONFIRMED = "enlargement_confirmed"
    ENLARGEMENT_NOT_CONFIRMED = "enlargement_not_confirmed"
    ENLARGEMENT_RESOLVED = "enlargement_resolved"
    ENLARGEMENT_STABILISED = "enlargement_stabilised"
    BELOW_THE_THRESHOLDS = "below_the_thresholds"
    GROWTH_FROM_ZERO = "growth_from_zero"
    SEQUENCES_DISCORDANT = "sequences_discordant"
    HARDWARE = "hardware"
    CEMENT = "cement"
    SIGNIFICANT_FRACTURE = "significant_fracture"
    NOT_VERTEBRAL_BODY = "not_vertebral_body"
    OVER_75_PERCENT = "over_75_percent"


class Caution(StrEnum):
    """Cautions about a call; their sentences are in `response.cautions`."""

    GROWTH_ON_ONE_STUDY = "growth_on_one_study"
    GROWTH_BEFORE_DAY_28 = "growth_before_day_28"
    LATE_ONSET = "late_onset"
    PARTIAL_DECLINE = "partial_decline"
    DECLINE_ON_ONE_STUDY = "decline_on_one_study"
    REGROWTH_FROM_NADIR = "regrowth_from_nadir"
    SEQUENCE_ENDED_EARLY = "sequence_ended_early"
    GROWTH_WITHOUT_BASELINE = "growth_without_baseline"
    OTHER_SEQUENCE_FELL = "other_sequence_fell"
    OTHER_SEQUENCE_GROWING = "other_sequence_growing"
    OLD_BASELINE = "old_baseline"
    THERAPY_AFTER_DECLINE = "therapy_after_decline"
    THERAPY_BEFORE_PEAK = "therapy_before_peak"
    BACK_AT_BASELINE = "back_at_baseline"
    FRACTURE_IN_WINDOW = "fracture_in_window"
    EPIDURAL_GROWTH_IN_WINDOW = "epidural_growth_in_window"
    NOISE = "noise"


def _convert_to_category(value: str) -> ResponseCategory:
    return value if type(value) is ResponseCategory else ResponseCategory(value)


def _convert_to_reason(value: str) -> Reason:
    return value if type(value) is Reason else Reason(value)


def _convert_to_decimal(value: object) -> Decimal | None:
    return None if value is None else convert_to_decimal(value)


@frozen(kw_only=True)
class Threshold:
    """An increase that counts as enlargement between two studies, perhaps of some sizes only.

    Parameters
    ----------
    percent
        Least increase, per cent of the earlier study.
    since, study
        Numbers of the two studies: 0 is the baseline, 1 the first follow-up.
    baseline_from, baseline_below
        Sizes at baseline that it is for, in the unit of the quantity; None for no limit.
    """

    percent: Decimal = field(converter=convert_to_decimal, validator=validators.ge(Decimal(0)))
    since: int = field(default=0, validator=(validators.instance_of(int), validators.ge(0)))
    study: int = field(default=1, validator=(validators.instance_of(int), validators.ge(1)))
    baseline_from: Decimal | None = field(default=None, converter=_convert_to_decimal)
    baseline_below: Decimal | None = field(default=None, converter=_convert_to_decimal)

    def __attrs_post_init__(self) -> None:
        if self.study <= self.since:
            raise ValueError("a threshold compares a study with an earlier one")

    @property
    def is_for_all_sizes(self) -> bool:
        """Whether it holds whatever the size at baseline."""
        return self.baseline_from is None and self.baseline_below is None

    def is_for(self, baseline: Decimal) -> bool:
        """Return whether it holds for this size at baseline."""
        return (self.baseline_from is None or baseline >= self.baseline_from) and (
            self.baseline_below is None or baseline < self.baseline_below
        )


def _convert_to_event_kinds(kinds: Iterable[str]) -> tuple[EventKind, ...]:
    return tuple(EventKind(kind) for kind in kinds)


@frozen(kw_only=True)
class Persistence:
    """How criteria answer that ask whether an enlargement persists, not whether it declines.

    Parameters
    ----------
    confirm_studies, confirm_days
        Consecutive enlarged follow-ups that confirm a progression, and the days from the first to
        the last of them.
    stable_within_days
        An enlargement that stops growing within these days of its first study is transient; None
        where stability does not matter.
    transient
        What an enlargement is called that resolved or became stable.
    progression_events
        Events that are progression by themselves.
    """

    confirm_studies: int = field(
        default=2, validator=(validators.instance_of(int), validators.ge(1))
    )
    confirm_days: int = field(default=0, converter=convert_to_days, validator=validators.ge(0))
    stable_within_days: int | None = field(default=None)
    transient: ResponseCategory = field(default=ResponseCategory.OPP, converter=ResponseCategory)
    progression_events: tuple[EventKind, ...] = field(default=(), converter=_convert_to_event_kinds)


@frozen(kw_only=True)
class Criteria:
    """The parameters of the response rules (RULES: parameters).

    Parameters
    ----------
    name, source
        What the profile is called, and where it comes from.
    certainty
        How far the profile renders its source.
    quantity
        What is read: lengths in mm or volumes in cc.
    change_mm
        Change of a length that counts, mm.
    change_percent
        Change that counts, per cent of the reference, instead of `change_mm`; only with
        `persistence`.
    growth_inclusive, decline_inclusive
        Whether a change of exactly `change_mm` counts.
    min_follow_up_days, sustain_days, window_days
        Shortest follow-up; how long after the peak a decline must be seen; how long an enlarging
        lesion may still turn out to be pseudoprogression.
    progression_min_studies
        Follow-ups that must show the growth: after a retreatment, and in prospective mode.
    therapy_counts
        Until when a change of systemic therapy after the peak may explain a decline.
    plateau
        What growth followed by stability is called.
    reference
        What growth is counted from: with `nadir`, a growth from the smallest earlier length on
        `progression_min_studies` follow-ups is progression too.
    confirm_growth
        Whether growth counts only where another sequence of the visit, or the follow-up before or
        after it on the same sequence, shows growth as well.
    thresholds
        Increases that count as enlargement, by pair of studies and size; only with `persistence`.
    persistence
        Given for criteria that ask whether an enlargement persists; None for the table of rules.
    """

    name: str
    source: str = ""
    certainty: str = ""
    quantity: Quantity = field(default=Quantity.AP_MM, converter=Quantity)
    change_mm: Decimal = field(
        default=Decimal("2.0"), converter=convert_to_mm, validator=validators.gt(Decimal(0))
    )
    change_percent: Decimal | None = field(default=None, converter=_convert_to_decimal)
    growth_inclusive: bool = field(default=True, validator=validators.instance_of(bool))
    decline_inclusive: bool = field(default=True, validator=validators.instance_of(bool))
    min_follow_up_days: int = field(
        default=182, converter=convert_to_days, validator=validators.ge(0)
    )
    sustain_days: int = field(default=84, converter=convert_to_days, validator=validators.ge(0))
    window_days: int = field(default=182, converter=convert_to_days, validator=validators.ge(0))
    progression_min_studies: int = field(
        default=2, converter=convert_to_days, validator=validators.ge(1)
    )
    therapy_counts: TherapyCounts = field(
        default=TherapyCounts.UNTIL_SUSTAINED, converter=TherapyCounts
    )
    plateau: Plateau = field(default=Plateau.PD, converter=Plateau)
    reference: Reference = field(default=Reference.BASELINE, converter=Reference)
    confirm_growth: bool = field(default=False, validator=validators.instance_of(bool))
    thresholds: tuple[Threshold, ...] = field(default=(), converter=tuple)
    persistence: Persistence | None = None

    @property
    def is_relative(self) -> bool:
        """Whether changes are counted in per cent."""
        return self.change_percent is not None or bool(self.thresholds)

    def __attrs_post_init__(self) -> None:
        if self.persistence is None and (self.is_relative or self.quantity is not Quantity.AP_MM):
            raise ValueError(
                "the table of rules reads lengths in mm: volumes, changes in per cent and "
                "thresholds by pair of studies need the table [persistence]"
            )
        if self.quantity is Quantity.VOLUME_CC and self.change_percent is None:
            raise ValueError("criteria of volumes need change_percent")


@frozen(kw_only=True)
class Rules:
    """How lesions are classified: by these criteria, read in this mode.

    Parameters
    ----------
    criteria
        The parameters of the response rules.
    mode
        With hindsight (the paper's closed world), or as known today.
    """

    criteria: Criteria = field(validator=validators.instance_of(Criteria))
    mode: Mode = field(default=Mode.RETROSPECTIVE, converter=Mode)


@frozen(kw_only=True, slots=False)  # made for each sequence: half the time of one with slots
class SequenceAssessment:
    """One sequence of a lesion, classified.

    Parameters
    ----------
    category, reason
        The answer and the rule that gave it.
    baseline_day, baseline_mm
        The study that changes are taken from, or None.
    peak_change_mm, peak_day
        Largest change from baseline and the first follow-up that shows it; None without one.
    peak_after_day
        Day of the study before the peak: the peak lies in the interval that it opens.
    last_change_mm, last_day
        Change at the last follow-up.
    return_to_baseline_day
        First follow-up after the peak that shows no growth any more; None if it never grew or
        never returned.
    decline_studies
        Follow-ups after the peak that show the decline from it.
    growth_studies
        Follow-ups that show growth from baseline.
    nadir_mm, nadir_day, regrowth_mm
        Smallest length at a follow-up, its day, and the growth from it to the last follow-up.
    peak_change_percent, last_change_percent
        For criteria that count in per cent: changes from the reference, None where that is 0.
    """

    category: ResponseCategory = field(converter=_convert_to_category)
    reason: Reason = field(converter=_convert_to_reason)
    baseline_day: int | None = None
    baseline_mm: Decimal | None = None
    peak_change_mm: Decimal | None = None
    peak_day: int | None = None
    peak_after_day: int | None = None
    last_change_mm: Decimal | None = None
    last_day: int | None = None
    return_to_baseline_day: int | None = None
    decline_studies: int = 0
    growth_studies: int = 0
    nadir_mm: Decimal | None = None
    nadir_day: int | None = None
    regrowth_mm: Decimal | None = None
    peak_change_percent: Decimal | None = None
    last_change_percent: Decimal | None = None


@frozen(kw_only=True)
class Assessment:
    """A lesion, classified.

    Parameters
    ----------
    rules
        What it was classified by.
    category, reason
        The lesion's answer and the rule that gave it.
    deciding_sequence
        The sequence that the answer comes from, or None where no sequence decided.
    discordant
        True when another sequence that grew says another category: ask a reader.
    sequences
        Each measured sequence by itself.
    cautions
        What a reader should know, in the order of `Caution`; each of them asks for a reader.
    retreatment_day
        Day of the local retreatment after which no follow-up counts, or None.
    """

    lesion_id: str
    rules: Rules
    category: ResponseCategory = field(converter=_convert_to_category)
    reason: Reason = field(converter=_convert_to_reason)
    deciding_sequence: SeriesRole | None
    discordant: bool
    sequences: Mapping[SeriesRole, SequenceAssessment] = field(factory=dict)
    cautions: tuple[Caution, ...] = ()
    retreatment_day: int | None = None

    @property
    def criteria(self) -> Criteria:
        """The criteria that it was classified by."""
        return self.rules.criteria

    @property
    def mode(self) -> Mode:
        """With hindsight, or as known at the last study."""
        return self.rules.mode
