"""Where a reader is: patient, lesion, time point, sequence; and how to get elsewhere."""

from datetime import date

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Place, Reading
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.reading_room.room import describe_technique_changes
from opp_mri_napari.reading.basics.layout import BY_SEQUENCE, BY_TIME, Layout, choose_slots
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.calipers import Calipers, place_of
from opp_mri_napari.reading.levels import Levels
from opp_mri_napari.reading.panels.panel_views import CellRef
from opp_mri_napari.reading.panels.worklist_order import WorklistOrder, find_next_patient
from opp_mri_napari.reading.panes import Pane, Panes
from opp_mri_napari.reading.series_choice import SeriesChoice
from opp_mri_napari.shared.work import Job


class Navigation:
    """A reader's way through a project.

    Parameters
    ----------
    session, panes, calipers
        What is open, how it is looked at, and the answers.

    Attributes
    ----------
    layout
        Which time points and sequences have a pane.
    levels
        What is known of the vertebra in each pane.
    series
        Which series a pane shows.
    order
        In which order cells follow each other, and which of them the worklist shows.
    hint
        What would come next, in words.
    openings, moves
        How often a lesion was opened, and how often the current cell may have changed: a dialog
        belongs to the lesion or the cell that it was opened for.
    """

    def __init__(self, session: Session, panes: Panes, calipers: Calipers) -> None:
        self.session, self.panes, self.calipers = session, panes, calipers
        self.layout, self.order = Layout.ALL, WorklistOrder()
        self.levels = Levels(session, panes)
        self.series = SeriesChoice(session, calipers)
        self.hint = ""
        self.openings = self.moves = 0
        self._sequence = SeriesRole.T1
        self._before_enlarging: Layout | None = None
        self._here: tuple[str, str | None] | None = None

    @property
    def sequence(self) -> SeriesRole:
        """The sequence that is read: that of the active pane."""
        return self.panes.current.sequence if self.panes.current else self._sequence

    @property
    def current(self) -> CellRef | None:
        """The cell that is read: lesion, time point of the active pane, and sequence."""
        pane, lesion, patient = self.panes.current, self.session.lesion, self.session.patient
        if pane is None or lesion is None or patient is None:
            return None
        return CellRef(patient_id=patient.patient_id, lesion_id=lesion.lesion.lesion_id,
                       study_date=pane.study_date, sequence=pane.sequence)  # fmt: skip

    def end_messages(self) -> None:
        """Drop what was said: a message ends with the next act."""
        self.hint = self.session.warning = ""

    def start(self) -> None:
        """Come back to where the reader left off, or to the first unread cell."""

        def arrive(place: Place | None) -> None:
            if place is not None:
                self.open(place.patient_id, place.lesion_id, place.study_date, place.sequence)

        def go_on_with_worklist() -> None:
            if self.session.patient is None:
                self.open_unread()
            else:
                self._want_images()  # now it is known who is next

        store, reader = self.session.project.store, self.session.reader
        self.session.ask(
            Job(label="place", run=lambda: store.get_place(reader), take=arrive,
                failed=self.session.warn)
        )  # fmt: skip
        self.session.ask_worklist(go_on_with_worklist)

    def go_to(self, ref: CellRef) -> None:
        """Go to a cell: its lesion, its image, its caliper in the middle."""
        self.open(ref.patient_id, ref.lesion_id, ref.study_date, ref.sequence, centres=True)

    def open_patient(self, patient_id: str) -> None:
        """Open a patient, at its first lesion where it has one."""
        self.open(patient_id, None, None, SeriesRole.T1)

    def open_unread(self) -> None:
        """Go to the next unread cell, if there is one."""
        worklist = self.session.worklist
        if worklist is None:
            return
        ref = self.order.find_next_cell(worklist, self.current)
        if ref is not None:
            self.go_to(ref)
            return
        first = worklist.lesions[0].patient_id if worklist.lesions else None
        without = worklist.patients_without_lesion
        if self.session.patient is None and (first or without):
            self.open_patient(first or without[0])
        self.hint = self.order.describe_nothing_left(worklist) if first else ""

    def step_lesion(self, step: int) -> None:
        """Go to the next or previous lesion that the worklist shows."""
        worklist, lesion = self.session.worklist, self.session.lesion
        rows = self.order.list_lesions(worklist) if worklist is not None else []
        if worklist is None or not rows:
            self.hint = self.order.describe_nothing_left(worklist) if worklist else ""
            return
        ids = [row.lesion.lesion_id for row in rows]
        current_id = lesion.lesion.lesion_id if lesion else ""
        place = ids.index(current_id) + step if current_id in ids else (0 if step > 0 else -1)
        target = rows[place % len(ids)]
        self.open(target.patient_id, target.lesion.lesion_id, None, self.sequence)

    def step_time_point(self, step: int) -> None:
        """Go to the next or previous time point."""
        patient, pane = self.session.patient, self.panes.current
        if patient is None or pane is None:
            return
        place = patient.study_dates.index(pane.study_date) + step
        if 0 <= place < len(patient.study_dates):
            self._activate(patient.study_dates[place], pane.sequence)

    def step_series(self, step: int) -> None:
        """Show the next or previous series of the active pane's time point."""
        patient, pane = self.session.patient, self.panes.current
        series = patient.series.get(pane.study_date, ()) if patient and pane else ()
        if pane is None or not series:
            return
        ids = [volume.volume_id for volume in series]
        current_index = ids.index(pane.volume.volume_id) if pane.volume else -step
        volume = series[(current_index + step) % len(ids)]
        if volume.role is not None and volume.role is not pane.sequence and not pane.aside:
            # a length belongs to the sequence that it is taken on
            self._activate(pane.study_date, volume.role)
            pane = self.panes.current or pane
        self._show(pane, volume)
        self._want_images()

    def choose_sequence(self, *roles: SeriesRole) -> None:
        """Show a sequence in all panes; of several, the next one that the patient has."""
        patient = self.session.patient
        pane = self.panes.current
        present_roles = [r for r in roles if r in self.series.list_sequences()]
        if not present_roles or patient is None or pane is None:
            self.hint = f"This patient has no {' or '.join(r.value for r in roles)}."
            return
        place = present_roles.index(self.sequence) + 1 if self.sequence in present_roles else 0
        self._activate(pane.study_date, present_roles[place % len(present_roles)])

    def change_layout(self, layouts: tuple[Layout, ...] = BY_TIME) -> None:
        """Go to the next of some layouts that shows something else; the place stays."""
        pane = self.panes.current
        if pane is None:
            return
        before = [(pane.study_date, pane.sequence) for pane in self.panes.panes]
        start = layouts.index(self.layout) if self.layout in layouts else -1
        for step in range(1, len(layouts) + 1):
            self.layout = layouts[(start + step) % len(layouts)]
            if list(self._list_slots((pane.study_date, pane.sequence))) != before:
                break
        self._before_enlarging = None
        self._lay_out(pane.study_date, pane.sequence)

    def change_layout_by_sequence(self) -> None:
        """Go from the sequences of this time point to time points by sequences, and back."""
        self.change_layout(BY_SEQUENCE)

    def enlarge(self, pane: Pane) -> None:
        """Show one pane as large as can be, or all that were there before."""
        if self._before_enlarging is not None:
            self.layout, self._before_enlarging = self._before_enlarging, None
        elif len(self.panes.panes) > 1:
            self._before_enlarging, self.layout = self.layout, Layout.ONE
        self._lay_out(pane.study_date, pane.sequence)

    def reset_view(self) -> None:
        """Frame the lesion again, with each image's own window."""
        self.panes.reset_window()
        self.panes.zoom_factor = 1.0
        for pane in self.panes.panes:
            self.levels.look(pane)
        leader = self.panes.current
        if leader is not None and leader.whole:  # no lesion yet: still one place of the body
            self.panes.follow(leader)

    def reload(self, hint: str = "") -> None:
        """Read lesions and links of the patient again, and say what that is for."""
        patient, ref, lesion = self.session.patient, self.current, self.session.lesion
        if patient is not None:
            day = ref.study_date if ref else None
            self.open(patient.patient_id, lesion.lesion.lesion_id if lesion else None, day,
                       self.sequence, anew=True)  # fmt: skip
        self.hint = self.hint or hint

    def find_prior(self, pane: Pane) -> Cell | None:
        """Return the cell before a pane's that has a caliper on the same sequence."""
        cells = self.session.lesion.timeline.cells if self.session.lesion else ()
        before = [
            cell for cell in cells
            if cell.sequence is pane.sequence
            and cell.study_date < pane.study_date
            and cell.reading is not None
            and cell.reading.caliper is not None
        ]  # fmt: skip
        return before[-1] if before else None

    def open(
        self, patient_id: str, lesion_id: str | None, day: date | None, sequence: SeriesRole,
        *, anew: bool = False, centres: bool = False,
    ) -> None:  # fmt: skip
        """Go to a patient, and to a lesion, time point and sequence of it where they are named.

        Parameters
        ----------
        anew
            Read the patient again even if it is open.
        centres
            Show the caliper in the middle, at the zoom of the lesion at least.
        """
        self.calipers.line.cancel()
        self.calipers.selected = None
        self.calipers.drop_questions()
        self.end_messages()
        self.openings += 1
        self.moves += 1
        patient = self.session.patient

        def arrive() -> None:
            self._arrive(lesion_id, day, sequence, centres=centres)

        if patient is None or patient.patient_id != patient_id or anew:
            self.session.ask_patient(patient_id, arrive)
        else:
            arrive()

    def _arrive(
        self, lesion_id: str | None, day: date | None, sequence: SeriesRole, *, centres: bool
    ) -> None:
        patient = self.session.patient
        if patient is None or not patient.study_dates:
            self.session.warning = "No image of this patient has a date: nothing can be followed."
            return
        if lesion_id is None and patient.lesions:
            lesion_id = patient.lesions[0].lesion.lesion_id
        self.session.choose_lesion(lesion_id)
        lesion = self.session.lesion
        self.panes.linking = (lesion.links if lesion else patient.links).find_linking
        location = (patient.patient_id, lesion_id)
        same_place, self._here = location == self._here, location
        if not same_place:
            self.panes.panes = []
        sequences = self.series.list_sequences()
        if sequence not in sequences:
            sequence = sequences[0] if sequences else sequence
        known_panes = [pane for pane in self.panes.panes if not pane.whole]
        self._lay_out(day or self._find_first_day(patient.study_dates, sequence), sequence)
        if not same_place:
            self.reset_view()
        else:
            for pane in self.panes.panes:  # a fit was confirmed meanwhile, or a level undone
                is_known = self.levels.find_known(pane) is not None
                if is_known is pane.whole or (is_known and pane not in known_panes):
                    self.levels.look(pane)
            if self.panes.current is not None and self.panes.current.whole:
                self.panes.follow(self.panes.current)  # else each is at the lesion's vertebra
        self._jump_to_caliper(follow=not same_place, centres=centres)

    def _find_first_day(self, days: tuple[date, ...], sequence: SeriesRole) -> date:
        """Return the time point to begin with: the first unread one, or the baseline."""
        cells = self.session.lesion.timeline.cells if self.session.lesion else ()
        unread = [cell for cell in cells if cell.status is CellStatus.UNREAD]
        of_sequence = [cell for cell in unread if cell.sequence is sequence]
        return next((cell.study_date for cell in of_sequence or unread), days[0])

    def _list_slots(self, active: tuple[date, SeriesRole]) -> tuple[tuple[date, SeriesRole], ...]:
        patient = self.session.patient
        if patient is None:
            return ()
        return choose_slots(patient.study_dates, self.series.list_sequences(), active, self.layout)

    def _activate(self, day: date, sequence: SeriesRole) -> None:
        """Make the pane of a cell the active one, show it if it is not, and go to its caliper."""
        self._lay_out(day, sequence)
        self._jump_to_caliper()

    def _lay_out(self, day: date, sequence: SeriesRole) -> None:
        """Make the pane of a cell the active one, and show it if it is not."""
        self.calipers.selected = None
        self.moves += 1
        self._sequence = sequence
        self.panes.lay_out(self._list_slots((day, sequence)), (day, sequence))
        self._add_aside(day, sequence)
        # the active pane first: others take their place from it
        for pane in sorted(self.panes.panes, key=lambda pane: pane is not self.panes.current):
            self._show(pane, *self.series.choose_volume(pane))
        self._want_images()
        self._keep_place()

    def show_aside(self) -> None:
        """Show another series of the time point next to the pane that is read, or no longer."""
        pane = self.panes.current
        if pane is not None:
            self.layout = Layout.ALL if self.layout is Layout.ASIDE else Layout.ASIDE
            self._before_enlarging = None
            self._lay_out(pane.study_date, pane.sequence)

    def _add_aside(self, day: date, sequence: SeriesRole) -> None:
        if self.layout is Layout.ASIDE:
            self.panes.panes.append(Pane(study_date=day, sequence=sequence, aside=True))

    def activate(self, pane: Pane) -> None:
        """Make a pane that is shown the active one."""
        if pane is not self.panes.current:
            self.panes.active = self.panes.panes.index(pane)
            self.calipers.selected = None
            self.moves += 1
            self._keep_place()

    def _show(self, pane: Pane, volume: VolumeDescription | None, why_empty: str = "") -> None:
        """Show a volume in a pane, with what is known of its level and of its technique."""
        has_changed = volume is not pane.volume
        lesion, patient = self.session.lesion, self.session.patient
        level = self.levels.find_in(volume)
        self.panes.show(pane, volume, why_empty, level)
        if has_changed:
            pane.whole = level is None
            pane.doubts, pane.technique = self.series.list_doubts(volume), ()
            if lesion is not None and patient is not None and volume is not None:
                pane.technique = describe_technique_changes(
                    patient, lesion, pane.study_date, volume
                )

    def _want_images(self) -> None:
        """State which images are needed: those shown, then the lesion's others, then the next."""
        patient = self.session.patient
        if patient is None:
            return
        active = self.panes.current
        ordered_panes = sorted(self.panes.panes, key=lambda pane: pane is not active)
        volumes = [pane.volume for pane in ordered_panes if pane.volume is not None]
        for sequence in SeriesRole:
            volumes += [
                volume
                for (day, role), volume in patient.volumes.items()
                if role is sequence and self.panes.find_pane(day) is not None
            ]
        self.session.wanted = list({volume.volume_id: volume for volume in volumes}.values())
        self.session.ahead = find_next_patient(self.session.worklist, patient.patient_id)

    def _jump_to_caliper(self, *, follow: bool = False, centres: bool = False) -> None:
        """Show the caliper of the current cell, where there is one that is not shown or centred."""
        pane = self.panes.current
        reading = self.calipers.find_reading(pane) if pane else None
        if pane is None or reading is None or reading.caliper is None:
            return
        place = place_of(pane, reading)
        if place is not None and (centres or place != pane.place):
            pane.look_at(reading.caliper.middle_lps_mm)
            pane.place = place
            if centres:
                self.panes.zoom_factor = max(1.0, self.panes.zoom_factor)
            if follow:
                self.panes.follow(pane)

    def show_edit(self, reading: Reading | None) -> None:
        """Go to the cell that an undo or redo has changed; None where there was none."""
        if reading is not None:
            self.hint = ""
            self._activate(*reading.cell)

    def _keep_place(self) -> None:
        patient, pane, lesion = self.session.patient, self.panes.current, self.session.lesion
        if patient is None or pane is None:
            return
        place = Place(
            reader=self.session.reader,
            patient_id=patient.patient_id,
            lesion_id=lesion.lesion.lesion_id if lesion else None,
            sequence=self.sequence,
            study_date=pane.study_date,
        )
        self.session.keep_place(place)
