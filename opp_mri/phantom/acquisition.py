"""From tissues to images: slices laid through the patient, partial volume, coil, noise."""

from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, ImagePlane, Vector3
from opp_mri.phantom.anatomy import Anatomy
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.spine import Posture, straight_from_lps
from opp_mri.phantom.tissue import Contrast, compute_lesion_signal

LESION_SAMPLES: Final = (5, 3, 3)  # through the slice, along a column, along a row
WHITE: Final = 900.0  # stored value of a bright tissue near the coil
LARGEST_STORED: Final = 4095
COIL_REACH_MM: Final = 62.0


@frozen(kw_only=True)
class Prescription:
    """What a technologist sets up on the console; lengths in mm.

    Parameters
    ----------
    centre_lps_mm
        Middle of the stack.
    row_direction, column_direction
        In-plane axes, unit vectors in LPS.
    rows, columns, row_spacing_mm, column_spacing_mm
        The image; row spacing is the distance between rows.
    slices, slice_spacing_mm, thickness_mm
        Number of slices, from centre to centre, and how thick each is.
    """

    centre_lps_mm: Vector3
    row_direction: Vector3
    column_direction: Vector3
    rows: int
    columns: int
    row_spacing_mm: float
    column_spacing_mm: float
    slices: int
    slice_spacing_mm: float
    thickness_mm: float

    def build_planes(self, frame_of_reference_uid: str) -> tuple[ImagePlane, ...]:
        """Return the image planes, in the order of the normal, with numbers as a header holds them.

        Positions are rounded to 1e-6 mm and directions to 1e-9, so that they fit a DICOM decimal
        string and the plane that is rendered is the plane that is written.
        """
        row, column = np.array(self.row_direction), np.array(self.column_direction)
        normal = np.cross(row, column)
        corner = (
            np.array(self.centre_lps_mm)
            - row * self.column_spacing_mm * (self.columns - 1) / 2
            - column * self.row_spacing_mm * (self.rows - 1) / 2
        )
        middle = (self.slices - 1) / 2
        return tuple(
            ImagePlane(
                frame_of_reference_uid=frame_of_reference_uid,
                position_lps_mm=_round_vector(
                    corner + normal * self.slice_spacing_mm * (index - middle), 6
                ),
                row_direction=_round_vector(row, 9),
                column_direction=_round_vector(column, 9),
                row_spacing_mm=self.row_spacing_mm,
                column_spacing_mm=self.column_spacing_mm,
                rows=self.rows,
                columns=self.columns,
            )
            for index in range(self.slices)
        )


@frozen(kw_only=True)
class Receiver:
    """Coil and noise of a series.

    Parameters
    ----------
    gain
        Factor from signal to stored values.
    noise
        Standard deviation of the noise in each channel, in stored values.
    shading
        How strongly the signal falls with the distance from the coil: 0 is none.
    saturated_from_mm
        Signal in front of this distance from the middle of the image, along the rows, is
        saturated; None where no band was set.
    """

    gain: float = WHITE
    noise: float = 12.0
    shading: float = 1.0
    saturated_from_mm: float | None = None


@frozen(kw_only=True, eq=False)
class Scene:
    """A patient at a visit.

    Parameters
    ----------
    anatomy
        What there is.
    posture
        Where it lies.
    """

    anatomy: Anatomy = field(repr=False)
    posture: Posture = field(repr=False)


def compute_straight_points(scene: Scene, planes: tuple[ImagePlane, ...]) -> NDArray[np.float32]:
    """Return, for each pixel, where in the straight frame it looks: (3, slices, rows, columns)."""
    column, row = _build_pixel_grid(planes[0])
    return straight_from_lps(
        scene.posture,
        np.stack([compute_points_lps_mm(plane, column, row) for plane in planes], axis=1),
    )


def compute_tissue_image(
    scene: Scene, signal: NDArray[np.float32], straight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Look up a signal of the anatomy at the points of `straight_points`."""
    return scene.anatomy.sample_signal(signal, straight)


def draw_lesion(
    image: NDArray[np.float32],
    scene: Scene,
    planes: tuple[ImagePlane, ...],
    thickness_mm: float,
    shape: LesionShape,
    contrast: Contrast,
) -> None:
    """Draw the lesion into an image, (slices, rows, columns), by the share of each voxel in it."""
    centre = scene.posture.place_points(shape.vertebra, shape.centre_local_mm)
    reach = shape.reach_mm()
    inside = compute_lesion_signal(contrast)
    for index, plane in enumerate(planes):
        if abs(plane.measure_distance_mm(_round_vector(centre, 9))) > reach + thickness_mm:
            continue
        window = _find_window(plane, _round_vector(centre, 9), reach)
        share, core = compute_lesion_share(scene.posture, plane, window, thickness_mm, shape)
        rows, columns = window
        patch = image[index, rows, columns]
        # the matrix of a lesion is not even: a necrotic middle takes up less, and is wetter
        texture = 1 + (0.14 if contrast.te_ms > 40 else -0.16) * core
        patch += share * (inside * texture - patch)


def compute_lesion_share(
    posture: Posture,
    plane: ImagePlane,
    window: tuple[slice, slice],
    thickness_mm: float,
    shape: LesionShape,
    samples: tuple[int, int, int] = LESION_SAMPLES,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the share of each voxel that is lesion, and how near to the lesion's middle it lies.

    Parameters
    ----------
    posture, plane, thickness_mm
        Where the vertebra and the slice lie.
    window
        Rows and columns to look at.
    samples
        Points tried through the slice, along a column and along a row in each voxel.
    """
    deep, down, across = (_compute_offsets(count) for count in samples)
    row = np.add.outer(np.arange(window[0].start, window[0].stop), down).ravel()
    column = np.add.outer(np.arange(window[1].start, window[1].stop), across).ravel()
    grid = compute_points_lps_mm(plane, *np.meshgrid(column, row))
    inverse = np.linalg.inv(posture.lps_from_local[shape.vertebra])
    local = np.tensordot(inverse[:3, :3], grid, axes=1) + inverse[:3, 3][:, None, None]
    normal = inverse[:3, :3] @ np.array(plane.normal)
    shape_out = (len(row) // len(down), len(down), len(column) // len(across), len(across))
    share = np.zeros((shape_out[0], shape_out[2]), np.float32)
    core = np.zeros_like(share)
    for depth_mm in deep * thickness_mm:
        level = shape.compute_level(local + (normal * depth_mm)[:, None, None]).reshape(shape_out)
        share += (level <= 1).mean(axis=(1, 3)) / len(deep)
        core += np.clip(1 - level / 0.5, 0, 1).mean(axis=(1, 3)) / len(deep)
    return share, core


def receive(
    image: NDArray[np.float32],
    planes: tuple[ImagePlane, ...],
    straight: NDArray[np.float32],
    receiver: Receiver,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Turn signal into stored magnitudes: coil shading, saturation band, Rician noise."""
    plane = planes[0]
    column, row = _build_pixel_grid(plane)
    to_back = np.clip(78 - straight[1], 0, None)
    near = 0.70 + 0.75 * np.exp(-to_back / COIL_REACH_MM)
    along = (row - (plane.rows - 1) / 2) * plane.row_spacing_mm
    weight = (near**receiver.shading) * (1 - receiver.shading * 0.22 * (along / 150) ** 2)
    if receiver.saturated_from_mm is not None:
        ahead = (column - (plane.columns - 1) / 2) * plane.column_spacing_mm
        weight = weight * (0.13 + 0.87 / (1 + np.exp((receiver.saturated_from_mm - ahead) / 3.0)))
    clean = image * weight * np.float32(receiver.gain)
    real = clean + receiver.noise * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = receiver.noise * rng.standard_normal(image.shape, dtype=np.float32)
    stored_values: NDArray[np.uint16] = np.clip(
        np.rint(np.hypot(real, imaginary)), 0, LARGEST_STORED
    ).astype(np.uint16)
    return stored_values


def compute_points_lps_mm(plane: ImagePlane, column: FloatArray, row: FloatArray) -> FloatArray:
    """Place pixels in the patient: shape (3, ...), LPS mm."""
    across = np.asarray(column) * plane.column_spacing_mm
    down = np.asarray(row) * plane.row_spacing_mm
    return np.stack(
        [
            plane.position_lps_mm[axis]
            + across * plane.row_direction[axis]
            + down * plane.column_direction[axis]
            for axis in range(3)
        ]
    )


def find_nearest_plane(planes: tuple[ImagePlane, ...], point_lps_mm: FloatArray) -> int:
    """Return the index of the plane that a point lies nearest to."""
    point = _round_vector(point_lps_mm, 9)
    return min(range(len(planes)), key=lambda index: abs(planes[index].measure_distance_mm(point)))


def _build_pixel_grid(plane: ImagePlane) -> tuple[FloatArray, FloatArray]:
    column, row = np.meshgrid(
        np.arange(plane.columns, dtype=np.float64), np.arange(plane.rows, dtype=np.float64)
    )
    return column, row


def _compute_offsets(count: int) -> FloatArray:
    offsets: FloatArray = (np.arange(count) + 0.5) / count - 0.5
    return offsets


def _find_window(plane: ImagePlane, centre_lps_mm: Vector3, reach_mm: float) -> tuple[slice, slice]:
    column, row = plane.pixel_from_lps(centre_lps_mm)
    down, across = reach_mm / plane.row_spacing_mm + 1, reach_mm / plane.column_spacing_mm + 1
    return (
        slice(max(int(row - down), 0), max(min(int(row + down) + 2, plane.rows), 0)),
        slice(max(int(column - across), 0), max(min(int(column + across) + 2, plane.columns), 0)),
    )


def _round_vector(values: FloatArray, decimals: int) -> Vector3:
    x, y, z = (round(float(value), decimals) + 0.0 for value in values)  # + 0.0: no minus zero
    return (x, y, z)
