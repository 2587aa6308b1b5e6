"""Images in an archive are indexed and read by DICOMweb as those in a folder."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
from fixtures.archives import Shelf, free_port, read_all, web_archive
from fixtures.dicom_makers import T1, T2FS, write_study
from pydicom import Dataset

from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.network import web_source
from opp_mri.dicom.scan import scan
from opp_mri.dicom.volume import load_stack
from opp_mri.domain.imaging import FileStatus
from opp_mri.errors import InputError, OppMriError, PeerError
from opp_mri.workflow.catalogue.index import IndexSummary, index
from opp_mri.workflow.project import create_project, open_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two studies of one patient."""
    for number in ("1", "2"):
        dates = {"StudyDate": f"2024011{number}"}
        write_study(tmp_path / "images" / number, T1, T2FS, study=number, PatientID="P", **dates)
    return tmp_path / "images"


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    return Shelf(read_all(folder))


@pytest.fixture
def archive(shelf: Shelf) -> Iterator[str]:
    with web_archive(shelf) as url:
        yield f"dicomweb+{url}"


def index_into(project: Path, *sources: str | Path) -> IndexSummary:
    with open_project(project) as opened_project:
        return index(opened_project, sources, workers=1)


def test_instances_give_the_headers_and_the_pixels_of_files(
    folder: Path, archive: str, tmp_path: Path
) -> None:
    headers, pixels = [], []
    for number, source in enumerate((folder, archive)):
        scanned_files = list(scan(find_sources([source]), workers=1))
        assert {file.status for file in scanned_files} == {FileStatus.IMAGE}
        instances = [file.instance for file in scanned_files if file.instance]
        headers.append(sorted(instances, key=lambda instance: instance.sop_instance_uid))
        project = tmp_path / f"project{number}"
        create_project(project)
        index_into(project, source)
        with open_project(project) as opened_project:
            volume = opened_project.store.get_volumes()[0]
            uids = [frame.sop_instance_uid for frame in volume.frames]
            pixels.append(load_stack(volume, opened_project.store.get_sources_of(uids)))
    assert [attrs.asdict(header) for header in headers[0]] == [
        attrs.asdict(header) for header in headers[1]
    ]
    np.testing.assert_array_equal(*pixels)


def test_an_index_fetches_what_is_new_and_forgets_what_is_gone(
    shelf: Shelf, archive: str, tmp_path: Path
) -> None:
    create_project(tmp_path / "project")
    whole = list(shelf.objects)
    newest = whole.pop()
    shelf.objects = list(whole)
    assert index_into(tmp_path / "project", archive).read == len(whole)
    shelf.objects.append(newest)
    assert index_into(tmp_path / "project", archive).read == 1
    shelf.requests.clear()
    assert index_into(tmp_path / "project", archive).read == 0
    assert shelf.requests == []
    shelf.objects.remove(whole[0])
    assert index_into(tmp_path / "project", f"{archive}/").gone == 1


def test_a_study_of_an_archive_is_indexed_alone(shelf: Shelf, archive: str, tmp_path: Path) -> None:
    create_project(tmp_path)
    uid = shelf.objects[0].StudyInstanceUID
    expected = [item for item in shelf.objects if item.StudyInstanceUID == uid]
    assert index_into(tmp_path, f"{archive}/studies/{uid}").files == len(expected)
    assert index_into(tmp_path, f"{archive}/studies/{uid}").gone == 0


def test_an_instance_that_is_not_given_is_named_and_the_others_are_read(
    folder: Path, shelf: Shelf, archive: str
) -> None:
    refused_uid = shelf.objects[0].SOPInstanceUID

    def send(objects: list[Dataset]) -> list[Dataset]:
        return [item for item in objects if item.SOPInstanceUID != refused_uid]

    shelf.sending = send
    scanned_files = list(scan(find_sources([archive]), workers=1))
    (refused_file,) = [file for file in scanned_files if file.status is not FileStatus.IMAGE]
    assert refused_file.source.path.endswith(refused_uid)
    assert "does not give it" in refused_file.detail
    assert len(scanned_files) == len(read_all(folder))


def test_an_archive_that_is_lost_ends_the_index_and_no_file_is_called_unreadable(
    shelf: Shelf, tmp_path: Path
) -> None:
    create_project(tmp_path)
    with web_archive(shelf) as url:
        sources = list(find_sources([f"dicomweb+{url}"]))
    web_source._connect.cache_clear()  # the thread of a connection outlives the server
    with pytest.raises(PeerError, match=f"archive at {url} cannot be reached"):
        list(scan(sources, workers=1))


def test_the_account_comes_from_the_environment(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_archive(shelf, secret="Bearer word") as url:  # noqa: S106
        with pytest.raises(PeerError, match="OPP_MRI_DICOMWEB_TOKEN") as refusal:
            list(find_sources([f"dicomweb+{url}"]))
        assert "pacs peer" not in str(refusal.value)
        monkeypatch.setenv("OPP_MRI_DICOMWEB_TOKEN", "word")
        assert len(list(find_sources([f"dicomweb+{url}/"]))) == len(shelf.objects)


@pytest.mark.parametrize(
    ("address", "kind", "sentence"),
    [
        ("dicomweb+ftp://host/x", InputError, "must be an address"),
        ("dicomweb+https://key:word@host/x", InputError, "no user name"),
        ("dicomweb+https://host/x/studies/1/images/2", InputError, "is not an address"),
        ("dicomweb+http://127.0.0.1:{free_port}/x", PeerError, "/x cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_sentence(
    address: str, kind: type[OppMriError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as failure:
        list(find_sources([address.format(free_port=free_port())]))
    assert "word@" not in str(failure.value)


def test_an_archive_without_images_is_a_sentence() -> None:
    with web_archive(Shelf([])) as url, pytest.raises(InputError, match="lists no instance"):
        list(find_sources([f"dicomweb+{url}"]))
