"""Who is one patient, and when a patient was seen.

Other PatientIDs are joined only by what a person said; a likely match is proposed, never assumed.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.errors import InputError
from opp_mri.store.protocol import PatientRecord, Store
from opp_mri.tables.csv_table import read_table

MOST_NAMESAKES: Final = 6  # PatientIDs of one person, at most


@frozen(kw_only=True)
class TimePoint:
    """All studies of a patient on one date; None gathers the studies that give no date.

    Parameters
    ----------
    study_instance_uids
        Its studies, each once: a study that only copies others is named next to them.
    copied_study_instance_uids
        Studies of which every volume here has the pixels of another study.
    volumes
        All volumes, copies too.
    """

    study_date: date | None
    study_instance_uids: tuple[str, ...]
    copied_study_instance_uids: tuple[str, ...] = ()
    volumes: tuple[VolumeDescription, ...]

    def get_chosen(self, role: SeriesRole) -> tuple[VolumeDescription, ...]:
        """Return the volumes that were chosen for a role, one a station."""
        return tuple(v for v in self.volumes if v.selected and v.role is role)


@frozen(kw_only=True)
class Patient:
    """A patient with all the PatientIDs that a person joined.

    Parameters
    ----------
    patient_id
        The one that the others were said to be the same as.
    patient_ids
        All of them, sorted.
    """

    patient_id: str
    patient_ids: tuple[str, ...]


@frozen(kw_only=True)
class LikelyMatch:
    """Two PatientIDs that may be one patient, and why; for a person to decide."""

    patient_ids: tuple[str, str]
    reasons: tuple[str, ...]


class PatientMap:
    """Which PatientIDs belong together, by the pairs that were recorded.

    A pair of a PatientID with itself takes that PatientID out of its group again.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._same_as: dict[str, str] = {}
        for patient_id, same_as in pairs:
            self._same_as.pop(patient_id, None)
            target = self.get_canonical(same_as)
            if target != patient_id:
                self._same_as[patient_id] = target

    def get_canonical(self, patient_id: str) -> str:
        """Return the PatientID that this one was said to be the same as, in the end."""
        while patient_id in self._same_as:
            patient_id = self._same_as[patient_id]
        return patient_id

    def would_change(self, patient_id: str, same_as: str) -> bool:
        """Return whether a further pair would say anything new."""
        if patient_id == same_as:
            return patient_id in self._same_as
        return self.get_canonical(patient_id) != self.get_canonical(same_as)

    def group(self, patient_id: str) -> tuple[str, ...]:
        """Return all PatientIDs of the same patient, sorted."""
        canonical = self.get_canonical(patient_id)
        members = {canonical} | {
            other_id for other_id in self._same_as if self.get_canonical(other_id) == canonical
        }
        return tuple(sorted(members))


def map_patients(store: Store) -> PatientMap:
    """Return the groups of PatientIDs as recorded so far."""
    return PatientMap(store.get_same_patient())


def read_same_patient(path: Path) -> list[tuple[str, str]]:
    """Read a map of PatientIDs, CSV `patient_id,same_as`.

    Raises
    ------
    TableError
        A cell is empty, or one PatientID is said to be the same as two others.
    """
    pairs: dict[str, str] = {}
    with read_table(path, required_columns=["patient_id", "same_as"]) as table:
        for row in table.rows:
            patient_id, same_as = row.read_text("patient_id"), row.read_text("same_as")
            if patient_id is None or same_as is None:
                continue
            if pairs.setdefault(patient_id, same_as) != same_as:
                row.add_fault("patient_id", "has two different same_as: keep one row")
    return list(pairs.items())


def join_patients(store: Store, path: Path, at: datetime) -> int:
    """Record a map of PatientIDs, and have the patients that it touches described again.

    Returns
    -------
    int
        Number of pairs that were not recorded before.

    Raises
    ------
    InputError
        The map names PatientIDs that the project does not hold. Nothing was recorded.
    """
    pairs = read_same_patient(path)
    patient_ids = {patient.patient_id for patient in store.get_patients()}
    unknown = [row for row, pair in enumerate(pairs, start=1) if not set(pair) <= patient_ids]
    if unknown:
        raise InputError(
            f"{path.name}: row {', '.join(map(str, unknown))} names a PatientID that no indexed "
            "file has. Index its files first, or correct it; nothing was recorded."
        )
    before = map_patients(store)
    new = [pair for pair in pairs if before.would_change(*pair)]
    touched_patients = {
        member for pair in new for patient_id in pair for member in before.group(patient_id)
    }
    store.add_same_patient(new, at)
    store.mark_stale(touched_patients)
    return len(new)


def list_patients(store: Store) -> list[Patient]:
    """Return all patients, each with its PatientIDs, by PatientID."""
    groups = map_patients(store)
    return [
        Patient(patient_id=record.patient_id, patient_ids=groups.group(record.patient_id))
        for record in store.get_patients()
        if groups.get_canonical(record.patient_id) == record.patient_id
    ]


def list_time_points(store: Store, patient_id: str) -> list[TimePoint]:
    """Return the time points of a patient in order of date.

    Studies of one day are one time point; a study that is only a copy of another is part of that
    other's time point whatever date its own headers give.
    """
    volumes = store.get_volumes(map_patients(store).group(patient_id))
    dates = find_effective_dates(volumes)
    by_date: dict[date | None, list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        by_date[dates[volume.volume_id]].append(volume)
    return [
        _build_time_point(day, members)
        for day, members in sorted(by_date.items(), key=lambda item: item[0] or date.max)
    ]


def _build_time_point(day: date | None, volumes: Sequence[VolumeDescription]) -> TimePoint:
    studies = dict.fromkeys(volume.study_instance_uid for volume in volumes)
    own = {volume.study_instance_uid for volume in volumes if not volume.duplicate_of}
    return TimePoint(
        study_date=day,
        study_instance_uids=tuple(uid for uid in studies if uid in own),
        copied_study_instance_uids=tuple(uid for uid in studies if uid not in own),
        volumes=tuple(volumes),
    )


def find_effective_dates(volumes: Sequence[VolumeDescription]) -> Mapping[str, date | None]:
    """Return the date of each volume: of its study, or the earliest one that its pixels bear.

    A volume can be imported again only after it was acquired. Where a study holds such copies
    under another date, the acquisition date of its other volumes decides where these belong.
    """
    volumes_by_id: dict[str, list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        volumes_by_id[volume.duplicate_of or volume.volume_id].append(volume)
    dates: dict[str, date | None] = {}
    redated_studies: set[str] = set()
    for alike in volumes_by_id.values():
        days = {volume.study_date for volume in alike}
        earliest = min((day for day in days if day), default=None)
        dates |= {volume.volume_id: earliest for volume in alike}
        if len(days) > 1:
            redated_studies |= {volume.study_instance_uid for volume in alike}
    for volume in volumes:
        alone = len(volumes_by_id.get(volume.volume_id, ())) == 1 and not volume.duplicate_of
        if (
            alone
            and volume.study_instance_uid in redated_studies
            and volume.instance.acquisition_date
        ):
            dates[volume.volume_id] = volume.instance.acquisition_date
    return dates


def find_likely_matches(store: Store) -> list[LikelyMatch]:
    """Propose PatientIDs that may be one patient: equal pixels, or equal name and birth date."""
    groups = map_patients(store)
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for first, second in store.get_patients_with_equal_pixels():
        reasons[first, second].append("both have the same pixels")
    by_birth_date: dict[date, list[PatientRecord]] = defaultdict(list)
    for record in store.get_patients():
        if record.patient_birth_date is not None:
            by_birth_date[record.patient_birth_date].append(record)
    for records in by_birth_date.values():
        for pair in _find_namesakes(records):
            reasons[pair].append("same name and birth date")
    return [
        LikelyMatch(patient_ids=pair, reasons=tuple(reasons_of_pair))
        for pair, reasons_of_pair in sorted(reasons.items())
        if groups.get_canonical(pair[0]) != groups.get_canonical(pair[1])
    ]


def _find_namesakes(records: Sequence[PatientRecord]) -> set[tuple[str, str]]:
    """Return pairs of PatientIDs that share a form of the name.

    A name that many PatientIDs of one birth date share is a placeholder of de-identification.
    """
    by_form: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for form in _name_forms(record.patient_name):
            by_form[form].append(record.patient_id)
    return {
        pair
        for patient_ids in by_form.values()
        if len(patient_ids) <= MOST_NAMESAKES
        for pair in combinations(patient_ids, 2)
    }


def _name_forms(name: str) -> set[str]:
    """Return the written forms of a person's name: alphabetic, ideographic, phonetic, normalised.

    Half-width and full-width letters, separators and the order of the parts do not count.
    """
    forms = set()
    for form in name.split("="):
        folded_form = unicodedata.normalize("NFKC", form).casefold()
        parts = "".join(c if c.isalnum() else " " for c in folded_form).split()
        if parts:
            forms.add(" ".join(sorted(parts)))
    return forms
