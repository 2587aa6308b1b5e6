"""SimpleITK as its users set it up, for benchmarks/registration.py."""

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its documentation uses
from registration_phantoms import Scan
from registration_sets import Pair

from opp_mri.domain.geometry import FloatArray

TUTORIAL, MI_10, CORRELATION = "tutorial settings", "MI 10 %", "local correlation"


def simple_itk(pair: Pair, method: str) -> FloatArray:
    """Line a pair up: followup from baseline, (4, 4).

    As in the tutorial notebooks: gradient descent over three resolutions on the mutual information
    of 1 % of the voxels, from the middle of the images. Or, with a regular step over two
    resolutions, on that of 10 %, or on the correlation in a box of about three vertebrae around
    the lesion, from the header coordinates.
    """
    fixed, moving = _itk(pair.baseline), _itk(pair.followup)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # two processes share two cores
    registration = sitk.ImageRegistrationMethod()
    transform = sitk.Euler3DTransform()
    if method == CORRELATION:
        centre = pair.baseline.centre_lps_mm
        transform.SetCenter(centre)
        registration.SetMetricAsCorrelation()
        registration.SetMetricFixedMask(_itk_mask(fixed, np.array(centre)))
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(0.5, 1)
    else:
        transform = sitk.CenteredTransformInitializer(
            fixed, moving, transform, sitk.CenteredTransformInitializerFilter.GEOMETRY
        )
        registration.SetMetricAsMattesMutualInformation(50)
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(0.01 if method == TUTORIAL else 0.1, 1)
    registration.SetInterpolator(sitk.sitkLinear)
    if method == TUTORIAL:
        registration.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
        registration.SetShrinkFactorsPerLevel([4, 2, 1])
        registration.SetSmoothingSigmasPerLevel([2, 1, 0])
    else:  # descent with the tutorial's step runs away on thick slices
        registration.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200, 0.6)
        registration.SetShrinkFactorsPerLevel([2, 1])
        registration.SetSmoothingSigmasPerLevel([2, 0.5])
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    registration.SetInitialTransform(transform, False)
    try:
        found = registration.Execute(fixed, moving)
    except RuntimeError:  # it ran away until the images no longer met: no better than its start
        found = transform
    origin = np.array(found.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis in range(3):
        matrix[:3, axis] = np.array(found.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    return matrix


def _itk(scan: Scan):  # type: ignore[no-untyped-def]
    geometry = scan.volume.geometry
    image = sitk.GetImageFromArray(scan.volume.voxels.astype(np.float32))
    image.SetSpacing([float(each) for each in geometry.spacing_kji_mm[::-1]])
    image.SetOrigin([float(each) for each in geometry.origin_lps_mm])
    image.SetDirection([float(each) for each in geometry.directions[::-1].T.ravel()])
    return image


def _itk_mask(image, centre: FloatArray):  # type: ignore[no-untyped-def]
    """Mark a box of about three vertebrae."""
    k, j, i = (n for n in image.GetSize()[::-1])
    index = np.array(image.TransformPhysicalPointToContinuousIndex(centre.tolist()))[::-1]
    spacing = np.array(image.GetSpacing())[::-1]
    mask = np.zeros((k, j, i), np.uint8)
    low = np.maximum(np.floor(index - np.array([25.0, 45.0, 38.0]) / spacing), 0).astype(int)
    high = np.ceil(index + np.array([25.0, 45.0, 38.0]) / spacing).astype(int)
    mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = 1
    marked = sitk.GetImageFromArray(mask)
    marked.CopyInformation(image)
    return marked
