"""Faults of a database that no hash of a record reveals: its tables, and the catalogue."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select, text

from opp_mri.store import schema
from opp_mri.store.checksums import is_sound
from opp_mri.units import format_count

CATALOGUE: Final = {"file": "file", "instance": "image", "volume": "series"}


def find_schema_faults(connection: Connection, new: Mapping[str, str]) -> list[str]:
    """Return tables, indexes and triggers that are not as opp_mri makes them.

    Parameters
    ----------
    new
        The statements of a new store, by name.
    """
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master"))
    present = {name: statement or "" for name, statement in rows}
    faults = [
        f"“{name}” is missing from the database: a safeguard of the records was removed."
        for name in sorted(new.keys() - present.keys())
    ]
    faults += [
        f"“{name}” was added to the database, and not by opp_mri."
        for name in sorted(present.keys() - new.keys())
    ]
    faults += [
        f"“{name}” of the database differs from what opp_mri made."
        for name in sorted(new.keys() & present.keys())
        if new[name].split() != present[name].split()
    ]
    return faults


def find_catalogue_faults(connection: Connection) -> tuple[list[str], set[str]]:
    """Return damaged entries of the catalogue in sentences, and the PatientIDs concerned."""
    faults: list[str] = []
    stale: set[str] = set()
    patient_ids = set(connection.scalars(select(schema.instance.c.patient_id)))
    for table in (schema.file, schema.instance, schema.volume):
        damages = [
            row
            for row in connection.execute(select(table)).mappings()
            if not is_sound(table.name, row)
        ]
        if damages:
            faults.append(
                f"{format_count(len(damages), 'damaged entry', 'damaged entries')} in the "
                f"catalogue ({CATALOGUE[table.name]}): run `opp-mri index` with the folders of the "
                "images to make the catalogue again."
            )
            stale |= {str(row["patient_id"]) for row in damages if "patient_id" in row}
    frames = _find_patients_with_other_frames(connection)
    if frames:
        faults.append(
            f"The frames of {len(frames)} series differ from those of the catalogue: run "
            "`opp-mri index` to make them again."
        )
    return faults, (stale | set(frames.values())) & patient_ids


def _find_patients_with_other_frames(connection: Connection) -> dict[str, str]:
    """Return the series whose frames differ from their description, with its PatientID."""
    frame, volume = schema.frame, schema.volume
    recorded_frames: dict[str, Counter[tuple[str, int]]] = {}
    for uid, number, volume_id in connection.execute(
        select(frame.c.sop_instance_uid, frame.c.frame_number, frame.c.volume_id)
    ):
        recorded_frames.setdefault(volume_id, Counter())[(uid, number)] += 1
    patients_by_volume: dict[str, str] = {}
    for row in connection.execute(select(volume)).mappings():
        if not is_sound("volume", row):
            continue
        frame_counts = Counter(
            (frame["sop_instance_uid"], frame.get("frame_number", 1))
            for frame in json.loads(row["description"]).get("frames", ())
        )
        if frame_counts != recorded_frames.pop(row["volume_id"], Counter()):
            patients_by_volume[row["volume_id"]] = row["patient_id"]
    for volume_id in recorded_frames:
        owner = connection.scalar(
            select(volume.c.patient_id).where(volume.c.volume_id == volume_id)
        )
        patients_by_volume[volume_id] = owner or ""
    return patients_by_volume
