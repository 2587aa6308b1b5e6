"""How far two readers' contours agree: overlap, distance of surfaces, and volumes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from attrs import field, frozen

from opp_mri.agreement.discordance import VolumeCause, VolumeLimits, find_volume_cause
from opp_mri.agreement.lengths import compute_bland_altman
from opp_mri.contours.overlap import Overlap
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.estimate import Estimate
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.contours import (
    compare_readings,
    find_images,
    find_series,
    get_independent_contours,
    measure_contours,
    select_latest_contours,
)

OVERALL: Final = "overall"
Record = dict[str, Any]
Cell = tuple[str, date, SeriesRole]  # lesion, time point, sequence


@frozen(kw_only=True)
class VolumePair:
    """The volumes of one cell by two readers.

    Parameters
    ----------
    first_cc, second_cc
        The volumes, cc; None where a series is no longer at hand.
    overlap
        None where both did not draw on one series, or one contour encloses next to nothing.
    """

    first: VolumeReading
    second: VolumeReading
    first_cc: float | None
    second_cc: float | None
    overlap: Overlap | None

    @property
    def difference_cc(self) -> float | None:
        """First less second."""
        if self.first_cc is None or self.second_cc is None:
            return None
        return round(self.first_cc - self.second_cc, 9)

    @property
    def difference_percent(self) -> float | None:
        """First less second, in percent of their mean; None where both are 0."""
        if self.first_cc is None or self.second_cc is None or self.first_cc + self.second_cc == 0:
            return None
        return 200 * (self.first_cc - self.second_cc) / (self.first_cc + self.second_cc)


@frozen(kw_only=True)
class VolumeAgreement:
    """Agreement of volumes on one sequence, or overall, with 95% intervals over lesions.

    Parameters
    ----------
    lesions, pairs
        Lesions, and pairs of volumes on them.
    compared
        Pairs that lie on one series, so that they can be laid over each other.
    dice, mean_surface_mm, hausdorff_95_mm
        Means over lesions.
    bias_cc, lower_cc, upper_cc
        Bias, first less second, and limits of agreement.
    bias_percent, lower_percent, upper_percent
        The same of the differences in percent of the mean of both volumes.
    """

    name: str
    lesions: int
    pairs: int
    compared: int
    dice: Estimate
    mean_surface_mm: Estimate
    hausdorff_95_mm: Estimate
    bias_cc: Estimate
    lower_cc: Estimate
    upper_cc: Estimate
    bias_percent: Estimate
    lower_percent: Estimate
    upper_percent: Estimate
    volumes: tuple[VolumePair, ...] = field(repr=False)


def pair_contours(
    store: Store, readers: tuple[str, str], lesions: Collection[Lesion]
) -> dict[Cell, tuple[VolumeReading, VolumeReading]]:
    """Return the cells of lesions that both readers have drawn contours of."""
    pairs: dict[Cell, tuple[VolumeReading, VolumeReading]] = {}
    for lesion in lesions:
        readings = get_independent_contours(store, lesion.lesion_id)
        first, second = (
            select_latest_contours([reading for reading in readings if reading.reader == reader])
            for reader in readers
        )
        for day, sequence in sorted(first.keys() & second.keys()):
            cell = (day, sequence)
            pairs[lesion.lesion_id, day, sequence] = (first[cell], second[cell])
    return pairs


def compare_pair(store: Store, first: VolumeReading, second: VolumeReading) -> VolumePair:
    """Hold two readers' contours of one cell against each other."""
    images = find_images(store, first)
    volumes_cc = [measure_cc(store, reading) for reading in (first, second)]
    series = find_series(first, images)
    is_on_one_series = series is not None and find_series(second, [series]) is not None
    return VolumePair(
        first=first, second=second, first_cc=volumes_cc[0], second_cc=volumes_cc[1],
        overlap=compare_readings(first, second, series)
        if series is not None and is_on_one_series and None not in volumes_cc
        else None,
    )  # fmt: skip


def measure_cc(store: Store, reading: VolumeReading) -> float | None:
    """Measure the volume within a reading's contours; None where they have none."""
    volume = measure_contours(reading, find_images(store, reading))
    return None if volume is None else float(volume.volume_cc)


def find_discordant_volumes(
    store: Store, readers: tuple[str, str], lesions: Collection[Lesion]
) -> list[tuple[VolumePair, VolumeCause]]:
    """Return the pairs of volumes that differ by more than the limits, each with its cause."""
    discordant = []
    for pair in pair_contours(store, readers, lesions).values():
        volume_pair = compare_pair(store, *pair)
        cause = find_cause(volume_pair)
        if cause is not None:
            discordant.append((volume_pair, cause))
    return discordant


def find_cause(pair: VolumePair) -> VolumeCause | None:
    """Return why two volumes are discordant, or None where they agree within the limits."""
    dice = None if pair.overlap is None else pair.overlap.dice
    return find_volume_cause(pair.difference_percent, dice, VolumeLimits())


def build_discordant_volume_json(pair: VolumePair, cause: VolumeCause) -> Record:
    """Return what `opp-mri discordance --json` shows of one pair of volumes."""
    return {
        "lesion_id": pair.first.lesion_id,
        "readers": [pair.first.reader, pair.second.reader],
        "study_date": pair.first.study_date.isoformat(),
        "sequence": pair.first.sequence.value,
        "cause": cause.value,
        "volumes_cc": [pair.first_cc, pair.second_cc],
        "difference_percent": None
        if pair.difference_percent is None
        else round(pair.difference_percent, 2),
        "dice": None if pair.overlap is None else round(pair.overlap.dice, 4),
        "reading_ids": [pair.first.reading_id, pair.second.reading_id],
    }


def measure_volume_agreement(
    store: Store, readers: tuple[str, str], lesions: Collection[Lesion]
) -> tuple[VolumeAgreement, ...]:
    """Hold two readers' contours against each other, by sequence and overall; none without pairs.

    Parameters
    ----------
    readers
        The two, in the order of the differences.
    """
    groups: dict[str, list[tuple[str, VolumePair]]] = defaultdict(list)
    for (lesion_id, _, sequence), pair in pair_contours(store, readers, lesions).items():
        volume_pair = compare_pair(store, *pair)
        for name in (sequence.value, OVERALL):
            groups[name].append((lesion_id, volume_pair))
    names = [name for name in (*(role.value for role in SeriesRole), OVERALL) if name in groups]
    return tuple(_compute_agreement(name, groups[name]) for name in names)


def _compute_agreement(name: str, pairs: Sequence[tuple[str, VolumePair]]) -> VolumeAgreement:
    overlaps = [(lesion_id, pair.overlap) for lesion_id, pair in pairs if pair.overlap is not None]
    by_cc = compute_bland_altman(_group((i, pair.difference_cc) for i, pair in pairs))
    by_percent = compute_bland_altman(_group((i, pair.difference_percent) for i, pair in pairs))
    dice = _estimate_mean((i, overlap.dice) for i, overlap in overlaps)
    return VolumeAgreement(
        name=name,
        lesions=by_cc.lesions,
        pairs=by_cc.pairs,
        compared=len(overlaps),
        dice=Estimate(
            value=dice.value,
            low=None if dice.low is None else max(dice.low, 0.0),
            high=None if dice.high is None else min(dice.high, 1.0),
        ),
        mean_surface_mm=_estimate_mean((i, overlap.mean_surface_mm) for i, overlap in overlaps),
        hausdorff_95_mm=_estimate_mean((i, overlap.hausdorff_95_mm) for i, overlap in overlaps),
        bias_cc=by_cc.bias_mm,
        lower_cc=by_cc.lower_mm,
        upper_cc=by_cc.upper_mm,
        bias_percent=by_percent.bias_mm,
        lower_percent=by_percent.lower_mm,
        upper_percent=by_percent.upper_mm,
        volumes=tuple(pair for _, pair in pairs),
    )


def _group(values: Iterable[tuple[str, float | None]]) -> Mapping[str, Sequence[float]]:
    by_lesion: dict[str, list[float]] = defaultdict(list)
    for lesion_id, value in values:
        if value is not None:
            by_lesion[lesion_id].append(value)
    return by_lesion


def _estimate_mean(values: Iterable[tuple[str, float]]) -> Estimate:
    """Return the mean over lesions of the means within them, as the bias of differences is."""
    return compute_bland_altman(_group(values)).bias_mm
