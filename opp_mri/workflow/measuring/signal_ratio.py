"""The T2 ratio of a lesion to a vertebra that was not irradiated, computed from the images."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from attrs import frozen
from numpy.typing import NDArray

from opp_mri.contours.signal import SignalRatio, measure_signal_ratio
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import VERTEBRAE
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.errors import OppMriError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.units import format_count
from opp_mri.workflow.catalogue.patients import map_patients
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.contours import (
    find_images,
    find_series,
    get_independent_contours,
    outline_slices,
)
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.readings import find_signed_ids, select_counted

RARE: Final = ("T13", "L6")
PRECISION: Final = Decimal("0.001")
NO_CONSENSUS_RATIO: Final = (
    "New consensus contours have no reference vertebra: keep those of A or B where the T2 ratio is "
    "needed."
)


@frozen(kw_only=True)
class ReadingRatio:
    """The T2 ratio of one reading, or why it has none.

    Parameters
    ----------
    ratio
        None where it was refused.
    refusal
        Why, in a sentence; "" where there is a ratio.
    """

    reading: VolumeReading
    level: str
    ratio: SignalRatio | None
    refusal: str

    @property
    def recorded_ratio(self) -> Decimal | None:
        """The ratio to 0.001, rounded once, half to even."""
        return None if self.ratio is None else Decimal(self.ratio.ratio).quantize(PRECISION)


def compute_ratio(
    reading: VolumeReading,
    volume: VolumeDescription,
    voxels: NDArray[Any],
    treated_levels: Collection[str],
) -> tuple[SignalRatio | None, str]:
    """Return the T2 ratio of a reading with a reference, or why there is none, in a sentence.

    Parameters
    ----------
    volume, voxels
        The series of its contours, and its native values.
    treated_levels
        Levels of all lesions of the patient.
    """
    refusal = explain_no_ratio(reading, volume, treated_levels)
    if refusal or reading.reference is None:
        return None, refusal
    ratio = measure_signal_ratio(
        voxels,
        outline_slices(reading.contours, volume),
        outline_slices(reading.reference.contours, volume),
    )
    return ratio, "" if ratio else "The contours hold no pixel with signal: draw them larger."


def explain_no_ratio(
    reading: VolumeReading, volume: VolumeDescription | None, treated_levels: Collection[str]
) -> str:
    """Explain why contours give no T2 ratio; "" where they do.

    Parameters
    ----------
    volume
        The series that holds all contours, or None.
    treated_levels
        Levels of all lesions of the patient.
    """
    if reading.reference is None:
        is_new = reading.reader == CONSENSUS
        return NO_CONSENSUS_RATIO if is_new else "No reference vertebra is drawn."
    if not_weighted := explain_not_weighted(reading.sequence):
        return not_weighted
    if volume is None:
        return (
            "Lesion and reference lie on different series, whose signals cannot be compared: draw "
            "both on one."
        )
    return explain_no_reference(reading.reference.level, treated_levels)


def explain_not_weighted(sequence: SeriesRole) -> str:
    """Explain why a sequence has no T2 ratio; "" for one that is T2-weighted."""
    if sequence is SeriesRole.T2FS:
        return ""
    return (
        f"{sequence.value} is not T2-weighted, so it has no T2 ratio: draw lesion and reference on "
        "T2FS."
    )


def list_irradiated_levels(store: Store, patient_id: str) -> frozenset[str]:
    """Return the levels of all lesions of a patient: each was treated by radiosurgery."""
    group = map_patients(store).group(patient_id)
    return frozenset(lesion.level for lesion in store.get_lesions() if lesion.patient_id in group)


def list_ratios(store: Store, lesion_id: str | None = None) -> list[ReadingRatio]:
    """Return the T2 ratios of the latest signed contours, of one lesion or all.

    Contours without a reference are left out, but for new ones of the consensus that lost it.

    Raises
    ------
    UnknownError
        The project holds no such lesion.
    ProjectError
        The project is a blinded package.
    """
    if read_blinding(store) is not None:
        raise ProjectError(
            "This command is not available in a blinded package: the reading room states the ratio "
            "next to the contours. Use it in the project of the study."
        )
    lesions = store.get_lesions() if lesion_id is None else [find_lesion(store, lesion_id)]
    ratios = []
    for lesion in lesions:
        readings = select_counted(
            store.log_of(VolumeReading, lesion.lesion_id), find_signed_ids(store, lesion.lesion_id)
        )
        latest = {(reading.reader, reading.repeat, *reading.cell): reading for reading in readings}
        treated_levels = list_irradiated_levels(store, lesion.patient_id) if latest else frozenset()
        ratios += [
            measure_ratio(store, reading, treated_levels)
            for reading in latest.values()
            if reading.reference is not None or has_lost_reference(store, reading)
        ]
    return ratios


def has_lost_reference(store: Store, reading: VolumeReading) -> bool:
    """Return whether new consensus contours stand for some that had a reference vertebra."""
    is_new = reading.reader == CONSENSUS and reading.contours and reading.reference is None
    return bool(is_new) and any(
        own.reference is not None and own.cell == reading.cell
        for own in get_independent_contours(store, reading.lesion_id)
    )


def measure_ratio(
    store: Store, reading: VolumeReading, treated_levels: Collection[str]
) -> ReadingRatio:
    """Compute the T2 ratio of a reading with a reference from the images of the project.

    Parameters
    ----------
    treated_levels
        Levels of all lesions of the patient.
    """
    from opp_mri.dicom.volume import load_stack  # slow to import, and seldom needed

    level = reading.reference.level if reading.reference else ""
    volume = find_series(reading, find_images(store, reading))
    refusal = explain_no_ratio(reading, volume, treated_levels)
    ratio = None
    if not refusal and volume is not None:
        try:
            uids = {frame.sop_instance_uid for frame in volume.frames}
            voxels = load_stack(volume, store.get_sources_of(uids))
            ratio, refusal = compute_ratio(reading, volume, voxels, treated_levels)
        except OppMriError as error:
            refusal = str(error)
    return ReadingRatio(reading=reading, level=level, ratio=ratio, refusal=refusal)


def explain_no_reference(level: str, treated_levels: Collection[str]) -> str:
    """Explain why a vertebra is no reference for one that was irradiated; "" where it is.

    Parameters
    ----------
    level
        The vertebra.
    treated_levels
        Levels of all lesions of the patient.
    """
    if level in treated_levels:
        return f"{level} was irradiated: draw the reference in a vertebra that was not."
    for treated_level in treated_levels:
        if _count_apart(level, treated_level) < 2:
            return (
                f"{level} borders on {treated_level}, which was irradiated: draw the reference in "
                "a vertebra further away."
            )
    return ""


def list_reference_levels(level: str, treated_levels: Collection[str]) -> tuple[str, ...]:
    """Return the vertebrae that may be a lesion's reference, the nearest first.

    Parameters
    ----------
    level
        Vertebra of the lesion.
    treated_levels
        Levels of all lesions of the patient.
    """
    levels = [
        vertebra
        for vertebra in VERTEBRAE
        if vertebra[0] != "S" and not explain_no_reference(vertebra, {level, *treated_levels})
    ]
    return tuple(
        sorted(levels, key=lambda vertebra: (vertebra in RARE, _count_apart(vertebra, level)))
    )


def _count_apart(first: str, second: str) -> int:
    """Return how many steps two vertebrae are apart, supernumerary ones counted where named."""
    levels = [level for level in VERTEBRAE if level not in RARE or level in (first, second)]
    return abs(levels.index(first) - levels.index(second))


def describe_reference(reading: VolumeReading) -> str:
    """Name the reference vertebra of a reading, after a semicolon; "" where it has none."""
    reference = reading.reference
    if reference is None:
        return ""
    return f"; reference {reference.level}, {format_count(len(reference.contours), 'contour')}"
