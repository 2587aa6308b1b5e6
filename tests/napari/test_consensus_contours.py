"""The consensus room shows two readers' contours as A and B, and keeps one, or new ones."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import attrs
import pytest
from fixtures.contour_makers import draw_and_sign
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study
from opp_mri_napari.consensus.marks import build_pieces
from opp_mri_napari.consensus.new_contours import NewContours
from opp_mri_napari.consensus.presenter import ConsensusPresenter
from opp_mri_napari.consensus.words import list_facts, state, write_title

from opp_mri.domain.contour import ReferenceVertebra, VolumeReading
from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import CONSENSUS, ResolutionKind
from opp_mri.workflow.double_read.volume_consensus import ContourPair
from opp_mri.workflow.project import Project, open_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two readers drew two cells, and differ on both."""
    place = tmp_path_factory.mktemp("consensus")
    with open_project(make_study(place)) as project:
        declare(project, place)
        draw_and_sign(project, "LP1", "reader-1", [6.0, 6.0])
        draw_and_sign(project, "LP1", "reader-2", [4.0, 4.0])
    return place / "project"


@pytest.fixture
def project(folder: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(copytree(folder, tmp_path / "project")) as opened_project:
        yield opened_project


@pytest.fixture
def room(project: Project) -> ConsensusPresenter:
    room = ConsensusPresenter(project, "reader-1", clock=lambda: NOON)
    load(room)
    return room


def load(room: ConsensusPresenter) -> None:
    """Load the images that the room wants."""
    job = room.get_next_job()
    if job is not None:
        job.take(job.run())


def test_both_are_shown_unnamed_with_volume_overlap_and_distance(room: ConsensusPresenter) -> None:
    facts = dict(list_facts(room.pair))
    assert facts["they differ by"] == "volume"
    assert "cc, 3 contours" in facts["A (solid)"]
    assert 0 < float(facts["Dice coefficient"]) < 1
    outlines = room.get_outlines()
    assert set(outlines) == {"A", "B"}
    assert all(path[0] == path[-1] for paths in outlines.values() for path in paths)
    assert {len(sides) for sides in build_pieces({}, outlines).values()} == {3, 4}  # B is dashed
    texts = [write_title(room.pair), state(room.pair), *map(" ".join, list_facts(room.pair))]
    assert "reader-" not in " ".join(texts)
    assert "no mean" in room.explain_refusal(ResolutionKind.MEAN)
    room.record_answer(Answer.GONE)
    assert "is a volume" in room.banner


def test_a_slice_between_contours_shows_what_is_interpolated_with_gaps(tmp_path: Path) -> None:
    with open_project(make_study(tmp_path)) as project:
        declare(project, tmp_path)
        draw_and_sign(project, "LP1", "reader-1", [6.0], places=(0, 2))
        draw_and_sign(project, "LP1", "reader-2", [4.0])
        room = ConsensusPresenter(project, "reader-1", clock=lambda: NOON)
        load(room)
        sparse_reading = room.pair.a if len(room.pair.a.contours) == 2 else room.pair.b
        letter = "A" if sparse_reading is room.pair.a else "B"
        room.images.scroll(-9)
        assert [len(path) for path in room.get_outlines()[letter]] == [5]  # a closed square
        room.images.scroll(1)
        sides = room.get_outlines()[letter]
        assert {len(path) for path in sides} == {2}
        assert len(build_pieces({}, {letter: sides})[letter]) == len(sides) > 1
        room.images.scroll(2)
        assert letter not in room.get_outlines()  # beyond the last contour


def test_one_is_kept_and_then_new_contours_are_drawn_by_clicks(
    room: ConsensusPresenter, project: Project
) -> None:
    room.propose(ResolutionKind.KEEP_B)
    room.record("A includes the disc")
    assert "Recorded: keep B" in room.notice
    load(room)
    room.draw()
    image = room.images.get_shown()
    assert image is not None
    middle = image.geometry.screen_from_pixel((5.0, 5.0))
    for _ in range(2):
        room.images.scroll(-9)
    for place in range(2):
        for n in range(6):
            angle = 2 * math.pi * n / 6
            room.click((middle[0] + 5 * math.sin(angle), middle[1] + 5 * math.cos(angle)))
        assert "new" in room.get_outlines()
        room.record("")  # Enter closes the contour
        assert not room.banner
        assert len(room.new_contours.contours) == place + 1
        room.images.scroll(1)
    room.leave()
    assert len(room.new_contours.contours) == 1
    room.record("")  # and proposes them
    assert room.proposal is not None
    assert re.fullmatch(
        r"new contours in place of A and B, 0\.\d\d cc, 1 contour; 3 give a standard error",
        room.proposal.words,
    )
    room.record("drawn together")
    assert not room.lesion.has_open
    room.sign()
    assert "reader-2 has to sign too" in room.notice

    readings = [o for o in project.store.log_of(VolumeReading) if o.reader == CONSENSUS]
    assert sorted(len(reading.contours) for reading in readings) == [1, 3]


def test_new_contours_are_said_to_lose_a_reference_vertebra(room: ConsensusPresenter) -> None:
    load(room)
    image, pair = room.images.get_shown(), room.pair
    assert image is not None
    assert isinstance(pair, ContourPair)
    new_contours = NewContours(contours=list(pair.a.contours))
    assert "T2 ratio" not in new_contours.describe(image.volume, pair)
    reference = ReferenceVertebra(level="C3", contours=pair.a.contours[:1])
    with_reference = attrs.evolve(pair, b=attrs.evolve(pair.b, reference=reference))
    words = new_contours.describe(image.volume, with_reference)
    assert words.endswith("; no reference vertebra, so no T2 ratio")
