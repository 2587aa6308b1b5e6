"""The whole way through a real archive: find, pull, index, align, measure, push, and back again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fixtures import archive_journey

NETWORK_OF_ITS_OWN = ["unshare", "-rn", "sh", "-c"]  # Orthanc listens on every address


def can_have_network_of_its_own() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    probe = [*NETWORK_OF_ITS_OWN, "ip link set lo up"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module", params=["dimse", "web"])
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if not shutil.which("Orthanc"):
        pytest.skip("Orthanc is not installed (Debian: orthanc)")
    if request.param == "web" and not archive_journey.DICOMWEB.is_file():
        pytest.skip("Orthanc has no DICOMweb here (Debian: orthanc-dicomweb)")
    if not can_have_network_of_its_own():
        pytest.skip("no network of its own can be made here (unshare -rn)")
    folder = tmp_path_factory.mktemp(request.param)
    script = 'ip link set lo up; exec "$@"'
    words = [sys.executable, "-m", "fixtures.archive_journey", str(folder), request.param]
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    process = subprocess.run(
        [*NETWORK_OF_ITS_OWN, script, "sh", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout), folder


def test_the_headers_say_what_is_worth_pulling(journey: Any) -> None:
    result, _ = journey
    roles = {series["role"] for study in result["found"] for series in study["series"]}
    assert {"T1", "T2FS", "T1POST"} <= roles
    assert len(result["found"]) == archive_journey.VISITS


def test_a_pull_that_was_killed_goes_on_where_it_stopped(journey: Any) -> None:
    result, folder = journey
    received_count = sum(record["received"] for record in result["pulled"]["series"])
    present = sum(record["present"] for record in result["pulled"]["series"])
    assert 5 <= result["killed_after"] <= present
    assert received_count + present == len(list((folder / "first" / "pulled").rglob("*.dcm")))
    assert result["pulled"]["complete"]
    assert sum(record["received"] for record in result["again"]["series"]) == 0


def test_fewer_images_are_pulled_than_there_are(journey: Any) -> None:
    result, folder = journey
    assert 0 < len(list((folder / "first" / "pulled").rglob("*.dcm"))) < result["images"]


def test_reports_are_sent_once_and_seen_to_arrive(journey: Any) -> None:
    result, _ = journey
    states = [record["state"] for record in result["pushed"]["objects"]]
    again = [record["state"] for record in result["pushed_again"]["objects"]]
    assert set(states) == {"arrived"}
    assert again == ["was there"] * len(states)


def test_a_second_project_has_the_same_readings_and_answers(journey: Any) -> None:
    result, _ = journey
    first, second = result["readings"]
    assert first == second != []
    assert result["assessed"][0] == result["assessed"][1]


def test_nothing_is_new_once_all_is_pulled(journey: Any) -> None:
    result, _ = journey
    assert result["watched"] == []


def test_images_in_the_archive_are_indexed_as_those_in_a_folder(journey: Any) -> None:
    result, _ = journey
    if "series" in result:
        assert result["series"]["archive"] == result["series"]["files"] != []
