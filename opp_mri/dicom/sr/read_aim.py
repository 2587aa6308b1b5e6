"""Lines of AIM (Annotation and Image Markup), versions 3 and 4, as XML.

The versions name the same things otherwise and put a value into an attribute (3) or an element of
its own (4); an annotation with one straight line and one length is read of either.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.parsers import expat

from attrs import frozen

from opp_mri.domain.exchange import Annotation, AnnotationFile, SetAside
from opp_mri.domain.measurement import PixelPoint

PIXEL_CORNER: Final = 0.5  # as in SCOORD, with which AIM shares its coordinates
MM_PER_UNIT: Final = {"mm": Decimal(1), "millimeter": Decimal(1), "cm": Decimal(10)}
ANNOTATION: Final = "ImageAnnotation"
COORDINATES: Final = ("SpatialCoordinate", "TwoDimensionSpatialCoordinate")
CALCULATIONS: Final = ("Calculation", "CalculationEntity")
LINE_POINTS: Final = 2
LARGEST: Final = Decimal(10**6)  # of any number in it: a coordinate, a frame, a length in mm


@frozen(kw_only=True)
class _Shape:
    """A shape of an annotation: its points in order, and the image."""

    points: tuple[PixelPoint, ...]
    images: frozenset[tuple[str, int]]


def is_aim(data: bytes) -> bool:
    """Return whether a file is XML of AIM."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith(b"<") and b"ImageAnnotation" in data


def read_aim(data: bytes, file_name: str) -> AnnotationFile:
    """Return the lines of an AIM file, and what of it is none."""
    if _has_declared_type(data):
        reason = "It defines entities of its own, which an AIM file does not need."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    try:
        root = ET.fromstring(data)  # noqa: S314  # without entities it cannot expand
    except (ET.ParseError, LookupError, ValueError):  # the latter: an encoding that is unknown
        reason = "It is no well-formed XML: it may be cut."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    annotations: list[Annotation] = []
    set_aside: list[SetAside] = []
    elements = (
        [root] if _get_local_name(root) == ANNOTATION else list(_find_named(root, ANNOTATION))
    )
    if not elements:
        reason = "It holds no annotation of an image."
        set_aside.append(SetAside(file_name=file_name, reason=reason))
    for element in elements:
        label = _read_value(element, "name")
        try:
            annotations.append(_read_annotation(root, element, file_name, label))
        except ValueError as error:
            set_aside.append(SetAside(file_name=file_name, label=label, reason=str(error)))
    return AnnotationFile(annotations=tuple(annotations), set_aside=tuple(set_aside))


class _TypeDeclaredError(Exception):
    """The XML declares a document type, in which entities could be defined."""


def _has_declared_type(data: bytes) -> bool:
    """Return whether XML declares its document type, in any encoding, before it is expanded."""

    def stop(*_: object) -> None:
        raise _TypeDeclaredError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = stop
    try:
        parser.Parse(data, True)
    except _TypeDeclaredError:
        return True
    except (expat.ExpatError, LookupError, ValueError):
        return False  # it is no XML, which is named when it is read
    return False


def _read_annotation(
    root: ET.Element, element: ET.Element, file_name: str, label: str
) -> Annotation:
    """Make a line of an annotation.

    Raises
    ------
    ValueError
        It gives none; the text says why, in a sentence.
    """
    stated_mm = _read_stated_mm(element)
    shapes = [shape for shape in _generate_shapes(element) if shape.points]
    if not shapes:
        raise ValueError("It is a number without points on an image.")
    lines = [shape for shape in shapes if len(shape.points) == LINE_POINTS]
    if len(lines) != 1:
        raise ValueError(
            f"It has {len(lines)} straight lines: which of them the length is of is not said."
            if lines
            else f"Its shape has {len(shapes[0].points)} points: a straight line has two."
        )
    (line,) = lines
    if len(line.images) != 1:
        raise ValueError("Its line refers to no image, or to several.")
    ((uid, frame_number),) = line.images
    (person, *_) = [*_find_named(root, "Person"), *_find_named(root, "person"), ET.Element("none")]
    (user, *_) = [*_find_named(root, "User"), *_find_named(root, "user"), ET.Element("none")]
    studies = {_read_uid(study) for study in _find_named(element, "ImageStudy", "imageStudy")} - {
        ""
    }
    return Annotation(
        file_name=file_name,
        label=label,
        reader=_read_value(user, "name") or _read_value(user, "loginName"),
        patient_names=frozenset(
            text for name in ("id", "name") if (text := _read_value(person, name))
        ),
        study_instance_uid=studies.pop() if len(studies) == 1 else "",
        sop_instance_uid=uid,
        frame_number=frame_number,
        ends=(line.points[0], line.points[1]),
        stated_mm=stated_mm,
    )


def _read_stated_mm(element: ET.Element) -> Decimal | None:
    lengths: list[Decimal] = []
    other_units: list[str] = []
    for calculation in _find_named(element, *CALCULATIONS):
        for result in _find_named(calculation, "CalculationResult"):
            unit = _read_value(result, "unitOfMeasure")
            if unit.lower() not in MM_PER_UNIT:
                other_units.append(unit or "not stated")
                continue
            data = [*_find_named(result, "CalculationData"), result]
            text = next((value for item in data if (value := _read_value(item, "value"))), "")
            lengths.append(_number(text, "What it states as a length") * MM_PER_UNIT[unit.lower()])
    if len(lengths) > 1:
        raise ValueError("It states several lengths: which of them its line has is not said.")
    if not lengths and other_units:
        raise ValueError(f"It is no length: its unit is “{other_units[0]}”.")
    return lengths[0] if lengths else None


def _generate_shapes(element: ET.Element) -> Iterator[_Shape]:
    for shape in element.iter():
        holders = [
            child for child in shape if _get_local_name(child).endswith("CoordinateCollection")
        ]
        coordinates = [point for holder in holders for point in _find_named(holder, *COORDINATES)]
        if not coordinates or not {_get_local_name(point) for point in coordinates} <= set(
            COORDINATES
        ):
            continue
        sorted_points = sorted(coordinates, key=_place_in_order)
        yield _Shape(
            points=tuple(
                (
                    _read_coordinate(point, "x") - PIXEL_CORNER,
                    _read_coordinate(point, "y") - PIXEL_CORNER,
                )
                for point in sorted_points
            ),
            images=frozenset(_read_image(shape, point) for point in sorted_points),
        )


def _read_image(shape: ET.Element, point: ET.Element) -> tuple[str, int]:
    """Return SOPInstanceUID and frame; AIM writes frame 0 for an image of one frame."""
    uid = _read_value(point, "imageReferenceUID") or _read_value(shape, "imageReferenceUid")
    frame = _read_value(point, "referencedFrameNumber") or _read_value(
        shape, "referencedFrameNumber"
    )
    return uid, max(int(_number(frame or "1", "The number of its frame")), 1)


def _place_in_order(point: ET.Element) -> Decimal:
    return _number(_read_value(point, "coordinateIndex") or "0", "The order of its points")


def _read_coordinate(point: ET.Element, name: str) -> float:
    return float(_number(_read_value(point, name), "A coordinate of its points"))


def _number(text: str, subject: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{subject} is no number.") from None
    if not number.is_finite() or not 0 <= number <= LARGEST:
        raise ValueError(f"{subject} is {number}, which cannot be.")
    return number


def _read_uid(study: ET.Element) -> str:
    return _read_value(study, "instanceUID") or _read_value(study, "instanceUid")


def _find_named(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    """Return the elements of these names below an element, whatever their namespace."""
    return (
        child
        for child in element.iter()
        if _get_local_name(child) in names and child is not element
    )


def _read_value(element: ET.Element, name: str) -> str:
    """Return a value: an attribute of the element (3), or of a child of this name (4)."""
    if (text := element.get(name)) is not None:
        return text.strip()
    for child in element:
        if _get_local_name(child) == name:
            return (child.get("value") or child.get("root") or child.text or "").strip()
    return ""


def _get_local_name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
