"""A volume within contours is stated wherever a length is, and every lesion is accounted for."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import highdicom.sr as hd
import pandas as pd
import pydicom
import pytest
from fhir.resources.bundle import Bundle
from fixtures.contour_makers import contours_on, draw_and_sign, square
from fixtures.makers import NOON
from fixtures.small_study import make_study
from pydicom.sr.coding import Code

from opp_mri.cohort.export.deidentify import key_from_data
from opp_mri.domain.contour import ReferenceVertebra
from opp_mri.domain.imaging import SeriesRole
from opp_mri.door.lesion import Lesion
from opp_mri.errors import InputError
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.cohort.cohort import assess_project_cohort, assess_table_cohort
from opp_mri.workflow.cohort.dictating import dictate_lesion
from opp_mri.workflow.cohort.exporting import ExportFormat, export_cohort
from opp_mri.workflow.cohort.patient_report import (
    build_patient_report,
    build_table_patient_report,
    save_patient_report,
)
from opp_mri.workflow.cohort.ratios import add_ratios
from opp_mri.workflow.exchange.fhir_export import export_bundles
from opp_mri.workflow.exchange.placing import ImportChoice
from opp_mri.workflow.exchange.sr_export import ReportToWrite, export_reports
from opp_mri.workflow.exchange.sr_import import import_annotations
from opp_mri.workflow.measuring.contours import draft_contours
from opp_mri.workflow.measuring.edits import sign_drafts
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, open_project

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lesions: one drawn at two visits, 4 and 6 pixels wide; of the other nothing."""
    folder = make_study(tmp_path_factory.mktemp("volumes"), ["P1", "P2"])
    with open_project(folder) as project:
        draw_and_sign(project, "LP1", "A", [4.0, 6.0])
    return folder


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with open_project(folder) as opened_project:
        yield opened_project


def volumes_cc(project: Project) -> list[str]:
    """The volumes of the project, in the order of time."""
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    lesion = assess_project(project, rules, ["LP1"])[0]
    (volumes,) = lesion.timeline.volumes.values()
    return [str(volume.volume_cc) for volume in volumes]


def read_csv(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"))))


def test_exports_hold_volumes_and_tables_read_them_back(project: Project, tmp_path: Path) -> None:
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    cohort = assess_project_cohort(project, rules)
    formats = [ExportFormat.CSV, ExportFormat.PARQUET, ExportFormat.REDCAP, ExportFormat.SDTM]
    export_cohort(cohort, tmp_path / "out", formats=formats)
    before, after = volumes_cc(project)
    rows = read_csv(tmp_path / "out", "measurements.csv")
    assert [(row["volume_cc"], row["ap_mm"]) for row in rows] == [(before, ""), (after, "")]
    assert all(float(row["volume_error_cc"]) > 0 for row in rows)
    entries = read_csv(tmp_path / "out", "dictionary.csv")
    assert {"volume_cc", "volume_error_cc"} < {entry["name"] for entry in entries}
    parquet = pd.read_parquet(tmp_path / "out" / "parquet" / "measurements.parquet")
    assert [str(value) for value in parquet["volume_cc"]] == [before, after]
    records = read_csv(tmp_path / "out" / "redcap", "records.csv")
    assert [row["len_volume_cc"] for row in records if row["len_volume_cc"]] == [before, after]
    results = read_csv(tmp_path / "out" / "sdtm", "tr.csv")
    assert [
        (row["TRTESTCD"], row["TRSTRESN"], row["TRSTRESU"], row["TRLOBXFL"]) for row in results
    ] == [("VOLUME", before, "mL", "Y"), ("VOLUME", after, "mL", "")]
    assert len(read_csv(tmp_path / "out" / "sdtm", "tu.csv")) == 2  # every lesion
    again = assess_table_cohort(tmp_path / "out", rules)
    assert [lesion.assessment for lesion in again.lesions] == [
        lesion.assessment for lesion in cohort.lesions
    ]
    export_cohort(again, tmp_path / "again", formats=[ExportFormat.CSV])
    for name in ("measurements.csv", "lesions.csv", "assessments.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_the_report_of_a_patient_states_volume_error_and_change(
    project: Project, tmp_path: Path
) -> None:
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    before, after = volumes_cc(project)
    change = f"({100 * (float(after) / float(before) - 1):+.0f}%)"
    cohort = assess_project_cohort(project, rules)
    written_on = date(2026, 1, 2)
    for report in (
        build_patient_report(project, "P1", rules, written_on=written_on),
        build_table_patient_report(cohort, "P1", written_on=written_on),
    ):
        save_patient_report(tmp_path / "report.html", report)
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "Lengths and volumes by visit" in text
        assert f"volume {before} ± " in text
        assert f"volume {after} ± " in text
        assert change in text
    unread = build_patient_report(project, "P2", rules, written_on=written_on)
    assert unread.without_answer == ["LP2"]


def test_a_text_to_dictate_states_the_volume_of_each_visit(project: Project) -> None:
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    before, after = volumes_cc(project)
    text = dictate_lesion(project, assess_project(project, rules, ["LP1"])[0])
    assert f"T1, volume {before} cc (01/2024), volume {after} cc (05/2024)" in text


def test_a_bundle_has_an_observation_of_each_volume(project: Project, tmp_path: Path) -> None:
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    summary = export_bundles(project.store, tmp_path, rules, NOON)
    (path,) = summary.paths
    assert len(summary.left_out) == 1  # LP2
    bundle = json.loads(path.read_text())
    Bundle.model_validate(bundle)
    quantities = [
        entry["resource"]["valueQuantity"]
        for entry in bundle["entry"]
        if entry["resource"].get("valueQuantity")
    ]
    assert [quantity["code"] for quantity in quantities] == ["cm3", "cm3"]
    assert [f"{quantity['value']:.2f}" for quantity in quantities] == volumes_cc(project)


def test_a_structured_report_states_the_volume_by_standard_codes(
    folder: Path, tmp_path: Path
) -> None:
    with open_project(folder) as project:
        rules = load_project_rules(project)
        summary = export_reports(project.store, tmp_path, ReportToWrite(), rules, NOON)
        again = export_reports(project.store, tmp_path, ReportToWrite(), rules, NOON)
        expected = volumes_cc(project)
        import_summary = import_annotations(project.store, [tmp_path], ImportChoice(), NOON)
    reports = [report for report in summary.reports if report.reader == "A"]
    assert len(reports) == 2
    assert not any(report.is_new for report in again.reports)
    stated_cc = []
    for report in reports:
        content = hd.srread(report.path).content
        (group,) = content.get_image_measurement_groups()
        (measurement,) = group.get_measurements(name=Code("118565006", "SCT", "Volume"))
        assert measurement.unit.value == "cm3"
        dataset = pydicom.dcmread(report.path)
        assert len(dataset.CurrentRequestedProcedureEvidenceSequence) == 1
        assert dataset.SeriesDescription == "Volumes by A"
        stated_cc.append(f"{measurement.value:.2f}")
    assert sorted(stated_cc) == sorted(expected)
    assert not import_summary.lines
    assert (
        len(import_summary.set_aside) >= 2
    )  # a volume is no length, and is set aside with its reason


def test_the_door_for_python_has_volumes_in_its_timeline(project: Project) -> None:
    frame = Lesion(project, "LP1").timeline.to_frame()
    drawn_rows = frame[frame["status"] == "volume_drawn"]
    assert [f"{value:.2f}" for value in drawn_rows["cc"]] == volumes_cc(project)
    assert (drawn_rows["cc_error"] > 0).all()
    assert drawn_rows["mm"].isna().all()


def test_the_lists_of_the_command_line_name_what_is_drawn(folder: Path, opp_mri: Run) -> None:
    with open_project(folder) as project:
        before, after = volumes_cc(project)
    timeline = opp_mri("timeline", "LP1", "--project", folder).out
    assert "volume drawn" in timeline
    assert f"{before} ± " in timeline
    record = opp_mri("timeline", "LP1", "--json", "--project", folder).json
    volumes = [cell["volume_cc"] for cell in record[0]["time_points"] if cell["volume_cc"]]
    assert [f"{volume:.2f}" for volume in volumes] == [before, after]
    readings = opp_mri("readings", "--project", folder).out
    assert readings.count("3 contours") == 2
    listed_rows = opp_mri("readings", "--json", "--project", folder).json
    assert [(f"{row['volume_cc']:.2f}", row["counts"]) for row in listed_rows] == [
        (before, True), (after, True)
    ]  # fmt: skip


def test_a_lesion_without_a_volume_is_said_to_lack_one_by_criteria_that_read_volumes(
    folder: Path, opp_mri: Run
) -> None:
    result = opp_mri("assess", "--criteria", "maralani-2021", "--project", folder)
    assert "LP2 has no measurement: draw its contours first." in result.err
    with open_project(folder) as project, pytest.raises(InputError, match="draw its contours"):
        Lesion(project, "LP2").assess(criteria="maralani-2021")


def draw_references(folder: Path) -> str:
    """Draw LP1 on two T2FS, with C3 as reference and with its own level, which is refused."""
    with open_project(folder) as project:
        (lesion,) = project.store.get_lesions()
        cells = build_draft_timeline(project.store, lesion, "A").cells
        weighted_cells = [cell for cell in cells if cell.sequence is SeriesRole.T2FS]
        readings = [
            draft_contours(
                (cell.study_date, cell.sequence), "LP1", cell.volume,
                contours_on(cell, [square(4.0)]), reader="A", at=NOON,
                reference=ReferenceVertebra(
                    level=level, contours=tuple(contours_on(cell, [square(2.0, 6.5, 8.5)], [1]))
                ),
            )
            for cell, level in zip(weighted_cells, ("C3", lesion.level), strict=True)
            if cell.volume is not None
        ]  # fmt: skip
        project.store.add_readings(readings)
        project.store.add_signature(
            sign_drafts([], frozenset(), contours=readings, statement="Done.", at=NOON)
        )
    return lesion.level


def test_t2_ratios_are_listed_with_the_reason_where_they_are_refused(
    opp_mri: Run, tmp_path: Path
) -> None:
    folder = make_study(tmp_path)
    assert opp_mri("t2-ratio", "--json", "--project", folder).json == []
    level = draw_references(folder)
    first, second = opp_mri("t2-ratio", "--json", "--project", folder).json
    assert (first["reference_level"], first["refusal"]) == ("C3", "")
    assert first["t2_ratio"] == pytest.approx(first["lesion_mean"] / first["reference_mean"])
    assert second["t2_ratio"] is None
    assert second["refusal"].startswith(f"{level} was irradiated")
    table = opp_mri("t2-ratio", "--csv", tmp_path / "ratios.csv", "--project", folder).out
    rows = read_csv(tmp_path, "ratios.csv")
    assert [row["t2_ratio"] for row in rows] == [str(first["t2_ratio"]), ""]
    assert rows[1]["refusal"] == second["refusal"]
    assert f"{first['t2_ratio']:.2f}" in table
    rows = opp_mri("readings", "--json", "--project", folder).json
    assert [row["reference_level"] for row in rows] == ["C3", level]


def test_an_export_holds_t2_ratios_and_tables_read_them_back(opp_mri: Run, tmp_path: Path) -> None:
    folder, out = make_study(tmp_path), tmp_path / "out"
    draw_references(folder)
    first, _ = opp_mri("t2-ratio", "--json", "--project", folder).json
    formats = [f"--format={name}" for name in ("csv", "parquet", "redcap", "sdtm")]
    export = opp_mri("cohort", "export", out, "--project", folder, *formats)
    assert "no_t2_ratio" in export.err
    assert "was irradiated" in export.err
    ratio = f"{first['t2_ratio']:.3f}"
    measurements = read_csv(out, "measurements.csv")
    assert [row["t2_ratio"] for row in measurements] == [ratio, ""]
    (entry,) = (row for row in read_csv(out, "dictionary.csv") if row["name"] == "t2_ratio")
    assert entry["unit"] == ""
    assert entry["source"] == "computed from the contours and the images"
    frame = pd.read_parquet(out / "parquet" / "measurements.parquet")
    assert [str(value) for value in frame["t2_ratio"]] == [ratio, "None"]
    records = read_csv(out / "redcap", "records.csv")
    assert [row["len_t2_ratio"] for row in records if row["len_volume_cc"]] == [ratio, ""]
    results = read_csv(out / "sdtm", "tr.csv")
    assert [
        (row["TRSTRESN"], row["TRSTRESU"]) for row in results if row["TRTESTCD"] == "T2RATIO"
    ] == [(ratio, "")]
    again = tmp_path / "again"
    opp_mri("cohort", "export", again, "--tables", out)
    assert read_csv(again, "measurements.csv") == measurements


def test_a_ratio_whose_images_are_gone_is_left_out_with_a_warning(
    opp_mri: Run, tmp_path: Path
) -> None:
    folder = make_study(tmp_path)
    draw_references(folder)
    with open_project(folder) as project:
        cohort = assess_project_cohort(project, load_project_rules(project))
        with_ratios = add_ratios(cohort, project)
    assert key_from_data(with_ratios.lesions) == key_from_data(cohort.lesions)
    assert with_ratios.data_sha256 == cohort.data_sha256  # both are of what is recorded
    for path in (tmp_path / "dicom").rglob("*"):
        if path.is_file():
            path.unlink()
    export = opp_mri("cohort", "export", tmp_path / "out", "--project", folder, "--json")
    names = [warning["name"] for warning in export.json["warnings"]]
    assert names.count("no_t2_ratio") == 2
    assert "has no T2 ratio to C3: " in export.err
    rows = read_csv(tmp_path / "out", "measurements.csv")
    assert [row["t2_ratio"] for row in rows] == ["", ""]
