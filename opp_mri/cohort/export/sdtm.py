"""Variables of the CDISC SDTM domains that a cohort fills: DM, TU, TR, RS, FA and SUPPTU.

Names, labels, order, roles and core are those of SDTMIG 3.4 (CDISC, 2021). What is not conformant
is said in docs/reference/exports.md; foremost: RS holds a category that a program derived, by
criteria that have no CDISC terminology.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from opp_mri.cohort.statistics.members import find_age_at_radiosurgery
from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.columns.column import Column, Kind, Row, Value, write_value
from opp_mri.domain.columns.visit import FINDING_COLUMNS
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days

STUDY_ID: Final = "OPP-MRI"
CRITERIA: Final = "AMINI 2016"
RESPONSE: Final = ("AMINI16", "Lesion Response (Amini 2016, not RECIST)")
RULE: Final = ("AMINRULE", "Rule That Decided (Amini 2016)")
METHOD: Final = "MRI"
DIAMETER: Final = ("DIAMETER", "Diameter")
VOLUME: Final = ("VOLUME", "Volume")
T2_RATIO: Final = ("T2RATIO", "T2 Ratio to Reference Vertebra")
UNITS: Final = {"mm": "millimetre", "mL": "millilitre, which is a cc"}
SEXES: Final[Mapping[str, str]] = {"M": "M", "F": "F"}  # SDTM's codelist has no "other"
QUALIFIERS: Final[Mapping[str, str]] = {
    "SSRSFRST": "ssrs_first_date",
    "SSRSLAST": "ssrs_last_date",
    "DOSEGY": "dose_gy",
    "FRACTION": "fractions",
    "HISTOLGY": "histology",
    "EXCLUDED": "exclusions",
    "BONEQUAL": "bone_quality",
    "SINSPAIN": "sins_pain",
    "SINSALGN": "sins_alignment",
    "SINSCOLL": "sins_collapse",
    "SINSPOST": "sins_posterolateral",
    "INISODOS": "within_isodose",
}
"""What SDTM calls a column of the table of lesions."""
VISIT_TESTS: Final[Mapping[str, tuple[str, str]]] = {
    column.name: (code, column.label)
    for column, code in zip(
        FINDING_COLUMNS,
        ("EPIGRADE", "PARASPIN", "FRACTURE", "HGTLOSS", "STEROID", "PAIN", "ASIA", "GLOBCALL",
         "PATHOL"),
        strict=True,
    )
}  # fmt: skip
"""Short name and name of the test for each finding of a visit."""
RESULTS: Final = {category.value: category.value for category in (*ResponseCategory, *Reason)}


@frozen(kw_only=True)
class Variable(Column[Row]):
    """A column with its role and core, as a define.xml states them."""

    role: str
    core: str


@frozen(kw_only=True)
class Subject:
    """A patient, with the day that study days are counted from.

    Parameters
    ----------
    lesions
        Theirs, in the order of the cohort.
    reference_date
        RFSTDTC: completion of the first SSRS.
    visits
        Number of each day on which the patient was studied, from 1.
    """

    study_id: str
    lesions: tuple[AssessedLesion, ...]
    reference_date: date
    visits: Mapping[date, int]

    @property
    def usubjid(self) -> str:
        """Identifier across studies."""
        return f"{self.study_id}-{self.lesions[0].patient_id}"


@frozen(kw_only=True)
class Size:
    """A length, a volume or a T2 ratio of a lesion, as a test with its result."""

    sequence: SeriesRole
    test: tuple[str, str]
    value: Decimal
    unit: str
    is_baseline: bool


@frozen(kw_only=True)
class Record:
    """A row of a domain: whose, its number for the subject, of which lesion and day."""

    subject: Subject
    seq: int
    lesion: AssessedLesion
    day: date | None
    size: Size | None = None
    test: tuple[str, str] = RESPONSE
    result: str = ""
    unit: str = ""


@frozen(kw_only=True)
class Qualifier:
    """A supplemental qualifier of a lesion in SUPPTU: one column of the table of lesions."""

    of: Record
    name: str
    column: Column[AssessedLesion]


def compute_study_day(reference: date, day: date | None) -> int | None:
    """Return --DY: the reference day is 1 and the day before it -1; there is no day 0."""
    if day is None:
        return None
    days = count_days(reference, day)
    return days + 1 if days >= 0 else days


def _define(
    name: str, label: str, of: Callable[[Any], Value], role: str = "Identifier", core: str = "Req",
    kind: Kind = Kind.TEXT, source: str = "assigned", code_labels: Mapping[str, str] | None = None,
    unit: str = "", identifier: bool = False,
) -> Variable[Any]:  # fmt: skip
    return Variable(
        name=name, label=label, of=of, role=role, core=core, kind=kind, source=source,
        allowed=code_labels or {}, unit=unit, description=label, required=core == "Req",
        identifier=identifier,
    )  # fmt: skip


def _build_keys(domain: str) -> tuple[Variable[Any], ...]:
    return (
        _define("STUDYID", "Study Identifier", lambda r: r.subject.study_id),
        _define("DOMAIN", "Domain Abbreviation", lambda _: domain, code_labels={domain: domain},
                  kind=Kind.CODE),
        _define("USUBJID", "Unique Subject Identifier", lambda r: r.subject.usubjid,
                  source="recorded", identifier=True),
        _define(f"{domain}SEQ", "Sequence Number", lambda r: r.seq, kind=Kind.INTEGER),
    )  # fmt: skip


def _build_timing(domain: str, quantity: str) -> tuple[Variable[Any], ...]:
    return (
        _define("VISITNUM", "Visit Number",
                  lambda r: None if r.day is None else r.subject.visits.get(r.day), "Timing", "Exp",
                  Kind.INTEGER, "derived: numbered by date, as no visit is planned"),
        _define(f"{domain}DTC", f"Date/Time of {quantity}", lambda r: r.day, "Timing", "Exp",
                  Kind.DATE, "recorded", identifier=True),
        _define(f"{domain}DY", f"Study Day of {quantity}",
                  lambda r: compute_study_day(r.subject.reference_date, r.day), "Timing", "Perm",
                  Kind.INTEGER, "derived from RFSTDTC: 1 is its day, there is no day 0",
                  unit="days"),
    )  # fmt: skip


def _find_death_date(subject: Subject) -> date | None:
    return next((o.lesion.death_date for o in subject.lesions if o.lesion.death_date), None)


def _find_age(subject: Subject) -> int | None:
    first = min(subject.lesions, key=lambda lesion: lesion.lesion.ssrs_last_date)
    age = find_age_at_radiosurgery(first.lesion)
    return None if age is None else age.years


DM: Final[tuple[Variable[Subject], ...]] = (
    _define("STUDYID", "Study Identifier", lambda s: s.study_id),
    _define("DOMAIN", "Domain Abbreviation", lambda _: "DM", code_labels={"DM": "Demographics"},
              kind=Kind.CODE),
    _define("USUBJID", "Unique Subject Identifier", lambda s: s.usubjid, source="recorded",
              identifier=True),
    _define("SUBJID", "Subject Identifier for the Study", lambda s: s.lesions[0].patient_id,
              "Topic", source="recorded", identifier=True),
    _define("RFSTDTC", "Subject Reference Start Date/Time", lambda s: s.reference_date,
              "Record Qualifier", "Exp", Kind.DATE,
              "recorded: completion of the patient's first SSRS", identifier=True),
    _define("DTHDTC", "Date/Time of Death", _find_death_date, "Record Qualifier", "Exp", Kind.DATE,
              "recorded", identifier=True),
    _define("DTHFL", "Subject Death Flag", lambda s: "Y" if _find_death_date(s) else None,
              "Record Qualifier", "Exp", Kind.CODE, "recorded", {"Y": "dead"}),
    _define("AGE", "Age", _find_age, "Record Qualifier", "Exp", Kind.INTEGER,
              "recorded, or from the year of birth: then it may be one too many", unit="years"),
    _define("AGEU", "Age Units", lambda s: None if _find_age(s) is None else "YEARS",
              "Variable Qualifier", "Exp", Kind.CODE, code_labels={"YEARS": "years"}),
    _define("SEX", "Sex", lambda s: SEXES.get(s.lesions[0].lesion.sex, "U"),
              "Record Qualifier", "Req", Kind.CODE, "recorded",
              {"M": "male", "F": "female", "U": "unknown, or other"}),
)  # fmt: skip

TU: Final[tuple[Variable[Record], ...]] = (
    *_build_keys("TU"),
    _define("TULNKID", "Link ID", lambda r: r.lesion.lesion.lesion_id, core="Exp",
              source="recorded", identifier=True),
    _define("TUTESTCD", "Tumor/Lesion ID Short Name", lambda _: "TUMIDENT", "Topic",
              kind=Kind.CODE, code_labels={"TUMIDENT": "Tumor Identification"}),
    _define("TUTEST", "Tumor/Lesion ID Test Name", lambda _: "Tumor Identification",
              "Synonym Qualifier"),
    _define("TUORRES", "Tumor/Lesion ID Result", lambda _: "TREATED LESION", "Result Qualifier",
              "Exp"),
    _define("TUSTRESC", "Tumor/Lesion ID Result Std. Format", lambda _: "TREATED LESION",
              "Result Qualifier", "Exp"),
    _define("TULOC", "Location of the Tumor/Lesion",
              lambda r: f"VERTEBRA {r.lesion.lesion.level}", "Record Qualifier", "Exp",
              source="recorded"),
    _define("TUMETHOD", "Method of Identification", lambda _: METHOD, "Record Qualifier", "Exp",
              Kind.CODE, code_labels={METHOD: "magnetic resonance imaging"}),
    *_build_timing("TU", "Tumor/Lesion Identification"),
)  # fmt: skip

TR: Final[tuple[Variable[Record], ...]] = (
    *_build_keys("TR"),
    _define("TRGRPID", "Group ID", lambda r: r.size.sequence.value, core="Perm",
              kind=Kind.CODE, source="recorded: the MR sequence",
              code_labels={sequence.value: sequence.value for sequence in SeriesRole}),
    _define("TRLNKID", "Link ID", lambda r: r.lesion.lesion.lesion_id, core="Exp",
              source="recorded", identifier=True),
    _define("TRLNKGRP", "Link Group", lambda r: r.lesion.lesion.lesion_id, core="Perm",
              source="recorded", identifier=True),
    _define("TRTESTCD", "Tumor/Lesion Assessment Short Name", lambda r: r.size.test[0], "Topic",
              kind=Kind.CODE, code_labels=dict((DIAMETER, VOLUME, T2_RATIO))),
    _define("TRTEST", "Tumor/Lesion Assessment Test Name", lambda r: r.size.test[1],
              "Synonym Qualifier"),
    _define("TRORRES", "Result or Finding in Original Units",
              lambda r: write_value(r.size.value), "Result Qualifier", "Exp",
              source="recorded: greatest anteroposterior extent, or volume within contours; "
              "T2 ratio: computed from contours and images"),
    _define("TRORRESU", "Original Units", lambda r: r.size.unit or None,
              "Variable Qualifier", "Exp", Kind.CODE, code_labels=UNITS),
    _define("TRSTRESC", "Character Result/Finding in Std Format",
              lambda r: write_value(r.size.value), "Result Qualifier", "Exp",
              source="TRORRES"),
    _define("TRSTRESN", "Numeric Result/Finding in Standard Units",
              lambda r: r.size.value, "Result Qualifier", "Exp", Kind.DECIMAL,
              "TRORRES", unit="mm or mL, as TRSTRESU says; a ratio has none"),
    _define("TRSTRESU", "Standard Units", lambda r: r.size.unit or None,
              "Variable Qualifier", "Exp", Kind.CODE, code_labels=UNITS),
    _define("TRMETHOD", "Method Used to Identify the Tumor/Lesion", lambda _: METHOD,
              "Record Qualifier", "Exp", Kind.CODE,
              code_labels={METHOD: "magnetic resonance imaging"}),
    _define("TRLOBXFL", "Last Observation Before Exposure Flag",
              lambda r: "Y" if r.size.is_baseline else None, "Record Qualifier",
              "Exp", Kind.CODE, "derived: the sequence's baseline", {"Y": "baseline"}),
    _define("TREVAL", "Evaluator", lambda _: None, "Record Qualifier", "Exp"),
    *_build_timing("TR", "Tumor/Lesion Measurement"),
)  # fmt: skip

RS: Final[tuple[Variable[Record], ...]] = (
    *_build_keys("RS"),
    _define("RSLNKID", "Link ID", lambda r: r.lesion.lesion.lesion_id, core="Perm",
              source="recorded", identifier=True),
    _define("RSLNKGRP", "Link Group ID", lambda r: r.lesion.lesion.lesion_id, core="Perm",
              source="recorded", identifier=True),
    _define("RSTESTCD", "Assessment Short Name", lambda r: r.test[0], "Topic", kind=Kind.CODE,
              code_labels=dict((RESPONSE, RULE))),
    _define("RSTEST", "Assessment Name", lambda r: r.test[1], "Synonym Qualifier"),
    _define("RSCAT", "Category for Assessment", lambda _: CRITERIA, "Grouping Qualifier", "Exp",
              Kind.CODE, code_labels={CRITERIA: "Amini et al., AJNR 2016;37:387-392; not RECIST"}),
    _define("RSSCAT", "Subcategory", lambda r: r.lesion.assessment.mode.value.upper(),
              "Grouping Qualifier", "Perm"),
    _define("RSORRES", "Result or Finding in Original Units", lambda r: r.result,
              "Result Qualifier", "Exp", Kind.CODE, "response rules", RESULTS),
    _define("RSSTRESC", "Character Result/Finding in Std Format", lambda r: r.result,
              "Result Qualifier", "Exp", Kind.CODE, "RSORRES", RESULTS),
    _define("RSDRVFL", "Derived Flag", lambda _: "Y", "Record Qualifier", "Perm", Kind.CODE,
              code_labels={"Y": "derived by a program"}),
    _define("RSEVAL", "Evaluator", lambda _: None, "Record Qualifier", "Perm"),
    *_build_timing("RS", "Assessment"),
)  # fmt: skip

FA: Final[tuple[Variable[Record], ...]] = (
    *_build_keys("FA"),
    _define("FALNKID", "Link ID", lambda r: r.lesion.lesion.lesion_id, core="Perm",
              source="recorded", identifier=True),
    _define("FATESTCD", "Findings About Test Short Name", lambda r: r.test[0], "Topic",
              kind=Kind.CODE, code_labels=dict(VISIT_TESTS.values())),
    _define("FATEST", "Findings About Test Name", lambda r: r.test[1], "Synonym Qualifier"),
    _define("FAOBJ", "Object of the Observation", lambda _: "TREATED LESION",
              "Record Qualifier"),
    _define("FAORRES", "Result or Finding in Original Units", lambda r: r.result,
              "Result Qualifier", "Exp", source="recorded"),
    _define("FAORRESU", "Original Units", lambda r: r.unit or None, "Variable Qualifier",
              "Exp", source="recorded"),
    _define("FASTRESC", "Character Result/Finding in Std Format", lambda r: r.result,
              "Result Qualifier", "Exp", source="FAORRES"),
    *_build_timing("FA", "Visit"),
)  # fmt: skip

SUPPTU: Final[tuple[Variable[Qualifier], ...]] = (
    _define("STUDYID", "Study Identifier", lambda q: q.of.subject.study_id),
    _define("RDOMAIN", "Related Domain Abbreviation", lambda _: "TU", kind=Kind.CODE,
              code_labels={"TU": "Tumor/Lesion Identification"}),
    _define("USUBJID", "Unique Subject Identifier", lambda q: q.of.subject.usubjid,
              source="recorded", identifier=True),
    _define("IDVAR", "Identifying Variable", lambda _: "TUSEQ", core="Exp", kind=Kind.CODE,
              code_labels={"TUSEQ": "Sequence Number"}),
    _define("IDVARVAL", "Identifying Variable Value", lambda q: str(q.of.seq), core="Exp"),
    _define("QNAM", "Qualifier Variable Name", lambda q: q.name, "Topic", kind=Kind.CODE,
              code_labels=QUALIFIERS),
    _define("QLABEL", "Qualifier Variable Label", lambda q: q.column.heading,
              "Synonym Qualifier"),
    _define("QVAL", "Data Value", lambda q: write_value(q.column.of(q.of.lesion)),
              "Result Qualifier",
              source="recorded", identifier=True),
    _define("QORIG", "Origin", lambda _: "COLLECTED", "Record Qualifier"),
    _define("QEVAL", "Evaluator", lambda _: None, "Record Qualifier", "Exp"),
)  # fmt: skip
