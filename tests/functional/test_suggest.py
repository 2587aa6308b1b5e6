"""`opp-mri suggest`: proposals to look at, reasons where there are none, and nothing recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opp_mri.workflow.catalogue.phantom import PhantomSummary

BODY = ("2018-01-07", "T1 SAG", 5, 228.0, 250.0)  # date, series, slice, column, row: in L3


@pytest.fixture(scope="module")
def real_project(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("suggest") / "project"
    opp_mri("init", folder)
    opp_mri("index", *sorted(real_data.glob("mapconcierge*mri05*")), "--project", folder)
    day, name, k, column, row = BODY
    (t1,) = [
        volume
        for volume in opp_mri("series", "--project", folder, "--json", "--frames").json
        if (volume["study_date"], volume["series_description"]) == (day, name)
    ]
    frame = t1["frame_references"][k]
    opp_mri(
        "lesion", "add", "--lesion-id", "L", "--patient-id", t1["patient_id"], "--level", "L3",
        "--ssrs-first-date", "2018-02-01", "--seed-sop-instance-uid", frame["sop_instance_uid"],
        "--seed-column", column, "--seed-row", row, "--project", folder,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def phantom(
    opp_mri: Callable[..., Any],
    coarse_phantom: Callable[..., PhantomSummary],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("suggest-phantom")
    cohort = coarse_phantom("PHANTOM-01")
    opp_mri("init", folder / "p")
    opp_mri("index", cohort.dicom, "--project", folder / "p")
    opp_mri("lesion", "add", "--table", cohort.lesions, "--project", folder / "p")
    return folder / "p"


def test_on_a_real_spine_without_a_lesion_it_abstains_with_a_reason(
    real_project: Path, opp_mri: Callable[..., Any]
) -> None:
    cells = opp_mri("suggest", "L", "--project", real_project, "--json").json
    assert [cell["sequence"] for cell in cells] == ["T1", "STIR"]
    assert {cell["reason"] for cell in cells} == {"no_contrast"}
    output = opp_mri("suggest", "L", "--project", real_project).out
    assert "does not differ from normal marrow" in " ".join(output.split())


def test_a_follow_up_without_a_confirmed_fit_has_no_proposal(
    phantom: Path, opp_mri: Callable[..., Any]
) -> None:
    cells = opp_mri("suggest", "OPP-01", "--project", phantom, "--json").json
    days = sorted({cell["study_date"] for cell in cells})
    assert len(cells) == 15
    for cell in cells:
        assert (cell.get("reason") == "no_fit") == (cell["study_date"] != days[0])


def test_nothing_that_is_proposed_is_recorded(phantom: Path, opp_mri: Callable[..., Any]) -> None:
    opp_mri("suggest", "OPP-01", "--project", phantom)
    assert opp_mri("readings", "--lesion", "OPP-01", "--project", phantom, "--json").json == []


def test_an_unknown_lesion_is_refused(phantom: Path, opp_mri: Callable[..., Any]) -> None:
    result = opp_mri("suggest", "X", "--project", phantom, expect=5)
    assert "There is no lesion X" in result.err
