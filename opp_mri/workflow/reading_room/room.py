"""A patient as the reading room opens one: time points, lesions, answers and links."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

import attrs
import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.dicom.comparability import compare_acquisitions
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import Plane, SeriesRole, Usability, VolumeDescription
from opp_mri.domain.measurement import ApAxis, Lesion, LevelConfirmation, Reading
from opp_mri.domain.reader_study import Blinding
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import UnknownError
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import list_time_points, map_patients
from opp_mri.workflow.measuring.blinding import cut_timeline, find_last_open_day, read_blinding
from opp_mri.workflow.measuring.contours import get_own_contours
from opp_mri.workflow.measuring.marks import Mark, select_in_force
from opp_mri.workflow.measuring.readings import find_settled_ids, find_signed_ids, get_own_readings
from opp_mri.workflow.measuring.seeds import Phase, determine_phase, find_lesion_seed_lps_mm
from opp_mri.workflow.measuring.timeline import (
    LesionTimeline,
    build_draft_timeline,
    with_contours,
    with_readings,
)
from opp_mri.workflow.registration.links import Links, find_links, shift

CellKey = tuple[date, SeriesRole]


class LevelSource(StrEnum):
    """How it is known where the lesion's vertebra is."""

    SEED = "marked here"
    FIT = "by a confirmed fit"
    READER = "confirmed by you"
    POINT = "by a point that you marked"


@frozen(kw_only=True, eq=False)
class RoomLesion:
    """A lesion with all that its reader needs.

    Parameters
    ----------
    timeline
        As the reader has it now, drafts too.
    log
        All readings of the lesion by this reader, in the order of their recording.
    contours
        All contours of the lesion by this reader, likewise.
    signed
        Ids of the readings that a signature covers.
    axes
        AP axes of its vertebra, the latest last.
    links
        How the frames of reference are joined for this lesion.
    seed
        Frame of reference and point of the lesion, LPS mm, or None: so in a blinded read, where
        only the baseline would have one and give itself away.
    levels
        Points that this reader has confirmed to lie in the lesion's vertebra, by frame of
        reference; the first one confirmed comes first.
    marks
        All axes, levels and common points of this reader in the order of their recording, those
        that were undone too.
    signed_at
        When this reader last signed the lesion; None for never.
    """

    timeline: LesionTimeline
    log: tuple[Reading, ...]
    signed: frozenset[str]
    axes: tuple[ApAxis, ...]
    links: Links
    seed: tuple[str, Vector3] | None
    levels: Mapping[str, Vector3] = field(factory=dict)
    contours: tuple[VolumeReading, ...] = field(default=(), repr=False)
    marks: tuple[Mark, ...] = ()
    signed_at: datetime | None = None
    # every pane asks for its level whenever the mouse moves
    _known: dict[str, tuple[LevelSource, Vector3] | None] = field(
        factory=dict, init=False, repr=False
    )

    @property
    def lesion(self) -> Lesion:
        """The lesion itself."""
        return self.timeline.lesion

    @property
    def settled(self) -> frozenset[str]:
        """Ids of readings that need no signature: the signed, and what an undo brought back."""
        return find_settled_ids(self.log, self.signed) | find_settled_ids(
            self.contours, self.signed
        )

    @property
    def anchor(self) -> tuple[str, Vector3] | None:
        """Where the vertebra is known first: its seed, or else the first level confirmed."""
        return self.seed or next(iter(self.levels.items()), None)

    def find_level(self, frame_of_reference_uid: str) -> tuple[LevelSource, Vector3] | None:
        """Return where the lesion's vertebra is in a frame, and how that is known; None if unknown.

        Parameters
        ----------
        frame_of_reference_uid
            Of the images that are looked at.
        """
        if frame_of_reference_uid not in self._known:
            self._known[frame_of_reference_uid] = self._find_level(frame_of_reference_uid)
        return self._known[frame_of_reference_uid]

    def _find_level(self, frame_of_reference_uid: str) -> tuple[LevelSource, Vector3] | None:
        anchor = self.anchor
        if anchor is None or not frame_of_reference_uid:
            return None
        if self.seed is not None and frame_of_reference_uid == self.seed[0]:
            return LevelSource.SEED, self.seed[1]
        if frame_of_reference_uid in self.levels:
            return LevelSource.READER, self.levels[frame_of_reference_uid]
        confirmed_transform = self.links.find_carrying(frame_of_reference_uid, anchor[0])
        transform = confirmed_transform or self.links.find_linking(
            frame_of_reference_uid, anchor[0]
        )
        if transform is None:
            return None
        x, y, z = transform.apply(np.asarray(anchor[1])).tolist()
        return LevelSource.FIT if confirmed_transform is not None else LevelSource.POINT, (x, y, z)

    def find_axis_lps(self, frame_of_reference_uid: str) -> Vector3 | None:
        """Return the vertebra's AP axis in a frame: set there, or carried by a confirmed fit."""
        for axis in reversed(self.axes):
            transform = self.links.find_carrying(
                frame_of_reference_uid, axis.frame_of_reference_uid
            )
            if transform is not None:
                return _turn(transform, axis.direction_lps)
        return None


@frozen(kw_only=True, eq=False)
class RoomPatient:
    """A patient, opened for one reader.

    Parameters
    ----------
    study_dates
        Its dated time points, in order.
    volumes
        The volume to look at for each sequence of each time point, where no lesion says otherwise.
    series
        All volumes of each time point on which a length can be taken, sagittal ones first.
    lesions
        In the order in which they were recorded.
    links
        How frames are joined where no lesion is chosen.
    undated
        How many volumes cannot be placed in time, and so are not shown.
    blinding
        What is hidden, in a reader's package.
    """

    patient_id: str
    reader: str
    study_dates: tuple[date, ...]
    volumes: Mapping[CellKey, VolumeDescription] = field(repr=False)
    series: Mapping[date, tuple[VolumeDescription, ...]] = field(repr=False)
    lesions: tuple[RoomLesion, ...]
    links: Links
    undated: int = 0
    blinding: Blinding | None = None


def open_patient(store: Store, patient_id: str, reader: str) -> RoomPatient:
    """Open a patient for a reader.

    Parameters
    ----------
    patient_id
        PatientID of the patient, or one of several.
    reader
        Whose readings are shown.

    Raises
    ------
    UnknownError
        The project has no such patient.
    """
    group = map_patients(store).group(patient_id)
    points = list_time_points(store, patient_id)
    if not points:
        raise UnknownError("The project has no images of this patient: index them first.")
    lesions = [
        open_lesion(store, lesion, reader)
        for lesion in store.get_lesions()
        if lesion.patient_id in group
    ]
    blinding = read_blinding(store)
    last = find_last_open_day(blinding, [(lesion.timeline, lesion.signed) for lesion in lesions])
    if last is not None:
        points = [
            time_point
            for time_point in points
            if time_point.study_date and time_point.study_date <= last
        ]
    volumes: dict[CellKey, VolumeDescription] = {}
    for point in points:
        for volume in point.volumes:
            if point.study_date and volume.selected and volume.role:
                volumes.setdefault((point.study_date, volume.role), volume)
    return RoomPatient(
        patient_id=patient_id,
        reader=reader,
        study_dates=tuple(point.study_date for point in points if point.study_date),
        volumes=volumes,
        series={p.study_date: _select_measurable(p.volumes) for p in points if p.study_date},
        lesions=tuple(
            attrs.evolve(lesion, timeline=cut_timeline(lesion.timeline, last)) for lesion in lesions
        ),
        blinding=blinding,
        links=find_links(store, group, None),
        undated=sum(len(point.volumes) for point in points if not point.study_date),
    )


def open_lesion(store: Store, lesion: Lesion, reader: str) -> RoomLesion:
    """Open one lesion for a reader."""
    seed = None if read_blinding(store) is not None else find_lesion_seed_lps_mm(store, lesion)
    group = map_patients(store).group(lesion.patient_id)
    levels = [
        level
        for level in store.log_of(LevelConfirmation, lesion.lesion_id)
        if level.reader == reader
    ]
    axes = [axis for axis in store.get_ap_axes(lesion.lesion_id) if axis.reader == reader]
    points = [
        point
        for patient_id in group
        for point in store.get_common_points(patient_id)
        if point.reader == reader
    ]
    marks: tuple[Mark, ...] = (*levels, *axes, *points)
    room_lesion = RoomLesion(
        timeline=build_draft_timeline(store, lesion, reader),
        log=tuple(get_own_readings(store, lesion.lesion_id, reader)),
        signed=find_signed_ids(store, lesion.lesion_id),
        axes=tuple(select_in_force(axes)),
        links=find_links(store, group, lesion),
        seed=seed,
        levels={
            level.frame_of_reference_uid: level.point_lps_mm for level in select_in_force(levels)
        },
        marks=tuple(sorted(marks, key=lambda mark: mark.recorded_at)),
        signed_at=max(
            (
                signature.recorded_at
                for signature in store.get_signatures(lesion.lesion_id)
                if signature.reader == reader
            ),
            default=None,
        ),
        contours=tuple(get_own_contours(store, lesion.lesion_id, reader)),
    )
    return attrs.evolve(room_lesion, links=_with_levels(room_lesion))


def with_answers(
    lesion: RoomLesion,
    answers: Sequence[Reading | VolumeReading],
    series: Mapping[date, Sequence[VolumeDescription]],
) -> RoomLesion:
    """Return a lesion with more answers in its logs; reads no store.

    Parameters
    ----------
    answers
        Lengths and contours, in the order of their recording.
    series
        All series of each time point.
    """
    log = (*lesion.log, *(answer for answer in answers if isinstance(answer, Reading)))
    contours = (
        *lesion.contours,
        *(answer for answer in answers if isinstance(answer, VolumeReading)),
    )
    timeline = lesion.timeline
    if len(log) > len(lesion.log):
        timeline = with_readings(timeline, log)
    if len(contours) > len(lesion.contours):
        volumes = [volume for of_day in series.values() for volume in of_day]
        timeline = with_contours(timeline, contours, volumes)
    return attrs.evolve(lesion, log=log, contours=contours, timeline=timeline)


def with_level(lesion: RoomLesion, confirmation: LevelConfirmation) -> RoomLesion:
    """Return a lesion with one more frame in which its vertebra is confirmed."""
    levels = {
        **lesion.levels, confirmation.frame_of_reference_uid: confirmation.point_lps_mm
    }  # fmt: skip
    new_lesion = attrs.evolve(lesion, levels=levels, marks=(*lesion.marks, confirmation))
    return attrs.evolve(new_lesion, links=_with_levels(new_lesion))


def _with_levels(lesion: RoomLesion) -> Links:
    """Return the links of a lesion with a shift from each confirmed level to the anchor."""
    if lesion.anchor is None:
        return lesion.links
    frame, point = lesion.anchor
    shifts = [
        step
        for other_frame, other_level in lesion.levels.items()
        if other_frame != frame
        for step in (
            shift(frame, point, other_frame, other_level),
            shift(other_frame, other_level, frame, point),
        )
    ]
    return attrs.evolve(lesion.links, by_point=(*shifts, *lesion.links.by_point))


def load_images(store: Store, volume: VolumeDescription) -> NDArray[np.generic]:
    """Read the native images of a volume, shape (frames, rows, columns), as `volume.planes`.

    Raises
    ------
    GeometryError, InputError
        They cannot be read or measured; the text says why.
    """
    from opp_mri.dicom.volume import (
        load_stack,
    )  # slow to import; a window is up before it is needed

    uids = {frame.sop_instance_uid for frame in volume.frames}
    return load_stack(volume, store.get_sources_of(uids))


def find_nearest_place(volume: VolumeDescription, point_lps_mm: Vector3) -> int:
    """Return which of a volume's images lies nearest to a point of its frame of reference."""
    distances = [abs(plane.measure_distance_mm(point_lps_mm)) for plane in volume.planes]
    return distances.index(min(distances))


def _select_measurable(volumes: Sequence[VolumeDescription]) -> tuple[VolumeDescription, ...]:
    usable = [
        volume
        for volume in volumes
        if volume.planes and volume.usability is not Usability.NOTHING and not volume.duplicate_of
    ]
    return tuple(sorted(usable, key=lambda volume: volume.plane is not Plane.SAGITTAL))


def _turn(transform: RigidTransform, direction_lps: Vector3) -> Vector3:
    x, y, z = (transform.matrix[:3, :3] @ np.asarray(direction_lps)).tolist()
    return (x, y, z)


def describe_technique_changes(
    patient: RoomPatient, lesion: RoomLesion, day: date, volume: VolumeDescription
) -> tuple[str, ...]:
    """Describe what differs in acquisition between a volume and the baseline of its sequence.

    Nothing in a blinded read, where it would give the order of time points away.

    Parameters
    ----------
    patient, lesion
        As they are open in the room.
    day
        Day of the study.
    volume
        The volume of the study.

    Returns
    -------
    tuple of str
        Sentences, one for each change.
    """
    if patient.blinding is not None or volume.role is None:
        return ()
    before = [
        baseline
        for (at, role), baseline in patient.volumes.items()
        if role is volume.role and determine_phase(lesion.lesion, at) is Phase.BEFORE
    ]
    if not before or determine_phase(lesion.lesion, day) is Phase.BEFORE:
        return ()
    return tuple(compare_acquisitions(volume.role, before[-1], volume))
