"""One step of Gauss-Newton on six numbers, with Tukey's weights, at several places at once.

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

TUKEY: Final = 4.685  # 95% efficiency where errors are normal
STRICT_TUKEY: Final = 2.5  # the last steps: neighbours that bent away have no say (docs: benchmark)
MAD_TO_SD: Final = 1.4826
LEAST_POINTS: Final = 200
SPREAD_POINTS: Final = 1000  # about so many tell how far the points disagree
LARGEST_STEP: Final = np.array([6.0, 6.0, 6.0, 0.1, 0.1, 0.1])  # mm, radians
LEVERS: Final = np.array([1.0, 1.0, 1.0, LEVER_MM, LEVER_MM, LEVER_MM])
LEAST_SLICE_MOTION_MM: Final = 0.01
LEAST_SHARE: Final = 0.05  # of a sequence that does not correlate, next to others that do


@frozen(kw_only=True, eq=False)
class Equations:
    """One step of Gauss-Newton for one sequence at n places: both sides, and what they rest on.

    Parameters
    ----------
    normal, right
        Shapes (n, m, m) and (n, m); 0 where too little of the template is on the image.
    correlation
        Shape (n,): how well the images correlate, `LEAST_SHARE` to 1.
    weights, residual
        Shape (n, points): of each point, robust weights included.
    """

    normal: FloatArray
    right: FloatArray
    correlation: FloatArray
    weights: Float32Array
    residual: Float32Array


def build_normal_equations(
    template: Template,
    image: Layer,
    image_from_template: FloatArray,
    part: NDArray[np.bool_] | None = None,
    *,
    strict: bool = False,
) -> Equations:
    """Return the equations of one step at places (n, 4, 4), of all points or of a part at each."""
    moving_values, inside = sample(template, image, image_from_template, cubic=strict)
    weights = template.weights * (inside if part is None else inside & part)
    weights *= (np.count_nonzero(weights, axis=1) >= LEAST_POINTS)[:, None]
    matched_values, correlation = _match(template.values, moving_values, weights)
    weights = weights * _compute_tukey_weights(
        moving_values - matched_values, weights, STRICT_TUKEY if strict else TUKEY
    )
    residual = moving_values - _match(template.values, moving_values, weights)[0]
    count, size = len(image_from_template), template.slopes.shape[1]
    if count == 1:
        weighted = template.slopes * weights[0][:, None]
        normal = (weighted.T @ template.slopes)[None]
    else:
        normal = (weights @ template.products).reshape(count, size, size)
    return Equations(
        normal=normal.astype(np.float64),
        right=((weights * residual) @ template.slopes).astype(np.float64),
        correlation=np.clip(correlation, LEAST_SHARE, 1).astype(np.float64),
        weights=weights,
        residual=residual,
    )


def sum_equations(parts: Sequence[Equations]) -> tuple[FloatArray, FloatArray]:
    """Add the equations of the sequences, each with the share that its correlation gives it."""
    if len(parts) == 1:
        return parts[0].normal, parts[0].right
    normal = sum(part.correlation[:, None, None] * part.normal for part in parts)
    right = sum(part.correlation[:, None] * part.right for part in parts)
    return np.asarray(normal), np.asarray(right)


def free_slices(
    template: Template, equations: Equations, motion_mm: float
) -> tuple[Equations, float]:
    """Let each slice of the template have a small shift of its own, and eliminate these shifts.

    A patient moves between the slices of one acquisition. Left out, such shifts look like a
    rotation of the vertebra; with a prior of zero mean they cannot replace the common motion
    (a mixed model, solved by the Schur complement; its variance by a step of EM).

    Parameters
    ----------
    equations
        Of one place.
    motion_mm
        Standard deviation of each slice's own motion, as estimated so far.

    Returns
    -------
    tuple
        The equations without the slices' motion, and its new standard deviation, mm.
    """
    weights, residual = equations.weights[0], equations.residual[0]
    if not weights.any():
        return equations, motion_mm
    variance = float((weights * residual * residual).sum() / weights.sum())
    prior = variance / motion_mm**2 * np.eye(3)
    normal, right = equations.normal[0], equations.right[0]
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
    free_equations = evolve(equations, normal=normal[None], right=right[None])
    return free_equations, max(math.sqrt(np.mean(squares)), LEAST_SLICE_MOTION_MM)


def sample(
    template: Template, image: Layer, images_from_template: FloatArray, *, cubic: bool = False
) -> tuple[Float32Array, NDArray[np.bool_]]:
    """Sample an image at n places of a template: values (n, points), and which lie on it."""
    turns = images_from_template[:, :3, :3]
    centres = turns @ template.centre_lps_mm + images_from_template[:, :3, 3]
    points = turns.astype(np.float32) @ template.points + centres.astype(np.float32)[:, :, None]
    values, inside = image.interpolate(points.swapaxes(0, 1).reshape(3, -1), cubic=cubic)
    shape = (len(turns), -1)
    return values.reshape(shape), inside.reshape(shape)


def _compute_tukey_weights(
    residual: Float32Array, weights: Float32Array, patience: float
) -> Float32Array:
    """Weigh each point by how well it agrees once gain and offset are matched."""
    if not residual.size:  # the template lies beside its image
        return np.ones_like(residual)
    step = max(residual.shape[1] // SPREAD_POINTS, 1)
    has_weight = weights[:, ::step] > 0
    sizes = np.where(has_weight, np.abs(residual[:, ::step]), np.inf)
    sizes.sort(axis=1)
    counts = np.count_nonzero(has_weight, axis=1)
    medians = sizes[np.arange(len(sizes)), np.maximum(counts - 1, 0) // 2]
    spread = np.where(counts > 0, medians, 0.0)
    limit = np.maximum(patience * MAD_TO_SD * spread, 1e-6).astype(np.float32)
    far = residual / limit[:, None]
    tukey_weights: Float32Array = np.clip(1 - far * far, 0, None) ** 2
    return tukey_weights


def _match(
    values: Float32Array, image_values: Float32Array, weights: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Return the template with the gain and offset at which it is nearest to the image.

    Returns
    -------
    tuple
        The matched templates (n, points), and their correlations with the image (n,).
    """
    total = np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-9))
    mean_seen = (weights * image_values).sum(axis=1, keepdims=True) / total
    mean_values = (weights @ values)[:, None] / total
    a, b = image_values - mean_seen, values - mean_values
    weighted = weights * b
    across = (weighted * a).sum(axis=1)
    own = np.maximum((weighted * b).sum(axis=1), np.float32(1e-9))
    gain = np.maximum(across / own, np.float32(0.2))[:, None]
    norm = np.sqrt(own * np.maximum((weights * a * a).sum(axis=1), np.float32(1e-9)))
    # the stubs of some versions of numpy take the result for doubles
    return np.asarray(gain * b + mean_seen, np.float32), np.asarray(across / norm, np.float32)


def solve(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Return the steps (n, m) of equations (n, m, m) and (n, m); 0 where there are none."""
    size = right.shape[1]
    traces = np.trace(normal, axis1=1, axis2=2)
    damped_normal = normal + np.eye(size) * (1e-4 * np.maximum(traces / size, 1e-9))[:, None, None]
    step = np.linalg.solve(damped_normal, right[..., None])[..., 0]
    if size == len(LEVERS):
        step[:, 3:] /= LEVER_MM
    return np.clip(step, -LARGEST_STEP[:size], LARGEST_STEP[:size])


def measure_largest_mm(step: FloatArray) -> FloatArray:
    """Return the largest component of each step, turns by what they do at the lever."""
    largest: FloatArray = np.abs(step * LEVERS[: step.shape[1]]).max(axis=1)
    return largest


def move_about(centre: FloatArray, step: FloatArray) -> FloatArray:
    """Return the motions (n, 4, 4) that turn about a centre and shift, of steps (n, 3 or 6)."""
    matrix = np.tile(np.eye(4), (len(step), 1, 1))
    if step.shape[1] == len(LEVERS):
        matrix[:, :3, :3] = Rotation.from_rotvec(step[:, 3:]).as_matrix()
    matrix[:, :3, 3] = centre + step[:, :3] - matrix[:, :3, :3] @ centre
    return matrix
