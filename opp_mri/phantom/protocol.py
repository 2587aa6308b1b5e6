"""How scanners of four makers describe what they acquire: timing, options, names, agents.

Values are DICOM keywords with their values, as plain Python; `opp_mri.dicom.write` encodes them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from opp_mri.phantom.tissue import Contrast

HeaderValue = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]
Header = Mapping[str, HeaderValue]


class SeriesKind(StrEnum):
    """What a series shows; the last four are there to distract."""

    T1 = "T1"
    T2FS = "T2FS"
    STIR = "STIR"
    T1POST = "T1POST"
    PLAIN_T2 = "PLAIN_T2"
    AXIAL_T2 = "AXIAL_T2"
    LOCALIZER = "LOCALIZER"
    REFORMAT = "REFORMAT"


MEASURED: Final = (SeriesKind.T1, SeriesKind.T2FS, SeriesKind.STIR, SeriesKind.T1POST)


@frozen(kw_only=True)
class Scanner:
    """A scanner and its header habits.

    Parameters
    ----------
    contrasts
        Timing per kind of series; a kind that is missing is not in its protocol.
    descriptions
        SeriesDescription per kind.
    fat_options, plain_options
        ScanOptions of a series with and without fat suppression.
    image_type
        ImageType of an acquired image.
    sequence_names
        SequenceName per kind; empty where the maker leaves it out.
    agent
        ContrastBolusAgent after contrast agent.
    agent_before
        What is written before it; None leaves the attribute out.
    """

    name: str
    manufacturer: str
    model: str
    station: str
    institution: str
    software: str
    field_t: float
    contrasts: Mapping[SeriesKind, Contrast]
    descriptions: Mapping[SeriesKind, str]
    fat_options: tuple[str, ...]
    plain_options: tuple[str, ...] = ()
    image_type: tuple[str, ...]
    sequence_names: Mapping[SeriesKind, str] = field(factory=dict)
    agent: str
    agent_before: str | None = None
    bandwidth_hz: float = 180.0
    phase_direction: str = "COL"


def _build_contrasts(
    field_t: float,
    t1: tuple[float, float],
    t2: tuple[float, float],
    stir: tuple[float, float, float],
    *,
    post_fat_suppressed: bool,
) -> dict[SeriesKind, Contrast]:
    t1_tr, t1_te = t1
    t2_tr, t2_te = t2
    stir_tr, stir_te, stir_ti = stir
    return {
        SeriesKind.LOCALIZER: Contrast(tr_ms=260.0, te_ms=4.6, field_t=field_t),
        SeriesKind.T1: Contrast(tr_ms=t1_tr, te_ms=t1_te, field_t=field_t),
        SeriesKind.T2FS: Contrast(tr_ms=t2_tr, te_ms=t2_te, fat_suppressed=True, field_t=field_t),
        SeriesKind.STIR: Contrast(tr_ms=stir_tr, te_ms=stir_te, ti_ms=stir_ti, field_t=field_t),
        SeriesKind.PLAIN_T2: Contrast(tr_ms=t2_tr, te_ms=t2_te + 14, field_t=field_t),
        SeriesKind.AXIAL_T2: Contrast(tr_ms=t2_tr + 400, te_ms=t2_te + 18, field_t=field_t),
        SeriesKind.REFORMAT: Contrast(tr_ms=t2_tr, te_ms=t2_te + 14, field_t=field_t),
        SeriesKind.T1POST: Contrast(
            tr_ms=t1_tr + 40,
            te_ms=t1_te,
            agent=True,
            fat_suppressed=post_fat_suppressed,
            field_t=field_t,
        ),
    }


def _build_descriptions(
    t1: str, t2fs: str, stir: str, post: str, further: tuple[str, str, str, str]
) -> dict[SeriesKind, str]:
    plain, axial, localizer, reformat = further
    return {
        SeriesKind.T1: t1,
        SeriesKind.T2FS: t2fs,
        SeriesKind.STIR: stir,
        SeriesKind.T1POST: post,
        SeriesKind.PLAIN_T2: plain,
        SeriesKind.AXIAL_T2: axial,
        SeriesKind.LOCALIZER: localizer,
        SeriesKind.REFORMAT: reformat,
    }


SIEMENS: Final = Scanner(
    name="siemens",
    manufacturer="SIEMENS",
    model="Aera",
    station="MRC41234",
    institution="Phantom University Hospital",
    software="syngo MR E11",
    field_t=1.5,
    contrasts=_build_contrasts(
        1.5, (560.0, 9.8), (3600.0, 82.0), (4200.0, 44.0, 165.0), post_fat_suppressed=False
    ),
    descriptions=_build_descriptions(
        "t1_tse_sag", "t2_tse_fs_sag", "t2_tirm_sag", "t1_tse_sag_km",
        ("t2_tse_sag", "t2_tse_tra", "localizer", "t2_tse_sag_MPR_cor"),
    ),
    fat_options=("FS", "SAT1"),
    plain_options=("SAT1",),
    image_type=("ORIGINAL", "PRIMARY", "M", "ND", "NORM"),
    sequence_names={
        SeriesKind.T1: "*tse2d1_3",
        SeriesKind.T2FS: "*tse2d1_17",
        SeriesKind.STIR: "*tir2d1_15",
        SeriesKind.T1POST: "*tse2d1_3",
        SeriesKind.PLAIN_T2: "*tse2d1_17",
        SeriesKind.AXIAL_T2: "*tse2d1_19",
        SeriesKind.LOCALIZER: "*fl2d1",
    },
    agent="Gadovist",
)  # fmt: skip

GE: Final = Scanner(
    name="ge",
    manufacturer="GE MEDICAL SYSTEMS",
    model="DISCOVERY MR750w",
    station="GEHCGEHC",
    institution="Phantom Imaging Center",
    software="DV26.0_R03",
    field_t=3.0,
    contrasts=_build_contrasts(
        3.0, (680.0, 11.2), (4100.0, 88.5), (4600.0, 42.0, 210.0), post_fat_suppressed=True
    ),
    descriptions=_build_descriptions(
        "SAG T1 FSE", "SAG T2 FS FRFSE", "SAG STIR", "SAG T1 FS +C",
        ("SAG T2 FRFSE", "AX T2 FRFSE", "3-PL LOC", "COR T2 REFORMAT"),
    ),
    fat_options=("FAST_GEMS", "SEQ_GEMS", "FS", "SAT_GEMS", "TRF_GEMS", "FILTERED_GEMS"),
    plain_options=("FAST_GEMS", "SEQ_GEMS", "SAT_GEMS", "TRF_GEMS", "FILTERED_GEMS"),
    image_type=("ORIGINAL", "PRIMARY", "OTHER"),
    agent="10ML GADAVIST",
    bandwidth_hz=244.1,
    phase_direction="ROW",
)  # fmt: skip

PHILIPS: Final = Scanner(
    name="philips",
    manufacturer="Philips Medical Systems",
    model="Ingenia",
    station="PHILIPS-C4Q",
    institution="Phantom Cancer Institute",
    software="5.3.1",
    field_t=1.5,
    contrasts=_build_contrasts(
        1.5, (500.0, 8.0), (3200.0, 80.0), (3900.0, 60.0, 160.0), post_fat_suppressed=False
    ),
    descriptions=_build_descriptions(
        "T1W_TSE SAG", "T2W_SPIR SAG", "STIR_TSE SAG", "T1W_TSE SAG GD",
        ("T2W_TSE SAG", "T2W_TSE AX", "SURVEY", "T2W_TSE MPR COR"),
    ),
    fat_options=("SPIR",),
    image_type=("ORIGINAL", "PRIMARY", "M_SE", "M", "SE"),
    sequence_names=dict.fromkeys(SeriesKind, "TSE"),
    agent="Dotarem",
    bandwidth_hz=217.0,
)  # fmt: skip

TOSHIBA: Final = Scanner(
    name="toshiba",
    manufacturer="TOSHIBA",
    model="Titan",
    station="MRT200",
    institution="Phantom General Hospital",
    software="V3.10",
    field_t=1.5,
    contrasts=_build_contrasts(
        1.5, (520.0, 12.0), (3400.0, 90.0), (3500.0, 56.0, 150.0), post_fat_suppressed=True
    ),
    descriptions=_build_descriptions(
        "T1WI SAG", "T2WI FatSat SAG", "STIR SAG", "T1WI FatSat SAG CE",
        ("T2WI SAG", "T2WI AX", "Locator", "T2WI MPR COR"),
    ),
    fat_options=("FATSAT",),
    image_type=("ORIGINAL", "PRIMARY", "OTHER"),
    sequence_names=dict.fromkeys(SeriesKind, "FSE+13"),
    agent="GADOLINIUM",
    agent_before="NONE",
    bandwidth_hz=163.0,
    phase_direction="ROW",
)  # fmt: skip


def build_series_header(
    scanner: Scanner, kind: SeriesKind, contrast: Contrast
) -> dict[str, HeaderValue]:
    """Return what a scanner writes about a series: equipment, timing, options, agent.

    Parameters
    ----------
    scanner
        The maker and its habits.
    kind, contrast
        What was acquired, and with what timing.
    """
    localizer, is_derived = kind is SeriesKind.LOCALIZER, kind is SeriesKind.REFORMAT
    is_inverted = contrast.ti_ms is not None
    header: dict[str, HeaderValue] = {
        "Modality": "MR",
        "Manufacturer": scanner.manufacturer,
        "ManufacturerModelName": scanner.model,
        "StationName": scanner.station,
        "InstitutionName": scanner.institution,
        "SoftwareVersions": scanner.software,
        "MagneticFieldStrength": scanner.field_t,
        "ImagingFrequency": round(42.577 * scanner.field_t, 3),
        "ImagedNucleus": "1H",
        "SeriesDescription": scanner.descriptions[kind],
        "ProtocolName": scanner.descriptions[kind],
        "BodyPartExamined": "SPINE",
        "PatientPosition": "HFS",
        "ImageType": _choose_image_type(
            scanner, localizer=localizer, is_derived=is_derived, is_inverted=is_inverted
        ),
        "ScanningSequence": "GR" if localizer else ("SE", "IR") if is_inverted else "SE",
        "SequenceVariant": "SP" if localizer else "SK",
        "MRAcquisitionType": "2D",
        "RepetitionTime": contrast.tr_ms,
        "EchoTime": contrast.te_ms,
        "EchoTrainLength": 1 if localizer else 3 if contrast.te_ms < 30 else 17,
        "FlipAngle": 70 if localizer else 90,
        "NumberOfAverages": 1 if localizer else 2,
        "PixelBandwidth": scanner.bandwidth_hz,
        "InPlanePhaseEncodingDirection": scanner.phase_direction,
    }
    options = scanner.fat_options if contrast.fat_suppressed else scanner.plain_options
    header["ScanOptions"] = "" if localizer or not options else options
    if contrast.ti_ms is not None:
        header["InversionTime"] = contrast.ti_ms
    if kind in scanner.sequence_names:
        header["SequenceName"] = scanner.sequence_names[kind]
    if contrast.agent:
        header |= {"ContrastBolusAgent": scanner.agent, "ContrastBolusVolume": 7.5}
    elif scanner.agent_before is not None:
        header["ContrastBolusAgent"] = scanner.agent_before
    return header


def _choose_image_type(
    scanner: Scanner, *, localizer: bool, is_derived: bool, is_inverted: bool
) -> tuple[str, ...]:
    if is_derived:
        return ("DERIVED", "SECONDARY", "MPR")
    if localizer and scanner.manufacturer == "GE MEDICAL SYSTEMS":
        return scanner.image_type
    if localizer:
        return ("ORIGINAL", "PRIMARY", "LOCALIZER")
    if is_inverted and "M_SE" in scanner.image_type:
        return ("ORIGINAL", "PRIMARY", "M_IR", "M", "IR")
    return scanner.image_type
