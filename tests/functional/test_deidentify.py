"""Identifiers that are planted are found by the check, and none is left after deidentification."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.dicom_makers import T1, T1POST, T2FS, write_series
from PIL import Image, ImageDraw
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import UID

from opp_mri.dicom.deidentify.export import deidentify_object
from opp_mri.dicom.deidentify.inspect_export import inspect_file
from opp_mri.dicom.deidentify.pixel_text import Region, may_show_text
from opp_mri.dicom.deidentify.profile import read_actions
from opp_mri.dicom.deidentify.pseudonyms import Pseudonyms, shift_date
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.exchange.deidentify import (
    DeidentifyChoice,
    deidentify,
    inspect_export,
    open_key,
)
from opp_mri.workflow.project import create_project, open_project

SECRET = b"k" * 32
NAME = "Mustermann"
NUMBER = "4711081542"
PASSPHRASE = "five words drawn at random"  # noqa: S105


def source_of(path: Path) -> SourceFile:
    return SourceFile(path=str(path), size_bytes=path.stat().st_size, modified_ns=1)


def clean(path: Path, **options: Any) -> bytes:
    return deidentify_object(source_of(path), Pseudonyms(secret=SECRET), **options).content


def save(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def found(path: Path, name: str = "1.2.3.dcm") -> list[str]:
    return [finding.place for finding in inspect_file(source_of(path), name)]


def put(keyword: str, value: Any) -> Callable[[Dataset], None]:
    def plant(dataset: Dataset) -> None:
        setattr(dataset, keyword, value)

    return plant


def put_within(*keywords: str, value: Any) -> Callable[[Dataset], None]:
    """Plant in nested sequences: the last keyword is that of the element."""

    def plant(dataset: Dataset) -> None:
        for keyword in keywords[:-1]:
            item = Dataset()
            setattr(dataset, keyword, Sequence([item]))
            dataset = item
        setattr(dataset, keywords[-1], value)

    return plant


def put_private(dataset: Dataset) -> None:
    dataset.private_block(0x0029, "HOSPITAL 1.0", create=True).add_new(0x10, "LO", NAME)


def put_private_creator(dataset: Dataset) -> None:
    dataset.private_block(0x0029, f"{NAME} 1.0", create=True).add_new(0x10, "US", 1)


def put_safe_private_with_text(dataset: Dataset) -> None:
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "LO", NAME)


def put_private_in_a_sequence(dataset: Dataset) -> None:
    item = Dataset()
    put_private(item)
    dataset.ReferencedImageSequence = Sequence([item])


def put_unknown(dataset: Dataset) -> None:
    dataset.add_new(0x00189FF1, "UN", NAME.encode())


def put_overlay(dataset: Dataset) -> None:
    dataset.add_new(0x60003000, "OW", (NAME * 4).encode())


def put_overlay_label(dataset: Dataset) -> None:
    dataset.add_new(0x60001500, "LO", NAME)


def put_curve(dataset: Dataset) -> None:
    dataset.add_new(0x50003000, "OW", (NAME * 2).encode())


def put_icon(dataset: Dataset) -> None:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated = 1, len(NAME), 8
    icon.PixelData = NAME.encode()
    dataset.IconImageSequence = Sequence([icon])


def put_behind_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData + NAME.encode()


def put_code_meaning(dataset: Dataset) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99X", NAME
    dataset.AnatomicRegionSequence = Sequence([code])


def put_meta(dataset: Dataset) -> None:
    dataset.file_meta.SourceApplicationEntityTitle = NAME.upper()


def put_preamble(dataset: Dataset) -> None:
    dataset.preamble = NAME.encode().ljust(128, b"\0")


def put_text_item(kind: str, keyword: str, value: Any) -> Callable[[Dataset], None]:
    """Plant in an item of the content of a report."""

    def plant(dataset: Dataset) -> None:
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", kind
        setattr(item, keyword, value)
        outer = Dataset()
        outer.RelationshipType, outer.ValueType = "CONTAINS", "CONTAINER"
        outer.ContentSequence = Sequence([item])
        dataset.ContentSequence = Sequence([outer])

    return plant


PLANTED: dict[str, Callable[[Dataset], None]] = {
    "patient's name": put("PatientName", f"{NAME}^Erika"),
    "patient's name in ideographs": put("PatientName", "山田^太郎"),
    "patient's name in Cyrillic": put("PatientName", "Иванов^Пётр"),
    "patient's id": put("PatientID", NUMBER),
    "other ids": put("OtherPatientIDs", NUMBER),
    "other names": put("OtherPatientNames", NAME),
    "birth date": put("PatientBirthDate", "19370414"),
    "birth name": put("PatientBirthName", NAME),
    "mother's birth name": put("PatientMotherBirthName", NAME),
    "address": put("PatientAddress", f"{NAME} Street 1"),
    "telephone": put("PatientTelephoneNumbers", NUMBER),
    "age": put("PatientAge", "087Y"),
    "occupation": put("Occupation", NAME),
    "patient's comments": put("PatientComments", NAME),
    "history": put("AdditionalPatientHistory", f"Known to Dr {NAME}"),
    "referring physician": put("ReferringPhysicianName", NAME),
    "operator": put("OperatorsName", NAME),
    "reading physician": put("NameOfPhysiciansReadingStudy", NAME),
    "accession number": put("AccessionNumber", NUMBER),
    "study id": put("StudyID", NUMBER),
    "institution": put("InstitutionName", f"{NAME} Clinic"),
    "institution's address": put("InstitutionAddress", NAME),
    "department": put("InstitutionalDepartmentName", NAME),
    "station": put("StationName", NAME.upper()),
    "serial number of the device": put("DeviceSerialNumber", NUMBER),
    "uid of the device": put("DeviceUID", UID("1.2.826.0.1.4711")),
    "study description": put("StudyDescription", f"Spine {NAME}"),
    "series description": put("SeriesDescription", f"T1 SAG {NAME}"),
    "protocol name": put("ProtocolName", f"{NAME} spine"),
    "number in a description": put("SeriesDescription", f"T1 SAG {NUMBER}"),
    "image comments": put("ImageComments", NAME),
    "derivation": put("DerivationDescription", f"for {NAME}"),
    "a defined term that is none": put("SequenceVariant", NAME.upper()),
    "study uid": put("StudyInstanceUID", UID("1.2.840.113619.4711")),
    "frame of reference": put("FrameOfReferenceUID", UID("1.2.840.113619.4712")),
    "private element": put_private,
    "private creator": put_private_creator,
    "text in a private element that may hold a number": put_safe_private_with_text,
    "private element in a sequence": put_private_in_a_sequence,
    "unknown element": put_unknown,
    "overlay": put_overlay,
    "overlay's label": put_overlay_label,
    "curve": put_curve,
    "icon": put_icon,
    "bytes behind the pixels": put_behind_pixels,
    "code meaning": put_code_meaning,
    "nested twice": put_within(
        "ReferencedImageSequence", "PurposeOfReferenceCodeSequence", "CodeMeaning", value=NAME
    ),
    "nested name": put_within("AcquisitionContextSequence", "PersonName", value=NAME),
    "requested procedure": put_within(
        "RequestAttributesSequence", "RequestedProcedureDescription", value=NAME
    ),
    "application entity": put_meta,
    "preamble": put_preamble,
    "text of a report": put_text_item("TEXT", "TextValue", f"Compared with {NAME}"),
    "person of a report": put_text_item("PNAME", "PersonName", f"{NAME}^Erika"),
    "uid of a report": put_text_item("UIDREF", "UID", UID("1.2.840.113619.4713")),
}
WORDS = (
    *(NAME, NAME.upper(), NUMBER, "19370414", "087Y", "山田", "Иванов"),
    *("1.2.826.0.1.4711", "1.2.840.113619.471"),
)
MARKERS = tuple(word.encode() for word in WORDS)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that was deidentified, and in which the check finds nothing."""
    folder = tmp_path_factory.mktemp("clean")
    (original,) = write_series(folder, T1, slices=[1], PatientID="1", PatientName="A")
    path = save(clean(original), folder / "clean.dcm")
    assert found(path) == []
    return path


def test_fifty_identifiers_are_planted() -> None:
    assert len(PLANTED) >= 50


@pytest.mark.parametrize("planted_place", PLANTED)
def test_a_planted_identifier_is_found_and_is_gone_afterwards(
    planted_place: str, image: Path, tmp_path: Path
) -> None:
    dataset = dcmread(image)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    PLANTED[planted_place](dataset)
    planted_file = tmp_path / "1.2.3.dcm"
    dataset.save_as(planted_file, enforce_file_format=True)
    assert any(marker in planted_file.read_bytes() for marker in MARKERS), "nothing was planted"
    assert found(planted_file), "the check does not find it"
    content = clean(planted_file)
    assert [marker for marker in MARKERS if marker in content] == []
    assert found(save(content, tmp_path / "1.2.4.dcm")) == []


def letters(shape: tuple[int, int] = (128, 128)) -> Any:
    noise = np.random.default_rng(1).integers(0, 800, shape).astype(np.uint16)
    picture = Image.new("L", shape[::-1])
    ImageDraw.Draw(picture).text((6, 6), f"{NAME} E 1937", fill=255)
    noise[np.array(picture) > 128] = 4095
    return noise


def with_pixels(image: Path, path: Path, pixels: Any, **values: Any) -> Path:
    dataset = dcmread(image)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_text_in_pixels_is_found_and_refused_or_blanked(image: Path, tmp_path: Path) -> None:
    planted_file = with_pixels(image, tmp_path / "1.2.3.dcm", letters())
    assert "pixels" in found(planted_file)
    with pytest.raises(InputError, match="seem to show text"):
        clean(planted_file)
    region = Region(column=0, row=0, width=128, height=24)
    content = clean(planted_file, regions=[region])
    pixels = dcmread(BytesIO(content)).pixel_array
    assert not may_show_text(pixels)
    assert np.array_equal(pixels[24:], letters()[24:])


@pytest.mark.parametrize(
    "values",
    [
        {"BurnedInAnnotation": "YES"},
        {"SOPClassUID": UID("1.2.840.10008.5.1.4.1.1.7"), "BurnedInAnnotation": None},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "BurnedInAnnotation": None},
    ],
)
def test_an_image_that_may_show_a_name_is_found_and_refused(
    values: dict[str, Any], image: Path, tmp_path: Path
) -> None:
    flat = np.zeros((32, 32), np.uint16)
    planted_file = with_pixels(image, tmp_path / "1.2.3.dcm", flat, **values)
    assert "pixels" in found(planted_file)
    with pytest.raises(InputError, match="--blank"):
        clean(planted_file)


def test_a_name_of_a_file_is_found(image: Path) -> None:
    assert found(image, f"{NAME}/1.2.3.dcm") == ["file name"]


def test_a_file_that_is_not_dicom_is_found(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(NAME)
    assert "file" in found(notes, "notes.txt")


def test_dates_are_found_where_the_header_does_not_state_that_they_were_shifted(
    image: Path, tmp_path: Path
) -> None:
    dataset = dcmread(image)
    del dataset.LongitudinalTemporalInformationModified
    dataset.StudyDate = "20240115"
    dataset.save_as(tmp_path / "1.2.3.dcm")
    assert "StudyDate" in found(tmp_path / "1.2.3.dcm")


@pytest.mark.parametrize("clock_text", ["20240115", "20240115103000.123456", "20240115103000+0100"])
def test_a_shift_keeps_the_time_of_day(clock_text: str) -> None:
    shift = Pseudonyms(secret=SECRET).shift_of("1")
    assert shift_date(clock_text, shift)[8:] == clock_text[8:]
    assert shift_date(clock_text, shift)[:8] != "20240115"


def test_the_table_is_that_of_the_standard() -> None:
    actions = read_actions()
    assert len(actions) > 600
    assert actions[0x00100010] == "Z"  # PatientName
    assert actions[0x00080080].startswith("X")  # InstitutionName
    assert actions[0x0020000D] == "U"  # StudyInstanceUID


def write_patient(folder: Path) -> Path:
    """Write two visits of a patient, 30 days apart, with a T1 before and after contrast."""
    for number, day in enumerate(("20240115", "20240214")):
        for header in (T1, T2FS, T1POST):
            write_series(
                folder / NAME / day, header, study=str(number + 1), seed=number,
                PatientID=NUMBER, PatientName=f"{NAME}^Erika", StudyDate=day, AcquisitionDate=day,
                StudyDescription=f"Spine of {NAME}", FrameOfReferenceUID=f"1.2.9.{number}",
            )  # fmt: skip
    (folder / "letter.pdf").write_bytes(b"%PDF " + NAME.encode())
    return folder


def test_an_export_keeps_days_roles_and_links_and_no_identity(tmp_path: Path) -> None:
    source, export = write_patient(tmp_path / "in"), tmp_path / "export"
    summary = deidentify([source], export, SECRET, DeidentifyChoice())
    assert summary.objects == 24
    assert [Path(file_left_out.file_name).name for file_left_out in summary.left_out] == [
        "letter.pdf"
    ]
    number, findings = inspect_export(export)
    assert (number, findings) == (25, ())
    for path in export.rglob("*"):
        if path.is_file():
            assert NAME.encode() not in path.read_bytes()
            assert NAME not in str(path.relative_to(export))
    entries = []
    for place in (source, export):
        create_project(tmp_path / f"project-{place.name}")
        with open_project(tmp_path / f"project-{place.name}") as project:
            index(project, [place], workers=1)
            entries.append(project.store.get_volumes())
    before, after = ([(v.role, v.selected, len(v.frames)) for v in volumes] for volumes in entries)
    assert sorted(before, key=str) == sorted(after, key=str)
    days = sorted({volume.study_date for volume in entries[1] if volume.study_date})
    assert (days[1] - days[0]).days == 30
    assert len({volume.patient_id for volume in entries[1]}) == 1


def test_the_same_key_gives_the_same_pseudonyms_and_another_does_not(tmp_path: Path) -> None:
    source = write_patient(tmp_path / "in")
    names = []
    for number, secret in enumerate((SECRET, SECRET, b"z" * 32)):
        deidentify([source], tmp_path / str(number), secret, DeidentifyChoice())
        names.append({str(p.relative_to(tmp_path / str(number))) for p in
                      (tmp_path / str(number)).rglob("*.dcm")})  # fmt: skip
    assert names[0] == names[1]
    assert not names[0] & names[2]


def test_a_key_file_opens_with_its_passphrase_only_and_holds_no_plain_secret(
    tmp_path: Path,
) -> None:
    secret = open_key(tmp_path / "study.key", PASSPHRASE)
    assert open_key(tmp_path / "study.key", PASSPHRASE) == secret
    assert secret.hex().encode() not in (tmp_path / "study.key").read_bytes()
    with pytest.raises(InputError, match="passphrase is wrong"):
        open_key(tmp_path / "study.key", "another passphrase")


def test_the_real_spine_is_clean(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "mapconcierge+taichi2018Jan_mri05tesla_wakasa"
    summary = deidentify([source / "DCMDT"], tmp_path / "export", SECRET, DeidentifyChoice())
    assert summary.objects > 10
    assert inspect_export(tmp_path / "export")[1] == ()


def test_the_command_line_deidentifies_and_checks(
    tmp_path: Path, opp_mri: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPP_MRI_PASSPHRASE", PASSPHRASE)
    source = write_patient(tmp_path / "in")
    key = tmp_path / "study.key"
    result = opp_mri("deidentify", source, tmp_path / "export", "--key", key)
    assert "24 objects" in result.out
    assert NAME not in result.out
    assert "nothing in them could identify" in opp_mri(
        "deidentify", "--check", tmp_path / "export"
    ).out  # fmt: skip
    summary = opp_mri("deidentify", "--check", source, "--json", expect=3)
    assert len(json.loads(summary.out)["findings"]) > 24
