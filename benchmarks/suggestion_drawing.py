"""What is abnormal on the images of a benchmark of proposals, and its true extents.

The true extent of a sequence is the longest run along the vertebra's AP axis, over its native
slices, on which at least half of the slice's thickness is lesion inside the body.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import ImagePlane
from opp_mri.phantom.acquisition import Prescription, compute_points_lps_mm
from opp_mri.phantom.anatomy import CORTEX_MM
from opp_mri.phantom.lesion import LesionShape
from opp_mri.phantom.spine import Posture, Vertebra
from opp_mri.phantom.tissue import Contrast, Tissue, build_water_and_fat

CASES_WITHOUT_LESION = "no lesion"
FINE_MM = (0.15, 0.5)  # of the grid on which truth is taken: along the AP axis, and across it
ROUGHEST = 1.4  # a rough surface stays within this many half axes of the lesion's centre
DENT_MM = (11.0, 8.0)  # half width and half depth of a depressed endplate
SAMPLED = ((np.arange(5) - 2) / 5, (-0.25, 0.25), (-0.25, 0.25))  # of a voxel
SAMPLES = 20
Grid = NDArray[np.float32]


@frozen(kw_only=True)
class Fracture:
    """A body that has lost height: its upper endplate is lower, and disc fills the space.

    Parameters
    ----------
    wedge_mm
        Loss of height at the anterior wall, none at the posterior one.
    dent_mm
        Depth of a depression in the middle of the upper endplate.
    """

    wedge_mm: float
    dent_mm: float

    def compute_loss_mm(self, local: NDArray[np.float64], body: Vertebra) -> NDArray[np.float64]:
        """Return by how much the endplate is lower at points of the body's frame."""
        x, y, _ = local
        wedge = self.wedge_mm * np.clip(0.5 - y / body.depth_mm, 0, 1)
        dent = self.dent_mm * np.exp(-((x / DENT_MM[0]) ** 2) - ((y + 1) / DENT_MM[1]) ** 2)
        loss: NDArray[np.float64] = wedge + dent
        return loss


@frozen(kw_only=True)
class RoughShape(LesionShape):
    """A lesion whose surface is uneven at several scales; its extent is measured, not stated."""

    roughness: float = 0.0

    def compute_level(self, points_local_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the side of the inequality that is at most 1 inside."""
        level = super().compute_level(points_local_mm)
        halves = (self.half_left_right_mm, self.ap_mm / 2, self.half_height_mm)
        x, y, z = (
            (points_local_mm[axis] - self.centre_local_mm[axis]) / halves[axis] for axis in range(3)
        )
        norm = np.sqrt(x * x + y * y + z * z) + 1e-6
        x, y, z = x / norm, y / norm, z / norm
        # lobes depend on the direction alone, so that the surface has no loose teeth
        lobes = (
            np.sin(3.1 * y + 2.2 * z + self.phase) * np.cos(2.6 * z - 1.5 * x + 2 * self.phase)
            + 0.6 * np.sin(4.3 * z - 3.6 * y + 3 * self.phase)
        )  # fmt: skip
        rough: NDArray[np.float64] = level * (1 + self.roughness * lobes)
        return rough


def _inside_body_mm(
    local: NDArray[np.float64], body: Vertebra, fracture: Fracture | None = None
) -> NDArray[np.float64]:
    """Return the depth below the wall and the endplates, as `phantom.anatomy` paints a body."""
    x, y, z = local
    depth, width, half = body.depth_mm / 2, body.width_mm / 2, body.height_mm / 2
    waist = 1 - 0.085 * (1 - (z / half) ** 2)
    flat = np.where(y > 0, 3.4, 2.3)
    across, along = np.abs(x / (width * waist)), np.abs(y / (depth * waist))
    rim = (across**2.4 + along**flat) ** (1 / 2.4)
    hollow = np.clip(1 - ((x / width) ** 2 + ((y - 1.5) / depth) ** 2) * 1.15, 0, 1)
    endplate = half - 0.075 * body.height_mm * hollow - np.abs(z)
    if fracture is not None:
        rest = half - 0.075 * body.height_mm * hollow - z - fracture.compute_loss_mm(local, body)
        endplate = np.minimum(endplate, rest)
    inside: NDArray[np.float64] = np.minimum((1 - rim) * depth, endplate)
    return inside


@frozen(kw_only=True, eq=False)
class _Window:
    """The pixels around a body, and its local frame at one point of each of them.

    Parameters
    ----------
    cut
        Slices, rows and columns of the window.
    local
        Shape (3, slices, rows, columns): the centre of each voxel in the frame of the body, mm.
    normal, column, row
        Steps through the slice, along a column and along a row, mm in that frame; the first for a
        whole thickness, the others for a pixel.
    """

    cut: tuple[slice, slice, slice]
    local: NDArray[np.float64]
    normal: NDArray[np.float64]
    column: NDArray[np.float64]
    row: NDArray[np.float64]

    def sample_points(self) -> Iterator[NDArray[np.float64]]:
        """Yield `SAMPLES` points of each voxel in turn."""
        for deep, down, across in itertools.product(*SAMPLED):
            step = deep * self.normal + down * self.column + across * self.row
            yield self.local + step[:, None, None, None]


def _window(
    where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription, spot: int
) -> _Window:
    plane = planes[0]
    body = where.spine.vertebrae[spot]
    x, y, z = (float(value) for value in where.place_points(spot, (0.0, 0.0, 0.0)))
    column, row = plane.pixel_from_lps((x, y, z))
    down = (body.height_mm / 2 + 2) / stack.row_spacing_mm
    across = (body.depth_mm / 2 + 6) / stack.column_spacing_mm
    rows = slice(max(int(row - down), 0), int(row + down) + 2)
    columns = slice(max(int(column - across), 0), int(column + across) + 2)
    grid = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    lps = np.stack([compute_points_lps_mm(plane, *grid) for plane in planes], axis=1)
    inverse = np.linalg.inv(where.lps_from_local[spot])
    turn = inverse[:3, :3]
    return _Window(
        cut=(slice(None), rows, columns),
        local=np.tensordot(turn, lps, axes=1) + inverse[:3, 3][:, None, None, None],
        normal=turn @ np.array(plane.normal) * stack.thickness_mm,
        column=turn @ np.array(plane.column_direction) * stack.row_spacing_mm,
        row=turn @ np.array(plane.row_direction) * stack.column_spacing_mm,
    )


def draw_findings(
    water: Grid, fat: Grid, where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription,
    shape: RoughShape, contrast: Contrast, difficulty: str, rng: np.random.Generator,
    fracture: Fracture | None,
) -> None:  # fmt: skip
    """Put what is abnormal into the two parts of an image."""
    body = where.spine.vertebrae[shape.vertebra]
    levels, _ = build_water_and_fat(contrast)
    lesion = float(levels[Tissue.LESION])  # negative after inversion, as that of marrow is
    window = _window(where, planes, stack, shape.vertebra)
    water, fat = water[window.cut], fat[window.cut]  # views: what is drawn is drawn on the image
    if fracture is not None:
        _draw_fracture(water, fat, window, body, fracture, levels)
    share, other_share = np.zeros_like(water), np.zeros_like(water)
    for local in window.sample_points():
        inside = _inside_body_mm(local, body, fracture) > CORTEX_MM
        share += _lesion_inside(local, shape, inside, difficulty, body) / SAMPLES
        other_share += (_neighbour(local, shape, difficulty, body) & inside) / SAMPLES
    rng_level = 1 + 0.08 * ndimage.gaussian_filter(rng.standard_normal(share.shape), (0, 2, 2)) * 4
    if difficulty != CASES_WITHOUT_LESION:
        water += share * (lesion * rng_level.astype(np.float32) - water)
        fat -= share * fat
    if difficulty == "second lesion":
        water += other_share * (lesion - water)
        fat -= other_share * fat
    elif difficulty == "haemangioma":
        fat += other_share * 0.1 * fat
        water += other_share * (0.55 * lesion - water)
    elif difficulty == "endplate change":
        water += 0.5 * other_share * (0.8 * lesion - water)
        fat -= 0.5 * other_share * fat


def _draw_fracture(
    water: Grid, fat: Grid, window: _Window, body: Vertebra, fracture: Fracture,
    levels: NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill what the body has lost with disc, and draw its new endplate."""
    disc, cortex = np.zeros_like(water), np.zeros_like(water)
    for local in window.sample_points():
        whole = _inside_body_mm(local, body) > -0.5
        depth = _inside_body_mm(local, body, fracture)
        disc += (whole & (depth <= 0)) / SAMPLES
        cortex += (whole & (depth > 0) & (depth <= CORTEX_MM)) / SAMPLES
    for share, level in ((disc, levels[Tissue.NUCLEUS]), (cortex, levels[Tissue.CORTEX])):
        water += share * (level - water)
        fat -= share * fat


def _lesion_inside(
    local: NDArray[np.float64], shape: RoughShape, inside: NDArray[np.bool_], difficulty: str,
    body: Vertebra,
) -> Grid:  # fmt: skip
    level = shape.compute_level(local)
    if difficulty == "infiltrating":
        share = np.clip((1.18 - level) / 0.36, 0, 1) * inside
    else:
        share = (level <= 1) & inside
    if difficulty == "epidural":
        x, y, z = local
        up = (z - shape.centre_local_mm[2]) / (shape.half_height_mm * 0.9)
        blob = ((y - body.depth_mm / 2 + 1) / 4.0) ** 2 + up**2 + (x / 7) ** 2 < 1
        share = np.maximum(share, blob & (level < 8) & (y > body.depth_mm / 2 * 0.9))
    lesion_share: Grid = share.astype(np.float32)
    return lesion_share


def _neighbour(
    local: NDArray[np.float64], shape: RoughShape, difficulty: str, body: Vertebra
) -> NDArray[np.bool_]:
    """Return what lies next to the lesion in the same body."""
    x, y, z = local
    back = shape.centre_local_mm[1] + shape.ap_mm / 2
    front = shape.centre_local_mm[1] - shape.ap_mm / 2
    if difficulty == "second lesion":
        room = body.depth_mm / 2 - 2.5 - (back + 2.5)  # marrow stays between both, and at the wall
        half = min(max(room / 2, 0.1), 4.2)
        return ((y - back - 2.5 - half) / half) ** 2 + (z / 5) ** 2 + (x / 7) ** 2 < 1
    if difficulty == "haemangioma":
        up = math.copysign(body.height_mm / 2 - 5, -shape.centre_local_mm[2])
        side = front - 4 if -front < body.depth_mm / 2 - 7 else back + 5
        return ((y - side) / 3.5) ** 2 + ((z - up) / 4) ** 2 + (x / 6) ** 2 < 1
    if difficulty == "endplate change":
        return (body.height_mm / 2 - np.abs(z) < 4.5) & (z > 0) & (y < 0)
    return np.zeros(y.shape, np.bool_)


def measure_true_extent_mm(
    where: Posture, planes: tuple[ImagePlane, ...], stack: Prescription, shape: RoughShape,
    body: Vertebra, fracture: Fracture | None,
) -> float:  # fmt: skip
    """Take the longest run of lesion along the AP axis over the native slices."""
    spot = shape.vertebra
    normal = np.array(planes[0].normal)
    axis = where.lps_from_local[spot][:3, 1]
    axis = axis - normal * (axis @ normal)
    axis /= np.linalg.norm(axis)
    across = np.cross(normal, axis)
    inverse = np.linalg.inv(where.lps_from_local[spot])
    reach = (ROUGHEST * shape.ap_mm / 2 + 1, ROUGHEST * shape.half_height_mm + 1)
    along = np.arange(-reach[0], reach[0], FINE_MM[0])
    beside = np.arange(-reach[1], reach[1], FINE_MM[1])
    longest = 0.0
    centre = where.place_points(spot, shape.centre_local_mm)
    for plane in planes:
        if abs((centre - np.array(plane.position_lps_mm)) @ normal) > 9:
            continue  # a lesion is longest near its middle
        origin = centre - normal * ((centre - np.array(plane.position_lps_mm)) @ normal)
        half = np.zeros((len(beside), len(along)))
        for depth in (np.arange(5) - 2) / 5 * stack.thickness_mm:
            lps = (origin + normal * depth)[:, None, None] + (
                across[:, None, None] * beside[:, None] + axis[:, None, None] * along
            )
            local = np.tensordot(inverse[:3, :3], lps, axes=1) + inverse[:3, 3][:, None, None]
            inside = _inside_body_mm(local, body, fracture) > CORTEX_MM
            half += (shape.compute_level(local) <= 1) & inside
        labels, count = ndimage.label(half >= 2.5, np.ones((3, 3)))
        for label in range(1, count + 1):
            region = labels == label
            for line in region[region.any(axis=1)]:
                edges = np.flatnonzero(np.diff(np.pad(line.astype(np.int8), 1)))
                longest = max(longest, float((edges[1::2] - edges[::2]).max()) * FINE_MM[0])
    return longest
