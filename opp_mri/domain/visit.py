"""Findings of a lesion at one visit other than its lengths: a form, validated and append-only.

Source of the epidural grades: Bilsky et al., J Neurosurg Spine 2010;13:324-328 (worst on axial T2).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import converters, field, fields, frozen, validators

from opp_mri.domain.measurement import LesionEvent
from opp_mri.domain.timeline import EventKind, Pathology
from opp_mri.units import convert_to_decimal, convert_to_mm

PARASPINAL_GROWTH_MM: Final = Decimal("2.0")  # as for the anteroposterior extent
MOST_PAIN: Final = 10


class EpiduralGrade(StrEnum):
    """Epidural spinal cord compression, worst on axial T2 (Bilsky)."""

    GRADE_0 = "0"
    GRADE_1A = "1a"
    GRADE_1B = "1b"
    GRADE_1C = "1c"
    GRADE_2 = "2"
    GRADE_3 = "3"

    @property
    def rank(self) -> int:
        """Place in the order of grades, from 0."""
        return list(EpiduralGrade).index(self)


class Fracture(StrEnum):
    """Vertebral compression fracture at the treated level."""

    NONE = "none"
    NEW = "new"
    PROGRESSIVE = "progressive"


class Neurology(StrEnum):
    """Neurological function by the ASIA Impairment Scale."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


class GlobalCall(StrEnum):
    """The reader's own impression of progression."""

    UNEQUIVOCAL = "unequivocal"
    EQUIVOCAL = "equivocal"
    NONE = "none"


def _convert_to_int(value: int | str) -> int:
    if isinstance(value, bool) or int(value) != Decimal(str(value)):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


_optional = validators.optional


@frozen(kw_only=True)
class Visit:
    """What was found of a lesion on one day; a later record of the same day follows it.

    Parameters
    ----------
    lesion_id, visit_date
        The lesion and the day.
    epidural_grade
        Worst on axial T2.
    paraspinal_mm
        Greatest extent of tumour beyond the vertebra, mm; 0 where there is none.
    fracture, height_loss_percent
        At the treated level; loss of vertebral height in % of what it was.
    steroid
        Whether the patient takes a steroid.
    pain
        0 (none) to 10 (worst).
    neurology
        ASIA Impairment Scale.
    global_call
        The reader's own impression of progression.
    confirmation_date
        Planned day of the study that is to confirm it.
    pathology
        Result of a biopsy or operation on this day.
    recorded_by, recorded_at
        Who recorded it and when; None where it came with a table that belongs to no project.
    """

    lesion_id: str = field(validator=validators.min_len(1))
    visit_date: date
    epidural_grade: EpiduralGrade | None = field(
        default=None, converter=converters.optional(EpiduralGrade)
    )
    paraspinal_mm: Decimal | None = field(
        default=None, converter=converters.optional(convert_to_mm)
    )
    fracture: Fracture | None = field(default=None, converter=converters.optional(Fracture))
    height_loss_percent: Decimal | None = field(
        default=None,
        converter=converters.optional(convert_to_decimal),
        validator=_optional((validators.ge(Decimal(0)), validators.le(Decimal(100)))),
    )
    steroid: bool | None = field(default=None, validator=_optional(validators.instance_of(bool)))
    pain: int | None = field(
        default=None,
        converter=converters.optional(_convert_to_int),
        validator=_optional((validators.ge(0), validators.le(MOST_PAIN))),
    )
    neurology: Neurology | None = field(default=None, converter=converters.optional(Neurology))
    global_call: GlobalCall | None = field(default=None, converter=converters.optional(GlobalCall))
    confirmation_date: date | None = None
    pathology: Pathology | None = field(default=None, converter=converters.optional(Pathology))
    recorded_by: str = ""
    recorded_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        faults = find_visit_faults(
            visit_date=self.visit_date, fracture=self.fracture,
            height_loss_percent=self.height_loss_percent,
            confirmation_date=self.confirmation_date,
        )  # fmt: skip
        for name, message in faults.items():
            raise ValueError(f"{name} {message}")


FINDINGS: Final = tuple(
    attribute.name
    for attribute in fields(Visit)
    if attribute.name not in ("lesion_id", "visit_date", "recorded_by", "recorded_at")
)


def find_visit_faults(
    *, visit_date: date, fracture: str | None, height_loss_percent: Decimal | None,
    confirmation_date: date | None,
) -> Mapping[str, str]:  # fmt: skip
    """State where findings of a visit contradict each other, by the field to correct.

    Parameters
    ----------
    visit_date
        Day of the visit.
    fracture
        One of the values of `Fracture`; None where it was not assessed.
    height_loss_percent
        Loss of height of the vertebral body in percent; None where it was not assessed.
    confirmation_date
        Planned day of a study that confirms growth.

    Returns
    -------
    Mapping of str to str
        Name of a column to what is wrong with it; empty where nothing is.
    """
    faults = {}
    if fracture == Fracture.NONE and height_loss_percent:
        faults["height_loss_percent"] = "is given without a fracture: correct one of them"
    if confirmation_date is not None and confirmation_date <= visit_date:
        faults["confirmation_date"] = f"is not after the visit, {visit_date}: correct one of them"
    return faults


def select_latest_visits(visits: Iterable[Visit]) -> tuple[Visit, ...]:
    """Return the latest record of each day of one lesion, by date."""
    by_date = {visit.visit_date: visit for visit in visits}
    return tuple(by_date[day] for day in sorted(by_date))


def derive_events(visits: Sequence[Visit], first_fraction: date) -> tuple[LesionEvent, ...]:
    """Return the findings of a lesion's visits that are events, by date.

    They are: a new or progressive fracture; diagnostic pathology; an epidural grade above the
    reference; a paraspinal extent 2.0 mm or more above the reference. The reference is the latest
    visit with this finding up to the first fraction, else the first with it. A growth is given
    once, on the first visit that shows it; a further grade is a further event.
    """
    events = [
        LesionEvent(date=visit.visit_date, kind=EventKind.FRACTURE, value=visit.fracture.value)
        for visit in visits
        if visit.fracture in (Fracture.NEW, Fracture.PROGRESSIVE)
    ]
    events += [
        _build_event(visit, EventKind.PATHOLOGY, visit.pathology.value)
        for visit in visits
        if visit.pathology in (Pathology.TUMOUR, Pathology.NO_TUMOUR)
    ]
    graded_visits = [visit for visit in visits if visit.epidural_grade is not None]
    highest = _find_reference(graded_visits, first_fraction)
    for visit in graded_visits:
        grade = visit.epidural_grade
        if highest is None or grade is None or visit.visit_date <= highest.visit_date:
            continue
        if highest.epidural_grade is not None and grade.rank > highest.epidural_grade.rank:
            words = f"{highest.epidural_grade.value} to {grade.value}"
            events.append(_build_event(visit, EventKind.EPIDURAL_GROWTH, words))
            highest = visit
    visits_with_paraspinal = [visit for visit in visits if visit.paraspinal_mm is not None]
    largest = _find_reference(visits_with_paraspinal, first_fraction)
    for visit in visits_with_paraspinal:
        extent = visit.paraspinal_mm
        if largest is None or extent is None or visit.visit_date <= largest.visit_date:
            continue
        reference_mm = largest.paraspinal_mm or Decimal(0)
        if extent - reference_mm >= PARASPINAL_GROWTH_MM:
            words = f"{reference_mm} to {extent} mm"
            events.append(_build_event(visit, EventKind.PARASPINAL_GROWTH, words))
            largest = visit
    return tuple(sorted(events, key=lambda event: event.date))


def _find_reference(visits: Sequence[Visit], first_fraction: date) -> Visit | None:
    before = [visit for visit in visits if visit.visit_date <= first_fraction]
    return before[-1] if before else next(iter(visits), None)


def _build_event(visit: Visit, kind: EventKind, words: str) -> LesionEvent:
    return LesionEvent(date=visit.visit_date, kind=kind, value=words)
