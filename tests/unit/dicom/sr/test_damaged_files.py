"""Files of lines on images that are damaged: never a fault of ours, and never a silent length."""

import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from fixtures.dicom_makers import write_study
from fixtures.foreign_reports import image_of, write_aim_4, write_markups, write_tid_1500
from pydicom import Dataset

from opp_mri.dicom.sr.read import read_annotation_file
from opp_mri.dicom.sr.read_aim import is_aim, read_aim
from opp_mri.dicom.sr.read_markups import read_markups
from opp_mri.tables.ohif import read_ohif_table

ENDS = ((1.5, 5.5), (9.0, 5.5))
MUTATIONS = 150


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("images")
    write_study(folder, PatientID="P1", StudyDate="20240501", FrameOfReferenceUID="1.2.9")
    return image_of(folder, PatientID="P1")


def report(folder: Path, image: Dataset) -> Path:
    return write_tid_1500(folder / "sr.dcm", image, ENDS, 15.0)


def aim(folder: Path, image: Dataset) -> Path:
    return write_aim_4(folder / "aim.xml", image, ENDS, 15.0)


def markups(folder: Path, image: Dataset) -> Path:
    return write_markups(folder / "line.mrk.json", image, ENDS, "L1")


@pytest.mark.parametrize("write", [report, aim, markups])
def test_a_file_with_changed_bytes_is_read_or_set_aside(
    write: Callable[[Path, Dataset], Path], image: Dataset, tmp_path: Path
) -> None:
    whole = write(tmp_path, image).read_bytes()
    content = read_annotation_file(whole, "whole")
    assert content is not None
    assert len(content.annotations) == 1
    chance = random.Random(17)
    for _ in range(MUTATIONS):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(132, len(data))] = chance.randrange(256)
        mutated_file = read_annotation_file(bytes(data), "mutated")
        for annotation in mutated_file.annotations if mutated_file else ():
            assert annotation.stated_mm is None or annotation.stated_mm.is_finite()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-3", "", "twelve"])
def test_a_length_that_is_no_number_is_set_aside(
    number: str, image: Dataset, tmp_path: Path
) -> None:
    path = write_aim_4(tmp_path / "aim.xml", image, ENDS, 0.0)
    text = path.read_text().replace('<value value="0.0"/>', f'<value value="{number}"/>')
    content = read_aim(text.encode(), "aim.xml")
    assert content.annotations == ()
    (aside,) = content.set_aside
    assert "length" in aside.reason


def test_xml_that_defines_entities_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><ImageAnnotation name="&a;"/>'
    (aside,) = read_aim(bomb, "aim.xml").set_aside
    assert "entities" in aside.reason


def test_markups_that_are_no_lines_are_set_aside_each() -> None:
    text = b"""{"markups": [{"type": "Fiducial"}, 7, {"type": "Line", "controlPoints": [1, 2]},
      {"type": "Line", "coordinateSystem": "IJK"}, {"type": "Line", "coordinateUnits": "cm"}]}"""
    content = read_markups(text, "m.json")
    assert content.annotations == ()
    assert len(content.set_aside) == 5


def test_a_table_of_ohif_gives_lengths_only() -> None:
    head = "SOPInstanceUID,Label,AnnotationType,Length,Unit,points\n"
    rows = [
        "1.2,a,Cornerstone:Length,12.5,mm,0 0 0;0 12.5 0",
        "1.2,b,Cornerstone:Length,12.5,px,0 0 0;0 12.5 0",
        "1.2,c,Cornerstone:EllipticalROI,,,0 0 0;0 12.5 0",
        "1.2,d,Cornerstone:Length,12.5,mm,0 0 0",
        "1.2,e,Cornerstone:Length,NaN,mm,0 0 0;0 12.5 0",
    ]
    content = read_ohif_table((head + "\n".join(rows)).encode(), "ohif.csv")
    (line,) = content.annotations
    assert (line.label, line.stated_mm) == ("a", Decimal("12.5"))
    assert [aside.label for aside in content.set_aside] == ["b", "c", "d", "e"]


def test_entities_in_another_encoding_are_refused_too() -> None:
    """In UTF-16 no byte of the declaration is where a search for bytes looks."""
    text = '<?xml version="1.0" encoding="UTF-16"?><!--{}--><!DOCTYPE a [<!ENTITY x "yy">]>'
    bomb = f'{text}<ImageAnnotation name="&x;"/>'.encode("utf-16-le")
    bomb = bomb.replace("{}".encode("utf-16-le"), b"ImageAnnotation ")
    assert is_aim(bomb)
    (aside,) = read_aim(bomb, "aim.xml").set_aside
    assert "entities" in aside.reason


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ('<x value="1.5"/>', '<x value="1e400"/>', "coordinate"),
        ('<value value="15.0"/>', '<value value="1e999999"/>', "length"),
        # as an integer it would take all of the memory
        ('<coordinateIndex value="0"/>',
         '<coordinateIndex value="0"/><referencedFrameNumber value="1e999999999"/>', "frame"),
    ],
)  # fmt: skip
def test_numbers_beyond_all_sense_are_set_aside(
    old: str, new: str, subject: str, image: Dataset, tmp_path: Path
) -> None:
    text = write_aim_4(tmp_path / "aim.xml", image, ENDS, 15.0, unit="cm").read_text()
    assert old in text
    (aside,) = read_aim(text.replace(old, new).encode(), "aim.xml").set_aside
    assert subject in aside.reason
    assert len(aside.reason) < 200
