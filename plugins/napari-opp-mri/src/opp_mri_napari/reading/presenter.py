"""The reading room without a screen: a reader's wishes in, snapshots of what to show out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, CommonPoint, PixelPoint
from opp_mri.errors import InputError, OppMriError
from opp_mri.workflow.assessing.respond import project_rules
from opp_mri.workflow.measuring.blinding import check_reader
from opp_mri.workflow.measuring.edits import draft_line, sign_drafts
from opp_mri.workflow.measuring.lesions import add_event, add_lesion
from opp_mri.workflow.measuring.timeline import LesionTimeline, with_readings
from opp_mri.workflow.project import Project
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri_napari.reading.calipers import Calipers, Tool
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.pane_views import is_loading, pane_view, unreadable
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.reading.pointing import Pointing
from opp_mri_napari.reading.session import Job, Session
from opp_mri_napari.reading.side_views import sign_off_view, timeline_view, worklist_view
from opp_mri_napari.reading.views import (
    PaneView,
    Pointer,
    SignOffView,
    StatusView,
    TimelineView,
    WorklistView,
)


class Dialog(StrEnum):
    """What the window is to bring up."""

    KEYS = "keys"
    ANSWER = "answer"
    SIGN_OFF = "sign off"
    REASON = "reason"
    LESION = "lesion"
    FITS = "fits"


def _now() -> datetime:
    return datetime.now(UTC)


class ReadingRoom:
    """What a reader does in a project, from first scan to sign-off.

    Parameters
    ----------
    project
        Open, and kept open by whoever opened it.
    reader
        Who reads.
    clock
        Gives the time at which an answer is recorded.

    Attributes
    ----------
    session, panes, calipers, navigation
        What is open, how it is looked at, the answers, and where the reader is.
    ghost, magnifier, napari_shown
        What is switched on.
    seed_cells, form_error, form_is_new
        What the form for a lesion has been told, and whether it begins empty.

    Raises
    ------
    InputError
        There is no reader's name.
    ProjectError
        The reader reads blind, and this is not the reader's own package.
    """

    def __init__(
        self, project: Project, reader: str, *, clock: Callable[[], datetime] = _now
    ) -> None:
        if not reader.strip():
            raise InputError("Say with --reader who reads.")
        check_reader(project.store, reader.strip())
        self.session = Session(project, reader.strip(), clock)
        self.panes = Panes()
        self.calipers = Calipers(self.session)
        self.navigation = Navigation(self.session, self.panes, self.calipers)
        self.pointing = Pointing(self)
        self.ghost, self.magnifier, self.napari_shown = True, False, False
        self.seed_cells: Mapping[str, str] = {}
        self.form_error, self.form_is_new = "", True
        self._dialog: Dialog | None = None
        self._rules = project_rules(project)
        self._first_point: tuple[str, Vector3] | None = None
        self._wishes = self._wish_table()
        self.navigation.start()

    @property
    def dialog(self) -> Dialog | None:
        """What the window is to bring up, or None."""
        return Dialog.REASON if self.calipers.pending is not None else self._dialog

    # --- wishes

    def wish(self, name: str) -> None:
        """Do what a key asks for (`key_table.WISHES`)."""
        self._wishes[name]()

    def pointer(self, event: Pointer) -> bool:
        """Take a mouse event; tell whether anything is to be drawn anew."""
        return self.pointing.take(event)

    def bring_up(self, dialog: Dialog | None) -> None:
        """Bring a dialog up, or put it away."""
        self._dialog = None if dialog is self._dialog else dialog
        self.form_error = ""
        if dialog is Dialog.LESION:
            self.seed_cells, self.form_is_new = {}, True
        elif dialog is None:
            self.calipers.pending = None

    def arrow(self, down: int, across: int, how: str = "") -> None:
        """Nudge the selected end; without one, scroll or change the series."""
        pane = self.panes.current
        if pane is None:
            return
        if self.calipers.selected is not None:
            self.calipers.nudge(pane, self.navigation.sequence, down, across, how)
        elif down and not how:
            self.panes.scroll(pane, -down)
        elif across and not how:
            self.navigation.step_series(across)

    def switch_end(self) -> None:
        """Select an end of the shown caliper, then the other."""
        pane = self.panes.current
        if pane is not None and self.calipers.line_on(pane, self.navigation.sequence) is not None:
            self.calipers.selected = 1 if self.calipers.selected == 0 else 0

    def choose_tool(self, tool: Tool) -> None:
        """Have the left button do something else."""
        self.calipers.line.cancel()
        self.calipers.tool, self.calipers.selected = tool, None
        self._first_point = None

    def say(self, answer: Answer, reason: str = "") -> None:
        """Answer the current cell without a line."""
        self._dialog = None
        if self.panes.current is not None:
            self.calipers.say(self.panes.current, self.navigation.sequence, answer, reason)

    def confirm(self) -> None:
        """Go to the next unread cell."""
        self.calipers.selected = None
        self.navigation.next_unread()

    def cancel(self) -> None:
        """Put away what is up, or cancel the line, the selection or the tool."""
        picking = self.calipers.tool is Tool.SEED
        self.navigation.hint = ""
        if self.dialog is not None:
            self.bring_up(None)
        elif self.calipers.cancel() and picking:  # back to the form, as it was
            self._dialog, self.form_is_new = Dialog.LESION, False

    def sign(self) -> None:
        """Sign all drafts of the lesion."""
        self._dialog = None
        lesion = self.session.lesion
        if lesion is None:
            return
        view = self.sign_off()
        try:
            signed = sign_drafts(
                lesion.log, lesion.signed, statement=view.statement, at=self.session.clock()
            )
        except InputError as error:
            self.session.warning = str(error)
            return
        self.session.sign(signed)
        if self.session.blinding is not None:  # the next time point may open now
            self.session.when_saved = self.navigation.reload
        self.navigation.hint = f"Signed: {len(signed.reading_ids)} answers of {view.lesion}."
        self.session.ask_worklist_when_saved()

    def mark_point(self, pane: Pane, pixel: PixelPoint) -> None:
        """Take a click with the common point tool, or with that for a lesion's seed."""
        if pane.plane is None or pane.volume is None:
            return
        if self.calipers.tool is Tool.SEED:
            frame = pane.volume.frames[pane.place]
            self.seed_cells = {
                "seed_sop_instance_uid": frame.sop_instance_uid,
                "seed_frame": str(frame.frame_number),
                "seed_column": f"{pixel[0]:.2f}",
                "seed_row": f"{pixel[1]:.2f}",
            }
            self.cancel()
            return
        point = pane.plane.lps_from_pixel(*pixel)
        if self._first_point is None:
            self._first_point = (pane.frame, point)
            self.navigation.hint = "Now click the same place of the body in another pane."
        elif self._first_point[0] == pane.frame:
            self.navigation.hint = "Both points are in one frame of reference: click another pane."
        else:
            self._join(*self._first_point, pane.frame, point)

    def add_lesion(self, cells: Mapping[str, str]) -> None:
        """Add a lesion from the form, and open it."""
        patient = self.session.patient
        if patient is None:
            return
        full = {**cells, **self.seed_cells, "patient_id": patient.patient_id}
        store, at = self.session.project.store, self.session.clock()

        def added(lesion_id: str) -> None:
            self._dialog, self.seed_cells, self.form_error = None, {}, ""
            self.session.ask_worklist()
            self.navigation.open(
                patient.patient_id, lesion_id, None, self.navigation.sequence, anew=True
            )

        self._ask(lambda: add_lesion(store, full, at).lesion_id, added)

    def add_event(self, cells: Mapping[str, str]) -> None:
        """Add an event, or a finding such as fracture, to the open lesion."""
        lesion = self.session.lesion
        if lesion is None:
            return
        full = {**cells, "lesion_id": lesion.lesion.lesion_id}
        store, at = self.session.project.store, self.session.clock()

        def added(count: int) -> None:
            self._dialog, self.form_error = None, ""
            self.navigation.reload()
            noted = f"{cells['event'].replace('_', ' ')} on {cells['date']}"
            self.navigation.hint = f"{'Noted' if count else 'Noted before'}: {noted}."

        self._ask(lambda: add_event(store, full, at), added)

    # --- what is shown

    def pane_views(self) -> tuple[PaneView, ...]:
        """Give all panes as they are drawn."""
        self.panes.take_images(self.session.images)
        return tuple(pane_view(self, pane) for pane in self.panes.panes)

    @property
    def first_image_waits(self) -> bool:
        """Whether the active pane's image is on its way: what else takes time comes after it."""
        pane = self.panes.current
        return pane is not None and is_loading(self.session, pane)

    def worklist(self) -> WorklistView:
        """Give the worklist as it is drawn."""
        blind = self.session.blinding is not None
        return worklist_view(self.session.worklist, self.navigation.current, blind=blind)

    def timeline(self) -> TimelineView:
        """Give the growth curve, with the caliper that is under the mouse."""
        lesion, patient = self.session.lesion, self.session.patient
        if lesion is None or patient is None:
            return TimelineView(hidden="No lesion is open.")
        if patient.blinding is not None:
            rules = ("Hidden in a blinded read.", *patient.blinding.rules)
            return TimelineView(hidden="\n\n".join(rules))
        return timeline_view(
            self._live_timeline(lesion), patient.patient_id, self._rules,
            counted=lesion.signed, current=self.navigation.current, error=self.session.error,
        )  # fmt: skip

    def sign_off(self) -> SignOffView:
        """Give what a signature would cover."""
        lesion, patient = self.session.lesion, self.session.patient
        if lesion is None or patient is None:
            return SignOffView(lesion="", missing=(), drafts=(), statement="")
        names = {day: self.navigation.heading(day) for day in patient.study_dates}
        return sign_off_view(lesion, names, blind=patient.blinding is not None)

    def status(self) -> StatusView:
        """Give the lines above the panes."""
        session, navigation = self.session, self.navigation
        patient, lesion = session.patient, session.lesion
        who = patient.patient_id if patient else "no patient"
        what = f" · {lesion.lesion.lesion_id} {lesion.lesion.level}" if lesion else ""
        waiting = session.missing_images()
        hint = navigation.hint or (f"loading {waiting} series …" if waiting else "")
        if patient is not None and not patient.lesions and not hint:
            hint = "No lesion yet: Shift+A adds one."
        return StatusView(
            title=f"{who}{what} · {navigation.sequence.value} · reader {session.reader}",
            tool=self.calipers.tool.value,
            saved=session.saved_text,
            banner=session.warning or unreadable(session, self.panes),
            hint=hint,
        )

    # --- inside

    def _live_timeline(self, lesion: RoomLesion) -> LesionTimeline:
        live = self.calipers.live_length()
        if live is None:
            return lesion.timeline
        pane, line = live
        cell = self.calipers.cell(pane.study_date, self.navigation.sequence)
        if cell is None or pane.volume is None:
            return lesion.timeline
        try:
            reading = draft_line(
                cell, lesion.lesion.lesion_id, pane.volume, pane.place, line,
                reader=self.session.reader, at=self.session.clock(),
            )  # fmt: skip
        except OppMriError:  # a line of no length yet
            return lesion.timeline
        return with_readings(lesion.timeline, (*lesion.log, reading))

    def _join(self, frame: str, point: Vector3, other_frame: str, other: Vector3) -> None:
        patient = self.session.patient
        self.choose_tool(Tool.CALIPER)
        if patient is None:
            return
        if not frame or not other_frame:
            self.session.warning = "A series names no frame of reference: it cannot be linked."
            return
        joined = CommonPoint(
            patient_id=patient.patient_id, reader=self.session.reader,
            frame_of_reference_uid=frame, point_lps_mm=point,
            other_frame_of_reference_uid=other_frame, other_point_lps_mm=other,
            recorded_at=self.session.clock(),
        )  # fmt: skip
        store = self.session.project.store

        def linked(_: object) -> None:
            self.navigation.reload()
            self.navigation.hint = "Linked by the common point: scrolling only, no ghost."

        self._ask(lambda: store.add_common_point(joined), linked)

    def _ask(self, run: Callable[[], object], take: Callable[..., None]) -> None:
        def failed(error: OppMriError) -> None:
            self.form_error = str(error)
            if self.dialog is None:
                self.session.warning = str(error)

        self.session.ask(Job(what="form", run=run, take=take, failed=failed))

    def _flip_ghost(self) -> None:
        if self.session.blinding is not None:
            self.navigation.hint = "A blinded read has no ghost."
        else:
            self._flip("ghost")

    def _flip(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def _wish_table(self) -> Mapping[str, Callable[[], None]]:
        go = self.navigation
        arrows = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        table: dict[str, Callable[[], None]] = {}
        for name, (down, across) in arrows.items():
            table[name] = partial(self.arrow, down, across)
            table[f"voxel_{name}"] = partial(self.arrow, down, across, "voxel")
            table[f"axis_{name}"] = partial(self.arrow, down, across, "axis")
        return table | {
            "previous_time_point": partial(go.step_time_point, -1),
            "next_time_point": partial(go.step_time_point, 1),
            "t1": partial(go.choose_sequence, SeriesRole.T1),
            "t2": partial(go.choose_sequence, SeriesRole.T2FS, SeriesRole.STIR),
            "post": partial(go.choose_sequence, SeriesRole.T1POST),
            "caliper": partial(self.choose_tool, Tool.CALIPER),
            "switch_end": self.switch_end,
            "endplate": partial(self.choose_tool, Tool.ENDPLATE),
            "posterior_wall": partial(self.choose_tool, Tool.POSTERIOR_WALL),
            "not_measurable": partial(self.bring_up, Dialog.ANSWER),
            "withdraw": partial(self.say, Answer.WITHDRAWN),
            "undo": lambda: go.show_edit(self.calipers.undo()),
            "redo": lambda: go.show_edit(self.calipers.redo()),
            "confirm": self.confirm,
            "next_lesion": partial(go.step_lesion, 1),
            "previous_lesion": partial(go.step_lesion, -1),
            "auto_window": self.panes.auto_window,
            "reset": go.reset_view,
            "magnifier": partial(self._flip, "magnifier"),
            "ghost": self._flip_ghost,
            "layout": go.change_layout,
            "fits": partial(self.bring_up, Dialog.FITS),
            "common_point": partial(self.choose_tool, Tool.COMMON_POINT),
            "add_lesion": partial(self.bring_up, Dialog.LESION),
            "sign": partial(self.bring_up, Dialog.SIGN_OFF),
            "save": self.session.try_again,
            "napari": partial(self._flip, "napari_shown"),
            "keys": partial(self.bring_up, Dialog.KEYS),
            "cancel": self.cancel,
        }
