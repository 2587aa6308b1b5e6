"""Measurement reports of any program: the straight lines in them, and why the rest is none.

Read are TID 1500 reports with lengths by TID 300 (OHIF and cornerstone, highdicom, PixelMed, our
own), regions of TID 1410 with a length next to them (dcmqi, highdicom), and AIM in DICOM SR. The
concepts are found by code, because meanings are written differently.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from attrs import evolve, frozen
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from opp_mri.dicom.sr.concepts import (
    AMENDMENT,
    ANSWER,
    ANSWER_REASON,
    CALIPER_ENDS,
    COMMENT,
    LENGTH_SOURCE,
    LESION_ID,
    LOGIN_NAME,
    ORIGIN,
    PERSON_NAME,
    PRIVATE_SCHEME,
    READER,
    REMARK,
    RESPONSE_REPORT,
    SEQUENCE,
    STUDY_DAY,
    TRACKING_IDENTIFIER,
    TRACKING_UID,
    find_level_of_code,
)
from opp_mri.domain.exchange import Annotation, AnnotationFile, OwnAnswer, SetAside
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, PixelPoint

PIXEL_CORNER: Final = 0.5  # SCOORD counts from the corner of the first pixel, we from its centre
MM_PER_UNIT: Final = {
    "mm": Decimal(1),
    "cm": Decimal(10),
    "m": Decimal(1000),
    "um": Decimal("0.001"),
}
UNITS_OF_OTHER_QUANTITIES: Final = ("1", "no units")
FINDING_SITES: Final = ("363698007", "G-C0E3")
MEASUREMENT_GROUPS: Final = ("125007", "zzz002")  # TID 1501 and its like; annotation of AIM
SHORT_AXES: Final = ("G-A186", "103340004")
AIM_RESULT: Final = "zzz015"
AIM_CALCULATION: Final = "zzz011"
LINE_POINTS: Final = 2
SCOORD_ROUNDING: Final = 1e-3  # pixels; single precision keeps more


@frozen(kw_only=True)
class _Region:
    """A line of a report: its ends, and the image or frame of reference that they lie in."""

    ends: tuple[PixelPoint, PixelPoint] | None = None
    ends_lps_mm: tuple[Vector3, Vector3] | None = None
    sop_instance_uid: str = ""
    frame_number: int = 1
    frame_of_reference_uid: str = ""


class _NoLineError(Exception):
    """A part of a report that gives no line; its text is the reason in a sentence."""


def read_report(dataset: Dataset, file_name: str) -> AnnotationFile:
    """Return the lines of a report, and what of it is none.

    Parameters
    ----------
    dataset
        A structured report, read whole.
    file_name
        What the file is called in messages.
    """
    if get_code(dataset.get("ConceptNameCodeSequence")) == RESPONSE_REPORT.value:
        reason = "It states a response, which follows from the lengths: nothing to import."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    groups = [item for item in walk(dataset) if name_of(item) in MEASUREMENT_GROUPS]
    if not groups:
        reason = "It holds no measurement group (TID 1500) and no annotation of AIM."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
    whole = Annotation(
        file_name=file_name,
        label="",
        reader=_read_reader(dataset),
        patient_names=frozenset(
            text
            for keyword in ("PatientID", "PatientName")
            if (text := str(dataset.get(keyword) or ""))
        ),
        study_instance_uid=str(dataset.get("StudyInstanceUID") or ""),
        report_uid=str(dataset.get("SOPInstanceUID") or ""),
        predecessor_uids=frozenset(_read_predecessors(dataset)),
    )
    annotations: list[Annotation] = []
    set_aside: list[SetAside] = []
    for group in groups:
        _read_group(group, whole, annotations, set_aside)
    return AnnotationFile(annotations=tuple(annotations), set_aside=tuple(set_aside))


def _read_group(
    group: Dataset, whole: Annotation, annotations: list[Annotation], set_aside: list[SetAside]
) -> None:
    items = list(get_children(group))
    label = _read_text(items, COMMENT.value) or _read_text(items, TRACKING_IDENTIFIER.value)
    about = evolve(whole, label=label, level=_read_level(items))
    own = _read_own_answer(items)
    if own is not None and own.answer is not Answer.MEASURED:
        annotations.append(evolve(about, own=own))
        return
    numbers = _list_numbers(group)
    shared = [item for item in walk(group) if _is_region(item)]
    if not numbers:
        reason = (
            "It has a region but no number that says its length."
            if shared
            else "It has neither a number nor a region."
        )
        set_aside.append(SetAside(file_name=whole.file_name, label=label, reason=reason))
    for number in numbers:
        name = f"{label} {get_meaning(number)}".strip()
        try:
            annotations.append(_read_annotation(number, group, evolve(about, label=name), own))
        except _NoLineError as error:
            aside = SetAside(file_name=whole.file_name, label=name, reason=str(error))
            set_aside.append(aside)


def _read_annotation(
    number: Dataset, group: Dataset, about: Annotation, own: OwnAnswer | None
) -> Annotation:
    """Make a line of a number and its region.

    Raises
    ------
    _NoLineError
        The number is not a length, or has no line; the text says why.
    """
    stated_mm = _read_stated_mm(number)
    if own is not None and own.length_source is not LengthSource.GEOMETRY:
        return evolve(about, own=own, stated_mm=stated_mm)
    if name_of(number) in SHORT_AXES:
        raise _NoLineError("It is the short axis: of two axes the long one is the extent.")
    region = _read_region(number, group)
    annotation = evolve(
        about,
        stated_mm=stated_mm,
        ends=region.ends,
        ends_lps_mm=region.ends_lps_mm,
        sop_instance_uid=region.sop_instance_uid,
        frame_number=region.frame_number,
        frame_of_reference_uid=region.frame_of_reference_uid,
        own=own,
    )
    return annotation if own is None else evolve(annotation, ends=_read_exact_ends(group, region))


def _list_numbers(group: Dataset) -> list[Dataset]:
    """Return the measured numbers of a group; not those of its context, such as its time point."""
    direct = [
        item
        for item in get_children(group)
        if item.get("ValueType") == "NUM" and item.get("RelationshipType") == "CONTAINS"
    ]
    calculated_numbers = [
        result
        for item in get_children(group)
        if name_of(item) == AIM_CALCULATION
        for result in get_children(item)
        if name_of(result) == AIM_RESULT
    ]
    return [*direct, *calculated_numbers]


def _read_stated_mm(number: Dataset) -> Decimal:
    values = list(number.get("MeasuredValueSequence") or [])
    if not values:
        raise _NoLineError("It states no number.")
    numeric_value = values[0].get("NumericValue")
    unit = get_code(values[0].get("MeasurementUnitsCodeSequence"))
    if numeric_value is None or numeric_value == "":
        raise _NoLineError("It states no number.")
    if unit in UNITS_OF_OTHER_QUANTITIES:
        raise _NoLineError(
            f"Its unit is “{unit}”, not mm: the program that wrote it knew no pixel spacing."
        )
    if unit not in MM_PER_UNIT:
        raise _NoLineError(f"It is no length: its unit is “{unit or 'not stated'}”.")
    try:
        length = Decimal(str(numeric_value))
    except InvalidOperation:
        raise _NoLineError("What it states is no number.") from None
    if not length.is_finite() or length < 0:
        raise _NoLineError(f"It states {length}, which is no length.")
    return length * MM_PER_UNIT[unit]


def _read_region(number: Dataset, group: Dataset) -> _Region:
    regions = [item for item in get_children(number) if _is_region(item)]
    if not regions:  # TID 1410 and AIM: the region is a sibling of the number
        regions = [
            item
            for item in walk(group)
            if _is_region(item) and item.get("RelationshipType") in ("CONTAINS", "HAS PROPERTIES")
        ]
        lengths = [dataset for dataset in _list_numbers(group) if _is_length(dataset)]
        if len(regions) == 1 and len(lengths) > 1:
            raise _NoLineError(
                "Several lengths share one region: which of them it shows is not said."
            )
    if not regions:
        raise _NoLineError("It is a number without points on an image.")
    if len(regions) > 1:
        raise _NoLineError("Several regions belong to it: which is the line is not said.")
    (region,) = regions
    if region.get("ValueType") == "SCOORD3D":
        return _read_region_in_patient(region)
    return _read_region_on_image(region)


def _read_region_on_image(region: Dataset) -> _Region:
    data = _read_line(region, dimensions=2)
    images = [item for item in get_children(region) if item.get("ValueType") == "IMAGE"]
    references = [image for item in images for image in item.get("ReferencedSOPSequence") or []]
    if len(references) != 1:
        raise _NoLineError("Its line refers to no image, or to several.")
    frames = references[0].get("ReferencedFrameNumber")
    frame_numbers = frames if isinstance(frames, MultiValue) else [frames]
    numbers = [
        int(number) for number in frame_numbers if number
    ]  # AIM writes 0 for an image of one frame
    if len(numbers) > 1:
        raise _NoLineError("Its line refers to several frames of an image.")
    (x1, y1), (x2, y2) = data
    if region.get("PixelOriginInterpretation") == "VOLUME":
        raise _NoLineError("Its points count from the corner of a whole slide, not of an image.")
    return _Region(
        ends=((x1 - PIXEL_CORNER, y1 - PIXEL_CORNER), (x2 - PIXEL_CORNER, y2 - PIXEL_CORNER)),
        sop_instance_uid=str(references[0].get("ReferencedSOPInstanceUID") or ""),
        frame_number=numbers[0] if numbers else 1,
    )


def _read_region_in_patient(region: Dataset) -> _Region:
    (x1, y1, z1), (x2, y2, z2) = _read_line(region, dimensions=3)
    return _Region(
        ends_lps_mm=((x1, y1, z1), (x2, y2, z2)),
        frame_of_reference_uid=str(region.get("ReferencedFrameOfReferenceUID") or ""),
    )


def _read_line(region: Dataset, *, dimensions: int) -> list[tuple[float, ...]]:
    kind = str(region.get("GraphicType") or "")
    numbers = [float(number) for number in region.get("GraphicData") or []]
    points = [tuple(numbers[i : i + dimensions]) for i in range(0, len(numbers), dimensions)]
    if kind not in ("POLYLINE", "MULTIPOINT"):
        raise _NoLineError(
            f"Its region is a {kind.lower() or 'shape of no type'}, no straight line."
        )
    if len(points) != LINE_POINTS or len(points[-1]) != dimensions:
        raise _NoLineError(f"Its region has {len(points)} points: a straight line has two.")
    return points


def _is_region(item: Dataset) -> bool:
    return item.get("ValueType") in ("SCOORD", "SCOORD3D")


def _is_length(number: Dataset) -> bool:
    try:
        _read_stated_mm(number)
    except _NoLineError:
        return False
    return True


def _read_own_answer(items: Sequence[Dataset]) -> OwnAnswer | None:
    lesion_id, day, reader = (_read_text(items, c.value) for c in (LESION_ID, STUDY_DAY, READER))
    sequence, answer = (_read_code(items, code.value) for code in (SEQUENCE, ANSWER))
    if not (lesion_id and reader and day and sequence and answer):
        return None
    numbers = [item for item in items if item.get("ValueType") == "NUM"]
    lengths = [item for item in numbers if item.get("RelationshipType") == "CONTAINS"]
    try:
        return OwnAnswer(
            lesion_id=lesion_id,
            reader=reader,
            lesion_level=_read_level(items),
            tracking_uid=next((str(i.UID) for i in items if name_of(i) == TRACKING_UID.value), ""),
            sequence=SeriesRole(sequence),
            study_date=date.fromisoformat(day),
            answer=Answer(answer),
            length_mm=_read_stated_mm(lengths[0]) if lengths else None,
            length_source=_read_code(items, LENGTH_SOURCE.value) or None,
            reason=_read_text(items, ANSWER_REASON.value),
            remarks=tuple(str(item.TextValue) for item in items if name_of(item) == REMARK.value),
            amendment_reason=_read_text(items, AMENDMENT.value),
            origin=_read_code(items, ORIGIN.value),
        )
    except (ValueError, _NoLineError):  # then it is read as the report of any program
        return None


def _read_exact_ends(group: Dataset, region: _Region) -> tuple[PixelPoint, PixelPoint]:
    """Return the ends as they were recorded: SCOORD keeps seven digits of a number only."""
    try:
        words = _read_text(list(get_children(group)), CALIPER_ENDS.value).split()
        a, b, c, d = (float(word) for word in words)
    except ValueError:
        raise _NoLineError("The recorded ends of its caliper are missing.") from None
    coordinates = [number for end in region.ends or () for number in end]
    if any(abs(x - y) > SCOORD_ROUNDING for x, y in zip((a, b, c, d), coordinates, strict=True)):
        raise _NoLineError("Its points are not the recorded ends of its caliper: it was altered.")
    return (a, b), (c, d)


def _read_predecessors(dataset: Dataset) -> Iterator[str]:
    for study in dataset.get("PredecessorDocumentsSequence") or []:
        for series in study.get("ReferencedSeriesSequence") or []:
            for document in series.get("ReferencedSOPSequence") or []:
                yield str(document.get("ReferencedSOPInstanceUID") or "")


def _read_reader(dataset: Dataset) -> str:
    """Return the person who observed; "" where none or several are named."""
    logins = [str(i.TextValue) for i in walk(dataset) if name_of(i) == LOGIN_NAME.value]
    names = [
        str(item.get("PersonName") or item.get("TextValue") or "").strip("^ ")
        for item in walk(dataset)
        if name_of(item) == PERSON_NAME.value
    ]
    candidates = list(dict.fromkeys(logins or names))
    return candidates[0] if len(candidates) == 1 else ""


def _read_level(items: Sequence[Dataset]) -> str:
    for item in items:
        if name_of(item) in FINDING_SITES:
            (concept, *_) = item.get("ConceptCodeSequence") or [Dataset()]
            scheme = str(concept.get("CodingSchemeDesignator") or "")
            if level := find_level_of_code(get_code([concept]), scheme):
                return level
    return ""


def _read_text(items: Sequence[Dataset], value: str) -> str:
    return next((str(i.get("TextValue") or "") for i in items if name_of(i) == value), "")


def _read_code(items: Sequence[Dataset], value: str) -> str:
    for item in items:
        if name_of(item) == value:
            (concept, *_) = item.get("ConceptCodeSequence") or [Dataset()]
            if concept.get("CodingSchemeDesignator") == PRIVATE_SCHEME:
                return get_code([concept])
    return ""


def get_children(item: Dataset) -> Iterator[Dataset]:
    """Yield the content items right below an item."""
    yield from item.get("ContentSequence") or []


def walk(item: Dataset) -> Iterator[Dataset]:
    """Yield all content items below an item."""
    for child in get_children(item):
        yield child
        yield from walk(child)


def get_code(sequence: Sequence[Dataset] | None) -> str:
    """Return the value of the first code of a sequence, "" where there is none."""
    for item in sequence or ():
        value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
        return str(value or "")
    return ""


def name_of(item: Dataset) -> str:
    """Return the code of an item's concept name, "" where it has none."""
    return get_code(item.get("ConceptNameCodeSequence"))


def get_meaning(item: Dataset) -> str:
    """Return the meaning of an item's concept name, "" where it has none."""
    return next(
        (str(c.get("CodeMeaning") or "") for c in item.get("ConceptNameCodeSequence") or ()), ""
    )
