"""Images without identity: what passes, and what an image says of itself afterwards."""

from pathlib import Path

import pytest
from fixtures.dicom_makers import T1, write_enhanced, write_series
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from opp_mri.dicom.deidentify import ALLOWED, TERMS, deidentified, uid_replacer, write_deidentified
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

SECRET = b"known to the project alone"


def source(path: Path) -> SourceFile:
    return SourceFile(path=str(path), member="", size_bytes=path.stat().st_size, modified_ns=0)


def cleaned(path: Path, folder: Path) -> Dataset:
    made = folder / "clean.dcm"
    write_deidentified(
        source(path), made, new_uid=uid_replacer(SECRET, "CASE-001"),
        header={"PatientID": "CASE-001", "StudyDate": "20000101"},
    )  # fmt: skip
    return dcmread(made)


@pytest.mark.parametrize("enhanced", [False, True])
def test_pixels_and_geometry_stay_to_the_bit(tmp_path: Path, *, enhanced: bool) -> None:
    if enhanced:
        path = write_enhanced(tmp_path / "in.dcm", {"1": [0.0, 4.0, 8.0], "2": [1.0, 5.0]})
    else:
        path = write_series(tmp_path / "in", T1)[0]
    before, after = dcmread(path), cleaned(path, tmp_path)
    assert after.PixelData == before.PixelData
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"):
        assert after.get(keyword) == before.get(keyword)
    if "PerFrameFunctionalGroupsSequence" in before:
        assert [
            one.PlanePositionSequence[0].ImagePositionPatient
            for one in after.PerFrameFunctionalGroupsSequence
        ] == [
            one.PlanePositionSequence[0].ImagePositionPatient
            for one in before.PerFrameFunctionalGroupsSequence
        ]


def test_all_that_passes_is_on_the_list_and_what_is_said_instead_stands(tmp_path: Path) -> None:
    after = cleaned(write_series(tmp_path / "in", T1)[0], tmp_path)
    uids = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
    assert {one.keyword for one in after} <= ALLOWED | uids | {"PatientID", "StudyDate"}
    assert after.PatientID == "CASE-001"
    assert "SeriesDescription" not in after


def test_text_burned_into_an_image_keeps_it_back(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in", T1 | {"BurnedInAnnotation": "YES"})[0]
    with pytest.raises(InputError, match="burned into the image"):
        cleaned(path, tmp_path)
    assert not (tmp_path / "clean.dcm").exists()


@given(uid=st.from_regex(r"[1-9][0-9.]{5,40}[1-9]", fullmatch=True))
def test_a_new_uid_is_the_same_again_and_another_for_each_case_and_secret(uid: str) -> None:
    new = uid_replacer(SECRET, "CASE-001")(uid)
    assert new == uid_replacer(SECRET, "CASE-001")(uid)
    assert new.startswith("2.25.")
    assert len(new) <= 64
    assert uid not in new
    assert (
        len({new, uid_replacer(SECRET, "CASE-002")(uid), uid_replacer(b"x", "CASE-001")(uid)}) == 3
    )


@given(
    words=st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=3, max_size=16)
)
def test_a_code_says_only_known_terms(words: str) -> None:
    dataset = Dataset()
    dataset.ImageType = ["ORIGINAL", words]
    kept = deidentified(dataset, str).get("ImageType")
    assert set([kept] if isinstance(kept, str) else kept) <= TERMS
