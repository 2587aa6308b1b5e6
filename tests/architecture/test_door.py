"""The names of the door are the same for Python, for a type checker and for an editor."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import opp_mri

STUB = Path(opp_mri.__file__).with_suffix(".pyi")
NAMES = [name for name in opp_mri.__all__ if name != "__version__"]


def test_the_stub_declares_each_name_from_the_module_that_defines_it() -> None:
    homes = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            homes |= {alias.asname: node.module for alias in node.names}
    assert homes == opp_mri._HOMES
    assert {name: getattr(opp_mri, name).__module__ for name in NAMES} == homes


def test_every_name_is_offered_for_completion_and_no_other_is_there() -> None:
    assert set(opp_mri.__all__) <= set(dir(opp_mri))
    with pytest.raises(AttributeError, match="no attribute 'version'"):
        opp_mri.version  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_what_is_public_in_the_door_is_documented(name: str) -> None:
    member = getattr(opp_mri, name)
    assert member.__doc__
    for method, value in vars(member).items() if isinstance(member, type) else ():
        if not method.startswith("_") and callable(value):
            assert value.__doc__, f"{name}.{method}"


def test_the_examples_of_the_door_do_what_they_show() -> None:
    results = doctest.testmod(import_module("opp_mri.door.tables"))
    assert results.attempted > 2
    assert results.failed == 0
