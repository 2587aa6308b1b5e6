"""The columns of a visit, for tables, forms, exports, the data dictionary and the help texts."""

from datetime import date
from typing import Final

from attrs import frozen

from opp_mri.domain.columns.column import Column, Kind, Value, view_through, write_value
from opp_mri.domain.columns.timeline import LONGEST_DAYS
from opp_mri.domain.timeline import Pathology
from opp_mri.domain.visit import (
    MOST_PAIN,
    EpiduralGrade,
    Fracture,
    GlobalCall,
    Neurology,
    Visit,
)
from opp_mri.units import count_days

_RECORDED: Final = "recorded"
LONGEST_PARASPINAL_MM: Final = 300

FINDING_COLUMNS: Final[tuple[Column[Visit], ...]] = (
    Column(
        name="epidural_grade", label="Epidural grade (Bilsky)", kind=Kind.CODE,
        of=lambda visit: visit.epidural_grade and visit.epidural_grade.value,
        allowed={
            EpiduralGrade.GRADE_0.value: "bone only",
            EpiduralGrade.GRADE_1A.value: "epidural, no deformation of the thecal sac",
            EpiduralGrade.GRADE_1B.value: "deformation of the thecal sac",
            EpiduralGrade.GRADE_1C.value: "deformation with abutment of the cord",
            EpiduralGrade.GRADE_2.value: "compression of the cord, cerebrospinal fluid visible",
            EpiduralGrade.GRADE_3.value: "compression of the cord, no cerebrospinal fluid visible",
        },
        description="Epidural spinal cord compression, worst on axial T2.", source=_RECORDED,
    ),
    Column(
        name="paraspinal_mm", label="Paraspinal extent", kind=Kind.DECIMAL, unit="mm",
        of=lambda visit: visit.paraspinal_mm, minimum=0, maximum=LONGEST_PARASPINAL_MM,
        description="Greatest extent of tumour beyond the vertebra; 0 where there is none.",
        source=_RECORDED,
    ),
    Column(
        name="fracture", label="Fracture", kind=Kind.CODE,
        of=lambda visit: visit.fracture and visit.fracture.value,
        allowed={
            Fracture.NONE.value: "no fracture",
            Fracture.NEW.value: "new fracture",
            Fracture.PROGRESSIVE.value: "progression of a known fracture",
        },
        description="Compression fracture at the treated level.", source=_RECORDED,
    ),
    Column(
        name="height_loss_percent", label="Loss of height", kind=Kind.DECIMAL, unit="%",
        of=lambda visit: visit.height_loss_percent, minimum=0, maximum=100,
        description="Loss of vertebral height, in % of the height before.", source=_RECORDED,
    ),
    Column(
        name="steroid", label="Steroid", kind=Kind.BOOLEAN, of=lambda visit: visit.steroid,
        description="Whether the patient takes a steroid.", source=_RECORDED,
    ),
    Column(
        name="pain", label="Pain", kind=Kind.INTEGER, of=lambda visit: visit.pain, minimum=0,
        maximum=MOST_PAIN, description="Pain from 0 (none) to 10 (worst).", source=_RECORDED,
    ),
    Column(
        name="neurology", label="Neurology (ASIA)", kind=Kind.CODE,
        of=lambda visit: visit.neurology and visit.neurology.value,
        allowed={
            Neurology.A.value: "complete",
            Neurology.B.value: "sensory incomplete",
            Neurology.C.value: "motor incomplete, most key muscles below grade 3",
            Neurology.D.value: "motor incomplete, most key muscles grade 3 or more",
            Neurology.E.value: "normal",
        },
        description="Neurological function by the ASIA Impairment Scale.", source=_RECORDED,
    ),
    Column(
        name="global_call", label="Progression, reader's impression", kind=Kind.CODE,
        of=lambda visit: visit.global_call and visit.global_call.value,
        allowed={
            GlobalCall.UNEQUIVOCAL.value: "unequivocal progression",
            GlobalCall.EQUIVOCAL.value: "equivocal progression",
            GlobalCall.NONE.value: "no progression",
        },
        description="The reader's own impression; the response rules do not use it.",
        source=_RECORDED,
    ),
    Column(
        name="pathology", label="Pathology", kind=Kind.CODE,
        of=lambda visit: visit.pathology and visit.pathology.value,
        allowed={
            Pathology.TUMOUR.value: "viable tumour",
            Pathology.NO_TUMOUR.value: "no viable tumour",
            Pathology.NOT_DIAGNOSTIC.value: "not diagnostic",
        },
        description="Result of a biopsy or operation on the treated level.", source=_RECORDED,
    ),
)  # fmt: skip
"""What was found, without the days."""

LESION_OF_VISIT: Final = Column[Visit](
    name="lesion_id", label="Lesion", of=lambda visit: visit.lesion_id, required=True,
    description="The lesion.", source=_RECORDED, identifier=True,
)  # fmt: skip

VISIT_COLUMNS: Final[tuple[Column[Visit], ...]] = (
    LESION_OF_VISIT,
    Column(
        name="visit_date", label="Visit", kind=Kind.DATE, of=lambda visit: visit.visit_date,
        description="Day of the visit, as a rule that of the MRI.", source=_RECORDED,
        required=True, identifier=True,
    ),
    *FINDING_COLUMNS,
    Column(
        name="confirmation_date", label="Planned confirmation", kind=Kind.DATE,
        of=lambda visit: visit.confirmation_date, may_be_future=True, identifier=True,
        description="Planned day of the study that is to confirm the impression.",
        source=_RECORDED,
    ),
)  # fmt: skip


@frozen
class VisitOfLesion:
    """A visit with the day from which its days are counted: completion of radiosurgery."""

    visit: Visit
    ssrs_last_date: date

    def count_days_to(self, day: date | None) -> int | None:
        """Count the days from completion of radiosurgery."""
        return None if day is None else count_days(self.ssrs_last_date, day)


def _get_visit(row: VisitOfLesion) -> Visit:
    return row.visit


VISIT_DAY: Final = Column[VisitOfLesion](
    name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS", required=True,
    of=lambda row: row.count_days_to(row.visit.visit_date),
    minimum=-LONGEST_DAYS, maximum=LONGEST_DAYS,
    description="Day of the visit from completion of SSRS.", source=_RECORDED,
)  # fmt: skip
CONFIRMATION_DAY: Final = Column[VisitOfLesion](
    name="confirmation_day", label="Planned confirmation", kind=Kind.INTEGER,
    unit="days from SSRS", of=lambda row: row.count_days_to(row.visit.confirmation_date),
    minimum=-LONGEST_DAYS, maximum=LONGEST_DAYS, source=_RECORDED,
    description="Planned day of the study that is to confirm the impression.",
)  # fmt: skip
VISIT_DAY_COLUMNS: Final[tuple[Column[VisitOfLesion], ...]] = (
    *view_through((LESION_OF_VISIT,), _get_visit),
    VISIT_DAY,
    *view_through(FINDING_COLUMNS, _get_visit),
    CONFIRMATION_DAY,
)
"""As in an export: days instead of dates."""


def describe_visit(visit: Visit) -> str:
    """Return the findings of a visit in words, separated by semicolons."""
    words = [
        f"{column.label[:1].lower()}{column.label[1:]} {_show(column, column.of(visit))}"
        for column in (*FINDING_COLUMNS, VISIT_COLUMNS[-1])
        if column.of(visit) is not None
    ]
    return "; ".join(words)


def _show(column: Column[Visit], value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    unit = f" {column.unit}" if column.unit else ""
    return f"{write_value(value)}{unit}"
