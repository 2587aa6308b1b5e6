"""Which picture each visit of a lesion has, and why a visit has none."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
from fixtures.makers import NOON
from fixtures.small_study import VISITS, declare, make_study

from opp_mri.cohort.figures.key_strip import KeyStrip
from opp_mri.cohort.report.patient import render_patient_html
from opp_mri.domain.alignment import Alignment, AlignmentDecision, FitDecision
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.reader_study import Blinding, CaseOrder, ShownDates
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import InputError, ProjectError, UnknownError
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.cohort.key_images import draw_key_strip
from opp_mri.workflow.cohort.patient_report import build_patient_report
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import Project, open_project

T1, T2FS = SeriesRole.T1, SeriesRole.T2FS
SHIFT_MM = (0.0, 6.0, -4.0)  # of the second study's coordinates against the first's


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with open_project(make_study(tmp_path)) as opened_project:
        yield opened_project


def volume_of(project: Project, visit: int, sequence: SeriesRole = T1):
    return next(
        volume
        for volume in project.store.get_volumes(["P1"])
        if volume.study_date == VISITS[visit] and volume.role is sequence
    )


def draw(project: Project, tmp_path: Path, *lines: tuple[int, float], place: int = 1) -> None:
    """Record a line on T1 of a visit, from column 2, in row 5 of an image."""
    rows = ["lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2"]
    for visit, columns in lines:
        uid = volume_of(project, visit).frames[place].sop_instance_uid
        rows.append(f"LP1,T1,A,{uid},1,2,5,{2 + columns},5")
    table = tmp_path / "calipers.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert measure(project.store, table, NOON).refused == ()


def confirm(
    project: Project, decision: FitDecision | None = FitDecision.CONFIRMED,
    shift_mm: tuple[float, float, float] = SHIFT_MM,
) -> None:  # fmt: skip
    baseline, followup = volume_of(project, 0), volume_of(project, 1)
    matrix = np.eye(4)
    matrix[:3, 3] = shift_mm
    fit = Fit(
        baseline_from_followup=RigidTransform(
            to_frame_of_reference_uid=baseline.planes[0].frame_of_reference_uid,
            from_frame_of_reference_uid=followup.planes[0].frame_of_reference_uid,
            matrix=np.linalg.inv(matrix),
        ),
        centre_lps_mm=(0.0, 0.0, 0.0), similarity_before=0.0, similarity=0.9, level_margin=0.2,
        runner_up_lps_mm=None, inverse_consistency_mm=0.1, block_residual_mm=0.1, overlap=1.0,
        verdict=Verdict.GOOD, reasons=("Because.",), correction_mm=None,
    )  # fmt: skip
    alignment = Alignment(
        fit_id="fit", patient_id="P1", lesion_id="LP1", sequence=T1,
        baseline_volume_id=baseline.volume_id, followup_volume_id=followup.volume_id,
        baseline_study_date=VISITS[0], followup_study_date=VISITS[1], brought_along=False,
        algorithm_version="1", parameters={}, fit=fit, recorded_at=NOON,
    )  # fmt: skip
    project.store.add_alignments([alignment])
    if decision is not None:
        project.store.add_alignment_decision(
            AlignmentDecision(fit_id="fit", decision=decision, reader="A", recorded_at=NOON)
        )


def strip(project: Project, sequence: SeriesRole | None = None) -> KeyStrip:
    (lesion,) = assess_project(project, load_project_rules(project), ["LP1"])
    return draw_key_strip(project.store, lesion, sequence)


def test_along_a_confirmed_fit_every_visit_shows_the_lesion_with_its_own_line(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    confirm(project)
    before, after = strip(project).panels
    assert before.image is not None
    assert after.image is not None
    (start, end), (later_start, later_end) = before.image.line, after.image.line
    assert (start[0] + end[0]) / 2 == pytest.approx(40.0)  # the seed: mid the baseline's line
    assert end[0] - start[0] == pytest.approx(8.0)
    assert later_end[0] - later_start[0] == pytest.approx(12.0)
    # the same anterior end, 6 mm further back and 4 mm lower by the second study's coordinates
    assert later_start[0] - start[0] == pytest.approx(-SHIFT_MM[1])
    assert later_start[1] - start[1] == pytest.approx(SHIFT_MM[2])
    assert (before.label, before.size) == ("baseline", "8.0 mm")


@pytest.mark.parametrize("decision", [None, FitDecision.REJECTED])
def test_without_a_confirmed_fit_a_visit_has_its_length_and_no_picture(
    project: Project, tmp_path: Path, decision: FitDecision | None
) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    confirm(project, decision)
    before, after = strip(project).panels
    assert before.image is not None
    assert after.image is None
    assert "no confirmed fit to the baseline" in after.reason
    assert after.size == "12.0 mm"


def test_without_a_seed_nobody_knows_where_the_lesion_is(project: Project) -> None:
    panels = strip(project, T2FS).panels
    assert [panel.image for panel in panels] == [None, None]
    assert {panel.reason for panel in panels} == {
        "No picture: the lesion has neither a seed point nor a caliper at baseline."
    }


def test_an_unread_visit_shows_the_slice_nearest_to_the_lesion_without_a_line(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0), place=2)
    before, _ = strip(project, T2FS).panels
    assert before.image is not None
    assert before.image.line is None
    assert before.size == "not read"
    plane = volume_of(project, 0, T2FS).planes[2]
    values = before.image.grey[~np.isnan(before.image.grey)]
    assert values.size == pytest.approx(plane.rows * plane.columns * 4 * 16, rel=0.02)


def test_a_series_that_ends_before_the_lesion_says_so(project: Project, tmp_path: Path) -> None:
    draw(project, tmp_path, (0, 4.0))
    confirm(project)

    def beyond(plane: ImagePlane) -> ImagePlane:
        x, y, z = plane.position_lps_mm
        return attrs.evolve(plane, position_lps_mm=(x, y, z - 500.0))

    volumes = [
        attrs.evolve(volume, planes=tuple(beyond(plane) for plane in volume.planes))
        if volume.study_date == VISITS[1]
        else volume
        for volume in project.store.get_volumes(["P1"])
    ]
    project.store.replace_volumes(["P1"], volumes)
    assert strip(project).panels[1].reason == "The series does not cover the lesion."


def test_images_that_are_gone_are_a_panel_in_words_and_never_an_error(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0))
    (tmp_path / "dicom").rename(tmp_path / "moved")
    (before, _) = strip(project).panels
    assert before.reason == "No picture: the image files cannot be read."
    assert before.size == "8.0 mm"


def test_a_line_that_lies_elsewhere_is_named_and_not_taken_for_the_lesions_place(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    confirm(project, shift_mm=(0.0, 0.0, 60.0))
    _, after = strip(project).panels
    assert after.size == "12.0 mm · the line lies outside this picture"


def test_a_sequence_that_no_visit_has_is_refused(project: Project, tmp_path: Path) -> None:
    draw(project, tmp_path, (0, 4.0))
    with pytest.raises(UnknownError, match="No visit of this lesion has a series of T1POST"):
        strip(project, SeriesRole.T1POST)


def test_a_blinded_package_draws_no_key_images(project: Project, tmp_path: Path) -> None:
    draw(project, tmp_path, (0, 4.0))
    blinding = Blinding(
        package_id="p", reader="A", order=CaseOrder.FREE, dates=ShownDates.OFFSETS, recorded_at=NOON
    )
    project.store.add_to_log([blinding])
    with pytest.raises(InputError, match="blinded package"):
        strip(project)


def test_a_readers_lengths_stay_out_of_a_report_while_the_reader_is_blinded(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    declare(project, tmp_path, readers='["A", "B"]')
    with pytest.raises(ProjectError, match="still read blind"):
        build_patient_report(project, "P1", load_project_rules(project), written_on=NOON.date())


def test_a_patients_report_shows_the_deciding_sequence(project: Project, tmp_path: Path) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    confirm(project)
    report = build_patient_report(
        project, "P1", load_project_rules(project), written_on=NOON.date()
    )
    (strip,) = report.lesions[0].strips
    assert strip.sequence is T1
    page = render_patient_html(report)
    assert page.count('class="strip"') == 1
    assert page.count("data:image/png;base64") == 2


def test_a_report_without_any_picture_says_why_in_a_sentence(
    project: Project, tmp_path: Path
) -> None:
    draw(project, tmp_path, (0, 4.0), (1, 6.0))
    (tmp_path / "dicom").rename(tmp_path / "moved")
    report = build_patient_report(
        project, "P1", load_project_rules(project), written_on=NOON.date()
    )
    page = render_patient_html(report)
    assert 'class="strip"' not in page
    assert "the image files cannot be read" in page
