"""What a reader gets holds nothing of other readers, and nothing that names the patient.

Every byte of the package is searched: images, store, settings, whatever lies next to them. Each
marker below is planted in the project or in the headers of its images and must not come through.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from fixtures.contour_makers import draw_and_sign
from fixtures.two_reads import read_package, true_lines
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.sequence import Sequence
from pydicom.uid import UID

from opp_mri.dicom.deidentify.allow_list import ALLOWED
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.protocol import EXAMPLE, declare_protocol
from opp_mri.workflow.project import open_project
from opp_mri.workflow.reading_room.room import load_images, open_patient
from opp_mri.workflow.reading_room.worklist import build_worklist

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXT = "Mustermann"  # planted in every attribute that can hold it
DAY = "19370414"
CLOCK = "071359.421"
UID_ROOT = "1.2.826.0.1.3680043.10.424242"
CODE = "MUSTERMANN"
AGE = "087Y"
LENGTH = "47.138291"  # what the other reader measured
CORNER = "42.875"  # a column of what the other reader drew

PLANTED: dict[str, str] = {
    **dict.fromkeys(("LO", "SH", "PN", "ST", "LT", "UT", "UC", "UR"), TEXT),
    **dict.fromkeys(("DA",), DAY),
    **dict.fromkeys(("TM",), CLOCK),
    "DT": DAY + CLOCK,
    "CS": CODE,
    "AE": CODE,
    "AS": AGE,
}
KEPT_AS_THEY_ARE = {  # a changed value would make another image of it, or none
    *("SpecificCharacterSet", "PhotometricInterpretation", "Modality", "SOPClassUID"),
    *("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("TransferSyntaxUID", "BurnedInAnnotation", "PatientID", "StudyDate"),
    *("RetrieveAETitle", "DimensionOrganizationType", "ImplementationVersionName"),
    # with these an image would have no certain role, and would stay behind as a whole
    *("ComplexImageComponent", "DerivationDescription", "ContrastBolusAgent"),
    *("ContrastBolusStartTime", "ContrastBolusStopTime"),
}


def planted() -> Dataset:
    """Return every attribute of the dictionary that can hold a marker, with it."""
    dataset = Dataset()
    for keyword, tag in keyword_dict.items():
        if keyword and keyword not in KEPT_AS_THEY_ARE and tag >> 16 > 0x0004:
            kind = dictionary_VR(keyword)
            if kind in PLANTED:
                setattr(dataset, keyword, PLANTED[kind])
    return dataset


def plant(dataset: Dataset, every_element: Dataset) -> list[str]:
    """Plant markers in everything of a header that can hold one; gives the UIDs to look for."""
    dataset.update(every_element)  # the whole dictionary, or of most files a part, to save minutes
    private = dataset.private_block(0x0029, "MUSTERMANN 1.0", create=True)
    private.add_new(0x10, "LO", TEXT)
    within = Dataset()
    within.PatientName = TEXT
    within.ContrastBolusAgent = TEXT
    within.DerivationDescription = TEXT
    within.ReferencedSOPInstanceUID = UID(UID_ROOT + ".9")
    dataset.ReferencedStudySequence = Sequence([within])
    dataset.OtherPatientIDsSequence = Sequence([within])
    thumbnail = Dataset()  # its pixels would show the name
    thumbnail.Rows, thumbnail.Columns, thumbnail.BitsAllocated = 1, len(TEXT), 8
    thumbnail.PixelData = TEXT.encode()
    dataset.IconImageSequence = Sequence([thumbnail])
    dataset.add_new(0x60003000, "OW", TEXT.encode())
    dataset.PatientName = f"{TEXT}^Erika"
    for number, keyword in enumerate(
        ("DeviceUID", "SynchronizationFrameOfReferenceUID", "InstanceCreatorUID"), 1
    ):
        setattr(dataset, keyword, UID(f"{UID_ROOT}.{number}"))
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(groups, []):
            group.add_new(0x00291010, "LO", TEXT)
            for content in group.get("FrameContentSequence", []):
                content.FrameComments = TEXT
                content.FrameLabel = TEXT
    return [
        str(dataset[keyword].value)
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
                    "FrameOfReferenceUID")
    ]  # fmt: skip


def is_t1(dataset: Dataset) -> bool:
    """Return whether an image is of the T1 series: a series is planted as a whole, or its slices
    would differ and it would have no role.
    """
    return str(dataset.SeriesDescription).lower() in ("t1_tse_sag", "t1w_tse sag")


def first_two_days(folder: Path) -> dict[str, list[str]]:
    days: dict[str, set[str]] = defaultdict(set)
    for path in folder.rglob("*"):
        if path.is_file():
            header = pydicom.dcmread(path, specific_tags=["PatientID", "StudyDate"])
            days[str(header.PatientID)].add(str(header.StudyDate))
    return {patient: sorted(day)[:2] for patient, day in days.items()}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, opp_mri: Callable[..., Any]) -> Any:
    """A project with planted markers; the first reader's answers and an outsider's are in it."""
    folder = tmp_path_factory.mktemp("leaks")
    cohort = write_phantom(folder / "c", patients=["PHANTOM-01", "PHANTOM-08"], coarse=True,
                           workers=1)  # fmt: skip
    days_by_patient = first_two_days(cohort.dicom)
    every_element = planted()
    assert len(every_element) > 1000
    uids: set[str] = set()
    days: set[str] = set()
    for path in sorted(cohort.dicom.rglob("*")):
        if path.is_file():
            dataset = pydicom.dcmread(path)
            if str(dataset.StudyDate) not in days_by_patient[str(dataset.PatientID)]:
                path.unlink()  # two time points of each are enough
                continue
            days.add(str(dataset.StudyDate))
            uids.update(plant(dataset, every_element if is_t1(dataset) else Dataset()))
            dataset.save_as(path)
    project = folder / "p"
    opp_mri("init", project)
    opp_mri("index", cohort.dicom, "--project", project)
    opp_mri("lesion", "add", "--table", cohort.lesions, "--project", project)
    opp_mri("lesion", "event", cohort.events, "--project", project)
    outsider = folder / "outsider.csv"
    outsider.write_text(
        "lesion_id,reader,sequence,study_date,length_mm\n"
        f"OPP-01,Outsider-Reader,T1,2020-03-01,{LENGTH}\n"
    )
    opp_mri("measure", outsider, "--project", project)
    protocol = folder / "protocol.toml"
    protocol.write_text(
        EXAMPLE.replace("reader-1", "Reader-Alpha").replace("reader-2", "Reader-Beta")
        .replace("repeats_share = 0.1", "repeats_share = 0.0")
    )  # fmt: skip
    with open_project(project) as opened_project:
        declare_protocol(opened_project.store, protocol)
        issued_package = make_package(opened_project, "Reader-Alpha", folder / "alpha", AT).issued
        read_package(folder / "alpha", issued_package, true_lines(cohort.calipers), AT)
        merge_package(opened_project, folder / "alpha", AT, unsealed=True)
        alpha = [
            reading
            for reading in opened_project.store.get_readings()
            if reading.reader == "Reader-Alpha"
        ]
        alpha_contours = draw_and_sign(
            opened_project, "OPP-01", "Reader-Alpha", [float(CORNER) - 1.5]
        )
        lesions = opened_project.store.get_lesions()
    markers = {
        *(TEXT, CODE, DAY, CLOCK, UID_ROOT, LENGTH, "Reader-Alpha", "Outsider-Reader"),
        *("PHANTOM-0", "OPP-01", "OPP-08", *uids),
        *days,
        *(f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in days),
        *(reading.reading_id for reading in alpha),
        *(lesion.tracking_uid for lesion in lesions),
        *(lesion.histology for lesion in lesions),
        *(lesion.ssrs_first_date.isoformat() for lesion in lesions),
        *(repr(reading.caliper.start[0]) for reading in alpha if reading.caliper),
        *(reading.reading_id for reading in alpha_contours),
        CORNER,
    }
    store = (project / "opp_mri.sqlite").read_bytes()  # where they would be found
    assert all(marker.encode() in store for marker in (alpha_contours[0].reading_id, CORNER))
    return project, {marker for marker in markers if marker}


def leaks(folder: Path, markers: set[str]) -> Iterator[tuple[str, str]]:
    """Yield file and marker wherever a marker stands, as text in any of the usual encodings."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        for marker in markers:
            if any(marker.encode(how) in content for how in ("utf-8", "utf-16-le", "utf-16-be")):
                yield path.name, marker
        for marker in markers:
            if marker.lower() in path.name.lower():
                yield path.name, marker


def package(project: Path, folder: Path, allowed_keywords: frozenset[str] = ALLOWED) -> Path:
    with open_project(project) as opened_project:
        issued_packages = [package.reader for package in opened_project.store.log_of(IssuedPackage)]
        again = "Reader-Beta" in issued_packages
        package = make_package(
            opened_project,
            "Reader-Beta",
            folder,
            AT,
            allowed_keywords=allowed_keywords,
            again=again,
        )
    assert package.images > 20  # T1, T2FS and T1POST of both patients
    assert not package.left_out
    return folder


def test_nothing_planted_comes_through(study: Any, tmp_path: Path) -> None:
    project, markers = study
    assert len(markers) > 100
    folder = package(project, tmp_path / "beta")
    assert not sorted(leaks(folder, markers))
    with open_project(folder) as beta:
        assert beta.store.get_readings() == []
        assert beta.store.get_alignments() == []
        assert {patient.patient_id for patient in beta.store.get_patients()} == {
            "CASE-001",
            "CASE-002",
        }


def test_nothing_comes_through_once_it_was_read_either(study: Any, tmp_path: Path) -> None:
    project, markers = study
    folder = package(project, tmp_path / "beta")
    with open_project(project) as opened_project:
        issued_packages = opened_project.store.log_of(IssuedPackage)[-1]
    read_package(folder, issued_packages, true_lines(project.parent / "c" / "calipers.csv"), AT)
    with open_project(folder) as beta:
        for patient in beta.store.get_patients():
            room = open_patient(beta.store, patient.patient_id, "Reader-Beta")
            for volume in room.volumes.values():
                load_images(beta.store, volume)
        assert len(build_worklist(beta.store, "Reader-Beta").lesions) == 2
        assert beta.store.get_readings()
    own = {repr(reading.caliper.start[0]) for reading in beta_readings(folder) if reading.caliper}
    assert not sorted(leaks(folder, markers - own))  # both draw the true line, so these are equal


def beta_readings(folder: Path) -> list[Reading]:
    with open_project(folder) as beta:
        return list(beta.store.get_readings())


@pytest.mark.parametrize("keyword", ["StudyDescription", "PatientBirthDate", "FrameComments"])
def test_one_attribute_more_would_be_found(study: Any, tmp_path: Path, keyword: str) -> None:
    project, markers = study
    if keyword == "FrameComments":
        assert "FrameContentSequence" in ALLOWED  # let through inside a sequence that passes
    folder = package(project, tmp_path / "mutated", ALLOWED | {keyword})
    assert sorted(leaks(folder, markers))


def test_the_package_has_the_same_series_with_the_same_spacing(study: Any, tmp_path: Path) -> None:
    project, _ = study
    folder = package(project, tmp_path / "beta")
    with open_project(project) as opened_project, open_project(folder) as beta:
        of_project = sorted(
            series_of(volume) for volume in opened_project.store.get_volumes() if volume.role
        )
        of_package = sorted(series_of(volume) for volume in beta.store.get_volumes())
    assert of_project == of_package


def series_of(volume: VolumeDescription) -> tuple[object, ...]:
    spacing = round(volume.slice_spacing_mm or 0.0, 6)
    return volume.pixel_spacing_mm, spacing, len(volume.frames), str(volume.role)
