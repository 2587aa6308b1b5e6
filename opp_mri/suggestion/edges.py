"""Where an edge lies on a line: a step blurred by the scanner, fitted to the samples.

The model is `inside + (outside - inside) * Phi((x - position) / blur)` with the normal
distribution function Phi. Levels and blur have normal priors, so that few samples suffice; the
standard error is the one of the fit (inverse of the Gauss-Newton Hessian).
"""

import math
from typing import Final

import numpy as np
from attrs import frozen
from scipy.special import ndtr

from opp_mri.domain.geometry import FloatArray

MOST_STEPS: Final = 25
CONVERGED_MM: Final = 1e-4
LEAST_DEGREES_OF_FREEDOM: Final = 3.0
NARROWEST_MM, WIDEST_MM = 0.1, 4.0
STRIP_STARTS_MM: Final = (0.6, 2.4)
STRIP_STEPS: Final = 15
WIDEST_STRIP_MM: Final = 3.0
FREE, FIXED = 1e-3, 1e8  # precision of a strip, where it is fitted or held at its start


@frozen(kw_only=True)
class EdgePrior:
    """What is known of an edge before it is fitted: means and standard deviations.

    Parameters
    ----------
    inside, outside, inside_sd, outside_sd
        Signal on both sides; the side with the smaller x is inside.
    blur_mm, blur_log_sd
        Standard deviation of the blur, and of its natural logarithm.
    noise
        Standard deviation of the samples, when it is known; None estimates it from the residuals.
    """

    inside: float
    outside: float
    inside_sd: float
    outside_sd: float
    blur_mm: float
    blur_log_sd: float = 0.4
    noise: float | None = None


@frozen(kw_only=True)
class Edge:
    """A fitted edge.

    Parameters
    ----------
    position_mm, standard_error_mm
        Where it lies on the line, and how well that is known.
    blur_mm
        Standard deviation of the blur.
    inside, outside
        Signal on both sides.
    noise
        Standard deviation of the samples about the model.
    """

    position_mm: float
    standard_error_mm: float
    blur_mm: float
    inside: float
    outside: float
    noise: float


def fit_edge(
    x_mm: FloatArray, values: FloatArray, start_mm: float, prior: EdgePrior
) -> Edge | None:
    """Fit an edge to samples on a line.

    Parameters
    ----------
    x_mm, values
        Places on the line, mm, and the signal there; a native pixel apart or more, so that their
        noise is independent.
    start_mm
        Where to start.
    prior
        Levels, blur and noise.

    Returns
    -------
    Edge or None
        None where there are too few samples, or the fit leaves the line.
    """
    if len(x_mm) < 4:
        return None
    means = np.array([prior.inside, prior.outside, math.log(prior.blur_mm)])
    deviations = np.array([prior.inside_sd, prior.outside_sd, prior.blur_log_sd])
    state = np.array([start_mm, *means])
    contrast = abs(prior.outside - prior.inside)
    noise = prior.noise if prior.noise is not None else max(0.1 * contrast, 1e-6)
    hessian = np.eye(4)
    for step_number in range(MOST_STEPS):
        model, slopes = _compute_model(x_mm, state)
        residual = values - model
        if prior.noise is None and step_number >= 2:
            freedom = max(len(x_mm) - 3.0, LEAST_DEGREES_OF_FREEDOM)
            noise = max(math.sqrt(float(residual @ residual) / freedom), 0.01 * contrast, 1e-9)
        hessian = slopes.T @ slopes / noise**2
        gradient = slopes.T @ residual / noise**2
        hessian[[1, 2, 3], [1, 2, 3]] += deviations**-2
        gradient[1:] += (means - state[1:]) / deviations**2
        hessian[0, 0] += 1e-6
        step = np.linalg.solve(hessian, gradient)
        step[0] = np.clip(step[0], -1.0, 1.0)
        step[3] = np.clip(step[3], -0.5, 0.5)
        state = state + step
        state[3] = np.clip(state[3], math.log(NARROWEST_MM), math.log(WIDEST_MM))
        if step_number >= 3 and abs(step[0]) < CONVERGED_MM:
            break
    if not (x_mm[0] <= state[0] <= x_mm[-1]):
        return None
    return Edge(
        position_mm=float(state[0]),
        standard_error_mm=math.sqrt(float(np.linalg.inv(hessian)[0, 0])),
        blur_mm=math.exp(float(state[3])),
        inside=float(state[1]),
        outside=float(state[2]),
        noise=noise,
    )


@frozen(kw_only=True)
class StripPrior:
    """What is known of the signal between a lesion and a wall of the body, before it is fitted.

    Parameters
    ----------
    lesion, marrow, cortex, lesion_sd, marrow_sd, cortex_sd
        Signal of the lesion, of the marrow that may lie before the wall, and behind the wall.
    wall_mm, wall_sd_mm
        Place of the modelled wall on the line.
    blur_mm, blur_log_sd
        Standard deviation of the blur, and of its natural logarithm.
    noise
        The least standard deviation of the samples: texture of marrow.
    """

    lesion: float
    marrow: float
    cortex: float
    lesion_sd: float
    marrow_sd: float
    cortex_sd: float
    wall_mm: float
    wall_sd_mm: float
    blur_mm: float
    blur_log_sd: float = 0.3
    noise: float


@frozen(kw_only=True)
class StripEdge:
    """The end of a lesion before a wall, and the strip of marrow between both.

    Parameters
    ----------
    position_mm, standard_error_mm
        Where the lesion ends on the line, and how well that is known.
    strip_mm
        Width of the marrow between the lesion and the wall; 0 where the lesion touches the wall.
    blur_mm
        Standard deviation of the blur.
    """

    position_mm: float
    standard_error_mm: float
    strip_mm: float
    blur_mm: float


def fit_edge_before_wall(x_mm: FloatArray, values: FloatArray, prior: StripPrior) -> StripEdge:
    """Fit lesion, marrow and cortex, in this order, to samples on a line.

    The marrow before a wall may be thinner than the blur, and lesion and cortex may have the same
    signal. So the wall has a prior, and the better of two starts counts: with a thin and with a
    wide strip, and its result is averaged with that of no strip by the evidence for each.

    Parameters
    ----------
    x_mm, values
        Places on the line, mm, outwards, and the signal there.
    prior
        Levels, wall and blur.
    """
    fits = [_fit_strip(x_mm, values, prior, start_mm, FREE) for start_mm in STRIP_STARTS_MM]
    fits = [fit for fit in fits if fit[0][1] > 0]
    state, covariance, cost = _fit_strip(x_mm, values, prior, 0.0, FIXED)
    position, variance, strip, share = state[0], covariance[0, 0], 0.0, 0.0
    if fits:
        strip_state, spread, strip_cost = min(fits, key=lambda fit: fit[2])
        # evidence of a strip, of any width up to the widest, against that of none
        volume = math.sqrt(2 * math.pi * spread[1, 1]) / WIDEST_STRIP_MM
        share = 1 / (1 + math.exp(np.clip((strip_cost - cost) / 2, -50, 50)) / volume)
        apart = strip_state[0] - strip_state[1] - position
        own_variance = spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]
        position = position + share * apart
        variance = (1 - share) * variance + share * own_variance + share * (1 - share) * apart**2
        strip = share * strip_state[1]
        state = strip_state if share > 0.5 else state
    return StripEdge(
        position_mm=float(position),
        standard_error_mm=math.sqrt(float(variance)),
        strip_mm=float(strip),
        blur_mm=math.exp(float(state[5])),
    )


def _fit_strip(
    x_mm: FloatArray, values: FloatArray, prior: StripPrior, strip_mm: float, precision: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return the state (wall, strip, three levels, log of blur), its covariance and its cost."""
    means = np.array([
        prior.wall_mm, strip_mm, prior.lesion, prior.marrow, prior.cortex, math.log(prior.blur_mm)
    ])  # fmt: skip
    deviations = np.array([
        prior.wall_sd_mm, precision**-0.5, prior.lesion_sd, prior.marrow_sd, prior.cortex_sd,
        prior.blur_log_sd,
    ])  # fmt: skip
    state = means.copy()
    for _ in range(STRIP_STEPS):
        model, slopes = _compute_strip_model(x_mm, state)
        residual = values - model
        hessian = slopes.T @ slopes / prior.noise**2 + np.diag(deviations**-2)
        gradient = slopes.T @ residual / prior.noise**2 + (means - state) / deviations**2
        step = np.linalg.solve(hessian, gradient)
        step[[0, 1]] = np.clip(step[[0, 1]], -1.0, 1.0)
        step[5] = np.clip(step[5], -0.5, 0.5)
        state = state + step
        state[5] = np.clip(state[5], math.log(NARROWEST_MM), math.log(WIDEST_MM))
        if abs(step[0]) + abs(step[1]) < CONVERGED_MM:
            break
    residual = values - _compute_strip_model(x_mm, state)[0]
    cost = float(residual @ residual) / prior.noise**2
    cost += float((((means - state) / deviations)[[0, 2, 3, 4, 5]] ** 2).sum())
    covariance: FloatArray = np.linalg.inv(hessian).astype(np.float64)
    return state, covariance, cost


def _compute_strip_model(x_mm: FloatArray, state: FloatArray) -> tuple[FloatArray, FloatArray]:
    wall, strip, lesion, marrow, cortex, log_blur = (float(value) for value in state)
    blur = math.exp(log_blur)
    z = np.stack([x_mm - wall + strip, x_mm - wall]) / blur
    first, second = ndtr(z)
    bell_first, bell_second = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    up, down = (marrow - lesion) * bell_first, (cortex - marrow) * bell_second
    slopes = np.stack(
        [
            -(up + down) / blur, up / blur, 1 - first, first - second, second,
            -(up * z[0] + down * z[1]),
        ],
        axis=1,
    )  # fmt: skip
    model: FloatArray = lesion + (marrow - lesion) * first + (cortex - marrow) * second
    return model, slopes


def _compute_model(x_mm: FloatArray, state: FloatArray) -> tuple[FloatArray, FloatArray]:
    position, inside, outside, log_blur = (float(value) for value in state)
    blur = math.exp(log_blur)
    z = (x_mm - position) / blur
    share = ndtr(z)
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    contrast = outside - inside
    slopes = np.stack(
        [-contrast * density / blur, 1 - share, share, -contrast * density * z], axis=1
    )
    model: FloatArray = inside + contrast * share
    return model, slopes
