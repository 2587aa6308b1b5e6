"""The geometry of calipers on a native image: held to an axis, nudged, projected, carried.

Points are (column, row) in pixels of one image, lengths and steps in mm; an axis is a unit vector
in patient LPS, of which the image sees the part that lies in its plane.
"""

import math
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import ImagePlane, Vector3, multiply_scalar
from opp_mri.domain.measurement import AxisLandmark, Caliper, PixelPoint
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError

PATIENT_AP_LPS: Final[Vector3] = (0.0, 1.0, 0.0)  # towards posterior
LEAST_IN_PLANE: Final = 0.5  # share of an axis in the image below which a line cannot be held to it

InPlane = tuple[float, float]  # unit vector (along a row, along a column) of an image, in mm


@frozen(kw_only=True)
class Projected:
    """A line next to an axis.

    Parameters
    ----------
    along_mm
        Length of the line's projection on the axis.
    angle_deg
        Angle between line and axis, 0 to 90 degrees.
    """

    along_mm: float
    angle_deg: float


@frozen(kw_only=True)
class Carried:
    """A line of another image, carried onto this one.

    Parameters
    ----------
    start, end
        Its ends, projected into the image.
    offset_mm
        Signed distance of its middle from the image, along the image's normal.
    tilt_deg
        Angle between both images, 0 to 90 degrees.
    """

    start: PixelPoint
    end: PixelPoint
    offset_mm: float
    tilt_deg: float


def axis_from_landmark(
    plane: ImagePlane, landmark: AxisLandmark, start: PixelPoint, end: PixelPoint
) -> Vector3:
    """Return the AP axis that two clicks on an image set, as a unit vector towards posterior.

    Parameters
    ----------
    plane
        The image that was clicked on.
    landmark
        What the clicks run along: an endplate, or the posterior wall, at right angles to the axis.
    start, end
        The clicks, (column, row) in pixels.

    Returns
    -------
    tuple of float
        Unit vector in patient coordinates (LPS).

    Raises
    ------
    GeometryError
        The clicks are nearer than a millimetre, or the axis would not run anteroposterior.
    """
    across, down = _run_mm(plane, start, end)
    length_mm = math.hypot(across, down)
    if length_mm < 1.0:
        raise GeometryError("The two points of an axis must be at least a millimetre apart.")
    across, down = across / length_mm, down / length_mm
    if landmark is AxisLandmark.POSTERIOR_WALL:
        across, down = -down, across
    x, y, z = (
        across * a + down * b
        for a, b in zip(plane.row_direction, plane.column_direction, strict=True)
    )
    if abs(y) < LEAST_IN_PLANE:
        raise GeometryError(
            "This axis would not run from anterior to posterior: click along an endplate, or along "
            "the posterior wall, as chosen."
        )
    return (x, y, z) if y > 0 else (-x, -y, -z)


def project_axis(plane: ImagePlane, axis_lps: Vector3) -> InPlane | None:
    """Return the direction of an axis in an image, or None where it runs too much through it."""
    across, down = (
        multiply_scalar(axis_lps, plane.row_direction),
        multiply_scalar(axis_lps, plane.column_direction),
    )
    share = math.hypot(across, down)
    return None if share < LEAST_IN_PLANE else (across / share, down / share)


def find_direction_in_plane(
    plane: ImagePlane, start: PixelPoint, end: PixelPoint
) -> InPlane | None:
    """Return the direction of a line in its image, or None for a line of no length."""
    across, down = _run_mm(plane, start, end)
    length_mm = math.hypot(across, down)
    return (across / length_mm, down / length_mm) if length_mm else None


def hold_to_axis(
    plane: ImagePlane, fixed: PixelPoint, moving: PixelPoint, axis: InPlane
) -> PixelPoint:
    """Return the point nearest to `moving` on the line along an axis through `fixed`.

    Parameters
    ----------
    plane
        The image that both points lie on.
    fixed, moving
        Ends of a line, (column, row) in pixels.
    axis
        Unit direction in the image, (along a row, along a column), as `project_axis` gives it.

    Returns
    -------
    tuple of float
        (column, row) in pixels; it may lie beyond the image.
    """
    across, down = _run_mm(plane, fixed, moving)
    along_mm = across * axis[0] + down * axis[1]
    return move_point(plane, fixed, along_mm * axis[0], along_mm * axis[1])


def move_point(
    plane: ImagePlane, point: PixelPoint, across_mm: float, down_mm: float
) -> PixelPoint:
    """Return a point moved by mm along a row and along a column.

    Parameters
    ----------
    plane
        The image, whose spacing turns mm into pixels.
    point
        (column, row) in pixels.
    across_mm, down_mm
        The way along a row and along a column, mm.
    """
    return (
        point[0] + across_mm / plane.column_spacing_mm,
        point[1] + down_mm / plane.row_spacing_mm,
    )


def hold_to_image(plane: ImagePlane, point: PixelPoint) -> PixelPoint:
    """Return the nearest point that lies on the image, its outer half pixels included."""
    return (
        min(max(point[0], -0.5), plane.columns - 0.5),
        min(max(point[1], -0.5), plane.rows - 0.5),
    )


def project_line(plane: ImagePlane, start: PixelPoint, end: PixelPoint, axis: InPlane) -> Projected:
    """Return a line's length along an axis, and its angle to it.

    Parameters
    ----------
    plane
        The image that the line is drawn on.
    start, end
        Its ends, (column, row) in pixels.
    axis
        Unit direction in the image, as `project_axis` gives it.

    Returns
    -------
    Projected
        The length in mm, not negative, and the angle, 0 to 90 degrees.
    """
    across, down = _run_mm(plane, start, end)
    along, beside = across * axis[0] + down * axis[1], across * axis[1] - down * axis[0]
    angle_deg = math.degrees(math.atan2(abs(beside), abs(along)))
    return Projected(along_mm=abs(along), angle_deg=angle_deg)


def carry_caliper(
    caliper: Caliper, drawn_on: ImagePlane, here_from_there: RigidTransform, plane: ImagePlane
) -> Carried:
    """Carry a caliper from its own image onto another one.

    Parameters
    ----------
    drawn_on, plane
        Its own image, and the one that it is shown on.
    here_from_there
        From the caliper's frame of reference to that of `plane`.

    Raises
    ------
    GeometryError
        The transform joins other frames of reference.
    """
    frames = (plane.frame_of_reference_uid, caliper.frame_of_reference_uid)
    if frames != (
        here_from_there.to_frame_of_reference_uid,
        here_from_there.from_frame_of_reference_uid,
    ):
        raise GeometryError("A caliper is carried only between the frames that its fit joins.")
    ends = here_from_there.apply(np.array([caliper.start_lps_mm, caliper.end_lps_mm]))
    start, end = ((float(x), float(y), float(z)) for x, y, z in ends)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    normal = here_from_there.matrix[:3, :3] @ np.asarray(drawn_on.normal)
    cosine = min(1.0, abs(float(normal @ np.asarray(plane.normal))))
    return Carried(
        start=plane.pixel_from_lps(start),
        end=plane.pixel_from_lps(end),
        offset_mm=plane.measure_distance_mm(middle),
        tilt_deg=math.degrees(math.acos(cosine)),
    )


def _run_mm(plane: ImagePlane, start: PixelPoint, end: PixelPoint) -> tuple[float, float]:
    return (
        (end[0] - start[0]) * plane.column_spacing_mm,
        (end[1] - start[1]) * plane.row_spacing_mm,
    )
