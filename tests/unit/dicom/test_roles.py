from datetime import time

import pytest
from fixtures.makers import SAGITTAL_T1, SAGITTAL_T2FS, make_volume

from opp_mri.dicom.roles.study import assign_roles
from opp_mri.domain.imaging import Plane, SeriesRole, Usability, VolumeDescription

T1, T2FS, STIR, T1POST = SeriesRole
PLAIN_T2 = SAGITTAL_T2FS | {"scan_options": (), "series_description": "T2 SAG"}
STIR_AT_1_5T = SAGITTAL_T2FS | {
    "series_description": "STIR SAG",
    "scan_options": (),
    "scanning_sequence": ("SE", "IR"),
    "echo_time_ms": 60.0,
    "inversion_time_ms": 160.0,
}


def judged(header: dict[str, object], **changes: object) -> VolumeDescription:
    (volume,) = assign_roles([make_volume(**(header | changes))])
    return volume


@pytest.mark.parametrize(
    ("case", "header", "role"),
    [
        ("a short TR and TE is T1", SAGITTAL_T1, T1),
        ("an agent makes it T1POST", SAGITTAL_T1 | {"contrast_agent": "Gadovist"}, T1POST),
        ("agent off means none", SAGITTAL_T1 | {"contrast_agent": "off"}, T1),
        ("agent NONE means none", SAGITTAL_T1 | {"contrast_agent": "NONE"}, T1),
        (
            "T1 FS after contrast",
            SAGITTAL_T1 | {"scan_options": ("FS",), "contrast_agent": "GD"},
            T1POST,
        ),
        ("T1 FS without contrast has no role", SAGITTAL_T1 | {"scan_options": ("FS",)}, None),
        ("the name may say contrast", SAGITTAL_T1 | {"series_description": "SAG T1 +C"}, T1POST),
        (
            "pre in the name outweighs an agent",
            SAGITTAL_T1 | {"series_description": "T1 PRE", "contrast_agent": "GD"},
            T1,
        ),
        ("T2 with FS", SAGITTAL_T2FS, T2FS),
        ("T2 with FS after contrast is T2FS still", SAGITTAL_T2FS | {"contrast_agent": "GD"}, T2FS),
        ("plain T2 has no role", PLAIN_T2, None),
        ("FSE is not FS", PLAIN_T2 | {"series_description": "SAG T2 FSE"}, None),
        ("FRFSE-XL is not FS", PLAIN_T2 | {"series_description": "SAG FRFSE-XL T2"}, None),
        ("SP is spatial saturation", PLAIN_T2 | {"scan_options": ("SP", "FC")}, None),
        ("SAT_GEMS is spatial saturation", PLAIN_T2 | {"scan_options": ("SAT_GEMS",)}, None),
        ("t2_tse_fs_sag by name", PLAIN_T2 | {"series_description": "t2_tse_fs_sag"}, T2FS),
        ("T2 SPAIR by name", PLAIN_T2 | {"series_description": "T2W_SPAIR SENSE"}, T2FS),
        ("T2 without fat sat by name", PLAIN_T2 | {"series_description": "T2 no fat sat"}, None),
        (
            "a Dixon water image",
            PLAIN_T2 | {"image_type": ("DERIVED", "PRIMARY", "DIXON", "WATER")},
            T2FS,
        ),
        (
            "a Dixon fat image",
            PLAIN_T2 | {"image_type": ("DERIVED", "PRIMARY", "DIXON", "FAT")},
            None,
        ),
        ("STIR at 1.5 T", STIR_AT_1_5T, STIR),
        (
            "STIR at 0.3 T has TI 110",
            STIR_AT_1_5T | {"inversion_time_ms": 110.0, "magnetic_field_strength": 0.3},
            STIR,
        ),
        ("TI 0 is absent", PLAIN_T2 | {"inversion_time_ms": 0.0}, None),
        ("STIR after contrast has no role", STIR_AT_1_5T | {"contrast_agent": "GD"}, None),
        (
            "FLAIR has no role",
            STIR_AT_1_5T | {"inversion_time_ms": 2200.0, "repetition_time_ms": 9000.0},
            None,
        ),
        (
            "T1 by inversion",
            SAGITTAL_T1
            | {
                "repetition_time_ms": 2000.0,
                "inversion_time_ms": 860.0,
                "scanning_sequence": ("SE", "IR"),
            },
            T1,
        ),
        (
            "proton density has no role",
            SAGITTAL_T1 | {"repetition_time_ms": 2500.0, "echo_time_ms": 20.0},
            None,
        ),
        ("a gradient echo has no role", SAGITTAL_T1 | {"scanning_sequence": ("GR",)}, None),
        (
            "a localizer has no role",
            SAGITTAL_T1 | {"series_description": "LOCALIZER", "repetition_time_ms": 90.0},
            None,
        ),
        ("diffusion has no role", SAGITTAL_T2FS | {"diffusion_b_value": 600.0}, None),
        ("CT has no role", SAGITTAL_T1 | {"modality": "CT"}, None),
        (
            "enhanced MR says its suppression itself",
            PLAIN_T2 | {"spectrally_selected_suppression": "FAT"},
            T2FS,
        ),
        (
            "enhanced MR without timing says STIR itself",
            {"acquisition_contrast": "STIR", "modality": "MR"},
            STIR,
        ),
        ("nothing known, no role", {"modality": "MR"}, None),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_a_header_speaks_for_a_role(
    case: str, header: dict[str, object], role: SeriesRole | None
) -> None:
    volume = judged(header)
    assert volume.role is role, (case, volume.evidence)
    assert volume.evidence, "every judgement says why"


def test_only_sagittal_volumes_have_a_role() -> None:
    volume = judged(SAGITTAL_T1, plane=Plane.AXIAL)
    assert volume.role is None
    assert volume.evidence == ("Not sagittal: the slices are axial.",)


def test_what_cannot_be_measured_has_no_role_and_says_why() -> None:
    volume = judged(SAGITTAL_T1, usability=Usability.NOTHING, refusal="A colour image.")
    assert (volume.role, volume.evidence) == (None, ("A colour image.",))


def test_old_ge_writes_the_field_in_gauss() -> None:
    volume = judged(STIR_AT_1_5T, magnetic_field_strength=15000.0)
    assert "at 1.5 T" in volume.evidence[0]


def test_a_silent_t1_acquired_after_an_enhanced_series_is_post_contrast() -> None:
    before = make_volume("a", **SAGITTAL_T1, acquisition_time=time(9, 0))
    enhanced_volume = make_volume(
        "b", **SAGITTAL_T1, contrast_agent="GD", acquisition_time=time(9, 20), series_number=7
    )
    silent = make_volume(
        "c", **(SAGITTAL_T1 | {"scan_options": ("FS",)}), acquisition_time=time(9, 26)
    )
    roles = assign_roles([before, enhanced_volume, silent])
    assert [volume.role for volume in roles] == [T1, T1POST, T1POST]
    assert roles[2].evidence[-1] == (
        "After contrast: acquired 6 min after series 7, which is contrast-enhanced."
    )


def test_a_stir_acquired_after_an_enhanced_series_has_no_role() -> None:
    enhanced_volume = make_volume(
        "b", **SAGITTAL_T1, contrast_agent="GD", acquisition_time=time(9, 20)
    )
    stir = make_volume("c", **STIR_AT_1_5T, acquisition_time=time(9, 26))
    assert [volume.role for volume in assign_roles([enhanced_volume, stir])] == [T1POST, None]


def test_a_project_may_allow_gradient_echoes() -> None:
    volume = make_volume(**(SAGITTAL_T1 | {"scanning_sequence": ("GR",)}))
    assert assign_roles([volume], allow_gradient_echo=True)[0].role is T1
