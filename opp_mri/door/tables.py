"""Assess lengths from tables; no project and no images are needed."""

from pathlib import Path
from typing import Any
from warnings import warn

import pandas as pd

from opp_mri.domain.assessment import Criteria
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.door.frames import build_frame_of_records, write_text_table
from opp_mri.door.rules import RETROSPECTIVE, choose_rules
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedTimeline
from opp_mri.response.lack import describe_lacks
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.tables.csv_table import TextTable
from opp_mri.tables.events import EVENT_NAMES
from opp_mri.tables.measurements import MEASUREMENT_COLUMNS, ORIGIN_COLUMN, VOLUME_COLUMN
from opp_mri.workflow.assessing.assess import assess_tables, build_assessment_json

Tabular = pd.DataFrame | str | Path


def assess(
    measurements: Tabular,
    events: Tabular | None = None,
    *,
    mode: str = RETROSPECTIVE,
    criteria: str | Path | Criteria | None = None,
    sd_mm: float | None = None,
) -> pd.DataFrame:
    """Assess each lesion of a table of lengths.

    Parameters
    ----------
    measurements : pandas.DataFrame, str or Path
        Frame, or CSV file, with the columns ``lesion_id``, ``days_from_ssrs`` (whole days from the
        completion of radiosurgery), ``sequence`` (T1, T2FS, STIR or T1POST) and ``ap_mm`` (greatest
        anteroposterior extent in mm; 0 where the abnormality is gone), and perhaps ``volume_cc``,
        next to which ``ap_mm`` may be empty. Other columns of a frame play no part.
    events : pandas.DataFrame, str or Path, optional
        Frame, or CSV file, with the columns ``lesion_id``, ``days_from_ssrs``, ``event`` and
        ``value``.
    mode : {"retrospective", "prospective"}
        With hindsight, as the source paper did, or as known at the last study.
    criteria : str, Path or Criteria, optional
        Name of a shipped profile, or a TOML file. The default is ``amini-2016``.
    sd_mm : float, optional
        Standard deviation of one measurement, mm, by which the probability of each category is
        computed. The default is 1.23.

    Returns
    -------
    pandas.DataFrame
        One row per lesion, in the order in which the measurements first name it: ``lesion_id``,
        ``category``, ``reason`` (the rule that decided), ``deciding_sequence``, ``discordant``,
        ``margin_mm``, ``probability`` (that the category were the same if all lengths were measured
        again), ``fragile``, ..., ``sentences``. A lesion without a measurement that the criteria
        read has no row, and a warning names it.

    Raises
    ------
    TableError
        With the line and column of each fault; in a frame, lines count as in ``frame.to_csv()``.
    InputError
        There is no such file, mode or profile, or no lesion has what the criteria read.

    Examples
    --------
    >>> import pandas as pd
    >>> import opp_mri as opp
    >>> lengths = pd.DataFrame({
    ...     "lesion_id": "A", "sequence": "T1",
    ...     "days_from_ssrs": [-7, 60, 120, 240], "ap_mm": [10.0, 13.5, 11.0, 10.0],
    ... })
    >>> opp.assess(lengths)[["lesion_id", "category", "reason"]]
      lesion_id category             reason
    0         A      OPP  sustained_decline
    """
    rules = choose_rules(mode, criteria)
    error = DEFAULT_ERROR if sd_mm is None else MeasurementError(sd_mm=sd_mm, source="as given")
    columns = (*MEASUREMENT_COLUMNS, VOLUME_COLUMN, ORIGIN_COLUMN)
    tables = assess_tables(
        _open_source(measurements, "measurements", columns),
        None if events is None else _open_source(events, "events", EVENT_NAMES),
        rules,
        error=error,
    )
    lacks = " ".join(describe_lacks([lesion.timeline for lesion in tables.lesions], rules.criteria))
    records = [record_of(lesion) for lesion in tables.lesions if lesion.is_measured]
    _warn_of(lacks, is_all=not records)
    return build_frame_of_records(records)


def _warn_of(lacks: str, *, is_all: bool) -> None:
    if lacks and is_all:
        raise InputError(lacks)
    if lacks:
        warn(lacks, stacklevel=3)


def record_of(lesion: AssessedTimeline) -> dict[str, Any]:
    """Return an assessment as a record, with the probability of the category itself."""
    record: dict[str, Any] = dict(build_assessment_json(lesion))
    return add_probability(record)


def add_probability(record: dict[str, Any]) -> dict[str, Any]:
    """Put the probability of a record's own category before the field ``fragile``."""
    row: dict[str, Any] = {}
    for name, value in record.items():
        if name == "fragile":
            row["probability"] = record["probabilities"].get(record["category"], 0.0)
        row[name] = value
    return row


def _open_source(table: Tabular, name: str, columns: tuple[str, ...]) -> Path | TextTable:
    return (
        write_text_table(table, name, columns) if isinstance(table, pd.DataFrame) else Path(table)
    )
