"""The consensus room: with keys and clicks two signed reads become one, and both stay."""

from collections.abc import Callable, Iterator
from math import dist
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from fixtures.demo_read_twice import adjudicated
from fixtures.makers import NOON
from fixtures.two_reads import Ends, read_package, true_lines
from opp_mri_napari.consensus.presenter import ConsensusPresenter, ScreenPoint
from opp_mri_napari.consensus.words import list_facts, state, write_title

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import Resolution, ResolutionKind
from opp_mri.errors import InputError
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.protocol import EXAMPLE, declare_protocol
from opp_mri.workflow.measuring.timeline import build_lesion_timeline
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.consensus.window import ConsensusWindow
    from pytestqt.qtbot import QtBot
    from qtpy.QtCore import QPoint


def second(_lesion: str, cell: Cell, ends: Ends) -> Ends:
    return (ends[0] - 5, *ends[1:]) if cell.sequence is SeriesRole.T1 else ends


@pytest.fixture(scope="module")
def twice_read(
    coarse_phantom: Callable[..., PhantomSummary], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A coarse phantom patient, read by two; on T1 the second goes further forward."""
    folder = tmp_path_factory.mktemp("consensus")
    cohort = coarse_phantom("PHANTOM-01")
    create_project(folder / "project")
    (folder / "p.toml").write_text(EXAMPLE, encoding="utf-8")
    with open_project(folder / "project") as project:
        index(project, [cohort.dicom], workers=1)
        add_lesions(project.store, cohort.lesions, NOON)
        declare_protocol(project.store, folder / "p.toml")
        for reader, draw in (("reader-1", None), ("reader-2", second)):
            issued_package = make_package(project, reader, folder / reader, NOON).issued
            lines = true_lines(cohort.calipers)
            read_package(folder / reader, issued_package, lines, NOON, *([draw] if draw else []))
            merge_package(project, folder / reader, NOON, unsealed=True)
    return folder / "project"


@pytest.fixture
def study(twice_read: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(copytree(twice_read, tmp_path / "project")) as opened_project:
        yield opened_project


def presenter(study: Project, signer: str = "reader-1") -> ConsensusPresenter:
    return ConsensusPresenter(study, signer, clock=lambda: NOON)


def test_the_first_open_pair_comes_up_unnamed_with_what_differs(study: Project) -> None:
    room = presenter(study)
    assert room.pair.discordance is not None
    facts = dict(list_facts(room.pair))
    assert facts["they differ by"] == "anterior end"
    assert facts["anterior ends"] != "0.0 mm apart"
    assert facts["posterior ends"] == "0.0 mm apart"
    assert set(room.get_lines()) == {"A", "B"}
    texts = " ".join(
        [
            write_title(room.pair),
            state(room.pair),
            room.describe_progress(),
            *map(" ".join, list_facts(room.pair)),
        ]
    )
    assert "reader-" not in texts


def test_a_reason_is_needed_and_a_later_mind_follows_the_earlier_one(study: Project) -> None:
    room = presenter(study)
    cell = room.position
    room.propose(ResolutionKind.KEEP_A)
    room.record("  ")
    assert "needs a reason" in room.banner
    room.record("the edge is clear")
    assert room.position != cell
    room.go_to(cell)
    room.propose(ResolutionKind.MEAN)
    room.record("half of each")
    room.go_to(cell)
    assert [resolution.kind.value for resolution in room.history] == ["A", "mean"]
    lengths = sorted(float(reading.length_mm or 0) for reading in (room.pair.a, room.pair.b))
    assert room.pair.result is not None
    assert lengths[0] < float(room.pair.result.length_mm or 0) < lengths[1]


def test_what_is_not_allowed_is_told(study: Project) -> None:
    with pytest.raises(InputError, match="cannot sign here"):
        presenter(study, "somebody")
    room = presenter(study)
    room.sign()
    assert "wait to be resolved" in room.banner
    room.record_answer(Answer.NOT_MEASURABLE)
    room.record("motion")
    assert room.history == () or room.pair.discordance
    assert [resolution.kind for resolution in study.store.log_of(Resolution)] == [
        ResolutionKind.NEW
    ]


def test_what_is_decided_on_is_on_the_screen(study: Project) -> None:
    room = presenter(study)
    room.images.step_sequence(1)
    assert room.images.get_shown_place() != room.pair.cell
    room.propose(ResolutionKind.KEEP_A)
    assert room.images.get_shown_place() == room.pair.cell


def _pixel_of(window: "ConsensusWindow", point: ScreenPoint) -> "QPoint":
    """Return where on the canvas a point (down, across) in mm is seen."""
    from qtpy.QtCore import QPoint

    canvas, camera = window.viewer.window._qt_viewer.canvas.native, window.viewer.scene.camera
    _, down, across = camera.center
    return QPoint(
        round(canvas.width() / 2 + (point[1] - across) * camera.zoom),
        round(canvas.height() / 2 + (point[0] - down) * camera.zoom),
    )


@pytest.mark.window
def test_by_keys_and_clicks_all_is_resolved_signed_and_counts(
    study: Project, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> None:
    from qtpy.QtCore import Qt

    before = list(study.store.get_readings())
    window = _opened(study, "reader-1", make_napari_viewer, qtbot)
    canvas = window.viewer.window._qt_viewer.canvas.native
    room = window.presenter
    keys = [Qt.Key.Key_A, Qt.Key.Key_B, Qt.Key.Key_M]
    count = len(room.lesion.open_pairs)
    assert count == 5
    for number in range(count - 1):
        qtbot.keyClick(canvas, keys[number % 3])
        line = window.panel.reason.lineEdit()
        assert line is not None
        assert window.panel.reason.isVisible()
        qtbot.keyClicks(line, "seen by both")
        qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)  # another sequence, to compare
    assert room.images.context is not None
    qtbot.keyClick(canvas, Qt.Key.Key_L)
    assert room.images.context is None  # a line is drawn on the image of an answer
    assert room.drawing
    for end in room.get_lines()["A"]:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=_pixel_of(window, end))
        qtbot.wait(600)  # two clicks, not a double click
    lines = room.get_lines()
    mm_a_pixel = 1 / window.viewer.scene.camera.zoom
    for drawn_point, true_point in zip(lines["new"], lines["A"], strict=True):
        assert dist(drawn_point, true_point) < mm_a_pixel
    qtbot.keyClicks(window.panel.reason.lineEdit(), "drawn together")
    qtbot.keyClick(window.panel.reason.lineEdit(), Qt.Key.Key_Return)
    assert not room.lesion.open_pairs
    qtbot.keyClick(canvas, Qt.Key.Key_S)
    assert "reader-2 has to sign too" in window.panel.notice.text()
    window.close()
    second_presenter = presenter(study, "reader-2")
    second_presenter.sign()
    assert "It counts from now on" in second_presenter.notice
    after = list(study.store.get_readings())
    assert after[: len(before)] == before
    assert {reading.reader for reading in after[len(before) :]} == {"consensus"}
    (lesion,) = study.store.get_lesions()
    assert build_lesion_timeline(study.store, lesion).reader == "consensus"


@pytest.mark.window
@pytest.mark.parametrize("by", ["consensus", "adjudicator"])
def test_the_demo_cohort_is_brought_to_one_read_in_the_window(
    by: str, demo_read_twice: Path, tmp_path: Path,
    make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot",
) -> None:  # fmt: skip
    from qtpy.QtCore import Qt

    if by == "adjudicator":
        folder, signers = adjudicated(demo_read_twice, tmp_path / "p"), ["third"]
    else:
        folder, signers = copytree(demo_read_twice, tmp_path / "p"), ["reader-1", "reader-2"]
    with open_project(folder) as study:
        before = list(study.store.get_readings())
        window = _opened(study, signers[0], make_napari_viewer, qtbot)
        canvas = window.viewer.window._qt_viewer.canvas.native
        room, panel = window.presenter, window.panel
        assert "different categories" in panel.facts.text()  # what weighs most comes first
        count = sum(len(lesion.open_pairs) for lesion in room.lesions)
        for _ in range(count):
            mean = panel.buttons[ResolutionKind.MEAN].isEnabled()
            assert mean is (by == "consensus" and room.pair.may_average)
            a_has_line = room.pair.a.caliper is not None
            key = Qt.Key.Key_M if mean else Qt.Key.Key_A if a_has_line else Qt.Key.Key_B
            qtbot.keyClick(canvas, key)
            qtbot.keyClicks(panel.reason.lineEdit(), "the edge is clear")
            qtbot.keyClick(panel.reason.lineEdit(), Qt.Key.Key_Return)
        assert not any(lesion.open_pairs for lesion in room.lesions)
        for _ in room.lesions:
            qtbot.keyClick(canvas, Qt.Key.Key_S)
        assert not any(signers[0] in lesion.missing_signatures for lesion in room.lesions)
        window.close()
        for signer in signers[1:]:
            second_presenter = presenter(study, signer)
            for _ in second_presenter.lesions:
                second_presenter.sign()
            room = second_presenter
        assert all(lesion.is_complete for lesion in room.lesions)
        assert list(study.store.get_readings())[: len(before)] == before
        assert len(study.store.get_readings()) == len(before) * 3 / 2
        readers = {
            build_lesion_timeline(study.store, lesion).reader
            for lesion in study.store.get_lesions()
        }
        assert readers == {"consensus"}


def _opened(
    study: Project, signer: str, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> "ConsensusWindow":
    from opp_mri_napari.consensus.window import ConsensusWindow

    window = ConsensusWindow(make_napari_viewer(show=True), presenter(study, signer))
    scale_bar = window.viewer.canvas.overlays.scale_bar
    assert not scale_bar.visible  # it has no unit before the image is there
    qtbot.waitUntil(window.panel.isVisible)  # a dock is shown by the event loop
    qtbot.waitUntil(lambda: scale_bar.visible, timeout=60_000)
    return window
