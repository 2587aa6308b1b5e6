"""Registration through the command line: the real spine, and the phantom with known truth."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.processes import started

from opp_mri.workflow.catalogue.patients import list_time_points
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames
from opp_mri.workflow.project import open_project


@pytest.fixture(scope="module")
def real_project(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("align") / "project"
    opp_mri("init", folder)
    opp_mri("index", *sorted(real_data.glob("mapconcierge*")), "--project", folder)
    pairs_file = folder.parent / "same.csv"
    pairs_file.write_text("patient_id,same_as\n009902,0000990001\n")
    opp_mri("index", "--same-patient", pairs_file, "--project", folder)
    return folder


@pytest.fixture(scope="module")
def phantom(
    opp_mri: Callable[..., Any],
    coarse_phantom: Callable[..., PhantomSummary],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Any]]:
    """A project of one coarse phantom patient with its lesion and readings, and the truth."""
    folder = tmp_path_factory.mktemp("phantom")
    cohort = coarse_phantom("PHANTOM-01")
    (folder / "cohort").symlink_to(cohort.dicom.parent)
    opp_mri("init", folder / "p")
    opp_mri("index", cohort.dicom, "--project", folder / "p")
    opp_mri("lesion", "add", "--table", cohort.lesions, "--project", folder / "p")
    opp_mri("measure", cohort.calipers, "--project", folder / "p")
    truth = json.loads(cohort.truth.read_text())
    return folder / "p", truth["patients"][0]


@pytest.fixture(scope="module")
def aligned_project(
    phantom: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any]
) -> tuple[Path, dict[str, Any]]:
    """The same project with all its fits."""
    project, truth = phantom
    opp_mri("align", "--project", project)
    return project, truth


def test_the_real_spine_is_lined_up_at_the_right_level(
    real_project: Path, opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "fits.html"
    (fit,) = opp_mri("align", "--project", real_project, "--json", "--report", page).json
    assert (fit["sequence"], fit["verdict"], fit["lesion_id"]) == ("T1", "good", None)
    # headers are about 49 mm off along the spine, more than a level (48.5 to 49.7 by level)
    assert fit["displacement_lps_mm"][2] == pytest.approx(49, abs=1.0)
    assert 1.5 < fit["rotation_deg"] < 3.5
    assert fit["inverse_consistency_mm"] < 0.5
    assert fit["level_margin"] > 0.1
    assert page.read_text().count("data:image/png") == 1
    assert "not a medical device" in page.read_text()


def test_the_stir_of_one_date_and_the_t2_of_the_other_are_left_out_in_words(
    real_project: Path, opp_mri: Callable[..., Any]
) -> None:
    result = opp_mri("align", "--project", real_project)
    assert "STIR not comparable: left out" in result.out
    assert "STIR of" in result.err
    assert "unlike sequences are not comparable" in result.err


def test_what_is_aligned_already_is_not_done_again(
    real_project: Path, opp_mri: Callable[..., Any]
) -> None:
    opp_mri("align", "--project", real_project)
    again = opp_mri("align", "--project", real_project)
    assert "0 new fits, 1 from before." in again.out


def test_a_phantom_on_the_real_baseline_is_not_called_good(
    real_data: Path,
    phantom: tuple[Path, dict[str, Any]],
    opp_mri: Callable[..., Any],
    tmp_path: Path,
) -> None:
    cohort = phantom[0].parent / "cohort" / "dicom"
    opp_mri("init", tmp_path / "p")
    wakasa = sorted(real_data.glob("mapconcierge*wakasa"))
    opp_mri("index", *wakasa, cohort, "--project", tmp_path / "p")
    pairs_file = tmp_path / "same.csv"
    pairs_file.write_text("patient_id,same_as\nPHANTOM-01,0000990001\n")
    opp_mri("index", "--same-patient", pairs_file, "--project", tmp_path / "p")
    fits = opp_mri("align", "--quick", "--project", tmp_path / "p", "--json").json
    assert len(fits) == 5
    assert "good" not in {fit["verdict"] for fit in fits}
    assert all(fit["reasons"] for fit in fits)


def landmark_errors_mm(fit: dict[str, Any], truth: dict[str, Any]) -> list[float]:
    """Distances at the landmarks of the lesion's vertebra, follow-up carried to baseline."""
    visits = {visit["study_date"]: visit for visit in truth["visits"]}
    baseline, followup = (
        visits[fit[key]]["vertebrae"] for key in ("baseline_study_date", "followup_study_date")
    )
    level = truth["level"]
    matrix = np.asarray(fit["baseline_from_followup"])
    first, second = (
        np.asarray(list(_landmarks(posture, level).values())) for posture in (baseline, followup)
    )
    mapped_points = second @ matrix[:3, :3].T + matrix[:3, 3]
    return [float(x) for x in np.linalg.norm(mapped_points - first, axis=1)]


def _landmarks(vertebrae: Any, level: str) -> dict[str, list[float]]:
    record = (
        vertebrae[level]
        if isinstance(vertebrae, dict)
        else next(v for v in vertebrae if v["level"] == level)
    )
    points: dict[str, list[float]] = record["landmarks_lps_mm"]
    return points


def test_each_follow_up_of_the_phantom_is_lined_up_on_the_treated_vertebra(
    aligned_project: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any]
) -> None:
    project, truth = aligned_project
    fits = opp_mri("align", "--project", project, "--json").json
    assert len(fits) == 12
    for fit in fits:
        assert fit["visit_verdict"] == "good", fit
        # the coarse phantom has pixels of about 2 mm: a fit within half of one is right
        assert max(landmark_errors_mm(fit, truth)) < 1.0, fit


def test_only_a_confirmed_fit_tells_whether_a_later_study_covers_the_lesion(
    aligned_project: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    project = tmp_path / "p"
    shutil.copytree(aligned_project[0], project)
    fits = opp_mri("align", "--project", project, "--json").json
    t1 = next(fit for fit in fits if fit["sequence"] == "T1")
    with open_project(project) as opened_project:
        lesion = find_lesion(opened_project.store, "OPP-01")
        assert len(carry_seed_to_frames(opened_project.store, lesion)) == 1
    opp_mri("fit", "confirm", t1["fit_id"], "--reader", "A", "--project", project)
    with open_project(project) as opened_project:
        assert len(carry_seed_to_frames(opened_project.store, lesion)) == 2
    result = opp_mri("fit", "reject", t1["fit_id"], "--reader", "A", "--project", project, expect=3)
    assert "give the reason for the change with --reason" in result.err
    opp_mri(
        "fit", "reject", t1["fit_id"], "--reader", "B", "--reason", "a level too low",
        "--project", project,
    )  # fmt: skip
    with open_project(project) as opened_project:
        assert len(carry_seed_to_frames(opened_project.store, lesion)) == 1
    (after,) = [
        fit
        for fit in opp_mri("align", "--project", project, "--json").json
        if fit["fit_id"] == t1["fit_id"]
    ]
    assert [record["decision"] for record in after["decisions"]] == ["confirmed", "rejected"]
    assert after["decision"] == "rejected"


def test_ctrl_c_keeps_the_fits_that_are_done(
    phantom: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    project = tmp_path / "p"
    opp_mri("init", project)
    opp_mri("index", phantom[0].parent / "cohort" / "dicom", "--project", project)
    words = ["align", "--project", str(project), "--workers", "1"]
    command = [sys.executable, "-c", "from opp_mri.cli import main; main()", *words]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        fit_count = 0
        while not fit_count and process.poll() is None:
            time.sleep(0.05)
            with open_project(project) as opened_project:
                fit_count = len(opened_project.store.get_alignments())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, "it was interrupted before all four visits were done"
    assert "Traceback" not in errors
    assert 0 < fit_count < 12
    assert " 0 from before." not in opp_mri("align", "--project", project).out
    with open_project(project) as opened_project:
        assert len(opened_project.store.get_alignments()) == 12


def test_a_confirmed_fit_goes_out_and_comes_back(
    aligned_project: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    project = tmp_path / "p"
    shutil.copytree(aligned_project[0], project)
    fit = opp_mri("align", "--project", project, "--json").json[0]
    out = tmp_path / "out"
    result = opp_mri("fit", "export", fit["fit_id"], "--out", out, "--project", project, expect=3)
    assert "is not confirmed" in result.err
    opp_mri("fit", "confirm", fit["fit_id"], "--reader", "A", "--project", project)
    opp_mri(
        "fit", "export", "--out", out, "--as", "tfm", "--as", "nrrd", "--as", "dicom",
        "--as", "reg", "--project", project,
    )  # fmt: skip
    (transform,) = out.glob("*.tfm")
    (registration,) = out.glob("*.dcm")
    assert {path.name.rsplit("-", 1)[1] for path in out.glob("*.nrrd")} == {
        "difference.nrrd", "resampled.nrrd",
    }  # fmt: skip
    answers = [
        opp_mri(
            "fit", "import", path, "--lesion", "OPP-01", "--sequence", fit["sequence"],
            "--followup", fit["followup_study_date"], "--project", project,
        ).out
        for path in (transform, registration)
    ]  # fmt: skip
    imported_fits = [
        record
        for record in opp_mri("align", "--project", project, "--json").json
        if record["algorithm_version"] == "imported"
    ]
    assert {answer.split(".")[0] for answer in answers} == {
        f"Fit {record['fit_id']}: {record['verdict']}" for record in imported_fits
    }
    for record in imported_fits:
        np.testing.assert_allclose(
            record["baseline_from_followup"], fit["baseline_from_followup"], atol=1e-9
        )
    reading = next(
        record
        for record in opp_mri("align", "--project", project, "--json").json
        if record["followup_study_date"] != fit["followup_study_date"]
    )
    result = opp_mri(
        "fit", "import", registration, "--lesion", "OPP-01", "--sequence", reading["sequence"],
        "--followup", reading["followup_study_date"], "--project", project, expect=3,
    )  # fmt: skip
    assert "does not register the follow-up" in result.err


def test_a_resampled_follow_up_has_no_role_and_is_not_measured_on(
    aligned_project: tuple[Path, dict[str, Any]], opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    project, out = tmp_path / "p", tmp_path / "out"
    shutil.copytree(aligned_project[0], project)
    fit = opp_mri("align", "--project", project, "--json").json[0]
    opp_mri("fit", "confirm", fit["fit_id"], "--reader", "A", "--project", project)
    opp_mri("fit", "export", "--out", out, "--as", "dicom", "--project", project)
    opp_mri("init", tmp_path / "other")
    opp_mri("index", out, "--project", tmp_path / "other")
    with open_project(tmp_path / "other") as opened_project:
        (point,) = list_time_points(opened_project.store, "PHANTOM-01")
        assert point.volumes
        assert not any(volume.selected for volume in point.volumes)
