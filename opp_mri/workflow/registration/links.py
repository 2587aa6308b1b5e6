"""Which frames of reference are joined, so that panes can follow one place of the body."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen

from opp_mri.domain.alignment import Alignment, FitDecision
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import CommonPoint, Lesion
from opp_mri.domain.registration import Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.store.protocol import Store


@frozen(kw_only=True, eq=False)
class Links:
    """How places of a patient's frames of reference belong together.

    Parameters
    ----------
    confirmed
        Transforms of fits that a reader has confirmed: both directions of each.
    by_point
        Shifts by common points that a reader marked: they link scrolling and carry nothing.
    proposed
        Frames of follow-ups that have a fit which nobody has decided about, with its verdict.
    """

    confirmed: tuple[RigidTransform, ...] = field(default=())
    by_point: tuple[RigidTransform, ...] = field(default=())
    proposed: Mapping[str, Verdict] = field(factory=dict)

    def carrying(self, to_frame: str, from_frame: str) -> RigidTransform | None:
        """Give the transform between two frames through confirmed fits alone, or None."""
        return _chain(self.confirmed, to_frame, from_frame)

    def linking(self, to_frame: str, from_frame: str) -> RigidTransform | None:
        """Give a transform for scrolling: through confirmed fits, or else common points too."""
        found = self.carrying(to_frame, from_frame)
        if found is None:
            found = _chain((*self.confirmed, *self.by_point), to_frame, from_frame)
        return found


def links(store: Store, patient_ids: Sequence[str], lesion: Lesion | None) -> Links:
    """Give the links of a patient's frames as they are for one lesion.

    Parameters
    ----------
    patient_ids
        All PatientIDs of the patient.
    lesion
        Its own fits come first; those of the common field of view serve where it has none.
    """
    decisions = store.alignment_decisions()
    ours = [
        one
        for one in store.alignments()
        if one.patient_id in patient_ids
        and one.lesion_id in (None, lesion.lesion_id if lesion else None)
    ]
    # of two fits of the same volumes the latest decision counts
    confirmed: dict[tuple[str, str, str], tuple[int, Alignment]] = {}
    proposed: dict[str, Verdict] = {}
    for one in sorted(ours, key=lambda a: decisions[a.fit_id][-1].recorded_at.timestamp()
                      if decisions.get(a.fit_id) else 0.0):  # fmt: skip
        decided = decisions.get(one.fit_id, ())
        frame = one.fit.baseline_from_followup.from_frame_of_reference_uid
        key = (one.lesion_id or "", one.baseline_volume_id, one.followup_volume_id)
        if not decided:
            proposed[frame] = one.fit.verdict
        elif decided[-1].decision is FitDecision.CONFIRMED:
            confirmed[key] = (0 if one.lesion_id else 1, one)
        else:
            confirmed.pop(key, None)
    order = list(SeriesRole)
    best = sorted(confirmed.values(), key=lambda it: (it[0], order.index(it[1].sequence)))
    transforms = [one.fit.baseline_from_followup for _, one in best]
    joined = {transform.from_frame_of_reference_uid for transform in transforms}
    return Links(
        confirmed=tuple(_both(transforms)),
        by_point=tuple(
            _both([_shift(p) for one in patient_ids for p in store.common_points(one)][::-1])
        ),
        proposed={frame: verdict for frame, verdict in proposed.items() if frame not in joined},
    )


def _both(transforms: Sequence[RigidTransform]) -> list[RigidTransform]:
    both = [one for transform in transforms for one in (transform, transform.inverse())]
    # a frame that names nothing joins nothing
    return [b for b in both if b.to_frame_of_reference_uid and b.from_frame_of_reference_uid]


def _shift(point: CommonPoint) -> RigidTransform:
    matrix = np.eye(4)
    matrix[:3, 3] = np.asarray(point.other_point_lps_mm) - np.asarray(point.point_lps_mm)
    return RigidTransform(
        to_frame_of_reference_uid=point.other_frame_of_reference_uid,
        from_frame_of_reference_uid=point.frame_of_reference_uid,
        matrix=matrix,
    )


def _chain(
    transforms: Sequence[RigidTransform], to_frame: str, from_frame: str
) -> RigidTransform | None:
    """Give the shortest chain from one frame to another; the first listed of equals."""
    if not to_frame or not from_frame:
        return None
    if to_frame == from_frame:
        return RigidTransform.identity(to_frame)
    reached = {from_frame: RigidTransform.identity(from_frame)}
    edge = [from_frame]
    while edge:
        further = []
        for frame in edge:
            for step in transforms:
                target = step.to_frame_of_reference_uid
                if step.from_frame_of_reference_uid == frame and target not in reached:
                    reached[target] = step.compose(reached[frame])
                    further.append(target)
        if to_frame in reached:
            return reached[to_frame]
        edge = further
    return None
