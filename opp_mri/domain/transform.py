"""Rigid motions between frames of reference, which refuse to be joined in a wrong chain."""

import math
from typing import Final

import numpy as np
from attrs import field, frozen

from opp_mri.domain.geometry import FloatArray
from opp_mri.errors import GeometryError

ROTATION_TOLERANCE: Final = 1e-6


def _copy_matrix(values: FloatArray) -> FloatArray:
    return np.array(values, dtype=np.float64)


@frozen(kw_only=True, eq=False)
class RigidTransform:
    """A rotation and a shift from one frame of reference to another.

    At use it is named after both, the target first: `baseline_from_followup`.

    Parameters
    ----------
    to_frame_of_reference_uid, from_frame_of_reference_uid
        The frames; "" where a header has none.
    matrix
        Shape (4, 4), acting on columns (x, y, z, 1) in LPS mm.

    Raises
    ------
    GeometryError
        The matrix is not a rotation with a shift.
    """

    to_frame_of_reference_uid: str
    from_frame_of_reference_uid: str
    matrix: FloatArray = field(converter=_copy_matrix)

    def __attrs_post_init__(self) -> None:
        matrix = self.matrix
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise GeometryError("A rigid transform needs a matrix of 4 by 4 finite numbers.")
        rotation = matrix[:3, :3]
        if (
            np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE
            or np.linalg.det(rotation) < 0
            or np.abs(matrix[3] - (0, 0, 0, 1)).max() > ROTATION_TOLERANCE
        ):
            raise GeometryError(
                "The matrix stretches, shears or mirrors: it is not a rigid transform, "
                "so no point is carried with it."
            )
        matrix.flags.writeable = False

    @classmethod
    def build_identity(cls, frame_of_reference_uid: str) -> "RigidTransform":
        """Return the motion that leaves every point of a frame where it is."""
        return cls(
            to_frame_of_reference_uid=frame_of_reference_uid,
            from_frame_of_reference_uid=frame_of_reference_uid,
            matrix=np.eye(4),
        )

    def apply(self, points_lps_mm: FloatArray) -> FloatArray:
        """Carry points, shape (..., 3), LPS mm, into the frame that this transform leads to."""
        points = np.asarray(points_lps_mm, dtype=np.float64)
        mapped_points: FloatArray = points @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return mapped_points

    def invert(self) -> "RigidTransform":
        """Return the motion back."""
        back = np.eye(4)
        back[:3, :3] = self.matrix[:3, :3].T
        back[:3, 3] = -self.matrix[:3, :3].T @ self.matrix[:3, 3]
        return RigidTransform(
            to_frame_of_reference_uid=self.from_frame_of_reference_uid,
            from_frame_of_reference_uid=self.to_frame_of_reference_uid,
            matrix=back,
        )

    def compose(self, first: "RigidTransform") -> "RigidTransform":
        """Return the motion that does `first` and then this one.

        Raises
        ------
        GeometryError
            `first` does not lead to the frame that this transform starts from.
        """
        if not self.from_frame_of_reference_uid:
            raise GeometryError(
                "These images name no frame of reference, so their transforms cannot be joined."
            )
        if first.to_frame_of_reference_uid != self.from_frame_of_reference_uid:
            raise GeometryError(
                "These transforms do not join: the first leads to frame of reference "
                f"{first.to_frame_of_reference_uid or '(none)'}, the second starts from "
                f"{self.from_frame_of_reference_uid}."
            )
        return RigidTransform(
            to_frame_of_reference_uid=self.to_frame_of_reference_uid,
            from_frame_of_reference_uid=first.from_frame_of_reference_uid,
            matrix=self.matrix @ first.matrix,
        )

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation about its own axis, in degrees."""
        from scipy.spatial.transform import Rotation  # slow to import, needed here alone

        return math.degrees(Rotation.from_matrix(self.matrix[:3, :3]).magnitude())
