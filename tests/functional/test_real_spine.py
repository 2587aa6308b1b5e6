"""The real spine on two dates from two vendors, from its folders to a category."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def project(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("real") / "project"
    opp_mri("init", folder)
    sources = sorted(real_data.glob("mapconcierge*"))
    opp_mri("index", *sources, "--project", folder)
    pairs_file = folder.parent / "same.csv"
    pairs_file.write_text("patient_id,same_as\n009902,0000990001\n")
    opp_mri("index", "--same-patient", pairs_file, "--project", folder)
    return folder


@pytest.fixture(scope="module")
def volumes(project: Path, opp_mri: Callable[..., Any]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = opp_mri("series", "--project", project, "--json").json
    return result


def named(volumes: list[dict[str, Any]], day: str, description: str) -> list[dict[str, Any]]:
    return [
        volume
        for volume in volumes
        if (volume["study_date"], volume["series_description"]) == (day, description)
    ]


def test_the_two_patient_ids_are_one_patient_with_two_time_points(
    project: Path, opp_mri: Callable[..., Any]
) -> None:
    result = opp_mri("patients", "--project", project, "--json").json
    (patient,) = result["patients"]
    assert [point["study_date"] for point in patient["time_points"]] == ["2018-01-07", "2018-01-13"]
    assert result["likely_matches"] == []


def test_before_the_map_the_match_is_proposed(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    opp_mri("init", tmp_path / "p")
    opp_mri("index", *sorted(real_data.glob("mapconcierge*")), "--project", tmp_path / "p")
    result = opp_mri("patients", "--project", tmp_path / "p", "--json").json
    assert len(result["patients"]) == 2
    assert result["likely_matches"] == [
        {"patient_ids": ["0000990001", "009902"], "reasons": ["same name and birth date"]}
    ]


@pytest.mark.parametrize(
    ("day", "description", "role"),
    [
        ("2018-01-07", "T1 SAG", "T1"),
        ("2018-01-07", "STIR SAG", "STIR"),
        ("2018-01-07", "T2 SAG", None),
        ("2018-01-13", "T1WI", "T1"),
        ("2018-01-13", "T2WI", None),
        ("2018-01-13", "T2WI (before)", None),
    ],
)
def test_each_sagittal_series_has_its_role(
    volumes: list[dict[str, Any]], day: str, description: str, role: str | None
) -> None:
    (volume,) = named(volumes, day, description)
    assert (volume["role"], volume["selected"]) == (role, role is not None)
    assert volume["evidence"]


def test_no_contrast_is_claimed_from_an_agent_that_is_off(volumes: list[dict[str, Any]]) -> None:
    assert not any(volume["role"] == "T1POST" for volume in volumes)
    (volume,) = named(volumes, "2018-01-07", "T1 SAG")
    assert 'No sign of contrast: ContrastBolusAgent "off" means none.' in volume["evidence"]


def test_what_is_left_out_is_split_and_said(volumes: list[dict[str, Any]]) -> None:
    (locator,) = named(volumes, "2018-01-13", "T2WI (before)")
    assert locator["plane"] == "coronal"
    assert locator["evidence"] == ['A localizer: the description says "locator".']
    axial = [v for v in named(volumes, "2018-01-13", "") if v["plane"] == "axial"]
    assert sorted(volume["frames"] for volume in axial) == [3, 3, 3, 5, 5]
    projections = named(volumes, "2018-01-13", "3D Myelo")
    assert len(projections) == 5
    assert not any(volume["usable"] for volume in projections)
    assert all("computed from other images" in volume["refusal"] for volume in projections)


def test_spacing_comes_from_positions(volumes: list[dict[str, Any]]) -> None:
    (first,) = named(volumes, "2018-01-07", "T1 SAG")
    (second,) = named(volumes, "2018-01-13", "T1WI")
    assert first["slice_spacing_mm"] == pytest.approx(4.5, abs=0.01)
    assert second["slice_spacing_mm"] == pytest.approx(4.8, abs=0.01)
    assert (second["rows"], second["columns"], second["instances"]) == (426, 384, 15)


def test_a_second_run_reads_nothing(
    project: Path, real_data: Path, opp_mri: Callable[..., Any]
) -> None:
    again = opp_mri("index", *sorted(real_data.glob("mapconcierge*")), "--project", project)
    assert "100 files found, 0 new or changed" in again.out


def test_an_override_survives_indexing_and_can_be_taken_back(
    project: Path, volumes: list[dict[str, Any]], real_data: Path, opp_mri: Callable[..., Any]
) -> None:
    (plain,) = named(volumes, "2018-01-07", "T2 SAG")
    opp_mri("role", plain["volume_id"], "T2FS", "--project", project)
    for file in (project / "opp_mri.sqlite",):
        assert file.is_file()
    opp_mri("index", *sorted(real_data.glob("mapconcierge*")), "--project", project)
    after = opp_mri("series", "--project", project, "--json").json
    (overridden_series,) = named(after, "2018-01-07", "T2 SAG")
    assert (
        overridden_series["role"],
        overridden_series["role_overridden"],
        overridden_series["selected"],
    ) == (
        "T2FS",
        True,
        True,
    )
    opp_mri("role", plain["volume_id"], "header", "--project", project)
    (restored_series,) = named(
        opp_mri("series", "--project", project, "--json").json, "2018-01-07", "T2 SAG"
    )
    assert restored_series["role"] is None


def test_a_caliper_on_the_real_t1_goes_all_the_way_to_a_category(
    project: Path, volumes: list[dict[str, Any]], opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    opp_mri(
        "lesion", "add", "--lesion-id", "R1", "--patient-id", "0000990001", "--level", "L3",
        "--ssrs-first-date", "2018-01-08", "--fractions", "1", "--dose-gy", "24",
        "--project", project,
    )  # fmt: skip
    uids = {}
    for day, description in (("2018-01-07", "T1 SAG"), ("2018-01-13", "T1WI")):
        (volume,) = named(volumes, day, description)
        detail = opp_mri("series", "--project", project, "--json", "--frames").json
        (result,) = [record for record in detail if record["volume_id"] == volume["volume_id"]]
        uids[day] = result["frame_references"][len(result["frame_references"]) // 2]
    calipers = tmp_path / "calipers.csv"
    calipers.write_text(
        "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2\n"
        f"R1,,A,{uids['2018-01-07']['sop_instance_uid']},1,200,256,226.5,256\n"
        f"R1,,A,{uids['2018-01-13']['sop_instance_uid']},1,180,210,206,210\n"
    )
    summary = opp_mri("measure", calipers, "--project", project, "--json").json
    # 26.5 pixels of 0.68359375 mm, and 26 of 0.7042 mm
    assert [record["length_mm"] for record in summary["stored"]] == [18.1, 18.3]
    assert {reading["sequence"] for reading in summary["stored"]} == {"T1"}
    timeline = opp_mri("timeline", "R1", "--project", project, "--json").json
    t1 = [cell for cell in timeline[0]["time_points"] if cell["sequence"] == "T1"]
    assert [(cell["days_from_ssrs"], cell["ap_mm"]) for cell in t1] == [(-1, 18.1), (5, 18.3)]
    assert "Field strength differs: 0.3 T, then 1.5 T." in t1[1]["flags"]
    (assessments,) = opp_mri("assess", "R1", "--project", project, "--json").json
    assert (assessments["category"], assessments["reason"]) == (
        "NOT_ELIGIBLE",
        "follow_up_under_6_months",
    )
    (today,) = opp_mri("assess", "R1", "--mode", "prospective", "--project", project, "--json").json
    assert today["category"] == "INDETERMINATE"
    plot = tmp_path / "r1.svg"
    opp_mri("timeline", "R1", "--project", project, "--plot", plot)
    assert plot.read_text().startswith("<?xml")


def test_no_message_or_log_names_the_patient(
    project: Path, real_data: Path, opp_mri: Callable[..., Any]
) -> None:
    ran = opp_mri("index", *sorted(real_data.glob("mapconcierge*")), "--project", project)
    for secret in ("0000990001", "009902", "YAMAMICHI", "山道"):
        assert secret not in ran.out + ran.err
