"""Readers of packages, as tests play them: they draw the phantom's calipers with own errors."""

import csv
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from attrs import frozen

from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.domain.study import IssuedPackage
from opp_mri.store.protocol import Store
from opp_mri.workflow.edits import drawn, said, signature
from opp_mri.workflow.packages import uids_of
from opp_mri.workflow.project import open_project
from opp_mri.workflow.timeline import Cell, draft_timeline

Ends = tuple[float, float, float, float]  # column, row, column, row


@frozen
class Elsewhere:
    """A line that is drawn some slices on, or on the other series of the same role."""

    ends: Ends
    slices: int = 0
    other_series: bool = False


Draw = Callable[[str, Cell, Ends], Ends | Elsewhere | Answer | None]
"""Lesion of the project, cell of the package, the true line: what this reader makes of it."""


def true_lines(table: Path) -> Mapping[tuple[str, int], Ends]:
    """Give the phantom's calipers by SOPInstanceUID and frame."""
    with table.open() as lines:
        return {
            (row["sop_instance_uid"], int(row["frame"] or 1)): (
                float(row["column_1"]), float(row["row_1"]),
                float(row["column_2"]), float(row["row_2"]),
            )
            for row in csv.DictReader(lines)
        }  # fmt: skip


def read_package(
    folder: Path, issued: IssuedPackage, lines: Mapping[tuple[str, int], Ends], at: datetime,
    draw: Draw = lambda _lesion, _cell, ends: ends,
) -> int:  # fmt: skip
    """Draw and sign all cells of a package; gives how many."""
    blind: dict[tuple[str, int], Ends] = {}
    real_id = {code: real for case in issued.cases for code, real in case.lesions}
    for case in issued.cases:
        new_uid = uids_of(issued, case)
        blind |= {(new_uid(uid), frame): ends for (uid, frame), ends in lines.items()}
    count = 0
    with open_project(folder) as package:
        for lesion in package.store.lesions():
            log: list[Reading] = []
            for cell in draft_timeline(package.store, lesion, issued.reader).cells:
                for volume in _series(package.store, cell):
                    for place, frame in enumerate(volume.frames):
                        ends = blind.get((frame.sop_instance_uid, frame.frame_number))
                        made = ends and draw(real_id[lesion.lesion_id], cell, ends)
                        if made:
                            log.append(_read(package.store, lesion.lesion_id, cell, volume, place,
                                             made, reader=issued.reader, at=at))  # fmt: skip
            package.store.add_readings(log)
            package.store.add_signature(signature(log, frozenset(), statement="Done.", at=at))
            count += len(log)
    return count


def _series(store: Store, cell: Cell) -> list[VolumeDescription]:
    """Give all series of a cell's role and day, the one that is offered first."""
    if cell.volume is None:
        return []
    return [cell.volume] + [
        one
        for one in store.volumes([cell.volume.patient_id])
        if (one.study_date, one.role) == (cell.study_date, cell.sequence)
        and one.volume_id != cell.volume.volume_id
    ]


def _read(
    store: Store, lesion_id: str, cell: Cell, volume: VolumeDescription, place: int,
    made: Ends | Elsewhere | Answer, *, reader: str, at: datetime,
) -> Reading:  # fmt: skip
    if isinstance(made, Answer):
        return said(cell, lesion_id, made, reason="motion", reader=reader, at=at)
    if isinstance(made, Elsewhere):
        place += made.slices
        if made.other_series:
            (volume,) = (one for one in _series(store, cell) if one.volume_id != volume.volume_id)
        made = made.ends
    points = ((made[0], made[1]), (made[2], made[3]))
    return drawn(cell, lesion_id, volume, place, points, reader=reader, at=at)
