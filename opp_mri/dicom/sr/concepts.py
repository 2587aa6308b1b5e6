"""The coded concepts of reports, each declared once.

Standard codes are those of DICOM PS3.16 (scheme DCM) and of SNOMED CT (SCT). What has no standard
code has one of our own scheme, 99OPPMRI: the sequences, the answers, the response categories (the
codes 112041 to 112047 of DICOM mean RECIST, which these are not), and completion of radiosurgery.
"""

from enum import StrEnum
from typing import Final

from pydicom.sr.coding import Code

from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource
from opp_mri.domain.timeline import Origin

PRIVATE_SCHEME: Final = "99OPPMRI"
LONGEST_MEANING: Final = 64  # characters of CodeMeaning (LO)


class LengthCode(StrEnum):
    """How the concept of a length is coded."""

    SCT = "sct"  # SNOMED CT, the current code
    SRT = "srt"  # the retired SNOMED-RT code, which older programs look for


def build_private_code(value: str, meaning: str) -> Code:
    """Return a code of our own scheme."""
    return Code(value, PRIVATE_SCHEME, meaning[:LONGEST_MEANING])


LENGTHS: Final = {
    LengthCode.SCT: Code("410668003", "SCT", "Length"),
    LengthCode.SRT: Code("G-D7FE", "SRT", "Length"),
}

MEASUREMENT_REPORT: Final = Code("126000", "DCM", "Imaging Measurement Report")
RESPONSE_REPORT: Final = Code("126001", "DCM", "Oncology Measurement Report")
IMAGING_MEASUREMENTS: Final = Code("126010", "DCM", "Imaging Measurements")
MEASUREMENT_GROUP: Final = Code("125007", "DCM", "Measurement Group")
QUALITATIVE_EVALUATIONS: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")
TRACKING_IDENTIFIER: Final = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID: Final = Code("112040", "DCM", "Tracking Unique Identifier")
PERSON_NAME: Final = Code("121008", "DCM", "Person Observer Name")
LOGIN_NAME: Final = Code("128774", "DCM", "Person Observer's Login Name")
COMMENT: Final = Code("121106", "DCM", "Comment")
CURRENT_RESPONSE: Final = Code("112048", "DCM", "Current Response")
PROCEDURE: Final = Code("363679005", "SCT", "Imaging procedure")
METHOD: Final = Code("370129005", "SCT", "Measurement Method")
LESION: Final = Code("52988006", "SCT", "Lesion")
PERFORMING: Final = Code("121094", "DCM", "Performing")
VERIFYING: Final = Code("121098", "DCM", "Verifying")
DAY: Final = Code("d", "UCUM", "day")
MILLIMETRE: Final = Code("mm", "UCUM", "millimeter")
VOLUME: Final = Code("118565006", "SCT", "Volume")
CUBIC_CENTIMETRE: Final = Code("cm3", "UCUM", "cubic centimeter")

SSRS_COMPLETION: Final = build_private_code(
    "ssrs-completion", "Completion of spine stereotactic radiosurgery"
)
AP_CALIPER: Final = build_private_code(
    "ap-caliper", "Greatest AP extent, two-point caliper on native image"
)
CONTOURS: Final = build_private_code("contours", "Volume within contours on native images")
READER: Final = build_private_code("reader", "Reader of the project")
LESION_ID: Final = build_private_code("lesion-id", "Lesion of the project")
SEQUENCE: Final = build_private_code("sequence", "MR sequence of the response rules")
ANSWER: Final = build_private_code("answer", "Answer of the reader")
LENGTH_SOURCE: Final = build_private_code("length-source", "Source of the length")
ORIGIN: Final = build_private_code("origin", "Origin of the line")
CALIPER_ENDS: Final = build_private_code(
    "caliper-ends", "Caliper ends: column, row, column, row from 0"
)
ANSWER_REASON: Final = build_private_code("answer-reason", "Reason given with the answer")
REMARK: Final = build_private_code("remark", "Remark on the measurement")
AMENDMENT: Final = build_private_code("amendment", "Reason of the amendment")
STUDY_DAY: Final = build_private_code("study-day", "Date of the time point")
RULE: Final = build_private_code("rule", "Rule that decided")
DECIDING_SEQUENCE: Final = build_private_code("deciding", "Deciding MR sequence")
CRITERIA: Final = build_private_code("criteria", "Response criteria")
MODE: Final = build_private_code("mode", "Mode of assessment")
DISCORDANT: Final = build_private_code("discordant", "Sequences are discordant")
CAUTION: Final = build_private_code("caution", "Caution")
SENTENCE: Final = build_private_code("sentence", "Finding in words")

SEQUENCES: Final = {
    SeriesRole.T1: build_private_code("T1", "T1-weighted"),
    SeriesRole.T2FS: build_private_code("T2FS", "T2-weighted, fat-suppressed"),
    SeriesRole.STIR: build_private_code("STIR", "Short tau inversion recovery"),
    SeriesRole.T1POST: build_private_code("T1POST", "T1-weighted after contrast agent"),
}
ANSWERS: Final = {
    Answer.MEASURED: build_private_code("measured", "Measured"),
    Answer.GONE: build_private_code("gone", "Abnormality gone (0.0 mm)"),
    Answer.NOT_MEASURABLE: build_private_code("not_measurable", "Not measurable"),
}
LENGTH_SOURCES: Final = {
    LengthSource.GEOMETRY: build_private_code("geometry", "Between two points on native pixels"),
    LengthSource.IMPORTED: build_private_code("imported", "Number without points"),
    LengthSource.MEAN: build_private_code("mean", "Mean of the lengths of two readers"),
    LengthSource.READER: build_private_code("reader", "Explicit answer of the reader"),
}
ORIGINS: Final = {
    Origin.ACCEPTED: build_private_code("accepted_proposal", "Accepted proposal of opp_mri"),
    Origin.EDITED: build_private_code("edited_proposal", "Edited proposal of opp_mri"),
}
CATEGORIES: Final = {
    ResponseCategory.OPP: build_private_code("OPP", "Osseous pseudoprogression"),
    ResponseCategory.PD: build_private_code("PD", "Progression of disease"),
    ResponseCategory.PR: build_private_code("PR", "Partial response"),
    ResponseCategory.SD: build_private_code("SD", "Stable disease"),
    ResponseCategory.INDETERMINATE: build_private_code("INDETERMINATE", "Indeterminate"),
    ResponseCategory.NOT_ELIGIBLE: build_private_code("NOT_ELIGIBLE", "Not eligible"),
}

VERTEBRAE: Final = {
    "C1": "14806007", "C2": "39976000", "C3": "113205007", "C4": "5329002", "C5": "36978003",
    "C6": "36054005", "C7": "87391001",
    "T1": "64864005", "T2": "53733008", "T3": "1626008", "T4": "73071006", "T5": "56401006",
    "T6": "45296009", "T7": "62487009", "T8": "11068009", "T9": "82687006", "T10": "7610001",
    "T11": "12989004", "T12": "23215003",
    "L1": "66794005", "L2": "14293000", "L3": "36470004", "L4": "11994002", "L5": "49668003",
    "S1": "65985001",
}  # fmt: skip
"""SNOMED CT code of each vertebra that has one; L6, T13 and S2 to S5 have none here."""

_LEVELS: Final = {code: level for level, code in VERTEBRAE.items()}


def build_vertebra_code(level: str) -> Code:
    """Return the code of a vertebra; one of our own where no standard code means exactly it."""
    code = VERTEBRAE.get(level)
    if code is None:
        return build_private_code(f"vertebra-{level}", f"{level} vertebra")
    return Code(code, "SCT", f"{level} vertebra")


def find_level_of_code(value: str, scheme: str) -> str:
    """Return the level that a code of a finding site means, "" where it is not a vertebra."""
    if scheme == PRIVATE_SCHEME:
        return value.removeprefix("vertebra-")
    return _LEVELS.get(value, "") if scheme == "SCT" else ""


def build_rule_code(reason: Reason) -> Code:
    """Return the code of the rule that decided."""
    return build_private_code(reason.value, reason.value.replace("_", " "))
