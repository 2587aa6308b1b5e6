"""The fit review without a screen: which fit, how it is shown, and what a reader decides.

The window calls a method for each wish and then shows what the presenter holds. Each decision is
in the store when its method returns.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Final

import numpy as np
from attrs import evolve

from opp_mri.domain.alignment import AlignmentDecision, FitDecision
from opp_mri.domain.registration import Verdict
from opp_mri.errors import InputError, OppMriError
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.align_review import (
    FitImages,
    ReviewItem,
    build_review_queue,
    fit_images,
    update_decisions,
)
from opp_mri.workflow.registration.decisions import decide
from opp_mri_napari.fits.words import write_title
from opp_mri_napari.shared.work import ImageCache, Job, Save

LOOKED_AT_S: Final = 1.0  # a fit is confirmed by looking at it, not by a key that came too early
ALL_DECIDED: Final = "All fits are decided: close this window."
REJECTING: Final = "Write the reason for the rejection, then press Enter."

KEY_SHEET: Final = (
    ("C", "confirm the fit: it then transfers points and links panes"),
    ("R", "reject the fit, with a reason: it transfers nothing"),
    ("Enter", "record the decision that waits for its reason"),
    ("Space", "blink: baseline, follow-up, baseline …"),
    ("O", "back to the overlay of both"),
    ("B", "follow-up by the fit, or by its header (before)"),
    ("Up, Down, wheel", "next and previous slice of the baseline"),
    ("Ctrl + wheel, drag", "zoom, move"),
    ("N, Shift + N", "next and previous fit, without a decision"),
    ("Esc", "leave the reason, the key sheet or the blinking"),
    ("F2", "napari's layer list and controls"),
    ("F1 or ?", "this key sheet"),
)

Write = Callable[[Callable[[], AlignmentDecision]], AlignmentDecision]
"""Runs what writes a decision, and returns the decision."""


class View(StrEnum):
    """What of a fit is drawn."""

    OVERLAY = "overlay"
    BASELINE = "baseline"
    FOLLOWUP = "follow-up"


def _get_time() -> datetime:
    return datetime.now(UTC)


class FitReviewPresenter:
    """A reader's way through the fits of a project.

    Parameters
    ----------
    project
        Open, and kept open by whoever opened it.
    reader
        Who decides.
    lesion_ids
        Only the fits of these lesions; all where it is empty.
    fit_ids
        Further fits to offer, such as those that were made before the lesion was added.
    write
        Runs what writes a decision; a room counts the decision as its own.
    clock
        Gives the time at which a decision is recorded.
    stopwatch
        Gives seconds: a fit is on screen for a moment before it can be confirmed.

    Attributes
    ----------
    items, position
        The fits and the place of the current one. Their order stays for the whole session.
    view, by_fit, slice_index
        How the current fit is shown.
    pending
        The decision that waits for a reason, or None.
    warning, notice
        What went wrong, in plain words, and what was done last; "" for nothing.
    show_keys
        Whether the key sheet is up.

    Raises
    ------
    InputError
        There is no fit to review, or no reader's name.
    UnknownError
        There is no such lesion.
    """

    def __init__(
        self,
        project: Project,
        reader: str,
        lesion_ids: Sequence[str] = (),
        *,
        fit_ids: Sequence[str] = (),
        write: Write = lambda run: run(),
        clock: Callable[[], datetime] = _get_time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        queue = build_review_queue(project.store, lesion_ids, fit_ids)
        if not reader.strip():
            raise InputError("No reader is named: give your name with --reader.")
        if not queue.items:
            raise InputError("There are no fits to review: run `opp-mri align` first.")
        self._project, self._reader, self._clock = project, reader.strip(), clock
        self._stopwatch, self._write = stopwatch, write
        self._cache: ImageCache[FitImages] = ImageCache()
        self._shown_at: float | None = None
        self.items = list(queue.items)
        self.position = 0
        self.view, self.by_fit, self.slice_index = View.OVERLAY, True, 0
        self.pending: FitDecision | None = None
        self._warning = self.notice = ""
        self.show_keys = False
        if queue.not_lined_up:
            count = queue.not_lined_up
            subject = "One pair of series has" if count == 1 else f"{count} pairs of series have"
            self.notice = (
                f"{subject} no fit at the lesion yet: Shift+F in the reading room, or `opp-mri "
                "align`, makes one."
            )

    @property
    def current(self) -> ReviewItem:
        """The fit that is looked at."""
        return self.items[self.position]

    @property
    def undecided(self) -> int:
        """How many fits nobody has decided about."""
        return sum(not item.decisions for item in self.items)

    @property
    def images(self) -> FitImages | None:
        """The images of the current fit, or None as long as they are not there."""
        return self._cache.get(self._fit_id)

    @property
    def warning(self) -> str:
        """What went wrong with the last wish, or with the images of this fit."""
        if self._warning:
            return self._warning
        failure = self._cache.failures.get(self._fit_id)
        return f"The images of this fit cannot be shown. {failure}" if failure else ""

    @property
    def slices(self) -> int:
        """How many slices the baseline has; 0 as long as it is not there."""
        return self.images.grid.shape_kji[0] if self.images else 0

    # What is shown

    def get_next_job(self) -> Job | None:
        """Return the images to load next: those of the current fit, then of the one after it."""
        ahead = self._find_next_undecided()
        places = [self.position] if ahead is None else [self.position, ahead]
        fits = [self.items[place].alignment for place in places]
        self._cache.want_images({fit.fit_id for fit in fits})
        next_fit = next((fit for fit in fits if self._cache.is_open(fit.fit_id)), None)
        if next_fit is None:
            return None
        load = partial(fit_images, self._project.store, next_fit)
        job = self._cache.build_job(next_fit.fit_id, load, _measure_size_bytes)

        def take(images: FitImages) -> None:
            job.take(images)
            if next_fit.fit_id == self._fit_id:
                self._to_centre()

        return evolve(job, take=take)

    def notice_shown(self) -> None:
        """Note that the images of the current fit are on screen now."""
        if self._shown_at is None and self.images is not None:
            self._shown_at = self._stopwatch()

    def blink(self) -> None:
        """Show the baseline alone, and then follow-up and baseline by turns."""
        self.view = View.FOLLOWUP if self.view is View.BASELINE else View.BASELINE

    def show_overlay(self) -> None:
        """Show both over each other."""
        self.view = View.OVERLAY

    def toggle_before(self) -> None:
        """Show the follow-up by the coordinates of its header, or by the fit again."""
        self.by_fit = not self.by_fit

    def scroll(self, steps: int) -> None:
        """Go some slices on; stop at the first and the last."""
        self.go_to_slice(self.slice_index + steps)

    def go_to_slice(self, index: int) -> None:
        """Go to a slice of the baseline."""
        self.slice_index = max(0, min(index, self.slices - 1))

    def go_to_next(self) -> None:
        """Go to the next fit, after the last to the first."""
        self._go_to(self.position + 1)

    def go_to_previous(self) -> None:
        """Go to the fit before."""
        self._go_to(self.position - 1)

    def toggle_keys(self) -> None:
        """Show or hide the key sheet."""
        self.show_keys = not self.show_keys

    def escape(self) -> None:
        """Leave the reason; or else the key sheet; or else the blinking."""
        if self.pending:
            self.pending, self._warning = None, ""
        elif self.show_keys:
            self.show_keys = False
        else:
            self.show_overlay()

    # What is decided

    def confirm(self) -> None:
        """Confirm the fit, or ask for a reason where it was decided before."""
        if self.current.alignment.fit.verdict is Verdict.FAILED:
            self.pending = None
            self._warning = (
                "This fit failed, so there is nothing to confirm. "
                "R rejects it, N goes to the next one."
            )
        elif self.images is None:
            self._warning = "A fit is confirmed by looking at it, and its images are not shown."
            if failure := self._cache.failures.get(self._fit_id):
                self._warning = f"{self._warning} {failure}"
        elif self._shown_at is None or self._stopwatch() - self._shown_at < LOOKED_AT_S:
            self._warning = "Look at the fit first: count the levels, then press C."
        else:
            self._decide(FitDecision.CONFIRMED)

    def reject(self) -> None:
        """Ask for the reason why the fit is rejected."""
        self.notice = ""
        self._decide(FitDecision.REJECTED)

    def enter(self, reason: str) -> None:
        """Record the decision that waits for its reason; confirm nothing."""
        if self.pending is not None:
            self.give_reason(reason)
        else:
            self.notice = "Enter decides nothing here: C confirms, R rejects, N goes on."

    @property
    def question(self) -> str:
        """What is asked before the decision is recorded; "" where none waits."""
        if self.pending is None:
            return ""
        if self.current.decisions:
            return f"Decided before. Why is it {self.pending.value} now? Enter records."
        return REJECTING

    def give_reason(self, reason: str) -> None:
        """Record the decision that waits for its reason."""
        if self.pending is None:
            return
        if not reason.strip():
            self._warning = "Write the reason, or press Esc to leave it undecided."
            return
        self._record(self.pending, reason.strip())

    def _decide(self, decision: FitDecision) -> None:
        try:
            self.items[self.position] = update_decisions(self._project.store, self.current)
        except OppMriError as error:
            self._warning = str(error)
            return
        if self.current.decisions or decision is FitDecision.REJECTED:
            self.pending, self._warning = decision, ""
        else:
            self._record(decision, "")

    def _record(self, decision: FitDecision, reason: str) -> None:
        again = bool(self.current.decisions)
        try:
            alignment_decision = self._write(
                lambda: decide(
                    self._project.store, self._fit_id, decision,
                    reader=self._reader, reason=reason, at=self._clock(),
                )
            )  # fmt: skip
            self.items[self.position] = update_decisions(self._project.store, self.current)
        except OppMriError as error:  # a reason that was written stays, to be tried again
            self._warning = str(error)
            return
        decision_text = (
            f"{alignment_decision.decision.value.capitalize()}: {write_title(self.current)}, "
        )
        decision_text += f"{self.current.alignment.followup_study_date}."
        ahead = self._find_next_undecided()
        self._go_to(self.position if again or ahead is None else ahead)
        self.notice = decision_text if ahead is not None else f"{decision_text} {ALL_DECIDED}"

    @property
    def _fit_id(self) -> str:
        return self.current.alignment.fit_id

    def _find_next_undecided(self) -> int | None:
        count = len(self.items)
        places = ((self.position + step) % count for step in range(1, count))
        return next((place for place in places if not self.items[place].decisions), None)

    def _go_to(self, place: int) -> None:
        self.position = place % len(self.items)
        self.view, self.by_fit = View.OVERLAY, True
        self.pending, self._warning, self.notice = None, "", ""
        self._shown_at = None
        self._cache.failures.pop(self._fit_id, None)  # the drive may be there again
        self._to_centre()

    def _to_centre(self) -> None:
        if self.images is not None:
            centre = self.images.grid.kji_from_lps(np.asarray(self.current.centre_lps_mm))
            self.go_to_slice(round(float(centre[0])))

    # Decisions are recorded as they are made, so nothing waits to be written

    def get_next_save(self) -> Save | None:
        """Return nothing."""
        return None

    def save_done(self, error: OppMriError | None) -> None:
        """Take nothing."""

    def save_rest(self) -> None:
        """Write nothing."""


def _measure_size_bytes(images: FitImages) -> int:
    return int(images.baseline.nbytes + images.before.nbytes + images.after.nbytes)
