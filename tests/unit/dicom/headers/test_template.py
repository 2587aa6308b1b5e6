"""Templates: a header read by its likeness to others is the one that is read by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.dicom_files import EVERY_SYNTAX, mr_image, nested, put, written
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from opp_mri.dicom.headers.byte_reader import FileBytes, MemoryBytes
from opp_mri.dicom.headers.header import Header, read_header, silence_pydicom
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.headers.template import Templates
from opp_mri.dicom.instances import instance_from_header
from opp_mri.dicom.scan import scan
from opp_mri.domain.imaging import FileStatus, Instance
from opp_mri.errors import InputError


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with silence_pydicom():
        yield


def content_of(header: Header) -> tuple[object, ...]:
    """All that is known of a file by its header."""
    instance: Instance | str = ""
    if header.status is FileStatus.IMAGE:
        try:
            instance = instance_from_header(header)
        except InputError as error:
            instance = str(error)
    raw = dict(sorted(header.raw.items()))
    return header.status, header.detail, header.transfer_syntax_uid, header.layout, raw, instance


def series(syntax: str = ExplicitVRLittleEndian, count: int = 6) -> list[bytes]:
    """Slices of one series; the identifiers and positions become longer from slice to slice."""
    images = []
    for number in range(count):
        image = mr_image(
            SOPInstanceUID=f"1.2.3.{10**number}",
            InstanceNumber=10**number,
            ImagePositionPatient=[str(10**number), "-7.5", "3"],
        )
        put(image, 0x00191010, "LO", "maker" * number)
        images.append(written(image, syntax))
    return images


def test_most_headers_of_a_series_fit_the_template_of_its_first_ones() -> None:
    templates = Templates()
    headers = [read_header(MemoryBytes(data), templates) for data in series()]
    assert [header.shared is not None for header in headers] == [False, *[True] * 5]
    assert len(headers[-1].own) < len(headers[-1].raw) / 2


@pytest.mark.parametrize("syntax", EVERY_SYNTAX)
def test_a_header_that_fits_a_template_says_the_same(syntax: str) -> None:
    templates = Templates()
    for data in series(syntax):
        header_by_template = read_header(MemoryBytes(data), templates)
        assert content_of(header_by_template) == content_of(read_header(MemoryBytes(data)))


def changed_length(image: Dataset) -> None:
    image.StudyInstanceUID = "1.2.3.4.5.6.7.8"


def without_an_element(image: Dataset) -> None:
    del image.PixelSpacing


def with_another_character_set(image: Dataset) -> None:
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = "Åse"


def with_a_longer_sequence(image: Dataset) -> None:
    image.ProcedureCodeSequence.append(nested(CodeMeaning="filtered"))


def with_a_value_that_cannot_be_understood(image: Dataset) -> None:
    put(image, "EchoTime", "DS", "off")


def with_another_date_than_the_study(image: Dataset) -> None:
    image.StudyDate, image.AcquisitionDate = "", "20240305"


def with_a_date_and_time_in_one(image: Dataset) -> None:
    image.AcquisitionDate = image.AcquisitionTime = ""
    image.AcquisitionDateTime = "20240305101112"


def with_a_b_value_of_its_own(image: Dataset) -> None:
    image.DiffusionBValue = 800.0


@pytest.mark.parametrize(
    "change",
    [
        with_another_date_than_the_study,
        with_a_date_and_time_in_one,
        with_a_b_value_of_its_own,
        changed_length,
        without_an_element,
        with_another_character_set,
        with_a_longer_sequence,
        with_a_value_that_cannot_be_understood,
    ],
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_header_unlike_those_before_it_says_the_same(
    change: Callable[[Dataset], None], syntax: str
) -> None:
    templates = Templates()
    dates = {"StudyDate": "20240304", "AcquisitionDate": "20240304", "AcquisitionDateTime": "2024"}
    plain, changed_image = (mr_image(**dates, DiffusionBValue=0.0) for _ in range(2))
    change(changed_image)
    for image in (plain, plain, changed_image, plain, changed_image):
        data = written(image, syntax)
        header_by_template = read_header(MemoryBytes(data), templates)
        assert content_of(header_by_template) == content_of(read_header(MemoryBytes(data)))


def test_of_an_element_that_stands_twice_the_last_one_counts() -> None:
    templates = Templates()
    for first, last in (("10", "20"), ("10", "30"), ("40", "30")):
        data = written(mr_image(EchoTime=first))
        at = data.index(b"\x18\0\x81\0DS")
        twice = data[: at + 10] + b"\x18\0\x81\0DS\2\0" + last.encode() + data[at + 10 :]
        header = read_header(MemoryBytes(twice), templates)
        assert instance_from_header(header).echo_time_ms == float(last)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_headers_with_changed_bytes_say_the_same_after_any_others(data: st.DataObject) -> None:
    templates = Templates()
    images = series(data.draw(st.sampled_from(EVERY_SYNTAX)), 3)
    for _ in range(6):
        content = bytearray(data.draw(st.sampled_from(images)))
        for _ in range(data.draw(st.integers(0, 3))):
            content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
        end = data.draw(st.sampled_from([len(content)] * 3 + [len(content) // 2, 700]))
        damaged_content = bytes(content[:end])
        header_by_template = read_header(MemoryBytes(damaged_content), templates)
        assert content_of(header_by_template) == content_of(
            read_header(MemoryBytes(damaged_content))
        )


def test_headers_longer_than_a_block_fit_too() -> None:
    templates = Templates()
    fits = []
    for number in range(4):
        image = mr_image(InstanceNumber=number)
        put(image, 0x00291010, "OB", bytes([number]) * 60_000)
        data = written(image)
        header = read_header(MemoryBytes(data), templates)
        assert content_of(header) == content_of(read_header(MemoryBytes(data)))
        fits.append(header.shared is not None)
    assert fits == [False, False, True, True]


def test_every_real_file_says_the_same_in_any_order(real_data: Path) -> None:
    files = list(find_sources([real_data]))
    for order in (files, files[::-1], files[::7] + files[1::7]):
        templates = Templates()
        for scanned_file in scan(order, workers=1):
            if scanned_file.source.member:
                continue
            with FileBytes(scanned_file.source.path) as reader:
                alone = read_header(reader)
                assert content_of(read_header(reader, templates)) == content_of(alone)
            if scanned_file.status is FileStatus.IMAGE:
                assert scanned_file.instance == instance_from_header(alone)
