"""A cohort that may leave the house: codes for names, days for dates, no free text.

Codes come from a key. Without one the key is a hash of the whole cohort as it was recorded, names
included; it is printed nowhere, and is not the hash that an export shows. A code is a place in the
order of keyed hashes (HMAC-SHA256), and not a hash itself: whoever guesses a name, and even the
key, learns no more than roughly where in the list that name would be.

Source of the ages: HIPAA 45 CFR 164.514(b)(2)(i)(C), all ages over 89 in one category.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from attrs import evolve

from opp_mri.cohort.export.recorded import build_recorded_tables
from opp_mri.cohort.statistics.members import find_histology
from opp_mri.domain.columns.column import write_value
from opp_mri.domain.columns.timeline import CODED_EVENTS
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.plausibility import DEIDENTIFIED_SSRS_DATE
from opp_mri.domain.timeline import TreatmentEvent
from opp_mri.domain.visit import FINDINGS, Visit
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days

SSRS_DATE: Final = DEIDENTIFIED_SSRS_DATE
OLDEST_AGE: Final = 90
OTHER_HISTOLOGY: Final = "other"
CODE: Final = re.compile(r"P[0-9]{3,}-L[0-9]+")


def key_from_data(lesions: Iterable[AssessedLesion]) -> bytes:
    """Make a key of all that was recorded: the same cohort gives the same codes."""
    rows = sorted(
        "\x1f".join([table.name, *map(write_value, row)])
        for table in build_recorded_tables(lesions, with_ratios=False)
        for row in zip(*table.data, strict=True)
    )
    return hashlib.sha256("\x1e".join(["codes of an export", *rows]).encode()).digest()


def deidentify_lesions(
    lesions: Iterable[AssessedLesion], key: bytes | None
) -> tuple[AssessedLesion, ...]:
    """Return the lesions without names, dates and free texts, in the order of their codes.

    Parameters
    ----------
    key
        Of the codes: the same cohort and key give the same codes. None for one made of the data;
        then a cohort that was de-identified before keeps its codes, and stays as it is.

    Raises
    ------
    InputError
        A date lies so far from SSRS that it cannot be moved.
    """
    analysed_lesions = list(lesions)
    if key is None:
        if _is_deidentified(analysed_lesions):
            return tuple(analysed_lesions)
        key = key_from_data(analysed_lesions)
    patients = _assign_codes(
        "P", "patient", {assessed_lesion.patient_id for assessed_lesion in analysed_lesions}, key
    )
    by_patient: dict[str, list[str]] = {}
    for lesion in analysed_lesions:
        by_patient.setdefault(lesion.patient_id, []).append(lesion.lesion.lesion_id)
    names = {
        lesion_id: f"{patients[patient_id]}-{code}"
        for patient_id, lesion_ids in by_patient.items()
        for lesion_id, code in _assign_codes("L", "lesion", lesion_ids, key).items()
    }
    without_identity = [
        _without(
            assessed_lesion,
            patients[assessed_lesion.patient_id],
            names[assessed_lesion.lesion.lesion_id],
        )
        for assessed_lesion in analysed_lesions
    ]
    return tuple(
        sorted(without_identity, key=lambda assessed_lesion: assessed_lesion.lesion.lesion_id)
    )


def _is_deidentified(lesions: Sequence[AssessedLesion]) -> bool:
    """Recognise a cohort made by this module: in order, with its UIDs, and nothing to take."""
    names = [lesion.lesion.lesion_id for lesion in lesions]
    return names == sorted(names) and all(
        CODE.fullmatch(name)
        and name.startswith(f"{lesion.patient_id}-")
        and lesion == _without(lesion, lesion.patient_id, name)
        for name, lesion in zip(names, lesions, strict=True)
    )


def _assign_codes(letter: str, kind: str, names: Iterable[str], key: bytes) -> Mapping[str, str]:
    sorted_names: Sequence[str] = sorted(
        names, key=lambda name: _compute_keyed_digest(key, kind, name)
    )
    width = max(len(str(len(sorted_names))), 3 if kind == "patient" else 1)
    return {name: f"{letter}{place:0{width}}" for place, name in enumerate(sorted_names, 1)}


def _compute_keyed_digest(key: bytes, kind: str, name: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{name}".encode(), "sha256")


def _without(lesion: AssessedLesion, patient_id: str, lesion_id: str) -> AssessedLesion:
    events = tuple(_without_text(event) for event in lesion.timeline.events)
    timeline = evolve(lesion.timeline, lesion_id=lesion_id, events=events)
    return AssessedLesion(  # what is not named here, such as the reader, is gone
        lesion=_strip_lesion(lesion.lesion, patient_id, lesion_id),
        timeline=timeline,
        assessment=evolve(lesion.assessment, lesion_id=lesion_id),
        error=lesion.error,
        visits=tuple(
            _strip_visit(visit, lesion.lesion.ssrs_last_date, lesion_id) for visit in lesion.visits
        ),
    )


def _strip_visit(visit: Visit, ssrs_last_date: date, lesion_id: str) -> Visit:
    """Return the findings of a visit with the days moved, and without who recorded them."""
    planned_date = visit.confirmation_date
    return Visit(
        **{name: getattr(visit, name) for name in FINDINGS if name != "confirmation_date"},
        lesion_id=lesion_id,
        visit_date=_convert_to_date(count_days(ssrs_last_date, visit.visit_date)),
        confirmation_date=planned_date
        and _convert_to_date(count_days(ssrs_last_date, planned_date)),
    )


def _without_text(event: TreatmentEvent) -> TreatmentEvent:
    coded_values = CODED_EVENTS.get(event.kind, ())
    return TreatmentEvent(
        event.days_from_ssrs, event.kind, event.value if event.value in coded_values else ""
    )


def _strip_lesion(lesion: Lesion, patient_id: str, lesion_id: str) -> Lesion:
    """Say of a lesion what is left of it, field by field: what is not named here is gone."""

    def shift_day(day: date | None) -> date | None:
        return None if day is None else _convert_to_date(count_days(lesion.ssrs_last_date, day))

    uid = int.from_bytes(hashlib.sha256(lesion_id.encode()).digest()[:16], "big")
    return Lesion(
        lesion_id=lesion_id,
        tracking_uid=f"2.25.{uid}",
        patient_id=patient_id,
        level=lesion.level,
        ssrs_first_date=_convert_to_date(count_days(lesion.ssrs_last_date, lesion.ssrs_first_date)),
        ssrs_last_date=SSRS_DATE,
        dose_gy=lesion.dose_gy,
        fractions=lesion.fractions,
        histology=(find_histology(lesion.histology) or OTHER_HISTOLOGY) if lesion.histology else "",
        sex=lesion.sex,
        age_years=None if lesion.age_years is None else min(lesion.age_years, OLDEST_AGE),
        birth_year=_shift_birth_year(lesion),
        exclusions=lesion.exclusions,
        last_contact_date=shift_day(lesion.last_contact_date),
        death_date=shift_day(lesion.death_date),
        bone_quality=lesion.bone_quality,
        sins_pain=lesion.sins_pain,
        sins_alignment=lesion.sins_alignment,
        sins_collapse=lesion.sins_collapse,
        sins_posterolateral=lesion.sins_posterolateral,
        within_isodose=lesion.within_isodose,
    )


def _shift_birth_year(lesion: Lesion) -> int | None:
    """Move a year of birth with SSRS; none next to an age, where it adds nothing."""
    if lesion.birth_year is None or lesion.age_years is not None:
        return None
    years = lesion.ssrs_last_date.year - lesion.birth_year
    return SSRS_DATE.year - min(years, OLDEST_AGE) if years >= 0 else None  # born after: no age


def _convert_to_date(days: int) -> date:
    try:
        return SSRS_DATE + timedelta(days=days)
    except OverflowError:
        raise InputError(
            "A date lies thousands of years from SSRS: correct it before you de-identify."
        ) from None
