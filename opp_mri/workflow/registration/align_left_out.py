"""Describe what of a baseline gets no fit for a lesion, and why: nothing is left out in silence."""

from collections.abc import Iterator, Mapping, Sequence

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Lesion
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import list_time_points
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.seeds import Phase, covers, determine_phase, find_lesion_seed_lps_mm
from opp_mri.workflow.registration.align_plan import VisitTask


def list_left_out(store: Store, lesion_ids: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the baseline series on which a lesion cannot be found by its seed.

    Parameters
    ----------
    lesion_ids
        Only these lesions; all where it is empty.

    Returns
    -------
    tuple of str
        A sentence for each, without names of patients.
    """
    lesions = select_lesions(store, lesion_ids)
    return tuple(sentence for lesion in lesions for sentence in _explain_lesion(store, lesion))


def describe_not_comparable(tasks: Sequence[VisitTask]) -> tuple[str, ...]:
    """Name the sequences of a baseline that no sequence of a follow-up is like, a sentence each.

    Parameters
    ----------
    tasks
        The visits that are lined up, by their other sequences where there are any.
    """
    return tuple(
        (f"{pair.lesion_id}: " if pair.lesion_id else "")
        + f"{pair.sequence} of {pair.baseline_study_date} and {pair.followup_study_date}: not "
        f"comparable, left out. {pair.reason}"
        + (" The fit of the other sequences carries it." if task.pairs else "")
        for task in tasks
        for pair in task.not_comparable
    )


def _explain_lesion(store: Store, lesion: Lesion) -> Iterator[str]:
    seed = find_lesion_seed_lps_mm(store, lesion)
    if seed is None:
        return  # whole images are lined up, whatever their frame
    seeds = dict([seed])
    before = [
        point
        for point in list_time_points(store, lesion.patient_id)
        if point.study_date and determine_phase(lesion, point.study_date) is Phase.BEFORE
    ]
    points_with_role = [
        point
        for point in before
        if any(covers(volume, seeds) for volume in point.volumes if volume.selected)
    ]
    if before and not points_with_role:
        yield (
            f"{lesion.lesion_id}: no series before radiosurgery shows the place of the lesion's "
            "seed in its own frame of reference, so nothing is lined up for it. Set the seed on an "
            "image from before radiosurgery."
        )
        return
    for point in points_with_role[-1:]:
        for role in SeriesRole:
            volumes = point.get_chosen(role)
            if volumes and not any(covers(volume, seeds) for volume in volumes):
                yield _explain(lesion, volumes, seeds)


def _explain(
    lesion: Lesion, volumes: Sequence[VolumeDescription], seeds: Mapping[str, Vector3]
) -> str:
    subject = f"{lesion.lesion_id}: the {volumes[0].role} of {volumes[0].study_date}"
    if any(covers(volume, seeds) is False for volume in volumes):
        return f"{subject} does not reach the lesion, so it is not lined up for it."
    frame = volumes[0].planes[0].frame_of_reference_uid if volumes[0].planes else ""
    where = (
        "lies in another frame of reference than the lesion's seed"
        if frame
        else "names no frame of reference"
    )
    return (
        f"{subject} {where}, so it is not known where the lesion is on it and it is not lined up. "
        "In the reading room, K links panes by one common point."
    )
