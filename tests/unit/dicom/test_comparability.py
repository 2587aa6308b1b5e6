"""What is said of two studies that were not acquired alike."""

import attrs
import pytest
from fixtures.makers import make_planes, study_volume

from opp_mri.dicom.comparability import compare_acquisitions
from opp_mri.domain.imaging import Plane, SeriesRole, VolumeDescription

T1 = SeriesRole.T1
BASELINE = study_volume("before", T1)
FOLLOW_UP = study_volume("after", T1)


def with_header(volume: VolumeDescription, **header: object) -> VolumeDescription:
    return attrs.evolve(volume, instance=attrs.evolve(volume.instance, **header))


def test_two_studies_that_were_acquired_alike_need_no_word() -> None:
    assert compare_acquisitions(T1, BASELINE, FOLLOW_UP) == []


@pytest.mark.parametrize(
    ("before", "after", "entries"),
    [
        ({"slice_thickness_mm": 3.0}, {"slice_thickness_mm": 5.0},
         ["Slice thickness differs: 3 mm, then 5 mm."]),
        ({"slice_thickness_mm": 4.0}, {"slice_thickness_mm": 3.5}, []),
        ({"slice_thickness_mm": None}, {"slice_thickness_mm": 5.0}, []),
        ({"magnetic_field_strength": 3.0}, {"magnetic_field_strength": 1.5},
         ["Field strength differs: 3 T, then 1.5 T."]),
        ({"scan_options": ()}, {"scan_options": ("FS",)},
         ["Fat suppression differs: without, then with."]),
        ({"echo_time_ms": 8.0}, {"echo_time_ms": 14.0}, ["TE differs: 8 ms, then 14 ms."]),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_both_values(
    before: dict[str, object], after: dict[str, object], entries: list[str]
) -> None:
    flags = compare_acquisitions(
        T1, with_header(BASELINE, **before), with_header(FOLLOW_UP, **after)
    )
    assert flags == entries


def test_another_plane_is_named_once_and_not_as_a_tilt() -> None:
    coronal = attrs.evolve(
        FOLLOW_UP, plane=Plane.CORONAL,
        planes=make_planes(row_direction=(1.0, 0.0, 0.0), column_direction=(0.0, 0.0, -1.0)),
    )  # fmt: skip
    assert compare_acquisitions(T1, BASELINE, coronal) == ["Plane differs: sagittal, then coronal."]
