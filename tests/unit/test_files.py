"""What is written takes its place whole, or leaves the place as it was."""

from pathlib import Path

import pytest

from opp_mri.errors import InputError
from opp_mri.files import write_bytes, write_whole


def test_a_file_takes_its_place_when_all_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    with write_whole(page) as partial:
        partial.write_text("new")
        assert page.read_text() == "old"
    assert page.read_text() == "new"
    assert list(tmp_path.iterdir()) == [page]


def test_an_interrupted_write_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")

    def write_half() -> None:
        with write_whole(page) as partial:
            partial.write_text("half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert page.read_text() == "old"
    assert list(tmp_path.iterdir()) == [page]


def test_a_folder_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a folder that exists"):
        write_bytes(tmp_path / "nowhere" / "page.html", b"")
