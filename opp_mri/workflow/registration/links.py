"""Which frames of reference are joined, so that panes can follow one place of the body."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen

from opp_mri.domain.alignment import (
    Alignment,
    AlignmentDecision,
    FitDecision,
    select_confirmed_fits,
)
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import CommonPoint, Lesion
from opp_mri.domain.registration import Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.store.protocol import Store
from opp_mri.workflow.measuring.marks import select_in_force


@frozen(kw_only=True, eq=False)
class FitNote:
    """A fit of a follow-up as a pane needs it.

    Parameters
    ----------
    baseline_from_followup
        Its motion, which carries nothing before a reader has confirmed it.
    decision, reader
        The latest decision and its reader; None and "" where nobody has decided.
    """

    fit_id: str
    sequence: SeriesRole
    verdict: Verdict
    baseline_from_followup: RigidTransform = field(repr=False)
    decision: FitDecision | None = None
    reader: str = ""


@frozen(kw_only=True, eq=False)
class Links:
    """How places of a patient's frames of reference belong together.

    Parameters
    ----------
    confirmed
        Transforms of fits that a reader has confirmed: both directions of each.
    by_point
        Shifts by common points that a reader marked: they link scrolling and carry nothing.
    fits
        All fits of each follow-up's frame of reference, those of the lesion first.
    """

    confirmed: tuple[RigidTransform, ...] = field(default=())
    by_point: tuple[RigidTransform, ...] = field(default=())
    fits: Mapping[str, tuple[FitNote, ...]] = field(factory=dict)
    # every pane asks for its chains whenever the mouse moves
    _chains: dict[tuple[bool, str, str], RigidTransform | None] = field(
        factory=dict, init=False, repr=False
    )

    def find_carrying(self, to_frame: str, from_frame: str) -> RigidTransform | None:
        """Return the transform between two frames through confirmed fits alone, or None."""
        return self._get_chain(to_frame, from_frame, with_points=False)

    def find_linking(self, to_frame: str, from_frame: str) -> RigidTransform | None:
        """Return a transform for scrolling: through confirmed fits, or else common points too."""
        confirmed_transform = self.find_carrying(to_frame, from_frame)
        if confirmed_transform is not None:
            return confirmed_transform
        return self._get_chain(to_frame, from_frame, with_points=True)

    def _get_chain(
        self, to_frame: str, from_frame: str, *, with_points: bool
    ) -> RigidTransform | None:
        key = (with_points, to_frame, from_frame)
        if key not in self._chains:
            points = self.by_point if with_points else ()
            self._chains[key] = _find_chain((*self.confirmed, *points), to_frame, from_frame)
        return self._chains[key]


def find_links(store: Store, patient_ids: Sequence[str], lesion: Lesion | None) -> Links:
    """Return the links of a patient's frames as they are for one lesion.

    Parameters
    ----------
    patient_ids
        All PatientIDs of the patient.
    lesion
        Its own fits come first; those of the common field of view serve where it has none.
    """
    decisions = store.get_alignment_decisions()
    alignments = [
        alignment
        for alignment in store.get_alignments()
        if alignment.patient_id in patient_ids
        and alignment.lesion_id in (None, lesion.lesion_id if lesion else None)
    ]
    notes: dict[str, list[FitNote]] = defaultdict(list)
    for alignment in sorted(
        alignments, key=lambda fit: _get_decision_time(decisions.get(fit.fit_id))
    ):
        frame = alignment.fit.baseline_from_followup.from_frame_of_reference_uid
        notes[frame].append(_build_note(alignment, decisions.get(alignment.fit_id, ())))
    order = list(SeriesRole)
    confirmed_fits = sorted(
        select_confirmed_fits(alignments, decisions),
        key=lambda fit: (fit.lesion_id is None, order.index(fit.sequence)),
    )
    shifts = [
        _shift(point)
        for patient_id in patient_ids
        for point in select_in_force(store.get_common_points(patient_id))
    ]
    return Links(
        confirmed=tuple(
            _list_both_ways([alignment.fit.baseline_from_followup for alignment in confirmed_fits])
        ),
        by_point=tuple(_list_both_ways(shifts[::-1])),
        fits={frame: tuple(of_frame) for frame, of_frame in notes.items()},
    )


def _get_decision_time(decisions: Sequence[AlignmentDecision] | None) -> float:
    return decisions[-1].recorded_at.timestamp() if decisions else 0.0


def _build_note(alignment: Alignment, decisions: Sequence[AlignmentDecision]) -> FitNote:
    latest = decisions[-1] if decisions else None
    return FitNote(
        fit_id=alignment.fit_id,
        sequence=alignment.sequence,
        verdict=alignment.fit.verdict,
        baseline_from_followup=alignment.fit.baseline_from_followup,
        decision=latest.decision if latest else None,
        reader=latest.reader if latest else "",
    )


def _list_both_ways(transforms: Sequence[RigidTransform]) -> list[RigidTransform]:
    motions = [motion for transform in transforms for motion in (transform, transform.invert())]
    # a frame that names nothing joins nothing
    return [
        motion
        for motion in motions
        if motion.to_frame_of_reference_uid and motion.from_frame_of_reference_uid
    ]


def _shift(point: CommonPoint) -> RigidTransform:
    return shift(
        point.other_frame_of_reference_uid, point.other_point_lps_mm,
        point.frame_of_reference_uid, point.point_lps_mm,
    )  # fmt: skip


def shift(
    to_frame: str, to_lps_mm: Vector3, from_frame: str, from_lps_mm: Vector3
) -> RigidTransform:
    """Return the shift that lays a point of one frame of reference on a point of another.

    Parameters
    ----------
    to_frame, from_frame
        FrameOfReferenceUID of each.
    to_lps_mm, from_lps_mm
        The point in each, patient coordinates (LPS) in mm.
    """
    matrix = np.eye(4)
    matrix[:3, 3] = np.asarray(to_lps_mm) - np.asarray(from_lps_mm)
    return RigidTransform(
        to_frame_of_reference_uid=to_frame, from_frame_of_reference_uid=from_frame, matrix=matrix
    )


def _find_chain(
    transforms: Sequence[RigidTransform], to_frame: str, from_frame: str
) -> RigidTransform | None:
    """Return the shortest chain from one frame to another; the first listed of equals."""
    if not to_frame or not from_frame:
        return None
    if to_frame == from_frame:
        return RigidTransform.build_identity(to_frame)
    transforms_by_frame = {from_frame: RigidTransform.build_identity(from_frame)}
    edge = [from_frame]
    while edge:
        further = []
        for frame in edge:
            for step in transforms:
                target = step.to_frame_of_reference_uid
                if step.from_frame_of_reference_uid == frame and target not in transforms_by_frame:
                    transforms_by_frame[target] = step.compose(transforms_by_frame[frame])
                    further.append(target)
        if to_frame in transforms_by_frame:
            return transforms_by_frame[to_frame]
        edge = further
    return None
