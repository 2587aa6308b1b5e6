"""Where a reader is: patient, lesion, time point, sequence; and how to get elsewhere."""

from datetime import date

import numpy as np

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Place, Reading
from opp_mri.domain.reader_study import ShownDates
from opp_mri.units import days_between, weeks_from_days
from opp_mri.workflow.measuring.seeds import Phase, phase
from opp_mri.workflow.measuring.timeline import Cell, CellStatus
from opp_mri_napari.reading.calipers import Calipers, place_of
from opp_mri_napari.reading.layout import Layout, shown_days
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.reading.session import Job, Session
from opp_mri_napari.reading.side_views import next_unread
from opp_mri_napari.reading.views import CellRef

PHASES = {Phase.BEFORE: "before SSRS", Phase.DURING: "during SSRS", Phase.AFTER: "follow-up"}


class Navigation:
    """A reader's way through a project.

    Parameters
    ----------
    session, panes, calipers
        What is open, how it is looked at, and the answers.

    Attributes
    ----------
    sequence
        The sequence that all panes show.
    layout
        Which time points have a pane.
    hint
        What would come next, in words.
    """

    def __init__(self, session: Session, panes: Panes, calipers: Calipers) -> None:
        self.session, self.panes, self.calipers = session, panes, calipers
        self.sequence = SeriesRole.T1
        self.layout = Layout.ALL
        self.hint = ""
        self._here: tuple[str, str | None] | None = None

    @property
    def current(self) -> CellRef | None:
        """The cell that is read: lesion, time point of the active pane, and sequence."""
        pane, lesion, patient = self.panes.current, self.session.lesion, self.session.patient
        if pane is None or lesion is None or patient is None:
            return None
        return CellRef(patient_id=patient.patient_id, lesion_id=lesion.lesion.lesion_id,
                       study_date=pane.study_date, sequence=self.sequence)  # fmt: skip

    def start(self) -> None:
        """Come back to where the reader left off, or to the first unread cell."""

        def arrive(place: Place | None) -> None:
            if place is not None:
                self.open(place.patient_id, place.lesion_id, place.study_date, place.sequence)

        def worklist_came() -> None:
            if self.session.patient is None:
                self.next_unread()
            else:
                self._want()  # now it is known who is next

        store, reader = self.session.project.store, self.session.reader
        self.session.ask(
            Job(what="place", run=lambda: store.place(reader), take=arrive,
                failed=self.session.warn)
        )  # fmt: skip
        self.session.ask_worklist(worklist_came)

    def go_to(self, ref: CellRef) -> None:
        """Go to a cell: its lesion, its image, its caliper."""
        self.open(ref.patient_id, ref.lesion_id, ref.study_date, ref.sequence)

    def open_patient(self, patient_id: str) -> None:
        """Open a patient, at its first lesion where it has one."""
        self.open(patient_id, None, None, SeriesRole.T1)

    def next_unread(self) -> None:
        """Go to the next unread cell, if there is one."""
        worklist = self.session.worklist
        if worklist is None:
            return
        ref = next_unread(worklist, self.current)
        if ref is not None:
            self.go_to(ref)
            return
        first = worklist.lesions[0].patient_id if worklist.lesions else None
        without = worklist.patients_without_lesion
        if self.session.patient is None and (first or without):
            self.open_patient(first or without[0])
        self.hint = "Nothing is unread: sign what is a draft." if first else ""

    def step_lesion(self, step: int) -> None:
        """Go to the next or previous lesion of the worklist."""
        worklist, lesion = self.session.worklist, self.session.lesion
        if worklist is None or not worklist.lesions:
            return
        ids = [one.lesion.lesion_id for one in worklist.lesions]
        here = ids.index(lesion.lesion.lesion_id) if lesion else -step
        target = worklist.lesions[(here + step) % len(ids)]
        self.open(target.patient_id, target.lesion.lesion_id, None, self.sequence)

    def step_time_point(self, step: int) -> None:
        """Go to the next or previous time point."""
        patient, pane = self.session.patient, self.panes.current
        if patient is None or pane is None:
            return
        place = patient.study_dates.index(pane.study_date) + step
        if 0 <= place < len(patient.study_dates):
            self._activate(patient.study_dates[place])

    def step_series(self, step: int) -> None:
        """Show the next or previous series of the active pane's time point."""
        patient, pane = self.session.patient, self.panes.current
        series = patient.series.get(pane.study_date, ()) if patient and pane else ()
        if pane is None or not series:
            return
        ids = [one.volume_id for one in series]
        here = ids.index(pane.volume.volume_id) if pane.volume else -step
        chosen = series[(here + step) % len(ids)]
        if chosen.role is not None and chosen.role is not self.sequence:
            self.sequence = chosen.role  # a length belongs to the sequence that it is taken on
            self._show_sequence()
        self.panes.show(pane, chosen)
        self._want()

    def choose_sequence(self, *roles: SeriesRole) -> None:
        """Show a sequence in all panes; of several, the next one that the patient has."""
        patient = self.session.patient
        there = [r for r in roles if patient and any(role is r for _, role in patient.volumes)]
        if not there:
            self.hint = f"This patient has no {' or '.join(r.value for r in roles)}."
            return
        place = there.index(self.sequence) + 1 if self.sequence in there else 0
        self.sequence = there[place % len(there)]
        self._show_sequence()

    def change_layout(self) -> None:
        """Go from all time points to baseline, prior and current, to one, and round again."""
        order = list(Layout)
        self.layout = order[(order.index(self.layout) + 1) % len(order)]
        if self.panes.current is not None:
            self._activate(self.panes.current.study_date)

    def resized(self, height_px: float) -> None:
        """Take the height of a pane; what was framed stays framed."""
        before, self.panes.height_px = self.panes.height_px, height_px
        if before > 0:
            self.panes.zoom *= height_px / before

    def reset_view(self) -> None:
        """Frame the lesion again, with each image's own window."""
        self.panes.reset_window()
        self._look_at_lesion()

    def reload(self) -> None:
        """Read lesions and links of the patient anew: fits may have been confirmed."""
        patient, ref, lesion = self.session.patient, self.current, self.session.lesion
        if patient is not None:
            day = ref.study_date if ref else None
            self.open(patient.patient_id, lesion.lesion.lesion_id if lesion else None, day,
                       self.sequence, anew=True)  # fmt: skip

    def heading(self, day: date) -> str:
        """Name a time point."""
        patient, lesion = self.session.patient, self.session.lesion
        code = f"TP{patient.study_dates.index(day)}" if patient else "TP"
        blinding = self.session.blinding
        if patient is not None and blinding is not None:
            if blinding.dates is ShownDates.HIDDEN:
                return code
            return f"{code} · day {days_between(patient.study_dates[0], day)}"
        if lesion is None:
            return f"{code} · {day}"
        days = days_between(lesion.lesion.ssrs_last_date, day)
        return f"{code} · {weeks_from_days(days):+.1f} weeks"

    def when(self, day: date) -> str:
        """Say when a time point was: its date, and where it stands to the treatment."""
        lesion = self.session.lesion
        if self.session.blinding is not None:
            return ""
        return f"{day} {PHASES[phase(lesion.lesion, day)]}" if lesion else ""

    def prior(self, pane: Pane) -> Cell | None:
        """Give the cell before a pane's that has a caliper on the same sequence."""
        cells = self.session.lesion.timeline.cells if self.session.lesion else ()
        before = [
            cell for cell in cells
            if cell.sequence is self.sequence
            and cell.study_date < pane.study_date
            and cell.reading is not None
            and cell.reading.caliper is not None
        ]  # fmt: skip
        return before[-1] if before else None

    def open(
        self, patient_id: str, lesion_id: str | None, day: date | None, sequence: SeriesRole,
        *, anew: bool = False,
    ) -> None:  # fmt: skip
        """Go to a patient, and to a lesion, time point and sequence of it where they are named.

        Parameters
        ----------
        anew
            Read the patient again even if it is open.
        """
        self.calipers.line.cancel()
        self.calipers.selected = None
        self.hint = ""
        patient = self.session.patient

        def arrive() -> None:
            self._arrive(lesion_id, day, sequence)

        if patient is None or patient.patient_id != patient_id or anew:
            self.session.ask_patient(patient_id, arrive)
        else:
            arrive()

    def _arrive(self, lesion_id: str | None, day: date | None, sequence: SeriesRole) -> None:
        patient = self.session.patient
        if patient is None or not patient.study_dates:
            self.session.warning = "No image of this patient has a date: nothing can be followed."
            return
        if lesion_id is None and patient.lesions:
            lesion_id = patient.lesions[0].lesion.lesion_id
        knew = self._knows_lesion()
        self.session.choose_lesion(lesion_id)
        lesion = self.session.lesion
        self.panes.linking = (lesion.links if lesion else patient.links).linking
        here = (patient.patient_id, lesion_id)
        same_place, self._here = here == self._here, here
        if not same_place:
            self.panes.panes = []
        self.sequence = sequence
        if not any(role is sequence for _, role in patient.volumes):
            self.sequence = next((role for _, role in patient.volumes), sequence)
        self._activate(day or self._first_day(patient.study_dates))
        if not same_place:
            self.reset_view()
        elif self._knows_lesion() and not knew:  # a fit was confirmed meanwhile
            self._look_at_lesion()
        elif self.panes.current is not None:
            self.panes.follow(self.panes.current)  # what links the panes may be new
        self._jump_to_caliper()

    def _knows_lesion(self) -> bool:
        """Tell whether it is known where the lesion is in the active pane."""
        lesion, pane = self.session.lesion, self.panes.current
        if lesion is None or lesion.seed is None or pane is None or not pane.frame:
            return False
        return self.panes.linking(pane.frame, lesion.seed[0]) is not None

    def _first_day(self, days: tuple[date, ...]) -> date:
        """Give the time point to begin with: the first unread one, or the baseline."""
        cells = self.session.lesion.timeline.cells if self.session.lesion else ()
        unread = [cell.study_date for cell in cells if cell.status is CellStatus.UNREAD]
        return unread[0] if unread else days[0]

    def _activate(self, day: date) -> None:
        """Make the pane of a time point the active one, and show it if it is not."""
        patient = self.session.patient
        if patient is None:
            return
        self.calipers.selected = None
        self.panes.lay_out(shown_days(patient.study_dates, day, self.layout), day)
        self._show_sequence()

    def activate(self, pane: Pane) -> None:
        """Make a pane that is shown the active one."""
        if pane is not self.panes.current:
            self.panes.active = self.panes.panes.index(pane)
            self.calipers.selected = None
            self._keep_place()

    def _show_sequence(self) -> None:
        # the active pane first: others take their place from it
        for pane in sorted(self.panes.panes, key=lambda one: one is not self.panes.current):
            volume, why = self._volume(pane.study_date)
            self.panes.show(pane, volume, why)
        self._jump_to_caliper()
        self._want()
        self._keep_place()

    def _volume(self, day: date) -> tuple[VolumeDescription | None, str]:
        patient = self.session.patient
        cell = self.calipers.cell(day, self.sequence)
        if cell is not None:
            if cell.volume is not None:
                return cell.volume, ""
            if cell.status is CellStatus.NOT_COVERED:
                return None, f"No {self.sequence.value} of this study reaches the lesion."
        volume = patient.volumes.get((day, self.sequence)) if patient and cell is None else None
        return volume, "" if volume else f"This study has no {self.sequence.value}."

    def _want(self) -> None:
        """Say which images are needed: those shown, then the lesion's others, then what is next."""
        patient = self.session.patient
        if patient is None:
            return
        active = self.panes.current
        shown = sorted(self.panes.panes, key=lambda one: one is not active)
        wanted = [pane.volume for pane in shown if pane.volume is not None]
        for sequence in SeriesRole:
            wanted += [
                volume
                for (day, role), volume in patient.volumes.items()
                if role is sequence and self.panes.pane_of(day) is not None
            ]
        self.session.wanted = list({one.volume_id: one for one in wanted}.values())
        self.session.ahead = self._next_patient(patient.patient_id)

    def _next_patient(self, patient_id: str) -> str | None:
        """Give the patient whom the worklist has after this one."""
        worklist = self.session.worklist
        ids = list(dict.fromkeys(one.patient_id for one in worklist.lesions)) if worklist else []
        if patient_id not in ids or ids[-1] == patient_id:
            return None
        return ids[ids.index(patient_id) + 1]

    def _look_at_lesion(self) -> None:
        """Have all panes look at the lesion, or at their middle where it is not known."""
        lesion = self.session.lesion
        seed = lesion.seed if lesion else None
        order = sorted(self.panes.panes, key=lambda one: one is not self.panes.current)
        found = False
        for pane in order:
            if seed is None or pane.volume is None:
                continue
            linking = self.panes.linking(pane.frame, seed[0])
            if linking is not None:
                x, y, z = linking.apply(np.asarray(seed[1])).tolist()
                pane.look_at((x, y, z))
                found = True
        self.panes.frame_lesion(whole=not found)

    def _jump_to_caliper(self) -> None:
        """Look at the caliper of the current cell, where there is one."""
        pane = self.panes.current
        reading = self.calipers.reading(pane, self.sequence) if pane else None
        if pane is None or reading is None or reading.caliper is None:
            return
        place = place_of(pane, reading)
        if place is not None:
            a, b = reading.caliper.start_lps_mm, reading.caliper.end_lps_mm
            x, y, z = ((p + q) / 2 for p, q in zip(a, b, strict=True))
            self.panes.look_at(pane, (x, y, z))
            pane.place = place

    def show_edit(self, reading: Reading | None) -> None:
        """Go to the cell that an undo or redo has changed; None where there was none."""
        if reading is None:
            if self.session.lesion is not None:
                self.hint = "There is nothing more to undo or redo since the signature."
            return
        day, sequence = reading.cell
        self.hint = ""
        self.sequence = sequence
        self._activate(day)

    def _keep_place(self) -> None:
        patient, pane, lesion = self.session.patient, self.panes.current, self.session.lesion
        if patient is None or pane is None:
            return
        self.session.keep_place(
            Place(
                reader=self.session.reader,
                patient_id=patient.patient_id,
                lesion_id=lesion.lesion.lesion_id if lesion else None,
                sequence=self.sequence,
                study_date=pane.study_date,
            )
        )
