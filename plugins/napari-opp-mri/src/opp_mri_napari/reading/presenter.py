"""The reading room without a screen: a reader's wishes in, snapshots of what to show out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.errors import InputError
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.measuring.blinding import check_reader
from opp_mri.workflow.project import Project
from opp_mri_napari.reading.basics.key_table import WISHES
from opp_mri_napari.reading.basics.layout import Layout
from opp_mri_napari.reading.basics.place_words import PlaceWords
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.switches import Switches
from opp_mri_napari.reading.basics.tools import Tool
from opp_mri_napari.reading.basics.views import PaneView, Pointer
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.compare import Compare, Comparison
from opp_mri_napari.reading.contours.contouring import Contouring
from opp_mri_napari.reading.dialogs import Dialog, Dialogs
from opp_mri_napari.reading.handing_on import HandingOn
from opp_mri_napari.reading.lesion_entry import LesionEntry
from opp_mri_napari.reading.looking import Looking
from opp_mri_napari.reading.marking import Marking
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.pane_views import PaneViews, is_loading, list_unreadable
from opp_mri_napari.reading.panels.live_timeline import build_live_timeline
from opp_mri_napari.reading.panels.panel_views import (
    SignOffView,
    StatusView,
    TimelineView,
    WorklistView,
)
from opp_mri_napari.reading.panels.side_views import build_timeline_view, sign_off_view
from opp_mri_napari.reading.panels.worklist_view import build_worklist_view
from opp_mri_napari.reading.panes import Panes
from opp_mri_napari.reading.pointing import Pointing
from opp_mri_napari.reading.proposals import Proposals
from opp_mri_napari.reading.settling import Settling
from opp_mri_napari.reading.signing import Signing
from opp_mri_napari.reading.undoing import Undoing
from opp_mri_napari.reading.waiting_fits import WaitingFits


def _get_time() -> datetime:
    return datetime.now(UTC)


class ReadingRoom:
    """What a reader does in a project, from first scan to sign-off.

    Parameters
    ----------
    project
        Open, and kept open by whoever opened it.
    reader
        Name of the reader.
    clock
        Gives the time at which an answer is recorded.

    Attributes
    ----------
    session, panes, calipers, navigation
        What is open, how it is looked at, the answers, and where the reader is.
    marking, looking, compare, pointing
        Points that are marked, how panes are looked at, comparisons, and the mouse.
    switches
        What is switched on.
    proposals, contouring
        What the program proposes for cells without an answer, and the contours of the lesion.
    signing, lesion_entry, handing_on, waiting_fits, settling
        The sign-off, the form for a lesion, what leaves the room, fits that wait, and the choice
        of a series in doubt.

    Raises
    ------
    InputError
        There is no reader's name.
    ProjectError
        The reader reads blind, and this is not the reader's own package.
    """

    def __init__(
        self, project: Project, reader: str, *, clock: Callable[[], datetime] = _get_time
    ) -> None:
        if not reader.strip():
            raise InputError("No reader is named: give your name with --reader.")
        check_reader(project.store, reader.strip())
        self.session = Session(project, reader.strip(), clock)
        self.panes = Panes()
        self.calipers = Calipers(self.session)
        self.navigation = Navigation(self.session, self.panes, self.calipers)
        self.switches = Switches()
        self.words = PlaceWords(self.session)
        self.compare = Compare(self.session)
        self.signing = Signing(self.session, self._list_for_signature)
        self._dialogs = Dialogs(self.navigation, self.calipers)
        self.settling = Settling(self.session, self.navigation)
        self.lesion_entry = LesionEntry(self.session, self.navigation, self._dialogs)
        self.marking = Marking(self.session, self.calipers, self.navigation, self.lesion_entry)
        self.contouring = Contouring(self.session, self.panes, self.calipers, self.navigation)
        self.pointing = Pointing(
            self.panes, self.calipers, self.navigation, self.marking.mark_point, self.compare,
            self.contouring,
        )  # fmt: skip
        self.looking = Looking(
            self.session, self.panes, self.calipers, self.navigation, self.compare, self.switches
        )
        self.proposals = Proposals(
            self.session, self.panes, self.calipers, self.navigation, self.switches, self.compare
        )
        self._pane_views = PaneViews(
            self.session, self.panes, self.calipers, self.navigation, self.words, self.switches,
            self.compare, self.proposals, self.contouring,
        )  # fmt: skip
        self._rules = load_project_rules(project)
        self.session.when_conflicting = self._show_conflict
        self.handing_on = HandingOn(
            self.session, self.navigation, self._rules, lambda: self.build_timeline()
        )
        self.waiting_fits = WaitingFits(self.session, self.panes, self.navigation)
        self._wishes = self._build_wish_table()
        self.navigation.start()

    @property
    def dialog(self) -> Dialog | None:
        """What the window is to bring up, or None."""
        return self._dialogs.kind

    # --- wishes

    def do_wish(self, name: str) -> None:
        """Do what a key asks for (`key_table.WISHES`)."""
        if not WISHES[name].repeats:
            self.navigation.end_messages()
        self._wishes[name]()

    def handle_pointer(self, event: Pointer) -> bool:
        """Take a mouse event; return whether anything is to be drawn again."""
        return self.pointing.take(event) or self.switches.magnifier

    def bring_up(self, dialog: Dialog | None) -> None:
        """Bring a dialog up, or put it away where it is up already."""
        if dialog is None or dialog is self.dialog:
            self._dialogs.close()
        elif dialog is Dialog.LESION:
            self.lesion_entry.begin()
        else:
            self._dialogs.bring_up(dialog)

    def press_arrow(self, down: int, across: int, how: str = "") -> None:
        """Nudge the selected end; without one, scroll or change the series."""
        pane = self.panes.current
        if pane is None:
            return
        if self.calipers.selected is not None:
            self.calipers.nudge(pane, down, across, how)
        elif down and not how:
            self.panes.scroll(pane, -down)
        elif across and not how:
            self.navigation.step_series(across)

    def switch_end(self) -> None:
        """Select an end of the shown caliper, then the other."""
        pane = self.panes.current
        if pane is not None and self.calipers.find_movable_line(pane) is not None:
            self.calipers.selected = 1 if self.calipers.selected == 0 else 0

    def say(self, answer: Answer, reason: str = "") -> None:
        """Answer the current cell without a line."""
        self._dialogs.close()
        if self.panes.current is not None:
            self.calipers.say(self.panes.current, answer, reason)

    def confirm(self) -> None:
        """Accept what is proposed, and go to the next unread cell; on the sign-off, sign."""
        if self.dialog is Dialog.SIGN_OFF:
            self.sign()
        elif self.dialog is None and self.contouring.close():
            pass
        elif self.dialog is None and self.proposals.accept():
            self.calipers.selected = None
            self.navigation.open_unread()

    def cancel(self) -> None:
        """Put away what is up, or cancel the line, the selection or the tool."""
        is_picking = self.calipers.tool is Tool.SEED
        self.navigation.end_messages()
        if self.dialog is not None:
            self._dialogs.close()
        elif self.contouring.cancel():
            pass
        elif self.compare.is_on:
            self.compare.leave()
        elif self.waiting_fits.leave():
            pass
        elif self.calipers.cancel() and is_picking:
            self.lesion_entry.come_back()

    def sign(self) -> None:
        """Sign what the sign-off lists, where it is up and allows it."""
        if self.dialog is not Dialog.SIGN_OFF:
            return
        try:
            message = self.signing.sign()
        except InputError as error:
            self.navigation.hint = str(error)
            return
        self._dialogs.close()
        if self.session.blinding is not None:  # the next time point may open now
            self.session.when_saved = partial(self.navigation.reload, hint=message)
        self.navigation.hint = message
        self.session.ask_worklist_when_saved()

    # --- what is shown

    def build_pane_views(self) -> tuple[PaneView, ...]:
        """Return all panes as they are drawn."""
        self.panes.take_images(self.session.get_images)
        self.proposals.update()
        return self._pane_views.build(self.pointing.place)

    def build_moved_views(self) -> tuple[PaneView, ...]:
        """Return all panes after a move of the mouse; those that it cannot change are as before."""
        day = None if self.switches.magnifier else self.pointing.drawn_day
        if day is None:
            return self.build_pane_views()
        return self._pane_views.build(self.pointing.place, day)

    @property
    def first_image_waits(self) -> bool:
        """Whether the active pane's image is on its way: what else takes time comes after it."""
        pane = self.panes.current
        return pane is not None and is_loading(self.session, pane)

    def build_worklist(self) -> WorklistView:
        """Return the worklist as it is drawn."""
        return build_worklist_view(
            self.session.worklist, self.navigation.current, self.navigation.order,
            blinding=self.session.blinding,
        )  # fmt: skip

    def build_timeline(self) -> TimelineView:
        """Return the growth curve, with the caliper that is under the mouse."""
        lesion, patient = self.session.lesion, self.session.patient
        if lesion is None or patient is None:
            return TimelineView(hidden="No lesion is open.")
        if patient.blinding is not None:
            rules = ("Hidden in a blinded read.", *patient.blinding.rules)
            return TimelineView(hidden="\n\n".join(rules))
        technique = dict.fromkeys(
            f"{self.words.find_code(pane.study_date)} {pane.sequence.value}: {sentence}"
            for pane in self.panes.panes
            for sentence in (*pane.doubts, *pane.technique)
        )
        return build_timeline_view(
            build_live_timeline(self.session, self.calipers, lesion), patient.patient_id,
            self._rules, counted_ids=lesion.settled, current=self.navigation.current,
            error=self.session.error, wants_category=self.switches.category,
            technique=tuple(technique),
        )  # fmt: skip

    def sign_off(self) -> SignOffView:
        """Return what a signature covers; this very list is what `sign` signs."""
        return self.signing.view()

    def build_status(self) -> StatusView:
        """Return the lines above the panes."""
        session, navigation = self.session, self.navigation
        patient, lesion = session.patient, session.lesion
        name = patient.patient_id if patient else self._explain_no_patient()
        of_lesion = f" · {lesion.lesion.lesion_id} {lesion.lesion.level}" if lesion else ""
        missing_count = session.count_missing_images()
        hint = navigation.hint or (f"loading {missing_count} series …" if missing_count else "")
        if patient is not None and not patient.lesions and not hint:
            hint = "No lesion yet: Shift+A adds one."
        return StatusView(
            title=f"{name}{of_lesion} · {navigation.sequence.value} · reader {session.reader}",
            tool=self.contouring.tool_words or self.calipers.describe_tool(self.panes.current),
            share=self.compare.share if self.compare.mode is Comparison.OVERLAY else None,
            saved=session.saves.text,
            banner=session.saves.failure or session.warning or list_unreadable(session, self.panes),
            hint=hint,
        )

    def _explain_no_patient(self) -> str:
        worklist = self.session.worklist
        is_empty = worklist is not None and not (
            worklist.lesions or worklist.patients_without_lesion
        )
        return "no patient" if is_empty else "opening …"

    def describe_cell(self) -> str:
        """Name the cell that is read, such as `TP1 T2FS`."""
        pane = self.panes.current
        return f"{self.words.find_code(pane.study_date)} {pane.sequence.value}" if pane else ""

    def look_for_changes(self) -> None:
        """Show what another window has recorded meanwhile; nothing while the reader is at work."""
        if self.dialog is None and not (self.calipers.line.busy or self.contouring.busy):
            self.session.look_for_changes(self._show_changes)

    # --- inside

    def _show_changes(self) -> None:
        self.navigation.reload()
        self.session.ask_worklist()
        self.navigation.hint = "Another window recorded something here: it is shown now."

    def _show_conflict(self) -> None:
        self.navigation.reload()
        self.session.ask_worklist()
        self.session.warning = (
            "Your answer was not recorded: another window has answered this cell since you opened "
            "it. Its answer is shown now; measure again to replace it."
        )

    def _list_for_signature(self) -> SignOffView:
        lesion, patient = self.session.lesion, self.session.patient
        if lesion is None or patient is None:
            return SignOffView()
        names = {day: self.words.write_heading(day) for day in patient.study_dates}
        is_blind = patient.blinding is not None
        return sign_off_view(lesion, names, patient.series, blind=is_blind)

    @property
    def panes_in_a_row(self) -> int | None:
        """How many panes stand in a row; None where the window may choose."""
        days = {pane.study_date for pane in self.panes.panes}
        return len(days) if self.navigation.layout is Layout.GRID else None

    def list_advertised_fits(self) -> tuple[str, ...]:
        """Return the ids of all fits of the shown panes."""
        fits = [fit for pane in self.panes.panes for fit in self.navigation.levels.find_fits(pane)]
        return tuple(dict.fromkeys(fit.fit_id for fit in fits))

    def _build_wish_table(self) -> Mapping[str, Callable[[], None]]:
        go = self.navigation
        undoing = Undoing(self.session, go, self.calipers, self.settling)
        arrows = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        table: dict[str, Callable[[], None]] = {}
        for name, (down, across) in arrows.items():
            table[name] = partial(self.press_arrow, down, across)
            table[f"voxel_{name}"] = partial(self.press_arrow, down, across, "voxel")
            table[f"axis_{name}"] = partial(self.press_arrow, down, across, "axis")
        return {
            **table,
            **self.looking.list_wishes(),
            "previous_time_point": partial(go.step_time_point, -1),
            "next_time_point": partial(go.step_time_point, 1),
            "t1": partial(go.choose_sequence, SeriesRole.T1),
            "t2": partial(go.choose_sequence, SeriesRole.T2FS, SeriesRole.STIR),
            "post": partial(go.choose_sequence, SeriesRole.T1POST),
            "caliper": partial(self.marking.choose_tool, Tool.CALIPER),
            "contour": self.contouring.flip_tool,
            "reference": self.contouring.choose_reference,
            "propose": lambda: self.proposals.point_here(self.pointing.place),
            "proposals": self.proposals.flip,
            "switch_end": self.switch_end,
            "endplate": partial(self.marking.choose_tool, Tool.ENDPLATE),
            "posterior_wall": partial(self.marking.choose_tool, Tool.POSTERIOR_WALL),
            "not_measurable": partial(self.bring_up, Dialog.ANSWER),
            "withdraw": partial(self.contouring.remove, partial(self.say, Answer.WITHDRAWN)),
            "settle": self.settling.settle,
            "undo": partial(self.contouring.undo, undoing.undo),
            "redo": partial(self.contouring.redo, undoing.redo),
            "confirm": self.confirm,
            "confirm_level": lambda: self.marking.confirm_level(self.pointing.place),
            "next_lesion": partial(go.step_lesion, 1),
            "previous_lesion": partial(go.step_lesion, -1),
            "reset": go.reset_view,
            "layout": go.change_layout,
            "sequences": go.change_layout_by_sequence,
            "waiting_fits": self.waiting_fits.look_or_confirm,
            "fits": partial(self.bring_up, Dialog.FITS),
            "align": partial(self.bring_up, Dialog.ALIGN),
            "common_point": partial(self.marking.choose_tool, Tool.COMMON_POINT),
            "add_lesion": partial(self.bring_up, Dialog.LESION),
            "correct_lesion": partial(self.lesion_entry.begin, is_correction=True),
            "sign": partial(self.bring_up, Dialog.SIGN_OFF),
            "save": self.session.try_again,
            "key_images": self.handing_on.ask_images,
            "dictate": self.handing_on.ask_text,
            "keys": partial(self.bring_up, Dialog.KEYS),
            "cancel": self.cancel,
        }
