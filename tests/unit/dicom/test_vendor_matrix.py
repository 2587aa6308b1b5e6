"""Each maker's headers, classic and enhanced, give the role; one fact turned round takes it away.

The headers follow the makers' conformance statements. A fact is turned to its opposite one at a
time: the role must then be gone, or be another, or be in doubt.
"""

from typing import Any

import pytest
from fixtures.makers import make_volume

from opp_mri.dicom.roles.study import assign_roles
from opp_mri.domain.imaging import (
    Frame,
    FrameHeader,
    Instance,
    RoleCertainty,
    SeriesRole,
    VolumeDescription,
)

Header = dict[str, Any]
T1, T2FS, STIR, T1POST = SeriesRole

TIMING: dict[SeriesRole, Header] = {
    T1: {"repetition_time_ms": 550.0, "echo_time_ms": 10.0},
    T2FS: {"repetition_time_ms": 3500.0, "echo_time_ms": 80.0},
    STIR: {"repetition_time_ms": 4000.0, "echo_time_ms": 45.0, "inversion_time_ms": 160.0},
    T1POST: {"repetition_time_ms": 550.0, "echo_time_ms": 10.0},
}

# maker: image type, options of fat suppression, words of T1, T2FS, STIR, T1POST; agent before
MAKERS: dict[str, Header] = {
    "SIEMENS": {
        "type": ("ORIGINAL", "PRIMARY", "M", "ND", "NORM"),
        "fat": ("FS",),
        "names": ("t1_tse_sag", "t2_tse_fs_sag", "t2_tirm_sag", "t1_tse_sag_fs_km"),
        "none": "",
    },
    "GE MEDICAL SYSTEMS": {
        "type": ("ORIGINAL", "PRIMARY", "OTHER"),
        "fat": ("FAST_GEMS", "FS", "TRF_GEMS"),
        "names": ("SAG T1 FSE", "SAG T2 FRFSE FS", "SAG STIR", "SAG T1 FS +C"),
        "none": "",
    },
    "Philips Medical Systems": {
        "type": ("ORIGINAL", "PRIMARY", "M_SE", "M", "SE"),
        "fat": ("FS",),
        "names": ("T1W_TSE SAG", "T2W_SPAIR SAG", "STIR_TSE SAG", "T1W_TSE_SPIR GD"),
        "none": "",
    },
    "TOSHIBA": {
        "type": ("ORIGINAL", "PRIMARY", "GDC"),
        "fat": ("FATSAT",),
        "names": ("T1WI SAG", "T2WI FatSat SAG", "STIR SAG", "T1WI CE SAG"),
        "none": "NONE",
    },
    "Hitachi Medical Corporation": {
        "type": ("DERIVED", "SECONDARY", "OTHER", "AI"),
        "fat": ("FATSAT",),
        "names": ("T1 SAG", "T2 FS SAG", "STIR SAG", "T1 SAG CE"),
        "none": "off",
    },
}


def header(maker: str, role: SeriesRole, *, is_enhanced: bool) -> Header:
    """Return the header values as a maker writes them."""
    habits = MAKERS[maker]
    values: Header = {
        "manufacturer": maker,
        "modality": "MR",
        "magnetic_field_strength": 1.5,
        "series_description": habits["names"][list(SeriesRole).index(role)],
        "contrast_agent": "Gadovist" if role is T1POST else habits["none"],
        **TIMING[role],
    }
    fat = role is T2FS
    if not is_enhanced:
        return values | {
            "image_type": habits["type"],
            "scanning_sequence": ("SE", "IR") if role is STIR else ("SE",),
            "scan_options": habits["fat"] if fat else ("SP",),
        }
    return values | {
        "image_type": ("ORIGINAL", "PRIMARY", "STIR" if role is STIR else role.value[:2], "NONE"),
        "complex_image_component": "MAGNITUDE",
        "acquisition_contrast": "STIR" if role is STIR else role.value[:2],
        "echo_pulse_sequence": "SPIN",
        "inversion_recovery": "YES" if role is STIR else "NO",
        "spectrally_selected_suppression": "FAT" if fat else "NONE",
        "contrast_administered": role is T1POST,
    }


def judged(values: Header) -> VolumeDescription:
    (volume,) = assign_roles([make_volume(**values)])
    return volume


# name of the fact: what it is turned to, by the roles that rest on it
OPPOSITES: dict[str, tuple[tuple[SeriesRole, ...], Header]] = {
    "phase": (tuple(SeriesRole), {"image_type": ("ORIGINAL", "PRIMARY", "P", "ND")}),
    "phase component": (tuple(SeriesRole), {"complex_image_component": "PHASE"}),
    "real component": (tuple(SeriesRole), {"complex_image_component": "REAL"}),
    "derived": (tuple(SeriesRole), {"image_type": ("DERIVED", "PRIMARY", "M", "ND")}),
    "derived, unknown": (tuple(SeriesRole), {"image_type": ("DERIVED", "SECONDARY", "XY")}),
    "subtraction": (tuple(SeriesRole), {"image_type": ("DERIVED", "PRIMARY", "SUBTRACTION")}),
    "map": (tuple(SeriesRole), {"image_type": ("DERIVED", "PRIMARY", "T2 MAP")}),
    "derivation": (tuple(SeriesRole), {"derivation_description": "Subtraction of series 4"}),
    "derivation code": (tuple(SeriesRole), {"derivation_codes": ("Registered",)}),
    "projection": (tuple(SeriesRole), {"volume_based_calculation_technique": "MAX_IP"}),
    "gradient echo": (
        tuple(SeriesRole),
        {"scanning_sequence": ("GR",), "echo_pulse_sequence": "GRADIENT"},
    ),
    "echo-planar": (tuple(SeriesRole), {"scanning_sequence": ("SE", "EP")}),
    "diffusion": (tuple(SeriesRole), {"diffusion_b_value": 800.0}),
    "diffusion contrast": (tuple(SeriesRole), {"acquisition_contrast": "DIFFUSION"}),
    "another modality": (tuple(SeriesRole), {"modality": "CT"}),
    "TR": ((T1, T1POST), {"repetition_time_ms": 3500.0}),
    "TR short": ((T2FS, STIR), {"repetition_time_ms": 600.0}),
    "TE": ((T1, T1POST), {"echo_time_ms": 90.0}),
    "TE short": ((T2FS, STIR), {"echo_time_ms": 10.0}),
    "TI": ((T1, T1POST, T2FS), {"inversion_time_ms": 2200.0}),
    "TI long": ((STIR,), {"inversion_time_ms": 2200.0}),
    "name of a subtraction": (tuple(SeriesRole), {"series_description": "SUBTRACTION"}),
    "name of a map": (tuple(SeriesRole), {"series_description": "T2 map"}),
    "name of another weighting": ((T1, T1POST), {"series_description": "T2 SAG"}),
    "name of T1": ((T2FS, STIR), {"series_description": "T1 SAG"}),
    "agent": ((T1, STIR), {"contrast_agent": "Gadovist", "contrast_administered": None}),
    "agent given": ((T1, STIR), {"contrast_administered": True}),
    "agent not given": ((T1POST,), {"contrast_administered": False}),
    "agent of unknown name": ((T1,), {"contrast_agent": "Foo", "contrast_administered": None}),
    "agent off": ((T1POST,), {"contrast_agent": "off", "contrast_administered": None}),
    "name before contrast": ((T1POST,), {"series_description": "T1 pre contrast"}),
    "name after contrast": ((T1, STIR), {"series_description": "SAG post contrast"}),
    "name without fat saturation": ((T2FS,), {"series_description": "T2 SAG without fat sat"}),
    "fat": ((T1,), {"spectrally_selected_suppression": "FAT"}),
    "fat part of a Dixon": (tuple(SeriesRole), {"image_type": ("DERIVED", "PRIMARY", "F")}),
    "opposed phase": (tuple(SeriesRole), {"image_type": ("DERIVED", "PRIMARY", "OPP_PHASE")}),
    "name of the fat part": (tuple(SeriesRole), {"series_description": "FAT: SAG T1 T2"}),
}
FORMS = pytest.mark.parametrize("is_enhanced", [False, True], ids=["classic", "enhanced"])


@FORMS
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("role", list(SeriesRole))
def test_the_header_as_the_maker_writes_it_gives_the_role(
    maker: str, role: SeriesRole, *, is_enhanced: bool
) -> None:
    volume = judged(header(maker, role, is_enhanced=is_enhanced))
    assert volume.role is role, volume.evidence
    assert not volume.is_in_doubt, volume.evidence


@FORMS
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("role", "fact"), [(role, fact) for fact, (roles, _) in OPPOSITES.items() for role in roles]
)
def test_a_single_fact_turned_round_takes_the_role_away_or_puts_it_in_doubt(
    maker: str, role: SeriesRole, fact: str, *, is_enhanced: bool
) -> None:
    volume = judged(header(maker, role, is_enhanced=is_enhanced) | OPPOSITES[fact][1])
    assert volume.role is not role or volume.is_in_doubt, volume.evidence
    assert volume.evidence


@FORMS
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("kind", "base", "role"),
    [
        *(("WATER", base, role) for base, role in ((T1, None), (T2FS, T2FS), (T1POST, T1POST))),
        *(("IN_PHASE", base, role) for base, role in ((T1, T1), (T2FS, None), (T1POST, T1POST))),
        *(("FAT", base, None) for base in (T1, T2FS, T1POST)),
        *(("OPP_PHASE", base, None) for base in (T1, T2FS, T1POST)),
        *(("FAT_FRACTION", base, None) for base in (T1, T2FS, T1POST)),
    ],
)
def test_of_a_dixon_water_is_fat_suppressed_and_in_phase_is_plain(
    maker: str, kind: str, base: SeriesRole, role: SeriesRole | None, *, is_enhanced: bool
) -> None:
    values = header(maker, base, is_enhanced=is_enhanced) | {
        "image_type": ("DERIVED", "PRIMARY", "DIXON", kind),
        "scan_options": (),
        "spectrally_selected_suppression": "",
    }
    assert judged(values).role is role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("WATER: SAG T2 FRFSE IDEAL", T2FS),
        ("(WATER) SAG T2 FSE Flex", T2FS),
        ("t2_tse_dixon_sag_W", T2FS),
        ("T2W_mDIXON_W", T2FS),
        ("FAT: SAG T2 FRFSE IDEAL", None),
        ("t2_tse_dixon_sag_F", None),
        ("InPhase: SAG T2 FSE Flex", None),
        ("In Phase: SAG T2 FRFSE IDEAL", None),
        ("OutPhase: SAG T2 FSE Flex", None),
        ("Out of Phase: SAG T2 FRFSE IDEAL", None),
        ("t2_tse_dixon_sag_opp", None),
        ("t2_tse_dixon_sag_in", None),
        ("FatFrac: SAG T2 IDEAL IQ", None),
    ],
)
def test_the_makers_names_tell_the_part_of_a_dixon(name: str, role: SeriesRole | None) -> None:
    values = header("GE MEDICAL SYSTEMS", T2FS, is_enhanced=False)
    volume = judged(values | {"series_description": name, "scan_options": ()})
    assert volume.role is role, volume.evidence
    assert not volume.is_in_doubt


def test_a_dixon_whose_part_is_not_known_is_in_doubt() -> None:
    values = header("SIEMENS", T2FS, is_enhanced=False)
    volume = judged(values | {"series_description": "t2_tse_dixon_sag", "scan_options": ()})
    assert volume.is_in_doubt
    assert "whose part is not known" in volume.evidence[-1]


def test_frames_that_differ_in_what_decides_leave_no_role_and_say_in_which_slices() -> None:
    values = header("SIEMENS", T2FS, is_enhanced=False)
    plain = make_volume(**(values | {"scan_options": (), "series_description": "T2"})).instance
    is_suppressed = make_volume(**(values | {"series_description": "T2"})).instance
    volume = make_volume(
        instance=plain,
        variants=(plain, is_suppressed),
        differences="ScanOptions is absent in slices 1-5, FS in slices 6-9.",
    )
    (judged_volume,) = assign_roles([volume])
    assert judged_volume.role is None
    assert judged_volume.evidence[0].endswith("FS in slices 6-9.")


def test_a_frame_s_own_value_is_before_that_of_the_instance() -> None:
    instance: Instance = make_volume(**header("SIEMENS", T1, is_enhanced=True)).instance
    own = FrameHeader(complex_image_component="PHASE", repetition_time_ms=700.0)
    of_frame = instance.get_frame_header(Frame(header=own, echo_time_ms=11.0))
    assert of_frame.complex_image_component == "PHASE"
    assert (of_frame.repetition_time_ms, of_frame.echo_time_ms) == (700, 11)
    assert of_frame.series_description == instance.series_description


def test_a_name_alone_is_likely_at_most() -> None:
    volume = judged({"modality": "MR", "series_description": "SAG T1 w/o contrast"})
    assert (volume.role, volume.role_certainty) == (T1, RoleCertainty.LIKELY)
