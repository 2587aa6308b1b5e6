"""Stored values are the same whatever the coding, and what cannot be read says so."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RLELossless,
)

from opp_mri.dicom.headers.byte_reader import MemoryBytes
from opp_mri.dicom.headers.template import Templates
from opp_mri.dicom.pixels import (
    compute_pixel_hash,
    decode_frames,
    decode_plain_frames,
    explain_not_decodable,
    read_frames,
)
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

RAMP = np.arange(64 * 56, dtype=np.int16).reshape(64, 56)  # fits 12 bits


def image(values: NDArray[np.integer], bits_stored: int = 16) -> Dataset:
    """An image of one frame, or of several where there are three axes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    *frames, dataset.Rows, dataset.Columns = values.shape
    if frames:
        dataset.NumberOfFrames = frames[0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = bits_stored
    dataset.HighBit = bits_stored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return dataset


def saved(dataset: Dataset, folder: Path, name: str = "image") -> SourceFile:
    path = folder / name
    dcmwrite(path, dataset, enforce_file_format=True)
    return source_of(path)


def source_of(path: Path) -> SourceFile:
    return SourceFile(path=str(path), size_bytes=path.stat().st_size, modified_ns=0)


def rescale(slope: float, intercept: float) -> Dataset:
    item = Dataset()
    item.RescaleSlope, item.RescaleIntercept = slope, intercept
    group = Dataset()
    group.PixelValueTransformationSequence = Sequence([item])
    return group


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_signed_and_unsigned_values_come_back(dtype: type, tmp_path: Path) -> None:
    values = np.array([[0, 1], [np.iinfo(dtype).min, np.iinfo(dtype).max]], dtype=dtype)
    (frame,) = read_frames(saved(image(values), tmp_path), [1])
    assert frame.stored.dtype == dtype
    np.testing.assert_array_equal(frame.stored, values)
    assert (frame.slope, frame.intercept, frame.inverted) == (1.0, 0.0, False)


def test_every_coding_of_an_image_has_its_values_and_its_hash(tmp_path: Path) -> None:
    plain = image(RAMP)
    sources = {"plain": saved(plain, tmp_path, "plain")}
    for name, syntax in (("rle", RLELossless), ("j2k", JPEG2000Lossless)):
        encoded_image = image(RAMP)
        encoded_image.compress(syntax)
        sources[name] = saved(encoded_image, tmp_path, name)
    implicit = image(RAMP)
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    sources["implicit"] = saved(implicit, tmp_path, "implicit")
    big = image(RAMP)
    big.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    big.PixelData = RAMP.astype(">i2").tobytes()
    big["PixelData"].VR = "OW"
    sources["big"] = saved(big, tmp_path, "big")
    for source in sources.values():
        np.testing.assert_array_equal(read_frames(source, [1])[0].stored, RAMP)
    assert len({compute_pixel_hash(source, 1) for source in sources.values()}) == 1


def test_the_hash_leaves_rescale_out_and_keeps_shape_and_values_in(tmp_path: Path) -> None:
    rescaled_image = image(RAMP)
    rescaled_image.RescaleSlope, rescaled_image.RescaleIntercept = "2", "-7"
    original = compute_pixel_hash(saved(image(RAMP), tmp_path, "a"), 1)
    assert len(original) == 64
    assert compute_pixel_hash(saved(rescaled_image, tmp_path, "b"), 1) == original
    assert compute_pixel_hash(saved(image(RAMP.astype(np.uint16)), tmp_path, "c"), 1) == original
    assert compute_pixel_hash(saved(image(RAMP.reshape(56, 64)), tmp_path, "d"), 1) != original
    changed_pixels = RAMP.copy()
    changed_pixels[63, 55] += 1
    assert compute_pixel_hash(saved(image(changed_pixels), tmp_path, "e"), 1) != original


def test_bits_of_an_overlay_above_the_stored_bits_are_removed(tmp_path: Path) -> None:
    with_overlay = (RAMP.astype(np.uint16) & 0x0FFF) | np.uint16(0x1000)
    (frame,) = read_frames(saved(image(with_overlay, bits_stored=12), tmp_path), [1])
    np.testing.assert_array_equal(frame.stored, RAMP)


def test_a_negative_value_of_twelve_bits_keeps_its_sign_however_it_is_padded(
    tmp_path: Path,
) -> None:
    padded_values = np.array([[0x0FFF, -1, 0x0800, 5]], dtype=np.int16)
    (frame,) = read_frames(saved(image(padded_values, bits_stored=12), tmp_path), [1])
    assert frame.stored.tolist() == [[-1, -1, -2048, 5]]


def test_frames_come_in_the_order_asked_for_each_with_its_own_rescale(tmp_path: Path) -> None:
    dataset = image(np.stack([RAMP, RAMP + 1, RAMP + 2]))
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [rescale(2.0, 1.0), rescale(3.0, 1.0), Dataset()]
    )
    dataset.SharedFunctionalGroupsSequence = Sequence([rescale(5.0, -4.0)])
    dataset.RescaleSlope, dataset.RescaleIntercept = "9", "9"
    frames = read_frames(saved(dataset, tmp_path), [3, 1, 2])
    assert [int(f.stored[0, 0]) for f in frames] == [2, 0, 1]
    assert [(f.slope, f.intercept) for f in frames] == [(5.0, -4.0), (2.0, 1.0), (3.0, 1.0)]


def test_frames_of_a_compressed_instance_can_be_read_one_by_one(tmp_path: Path) -> None:
    dataset = image(np.stack([RAMP, RAMP + 1, RAMP + 2]))
    dataset.compress(RLELossless)
    frames = read_frames(saved(dataset, tmp_path), [3, 1])
    assert [int(f.stored[0, 0]) for f in frames] == [2, 0]


def test_an_inverted_image_is_left_as_stored_and_says_so(tmp_path: Path) -> None:
    dataset = image(RAMP)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    (frame,) = read_frames(saved(dataset, tmp_path), [1])
    assert frame.inverted
    np.testing.assert_array_equal(frame.stored, RAMP)


def test_a_slope_of_zero_does_not_blank_the_image(tmp_path: Path) -> None:
    dataset = image(RAMP)
    dataset.RescaleSlope, dataset.RescaleIntercept = "0", "0"
    (frame,) = read_frames(saved(dataset, tmp_path), [1])
    assert frame.slope == 1.0


def test_a_member_of_a_zip_archive_is_read_in_place(tmp_path: Path) -> None:
    plain = saved(image(RAMP), tmp_path, "plain")
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.write(plain.path, "study/plain")
    member = SourceFile(path=str(archive), member="study/plain", size_bytes=1, modified_ns=0)
    assert compute_pixel_hash(member, 1) == compute_pixel_hash(plain, 1)


def test_a_file_without_a_meta_header_is_read(tmp_path: Path) -> None:
    bare = image(RAMP)
    del bare.file_meta
    path = tmp_path / "bare"
    dcmwrite(path, bare, implicit_vr=True, little_endian=True)
    np.testing.assert_array_equal(read_frames(source_of(path), [1])[0].stored, RAMP)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_cut_off_pixels_are_told_with_what_to_do(syntax: str | None, tmp_path: Path) -> None:
    dataset = image(RAMP)
    if syntax:
        dataset.compress(syntax)
    source = saved(dataset, tmp_path)
    whole = Path(source.path).read_bytes()
    Path(source.path).write_bytes(whole[:-200])
    with pytest.raises(InputError, match=r"cannot be read .* index again"):
        read_frames(source, [1])


def test_a_file_without_pixels_says_so(tmp_path: Path) -> None:
    dataset = image(RAMP)
    del dataset.PixelData
    with pytest.raises(InputError, match="holds no pixels"):
        read_frames(saved(dataset, tmp_path), [1])


def test_a_frame_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a frame 2"):
        read_frames(saved(image(RAMP), tmp_path), [1, 2])


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    source = SourceFile(path=str(tmp_path / "gone"), size_bytes=1, modified_ns=0)
    with pytest.raises(InputError, match="gone"):
        read_frames(source, [1])


def test_a_real_image_in_seven_transfer_syntaxes_has_one_hash(real_data: Path) -> None:
    files = sorted((real_data / "neurolabusc+dcm_qa_ts" / "In").glob("*.dcm"))
    syntaxes = {str(dcmread(f, stop_before_pixels=True).file_meta.TransferSyntaxUID) for f in files}
    assert len(syntaxes) >= 7
    assert len({compute_pixel_hash(source_of(f), 1) for f in files}) == 1


def test_lossless_copies_of_a_real_series_have_one_hash_for_each_slice(real_data: Path) -> None:
    folder = real_data / "icometrix+dicom2nifti" / "tests" / "data" / "generic"
    hashes: dict[str, set[str]] = {}
    for file in folder.glob("compressed*/001/*.dcm"):
        hashes.setdefault(file.name, set()).add(compute_pixel_hash(source_of(file), 1))
    assert len(hashes) == 4
    assert all(len(names) == 1 for names in hashes.values())


def test_the_private_syntax_of_ge_is_read_with_its_big_endian_pixels(tmp_path: Path) -> None:
    dataset = image(RAMP.byteswap().view(RAMP.dtype))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    source = saved(dataset, tmp_path)
    path = Path(source.path)
    plain, private = b"1.2.840.10008.1.2\0", b"1.2.840.113619.5.2"
    path.write_bytes(path.read_bytes().replace(plain, private))
    (frame,) = read_frames(source_of(path), [1])
    np.testing.assert_array_equal(frame.stored, RAMP)


@pytest.mark.parametrize(
    ("syntax", "decodable"),
    [
        *((syntax, True) for syntax in ("", ImplicitVRLittleEndian, ExplicitVRBigEndian)),
        *((syntax, True) for syntax in (JPEG2000Lossless, RLELossless, "1.2.840.113619.5.2")),
        *((syntax, False) for syntax in ("1.2.840.10008.1.2.4.100", "1.2.3.4.5")),
    ],
)
def test_what_cannot_be_decoded_is_known_by_its_syntax(syntax: str, *, decodable: bool) -> None:
    reason = explain_not_decodable(syntax)
    assert (reason == "") is decodable
    assert decodable or "cannot be decoded here" in reason


def read_by_pydicom(path: Path) -> NDArray[np.generic]:
    return dcmread(path, force=True).pixel_array


def test_uncompressed_pixels_are_read_into_the_array_that_is_given_for_them(tmp_path: Path) -> None:
    source = saved(image(np.stack([RAMP, RAMP + 1])), tmp_path)
    block = np.zeros((2, *RAMP.shape), dtype=np.uint16)
    frames = read_frames(source, [2, 1], list(block))
    np.testing.assert_array_equal(block, np.stack([RAMP + 1, RAMP]))
    assert all(np.shares_memory(f.stored, b) for f, b in zip(frames, block, strict=True))


def test_an_array_of_another_shape_is_left_alone(tmp_path: Path) -> None:
    block = np.zeros((56, 64), dtype=np.uint16)
    (frame,) = read_frames(saved(image(RAMP), tmp_path), [1], [block])
    assert not block.any()
    np.testing.assert_array_equal(frame.stored, RAMP)


def test_headers_like_the_last_one_are_not_taken_for_it(tmp_path: Path) -> None:
    templates = Templates()
    for number in range(6):
        dataset = image(RAMP + number, bits_stored=16 - number % 2)
        dataset.SOPInstanceUID = "1.2.3." + "4" * (number + 1)
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + number % 3), "-1" + "0" * number
        (frame,) = read_frames(saved(dataset, tmp_path), [1], templates=templates)
        np.testing.assert_array_equal(frame.stored, RAMP + number)
        assert frame.sop_instance_uid == dataset.SOPInstanceUID
        assert (frame.slope, frame.intercept) == (1 + number % 3, -(10.0**number))


def test_a_file_with_a_changed_byte_gives_the_pixels_that_pydicom_gives(tmp_path: Path) -> None:
    """Of every byte of a header: read straight or not, no other image comes out of it."""
    values = np.arange(6, dtype=np.int16).reshape(2, 3)
    dataset = image(np.stack([values, values + 7]), bits_stored=12)
    dataset.PerFrameFunctionalGroupsSequence = Sequence([rescale(2.0, 1.0), rescale(3.0, 1.0)])
    path = Path(saved(dataset, tmp_path).path)
    whole = path.read_bytes()
    straight = 0
    for place in range(128, len(whole), 3):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        reader = MemoryBytes(bytes(content))
        path.write_bytes(content)
        try:
            frames = decode_plain_frames(reader, [2], (), Templates())
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                decode_frames(source_of(path), [2])
            continue
        if isinstance(frames, str):
            continue
        straight += 1
        (by_pydicom,) = decode_frames(source_of(path), [2])
        np.testing.assert_array_equal(frames[0].stored, by_pydicom.stored)
        names = ("sop_instance_uid", "slope", "intercept", "inverted", "largest")
        assert [getattr(frames[0], n) for n in names] == [getattr(by_pydicom, n) for n in names]
    assert straight > 50


@pytest.mark.parametrize(
    ("keyword", "value", "length"),
    [("BitsAllocated", 32, 4), ("SamplesPerPixel", 3, 6), ("BitsAllocated", 16, 2)],
)
def test_pixels_of_every_size_are_those_of_pydicom(
    keyword: str, value: int, length: int, tmp_path: Path
) -> None:
    dataset = image(RAMP.astype(np.uint16))
    setattr(dataset, keyword, value)
    dataset.PlanarConfiguration = 0
    dataset.BitsStored = dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    if value == 3:
        dataset.PhotometricInterpretation = "RGB"
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        length = 3
    dataset.PixelData = bytes(range(256)) * (64 * 56 * length // 256)
    source = saved(dataset, tmp_path)
    (frame,) = read_frames(source, [1])
    np.testing.assert_array_equal(frame.stored, read_by_pydicom(Path(source.path)))


def test_padding_after_the_pixels_does_not_matter_but_further_elements_are_read(
    tmp_path: Path,
) -> None:
    dataset = image(RAMP)
    dataset.DataSetTrailingPadding = bytes(40)
    (frame,) = read_frames(saved(dataset, tmp_path), [1])
    np.testing.assert_array_equal(frame.stored, RAMP)
    plain = saved(image(RAMP), tmp_path)
    rescaled_again = bytes.fromhex("28005310") + b"DS" + (2).to_bytes(2, "little") + b"4 "
    path = Path(plain.path)
    path.write_bytes(path.read_bytes() + rescaled_again)  # out of order: the last one counts
    (frame,) = read_frames(source_of(path), [1])
    assert frame.slope == 4
