"""Loading a series as a volume: opp_mri against SimpleITK's series reader and a pydicom loop.

Run `python benchmarks/loading.py`. It makes synthetic series of 15 slices of 512 x 512
(uncompressed, JPEG 2000, enhanced multi-frame) in a temporary folder, and adds the real sagittal
series where OPP_MRI_REAL_DATA names the test data. All three read the same files, warm, in turn;
the table shows medians. Voxels, origin, spacing and directions are checked to be equal to
SimpleITK's before anything is timed. Headers are read before the clock starts for all three:
SimpleITK gets its files in the order of position. Each reader gets fresh memory.

The pydicom loop is what one would write by hand: read each file, stack `pixel_array`; it applies
no rescale and gives no geometry.
"""

import argparse
import ctypes
import os
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 its own documentation calls it so
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)

from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.imaging import Frame, Instance, SourceFile, Usability, VolumeDescription

KINDS = ("uncompressed", "JPEG 2000", "enhanced multi-frame")
SLICES, ROWS, COLUMNS = 15, 512, 512
SPACING_MM, SLICE_SPACING_MM = [0.7, 0.7], 4.4
ORIENTATION = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
REAL_SERIES = ("mapconcierge+taichi2018Jan_mri05tesla_wakasa", "mapconcierge+taichi2018Jan_ctscan")

Case = tuple[str, VolumeDescription, dict[str, SourceFile]]


def pixels() -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Smooth structure with noise, so that JPEG 2000 has work like that of a real image."""
    k, j, i = np.ogrid[:SLICES, :ROWS, :COLUMNS]
    structure = 900 + 500 * np.sin(j / 23) * np.cos(i / 31) + 20 * k
    noise = np.random.default_rng(1).normal(0, 25, (SLICES, ROWS, COLUMNS))
    return (structure + noise).clip(0, 4095).astype(np.uint16)


def header(sop_class: str, uid: str, series_uid: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.1", series_uid
    dataset.FrameOfReferenceUID = "1.2.826.2"
    dataset.Modality, dataset.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M", "NONE"]
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    return dataset


def position(k: int) -> list[float]:
    return [30.0 - SLICE_SPACING_MM * k, -180.0, 120.0]


def write_classic(folder: Path, syntax: str) -> None:
    series_uid = "1.2.826.3"
    for k, image in enumerate(pixels()):
        dataset = header(MRImageStorage, f"{series_uid}.{k}", series_uid)
        dataset.InstanceNumber = k + 1
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = position(k), ORIENTATION
        dataset.PixelSpacing, dataset.SliceThickness = SPACING_MM, 4
        dataset.PixelData = image.tobytes()
        if syntax == JPEG2000Lossless:
            dataset.compress(syntax)
        dcmwrite(folder / f"{k:03}.dcm", dataset, enforce_file_format=True)


def group(sequence: str, **values: object) -> Dataset:
    item, outer = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    setattr(outer, sequence, Sequence([item]))
    return outer


def write_enhanced(folder: Path) -> None:
    dataset = header(EnhancedMRImageStorage, "1.2.826.4.1", "1.2.826.4")
    dataset.NumberOfFrames = SLICES
    shared = group("PixelMeasuresSequence", PixelSpacing=SPACING_MM, SliceThickness=4)
    shared.update(group("PlaneOrientationSequence", ImageOrientationPatient=ORIENTATION))
    shared.update(group("PixelValueTransformationSequence", RescaleSlope=1, RescaleIntercept=0))
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [group("PlanePositionSequence", ImagePositionPatient=position(k)) for k in range(SLICES)]
    )
    dataset.PixelData = pixels().tobytes()
    dcmwrite(folder / "enhanced.dcm", dataset, enforce_file_format=True)


def frames_of(dataset: Dataset) -> tuple[Frame, ...]:
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        places = [(dataset, dataset, dataset)]
    else:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        orientation = shared.PlaneOrientationSequence[0]
        measures = shared.PixelMeasuresSequence[0]
        places = [
            (frame.PlanePositionSequence[0], orientation, measures)
            for frame in dataset.PerFrameFunctionalGroupsSequence
        ]
    return tuple(
        Frame(
            frame_number=number,
            image_position_lps_mm=tuple(map(float, place.ImagePositionPatient)),
            image_orientation=tuple(map(float, orientation.ImageOrientationPatient)),
            pixel_spacing_mm=tuple(map(float, measures.PixelSpacing)),
        )
        for number, (place, orientation, measures) in enumerate(places, start=1)
    )


def cases(folder: Path, name: str) -> list[Case]:
    """Describe the volumes under a folder from their headers."""
    series: dict[str, list[Instance]] = defaultdict(list)
    sources: dict[str, SourceFile] = {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        dataset = dcmread(path, stop_before_pixels=True, force=True)
        if "ImageOrientationPatient" not in dataset and "NumberOfFrames" not in dataset:
            continue
        series[dataset.SeriesInstanceUID].append(
            Instance(
                sop_instance_uid=dataset.SOPInstanceUID,
                sop_class_uid=dataset.SOPClassUID,
                frames=frames_of(dataset),
                rows=dataset.Rows,
                columns=dataset.Columns,
                photometric_interpretation=dataset.PhotometricInterpretation,
                study_instance_uid=dataset.StudyInstanceUID,
                series_instance_uid=dataset.SeriesInstanceUID,
                series_description=dataset.get("SeriesDescription", ""),
                instance_number=dataset.get("InstanceNumber"),
                image_type=tuple(dataset.ImageType),
                transfer_syntax_uid=dataset.file_meta.TransferSyntaxUID,
            )
        )
        sources[dataset.SOPInstanceUID] = SourceFile(
            path=str(path), size_bytes=path.stat().st_size, modified_ns=0
        )
    return [
        (f"{name} {volume.instance.series_description}".strip(), volume, sources)
        for instances in series.values()
        for volume in describe_series(instances)
        if volume.usability is Usability.VOLUME and len(volume.frames) > SLICES // 2
    ]


def by_simpleitk(files: list[str]) -> sitk.Image:
    if len(files) == 1:
        return sitk.ReadImage(files[0])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    return reader.Execute()


def by_pydicom(files: list[str]) -> np.ndarray[Any, Any]:
    return np.stack([dcmread(file).pixel_array for file in files])


def check(case: Case, files: list[str]) -> None:
    """Compare with SimpleITK, whose order is i, j, k where ours is k, j, i."""
    _, description, sources = case
    volume, image = load_volume(description, sources), by_simpleitk(files)
    np.testing.assert_array_equal(volume.voxels, sitk.GetArrayFromImage(image))
    geometry = volume.geometry
    np.testing.assert_allclose(geometry.origin_lps_mm, image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(geometry.spacing_kji_mm, image.GetSpacing()[::-1], atol=1e-3)
    axes = np.array(image.GetDirection()).reshape(3, 3).T[::-1]
    np.testing.assert_allclose(geometry.directions, axes, atol=1e-5)


def medians_ms(readers: list[Callable[[], object]], rounds: int) -> list[float]:
    """Time the readers in turn, so that a busy moment of the machine meets all of them."""
    times: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for reader, times_ms in zip(readers, times, strict=True):
            give_memory_back()
            start = time.perf_counter()
            reader()
            times_ms.append(1000 * (time.perf_counter() - start))
    return [statistics.median(of_reader) for of_reader in times]


def give_memory_back() -> None:
    """Return freed memory to the system, so that no reader fills what another one left to it.

    Volumes that stay loaded lie in fresh memory; here each result is thrown away.
    """
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)


def by_bare_read(files: list[str]) -> list[bytes]:
    return [Path(file).read_bytes() for file in files]


def time_readers(case: Case, rounds: int) -> dict[str, float]:
    """Return the median ms of each reader, after a comparison of what they give; ours is last."""
    _, description, sources = case
    files = list(dict.fromkeys(sources[f.sop_instance_uid].path for f in description.frames))
    check(case, files)
    readers: dict[str, Callable[[], object]] = {
        "bare read": lambda: by_bare_read(files),
        "SimpleITK ImageSeriesReader": lambda: by_simpleitk(files),
        "pydicom pixel_array, stacked": lambda: by_pydicom(files),
        "opp_mri load_volume": lambda: load_volume(description, sources),
    }
    return dict(zip(readers, medians_ms(list(readers.values()), rounds), strict=True))


def write_series(kind: str, folder: Path) -> None:
    """Write a synthetic series: uncompressed, JPEG 2000 or enhanced multi-frame."""
    if kind == "enhanced multi-frame":
        write_enhanced(folder)
    else:
        write_classic(folder, JPEG2000Lossless if kind == "JPEG 2000" else ExplicitVRLittleEndian)


def report(case: Case, rounds: int) -> None:
    name, description, _ = case
    bare, simpleitk, pydicom, own_ms = time_readers(case, rounds).values()
    first = description.planes[0]
    shape = f"{len(description.frames)} x {first.rows} x {first.columns}"
    print(
        f"{name:<34}{shape:>16}{own_ms:>10.1f}{bare:>11.1f}{simpleitk:>11.1f}{pydicom:>10.1f}"
        f"{own_ms / bare:>11.2f}{simpleitk / own_ms:>11.2f}{pydicom / own_ms:>11.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="of which the median is shown")
    rounds = parser.parse_args().rounds
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    warnings.simplefilter("ignore")
    print(
        f"{'series':<34}{'shape':>16}{'ours':>10}{'bare read':>11}{'SimpleITK':>11}{'pydicom':>10}"
        f"{'ours':>11}{'SimpleITK':>11}{'pydicom':>11}\n{'':<50}{'ms':>10}{'ms':>11}{'ms':>11}"
        f"{'ms':>10}{'/ bare':>11}{'/ ours':>11}{'/ ours':>11}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for name in KINDS:
            folder = Path(temporary, name)
            folder.mkdir()
            write_series(name, folder)
            for case in cases(folder, name):
                report(case, rounds)
    real = os.environ.get("OPP_MRI_REAL_DATA")
    if not real:
        print("OPP_MRI_REAL_DATA is not set: no real series.")
        return
    for name in REAL_SERIES:
        for case in cases(Path(real, name), name.rsplit("_", 1)[1]):
            report(case, rounds)
    print("Voxels, origin, spacing and directions equal SimpleITK's in every row.")


if __name__ == "__main__":
    main()
