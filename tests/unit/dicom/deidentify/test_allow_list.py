"""Images without identity: what passes, and what an image says of itself afterwards."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.dicom_makers import T1, write_enhanced, write_series
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from opp_mri.dicom.deidentify.allow_list import ALLOWED, TERMS, keep_allowed, write_deidentified
from opp_mri.dicom.deidentify.disguise import Disguise, Trim
from opp_mri.dicom.deidentify.engine import build_uid_replacer
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

SECRET = b"known to the project alone"
PLAIN = Disguise(
    trim=Trim(), scale=1.0, rotation=np.eye(3), shift_lps_mm=(0.0, 0.0, 0.0), noise_seed=1,
    noise_share=0.0,
)  # fmt: skip


def source(path: Path) -> SourceFile:
    return SourceFile(path=str(path), member="", size_bytes=path.stat().st_size, modified_ns=0)


def cleaned(path: Path, folder: Path, disguise: Disguise = PLAIN) -> Dataset:
    clean_path = folder / "clean.dcm"
    write_deidentified(
        source(path), clean_path, new_uid=build_uid_replacer(SECRET, "CASE-001"), disguise=disguise,
        header={"PatientID": "CASE-001", "StudyDate": "20000101", "InstanceNumber": 1},
    )  # fmt: skip
    return dcmread(clean_path)


@pytest.mark.parametrize("is_enhanced", [False, True])
def test_without_a_disguise_values_and_geometry_stay(tmp_path: Path, *, is_enhanced: bool) -> None:
    if is_enhanced:
        path = write_enhanced(tmp_path / "in.dcm", {"1": [0.0, 4.0, 8.0], "2": [1.0, 5.0]})
    else:
        path = write_series(tmp_path / "in", T1)[0]
    before, after = dcmread(path), cleaned(path, tmp_path)
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"):
        assert after.get(keyword) == before.get(keyword)
    if "PerFrameFunctionalGroupsSequence" in before:
        assert [
            frame.PlanePositionSequence[0].ImagePositionPatient
            for frame in after.PerFrameFunctionalGroupsSequence
        ] == [
            frame.PlanePositionSequence[0].ImagePositionPatient
            for frame in before.PerFrameFunctionalGroupsSequence
        ]


MARK = b"MUSTERMANN"


def marked(path: Path, how: str) -> Path:
    """Hide a name where no viewer shows it."""
    dataset = dcmread(path)
    if how == "bits above BitsStored":
        dataset.BitsStored, dataset.HighBit = 12, 11
        pixels = np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF
        hidden = np.frombuffer(b"".join(bytes([c >> 4, c & 15]) for c in MARK), np.uint8)
        pixels = pixels.copy()
        pixels[: hidden.size] |= hidden.astype("<u2") << 12
        dataset.PixelData = pixels.tobytes()
    elif how == "bytes after the pixels":
        dataset.PixelData += MARK
    elif how == "bytes after the run-length code":
        dataset.compress(RLELossless)
        (fragment,) = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([fragment + MARK])
    elif how == "a comment in JPEG 2000":
        dataset.Rows = dataset.Columns = 64  # the codec wants more pixels than others do
        dataset.PixelData = np.arange(64 * 64, dtype="<u2").tobytes()
        dataset.compress(JPEG2000Lossless)
        (fragment,) = generate_frames(dataset.PixelData, number_of_frames=1)
        size = fragment.index(b"\xff\x52")  # before the coding style: a COM segment
        comment = b"\xff\x64" + (len(MARK) + 4).to_bytes(2, "big") + b"\x00\x01" + MARK
        dataset.PixelData = encapsulate([fragment[:size] + comment + fragment[size:]])
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    "how",
    [
        "bits above BitsStored",
        "bytes after the pixels",
        "bytes after the run-length code",
        "a comment in JPEG 2000",
    ],
)
def test_nothing_passes_with_the_pixels(tmp_path: Path, how: str) -> None:
    path = marked(write_series(tmp_path / "in", T1)[0], how)
    clean = cleaned(path, tmp_path)
    content = (tmp_path / "clean.dcm").read_bytes()
    assert MARK not in content
    assert int(clean.pixel_array.max()) < 1 << clean.BitsStored
    assert len(clean.PixelData) == clean.Rows * clean.Columns * 2


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("InstanceNumber", 20180107),
        ("AcquisitionNumber", 20180107),
        ("WindowCenter", 20180107.0),
        ("WindowWidth", 20180107.0),
        ("RescaleIntercept", 20180107.0),
        ("EchoTrainLength", 20180107),
        ("TemporalPositionIdentifier", 20180107),
        ("TriggerTime", 20180107.0),
    ],
)
def test_a_number_that_could_be_a_date_does_not_pass(
    tmp_path: Path, keyword: str, value: float
) -> None:
    path = write_series(tmp_path / "in", T1 | {keyword: value})[0]
    after = cleaned(path, tmp_path)
    assert after.get(keyword) in (None, 1)


def test_all_that_passes_is_on_the_list_and_what_is_said_instead_stands(tmp_path: Path) -> None:
    after = cleaned(write_series(tmp_path / "in", T1)[0], tmp_path)
    uids = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
    image = {"Rows", "Columns", "BitsAllocated", "HighBit", "SamplesPerPixel", "PixelData"}
    header = {"PatientID", "StudyDate", "InstanceNumber"}
    assert {element.keyword for element in after} <= ALLOWED | uids | image | header
    assert after.PatientID == "CASE-001"
    assert "SeriesDescription" not in after


def test_text_burned_into_an_image_keeps_it_back(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in", T1 | {"BurnedInAnnotation": "YES"})[0]
    with pytest.raises(InputError, match="burned into the image"):
        cleaned(path, tmp_path)
    assert not (tmp_path / "clean.dcm").exists()


@given(uid=st.from_regex(r"[1-9][0-9.]{5,40}[1-9]", fullmatch=True))
def test_a_new_uid_is_the_same_again_and_another_for_each_case_and_secret(uid: str) -> None:
    new = build_uid_replacer(SECRET, "CASE-001")(uid)
    assert new == build_uid_replacer(SECRET, "CASE-001")(uid)
    assert new.startswith("2.25.")
    assert len(new) <= 64
    assert uid not in new
    assert (
        len(
            {
                new,
                build_uid_replacer(SECRET, "CASE-002")(uid),
                build_uid_replacer(b"x", "CASE-001")(uid),
            }
        )
        == 3
    )


@given(
    words=st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=3, max_size=16)
)
def test_a_code_says_only_known_terms(words: str) -> None:
    dataset = Dataset()
    dataset.ImageType = ["ORIGINAL", words]
    image_type = keep_allowed(dataset, str).get("ImageType")
    assert set([image_type] if isinstance(image_type, str) else image_type) <= TERMS
