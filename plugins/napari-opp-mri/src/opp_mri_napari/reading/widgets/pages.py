"""The pages on the side of the reading room: the worklist, and a form in its place."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final, TypeVar

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QScrollArea, QStackedWidget, QWidget

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
from opp_mri_napari.shared.text_scale import rescale

TYPING_PAGES: Final = (Dialog.ANSWER, Dialog.LESION, Dialog.REASON, Dialog.OVERRIDE)

Form = TypeVar("Form", bound=QWidget)


class Pages(QStackedWidget):
    """Shows the worklist, or the form of the dialog that is open.

    Each form is built when it is first asked for, since a window should be up before.

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
    text_scale
        By which the text of a form is larger that is built next.

    Signals
    -------
    signed, accepted, reason_given, override_given, answered
        The sign-off, its tick, a reason, an override, and a cell without a line.
    lesion_wanted, event_wanted, visit_wanted, seed_wanted
        What the form of a lesion records, and that its seed is to be pointed at.
    cancelled
        A form was left.
    """

    signed = Signal()
    accepted = Signal(bool)
    reason_given = Signal(str)
    override_given = Signal(str)
    answered = Signal(object, str)
    lesion_wanted = Signal(object)
    event_wanted = Signal(object)
    visit_wanted = Signal(object)
    seed_wanted = Signal()
    cancelled = Signal()

    def __init__(self, room: ReadingRoom, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._room = room
        self.dialog: Dialog | None = None
        self.text_scale = 1.0
        self._keys = keys
        self.worklist = Worklist()
        self.addWidget(self.worklist)
        self._areas: dict[QWidget, QScrollArea] = {}

    @cached_property
    def sign_off(self) -> SignOff:
        """The list of what is signed."""
        form = self._add_form(SignOff())
        form.signed.connect(self.signed)
        form.accepted.connect(self.accepted)
        form.cancelled.connect(self.cancelled)
        return form

    @cached_property
    def reason(self) -> ReasonForm:
        """Asks why a signed answer is changed."""
        form = self._add_form(
            ReasonForm(
                "This answer is signed. What is the reason for the change?",
                "Record the change",
                "Leave it as signed",
            )
        )
        form.submitted.connect(self.reason_given)
        form.cancelled.connect(self.cancelled)
        return form

    @cached_property
    def override(self) -> ReasonForm:
        """Asks why a line that was refused is recorded nevertheless."""
        form = self._add_form(ReasonForm("", "Record it by override", "Leave it unrecorded"))
        form.submitted.connect(self.override_given)
        form.cancelled.connect(self.cancelled)
        return form

    @cached_property
    def answer(self) -> AnswerForm:
        """Asks why a cell has no line."""
        form = self._add_form(AnswerForm())
        form.answered.connect(self.answered)
        form.cancelled.connect(self.cancelled)
        return form

    @cached_property
    def lesion_form(self) -> LesionForm:
        """Takes a lesion, what happened to it, and what was found at a visit."""
        form = self._add_form(LesionForm())
        form.lesion_wanted.connect(self.lesion_wanted)
        form.event_wanted.connect(self.event_wanted)
        form.visit.visit_wanted.connect(self.visit_wanted)
        form.seed_wanted.connect(self.seed_wanted)
        form.cancelled.connect(self.cancelled)
        return form

    @cached_property
    def key_sheet(self) -> KeySheet:
        """Lists the keys."""
        return self._add_form(KeySheet(build_key_sheet(self._keys)))

    def _add_form(self, form: Form) -> Form:
        self._areas[form] = make_scrollable(form)
        self.addWidget(self._areas[form])
        rescale(form, self.text_scale)  # in its place: a font of its own would make it wider
        return form

    def _get_form(self, dialog: Dialog | None) -> QWidget:
        """Return what is shown for a dialog, or the worklist."""
        match dialog:
            case Dialog.SIGN_OFF:
                return self.sign_off
            case Dialog.REASON:
                return self.reason
            case Dialog.OVERRIDE:
                return self.override
            case Dialog.ANSWER:
                return self.answer
            case Dialog.LESION:
                return self.lesion_form
            case Dialog.KEYS:
                return self.key_sheet
            case _:
                return self.worklist

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
        begins = dialog is Dialog.LESION and entry.begins
        if begins:
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
        form = self._get_form(dialog)
        self.setCurrentWidget(self._areas.get(form, form))
        if dialog is Dialog.REASON:
            self.reason.line.setFocus()
        elif dialog is Dialog.OVERRIDE:
            self.override.line.setFocus()
        elif dialog is Dialog.KEYS:
            self.key_sheet.begin()
        elif dialog in (Dialog.ANSWER, Dialog.LESION):
            form.setFocus()
            if begins:  # Qt scrolls to the middle of what has the focus
                self._areas[form].verticalScrollBar().setValue(0)
        else:
            return False
        return True
