"""Two readers' contours on their way to one: what is open, what is made of them, who signs."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from fixtures.contour_makers import draw_and_sign, square
from fixtures.dicom_makers import STIR, T1, write_study
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study

from opp_mri.agreement.discordance import VolumeCause, VolumeLimits, find_volume_cause
from opp_mri.cli.app import cli
from opp_mri.domain.assessment import Mode, Rules
from opp_mri.domain.contour import Contour, ReferenceVertebra, VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.plausibility import WarningName
from opp_mri.domain.reader_study import CONSENSUS, Resolution, ResolutionKind, Unblinding
from opp_mri.errors import ConflictError, InputError
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.cohort.cohort import assess_project_cohort
from opp_mri.workflow.cohort.ratios import add_ratios
from opp_mri.workflow.double_read.consensus import LesionConsensus, prepare_consensus
from opp_mri.workflow.double_read.resolving import sign_consensus
from opp_mri.workflow.double_read.volume_consensus import resolve_contours
from opp_mri.workflow.exchange.sr_export import ReportToWrite, export_reports
from opp_mri.workflow.measuring.contours import find_series
from opp_mri.workflow.measuring.edits import sign_drafts
from opp_mri.workflow.measuring.signal_ratio import list_ratios
from opp_mri.workflow.measuring.timeline import build_lesion_timeline
from opp_mri.workflow.project import Project, open_project
from opp_mri.workflow.safekeeping.audit import verify

READERS = ("reader-1", "reader-2")
RULES = Rules(criteria=load_criteria("maralani-2021"), mode=Mode.RETROSPECTIVE)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two readers drew two cells: they agree on the first, and differ on the second."""
    with open_project(make_study(tmp_path)) as opened_project:
        declare(opened_project, tmp_path)
        draw_and_sign(opened_project, "LP1", READERS[0], [6.0, 6.0])
        draw_and_sign(opened_project, "LP1", READERS[1], [6.0, 4.0])
        yield opened_project


def prepare(project: Project) -> LesionConsensus:
    (lesion,) = prepare_consensus(project, RULES)
    return lesion


@pytest.mark.parametrize(
    ("percent", "dice", "cause"),
    [
        (20.0, 0.7, None),
        (-20.1, 0.9, VolumeCause.VOLUME),
        (0.0, 0.69, VolumeCause.OVERLAP),
        (0.0, None, VolumeCause.SERIES),
        (None, None, VolumeCause.UNKNOWN),
    ],
)
def test_volumes_are_discordant_by_difference_or_overlap(
    percent: float | None, dice: float | None, cause: VolumeCause | None
) -> None:
    assert find_volume_cause(percent, dice, VolumeLimits()) is cause


def test_contours_are_resolved_signed_by_both_and_count_as_the_consensus(
    project: Project, tmp_path: Path
) -> None:
    lesion = prepare(project)
    assert [pair.cause for pair in lesion.volumes] == [VolumeCause.VOLUME, None]
    with pytest.raises(InputError, match="The contours of 1 cell wait to be resolved"):
        sign_consensus(project, lesion, READERS[0], NOON)
    pair = lesion.open_volumes[0]
    smaller = ResolutionKind.KEEP_A if pair.a.reader == READERS[1] else ResolutionKind.KEEP_B
    with pytest.raises(InputError, match="needs a reason"):
        resolve_contours(project.store, pair, smaller, reason=" ", at=NOON)
    with pytest.raises(InputError, match="no mean"):
        resolve_contours(project.store, pair, ResolutionKind.MEAN, reason="why", at=NOON)
    resolve_contours(project.store, pair, smaller, reason="B includes the disc", at=NOON)
    with pytest.raises(ConflictError, match="Another user resolved"):
        resolve_contours(project.store, pair, smaller, reason="again", at=NOON)
    for signer in READERS:
        sign_consensus(project, prepare(project), signer, NOON)
    complete_lesion = prepare(project)
    assert complete_lesion.is_complete
    timeline = build_lesion_timeline(project.store, complete_lesion.lesion)
    assert timeline.reader == CONSENSUS
    by_day = [cell.measured_volume for cell in timeline.cells if cell.measured_volume]
    (before, after) = (float(volume.volume_cc) for volume in by_day)
    assert after / before == pytest.approx(16 / 36, abs=0.01)
    kinds = [resolution.kind for resolution in project.store.log_of(Resolution)]
    assert kinds == [smaller, ResolutionKind.CONCORDANT]
    assert not verify(project.store).faults
    own = [o for o in project.store.log_of(VolumeReading) if o.reader != CONSENSUS]
    assert len(own) == 4  # both reads stay
    project.store.add_to_log(
        [Unblinding(signed_by=READERS[0], reason="done", statement="I lift it.", recorded_at=NOON)]
    )
    summary = export_reports(project.store, tmp_path / "sr", ReportToWrite(), RULES, NOON)
    assert summary.warnings == ()  # the consensus names both reads as its predecessors
    by_reader = Counter(report.reader for report in summary.reports)
    assert by_reader == {CONSENSUS: 3, READERS[0]: 2, READERS[1]: 2}


def test_new_contours_replace_both_and_lie_on_the_time_point(project: Project) -> None:
    lesion = prepare(project)
    pair, other_pair = lesion.volumes
    new_contours = [
        Contour(
            sop_instance_uid=contour.sop_instance_uid, frame_number=contour.frame_number,
            points=square(5.0),
        )
        for contour in pair.a.contours
    ]  # fmt: skip
    elsewhere = [
        Contour(sop_instance_uid=contour.sop_instance_uid, points=square(5.0))
        for contour in other_pair.a.contours
    ]
    for contours, words in ((elsewhere, "another time point"), ([], "Draw the new contours")):
        with pytest.raises(InputError, match=words):
            resolve_contours(
                project.store, pair, ResolutionKind.NEW, reason="why", at=NOON, contours=contours
            )
    resolve_contours(
        project.store, pair, ResolutionKind.NEW, reason="edge", at=NOON, contours=new_contours
    )
    (resolved_pair,) = [p for p in prepare(project).volumes if p.resolution is not None]
    assert resolved_pair.result is not None
    assert resolved_pair.result.contours == tuple(new_contours)
    assert resolved_pair.result_cc is not None
    assert resolved_pair.comparison.second_cc is not None
    result = CliRunner().invoke(cli, ["consensus", "list", "--project", str(project.folder)])
    assert f"new: {resolved_pair.result_cc:.2f} cc" in result.output
    words = ["consensus", "list", "--json", "--project", str(project.folder)]
    (record,) = json.loads(CliRunner().invoke(cli, words).output)
    results_cc = [volume["result_cc"] for volume in record["volumes"] if volume["resolution"]]
    assert results_cc == [resolved_pair.result_cc]


def test_new_contours_have_no_t2_ratio_and_say_so_where_a_reader_drew_a_reference(
    project: Project,
) -> None:
    (pair,) = prepare(project).open_volumes
    image = pair.a.contours[0]
    reference = ReferenceVertebra(
        level="C3", contours=(attrs.evolve(image, points=square(2.0, 6.5, 8.5)),)
    )
    own = attrs.evolve(pair.a, reading_id="with reference", reference=reference)
    project.store.add_readings([own])
    project.store.add_signature(
        sign_drafts([], frozenset(), contours=[own], statement="Done.", at=NOON)
    )
    (pair,) = prepare(project).open_volumes
    contours = [attrs.evolve(contour, points=square(5.0)) for contour in pair.a.contours]
    resolve_contours(
        project.store, pair, ResolutionKind.NEW, reason="edge", at=NOON, contours=contours
    )
    for signer in READERS:
        sign_consensus(project, prepare(project), signer, NOON)
    refusals = {ratio.reading.reader: ratio.refusal for ratio in list_ratios(project.store)}
    assert refusals.keys() == {own.reader, CONSENSUS}
    assert refusals[CONSENSUS].startswith("New consensus contours have no reference vertebra")
    cohort = add_ratios(assess_project_cohort(project, RULES), project)
    (warning,) = (own for own in cohort.warnings if own.name is WarningName.NO_T2_RATIO)
    assert "has no T2 ratio: New consensus contours" in warning.sentence


def test_new_contours_lie_on_a_study_that_was_imported_again_under_another_date(
    tmp_path: Path,
) -> None:
    with open_project(make_study(tmp_path)) as project:
        declare(project, tmp_path)
        visit = tmp_path / "again"  # the second visit as another hospital imported it, with STIR
        headers = {"PatientID": "P1", "PatientName": "Name^P1", "StudyDate": "20240901",
                   "AcquisitionDate": "20240501", "FrameOfReferenceUID": "1.2.9.1.2"}  # fmt: skip
        write_study(visit, T1, study="92", seed=1, **headers)
        write_study(visit, STIR, study="92", seed=7, **headers)
        index(project, [visit], workers=1)
        for reader, side in zip(READERS, (6.0, 4.0), strict=True):
            draw_and_sign(project, "LP1", reader, [*[6.0] * 5, side])
        (pair,) = prepare(project).open_volumes
        series = find_series(pair.a, project.store.get_volumes())
        assert series is not None
        assert series.study_date == date(2024, 9, 1)
        assert pair.cell == (date(2024, 5, 1), SeriesRole.STIR)
        resolve_contours(
            project.store, pair, ResolutionKind.NEW, reason="edge", at=NOON,
            contours=pair.a.contours,
        )  # fmt: skip
        assert not prepare(project).open_volumes


def test_an_amendment_opens_the_pair_again(project: Project) -> None:
    pair = prepare(project).open_volumes[0]
    resolve_contours(project.store, pair, ResolutionKind.KEEP_A, reason="edge", at=NOON)
    assert not prepare(project).open_volumes
    draw_and_sign(project, "LP1", READERS[1], [6.0, 3.0])
    with pytest.raises(ConflictError, match="amended"):
        resolve_contours(project.store, pair, ResolutionKind.KEEP_B, reason="edge", at=NOON)
    (opened_pair,) = prepare(project).open_volumes
    assert opened_pair.resolution is None
