"""One series of the files may be several volumes; each says what it is good for."""

import random
from collections.abc import Sequence
from datetime import time

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.dicom.stacks import describe_series
from opp_mri.domain.imaging import Frame, Instance, Plane, Usability, VolumeDescription

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def frame(
    distance_mm: float = 0.0,
    *,
    orientation: tuple[float, ...] = SAGITTAL,
    sideways_mm: float = 0.0,
    **header: object,
) -> Frame:
    """A frame at a distance along its normal."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    x, y, z = distance_mm * np.cross(row, column) + sideways_mm * column
    defaults: dict[str, object] = {
        "image_position_lps_mm": (float(x), float(y), float(z)),
        "image_orientation": orientation,
        "pixel_spacing_mm": (0.7, 0.7),
        "echo_time_ms": 90.0,
    }
    return Frame(**(defaults | header))  # type: ignore[arg-type]


def instance(number: int, *frames: Frame, uid: str = "", **header: object) -> Instance:
    defaults: dict[str, object] = {
        "sop_instance_uid": uid or f"1.2.3.{number}",
        "sop_class_uid": MR,
        "frames": frames,
        "rows": 512,
        "columns": 384,
        "photometric_interpretation": "MONOCHROME2",
        "study_instance_uid": "1.2",
        "series_instance_uid": "1.2.3",
        "instance_number": number,
        "acquisition_number": 1,
        "image_type": ("ORIGINAL", "PRIMARY", "M"),
    }
    return Instance(**(defaults | header))  # type: ignore[arg-type]


def series(distances_mm: Sequence[float], **header: object) -> list[Instance]:
    return [instance(n, frame(d), **header) for n, d in enumerate(distances_mm, start=1)]


def the_only(volumes: list[VolumeDescription]) -> VolumeDescription:
    (volume,) = volumes
    return volume


def distances(volume: VolumeDescription) -> list[float]:
    first = volume.planes[0]
    return [first.measure_distance_mm(plane.position_lps_mm) for plane in volume.planes]


def test_an_even_series_is_one_volume_with_its_spacing_from_positions() -> None:
    headers = [attrs.evolve(i, slice_thickness_mm=3.0) for i in series([0, 4.5, 9, 13.5])]
    volume = the_only(describe_series(headers))
    assert volume.usability is Usability.VOLUME
    assert volume.refusal is None
    assert volume.slice_spacing_mm == pytest.approx(4.5)
    assert volume.pixel_spacing_mm == (0.7, 0.7)
    assert len(volume.frames) == len(volume.planes) == 4


def test_slices_are_ordered_by_position_along_the_normal_and_not_by_number() -> None:
    volume = the_only(describe_series(series([9, 0, 13.5, 4.5])))
    assert [f.sop_instance_uid for f in volume.frames] == [f"1.2.3.{n}" for n in (2, 4, 1, 3)]
    assert distances(volume) == pytest.approx([0, 4.5, 9, 13.5])
    assert volume.instance.sop_instance_uid == "1.2.3.2"


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        (SAGITTAL, Plane.SAGITTAL),
        (CORONAL, Plane.CORONAL),
        (AXIAL, Plane.AXIAL),
        ((0.7071, 0.7071, 0.0, 0.0, 0.0, -1.0), Plane.OBLIQUE),
        ((-0.58, 0.8146, 0.0, 0.0, 0.0, -1.0), Plane.SAGITTAL),
    ],
)
def test_the_anatomical_plane_is_the_axis_that_the_normal_is_near(
    orientation: tuple[float, ...], plane: Plane
) -> None:
    (volume,) = describe_series([instance(1, frame(orientation=orientation))])
    assert volume.plane is plane


def test_a_localizer_of_three_orientations_is_three_volumes() -> None:
    orientations = [SAGITTAL] * 3 + [CORONAL] * 3 + [AXIAL] * 3
    headers = [
        instance(n, frame(15.0 * (n % 3), orientation=o)) for n, o in enumerate(orientations)
    ]
    volumes = describe_series(headers)
    assert [v.plane for v in volumes] == [Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL]
    assert {v.usability for v in volumes} == {Usability.VOLUME}


def test_blocks_tilted_by_two_degrees_are_volumes_of_their_own() -> None:
    tilt = np.radians(2)
    tilted_direction = (1.0, 0.0, 0.0, 0.0, float(np.cos(tilt)), float(np.sin(tilt)))
    headers = [
        instance(n, frame(5.0 * n, orientation=AXIAL if n < 3 else tilted_direction))
        for n in range(6)
    ]
    assert [len(v.frames) for v in describe_series(headers)] == [3, 3]


def test_noise_in_the_direction_cosines_does_not_split() -> None:
    noisy = (0.0001, 1.0, 0.0, 0.0, -0.0001, -1.0)
    headers = [
        instance(n, frame(4.0 * n, orientation=SAGITTAL if n % 2 else noisy)) for n in range(8)
    ]
    volume = the_only(describe_series(headers))
    assert volume.usability is Usability.VOLUME


def test_two_echoes_are_two_volumes() -> None:
    headers = [
        instance(n, frame(4.0 * (n // 2), echo_time_ms=(20.0, 90.0)[n % 2])) for n in range(10)
    ]
    volumes = describe_series(headers)
    assert [len(v.frames) for v in volumes] == [5, 5]
    assert {v.usability for v in volumes} == {Usability.VOLUME}


def test_jitter_of_the_echo_time_does_not_split() -> None:
    headers = [instance(n, frame(4.0 * n, echo_time_ms=81.002 + 0.004 * (n % 2))) for n in range(6)]
    assert len(describe_series(headers)) == 1


def test_magnitude_and_phase_are_two_volumes() -> None:
    headers = [
        instance(n, frame(4.0 * (n // 2)), image_type=("ORIGINAL", "PRIMARY", "MP"[n % 2]))
        for n in range(8)
    ]
    assert [v.instance.image_type[2] for v in describe_series(headers)] == ["M", "P"]


@pytest.mark.parametrize("keyword", ["rows", "pixel_spacing_mm"])
def test_images_of_another_size_or_spacing_are_a_volume_of_their_own(keyword: str) -> None:
    other_values = {"rows": 256} if keyword == "rows" else {}
    spacing = (1.4, 1.4) if keyword == "pixel_spacing_mm" else (0.7, 0.7)
    headers = [
        *(instance(n, frame(4.0 * n)) for n in range(3)),
        *(
            instance(n, frame(4.0 * n, pixel_spacing_mm=spacing), **other_values)
            for n in range(3, 6)
        ),
    ]
    assert [len(v.frames) for v in describe_series(headers)] == [3, 3]


def test_an_acquisition_number_and_time_for_each_slice_does_not_split() -> None:
    headers = [
        attrs.evolve(i, acquisition_number=n, acquisition_time=time(12, n))
        for n, i in enumerate(series([0, 4, 8, 12, 16]))
    ]
    assert the_only(describe_series(headers)).usability is Usability.VOLUME


@pytest.mark.parametrize(
    "make_numbers",
    [
        lambda repeat, _: {"acquisition_number": repeat},
        lambda repeat, _: {"temporal_position": repeat},
        lambda repeat, _: {"acquisition_time": time(12, repeat)},
        lambda repeat, _: {"diffusion_b_value": 500.0 * repeat},
        lambda _, n: {"acquisition_number": n},  # each slice its own: the instance order tells
    ],
)
def test_a_repeated_acquisition_is_a_volume_of_its_own(make_numbers) -> None:  # type: ignore[no-untyped-def]
    headers = [instance(n, frame(4.0 * (n % 5)), **make_numbers(n // 5, n)) for n in range(15)]
    volumes = describe_series(headers)
    assert [len(v.frames) for v in volumes] == [5, 5, 5]
    assert {v.usability for v in volumes} == {Usability.VOLUME}
    assert [v.instance.instance_number for v in volumes] == [0, 5, 10]


def test_an_aborted_repeat_is_told_apart_by_its_acquisition_number() -> None:
    headers = [
        *(instance(n, frame(4.0 * n), acquisition_number=1) for n in range(6)),
        *(instance(n, frame(4.0 * (n - 6)), acquisition_number=2) for n in range(6, 8)),
    ]
    assert [len(v.frames) for v in describe_series(headers)] == [6, 2]


def test_repeats_that_nothing_tells_apart_are_left_together_and_refused_as_a_volume() -> None:
    headers = [*series([0, 4, 8]), instance(9, frame(4.0))]
    volume = the_only(describe_series(headers))
    assert volume.usability is Usability.IN_PLANE
    assert volume.refusal == (
        "Slices 2 and 3 lie at one position, and the headers do not tell them apart. "
        "Lengths within a slice can be taken, but the slices do not make a volume."
    )
    assert volume.slice_spacing_mm == pytest.approx(4.0)


def test_two_stations_beside_each_other_are_two_volumes() -> None:
    headers = [instance(n, frame(4.0 * (n % 5), sideways_mm=280.0 * (n // 5))) for n in range(10)]
    volumes = describe_series(headers)
    assert [len(v.frames) for v in volumes] == [5, 5]
    assert {v.usability for v in volumes} == {Usability.VOLUME}


def test_an_enhanced_instance_splits_by_stack_echo_and_temporal_position() -> None:
    frames = [
        frame(
            4.0 * k,
            frame_number=1 + k + 3 * t + 6 * e + 12 * s,
            temporal_position=t + 1,
            echo_time_ms=(20.0, 80.0)[e],
            stack_id=str(s + 1),
        )
        for s in range(2)
        for e in range(2)
        for t in range(2)
        for k in range(3)
    ]
    volumes = describe_series([instance(1, *frames, sop_class_uid=ENHANCED_MR)])
    assert [len(v.frames) for v in volumes] == [3] * 8
    assert [f.frame_number for f in volumes[1].frames] == [4, 5, 6]
    assert {v.usability for v in volumes} == {Usability.VOLUME}


def test_a_missing_slice_is_named_with_both_gaps() -> None:
    volume = the_only(describe_series(series([0, 4.5, 9, 13.5, 18, 27, 31.5])))
    assert volume.usability is Usability.IN_PLANE
    assert volume.slice_spacing_mm == pytest.approx(4.5)
    assert volume.refusal is not None
    assert volume.refusal.startswith(
        "One slice is missing between slice 5 and 6: the gap is 9.0 mm where the others are 4.5 mm."
    )


def test_uneven_slices_are_told_with_their_range() -> None:
    volume = the_only(describe_series(series([0, 4.0, 9.0, 12.5, 17.0])))
    assert volume.usability is Usability.IN_PLANE
    assert volume.refusal is not None
    assert "gaps of 3.50 to 5.00 mm" in volume.refusal


@pytest.mark.parametrize(("off_mm", "usability"), [(0.09, "volume"), (0.12, "in_plane")])
def test_a_slice_may_lie_a_tenth_of_a_millimetre_off_the_even_grid(
    off_mm: float, usability: str
) -> None:
    volume = the_only(describe_series(series([0, 4.0 + off_mm, 8.0, 12.0])))
    assert volume.usability == usability


def test_a_slanted_stack_is_good_for_lengths_within_a_slice_only() -> None:
    headers = [instance(n, frame(4.0 * n, sideways_mm=0.3 * n)) for n in range(8)]
    volume = the_only(describe_series(headers))
    assert volume.usability is Usability.IN_PLANE
    assert volume.refusal is not None
    assert "shifted sideways against the first by up to 2.1 mm" in volume.refusal
    assert "slant of 4.3 degrees" in volume.refusal


def test_slices_that_are_slightly_tilted_are_good_for_lengths_within_a_slice_only() -> None:
    tilt = np.radians(0.3)
    tilted_direction = (0.0, 1.0, 0.0, float(np.sin(tilt)), 0.0, float(-np.cos(tilt)))
    headers = [instance(1, frame(0.0)), instance(2, frame(4.0, orientation=tilted_direction))]
    volume = the_only(describe_series(headers))
    assert volume.usability is Usability.IN_PLANE
    assert volume.refusal is not None
    assert "tilted against each other by up to 0.3 degrees" in volume.refusal


def test_a_single_slice_is_good_for_lengths_within_it() -> None:
    volume = the_only(describe_series(series([0])))
    assert volume.usability is Usability.IN_PLANE
    assert volume.slice_spacing_mm is None
    assert volume.refusal == "A single slice: lengths within it can be taken."


@pytest.mark.parametrize(
    ("header", "frame_header", "words"),
    [
        ({"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, {}, "colour"),
        ({"photometric_interpretation": "PALETTE COLOR"}, {}, "colour"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC")}, {}, "mosaic"),
        ({"image_type": ("DERIVED", "SECONDARY", "PROJECTION IMAGE")}, {}, "projection"),
        ({"image_type": ("DERIVED", "SECONDARY", "MPR")}, {}, "computed from other images"),
        ({"image_type": ("DERIVED", "SECONDARY", "3D")}, {}, "computed from other images"),
        ({"sop_class_uid": SECONDARY_CAPTURE}, {}, "secondary capture"),
        ({}, {"pixel_spacing_mm": None}, "no PixelSpacing"),
        ({}, {"pixel_spacing_mm": (0.0, 0.0)}, "PixelSpacing is 0 mm"),
        ({}, {"image_position_lps_mm": None}, "no ImagePositionPatient"),
        ({}, {"image_orientation": None}, "no ImageOrientationPatient"),
        ({}, {"image_orientation": (0.0,) * 6}, "not two perpendicular unit vectors"),
    ],
)
def test_what_no_length_can_be_taken_on_says_why(
    header: dict[str, object], frame_header: dict[str, object], words: str
) -> None:
    base = frame(0.0)
    headers = [
        instance(n, attrs.evolve(base, **frame_header), **header)  # type: ignore[arg-type]
        for n in range(2)
    ]
    for volume in describe_series(headers):
        assert volume.usability is Usability.NOTHING
        assert volume.refusal is not None
        assert words in volume.refusal
        assert volume.refusal.endswith("No length can be taken on it.")


def test_an_original_that_the_scanner_calls_derived_and_secondary_stays_usable() -> None:
    headers = series([0, 4.5, 9], image_type=("DERIVED", "SECONDARY", "OTHER", "AI"))
    assert the_only(describe_series(headers)).usability is Usability.VOLUME


def test_the_id_does_not_depend_on_the_order_of_files_nor_on_slices_that_come_later() -> None:
    headers = [
        instance(n, frame(4.0 * (n // 2), echo_time_ms=(20.0, 90.0)[n % 2])) for n in range(12)
    ]
    shuffled_headers = headers[1::2] + headers[-2::-2]
    ids = [v.volume_id for v in describe_series(headers)]
    assert [v.volume_id for v in describe_series(shuffled_headers)] == ids
    assert [v.volume_id for v in describe_series(headers[:8])] == ids
    assert len(set(ids)) == 2
    assert all(len(volume_id) == 12 and int(volume_id, 16) >= 0 for volume_id in ids)


def test_a_repeat_that_comes_later_leaves_the_id_of_the_first_acquisition() -> None:
    first = [instance(n, frame(4.0 * n), acquisition_number=1) for n in range(5)]
    repeat = [instance(n, frame(4.0 * (n - 5)), acquisition_number=2) for n in range(5, 10)]
    (alone,) = describe_series(first)
    original, volume = describe_series(repeat + first)
    assert original.volume_id == alone.volume_id
    assert volume.volume_id != alone.volume_id


@settings(max_examples=60, deadline=None)
@given(
    stacks=st.lists(
        st.tuples(
            st.sampled_from([SAGITTAL, CORONAL, AXIAL]),
            st.sampled_from([15.0, 90.0]),
            st.integers(1, 6),
            st.floats(0.5, 8.0),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda stack: stack[:2],
    ),
    seed=st.randoms(use_true_random=False),
)
def test_every_frame_is_in_exactly_one_volume(stacks, seed: random.Random) -> None:  # type: ignore[no-untyped-def]
    frames = [
        frame(k * gap, orientation=orientation, echo_time_ms=echo)
        for orientation, echo, count, gap in stacks
        for k in range(count)
    ]
    headers = [instance(n, frame) for n, frame in enumerate(frames)]
    seed.shuffle(headers)
    volumes = describe_series(headers)
    uids = [f.sop_instance_uid for v in volumes for f in v.frames]
    assert sorted(uids) == sorted(i.sop_instance_uid for i in headers)
    assert len(volumes) == len(stacks)
    assert len({v.volume_id for v in volumes}) == len(volumes)
