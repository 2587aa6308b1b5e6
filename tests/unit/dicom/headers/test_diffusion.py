"""Private b-values decide on diffusion as the public attribute does; a contradiction is doubt."""

from struct import pack

import pytest
from fixtures.dicom_files import mr_image, written
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from opp_mri.dicom.headers.byte_reader import MemoryBytes
from opp_mri.dicom.headers.header import read_header
from opp_mri.dicom.instances import instance_from_header
from opp_mri.domain.imaging import Instance

VENDORS = {
    "Siemens": (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", 800),
    "GE": (0x0043, "GEMS_PARM_01", 0x39, "IS", [800, 8, 0, 0]),
    "GE with a bias": (0x0043, "GEMS_PARM_01", 0x39, "IS", [1_000_000_800, 8, 0, 0]),
    "Philips": (0x2001, "Philips Imaging DD 001", 0x03, "FL", 800.0),
    "United Imaging": (0x0065, "Image Private Header", 0x09, "FD", 800.0),
    "United Imaging as UN": (0x0065, "Image Private Header", 0x09, "UN", pack("<d", 800.0)),
    "Siemens as UN": (0x0019, "SIEMENS MR HEADER", 0x0C, "UN", b"800 "),
    "Philips as UN": (0x2001, "Philips Imaging DD 001", 0x03, "UN", pack("<f", 800.0)),
}


def with_private(
    group: int, creator: str, element: int, vr: str, value: object, **options: object
) -> Dataset:
    image = mr_image(**options)
    image.private_block(group, creator, create=True).add_new(element, vr, value)
    return image


def read(image: Dataset, syntax: str = ExplicitVRLittleEndian) -> Instance:
    return instance_from_header(read_header(MemoryBytes(written(image, syntax))))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_private_b_value_counts_where_there_is_no_public_one(vendor: str, syntax: str) -> None:
    assert read(with_private(*VENDORS[vendor]), syntax).diffusion_b_value == 800


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_private_block_may_be_the_second_of_its_group(vendor: str) -> None:
    group, creator, element, vr, value = VENDORS[vendor]
    image = mr_image()
    image.private_block(group, "ANOTHER CREATOR", create=True).add_new(element, "LO", "7")
    image.private_block(group, creator, create=True).add_new(element, vr, value)
    assert read(image).diffusion_b_value == 800


def test_the_same_element_of_another_creator_is_no_b_value() -> None:
    image = with_private(0x0019, "HITACHI MR", 0x0C, "LO", "2DFSE")
    assert read(image).diffusion_b_value is None


@pytest.mark.parametrize("value", [[0, 1073741825, 0, 0], [0, 8, 0, 0]])
def test_a_ge_series_without_diffusion_has_none(value: list[int]) -> None:
    assert not read(with_private(0x0043, "GEMS_PARM_01", 0x39, "IS", value)).diffusion_b_value


@pytest.mark.parametrize("public", [0.0, 50.0])
def test_b_values_that_contradict_each_other_are_said(public: float) -> None:
    image = with_private(*VENDORS["Siemens"], DiffusionBValue=public)
    instance = read(image)
    assert instance.diffusion_b_value is None
    sentence = instance.describe_unreadable_value("DiffusionBValue")
    assert f"is {public:g} s/mm2" in sentence
    assert "800 s/mm2: one of the two is wrong." in sentence


def test_a_rounded_b_value_is_no_contradiction() -> None:
    instance = read(with_private(*VENDORS["Siemens"], DiffusionBValue=795.0))
    assert instance.diffusion_b_value == 795
    assert not instance.unreadable
