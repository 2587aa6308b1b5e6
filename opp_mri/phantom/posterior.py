"""What lies behind the vertebral bodies: canal, arches, muscles and the back.

Part of `anatomy`, which paints in this order; all lengths in mm in the straight frame.
"""

import functools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.phantom.canvas import Axis, Canvas, smooth_noise
from opp_mri.phantom.spine import Spine, Vertebra
from opp_mri.phantom.tissue import Tissue

SAC_AP_MM, SAC_LR_MM = 7.4, 9.5  # half axes of the thecal sac
EPIDURAL_MM: Final = 1.6
ARCH_FROM_CANAL_MM: Final = 3.4


def compute_canal_axis_mm(vertebra: Vertebra) -> float:
    """Return the distance of the middle of the thecal sac behind the centre of the body."""
    return vertebra.depth_mm / 2 + EPIDURAL_MM + _compute_sac_ap_mm(vertebra)


def paint_muscles(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Paint the muscles of the back, with fat in streaks along their fibres."""
    z, y, x = canvas.get_axes()
    upward_vertebrae = spine.vertebrae[::-1]
    behind = _interpolate_along(z, upward_vertebrae, [v.depth_mm / 2 - 2 for v in upward_vertebrae])
    deep = (y > behind) & (np.abs(x) > 2.0)
    canvas.put(Tissue.MUSCLE, deep)
    streaks = smooth_noise(rng, canvas, (22.0, 2.6, 3.4))
    canvas.put(Tissue.FAT, deep & (streaks > 1.35 - 0.004 * np.clip(-z, 0, 200)))


def paint_back(canvas: Canvas, spine: Spine, fat_mm: float, rng: np.random.Generator) -> None:
    """Paint fascia, subcutaneous fat, skin and the air behind it."""
    z, y, x = canvas.get_axes()
    upward_vertebrae = spine.vertebrae[::-1]
    fascia = _interpolate_along(
        z, upward_vertebrae, [_compute_tip_mm(v) + 3.5 for v in upward_vertebrae]
    )
    fascia = fascia - 5 * np.exp(-((x / 5) ** 2)) + 4
    ripple = 0.8 * np.sin(z / 23 + rng.uniform(0, 6))
    skin = _smooth(fascia.mean(axis=2, keepdims=True), 60) + fat_mm + ripple
    canvas.put(Tissue.FAT, y > fascia)
    septa = smooth_noise(rng, canvas, (3.0, 9.0, 12.0))
    canvas.put(Tissue.LIGAMENT, (y > fascia + 2) & (septa > 2.3))
    canvas.put(Tissue.LIGAMENT, (y > fascia) & (y < fascia + 1.3))
    canvas.put(Tissue.SKIN, y > skin - 1.8)
    canvas.put(Tissue.AIR, y > skin)


def paint_canal(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Paint epidural fat, the thecal sac, the cord and the cauda equina."""
    upward_vertebrae = spine.vertebrae[::-1]
    z, y, x = canvas.get_axes()
    axis = _interpolate_along(
        z, upward_vertebrae, [compute_canal_axis_mm(v) for v in upward_vertebrae]
    )
    sac_ap = _interpolate_along(
        z, upward_vertebrae, [_compute_sac_ap_mm(v) for v in upward_vertebrae]
    )
    sac_lr = sac_ap * SAC_LR_MM / SAC_AP_MM
    y = y - axis
    canvas.put(Tissue.FAT, (x / (sac_lr + 2)) ** 2 + (y / (sac_ap + EPIDURAL_MM)) ** 2 < 1)
    sac = (x / sac_lr) ** 2 + (y / sac_ap) ** 2
    canvas.put(Tissue.LIGAMENT, sac < 1.09)
    canvas.put(Tissue.CSF, sac < 0.96)
    strands = smooth_noise(rng, canvas, (70.0, 1.9, 2.2))
    sunk = np.clip(y / sac_ap, -0.6, 1)  # roots sink to the back of the sac
    end_of_cord = _find_conus_mm(spine)
    roots = (strands > 0.95 - 1.5 * sunk) & (sac < 0.8) & (z < end_of_cord + 30)
    canvas.put(Tissue.ROOTS, roots)
    taper = np.clip((z - end_of_cord) / 32, 0, 1) ** 0.6
    cord = (x / (4.6 * taper + 1e-3)) ** 2 + ((y - 0.4) / (3.6 * taper + 1e-3)) ** 2 < 1
    canvas.put(Tissue.CORD, cord & (taper > 0.05))


def paint_arch_space(canvas: Canvas, vertebra: Vertebra, rng: np.random.Generator) -> None:
    """Paint what fills the gaps of the arch: foraminal and epidural fat, roots, ligaments."""
    if vertebra.level.startswith("S"):
        return
    reach = vertebra.height_mm / 2 + vertebra.disc_mm
    axis, back = compute_canal_axis_mm(vertebra), _compute_canal_back_mm(vertebra)
    box = canvas.cut_box(
        (vertebra.z_mm - reach, vertebra.z_mm + reach / 2),
        (0, _compute_tip_mm(vertebra) + 6),
        (-26, 26),
    )
    z, y, x = box.get_axes()
    z = z - vertebra.z_mm
    aside = np.abs(x)
    foramen = (aside > 8) & (aside < 24) & (y > vertebra.depth_mm / 2 - 3) & (y < axis + 6)
    box.put(Tissue.FAT, foramen)
    under_pedicle = np.hypot(y - vertebra.depth_mm / 2 - 4.5, z + 4.5)
    box.put(Tissue.ROOTS, foramen & (under_pedicle < 3.2))
    box.put(Tissue.VEIN, foramen & (np.hypot(y - axis + 4, z + 11) < 1.5))
    # between the spinous processes: fibres and fat, closed behind by the supraspinous ligament
    between = (aside < 4) & (y > back) & (y < _compute_tip_mm(vertebra))
    fibres = smooth_noise(rng, box, (2.2, 9.0, 3.0)) > 0.1
    box.put(Tissue.FAT, between & ~fibres)
    box.put(Tissue.MUSCLE, between & fibres)
    box.put(Tissue.LIGAMENT, (aside < 4) & (np.abs(y - _compute_tip_mm(vertebra) - 1.2) < 1.2))
    box.put(Tissue.FAT, (aside < 5.5 - 0.5 * (y - back)) & (y > back - 3) & (y < back + 7))
    flavum = np.abs(y - back - 1.2 - 0.55 * np.clip(5 - aside, 0, None)) < 1.4
    box.put(Tissue.LIGAMENT, flavum & (aside < 10))


def paint_arch(canvas: Canvas, vertebra: Vertebra) -> None:
    """Paint pedicles, articular pillars, laminae and the spinous process."""
    half = vertebra.height_mm / 2
    axis, back, tip = (
        compute_canal_axis_mm(vertebra),
        _compute_canal_back_mm(vertebra),
        _compute_tip_mm(vertebra),
    )
    low = 30.0 if vertebra.level.startswith("T") else half + vertebra.disc_mm
    box = canvas.cut_box(
        (vertebra.z_mm - low - 4, vertebra.z_mm + half + 4), (0, tip + 2), (-24, 24)
    )
    z, y, x = box.get_axes()
    z = z - vertebra.z_mm
    aside = np.abs(x)
    sacral = vertebra.level.startswith("S")
    # each is at most 1 inside, with the distance to the edge in mm below it
    lamina_z = np.where(aside < 3, -1.0, -2.0) - half * 0.15
    lamina = _intersect_all(
        [
            aside - 13,
            np.abs(y - back - 4.5 - 0.1 * (13 - aside)) - 3.4,
            np.abs(z - lamina_z) - half * 0.62,
        ]
    )
    _paint_bone(box, lamina)
    if not sacral:
        pedicle = np.maximum(
            np.hypot((aside - 14) / 0.9, (z - half * 0.40) / 1.15) - 5.2,
            np.maximum(vertebra.depth_mm / 2 - 4 - y, y - axis - 8),
        )
        _paint_bone(box, pedicle)
        pillar = np.maximum(
            np.hypot((aside - 16) / 1.0, (y - axis - 9 - 0.18 * z) / 0.9) - 6.0,
            np.abs(z + half * 0.25) - half * 1.05,
        )
        _paint_bone(box, pillar)
    droop = 0.85 if vertebra.level.startswith("T") and int(vertebra.level[1:]) < 11 else 0.22
    along = y - back - 4
    middle = -half * 0.25 - droop * along
    tall = np.clip(half * (0.42 if droop > 0.5 else 0.52) + 0.10 * along, 0, 11)
    curvature = np.clip(along - (tip - back - 4) + 7, 0, None) ** 2 / 10
    spinous = _intersect_all(
        [aside - 3.4 - 0.04 * along, np.abs(z - middle) - tall + curvature, -along, y - tip]
    )
    _paint_bone(box, spinous)


def _paint_bone(box: Canvas, outside_mm: NDArray[np.floating]) -> None:
    box.put(Tissue.CORTEX, outside_mm < 0.3)
    box.put(Tissue.MARROW, outside_mm < -0.9)


def _compute_sac_ap_mm(vertebra: Vertebra) -> float:
    shrinks = {"S1": 0.72, "S2": 0.45, "S3": 0.15, "S4": 0.1}
    thoracic = 0.92 if vertebra.level.startswith("T") else 1.0
    return SAC_AP_MM * shrinks.get(vertebra.level, thoracic)


def _compute_canal_back_mm(vertebra: Vertebra) -> float:
    return compute_canal_axis_mm(vertebra) + _compute_sac_ap_mm(vertebra) + ARCH_FROM_CANAL_MM - 1.5


def _compute_tip_mm(vertebra: Vertebra) -> float:
    length = 18.0 if vertebra.level.startswith("S") else 30.0
    return _compute_canal_back_mm(vertebra) + length


def _find_conus_mm(spine: Spine) -> float:
    """Return the end of the cord in z: within L1, or beyond the section where that is higher up."""
    ends = [v.z_mm for v in spine.vertebrae if v.level == "L1"]
    return ends[0] if ends else spine.vertebrae[-1].z_mm - 200


def _interpolate_along(
    z: Axis, vertebrae: tuple[Vertebra, ...], values: list[float]
) -> NDArray[np.float32]:
    """Interpolate a value of each vertebra, caudal first, along z."""
    return np.interp(z, [vertebra.z_mm for vertebra in vertebrae], values).astype(np.float32)


def _smooth(line: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    padded_line = np.pad(line[:, 0, 0], cells, mode="edge")
    mean = np.convolve(padded_line, np.ones(2 * cells + 1) / (2 * cells + 1), mode="valid")
    return mean.astype(np.float32)[:, None, None]


def _intersect_all(outside_mm: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    return functools.reduce(np.maximum, outside_mm)
