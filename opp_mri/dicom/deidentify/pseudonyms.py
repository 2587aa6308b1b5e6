"""What takes the place of identity: pseudonyms, new UIDs and shifted dates, all from one secret.

Without the secret none of them can be computed back. With the same secret, images and reports of
a patient get the same ones at any time.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from attrs import field, frozen

from opp_mri.dicom.deidentify.engine import NewUid, build_uid_replacer
from opp_mri.dicom.headers.values import convert_to_day

PATIENT: Final = re.compile(r"P-[0-9A-F]{10}")
LESION: Final = re.compile(r"L-[0-9A-F]{10}")
PERSON: Final = re.compile(r"R-[0-9A-F]{10}")
LONGEST_SHIFT_DAYS: Final = 3650
_UID_FORM: Final = re.compile(r"2\.25\.\d{1,39}")
_STANDARD_UIDS: Final = "1.2.840.10008."


@frozen(kw_only=True)
class Pseudonyms:
    """What replaces the identity of patients.

    Parameters
    ----------
    secret
        32 bytes that the key file keeps.
    day_zero
        Date by PatientID that becomes 1 January 2000, so that dates read as days from it; the
        dates of other patients are shifted by a constant of the secret.
    """

    secret: bytes = field(repr=False)
    day_zero: Mapping[str, date] = field(factory=dict, repr=False)
    new_uid: NewUid = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "new_uid", build_uid_replacer(self.secret, "uid"))

    def name_patient(self, patient_id: str) -> str:
        """Return the pseudonym of a patient."""
        return f"P-{self._compute_digest('patient', patient_id)}"

    def name_person(self, name: str) -> str:
        """Return the pseudonym of a reader or another person of a report.

        A DICOM person name of one component, which ends in a caret, is the same person.
        """
        return f"R-{self._compute_digest('person', name.rstrip('^'))}"

    def name_lesion(self, patient_id: str, lesion_id: str) -> str:
        """Return the pseudonym of a lesion of a patient."""
        return f"L-{self._compute_digest('lesion', json.dumps([patient_id, lesion_id]))}"

    def shift_of(self, patient_id: str) -> timedelta:
        """Return what is added to each date of a patient: always the same whole days."""
        zero = self.day_zero.get(patient_id)
        if zero is not None:
            return date(2000, 1, 1) - zero
        number = int(self._compute_digest("shift", patient_id), 16)
        return -timedelta(days=1 + number % LONGEST_SHIFT_DAYS)

    def _compute_digest(self, purpose: str, text: str) -> str:
        message = f"{purpose}/{text.strip()}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:10].upper()


def is_new_or_standard(uid: str) -> bool:
    """Return whether a UID is one of the standard, or has the form of those made here."""
    return uid.startswith(_STANDARD_UIDS) or bool(_UID_FORM.fullmatch(uid))


def shift_date(text: str, shift: timedelta) -> str:
    """Return a date or date-time, shifted; "" where it is none that can be understood."""
    original = convert_to_day(text[:10] if "." in text[:5] else text[:8])
    if original is None:
        return ""
    try:
        new_date = original + shift
    except OverflowError:
        return ""
    rest = text[8:] if re.fullmatch(r"\d{6,}(\.\d*)?([+-]\d{4})?", text[8:]) else ""
    return f"{new_date:%Y%m%d}{rest}"
