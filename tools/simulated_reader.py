"""Play a reader of a blinded package of the phantom: write a table that `opp-mri measure` takes.

    python tools/simulated_reader.py PROJECT READER CALIPERS TABLE [--careless]

PROJECT made the package for READER and knows what became of each UID; no reader has it. CALIPERS is
the phantom's `calipers.csv`. A careless reader sets the anterior end 4 mm too far forward on each
T1 follow-up. For documents and practice only: people read in the reading room.
"""

import csv
import random
import sys
from pathlib import Path

from opp_mri.workflow.double_read.package_images import build_new_uids, find_trims
from opp_mri.workflow.double_read.package_plan import list_issued_packages
from opp_mri.workflow.project import open_project

COLUMNS = ("lesion_id", "reader", "sequence", "sop_instance_uid", "frame", "column_1", "row_1",
           "column_2", "row_2")  # fmt: skip
NOISE_PIXELS = 0.3
CARELESS_MM = 4.0


def main(project_folder: Path, reader: str, calipers: Path, table: Path, *, careless: bool) -> None:
    """Write what the reader draws on each image that has a true line."""
    with calipers.open(encoding="utf-8") as lines:
        truth = {row["sop_instance_uid"]: row for row in csv.DictReader(lines)}
    rows = []
    with open_project(project_folder) as project:
        package = list_issued_packages(project.store, reader)[1]
        for case in package.cases:
            new_uid, (first_day, *_) = (
                build_new_uids(package, case),
                [real for _, real in case.days],
            )
            code = {real: blind for blind, real in case.lesions}
            trims = find_trims(case)
            for volume in project.store.get_volumes([case.patient_id]):
                for frame in volume.frames:
                    row = truth.get(frame.sop_instance_uid)
                    if row is None or int(row["frame"] or 1) != frame.frame_number:
                        continue
                    # by image: the order of cases is drawn from the secret of the package
                    chance = random.Random(f"{reader} {frame.sop_instance_uid}")  # noqa: S311
                    cells = {name: float(row[name]) + chance.gauss(0, NOISE_PIXELS)
                             for name in ("column_1", "row_1", "column_2", "row_2")}  # fmt: skip
                    left, top = trims.get(volume.series_instance_uid, (0, 0))
                    cells["column_1"], cells["column_2"] = (
                        cells["column_1"] - left,
                        cells["column_2"] - left,
                    )
                    cells["row_1"], cells["row_2"] = cells["row_1"] - top, cells["row_2"] - top
                    is_follow_up = volume.study_date != first_day
                    if careless and is_follow_up and row["sequence"] == "T1":
                        cells["column_1"] -= CARELESS_MM / (volume.pixel_spacing_mm or (1, 1))[1]
                    rows.append({
                        **row, **{name: f"{value:.3f}" for name, value in cells.items()},
                        "lesion_id": code[row["lesion_id"]], "reader": reader,
                        "sop_instance_uid": new_uid(frame.sop_instance_uid),
                    })  # fmt: skip
    with table.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--careless"]
    main(
        Path(arguments[0]),
        arguments[1],
        Path(arguments[2]),
        Path(arguments[3]),
        careless="--careless" in sys.argv,
    )
