from datetime import time

import attrs
from fixtures.makers import SAGITTAL_T1, SAGITTAL_T2FS, make_planes, make_volume
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.dicom.roles.selection import select
from opp_mri.dicom.roles.study import assign_roles
from opp_mri.domain.imaging import RoleCertainty, SeriesRole, Usability, VolumeDescription


def chosen(*volumes: VolumeDescription) -> list[str]:
    return [volume.volume_id for volume in select(assign_roles(volumes)) if volume.selected]


def test_one_volume_a_role_is_chosen() -> None:
    assert chosen(
        make_volume("t1", **SAGITTAL_T1),
        make_volume("t2", **SAGITTAL_T2FS),
        make_volume("other", **(SAGITTAL_T1 | {"series_description": "SCOUT"})),
    ) == ["t1", "t2"]


def test_of_two_alike_the_later_one_is_chosen_as_a_repeat_has_its_reason() -> None:
    first = make_volume("first", **SAGITTAL_T2FS, acquisition_time=time(9, 0))
    repeat = make_volume("repeat", **SAGITTAL_T2FS, acquisition_time=time(9, 30))
    assert chosen(repeat, first) == ["repeat"]


def test_of_two_silent_t1_the_earlier_is_chosen_as_the_later_may_be_after_contrast() -> None:
    first = make_volume("first", **SAGITTAL_T1, acquisition_time=time(9, 0))
    later = make_volume(
        "later", **SAGITTAL_T1, acquisition_time=time(9, 30), pixel_spacing_mm=(0.5, 0.5)
    )
    assert chosen(later, first) == ["first"]
    (selected_volume, _) = select(assign_roles([later, first]))
    assert selected_volume.is_in_doubt
    assert selected_volume.evidence[-1].endswith(
        "If contrast was given between the two, this is T1POST."
    )


def test_the_finer_grid_is_preferred() -> None:
    coarse = make_volume("coarse", **SAGITTAL_T1, pixel_spacing_mm=(1.8, 1.8))
    fine = make_volume("fine", **SAGITTAL_T1, pixel_spacing_mm=(0.7, 0.7))
    assert chosen(coarse, fine) == ["fine"]


def test_the_geometry_of_the_other_roles_is_preferred() -> None:
    t2 = make_volume("t2", **SAGITTAL_T2FS)
    second_volume = make_volume("same", **SAGITTAL_T1)
    shifted_values = make_volume(
        "shifted",
        **SAGITTAL_T1,
        planes=make_planes(11, spacing_mm=5.0, rows=320, columns=320, row_spacing_mm=0.8),
    )
    assert chosen(t2, second_volume, shifted_values) == ["t2", "same"]


def test_each_station_of_a_long_spine_has_its_own_choice() -> None:
    upper = make_volume("upper", **SAGITTAL_T1, planes=make_planes(top_mm=400.0))
    lower = make_volume("lower", **SAGITTAL_T1, planes=make_planes(top_mm=180.0))
    volumes = select(assign_roles([lower, upper]))
    assert [(v.volume_id, v.station, v.selected) for v in volumes] == [
        ("lower", 2, True),
        ("upper", 1, True),
    ]


def test_a_copy_and_an_unusable_volume_are_never_chosen() -> None:
    copy = make_volume("copy", **SAGITTAL_T1, duplicate_of="elsewhere")
    unusable_volume = make_volume(
        "broken", **SAGITTAL_T1, usability=Usability.NOTHING, refusal="Why not."
    )
    assert chosen(copy, unusable_volume) == []


def test_a_reader_s_choice_outweighs_the_headers() -> None:
    (by_header,) = assign_roles([make_volume("header", **SAGITTAL_T1, pixel_spacing_mm=(0.5, 0.5))])
    by_reader = attrs.evolve(
        make_volume("reader", pixel_spacing_mm=(1.5, 1.5)), role=SeriesRole.T1, role_overridden=True
    )
    selected = [volume.volume_id for volume in select([by_header, by_reader]) if volume.selected]
    assert selected == ["reader"]


@given(order=st.permutations(["a", "b", "c", "d", "e"]))
def test_the_order_of_the_series_does_not_matter(order: list[str]) -> None:
    volumes_by_name = {
        name: make_volume(
            name,
            **(SAGITTAL_T1 if name in "abc" else SAGITTAL_T2FS),
            pixel_spacing_mm=(spacing, spacing),
            series_number=number,
        )
        for number, (name, spacing) in enumerate(
            zip("abcde", (0.7, 0.7, 0.9, 0.6, 0.6), strict=True), start=1
        )
    }
    assert set(chosen(*[volumes_by_name[name] for name in order])) == {"b", "e"}


def test_of_two_that_nothing_tells_apart_none_is_chosen_until_a_reader_settles_it() -> None:
    twins = [make_volume(name, **SAGITTAL_T2FS) for name in ("one", "other")]
    selected_volumes = select(assign_roles(twins))
    assert [volume.selected for volume in selected_volumes] == [False, False]
    assert all(volume.is_in_doubt and volume.choice_in_doubt for volume in selected_volumes)
    assert [volume.role_certainty for volume in selected_volumes] == [RoleCertainty.CERTAIN] * 2
    assert "nothing distinguishes the two" in selected_volumes[0].evidence[-1]


def test_what_is_in_doubt_is_not_chosen_even_alone() -> None:
    doubtful_volume = make_volume("v", **(SAGITTAL_T1 | {"contrast_agent": "Buscopan"}))
    (selected_volume,) = select(assign_roles([doubtful_volume]))
    assert (selected_volume.role, selected_volume.role_certainty) == (
        SeriesRole.T1,
        RoleCertainty.IN_DOUBT,
    )
    assert not selected_volume.selected
