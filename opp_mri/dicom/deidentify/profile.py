"""The profile of PS3.15 for exports: basic profile, with options.

Options: retain longitudinal temporal information with modified dates, clean descriptors, clean
structured content. Actions are those of table E.1-1 (`actions.csv`), and stricter where the table
leaves an attribute as it is: free text keeps known words only, every UID outside the standard is
replaced, and no private attribute passes but those that are known to hold a number of the sequence.
"""

import csv
import re
from collections import Counter
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from attrs import define, field
from pydicom import Dataset
from pydicom.dataelem import DataElement

from opp_mri.dicom.deidentify.engine import Place
from opp_mri.dicom.deidentify.pseudonyms import (
    PATIENT,
    PERSON,
    Pseudonyms,
    is_new_or_standard,
    shift_date,
)
from opp_mri.dicom.deidentify.report_texts import ReportTexts
from opp_mri.dicom.deidentify.words import clean_text, list_known_meanings
from opp_mri.dicom.headers.keywords import PRIVATE_B_VALUES
from opp_mri.dicom.headers.values import convert_to_text, convert_to_texts
from opp_mri.domain.assessment import Caution, Reason

SHIFTED: Final = frozenset(
    {
        *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"),
        *("AcquisitionDateTime", "FrameAcquisitionDateTime", "FrameReferenceDateTime"),
        *(
            "ContentDateTime",
            "Date",
            "DateTime",
            "VerificationDateTime",
            "PresentationCreationDate",
        ),
        *("ObservationDateTime", "PerformedProcedureStepStartDate"),
    }
)
"""Dates that stay, shifted by the patient's constant (retain longitudinal, modified dates)."""

TIMES: Final = frozenset(
    {
        *("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime"),
        *("ContrastBolusStartTime", "ContrastBolusStopTime", "Time", "PresentationCreationTime"),
    }
)
"""Times of day that tell the order of series; without the date they say nothing of it."""

DESCRIPTORS: Final = frozenset(
    {
        *("SeriesDescription", "StudyDescription", "ProtocolName", "DerivationDescription"),
        *("ContrastBolusAgent", "BodyPartExamined", "SequenceName", "PulseSequenceName"),
        *("ImageComments", "TextValue", "ContentDescription", "ContentLabel", "CodeMeaning"),
        *("SegmentLabel", "ROIName", "UnformattedTextValue"),
    }
)
"""Texts that stay with their known words (clean descriptors, clean structured content)."""

FOLLOWED: Final = frozenset(
    {
        *("ContentSequence", "ReferencedImageSequence", "SourceImageSequence"),
        *(
            "ReferencedInstanceSequence",
            "PredecessorDocumentsSequence",
            "VerifyingObserverSequence",
        ),
        *("ReferencedPerformedProcedureStepSequence", "AcquisitionContextSequence"),
    }
)
"""Sequences that the table removes, and whose items are cleaned instead."""

REQUIRED_TEXTS: Final = frozenset({"CodeMeaning", "TextValue"})
"""Texts without which an item is not valid: where no word is known, `REMOVED` stands there."""

REMOVED: Final = "removed"
PERSONS: Final = frozenset({"PersonName", "VerifyingObserverName"})
STATED: Final = {
    "PatientIdentityRemoved": "YES",
    "LongitudinalTemporalInformationModified": "MODIFIED",
    "DeidentificationMethod": "Basic profile, modified dates, clean descriptors",
}
METHODS: Final = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113104", "Clean Structured Content Option"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
_OWN: Final = frozenset({*STATED, "DeidentificationMethodCodeSequence"})
_TEXT_VRS: Final = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "CS"})
_BYTE_VRS: Final = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})
_SCHEMES: Final = ("CodingSchemeDesignator", "CodeValue", "CodingSchemeVersion", "LongCodeValue")
_STRUCTURAL: Final = frozenset(
    {*("SpecificCharacterSet", "Modality", "ValueType", "RelationshipType"), *_SCHEMES}
)
_OWN_CODES: Final = frozenset(code.value for kind in (Reason, Caution) for code in kind)
_TEMPLATE: Final = re.compile(r"\d{3,5}")  # readers of reports look for it
_SAFE_PRIVATE: Final = {creator: tags for creator, *tags in PRIVATE_B_VALUES}


@cache
def read_actions() -> dict[int, str]:
    """Return the action of table E.1-1 of PS3.15 for each tag."""
    source = files("opp_mri.dicom.deidentify").joinpath("actions.csv")
    rows = csv.DictReader(source.read_text(encoding="utf-8").splitlines())
    return {int(row["tag"], 16): row["action"] for row in rows}


@define(kw_only=True)
class ExportProfile:
    """The profile for the objects of one patient; it counts what it changes.

    Parameters
    ----------
    pseudonyms
        What replaces identity; None only finds what would be replaced.
    patient_id
        Original PatientID.
    changes
        Number of elements by keyword and what was done: replaced, removed, cleaned or shifted.
    """

    pseudonyms: Pseudonyms | None
    patient_id: str = field(repr=False)
    changes: Counter[tuple[str, str]] = field(factory=Counter)
    _report_texts: ReportTexts = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._report_texts = ReportTexts(pseudonyms=self.pseudonyms, patient_id=self.patient_id)

    def __call__(self, element: DataElement, dataset: Dataset, place: Place) -> DataElement | None:
        """Return what replaces an element, or None."""
        new_element, action = self._decide(element, dataset)
        if action:
            name = element.keyword or f"({element.tag.group:04X},{element.tag.element:04X})"
            self.changes["/".join((*place, name)), action] += 1
        return new_element

    def _decide(self, element: DataElement, dataset: Dataset) -> tuple[DataElement | None, str]:
        if element.tag.is_private:
            return self._keep_private(element, dataset)
        keyword, vr = element.keyword, element.VR
        if not keyword or 0x5000 <= element.tag.group < 0x7000:  # unknown, curves and overlays
            return None, "removed"
        if element.is_empty and vr != "SQ":
            return element, ""
        if vr == "SQ":
            return self._follow(element)
        if keyword in ("PatientID", "PatientName"):
            return self._replace_patient(element)
        if vr == "UI":
            return self._replace_uids(element)
        if vr in ("DA", "DT"):
            return self._shift(element)
        if vr == "TM":
            return (element, "") if keyword in TIMES else (None, "removed")
        return self._apply_table(element, dataset)

    def _apply_table(
        self, element: DataElement, dataset: Dataset
    ) -> tuple[DataElement | None, str]:
        keyword, vr = element.keyword, element.VR
        action = read_actions().get(int(element.tag))
        if vr == "PN":
            return self._replace_person(element, action)
        if keyword in _OWN:
            return element, ""
        if keyword in DESCRIPTORS or (action is None and vr in _TEXT_VRS):
            return self._clean(element, dataset)
        if action is not None:
            return (None, "removed") if "X" in action else self._empty_element(element)
        if vr in _BYTE_VRS:
            is_kept = keyword in ("PixelData", "LUTData", "SelectorOBValue")
            return (element, "") if is_kept else (None, "removed")
        if vr in ("AE", "UR", "AS"):
            return None, "removed"
        return element, ""

    def _empty_element(self, element: DataElement) -> tuple[DataElement, str]:
        return DataElement(element.tag, element.VR, None), "removed"

    def _follow(self, element: DataElement) -> tuple[DataElement | None, str]:
        if element.keyword in _OWN:
            return element, ""
        action = read_actions().get(int(element.tag))
        if action is not None and element.keyword not in FOLLOWED:
            return (None, "removed") if element.value else (None, "")
        return element, ""

    def _keep_private(
        self, element: DataElement, dataset: Dataset
    ) -> tuple[DataElement | None, str]:
        """Keep b-values, with the name of their block; they decide what a series is."""
        if element.tag.is_private_creator:
            creator = convert_to_text(element.value)
            block = element.tag.element << 8
            is_used = any(
                tag.group == element.tag.group and tag.element & 0xFF00 == block & 0xFFFF
                for tag in dataset.keys()  # noqa: SIM118 - a Dataset iterates elements
                if int(tag) in _SAFE_PRIVATE.get(creator, ())
            )
            return (element, "") if is_used and creator in _SAFE_PRIVATE else (None, "removed")
        if int(element.tag) in _SAFE_PRIVATE.get(element.private_creator or "", ()) and (
            element.VR in ("IS", "DS", "FD", "FL", "US", "SS", "UL", "SL")
        ):
            return element, ""
        return None, "removed"

    def _replace_patient(self, element: DataElement) -> tuple[DataElement, str]:
        if PATIENT.fullmatch(convert_to_text(element.value)):
            return element, ""
        name = self.pseudonyms.name_patient(self.patient_id) if self.pseudonyms else ""
        return DataElement(element.tag, element.VR, name), "replaced"

    def _replace_person(
        self, element: DataElement, action: str | None
    ) -> tuple[DataElement | None, str]:
        if PERSON.fullmatch(convert_to_text(element.value)):
            return element, ""
        if element.keyword in PERSONS:
            name = (
                self.pseudonyms.name_person(convert_to_text(element.value))
                if self.pseudonyms
                else ""
            )
            return DataElement(element.tag, "PN", name), "replaced"
        return self._empty_element(element) if action == "Z" else (None, "removed")

    def _replace_uids(self, element: DataElement) -> tuple[DataElement, str]:
        several = element.VM > 1
        uids = [str(uid) for uid in element.value] if several else [str(element.value)]
        if self.pseudonyms is None:
            foreign_uids = [uid for uid in uids if not is_new_or_standard(uid)]
            return element, "replaced" if foreign_uids else ""
        new = [
            uid if uid.startswith("1.2.840.10008.") else self.pseudonyms.new_uid(uid)
            for uid in uids
        ]
        value = new if several else new[0]
        return DataElement(element.tag, "UI", value), "" if new == uids else "replaced"

    def _shift(self, element: DataElement) -> tuple[DataElement | None, str]:
        if element.keyword not in SHIFTED:
            return (
                self._empty_element(element)
                if read_actions().get(int(element.tag)) == "Z"
                else (None, "removed")
            )
        if self.pseudonyms is None:
            return element, ""  # whether it was shifted is what the header states
        shift: timedelta = self.pseudonyms.shift_of(self.patient_id)
        dates = [shift_date(convert_to_text(value), shift) for value in _list(element)]
        value = dates if len(dates) > 1 else dates[0]
        return DataElement(element.tag, element.VR, value), "shifted"

    def _clean(self, element: DataElement, dataset: Dataset) -> tuple[DataElement | None, str]:
        """Keep known words; codes and what is structure stay as they are where they are known."""
        if element.keyword in _STRUCTURAL:
            return self._keep_structure(element)
        if element.keyword == "TemplateIdentifier" and _TEMPLATE.fullmatch(str(element.value)):
            return element, ""
        if element.keyword == "TextValue":
            text = convert_to_text(element.value)
            replacement = self._report_texts.replace(dataset, text)
            if replacement is not None:
                is_same = replacement == text
                return DataElement(element.tag, "UT", replacement or REMOVED), (
                    "" if is_same else "replaced"
                )
        values = _list(element)
        if (
            element.keyword == "CodeMeaning"
            and convert_to_text(element.value) in list_known_meanings()
        ):
            return element, ""
        clean_values = [clean_text(convert_to_text(value)) for value in values]
        if clean_values == [convert_to_text(value) for value in values]:
            return element, ""
        texts = [value for value in clean_values if value]
        if not texts:
            is_required = element.keyword in REQUIRED_TEXTS
            return self._replace_by_dummy(element) if is_required else (None, "removed")
        value = texts if len(texts) > 1 else texts[0]
        return DataElement(element.tag, element.VR, value), "cleaned"

    def _replace_by_dummy(self, element: DataElement) -> tuple[DataElement, str]:
        return DataElement(element.tag, element.VR, REMOVED), "cleaned"

    def _keep_structure(self, element: DataElement) -> tuple[DataElement | None, str]:
        """Keep a code or a defined term: short, of plain signs."""
        parts = convert_to_texts(element.value)
        if all((len(part) <= 16 and part.isascii()) or part in _OWN_CODES for part in parts):
            return element, ""
        return None, "removed"


def _list(element: DataElement) -> list[object]:
    if element.VM > 1:
        return list(element.value)
    return [element.value]


def state_deidentification(clean: Dataset) -> None:
    """State in a header what was done to it (PS3.15 E.1.1, PS3.3 C.7.1.1)."""
    for keyword, value in STATED.items():
        setattr(clean, keyword, value)
    items = []
    for code, meaning in METHODS:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
        items.append(item)
    clean.DeidentificationMethodCodeSequence = items
