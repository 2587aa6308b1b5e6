"""The lesions of a cohort, and what a table or an analysis asks of each.

Source of the exclusions and of the radioresistant histologies: Amini et al., AJNR
2016;37:387-392 (patient population; statistical analysis; Table 1).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.measurement import Lesion
from opp_mri.response.assessed import AssessedLesion


class Radiosensitivity(StrEnum):
    """Sensitivity of a histology to conventional radiation therapy."""

    RADIOSENSITIVE = "radiosensitive"
    RADIORESISTANT = "radioresistant"
    UNKNOWN = "unknown"


class FractionGroup(StrEnum):
    """The two arms of the source paper."""

    SINGLE = "single fraction"
    MULTI = "multifraction"
    UNKNOWN = "fractions unknown"


class Region(StrEnum):
    """Part of the spine that a vertebra belongs to."""

    CERVICAL = "cervical"
    THORACIC = "thoracic"
    LUMBAR = "lumbar"
    SACRAL = "sacral"


class Histology(StrEnum):
    """The histologies of the paper's Table 1, in its order."""

    RENAL_CELL = "renal cell carcinoma"
    BREAST = "breast carcinoma"
    MELANOMA = "melanoma"
    BASAL_CELL = "basal cell carcinoma"
    THYROID = "thyroid carcinoma"
    SARCOMA = "sarcoma"
    LUNG = "lung carcinoma"
    COLON = "colon carcinoma"
    ADENOID_CYSTIC = "adenoid cystic carcinoma"
    PROSTATE = "prostate carcinoma"


RADIORESISTANT: Final = frozenset(
    {Histology.RENAL_CELL, Histology.SARCOMA, Histology.ADENOID_CYSTIC, Histology.MELANOMA}
)

# after the words of `_SAY_NOTHING` are left out
_NAMES: Final[Mapping[Histology, tuple[str, ...]]] = {
    Histology.RENAL_CELL: (
        "renal cell", "renal", "rcc", "ccrcc", "kidney", "clear cell renal cell",
        "clear cell renal", "clear cell rcc", "papillary renal cell", "hypernephroma",
    ),
    Histology.BREAST: ("breast", "mamma", "mammary", "ductal breast", "lobular breast"),
    Histology.MELANOMA: ("melanoma", "cutaneous melanoma", "uveal melanoma"),
    Histology.BASAL_CELL: ("basal cell", "bcc"),
    Histology.THYROID: (
        "thyroid", "papillary thyroid", "follicular thyroid", "medullary thyroid",
        "anaplastic thyroid", "hurthle cell thyroid",
    ),
    Histology.SARCOMA: (
        "sarcoma", "soft tissue sarcoma", "leiomyosarcoma", "liposarcoma", "chondrosarcoma",
        "osteosarcoma", "angiosarcoma", "fibrosarcoma", "myxofibrosarcoma", "rhabdomyosarcoma",
        "synovial sarcoma", "spindle cell sarcoma", "pleomorphic sarcoma",
        "undifferentiated pleomorphic sarcoma",
    ),
    Histology.LUNG: (
        "lung", "bronchial", "nsclc", "sclc", "non small cell lung", "small cell lung",
        "squamous cell lung",
    ),
    Histology.COLON: ("colon", "colorectal", "crc"),
    Histology.ADENOID_CYSTIC: ("adenoid cystic",),
    Histology.PROSTATE: ("prostate", "prostatic"),
}  # fmt: skip
_HISTOLOGIES: Final = {name: histology for histology, names in _NAMES.items() for name in names}
_SAY_NOTHING: Final = frozenset(
    {
        "carcinoma", "carcinomas", "adenocarcinoma", "cancer", "ca", "tumor", "tumour", "malignant",
        "metastatic", "metastasis", "metastases", "primary", "of", "the",
    }
)  # fmt: skip

EXCLUSION_WORDS: Final[Mapping[Reason, str]] = {
    Reason.HARDWARE: "hardware",
    Reason.CEMENT: "cement",
    Reason.SIGNIFICANT_FRACTURE: "significant fracture",
    Reason.NOT_VERTEBRAL_BODY: "not in the vertebral body",
    Reason.OVER_75_PERCENT: "over 75% of the cross-section",
    Reason.NO_BASELINE: "no baseline",
    Reason.NO_FOLLOW_UP: "no follow-up",
    Reason.FOLLOW_UP_UNDER_6_MONTHS: "follow-up under 6 months",
}
"""Why a lesion is not analysed, in the order in which the rules ask."""

ALL, EXCLUDED, ELIGIBLE, UNKNOWN = "all", "excluded", "eligible", "unknown"
PAPER_ANSWERS: Final = (
    ResponseCategory.OPP, ResponseCategory.PD, ResponseCategory.PR, ResponseCategory.SD,
)  # fmt: skip
_REGIONS: Final = {region.value[0].upper(): region for region in Region}


@frozen(kw_only=True)
class Age:
    """Age at radiosurgery.

    Parameters
    ----------
    years
        Whole years.
    approximate
        True where it comes from the year of birth alone: it may be one too many.
    """

    years: int
    approximate: bool


def find_exclusion_reason(lesion: AssessedLesion) -> Reason | None:
    """Return the reason why a lesion is not analysed, or None where it is.

    A lesion has one reason, the first in `EXCLUSION_WORDS`. In prospective mode a lesion that grew
    is not excluded for a short follow-up: it is analysed, and may be INDETERMINATE.
    """
    reason = lesion.assessment.reason
    if reason is Reason.NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS:
        return Reason.FOLLOW_UP_UNDER_6_MONTHS
    return reason if reason in EXCLUSION_WORDS else None


def is_eligible(lesion: AssessedLesion) -> bool:
    """Return whether none of the paper's exclusions applies."""
    return find_exclusion_reason(lesion) is None


def select_eligible(lesions: Iterable[AssessedLesion]) -> list[AssessedLesion]:
    """Return the lesions that are analysed."""
    return [lesion for lesion in lesions if is_eligible(lesion)]


def list_answers(lesions: Iterable[AssessedLesion]) -> tuple[ResponseCategory, ...]:
    """Return the paper's four categories, and INDETERMINATE where one of the lesions has it."""
    categories = {lesion.assessment.category for lesion in lesions}
    return tuple(
        category
        for category in ResponseCategory
        if category in categories or category in PAPER_ANSWERS
    )


def list_screening_steps(
    lesions: Sequence[AssessedLesion],
) -> list[tuple[str, str, list[AssessedLesion]]]:
    """Return the steps of screening: what each is called, its key, and its lesions."""
    out = [lesion for lesion in lesions if not is_eligible(lesion)]
    members = select_eligible(lesions)
    steps = [("All lesions", ALL, [*lesions]), ("Excluded", EXCLUDED, out)]
    for reason, words in EXCLUSION_WORDS.items():
        step_lesions = [lesion for lesion in out if find_exclusion_reason(lesion) is reason]
        steps.append((f"Excluded: {words}", f"{EXCLUDED}.{reason}", step_lesions))
    steps.append(("Analysed", ELIGIBLE, members))
    for answer in list_answers(members):
        step_lesions = [lesion for lesion in members if lesion.assessment.category is answer]
        steps.append((f"Analysed: {answer}", f"response.{answer}", step_lesions))
    return steps


def name_sex(lesion: Lesion) -> str:
    """Name a sex for a table; unknown where it was not recorded."""
    return {"F": "female", "M": "male", "O": "other"}.get(lesion.sex, UNKNOWN)


def find_age_at_radiosurgery(lesion: Lesion) -> Age | None:
    """Return the age that was recorded, or else the one from the year of birth; None without both.

    The year of radiosurgery is that of its completion, day 0 of every timeline. A birth in a later
    year is impossible and gives no age.
    """
    if lesion.age_years is not None:
        return Age(years=lesion.age_years, approximate=False)
    if lesion.birth_year is None or lesion.birth_year > lesion.ssrs_last_date.year:
        return None
    return Age(years=lesion.ssrs_last_date.year - lesion.birth_year, approximate=True)


@lru_cache(maxsize=1024)  # a few texts name all lesions
def find_histology(text: str) -> Histology | None:
    """Find the histology of the paper that a text names, by exact synonyms; None for another.

    Nothing is guessed from a part of the text: renal pelvis is not renal cell carcinoma.
    """
    words = [word for word in re.findall(r"[^\W_]+", text.casefold()) if word not in _SAY_NOTHING]
    return _HISTOLOGIES.get(" ".join(words))


def name_histology(lesion: Lesion) -> str:
    """Name a histology for a table: as the paper does, or else as it was recorded, or unknown."""
    return (
        find_histology(lesion.histology) or " ".join(lesion.histology.casefold().split()) or UNKNOWN
    )


def classify_radiosensitivity(text: str) -> Radiosensitivity:
    """Class a histology as the paper does.

    Radioresistant are renal cell carcinoma, sarcoma, adenoid cystic carcinoma and melanoma;
    radiosensitive the others of its Table 1; of any other histology the paper says nothing.
    """
    histology = find_histology(text)
    if histology is None:
        return Radiosensitivity.UNKNOWN
    if histology in RADIORESISTANT:
        return Radiosensitivity.RADIORESISTANT
    return Radiosensitivity.RADIOSENSITIVE


def classify_fractions(lesion: Lesion) -> FractionGroup:
    """Distinguish single from multiple fractions."""
    if lesion.fractions is None:
        return FractionGroup.UNKNOWN
    return FractionGroup.SINGLE if lesion.fractions == 1 else FractionGroup.MULTI


def name_regimen(lesion: Lesion) -> str:
    """Name dose and fractions for a table, such as 27 Gy / 3; unknown where one is not known."""
    if lesion.dose_gy is None or lesion.fractions is None:
        return UNKNOWN
    return f"{lesion.dose_gy.normalize():f} Gy / {lesion.fractions}"


def find_region(level: str) -> Region:
    """Return the region of a vertebra such as C3, T12, L6 or S1.

    Raises
    ------
    ValueError
        The level is not a vertebra.
    """
    try:
        return _REGIONS[level[:1].upper()]
    except KeyError:
        raise ValueError(f"a vertebra begins with C, T, L or S, not {level!r}") from None


@frozen(kw_only=True)
class Characteristic:
    """Something that a table counts lesions by.

    Parameters
    ----------
    heading, key
        What it is called, for a reader and for a machine.
    lesion_ids
        The lesions of each value, in the order to be shown; some values are shown even without one.
    within
        Values that are each part of one of another characteristic, with the key of that count.
    """

    heading: str
    key: str
    lesion_ids: Mapping[str, tuple[str, ...]]
    within: Mapping[str, str]


def count_characteristics(lesions: Sequence[AssessedLesion]) -> list[Characteristic]:
    """Count lesions by sex, histology, level, treatment and response."""
    records = [lesion.lesion for lesion in lesions]
    histologies = [name_histology(lesion) for lesion in records]
    doses = {
        name_regimen(lesion): (lesion.fractions or 0, lesion.dose_gy or 0) for lesion in records
    }
    fractions = sorted({lesion.fractions for lesion in records if lesion.fractions is not None})
    sections: list[tuple[str, str, Iterable[str], Iterable[str]]] = [
        ("Sex", "sex", ("female", "male"), map(name_sex, records)),
        ("Histology", "histology", [kind for kind in Histology if kind in histologies],
         histologies),
        ("Radiosensitivity", "radiosensitivity", tuple(Radiosensitivity)[:2],
         [classify_radiosensitivity(lesion.histology) for lesion in records]),
        ("Level", "level", Region, [find_region(lesion.level) for lesion in records]),
        ("Dose and fractions", "dose", sorted(doses.keys() - {UNKNOWN}, key=doses.__getitem__),
         map(name_regimen, records)),
        ("Fractions", "fractions", map(str, fractions),
         [str(lesion.fractions or UNKNOWN) for lesion in records]),
        ("Response", "response", list_answers(lesions), [o.assessment.category for o in lesions]),
    ]  # fmt: skip
    ids = [lesion.lesion_id for lesion in records]
    within = {
        "histology": {
            histology: f"radiosensitivity.{classify_radiosensitivity(histology)}"
            for histology in histologies
        }
    }
    if UNKNOWN not in doses:
        within["dose"] = {group: f"fractions.{of}" for group, (of, _) in doses.items()}
    return [
        Characteristic(
            heading=heading,
            key=key,
            lesion_ids=_sort_by_value(order, groups, ids),
            within=within.get(key, {}),
        )
        for heading, key, order, groups in sections
    ]


def _sort_by_value(
    order: Iterable[str], values: Iterable[str], lesion_ids: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Sort lesions by value: first those in order, even without one, then by name, unknown last."""
    by_value: dict[str, list[str]] = {str(value): [] for value in order}
    known_values = list(by_value)
    for value, lesion_id in zip(values, lesion_ids, strict=True):
        by_value.setdefault(str(value), []).append(lesion_id)
    further = sorted(by_value.keys() - {*known_values, UNKNOWN}) + [UNKNOWN] * (UNKNOWN in by_value)
    return {value: tuple(by_value[value]) for value in [*known_values, *further]}
