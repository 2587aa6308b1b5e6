"""Both directions between two images, estimated independently, and the motion halfway."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve, frozen
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.estimate import FitEstimate, Question, estimate, polish
from opp_mri.registration.layers import invert

HALFWAY_WITHIN_MM: Final = 3.0  # directions that differ by more are not averaged


@frozen(kw_only=True, eq=False)
class Both:
    """Both directions; matrices are (4, 4), moving from fixed."""

    forward: FitEstimate
    backward: FitEstimate | None
    followup_from_baseline: FloatArray
    baseline_from_followup: FloatArray


def estimate_both_ways(question: Question, turns: Sequence[FloatArray]) -> Both | None:
    """FitEstimate both directions, each by a search of its own; None where nothing is alike."""
    forward = estimate(question, turns)
    if forward is None:
        return None
    reverse = question.reverse(forward.best.moving_from_fixed)
    backward = estimate(reverse, turns)
    ahead = polish(question, forward.best.moving_from_fixed)
    back = invert(ahead) if backward is None else polish(reverse, backward.best.moving_from_fixed)
    return Both(
        forward=forward,
        backward=backward,
        followup_from_baseline=ahead,
        baseline_from_followup=back,
    )


def meet_halfway(estimates: Both, centre: FloatArray) -> FloatArray:
    """Return the motion halfway between the directions, or the forward one where they differ."""
    ahead = estimates.followup_from_baseline
    loop = estimates.baseline_from_followup @ ahead
    start = np.append(centre, 1.0)
    shift = (loop @ start - start)[:3]
    if float(np.linalg.norm(shift)) > HALFWAY_WITHIN_MM:
        return ahead
    # the loop is nearly nothing, so half of it is half its turn about the centre and half its shift
    turn = Rotation.from_matrix(loop[:3, :3]).as_rotvec()
    half = np.eye(4)
    half[:3, :3] = Rotation.from_rotvec(-turn / 2).as_matrix()
    half[:3, 3] = centre - shift / 2 - half[:3, :3] @ centre
    middle: FloatArray = ahead @ half
    return middle


def find_common_centre(question: Question, estimates: Both) -> FloatArray:
    """Return the middle of what baseline and follow-up both show, in baseline coordinates."""
    image = question.fixed[0].coarse
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in image.values.shape], indexing="ij"))
    cells = cells.reshape(3, -1)
    points = image.lps_from_kji[:3, :3] @ cells + image.lps_from_kji[:3, 3:]
    matrix = estimates.followup_from_baseline
    mapped_points = matrix[:3, :3] @ points + matrix[:3, 3:]
    _, inside = question.moving[0].coarse.interpolate(mapped_points.astype(np.float32))
    if not inside.any():
        return question.centre
    middle: FloatArray = points[:, inside].mean(axis=1)
    return middle


def correct(question: Question, estimates: Both, *, turning: bool) -> Both:
    """Return both directions of one sequence of a visit, each polished on it alone.

    Parameters
    ----------
    turning
        Whether the rotation is corrected too, or only the place.
    """
    ahead = polish(question, estimates.followup_from_baseline, turning=turning)
    start = invert(ahead) if estimates.backward is None else estimates.baseline_from_followup
    return evolve(
        estimates,
        followup_from_baseline=ahead,
        baseline_from_followup=polish(question.reverse(ahead), start, turning=turning),
    )
