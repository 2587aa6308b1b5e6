"""Write the table of actions of PS3.15 from the data of dicom-anonymizer.

    python -m pip install --no-deps --target FOLDER dicom-anonymizer==2.1.0
    python tools/deidentification_table.py FOLDER

dicom-anonymizer (Kitware, BSD 3-clause) holds table E.1-1 of PS3.15 2026c as lists of tags.
"""

import csv
import runpy
import sys
from pathlib import Path

TABLE = Path(__file__).parents[1] / "opp_mri" / "dicom" / "deidentify" / "actions.csv"
DATA = "dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py"
ACTIONS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}


def write_table(folder: Path) -> int:
    """Write the table, and give its number of rows."""
    data = runpy.run_path(str(folder / DATA))
    rows = {}
    for name, action in ACTIONS.items():
        for group, element, *_ in data[name]:
            rows.setdefault(f"{group:04X}{element:04X}", action)
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["tag", "action"])
        writer.writerows(sorted(rows.items()))
    return len(rows)


if __name__ == "__main__":
    sys.stdout.write(f"{write_table(Path(sys.argv[1]))} attributes in {TABLE}\n")
