"""Export a cohort to a folder, whole or not at all."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from opp_mri.cohort.export.aggregated import render_table_files
from opp_mri.cohort.export.columns import ExportTable
from opp_mri.cohort.export.csv_text import write_csv_table
from opp_mri.cohort.export.deidentify import deidentify_lesions
from opp_mri.cohort.export.derived import CHANGES, build_derived_tables
from opp_mri.cohort.export.dictionary import build_data_dictionary
from opp_mri.cohort.export.notes import export_notes, write_notes_text
from opp_mri.cohort.export.parquet import write_parquet
from opp_mri.cohort.export.recorded import EVENTS, VISITS, build_recorded_tables
from opp_mri.cohort.export.redcap import render_redcap_files
from opp_mri.cohort.export.sdtm import STUDY_ID
from opp_mri.cohort.export.sdtm_files import render_sdtm_files
from opp_mri.cohort.export.workbook import build_summary_table, write_workbook
from opp_mri.errors import InputError
from opp_mri.files import check_new, write_folder
from opp_mri.response.margin import compute_margin_mm
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.progress import Progress, ignore_progress

NOTES: Final = "notes.txt"
WORKBOOK: Final = "cohort.xlsx"
SHORTEST_KEY: Final = 16  # bytes


class ExportFormat(StrEnum):
    """What a cohort can be exported as."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    REDCAP = "redcap"
    SDTM = "sdtm"
    AGGREGATED = "aggregated"


DEFAULT_FORMATS: Final = (ExportFormat.CSV, ExportFormat.PARQUET, ExportFormat.XLSX)


@frozen(kw_only=True)
class Exported:
    """What was written.

    Parameters
    ----------
    folder
        Where.
    files
        Names in the folder, in the order in which they were written.
    lesions, patients
        How many.
    deidentified
        Whether names, dates and free texts were taken out.
    """

    folder: Path
    files: tuple[str, ...]
    lesions: int
    patients: int
    deidentified: bool


def export_cohort(
    cohort: Cohort,
    folder: Path,
    *,
    formats: Iterable[ExportFormat] = DEFAULT_FORMATS,
    deidentify: bool = False,
    key: bytes | None = None,
    suppress_below: int | None = None,
    margins: bool = False,
    study_id: str = STUDY_ID,
    progress: Progress = ignore_progress,
) -> Exported:
    """Write a cohort to a new folder; the same cohort and choices give the same bytes.

    Parameters
    ----------
    folder
        New or empty; nothing of it is there before all is written.
    formats
        What to write; notes are written always.
    deidentify
        Whether to take out names, dates and free texts, as `deidentified` says.
    key
        Of the codes that replace names; None for one made from the data.
    suppress_below
        For the format `aggregated`: counts from 1 to one less are withheld.
    margins
        Whether to work out the margin of each category: some milliseconds a lesion.
    study_id
        For the format `sdtm`: its STUDYID.
    progress
        Told of each margin.

    Raises
    ------
    InputError
        The folder is in use or cannot be written, there is no lesion, or a choice cannot be met.
    """
    check_new(folder)
    if not cohort.lesions:
        raise InputError("The cohort has no lesion: there is nothing to export.")
    if deidentify:
        cohort = evolve(cohort, lesions=deidentify_lesions(cohort.lesions, key), ratio_warnings=())
    export_formats = frozenset(formats)
    files = _generate_files(
        cohort,
        export_formats,
        notes=export_notes(
            cohort.lesions, cohort.criteria, cohort.mode, data_sha256=cohort.data_sha256,
            is_deidentified=deidentify, shows_counts=suppress_below is None,
        ),
        margins_mm=_compute_margins(cohort, progress) if margins else None,
        suppress_below=suppress_below,
        study_id=study_id,
    )  # fmt: skip
    return Exported(
        folder=folder,
        files=write_folder(folder, files),
        lesions=len(cohort.lesions),
        patients=len({lesion.patient_id for lesion in cohort.lesions}),
        deidentified=deidentify,
    )


def generate_data_files(cohort: Cohort, *, is_deidentified: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the tidy tables as CSV and Parquet, each by its name in a folder.

    Parameters
    ----------
    is_deidentified
        Whether names, dates and free texts were taken out: the notes say so.
    """
    notes = export_notes(
        cohort.lesions, cohort.criteria, cohort.mode, data_sha256=cohort.data_sha256,
        is_deidentified=is_deidentified,
    )  # fmt: skip
    yield from _generate_files(
        cohort, frozenset({ExportFormat.CSV, ExportFormat.PARQUET}), notes=notes,
        margins_mm=None, suppress_below=None,
        study_id=STUDY_ID,
    )  # fmt: skip


def read_key(path: Path) -> bytes:
    """Read the key of the codes from a file: all its bytes.

    Raises
    ------
    InputError
        It cannot be read, or is so short that it could be guessed.
    """
    try:
        key = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The key {path} cannot be read ({error.strerror}): give a file with random bytes."
        ) from error
    if len(key) < SHORTEST_KEY:
        raise InputError(
            f"The key has {len(key)} bytes and could be guessed: give a file with at least "
            f"{SHORTEST_KEY} random bytes."
        )
    return key


def _compute_margins(cohort: Cohort, progress: Progress) -> Mapping[str, Decimal | None]:
    total = len(cohort.lesions)
    margins = {}
    for count, lesion in enumerate(cohort.lesions, 1):
        margins[lesion.lesion.lesion_id] = compute_margin_mm(lesion.timeline, cohort.rules)
        progress("Margins", count, total)
    return margins


def _generate_files(
    cohort: Cohort,
    formats: frozenset[ExportFormat],
    *,
    notes: Mapping[str, str],
    margins_mm: Mapping[str, Decimal | None] | None,
    suppress_below: int | None,
    study_id: str,
) -> Iterator[tuple[str, bytes]]:
    """Make the files one after the other, each by its name in the folder."""
    lesions, criteria = cohort.lesions, cohort.criteria
    tables = (*build_recorded_tables(lesions), *build_derived_tables(lesions, criteria, margins_mm))
    yield NOTES, write_notes_text(notes)
    if ExportFormat.CSV in formats:
        for table in (*tables, build_data_dictionary(tables)):
            yield f"{table.name}.csv", write_csv_table(table)
    if ExportFormat.PARQUET in formats:
        for table in tables:
            yield f"parquet/{table.name}.parquet", write_parquet(table, notes)
    if ExportFormat.XLSX in formats:
        yield WORKBOOK, write_workbook(_build_sheets(cohort, tables), notes)
    if ExportFormat.REDCAP in formats:
        yield from _place_in_folder("redcap", render_redcap_files(tables))
    if ExportFormat.SDTM in formats:
        yield from _place_in_folder("sdtm", render_sdtm_files(lesions, study_id=study_id))
    if ExportFormat.AGGREGATED in formats:
        from opp_mri.cohort.statistics.analysis import (
            analyse,  # with the report loads statistics and figures
        )
        from opp_mri.workflow.cohort.cohort_contents import build_cohort_tables

        cohort_tables = build_cohort_tables(cohort, analyse(lesions), suppress_below=suppress_below)
        yield from _place_in_folder("aggregated", render_table_files(cohort_tables.every))


def _build_sheets(cohort: Cohort, tables: Iterable[ExportTable]) -> tuple[ExportTable, ...]:
    by_name = {table.name: table for table in tables}
    sheets = [
        build_summary_table(cohort.lesions, cohort.criteria),
        by_name[CHANGES],
        by_name[EVENTS],
    ]
    if by_name[VISITS].n_rows:
        sheets.append(by_name[VISITS])
    return (*sheets, build_data_dictionary(sheets))


def _place_in_folder(folder: str, files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for name, content in files.items():
        yield f"{folder}/{name}", content
