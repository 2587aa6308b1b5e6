"""Write the synthetic cohort: DICOM files, the truth, and the tables that the demo reads."""

import csv
import json
import os
import shutil
from collections.abc import Collection, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.dicom.write import SeriesToWrite, write_classic
from opp_mri.dicom.write_enhanced import EnhancedValues, write_enhanced
from opp_mri.errors import InputError
from opp_mri.phantom.cases import CASES, Case, Encoding, FileNames
from opp_mri.phantom.patient import (
    AcquiredSeries,
    AcquiredStudy,
    make_patient,
    without_pixels,
)
from opp_mri.phantom.protocol import SeriesKind
from opp_mri.phantom.seeding import make_uid
from opp_mri.phantom.truth import (
    CALIPER_COLUMNS,
    EVENT_COLUMNS,
    LESION_COLUMNS,
    TRUTH_VERSION,
    Cell,
    PatientRecord,
    record,
)
from opp_mri.workflow.executors import open_processes
from opp_mri.workflow.progress import Progress, ignore_progress

_WEIGHTING: Final = {SeriesKind.T1: "T1", SeriesKind.T1POST: "T1", SeriesKind.STIR: "STIR"}


@frozen(kw_only=True)
class PhantomSummary:
    """What was written, and where.

    Parameters
    ----------
    dicom
        Folder of the DICOM files.
    truth, lesions, events, calipers
        The files next to it.
    patients, studies, series, files
        How many of each.
    """

    dicom: Path
    truth: Path
    lesions: Path
    events: Path
    calipers: Path
    patients: int
    studies: int
    series: int
    files: int


def write_phantom(
    folder: Path,
    *,
    seed: int = 1,
    progress: Progress = ignore_progress,
    patients: Collection[str] | None = None,
    coarse: bool = False,
    workers: int | None = None,
) -> PhantomSummary:
    """Write the cohort; the same arguments write the same bytes.

    Parameters
    ----------
    folder
        New or empty; `dicom/`, `truth.json`, `lesions.csv`, `events.csv` and `calipers.csv` are
        written into it.
    seed
        Another seed gives other bodies, postures, noise and reader's errors, and the same courses.
    progress
        Called with the number of patients done and of all, from 0 on.
    patients
        PatientIDs to write; all where None. A patient is the same alone as among others.
    coarse
        Half the matrix and coarser tissue, for quick tests; positions and truth are the same.
    workers
        Processes; as many as there are processors where None, and with 1 none is started.

    Raises
    ------
    InputError
        The folder is not empty, cannot be written, or a patient is unknown.
    """
    cases = _choose_cases(patients)
    _make_empty(folder)
    try:
        return _write(folder, cases, seed, progress, coarse, workers)
    except BaseException as error:  # half a cohort would only be in the way of the next one
        _clear(folder)
        if isinstance(error, OSError):
            # pydicom puts a traceback into the text, and no cause of its own
            cause = error.strerror or "the disk may be full"
            raise InputError(
                f"{folder} could not be written ({cause}), and was emptied: make room, or choose "
                "another folder."
            ) from error
        raise


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _write(
    folder: Path, cases: Sequence[Case], seed: int, progress: Progress, coarse: bool,
    workers: int | None,
) -> PhantomSummary:  # fmt: skip
    progress("writing images", 0, len(cases))
    tasks = [
        (case, folder / "dicom" / case.patient_id, seed, coarse)
        for case in sorted(cases, key=lambda case: -case.matrix[0])  # the longest first
    ]
    count = min(workers or os.cpu_count() or 1, len(tasks))
    patients_by_id: dict[str, _Written] = {}
    if count == 1:
        for task in tasks:
            patients_by_id[task[0].patient_id] = _write_patient(*task)
            progress("writing images", len(patients_by_id), len(tasks))
    else:
        with open_processes(count) as pool:
            futures = {pool.submit(_write_patient, *task): task[0] for task in tasks}
            for future in as_completed(futures):
                patients_by_id[futures[future].patient_id] = future.result()
                progress("writing images", len(patients_by_id), len(tasks))
    return _write_tables(folder, seed, [patients_by_id[case.patient_id] for case in cases])


@frozen(kw_only=True)
class _Written:
    record: PatientRecord
    studies: int
    series: int
    files: int


def _choose_cases(patients: Collection[str] | None) -> list[Case]:
    if patients is None:
        return list(CASES)
    cases_by_id = {case.patient_id: case for case in CASES}
    if not set(patients) <= set(cases_by_id):
        raise InputError(
            f"The phantom has no patient with that name: choose from {', '.join(cases_by_id)}."
        )
    return [case for case in CASES if case.patient_id in patients]


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: give a new folder for the phantom.")
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is a file: give a folder for the phantom.") from None
    except PermissionError as error:
        raise InputError(
            f"{folder} cannot be written: choose a folder that you may write."
        ) from error


def _write_patient(case: Case, folder: Path, seed: int, coarse: bool) -> _Written:
    patient = make_patient(case, seed=seed, coarse=coarse)
    studies: list[AcquiredStudy] = []
    series = files = 0
    for study in patient.generate_studies():
        for acquired_series in study.series:
            files += _write_series(case, folder, study, acquired_series, seed)
        series += len(study.series)
        studies.append(without_pixels(study))
    return _Written(
        record=record(patient, tuple(studies)), studies=len(studies), series=series, files=files
    )


def _write_series(
    case: Case, folder: Path, study: AcquiredStudy, series: AcquiredSeries, seed: int
) -> int:
    series_to_write = SeriesToWrite(
        header=series.header,
        planes=series.planes,
        pixels=series.pixels,
        thickness_mm=series.thickness_mm,
        slice_spacing_mm=series.slice_spacing_mm,
        sop_instance_uids=series.sop_instance_uids,
    )
    count = len(series.sop_instance_uids)
    paths = [
        folder / _build_file_name(case.file_names, study, series.number, image)
        for image in range(1, count + 1)
    ]
    if case.encoding is Encoding.ENHANCED:
        contrast = study.visit.scanner.contrasts[series.kind]
        values = EnhancedValues(
            weighting=_WEIGHTING.get(series.kind, "T2"),
            fat_suppressed=contrast.fat_suppressed,
            dimension_organization_uid=make_uid(seed, *series.sop_instance_uids, "dimensions"),
            procedure_step_uid=make_uid(seed, study.study_instance_uid, "procedure step"),
        )
        write_enhanced(series_to_write, values, paths[0])
    else:
        write_classic(series_to_write, paths, jpeg_2000=case.encoding is Encoding.JPEG_2000)
    return count


def _build_file_name(style: FileNames, study: AcquiredStudy, series: int, image: int) -> Path:
    day = study.study_date
    match style:
        case FileNames.NUMBERS:
            return Path(f"{day:%Y%m%d}") / f"{series:08d}" / f"{image:08d}"
        case FileNames.SIEMENS_EXPORT:
            name = f"PHANTOM.MR.SPINE.{series:04d}.{image:04d}.{day:%Y.%m.%d}.IMA"
            return Path(f"SPINE_{day:%Y%m%d}") / name
        case FileNames.SERIES_AND_IMAGE:
            return Path(f"MR_{day.isoformat()}") / f"S{series:04d}" / f"IM{image:04d}.dcm"


def _write_tables(folder: Path, seed: int, patients: Sequence[_Written]) -> PhantomSummary:
    truth = {
        "version": TRUTH_VERSION,
        "seed": seed,
        "coordinates": "patient LPS in mm, in the frame of reference of each visit",
        "patients": [patient.record.truth for patient in patients],
    }
    truth_path = folder / "truth.json"
    truth_path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    tables = {
        "lesions.csv": (
            LESION_COLUMNS,
            [row for patient in patients for row in patient.record.lesions],
        ),
        "events.csv": (
            EVENT_COLUMNS,
            [row for patient in patients for row in patient.record.events],
        ),
        "calipers.csv": (
            CALIPER_COLUMNS,
            [row for patient in patients for row in patient.record.calipers],
        ),
    }
    for name, (columns, rows) in tables.items():
        _write_csv(folder / name, columns, rows)
    return PhantomSummary(
        dicom=folder / "dicom",
        truth=truth_path,
        lesions=folder / "lesions.csv",
        events=folder / "events.csv",
        calipers=folder / "calipers.csv",
        patients=len(patients),
        studies=sum(patient.studies for patient in patients),
        series=sum(patient.series for patient in patients),
        files=sum(patient.files for patient in patients),
    )


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
