"""From a rough place to a fine one: Gauss-Newton on six numbers, with Tukey's weights.

The template is fixed and its derivatives are taken once (inverse compositional, Baker and Matthews
2004); what disagrees by far, such as a lesion that grew, loses its say (Tukey's biweight).
"""

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.layers import Float32Array, Layer

TUKEY = 4.685  # 95 % efficiency where errors are normal
STRICT_TUKEY = 2.5  # the last steps: neighbours that bent away have no say (docs: benchmark)
MAD_TO_SD = 1.4826
LEAST_POINTS = 200
LEAST_WEIGHT = 0.02  # what counts less is not looked at
LARGEST_STEP = np.array([6.0, 6.0, 6.0, 0.1, 0.1, 0.1])  # mm, radians
LEVER_MM = 30.0  # a turn is measured by what it does at this distance
LEVERS = np.array([1.0, 1.0, 1.0, LEVER_MM, LEVER_MM, LEVER_MM])
STILL_MM = 0.02  # a step below this ends the rough work
VERY_STILL_MM = 0.004  # ... and the last steps


@frozen(kw_only=True, eq=False)
class Template:
    """Points of an image around a centre, with what is known of them.

    Parameters
    ----------
    centre_lps_mm
        Shape (3,): turns are about it.
    points
        Shape (3, n), LPS mm from the centre.
    values, slopes
        Shapes (n,) and (n, 6): the image, and its derivative by shift (per mm) and by turn about
        x, y, z (per `LEVER_MM` mm).
    weights
        Shape (n,), 0 to 1: nearer counts more, the lesion counts nothing.
    """

    centre_lps_mm: FloatArray
    points: Float32Array = field(repr=False)
    values: Float32Array = field(repr=False)
    slopes: Float32Array = field(repr=False)
    weights: Float32Array = field(repr=False)

    def shifting_only(self) -> "Template":
        """Give the template that may shift and not turn."""
        return evolve(self, slopes=self.slopes[:, :3])

    def thin(self, step: int) -> "Template":
        """Give the template of every so many of the points: enough for rough work."""
        return self.select(np.arange(0, len(self.values), step))

    def select(self, chosen: NDArray[np.intp]) -> "Template":
        """Give the template of some of the points."""
        return evolve(
            self,
            points=self.points[:, chosen],
            values=self.values[chosen],
            slopes=self.slopes[chosen],
            weights=self.weights[chosen],
        )


def make_template(
    image: Layer,
    centre_lps_mm: FloatArray,
    half_kji_mm: tuple[float, float, float],
    hole_mm: float,
) -> Template:
    """Take the points of an image in a box along its axes.

    Parameters
    ----------
    image
        The image that stays.
    centre_lps_mm
        Middle of the box.
    half_kji_mm
        Half its size; the weight falls smoothly to 0 at its border.
    hole_mm
        Points nearer to the centre than this count nothing.
    """
    middle = (image.kji_from_lps @ np.append(centre_lps_mm, 1.0))[:3]
    reach = np.array(half_kji_mm) / image.spacing_kji_mm
    low = np.clip(np.ceil(middle - reach), 0, np.array(image.values.shape) - 1).astype(int)
    high = np.clip(np.floor(middle + reach) + 1, low + 1, image.values.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    cut = Layer(
        values=image.values[box],
        lps_from_kji=image.lps_from_kji,
        kji_from_lps=image.kji_from_lps,
        spacing_kji_mm=image.spacing_kji_mm,
    )
    lines = [
        (np.arange(a, b) - m).astype(np.float32) for a, b, m in zip(low, high, middle, strict=True)
    ]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    points = image.lps_from_kji[:3, :3].astype(np.float32) @ offsets
    gradient = cut.gradient_lps().reshape(3, -1)
    turning = np.cross(points, gradient, axis=0) / np.float32(LEVER_MM)
    taper = np.prod(
        [_taper(np.abs(each) / r) for each, r in zip(offsets, reach, strict=True)], axis=0
    )
    near = np.einsum("in,in->n", points, points) < hole_mm**2
    whole = Template(
        centre_lps_mm=np.asarray(centre_lps_mm, np.float64),
        points=points,
        values=cut.values.reshape(-1),
        slopes=np.concatenate([gradient, turning]).T,
        weights=taper.astype(np.float32),
    )
    return whole.select(np.flatnonzero(~near & (taper > LEAST_WEIGHT)))


def refine(
    template: Template,
    image: Layer,
    image_from_template: FloatArray,
    iterations: int,
    *,
    strict: bool = False,
) -> FloatArray:
    """Turn and shift until the image agrees with the template.

    Parameters
    ----------
    template, image
        What stays, and what is sampled.
    image_from_template
        Shape (4, 4): the start, from template to image coordinates, LPS mm.
    iterations
        At most this many steps.
    strict
        For the last steps: with cubic interpolation, and less patience with what disagrees.

    Returns
    -------
    numpy.ndarray
        Shape (4, 4); the start where too little of the template lies on the image.
    """
    placed = image_from_template
    for _ in range(iterations):
        seen, inside = _look(template, image, placed, cubic=strict)
        weights = template.weights * inside
        if np.count_nonzero(weights) < LEAST_POINTS:
            return placed
        weights = weights * _tukey(
            seen, template.values, weights, STRICT_TUKEY if strict else TUKEY
        )
        step = _step(template.slopes, seen - _matched(template.values, seen, weights), weights)
        if step is None:
            return placed
        placed = placed @ _about(template.centre_lps_mm, -step)
        moved = float(np.abs(step * LEVERS[: len(step)]).max())
        if moved < (VERY_STILL_MM if strict else STILL_MM):
            break
    return placed


def similarity(
    template: Template, image: Layer, image_from_template: FloatArray
) -> tuple[float, float]:
    """Give the weighted correlation of image and template, and the share that they have in common.

    The correlation is 0 where they share too little to tell.
    """
    seen, inside = _look(template, image, image_from_template)
    weights = template.weights * inside
    total = float(template.weights.sum())
    overlap = float(weights.sum()) / total if total > 0 else 0.0
    if np.count_nonzero(weights) < LEAST_POINTS:
        return 0.0, overlap
    a = seen - np.average(seen, weights=weights)
    b = template.values - np.average(template.values, weights=weights)
    norm = float(np.sqrt((weights * a * a).sum() * (weights * b * b).sum()))
    return (float((weights * a * b).sum()) / norm if norm > 0 else 0.0), overlap


def block_shifts(
    template: Template, image: Layer, image_from_template: FloatArray, iterations: int
) -> FloatArray:
    """Let each eighth of the template find its own place, by shifts only.

    Returns
    -------
    numpy.ndarray
        Shape (blocks, 3): how far each moved, LPS mm; only blocks that hold enough of the image.
    """
    axes = [template.points[axis] > 0 for axis in range(3)]
    octant = axes[0] * 4 + axes[1] * 2 + axes[2] * 1
    shifts = []
    for which in range(8):
        block = template.select(np.flatnonzero((octant == which) & (template.weights > 0)))
        if block.values.size < LEAST_POINTS:
            continue
        block = block.shifting_only()
        placed = refine(block, image, image_from_template, iterations)
        if placed is not image_from_template:
            here = np.append(template.centre_lps_mm, 1.0)
            shifts.append((placed @ here - image_from_template @ here)[:3])
    return np.array(shifts).reshape(-1, 3)


def _look(
    template: Template, image: Layer, image_from_template: FloatArray, *, cubic: bool = False
) -> tuple[Float32Array, NDArray[np.bool_]]:
    centre = image_from_template[:3, :3] @ template.centre_lps_mm + image_from_template[:3, 3]
    turned = image_from_template[:3, :3].astype(np.float32) @ template.points
    return image.sample(turned + centre.astype(np.float32)[:, None], cubic=cubic)


def _tukey(
    seen: Float32Array, values: Float32Array, weights: Float32Array, patience: float
) -> Float32Array:
    """Weigh each point by how well it agrees once gain and offset are matched."""
    residual = seen - _matched(values, seen, weights)
    spread = MAD_TO_SD * float(np.median(np.abs(residual[weights > 0])))
    far = residual / np.float32(max(patience * spread, 1e-6))
    told: Float32Array = np.clip(1 - far * far, 0, None) ** 2
    return told


def _matched(values: Float32Array, seen: Float32Array, weights: Float32Array) -> Float32Array:
    """Give the template with the gain and offset at which it is nearest to the image."""
    total = weights.sum()
    mean_a, mean_b = (weights * seen).sum() / total, (weights * values).sum() / total
    b = values - mean_b
    gain = (weights * (seen - mean_a) * b).sum() / max(float((weights * b * b).sum()), 1e-9)
    matched: Float32Array = max(gain, np.float32(0.2)) * b + mean_a
    return matched


def _step(slopes: Float32Array, residual: Float32Array, weights: Float32Array) -> FloatArray | None:
    weighted = slopes * weights[:, None]
    normal = (weighted.T @ slopes).astype(np.float64)
    normal += np.eye(len(normal)) * 1e-4 * max(float(np.trace(normal)) / len(normal), 1e-9)
    try:
        step = np.linalg.solve(normal, (weighted.T @ residual).astype(np.float64))
    except np.linalg.LinAlgError:
        return None
    if step.shape == (6,):
        step[3:] /= LEVER_MM
    return np.clip(step, -LARGEST_STEP[: len(step)], LARGEST_STEP[: len(step)])


def _about(centre: FloatArray, step: FloatArray) -> FloatArray:
    """Give the motion that turns about a centre and shifts, (4, 4)."""
    turn = step[3:] if len(step) == 6 else np.zeros(3)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(turn)
    matrix[:3, 3] = centre + step[:3] - matrix[:3, :3] @ centre
    return matrix


def rotation(turn: FloatArray) -> FloatArray:
    """Give the rotation, (3, 3), about the direction of a vector by its length in radians."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = np.asarray(turn) / angle
    across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: FloatArray = np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
    return turned


def _taper(share: Float32Array) -> Float32Array:
    """Fall from 1 to 0 over the outer 40 % of the way to the border."""
    fall = np.clip((1 - share) / np.float32(0.4), 0, 1)
    smooth: Float32Array = fall * fall * (3 - 2 * fall)
    return smooth
