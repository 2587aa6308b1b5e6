"""A second opinion on a fit by SimpleITK: another metric and another optimiser.

Started from the fit, on the vertebra without the lesion. It refutes a fit that it moves away from;
it cannot confirm a level, as it does not look for another.
"""

from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.registration.layers import find_box, make_layer
from opp_mri.registration.quality import GOOD_OPINION_DEG, GOOD_OPINION_MM, describe_opinion

HALF_KJI_MM: Final = (22.0, 28.0, 32.0)  # the vertebra with its arch and both endplates
MARGIN_MM: Final = 12.0  # room for the follow-up to move in
NEAR_MM: Final = 15.0  # as for inverse consistency
SCALE_MM: Final = 1.4
WINDOW_MM: Final = 10.0
FIRST_STEP_MM: Final = 0.5
LAST_STEP_MM: Final = 0.005
ITERATIONS: Final = 60
HISTOGRAM_BINS: Final = 32
LEAST_VOXELS: Final = 500


@frozen(kw_only=True)
class SecondOpinion:
    """How far SimpleITK comes to lie from a fit.

    Parameters
    ----------
    displacement_mm
        At the centre and at points 15 mm around it, at most.
    rotation_deg
        Angle between both.
    """

    displacement_mm: float
    rotation_deg: float


def ask_second_opinion(
    baseline: Volume, followup: Volume, fit: Fit, lesion_radius_mm: float = 0.0
) -> SecondOpinion | None:
    """Start SimpleITK's registration from a fit, and measure how far it moves away.

    Parameters
    ----------
    baseline, followup
        The volumes of the fit.
    fit
        Where to start; the region is around its centre.
    lesion_radius_mm
        Around the centre this is left out, as it may have changed.

    Returns
    -------
    SecondOpinion or None
        None where the images do not overlap enough around the centre.
    """
    import SimpleITK as sitk  # noqa: N813 - its usual name; 50 MB are loaded only when asked

    followup_from_baseline = fit.baseline_from_followup.invert()
    centre = np.array(fit.centre_lps_mm)
    moved_centre = followup_from_baseline.apply(centre)
    fixed = _cut(baseline, centre, 0.0)
    moving = _cut(followup, moved_centre, MARGIN_MM)
    mask = _build_mask(fixed, centre, lesion_radius_mm)
    if np.count_nonzero(sitk.GetArrayViewFromImage(mask)) < LEAST_VOXELS:
        return None
    start = sitk.Euler3DTransform()
    start.SetCenter(centre.tolist())
    start.SetMatrix(followup_from_baseline.matrix[:3, :3].ravel().tolist(), 1e-6)
    start.SetTranslation((moved_centre - centre).tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(HISTOGRAM_BINS)
    method.SetMetricFixedMask(mask)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        FIRST_STEP_MM, LAST_STEP_MM, ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # it ran away until the images no longer met
        return None
    return _compare(start, followup_from_baseline.matrix, centre)


def add_second_opinion(fit: Fit, opinion: SecondOpinion | None) -> Fit:
    """Return a fit with its second opinion; it is no longer good where the two disagree."""
    if opinion is None:
        return fit
    fit = evolve(
        fit,
        second_opinion_mm=opinion.displacement_mm,
        second_opinion_deg=opinion.rotation_deg,
    )
    agrees = opinion.displacement_mm <= GOOD_OPINION_MM and opinion.rotation_deg <= GOOD_OPINION_DEG
    if agrees or fit.verdict is Verdict.FAILED:
        return fit
    doubt = describe_opinion(opinion.displacement_mm, opinion.rotation_deg)
    reasons = (doubt,) if fit.verdict is Verdict.GOOD else (*fit.reasons, doubt)
    return evolve(fit, verdict=Verdict.DOUBTFUL, reasons=reasons)


def _cut(volume: Volume, centre: FloatArray, margin_mm: float) -> Any:
    """Return the part around a point as an image of SimpleITK, locally normalised."""
    import SimpleITK as sitk  # noqa: N813

    k_mm, j_mm, i_mm = (half + margin_mm for half in HALF_KJI_MM)
    box = find_box(volume.geometry, centre, (k_mm, j_mm, i_mm))
    layer = make_layer(volume, SCALE_MM, box, WINDOW_MM, is_compressed=True)
    image = sitk.GetImageFromArray(layer.values)
    image.SetSpacing(layer.spacing_kji_mm[::-1].tolist())
    image.SetOrigin(layer.lps_from_kji[:3, 3].tolist())
    image.SetDirection(volume.geometry.directions[::-1].T.ravel().tolist())
    return image


def _build_mask(image: Any, centre: FloatArray, lesion_radius_mm: float) -> Any:
    """Mark what counts: all but the lesion."""
    import SimpleITK as sitk  # noqa: N813

    i, j, k = np.indices(image.GetSize()).reshape(3, -1)
    steps = np.array(image.GetSpacing())[:, None] * np.stack([i, j, k])
    directions = np.array(image.GetDirection()).reshape(3, 3)
    points = np.array(image.GetOrigin())[:, None] + directions @ steps
    far = np.linalg.norm(points - centre[:, None], axis=0) > lesion_radius_mm
    mask = sitk.GetImageFromArray(far.reshape(image.GetSize()).transpose().astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def _compare(
    transform: Any, followup_from_baseline: FloatArray, centre: FloatArray
) -> SecondOpinion:
    points = np.vstack([centre, centre + NEAR_MM * np.eye(3), centre - NEAR_MM * np.eye(3)])
    moved_points = np.array([transform.TransformPoint(point.tolist()) for point in points])
    expected_points = points @ followup_from_baseline[:3, :3].T + followup_from_baseline[:3, 3]
    turn = np.array(transform.GetMatrix()).reshape(3, 3) @ followup_from_baseline[:3, :3].T
    return SecondOpinion(
        displacement_mm=float(np.linalg.norm(moved_points - expected_points, axis=1).max()),
        rotation_deg=float(np.degrees(Rotation.from_matrix(turn).magnitude())),
    )
