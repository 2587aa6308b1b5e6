"""The patients: who they are, how their lesions go, and what that must be called.

Courses keep away from the 2 mm threshold by several times the reader's error, so that a category
can be earned by measuring. A stable lesion cannot: its own 2 mm bands are about two such errors
off (docs/explanation/phantom.md gives the odds).
"""

from datetime import date
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.phantom.protocol import GE, PHILIPS, SIEMENS, TOSHIBA, Scanner, SeriesKind

# AP on a sequence from the course, which is that of T1: factor, and constant in mm
SEQUENCE_AP: Final[dict[SeriesKind, tuple[float, float]]] = {
    SeriesKind.T1: (1.0, 0.0),
    SeriesKind.T2FS: (1.02, 0.2),
    SeriesKind.STIR: (1.02, 0.3),
    SeriesKind.T1POST: (1.05, 0.0),
}
THREE: Final = (SeriesKind.T2FS, SeriesKind.T1, SeriesKind.T1POST)
WITH_STIR: Final = (SeriesKind.STIR, SeriesKind.T1, SeriesKind.T1POST)


class Encoding(StrEnum):
    """How a patient's images are stored."""

    CLASSIC = "classic"
    ENHANCED = "enhanced"
    JPEG_2000 = "jpeg_2000"


class FileNames(StrEnum):
    """How an archive names its files."""

    SERIES_AND_IMAGE = "series_and_image"  # S0003/IM0007.dcm
    NUMBERS = "numbers"  # 00000003/00000007, no extension
    SIEMENS_EXPORT = "siemens_export"  # ...MR.SPINE.0003.0007....IMA


@frozen(kw_only=True)
class Visit:
    """A study of a case.

    Parameters
    ----------
    day
        From the last day of radiosurgery.
    ap_mm
        Greatest AP extent on T1.
    scanner
        Where it was made.
    extras
        Series next to the measured ones.
    """

    day: int
    ap_mm: float
    scanner: Scanner
    extras: tuple[SeriesKind, ...] = ()


@frozen(kw_only=True)
class Event:
    """Something that happened, by day from radiosurgery, as `EventKind` and its value."""

    day: int
    event: str
    value: str = ""


@frozen(kw_only=True)
class Case:
    """A patient with one treated lesion.

    Parameters
    ----------
    number
        Makes the PatientID and the lesion's id.
    category, reason
        What the course must be called, retrospectively, by `amini-2016`.
    thoracic
        Which section of the spine is scanned.
    centre_share
        Centre of the lesion as shares of half the body's width, depth and height.
    half_width_mm, half_height_mm
        Half extents of the lesion at baseline, across and along the spine; the square root of the
        AP extent moves them.
    """

    number: int
    title: str
    category: ResponseCategory
    reason: Reason
    level: str
    thoracic: bool = False
    sex: str
    age_years: int
    histology: str
    dose_gy: int
    fractions: int
    ssrs_last_date: date
    visits: tuple[Visit, ...]
    events: tuple[Event, ...] = ()
    sequences: tuple[SeriesKind, ...] = THREE
    encoding: Encoding = Encoding.CLASSIC
    file_names: FileNames = FileNames.SERIES_AND_IMAGE
    matrix: tuple[int, int] = (288, 208)
    centre_share: tuple[float, float, float] = (0.06, -0.03, -0.05)
    half_width_mm: float = 11.0
    half_height_mm: float = 7.0
    dry_discs: frozenset[str] = field(factory=frozenset)
    deciding_sequence: SeriesKind = SeriesKind.T1POST  # changes most, by SEQUENCE_AP

    @property
    def patient_id(self) -> str:
        """PatientID."""
        return f"PHANTOM-{self.number:02d}"

    @property
    def lesion_id(self) -> str:
        """Name of the lesion."""
        return f"OPP-{self.number:02d}"

    def compute_ap_mm(self, visit: Visit, sequence: SeriesKind) -> float:
        """Return the true greatest AP extent on a sequence, in mm, to 0.01 mm."""
        factor, constant = SEQUENCE_AP[sequence]
        return round(visit.ap_mm * factor + constant, 2)


def _build_visits(
    scanners: tuple[Scanner, ...],
    *course: tuple[int, float],
    extras: dict[int, tuple[SeriesKind, ...]] | None = None,
) -> tuple[Visit, ...]:
    """Pair days and lengths with scanners; the last scanner serves the rest of the visits."""
    return tuple(
        Visit(
            day=day,
            ap_mm=ap_mm,
            scanner=scanners[min(index, len(scanners) - 1)],
            extras=(extras or {}).get(index, ()),
        )
        for index, (day, ap_mm) in enumerate(course)
    )


_OPP, _PD = ResponseCategory.OPP, ResponseCategory.PD
_PR, _SD = ResponseCategory.PR, ResponseCategory.SD
_AXIAL, _LOCALIZER = SeriesKind.AXIAL_T2, SeriesKind.LOCALIZER
_PLAIN, _REFORMAT = SeriesKind.PLAIN_T2, SeriesKind.REFORMAT

CASES: Final[tuple[Case, ...]] = (
    Case(
        number=1, title="growth, then a sustained decline", category=_OPP,
        reason=Reason.SUSTAINED_DECLINE, level="L2", sex="M", age_years=57, histology="renal cell",
        dose_gy=24, fractions=1, ssrs_last_date=date(2020, 3, 12),
        visits=_build_visits(
            (SIEMENS,), (-9, 15.0), (79, 23.4), (170, 17.6), (251, 15.2), (349, 13.9),
            extras={0: (_LOCALIZER, _AXIAL), 1: (_PLAIN,)},
        ),
        file_names=FileNames.SIEMENS_EXPORT, dry_discs=frozenset({"L4"}),
    ),
    Case(
        number=2, title="growth without end", category=_PD, reason=Reason.PERSISTENT_ENLARGEMENT,
        level="L4", sex="F", age_years=63, histology="sarcoma", dose_gy=27, fractions=3,
        ssrs_last_date=date(2019, 9, 20),
        visits=_build_visits(
            (GE,), (-14, 14.2), (85, 17.8), (162, 20.9), (246, 23.5), (331, 25.8),
            extras={0: (_LOCALIZER, _PLAIN), 3: (_AXIAL,)},
        ),
        file_names=FileNames.NUMBERS, matrix=(256, 192), dry_discs=frozenset({"L3", "L4", "L5"}),
    ),
    Case(
        number=3, title="no change beyond measurement error", category=_SD,
        reason=Reason.WITHIN_MEASUREMENT_ERROR, level="T9", thoracic=True, sex="F", age_years=48,
        histology="thyroid", dose_gy=30, fractions=5, ssrs_last_date=date(2021, 5, 7),
        visits=_build_visits(
            (PHILIPS,), (-19, 17.0), (90, 16.6), (175, 16.4), (262, 16.5), (340, 17.0),
            extras={2: (_LOCALIZER,)},
        ),
        matrix=(256, 192), half_width_mm=9.0, half_height_mm=6.0,
        deciding_sequence=SeriesKind.T1,  # all tie once rounded
    ),
    Case(
        number=4, title="steady decline", category=_PR, reason=Reason.DECLINE_FROM_BASELINE,
        level="L1", sex="M", age_years=70, histology="renal cell", dose_gy=18, fractions=1,
        ssrs_last_date=date(2019, 2, 26),
        visits=_build_visits(
            (TOSHIBA,), (-21, 21.5), (76, 18.0), (168, 14.8), (255, 12.4), (338, 10.6),
            extras={0: (_PLAIN, _REFORMAT)},
        ),
        file_names=FileNames.NUMBERS, matrix=(288, 208), dry_discs=frozenset({"L2", "L5"}),
    ),
    Case(
        number=5, title="decline after a change of therapy, while other lesions grew",
        category=_OPP, reason=Reason.SUSTAINED_DECLINE_DESPITE_GROWTH_ELSEWHERE, level="L3",
        sex="M", age_years=52, histology="renal cell", dose_gy=24, fractions=1,
        ssrs_last_date=date(2021, 10, 14),
        visits=_build_visits(
            (GE, SIEMENS, SIEMENS), (-6, 13.2), (84, 21.3), (163, 16.1), (248, 13.6), (336, 12.3),
            extras={1: (_AXIAL,), 2: (_LOCALIZER,)},
        ),
        events=(
            Event(day=128, event="systemic_therapy_change", value="second-line inhibitor started"),
            Event(day=248, event="other_bone_lesions", value="enlarged"),
        ),
    ),
    Case(
        number=6, title="growth, decline, and growth again", category=_PD,
        reason=Reason.REGROWTH_AFTER_DECLINE, level="T8", thoracic=True, sex="F", age_years=41,
        histology="breast", dose_gy=24, fractions=3, ssrs_last_date=date(2020, 7, 3),
        visits=_build_visits(
            (SIEMENS,), (-12, 11.4), (73, 17.2), (158, 11.9), (244, 15.2), (330, 18.4), (421, 21.0),
            extras={0: (_AXIAL,)},
        ),
        events=(Event(day=330, event="other_bone_lesions", value="not_enlarged"),),
        matrix=(288, 208), half_width_mm=8.0, half_height_mm=5.0,
        file_names=FileNames.SIEMENS_EXPORT, centre_share=(-0.05, 0.0, 0.05),
    ),
    Case(
        number=7, title="growth and decline where STIR was made in place of T2 with fat saturation",
        category=_OPP, reason=Reason.SUSTAINED_DECLINE, level="L5", sex="F", age_years=66,
        histology="lung", dose_gy=18, fractions=1, ssrs_last_date=date(2022, 1, 20),
        visits=_build_visits(
            (TOSHIBA,), (-17, 14.5), (81, 22.0), (172, 16.3), (259, 14.1), (344, 13.0),
            extras={0: (_PLAIN,), 2: (_LOCALIZER,)},
        ),
        events=(Event(day=172, event="other_bone_lesions", value="unknown"),),
        sequences=WITH_STIR, matrix=(256, 192), dry_discs=frozenset({"L4", "L5"}),
    ),
    Case(
        number=8, title="steady decline, on enhanced multi-frame images", category=_PR,
        reason=Reason.DECLINE_FROM_BASELINE, level="L3", sex="M", age_years=59,
        histology="thyroid", dose_gy=30, fractions=5, ssrs_last_date=date(2022, 8, 18),
        visits=_build_visits(
            (PHILIPS,), (-11, 20.2), (87, 17.1), (165, 14.0), (250, 11.8), (335, 10.1),
            extras={0: (_PLAIN,)},
        ),
        encoding=Encoding.ENHANCED, file_names=FileNames.NUMBERS, matrix=(256, 192),
    ),
    Case(
        number=9, title="growth without end, on JPEG 2000 images", category=_PD,
        reason=Reason.PERSISTENT_ENLARGEMENT, level="L2", sex="F", age_years=54,
        histology="melanoma", dose_gy=27, fractions=3, ssrs_last_date=date(2022, 11, 4),
        visits=_build_visits(
            (GE, GE, SIEMENS), (-8, 14.6), (82, 17.9), (169, 20.9), (252, 23.3), (329, 25.2),
            extras={0: (_LOCALIZER,)},
        ),
        encoding=Encoding.JPEG_2000, matrix=(384, 256), dry_discs=frozenset({"L5"}),
    ),
)  # fmt: skip
