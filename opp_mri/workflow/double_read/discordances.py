"""Where two readers of a project differ, and what that does to a lesion's category."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
from attrs import frozen

from opp_mri.agreement.discordance import (
    Cause,
    Discordance,
    Drawn,
    Limits,
    find_category_discordance,
    find_discordance,
)
from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Answer, Caliper, Lesion, Reading
from opp_mri.store.protocol import Store
from opp_mri.units import number
from opp_mri.workflow.catalogue.patients import map_patients
from opp_mri.workflow.double_read.agreement import (
    choose_two_readers,
    classify_by_reader,
    classify_readings,
    pair_readings,
)
from opp_mri.workflow.double_read.agreement_json import round_for_reading
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.protocol import load_current_protocol
from opp_mri.workflow.measuring.readings import get_independent_readings
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.project import Project

Record = dict[str, Any]
Categories = tuple[ResponseCategory | None, ResponseCategory | None]
Pair = tuple[Reading, Reading]


@frozen(kw_only=True)
class DiscordantPair:
    """A discordance with what it does to the lesion's category.

    Parameters
    ----------
    categories
        What each reader's own lengths give for the lesion.
    decides
        Whether one reader comes to another category by taking the other's answer here alone.
    """

    patient_id: str
    lesion: Lesion
    discordance: Discordance
    categories: Categories
    decides: bool = False

    @property
    def changes_category(self) -> bool:
        """Whether the two readers come to another category."""
        return self.categories[0] is not self.categories[1]


def choose_limits(
    store: Store, *, length_mm: Decimal | None = None, angle_deg: float | None = None
) -> Limits:
    """Return the limits that were asked for, else those of the project's protocol, else our own."""
    protocol = load_current_protocol(store)
    if protocol is not None:
        length_mm = protocol.length_limit_mm if length_mm is None else length_mm
        angle_deg = protocol.angle_limit_deg if angle_deg is None else angle_deg
    own = Limits()
    return Limits(
        length_mm=own.length_mm if length_mm is None else length_mm,
        angle_deg=own.angle_deg if angle_deg is None else angle_deg,
    )


def find_discordances(
    project: Project, reader_names: Sequence[str], rules: Rules, *, limits: Limits,
    lesion_ids: Collection[str] = (),
) -> list[DiscordantPair]:  # fmt: skip
    """Return what two readers differ in: first what changes a category, then by mm.

    A lesion whose answers are all within the limits, and whose categories still differ, has those
    pairs in the list that decide it.

    Parameters
    ----------
    lesion_ids
        The lesions to look at; none for all.

    Raises
    ------
    InputError
        There are not two readers.
    """
    store = project.store
    readers = choose_two_readers(store, reader_names)
    by_reader = classify_by_reader(store, readers, rules, lesion_ids)
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for (lesion_id, _, _), pair in pair_readings(store, readers, lesion_ids).items():
        pairs[lesion_id].append(pair)
    drawing = _Drawing(store)
    discordant: list[DiscordantPair] = []
    for lesion in select_lesions(store, lesion_ids):
        categories = by_reader[lesion.lesion_id]
        weigh = _Exchange(store, lesion, readers, categories, rules)
        drawn_pairs = [
            (drawing.draw(lesion, first), drawing.draw(lesion, second))
            for first, second in pairs[lesion.lesion_id]
        ]
        differences = [
            difference for pair in drawn_pairs if (difference := find_discordance(*pair, limits))
        ]
        if not differences and categories[0] is not categories[1] and None not in categories:
            within = [
                difference
                for pair in drawn_pairs
                if (difference := find_category_discordance(*pair))
            ]
            deciding_differences = [
                difference
                for difference in within
                if weigh.decides(difference.first, difference.second)
            ]
            differences = deciding_differences or within
        discordant += [
            DiscordantPair(
                patient_id=lesion.patient_id, lesion=lesion, discordance=difference,
                categories=categories,
                decides=weigh.decides(difference.first, difference.second),
            )
            for difference in differences
        ]  # fmt: skip
    return sorted(discordant, key=_rank_discordance)


def build_discordance_json(pair: DiscordantPair) -> Record:
    """Return what `opp-mri discordance --json` shows of one pair."""
    difference = pair.discordance
    return {
        "lesion_id": pair.lesion.lesion_id,
        "readers": [difference.first.reader, difference.second.reader],
        "study_date": difference.first.study_date.isoformat(),
        "sequence": difference.first.sequence.value,
        "cause": difference.cause.value,
        "lengths_mm": [number(difference.first.length_mm), number(difference.second.length_mm)],
        "answers": [difference.first.answer.value, difference.second.answer.value],
        "difference_mm": number(difference.difference_mm),
        "slices_apart_mm": round_for_reading(difference.slices_apart_mm),
        "angle_deg": round_for_reading(difference.angle_deg),
        "anterior_mm": round_for_reading(difference.anterior_mm),
        "posterior_mm": round_for_reading(difference.posterior_mm),
        "categories": [category.value if category else None for category in pair.categories],
        "changes_category": pair.changes_category,
        "decides": pair.decides,
        "reading_ids": [difference.first.reading_id, difference.second.reading_id],
    }


def describe_cause(difference: Discordance) -> str:
    """Name a cause, with what it comes to in mm or degrees."""
    apart_mm = {
        Cause.ANTERIOR_END: difference.anterior_mm,
        Cause.POSTERIOR_END: difference.posterior_mm,
        Cause.SLICE: difference.slices_apart_mm,
    }.get(difference.cause)
    if apart_mm is not None:
        return f"{difference.cause.value} ({apart_mm:.1f} mm)"
    if difference.cause is Cause.ANGLE and difference.angle_deg is not None:
        return f"{difference.cause.value} ({difference.angle_deg:.0f}°)"
    return difference.cause.value


class _Exchange:
    """What becomes of a lesion's categories where one reader takes the other's answer."""

    def __init__(
        self, store: Store, lesion: Lesion, readers: tuple[str, str], categories: Categories,
        rules: Rules,
    ) -> None:  # fmt: skip
        self._store, self._lesion, self._readers = store, lesion, readers
        self._categories, self._rules = categories, rules

    def decides(self, first: Reading, second: Reading) -> bool:
        """Return whether either reader comes to another category by the other's answer alone."""
        if self._categories[0] is self._categories[1]:
            return False
        readings = get_independent_readings(self._store, self._lesion.lesion_id)
        for reader, other_reading, before in zip(
            self._readers, (second, first), self._categories, strict=True
        ):
            own = [reading for reading in readings if reading.reader == reader]
            exchanged_readings = [*own, attrs.evolve(other_reading, reader=reader)]
            after = classify_readings(self._store, self._lesion, exchanged_readings, self._rules)
            if after is not before:
                return True
        return False


class _Drawing:
    """Where readings were drawn; reads each patient's volumes once."""

    def __init__(self, store: Store) -> None:
        self._store, self._groups = store, map_patients(store)
        self._volumes: dict[str, Sequence[VolumeDescription]] = {}
        self._places: dict[str, Mapping[str, Mapping[str, Vector3]]] = {}

    def draw(self, lesion: Lesion, reading: Reading) -> Drawn:
        """Return a reading with its series, its image and the lesion that it lies on."""
        if reading.caliper is None:
            return Drawn(reading=reading)
        patient_id = self._groups.get_canonical(lesion.patient_id)
        if patient_id not in self._volumes:
            self._volumes[patient_id] = self._store.get_volumes(self._groups.group(patient_id))
            self._places[patient_id] = self._find_lesion_places(patient_id)
        place = (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
        for volume in self._volumes[patient_id]:
            plane = volume.get_plane(*place)
            if plane is not None:
                return Drawn(
                    reading=reading,
                    volume_id=volume.volume_id,
                    plane=plane,
                    slice_thickness_mm=volume.slice_spacing_mm
                    or volume.instance.slice_thickness_mm
                    or 0.0,
                    on_lesion_id=_find_nearest(reading.caliper, self._places[patient_id]),
                )
        return Drawn(reading=reading)

    def _find_lesion_places(self, patient_id: str) -> Mapping[str, Mapping[str, Vector3]]:
        """Return by frame of reference where the patient's lesions are that have a seed set."""
        group = self._groups.group(patient_id)
        places: dict[str, dict[str, Vector3]] = defaultdict(dict)
        for lesion in self._store.get_lesions():
            if lesion.patient_id in group and lesion.seed is not None:
                for frame, point in carry_seed_to_frames(self._store, lesion).items():
                    places[frame][lesion.lesion_id] = point
        return places


def _find_nearest(caliper: Caliper, places: Mapping[str, Mapping[str, Vector3]]) -> str | None:
    middle = caliper.middle_lps_mm
    places_in_frame = places.get(caliper.frame_of_reference_uid, {})
    return min(
        places_in_frame, key=lambda place: math.dist(middle, places_in_frame[place]), default=None
    )


def _rank_discordance(pair: DiscordantPair) -> tuple[bool, bool, bool, float]:
    difference = pair.discordance.difference_mm
    return (
        not pair.changes_category,
        not pair.decides,
        pair.discordance.first.answer is pair.discordance.second.answer is Answer.MEASURED,
        0.0 if difference is None else -abs(float(difference)),
    )
