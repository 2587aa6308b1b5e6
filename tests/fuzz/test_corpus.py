"""The kept corpus, and a few changed inputs, go through every door that takes what others made."""

from pathlib import Path

import pytest
from fuzz.mutations import apply_changes, mutated
from fuzz.targets import CORPUS, TARGETS, kept, send
from hypothesis import HealthCheck, given, settings

FEW = {"packages": 5, "streams": 10, "settings": 15, "backups": 10, "reports": 10, "aim": 10,
       "lines": 10, "tar": 15}  # fmt: skip
KEPT = [(path.parent.name, path) for name in TARGETS for path in kept(name)]


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[f"{n}-{p.name}" for n, p in KEPT])
def test_an_input_that_once_failed_or_is_odd_is_answered_or_refused(name: str, path: Path) -> None:
    assert send(name, path.read_bytes()) != "", "a refusal says why"


@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_are_answered_or_refused(name: str) -> None:
    @settings(
        max_examples=FEW.get(name, 30), deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(TARGETS[name].sound()))
    def try_input(content: bytes) -> None:
        assert send(name, content) != "", "a refusal says why"

    try_input()


def test_the_corpus_belongs_to_the_targets() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()


def test_an_input_without_changes_stays_as_it_is() -> None:
    assert apply_changes(b"sound", []) == b"sound"
    assert apply_changes(b"sound", [("cut", 1, 3), ("put", 0, b"un")]) == b"unsd"
