"""Reports out: one a reader, time point and series, such as other programs can open."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import attrs
import numpy as np
import pydicom
import pytest
from fixtures.dicom_makers import write_study
from fixtures.makers import NOON, make_lesion
from fixtures.reports import (
    RULES,
    code,
    export,
    groups,
    items,
    measurement_reports,
    named,
    read_and_sign,
    response_reports,
    walk,
)
from fixtures.small_study import declare, make_study

from opp_mri.dicom.sr.concepts import build_vertebra_code
from opp_mri.dicom.sr.read_report import read_report
from opp_mri.dicom.sr.report import identify
from opp_mri.dicom.sr.write import build_dataset
from opp_mri.domain.measurement import Answer, LengthSource
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.errors import ProjectError
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.double_read.consensus import prepare_consensus
from opp_mri.workflow.double_read.resolving import sign_consensus
from opp_mri.workflow.exchange.placing import ImportChoice
from opp_mri.workflow.exchange.report_plan import plan_reports
from opp_mri.workflow.exchange.sr_import import import_annotations
from opp_mri.workflow.measuring.edits import draft_answer, sign_drafts
from opp_mri.workflow.measuring.protocol import unblind
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, create_project, open_project

LATER = NOON + timedelta(days=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    make_study(folder, ("P1", "P2"))
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    with open_project(copytree(template / "project", tmp_path / "project")) as opened_project:
        yield opened_project


@pytest.fixture
def read_once(project: Project) -> Project:
    read_and_sign(project, "A")
    return project


@pytest.fixture
def read_twice(project: Project, tmp_path: Path) -> Project:
    """Two independent reads, resolved, signed by both, and unblinded."""
    declare(project, tmp_path, readers='["A", "B"]')
    read_and_sign(project, "A")
    read_and_sign(project, "B", lambda _lesion, _cell: 8.25)
    for signer in ("A", "B"):
        for lesion in prepare_consensus(project, RULES):
            sign_consensus(project, lesion, signer, LATER)
    return project


def length_of(group: pydicom.Dataset) -> pydicom.Dataset:
    (number,) = items(group, named("410668003"))
    return number


def test_there_is_one_report_a_series_and_each_has_a_series_of_its_own(
    read_once: Project, tmp_path: Path
) -> None:
    summary = export(read_once, tmp_path / "out")
    reports = measurement_reports(tmp_path / "out")
    assert len(reports) == 2 * 2 * 2  # patients, visits, sequences
    assert len({report.SeriesInstanceUID for report in reports}) == len(reports)
    assert len({report.SOPInstanceUID for report in reports}) == len(reports)
    assert summary.left_out == ()
    assert {(r.CompletionFlag, r.VerificationFlag) for r in reports} == {("COMPLETE", "UNVERIFIED")}


def test_a_report_is_of_one_study_and_has_patient_and_study_as_its_images_have(
    read_once: Project, tmp_path: Path, template: Path
) -> None:
    export(read_once, tmp_path / "out")
    images = {
        image.SOPInstanceUID: image
        for path in template.glob("dicom/**/*")
        if path.is_file() and (image := pydicom.dcmread(path, stop_before_pixels=True))
    }
    for report in measurement_reports(tmp_path / "out") + response_reports(tmp_path / "out"):
        image_items = [item for item in walk(report) if item.ValueType == "IMAGE"]
        assert image_items
        for item in image_items:
            image = images[item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID]
            for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate"):
                assert report.get(keyword) == image.get(keyword), keyword
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        assert study.StudyInstanceUID == report.StudyInstanceUID


def test_each_condition_of_ohif_on_a_report_holds(read_once: Project, tmp_path: Path) -> None:
    export(read_once, tmp_path / "out")
    for report in measurement_reports(tmp_path / "out"):
        assert code(report.ConceptNameCodeSequence) == "126000"
        (content_template,) = report.ContentTemplateSequence
        assert content_template.TemplateIdentifier == "1500"
        meanings = {
            code(item.ConceptNameCodeSequence): item.ConceptNameCodeSequence[0].CodeMeaning
            for item in walk(report)
        }  # and so each item has a concept name
        assert meanings["126010"] == "Imaging Measurements"
        assert meanings["125007"] == "Measurement Group"
        assert meanings["112039"] == "Tracking Identifier"
        assert meanings["112040"] == "Tracking Unique Identifier"
        tracking_uids = []
        for group in groups(report):
            (identifier,) = items(group, named("112039"))
            assert identifier.TextValue.startswith("Cornerstone3DTools@^0.1.0:Length")
            tracking_uids += [item.UID for item in items(group, named("112040"))]
            first_number = items(group, lambda item: item.ValueType == "NUM")[0]
            assert first_number == length_of(group)  # the adapters take the first number
            (region,) = first_number.ContentSequence
            assert (region.ValueType, region.GraphicType) == ("SCOORD", "POLYLINE")
            assert len(region.GraphicData) == 4
            (image,) = region.ContentSequence
            assert (image.ValueType, image.RelationshipType) == ("IMAGE", "SELECTED FROM")
            (reference,) = image.ReferencedSOPSequence
            assert "ReferencedFrameNumber" not in reference
            (value,) = first_number.MeasuredValueSequence
            assert code(value.MeasurementUnitsCodeSequence) == "mm"
            assert code(items(group, named("121071"))[0].ConceptCodeSequence) == "52988006"
            assert items(group, named("363698007"))
            assert items(group, named("121106"))[0].TextValue.endswith("16.0 mm")
        assert len(set(tracking_uids)) == len(groups(report))


def test_a_tracking_uid_is_constant_for_a_lesion_and_sequence_over_time(
    read_once: Project, tmp_path: Path
) -> None:
    export(read_once, tmp_path / "out")
    by_name: dict[str, set[str]] = {}
    for report in measurement_reports(tmp_path / "out"):
        for group in groups(report):
            name = items(group, named("112039"))[0].TextValue
            by_name.setdefault(name, set()).add(items(group, named("112040"))[0].UID)
    assert len(by_name) == 4  # two lesions, two sequences, each at two visits
    assert all(len(uids) == 1 for uids in by_name.values())
    assert len(set.union(*by_name.values())) == 4


def test_the_points_are_those_of_the_caliper_counted_from_the_corner_of_the_first_pixel(
    read_once: Project, tmp_path: Path
) -> None:
    export(read_once, tmp_path / "out")
    for report in measurement_reports(tmp_path / "out"):
        (group,) = groups(report)
        (region,) = length_of(group).ContentSequence
        assert list(region.GraphicData) == [1.5, 5.5, 9.5, 5.5]
        assert length_of(group).MeasuredValueSequence[0].FloatingPointValue == 16.0
        (offset,) = items(group, named("128740"))
        assert code(offset.MeasuredValueSequence[0].MeasurementUnitsCodeSequence) == "d"
        (event,) = offset.ContentSequence
        assert code(event.ConceptCodeSequence) == "ssrs-completion"


def test_the_offset_is_the_days_from_completion_of_radiosurgery(
    read_once: Project, tmp_path: Path
) -> None:
    export(read_once, tmp_path / "out")
    days = {
        (report.StudyDate, items(group, named("128740"))[0].MeasuredValueSequence[0].NumericValue)
        for report in measurement_reports(tmp_path / "out")
        for group in groups(report)
    }
    last_day = make_lesion("L").ssrs_last_date
    assert {(date, int(value)) for date, value in days} == {
        (f"{day:%Y%m%d}", (day - last_day).days)
        for lesion in read_once.store.get_lesions()
        for day in {
            reading.study_date for reading in read_once.store.get_readings(lesion.lesion_id)
        }
    }


def test_unchanged_content_is_the_same_report_to_the_byte(
    read_once: Project, tmp_path: Path
) -> None:
    first = export(read_once, tmp_path / "first")
    again = export(read_once, tmp_path / "again", LATER)
    assert not any(report.is_new for report in again.reports)
    assert [r.reference for r in first.reports] == [r.reference for r in again.reports]
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_an_amendment_is_a_new_report_that_names_the_one_before(
    read_once: Project, tmp_path: Path
) -> None:
    first = export(read_once, tmp_path / "first")
    read_and_sign(read_once, "A", lambda lesion, _cell: 7.0 if lesion == "LP1" else 8.0, LATER,
                  reason="measured too short")  # fmt: skip
    second = export(read_once, tmp_path / "second", LATER)
    by_key = {r.SOPInstanceUID: r for r in measurement_reports(tmp_path / "second")}
    amending_reports = [
        report for report in by_key.values() if "PredecessorDocumentsSequence" in report
    ]
    assert {report.PatientID for report in amending_reports} >= {"P1"}
    report_uids = {report.reference.sop_instance_uid for report in first.reports}
    for report in amending_reports:
        (study,) = report.PredecessorDocumentsSequence
        (series,) = study.ReferencedSeriesSequence
        (document,) = series.ReferencedSOPSequence
        assert document.ReferencedSOPInstanceUID in report_uids - {report.SOPInstanceUID}
        (group,) = groups(report)
        assert items(group, named("amendment"))[0].TextValue == "measured too short"
    assert sum(report.amends for report in second.reports) >= len(amending_reports)


def test_a_report_that_was_amended_and_amended_back_is_not_the_first_one(
    read_once: Project, tmp_path: Path
) -> None:
    uids = []
    for number, columns in enumerate((8.0, 7.0, 8.0)):
        at = NOON + timedelta(days=number)
        if number:
            read_and_sign(read_once, "A", lambda _l, _c, n=columns: n, at, reason="again")
        export(read_once, tmp_path / str(number), at)
        uids.append({r.SOPInstanceUID for r in measurement_reports(tmp_path / str(number))})
    assert not (uids[0] & uids[1] | uids[0] & uids[2] | uids[1] & uids[2])


def test_drafts_are_in_no_report(project: Project, tmp_path: Path) -> None:
    (first, *_) = project.store.get_lesions()
    cell = next(
        cell for cell in build_draft_timeline(project.store, first, "A").cells if cell.volume
    )
    gone_reading = draft_answer(cell, first.lesion_id, Answer.GONE, reason="", reader="A", at=NOON)
    project.store.add_readings([gone_reading])
    assert export(project, tmp_path / "out").reports == ()


def test_gone_and_not_measurable_are_stated_without_a_line(
    project: Project, tmp_path: Path
) -> None:
    (lesion, *_) = project.store.get_lesions()
    cells = [cell for cell in build_draft_timeline(project.store, lesion, "A").cells if cell.volume]
    log = [
        draft_answer(cell, lesion.lesion_id, answer, reason=reason, reader="A", at=NOON)
        for cell, answer, reason in zip(
            cells, (Answer.GONE, Answer.NOT_MEASURABLE), ("", "motion"), strict=False
        )
    ]
    project.store.add_readings(log)
    project.store.add_signature(sign_drafts(log, frozenset(), statement="Done.", at=NOON))
    export(project, tmp_path / "out")
    answers = {}
    for report in measurement_reports(tmp_path / "out"):
        (group,) = groups(report)
        assert not items(group, named("112039"))[0].TextValue.startswith("Cornerstone")
        assert not [item for item in walk(group) if item.ValueType == "SCOORD"]
        answers[code(items(group, named("answer"))[0].ConceptCodeSequence)] = group
    assert set(answers) == {"gone", "not_measurable"}
    assert items(answers["not_measurable"], named("answer-reason"))[0].TextValue == "motion"
    assert not items(answers["not_measurable"], named("410668003"))


def test_a_number_without_an_image_is_left_out_with_its_reason(
    read_once: Project, tmp_path: Path
) -> None:
    (lesion, *_) = read_once.store.get_lesions()
    reading = read_once.store.get_readings(lesion.lesion_id)[0]
    imported_reading = attrs.evolve(
        reading, reading_id="x", reader="table", draft=False, caliper=None,
        length_mm=Decimal("12"), length_source=LengthSource.IMPORTED,
    )  # fmt: skip
    read_once.store.add_readings([imported_reading])
    summary = export(read_once, tmp_path / "out", reader="table")
    assert summary.reports == () or all(r.path.name.startswith("response") for r in summary.reports)
    assert any("no indexed image" in sentence for sentence in summary.left_out)


def test_the_response_is_a_report_of_its_own_under_codes_that_are_not_recists(
    read_once: Project, tmp_path: Path
) -> None:
    export(read_once, tmp_path / "out")
    reports = response_reports(tmp_path / "out")
    assert len(reports) == 2
    for report in reports:
        (evaluations,) = items(report, named("C0034375"))
        (response,) = items(evaluations, named("112048"))
        (answer,) = response.ConceptCodeSequence
        assert answer.CodingSchemeDesignator == "99OPPMRI"
        assert items(evaluations, named("rule"))
        assert items(evaluations, named("sentence"))
        assert code(report.ConceptNameCodeSequence) != "126000"  # viewers look for lengths in these


def test_the_old_code_of_a_length_is_written_when_asked_for(
    read_once: Project, tmp_path: Path
) -> None:
    current = export(read_once, tmp_path / "sct")
    old = export(read_once, tmp_path / "srt", length_code="srt")
    for report in measurement_reports(tmp_path / "srt"):
        (length,) = items(groups(report)[0], named("G-D7FE"))
        assert length.ConceptNameCodeSequence[0].CodingSchemeDesignator == "SRT"
        assert "PredecessorDocumentsSequence" not in report
    lengths = [
        {report.reference for report in summary.reports if "response" not in report.path.name}
        for summary in (current, old)
    ]
    assert not lengths[0] & lengths[1]


def test_a_vertebra_without_a_standard_code_has_its_own_and_is_never_its_neighbour() -> None:
    assert (build_vertebra_code("L5").value, build_vertebra_code("L5").scheme_designator) == (
        "49668003",
        "SCT",
    )
    for level in ("L6", "T13", "S2"):
        own = build_vertebra_code(level)
        assert (own.scheme_designator, own.value) == ("99OPPMRI", f"vertebra-{level}")
        assert level in own.meaning


def test_pixels_that_are_not_square_are_warned_of(tmp_path: Path) -> None:
    write_study(tmp_path / "dicom", PatientID="P1", StudyDate="20240501", PixelSpacing=[0.8, 0.4])
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        project.store.add_lesions([make_lesion("L1", patient_id="P1")], NOON)
        read_and_sign(project, "A")
        (warning, *_) = export(project, tmp_path / "out").warnings
    assert "0.8 by 0.4 mm" in warning


def test_a_line_of_slicer_has_its_name_its_length_and_its_ends_in_lps(
    read_once: Project, tmp_path: Path
) -> None:
    import json

    summary = export(read_once, tmp_path / "out", slicer=True)
    assert len(summary.markups) == 8
    ends = {
        end
        for lesion in read_once.store.get_lesions()
        for reading in read_once.store.get_readings(lesion.lesion_id)
        if reading.caliper
        for end in (reading.caliper.start_lps_mm, reading.caliper.end_lps_mm)
    }
    for path in summary.markups:
        (markup,) = json.loads(path.read_text())["markups"]
        assert (markup["type"], markup["coordinateSystem"]) == ("Line", "LPS")
        positions = [tuple(point["position"]) for point in markup["controlPoints"]]
        assert set(positions) <= ends
        assert np.linalg.norm(np.subtract(*positions)) == pytest.approx(16.0, abs=1e-6)
        assert "16.0 mm" in markup["description"]


@pytest.mark.parametrize("choice", [{}, {"reader": "A"}, {"reader": "B"}])
def test_answers_of_blinded_readers_are_refused(
    read_twice: Project, tmp_path: Path, choice: dict[str, str]
) -> None:
    with pytest.raises(ProjectError, match="still read blind"):
        export(read_twice, tmp_path / "out", **choice)
    assert not (tmp_path / "out").exists()


def test_the_consensus_is_verified_by_both_and_names_both_independent_reads(
    read_twice: Project, tmp_path: Path
) -> None:
    unblind(read_twice.store, signed_by="lead", reason="all read", at=LATER)
    summary = export(read_twice, tmp_path / "out", LATER)
    reads = {
        report.reference.sop_instance_uid
        for report in summary.reports
        if report.reader in ("A", "B")
    }
    verified_reports = [
        r for r in measurement_reports(tmp_path / "out") if r.VerificationFlag == "VERIFIED"
    ]
    assert len(verified_reports) == 8
    for report in verified_reports:
        names = [
            str(observer.VerifyingObserverName) for observer in report.VerifyingObserverSequence
        ]
        assert names == ["A^", "B^"]
        named_uids = {
            document.ReferencedSOPInstanceUID
            for study in report.PredecessorDocumentsSequence
            for series in study.ReferencedSeriesSequence
            for document in series.ReferencedSOPSequence
        }
        assert len(named_uids) == 2
        assert named_uids <= reads
    assert not export(read_twice, tmp_path / "out", LATER).warnings


def test_a_consensus_that_went_out_alone_is_followed_by_one_that_names_the_reads(
    read_twice: Project, tmp_path: Path
) -> None:
    alone = export(read_twice, tmp_path / "alone", reader=CONSENSUS)
    assert any("names no independent read" in sentence for sentence in alone.warnings)
    unblind(read_twice.store, signed_by="lead", reason="all read", at=LATER)
    summary = export(read_twice, tmp_path / "all", LATER)
    verified_reports = [
        r for r in measurement_reports(tmp_path / "all") if r.VerificationFlag == "VERIFIED"
    ]
    for report in verified_reports:
        documents = sum(
            len(series.ReferencedSOPSequence)
            for study in report.PredecessorDocumentsSequence
            for series in study.ReferencedSeriesSequence
        )
        assert documents == 3  # both reads, and the report that went out alone
    assert sum(report.amends for report in summary.reports) == len(verified_reports)


def test_a_choice_of_lesions_chooses_reports_and_never_shortens_one(
    project: Project, tmp_path: Path
) -> None:
    project.store.add_lesions([make_lesion("second", patient_id="P1", level="L4")], NOON)
    read_and_sign(project, "A")
    whole = {report.reference for report in export(project, tmp_path / "all").reports}
    reports = export(project, tmp_path / "some", lesion_ids=("second",)).reports
    assert {report.reference for report in reports} < whole
    for report in measurement_reports(tmp_path / "some"):
        assert report.PatientID == "P1"
        assert len(groups(report)) == 2


def test_a_report_of_which_every_answer_was_withdrawn_is_named(
    read_once: Project, tmp_path: Path
) -> None:
    export(read_once, tmp_path / "out")
    (lesion, *_) = read_once.store.get_lesions()
    reading = read_once.store.get_readings(lesion.lesion_id)[0]
    taken_back = attrs.evolve(
        reading, reading_id="back", answer=Answer.WITHDRAWN, length_mm=None, length_source=None,
        caliper=None, draft=False,
    )  # fmt: skip
    read_once.store.add_readings([taken_back])
    (warning,) = export(read_once, tmp_path / "again", LATER).warnings
    assert "no longer hold" in warning


def test_a_line_on_one_of_several_frames_keeps_its_frame(read_once: Project) -> None:
    (planned_report, *_) = plan_reports(read_once.store).reports
    (answer,) = planned_report.report.answers
    images = tuple(attrs.evolve(image, frame_number=3) for image in answer.images)
    report = attrs.evolve(planned_report.report, answers=(attrs.evolve(answer, images=images),))
    dataset = build_dataset(report, identify(report))
    (reference,) = [item for item in walk(dataset) if item.ValueType == "IMAGE"]
    assert reference.ReferencedSOPSequence[0].ReferencedFrameNumber == 3
    (annotation,) = read_report(dataset, "report.dcm").annotations
    assert annotation.frame_number == 3
    assert annotation.ends == answer.ends


def test_both_reads_and_their_consensus_come_back_as_recorded(
    read_twice: Project, tmp_path: Path
) -> None:
    unblind(read_twice.store, signed_by="lead", reason="all read", at=LATER)
    export(read_twice, tmp_path / "out", LATER)
    before = read_twice.store.get_head()
    summary = import_annotations(read_twice.store, [tmp_path / "out"], ImportChoice(), LATER)
    assert {line.reading.reader for line in summary.lines} == {"A", "B", CONSENSUS}
    assert not any(line.is_new for line in summary.lines)
    assert len(summary.lines) == 3 * 8
    assert read_twice.store.get_head() == before
