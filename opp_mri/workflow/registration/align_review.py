"""What a reader needs to decide about fits: which are open, and both images on one grid."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.domain.geometry import Vector3, Volume, VolumeGeometry
from opp_mri.domain.measurement import Lesion, LevelConfirmation
from opp_mri.domain.registration import Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import InputError
from opp_mri.registration.resampling import resample_on_grid
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.marks import select_in_force
from opp_mri.workflow.measuring.seeds import find_lesion_seed_lps_mm
from opp_mri.workflow.registration.align_plan import find_recorded_fit, plan, with_imports


@frozen(kw_only=True, eq=False)
class ReviewItem:
    """A fit with what was decided about it.

    Parameters
    ----------
    level
        The lesion's vertebra; "" for a fit of the common field of view where no lesion, or more
        than one, may be meant.
    decisions
        The latest last.
    landmark_lps_mm
        A point in the lesion's vertebra, in baseline coordinates; None where nobody has marked one.
    """

    alignment: Alignment
    level: str
    decisions: tuple[AlignmentDecision, ...]
    landmark_lps_mm: Vector3 | None = None

    @property
    def centre_lps_mm(self) -> Vector3:
        """Where the eye is led: the landmark, or else the middle of what was lined up."""
        return self.landmark_lps_mm or self.alignment.fit.centre_lps_mm


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


def build_review_queue(
    store: Store, lesion_ids: Sequence[str] = (), fit_ids: Sequence[str] = ()
) -> ReviewQueue:
    """Return the fits that a reader may decide about, all or those of some lesions.

    Parameters
    ----------
    fit_ids
        Further fits to offer, such as those that were made before the lesion was added.

    Raises
    ------
    UnknownError
        There is no such lesion.
    """
    recorded_fits = {alignment.fit_id: alignment for alignment in store.get_alignments()}
    planned_fits = [
        find_recorded_fit(recorded_fits, task, pair)
        for task in plan(store, lesion_ids)
        for pair in task.pairs
    ]
    alignments = [alignment for alignment in planned_fits if alignment is not None]
    decisions = store.get_alignment_decisions()
    lesions = {lesion.lesion_id: lesion for lesion in store.get_lesions()}
    offered_fits = with_imports(alignments, tuple(recorded_fits.values()))
    offered_ids = {alignment.fit_id for alignment in offered_fits}
    offered_fits += [
        recorded_fits[fit_id]
        for fit_id in fit_ids
        if fit_id in recorded_fits and fit_id not in offered_ids
    ]
    items = []
    for alignment in offered_fits:
        lesion = _find_lesion(alignment, lesions, lesion_ids)
        items.append(
            ReviewItem(
                alignment=alignment,
                level=lesion.level if lesion else "",
                decisions=tuple(decisions.get(alignment.fit_id, ())),
                landmark_lps_mm=_find_landmark(store, alignment, lesion),
            )
        )
    items.sort(key=_rank)  # stable: within a verdict the order of the plan stays
    return ReviewQueue(items=tuple(items), not_lined_up=len(planned_fits) - len(alignments))


def _find_lesion(
    alignment: Alignment, lesions: Mapping[str, Lesion], lesion_ids: Sequence[str]
) -> Lesion | None:
    """Return the lesion of a fit; of one that was made before, the patient's, if it is the one."""
    if alignment.lesion_id is not None:
        return lesions.get(alignment.lesion_id)
    patient_lesions = [
        lesion
        for lesion in lesions.values()
        if lesion.patient_id == alignment.patient_id
        and (not lesion_ids or lesion.lesion_id in lesion_ids)
    ]
    return patient_lesions[0] if len(patient_lesions) == 1 else None


def _find_landmark(store: Store, alignment: Alignment, lesion: Lesion | None) -> Vector3 | None:
    """Return a point in the lesion's vertebra: its seed, or where a reader confirmed the level."""
    frame = alignment.fit.baseline_from_followup.to_frame_of_reference_uid
    if lesion is None or not frame:
        return None
    seed = find_lesion_seed_lps_mm(store, lesion)
    if seed is not None and seed[0] == frame:
        return seed[1]
    confirmed_fits = [
        confirmation.point_lps_mm
        for confirmation in select_in_force(store.log_of(LevelConfirmation))
        if (confirmation.lesion_id, confirmation.frame_of_reference_uid)
        == (lesion.lesion_id, frame)
    ]
    return confirmed_fits[-1] if confirmed_fits else None


def update_decisions(store: Store, item: ReviewItem) -> ReviewItem:
    """Return an item with all that was decided about it, by other readers too."""
    decisions = store.get_alignment_decisions().get(item.alignment.fit_id, ())
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
    baseline = load_volume_of_project(store, alignment.baseline_volume_id)
    followup = load_volume_of_project(store, alignment.followup_volume_id)
    as_headers_say = RigidTransform.build_identity(followup.geometry.frame_of_reference_uid)
    followup_from_baseline = alignment.fit.baseline_from_followup.invert()
    return FitImages(
        grid=baseline.geometry,
        baseline=baseline.voxels,
        before=resample_on_grid(followup, baseline.geometry, as_headers_say),
        after=resample_on_grid(followup, baseline.geometry, followup_from_baseline),
    )


def load_volume_of_project(store: Store, volume_id: str) -> Volume:
    """Load a volume of the project.

    Raises
    ------
    InputError
        It is no longer there, or its files are not as they were.
    """
    description = store.get_volume(volume_id)
    if description is None:
        raise InputError("The images are no longer in the project: index their folder again.")
    sources = store.get_sources_of([frame.sop_instance_uid for frame in description.frames])
    return load_volume(description, sources)


def _rank(item: ReviewItem) -> tuple[bool, int]:
    return bool(item.decisions), list(Verdict).index(item.alignment.fit.verdict)
