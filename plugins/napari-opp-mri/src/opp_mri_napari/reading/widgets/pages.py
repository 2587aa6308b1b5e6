"""The pages on the side of the reading room: the worklist, and a form in its place."""

from collections.abc import Mapping
from typing import Final

from qtpy.QtWidgets import QStackedWidget, QWidget

from opp_mri_napari.reading.basics.key_table import build_key_sheet
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.lesion_entry import list_lesion_cells
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.widgets.forms import (
    AnswerForm,
    KeySheet,
    LesionForm,
    ReasonForm,
    SignOff,
)
from opp_mri_napari.reading.widgets.worklist import Worklist
from opp_mri_napari.shared.napari_parts import make_scrollable

TYPING_PAGES: Final = (Dialog.ANSWER, Dialog.LESION, Dialog.REASON, Dialog.OVERRIDE)


class Pages(QStackedWidget):
    """Shows the worklist, or the form of the dialog that is open.

    Parameters
    ----------
    room
        What is shown.
    keys
        What each key does, for the sheet of keys.

    Attributes
    ----------
    dialog
        The dialog whose form is shown; None for the worklist.
    """

    def __init__(self, room: ReadingRoom, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._room = room
        self.dialog: Dialog | None = None
        self.worklist, self.sign_off, self.answer = Worklist(), SignOff(), AnswerForm()
        self.reason = ReasonForm(
            "This answer is signed. What is the reason for the change?",
            "Record the change",
            "Leave it as signed",
        )
        self.override = ReasonForm("", "Record it by override", "Leave it unrecorded")
        self.lesion_form, self.key_sheet = LesionForm(), KeySheet(build_key_sheet(keys))
        self._forms: dict[Dialog, QWidget] = {
            Dialog.SIGN_OFF: self.sign_off,
            Dialog.REASON: self.reason,
            Dialog.OVERRIDE: self.override,
            Dialog.ANSWER: self.answer,
            Dialog.LESION: self.lesion_form,
            Dialog.KEYS: self.key_sheet,
        }
        self._places: dict[Dialog | None, QWidget] = {
            dialog: make_scrollable(form) for dialog, form in self._forms.items()
        }
        self._places[None] = self.worklist
        for place in self._places.values():
            self.addWidget(place)
        self.setCurrentWidget(self.worklist)

    @property
    def is_typed_on(self) -> bool:
        """Whether keys are text for the form that is shown."""
        return self.dialog in TYPING_PAGES

    def show_dialog(self, dialog: Dialog | None) -> bool:
        """Show the page of a dialog, with what the presenter holds.

        Returns
        -------
        bool
            Whether the page is another than before and takes no keys itself.
        """
        if dialog is Dialog.SIGN_OFF:
            signing_state = self._room.signing
            self.sign_off.show_view(
                self._room.sign_off(),
                is_accepted=signing_state.signs_incomplete,
                obstacle=signing_state.obstacle,
            )
        changes = dialog is not self.dialog
        takes_keys = self._change(dialog) if changes else False
        if dialog is Dialog.LESION:
            entry = self._room.lesion_entry
            self.lesion_form.show_state(entry.seed, entry.error, entry.propose_id())
        if dialog is None:
            self.worklist.show_view(self._room.build_worklist())
        return changes and not takes_keys

    def _change(self, dialog: Dialog | None) -> bool:
        """Show another page, and return whether keys go to it."""
        self.dialog = dialog
        entry, refusal = self._room.lesion_entry, self._room.calipers.refused
        if dialog is Dialog.LESION and entry.begins:
            corrected_lesion = entry.corrected
            self.lesion_form.begin(
                None if corrected_lesion is None else list_lesion_cells(corrected_lesion)
            )
            self.lesion_form.visit.begin(entry.visit_cells())
        elif dialog is Dialog.OVERRIDE and refusal is not None:
            self.override.ask(
                f"Not recorded. {refusal.why} To record it nevertheless, give a reason; it stays "
                "with the answer in every table and report."
            )
        elif dialog is Dialog.ANSWER:
            self.answer.title.setText(f"{self._room.describe_cell()}: no line")
        self.setCurrentWidget(self._places[dialog])
        if dialog is Dialog.REASON:
            self.reason.line.setFocus()
        elif dialog is Dialog.OVERRIDE:
            self.override.line.setFocus()
        elif dialog is Dialog.KEYS:
            self.key_sheet.begin()
        elif dialog in (Dialog.ANSWER, Dialog.LESION):
            self._forms[dialog].setFocus()
        else:
            return False
        return True
