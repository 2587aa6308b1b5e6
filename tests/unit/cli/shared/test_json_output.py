"""JSON and CSV of records: each byte as it was agreed; a new field is added here on purpose."""

import json
from pathlib import Path

import pytest
from fixtures.cohort_makers import make_cohort
from fixtures.shown_records import (
    LESIONS,
    MATCHES,
    PATIENTS,
    VOLUMES,
    shown_assessments,
    shown_readings,
    shown_timeline,
)

from opp_mri.cli.shared.json_output import (
    build_patients_json,
    build_reading_json,
    build_volume_json,
    unstructure,
)
from opp_mri.cohort.export.csv_text import write_csv_table
from opp_mri.cohort.export.dictionary import build_data_dictionary
from opp_mri.cohort.export.recorded import build_recorded_tables
from opp_mri.domain.columns.lesion import LESION_COLUMNS
from opp_mri.domain.measurement import Lesion
from opp_mri.workflow.assessing.respond import build_project_lesion_json

SHOWN = Path(__file__).parents[3] / "fixtures" / "shown"


def written(record: object) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("lesions", unstructure(LESIONS)),
        (
            "readings",
            [build_reading_json(r, counts=n != 1) for n, r in enumerate(shown_readings())],
        ),
        ("series", [build_volume_json(volume, frames=True) for volume in VOLUMES]),
        ("patients", build_patients_json(PATIENTS, MATCHES)),
        ("assess", [build_project_lesion_json(lesion) for lesion in shown_assessments()]),
        ("timeline", unstructure([shown_timeline()])),
    ],
)
def test_json_is_byte_for_byte_what_it_was(name: str, record: object) -> None:
    assert written(record) == (SHOWN / f"{name}.json").read_text(encoding="utf-8")


def test_recorded_tables_and_their_dictionary_are_byte_for_byte_what_they_were() -> None:
    tables = build_recorded_tables(make_cohort(6))
    for table in (*tables[:3], build_data_dictionary(tables[:3])):
        assert write_csv_table(table) == (SHOWN / f"{table.name}.csv").read_bytes(), table.name


@pytest.mark.parametrize("lesion", LESIONS, ids=lambda lesion: lesion.lesion_id)
def test_json_names_a_value_as_its_column_does(lesion: Lesion) -> None:
    record = unstructure(lesion)
    for column in LESION_COLUMNS:
        assert column.name in record
