"""Certify a new reader: phantom lesions to measure, their true lengths elsewhere, and the score.

The true length of a cell is the phantom's greatest AP extent on that sequence of that visit, along
the AP axis of the lesion's own vertebra, in three dimensions: `ap_mm` of its truth, against which
the tests hold the readings of `opp-mri demo` too. No slice has to pass through it, yet the slice
that shows most shows at most 0.08 mm less, on average 0.03 mm (all nine patients at five seeds, at
half of the lesion's share of a voxel): less than the 0.1 mm to which a length is recorded.
"""

import csv
import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import frozen

from opp_mri.agreement.certification import DEFAULT_PASS_MARK, Certification, PassMark, certify
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.errors import InputError
from opp_mri.phantom.cases import CASES
from opp_mri.phantom.seeding import make_generator
from opp_mri.store.protocol import Store
from opp_mri.tables.csv_table import read_table
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    find_unsigned_cells,
    get_counted_readings,
    get_own_readings,
    select_latest_by_cell,
)
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import create_project, open_project

IMAGES: Final = "images"
TRUTH_COLUMNS: Final = ("lesion_id", "study_instance_uid", "study_date", "sequence", "ap_mm")
PATIENTS, VISITS = 5, 2  # 30 lengths on five lesions: the bias is known by lesions, not by lengths
UNREAD, DRAFT, NOT_MEASURABLE = "unread", "a draft, not signed", "not measurable"

Record = dict[str, Any]


@frozen(kw_only=True)
class TrueLength:
    """A length that a reader is to measure.

    Parameters
    ----------
    ap_mm
        Greatest AP extent, to 0.01 mm.
    """

    lesion_id: str
    study_instance_uid: str
    study_date: date
    sequence: SeriesRole
    ap_mm: Decimal


@frozen(kw_only=True)
class CertificationSet:
    """What was made: a project to read in, and the truth elsewhere.

    Parameters
    ----------
    lesions, lengths
        How many lesions, and how many lengths on them.
    """

    folder: Path
    truth: Path
    lesions: int
    lengths: int


@frozen(kw_only=True)
class ScoredLength:
    """A true length next to what a reader said.

    Parameters
    ----------
    length_mm
        As recorded, 0.0 where the reader called the lesion gone; None where there is no length.
    missing
        Why there is none, "" where there is one.
    """

    true: TrueLength
    length_mm: Decimal | None
    missing: str = ""

    @property
    def error_mm(self) -> Decimal | None:
        """Recorded less true length, mm."""
        return None if self.length_mm is None else self.length_mm - self.true.ap_mm


@frozen(kw_only=True)
class Score:
    """How a reader measured the lesions of a certification set."""

    reader: str
    certification: Certification
    lengths: tuple[ScoredLength, ...]

    @property
    def unread(self) -> tuple[ScoredLength, ...]:
        """Those without a length."""
        return tuple(length for length in self.lengths if length.missing)


def make_certification(
    folder: Path,
    truth_path: Path,
    *,
    at: datetime,
    seed: int,
    patients: Collection[str] | None = None,
    visits: int = VISITS,
    coarse: bool = False,
    workers: int | None = None,
    progress: Progress = ignore_progress,
) -> CertificationSet:
    """Make a project of phantom lesions without any length in it, and write the truth elsewhere.

    Parameters
    ----------
    folder
        New or empty; becomes the project. Its images are in `images`.
    truth_path
        New CSV file outside the folder: lesion_id, study_instance_uid, study_date, sequence, ap_mm.
    at
        When the lesions are recorded.
    seed
        Of bodies, postures and noise, and of which patients and which of their follow-ups.
    patients
        PatientIDs of the phantom; five by the seed where None.
    visits
        Time points of each, the baseline among them: each has three lengths.
    coarse
        Half the matrix, for quick tests.

    Raises
    ------
    InputError
        The truth would lie in the folder, a file or folder is in use, or a patient is unknown.
    """
    _check_places(folder, truth_path)
    patient_names = sorted(patients or _draw_lesions(seed))
    try:
        truth_path.parent.mkdir(parents=True, exist_ok=True)
        # next to the truth, so that what is left by a power cut is where lengths may be
        with (
            TemporaryDirectory(dir=truth_path.parent, prefix="certify-") as beside,
            _remove_when_unfinished(folder),
        ):
            cohort = write_phantom(
                Path(beside) / "cohort",
                seed=seed,
                progress=progress,
                patients=patient_names,
                coarse=coarse,
                workers=workers,
            )
            descriptions = json.loads(cohort.truth.read_text(encoding="utf-8"))["patients"]
            choices = [(patient, _choose_visits(seed, patient, visits)) for patient in descriptions]
            for patient, numbers in choices:
                _move(cohort.dicom / patient["patient_id"], folder / IMAGES, numbers)
            _fill(folder, cohort.lesions, at, workers, progress)
            lengths = [n for choice in choices for n in _collect_true_lengths(*choice)]
            _write_truth(truth_path, lengths)
    except OSError as error:
        raise InputError(
            f"The certification cannot be written ({error}): choose places that you may write."
        ) from error
    return CertificationSet(
        folder=folder, truth=truth_path, lesions=len(choices), lengths=len(lengths)
    )


def score_certification(
    folder: Path, truth_path: Path, reader: str, *, pass_mark: PassMark = DEFAULT_PASS_MARK
) -> Score:
    """Hold a reader's signed or handed-over lengths against the true ones.

    Parameters
    ----------
    folder
        Project of the certification, as the reader measured it.
    truth_path
        File of the true lengths, in mm.
    reader
        Whose lengths are scored.
    pass_mark
        Limits of bias and SD in mm, and the least number of lengths.

    Raises
    ------
    InputError
        The truth is not of this folder, or the reader has recorded nothing in it.
    """
    true = read_truth(truth_path)
    with open_project(folder) as project:
        _check_same(project.store, true)
        _check_reader(project.store, reader)
        scored_lengths = tuple(_score_lengths(project.store, true, reader))
    errors: dict[str, list[float]] = {}
    for length in scored_lengths:
        if length.error_mm is not None:
            errors.setdefault(length.true.lesion_id, []).append(float(length.error_mm))
    missing_count = sum(length.length_mm is None for length in scored_lengths)
    return Score(
        reader=reader,
        certification=certify(errors, missing_count, pass_mark),
        lengths=scored_lengths,
    )


def read_truth(path: Path) -> list[TrueLength]:
    """Read the true lengths that `make_certification` wrote.

    Raises
    ------
    InputError, TableError
        The file cannot be read, or is no such table.
    """
    true = []
    with read_table(path, required_columns=TRUTH_COLUMNS) as table:
        for row in table.rows:
            lesion_id, study = row.read_text("lesion_id"), row.read_text("study_instance_uid")
            day, sequence = row.read_date("study_date"), row.read_choice("sequence", SeriesRole)
            ap_mm = row.read_mm("ap_mm")
            if lesion_id and study and day and sequence and ap_mm is not None:
                true.append(
                    TrueLength(
                        lesion_id=lesion_id, study_instance_uid=study, study_date=day,
                        sequence=sequence, ap_mm=ap_mm,
                    )
                )  # fmt: skip
    return true


def _check_places(folder: Path, truth_path: Path) -> None:
    if truth_path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"{truth_path} lies in the reader's folder: keep the truth where the reader does not "
            "look."
        )
    if truth_path.exists():
        raise InputError(f"{truth_path} exists already: name a new file for the truth.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is in use: name a new folder for the certification.")


def _draw_lesions(seed: int) -> list[str]:
    names = [case.patient_id for case in CASES]
    indices = make_generator(seed, "certification").choice(len(names), PATIENTS, replace=False)
    return [names[index] for index in indices]


def _choose_visits(seed: int, patient: Record, count: int) -> list[int]:
    """Return the baseline, on which the seed point lies, and follow-ups by the seed."""
    later = len(patient["visits"]) - 1
    if not 1 <= count <= later + 1:
        raise InputError(
            f"A phantom patient has {later + 1} visits: choose a number from 1 to {later + 1}."
        )
    dice = make_generator(seed, "certification", patient["patient_id"])
    return [0, *sorted(int(visit) + 1 for visit in dice.choice(later, count - 1, replace=False))]


@contextmanager
def _remove_when_unfinished(folder: Path) -> Iterator[None]:
    """Leave no folder behind that is half made."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _move(patient_folder: Path, images: Path, numbers: Iterable[int]) -> None:
    studies = sorted(patient_folder.iterdir())  # a folder a study, named by its date
    for number in numbers:
        (images / patient_folder.name).mkdir(parents=True, exist_ok=True)
        shutil.move(studies[number], images / patient_folder.name / studies[number].name)


def _fill(
    folder: Path, lesions: Path, at: datetime, workers: int | None, progress: Progress
) -> None:
    create_project(folder)
    with open_project(folder) as project:
        index(project, [folder / IMAGES], workers=workers, progress=progress)
        # its events are left out: they hint at the course
        add_lesions(project.store, lesions, at, all_or_none=True)


def _collect_true_lengths(patient: Record, numbers: Iterable[int]) -> list[TrueLength]:
    return [
        TrueLength(
            lesion_id=patient["lesion_id"],
            study_instance_uid=visit["study_instance_uid"],
            study_date=date.fromisoformat(visit["study_date"]),
            sequence=SeriesRole(sequence),
            ap_mm=Decimal(str(cell["ap_mm"])),
        )
        for visit in (patient["visits"][number] for number in numbers)
        for sequence, cell in visit["sequences"].items()
    ]


def _write_truth(path: Path, lengths: Sequence[TrueLength]) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(
            [str(getattr(length, name)) for name in TRUTH_COLUMNS] for length in lengths
        )


def _check_same(store: Store, true: Sequence[TrueLength]) -> None:
    studies = {volume.study_instance_uid for volume in store.get_volumes()}
    lesions = {lesion.lesion_id for lesion in store.get_lesions()}
    if any(
        length.study_instance_uid not in studies or length.lesion_id not in lesions
        for length in true
    ):
        raise InputError(
            "The truth belongs to another folder: give the file that was written with this folder."
        )


def _check_reader(store: Store, reader: str) -> None:
    present_readers = sorted({reading.reader for reading in store.get_readings()})
    if reader not in present_readers:
        raise InputError(
            f"Reader {reader} has recorded nothing here; "
            f"{', '.join(present_readers) or 'nobody'} has."
        )


def _score_lengths(store: Store, true: Sequence[TrueLength], reader: str) -> Iterator[ScoredLength]:
    for lesion_id, of_lesion in groupby(true, key=lambda length: length.lesion_id):
        counted_readings = get_counted_readings(store, lesion_id)
        latest = select_latest_by_cell(
            [reading for reading in counted_readings if reading.reader == reader]
        )
        own = get_own_readings(store, lesion_id, reader)
        drafts = {
            reading.cell for reading in find_unsigned_cells(own, find_signed_ids(store, lesion_id))
        }
        for length in of_lesion:
            cell = (length.study_date, length.sequence)
            yield _score_length(length, latest.get(cell), draft=cell in drafts)


def _score_length(true: TrueLength, reading: Reading | None, *, draft: bool) -> ScoredLength:
    if reading is None:
        return ScoredLength(true=true, length_mm=None, missing=DRAFT if draft else UNREAD)
    if reading.answer is Answer.NOT_MEASURABLE or reading.length_mm is None:
        why = f"{NOT_MEASURABLE}: {reading.reason}" if reading.reason else NOT_MEASURABLE
        return ScoredLength(true=true, length_mm=None, missing=why)
    return ScoredLength(true=true, length_mm=reading.length_mm)
