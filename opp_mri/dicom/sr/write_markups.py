"""A caliper as a line of 3D Slicer: markups JSON in patient LPS, which opens in every Slicer."""

import json
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.domain.geometry import Vector3
from opp_mri.files import write_bytes

SCHEMA: Final = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)


@frozen(kw_only=True)
class MarkupLine:
    """A caliper for 3D Slicer.

    Parameters
    ----------
    name
        Lesion, sequence and visit, as the list of nodes shows it.
    description
        What the line is, with its recorded length.
    ends_lps_mm
        Both ends in the patient.
    """

    name: str
    description: str
    ends_lps_mm: tuple[Vector3, Vector3]


def write_markup_line(line: MarkupLine, path: Path) -> None:
    """Write a line as a markups file of its own: Slicer reads the first markup of a file only."""
    points = [
        {
            "id": str(number),
            "label": f"{line.name}-{number}",
            "description": "",
            "associatedNodeID": "",
            "position": list(end),
            "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
            "selected": True,
            "locked": False,
            "visibility": True,
            "positionStatus": "defined",
        }
        for number, end in enumerate(line.ends_lps_mm, start=1)
    ]
    markup = {
        "type": "Line",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "name": line.name,
        "description": line.description,
        "labelFormat": "%N-%d",
        "controlPoints": points,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=2, ensure_ascii=False)
    write_bytes(path, f"{text}\n".encode())
