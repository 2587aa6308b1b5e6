"""Where a lesion is: its seed at baseline, and in later studies through confirmed fits only."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

import numpy as np

from opp_mri.domain.alignment import select_confirmed_fits
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Lesion, Reading, SeedPoint
from opp_mri.domain.transform import RigidTransform
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.readings import get_counted_readings, select_latest_of_readers


class Phase(StrEnum):
    """The phase of a time point relative to the treatment."""

    BEFORE = "before"
    DURING = "during"  # between first and last fraction: neither baseline nor follow-up
    AFTER = "after"


def determine_phase(lesion: Lesion, day: date) -> Phase:
    """Return the phase of a date relative to the treatment.

    A study on the day of the first fraction counts as before it: planning comes first.
    """
    if day <= lesion.ssrs_first_date:
        return Phase.BEFORE
    return Phase.DURING if day <= lesion.ssrs_last_date else Phase.AFTER


def find_lesion_seed_lps_mm(
    store: Store, lesion: Lesion, readings: Sequence[Reading] | None = None
) -> tuple[str, Vector3] | None:
    """Return the lesion's seed with its frame of reference: as set, or mid its baseline caliper.

    Parameters
    ----------
    readings
        The lesion's readings that count, where they are at hand.
    """
    if lesion.seed is not None:
        return _get_placed_seed(store, lesion.seed)
    if readings is None:
        readings = get_counted_readings(store, lesion.lesion_id)
    calipers = [
        reading.caliper
        for reading in sorted(
            select_latest_of_readers(readings), key=lambda reading: reading.study_date
        )
        if reading.caliper and determine_phase(lesion, reading.study_date) is Phase.BEFORE
    ]
    if not calipers:
        return None
    return calipers[-1].frame_of_reference_uid, calipers[-1].middle_lps_mm


def list_confirmed_transforms(store: Store, lesion: Lesion) -> list[RigidTransform]:
    """Return the transforms `baseline_from_followup` that a reader has confirmed for a lesion.

    Ghosts and carried points exist only through these.
    """
    alignments = store.get_alignments(lesion.lesion_id)
    if not alignments:
        return []
    confirmed_fits = select_confirmed_fits(alignments, store.get_alignment_decisions())
    return [alignment.fit.baseline_from_followup for alignment in confirmed_fits]


def carry_seed_to_frames(
    store: Store, lesion: Lesion, readings: Sequence[Reading] | None = None
) -> Mapping[str, Vector3]:
    """Return the lesion's seed in every frame of reference in which it is known, LPS mm.

    That of its own image, and those of follow-ups whose fit a reader has confirmed.
    `find_lesion_seed_lps_mm` says what `readings` are.
    """
    seed = find_lesion_seed_lps_mm(store, lesion, readings)
    if seed is None:
        return {}
    frame_of_reference_uid, point = seed
    seeds = {frame_of_reference_uid: point}
    for baseline_from_followup in list_confirmed_transforms(store, lesion):
        if baseline_from_followup.to_frame_of_reference_uid == frame_of_reference_uid:
            x, y, z = baseline_from_followup.invert().apply(np.asarray(point)).tolist()
            seeds[baseline_from_followup.from_frame_of_reference_uid] = (x, y, z)
    return seeds


def covers(volume: VolumeDescription, seeds: Mapping[str, Vector3]) -> bool | None:
    """Return whether a volume covers a lesion's seed, or None where that cannot be determined.

    Header coordinates mean the same place only within one frame of reference, so a study of
    another day is judged only through a confirmed fit.
    """
    if not volume.planes:
        return None
    frame_of_reference_uid = volume.planes[0].frame_of_reference_uid
    point = seeds.get(frame_of_reference_uid)
    if not frame_of_reference_uid or point is None:
        return None
    nearest = min(volume.planes, key=lambda plane: abs(plane.measure_distance_mm(point)))
    reach_mm = (volume.slice_spacing_mm or volume.instance.slice_thickness_mm or 0.0) / 2
    within = abs(nearest.measure_distance_mm(point)) <= reach_mm + 1e-6
    return within and nearest.contains(*nearest.pixel_from_lps(point))


def _get_placed_seed(store: Store, seed: SeedPoint) -> tuple[str, Vector3] | None:
    for volume in store.get_volumes_with_frame(seed.sop_instance_uid, seed.frame_number):
        plane = volume.get_plane(seed.sop_instance_uid, seed.frame_number)
        if plane is not None:
            return plane.frame_of_reference_uid, plane.lps_from_pixel(seed.column, seed.row)
    return None
