"""Headers that led to a wrong choice in silence: what is chosen, and what is doubted."""

from typing import Any

import pytest
from fixtures.makers import make_volume

from opp_mri.dicom.roles.study import assign_roles
from opp_mri.domain.imaging import SeriesRole, VolumeDescription

T1: dict[str, Any] = {
    "modality": "MR",
    "magnetic_field_strength": 1.5,
    "image_type": ("ORIGINAL", "PRIMARY", "M", "ND"),
    "scanning_sequence": ("SE",),
    "series_description": "T1 SAG",
    "repetition_time_ms": 550.0,
    "echo_time_ms": 10.0,
}
T1POST = T1 | {"contrast_agent": "Gadovist", "series_description": "T1 SAG +C"}
T2 = T1 | {"repetition_time_ms": 3500.0, "echo_time_ms": 90.0, "series_description": "T2 SAG"}
T2FS = T2 | {"scan_options": ("FS",), "series_description": "T2 FS SAG"}
STIR = T2 | {
    "scanning_sequence": ("SE", "IR"),
    "series_description": "STIR SAG",
    "echo_time_ms": 60.0,
    "inversion_time_ms": 160.0,
}


def judged(base: dict[str, Any], **changes: Any) -> VolumeDescription:
    (volume,) = assign_roles([make_volume(**(base | changes))])
    return volume


def used(volume: VolumeDescription) -> SeriesRole | None:
    """Return the role in which a volume could be chosen without anybody being asked."""
    return None if volume.is_in_doubt else volume.role


@pytest.mark.parametrize(
    "word",
    [
        *("Subtraktionen", "Substraktion", "soustractions", "SOUSTR", "SUB1", "T1post-T1pre"),
        *("sustracciones", "sottrazioni", "subtrações", "subtracties", "aftrekking", "Odečet"),
        *("różnica", "Subtraktioner", "fark", "çıkartma", "разность", "減算", "サブトラ"),
        *("减法", "차감", "서브트랙션", "difference"),
    ],
)
def test_a_subtraction_is_known_in_each_language_and_number(word: str) -> None:
    assert used(judged(T1POST, series_description=f"T1 SAG {word}")) is None


@pytest.mark.parametrize(
    "word",
    [
        *("Difusión", "弥散", "拡散", "Dyfuzja", "диффузия", "확산", "diffusione", "диффузионная"),
        *("Reko", "rekonstrukcja", "ricostruzione", "реконструкция", "再構成", "重建"),
        *("COMP", "MobiView", "pasted", "SyT2w", "SynT2", "AI generated", "pseudo", "карта"),
    ],
)
def test_what_was_computed_is_not_chosen_whatever_the_language_of_its_name(word: str) -> None:
    assert used(judged(T2FS, series_description=f"T2 FS SAG {word}")) is None


@pytest.mark.parametrize(
    "derivation",
    [
        *("Subtraction, lossless JPEG", "MIP of original images", "Average of original images"),
        *("Anonymized; registered to prior", "Original resampled"),
    ],
)
def test_a_derivation_is_not_harmless_because_it_names_compression_too(derivation: str) -> None:
    assert used(judged(T1, derivation_description=derivation)) is None


@pytest.mark.parametrize(
    "word",
    [
        *("Deep Resolve", "AIR Recon DL", "different FOV", "diffuse mets", "BLADE moco"),
        *("PROPELLER MoCo", "FLOW COMP"),
    ],
)
def test_how_an_image_was_acquired_or_reconstructed_takes_no_role_away(word: str) -> None:
    assert used(judged(T1, series_description=f"T1 SAG {word}")) is SeriesRole.T1


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(("FatOnly: Sag T2 FS", None), ("T2 SAG FS fat only", None), ("T2 SAG FS FatImage", None)),
        *(("T2 SAG OOP FS", None), ("T2_TSE_DIXON_F_320_COMP", None), ("t2_wfi_sag_F", None)),
        *(("WaterOnly: Sag T2", "T2FS"), ("t2_fse_wfi_sag_W", "T2FS")),
        *(("T2_TSE_DIXON_W_320", "T2FS"), ("T2 Dixon woda", "T2FS")),
    ],
)
def test_the_part_of_a_dixon_is_read_wherever_its_name_stands(name: str, role: str | None) -> None:
    assert used(judged(T2, series_description=name)) == role


@pytest.mark.parametrize(
    "name", ["T1 SAG Dixon F +C", "T1_TSE_DIXON_F_KM", "T1 DIXON +C", "T1 opp"]
)
def test_fat_and_unknown_parts_after_contrast_are_not_chosen(name: str) -> None:
    assert used(judged(T1POST, series_description=name)) is None


@pytest.mark.parametrize(
    "agent",
    [
        *("Gadoteridol, non-ionic", "Non-ionic Gd", "Gadovist, no reaction", "non-ionic"),
        *("MultiHance vial no 3", "Gadovist ohne NW"),
    ],
)
def test_a_no_that_does_not_deny_the_agent_is_doubt(agent: str) -> None:
    assert used(judged(T1, contrast_agent=agent)) is None


@pytest.mark.parametrize(
    "agent", ["Gadavist (not given)", "Gadovist nicht gegeben", "not administered", "Contrast: No"]
)
def test_an_agent_that_was_not_given_is_none(agent: str) -> None:
    assert used(judged(T1, contrast_agent=agent)) is SeriesRole.T1


SILENT = T1 | {"scanning_sequence": ()}


@pytest.mark.parametrize(
    "signs",
    [
        {"series_description": "MEDIC SAG"},
        {"series_description": "SAG MERGE"},
        {"series_description": "T1 FLASH SAG"},
        {"sequence_name": "*me2d1r3"},
        {"sequence_name": "*fl2d1"},
        {"flip_angle_deg": 20.0},
        {"scanning_sequence": ("RM",), "flip_angle_deg": 30.0},
    ],
)
def test_a_gradient_echo_is_known_where_scanning_sequence_is_silent(signs: dict[str, Any]) -> None:
    assert used(judged(SILENT, **signs)) is None


def test_a_spin_echo_whose_scanning_sequence_is_silent_keeps_its_role() -> None:
    assert used(judged(SILENT, flip_angle_deg=90.0)) is SeriesRole.T1


def test_dark_fluid_is_no_stir() -> None:
    header = {"inversion_time_ms": None, "repetition_time_ms": 9000.0, "echo_time_ms": 85.0}
    assert used(judged(STIR, series_description="t2_tirm_dark-fluid", **header)) is None


def test_no_name_stands_in_against_the_time_that_is_recorded() -> None:
    volume = judged(T1, repetition_time_ms=None, series_description="T2 FS SAG")
    assert volume.role is None
    assert "TE 10 ms does not fit the name T2" in volume.evidence[0]


def test_a_time_of_zero_cannot_be_judged() -> None:
    volume = judged(T1, repetition_time_ms=0.0)
    assert volume.role is None
    assert volume.evidence[0] == "The timing cannot be judged: no image has TR 0 ms, TE 10 ms."


def test_fat_suppression_that_is_off_is_none_in_each_language() -> None:
    offs = ["aus", "uit", "av", "af", "désactivé", "выкл", "关", "オフ", "끔", "kapalı", "wył."]
    for off in offs:
        assert used(judged(T2, series_description=f"T2 SAG FS {off}")) is None, off
    assert used(judged(T2, series_description="T2 SAG 非脂肪抑制")) is None


@pytest.mark.parametrize(
    "words",
    [
        *("nKM", "mKM", "pKM", "PÓS", "постконтраст", "enhance", "PG", "5 min p.i.", "contr +"),
        *("delayed", "INJ", "i.v.", "KL", "POSTCON", "CON", "po podaniu", "opaklı", "延迟", "동적"),
    ],
)
def test_contrast_that_a_short_word_names_makes_no_silent_t1(words: str) -> None:
    assert used(judged(T1, series_description=f"T1 SAG {words}")) is not SeriesRole.T1


@pytest.mark.parametrize(
    "words",
    [
        *("o.KM", "oKM", "s.c.", "gd neg", "kontrast negativ", "mdc -", "previo a contraste"),
        *("przed podaniem kontrastu", "u/kontrast", "u kontrast", "opaksız", "조영 안함"),
    ],
)
def test_contrast_that_a_short_word_denies_makes_no_t1post(words: str) -> None:
    assert used(judged(T1, series_description=f"T1 SAG {words}")) is SeriesRole.T1


@pytest.mark.parametrize("kind", ["COMP_SP", "COMPOSED", "ADD", "MEAN"])
def test_a_sum_or_a_composed_image_is_doubt_even_as_an_original(kind: str) -> None:
    assert judged(T1, image_type=("ORIGINAL", "PRIMARY", "M", "ND", kind)).is_in_doubt


def test_an_image_without_diffusion_weighting_of_a_diffusion_series_has_no_role() -> None:
    volumes = [
        make_volume(f"b{b:g}", series_instance_uid="1.2.3.9", **(T2FS | {"diffusion_b_value": b}))
        for b in (0.0, 800.0)
    ]
    roles = [volume.role for volume in assign_roles(volumes)]
    assert roles == [None, None]


def test_the_first_phase_of_a_dynamic_series_is_in_doubt() -> None:
    dynamic = T1 | {"contrast_agent": "Gadovist"}
    volumes = [
        make_volume(f"p{n}", series_instance_uid="1.2.3.9", **(dynamic | {"temporal_position": n}))
        for n in (1, 2, 3)
    ]
    assert [volume.is_in_doubt for volume in assign_roles(volumes)] == [True, False, False]


def test_the_cervical_spine_is_no_denial_of_contrast() -> None:
    header = {"series_description": "SAG T1 C- SPINE", "contrast_agent": "Gadovist"}
    assert used(judged(T1, **header)) is SeriesRole.T1POST
