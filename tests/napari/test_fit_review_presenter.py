"""Reviewing fits, without a screen: what is asked, refused and recorded."""

import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import attrs
import numpy as np
import pytest
from fixtures.forged_store import rewrite_record
from fixtures.makers import NOON
from opp_mri_napari.fits.presenter import REJECTING, FitReviewPresenter, View
from opp_mri_napari.fits.words import (
    describe_confirming,
    describe_ticks,
    fit_words,
    write_title,
)

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.measurement import LevelConfirmation
from opp_mri.domain.registration import Verdict
from opp_mri.errors import InputError, UnknownError
from opp_mri.store.serial import to_json
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import PhantomSummary
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.seeds import find_lesion_seed_lps_mm, list_confirmed_transforms
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.registration.align_plan import plan
from opp_mri.workflow.registration.align_review import build_review_queue
from opp_mri.workflow.registration.decisions import decide


@pytest.fixture
def presenter(project: Project) -> FitReviewPresenter:
    return FitReviewPresenter(project, "A", clock=lambda: NOON, stopwatch=count().__next__)


def shown(presenter: FitReviewPresenter) -> FitReviewPresenter:
    """Load what the presenter wants, as the window does in its thread, and show it."""
    while (job := presenter.get_next_job()) is not None:
        job.take(job.run())
    presenter.notice_shown()
    return presenter


def reject(presenter: FitReviewPresenter, reason: str = "another level") -> None:
    presenter.reject()
    presenter.enter(reason)


def fit_id(presenter: FitReviewPresenter) -> str:
    return presenter.current.alignment.fit_id


def with_verdict(project: Project, verdict: Verdict) -> None:
    """Return the first fit of the queue another verdict, in the store."""
    first = build_review_queue(project.store).items[0].alignment

    changed_alignment = attrs.evolve(first, fit=attrs.evolve(first.fit, verdict=verdict))
    rewrite_record(project.folder / "opp_mri.sqlite", first.fit_id, to_json(changed_alignment))


def test_the_queue_holds_every_fit_undecided_ones_first_and_the_failed_last(
    project: Project,
) -> None:
    with_verdict(project, Verdict.FAILED)
    before = build_review_queue(project.store).items
    decide(
        project.store, before[0].alignment.fit_id, FitDecision.REJECTED,
        reader="A", reason="", at=NOON,
    )  # fmt: skip
    after = build_review_queue(project.store)
    assert after.not_lined_up == 0
    assert len(after.items) == len(before) == sum(len(task.pairs) for task in plan(project.store))
    assert before[-1].alignment.fit.verdict is Verdict.FAILED
    assert after.items[-1].alignment.fit_id == before[0].alignment.fit_id
    assert [bool(item.decisions) for item in after.items[:-1]] == [False] * (len(before) - 1)


def test_a_confirmed_fit_is_in_the_store_at_once_and_carries_points(
    project: Project, presenter: FitReviewPresenter
) -> None:
    (lesion,) = project.store.get_lesions()
    confirmed_id = fit_id(shown(presenter))
    presenter.confirm()
    (decision,) = project.store.get_alignment_decisions()[confirmed_id]
    assert (decision.decision, decision.reader, decision.recorded_at) == (
        FitDecision.CONFIRMED, "A", NOON,
    )  # fmt: skip
    assert len(list_confirmed_transforms(project.store, lesion)) == 1
    assert fit_id(presenter) != confirmed_id
    assert presenter.notice.startswith("Confirmed: OPP-01, L2, T1")


def test_a_rejected_fit_carries_nothing(project: Project, presenter: FitReviewPresenter) -> None:
    (lesion,) = project.store.get_lesions()
    rejected_id = fit_id(presenter)
    presenter.reject()
    assert presenter.question == REJECTING
    assert project.store.get_alignment_decisions() == {}
    presenter.enter("another level")
    assert project.store.get_alignment_decisions()[rejected_id][-1].decision is FitDecision.REJECTED
    assert list_confirmed_transforms(project.store, lesion) == []


def test_a_fit_is_not_confirmed_before_its_images_are_shown(
    project: Project, presenter: FitReviewPresenter
) -> None:
    presenter.confirm()
    assert project.store.get_alignment_decisions() == {}
    assert "images are not shown" in presenter.warning


def test_a_failed_fit_cannot_be_confirmed_but_rejected(project: Project) -> None:
    with_verdict(project, Verdict.FAILED)
    presenter = FitReviewPresenter(project, "A", clock=lambda: NOON, stopwatch=count().__next__)
    presenter.go_to_previous()
    assert presenter.current.alignment.fit.verdict is Verdict.FAILED
    shown(presenter).confirm()
    assert project.store.get_alignment_decisions() == {}
    assert "nothing to confirm" in presenter.warning
    failed_id = fit_id(presenter)
    reject(presenter)
    assert list(project.store.get_alignment_decisions()) == [failed_id]


def test_a_second_decision_is_recorded_only_with_a_reason(
    project: Project, presenter: FitReviewPresenter
) -> None:
    decided_id = fit_id(shown(presenter))
    presenter.confirm()
    presenter.go_to_previous()
    presenter.reject()
    assert presenter.pending is FitDecision.REJECTED
    presenter.enter("  ")
    assert "Write the reason" in presenter.warning
    assert len(project.store.get_alignment_decisions()[decided_id]) == 1
    presenter.enter("a level too low")
    assert presenter.pending is None
    decisions = project.store.get_alignment_decisions()[decided_id]
    assert [(decision.decision.value, decision.reason) for decision in decisions] == [
        ("confirmed", ""), ("rejected", "a level too low"),
    ]  # fmt: skip
    assert fit_id(presenter) == decided_id
    assert fit_words(presenter.current).decisions[0].endswith("a level too low")


def test_what_another_reader_has_decided_meanwhile_is_not_overruled_without_a_reason(
    project: Project, presenter: FitReviewPresenter
) -> None:
    shown(presenter)
    decide(project.store, fit_id(presenter), FitDecision.REJECTED, reader="B", reason="", at=NOON)
    presenter.confirm()
    assert presenter.pending is FitDecision.CONFIRMED
    assert "by B" in fit_words(presenter.current).decisions[0]
    presenter.escape()
    assert presenter.pending is None
    assert len(project.store.get_alignment_decisions()[fit_id(presenter)]) == 1


def test_a_locked_store_is_said_in_plain_words_and_the_reason_is_kept_to_try_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opp_mri.store.sql.BUSY_TIMEOUT_S", 0.05)
    with open_project(project.folder) as impatient:
        presenter = FitReviewPresenter(impatient, "A", clock=lambda: NOON)
        decided_id = fit_id(presenter)
        reject(presenter)
        presenter.go_to_previous()
        presenter.reject()
        second_connection = sqlite3.connect(project.folder / "opp_mri.sqlite", isolation_level=None)
        second_connection.execute("BEGIN IMMEDIATE")
        presenter.enter("blurred")
        assert "Another program is writing" in presenter.warning
        assert presenter.pending is FitDecision.REJECTED
        second_connection.execute("ROLLBACK")
        second_connection.close()
        presenter.enter("blurred")
        assert presenter.warning == ""
        assert len(impatient.store.get_alignment_decisions()[decided_id]) == 2


def test_missing_images_are_said_in_plain_words_and_tried_again_when_one_comes_back(
    project: Project, presenter: FitReviewPresenter
) -> None:
    job = presenter.get_next_job()
    assert job is not None
    job.failed(InputError("The drive is away."))
    assert presenter.warning == "The images of this fit cannot be shown. The drive is away."
    presenter.confirm()
    assert project.store.get_alignment_decisions() == {}
    presenter.go_to_next()
    assert presenter.warning == ""
    presenter.go_to_previous()
    assert presenter.get_next_job() is not None  # the same again


def test_when_all_is_decided_it_is_said(presenter: FitReviewPresenter) -> None:
    for _ in range(len(presenter.items)):
        assert presenter.undecided
        reject(presenter)
    assert presenter.undecided == 0
    assert presenter.notice.endswith("All fits are decided: close this window.")


def test_blinking_goes_between_baseline_and_follow_up_and_back_to_the_overlay(
    presenter: FitReviewPresenter,
) -> None:
    entries = []
    for _ in range(3):
        presenter.blink()
        entries.append(presenter.view)
    assert entries == [View.BASELINE, View.FOLLOWUP, View.BASELINE]
    presenter.toggle_before()
    assert not presenter.by_fit
    presenter.go_to_next()
    assert (presenter.view, presenter.by_fit) == (View.OVERLAY, True)


def test_a_fit_opens_on_the_slice_of_its_centre_and_scrolling_stops_at_the_ends(
    presenter: FitReviewPresenter,
) -> None:
    shown(presenter)
    assert presenter.images is not None
    centre = np.array(presenter.current.alignment.fit.centre_lps_mm)
    assert presenter.slice_index == round(presenter.images.grid.kji_from_lps(centre)[0])
    presenter.scroll(100)
    assert presenter.slice_index == presenter.slices - 1
    presenter.scroll(-1)
    assert presenter.slice_index == presenter.slices - 2
    presenter.scroll(-100)
    assert presenter.slice_index == 0


def test_the_next_fit_is_loaded_ahead_and_few_images_are_kept(
    presenter: FitReviewPresenter,
) -> None:
    first, second = presenter.get_next_job(), presenter.get_next_job()
    assert first is not None
    assert second is not None
    assert presenter.get_next_job() is None


def test_enter_confirms_nothing_and_a_fit_is_looked_at_before_it_is_confirmed(
    project: Project,
) -> None:
    seconds = 0.0
    presenter = FitReviewPresenter(project, "A", clock=lambda: NOON, stopwatch=lambda: seconds)
    shown(presenter)
    presenter.enter("")
    assert "decides nothing" in presenter.notice
    presenter.confirm()
    assert project.store.get_alignment_decisions() == {}
    assert "Look at the fit first" in presenter.warning
    seconds = 1.0
    presenter.confirm()
    assert len(project.store.get_alignment_decisions()) == 1


def test_fits_of_before_the_lesion_was_added_can_be_reviewed(project: Project) -> None:
    (alignment,) = (a for a in project.store.get_alignments()[:1])
    earlier = attrs.evolve(alignment, fit_id="earlier", lesion_id=None)
    project.store.add_alignments([earlier])
    presenter = FitReviewPresenter(project, "A", ["OPP-01"], fit_ids=["earlier"])
    assert "earlier" in [item.alignment.fit_id for item in presenter.items]


def test_by_the_fit_the_follow_up_lies_on_the_baseline_and_by_its_header_it_does_not(
    presenter: FitReviewPresenter,
) -> None:
    images = shown(presenter).images
    assert images is not None
    assert images.after.shape == images.before.shape == images.baseline.shape

    def likeness(followup: np.ndarray) -> float:
        is_known = np.isfinite(followup)
        return float(np.corrcoef(images.baseline[is_known], followup[is_known])[0, 1])

    assert likeness(images.after) > 0.8 > likeness(images.before) + 0.2


def test_a_project_without_fits_says_to_line_up_first(project: Project) -> None:
    create_project(project.folder / "empty")
    with (
        open_project(project.folder / "empty") as empty,
        pytest.raises(InputError, match="opp-mri align"),
    ):
        FitReviewPresenter(empty, "A")


def test_an_unknown_lesion_and_a_nameless_reader_are_refused(project: Project) -> None:
    with pytest.raises(UnknownError, match="no lesion X"):
        FitReviewPresenter(project, "A", ["X"])
    with pytest.raises(InputError, match="--reader"):
        FitReviewPresenter(project, " ")


# --- what the ticks point at, and what C states


def without_seed(project: Project) -> None:
    lesions = [attrs.evolve(lesion, seed=None) for lesion in project.store.get_lesions()]
    project.store.add_lesions(lesions, NOON)


def test_the_ticks_stand_on_the_seed_of_the_lesion(project: Project) -> None:
    seed = find_lesion_seed_lps_mm(project.store, project.store.get_lesions()[0])
    assert seed is not None
    item = build_review_queue(project.store).items[0]
    assert item.centre_lps_mm == seed[1]
    assert describe_ticks(item) == "ticks: L2"


def test_without_a_seed_they_stand_where_a_reader_confirmed_the_level_or_say_what_they_are(
    project: Project,
) -> None:
    fit_ids = [item.alignment.fit_id for item in build_review_queue(project.store).items]
    without_seed(project)
    item = build_review_queue(project.store, fit_ids=fit_ids).items[0]
    assert item.centre_lps_mm == item.alignment.fit.centre_lps_mm
    assert "no vertebra is marked" in describe_ticks(item)
    frame = item.alignment.fit.baseline_from_followup.to_frame_of_reference_uid
    confirmation = LevelConfirmation(
        lesion_id="OPP-01", reader="A", frame_of_reference_uid=frame,
        point_lps_mm=(1.0, 2.0, 3.0), recorded_at=NOON,
    )  # fmt: skip
    project.store.add_to_log([confirmation])
    item = build_review_queue(project.store, fit_ids=fit_ids).items[0]
    assert item.centre_lps_mm == (1.0, 2.0, 3.0)
    assert describe_ticks(item) == "ticks: L2"


def test_confirming_states_that_levels_were_counted_and_a_failed_fit_offers_no_such_key(
    project: Project,
) -> None:
    item = build_review_queue(project.store).items[0]
    assert describe_confirming(item) == "C states: levels counted, L2 lies on L2."
    failed_item = attrs.evolve(
        item, alignment=attrs.evolve(
            item.alignment, fit=attrs.evolve(item.alignment.fit, verdict=Verdict.FAILED)
        )
    )  # fmt: skip
    assert "nothing to confirm" in describe_confirming(failed_item)


def test_fits_made_before_the_lesion_was_added_have_their_ticks_on_it(
    coarse_phantom: Callable[..., PhantomSummary], tmp_path: Path
) -> None:
    cohort = coarse_phantom("PHANTOM-01")
    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as early:
        index(early, [cohort.dicom], workers=1)
        align_project(early, NOON, workers=1)
        fit_ids = [fit.fit_id for fit in early.store.get_alignments()]
        assert {fit.lesion_id for fit in early.store.get_alignments()} == {None}
        add_lesions(early.store, cohort.lesions, NOON)
        (lesion,) = early.store.get_lesions()
        seed = find_lesion_seed_lps_mm(early.store, lesion)
        assert seed is not None
        presenter = FitReviewPresenter(early, "A", [lesion.lesion_id], fit_ids=fit_ids)
        item = presenter.current
        assert item.centre_lps_mm == seed[1]
        assert describe_ticks(item) == "ticks: L2"
        assert "common field" in write_title(item)
        assert "no fit at the lesion yet: Shift+F in the reading room" in presenter.notice
