"""The table of measurements that OHIF writes (CSV): lengths with their ends in the patient."""

import csv
import io
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from opp_mri.domain.exchange import Annotation, AnnotationFile, SetAside
from opp_mri.domain.geometry import Vector3

COLUMNS: Final = ("SOPInstanceUID", "AnnotationType", "points")
LINE_POINTS: Final = 2
UNITS: Final = ("", "mm")


def is_ohif_table(data: bytes) -> bool:
    """Return whether a file is a table of OHIF, by its header."""
    header = data.split(b"\n", 1)[0]
    return all(column.encode() in header for column in COLUMNS)


def read_ohif_table(data: bytes, file_name: str) -> AnnotationFile:
    """Return the lengths of a table of OHIF, and what of it is none."""
    text = data.decode("utf-8-sig", errors="replace")
    annotations: list[Annotation] = []
    set_aside: list[SetAside] = []
    try:
        rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    except csv.Error:
        reason = "It is not a well-formed CSV table."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    for number, row in enumerate(rows, start=2):
        cells = {
            str(name).strip(): value.strip()
            for name, value in row.items()
            if isinstance(value, str)
        }
        label = cells.get("Label") or f"line {number}"
        try:
            annotations.append(_read_line(cells, file_name, label))
        except ValueError as error:
            set_aside.append(SetAside(file_name=file_name, label=label, reason=str(error)))
    return AnnotationFile(annotations=tuple(annotations), set_aside=tuple(set_aside))


def _read_line(cells: Mapping[str, str], file_name: str, label: str) -> Annotation:
    """Make a line of a row.

    Raises
    ------
    ValueError
        It gives none; the text says why, in a sentence.
    """
    kind = cells.get("AnnotationType", "")
    if kind.rpartition(":")[2] != "Length":
        raise ValueError(f"It is a {kind.rpartition(':')[2] or 'mark of no type'}, no length.")
    unit = cells.get("Unit", "")
    if unit not in UNITS:
        raise ValueError(f"Its unit is “{unit}”, not mm: OHIF did not know the pixel spacing.")
    points = [point.split() for point in cells.get("points", "").split(";") if point.strip()]
    if len(points) != LINE_POINTS:
        raise ValueError(f"It has {len(points)} points: a straight line has two.")
    first, second = (_read_point(point) for point in points)
    return Annotation(
        file_name=file_name,
        label=label,
        patient_names=frozenset(
            text for name in ("Patient ID", "Patient Name") if (text := cells.get(name, ""))
        ),
        study_instance_uid=cells.get("StudyInstanceUID", ""),
        sop_instance_uid=cells.get("SOPInstanceUID", ""),
        ends_lps_mm=(first, second),
        frame_of_reference_uid=cells.get("FrameOfReferenceUID", ""),
        stated_mm=_read_stated_mm(cells.get("Length", "")),
    )


def _read_point(words: list[str]) -> Vector3:
    try:
        x, y, z = (float(word) for word in words)
    except ValueError:
        raise ValueError("One of its points is not a position in mm.") from None
    if not all(math.isfinite(number) for number in (x, y, z)):
        raise ValueError("One of its points is not a position in mm.")
    return x, y, z


def _read_stated_mm(text: str) -> Decimal | None:
    try:
        stated_mm = Decimal(text) if text else None
    except InvalidOperation:
        raise ValueError("Its stated length is not a number.") from None
    if stated_mm is not None and not stated_mm.is_finite():
        raise ValueError("Its stated length is not a number.")
    return stated_mm
