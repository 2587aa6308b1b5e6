from decimal import Decimal
from pathlib import Path

import pytest

from opp_mri.domain.assessment import Criteria, Plateau
from opp_mri.errors import InputError
from opp_mri.response.criteria import SHIPPED_CRITERIA, load_criteria


@pytest.fixture
def criteria_file(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_the_default_profile_has_the_numbers_of_the_rules() -> None:
    given = load_criteria("amini-2016")
    assert given == Criteria(
        name="amini-2016",
        source=given.source,
        change_mm=Decimal("2.0"),
        growth_inclusive=True,
        decline_inclusive=True,
        min_follow_up_days=182,
        sustain_days=84,
        window_days=182,
        progression_min_studies=2,
        plateau=Plateau.PD,
    )


def test_the_plateau_variant_differs_in_the_plateau_alone() -> None:
    amini, variant = load_criteria("amini-2016"), load_criteria("plateau-variant")
    differing = {
        name
        for name in Criteria.__slots__
        if not name.startswith("__") and getattr(amini, name) != getattr(variant, name)
    }
    assert differing == {"name", "source", "plateau"}
    assert variant.plateau is Plateau.OPP


@pytest.mark.parametrize("name", SHIPPED_CRITERIA)
def test_shipped_criteria_cite_their_source(name) -> None:
    assert "AJNR" in load_criteria(name).source


def test_a_file_of_one_s_own_fills_what_it_leaves_out_from_the_default(criteria_file) -> None:
    given = load_criteria(criteria_file("sustain_days = 90\nchange_mm = 2.1"))
    assert (given.name, given.sustain_days, given.change_mm) == ("mine", 90, Decimal("2.1"))
    assert given.min_follow_up_days == 182


def test_a_decimal_is_exact_and_a_whole_number_of_mm_is_a_length_too(criteria_file) -> None:
    assert load_criteria(criteria_file("change_mm = 2.3")).change_mm == Decimal("2.3")
    assert load_criteria(criteria_file("change_mm = 3")).change_mm == Decimal(3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chnage_mm = 2.0", "chnage_mm: this key is unknown"),
        ("change_mm = 0", "more than 0"),
        ("change_mm = -1.5", "more than 0"),
        ("change_mm = nan", "a length in mm"),
        ("change_mm = inf", "a length in mm"),
        ('change_mm = "2.0"', "without quotation marks"),
        ("change_mm = true", "without quotation marks"),
        ("sustain_days = 84.5", "a whole number"),
        ("sustain_days = -1", "a whole number from 0"),
        ("window_days = true", "a whole number"),
        ("progression_min_studies = 0", "a whole number from 1"),
        ("growth_inclusive = 1", "true or false"),
        ('plateau = "SD"', '"PD" or "OPP"'),
        ("plateau = 1", '"PD" or "OPP"'),
        ("plateau = []", '"PD" or "OPP"'),
        ('name = ""', "a text"),
        ("change_mm 2.0", "is not TOML"),
    ],
)
def test_a_key_or_value_that_cannot_be_is_refused_with_what_to_write(
    criteria_file, text, said
) -> None:
    with pytest.raises(InputError, match=said):
        load_criteria(criteria_file(text))


def test_all_faults_of_a_file_are_told_at_once(criteria_file) -> None:
    with pytest.raises(InputError) as caught:
        load_criteria(criteria_file("change_mm = 0\nsustain_days = -1\nother = 1"))
    assert all(key in str(caught.value) for key in ("change_mm", "sustain_days", "other"))


def test_criteria_that_are_not_there_are_told_with_those_that_are(tmp_path: Path) -> None:
    for absent in ("amini", str(tmp_path), str(tmp_path / "no.toml")):
        with pytest.raises(InputError, match="amini-2016 or plateau-variant"):
            load_criteria(absent)
