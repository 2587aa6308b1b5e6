"""How long a first index of many small files takes, and one over the same files unchanged.

    python benchmarks/reindexing.py [FILES] [RUNS]

Makes studies of 4 series with 25 slices in a temporary folder, indexes them once with one process
and once with one a core, then indexes the unchanged files again several times, and does so with one
file touched. Each re-index opens the project again, as the command does; starting Python is left
out. Prints medians.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from opp_mri.workflow.catalogue.index import IndexSummary, index
from opp_mri.workflow.catalogue.patients import find_likely_matches
from opp_mri.workflow.project import create_project, open_project

SLICES, SERIES_IN_STUDY = 25, 4
SAGITTAL = [0, 1, 0, 0, 0, -1]


def main(files: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "files"
        file_count = make_files(source, files)
        print(f"{file_count} files, {os.cpu_count()} cores, medians of {runs} runs")
        for label, workers in (("one process", 1), ("a process a core", None)):
            project = folder / label.replace(" ", "-")
            create_project(project)
            summary, seconds = timed(lambda p=project, w=workers: indexed(p, source, w))
            assert summary.read == file_count
            print(f"first index, {label:17} {seconds:7.2f} s  {file_count / seconds:8.0f} files/s")
        times_unchanged_s = []
        for _ in range(runs):
            summary, seconds = timed(lambda: indexed(project, source, None))
            assert (summary.files, summary.read) == (file_count, 0)
            times_unchanged_s.append(seconds)
        print(f"again, nothing changed         {statistics.median(times_unchanged_s):7.2f} s")
        times_touched_s = []
        for run in range(runs):
            os.utime(next(source.rglob("IM*")), ns=(run, run))
            summary, seconds = timed(lambda: indexed(project, source, None))
            assert summary.read == 1
            times_touched_s.append(seconds)
        print(f"again, one file changed        {statistics.median(times_touched_s):7.2f} s")


def indexed(folder: Path, source: Path, workers: int | None) -> IndexSummary:
    """Do what `opp-mri index` does."""
    with open_project(folder) as project:
        summary = index(project, [source], workers=workers)
        find_likely_matches(project.store)
    return summary


def timed(run: Callable[[], IndexSummary]) -> tuple[IndexSummary, float]:
    start_s = time.perf_counter()
    summary = run()
    return summary, time.perf_counter() - start_s


def make_files(folder: Path, files: int) -> int:
    """Write sagittal slices of 64 x 64 pixels; each patient has one study."""
    for number in range(files):
        series, slice_number = divmod(number, SLICES)
        study, in_study = divmod(series, SERIES_IN_STUDY)
        path = folder / f"study{study}" / f"series{in_study}" / f"IM{slice_number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image(study, in_study, slice_number).save_as(path, enforce_file_format=True)
    return files


def image(study: int, series: int, number: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values = {
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": f"1.2.3.{study}.{series}.{number + 1}",
        "StudyInstanceUID": f"1.2.3.{study}",
        "SeriesInstanceUID": f"1.2.3.{study}.{series}",
        "FrameOfReferenceUID": f"1.2.3.{study}.0",
        "PatientID": f"P{study}",
        "PatientName": f"Name{study}^Given",
        "PatientBirthDate": f"19{study % 100:02}0101",
        "StudyDate": "20240115",
        "Modality": "MR",
        "SeriesNumber": series + 1,
        "SeriesDescription": f"T1 SAG {series}",
        "InstanceNumber": number + 1,
        "ScanningSequence": "SE",
        "RepetitionTime": 550,
        "EchoTime": 10,
        "MagneticFieldStrength": 1.5,
        "AcquisitionTime": f"10{series:02}00",
        "ImageOrientationPatient": SAGITTAL,
        "ImagePositionPatient": [4.4 * number, -64 - study / 10, 64],
        "PixelSpacing": [2, 2],
        "SliceThickness": 4,
        "Rows": 64,
        "Columns": 64,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": bytes(64 * 64 * 2),
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


if __name__ == "__main__":
    files_wanted, runs_wanted = [*map(int, sys.argv[1:3]), *(10_000, 5)[len(sys.argv[1:3]) :]]
    main(files_wanted, runs_wanted)
