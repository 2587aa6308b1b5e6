"""Which vertebra a pane shows: known by a seed, a fit, a point, or the reader's own word."""

from collections.abc import Mapping, Sequence
from typing import Final

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import LevelConfirmation
from opp_mri.domain.registration import Verdict
from opp_mri.workflow.measuring.seeds import Phase, determine_phase
from opp_mri.workflow.reading_room.room import LevelSource, RoomLesion
from opp_mri.workflow.registration.links import FitNote
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.panes import Pane, Panes, find_middle

BY_READER: Final = "level confirmed by you"
KNOWN: Final = {
    LevelSource.SEED: "",
    LevelSource.FIT: "",
    LevelSource.READER: f"{BY_READER}: scrolling only, no ghost",
    LevelSource.POINT: "linked by a point that you marked: scrolling only, no ghost",
}


class Levels:
    """Looks at the lesion's vertebra in each pane, as far as it is known there.

    Attributes
    ----------
    proposed
        Where fits that wait for a decision would put it, by frame of reference; empty where none
        is looked at.
    """

    def __init__(self, session: Session, panes: Panes) -> None:
        self._session, self._panes = session, panes
        self.proposed: Mapping[str, Vector3] = {}

    def find_known(self, pane: Pane) -> tuple[LevelSource, Vector3] | None:
        """Return where the vertebra is in a pane, and how that is known; None if it is not."""
        lesion = self._session.lesion
        return lesion.find_level(pane.frame) if lesion is not None else None

    def find_in(self, volume: VolumeDescription | None) -> Vector3 | None:
        """Return where the vertebra is in a volume, LPS mm; None where that is not known."""
        lesion = self._session.lesion
        if lesion is None or volume is None:
            return None
        level = lesion.find_level(volume.planes[0].frame_of_reference_uid)
        return level[1] if level is not None else None

    def look(self, pane: Pane) -> None:
        """Look at the vertebra, or at the whole image where nobody has said where it is."""
        level = self.find_known(pane)
        pane.whole = level is None
        if level is not None:
            pane.look_at(level[1])
        elif pane.volume is not None:
            pane.look_at(find_middle(pane.volume))

    def confirm(self, pane: Pane, point_lps_mm: Vector3) -> str:
        """Take the reader's word that a point of a pane lies in the lesion's vertebra.

        Returns
        -------
        str
            What cannot be kept, and why; "" where it is kept.
        """
        session, lesion = self._session, self._session.lesion
        if lesion is None:
            return "Add a lesion first (Shift+A): a level belongs to one."
        if not pane.frame:
            return "This series names no frame of reference: its level cannot be kept."
        session.confirm_level(
            LevelConfirmation(
                lesion_id=lesion.lesion.lesion_id, reader=session.reader,
                frame_of_reference_uid=pane.frame, point_lps_mm=point_lps_mm,
                recorded_at=session.clock(),
            )
        )  # fmt: skip
        if session.lesion is not None:
            self._panes.linking = session.lesion.links.find_linking
        for other_pane in self._panes.panes:
            if other_pane is pane or (other_pane.whole and self.find_known(other_pane) is not None):
                self.look(other_pane)
        return ""

    def write_sentence(self, pane: Pane) -> str:
        """State how a pane is linked to where the lesion is known; "" where that needs no word."""
        lesion = self._session.lesion
        if lesion is None or pane.volume is None:
            return ""
        level = self.find_known(pane)
        rejected_fits = [
            fit for fit in self.find_fits(pane)
            if fit.decision is FitDecision.REJECTED and fit.sequence is pane.sequence
        ]  # fmt: skip
        if level is not None and level[0] is LevelSource.FIT and rejected_fits:
            return (
                f"{_describe_rejection(rejected_fits, lesion)}: another sequence's fit links this"
            )
        if level is not None:
            is_plain = level[0] is LevelSource.READER and self._needs_no_word_on_ghosts(pane)
            return BY_READER if is_plain else KNOWN[level[0]]
        if pane.frame in self.proposed:
            return "fit waits: count levels, Shift+V confirms"
        fits = self.find_fits(pane)
        is_before = determine_phase(lesion.lesion, pane.study_date) is Phase.BEFORE
        if self._session.blinding is not None or (is_before and not fits):  # fits start there
            return f"level not confirmed: V on {lesion.lesion.level} confirms"
        # the key first: a narrow pane cuts the end
        return f"level not confirmed (V): {_describe_fits(fits, lesion)}"

    def _needs_no_word_on_ghosts(self, pane: Pane) -> bool:
        """Return whether a confirmed fit carries the lesion too, or the read is blinded."""
        lesion = self._session.lesion
        if self._session.blinding is not None or lesion is None or lesion.anchor is None:
            return True
        return lesion.links.find_carrying(pane.frame, lesion.anchor[0]) is not None

    def find_fits(self, pane: Pane) -> tuple[FitNote, ...]:
        """Return the fits of a pane's frame of reference."""
        lesion, patient = self._session.lesion, self._session.patient
        links = lesion.links if lesion else patient.links if patient else None
        return links.fits.get(pane.frame, ()) if links is not None else ()


def _describe_rejection(rejected_fits: Sequence[FitNote], lesion: RoomLesion) -> str:
    """State who rejected the latest of some fits."""
    fit = rejected_fits[-1]
    name = "you" if fit.reader == lesion.timeline.reader else fit.reader
    return f"{name} rejected the {fit.sequence.value} fit"


def _describe_fits(fits: tuple[FitNote, ...], lesion: RoomLesion) -> str:
    """Describe what fits there are: rejected ones, and those that wait for a decision."""
    rejected_fits = [fit for fit in fits if fit.decision is FitDecision.REJECTED]
    open_fits = [fit for fit in fits if fit.decision is None and fit.verdict is not Verdict.FAILED]
    words = []
    if rejected_fits:
        words.append(_describe_rejection(rejected_fits, lesion))
    if open_fits:
        best = min(open_fits, key=lambda fit: list(Verdict).index(fit.verdict))
        key = "Shift+V" if best.verdict is Verdict.GOOD and not rejected_fits else "F"
        doubt = "" if best.verdict is Verdict.GOOD else f"{best.verdict.value} "
        words.append(f"{doubt}{best.sequence.value} fit waits, {key}")
    elif not rejected_fits:
        words.append("the fit failed, F shows it" if fits else "no fit, Shift+F aligns")
    return "; ".join(words)
