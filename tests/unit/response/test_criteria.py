import json
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import fields

from opp_mri.domain.assessment import Criteria, Plateau, Reference, TherapyCounts
from opp_mri.errors import InputError
from opp_mri.response.criteria import (
    LARGEST_CHANGE_MM,
    LARGEST_PERCENT,
    SHIPPED_CRITERIA,
    build_criteria_json,
    format_criteria_toml,
    load_criteria,
)


@pytest.fixture
def criteria_file(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_the_default_profile_has_the_numbers_of_the_rules() -> None:
    criteria = load_criteria("amini-2016")
    assert criteria == Criteria(
        name="amini-2016",
        source=criteria.source,
        certainty=criteria.certainty,
        change_mm=Decimal("2.0"),
        growth_inclusive=True,
        decline_inclusive=True,
        min_follow_up_days=182,
        sustain_days=84,
        window_days=182,
        progression_min_studies=2,
        therapy_counts=TherapyCounts.UNTIL_SUSTAINED,
        plateau=Plateau.PD,
    )


@pytest.mark.parametrize(("name", "differences"), [
    ("plateau-variant", {"plateau": Plateau.OPP}),
    ("amini-2016-literal", {"therapy_counts": TherapyCounts.UNTIL_LAST, "sustain_days": 90}),
    ("confirmed-growth", {"confirm_growth": True}),
    ("amini-2016-nadir", {"reference": Reference.NADIR}),
])  # fmt: skip
def test_a_variant_differs_from_the_default_where_it_says(name, differences) -> None:
    amini, variant = load_criteria("amini-2016"), load_criteria(name)
    own_fields = {"name", "source", "certainty"}
    own_values = {
        field.name: getattr(variant, field.name)
        for field in fields(Criteria)
        if field.name not in own_fields
        and getattr(amini, field.name) != getattr(variant, field.name)
    }
    assert own_values == differences


@pytest.mark.parametrize("name", SHIPPED_CRITERIA)
def test_shipped_criteria_tell_their_source_and_how_certain_they_are(name) -> None:
    criteria = load_criteria(name)
    assert criteria.name == name
    assert "20" in criteria.source
    assert len(criteria.certainty) > 20


def test_the_thresholds_of_maralani_are_those_of_the_publication() -> None:
    criteria = load_criteria("maralani-2021")
    assert criteria.change_percent == Decimal("10.9")
    percent_by_range = {
        (threshold.since, threshold.study, threshold.baseline_from, threshold.baseline_below): str(
            threshold.percent
        )
        for threshold in criteria.thresholds
    }
    assert percent_by_range == {
        (0, 2, None, None): "14.7",
        (0, 1, None, 2): "42.0",
        (0, 2, None, 2): "71.3",
        (1, 2, None, 2): "37.2",
        (0, 2, Decimal("8.3"), None): "13.3",
        (1, 2, Decimal("8.3"), None): "11.8",
    }


@pytest.mark.parametrize("name", SHIPPED_CRITERIA)
def test_criteria_that_are_written_as_toml_are_read_again(name, criteria_file) -> None:
    criteria = load_criteria(name)
    assert load_criteria(criteria_file(format_criteria_toml(criteria))) == criteria


@pytest.mark.parametrize("name", SHIPPED_CRITERIA)
def test_criteria_are_shown_as_json(name) -> None:
    record = build_criteria_json(load_criteria(name))
    assert json.loads(json.dumps(record)) == record


def test_the_json_of_criteria_has_their_values() -> None:
    record = build_criteria_json(load_criteria("maralani-2021"))
    assert record["name"] == "maralani-2021"
    assert record["change_percent"] == 10.9
    assert record["thresholds"][0]["percent"] == 14.7


@pytest.mark.parametrize(
    "text",
    [
        "change_mm = 0.5", f"change_mm = {LARGEST_CHANGE_MM}", "sustain_days = 0",
        "progression_min_studies = 1",
        f'quantity = "volume_cc"\nchange_percent = {LARGEST_PERCENT}\n[persistence]',
    ],
)  # fmt: skip
def test_a_number_on_the_limit_is_taken_and_written_as_toml_again(text, criteria_file) -> None:
    criteria = load_criteria(criteria_file(text))
    assert load_criteria(criteria_file(format_criteria_toml(criteria))) == criteria


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mine\.toml cannot be read: give a TOML file"):
        load_criteria(str(path))


def test_a_file_of_one_s_own_fills_what_it_leaves_out_from_the_default(criteria_file) -> None:
    criteria = load_criteria(criteria_file("sustain_days = 90\nchange_mm = 2.1"))
    assert (criteria.name, criteria.sustain_days, criteria.change_mm) == (
        "mine",
        90,
        Decimal("2.1"),
    )
    assert criteria.min_follow_up_days == 182


def test_a_decimal_is_exact_and_a_whole_number_of_mm_is_a_length_too(criteria_file) -> None:
    assert load_criteria(criteria_file("change_mm = 2.3")).change_mm == Decimal("2.3")
    assert load_criteria(criteria_file("change_mm = 3")).change_mm == Decimal(3)


@pytest.mark.parametrize(
    ("text", "message"),
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
        ('quantity = "volume_cc"', "need the table"),
        ("change_percent = 10", "need the table"),
        ('change_percent = "10"\n[persistence]', "a number of per cent"),
        ("thresholds = 2\n[persistence]", "give a table"),
        ("change_mm = 2.0.1", "mine.toml is not TOML"),
        ("change_percent = -1\n[persistence]", "a number of per cent"),
        ('quantity = "volume_cc"\n[persistence]', "need change_percent"),
        ("[persistence]\nconfirm_study = 2", "confirm_study is unknown"),
        ("[persistence]\nconfirm_studies = 0", "persistence"),
        ("persistence = 2", "give a table"),
        ("[persistence]\n[[thresholds]]\npercent = 10\nsince = 2\nstudy = 1", "an earlier one"),
        ('[persistence]\nprogression_events = ["growth"]', "not a valid EventKind"),
    ],
)
def test_a_key_or_value_that_cannot_be_is_refused_with_what_to_write(
    criteria_file, text, message
) -> None:
    with pytest.raises(InputError, match=message):
        load_criteria(criteria_file(text))


def test_all_faults_of_a_file_are_told_at_once(criteria_file) -> None:
    with pytest.raises(InputError) as error_info:
        load_criteria(criteria_file("change_mm = 0\nsustain_days = -1\nother = 1"))
    assert all(key in str(error_info.value) for key in ("change_mm", "sustain_days", "other"))


def test_criteria_that_are_not_there_are_told_with_those_that_are(tmp_path: Path) -> None:
    for absent in ("amini", str(tmp_path), str(tmp_path / "no.toml")):
        with pytest.raises(InputError, match=r"amini-2016, .* or spino-2015"):
            load_criteria(absent)
