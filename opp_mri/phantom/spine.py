"""The vertebrae of a section of the spine: sizes, discs, curvature, and how they move.

Frames: every vertebra has its own local frame in mm (origin at the centre of its body, x to the
patient's left, y posterior, z cranial). A posture is a chain: each vertebra hangs from its
neighbour by a joint in the middle of the disc. The *straight* frame lays all local frames on one
z axis with flat discs; the anatomy is painted there (`anatomy`).
"""

import math
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray

# level: depth (AP), width, height of the body, disc below (mm), lordosis at that disc (degrees)
_SIZES: Final[dict[str, tuple[float, float, float, float, float]]] = {
    "C7": (17.5, 25.0, 14.5, 5.0, 2.0),
    "T1": (19.0, 26.5, 16.0, 4.2, -1.5),
    "T2": (21.0, 27.0, 17.0, 3.8, -3.0),
    "T3": (22.5, 27.0, 17.5, 3.8, -4.0),
    "T4": (24.0, 27.5, 18.0, 4.0, -4.0),
    "T5": (25.0, 28.0, 18.5, 4.2, -4.5),
    "T6": (26.0, 29.0, 19.5, 4.4, -4.5),
    "T7": (27.5, 30.0, 20.0, 4.6, -4.5),
    "T8": (28.5, 31.0, 20.5, 4.8, -4.0),
    "T9": (29.5, 32.5, 21.5, 5.2, -3.0),
    "T10": (30.0, 34.5, 22.5, 5.6, -2.0),
    "T11": (31.0, 37.0, 23.5, 6.2, -1.0),
    "T12": (32.0, 40.0, 25.0, 7.2, 0.0),
    "L1": (33.0, 42.0, 26.5, 8.6, 3.0),
    "L2": (34.0, 43.5, 27.0, 9.8, 5.5),
    "L3": (34.5, 45.5, 27.5, 10.8, 8.0),
    "L4": (35.0, 47.5, 27.5, 11.4, 11.0),
    "L5": (35.0, 50.0, 27.5, 10.8, 14.0),
    "S1": (31.0, 50.0, 29.0, 3.2, -5.0),
    "S2": (22.0, 44.0, 24.0, 2.2, -6.0),
    "S3": (16.0, 38.0, 19.0, 2.0, -6.0),
    "S4": (13.0, 32.0, 17.0, 2.0, -6.0),
}
LEVELS: Final = tuple(_SIZES)

Float32Array = NDArray[np.float32]

RIGID_MARGIN_MM: Final = 0.3  # a body moves as one, and this much around it
RIGID_DEPTH_MARGIN_MM: Final = 4.0
LOOSE_OVER_MM: Final = (
    45.0  # over this distance from the body, tissue gives way between its neighbours
)
LEAST_RIGID: Final = 0.1


@frozen(kw_only=True)
class Vertebra:
    """One vertebra; lengths in mm.

    Parameters
    ----------
    depth_mm, width_mm, height_mm
        Greatest AP, left-right and cranio-caudal size of the body.
    disc_mm, lordosis_deg
        Height of the disc below, and the lordosis at that disc.
    z_mm
        Centre of the body in the straight frame.
    """

    level: str
    depth_mm: float
    width_mm: float
    height_mm: float
    disc_mm: float
    lordosis_deg: float
    z_mm: float

    def compute_corners_local_mm(self) -> dict[str, tuple[float, float, float]]:
        """Return the centre and the four corners of the body in the midsagittal plane."""
        y, z = self.depth_mm / 2, self.height_mm / 2
        return {
            "body_centre": (0.0, 0.0, 0.0),
            "anterior_superior": (0.0, -y, z),
            "anterior_inferior": (0.0, -y, -z),
            "posterior_superior": (0.0, y, z),
            "posterior_inferior": (0.0, y, -z),
        }


@frozen(kw_only=True)
class Spine:
    """A section of the spine, cranial vertebra first.

    Parameters
    ----------
    middle
        Index of the vertebra that the posture chain starts from and that images are centred on.
    """

    vertebrae: tuple[Vertebra, ...]
    middle: int

    def index(self, level: str) -> int:
        """Return the place of a level in the section."""
        return [vertebra.level for vertebra in self.vertebrae].index(level)


def build_spine_section(
    first: str, last: str, middle: str, *, size: float, curvature: float
) -> Spine:
    """Build a section of the spine.

    Parameters
    ----------
    first, last, middle
        Levels, cranial to caudal, and the one in the middle of the images.
    size, curvature
        Factors of a person: on all lengths, and on lordosis and kyphosis.
    """
    levels = LEVELS[LEVELS.index(first) : LEVELS.index(last) + 1]
    vertebrae: list[Vertebra] = []
    z_mm = 0.0
    for level in levels:
        depth, width, height, disc, lordosis = _SIZES[level]
        z_mm -= size * height / 2 if vertebrae else 0.0
        vertebrae.append(
            Vertebra(
                level=level,
                depth_mm=size * depth,
                width_mm=size * width,
                height_mm=size * height,
                disc_mm=size * disc,
                lordosis_deg=curvature * lordosis,
                z_mm=z_mm,
            )
        )
        z_mm -= size * (height / 2 + disc)
    return Spine(vertebrae=tuple(vertebrae), middle=levels.index(middle))


@frozen(kw_only=True, eq=False)
class Posture:
    """Where each vertebra lies at a visit.

    Parameters
    ----------
    spine
        The section.
    lps_from_local
        Shape (vertebrae, 4, 4): rigid, from the local frame of each vertebra to patient LPS, mm.
    """

    spine: Spine
    lps_from_local: FloatArray = field(repr=False)

    def place_points(self, vertebra: int, point_local_mm: tuple[float, float, float]) -> FloatArray:
        """Place a point of a vertebra in the patient, in LPS mm."""
        point_lps_mm: FloatArray = (self.lps_from_local[vertebra] @ (*point_local_mm, 1.0))[:3]
        return point_lps_mm

    def compute_motion_from(self, baseline: "Posture") -> FloatArray:
        """Return the rigid motion of each vertebra, (vertebrae, 4, 4), from another posture."""
        motion: FloatArray = self.lps_from_local @ np.linalg.inv(baseline.lps_from_local)
        return motion


def build_posture(spine: Spine, joints_deg: FloatArray, patient: FloatArray) -> Posture:
    """Chain the vertebrae together and lay the patient down.

    Parameters
    ----------
    spine
        The section.
    joints_deg
        Shape (vertebrae - 1, 3): how far the upper of two neighbours makes the lower turn about
        x, y and z beyond the anatomical curvature.
    patient
        Shape (4, 4): rigid, from the frame of the middle vertebra to patient LPS.
    """
    steps = [
        _find_step_down(upper, lower, extra)
        for upper, lower, extra in zip(
            spine.vertebrae, spine.vertebrae[1:], joints_deg, strict=False
        )
    ]
    transforms = {spine.middle: patient}
    for index in range(spine.middle, len(spine.vertebrae) - 1):
        transforms[index + 1] = transforms[index] @ steps[index]
    for index in range(spine.middle, 0, -1):
        transforms[index - 1] = transforms[index] @ np.linalg.inv(steps[index - 1])
    chain = np.stack([transforms[index] for index in range(len(spine.vertebrae))])
    return Posture(spine=spine, lps_from_local=chain)


def build_rigid(rotation_deg: FloatArray, translation_mm: FloatArray) -> FloatArray:
    """Return the 4x4 matrix of a rotation about x, then y, then z, followed by a translation."""
    ax, ay, az = (math.radians(float(angle)) for angle in rotation_deg)
    x = np.array([[1, 0, 0], [0, math.cos(ax), -math.sin(ax)], [0, math.sin(ax), math.cos(ax)]])
    y = np.array([[math.cos(ay), 0, math.sin(ay)], [0, 1, 0], [-math.sin(ay), 0, math.cos(ay)]])
    z = np.array([[math.cos(az), -math.sin(az), 0], [math.sin(az), math.cos(az), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = z @ y @ x
    matrix[:3, 3] = translation_mm
    return matrix


def straight_from_lps(where: Posture, points_lps_mm: FloatArray) -> Float32Array:
    """Carry points of the patient back into the straight frame that the anatomy is painted in.

    Around a vertebral body the map is that body's rigid motion, exactly; between two bodies it
    passes smoothly from one to the other.

    Parameters
    ----------
    where
        The posture of the visit.
    points_lps_mm
        Shape (3, ...): x, y, z in LPS mm.

    Returns
    -------
    numpy.ndarray
        Shape (3, ...), in the straight frame, float32.
    """
    points = np.asarray(points_lps_mm, np.float32)
    upper = _convert_to_local(where, 0, points)
    straight = _lift_points(upper, where.spine.vertebrae[0])
    for index in range(1, len(where.spine.vertebrae)):
        lower = _convert_to_local(where, index, points)
        below_upper = np.maximum(-upper[2] - _compute_rigid_half_mm(where, index - 1, upper[1]), 0)
        above_lower = np.maximum(lower[2] - _compute_rigid_half_mm(where, index, lower[1]), 0)
        weight = below_upper / (below_upper + above_lower + np.float32(1e-9))
        weight[above_lower == 0] = 1
        weight[below_upper == 0] = 0
        straight += weight * (_lift_points(lower, where.spine.vertebrae[index]) - straight)
        upper = lower
    return straight


def _find_step_down(upper: Vertebra, lower: Vertebra, extra_deg: FloatArray) -> FloatArray:
    turn = np.array([upper.lordosis_deg, 0.0, 0.0]) + extra_deg
    half_disc = upper.disc_mm / 2
    to_joint = build_rigid(np.zeros(3), np.array([0, 0, -(upper.height_mm / 2 + half_disc)]))
    from_joint = build_rigid(np.zeros(3), np.array([0, 0, -(lower.height_mm / 2 + half_disc)]))
    step: FloatArray = to_joint @ build_rigid(turn, np.zeros(3)) @ from_joint
    return step


def _convert_to_local(where: Posture, index: int, points: Float32Array) -> Float32Array:
    inverse = np.linalg.inv(where.lps_from_local[index])
    local_points: Float32Array = np.tensordot(inverse[:3, :3].astype(np.float32), points, axes=1)
    local_points += inverse[:3, 3].astype(np.float32).reshape(3, *([1] * (points.ndim - 1)))
    return local_points


def _lift_points(local: Float32Array, vertebra: Vertebra) -> Float32Array:
    column_points = local.copy()
    column_points[2] += np.float32(vertebra.z_mm)
    return column_points


def _compute_rigid_half_mm(where: Posture, index: int, y_mm: Float32Array) -> Float32Array:
    """Half the height of the zone that moves with a body, narrowing in front of and behind it."""
    vertebra = where.spine.vertebrae[index]
    beyond = np.abs(y_mm) - np.float32(vertebra.depth_mm / 2 + RIGID_DEPTH_MARGIN_MM)
    share = np.clip(1 - beyond / np.float32(LOOSE_OVER_MM), LEAST_RIGID, 1)
    half: Float32Array = share * np.float32(vertebra.height_mm / 2 + RIGID_MARGIN_MM)
    return half
