"""Texts of reports that name a lesion, a reader, a day or points: replaced, not cut to known words.

A report whose lesion has lost its name cannot be followed over time, nor read into a project.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from attrs import frozen
from pydicom import Dataset
from pydicom.sr.coding import Code

from opp_mri.dicom.deidentify.pseudonyms import LESION, PERSON, Pseudonyms
from opp_mri.dicom.deidentify.words import clean_text
from opp_mri.dicom.headers.values import convert_to_text
from opp_mri.dicom.sr.concepts import (
    CALIPER_ENDS,
    COMMENT,
    LESION_ID,
    LOGIN_NAME,
    READER,
    SEQUENCES,
    STUDY_DAY,
    TRACKING_IDENTIFIER,
)

_SEQUENCES: Final = "|".join(SEQUENCES)
_TOOLS: Final = (
    "Length|Bidirectional|Angle|CobbAngle|Probe|ArrowAnnotate|EllipticalROI|CircleROI|RectangleROI|"
    "PlanarFreehandROI"
)
_TRACKED: Final = re.compile(
    rf"(Cornerstone3DTools@\^0\.1\.0:(?:{_TOOLS}):?|opp_mri:)(.*?)((?:-(?:{_SEQUENCES}))?)"
)
_COMMENT: Final = re.compile(rf"(.+)( (?:{_SEQUENCES})(?: \d{{1,3}}(?:\.\d{{1,3}})? mm)?)")
_NUMBER: Final = r"-?\d{1,5}(?:\.\d{1,17})?(?:e-?\d{1,2})?"
_ENDS: Final = re.compile(rf"{_NUMBER}(?: {_NUMBER}){{3}}")


@frozen(kw_only=True)
class ReportTexts:
    """Replaces the texts of one patient's reports by what their concepts say that they are.

    Parameters
    ----------
    pseudonyms
        What replaces identity; None only finds what would be replaced: that becomes "".
    patient_id
        Original PatientID.
    """

    pseudonyms: Pseudonyms | None
    patient_id: str

    def replace(self, item: Dataset, text: str) -> str | None:
        """Return what replaces the text of a content item; None where its concept says nothing."""
        replacement = self._replacements.get(_get_concept(item))
        return None if replacement is None else replacement(text)

    @property
    def _replacements(self) -> Mapping[tuple[str, str], Callable[[str], str]]:
        return {
            _build_key(LESION_ID): self.replace_lesion,
            _build_key(READER): self._replace_person,
            _build_key(LOGIN_NAME): self._replace_person,
            _build_key(STUDY_DAY): self._shift_day,
            _build_key(CALIPER_ENDS): _keep_ends,
            _build_key(TRACKING_IDENTIFIER): self._replace_tracked,
            _build_key(COMMENT): self._replace_in_comment,
        }

    def replace_lesion(self, name: str) -> str:
        """Return the pseudonym of a lesion of this patient."""
        if not name or LESION.fullmatch(name):
            return name
        return self.pseudonyms.name_lesion(self.patient_id, name) if self.pseudonyms else ""

    def _replace_person(self, name: str) -> str:
        if PERSON.fullmatch(name):
            return name
        return self.pseudonyms.name_person(name) if self.pseudonyms else ""

    def _shift_day(self, text: str) -> str:
        try:
            day = date.fromisoformat(text)
            return (
                (day + self.pseudonyms.shift_of(self.patient_id)).isoformat()
                if self.pseudonyms
                else text  # whether it was shifted is what the header states
            )
        except (ValueError, OverflowError):
            return ""

    def _replace_tracked(self, text: str) -> str:
        parts = _TRACKED.fullmatch(text)
        if parts is None:
            return self.replace_lesion(text)
        kind, name, sequence = parts.groups()
        return f"{kind}{self.replace_lesion(name)}{sequence}"

    def _replace_in_comment(self, text: str) -> str:
        parts = _COMMENT.fullmatch(text)
        if parts is None:
            return clean_text(text)
        return f"{self.replace_lesion(parts[1])}{parts[2]}"


def _keep_ends(text: str) -> str:
    return text if _ENDS.fullmatch(text) else ""


def _get_concept(item: Dataset) -> tuple[str, str]:
    for code in item.get("ConceptNameCodeSequence") or ():
        return (
            convert_to_text(code.get("CodingSchemeDesignator")),
            convert_to_text(code.get("CodeValue")),
        )
    return ("", "")


def _build_key(concept: Code) -> tuple[str, str]:
    return (str(concept.scheme_designator), str(concept.value))
