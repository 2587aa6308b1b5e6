from collections.abc import Callable
from datetime import date

import attrs
import pytest
from fixtures.makers import NOON, make_lesion, study_volume

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import SeedPoint
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.registration.align_left_out import describe_not_comparable, list_left_out
from opp_mri.workflow.registration.align_plan import plan
from opp_mri.workflow.registration.visits import group_by_visit, group_left_out

T1, T2FS = SeriesRole.T1, SeriesRole.T2FS
Fill = Callable[[SqlStore, list[VolumeDescription]], None]
AFTER_TWO_VISITS = {"ssrs_first_date": date(2024, 6, 1), "ssrs_last_date": date(2024, 6, 1)}


def test_the_baseline_is_the_last_visit_before_radiosurgery(store: SqlStore) -> None:
    tasks = plan(store, ["L"])
    assert [[v.study_date for v in task.pairs[0][1:]] for task in tasks] == [
        [date(2024, 1, 15), date(2024, 5, 1)],
        [date(2024, 1, 15), date(2024, 9, 1)],
    ]


@pytest.mark.parametrize("study", ["before", "after"])
def test_a_seed_is_only_used_in_the_frame_of_reference_of_its_own_image(
    store: SqlStore, study: str
) -> None:
    seed = SeedPoint(sop_instance_uid=f"1.{study}.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed, **AFTER_TWO_VISITS)], NOON)
    tasks = plan(store, ["L"])
    baselines = {pair[1].planes[0].frame_of_reference_uid for t in tasks for pair in t.pairs}
    assert baselines == {f"frame-{study}"}
    assert {task.centre_lps_mm for task in tasks} == {(0.0, -28.0, 78.0)}


def test_a_sequence_in_another_frame_than_the_seed_is_not_paired(
    store: SqlStore, fill: Fill
) -> None:
    moved_volume = study_volume("before", T2FS)
    planes = tuple(attrs.evolve(p, frame_of_reference_uid="moved") for p in moved_volume.planes)
    fill(
        store,
        [
            study_volume("before", T1),
            attrs.evolve(moved_volume, planes=planes),
            study_volume("later", T1),
            study_volume("later", T2FS),
        ],
    )
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    assert [pair[0] for task in plan(store, ["L"]) for pair in task.pairs] == [T1]
    (sentence,) = list_left_out(store, ["L"])
    assert sentence.startswith("L: the T2FS of 2024-01-15 lies in another frame of reference")
    assert "common point" in sentence


def test_a_baseline_without_a_frame_of_reference_is_said_to_name_none(
    store: SqlStore, fill: Fill
) -> None:
    nameless = study_volume("before", T2FS)
    planes = tuple(attrs.evolve(p, frame_of_reference_uid="") for p in nameless.planes)
    fill(store, [study_volume("before", T1), attrs.evolve(nameless, planes=planes)])
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    (sentence,) = list_left_out(store)
    assert "names no frame of reference" in sentence


def test_a_baseline_that_stops_before_the_lesion_is_said_to(store: SqlStore, fill: Fill) -> None:
    short = study_volume("before", T2FS)
    planes = tuple(attrs.evolve(p, rows=4) for p in short.planes)
    fill(store, [study_volume("before", T1), attrs.evolve(short, planes=planes)])
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    assert [
        sentence for sentence in list_left_out(store) if "does not reach the lesion" in sentence
    ]


def test_a_seed_on_a_follow_up_lines_up_nothing_and_says_so(store: SqlStore) -> None:
    seed = SeedPoint(sop_instance_uid="1.later.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed, **AFTER_TWO_VISITS)], NOON)
    assert plan(store, ["L"]) == []
    (sentence,) = list_left_out(store)
    assert "Set the seed on an image from before radiosurgery" in sentence


def test_where_all_is_lined_up_nothing_is_said(store: SqlStore) -> None:
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed, **AFTER_TWO_VISITS)], NOON)
    assert list_left_out(store) == ()


def test_a_sequence_that_the_follow_up_does_not_have_is_left_out_in_words(
    store: SqlStore, fill: Fill
) -> None:
    fill(
        store,
        [study_volume("before", T1), study_volume("before", T2FS), study_volume("later", T1)],
    )
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    task = next(task for task in plan(store, ["L"]) if task.not_comparable)
    assert [pair[0] for pair in task.pairs] == [T1]
    (sentence,) = describe_not_comparable([task])
    assert sentence.startswith("L: T2FS of 2024-01-15 and 2024-")
    assert "not comparable, left out. The follow-up has no T2FS" in sentence
    assert "The fit of the other sequences carries it." in sentence


def test_a_visit_without_a_common_sequence_is_left_out_in_words(
    store: SqlStore, fill: Fill
) -> None:
    fill(store, [study_volume("before", T2FS), study_volume("later", T1)])
    seed = SeedPoint(sop_instance_uid="1.before.T2FS.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    (task,) = plan(store, ["L"])
    assert task.pairs == ()
    (sentence,) = describe_not_comparable([task])
    assert "The follow-up has no T2FS, only T1: unlike sequences are not comparable." in sentence
    assert "carries" not in sentence
    assert group_by_visit([], task.not_comparable) == []
    assert list(group_left_out(task.not_comparable).values()) == [task.not_comparable]


def test_a_sequence_that_lost_its_fat_suppression_is_left_out_in_words(
    store: SqlStore, fill: Fill
) -> None:
    before, later = (
        attrs.evolve(study_volume(study, None), role=SeriesRole.T1POST, selected=True)
        for study in ("before", "later")
    )
    plain = attrs.evolve(later.instance, scan_options=(), series_description="SAG T1 POST")
    later = attrs.evolve(later, instance=plain)
    fill(store, [study_volume("before", T1), before, study_volume("later", T1), later])
    seed = SeedPoint(sop_instance_uid="1.before.T1.8", column=100.0, row=50.0)
    store.add_lesions([make_lesion("L", seed=seed)], NOON)
    (task,) = plan(store, ["L"])
    assert [pair[0] for pair in task.pairs] == [T1]
    (sentence,) = describe_not_comparable([task])
    assert "Fat is suppressed at the baseline only" in sentence
