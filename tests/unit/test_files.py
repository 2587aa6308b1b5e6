"""What is written takes its place whole, or leaves the place as it was."""

import os
from pathlib import Path

import pytest

from opp_mri.errors import InputError
from opp_mri.files import (
    make_file_name,
    read_document,
    write_bytes,
    write_folder,
    write_whole,
)
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.double_read.seal import make_keys, write_return_key, write_seal
from opp_mri.workflow.measuring.protocol import read_protocol
from opp_mri.workflow.project import create_project


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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode of a file")
def test_a_file_is_for_its_owner_only_whatever_the_umask_of_the_program(tmp_path: Path) -> None:
    """The command line sets a umask; napari, a notebook and a script of a user do not."""
    before = os.umask(0)
    try:
        write_bytes(tmp_path / "page.html", b"P1")
        write_folder(tmp_path / "bundle", [("a/table.csv", b"P1")])
        keys = make_keys()
        write_return_key(tmp_path / "return.key", keys.private, "")
        write_seal(tmp_path / "seal.json", {"head": ""}, keys.private)
        create_project(tmp_path / "project")
    finally:
        os.umask(before)
    open_to_others = [
        path.name
        for path in tmp_path.rglob("*")
        if path.stat().st_mode & 0o077 and path.parent.stat().st_mode & 0o077
    ]
    assert open_to_others == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no devices among its files")
def test_a_device_that_is_named_as_criteria_or_protocol_is_not_read(tmp_path: Path) -> None:
    """The settings of somebody else's project name such files; a pipe or a device has no end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(ValueError, match="not a file"):
            read_document(path)
        with pytest.raises(InputError, match="cannot be read"):
            load_criteria(str(path))
        with pytest.raises(InputError, match="not a file"):
            read_protocol(path)


@pytest.mark.parametrize("text", ["../../home/x", "/etc/x", "a\0b", "CON:", "ä" * 300, ""])
def test_a_name_of_a_lesion_leads_to_no_other_folder(tmp_path: Path, text: str) -> None:
    path = tmp_path / f"x-{make_file_name(text)}.tfm"
    path.touch()
    assert list(tmp_path.iterdir()) == [path]
