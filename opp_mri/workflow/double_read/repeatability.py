"""The same reader twice: what hidden repeats say of measurement error, and which error to use."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from opp_mri.agreement.lengths import (
    BlandAltman,
    Estimate,
    Z,
    bland_altman,
    proportion,
    scaled,
    within_subject_sd_mm,
)
from opp_mri.domain.assessment import MeasurementError
from opp_mri.domain.measurement import Reading
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.agreement import estimate_record
from opp_mri.workflow.measuring.readings import independent_readings, repeat_readings

BEYOND_MM = 2.0
FEWEST_PAIRS = 20  # below these the project's own error is too uncertain to stand for the default
FEWEST_LESIONS = 5


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


def repeatability(store: Store) -> list[Repeatability]:
    """Give each reader who has hidden repeats, by name."""
    by_reader: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reader, lesion_id, difference_mm in _repeat_differences(store):
        by_reader[reader][lesion_id].append(difference_mm)
    readers = []
    for reader, by_lesion in sorted(by_reader.items()):
        differences = [value for values in by_lesion.values() for value in values]
        sd_mm = within_subject_sd_mm(by_lesion)
        readers.append(
            Repeatability(
                reader=reader,
                pairs=len(differences),
                lesions=len(by_lesion),
                bland_altman=bland_altman(by_lesion),
                within_subject_sd_mm=sd_mm,
                repeatability_mm=scaled(sd_mm, Z * 2**0.5),
                beyond=proportion(
                    sum(abs(difference) > BEYOND_MM for difference in differences), len(differences)
                ),
            )
        )
    return readers


def measurement_error(store: Store) -> MeasurementError:
    """Give the project's own measurement error, or the stated default where it has too little.

    Hidden repeats come first: a change is taken from lengths of one reader. Else two independent
    readers serve, whose error holds what lies between readers too.
    """
    for differences, what in (
        (_repeat_differences(store), "hidden repeats of this project"),
        (_reader_differences(store), "two independent readers of this project"),
    ):
        by_lesion: dict[str, list[float]] = defaultdict(list)
        for _, lesion_id, difference in differences:
            by_lesion[lesion_id].append(difference)
        sd_mm = within_subject_sd_mm(by_lesion).value
        enough = len(differences) >= FEWEST_PAIRS and len(by_lesion) >= FEWEST_LESIONS
        if enough and sd_mm is not None:
            n = f"{len(differences)} pairs on {len(by_lesion)} lesions"
            return MeasurementError(sd_mm=sd_mm, source=f"{what}, {n}")
    return DEFAULT_ERROR


def repeatability_record(repeated: Repeatability) -> dict[str, Any]:
    """Give what `opp-mri agreement --repeats --json` shows of one reader."""
    return {
        "reader": repeated.reader,
        "lesions": repeated.lesions,
        "pairs": repeated.pairs,
        "bias_mm": estimate_record(repeated.bias_mm),
        "within_subject_sd_mm": estimate_record(repeated.within_subject_sd_mm),
        "repeatability_coefficient_mm": estimate_record(repeated.repeatability_mm),
        "share_beyond_2_mm": estimate_record(repeated.beyond),
    }


def _repeat_differences(store: Store) -> Sequence[tuple[str, str, float]]:
    """Give reader, lesion and second less first length, of each cell that was measured twice."""
    first = {_key(reading): reading for reading in independent_readings(store)}
    second = {_key(reading): reading for reading in repeat_readings(store)}
    return [
        (key[0], key[1], float(second[key].length_mm - first[key].length_mm))  # type: ignore[operator]
        for key in second
        if key in first and _measured(first[key]) and _measured(second[key])
    ]


def _reader_differences(store: Store) -> Sequence[tuple[str, str, float]]:
    """Give both readers, lesion and the difference of lengths, of each cell that two have read."""
    by_cell: dict[tuple[object, ...], dict[str, Reading]] = defaultdict(dict)
    for reading in independent_readings(store):
        by_cell[_key(reading)[1:]][reading.reader] = reading
    pairs = [list(by_reader.values()) for by_reader in by_cell.values() if len(by_reader) == 2]
    return [
        (f"{first.reader}, {second.reader}", first.lesion_id,
         float(first.length_mm - second.length_mm))  # type: ignore[operator]
        for first, second in pairs
        if _measured(first) and _measured(second)
    ]  # fmt: skip


def _key(reading: Reading) -> tuple[str, str, object, object]:
    return (reading.reader, reading.lesion_id, *reading.cell)


def _measured(reading: Reading) -> bool:
    return reading.length_mm is not None and reading.length_mm > 0
