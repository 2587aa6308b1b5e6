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
