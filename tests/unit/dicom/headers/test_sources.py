"""Sources: folders, single files, DICOMDIRs and zip archives."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from opp_mri.dicom.headers.sources import find_sources, open_source, read_source_bytes
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError


def names(*sources: Path) -> list[str]:
    return [Path(source.name).name for source in find_sources(sources)]


def test_a_folder_gives_every_file_below_it_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    for name in ("z", ".hidden", "b/IM 1.dcm", "b/deep/DS_STORE"):
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == [".hidden", "z", "IM 1.dcm", "DS_STORE"]


def test_a_file_says_its_size_and_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    (source,) = find_sources([path])
    assert source == SourceFile(path=str(path), size_bytes=3, modified_ns=path.stat().st_mtime_ns)
    assert read_source_bytes(source) == b"abc"


def test_links_in_a_circle_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert sorted(names(tmp_path)) == ["file", "self"]


def test_sources_that_overlap_give_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x")
    assert names(tmp_path / "a" / "file", tmp_path / "a", tmp_path) == ["file"]


def test_a_source_that_is_not_there_is_refused_before_anything_is_listed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no file or folder .*gone"):
        next(find_sources([tmp_path / "file", tmp_path / "gone"]))


def test_a_link_to_nothing_is_listed_and_says_so_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (source,) = find_sources([tmp_path])
    with pytest.raises(InputError, match="not there"):
        open_source(source)


def test_a_pipe_is_listed_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (source,) = find_sources([tmp_path])
    with pytest.raises(InputError, match="a folder or a device"):
        open_source(source)


def test_a_folder_that_may_not_be_listed_is_listed_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    scan_folder = os.scandir

    def refused(path: str) -> Any:  # a mode of 0 would stop everyone but root
        if path.endswith("locked"):
            raise PermissionError
        return scan_folder(path)

    monkeypatch.setattr(os, "scandir", refused)
    (source,) = find_sources([tmp_path])
    assert Path(source.path).name == "locked"
    with pytest.raises(InputError, match="a folder or a device"):
        open_source(source)


def test_the_members_of_an_archive_are_listed_and_read_in_place(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("study")
        archive.writestr("study/one", b"first")
        archive.writestr("two", b"second")
    result = list(find_sources([tmp_path]))
    assert [(file.member, file.size_bytes) for file in result] == [("study/one", 5), ("two", 6)]
    assert [read_source_bytes(source) for source in result] == [b"first", b"second"]
    with open_source(result[0]) as stream:
        assert stream.read(3) == b"fir"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_an_archive_of_any_name_is_looked_into_when_it_is_given(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study", "w") as archive:
        archive.writestr("one", b"1")
    assert [source.member for source in find_sources([tmp_path / "study"])] == ["one"]
    assert [source.member for source in find_sources([tmp_path])] == [""]


def test_a_damaged_archive_is_listed_itself(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and nothing more")
    assert names(tmp_path) == ["bad.zip"]


def test_an_archive_that_was_replaced_is_not_read_from_memory(tmp_path: Path) -> None:
    for content in (b"old", b"newer"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("one", content)
        os.utime(tmp_path / "a.zip", ns=(len(content), len(content)))
        (source,) = find_sources([tmp_path])
        assert read_source_bytes(source) == content


def test_a_dicomdir_lists_what_it_names_and_what_of_it_is_missing(real_data: Path) -> None:
    folder = real_data / "mapconcierge+taichi2018Jan_mri05tesla_wakasa"
    result = list(find_sources([folder / "DICOMDIR"]))
    present_sources = [source for source in result if Path(source.path).exists()]
    assert result[0].path == str(folder / "DICOMDIR")
    assert {source.path for source in present_sources[1:]} == {
        str(path) for path in (folder / "DCMDT").iterdir()
    }
    missing_sources = [source for source in result if not Path(source.path).exists()]
    assert len(missing_sources) == 34
    assert all(file.size_bytes == 0 for file in missing_sources)
    with pytest.raises(InputError, match="not there"):
        open_source(missing_sources[0])


def test_a_dicomdir_in_capitals_finds_files_in_small_letters(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "mapconcierge+taichi2018Jan_mri05tesla_wakasa"
    (tmp_path / "DICOMDIR").write_bytes((folder / "DICOMDIR").read_bytes())
    (tmp_path / "dcmdt").mkdir()
    (tmp_path / "dcmdt" / "d0000000").write_bytes(b"x")
    assert str(tmp_path / "dcmdt" / "d0000000") in {
        source.path for source in find_sources([tmp_path / "DICOMDIR"])
    }


def test_a_file_that_is_named_and_lies_in_a_folder_is_listed_once(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(b"x")
    file = folder / "b"
    for sources in ((folder, file), (file, folder), (file, file, folder, folder)):
        assert sorted(names(*sources)) == ["a", "b"]
