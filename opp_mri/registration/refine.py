"""From a rough place to a fine one: Gauss-Newton on six numbers, from one start or from several."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.equations import (
    LARGEST_STEP,
    LEAST_POINTS,
    build_normal_equations,
    free_slices,
    measure_largest_mm,
    move_about,
    sample,
    solve,
    sum_equations,
)
from opp_mri.registration.layers import Layer
from opp_mri.registration.template import LEVER_MM, Template

STILL_MM: Final = 0.02  # a step below this ends the rough work
VERY_STILL_MM: Final = 0.004  # ... and the last steps
SLICE_MOTION_MM: Final = 0.3  # each slice, each direction: where the estimate starts


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
        slices that may each have moved a little (`free_slices`).

    Returns
    -------
    numpy.ndarray
        Shape (4, 4); the start where too little of the templates lies on the images.
    """
    if not strict:
        (refined_transform,) = refine_all(templates, images, image_from_template[None], iterations)
        return np.asarray(refined_transform)
    transform = image_from_template
    motions = [SLICE_MOTION_MM for _ in templates]
    for _ in range(iterations):
        parts = [
            build_normal_equations(template, image, transform[None], strict=True)
            for template, image in zip(templates, images, strict=True)
        ]
        free_equations = [
            free_slices(template, part, motion_mm)
            for template, part, motion_mm in zip(templates, parts, motions, strict=True)
        ]
        motions = [motion_mm for _, motion_mm in free_equations]
        step = solve(*sum_equations([part for part, _ in free_equations]))
        if not step.any():
            return transform
        transform = transform @ move_about(templates[0].centre_lps_mm, -step)[0]
        if measure_largest_mm(step).max() < VERY_STILL_MM:
            break
    return transform


def refine_all(
    templates: Sequence[Template],
    images: Sequence[Layer],
    images_from_template: FloatArray,
    iterations: int,
    parts: Sequence[NDArray[np.bool_]] | None = None,
) -> FloatArray:
    """Turn and shift from several starts at once, each for itself.

    Parameters
    ----------
    templates, images, iterations
        As for `refine`.
    images_from_template
        Shape (n, 4, 4): the starts.
    parts
        Of each template, which points count at each place: (n, points). All where it is None.

    Returns
    -------
    numpy.ndarray
        Shape (n, 4, 4), in the order of the starts.
    """
    transforms = images_from_template
    chosen_parts: Sequence[NDArray[np.bool_] | None] = parts or [None] * len(templates)
    for _ in range(iterations):
        equations = [
            build_normal_equations(template, image, transforms, part)
            for template, image, part in zip(templates, images, chosen_parts, strict=True)
        ]
        step = solve(*sum_equations(equations))
        transforms = transforms @ move_about(templates[0].centre_lps_mm, -step)
        if measure_largest_mm(step).max() < STILL_MM:
            break
    return transforms


def correlate(
    templates: Sequence[Template], images: Sequence[Layer], image_from_template: FloatArray
) -> tuple[float, float]:
    """Return the weighted correlation of images and templates, and the share that is on the images.

    Several sequences are taken as one long image. The correlation is 0 where they share too little
    to tell.
    """
    ((similarity, overlap),) = correlate_all(templates, images, image_from_template[None])
    return similarity, overlap


def correlate_all(
    templates: Sequence[Template], images: Sequence[Layer], images_from_template: FloatArray
) -> list[tuple[float, float]]:
    """Return correlation and overlap as `correlate` does, at several places (n, 4, 4)."""
    total, shared, across, own, image_energy = np.zeros((5, len(images_from_template)))
    for template, image in zip(templates, images, strict=True):
        values, inside = sample(template, image, images_from_template)
        weights = template.weights * inside
        sums = weights.sum(axis=1)
        total += template.weights.sum()
        shared += sums
        enough = np.count_nonzero(weights, axis=1) >= LEAST_POINTS
        weights *= enough[:, None]
        norm = np.where(enough, sums, 1)[:, None]
        a = values - (weights * values).sum(axis=1, keepdims=True) / norm
        b = template.values - (weights * template.values).sum(axis=1, keepdims=True) / norm
        across += (weights * a * b).sum(axis=1)
        own += (weights * a * a).sum(axis=1)
        image_energy += (weights * b * b).sum(axis=1)
    norms = np.sqrt(own * image_energy)
    similarities = np.where(norms > 0, across / np.where(norms > 0, norms, 1), 0.0)
    overlaps = shared / np.where(total > 0, total, 1)
    return list(zip(similarities.tolist(), overlaps.tolist(), strict=True))


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
            part = build_normal_equations(growing_template, image, transform[None])
            normal += part.correlation[0] * part.normal[0]
            right += part.correlation[0] * part.right[0]
        if not normal.any():
            return None
        normal += np.eye(8) * 1e-4 * max(float(np.trace(normal)) / 8, 1e-9)
        step = np.linalg.solve(normal, right)
        step[3:] /= LEVER_MM
        motion = -np.clip(step[:6], -LARGEST_STEP, LARGEST_STEP)
        transform = transform @ move_about(templates[0].centre_lps_mm, motion[None])[0]
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
    parts = [
        np.arange(8)[:, None] == sum((template.points[axis] > 0) * 2**axis for axis in range(3))
        for template in templates
    ]
    starts = np.tile(image_from_template, (8, 1, 1))
    moving = [template.restrict_to_shifts() for template in templates]
    block_transform = refine_all(moving, images, starts, iterations, parts)
    has_moved = (block_transform != starts).any(axis=(1, 2))
    centre = np.append(templates[0].centre_lps_mm, 1.0)
    shifts: FloatArray = ((block_transform - starts) @ centre)[has_moved, :3]
    return shifts
