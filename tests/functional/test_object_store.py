"""Images in an object store are indexed and read as those in a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from fixtures.dicom_files import mr_image, written
from fixtures.object_stores import put_folder, running_object_store

from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan
from opp_mri.dicom.volume import load_stack
from opp_mri.domain.imaging import FileStatus
from opp_mri.errors import InputError
from opp_mri.workflow.catalogue.index import IndexSummary, index
from opp_mri.workflow.project import create_project, open_project


@pytest.fixture(scope="module")
def objects() -> Iterator[Any]:
    with running_object_store() as files:
        yield files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, and a file that is none."""
    images_folder = tmp_path / "images"
    images_folder.mkdir()
    for number in range(3):
        image = mr_image(SOPInstanceUID=f"1.2.{number}", InstanceNumber=number)
        (images_folder / f"{number}.dcm").write_bytes(written(image))
    (images_folder / "notes.txt").write_text("none")
    return images_folder


def index_into(project: Path, *sources: str | Path) -> IndexSummary:
    with open_project(project) as opened_project:
        return index(opened_project, sources, workers=1)


def test_objects_give_the_headers_and_the_pixels_of_files(
    objects: Any, folder: Path, tmp_path: Path
) -> None:
    put_folder(objects, folder, "scans/same")
    from_files = list(scan(find_sources([folder]), workers=1))
    from_objects = list(scan(find_sources(["s3://scans/same"]), workers=1))
    assert [file.source.path for file in from_objects] == [
        f"s3://scans/same/{path.name}" for path in sorted(folder.iterdir())
    ]
    assert [attrs.evolve(file, source=from_files[0].source) for file in from_objects] == [
        attrs.evolve(file, source=from_files[0].source) for file in from_files
    ]
    pixels = []
    for number, source in enumerate((folder, "s3://scans/same/")):
        project = tmp_path / f"project{number}"
        create_project(project)
        index_into(project, source)
        with open_project(project) as opened_project:
            volume = opened_project.store.get_volumes()[0]
            uids = [frame.sop_instance_uid for frame in volume.frames]
            pixels.append(load_stack(volume, opened_project.store.get_sources_of(uids)))
    np.testing.assert_array_equal(*pixels)


def test_an_index_follows_what_is_replaced_and_removed_in_the_store(
    objects: Any, folder: Path, tmp_path: Path
) -> None:
    put_folder(objects, folder, "scans/changing")
    project = tmp_path / "project"
    create_project(project)
    source = "s3://scans/changing"
    first = index_into(project, source)
    assert (first.files, first.read, first.counts[FileStatus.IMAGE]) == (4, 4, 3)
    assert index_into(project, source).read == 0
    content = (folder / "0.dcm").read_bytes()
    objects.pipe_file("scans/changing/0.dcm", content[:-1] + b"\x7f")  # in the same second
    assert index_into(project, source).read == 1
    objects.rm_file("scans/changing/0.dcm")
    last = index_into(project, source)
    assert (last.gone, last.counts[FileStatus.IMAGE]) == (1, 2)


def test_other_sources_are_left_alone_by_an_index_of_objects(
    objects: Any, folder: Path, tmp_path: Path
) -> None:
    put_folder(objects, folder, "scans/next")
    put_folder(objects, folder, "scans/next2")
    project = tmp_path / "project"
    create_project(project)
    index_into(project, folder, "s3://scans/next", "s3://scans/next2")
    objects.rm("scans/next2", recursive=True)
    assert index_into(project, "s3://scans/next").gone == 0


def test_an_archive_in_an_object_store_is_not_opened_and_the_reason_is_a_sentence(
    objects: Any,
) -> None:
    objects.pipe_file("scans/packed/study.zip", b"PK\x03\x04 and more")
    (scanned_file,) = scan(find_sources(["s3://scans/packed"]), workers=1)
    assert scanned_file.status is FileStatus.UNREADABLE
    assert "unpack it there" in scanned_file.detail


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("s3://scans/absent", "no object"),
        ("s3://other-bucket/x", "check the address|no object"),
        ("s3://key:word@scans/x", "in the environment"),
        ("nowhere://scans/x", "not installed"),
    ],
)
@pytest.mark.usefixtures("objects")
def test_an_address_that_cannot_be_used_is_a_sentence(address: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as failure:
        list(find_sources([address]))
    assert "word" not in str(failure.value)
