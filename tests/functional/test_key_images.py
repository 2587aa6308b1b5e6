"""Key images and the text to dictate, by the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.makers import NOON
from fixtures.small_study import VISITS, declare, make_study
from PIL import Image

from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import open_project

Run = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A patient with a lesion that reader A has measured on T1 of both visits."""
    folder = make_study(tmp_path)
    with open_project(folder) as opened:
        rows = ["lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2"]
        for volume in opened.store.get_volumes(["P1"]):
            if volume.role is SeriesRole.T1:
                columns = 4 if volume.study_date == VISITS[0] else 6
                uid = volume.frames[1].sop_instance_uid
                rows.append(f"LP1,T1,A,{uid},1,1,5,{1 + columns},5")
        table = tmp_path / "calipers.csv"
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        assert measure(opened.store, table, NOON).refused == ()
    return folder


def test_a_strip_is_drawn_and_a_visit_without_a_picture_is_named(
    opp_mri: Run, project: Path, tmp_path: Path
) -> None:
    ran = opp_mri("strip", "LP1", "--project", project, "-o", tmp_path / "strip.png")
    assert "Written" in ran.out
    assert "no confirmed fit to the baseline" in ran.err
    assert Image.open(tmp_path / "strip.png").format == "PNG"


def test_another_ending_is_refused_before_anything_is_read(opp_mri: Run, tmp_path: Path) -> None:
    ran = opp_mri("strip", "L", "--project", tmp_path, "-o", tmp_path / "s.bmp", expect=3)
    assert "ends in .png, .svg, .pdf, .pptx, .gif" in ran.err


@pytest.mark.parametrize("verb", [("strip", "LP1", "-o", "strip.png"), ("dictate", "LP1")])
def test_a_blinded_readers_answers_are_not_shown(
    opp_mri: Run, project: Path, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    with open_project(project) as opened:
        declare(opened, tmp_path, readers='["A", "B"]')
    ran = opp_mri(*verb, "--project", project, cwd=tmp_path, expect=6)
    assert "still read blind" in ran.err
    assert not (tmp_path / "strip.png").exists()


def test_the_text_to_dictate_follows_the_projects_template(opp_mri: Run, project: Path) -> None:
    shown = opp_mri("dictate", "LP1", "--project", project).out
    assert shown.startswith("L1, T1, AP 8.0 mm (01/2024), 12.0 mm (05/2024); ")
    (project / "mine.j2").write_text("{{ level }} was {{ category }}", encoding="utf-8")
    settings = project / "opp_mri.toml"
    settings.write_text('dictation_template = "mine.j2"\n', encoding="utf-8")
    assert opp_mri("dictate", "LP1", "--project", project).out.startswith("L1 was ")
    (project / "mine.j2").write_text("{{ levle }}", encoding="utf-8")
    ran = opp_mri("dictate", "LP1", "--project", project, expect=3)
    assert "'levle' is undefined" in ran.err
    assert "{{ level }}" in opp_mri("dictate", "--show-template").out
