"""Reports of opp_mri without identity: lesions and readers keep one pseudonym, and lengths stay."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.reports import export, groups, items, measurement_reports, named, read_and_sign
from fixtures.small_study import VISITS, make_study
from pydicom import Dataset, dcmread

from opp_mri.dicom.deidentify.pseudonyms import Pseudonyms
from opp_mri.domain.measurement import Lesion, Reading
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.exchange.deidentify import DeidentifyChoice, deidentify, inspect_export
from opp_mri.workflow.exchange.placing import ImportChoice
from opp_mri.workflow.exchange.sr_import import import_annotations
from opp_mri.workflow.project import create_project, open_project

SECRET = b"k" * 32
READER = "Dr Mustermann"
NAMES = Pseudonyms(secret=SECRET)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a patient, read by one reader, next to its reports and their export."""
    folder = tmp_path_factory.mktemp("deidentified")
    with open_project(make_study(folder)) as project:
        read_and_sign(project, READER)
        export(project, folder / "reports")
    deidentify(
        [folder / "dicom", folder / "reports"], folder / "export", SECRET, DeidentifyChoice()
    )
    return folder


def compare(reading: Reading) -> tuple[object, ...]:
    caliper = reading.caliper
    assert caliper is not None
    return (reading.sequence, reading.answer, reading.length_mm, caliper.start, caliper.end)


def test_no_name_is_left_and_the_check_finds_nothing(study: Path) -> None:
    assert inspect_export(study / "export")[1] == ()
    for path in (study / "export").rglob("*.dcm"):
        for name in (b"Mustermann", b"LP1", *(day.isoformat().encode() for day in VISITS)):
            assert name not in path.read_bytes()


def test_a_lesion_has_one_pseudonym_in_all_its_reports(study: Path) -> None:
    (folder,) = (study / "export").glob("P-*")
    reports = [
        dataset
        for dataset in (dcmread(path) for path in sorted(folder.rglob("*.dcm")))
        if dataset.Modality == "SR"
    ]
    pseudonym = NAMES.name_lesion("P1", "LP1")
    result = [
        [item.TextValue for item in items(group, named(code))]
        for report in reports
        if report.ConceptNameCodeSequence[0].CodeValue == "126000"
        for group in groups(report)
        for code in ("lesion-id", "112039")
    ]
    assert result[::2] == [[pseudonym]] * 4
    assert {text for (text,) in result[1::2]} == {
        f"Cornerstone3DTools@^0.1.0:Length:{pseudonym}-{sequence}" for sequence in ("T1", "T2FS")
    }


def test_other_programs_still_take_the_reports_and_the_objects_of_key_images(
    study: Path, tmp_path: Path, opp_mri: Callable[..., Any]
) -> None:
    opp_mri("key-images", "LP1", tmp_path / "keys", "--project", study / "project")
    for picture in (tmp_path / "keys").glob("*-picture.dcm"):
        picture.unlink()  # its text is in its pixels
    deidentify([tmp_path / "keys"], tmp_path / "export", SECRET, DeidentifyChoice())
    assert inspect_export(tmp_path / "export")[1] == ()
    program = shutil.which("dciodvfy")
    for path in [*(tmp_path / "export").rglob("*.dcm"), *(study / "export").rglob("*.dcm")]:
        dataset = dcmread(path)
        if dataset.Modality == "SR":
            (template,) = dataset.ContentTemplateSequence
            assert template.TemplateIdentifier == "1500"
        if program is not None and dataset.Modality in ("SR", "KO", "PR"):
            process = subprocess.run([program, path], capture_output=True, text=True, check=False)
            assert [line for line in process.stderr.splitlines() if line.startswith("Error")] == []


def test_the_reports_come_back_on_the_images_of_the_export(study: Path, tmp_path: Path) -> None:
    with open_project(study / "project") as project:
        (lesion,) = project.store.get_lesions()
        before = project.store.get_readings()
    create_project(tmp_path / "second")
    with open_project(tmp_path / "second") as second:
        index(second, [study / "export"], workers=1)
        second.store.add_lesions([disguise(lesion)], NOON)
        summary = import_annotations(second.store, [study / "export"], ImportChoice(), NOON)
        after = second.store.get_readings()
    reasons = [aside.reason for aside in summary.set_aside]
    assert len(reasons) == 1, reasons  # the response, which follows from the lengths
    assert sorted(map(compare, after)) == sorted(map(compare, before))
    assert {reading.reader for reading in after} == {NAMES.name_person(READER)}
    shift = NAMES.shift_of("P1")
    assert {reading.study_date - shift for reading in after} == set(VISITS)


def disguise(lesion: Lesion) -> Lesion:
    """Return the lesion as somebody enters it who has the export only."""
    shift = NAMES.shift_of("P1")
    return attrs.evolve(
        lesion,
        lesion_id=NAMES.name_lesion("P1", "LP1"),
        patient_id=NAMES.name_patient("P1"),
        ssrs_first_date=lesion.ssrs_first_date + shift,
        ssrs_last_date=lesion.ssrs_last_date + shift,
    )


def is_day_number(item: Dataset) -> bool:
    if item.ValueType != "NUM":
        return False
    (value,) = item.MeasuredValueSequence
    return bool(value.MeasurementUnitsCodeSequence[0].CodeValue == "d")


def test_dates_are_counted_from_radiosurgery_where_a_project_is_named(
    study: Path, tmp_path: Path, opp_mri: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPP_MRI_PASSPHRASE", "five words drawn at random")
    with open_project(study / "project") as project:
        (lesion,) = project.store.get_lesions()
    opp_mri(
        "deidentify", study / "dicom", study / "reports", tmp_path / "export",
        "--key", tmp_path / "key", "--ssrs", study / "project",
    )  # fmt: skip
    zero = date(2000, 1, 1)
    expected = {zero + (day - lesion.ssrs_last_date) for day in VISITS}
    datasets = [dcmread(path) for path in (tmp_path / "export").rglob("*.dcm")]
    days = {date.fromisoformat(str(dataset.StudyDate)) for dataset in datasets}
    assert days == expected
    stated_days = set()
    for report in datasets:
        if report.Modality == "SR" and report.ConceptNameCodeSequence[0].CodeValue == "126000":
            for group in groups(report):
                (day,) = items(group, named("study-day"))
                (offset,) = items(group, is_day_number)
                number = int(offset.MeasuredValueSequence[0].NumericValue)
                assert date.fromisoformat(day.TextValue) == zero + timedelta(days=number)
                stated_days.add(number)
    assert stated_days == {(day - lesion.ssrs_last_date).days for day in VISITS}
    assert len(measurement_reports(study / "reports")) == 4
