"""Lines of 3D Slicer: markups JSON. They name no image and no patient, only points in space."""

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from opp_mri.domain.exchange import Annotation, AnnotationFile, SetAside
from opp_mri.domain.geometry import Vector3

LINE_POINTS: Final = 2
LPS: Final = ("LPS", "0")
RAS: Final = ("RAS", "1")


def is_markups(data: bytes) -> bool:
    """Return whether a file is JSON of markups."""
    return data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") and b'"markups"' in data


def read_markups(data: bytes, file_name: str) -> AnnotationFile:
    """Return the lines of a markups file, and what of it is none."""
    try:
        content: Any = json.loads(data)
        markups = list(content["markups"])
    except (ValueError, KeyError, TypeError):
        reason = "It is no markups file of 3D Slicer: it may be cut."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    annotations: list[Annotation] = []
    set_aside: list[SetAside] = []
    for markup in markups:
        label = str(markup.get("name") or "") if isinstance(markup, dict) else ""
        try:
            annotations.append(_read_line(markup, file_name, label))
        except (AttributeError, KeyError, TypeError):
            reason = "It is no markup of 3D Slicer: a part of it is missing."
            set_aside.append(SetAside(file_name=file_name, label=label, reason=reason))
        except ValueError as error:
            set_aside.append(SetAside(file_name=file_name, label=label, reason=str(error)))
    return AnnotationFile(annotations=tuple(annotations), set_aside=tuple(set_aside))


def _read_line(markup: Any, file_name: str, label: str) -> Annotation:
    """Make a line of a markup.

    Raises
    ------
    ValueError
        It gives none; the text says why, in a sentence.
    """
    if not isinstance(markup, dict):
        raise ValueError("It is no markup.")
    if markup.get("type") != "Line":
        raise ValueError(f"It is a {markup.get('type') or 'markup of no type'}, no straight line.")
    if str(markup.get("coordinateUnits") or "mm") not in ("mm", "['mm', 'UCUM', 'millimeter']"):
        raise ValueError(f"Its points are in {markup.get('coordinateUnits')}, not in mm.")
    system = str(markup.get("coordinateSystem") or "LPS")
    if system not in (*LPS, *RAS):
        raise ValueError(f"Its coordinates are “{system}”, neither LPS nor RAS.")
    points = [
        point for point in markup.get("controlPoints") or [] if point.get("position") is not None
    ]
    if len(points) != LINE_POINTS:
        raise ValueError(f"It has {len(points)} points: a straight line has two.")
    first, second = (_convert_to_lps(point["position"], ras=system in RAS) for point in points)
    return Annotation(
        file_name=file_name,
        label=label,
        ends_lps_mm=(first, second),
        stated_mm=_read_stated_mm(markup),
    )


def _convert_to_lps(position: Any, *, ras: bool) -> Vector3:
    try:
        x, y, z = (float(number) for number in position)
    except (TypeError, ValueError):
        raise ValueError("One of its points is not a position in mm.") from None
    if not all(math.isfinite(number) for number in (x, y, z)):
        raise ValueError("One of its points is not a position in mm.")
    return (-x, -y, z) if ras else (x, y, z)


def _read_stated_mm(markup: dict[str, Any]) -> Decimal | None:
    for measurement in markup.get("measurements") or []:
        if measurement.get("name") == "length" and measurement.get("value") is not None:
            try:
                stated_mm = Decimal(str(measurement["value"]))
            except InvalidOperation:
                raise ValueError("Its stated length is not a number.") from None
            if not stated_mm.is_finite():
                raise ValueError("Its stated length is not a number.")
            return stated_mm
    return None
