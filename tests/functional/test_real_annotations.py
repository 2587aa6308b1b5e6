"""Every report and AIM file of real data comes in with its length, or is set aside with why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AIM = "AIMToolkit_v3.0.2_rv11/examples/SampleAIMAnnotationsAndImages"


@pytest.fixture(scope="module")
def project(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("annotations") / "project"
    (aim,) = real_data.glob("NCIP*")
    (highdicom,) = real_data.glob("ImagingDataCommons*")
    opp_mri("init", folder)
    opp_mri("index", aim / AIM / "Images", highdicom / "data", "--project", folder)
    for lesion_id, patient_id in (("AIM", "1.3.6.1.4.1.9328.50.1.0022"), ("CT", "1CT1")):
        opp_mri(
            "lesion", "add", "--lesion-id", lesion_id, "--patient-id", patient_id,
            "--level", "T8", "--ssrs-first-date", "2000-07-05", "--project", folder,
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def taken_in(real_data: Path, project: Path, opp_mri: Callable[..., Any]) -> Any:
    folders = [
        *real_data.glob("NCIP*"), *real_data.glob("ImagingDataCommons*"),
        *real_data.glob("PeterOpp*"), *real_data.glob("dcmjs*"),
    ]  # fmt: skip
    return opp_mri(
        "sr", "import", *folders, "--sequence", "T1", "--project", project, "--json"
    ).json  # fmt: skip


def reasons(taken_in: Any, file: str) -> set[str]:
    return {aside["reason"] for aside in taken_in["set_aside"] if aside["file"] == file}


def test_the_calipers_of_both_readers_come_in_with_the_length_of_their_points(
    taken_in: Any,
) -> None:
    lengths = {(line["file"], line["reader"]): line["length_mm"] for line in taken_in["lines"]}
    for kind in (".xml", "_Model.xml", ".dcm"):
        assert lengths.pop((f"0022BaselineA{kind}", "A")) == 39.6
        assert lengths.pop((f"0022BaselineB{kind}", "B")) == 35.0
    assert lengths == {}
    assert sum(line["new"] for line in taken_in["lines"]) == 2  # the others say the same again


@pytest.mark.parametrize(
    ("name", "stated_mm", "computed_mm"), [("A", "42.2", "46.2"), ("B", "37.2", "40.8")]
)
def test_a_length_that_its_points_do_not_give_is_set_aside_with_both_numbers(
    taken_in: Any, name: str, stated_mm: str, computed_mm: str
) -> None:
    for kind in (".xml", "_Model.xml", ".dcm"):
        (reason,) = reasons(taken_in, f"0022Followup{name}{kind}")
        assert f"It states {stated_mm} mm, but its points are {computed_mm} mm apart" in reason


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("sample-sr.dcm", ("Its unit is “1”, not mm",)),
        ("1.dcm", ("Its image is not in the project",)),
        ("sr-tid1500-ct-liver-example.dcm", ("its unit is “[hnsf'U]”", "its unit is “cm3”")),
        ("sr_document.dcm", ("its unit is “cm2”",)),
        (
            "sr_document_with_multiple_groups.dcm",
            ("its unit is “mm3”", "is a circle, no straight line", "has 4 points"),
        ),
    ],
)
def test_what_is_no_length_on_an_image_of_the_project_is_set_aside_with_the_reason(
    taken_in: Any, file: str, words: tuple[str, ...]
) -> None:
    assert not [line for line in taken_in["lines"] if line["file"] == file]
    for word in words:
        assert any(word in reason for reason in reasons(taken_in, file)), (word, reasons)


def test_no_file_was_passed_over(taken_in: Any, real_data: Path) -> None:
    files_named = {line["file"] for line in taken_in["lines"]}
    files_named |= {aside["file"] for aside in taken_in["set_aside"]}
    expected = {path.name for path in real_data.glob("NCIP*/**/AIMAnnotations/*/*.*")}
    expected |= {path.name for path in real_data.glob("PeterOpp*/**/*.dcm")}
    expected |= {path.name for path in real_data.glob("ImagingDataCommons*/**/sr_*.dcm")}
    assert expected <= files_named
