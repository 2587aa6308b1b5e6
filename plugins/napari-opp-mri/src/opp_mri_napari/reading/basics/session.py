"""What a reader has open: patient, images, answers; and what waits to be loaded or saved.

Nothing here waits for a disk. Whoever runs the room takes `next_job` and `next_save`, runs them
elsewhere, and hands the outcome back; without a screen that is a plain loop.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import attrs
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import ApAxis, LevelConfirmation, Place, Reading, Signature
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.errors import ConflictError, OppMriError
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.marks import Mark
from opp_mri.workflow.project import Project
from opp_mri.workflow.reading_room.room import (
    RoomLesion,
    RoomPatient,
    load_images,
    open_patient,
    with_answers,
    with_level,
)
from opp_mri.workflow.reading_room.worklist import Worklist, build_worklist, with_timeline
from opp_mri_napari.shared.geometry import choose_window
from opp_mri_napari.shared.work import MOST_BYTES, ImageCache, Job, Save, SaveQueue

Written = TypeVar("Written")


@frozen(kw_only=True, eq=False)
class Loaded:
    """Native images of a volume, shape (frames, rows, columns), with a window that shows them."""

    images: NDArray[Any] = field(repr=False)
    window: tuple[float, float]


class Session:
    """A reader's session in one project.

    Attributes
    ----------
    blinding
        What is hidden, in a reader's package; None in any other project.
    when_saved
        Done once, when all is written.
    when_conflicting
        Done when another window has answered a cell meanwhile, whose answer stands.
    worklist, patient, lesion
        What is there, or None until it is loaded or where there is none.
    saves, cache
        What waits to be written, and the images that were loaded.
    ahead
        PatientID of the patient who will be next, or None: loaded when nothing else waits.
    error
        What a category is weighed with: the project's own error of measurement, once it is known.
    warning
        What went wrong, in plain words; "" for nothing.
    """

    def __init__(self, project: Project, reader: str, clock: Callable[[], datetime]) -> None:
        self.project, self.reader, self.clock = project, reader, clock
        self.blinding = read_blinding(project.store)
        self.when_saved: Callable[[], None] | None = None
        self.when_conflicting: Callable[[], None] = lambda: None
        self.worklist: Worklist | None = None
        self.patient: RoomPatient | None = None
        self.lesion: RoomLesion | None = None
        self._wanted: Sequence[VolumeDescription] = ()
        self.ahead: str | None = None
        self.error: MeasurementError | None = None
        self.warning = ""
        self.saves = SaveQueue()
        self.cache: ImageCache[Loaded] = ImageCache()
        self._seen: int | None = None  # head of the store's chain, as far as it is shown here
        self._writing = Lock()
        self._loaded_ahead: str | None = None
        self._next_volumes: Sequence[VolumeDescription] = ()
        self._asked: list[Job] = []
        self._worklist_when_saved = False
        self._worklist_came: Callable[[], None] | None = None
        self._error_waits = self.blinding is None

    # --- loading

    @property
    def wanted(self) -> Sequence[VolumeDescription]:
        """Volumes to be loaded, the most urgent first; set by whoever shows them."""
        return self._wanted

    @wanted.setter
    def wanted(self, volumes: Sequence[VolumeDescription]) -> None:
        self._wanted = volumes
        self.cache.want_images({volume.volume_id for volume in volumes})

    def ask(self, job: Job) -> None:
        """Have something read before anything else."""
        self._asked.append(job)

    def get_next_job(self) -> Job | None:
        """Return what is to be read next, or None; each is given once.

        What was asked for comes first, then the image that the reader waits for, the worklist, and
        all else.
        """
        if self._asked:
            return self._asked.pop(0)
        first = [volume for volume in self.wanted[:1] if self._is_missing(volume)]
        if not first and self._worklist_came is not None:
            return self._build_worklist_job(self._worklist_came)
        for volume in first or self.wanted:
            if self._is_missing(volume):
                return self._build_image_job(volume)
        if self._error_waits and self.patient is not None:
            return self._build_error_job()
        if self.ahead is not None and self.ahead != self._loaded_ahead:
            return self._build_ahead_job(self.ahead)
        for volume in self._next_volumes:
            if self._is_missing(volume) and self.cache.size_bytes < MOST_BYTES // 2:
                return self._build_image_job(volume)
        return None

    def get_images(self, volume: VolumeDescription) -> Loaded | None:
        """Return the images of a volume, or None as long as they are not there."""
        return self.cache.get(volume.volume_id)

    def count_missing_images(self) -> int:
        """How many of the wanted volumes are not there yet."""
        return sum(self.cache.is_waiting_for(volume.volume_id) for volume in self.wanted)

    def try_again(self) -> None:
        """Try images again that could not be read, and what could not be saved."""
        self.cache.failures.clear()
        self.saves.try_again()
        self.warning = ""

    def ask_worklist(self, callback: Callable[[], None] = lambda: None) -> None:
        """Have the worklist made again, as soon as the image that the reader waits for is there."""
        self._worklist_came = callback

    def ask_worklist_when_saved(self) -> None:
        """Have the worklist made again when all is written: other readers' answers show then."""
        self._worklist_when_saved = True

    def ask_patient(self, patient_id: str, callback: Callable[[], None]) -> None:
        """Have a patient opened, or opened again; what is not saved yet stays."""

        def take(room_patient: RoomPatient) -> None:
            self.patient = attrs.evolve(
                room_patient,
                lesions=tuple(
                    self._with_unsaved(lesion, room_patient) for lesion in room_patient.lesions
                ),
            )
            callback()

        store, reader = self.project.store, self.reader

        def run() -> RoomPatient:
            head = store.get_head().sequence_number
            opened_patient = open_patient(store, patient_id, reader)
            self._seen = head
            return opened_patient

        self.ask(Job(label="patient", run=run, take=take, failed=self.warn))

    def look_for_changes(self, callback: Callable[[], None]) -> None:
        """Have it found out whether another window has recorded something meanwhile."""
        if self._asked or self.patient is None or self.unsaved:
            return

        def take(head: int) -> None:
            if self._seen is not None and head != self._seen and not self.unsaved:
                callback()

        store = self.project.store
        self.ask(Job(label="changes", run=lambda: store.get_head().sequence_number, take=take,
                     failed=lambda _error: None))  # fmt: skip

    def choose_lesion(self, lesion_id: str | None) -> None:
        """Take a lesion of the open patient; None for none."""
        lesions = [] if self.patient is None else [
            lesion for lesion in self.patient.lesions if lesion.lesion.lesion_id == lesion_id
        ]  # fmt: skip
        self.lesion = lesions[0] if lesions else None

    # --- saving

    @property
    def unsaved(self) -> int:
        """How many answers and notes are not written yet."""
        return self.saves.count

    def get_next_save(self) -> Save | None:
        """Return what is to be written next, in order; one at a time."""
        return self.saves.get_next_save()

    def save_done(self, error: OppMriError | None) -> None:
        """Take the outcome of the save that was given last; a failed answer stays in line."""
        if isinstance(error, ConflictError):
            self.saves.drop()
            self.when_conflicting()
            return
        self.saves.finish_save(error)
        if error is not None or self.unsaved:
            return
        if self._worklist_when_saved:
            self._worklist_when_saved = False
            self._error_waits = self.blinding is None
            self.ask_worklist()
        if self.when_saved is not None:
            callback, self.when_saved = self.when_saved, None
            callback()

    def save_rest(self) -> None:
        """Write all that is still in line, here and now; stop at what cannot be written."""
        while (save := self.get_next_save()) is not None:
            try:
                save.run()
            except OppMriError as error:
                self.save_done(error)
                return
            self.save_done(None)

    def record(self, *readings: Reading | VolumeReading) -> None:
        """Add answers, lengths or contours, to the open lesion's log, and have them written."""
        for reading in readings:
            write = partial(self._write_reading, reading)
            self.saves.add(Save(run=partial(self.write, write), reading=reading))
            if self.lesion is not None and self.patient is not None:
                self._replace(with_answers(self.lesion, [reading], self.patient.series))

    def sign(self, signature: Signature) -> None:
        """Add a signature, and have it written after the answers that it covers."""
        self.saves.add(
            Save(run=partial(self.write, lambda: self.project.store.add_signature(signature)))
        )
        if self.lesion is not None:
            signed_ids = self.lesion.signed | set(signature.reading_ids)
            self._replace(
                attrs.evolve(self.lesion, signed=signed_ids, signed_at=signature.recorded_at)
            )

    def set_axis(self, axis: ApAxis) -> None:
        """Add an AP axis to the open lesion."""
        self.saves.add(Save(run=partial(self.write, lambda: self.project.store.add_ap_axis(axis))))
        if self.lesion is not None:
            marks = (*self.lesion.marks, axis)
            self._replace(attrs.evolve(self.lesion, axes=(*self.lesion.axes, axis), marks=marks))

    def confirm_level(self, confirmation: LevelConfirmation) -> None:
        """Add a confirmed level to the open lesion."""
        self._save_mark(confirmation)
        if self.lesion is not None:
            self._replace(with_level(self.lesion, confirmation))

    def replay_mark(self, mark: Mark, callback: Callable[[], None]) -> None:
        """Have it recorded that a mark is undone or made again."""
        self._save_mark(mark)
        self.when_saved = callback

    def _save_mark(self, mark: Mark) -> None:
        self.saves.add(Save(run=partial(self.write, lambda: self.project.store.add_to_log([mark]))))

    def settle_role(
        self, volume_id: str, role: SeriesRole | None, callback: Callable[[], None]
    ) -> None:
        """Have the role of a series recorded; None lets the headers decide again."""

        def write() -> None:
            # brings pydicom, which nothing needs before the first image is read
            from opp_mri.workflow.catalogue.index import clear_override, override_role

            if role is None:
                clear_override(self.project, volume_id, self.clock())
            else:
                override_role(self.project, volume_id, role, self.clock())

        self.saves.add(Save(run=partial(self.write, write)))
        self.when_saved = callback

    def write(self, run: Callable[[], Written]) -> Written:
        """Write, and count what was written here as shown, unless others wrote too.

        Any thread may call this: each window of the room writes from its own.
        """
        store = self.project.store
        with self._writing:
            before = store.get_head().sequence_number
            result = run()
            if self._seen is None or before == self._seen:
                self._seen = store.get_head().sequence_number
        return result

    def keep_place(self, place: Place) -> None:
        """Keep where the reader is."""
        self.saves.add(Save(run=lambda: self.project.store.keep_place(place), place=True))

    def _write_reading(self, reading: Reading | VolumeReading) -> None:
        # what another window answered since it was shown here must not be replaced unseen
        self.project.store.add_readings([reading], seen_number=self._seen)

    def _replace(self, lesion: RoomLesion) -> None:
        """Put a lesion in place of its earlier state, in the worklist too."""
        self.lesion = lesion
        if self.worklist is not None:
            self.worklist = with_timeline(self.worklist, lesion.timeline, lesion.settled)
        if self.patient is not None:
            self.patient = attrs.evolve(
                self.patient,
                lesions=tuple(
                    lesion if row.lesion.lesion_id == lesion.lesion.lesion_id else row
                    for row in self.patient.lesions
                ),
            )

    def _with_unsaved(self, lesion: RoomLesion, patient: RoomPatient) -> RoomLesion:
        known_ids = {reading.reading_id for reading in lesion.log}
        known_ids |= {reading.reading_id for reading in lesion.contours}
        unsaved_readings = [
            save.reading
            for save in self.saves.waiting
            if save.reading is not None
            and save.reading.lesion_id == lesion.lesion.lesion_id
            and save.reading.reading_id not in known_ids
        ]
        return (
            with_answers(lesion, unsaved_readings, patient.series) if unsaved_readings else lesion
        )

    def _is_missing(self, volume: VolumeDescription) -> bool:
        return self.cache.is_open(volume.volume_id)

    def _build_worklist_job(self, callback: Callable[[], None]) -> Job:
        self._worklist_came = None
        store, reader = self.project.store, self.reader

        def take(latest: Worklist) -> None:
            # an answer may have been given since it was read
            lesion = self.lesion
            self.worklist = (
                latest if lesion is None else with_timeline(latest, lesion.timeline, lesion.settled)
            )
            callback()

        return Job(label="worklist", run=lambda: build_worklist(store, reader), take=take,
                   failed=self.warn)  # fmt: skip

    def _build_error_job(self) -> Job:
        self._error_waits = False
        store = self.project.store

        def run() -> MeasurementError:
            # brings scipy's statistics
            from opp_mri.workflow.double_read.repeatability import estimate_measurement_error

            return estimate_measurement_error(store)

        def take(error: MeasurementError) -> None:
            self.error = error

        return Job(label="measurement error", run=run, take=take, failed=self.warn)

    def _build_ahead_job(self, patient_id: str) -> Job:
        self._loaded_ahead = patient_id
        store, reader = self.project.store, self.reader

        def take(room_patient: RoomPatient) -> None:
            self._next_volumes = list(room_patient.volumes.values())

        return Job(label="next patient", run=lambda: open_patient(store, patient_id, reader),
                   take=take, failed=self.warn)  # fmt: skip

    def _build_image_job(self, volume: VolumeDescription) -> Job:
        store = self.project.store

        def load() -> Loaded:
            images = load_images(store, volume)
            return Loaded(images=images, window=choose_window(images))

        return self.cache.build_job(
            volume.volume_id, load, lambda volume_images: volume_images.images.nbytes
        )

    def warn(self, error: OppMriError) -> None:
        """Show in plain words what went wrong."""
        self.warning = str(error)
