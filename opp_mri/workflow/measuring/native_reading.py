"""A reading of one cell: its length is computed on the native image, from header geometry."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import uuid4

from attrs import frozen

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Caliper, LengthSource, PixelPoint, Reading
from opp_mri.errors import GeometryError
from opp_mri.units import RECORDED_PRECISION_MM, format_mm, round_to_recorded_mm
from opp_mri.workflow.measuring.suitability import (
    OVERRIDDEN,
    SUITABLE,
    explain_unsuitable,
    suggest_role,
)

STATED_LENGTH_TOLERANCE_MM: Final = RECORDED_PRECISION_MM

CellKey = tuple[date, SeriesRole]
Points = tuple[PixelPoint, PixelPoint]


@frozen(kw_only=True)
class NativeImage:
    """A native image as the catalogue knows it.

    Parameters
    ----------
    place
        Its SOPInstanceUID, and its frame number from 1.
    """

    place: tuple[str, int]
    volume: VolumeDescription
    plane: ImagePlane
    study_date: date


def build_reading(
    lesion_id: str, reader: str, cell: CellKey, answer: Answer, *, points: Points | None = None,
    image: NativeImage | None = None, stated_mm: Decimal | None = None, reason: str = "",
    override_reason: str = "", at: datetime,
) -> Reading:  # fmt: skip
    """Make the reading of an answer to one cell; a length is computed here, on the native image.

    Parameters
    ----------
    cell
        Date of the study, and sequence.
    answer
        Measured (with points, or with `stated_mm` alone), gone, not measurable or withdrawn.
    points
        Ends of the line, (column, row) in pixels of the image; 0, 0 is the centre of the first
        pixel.
    image
        Where the points lie, or None.
    stated_mm
        A length in mm that came with the answer: it counts where there are no points, and must
        agree with them where there are.
    reason
        Why the lesion is not measurable.
    override_reason
        Why a length is taken on an unsuitable image all the same; it stays in the remarks of the
        reading, and with them in every table and report.

    Raises
    ------
    GeometryError, InputError
        The answer contradicts the image; or the image is unsuitable (`explain_unsuitable`), and no
        reason is given.
    """
    remarks = _list_remarks(cell[1], image) if answer is Answer.MEASURED else ()
    if image is not None and answer is Answer.MEASURED:
        remarks = (*remarks, *_check_suitability(image.volume, cell[1], override_reason))
    caliper, length_mm, source = _compute_length(answer, points, image, stated_mm)
    is_gone = length_mm == 0
    return Reading(
        reading_id=str(uuid4()),
        lesion_id=lesion_id,
        sequence=cell[1],
        reader=reader,
        study_date=cell[0],
        answer=Answer.GONE if is_gone else answer,
        length_mm=length_mm,
        length_source=LengthSource.READER if is_gone else source,
        caliper=caliper,
        reason=reason,
        remarks=remarks,
        recorded_at=at,
    )


def _list_remarks(sequence: SeriesRole, image: NativeImage | None) -> tuple[str, ...]:
    """State where the study holds another series that was chosen for the sequence."""
    if image is None or image.volume.role is not sequence or image.volume.selected:
        return ()
    return (f"Another series of this study was chosen for {sequence.value}.",)


def _check_suitability(
    volume: VolumeDescription, sequence: SeriesRole, reason: str
) -> tuple[str, ...]:
    """Refuse a length on an unsuitable image, or say by what reason it is taken there."""
    unsuitable = explain_unsuitable(volume, sequence)
    if not unsuitable:
        return ()
    if not reason.strip():
        parts = (unsuitable, suggest_role(volume, sequence), SUITABLE)
        raise GeometryError(" ".join(part for part in parts if part))
    return (f"{OVERRIDDEN} {unsuitable} Reason given: {reason.strip()}.",)


def _compute_length(
    answer: Answer, points: Points | None, image: NativeImage | None, stated_mm: Decimal | None
) -> tuple[Caliper | None, Decimal | None, LengthSource | None]:
    """Compute the length of a line, or take the length that was stated without one."""
    if answer is Answer.GONE:
        return None, Decimal("0.0"), LengthSource.READER
    if answer is not Answer.MEASURED:
        return None, None, None
    if points is None or image is None:
        return None, stated_mm, LengthSource.IMPORTED
    plane, (start, end) = image.plane, points
    for name, point in (("first", start), ("second", end)):
        if not plane.contains(*point):
            raise GeometryError(
                f"The {name} point, column {point[0]:g} and row {point[1]:g}, is outside the image "
                f"of {plane.columns} columns and {plane.rows} rows."
            )
    exact_mm = plane.measure_length_mm(start, end)
    length_mm = round_to_recorded_mm(exact_mm)
    if length_mm == 0:
        raise GeometryError(
            "Start and end point coincide. If the abnormality is gone, give the answer “gone”."
        )
    _check_stated(stated_mm, exact_mm)
    caliper = Caliper(
        sop_instance_uid=image.place[0],
        frame_number=image.place[1],
        start=start,
        end=end,
        start_lps_mm=plane.lps_from_pixel(*start),
        end_lps_mm=plane.lps_from_pixel(*end),
        frame_of_reference_uid=plane.frame_of_reference_uid,
    )
    return caliper, length_mm, LengthSource.GEOMETRY


def _check_stated(stated_mm: Decimal | None, computed_mm: float) -> None:
    if stated_mm is None:
        return
    difference_mm = abs(Decimal(round(computed_mm, 6)) - stated_mm).quantize(Decimal("0.000001"))
    if difference_mm > STATED_LENGTH_TOLERANCE_MM:
        raise GeometryError(
            f"The row states {format_mm(stated_mm)}, but its points are "
            f"{format_mm(round_to_recorded_mm(computed_mm))} apart by the geometry of the image: "
            "the stated length or the points are wrong."
        )
