"""Bundles of assessed lesions are valid FHIR, and state what the project states."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.bundle import Bundle

from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.exchange.fhir_export import export_bundles
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import create_project, open_project

SAMPLE = Path(__file__).parents[2] / "sample_data" / "patient"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNIT = {"mm": "http://unitsofmeasure.org", "d": "http://unitsofmeasure.org"}


@pytest.fixture(scope="module")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample patient, measured by one reader."""
    folder = tmp_path_factory.mktemp("project")
    create_project(folder)
    with open_project(folder) as project:
        index(project, [SAMPLE / "dicom"], workers=1)
        add_lesions(project.store, SAMPLE / "lesions.csv", AT)
        measure(project.store, SAMPLE / "calipers.csv", AT)
    return folder


@pytest.fixture(scope="module")
def fhir_export(project_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The bundles, with the lesions as assessed and the reader."""
    with open_project(project_folder) as project:
        rules = load_project_rules(project)
        summary = export_bundles(project.store, tmp_path_factory.mktemp("fhir"), rules, AT)
        lesions = assess_project(project, rules)
    return [json.loads(path.read_text()) for path in summary.paths], lesions, lesions[0].reader


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    all_of_it = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in all_of_it if resource["resourceType"] == kind]


def test_each_bundle_is_valid_and_its_references_lead_somewhere(fhir_export: Any) -> None:
    bundles, lesions, _ = fhir_export
    assert len(bundles) == len([lesion for lesion in lesions if lesion.is_measured]) > 0
    for bundle in bundles:
        Bundle.model_validate(bundle)
        (report,) = resources(bundle, "DiagnosticReport")
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(urls)) == len(urls)
        assert {record["reference"] for record in report["result"]} == set(urls[1:])


def test_a_bundle_states_the_category_and_each_length_of_the_project(fhir_export: Any) -> None:
    bundles, lesions, reader = fhir_export
    by_patient = {lesion.lesion.patient_id: lesion for lesion in lesions}
    for bundle in bundles:
        observations = resources(bundle, "Observation")
        response, *lengths = observations
        lesion = by_patient[response["subject"]["identifier"]["value"]]
        (category,) = response["valueCodeableConcept"]["coding"]
        assert category["code"] == lesion.assessment.category.value
        stated_mm = [
            length["valueQuantity"]["value"] for length in lengths if "valueQuantity" in length
        ]
        recorded_mm = [
            float(cell.reading.length_mm)
            for cell in lesion.cells
            if cell.reading is not None and cell.reading.length_mm is not None
        ]
        assert stated_mm == recorded_mm
        assert all(UNIT[e["valueQuantity"]["code"]] for e in lengths if "valueQuantity" in e)
        expected = "final" if reader == CONSENSUS else "preliminary"
        assert {observation["status"] for observation in observations} == {expected}


def test_an_export_is_the_same_when_it_is_repeated(
    fhir_export: Any, project_folder: Path, tmp_path: Path
) -> None:
    bundles, *_ = fhir_export
    with open_project(project_folder) as project:
        again = export_bundles(project.store, tmp_path, load_project_rules(project), AT)
    assert [json.loads(path.read_text()) for path in again.paths] == bundles
