"""How far two readers of a project agree: independent reads only."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from attrs import field, frozen

from opp_mri.agreement.correlation import Icc, compute_icc
from opp_mri.agreement.lengths import (
    BlandAltman,
    Kappa,
    Z,
    compute_bland_altman,
    compute_kappa,
    estimate_proportion,
    estimate_within_subject_sd_mm,
    scale_estimate,
)
from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.estimate import Estimate
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.timeline import Origin
from opp_mri.errors import InputError
from opp_mri.response.classify import classify
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.volume_agreement import (
    OVERALL,
    Cell,
    VolumeAgreement,
    measure_volume_agreement,
)
from opp_mri.workflow.measuring.contours import get_independent_contours
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.protocol import load_current_protocol
from opp_mri.workflow.measuring.readings import get_independent_readings, select_latest_by_cell
from opp_mri.workflow.measuring.timeline import build_reader_timeline
from opp_mri.workflow.project import Project

BEYOND_MM: Final = 2.0
LOOK_MS: Final = 1000  # a proposal accepted sooner was accepted without a look


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
class AnswerTable:
    """How often two readers gave which answers to the same cell.

    Parameters
    ----------
    answers
        The answers that were given, in the order of rows and columns.
    counts
        Cells by the answer of the first reader (rows) and of the second (columns).
    """

    answers: tuple[Answer, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Number of cells."""
        return sum(map(sum, self.counts))


@frozen(kw_only=True)
class ProposalUse:
    """How one reader used proposals, over the compared cells.

    Parameters
    ----------
    cells
        Cells for which a proposal was shown before the answer.
    accepted, edited
        Proposals that were taken over as they were, and after a change.
    anchored
        Accepted proposals that had been shown for less than a second: accepted without a look.
    """

    reader: str
    cells: int
    accepted: int
    edited: int
    anchored: int


@frozen(kw_only=True)
class Agreement:
    """Two readers of a project, held against each other.

    Parameters
    ----------
    lengths
        Per sequence, and overall, of the cells that both readers measured.
    answers
        Measured, gone or not measurable, of all cells that both readers answered.
    categories, opp_against_pd
        Agreement of the lesions' categories, and of OPP against PD where both readers said one.
    proposals
        How each reader used proposals; empty where none was shown.
    volumes
        Agreement of contours, per sequence and overall; empty where not both drew any.
    """

    readers: tuple[str, str]
    lengths: tuple[LengthAgreement, ...]
    answers: AnswerTable
    categories: Kappa
    opp_against_pd: Kappa
    proposals: tuple[ProposalUse, ...] = ()
    volumes: tuple[VolumeAgreement, ...] = ()


def choose_two_readers(store: Store, reader_names: Sequence[str]) -> tuple[str, str]:
    """Return the two readers to compare: those that are named, or the only two that there are.

    Raises
    ------
    InputError
        There are not two, or not these.
    """
    contour_readings = [
        reading
        for lesion in store.get_lesions()
        for reading in get_independent_contours(store, lesion.lesion_id)
    ]
    present_readers = sorted(
        {reading.reader for reading in get_independent_readings(store)}
        | {reading.reader for reading in contour_readings}
    )
    protocol = load_current_protocol(store)
    if protocol and not reader_names:
        reader_names = protocol.readers
    if unknown := [reader for reader in reader_names if reader not in present_readers]:
        raise InputError(
            f"Reader {unknown[0]} has no answers that count yet (they count once they are signed, "
            "or handed over in a table, and a package's once it is taken back with `opp-mri "
            f"reader-merge`). Readers with answers: {', '.join(present_readers) or 'none'}."
        )
    readers = list(reader_names) or present_readers
    if len(readers) != 2 or readers[0] == readers[1]:
        raise InputError(
            f"Agreement needs two readers, and {len(readers)} "
            f"{'has' if len(readers) == 1 else 'have'} answers that count: name two with --readers."
        )
    return readers[0], readers[1]


def measure_agreement(project: Project, reader_names: Sequence[str], rules: Rules) -> Agreement:
    """Hold two readers of a project against each other.

    Raises
    ------
    InputError
        There are not two readers.
    """
    store = project.store
    readers = choose_two_readers(store, reader_names)
    pairs_by_cell = pair_readings(store, readers)
    groups: dict[str, list[tuple[str, Reading, Reading]]] = defaultdict(list)
    for (lesion_id, _, sequence), (first, second) in pairs_by_cell.items():
        for name in (sequence.value, OVERALL):
            groups[name].append((lesion_id, first, second))
    names = [role.value for role in SeriesRole if role.value in groups]
    categories = classify_by_reader(store, readers, rules)
    pairs = [(a.value, b.value) for a, b in categories.values() if a is not None and b is not None]
    known_categories = [
        category.value
        for category in ResponseCategory
        if any(category.value in pair for pair in pairs)
    ]
    narrow = [ResponseCategory.OPP.value, ResponseCategory.PD.value]
    return Agreement(
        readers=readers,
        lengths=tuple(_compare_lengths(name, groups[name]) for name in (*names, OVERALL)),
        answers=_build_answer_table(list(pairs_by_cell.values())),
        categories=compute_kappa(pairs, known_categories),
        opp_against_pd=compute_kappa([pair for pair in pairs if set(pair) <= set(narrow)], narrow),
        proposals=_count_proposals(readers, list(pairs_by_cell.values())),
        volumes=measure_volume_agreement(store, readers, store.get_lesions()),
    )


def _count_proposals(
    readers: tuple[str, str], cells: Sequence[tuple[Reading, Reading]]
) -> tuple[ProposalUse, ...]:
    uses = []
    for place, reader in enumerate(readers):
        with_proposal = [pair[place] for pair in cells if pair[place].proposed is not None]
        as_shown = [reading for reading in with_proposal if reading.origin is Origin.ACCEPTED]
        times_ms = [reading.proposed.shown_ms for reading in as_shown if reading.proposed]
        uses.append(
            ProposalUse(
                reader=reader,
                cells=len(with_proposal),
                accepted=len(as_shown),
                edited=sum(reading.origin is Origin.EDITED for reading in with_proposal),
                anchored=sum(time_ms < LOOK_MS for time_ms in times_ms),
            )
        )
    return tuple(uses) if any(use.cells for use in uses) else ()


def pair_readings(
    store: Store, readers: tuple[str, str], lesion_ids: Collection[str] = ()
) -> dict[Cell, tuple[Reading, Reading]]:
    """Return the cells of some lesions, or of all, that both readers have answered."""
    pairs: dict[Cell, tuple[Reading, Reading]] = {}
    for lesion in select_lesions(store, lesion_ids):
        readings = get_independent_readings(store, lesion.lesion_id)
        first, second = (
            select_latest_by_cell([reading for reading in readings if reading.reader == reader])
            for reader in readers
        )
        for day, sequence in sorted(first.keys() & second.keys()):
            cell = (day, sequence)
            pairs[lesion.lesion_id, day, sequence] = (first[cell], second[cell])
    return pairs


def classify_by_reader(
    store: Store, readers: tuple[str, str], rules: Rules,
    lesion_ids: Collection[str] = (),
) -> Mapping[str, tuple[ResponseCategory | None, ResponseCategory | None]]:  # fmt: skip
    """Return the category of each lesion by each reader; None where one has no length of it.

    Parameters
    ----------
    readers
        Names of the two, in the order of the answers.
    rules
        How lesions are classified.
    lesion_ids
        The lesions; all where empty.

    Returns
    -------
    mapping
        Lesion id to the category by the first and by the second reader.
    """
    categories = {}
    for lesion in select_lesions(store, lesion_ids):
        readings = get_independent_readings(store, lesion.lesion_id)
        first, second = (
            classify_readings(store, lesion,
                        [reading for reading in readings if reading.reader == reader],
                        rules)
            for reader in readers
        )  # fmt: skip
        categories[lesion.lesion_id] = (first, second)
    return categories


def classify_readings(
    store: Store, lesion: Lesion, readings: Sequence[Reading], rules: Rules
) -> ResponseCategory | None:
    """Return the category of a lesion by these readings of one reader; None without a length.

    Parameters
    ----------
    readings
        Of one reader, on this lesion.
    rules
        How lesions are classified.
    """
    if not readings:
        return None
    timeline = build_reader_timeline(store, lesion, readings[0].reader, readings).timeline
    if not timeline.observations:
        return None
    return classify(timeline, rules).category


def _build_answer_table(cells: Sequence[tuple[Reading, Reading]]) -> AnswerTable:
    counts = Counter((first.answer, second.answer) for first, second in cells)
    present = {answer for pair in counts for answer in pair}
    answers = tuple(answer for answer in Answer if answer in present)
    return AnswerTable(
        answers=answers,
        counts=tuple(tuple(counts[row, column] for column in answers) for row in answers),
    )


def _compare_lengths(name: str, cells: Sequence[tuple[str, Reading, Reading]]) -> LengthAgreement:
    pairs = [
        (lesion_id, float(a.length_mm), float(b.length_mm))
        for lesion_id, a, b in cells
        if a.answer is Answer.MEASURED and b.answer is Answer.MEASURED
        if a.length_mm is not None and b.length_mm is not None
    ]
    by_lesion: dict[str, list[float]] = defaultdict(list)
    for lesion_id, a, b in pairs:
        by_lesion[lesion_id].append(round(a - b, 9))
    differences = [value for values in by_lesion.values() for value in values]
    caliper_pairs = [(a.caliper, b.caliper) for _, a, b in cells if a.caliper and b.caliper]
    same_count = sum(
        (a.sop_instance_uid, a.frame_number) == (b.sop_instance_uid, b.frame_number)
        for a, b in caliper_pairs
    )
    sd = estimate_within_subject_sd_mm(by_lesion)
    return LengthAgreement(
        name=name,
        pairs=tuple(pairs),
        icc=compute_icc(
            np.array([pair[1:] for pair in pairs]).reshape(-1, 2), [pair[0] for pair in pairs]
        ),
        bland_altman=compute_bland_altman(by_lesion),
        within_subject_sd_mm=sd,
        reproducibility_mm=scale_estimate(sd, Z * 2**0.5),
        beyond=estimate_proportion(
            sum(abs(difference) > BEYOND_MM for difference in differences), len(differences)
        ),
        same_slice=estimate_proportion(same_count, len(caliper_pairs)),
        drawn=len(caliper_pairs),
    )
