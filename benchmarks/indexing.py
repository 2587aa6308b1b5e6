"""How many headers a second are read, against pydicom, GDCM, SimpleITK and dcm2niix, on one core.

One run, one machine, one core, warm cache, medians of rounds in which the readers take turns. The
corpus is made for it: classic MR files of about 190 elements with private groups and sequences;
with OPP_MRI_REAL_DATA set, the real files are a second corpus. Before anything is timed, our
values are compared with pydicom's, on every file.

    python benchmarks/indexing.py [FILES [ROUNDS]]

It needs the bench requirements (SimpleITK, dcm2niix).
"""

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import gdcm
import pydicom
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from opp_mri.dicom import instances
from opp_mri.dicom import scan as scan_module
from opp_mri.dicom.headers import completeness, elements, functional_groups, header
from opp_mri.dicom.headers.byte_reader import FileBytes
from opp_mri.dicom.headers.header import read_header, silence_pydicom
from opp_mri.dicom.headers.keywords import TAGS
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan
from opp_mri.domain.imaging import FileStatus, SourceFile

SLICES = 15
SERIES_OF_A_STUDY = 6
GOAL = 2.5
DCM2NIIX = Path(sys.executable).with_name("dcm2niix")  # of the bench requirements
REMEMBERING = (completeness, elements, functional_groups, header, instances)
Reader = Callable[[], object]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    with tempfile.TemporaryDirectory() as corpus_folder, tempfile.TemporaryDirectory() as real:
        write_corpus(Path(corpus_folder), count)
        ratios = [measure(f"{count} synthetic MR files", Path(corpus_folder), rounds)]
        if folder := os.environ.get("OPP_MRI_REAL_DATA"):
            copy_images(Path(folder), Path(real))
            ratios.append(measure("the real files", Path(real), rounds))
    if min(ratios) < GOAL:
        sys.exit(f"The goal of {GOAL} times pydicom is missed.")


def measure(title: str, folder: Path, rounds: int) -> float:
    """Print the table of one corpus and give our ratio to pydicom."""
    files = list(find_sources([folder]))
    values = compare(files)
    print(f"\n{title}: {values} values of {len(files)} files are pydicom's own\n")
    medians = time_readers(folder, files, rounds)
    slowest, own_s = next(iter(medians.values())), list(medians.values())[-1]
    print("| reader | files/s | times pydicom |\n|---|---:|---:|")
    for name, seconds in medians.items():
        print(f"| {name} | {len(files) / seconds:,.0f} | {slowest / seconds:.1f} |")
    return slowest / own_s


def time_readers(folder: Path, files: Sequence[SourceFile], rounds: int) -> dict[str, float]:
    """Return the median seconds of processor time; readers take turns, and opp_mri is the last."""
    paths = [file.path for file in files]
    readers: dict[str, Reader] = {
        "pydicom dcmread(stop_before_pixels=True)": lambda: by_pydicom(paths),
        "GDCM Scanner, our tags, not decoded": lambda: by_gdcm(paths),
        "SimpleITK ReadImageInformation": lambda: by_simpleitk(paths),
        "dcm2niix -n -1, lists series by header": lambda: by_dcm2niix(folder),
        "opp_mri scan, every value decoded": lambda: by_opp_mri(files),
    }
    if not DCM2NIIX.exists():
        del readers["dcm2niix -n -1, lists series by header"]
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds + 1):  # the first one warms up and is not counted
        for name, reader in readers.items():
            start_s = _spend_so_far()
            reader()
            times[name].append(_spend_so_far() - start_s)
    return {name: statistics.median(times_s[1:]) for name, times_s in times.items()}


def _spend_so_far() -> float:
    """Return processor time in seconds, with that of programs that were started and have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def compare(files: Iterable[SourceFile]) -> int:
    """Check that each value is the one that pydicom gives, and count them."""
    values = 0
    for file in files:
        dataset = pydicom.dcmread(file.path, stop_before_pixels=True)
        with FileBytes(file.path) as reader, silence_pydicom():
            header = read_header(reader)
            for keyword, tag in TAGS.items():
                expected = dataset[tag].value if tag in dataset else None
                value = header.get_value(tag)
                assert value == expected, f"{keyword} of {file.path}"
                values += tag in dataset
    return values


def by_pydicom(paths: Sequence[str]) -> None:
    for path in paths:
        pydicom.dcmread(path, stop_before_pixels=True)


def by_gdcm(paths: Sequence[str]) -> None:
    scanner = gdcm.Scanner()
    for tag in TAGS.values():
        scanner.AddTag(gdcm.Tag(tag >> 16, tag & 0xFFFF))
    assert scanner.Scan(list(paths))


def by_simpleitk(paths: Sequence[str]) -> None:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    for path in paths:
        reader.SetFileName(path)
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            continue  # an image that it does not know: the attempt counts


def by_dcm2niix(folder: Path) -> None:
    """Let dcm2niix read every header and list the series; with -n -1 it converts none."""
    subprocess.run(
        [DCM2NIIX, "-n", "-1", "-f", "%s", folder], stdout=subprocess.DEVNULL, check=False
    )


def by_opp_mri(files: Sequence[SourceFile]) -> None:
    for module in REMEMBERING:  # or else a round would profit from the one before it
        for var in vars(module).values():
            if hasattr(var, "cache_clear"):
                var.cache_clear()
    scan_module._seen.__dict__.clear()
    scans = list(scan(files, workers=1))
    assert all(file.status is FileStatus.IMAGE for file in scans)


def copy_images(source: Path, target: Path) -> None:
    """Copy the real images to a folder of their own, as the readers choke on other files."""
    for number, file in enumerate(scan(find_sources([source]), workers=1)):
        if file.status is FileStatus.IMAGE:
            shutil.copy(file.source.path, target / f"{number:04}.dcm")


def write_corpus(folder: Path, count: int, seed: int = 2016) -> None:
    """Write classic MR images with headers as full as a scanner's, the same for one seed."""
    chance = random.Random(seed)  # noqa: S311 - a benchmark needs no secret
    for number in range(count):
        series, slice_index = divmod(number, SLICES)
        if slice_index == 0:
            image = series_template(series, chance)
            place = folder / f"study{series // SERIES_OF_A_STUDY:04}" / f"series{series:05}"
            place.mkdir(parents=True)
            left_mm = chance.uniform(-35, -25)
        image.SOPInstanceUID = f"{image.SeriesInstanceUID}.{slice_index + 1}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.InstanceNumber = slice_index + 1
        across_mm = f"{left_mm + 4.4 * slice_index:.4f}"
        image.ImagePositionPatient = [across_mm, f"{-120 - left_mm:.4f}", "140.8823"]
        image.SliceLocation = across_mm
        image.AcquisitionTime = f"{101500 + slice_index}.{chance.randrange(10**6):06}"
        image.ContentTime = f"{101500 + slice_index}.{chance.randrange(10**6):06}"
        image.WindowCenter, image.WindowWidth = chance.randrange(900), chance.randrange(1800)
        image[0x0029, 0x1010].value = chance.randbytes(6000)
        image.save_as(place / f"IM{slice_index + 1:05}", enforce_file_format=True)


def series_template(series: int, chance: random.Random) -> Dataset:
    study = series // SERIES_OF_A_STUDY
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = MRImageStorage
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    image.SOPClassUID = MRImageStorage
    image.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{study + 1}"
    image.SeriesInstanceUID = f"{image.StudyInstanceUID}.{series + 1}"
    image.FrameOfReferenceUID = f"{image.StudyInstanceUID}.0"
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(image, keyword, f"2018{1 + study % 12:02}{1 + study % 28:02}")
    for keyword in ("StudyTime", "SeriesTime", "AcquisitionTime"):
        setattr(image, keyword, f"10{series % 60:02}12.{chance.randrange(10**6):06}")
    image.Modality, image.Manufacturer = "MR", "Maker"
    image.PatientName, image.PatientID = f"Synthetic^{study}", f"P{study:05}"
    image.PatientBirthDate, image.PatientSex, image.PatientAge = "19600101", "F", "058Y"
    image.SeriesDescription = ("t1_tse_sag", "t2_tse_sag_fs", "t1_tse_sag_post")[series % 3]
    image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "SE", ["SK", "SP"], "FS"
    image.MRAcquisitionType, image.SequenceName = "2D", "*tse2d1_3"
    image.RepetitionTime, image.EchoTime, image.FlipAngle = "500", "9.5", "150"
    image.MagneticFieldStrength, image.EchoTrainLength, image.EchoNumbers = "1.5", 3, 1
    image.SliceThickness, image.SpacingBetweenSlices, image.PixelBandwidth = "4", "4.4", "220"
    image.InPlanePhaseEncodingDirection, image.BodyPartExamined = "COL", "LSPINE"
    image.SeriesNumber, image.AcquisitionNumber = series % 100 + 1, 1
    image.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = 64
    image.PixelSpacing = ["0.75", "0.75"]
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    add_the_unneeded(image, chance)
    image.add_new("PixelData", "OW", bytes(2 * 64 * 64))
    return image


def add_the_unneeded(image: Dataset, chance: random.Random) -> None:
    """Add what nobody asks for and every reader passes: sequences, private groups, the rest."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "421", "L", "Lumbar spine"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = MRImageStorage, "1.2.3"
    image.ProcedureCodeSequence = [code]
    image.ReferencedImageSequence = [reference, reference, reference]
    image.RequestAttributesSequence = [code]
    image["ProcedureCodeSequence"].is_undefined_length = True
    for keyword in (
        *("StationName", "InstitutionName", "InstitutionalDepartmentName", "StudyDescription"),
        *("ManufacturerModelName", "ProtocolName", "SoftwareVersions", "DeviceSerialNumber"),
        *("AccessionNumber", "StudyID", "RequestedProcedureDescription"),
        *("PerformedProcedureStepDescription", "PerformedProcedureStepID", "ReceiveCoilName"),
    ):
        setattr(image, keyword, f"{keyword[:10]} {image.StudyInstanceUID[-3:]}"[:15])
    for keyword in ("NumberOfAverages", "ImagingFrequency", "PercentSampling", "SAR", "dBdt"):
        setattr(image, keyword, f"{chance.random():.6f}")
    for group, creator in ((0x0019, "MAKER MR HEADER"), (0x0051, "MAKER MR TEXT")):
        block = image.private_block(group, creator, create=True)
        for element in range(0x08, 0x30):
            block.add_new(element, "LO", f"value {chance.randrange(1000)}")
    block = image.private_block(0x0029, "MAKER CSA", create=True)
    block.add_new(0x10, "OB", bytes(6000))
    block.add_new(0x20, "OB", chance.randbytes(4000))


if __name__ == "__main__":
    main()
