"""Good fits that wait for a decision, looked at in the panes and confirmed together."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import evolve

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Verdict
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri.workflow.registration.decisions import decide
from opp_mri.workflow.registration.links import FitNote
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.shared.work import Job

LOOKED_AT_S: Final = 1.5  # fits are confirmed by looking at them, not by a key that came too early
NONE_WAITS: Final = "No good fit waits here: F shows all fits."
LOOK_FIRST: Final = "Too early: count the levels first."


class WaitingFits:
    """Shows panes along good fits that nobody has decided about, and confirms these fits.

    Shown along such a fit a pane says that it is proposed; nothing is carried, and no ghost is
    drawn, before the reader confirms.

    Parameters
    ----------
    session, panes, navigation
        What is open, how it is looked at, and where the reader is.
    stopwatch
        Gives seconds.
    """

    def __init__(
        self, session: Session, panes: Panes, navigation: Navigation,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._session, self._panes, self._navigation = session, panes, navigation
        self._stopwatch = stopwatch
        self._fits: tuple[FitNote, ...] = ()
        self._opening = -1
        self._since: float | None = None

    @property
    def shown(self) -> bool:
        """Whether panes are shown along fits that wait."""
        return bool(self._fits) and self._opening == self._navigation.openings

    def look_or_confirm(self) -> None:
        """Show panes along the fits that wait; once they were looked at, confirm these fits."""
        if not self.shown:
            self._look()
        elif not self._has_been_shown():
            self._navigation.hint = LOOK_FIRST
        else:
            self._confirm()

    def note_images(self) -> None:
        """Begin to count the time as soon as the images of all these panes are on screen."""
        frames = {_get_frame(fit) for fit in self._fits}
        waits = any(pane.images is None for pane in self._panes.panes if pane.frame in frames)
        if self.shown and self._since is None and not waits:
            self._since = self._stopwatch()

    def leave(self) -> bool:
        """Show the panes as they were; return whether there was anything to leave."""
        if not self.shown:
            return False
        self._forget()
        for pane in self._panes.panes:
            self._navigation.levels.look(pane)
        return True

    def _look(self) -> None:
        lesion = self._session.lesion
        offers = {} if lesion is None else self._list_offers(lesion)
        if lesion is None or not offers:
            self._navigation.hint = NONE_WAITS
            return
        levels = self._navigation.levels
        levels.proposed = {frame: point for frame, (_, point) in offers.items()}
        for pane in self._panes.panes:
            if pane.frame in offers:
                pane.whole = False
                pane.look_at(offers[pane.frame][1])
        self._fits = tuple(fit for fit, _ in offers.values())
        self._opening, self._since = self._navigation.openings, None
        count = f"{len(offers)} fits" if len(offers) > 1 else "one fit"
        self._navigation.hint = f"Count the levels: Shift+V confirms {count}."

    def _list_offers(self, lesion: RoomLesion) -> dict[str, tuple[FitNote, Vector3]]:
        """Return the best fit that waits for each pane of unknown level, and where it puts it."""
        offers: dict[str, tuple[FitNote, Vector3]] = {}
        for pane in self._panes.panes:
            if pane.volume is None or self._navigation.levels.find_known(pane) is not None:
                continue
            fit = self._find_waiting(pane)
            point = None if fit is None else _carry_seed(lesion, fit, pane.frame)
            if fit is not None and point is not None:
                offers[pane.frame] = (fit, point)
        return offers

    def _find_waiting(self, pane: Pane) -> FitNote | None:
        order, fits = list(SeriesRole), self._navigation.levels.find_fits(pane)
        if any(fit.decision is FitDecision.REJECTED for fit in fits):
            return None  # the visit asks for the blinking of the fits' own window
        open_fits = [fit for fit in fits if fit.decision is None and fit.verdict is Verdict.GOOD]
        return min(open_fits, key=lambda fit: order.index(fit.sequence), default=None)

    def _has_been_shown(self) -> bool:
        return self._since is not None and self._stopwatch() - self._since >= LOOKED_AT_S

    def _confirm(self) -> None:
        store, reader, at = self._session.project.store, self._session.reader, self._session.clock()
        fits = self._fits
        self._forget()

        def run() -> int:
            for fit in fits:
                decide(store, fit.fit_id, FitDecision.CONFIRMED, reader=reader, reason="", at=at)
            return len(fits)

        def take(count: int) -> None:
            self._navigation.reload()
            self._navigation.hint = f"{count} fits confirmed." if count > 1 else "Fit confirmed."

        self._session.ask(Job(label="decision", run=run, take=take, failed=self._session.warn))

    def _forget(self) -> None:
        self._fits, self._since = (), None
        self._navigation.levels.proposed = {}


def _get_frame(fit: FitNote) -> str:
    return fit.baseline_from_followup.from_frame_of_reference_uid


def _carry_seed(lesion: RoomLesion, fit: FitNote, frame: str) -> Vector3 | None:
    """Return where a fit that waits would put the lesion's vertebra."""
    if lesion.anchor is None:
        return None
    motion = fit.baseline_from_followup
    trial_links = evolve(
        lesion.links, confirmed=(*lesion.links.confirmed, motion, motion.invert()), by_point=()
    )
    transform = trial_links.find_carrying(frame, lesion.anchor[0])
    if transform is None:
        return None
    x, y, z = transform.apply(np.asarray(lesion.anchor[1])).tolist()
    return (x, y, z)
