"""Lesions, findings and events as a reader enters or corrects them."""

from collections.abc import Callable, Mapping

from opp_mri.domain.columns.column import write_value
from opp_mri.domain.columns.lesion import LESION_COLUMNS
from opp_mri.domain.columns.visit import VISIT_COLUMNS, describe_visit
from opp_mri.domain.measurement import Lesion, PixelPoint
from opp_mri.domain.visit import Visit
from opp_mri.errors import OppMriError
from opp_mri.workflow.measuring.lesions import add_event, add_lesion
from opp_mri.workflow.measuring.visits import add_visit
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.dialogs import Dialog, Dialogs
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.work import Job


class LesionEntry:
    """What the form for a lesion has been told.

    Attributes
    ----------
    seed_cells
        The point inside the lesion, by the names of a lesion table's columns.
    error
        What is wrong with what was written; "" for nothing.
    begins
        Whether the form begins with other values: empty, or those of the lesion to correct.
    corrected
        The lesion that is corrected, or None for a new one.
    """

    def __init__(self, session: Session, navigation: Navigation, dialogs: Dialogs) -> None:
        self._session, self._navigation, self._dialogs = session, navigation, dialogs
        self.seed_cells: Mapping[str, str] = {}
        self.error, self.begins = "", True
        self.corrected: Lesion | None = None

    def begin(self, *, is_correction: bool = False) -> None:
        """Bring the form up, empty or for the open lesion."""
        lesion = self._session.lesion
        if is_correction and lesion is None:
            self._navigation.hint = "No lesion is open: Shift+A adds one."
            return
        self.seed_cells, self.error, self.begins = {}, "", True
        self.corrected = lesion.lesion if is_correction and lesion is not None else None
        self._dialogs.bring_up(Dialog.LESION)

    @property
    def seed(self) -> Mapping[str, str]:
        """The point inside the lesion: the one that was clicked, or else that of the correction."""
        recorded_cells = {} if self.corrected is None else _list_seed_cells(self.corrected)
        return self.seed_cells or recorded_cells

    def propose_id(self) -> str:
        """Return a name for the next lesion of the open patient."""
        patient = self._session.patient
        return f"{patient.patient_id}-{len(patient.lesions) + 1}" if patient else ""

    def set_seed(self, pane: Pane, pixel: PixelPoint) -> None:
        """Take the point inside the lesion, and come back to the form as it was."""
        if pane.volume is None:
            return
        frame = pane.volume.frames[pane.place]
        self.seed_cells = {
            "seed_sop_instance_uid": frame.sop_instance_uid,
            "seed_frame": str(frame.frame_number),
            "seed_column": f"{pixel[0]:.2f}",
            "seed_row": f"{pixel[1]:.2f}",
        }
        self.come_back()

    def come_back(self) -> None:
        """Bring the form up again as it was."""
        self.begins = False
        self._dialogs.bring_up(Dialog.LESION)

    def record(self, cells: Mapping[str, str]) -> None:
        """Add the lesion, or record its correction, and open it."""
        patient, corrected_lesion = self._session.patient, self.corrected
        if patient is None:
            return
        recorded_cells = {} if corrected_lesion is None else list_lesion_cells(corrected_lesion)
        full = {**recorded_cells, **cells, **self.seed, "patient_id": patient.patient_id}
        store, at = self._session.project.store, self._session.clock()

        def take(lesion_id: str) -> None:
            self._dialogs.close()
            self.seed_cells, self.error = {}, ""
            self._session.ask_worklist()
            self._navigation.open(
                patient.patient_id, lesion_id, None, self._navigation.sequence, anew=True
            )

        replace = corrected_lesion is not None
        self.ask(lambda: add_lesion(store, full, at, replace=replace).lesion_id, take)

    def note(self, cells: Mapping[str, str]) -> None:
        """Add an event, or a finding such as fracture, to the open lesion."""
        lesion = self._session.lesion
        if lesion is None:
            return
        full = {**cells, "lesion_id": lesion.lesion.lesion_id}
        store, at = self._session.project.store, self._session.clock()

        def take(count: int) -> None:
            self._dialogs.close()
            self.error = ""
            self._navigation.reload()
            event_text = f"{cells['event'].replace('_', ' ')} on {cells['date']}"
            self._navigation.hint = f"{'Noted' if count else 'Noted before'}: {event_text}."

        self.ask(lambda: add_event(store, full, at), take)

    def visit_cells(self) -> Mapping[str, str]:
        """Return what is recorded of the open lesion on the day of the active pane, and the day."""
        lesion, pane = self._session.lesion, self._navigation.panes.current
        if lesion is None or pane is None:
            return {}
        visits_by_date = {visit.visit_date: visit for visit in lesion.timeline.visits}
        day = {"visit_date": pane.study_date.isoformat()}
        return {
            **(
                visit_cells(visits_by_date[pane.study_date])
                if pane.study_date in visits_by_date
                else {}
            ),
            **day,
        }

    def record_visit(self, cells: Mapping[str, str]) -> None:
        """Record the findings of a visit of the open lesion."""
        session, lesion = self._session, self._session.lesion
        if session.blinding is not None:
            self.error = "A reader's package takes answers only: record visits in the project."
            return
        if lesion is None:
            self.error = "No lesion is open: add it first."
            return
        full = {**cells, "lesion_id": lesion.lesion.lesion_id}
        store, reader, at = session.project.store, session.reader, session.clock()

        def take(visit: Visit | None) -> None:
            self._dialogs.close()
            self.error = ""
            self._navigation.reload()
            self._navigation.hint = (
                "This was recorded before."
                if visit is None
                else f"Recorded for {visit.visit_date}: {describe_visit(visit)}."
            )

        self.ask(lambda: add_visit(store, full, reader, at), take)

    def ask(self, run: Callable[[], object], take: Callable[..., None]) -> None:
        """Have something recorded that may be refused."""

        def note_failure(error: OppMriError) -> None:
            self.error = str(error)
            if self._dialogs.kind is None:
                self._session.warn(error)

        self._session.ask(Job(label="form", run=run, take=take, failed=note_failure))


def list_lesion_cells(lesion: Lesion) -> Mapping[str, str]:
    """Return a lesion as text, by the names of a lesion table's columns."""
    columns = [
        column for column in LESION_COLUMNS if column.name not in ("patient_id", "tracking_uid")
    ]
    return {column.name: write_value(column.of(lesion)) for column in columns}


def visit_cells(visit: Visit) -> Mapping[str, str]:
    """Return a visit as text, by the names of a visit table's columns."""
    return {column.name: write_value(column.of(visit)) for column in VISIT_COLUMNS}


def _list_seed_cells(lesion: Lesion) -> Mapping[str, str]:
    seed = lesion.seed
    if seed is None:
        return {}
    return {
        "seed_sop_instance_uid": seed.sop_instance_uid, "seed_frame": str(seed.frame_number),
        "seed_column": f"{seed.column}", "seed_row": f"{seed.row}",
    }  # fmt: skip
