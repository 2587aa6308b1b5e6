"""The T2 ratio: computed from the images of signed contours, or refused with the reason."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
from fixtures.contour_makers import contours_on, square
from fixtures.makers import NOON, make_lesion
from fixtures.small_study import make_study

from opp_mri.dicom.volume import load_stack
from opp_mri.domain.contour import ReferenceVertebra, VolumeReading, find_volume_reading_faults
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import VERTEBRAE
from opp_mri.errors import GeometryError
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.contours import draft_contours
from opp_mri.workflow.measuring.edits import sign_drafts, undo_contours
from opp_mri.workflow.measuring.signal_ratio import (
    ReadingRatio,
    explain_no_ratio,
    explain_no_reference,
    list_irradiated_levels,
    list_ratios,
    list_reference_levels,
)
from opp_mri.workflow.measuring.timeline import build_draft_timeline
from opp_mri.workflow.project import Project, open_project

FAR = ReferenceVertebra(level="L5", contours=())


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with open_project(make_study(tmp_path)) as opened_project:
        yield opened_project


def cell_of(project: Project, sequence: SeriesRole = SeriesRole.T2FS) -> Cell:
    (lesion,) = project.store.get_lesions()
    cells = build_draft_timeline(project.store, lesion, "A").cells
    return next(cell for cell in cells if cell.sequence is sequence)


def draw(project: Project, level: str, cell: Cell, *, sign: bool = True) -> VolumeReading:
    """Draw a lesion of 4 by 4 pixels on three slices, and a reference of 2 by 2 on one."""
    assert cell.volume is not None
    reference = contours_on(cell, [square(2.0, 6.5, 8.5)], [1])
    reading = draft_contours(
        (cell.study_date, cell.sequence), "LP1", cell.volume, contours_on(cell, [square(4.0)]),
        reference=ReferenceVertebra(level=level, contours=tuple(reference)), reader="A", at=NOON,
    )  # fmt: skip
    project.store.add_readings([reading])
    if sign:
        project.store.add_signature(
            sign_drafts([], frozenset(), contours=[reading], statement="Done.", at=NOON)
        )
    return reading


def measure(project: Project) -> ReadingRatio:
    (ratio,) = list_ratios(project.store, "LP1")
    return ratio


def test_the_ratio_is_that_of_the_mean_signals_and_only_signed_contours_count(
    project: Project,
) -> None:
    cell = cell_of(project)
    draw(project, "L5", cell, sign=False)
    assert list_ratios(project.store) == []
    draw(project, "L5", cell)
    assert cell.volume is not None
    uids = {frame.sop_instance_uid for frame in cell.volume.frames}
    voxels = load_stack(cell.volume, project.store.get_sources_of(uids)).astype(float)
    lesion_mean, reference_mean = voxels[:3, 2:6, 2:6].mean(), voxels[1, 9:11, 7:9].mean()
    reading_ratio = measure(project)
    assert (reading_ratio.level, reading_ratio.refusal) == ("L5", "")
    assert reading_ratio.ratio is not None
    assert reading_ratio.ratio.ratio == pytest.approx(lesion_mean / reference_mean)
    assert reading_ratio.ratio.lesion_mean == pytest.approx(lesion_mean)
    assert (reading_ratio.ratio.lesion_pixels, reading_ratio.ratio.reference_pixels) == (48, 4)


def test_a_level_that_was_irradiated_is_refused_also_where_that_is_known_later(
    project: Project,
) -> None:
    (lesion,) = project.store.get_lesions()
    draw(project, "T8", cell_of(project))
    assert not measure(project).refusal
    later = make_lesion("L2P1", patient_id="P1", level="T9", tracking_uid="2.25.99")
    project.store.add_lesions([later], NOON)
    assert list_irradiated_levels(project.store, "P1") == {lesion.level, "T9"}
    reading_ratio = measure(project)
    assert reading_ratio.ratio is None
    assert reading_ratio.refusal.startswith("T8 borders on T9, which was irradiated")


def test_a_sequence_that_is_not_t2_weighted_is_refused(project: Project) -> None:
    draw(project, "L5", cell_of(project, SeriesRole.T1))
    assert measure(project).refusal.startswith("T1 is not T2-weighted")


def test_contours_on_different_series_are_refused_when_drawn_and_when_measured(
    project: Project,
) -> None:
    cell, t1_cell = cell_of(project), cell_of(project, SeriesRole.T1)
    assert cell.volume is not None
    elsewhere = ReferenceVertebra(
        level="L5", contours=tuple(contours_on(t1_cell, [square(2.0, 6.5, 8.5)], [1]))
    )
    with pytest.raises(GeometryError, match="another series"):
        draft_contours(
            (cell.study_date, cell.sequence), "LP1", cell.volume,
            contours_on(cell, [square(4.0)]), reference=elsewhere, reader="A", at=NOON,
        )  # fmt: skip
    reading = attrs.evolve(draw(project, "L5", cell), reference=elsewhere)
    assert "different series" in explain_no_ratio(reading, None, {"L2"})


def test_contours_on_a_series_of_another_visit_are_refused_in_words(project: Project) -> None:
    cell, later_cell = (
        cell
        for cell in build_draft_timeline(project.store, project.store.get_lesions()[0], "A").cells
        if cell.sequence is SeriesRole.T2FS
    )
    assert cell.volume is not None
    with pytest.raises(
        GeometryError, match=f"is of {cell.study_date}, not of {later_cell.study_date}"
    ):
        draft_contours(
            (later_cell.study_date, later_cell.sequence), "LP1", cell.volume,
            contours_on(cell, [square(4.0)]), reader="A", at=NOON,
        )  # fmt: skip
    copy = attrs.evolve(cell.volume, duplicate_of="another", study_date=later_cell.study_date)
    assert draft_contours(  # its date is that of its original
        (cell.study_date, cell.sequence), "LP1", copy, contours_on(cell, [square(4.0)]),
        reader="A", at=NOON,
    ).contours  # fmt: skip


def test_pixels_that_are_gone_are_named_as_the_reason(project: Project, tmp_path: Path) -> None:
    draw(project, "L5", cell_of(project))
    for path in (tmp_path / "dicom").rglob("*"):
        if path.is_file():
            path.unlink()
    reading_ratio = measure(project)
    assert reading_ratio.ratio is None
    assert reading_ratio.refusal


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (attrs.evolve(FAR, level="L9"), "is no vertebra"),
        (FAR, "has contours"),
    ],
)
def test_a_reference_that_says_nothing_is_a_fault(
    project: Project, reference: ReferenceVertebra, words: str
) -> None:
    sound = draw(project, "L5", cell_of(project), sign=False)
    assert sound.reference is not None
    contours = sound.reference.contours if "vertebra" in words else ()
    forged_reading = attrs.evolve(sound, reference=attrs.evolve(reference, contours=contours))
    (fault,) = find_volume_reading_faults(forged_reading)
    assert words in fault
    crossing = attrs.evolve(sound.reference, contours=sound.contours[:1])
    assert "cross or touch" in find_volume_reading_faults(
        attrs.evolve(sound, reference=crossing)
    )[0]  # fmt: skip


def test_an_undo_takes_the_reference_back_too(project: Project) -> None:
    first = draw(project, "L5", cell_of(project), sign=False)
    back = undo_contours([first], frozenset(), NOON)
    assert back is not None
    assert (back.contours, back.reference) == ((), None)
    bare = attrs.evolve(first, reading_id="other", reference=None)
    assert not first.has_equal_contours(bare)
    assert np.isfinite(first.all_contours[-1].points).all()


def test_the_nearest_vertebrae_that_do_not_border_on_a_treated_one_come_first() -> None:
    assert list_reference_levels("L2", {"L2"})[:4] == ("T12", "L4", "T11", "L5")
    assert list_reference_levels("L2", {"L2", "T12"})[:3] == ("L4", "L5", "T10")


@pytest.mark.parametrize(
    ("level", "treated_levels", "words"),
    [
        ("L2", {"L2"}, "L2 was irradiated"),
        ("L3", {"L2"}, "L3 borders on L2"),
        ("L1", {"T12"}, "L1 borders on T12"),  # where nobody speaks of a T13
        ("L4", {"L2"}, ""),
        ("S1", {"L5"}, "S1 borders on L5"),
        ("T10", {"L2", "T9"}, "T10 borders on T9"),
    ],
)
def test_a_vertebra_that_was_irradiated_or_borders_on_one_is_refused_in_words(
    level: str, treated_levels: set[str], words: str
) -> None:
    assert explain_no_reference(level, treated_levels).startswith(words)
    assert bool(explain_no_reference(level, treated_levels)) is bool(words)


def test_no_vertebra_is_levels_that_would_be_refused() -> None:
    for level in VERTEBRAE:
        levels = list_reference_levels(level, {"T5"})
        assert levels
        assert not any(explain_no_reference(vertebra, {level, "T5"}) for vertebra in levels)
