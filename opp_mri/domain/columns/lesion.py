"""The columns of a lesion, for tables, exports, the data dictionary and the help texts."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from opp_mri.domain.columns.column import SEVERAL, Column, Kind
from opp_mri.domain.measurement import Lesion, SeedPoint
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.domain.sins import (
    ALIGNMENT_POINTS,
    COLLAPSE_POINTS,
    PAIN_POINTS,
    POSTEROLATERAL_POINTS,
    BoneQuality,
    Stability,
    classify_stability,
)
from opp_mri.domain.timeline import Exclusion

_RECORDED: Final = "recorded"

LEVELS: Final[Mapping[str, str]] = {
    f"{letter}{number}": f"{region} vertebra {number}"
    for letter, region, last in (
        ("C", "cervical", 7), ("T", "thoracic", 13), ("L", "lumbar", 6), ("S", "sacral", 5)
    )
    for number in range(1, last + 1)
}  # fmt: skip
SEXES: Final[Mapping[str, str]] = {"M": "male", "F": "female", "O": "other"}
EXCLUSIONS: Final[Mapping[str, str]] = {
    Exclusion.HARDWARE.value: "hardware at the level",
    Exclusion.CEMENT.value: "cement at the level",
    Exclusion.SIGNIFICANT_FRACTURE.value: "significant fracture",
    Exclusion.NOT_VERTEBRAL_BODY.value: "not in the vertebral body",
    Exclusion.OVER_75_PERCENT.value: "over 75% of the cross-section",
}


def _build_points_column(
    name: str, label: str, code_labels: Mapping[str, str], of: Callable[[Lesion], int | None]
) -> Column[Lesion]:
    def get_code(lesion: Lesion) -> str | None:
        points = of(lesion)
        return None if points is None else str(points)

    return Column(
        name=name, label=label, kind=Kind.CODE, allowed=code_labels, of=get_code, source=_RECORDED,
        description="Points of this item of the Spinal Instability Neoplastic Score (SINS) at "
        "radiosurgery; that of the location follows from the level.",
    )  # fmt: skip


LESION_ID: Final = Column[Lesion](
    name="lesion_id", label="Lesion", of=lambda lesion: lesion.lesion_id,
    description="Name of the lesion; it joins the tables.", source=_RECORDED,
    required=True, identifier=True,
)  # fmt: skip
PATIENT_ID: Final = Column[Lesion](
    name="patient_id", label="Patient", of=lambda lesion: lesion.patient_id,
    description="Name of the patient; lesions of one patient share it.", source=_RECORDED,
    required=True, identifier=True,
)  # fmt: skip

LESION_COLUMNS: Final[tuple[Column[Lesion], ...]] = (
    LESION_ID,
    PATIENT_ID,
    Column(
        name="level", label="Level", kind=Kind.CODE, of=lambda lesion: lesion.level,
        allowed=LEVELS, familiar=True, required=True, description="The vertebra.",
        entry="a vertebra: C1 to C7, T1 to T13, L1 to L6 or S1 to S5", source=_RECORDED,
    ),
    Column(
        name="ssrs_first_date", label="First day of SSRS", kind=Kind.DATE,
        of=lambda lesion: lesion.ssrs_first_date, required=True, identifier=True,
        description="First day of spine stereotactic radiosurgery (SSRS).", source=_RECORDED,
    ),
    Column(
        name="ssrs_last_date", label="Last day of SSRS", kind=Kind.DATE,
        of=lambda lesion: lesion.ssrs_last_date, required=True, identifier=True,
        description="Completion of SSRS: day 0 of all days of the lesion.", source=_RECORDED,
        entry="YYYY-MM-DD; the first day of SSRS where it is left out",
    ),
    Column(
        name="dose_gy", label="Dose", kind=Kind.DECIMAL, unit="Gy",
        of=lambda lesion: lesion.dose_gy, minimum=0, maximum=100,
        description="Prescribed total dose.", source=_RECORDED,
        entry="the total dose in Gy, not that of a fraction: a number up to 100, such as 24",
    ),
    Column(
        name="fractions", label="Fractions", kind=Kind.INTEGER,
        of=lambda lesion: lesion.fractions, minimum=1, maximum=30,
        description="Number of fractions.", source=_RECORDED,
    ),
    Column(
        name="sex", label="Sex", kind=Kind.CODE, of=lambda lesion: lesion.sex or None,
        allowed=SEXES, description="As DICOM codes it; empty where not known.", source=_RECORDED,
        entry="M, F or O (other)",
    ),
    Column(
        name="age_years", label="Age at SSRS", kind=Kind.INTEGER, unit="years",
        of=lambda lesion: lesion.age_years, minimum=0, maximum=120,
        description="Whole years; in a de-identified export 90 says 90 or more.",
        source=_RECORDED,
    ),
    Column(
        name="birth_year", label="Year of birth", kind=Kind.INTEGER,
        of=lambda lesion: lesion.birth_year, minimum=1880, maximum=2100, identifier=True,
        description="Given instead of the age where only the year is known.", source=_RECORDED,
    ),
    Column(
        name="histology", label="Histology", of=lambda lesion: lesion.histology or None,
        description="Of the primary tumour, in the words in which it was recorded.",
        source=_RECORDED,
    ),
    Column(
        name="exclusions", label="Failed criteria", kind=Kind.CODES, allowed=EXCLUSIONS,
        of=lambda lesion: SEVERAL.join(exclusion.value for exclusion in lesion.exclusions) or None,
        description="Criteria of eligibility that the lesion fails, separated by semicolons.",
        source=_RECORDED,
    ),
    Column(
        name="last_contact_date", label="Last contact", kind=Kind.DATE,
        of=lambda lesion: lesion.last_contact_date, identifier=True,
        description="Day on which the patient was last known to be alive.", source=_RECORDED,
    ),
    Column(
        name="death_date", label="Death", kind=Kind.DATE, of=lambda lesion: lesion.death_date,
        description="Day of death; empty where none is known.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="bone_quality", label="Bone quality", kind=Kind.CODE,
        of=lambda lesion: lesion.bone_quality and lesion.bone_quality.value,
        allowed={
            BoneQuality.LYTIC.value: "lytic",
            BoneQuality.MIXED.value: "mixed",
            BoneQuality.BLASTIC.value: "blastic",
        },
        description="Bone quality of the lesion; an item of SINS too.", source=_RECORDED,
    ),
    _build_points_column("sins_pain", "SINS, pain", PAIN_POINTS, lambda lesion: lesion.sins_pain),
    _build_points_column(
        "sins_alignment", "SINS, alignment", ALIGNMENT_POINTS,
        lambda lesion: lesion.sins_alignment,
    ),
    _build_points_column(
        "sins_collapse", "SINS, collapse", COLLAPSE_POINTS, lambda lesion: lesion.sins_collapse
    ),
    _build_points_column(
        "sins_posterolateral", "SINS, posterolateral involvement", POSTEROLATERAL_POINTS,
        lambda lesion: lesion.sins_posterolateral,
    ),
    Column(
        name="within_isodose", label="Within the 80% isodose", kind=Kind.BOOLEAN,
        of=lambda lesion: lesion.within_isodose, source=_RECORDED,
        description="Whether the lesion lies within the 80% isodose.",
    ),
    Column(
        name="tracking_uid", label="Tracking UID", of=lambda lesion: lesion.tracking_uid,
        description="DICOM identifier of the lesion over time.", source=_RECORDED,
        required=True, identifier=True,
    ),
)  # fmt: skip

SINS_COLUMNS: Final[tuple[Column[Lesion], ...]] = (
    Column(
        name="sins", label="SINS", kind=Kind.INTEGER, of=lambda lesion: lesion.sins, minimum=0,
        maximum=18, source="sum of the six items (Fisher et al., Spine 2010;35:E1221)",
        description="Spinal Instability Neoplastic Score; empty where an item is missing.",
    ),
    Column(
        name="sins_stability", label="Stability by SINS", kind=Kind.CODE,
        of=lambda lesion: None if lesion.sins is None else classify_stability(lesion.sins).value,
        allowed={
            Stability.STABLE.value: "stable, 0 to 6",
            Stability.INDETERMINATE.value: "potentially unstable, 7 to 12",
            Stability.UNSTABLE.value: "unstable, 13 to 18",
        },
        source="sins", description="What the sum means; empty where an item is missing.",
    ),
)  # fmt: skip
"""What follows from the items: shown, and never entered."""

SEED_COLUMNS: Final[tuple[Column[SeedPoint], ...]] = (
    Column(
        name="seed_sop_instance_uid", label="Seed image",
        of=lambda seed: get_uid_in_file(seed.sop_instance_uid),
        description="Image on which a point inside the lesion is given.", source=_RECORDED,
    ),
    Column(
        name="seed_frame", label="Seed frame", kind=Kind.INTEGER, minimum=1, maximum=100_000,
        of=lambda seed: seed.frame_number,
        description="Its frame, from 1.", source=_RECORDED,
    ),
    Column(
        name="seed_column", label="Seed column", unit="pixels", kind=Kind.DECIMAL,
        of=lambda seed: Decimal(str(seed.column)),
        description="Column of the point; 0 is the centre of the first pixel.", source=_RECORDED,
    ),
    Column(
        name="seed_row", label="Seed row", unit="pixels", kind=Kind.DECIMAL,
        of=lambda seed: Decimal(str(seed.row)),
        description="Row of the point; 0 is the centre of the first pixel.", source=_RECORDED,
    ),
)  # fmt: skip
"""A point inside a lesion: given with a lesion of a project, and in no export."""
