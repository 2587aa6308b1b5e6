"""Sign-off: the record that the reader reads is the record that is signed."""

from collections.abc import Callable
from typing import Final

from opp_mri.errors import InputError
from opp_mri.units import format_count
from opp_mri.workflow.measuring.edits import sign_drafts
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.panels.panel_views import SignOffView

CHANGED: Final = (
    "These answers have changed since they were listed: read the list again, then sign."
)


class Signing:
    """Signs the listed answers of a lesion.

    Parameters
    ----------
    session
        What is open.
    make_view
        Lists what a signature of the open lesion would cover.

    Attributes
    ----------
    listed
        What the reader was shown last.
    signs_incomplete
        Whether the reader accepts that cells stay unread.
    """

    def __init__(self, session: Session, make_view: Callable[[], SignOffView]) -> None:
        self._session, self._make_view = session, make_view
        self.listed = SignOffView()
        self.signs_incomplete = False

    def view(self) -> SignOffView:
        """List what a signature covers; what changed since the last list must be accepted again."""
        view = self._make_view()
        if view != self.listed:
            self.signs_incomplete = False
        self.listed = view
        return view

    @property
    def obstacle(self) -> str:
        """Explain why the listed answers cannot be signed; "" where they can."""
        if not self.listed.reading_ids:
            return "There is nothing to sign here: measure first."
        if self.listed.missing and not self.signs_incomplete:
            return "Cells are unread: read them, or accept that they stay unread, then sign."
        return ""

    def sign(self) -> str:
        """Sign what was listed.

        Returns
        -------
        str
            What was signed, in a sentence.

        Raises
        ------
        InputError
            Nothing is to be signed, cells are unread, or what is open is not what was listed.
        """
        lesion, view = self._session.lesion, self.listed
        if self.obstacle:
            raise InputError(self.obstacle)
        if lesion is None or lesion.lesion.lesion_id != view.lesion_id:
            raise InputError("Another lesion is open than the one listed: nothing was signed.")
        signature = sign_drafts(
            lesion.log, lesion.signed, contours=lesion.contours, statement=view.statement,
            at=self._session.clock(),
        )  # fmt: skip
        if signature.reading_ids != view.reading_ids:
            raise InputError(CHANGED)
        self._session.sign(signature)
        self.listed, self.signs_incomplete = SignOffView(), False
        answers = format_count(len(signature.reading_ids), "answer")
        return f"Signed: {answers} of {view.lesion}."
