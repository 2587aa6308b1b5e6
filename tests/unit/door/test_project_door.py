"""A project in Python: from images to a category, without a clock and with plain paths."""

from pathlib import Path

import pandas as pd
import pytest

import opp_mri as opp
from opp_mri.errors import InputError, ProjectError, RowsError, UnknownError

PATIENT = Path(__file__).parents[3] / "sample_data" / "patient"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door") / "study"


@pytest.fixture(scope="module")
def study(folder: Path) -> opp.Project:
    project = opp.Project.create(str(folder))
    assert project.index(str(PATIENT / "dicom" / "2020-03-03"), PATIENT / "dicom").read == 81
    assert project.add_lesions(str(PATIENT / "lesions.csv")) == ["OPP-01"]
    assert project.measure(str(PATIENT / "calipers.csv")) == 9
    return project


def test_what_is_recorded_already_is_not_added_again(study: opp.Project) -> None:
    assert study.measure(PATIENT / "calipers.csv") == 0
    assert study.index(PATIENT / "dicom").read == 0


def test_a_project_holds_its_lesions_by_name(study: opp.Project, folder: Path) -> None:
    assert repr(study) == f"<Project {folder}, 1 lesion>"
    assert list(study) == study.lesion_ids == ["OPP-01"]
    assert "OPP-01" in study
    assert repr(study["OPP-01"]) == "<Lesion OPP-01, L2>"
    with pytest.raises(UnknownError, match="There is no lesion OPP-02"):
        study["OPP-02"]


def test_a_timeline_shows_itself_as_a_table(study: opp.Project) -> None:
    timeline = study["OPP-01"].timeline
    frame = timeline.to_frame()
    assert list(frame.columns[:5]) == ["date", "day", "week", "sequence", "mm"]
    assert pd.api.types.is_datetime64_dtype(frame["date"])
    assert frame["mm"].dtype == "float64"
    assert "2020-05-30" in repr(timeline)
    assert timeline._repr_html_().startswith("<table")
    assert timeline.reader == "simulated"
    assert timeline.plot()._repr_png_()[0].startswith(b"\x89PNG")


def test_an_assessment_says_the_category_and_the_rule(study: opp.Project) -> None:
    answer = study["OPP-01"].assess("prospective")
    assert repr(answer).startswith("<Assessment OPP-01: OPP by sustained_decline on T1, ")
    assert answer.to_dict()["mode"] == "prospective"
    assert all(sentence.split()[0] in answer._repr_html_() for sentence in answer.sentences)


def test_the_cohort_of_a_project_has_its_lesions(study: opp.Project) -> None:
    assert repr(study.cohort()) == "<Cohort 1 lesion, 1 eligible: 1 OPP, 0 PD, 0 PR, 0 SD>"


def test_a_reader_who_did_not_measure_is_refused(study: opp.Project) -> None:
    with pytest.raises(InputError, match="has not measured this lesion"):
        study["OPP-01"].get_timeline_of("nobody")


def test_what_was_recorded_is_there_when_the_project_is_opened_again(
    study: opp.Project, folder: Path
) -> None:
    with opp.open(str(folder)) as again:
        assert again.lesion_ids == study.lesion_ids
    with pytest.raises(ProjectError):
        opp.open(folder / "absent")


def test_a_lesion_without_measurement_cannot_be_assessed(tmp_path: Path) -> None:
    with opp.Project.create(tmp_path / "study") as project:
        project.index(PATIENT / "dicom" / "2020-03-03")
        project.add_lesions(PATIENT / "lesions.csv")
        with pytest.raises(InputError, match="OPP-01 has no measurement"):
            project["OPP-01"].assess()
        with pytest.raises(RowsError, match="line 8: "):  # of visits that are not indexed
            project.measure(PATIENT / "calipers.csv")
        assert len(project["OPP-01"].timeline.to_frame().query("status == 'measured'")) == 3
