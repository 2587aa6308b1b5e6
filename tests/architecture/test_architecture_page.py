"""The page on the architecture names rooms, wings and steps that are there, and leaves none out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "napari-opp-mri" / "src" / "opp_mri_napari"
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
STEPS = re.findall(r"^\d+\. `([\w/.-]+\.py)`: (.+)$", PAGE, re.MULTILINE)


def parts_of(folder: Path) -> set[str]:
    """Return the packages and modules of a folder, but for its own and for data."""
    modules = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return (modules | packages) - {"__init__"}


def test_the_table_of_rooms_has_each_room_once() -> None:
    rooms = re.findall(r"^\| \d \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rooms) == sorted(parts_of(ROOT / "opp_mri"))


@pytest.mark.parametrize("room", ["workflow", "cohort"])
def test_the_wings_of_a_room_are_those_that_it_has(room: str) -> None:
    (wings,) = re.findall(rf"^\| `{room}` \| (`.* > .*) \|$", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", wings)) == sorted(parts_of(ROOT / "opp_mri" / room))


def test_the_order_of_rooms_and_wings_is_that_of_the_contracts() -> None:
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for room in ("workflow", "cohort"):
        (wings,) = re.findall(rf"^\| `{room}` \| (`.* > .*) \|$", PAGE, re.MULTILINE)
        wing_sets = [set(re.findall(r"\w+", line)) for line in wings.split(" > ")]
        (block,) = re.findall(
            rf'containers = \["opp_mri\.{room}"\]\nlayers = \[\n(.*?)\]', contracts, re.DOTALL
        )
        assert wing_sets == [set(re.findall(r"\w+", line)) for line in block.strip().splitlines()]


def test_the_two_walks_have_their_steps() -> None:
    assert len(STEPS) == 26


@pytest.mark.parametrize(("name", "words"), STEPS)
def test_a_step_names_what_its_file_defines(name: str, words: str) -> None:
    path = ROOT / name if name.startswith("opp_mri/") else PLUGIN / name
    text = path.read_text(encoding="utf-8")
    first = re.findall(r"`(\w+)`", words)[0]
    assert re.search(rf"^ *(?:def|class) {first}\b", text, re.MULTILINE), first
