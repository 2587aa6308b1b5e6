"""JSON and TOML of others give a value or a ValueError, whatever stands in them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.documents import parse_json, parse_toml


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[1e99999999999999999999999]"])
def test_json_that_breaks_a_parser_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|no sensible size"):
        parse_json(text, decimals=True)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = 1e99999999999999999999999"])
def test_toml_that_breaks_a_parser_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|no sensible size"):
        parse_toml(text, decimals=True)


def test_numbers_keep_their_digits_where_asked() -> None:
    assert parse_json("[1.50]", decimals=True) == [Decimal("1.50")]
    assert parse_toml("a = 1.50", decimals=True) == {"a": Decimal("1.50")}
    assert isinstance(parse_json("[1.50]")[0], float)


@given(st.text(alphabet='[]{}":,.0123456789eE+-a= \n', max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_json, parse_toml):
        try:
            document = parse(text, decimals=True)
        except ValueError:
            continue
        assert not isinstance(document, float)
