"""Readers of packages, as tests play them: they draw the phantom's calipers with own errors."""

import csv
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Reading
from opp_mri.domain.study import IssuedPackage
from opp_mri.workflow.edits import drawn, signature
from opp_mri.workflow.packages import uids_of
from opp_mri.workflow.project import open_project
from opp_mri.workflow.timeline import draft_timeline

Ends = tuple[float, float, float, float]  # column, row, column, row
Draw = Callable[[str, SeriesRole, Ends], Ends | None]
"""Lesion of the project, sequence, the true line: the line as this reader draws it, or None."""


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
    draw: Draw = lambda _lesion, _sequence, ends: ends,
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
                if cell.volume is None:
                    continue
                for place, frame in enumerate(cell.volume.frames):
                    ends = blind.get((frame.sop_instance_uid, frame.frame_number))
                    ends = ends and draw(real_id[lesion.lesion_id], cell.sequence, ends)
                    if ends:
                        points = ((ends[0], ends[1]), (ends[2], ends[3]))
                        log.append(
                            drawn(cell, lesion.lesion_id, cell.volume, place, points,
                                  reader=issued.reader, at=at)
                        )  # fmt: skip
            package.store.add_readings(log)
            package.store.add_signature(signature(log, frozenset(), statement="Done.", at=at))
            count += len(log)
    return count
