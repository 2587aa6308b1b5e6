"""The same reader twice: what hidden repeats say of measurement error, and which error to use."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import combinations
from math import inf, sqrt
from statistics import median
from typing import Any, Final

from attrs import evolve, field, frozen

from opp_mri.agreement.lengths import (
    BlandAltman,
    Z,
    compute_bland_altman,
    estimate_proportion,
    estimate_within_subject_sd_mm,
    scale_estimate,
)
from opp_mri.domain.estimate import Estimate
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Reading
from opp_mri.domain.measurement_error import ErrorClass, MeasurementError
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.store.protocol import Store
from opp_mri.units import RECORDED_PRECISION_MM
from opp_mri.workflow.double_read.agreement_json import build_estimate_json
from opp_mri.workflow.measuring.readings import get_independent_readings, repeat_readings

BEYOND_MM: Final = 2.0
FEWEST_PAIRS: Final = (
    20  # below these the project's own error is too uncertain to replace the default
)
FEWEST_LESIONS: Final = 5
MOST_CORRELATED: Final = 0.95
ROUNDING_SD_MM: Final = float(RECORDED_PRECISION_MM) / sqrt(12)


@frozen(kw_only=True)
class Repeatability:
    """One reader held against the same reader's hidden repeats.

    Parameters
    ----------
    pairs
        Lengths that were measured twice.
    bias_mm
        Second less first.
    within_subject_sd_mm, repeatability_mm
        SD of one measurement, and 2.77 times it: two lengths by this reader differ by less than
        this in 95 of 100.
    beyond
        Share of pairs that differ by more than 2 mm.
    """

    reader: str
    pairs: int
    lesions: int
    bland_altman: BlandAltman = field(repr=False)
    within_subject_sd_mm: Estimate
    repeatability_mm: Estimate
    beyond: Estimate

    @property
    def bias_mm(self) -> Estimate:
        """Mean of second less first."""
        return self.bland_altman.bias_mm


def measure_repeatability(store: Store) -> list[Repeatability]:
    """Return each reader who has hidden repeats, by name."""
    by_reader: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pair in _repeat_pairs(store):
        by_reader[pair.readers[0]][pair.lesion_id].append(pair.difference_mm)
    readers = []
    for reader, by_lesion in sorted(by_reader.items()):
        differences = [value for values in by_lesion.values() for value in values]
        sd_mm = estimate_within_subject_sd_mm(by_lesion)
        readers.append(
            Repeatability(
                reader=reader,
                pairs=len(differences),
                lesions=len(by_lesion),
                bland_altman=compute_bland_altman(by_lesion),
                within_subject_sd_mm=sd_mm,
                repeatability_mm=scale_estimate(sd_mm, Z * 2**0.5),
                beyond=estimate_proportion(
                    sum(abs(difference) > BEYOND_MM for difference in differences), len(differences)
                ),
            )
        )
    return readers


@frozen(kw_only=True)
class _Pair:
    """Two lengths of one cell, by two readers or by one reader twice.

    Parameters
    ----------
    readers
        Both readers, or the one.
    length_mm
        Mean of the two.
    difference_mm
        One length less the other.
    """

    readers: tuple[str, ...]
    lesion_id: str
    study_date: date
    sequence: SeriesRole
    length_mm: float
    difference_mm: float


def estimate_measurement_error(store: Store) -> MeasurementError:
    """Return the project's own measurement error, or the published one where it has too little.

    Hidden repeats come first: a change is taken from lengths of one reader. Else all pairs of
    independent readers serve, however many readers there are; what a reader measures more than
    another on average cancels in a change and is taken out. Of the errors of one visit, what the
    sequences share is estimated from the same pairs. A sequence that has as many pairs as are
    needed in all has an error of its own; and so have its lengths below and from their median, or
    those of all sequences, where each half has as many.
    """
    reasons = []
    for pairs, source in (
        (_repeat_pairs(store), "hidden repeats of this project"),
        (_without_bias(_pair_readers(store)), "independent readers of this project, without the "
         "constant differences between them"),
    ):  # fmt: skip
        lesions = len({pair.lesion_id for pair in pairs})
        if _is_enough(pairs):
            classes = _build_error_classes(pairs)
            return MeasurementError(
                sd_mm=_compute_sd_mm(pairs),
                classes=[own for own, _ in classes],
                visit_correlation=_correlate_visit(pairs),
                source=f"{source}, {len(pairs)} pairs on {lesions} lesions",
                classes_source="; ".join(
                    f"{_describe_lengths(own)} {own.sd_mm:.2f} mm, {number} pairs"
                    for own, number in classes
                ),
            )
        if pairs:
            reasons.append(f"{len(pairs)} pairs of {source.split(' of ')[0]} on {lesions} lesions")
    if not reasons:
        return DEFAULT_ERROR
    return evolve(
        DEFAULT_ERROR,
        source=f"{DEFAULT_ERROR.source}, which has only {' and '.join(reasons)}, of the "
        f"{FEWEST_PAIRS} on {FEWEST_LESIONS} that are needed",
    )


def _without_bias(pairs: Sequence[_Pair]) -> list[_Pair]:
    """Take the mean difference of each two readers out, and keep the variance unbiased."""
    by_readers: dict[tuple[str, ...], list[_Pair]] = defaultdict(list)
    for pair in pairs:
        by_readers[pair.readers].append(pair)
    centred_pairs = []
    for same_pairs in by_readers.values():
        if len(same_pairs) > 1:
            mean_mm = sum(pair.difference_mm for pair in same_pairs) / len(same_pairs)
            scale = sqrt(
                len(same_pairs) / (len(same_pairs) - 1)
            )  # a degree of freedom went into the mean
            centred_pairs += [
                evolve(pair, difference_mm=scale * (pair.difference_mm - mean_mm))
                for pair in same_pairs
            ]
    return centred_pairs


def _build_error_classes(pairs: Sequence[_Pair]) -> list[tuple[ErrorClass, int]]:
    """Return what has an SD of its own, and of how many pairs; those of a sequence come first."""
    several = len({pair.sequence for pair in pairs}) > 1
    classes = []
    for sequence in SeriesRole if several else ():
        own = [pair for pair in pairs if pair.sequence is sequence]
        if _is_enough(own):
            classes += _split_by_size(own, sequence) or [
                (_build_error_class(own, sequence=sequence), len(own))
            ]
    return classes + _split_by_size(pairs, None)


def _split_by_size(
    pairs: Sequence[_Pair], sequence: SeriesRole | None
) -> list[tuple[ErrorClass, int]]:
    """Return the SD of the lengths below and from their median; none if a half is too small."""
    middle_mm = round(median(pair.length_mm for pair in pairs))
    short = [pair for pair in pairs if pair.length_mm < middle_mm]
    long = [pair for pair in pairs if pair.length_mm >= middle_mm]
    if not (_is_enough(short) and _is_enough(long)):
        return []
    return [
        (_build_error_class(short, sequence=sequence, below_mm=middle_mm), len(short)),
        (_build_error_class(long, sequence=sequence, least_mm=middle_mm), len(long)),
    ]


def _is_enough(pairs: Sequence[_Pair]) -> bool:
    lesions = {pair.lesion_id for pair in pairs}
    return len(pairs) >= FEWEST_PAIRS and len(lesions) >= FEWEST_LESIONS


def _build_error_class(pairs: Sequence[_Pair], **limits: Any) -> ErrorClass:
    """Return the SD of some lengths, not below that of rounding.

    Repeats that all agree do not show that there is no error.
    """
    return ErrorClass(sd_mm=max(_compute_sd_mm(pairs), ROUNDING_SD_MM), **limits)


def _describe_lengths(own: ErrorClass) -> str:
    """Say of which lengths an SD is."""
    words = "lengths" if own.sequence is None else f"{own.sequence.value} lengths"
    if own.below_mm < inf:
        return f"{words} below {own.below_mm:g} mm"
    return f"{words} from {own.least_mm:g} mm" if own.least_mm else words


def _compute_sd_mm(pairs: Sequence[_Pair]) -> float:
    """Return the SD of one measurement: root of half the mean squared difference."""
    return sqrt(sum(pair.difference_mm**2 for pair in pairs) / (2 * len(pairs)))


def _correlate_visit(pairs: Sequence[_Pair]) -> float:
    """Return the correlation of the errors of two sequences of one visit; 0 from too few."""
    visits: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for pair in pairs:
        visits[pair.readers, pair.lesion_id, pair.study_date].append(pair.difference_mm)
    products = [
        first * second
        for differences in visits.values()
        for first, second in combinations(differences, 2)
    ]
    variance = sum(pair.difference_mm**2 for pair in pairs) / len(pairs)
    if len(products) < FEWEST_PAIRS or not variance:
        return 0.0
    return min(max(sum(products) / len(products) / variance, 0.0), MOST_CORRELATED)


def build_repeatability_json(repeatability: Repeatability) -> dict[str, Any]:
    """Return what `opp-mri agreement --repeats --json` shows of one reader."""
    return {
        "reader": repeatability.reader,
        "lesions": repeatability.lesions,
        "pairs": repeatability.pairs,
        "bias_mm": build_estimate_json(repeatability.bias_mm),
        "within_subject_sd_mm": build_estimate_json(repeatability.within_subject_sd_mm),
        "repeatability_coefficient_mm": build_estimate_json(repeatability.repeatability_mm),
        "share_beyond_2_mm": build_estimate_json(repeatability.beyond),
    }


def _repeat_pairs(store: Store) -> list[_Pair]:
    """Return second less first length of each cell that one reader measured twice."""
    first = {_build_key(reading): reading for reading in get_independent_readings(store)}
    second = {_build_key(reading): reading for reading in repeat_readings(store)}
    return [
        pair
        for key in second
        if key in first and (pair := _pair((key[0],), second[key], first[key]))
    ]


def _pair_readers(store: Store) -> list[_Pair]:
    """Return the difference of each two readers who measured a cell, readers by name."""
    by_cell: dict[tuple[object, ...], dict[str, Reading]] = defaultdict(dict)
    for reading in get_independent_readings(store):
        by_cell[_build_key(reading)[1:]][reading.reader] = reading
    return [
        pair
        for by_reader in by_cell.values()
        for first, second in combinations(sorted(by_reader), 2)
        if (pair := _pair((first, second), by_reader[first], by_reader[second]))
    ]


def _pair(readers: tuple[str, ...], first: Reading, second: Reading) -> _Pair | None:
    if not first.length_mm or not second.length_mm:  # gone, or not measurable
        return None
    return _Pair(
        readers=readers,
        lesion_id=first.lesion_id,
        study_date=first.study_date,
        sequence=first.sequence,
        length_mm=float(first.length_mm + second.length_mm) / 2,
        difference_mm=float(first.length_mm - second.length_mm),
    )


def _build_key(reading: Reading) -> tuple[str, str, object, object]:
    return (reading.reader, reading.lesion_id, *reading.cell)
