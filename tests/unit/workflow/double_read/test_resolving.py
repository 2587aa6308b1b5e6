"""Two answers become one by what the protocol lets, with a reason, and both stay."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, read_all

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource
from opp_mri.domain.reader_study import Resolution, ResolutionKind
from opp_mri.errors import ConflictError, GeometryError, InputError, UnknownError
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.double_read.consensus import LesionConsensus, Pair, pair_of, prepare_consensus
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.resolving import (
    NewAnswer,
    build_line_answer,
    resolve,
    sign_consensus,
)
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.measuring.timeline import build_lesion_timeline
from opp_mri.workflow.project import Project, open_project

T1, T2FS = SeriesRole.T1, SeriesRole.T2FS
BEFORE, AFTER = date(2024, 1, 15), date(2024, 5, 1)


def second(_lesion: str, cell: Cell) -> float:
    """Three columns less on T1, 6 mm; half a column, within the limits, on T2FS."""
    return 5.0 if cell.sequence is T1 else 7.5


@pytest.fixture(scope="module")
def read_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    with open_project(make_study(folder)) as project:
        declare(project, folder)
        for reader, columns in (("reader-1", lambda *_: 8.0), ("reader-2", second)):
            issued_package = make_package(project, reader, folder / reader, NOON).issued
            read_all(folder / reader, issued_package, columns=columns)
            merge_package(project, folder / reader, NOON, unsealed=True)
    return folder / "project"


@pytest.fixture
def project(read_study: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(copytree(read_study, tmp_path / "project")) as opened_project:
        yield opened_project


def lesion(project: Project) -> LesionConsensus:
    rules = load_project_rules(project)
    (result,) = prepare_consensus(project, rules)
    return result


def pair(project: Project, sequence: SeriesRole = T1, day: date = BEFORE) -> Pair:
    return pair_of([lesion(project)], "LP1", (day, sequence))


def test_pairs_are_open_where_they_differ_and_letters_say_nothing(project: Project) -> None:
    result = lesion(project)
    assert {(item.cell[1], bool(item.discordance)) for item in result.pairs} == {
        (T1, True), (T2FS, False),
    }  # fmt: skip
    assert [item.discordance is not None for item in result.pairs] == [True, True, False, False]
    assert len(result.open_pairs) == 2
    assert result.missing_signatures == ("reader-1", "reader-2")
    discordant_pair = pair(project)
    assert {discordant_pair.a.reader, discordant_pair.b.reader} == {"reader-1", "reader-2"}
    assert discordant_pair.ends is not None
    assert sorted(
        [discordant_pair.ends.anterior_mm, discordant_pair.ends.posterior_mm]
    ) == pytest.approx([0.0, 6.0])
    with pytest.raises(UnknownError, match="does not have two signed answers"):
        pair(project, SeriesRole.STIR)


@pytest.mark.parametrize(
    ("kind", "length"),
    [(ResolutionKind.KEEP_A, "a"), (ResolutionKind.KEEP_B, "b"), (ResolutionKind.MEAN, "13.0")],
)
def test_one_is_kept_or_the_mean_of_the_ends_taken(
    project: Project, kind: ResolutionKind, length: str
) -> None:
    before = list(project.store.get_readings())
    discordant_pair = pair(project)
    reading = resolve(project.store, discordant_pair, kind, reason=" seen ", at=NOON)
    assert (reading.reason, reading.resolved_by) == ("seen", ("reader-1", "reader-2"))
    after = pair(project)
    assert after.result is not None
    expected_mm = {"a": discordant_pair.a.length_mm, "b": discordant_pair.b.length_mm}.get(
        length
    ) or Decimal(length)
    assert after.result.length_mm == expected_mm
    assert after.result.reader == "consensus"
    assert after.result.caliper is not None
    assert project.store.get_readings() == [*before, after.result]


def test_a_new_line_lies_where_it_is_drawn_and_on_this_cell_only(project: Project) -> None:
    discordant_pair = pair(project)
    resolve(project.store, discordant_pair, ResolutionKind.NEW, reason="drawn", at=NOON,
            new=build_line_answer(discordant_pair, ((1.0, 4.0), (4.0, 4.0))))  # fmt: skip
    discordant_pair = pair(project)
    assert discordant_pair.result is not None
    assert discordant_pair.result.length_mm == Decimal("6.0")
    for other_pair in (pair(project, T1, AFTER), pair(project, T2FS)):
        caliper = other_pair.a.caliper
        assert caliper is not None
        row = build_line_answer(
            discordant_pair, ((1.0, 4.0), (4.0, 4.0)), (caliper.sop_instance_uid, 1)
        )
        with pytest.raises((GeometryError, InputError), match=r"another time point|T2FS, not T1"):
            resolve(
                project.store, discordant_pair, ResolutionKind.NEW, reason="drawn", at=NOON, new=row
            )
    with pytest.raises((GeometryError, InputError)):
        resolve(project.store, discordant_pair, ResolutionKind.NEW, reason="drawn", at=NOON,
                new=build_line_answer(discordant_pair, ((1.0, 4.0), (400.0, 4.0))))  # fmt: skip
    with pytest.raises(InputError, match="Give the new line"):
        resolve(project.store, discordant_pair, ResolutionKind.NEW, reason="drawn", at=NOON)
    assert len(project.store.log_of(Resolution)) == 1


def test_an_answer_without_a_line_may_be_what_holds(project: Project) -> None:
    resolve(project.store, pair(project), ResolutionKind.NEW, reason="motion", at=NOON,
            new=NewAnswer(answer=Answer.NOT_MEASURABLE, reason="motion"))  # fmt: skip
    result = pair(project).result
    assert result is not None
    assert (result.answer, result.length_mm) == (Answer.NOT_MEASURABLE, None)
    resolve(project.store, pair(project), ResolutionKind.NEW, reason="gone", at=NOON,
            new=NewAnswer(answer=Answer.GONE))  # fmt: skip
    result = pair(project).result
    assert result is not None
    assert (result.answer, result.length_mm) == (Answer.GONE, Decimal("0.0"))


def test_a_reason_is_needed(project: Project) -> None:
    with pytest.raises(InputError, match="needs a reason"):
        resolve(project.store, pair(project), ResolutionKind.KEEP_A, reason=" ", at=NOON)


def test_the_mean_is_only_of_lines_on_one_image(project: Project) -> None:
    discordant_pair = pair(project)
    assert discordant_pair.b.caliper is not None
    apart = attrs.evolve(discordant_pair.b.caliper, sop_instance_uid="1.2.3")
    other_pair = attrs.evolve(discordant_pair, b=attrs.evolve(discordant_pair.b, caliper=apart))
    with pytest.raises(InputError, match="same image of the same series"):
        resolve(project.store, other_pair, ResolutionKind.MEAN, reason="half", at=NOON)


def test_both_sign_and_what_agrees_becomes_its_mean(project: Project) -> None:
    with pytest.raises(InputError, match="2 discordant answers wait to be resolved"):
        sign_consensus(project, lesion(project), "reader-1", NOON)
    for day in (BEFORE, AFTER):
        resolve(project.store, pair(project, T1, day), ResolutionKind.MEAN, reason="half", at=NOON)
    with pytest.raises(InputError, match="reader-1 and reader-2 sign"):
        sign_consensus(project, lesion(project), "third", NOON)
    sign_consensus(project, lesion(project), "reader-1", NOON)
    assert not [
        reading for reading in get_counted_readings(project.store) if reading.reader == "consensus"
    ]
    with pytest.raises(InputError, match="signed already"):
        sign_consensus(project, lesion(project), "reader-1", NOON)
    sign_consensus(project, lesion(project), "reader-2", NOON)
    assert lesion(project).is_complete
    timeline = build_lesion_timeline(project.store, project.store.get_lesions()[0])
    assert timeline.reader == "consensus"
    lengths = {cell.reading.length_mm for cell in timeline.cells if cell.reading}
    assert lengths == {Decimal("13.0"), Decimal("15.5")}
    kinds = [resolution.kind for resolution in project.store.log_of(Resolution)]
    assert kinds.count(ResolutionKind.CONCORDANT) == 2


def test_a_later_resolution_follows_and_has_to_be_signed_anew(project: Project) -> None:
    for day in (BEFORE, AFTER):
        resolve(project.store, pair(project, T1, day), ResolutionKind.MEAN, reason="half", at=NOON)
    for signer in ("reader-1", "reader-2"):
        sign_consensus(project, lesion(project), signer, NOON)
    resolve(project.store, pair(project), ResolutionKind.KEEP_A, reason="second thought", at=NOON)
    result = lesion(project)
    assert result.missing_signatures == ("reader-1", "reader-2")
    assert [resolution.kind for resolution in project.store.log_of(Resolution)][
        -1
    ] is ResolutionKind.KEEP_A
    timeline = build_lesion_timeline(project.store, project.store.get_lesions()[0])
    lengths_mm = {cell.reading.length_mm for cell in timeline.cells if cell.reading}
    assert lengths_mm == {
        Decimal("13.0"),
        Decimal("15.5"),
    }  # the signed one, until both sign the later


def test_two_lengths_without_points_that_agree_become_their_mean(project: Project) -> None:
    discordant_pair = pair(project, T2FS)
    bare = attrs.evolve(
        discordant_pair,
        a=attrs.evolve(discordant_pair.a, caliper=None, length_source=LengthSource.IMPORTED),
        b=attrs.evolve(discordant_pair.b, caliper=None, length_source=LengthSource.IMPORTED),
    )
    resolve(project.store, bare, ResolutionKind.CONCORDANT, reason="", at=NOON)
    result = project.store.get_readings()[-1]
    assert (result.length_mm, result.length_source) == (Decimal("15.5"), LengthSource.MEAN)


def test_what_was_resolved_meanwhile_is_told_and_not_replaced(project: Project) -> None:
    pair_seen = pair(project)
    resolve(project.store, pair_seen, ResolutionKind.KEEP_A, reason="first", at=NOON)
    with pytest.raises(ConflictError, match="Another user resolved"):
        resolve(project.store, pair_seen, ResolutionKind.KEEP_B, reason="second", at=NOON)
    assert [answer.reason for answer in project.store.log_of(Resolution)] == ["first"]
