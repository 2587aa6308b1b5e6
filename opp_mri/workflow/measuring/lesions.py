"""Lesions and what happened to them: from the command line or from tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import attrs
from attrs import frozen

from opp_mri.domain.columns.lesion import SEED_COLUMNS
from opp_mri.domain.columns.timeline import CODED_EVENTS
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Lesion, LesionEvent, SeedPoint
from opp_mri.domain.repeated_uid import build_repeated_uid
from opp_mri.domain.timeline import EventKind
from opp_mri.errors import InputError, TableFault, UnknownError
from opp_mri.store.protocol import Store
from opp_mri.tables.cells import read_values
from opp_mri.tables.csv_table import Row, read_table
from opp_mri.tables.lesions import OPTIONAL, REQUIRED, LesionChecks, read_lesion_row
from opp_mri.workflow.catalogue.patients import PatientMap, map_patients

SEED_NAMES: Final = tuple(column.name for column in SEED_COLUMNS)
EVENT_COLUMNS: Final = ("lesion_id", "date", "event", "value")


@frozen(kw_only=True)
class _Known:
    """What the project holds, read once for a whole table."""

    store: Store
    patient_ids: frozenset[str]
    groups: PatientMap
    lesions: Mapping[str, Lesion]


def _gather_known(store: Store) -> _Known:
    return _Known(
        store=store,
        patient_ids=frozenset(patient.patient_id for patient in store.get_patients()),
        groups=map_patients(store),
        lesions={lesion.lesion_id: lesion for lesion in store.get_lesions()},
    )


def add_lesions(
    store: Store, path: Path, at: datetime, *, replace: bool = False, all_or_none: bool = False
) -> list[Lesion]:
    """Record the lesions of a table.

    Parameters
    ----------
    replace
        Whether a lesion that is there gets a new revision (its events and tracking UID stay);
        otherwise it is a fault, unless the table says just what is recorded.
    all_or_none
        Whether one bad row keeps the others from being recorded.

    Raises
    ------
    RowsError
        Some rows were refused; the others are recorded.
    TableError
        Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
    """
    added_lesions: dict[str, Lesion] = {}
    catalogue = _gather_known(store)
    checks = LesionChecks(catalogue.lesions.values())
    with read_table(
        path, required_columns=REQUIRED, optional=(*OPTIONAL, *SEED_NAMES), all_or_none=all_or_none
    ) as table:
        for row in table.rows:
            lesion = _read_lesion(catalogue, row, replace=replace)
            if lesion is None:
                continue
            if lesion.lesion_id in added_lesions:
                row.add_fault("lesion_id", "is in the table twice: keep one row per lesion")
            checks.check(row, lesion)
            if not row.is_refused:
                added_lesions[lesion.lesion_id] = lesion
    store.add_lesions(_select_changed(catalogue, list(added_lesions.values())), at)
    table.raise_rows(len(added_lesions))
    return list(added_lesions.values())


def add_lesion(
    store: Store, cells: Mapping[str, str], at: datetime, *, replace: bool = False
) -> Lesion:
    """Record one lesion, its values as text under the names of the table's columns.

    Parameters
    ----------
    cells
        Name of a column to its text.
    at
        When, with a time zone.
    replace
        Let the values replace those of a lesion of this name.

    Raises
    ------
    InputError
        With every value that cannot be used.
    """
    faults: list[TableFault] = []
    row = Row(1, dict(cells), faults)
    catalogue = _gather_known(store)
    lesion = _read_lesion(catalogue, row, replace=replace)
    if lesion is not None:
        LesionChecks(catalogue.lesions.values()).check(row, lesion)
    if lesion is None or faults:
        complaints = "; ".join(f"{fault.column}: {fault.message}" for fault in faults)
        raise InputError(f"The lesion was not recorded. {complaints}.")
    store.add_lesions(_select_changed(catalogue, [lesion]), at)
    return lesion


def add_events(store: Store, path: Path, at: datetime, *, all_or_none: bool = False) -> int:
    """Record the events of a table, CSV `lesion_id,date,event,value`.

    Parameters
    ----------
    all_or_none
        Whether one bad row keeps the others from being recorded.

    Returns
    -------
    int
        Number of events that were not recorded before.

    Raises
    ------
    RowsError
        Some rows were refused; the others are recorded.
    TableError
        Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
    """
    sound = 0
    new: dict[str, list[LesionEvent]] = {}
    lesions = {lesion.lesion_id: lesion for lesion in store.get_lesions()}
    with read_table(
        path, required_columns=EVENT_COLUMNS[:3], optional=EVENT_COLUMNS[3:], may_have_no_rows=True,
        all_or_none=all_or_none,
    ) as table:  # fmt: skip
        for row in table.rows:
            lesion_id = row.read_text("lesion_id")
            event = _read_event(row, lesions.get(lesion_id or ""))
            if lesion_id is not None and lesion_id not in lesions:
                row.add_fault("lesion_id", "no such lesion: add it first with `opp-mri lesion add`")
            if lesion_id is None or event is None or row.is_refused:
                continue
            sound += 1
            events = new.setdefault(lesion_id, [])
            if event not in (*lesions[lesion_id].events, *events):
                events.append(event)
    store.add_lesions(
        [
            attrs.evolve(lesions[lesion_id], events=(*lesions[lesion_id].events, *events))
            for lesion_id, events in new.items()
            if events
        ],
        at,
    )
    table.raise_rows(sound)
    return sum(map(len, new.values()))


def add_event(store: Store, cells: Mapping[str, str], at: datetime) -> int:
    """Record one event, its values as text under the names of the table's columns.

    Returns
    -------
    int
        1, or 0 where it was recorded before.

    Raises
    ------
    InputError
        With every value that cannot be used.
    UnknownError
        There is no such lesion.
    """
    faults: list[TableFault] = []
    lesion = store.get_lesion(cells.get("lesion_id", ""))
    event = _read_event(Row(1, dict(cells), faults), lesion)
    if event is None or faults:
        messages = "; ".join(f"{fault.column}: {fault.message}" for fault in faults)
        raise InputError(f"The event was not recorded. {messages}.")
    lesion = find_lesion(store, cells.get("lesion_id", ""))
    if event in lesion.events:
        return 0
    store.add_lesions([attrs.evolve(lesion, events=(*lesion.events, event))], at)
    return 1


def find_lesion(store: Store, lesion_id: str) -> Lesion:
    """Return a lesion.

    Raises
    ------
    UnknownError
        The project has no such lesion.
    """
    lesion = store.get_lesion(lesion_id)
    if lesion is None:
        raise UnknownError(
            f"There is no lesion {lesion_id}: `opp-mri lesion list` lists them, "
            "`opp-mri lesion add` adds one."
        )
    return lesion


def select_lesions(store: Store, lesion_ids: Iterable[str] = ()) -> list[Lesion]:
    """Return the lesions with these ids, in the order given, or all of them where it is empty.

    Raises
    ------
    UnknownError
        The project has no lesion of that name.
    """
    selected_lesions = [find_lesion(store, lesion_id) for lesion_id in lesion_ids]
    return selected_lesions or list(store.get_lesions())


def _select_changed(catalogue: _Known, lesions: Sequence[Lesion]) -> list[Lesion]:
    return [lesion for lesion in lesions if catalogue.lesions.get(lesion.lesion_id) != lesion]


def _read_lesion(catalogue: _Known, row: Row, *, replace: bool) -> Lesion | None:
    recorded_lesion = catalogue.lesions.get(row.get("lesion_id"))
    lesion = read_lesion_row(
        row, recorded_lesion.tracking_uid if recorded_lesion else f"2.25.{uuid4().int}"
    )
    patient_id = row.get("patient_id")
    if patient_id and patient_id not in catalogue.patient_ids:
        row.add_fault(
            "patient_id", "no indexed image has it: index its images first, or correct it"
        )
    elif lesion is not None:
        lesion = attrs.evolve(
            lesion,
            seed=_read_seed(catalogue, row, patient_id),
            events=recorded_lesion.events if recorded_lesion else (),
        )
        if recorded_lesion is not None and recorded_lesion != lesion and not replace:
            row.add_fault(
                "lesion_id", "is recorded already with other values: add --replace to correct it"
            )
        return lesion
    return None


def _read_seed(catalogue: _Known, row: Row, patient_id: str) -> SeedPoint | None:
    columns = ("seed_sop_instance_uid", "seed_column", "seed_row")
    filled_columns = [column for column in columns if row.get(column)]
    if not filled_columns:
        return None
    if len(filled_columns) < len(columns):
        missing_column = next(column for column in columns if not row.get(column))
        row.add_fault(
            missing_column, "a seed point needs its image, column and row: fill in all or none"
        )
        return None
    cells = read_values(row, SEED_COLUMNS)
    uid, frame_number, column, line = (cells[name] for name in SEED_NAMES)
    if column is None or line is None:  # the fault is noted
        return None
    seed = SeedPoint(
        sop_instance_uid=str(uid),
        frame_number=int(str(frame_number or 1)),
        column=float(str(column)),
        row=float(str(line)),
    )
    volumes = catalogue.store.get_volumes_with_frame(seed.sop_instance_uid, seed.frame_number)
    if not volumes:
        row.add_fault(
            "seed_sop_instance_uid", "no indexed image has this UID and frame: correct it"
        )
    elif catalogue.store.get_instance(build_repeated_uid(seed.sop_instance_uid)) is not None:
        row.add_fault(
            "seed_sop_instance_uid", "several images that differ have it: name another image"
        )
    elif volumes[0].patient_id not in catalogue.groups.group(patient_id):
        row.add_fault(
            "seed_sop_instance_uid", "the image is of another patient: correct one of them"
        )
    elif not _is_on_image(volumes[0], seed):
        row.add_fault("seed_column", "the point is outside the image: correct it")
    return seed


def _is_on_image(volume: VolumeDescription, seed: SeedPoint) -> bool:
    return bool(volume.planes) and volume.planes[0].contains(seed.column, seed.row)


def _read_event(row: Row, lesion: Lesion | None) -> LesionEvent | None:
    """Read an event; one that cannot be of this lesion is a fault of the row."""
    day, kind, value = (
        row.read_date("date"),
        row.read_choice("event", EventKind),
        row.read_free_text("value"),
    )
    allowed_values = CODED_EVENTS.get(kind) if kind else None
    if allowed_values and value not in allowed_values:
        row.add_fault("value", f"must be one of {', '.join(allowed_values)} for this event")
        return None
    if day is None or kind is None:
        return None
    if kind is EventKind.LOCAL_RETREATMENT and lesion and day <= lesion.ssrs_last_date:
        row.add_fault(
            "date",
            f"a local retreatment comes after radiosurgery, {lesion.ssrs_last_date}: correct the "
            "date",
        )
        return None
    return LesionEvent(date=day, kind=kind, value=value)
