"""Two signed reads on their way to one: what is open, what was resolved, who signed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

import attrs
from attrs import field, frozen

from opp_mri.agreement.consensus import EndsApart, ends_apart, is_on_one_image, letter_readings
from opp_mri.agreement.discordance import Discordance
from opp_mri.domain.assessment import Rules
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion, Reading
from opp_mri.domain.reader_study import ReadingProtocol, Resolution
from opp_mri.errors import UnknownError
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.agreement import pair_readings
from opp_mri.workflow.double_read.discordances import (
    DiscordantPair,
    choose_limits,
    find_discordances,
)
from opp_mri.workflow.double_read.volume_consensus import ContourPair, prepare_contour_pairs
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.protocol import require_protocol
from opp_mri.workflow.measuring.readings import get_independent_readings, select_latest_by_cell
from opp_mri.workflow.project import Project

CellKey = tuple[date, SeriesRole]


@frozen(kw_only=True)
class Pair:
    """The two answers to a cell, as A and B, and what happened to them.

    Parameters
    ----------
    a, b
        The answers; which reader is A changes from cell to cell.
    discordance
        Where and why they differ, or None where they agree within the limits.
    changes_category
        Whether the two readers come to another category for the lesion.
    ends
        How far apart the ends lie, where both are lines in one frame of reference.
    resolution, result
        What was made of them, or None while it is open.
    """

    lesion: Lesion
    a: Reading
    b: Reading
    discordance: Discordance | None
    changes_category: bool
    ends: EndsApart | None
    resolution: Resolution | None = None
    result: Reading | None = None

    @property
    def cell(self) -> CellKey:
        """Time point and sequence."""
        return self.a.cell

    @property
    def is_discordant(self) -> bool:
        """Whether both differ by more than the limits."""
        return self.discordance is not None

    @property
    def is_open(self) -> bool:
        """Whether it waits to be resolved."""
        return self.is_discordant and self.resolution is None

    @property
    def may_average(self) -> bool:
        """Whether the mean of the ends can be taken."""
        return is_on_one_image(self.a, self.b)


@frozen(kw_only=True)
class LesionConsensus:
    """A lesion on its way to consensus.

    Parameters
    ----------
    pairs
        Every cell that both have read; discordant ones first, as they weigh.
    volumes
        Every cell that both have drawn contours of; discordant ones first.
    one_reader_only
        Cells that only one of the two has read, or drawn contours of.
    signed_by
        Those who signed all that holds now.
    missing_signatures
        Those who still have to.
    """

    lesion: Lesion
    pairs: tuple[Pair, ...] = field(repr=False)
    one_reader_only: tuple[CellKey, ...]
    signed_by: tuple[str, ...]
    missing_signatures: tuple[str, ...]
    volumes: tuple[ContourPair, ...] = field(default=(), repr=False)

    @property
    def open_pairs(self) -> tuple[Pair, ...]:
        """Return what waits to be resolved."""
        return tuple(pair for pair in self.pairs if pair.is_open)

    @property
    def open_volumes(self) -> tuple[ContourPair, ...]:
        """Return the contours that wait to be resolved."""
        return tuple(pair for pair in self.volumes if pair.is_open)

    @property
    def has_open(self) -> bool:
        """Whether an answer or contours wait to be resolved."""
        return bool(self.open_pairs or self.open_volumes)

    @property
    def is_complete(self) -> bool:
        """Whether everything is resolved and signed by all who have to."""
        has_pairs = bool(self.pairs or self.volumes)
        return has_pairs and not self.has_open and not self.missing_signatures


def prepare_consensus(
    project: Project, rules: Rules, *, lesion_ids: Collection[str] = ()
) -> list[LesionConsensus]:
    """Return each lesion that both readers have signed something of.

    Parameters
    ----------
    lesion_ids
        The lesions to look at; none for all.

    Raises
    ------
    ProjectError
        The project has no protocol.
    InputError
        The two readers of the protocol have not both signed.
    """
    store = project.store
    protocol = require_protocol(store)
    weighed_pairs = find_discordances(project, protocol.readers, rules,
                          limits=choose_limits(store), lesion_ids=lesion_ids)  # fmt: skip
    ranked_pairs_by_cell: dict[tuple[str, CellKey], tuple[int, DiscordantPair]] = {
        (pair.lesion.lesion_id, pair.discordance.first.cell): (rank, pair)
        for rank, pair in enumerate(weighed_pairs)
    }
    cells: dict[str, list[tuple[Reading, Reading]]] = defaultdict(list)
    for (lesion_id, _, _), pair in pair_readings(store, protocol.readers, lesion_ids).items():
        cells[lesion_id].append(pair)
    lesions = []
    for lesion in select_lesions(store, lesion_ids):
        pairs = [
            (
                *ranked_pairs_by_cell.get(
                    (lesion.lesion_id, first.cell), (len(ranked_pairs_by_cell), None)
                ),
                first,
                second,
            )
            for first, second in cells.get(lesion.lesion_id, ())
        ]
        volumes, drawn_once = prepare_contour_pairs(store, protocol, lesion)
        if pairs or volumes:
            consensus = _build_lesion_consensus(store, protocol, lesion, pairs, volumes)
            cells_of_one = {*consensus.one_reader_only, *drawn_once}
            lesions.append(attrs.evolve(consensus, one_reader_only=tuple(sorted(cells_of_one))))
    return sorted(
        lesions,
        key=lambda lesion: not any(pair.changes_category for pair in lesion.open_pairs),
    )


def _build_lesion_consensus(
    store: Store, protocol: ReadingProtocol, lesion: Lesion,
    pairs: Sequence[tuple[int, DiscordantPair | None, Reading, Reading]],
    volumes: tuple[ContourPair, ...],
) -> LesionConsensus:  # fmt: skip
    readings = {reading.reading_id: reading for reading in store.get_readings(lesion.lesion_id)}
    resolutions = _find_valid_resolutions(store, lesion, readings.keys())
    ranked_pairs = [
        (rank, _pair(store, lesion, discordant_pair, (first, second), resolutions, readings))
        for rank, discordant_pair, first, second in pairs
    ]
    ranked_pairs.sort(key=lambda ranked_pair: (ranked_pair[0], ranked_pair[1].cell))
    resolved_ids = [pair.result.reading_id for _, pair in ranked_pairs if pair.result]
    resolved_ids += [pair.result.reading_id for pair in volumes if pair.result]
    signers = _list_signers(store, lesion, resolved_ids)
    missing_resolvers = protocol.resolvers if not resolved_ids else tuple(
        resolver for resolver in protocol.resolvers if resolver not in signers
    )  # fmt: skip
    counted_readings = get_independent_readings(store, lesion.lesion_id)
    by = [
        select_latest_by_cell([o for o in counted_readings if o.reader == name])
        for name in protocol.readers
    ]
    return LesionConsensus(
        lesion=lesion,
        pairs=tuple(pair for _, pair in ranked_pairs),
        one_reader_only=tuple(sorted(by[0].keys() ^ by[1].keys())),
        signed_by=tuple(
            resolver for resolver in protocol.resolvers if resolver in signers and resolved_ids
        ),
        missing_signatures=missing_resolvers,
        volumes=volumes,
    )


def _pair(
    store: Store, lesion: Lesion, discordant_pair: DiscordantPair | None,
    readings: tuple[Reading, Reading], resolutions: Mapping[CellKey, Resolution],
    readings_by_id: Mapping[str, Reading],
) -> Pair:  # fmt: skip
    a, b = letter_readings(readings)
    resolution = resolutions.get(a.cell)
    if resolution and set(resolution.of_reading_ids) != {a.reading_id, b.reading_id}:
        resolution = None  # one of the two was amended since
    return Pair(
        lesion=lesion,
        a=a,
        b=b,
        discordance=discordant_pair.discordance if discordant_pair else None,
        changes_category=discordant_pair.changes_category if discordant_pair else False,
        ends=_ends(store, a, b),
        resolution=resolution,
        result=readings_by_id.get(resolution.reading_id) if resolution else None,
    )


def pair_of(lesions: Sequence[LesionConsensus], lesion_id: str, cell: CellKey) -> Pair:
    """Return one pair.

    Raises
    ------
    UnknownError
        Both readers have no answer to this cell.
    """
    for lesion in lesions:
        if lesion.lesion.lesion_id == lesion_id:
            for pair in lesion.pairs:
                if pair.cell == cell:
                    return pair
    raise UnknownError(
        f"Lesion {lesion_id} does not have two signed answers to {cell[1].value} on "
        f"{cell[0]}: `opp-mri consensus list` shows the pairs that are signed."
    )


def find_contour_pair(
    lesions: Sequence[LesionConsensus], lesion_id: str, cell: CellKey
) -> ContourPair:
    """Return one pair of contours.

    Raises
    ------
    UnknownError
        Both readers have no contours of this cell.
    """
    for lesion in lesions:
        for pair in lesion.volumes:
            if (pair.lesion.lesion_id, pair.cell) == (lesion_id, cell):
                return pair
    raise UnknownError(
        f"Lesion {lesion_id} does not have two signed volumes on {cell[1].value} of {cell[0]}: "
        "`opp-mri consensus list` shows the pairs that are signed."
    )


def _find_valid_resolutions(
    store: Store, lesion: Lesion, reading_ids: Collection[str]
) -> Mapping[CellKey, Resolution]:
    return {
        (resolution.study_date, resolution.sequence): resolution
        for resolution in store.log_of(Resolution)
        if resolution.lesion_id == lesion.lesion_id and resolution.reading_id in reading_ids
    }


def list_resolutions(store: Store, pair: Pair | ContourPair) -> tuple[Resolution, ...]:
    """Return all resolutions of a cell, of its length or of its volume, the latest last."""
    lesion_id = pair.lesion.lesion_id
    drawn_ids = {reading.reading_id for reading in store.log_of(VolumeReading, lesion_id)}
    return tuple(
        resolution
        for resolution in store.log_of(Resolution)
        if (resolution.lesion_id, (resolution.study_date, resolution.sequence))
        == (lesion_id, pair.cell)
        and (resolution.reading_id in drawn_ids) is isinstance(pair, ContourPair)
    )


def _list_signers(store: Store, lesion: Lesion, reading_ids: Sequence[str]) -> set[str]:
    ids_by_signer: dict[str, set[str]] = defaultdict(set)
    for signature in store.get_signatures(lesion.lesion_id):
        ids_by_signer[signature.reader] |= set(signature.reading_ids)
    return {name for name, ids in ids_by_signer.items() if set(reading_ids) <= ids}


def _ends(store: Store, a: Reading, b: Reading) -> EndsApart | None:
    if a.caliper is None or b.caliper is None:
        return None
    frames = {a.caliper.frame_of_reference_uid, b.caliper.frame_of_reference_uid}
    plane = _find_plane(store, a)
    if len(frames) > 1 or "" in frames or plane is None:
        return None
    return ends_apart(a.caliper, b.caliper, plane)


def _find_plane(store: Store, reading: Reading) -> ImagePlane | None:
    if reading.caliper is None:
        return None
    place = (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
    for volume in store.get_volumes_with_frame(*place):
        plane = volume.get_plane(*place)
        if plane is not None:
            return plane
    return None
