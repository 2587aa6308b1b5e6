"""How far two readers of a project agree, and where they do not: independent reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from attrs import field, frozen

from opp_mri.domain.assessment import Criteria, Mode, ResponseCategory
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.study import CONSENSUS
from opp_mri.errors import InputError
from opp_mri.reading.agreement import (
    BlandAltman,
    Estimate,
    Icc,
    Kappa,
    Z,
    bland_altman,
    icc,
    kappa,
    proportion,
    scaled,
    within_subject_sd_mm,
)
from opp_mri.reading.discordance import Discordance, Drawn, Limits, discordance
from opp_mri.response.classify import classify
from opp_mri.store.protocol import Store
from opp_mri.units import number
from opp_mri.workflow.patients import patient_map
from opp_mri.workflow.project import Project
from opp_mri.workflow.protocol import current_protocol
from opp_mri.workflow.readings import counted_readings, latest_by_cell
from opp_mri.workflow.timeline import lesion_timeline

BEYOND_MM = 2.0
OVERALL = "overall"
Record = dict[str, Any]
Cell = tuple[str, date, SeriesRole]  # lesion, time point, sequence


@frozen(kw_only=True)
class LengthAgreement:
    """Agreement of lengths on one sequence, or overall.

    Parameters
    ----------
    pairs
        First and second length in mm, with the lesion.
    within_subject_sd_mm, reproducibility_mm
        SD of one measurement over both readers, and 2.77 times it: two lengths by two readers
        differ by less than this in 95 of 100.
    beyond
        Share of pairs that differ by more than 2 mm.
    same_slice
        Share of pairs drawn on one image, of those that are both drawn.
    """

    name: str
    pairs: tuple[tuple[str, float, float], ...] = field(repr=False)
    icc: Icc
    bland_altman: BlandAltman
    within_subject_sd_mm: Estimate
    reproducibility_mm: Estimate
    beyond: Estimate
    same_slice: Estimate
    drawn: int


@frozen(kw_only=True)
class Agreement:
    """Two readers of a project, held against each other.

    Parameters
    ----------
    lengths
        Per sequence, and overall.
    categories, opp_against_pd
        Agreement of the lesions' categories, and of OPP against PD where both readers said one.
    """

    readers: tuple[str, str]
    lengths: tuple[LengthAgreement, ...]
    categories: Kappa
    opp_against_pd: Kappa


@frozen(kw_only=True)
class DiscordantPair:
    """A discordance with what it does to the lesion's category.

    Parameters
    ----------
    categories
        What each reader's own lengths give for the lesion.
    """

    patient_id: str
    lesion: Lesion
    found: Discordance
    categories: tuple[ResponseCategory | None, ResponseCategory | None]

    @property
    def changes_category(self) -> bool:
        """Whether the two readers come to another category."""
        return self.categories[0] is not self.categories[1]


def two_readers(store: Store, named: Sequence[str]) -> tuple[str, str]:
    """Give the two readers to compare: those that are named, or the only two that there are.

    Raises
    ------
    InputError
        There are not two, or not these.
    """
    there = sorted({one.reader for one in counted_readings(store)} - {CONSENSUS})
    protocol = current_protocol(store)
    if protocol and not named:
        named = protocol.readers
    if unknown := [one for one in named if one not in there]:
        raise InputError(
            f"Reader {unknown[0]} has no answers that count; {', '.join(there) or 'nobody'} has."
        )
    chosen = list(named) or there
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        raise InputError(
            f"Agreement needs two readers, and {len(chosen)} "
            f"{'has' if len(chosen) == 1 else 'have'} answers that count: name two with --readers."
        )
    return chosen[0], chosen[1]


def agreement(
    project: Project, named: Sequence[str], *, criteria: Criteria, mode: Mode
) -> Agreement:
    """Hold two readers of a project against each other.

    Raises
    ------
    InputError
        There are not two readers.
    """
    store = project.store
    readers = two_readers(store, named)
    both = both_read(store, readers)
    groups: dict[str, list[tuple[str, Reading, Reading]]] = defaultdict(list)
    for (lesion_id, _, sequence), (first, second) in both.items():
        for name in (sequence.value, OVERALL):
            groups[name].append((lesion_id, first, second))
    names = [role.value for role in SeriesRole if role.value in groups]
    said = _categories(store, readers, criteria, mode)
    pairs = [(a.value, b.value) for a, b in said.values() if a is not None and b is not None]
    known = [one.value for one in ResponseCategory if any(one.value in pair for pair in pairs)]
    narrow = [ResponseCategory.OPP.value, ResponseCategory.PD.value]
    return Agreement(
        readers=readers,
        lengths=tuple(_lengths(name, groups[name]) for name in (*names, OVERALL)),
        categories=kappa(pairs, known),
        opp_against_pd=kappa([pair for pair in pairs if set(pair) <= set(narrow)], narrow),
    )


def discordances(
    project: Project, named: Sequence[str], *, criteria: Criteria, mode: Mode, limits: Limits
) -> list[DiscordantPair]:
    """Give what two readers differ in: first what changes a category, then by mm.

    Raises
    ------
    InputError
        There are not two readers.
    """
    store = project.store
    readers = two_readers(store, named)
    said = _categories(store, readers, criteria, mode)
    lesions = {lesion.lesion_id: lesion for lesion in store.lesions()}
    groups = patient_map(store)
    volumes: dict[str, Sequence[VolumeDescription]] = {}
    found = []
    for (lesion_id, _, _), (first, second) in both_read(store, readers).items():
        lesion = lesions[lesion_id]
        if lesion.patient_id not in volumes:
            volumes[lesion.patient_id] = store.volumes(groups.group(lesion.patient_id))
        of_patient = volumes[lesion.patient_id]
        one = discordance(_drawn(first, of_patient), _drawn(second, of_patient), limits)
        if one is not None:
            found.append(
                DiscordantPair(
                    patient_id=lesion.patient_id, lesion=lesion, found=one,
                    categories=said[lesion_id],
                )
            )  # fmt: skip
    return sorted(found, key=_weight)


def agreement_record(agreed: Agreement) -> Record:
    """Give what `opp-mri agreement --json` shows."""
    return {
        "readers": list(agreed.readers),
        "lengths": {
            one.name: {
                "lesions": one.bland_altman.lesions,
                "pairs": one.bland_altman.pairs,
                "icc_2_1": estimate_record(one.icc.single),
                "icc_a_k": estimate_record(one.icc.average),
                "bias_mm": estimate_record(one.bland_altman.bias_mm),
                "lower_limit_mm": estimate_record(one.bland_altman.lower_mm),
                "upper_limit_mm": estimate_record(one.bland_altman.upper_mm),
                "within_subject_sd_mm": estimate_record(one.within_subject_sd_mm),
                "reproducibility_coefficient_mm": estimate_record(one.reproducibility_mm),
                "share_beyond_2_mm": estimate_record(one.beyond),
                "share_on_same_slice": estimate_record(one.same_slice),
                "drawn_pairs": one.drawn,
            }
            for one in agreed.lengths
        },
        "categories": _kappa_record(agreed.categories),
        "opp_against_pd": _kappa_record(agreed.opp_against_pd),
    }


def discordance_record(pair: DiscordantPair) -> Record:
    """Give what `opp-mri discordance --json` shows of one pair."""
    found = pair.found
    return {
        "lesion_id": pair.lesion.lesion_id,
        "study_date": found.first.study_date.isoformat(),
        "sequence": found.first.sequence.value,
        "cause": found.cause.value,
        "lengths_mm": [number(found.first.length_mm), number(found.second.length_mm)],
        "answers": [found.first.answer.value, found.second.answer.value],
        "difference_mm": number(found.difference_mm),
        "slices_apart_mm": _rounded(found.slices_apart_mm),
        "angle_deg": _rounded(found.angle_deg),
        "anterior_mm": _rounded(found.anterior_mm),
        "posterior_mm": _rounded(found.posterior_mm),
        "categories": [one.value if one else None for one in pair.categories],
        "changes_category": pair.changes_category,
        "reading_ids": [found.first.reading_id, found.second.reading_id],
    }


def both_read(store: Store, readers: tuple[str, str]) -> dict[Cell, tuple[Reading, Reading]]:
    """Give the cells that both readers have answered."""
    found: dict[Cell, tuple[Reading, Reading]] = {}
    for lesion in store.lesions():
        counted = counted_readings(store, lesion.lesion_id)
        first, second = (
            latest_by_cell([one for one in counted if one.reader == reader]) for reader in readers
        )
        for day, sequence in sorted(first.keys() & second.keys()):
            cell = (day, sequence)
            found[lesion.lesion_id, day, sequence] = (first[cell], second[cell])
    return found


def _categories(
    store: Store, readers: tuple[str, str], criteria: Criteria, mode: Mode
) -> Mapping[str, tuple[ResponseCategory | None, ResponseCategory | None]]:
    """Give the category of each lesion by each reader; None where one has no length of it."""
    found = {}
    for lesion in store.lesions():
        have = {one.reader for one in counted_readings(store, lesion.lesion_id)}
        first, second = (
            _category(store, lesion, reader, criteria, mode) if reader in have else None
            for reader in readers
        )
        found[lesion.lesion_id] = (first, second)
    return found


def _category(
    store: Store, lesion: Lesion, reader: str, criteria: Criteria, mode: Mode
) -> ResponseCategory | None:
    timeline = lesion_timeline(store, lesion, reader=reader).timeline
    if not timeline.observations:
        return None
    return classify(timeline, criteria, mode).category


def _lengths(name: str, cells: Sequence[tuple[str, Reading, Reading]]) -> LengthAgreement:
    pairs = [
        (lesion_id, float(a.length_mm), float(b.length_mm))
        for lesion_id, a, b in cells
        if a.length_mm is not None and b.length_mm is not None
    ]
    by_lesion: dict[str, list[float]] = defaultdict(list)
    for lesion_id, a, b in pairs:
        by_lesion[lesion_id].append(round(a - b, 9))
    differences = [one for each in by_lesion.values() for one in each]
    drawn = [(a.caliper, b.caliper) for _, a, b in cells if a.caliper and b.caliper]
    same = sum(
        (a.sop_instance_uid, a.frame_number) == (b.sop_instance_uid, b.frame_number)
        for a, b in drawn
    )
    sd = within_subject_sd_mm(differences)
    return LengthAgreement(
        name=name,
        pairs=tuple(pairs),
        icc=icc(np.array([pair[1:] for pair in pairs]).reshape(-1, 2)),
        bland_altman=bland_altman(by_lesion),
        within_subject_sd_mm=sd,
        reproducibility_mm=scaled(sd, Z * 2**0.5),
        beyond=proportion(sum(abs(one) > BEYOND_MM for one in differences), len(differences)),
        same_slice=proportion(same, len(drawn)),
        drawn=len(drawn),
    )


def _drawn(reading: Reading, volumes: Sequence[VolumeDescription]) -> Drawn:
    if reading.caliper is not None:
        place = (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
        for volume in volumes:
            plane = volume.plane_of(*place)
            if plane is not None:
                thickness_mm = volume.slice_spacing_mm or volume.instance.slice_thickness_mm or 0.0
                return Drawn(
                    reading=reading, volume_id=volume.volume_id, plane=plane,
                    slice_thickness_mm=thickness_mm,
                )  # fmt: skip
    return Drawn(reading=reading)


def _weight(pair: DiscordantPair) -> tuple[bool, bool, float]:
    difference = pair.found.difference_mm
    return (
        not pair.changes_category,
        pair.found.first.answer is pair.found.second.answer is Answer.MEASURED,
        0.0 if difference is None else -abs(float(difference)),
    )


def _kappa_record(found: Kappa) -> Record:
    return {
        "n": found.n,
        "kappa": estimate_record(found.kappa),
        "agreed": estimate_record(found.agreed),
        "categories": list(found.categories),
        "table": [list(row) for row in found.table],
    }


def estimate_record(estimate: Estimate) -> Record:
    """Give a value with its interval, rounded for reading."""
    return {
        "value": _rounded(estimate.value),
        "low": _rounded(estimate.low),
        "high": _rounded(estimate.high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
