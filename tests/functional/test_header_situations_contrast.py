"""When contrast had been given, where the headers of an examination tell it only together."""

from pathlib import Path
from typing import Any

import pytest
from fixtures.dicom_makers import STIR, T1, T1POST, T2FS, write_series

from opp_mri.domain.imaging import VolumeDescription
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import create_project, open_project

AGENT = {"ContrastBolusAgent": "Gadovist"}
FAT_SUPPRESSED = T1 | {"ScanOptions": "FS", "SeriesDescription": "T1 FS SAG"}


def indexed(tmp_path: Path, *headers: dict[str, Any]) -> dict[int, VolumeDescription]:
    """Write the series, index them and give the volumes by SeriesNumber."""
    for header in headers:
        write_series(tmp_path / "files", header)
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "files"], workers=1)
        return {v.instance.series_number or 0: v for v in project.store.get_volumes()}


def at(header: dict[str, Any], number: int, clock: str | None, **values: Any) -> dict[str, Any]:
    return header | {"SeriesNumber": number, "AcquisitionTime": clock} | values


def test_without_any_time_a_silent_t1_behind_a_contrast_enhanced_series_is_in_doubt(
    tmp_path: Path,
) -> None:
    volumes = indexed(tmp_path, at(T1, 3, None), at(T1POST, 6, None), at(T1, 8, None))
    assert volumes[8].is_in_doubt
    assert "no time of acquisition is recorded" in volumes[8].evidence[-1]
    assert volumes[3].selected


def test_the_time_of_the_series_stands_in_where_that_of_acquisition_is_absent(
    tmp_path: Path,
) -> None:
    series = [
        at(header, number, None, SeriesTime=f"10{number}000")
        for header, number in ((T1, 1), (T1POST, 2), (T1, 3))
    ]
    assert indexed(tmp_path, *series)[3].role == "T1POST"


def test_the_start_of_contrast_counts_for_the_series_between_it_and_the_one_that_states_it(
    tmp_path: Path,
) -> None:
    volumes = indexed(
        tmp_path,
        at(T1, 3, "100000"),
        at(T1, 8, "102500"),
        at(T1, 9, "103000", ContrastBolusStartTime="102000", **AGENT),
    )
    assert volumes[8].role == "T1POST"
    assert volumes[8].evidence[-1] == (
        "After contrast: acquired 5 min after the start of contrast."
    )


def test_a_clock_without_a_date_may_be_after_midnight(tmp_path: Path) -> None:
    volumes = indexed(tmp_path, at(T1, 3, "233000"), at(T1POST, 6, "235000"), at(T1, 8, "001000"))
    assert (volumes[3].role, volumes[8].role) == ("T1", "T1POST")


@pytest.mark.parametrize("number", [3, 5])
def test_an_agent_that_every_series_names_does_not_tell_when_it_was_given(
    tmp_path: Path, number: int
) -> None:
    volumes = indexed(
        tmp_path,
        at(T1 | AGENT, 3, "100000"),
        at(T2FS | AGENT, 4, "101000"),
        at(STIR | AGENT, 5, "102000"),
        at(FAT_SUPPRESSED | AGENT, 6, "103000"),
    )
    assert volumes[number].is_in_doubt
    assert "every series of this date names an agent" in volumes[number].evidence[-1]
    assert volumes[6].role == "T1POST"
    assert volumes[6].selected
