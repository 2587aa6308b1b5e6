"""Instances: what the domain learns of a header."""

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.dicom_files import header_by_pydicom, mr_image, nested, put, written
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ImplicitVRLittleEndian

from opp_mri.dicom.headers import values
from opp_mri.dicom.headers.byte_reader import FileBytes, MemoryBytes
from opp_mri.dicom.headers.fields import FIELDS, INSTEAD, OF_FRAMES
from opp_mri.dicom.headers.header import read_header, silence_pydicom
from opp_mri.dicom.headers.keywords import KEYWORDS, TAGS
from opp_mri.dicom.instances import instance_from_header
from opp_mri.domain.imaging import FileStatus, Frame, Instance
from opp_mri.errors import InputError


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with silence_pydicom():
        yield


def instance_of(dataset: Dataset, syntax: str = ImplicitVRLittleEndian) -> Instance:
    return instance_from_header(read_header(MemoryBytes(written(dataset, syntax))))


def enhanced(frames: list[Dataset], shared: Dataset, **options: Any) -> Dataset:
    return mr_image(
        SOPClassUID=EnhancedMRImageStorage,
        NumberOfFrames=len(frames),
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
        EchoTime=None,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
        **options,
    )


def frame_groups(z_mm: float, echo_ms: float, index: int) -> Dataset:
    return nested(
        PlanePositionSequence=Sequence([nested(ImagePositionPatient=[0, 0, z_mm])]),
        MREchoSequence=Sequence([nested(EffectiveEchoTime=echo_ms)]),
        FrameContentSequence=Sequence([nested(StackID="S", TemporalPositionIndex=index)]),
        MRImageFrameTypeSequence=Sequence(
            [nested(FrameType=["ORIGINAL", "PRIMARY", "W", "NONE"], AcquisitionContrast="STIR")]
        ),
    )


SHARED = nested(
    PixelMeasuresSequence=Sequence(
        [nested(PixelSpacing=[0.5, 0.25], SliceThickness=4, SpacingBetweenSlices=4.4)]
    ),
    PlaneOrientationSequence=Sequence([nested(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]),
    MRTimingAndRelatedParametersSequence=Sequence(
        [nested(RepetitionTime=3000, FlipAngle=150, EchoTrainLength=12)]
    ),
    MRModifierSequence=Sequence(
        [
            nested(
                InversionRecovery="YES", InversionTimes=160.0, SpectrallySelectedSuppression="NONE"
            )
        ]
    ),
    MRDiffusionSequence=Sequence([nested(DiffusionBValue=50.0)]),
)


def test_a_classic_header_gives_every_field_that_it_fills() -> None:
    instance = instance_of(
        mr_image(
            StudyDate="20180107",
            StudyTime="0931",
            AcquisitionTime="093112.25",
            RepetitionTime="500",
            InversionTime="0",
            ImageType=["ORIGINAL", "PRIMARY", "", "M"],
            ScanningSequence=["SE", "IR"],
            ContrastBolusAgent="off",
            SeriesNumber=7,
            DiffusionBValue=800.0,
        )
    )
    assert instance.study_date == date(2018, 1, 7)
    assert instance.study_time == time(9, 31)
    assert instance.acquisition_time == time(9, 31, 12, 250_000)
    assert (instance.repetition_time_ms, instance.echo_time_ms) == (500, 12.5)
    assert instance.inversion_time_ms == 0
    assert instance.image_type == ("ORIGINAL", "PRIMARY", "", "M")
    assert instance.scanning_sequence == ("SE", "IR")
    assert instance.contrast_agent == "off"
    assert instance.series_number == 7
    assert instance.diffusion_b_value == 800
    assert instance.frames == (
        Frame(
            image_position_lps_mm=(1.5, -2.25, 3),
            image_orientation=(0, 1, 0, 0, 0, -1),
            pixel_spacing_mm=(0.5, 0.75),
            echo_time_ms=12.5,
            frame_type=("ORIGINAL", "PRIMARY", "", "M"),
        ),
    )
    assert type(instance.echo_time_ms) is float
    assert type(instance.patient_name) is str


@pytest.mark.parametrize("junk", ["", "off", "1\\2", "1,5", "nan", "inf", "1.5 ms"])
def test_a_number_that_is_none_is_absent(junk: str) -> None:
    dataset = mr_image(EchoTime=None)
    put(dataset, "EchoTime", "DS", junk)
    put(dataset, "EchoNumbers", "IS", junk)
    put(dataset, "PixelSpacing", "DS", junk if junk != "1\\2" else "1\\2\\3")
    instance = instance_of(dataset)
    assert instance.echo_time_ms is None
    assert instance.echo_number is None
    assert instance.frames[0].pixel_spacing_mm is None


@pytest.mark.parametrize(
    ("written_date", "understood"),
    [("20180107", date(2018, 1, 7)), ("2018.01.07", date(2018, 1, 7)), ("20181307", None),
     ("2018", None), ("20180107-20180108", None), (None, None)],
)  # fmt: skip
def test_a_date_is_understood_or_absent(written_date: str | None, understood: date | None) -> None:
    assert values.convert_to_day(written_date) == understood


@pytest.mark.parametrize(
    ("written_time", "understood"),
    [("09", time(9)), ("0931", time(9, 31)), ("093112.5", time(9, 31, 12, 500_000)),
     ("09:31:12", time(9, 31, 12)), ("235960", time(23, 59, 59)), ("2561", None), ("9 h", None)],
)  # fmt: skip
def test_a_time_is_understood_or_absent(written_time: str, understood: time | None) -> None:
    assert values.convert_to_clock(written_time) == understood


def test_an_enhanced_image_gives_shared_values_and_a_place_to_each_frame() -> None:
    frames = [
        frame_groups(z, echo, i) for i, (z, echo) in enumerate([(0, 20), (5, 20), (5, 90)], 1)
    ]
    instance = instance_of(enhanced(frames, SHARED, AcquisitionDateTime="20200630091600.3"))
    assert instance.is_enhanced
    assert (instance.repetition_time_ms, instance.inversion_time_ms) == (3000, 160)
    assert (instance.echo_time_ms, instance.echo_train_length) == (None, 12), "two echo times"
    assert (instance.slice_thickness_mm, instance.spacing_between_slices_mm) == (4, 4.4)
    assert instance.acquisition_contrast == "STIR"
    assert instance.inversion_recovery == "YES"
    assert instance.diffusion_b_value == 50
    assert instance.acquisition_date == date(2020, 6, 30)
    assert instance.acquisition_time == time(9, 16, 0, 300_000)
    assert [frame.image_position_lps_mm for frame in instance.frames] == [
        (0, 0, 0),
        (0, 0, 5),
        (0, 0, 5),
    ]
    assert [frame.echo_time_ms for frame in instance.frames] == [20, 20, 90]
    assert [frame.temporal_position for frame in instance.frames] == [1, 2, 3]
    assert [frame.frame_number for frame in instance.frames] == [1, 2, 3]
    last = instance.frames[-1]
    assert last.pixel_spacing_mm == (0.5, 0.25)
    assert last.image_orientation == (0, 1, 0, 0, 0, -1)
    assert (last.stack_id, last.frame_type) == ("S", ("ORIGINAL", "PRIMARY", "W", "NONE"))


def test_a_frame_without_groups_of_its_own_has_no_position() -> None:
    dataset = enhanced([frame_groups(0, 20, 1)], SHARED)
    dataset.NumberOfFrames = 2
    frames = instance_of(dataset).frames
    assert [frame.image_position_lps_mm for frame in frames] == [(0, 0, 0), None]
    assert frames[1].echo_time_ms is None


def test_one_position_beside_many_frames_is_given_to_none_of_them() -> None:
    frames = instance_of(mr_image(NumberOfFrames=3)).frames
    assert [frame.image_position_lps_mm for frame in frames] == [None, None, None]
    assert {frame.pixel_spacing_mm for frame in frames} == {(0.5, 0.75)}


def test_what_differs_between_frames_is_said_of_each_and_of_the_instance_is_none() -> None:
    frames = [frame_groups(z, 20, 1) for z in (0, 5)]
    for frame, usage, fat in zip(frames, ("NO", "YES"), ("NONE", "FAT"), strict=True):
        frame.ContrastBolusUsageSequence = Sequence([nested(ContrastBolusAgentAdministered=usage)])
        modifier = nested(SpectrallySelectedSuppression=fat, InversionRecovery="NO")
        frame.MRModifierSequence = Sequence([modifier])
    instance = instance_of(enhanced(frames, SHARED))
    assert instance.contrast_administered is None
    assert instance.inversion_recovery == "NO"
    first, second = (instance.get_frame_header(frame) for frame in instance.frames)
    assert (first.contrast_administered, second.contrast_administered) == (False, True)
    assert first.spectrally_selected_suppression == "NONE"
    assert second.spectrally_selected_suppression == "FAT"


@pytest.mark.parametrize("administration", ["YES", "NO"])
def test_an_enhanced_image_says_of_its_agent_whether_it_was_given(administration: str) -> None:
    profile = nested(ContrastBolusStartTime="101500")
    bolus = nested(
        CodeMeaning="Gadobutrol",
        ContrastBolusVolume=7.5,
        ContrastAdministrationProfileSequence=Sequence([profile]),
    )
    usage = nested(ContrastBolusAgentAdministered=administration)
    frame = frame_groups(0, 20, 1)
    frame.ContrastBolusUsageSequence = Sequence([usage])
    instance = instance_of(enhanced([frame], SHARED, ContrastBolusAgentSequence=Sequence([bolus])))
    assert instance.contrast_agent == "Gadobutrol"
    assert instance.contrast_administered is (administration == "YES")
    assert instance.contrast_start_time == time(10, 15)
    assert instance.contrast_volume_ml == 7.5


def test_a_private_group_that_repeats_another_header_is_left_out() -> None:
    frame = frame_groups(0, 20, 1)
    block = frame.private_block(0x2005, "OPP TEST", create=True)
    block.add_new(0x0F, "SQ", Sequence([nested(RepetitionTime=1, EchoTime=99)]))
    instance = instance_of(enhanced([frame], SHARED))
    assert (instance.repetition_time_ms, instance.echo_time_ms) == (3000, 20)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_an_image_without_identity_is_refused_in_words(keyword: str) -> None:
    data = written(mr_image())
    header = read_header(MemoryBytes(data))
    del header.raw[TAGS[keyword]]
    with pytest.raises(InputError, match=keyword):
        instance_from_header(header)


def test_equal_bytes_under_other_character_sets_are_other_names() -> None:
    names = {}
    for character_set in ("ISO_IR 100", "ISO_IR 144"):
        dataset = mr_image(SpecificCharacterSet=character_set)
        dataset.PatientName = "ÄÖ" if character_set == "ISO_IR 100" else "ФЦ"
        data = written(dataset)
        names[character_set] = instance_from_header(read_header(MemoryBytes(data))).patient_name
    assert names == {"ISO_IR 100": "ÄÖ", "ISO_IR 144": "ФЦ"}


def test_every_field_is_read_by_a_keyword_that_is_kept() -> None:
    fields_read = {FIELDS[keyword][0] for keyword in KEYWORDS if keyword in FIELDS} | set(OF_FRAMES)
    of_groups = {"FrameAcquisitionDateTime", "ContrastBolusAgentAdministered"}
    assert {keyword for keyword, _, _ in INSTEAD} <= set(KEYWORDS) | of_groups
    fields_read |= {FIELDS[keyword][0] for keyword in of_groups if keyword in FIELDS}
    assert {name for name, _ in FIELDS.values()} <= fields_read
    filled_fields = fields_read - set(OF_FRAMES) - {"series_date", "content_date"}
    filled_fields |= {
        "frames",
        "transfer_syntax_uid",
        "study_date_from",
        "unreadable",
        "header_version",
    }
    assert filled_fields == {field.name for field in attrs.fields(Instance)}


def test_every_real_image_gives_the_instance_that_plain_pydicom_gives(real_data: Path) -> None:
    value_count = 0
    for path in sorted(real_data.rglob("*")):
        if not path.is_file():
            continue
        with FileBytes(str(path)) as reader:
            header = read_header(reader)
        if header.status is FileStatus.IMAGE:
            expected = instance_from_header(header_by_pydicom(path.read_bytes()))
            assert instance_from_header(header) == expected, path.name
            value_count += 1
    assert value_count > 150
