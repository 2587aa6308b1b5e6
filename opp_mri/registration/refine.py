"""From a rough place to a fine one: Gauss-Newton on six numbers, with Tukey's weights.

The template is fixed and its derivatives are taken once (inverse compositional, Baker and Matthews
2004); what disagrees by far, such as a lesion that grew, loses its say (Tukey's biweight).
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Float32Array, Layer
from opp_mri.registration.template import LEVER_MM, Template

TUKEY: Final = 4.685  # 95 % efficiency where errors are normal
STRICT_TUKEY: Final = 2.5  # the last steps: neighbours that bent away have no say (docs: benchmark)
MAD_TO_SD: Final = 1.4826
LEAST_POINTS: Final = 200
LARGEST_STEP: Final = np.array([6.0, 6.0, 6.0, 0.1, 0.1, 0.1])  # mm, radians
LEVERS: Final = np.array([1.0, 1.0, 1.0, LEVER_MM, LEVER_MM, LEVER_MM])
STILL_MM: Final = 0.02  # a step below this ends the rough work
VERY_STILL_MM: Final = 0.004  # ... and the last steps

SLICE_MOTION_MM: Final = 0.3  # each slice, each direction: where the estimate starts
LEAST_SLICE_MOTION_MM: Final = 0.01
LEAST_SHARE: Final = 0.05  # of a sequence that does not correlate, next to others that do


def refine(
    templates: Sequence[Template],
    images: Sequence[Layer],
    image_from_template: FloatArray,
    iterations: int,
    *,
    strict: bool = False,
) -> FloatArray:
    """Turn and shift until the images agree with the templates.

    Parameters
    ----------
    templates, images
        What stays, and what is sampled: a pair for each sequence of a visit. All share one motion
        and one centre; a pair that does not correlate has little weight.
    image_from_template
        Shape (4, 4): the start, from template to image coordinates, LPS mm.
    iterations
        At most this many steps.
    strict
        For the last steps: with cubic interpolation, less patience with what disagrees, and
        slices that may each have moved a little (`_free_slices`).

    Returns
    -------
    numpy.ndarray
        Shape (4, 4); the start where too little of the templates lies on the images.
    """
    transform = image_from_template
    centre = templates[0].centre_lps_mm
    motions: list[float | None] = [SLICE_MOTION_MM if strict else None for _ in templates]
    for _ in range(iterations):
        size = templates[0].slopes.shape[1]
        normal, right = np.zeros((size, size)), np.zeros(size)
        for index, (template, image) in enumerate(zip(templates, images, strict=True)):
            part = _build_normal_equations(template, image, transform, motions[index])
            if part is not None:
                share = part.correlation if len(templates) > 1 else 1.0
                normal += share * part.normal
                right += share * part.right
                motions[index] = part.slice_motion_mm
        step = _solve(normal, right)
        if step is None:
            return transform
        transform = transform @ _move_about(centre, -step)
        largest_mm = float(np.abs(step * LEVERS[: len(step)]).max())
        if largest_mm < (VERY_STILL_MM if strict else STILL_MM):
            break
    return transform


def correlate(
    templates: Sequence[Template], images: Sequence[Layer], image_from_template: FloatArray
) -> tuple[float, float]:
    """Return the weighted correlation of images and templates, and the share that is on the images.

    Several sequences are taken as one long image. The correlation is 0 where they share too little
    to tell.
    """
    total = shared = across = own = image_energy = 0.0
    for template, image in zip(templates, images, strict=True):
        values, inside = _look(template, image, image_from_template)
        weights = template.weights * inside
        total += float(template.weights.sum())
        shared += float(weights.sum())
        if np.count_nonzero(weights) < LEAST_POINTS:
            continue
        a = values - np.average(values, weights=weights)
        b = template.values - np.average(template.values, weights=weights)
        across += float((weights * a * b).sum())
        own += float((weights * a * a).sum())
        image_energy += float((weights * b * b).sum())
    norm = math.sqrt(own * image_energy)
    return (across / norm if norm > 0 else 0.0), (shared / total if total > 0 else 0.0)


def stretch(
    templates: Sequence[Template],
    images: Sequence[Layer],
    image_from_template: FloatArray,
    iterations: int,
) -> FloatArray | None:
    """Return the size of the images over that of the templates, along z and y of the templates.

    The motion is estimated with it, and not given.

    Parameters
    ----------
    templates
        Neighbourhoods of the fixed images, one a sequence.
    images
        The moving images, in the same order.
    image_from_template
        Shape (4, 4): where a point of the templates lies in the images, LPS mm.
    iterations
        Steps of the estimate.

    Returns
    -------
    numpy.ndarray or None
        Shape (2,): along the spine (z) and from front to back (y). None where too little of the
        templates lies on the images.
    """
    sizes = np.ones(2)
    transform = image_from_template
    for _ in range(iterations):
        normal, right = np.zeros((8, 8)), np.zeros(8)
        for template, image in zip(templates, images, strict=True):
            growing_template = evolve(
                template,
                points=template.points * np.array([[1], [sizes[1]], [sizes[0]]], np.float32),
                slopes=np.column_stack(
                    [
                        template.slopes,
                        template.slopes[:, 2] * template.points[2] / np.float32(LEVER_MM),
                        template.slopes[:, 1] * template.points[1] / np.float32(LEVER_MM),
                    ]
                ),
            )
            part = _build_normal_equations(growing_template, image, transform)
            if part is not None:
                normal += part.correlation * part.normal
                right += part.correlation * part.right
        if not normal.any():
            return None
        normal += np.eye(8) * 1e-4 * max(float(np.trace(normal)) / 8, 1e-9)
        step = np.linalg.solve(normal, right)
        step[3:] /= LEVER_MM
        transform = transform @ _move_about(
            templates[0].centre_lps_mm, -np.clip(step[:6], -LARGEST_STEP, LARGEST_STEP)
        )
        sizes = sizes * (1 - np.clip(step[6:], -0.02, 0.02))
    return sizes


def measure_block_shifts(
    templates: Sequence[Template],
    images: Sequence[Layer],
    image_from_template: FloatArray,
    iterations: int,
) -> FloatArray:
    """Let each eighth of the templates find its own place, by shifts only.

    Parameters
    ----------
    templates
        Neighbourhoods of the fixed images, one a sequence.
    images
        The moving images, in the same order.
    image_from_template
        Shape (4, 4): where a point of the templates lies in the images, LPS mm.
    iterations
        Steps of the estimate.

    Returns
    -------
    numpy.ndarray
        Shape (blocks, 3): how far each moved, LPS mm; only blocks that hold enough of the images.
    """
    octants = [
        sum(((template.points[axis] > 0) * 2**axis for axis in range(3)), start=np.zeros(1, int))
        for template in templates
    ]
    centre = np.append(templates[0].centre_lps_mm, 1.0)
    shifts = []
    for octant in range(8):
        blocks = [
            template.select(np.flatnonzero((own == octant) & (template.weights > 0)))
            for template, own in zip(templates, octants, strict=True)
        ]
        if sum(block.values.size for block in blocks) < LEAST_POINTS:
            continue
        moving = [block.restrict_to_shifts() for block in blocks]
        block_transform = refine(moving, images, image_from_template, iterations)
        if block_transform is not image_from_template:
            shifts.append((block_transform @ centre - image_from_template @ centre)[:3])
    return np.array(shifts).reshape(-1, 3)


@frozen(kw_only=True, eq=False)
class Equations:
    """One step of Gauss-Newton for one sequence: both sides, and what they rest on.

    Parameters
    ----------
    normal, right
        Shapes (n, n) and (n,).
    correlation
        How well the images correlate, `LEAST_SHARE` to 1.
    slice_motion_mm
        Standard deviation of each slice's own motion; None where slices lie as the header has
        them.
    """

    normal: FloatArray
    right: FloatArray
    correlation: float
    slice_motion_mm: float | None


def _build_normal_equations(
    template: Template,
    image: Layer,
    image_from_template: FloatArray,
    slice_motion_mm: float | None = None,
) -> Equations | None:
    """Return the equations of one step; None where too little of the template is on the image.

    A standard deviation of the slices' motion asks for the last steps: see `refine`.
    """
    last = slice_motion_mm is not None
    moving_values, inside = _look(template, image, image_from_template, cubic=last)
    weights = template.weights * inside
    if np.count_nonzero(weights) < LEAST_POINTS:
        return None
    matched_values, correlation = _match(template.values, moving_values, weights)
    weights = weights * _compute_tukey_weights(
        moving_values - matched_values, weights, STRICT_TUKEY if last else TUKEY
    )
    residual = moving_values - _match(template.values, moving_values, weights)[0]
    weighted = template.slopes * weights[:, None]
    equations = Equations(
        normal=(weighted.T @ template.slopes).astype(np.float64),
        right=(weighted.T @ residual).astype(np.float64),
        correlation=float(np.clip(correlation, LEAST_SHARE, 1)),
        slice_motion_mm=slice_motion_mm,
    )
    if slice_motion_mm is None:
        return equations
    return _free_slices(template, weights, residual, equations, slice_motion_mm)


def _free_slices(
    template: Template,
    weights: Float32Array,
    residual: Float32Array,
    equations: Equations,
    motion_mm: float,
) -> Equations:
    """Let each slice of the template have a small shift of its own, and eliminate these shifts.

    A patient moves between the slices of one acquisition. Left out, such shifts look like a
    rotation of the vertebra; with a prior of zero mean they cannot replace the common motion
    (a mixed model, solved by the Schur complement; its variance by a step of EM).
    """
    variance = float((weights * residual * residual).sum() / weights.sum())
    prior = variance / motion_mm**2 * np.eye(3)
    normal, right = equations.normal, equations.right
    squares = []
    for index in np.unique(template.slices):
        indices = np.flatnonzero((template.slices == index) & (weights > 0))
        slopes = template.slopes[indices].astype(np.float64)
        weighted = slopes[:, :3] * weights[indices, None]
        own = np.linalg.inv(weighted.T @ slopes[:, :3] + prior)
        across, right_part = weighted.T @ slopes, weighted.T @ residual[indices]
        normal = normal - across.T @ own @ across
        right = right - across.T @ own @ right_part
        squares.append(float(np.sum((own @ right_part) ** 2) + variance * np.trace(own)) / 3)
    return evolve(
        equations,
        normal=normal,
        right=right,
        slice_motion_mm=max(math.sqrt(np.mean(squares)), LEAST_SLICE_MOTION_MM),
    )


def _look(
    template: Template, image: Layer, image_from_template: FloatArray, *, cubic: bool = False
) -> tuple[Float32Array, NDArray[np.bool_]]:
    centre = image_from_template[:3, :3] @ template.centre_lps_mm + image_from_template[:3, 3]
    turned_points = image_from_template[:3, :3].astype(np.float32) @ template.points
    return image.interpolate(turned_points + centre.astype(np.float32)[:, None], cubic=cubic)


def _compute_tukey_weights(
    residual: Float32Array, weights: Float32Array, patience: float
) -> Float32Array:
    """Weigh each point by how well it agrees once gain and offset are matched."""
    spread = MAD_TO_SD * float(np.median(np.abs(residual[weights > 0])))
    far = residual / np.float32(max(patience * spread, 1e-6))
    tukey_weights: Float32Array = np.clip(1 - far * far, 0, None) ** 2
    return tukey_weights


def _match(
    values: Float32Array, image_values: Float32Array, weights: Float32Array
) -> tuple[Float32Array, float]:
    """Return the template with the gain and offset at which it is nearest to the image.

    Returns
    -------
    tuple
        The matched template, and its correlation with the image.
    """
    total = weights.sum()
    mean_seen, mean_values = (
        (weights * image_values).sum() / total,
        (weights * values).sum() / total,
    )
    a, b = image_values - mean_seen, values - mean_values
    across, own = (weights * a * b).sum(), max(float((weights * b * b).sum()), 1e-9)
    matched_values: Float32Array = max(across / own, np.float32(0.2)) * b + mean_seen
    norm = math.sqrt(own * max(float((weights * a * a).sum()), 1e-9))
    return matched_values, float(across) / norm


def _solve(normal: FloatArray, right: FloatArray) -> FloatArray | None:
    if not normal.any():
        return None
    size = len(right)
    normal = normal + np.eye(size) * 1e-4 * max(float(np.trace(normal)) / size, 1e-9)
    try:
        step = np.linalg.solve(normal, right)
    except np.linalg.LinAlgError:
        return None
    if size == len(LEVERS):
        step[3:] /= LEVER_MM
    return np.clip(step, -LARGEST_STEP[:size], LARGEST_STEP[:size])


def _move_about(centre: FloatArray, step: FloatArray) -> FloatArray:
    """Return the motion that turns about a centre and shifts, (4, 4)."""
    matrix = np.eye(4)
    if len(step) == len(LEVERS):
        matrix[:3, :3] = Rotation.from_rotvec(step[3:]).as_matrix()
    matrix[:3, 3] = centre + step[:3] - matrix[:3, :3] @ centre
    return matrix
