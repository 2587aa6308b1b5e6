"""`opp-mri suggest`: proposals to look at, reasons where there are none, and nothing recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.label_maps import write_label_map

from opp_mri.dicom.volume import build_geometry
from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.project import open_project

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


def test_a_label_map_suggests_the_level_of_a_lesion_and_records_nothing(
    phantom: Path, opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    lesion_before = opp_mri("lesion", "list", "--project", phantom, "--json").json
    (lesion,) = [entry for entry in lesion_before if entry["lesion_id"] == "OPP-01"]
    with open_project(phantom) as project:
        recorded_lesion = find_lesion(project.store, "OPP-01")
        volumes = {volume.volume_id: volume for volume in project.store.get_volumes()}
        (frame_uid, point), *_ = carry_seed_to_frames(project.store, recorded_lesion).items()
    volume_id, other_id = (
        next(
            volume_id
            for volume_id, volume in volumes.items()
            if (volume.planes[0].frame_of_reference_uid == frame_uid) is is_seen
            and volume.role is SeriesRole.T1
        )
        for is_seen in (True, False)
    )
    geometry = build_geometry(volumes[volume_id])
    _, row, column = np.rint(geometry.kji_from_lps(np.array(point))).astype(int)
    labels = np.zeros(geometry.shape_kji, np.uint8)
    labels[:, row - 8 : row + 9, column - 8 : column + 9] = 44  # L4 of TotalSpineSeg
    path = write_label_map(tmp_path / "labels.nii.gz", labels, geometry)

    command = ("suggest-levels", path, "--tool", "totalspineseg", "--project", phantom)
    answer = opp_mri(*command, "--series", volume_id, "--json").json
    assert [vertebra["level"] for vertebra in answer["vertebrae"]] == ["L4"]
    (suggestion,) = answer["lesions"]
    assert (suggestion["recorded_level"], suggestion["suggested_level"]) == (lesion["level"], "L4")
    output = opp_mri(*command, "--series", volume_id)
    assert "The recorded level differs: a reader decides." in " ".join(output.out.split())
    assert opp_mri("lesion", "list", "--project", phantom, "--json").json == lesion_before
    assert "made from another image" in opp_mri(*command, "--series", other_id, expect=4).err
    assert "There is no volume X" in opp_mri(*command, "--series", "X", expect=5).err
