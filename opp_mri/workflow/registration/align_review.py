"""What a reader needs to decide about fits: which are open, and both images on one grid."""

from collections.abc import Sequence

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.domain.geometry import Volume, VolumeGeometry
from opp_mri.domain.registration import Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import InputError
from opp_mri.registration.resampling import on_grid
from opp_mri.store.protocol import Store
from opp_mri.workflow.registration.align_plan import plan, recorded_fit, with_imports


@frozen(kw_only=True, eq=False)
class ReviewItem:
    """A fit with what was decided about it.

    Parameters
    ----------
    level
        The lesion's vertebra, or "" where the fit is of the common field of view.
    decisions
        The latest last.
    """

    alignment: Alignment
    level: str
    decisions: tuple[AlignmentDecision, ...]


@frozen(kw_only=True, eq=False)
class ReviewQueue:
    """The fits that hold for a project as it is now.

    Parameters
    ----------
    items
        Undecided ones first; of these the good, then the doubtful, then the failed.
    not_lined_up
        Pairs of volumes that have no fit yet, or none since lesion or images changed.
    """

    items: tuple[ReviewItem, ...]
    not_lined_up: int


@frozen(kw_only=True, eq=False)
class FitImages:
    """Both images of a fit on the native grid of the baseline, to be looked at.

    Parameters
    ----------
    grid
        The baseline's.
    baseline
        Its native values, shape `grid.shape_kji`.
    before, after
        The follow-up on that grid, by the coordinates of its header and by the fit; NaN where it
        does not reach. Resampled: no length is taken on it.
    """

    grid: VolumeGeometry
    baseline: NDArray[np.generic] = field(repr=False)
    before: NDArray[np.float32] = field(repr=False)
    after: NDArray[np.float32] = field(repr=False)


def review_queue(
    store: Store, lesion_ids: Sequence[str] = (), fit_ids: Sequence[str] = ()
) -> ReviewQueue:
    """Give the fits that a reader may decide about, all or those of some lesions.

    Parameters
    ----------
    fit_ids
        Further fits to offer, such as those that were made before the lesion was added.

    Raises
    ------
    UnknownError
        There is no such lesion.
    """
    recorded = {alignment.fit_id: alignment for alignment in store.alignments()}
    planned = [
        recorded_fit(recorded, task, pair)
        for task in plan(store, lesion_ids)
        for pair in task.pairs
    ]
    alignments = [alignment for alignment in planned if alignment is not None]
    decisions = store.alignment_decisions()
    levels = {lesion.lesion_id: lesion.level for lesion in store.lesions()}
    offered = with_imports(alignments, tuple(recorded.values()))
    known = {alignment.fit_id for alignment in offered}
    offered += [
        recorded[fit_id] for fit_id in fit_ids if fit_id in recorded and fit_id not in known
    ]
    items = [
        ReviewItem(
            alignment=alignment,
            level=levels.get(alignment.lesion_id or "", ""),
            decisions=tuple(decisions.get(alignment.fit_id, ())),
        )
        for alignment in offered
    ]
    items.sort(key=_place)  # stable: within a verdict the order of the plan stays
    return ReviewQueue(items=tuple(items), not_lined_up=len(planned) - len(alignments))


def decided_by_now(store: Store, item: ReviewItem) -> ReviewItem:
    """Give an item with all that was decided about it, by other readers too."""
    decisions = store.alignment_decisions().get(item.alignment.fit_id, ())
    return evolve(item, decisions=tuple(decisions))


def fit_images(store: Store, alignment: Alignment) -> FitImages:
    """Load both volumes of a fit and lay the follow-up on the baseline's grid.

    Raises
    ------
    InputError
        A file is gone or changed, or a volume is no longer in the project.
    GeometryError
        The slices of a volume make no volume any more.
    """
    baseline = loaded_volume(store, alignment.baseline_volume_id)
    followup = loaded_volume(store, alignment.followup_volume_id)
    as_headers_say = RigidTransform.identity(followup.geometry.frame_of_reference_uid)
    followup_from_baseline = alignment.fit.baseline_from_followup.inverse()
    return FitImages(
        grid=baseline.geometry,
        baseline=baseline.voxels,
        before=on_grid(followup, baseline.geometry, as_headers_say),
        after=on_grid(followup, baseline.geometry, followup_from_baseline),
    )


def loaded_volume(store: Store, volume_id: str) -> Volume:
    """Load a volume of the project.

    Raises
    ------
    InputError
        It is no longer there, or its files are not as they were.
    """
    description = store.volume(volume_id)
    if description is None:
        raise InputError("The images are no longer in the project: index their folder again.")
    sources = store.sources_of([frame.sop_instance_uid for frame in description.frames])
    return load_volume(description, sources)


def _place(item: ReviewItem) -> tuple[bool, int]:
    return bool(item.decisions), list(Verdict).index(item.alignment.fit.verdict)
