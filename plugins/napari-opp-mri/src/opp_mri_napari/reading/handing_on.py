"""What leaves the reading room: key images, and the text to dictate."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from opp_mri.domain.assessment import Rules
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panels.panel_views import TimelineView
from opp_mri_napari.shared.work import Job

if TYPE_CHECKING:
    from opp_mri.workflow.cohort.key_pictures import KeyImages

BLINDED: Final = "Key images and texts are made after unblinding, not in a blinded read."
SHOWN_OF_TEXT: Final = 90  # characters


class HandingOn:
    """Makes what a reader takes along from the open lesion, away from the window.

    Parameters
    ----------
    session, navigation
        What is open.
    rules
        Of the project.
    curve
        Gives the growth curve as it is shown: its category is the one that is handed on.

    Attributes
    ----------
    images, text
        What was made and is not taken yet; None for nothing.
    """

    def __init__(
        self, session: Session, navigation: Navigation, rules: Rules,
        curve: Callable[[], TimelineView],
    ) -> None:  # fmt: skip
        self._session, self._navigation, self._rules = session, navigation, rules
        self._curve = curve
        self.images: tuple[KeyImages, bytes] | None = None
        self.text: str | None = None

    def ask_images(self) -> None:
        """Have the key images of the open lesion made, on the sequence that is shown."""
        lesion = self._open_lesion()
        if lesion is None:
            return
        project, rules, sequence = self._session.project, self._rules, self._navigation.sequence
        view, drafts = self._curve(), _list_drafts(lesion)
        category = view.hidden or view.rule
        if view.category:
            category = f"{view.category}: {view.rule}"

        def run() -> "tuple[KeyImages, bytes]":
            from opp_mri.workflow.cohort.key_pictures import (  # loads matplotlib: a second
                build_draft_key_images,
            )

            images = build_draft_key_images(
                project, lesion.timeline, sequence, rules, category=category, drafts=drafts
            )
            return images, images.draw_png()

        def take(result: "tuple[KeyImages, bytes]") -> None:
            self._navigation.hint = ""
            self.images = result

        self._navigation.hint = "Drawing the key images …"
        self._session.ask(Job(label="key images", run=run, take=take, failed=self._session.warn))

    def ask_text(self) -> None:
        """Have the text to dictate of the open lesion written."""
        lesion = self._open_lesion()
        if lesion is None:
            return
        project, rules, drafts = self._session.project, self._rules, _list_drafts(lesion)
        unread = any(cell.status is CellStatus.UNREAD for cell in lesion.timeline.cells)
        answer = self._curve().rule if unread else None

        def run() -> str:
            from opp_mri.workflow.assessing.respond import assess_lesion
            from opp_mri.workflow.cohort.dictating import dictate_lesion

            assessed_lesion = assess_lesion(lesion.timeline, rules)
            return dictate_lesion(project, assessed_lesion, answer=answer, drafts=drafts)

        self._session.ask(
            Job(label="text", run=run, take=self._take_text, failed=self._session.warn)
        )

    def take_images(self) -> "tuple[KeyImages, bytes] | None":
        """Return the key images that were made, once, with their picture as PNG."""
        key_images, self.images = self.images, None
        return key_images

    def take_text(self) -> str | None:
        """Return the text that was written, once."""
        text, self.text = self.text, None
        return text

    def _take_text(self, text: str) -> None:
        self.text = text
        excerpt = text if len(text) <= SHOWN_OF_TEXT else f"{text[:SHOWN_OF_TEXT]}…"
        self._navigation.hint = f"Copied: {excerpt}"

    def _open_lesion(self) -> RoomLesion | None:
        lesion = self._session.lesion
        if self._session.blinding is not None:
            self._navigation.hint = BLINDED
            return None
        if lesion is None:
            self._navigation.hint = "No lesion is open."
        return lesion


def _list_drafts(lesion: RoomLesion) -> frozenset[str]:
    drafts = {entry.reading_id for entry in lesion.log if entry.draft}
    drafts |= {entry.reading_id for entry in lesion.contours if entry.draft}
    return frozenset(drafts) - lesion.settled
