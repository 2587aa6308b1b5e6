"""The fit review without a screen: which fit, how it is shown, and what a reader decides.

The window calls a method for each wish and then shows what the presenter holds. Each decision is
in the store when its method returns.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from opp_mri.domain.alignment import Alignment, FitDecision
from opp_mri.domain.registration import Verdict
from opp_mri.errors import InputError, OppMriError
from opp_mri.workflow.project import Project
from opp_mri.workflow.registration.align import decide
from opp_mri.workflow.registration.align_review import (
    FitImages,
    ReviewItem,
    decided_by_now,
    fit_images,
    review_queue,
)
from opp_mri_napari.fits.words import title

MOST_IMAGES_KEPT = 4

KEY_SHEET = (
    ("C or Enter", "confirm the fit: it may carry points and link panes"),
    ("R", "reject the fit: it carries nothing"),
    ("Space", "blink: baseline, follow-up, baseline …"),
    ("O", "back to the overlay of both"),
    ("B", "follow-up by the fit, or by its header (before)"),
    ("Up, Down, wheel", "next and previous slice of the baseline"),
    ("Ctrl + wheel, drag", "zoom, move"),
    ("N, Shift + N", "next and previous fit, nothing decided"),
    ("Esc", "leave the reason, the key sheet or the blinking"),
    ("F2", "napari's layer list and controls"),
    ("F1 or ?", "this key sheet"),
)


class View(StrEnum):
    """What of a fit is drawn."""

    OVERLAY = "overlay"
    BASELINE = "baseline"
    FOLLOWUP = "follow-up"


def _now() -> datetime:
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
    clock
        Gives the time at which a decision is recorded.

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
        clock: Callable[[], datetime] = _now,
    ) -> None:
        queue = review_queue(project.store, lesion_ids)
        if not reader.strip():
            raise InputError("Say with --reader who decides.")
        if not queue.items:
            raise InputError("There are no fits to review: run `opp-mri align` first.")
        self._project, self._reader, self._clock = project, reader.strip(), clock
        self._images: dict[str, FitImages] = {}
        self._failures: dict[str, str] = {}
        self.items = list(queue.items)
        self.position = 0
        self.view, self.by_fit, self.slice_index = View.OVERLAY, True, 0
        self.pending: FitDecision | None = None
        self._warning = self.notice = ""
        self.show_keys = False
        if queue.not_lined_up:
            self.notice = (
                f"{queue.not_lined_up} of {queue.not_lined_up + len(queue.items)} pairs are not "
                "lined up yet: `opp-mri align` does that."
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
        return self._images.get(self._fit_id)

    @property
    def warning(self) -> str:
        """What went wrong with the last wish, or with the images of this fit."""
        return self._warning or self._failures.get(self._fit_id, "")

    @property
    def slices(self) -> int:
        """How many slices the baseline has; 0 as long as it is not there."""
        return self.images.grid.shape_kji[0] if self.images else 0

    # What is shown

    def wanted(self) -> list[Alignment]:
        """Give the fits whose images are to be loaded: the current one, then the one after it."""
        ahead = self._next_undecided()
        places = [self.position] if ahead is None else [self.position, ahead]
        fits = [self.items[place].alignment for place in places]
        known = self._images.keys() | self._failures.keys()
        return [one for one in fits if one.fit_id not in known]

    def load(self, alignment: Alignment) -> FitImages:
        """Load what `wanted` asks for; may run in another thread, changes nothing here."""
        return fit_images(self._project.store, alignment)

    def take_images(self, fit_id: str, images: FitImages) -> None:
        """Take loaded images; the oldest are let go."""
        self._images[fit_id] = images
        while len(self._images) > MOST_IMAGES_KEPT:
            oldest = next(one for one in self._images if one != self._fit_id)
            del self._images[oldest]
        if fit_id == self._fit_id:
            self._to_centre()

    def take_failure(self, fit_id: str, error: OppMriError) -> None:
        """Take that images cannot be had; the fit can still be rejected."""
        self._failures[fit_id] = f"The images of this fit cannot be shown. {error}"

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

    def next(self) -> None:
        """Go to the next fit, after the last to the first."""
        self._go(self.position + 1)

    def previous(self) -> None:
        """Go to the fit before."""
        self._go(self.position - 1)

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
            if failure := self._failures.get(self._fit_id):
                self._warning = f"{self._warning} {failure}"
        else:
            self._decide(FitDecision.CONFIRMED)

    def reject(self) -> None:
        """Reject the fit, or ask for a reason where it was decided before."""
        self._decide(FitDecision.REJECTED)

    def enter(self, reason: str) -> None:
        """Confirm the fit; or, where a decision waits for its reason, record it with that."""
        if self.pending is None:
            self.confirm()
        else:
            self.give_reason(reason)

    def give_reason(self, reason: str) -> None:
        """Record the decision that waits for its reason."""
        if self.pending is None:
            return
        if not reason.strip():
            self._warning = "Write why the earlier decision changes, or press Esc to leave it."
            return
        self._record(self.pending, reason.strip())

    def _decide(self, decision: FitDecision) -> None:
        try:
            self.items[self.position] = decided_by_now(self._project.store, self.current)
        except OppMriError as error:
            self._warning = str(error)
            return
        if self.current.decisions:
            self.pending, self._warning = decision, ""
        else:
            self._record(decision, "")

    def _record(self, decision: FitDecision, reason: str) -> None:
        try:
            made = decide(
                self._project.store,
                self._fit_id,
                decision,
                reader=self._reader,
                reason=reason,
                at=self._clock(),
            )
            self.items[self.position] = decided_by_now(self._project.store, self.current)
        except OppMriError as error:  # a reason that was written stays, to be tried again
            self._warning = str(error)
            return
        done = f"{made.decision.value.capitalize()}: {title(self.current)}, "
        done += f"{self.current.alignment.followup_study_date}."
        ahead = self._next_undecided()
        self._go(self.position if reason or ahead is None else ahead)
        self.notice = done if ahead is not None else f"{done} All fits are decided."

    @property
    def _fit_id(self) -> str:
        return self.current.alignment.fit_id

    def _next_undecided(self) -> int | None:
        count = len(self.items)
        places = ((self.position + step) % count for step in range(1, count))
        return next((place for place in places if not self.items[place].decisions), None)

    def _go(self, place: int) -> None:
        self.position = place % len(self.items)
        self.view, self.by_fit = View.OVERLAY, True
        self.pending, self._warning, self.notice = None, "", ""
        self._failures.pop(self._fit_id, None)  # the drive may be there again
        self._to_centre()

    def _to_centre(self) -> None:
        if self.images is not None:
            centre = self.images.grid.kji_from_lps(
                np.asarray(self.current.alignment.fit.centre_lps_mm)
            )
            self.go_to_slice(round(float(centre[0])))
