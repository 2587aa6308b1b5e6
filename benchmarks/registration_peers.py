"""Peers of benchmarks/registration.py, each as a competent user sets it up.

Run by the Python that `make peers` installs:

    .venv-peers/bin/python benchmarks/registration_peers.py METHOD OUTPUT.json PAIR.npz ...

A pair holds two volumes with their geometry, as `registration.py` writes it. For each, the output
says the followup_from_baseline matrix in LPS mm and the seconds that the registration itself took,
reading and writing of files left out. All start from the header coordinates.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[name] = "1"  # two processes share two cores

# Half of a box around the lesion: of one vertebra, where elastix and ANTs came out best (from three
# vertebrae to less than one were tried, with the lesion and without); of three for SimpleITK.
ONE_KJI_MM = np.array([20.0, 18.0, 22.0])
THREE_KJI_MM = np.array([25.0, 45.0, 38.0])
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Scan:
    """A volume as it was written: voxels (k, j, i), directions a row each."""

    def __init__(self, pair, name):
        self.voxels = pair[f"{name}_voxels"].astype(np.float32)
        self.spacing_kji_mm = pair[f"{name}_spacing_kji_mm"]
        self.origin_lps_mm = pair[f"{name}_origin_lps_mm"]
        self.directions = pair[f"{name}_directions"]

    @property
    def direction_matrix(self):
        """Columns are the directions of i, j and k, as ITK has them."""
        return self.directions[::-1].T.copy()


def box(scan, centre, half_kji_mm):
    """Mark a box around the lesion."""
    offset = (np.asarray(centre) - scan.origin_lps_mm) @ np.linalg.inv(scan.directions)
    index, half = offset / scan.spacing_kji_mm, half_kji_mm / scan.spacing_kji_mm
    low = np.maximum(np.floor(index - half), 0).astype(int)
    high = np.ceil(index + half).astype(int) + 1
    mask = np.zeros(scan.voxels.shape, np.uint8)
    mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = 1
    return mask


def matrix_of(transform_point):
    """Return the matrix of a function that carries a point."""
    matrix = np.eye(4)
    matrix[:3, 3] = transform_point((0.0, 0.0, 0.0))
    for axis in range(3):
        matrix[:3, axis] = np.array(transform_point(tuple(np.eye(3)[axis]))) - matrix[:3, 3]
    return matrix


# --- SimpleITK


def sitk_image(scan, values=None):
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(scan.voxels if values is None else values)
    image.SetSpacing([float(x) for x in scan.spacing_kji_mm[::-1]])
    image.SetOrigin([float(x) for x in scan.origin_lps_mm])
    image.SetDirection([float(x) for x in scan.direction_matrix.ravel()])
    return image


def simple_itk(first, second, centre, *, how):
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    fixed, moving = sitk_image(first), sitk_image(second)
    registration = sitk.ImageRegistrationMethod()
    transform = sitk.Euler3DTransform()
    middle = [(n - 1) / 2 for n in fixed.GetSize()]
    transform.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint(middle))
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    if how == "correlation":
        transform.SetCenter([float(x) for x in centre])
        registration.SetMetricAsCorrelation()
        mask = sitk_image(first, box(first, centre, THREE_KJI_MM))
        registration.SetMetricFixedMask(mask)
        registration.SetMetricSamplingPercentage(0.5, 1)
    else:
        registration.SetMetricAsMattesMutualInformation(50)
        registration.SetMetricSamplingPercentage(0.01 if how == "tutorial" else 0.1, 1)
    if how == "tutorial":  # as in its notebook on rigid registration
        registration.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
        registration.SetShrinkFactorsPerLevel([4, 2, 1])
        registration.SetSmoothingSigmasPerLevel([2, 1, 0])
    else:
        registration.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200, 0.6)
        registration.SetShrinkFactorsPerLevel([2, 1])
        registration.SetSmoothingSigmasPerLevel([2, 0.5])
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    registration.SetInitialTransform(transform, False)
    start = time.process_time()
    try:
        result = registration.Execute(fixed, moving)
    except RuntimeError:  # it ran away until the images no longer met: no better than its start
        result = transform
    return matrix_of(result.TransformPoint), time.process_time() - start


# --- elastix


def elastix(first, second, centre, *, is_tuned):
    import itk

    def image(scan, values, kind):
        image = itk.image_from_array(np.ascontiguousarray(values.astype(kind)))
        image.SetSpacing([float(x) for x in scan.spacing_kji_mm[::-1]])
        image.SetOrigin([float(x) for x in scan.origin_lps_mm])
        image.SetDirection(itk.matrix_from_array(scan.direction_matrix))
        return image

    fixed, moving = (image(volume, volume.voxels, np.float32) for volume in (first, second))
    settings = itk.ParameterObject.New()
    rigid = settings.GetDefaultParameterMap("rigid")
    rigid["AutomaticTransformInitialization"] = ["false"]
    rigid["WriteResultImage"] = ["false"]
    more = {}
    if is_tuned:
        rigid["Metric"] = ["AdvancedNormalizedCorrelation"]
        rigid["NumberOfResolutions"] = ["3"]
        # slices are thick: smooth and thin out in the plane only
        schedule = ["4", "4", "1", "2", "2", "1", "1", "1", "1"]
        for pyramid in ("FixedImagePyramidSchedule", "MovingImagePyramidSchedule"):
            rigid[pyramid] = schedule
        rigid["NumberOfSpatialSamples"] = ["4000"]
        rigid["MaximumNumberOfIterations"] = ["400"]
        rigid["ImageSampler"] = ["RandomCoordinate"]
        rigid["UseRandomSampleRegion"] = ["false"]
        more["fixed_mask"] = image(first, box(first, centre, ONE_KJI_MM), np.uint8)
    settings.AddParameterMap(rigid)
    start = time.process_time()
    try:
        _, transform = itk.elastix_registration_method(
            fixed, moving, parameter_object=settings, log_to_console=False, number_of_threads=1,
            **more,
        )  # fmt: skip
    except RuntimeError:
        return np.eye(4), time.process_time() - start
    seconds = time.process_time() - start
    numbers = [float(x) for x in transform.GetParameterMap(0)["TransformParameters"]]
    about = [float(x) for x in transform.GetParameterMap(0)["CenterOfRotationPoint"]]
    euler = itk.Euler3DTransform[itk.D].New()
    euler.SetCenter(about)
    euler.SetParameters(itk.OptimizerParameters[itk.D](numbers))
    return matrix_of(lambda point: list(euler.TransformPoint(point))), seconds


# --- ANTs


def ants_rigid(first, second, centre, *, local):
    import ants
    import SimpleITK as sitk  # noqa: N813

    def image(scan, values):
        # ANTs takes (i, j, k)
        return ants.from_numpy(
            np.ascontiguousarray(values.transpose(2, 1, 0)).astype(np.float32),
            origin=[float(x) for x in scan.origin_lps_mm],
            spacing=[float(x) for x in scan.spacing_kji_mm[::-1]],
            direction=scan.direction_matrix,
        )

    fixed, moving = image(first, first.voxels), image(second, second.voxels)
    more = {}
    if local:
        more = {"mask": image(first, box(first, centre, ONE_KJI_MM)), "aff_metric": "GC",
                "aff_sampling": 32, "aff_random_sampling_rate": 0.5}  # fmt: skip
    start = time.process_time()
    result = ants.registration(
        fixed, moving, type_of_transform="Rigid", initial_transform=[_identity()], **more
    )
    seconds = time.process_time() - start
    saved_transform = sitk.ReadTransform(result["fwdtransforms"][0])
    return matrix_of(saved_transform.TransformPoint), seconds


def _identity():
    import SimpleITK as sitk  # noqa: N813

    path = Path(tempfile.gettempdir()) / "opp-mri-identity.mat"
    if not path.exists():
        sitk.WriteTransform(sitk.Euler3DTransform(), str(path))
    return str(path)


# --- greedy


def greedy(first, second, _centre, *, metric):
    import SimpleITK as sitk  # noqa: N813
    from picsl_greedy import Greedy3D

    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/fixed.nii.gz", f"{folder}/moving.nii.gz"]
        for name, scan in zip(names, (first, second), strict=True):
            sitk.WriteImage(sitk_image(scan), name)
        out = f"{folder}/rigid.mat"
        start = time.process_time()
        Greedy3D().execute(
            f"-d 3 -a -dof 6 -i {names[0]} {names[1]} -m {metric} -ia-identity -n 100x50x10 "
            f"-threads 1 -o {out} -V 0"
        )
        seconds = time.process_time() - start
        matrix = np.loadtxt(out)
    return LPS_FROM_RAS @ matrix @ LPS_FROM_RAS, seconds


METHODS = {
    "SimpleITK, tutorial settings": lambda *p: simple_itk(*p, how="tutorial"),
    "SimpleITK, MI 10%": lambda *p: simple_itk(*p, how="mutual information"),
    "SimpleITK, local correlation": lambda *p: simple_itk(*p, how="correlation"),
    "elastix, default rigid": lambda *p: elastix(*p, is_tuned=False),
    "elastix, tuned to the vertebra": lambda *p: elastix(*p, is_tuned=True),
    "ANTs, rigid": lambda *p: ants_rigid(*p, local=False),
    "ANTs, local": lambda *p: ants_rigid(*p, local=True),
    "greedy, NMI": lambda *p: greedy(*p, metric="NMI"),
    "greedy, NCC": lambda *p: greedy(*p, metric="NCC 2x2x1"),
}


def main():
    method, output, *paths = sys.argv[1:]
    entries = []
    for path in paths:
        with np.load(path) as pair:
            first, second, centre = Scan(pair, "first"), Scan(pair, "second"), pair["centre"]
        matrix, seconds = METHODS[method](first, second, centre)
        entries.append({"pair": path, "matrix": np.asarray(matrix).tolist(), "seconds": seconds})
    Path(output).write_text(json.dumps(entries))


if __name__ == "__main__":
    main()
