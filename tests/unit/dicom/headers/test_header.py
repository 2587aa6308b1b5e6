"""Headers: the values that pydicom gives, and what is said of a file that is not whole."""

import gzip
import os
import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from fixtures.dicom_files import (
    EVERY_SYNTAX,
    NATIVE,
    header_by_pydicom,
    mr_image,
    nested,
    put,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    KeyObjectSelectionDocumentStorage,
)

from opp_mri.dicom.headers import byte_reader
from opp_mri.dicom.headers import header as header_module
from opp_mri.dicom.headers.byte_reader import FileBytes, MemoryBytes
from opp_mri.dicom.headers.header import Header, read_header, silence_pydicom
from opp_mri.dicom.headers.keywords import TAGS
from opp_mri.dicom.instances import instance_from_header
from opp_mri.domain.imaging import FileStatus


class CountingBytes(MemoryBytes):
    """Bytes in memory that count how many of them were read."""

    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        content = super().read_at(offset, length)
        self.read += len(content)
        return content


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with silence_pydicom():
        yield


def header_of(data: bytes) -> Header:
    return read_header(MemoryBytes(data))


def pydicom_value(dataset: Dataset, tag: int) -> Any:
    return dataset[tag].value if tag in dataset else None


def differences(header: Header, dataset: Dataset) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (header.get_value(tag), pydicom_value(dataset, tag)) for key, tag in TAGS.items()}
    return {
        key: (own_value, theirs)
        for key, (own_value, theirs) in pairs.items()
        if own_value != theirs
    }


NUMBERS = st.one_of(
    st.none(),
    st.floats(-1e5, 1e5).map(lambda value: f"{value:.8g}"),
    st.sampled_from(
        ["off", "", "1\\2", "1,5", " 3 ", "-", "1e3", "1_0", ".5", "1\\", " ", "+7", "0x1"]
    ),
)
TEXTS = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs")), max_size=40),
    st.sampled_from(["a\\b", "山田^太郎=やまだ", " padded ", "A^B^^^", "A^B=", "=", "~", "\\"]),
)


@st.composite
def headers(draw: st.DrawFn) -> Dataset:
    dataset = mr_image(SpecificCharacterSet="ISO_IR 192")
    for keyword in ("RepetitionTime", "InversionTime", "FlipAngle", "MagneticFieldStrength"):
        put(dataset, keyword, "DS", draw(NUMBERS))
    for keyword in ("SeriesNumber", "InstanceNumber", "EchoNumbers"):
        put(dataset, keyword, "IS", draw(NUMBERS))
    for keyword, vr in (("SeriesDescription", "LO"), ("PatientName", "PN"), ("PatientID", "LO")):
        dataset.add_new(keyword, vr, draw(TEXTS))
    dataset.add_new("DiffusionBValue", "FD", draw(st.one_of(st.none(), st.floats(0, 5000))))
    if draw(st.booleans()):  # longer than any block that is read at once
        dataset.private_block(0x0029, "OPP TEST").add_new(0x20, "OB", bytes(20_000))
        items = draw(st.integers(1, 900))
        dataset.ProcedureCodeSequence.extend(nested(CodeMeaning="x" * 20) for _ in range(items))
    return dataset


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(dataset=headers(), syntax=st.sampled_from(EVERY_SYNTAX))
def test_every_value_is_the_one_that_pydicom_gives(dataset: Dataset, syntax: str) -> None:
    data = written(dataset, syntax)
    header = header_of(data)
    assert header.status is FileStatus.IMAGE, header.detail
    assert header.transfer_syntax_uid == syntax
    assert differences(header, pydicom.dcmread(BytesIO(data), stop_before_pixels=True)) == {}
    assert instance_from_header(header) == instance_from_header(header_by_pydicom(data))


@pytest.mark.parametrize("syntax", EVERY_SYNTAX)
def test_a_usual_file_is_read_without_pydicoms_reader(syntax: str) -> None:
    assert header_of(written(mr_image(), syntax)).dataset is None


@pytest.mark.parametrize("syntax", EVERY_SYNTAX)
def test_a_file_cut_anywhere_is_never_called_an_image(syntax: str) -> None:
    data = written(mr_image(PatientName="A^B", ImageType=["ORIGINAL", "PRIMARY"]), syntax)
    assert header_of(data).status is FileStatus.IMAGE
    statuses = {header_of(data[:length]).status for length in range(len(data))}
    assert FileStatus.TRUNCATED in statuses
    assert FileStatus.IMAGE not in statuses


def test_a_compressed_file_without_its_end_mark_is_truncated() -> None:
    header = header_of(written(mr_image(), JPEG2000Lossless)[:-8])
    assert header.status is FileStatus.TRUNCATED
    assert "do not end" in header.detail


def test_compressed_frames_that_are_missing_are_counted() -> None:
    dataset = mr_image()
    data = written(dataset, JPEG2000Lossless)
    dataset.NumberOfFrames = 3
    buffer = BytesIO()
    dataset.save_as(buffer)
    assert header_of(data).status is FileStatus.IMAGE
    assert "1 of 3 compressed frames" in header_of(buffer.getvalue()).detail


def test_fewer_pixels_than_the_header_says_are_truncated() -> None:
    dataset = mr_image()
    written(dataset)
    dataset.Rows = 5
    buffer = BytesIO()
    dataset.save_as(buffer)
    header = header_of(buffer.getvalue())
    assert header.status is FileStatus.TRUNCATED
    assert "48 bytes, and 60 are needed" in header.detail


@pytest.mark.parametrize(
    "padding", [bytes(1), bytes(7), bytes(8), bytes(600), b"\xfc\xff\xfc\xff" * 9]
)
def test_padding_behind_the_pixels_does_no_harm(padding: bytes) -> None:
    assert header_of(written(mr_image()) + padding).status is FileStatus.IMAGE


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("length", [1, 7, 8, 13, 600])
def test_zeros_behind_a_document_do_no_harm(syntax: str, length: int) -> None:
    dataset = mr_image(SOPClassUID=GrayscaleSoftcopyPresentationStateStorage)
    header = header_of(written(dataset, syntax, pixels=False) + bytes(length))
    assert header.status is FileStatus.NO_PIXELS


@pytest.mark.parametrize("syntax", NATIVE[:3])
def test_a_file_without_preamble_is_read(syntax: str) -> None:
    data = written(mr_image(), syntax)
    bare = data[data.index(b"\x08\0\x16\0" if syntax != NATIVE[2] else b"\0\x08\0\x16") :]
    header = header_of(bare)
    assert header.status is FileStatus.IMAGE
    assert header.get_value(TAGS["SOPInstanceUID"]) == "1.2.3.4.5"
    assert header_of(bare[:-1]).status is FileStatus.TRUNCATED


def test_a_file_with_meta_information_but_no_preamble_is_read() -> None:
    header = header_of(written(mr_image())[132:])
    assert header.status is FileStatus.IMAGE
    assert header.transfer_syntax_uid == ExplicitVRLittleEndian


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"text\n" * 99, b"\x08\0" * 300, bytes(4000)],
)
def test_what_is_no_dicom_is_said_to_be_none(data: bytes) -> None:
    header = header_of(data)
    assert header.status is FileStatus.NOT_DICOM
    assert header.detail.endswith((".", "it."))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04" + bytes(200), "zip"),
        (gzip.compress(b"content", mtime=0), "gzip"),
        (bytes(257) + b"ustar" + bytes(250), "tar"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(200), "7-Zip"),
    ],
)
def test_an_archive_is_named_with_what_to_do(data: bytes, kind: str) -> None:
    header = header_of(data)
    assert header.status is FileStatus.ARCHIVE
    assert kind in header.detail
    assert "unpack it and index what is inside" in header.detail


def test_an_acr_nema_file_is_named() -> None:
    recognition = b"\x08\0\x10\0\x0c\0\0\0ACR-NEMA 2.0"
    header = header_of(b"\x08\0\0\0\x04\0\0\0\x14\0\0\0" + recognition + bytes(200))
    assert header.status is FileStatus.NOT_DICOM
    assert "ACR-NEMA" in header.detail


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(("preamble", "in_sequence"), [(True, True), (True, False), (False, False)])
def test_a_tail_of_zeros_is_an_interrupted_copy_and_not_walked_over(
    syntax: str, *, preamble: bool, in_sequence: bool
) -> None:
    data = written(mr_image(), syntax)[: -(4 * 6 * 2 + 12)]
    if in_sequence:
        vr = b"SQ\0\0" if syntax == ExplicitVRLittleEndian else b""
        data += b"\x29\x00\x10\x10" + vr + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    reader = CountingBytes(data[0 if preamble else 132 :] + bytes(40 << 20))
    header = read_header(reader)
    assert header.status in (FileStatus.TRUNCATED, FileStatus.UNREADABLE, FileStatus.NOT_DICOM)
    assert reader.read < 8 << 20, "bytes that were looked at"


def test_a_deflated_file_that_unpacks_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(header_module, "_LARGEST_INFLATED", 1 << 22)
    deflated_file = written(mr_image(), DeflatedExplicitVRLittleEndian)
    meta = 144 + int.from_bytes(deflated_file[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflater.compress(bytes(1 << 25)) + deflater.flush()
    header = header_of(deflated_file[:meta] + bomb)
    assert header.status is FileStatus.UNREADABLE
    assert "unpacks to more than 1 GB" in header.detail


def test_group_lengths_are_passed_over() -> None:
    data = written(mr_image())
    start = data.index(b"\x08\0\x16\0UI")
    header = header_of(data[:start] + b"\x08\0\0\0UL\x04\0\x10\0\0\0" + data[start:])
    assert header.status is FileStatus.IMAGE
    assert header.get_value(TAGS["Modality"]) == "MR"


def test_a_syntax_that_promises_vrs_which_are_not_there_is_read_as_pydicom_reads_it() -> None:
    data = written(mr_image(), ImplicitVRLittleEndian)
    wrong = data.replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1\0").replace(
        b"UI\x12\0" + b"1.2.840.10008.1.2.1\0", b"UI\x14\0" + b"1.2.840.10008.1.2.1\0"
    )
    header = header_of(wrong)
    assert header.status is FileStatus.IMAGE
    assert differences(header, pydicom.dcmread(BytesIO(wrong), stop_before_pixels=True)) == {}


def test_japanese_names_are_decoded_by_their_character_sets() -> None:
    dataset = mr_image(SpecificCharacterSet=["ISO 2022 IR 13", "ISO 2022 IR 87"])
    dataset.PatientName = "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
    value = header_of(written(dataset)).get_value(TAGS["PatientName"])
    assert str(value) == "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"


@pytest.mark.parametrize(
    ("class_uid", "status"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", FileStatus.STRUCTURED_REPORT),
        (KeyObjectSelectionDocumentStorage, FileStatus.NO_PIXELS),
        (GrayscaleSoftcopyPresentationStateStorage, FileStatus.NO_PIXELS),
        ("1.2.840.10008.5.1.4.1.1.4", FileStatus.NO_PIXELS),
        ("1.2.3.4", FileStatus.NO_PIXELS),
    ],
)
def test_a_document_without_pixels_is_told_by_its_class(class_uid: str, status: FileStatus) -> None:
    header = header_of(written(nested(SOPClassUID=class_uid, SOPInstanceUID="1.2"), pixels=False))
    assert header.status is status
    assert header.detail.endswith(".")


def test_nested_sequences_without_end_do_not_raise() -> None:
    data = written(mr_image())
    start = data.index(b"\x08\0\x16\0UI")
    bottomless = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" * 1
    header = header_of(data[:start] + bottomless * 3000)
    assert header.status in (FileStatus.TRUNCATED, FileStatus.UNREADABLE)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_flipped_bytes_never_raise(data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from(EVERY_SYNTAX))
    content = bytearray(written(mr_image(), syntax))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    header = header_of(bytes(content))
    assert (header.status is FileStatus.IMAGE) == (header.detail == "")


def test_a_user_who_set_pydicom_to_raise_does_not_stop_the_scan() -> None:
    dataset = mr_image()
    put(dataset, "InversionTime", "DS", "off")
    data = written(dataset)
    with pydicom.config.strict_reading(), silence_pydicom():
        assert header_of(data).get_value(TAGS["InversionTime"]) == "off"


def test_reading_warns_of_nothing_as_a_warning_could_show_a_name() -> None:
    data = written(mr_image(PatientName="A" * 100, PatientID="B" * 100))
    with warnings.catch_warnings(record=True) as warnings_raised, silence_pydicom():
        assert header_of(data).get_value(TAGS["PatientID"]) == "B" * 100
    assert warnings_raised == []


def test_every_real_file_has_the_values_that_pydicom_gives(real_data: Path) -> None:
    value_count = 0
    for path in sorted(real_data.rglob("*")):
        if not path.is_file() or path.name == "DICOMDIR":
            continue
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        with FileBytes(str(path)) as reader:
            assert differences(read_header(reader), dataset) == {}, path.name
        value_count += 1
    assert value_count > 150


def test_a_system_without_positioned_reads_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)))
    with path.open("rb") as stream:
        for offset, length in ((0, 4), (250, 10), (300, 1)):
            content = os.pread(stream.fileno(), length, offset)
            assert byte_reader._seek_and_read(stream.fileno(), length, offset) == content
