from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs
import pytest
from fixtures.makers import NOON, make_instance, study_volume
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.imaging import FileStatus, SeriesRole, SourceFile, VolumeDescription
from opp_mri.errors import InputError, TableError
from opp_mri.store.protocol import CatalogueEntry
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.catalogue.patients import (
    PatientMap,
    find_likely_matches,
    join_patients,
    list_patients,
    list_time_points,
    map_patients,
)

Fill = Callable[[SqlStore, list[VolumeDescription]], None]


def same_patient(folder: Path, *pairs: str) -> Path:
    path = folder / "map.csv"
    path.write_text("\n".join(["patient_id,same_as", *pairs]) + "\n")
    return path


def test_without_a_map_every_patient_id_is_a_patient(store: SqlStore) -> None:
    assert [patient.patient_ids for patient in list_patients(store)] == [("P1",), ("P2",)]


def test_a_map_joins_patient_ids_and_their_time_points(store: SqlStore, tmp_path: Path) -> None:
    assert join_patients(store, same_patient(tmp_path, "P2,P1"), NOON) == 1
    assert [patient.patient_ids for patient in list_patients(store)] == [("P1", "P2")]
    assert [point.study_date for point in list_time_points(store, "P2")] == [
        date(2024, 1, 15),
        date(2024, 5, 1),
        date(2024, 9, 1),
    ]
    assert set(store.get_stale_patients()) == {"P1", "P2"}


def test_the_same_map_again_changes_nothing(store: SqlStore, tmp_path: Path) -> None:
    path = same_patient(tmp_path, "P2,P1")
    join_patients(store, path, NOON)
    assert join_patients(store, path, NOON) == 0


def test_a_map_that_names_an_unknown_patient_is_not_used(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2 names a PatientID") as error_info:
        join_patients(store, same_patient(tmp_path, "P2,P1", "P9,P1"), NOON)
    assert "P9" not in str(error_info.value), "no PatientID in a message"
    assert store.get_same_patient() == []


def test_one_patient_id_cannot_be_two_others(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 3"):
        join_patients(store, same_patient(tmp_path, "P2,P1", "P2,P3"), NOON)


def test_two_studies_of_one_day_are_one_time_point(store: SqlStore, fill: Fill) -> None:
    first = study_volume("before", SeriesRole.T1)
    second = study_volume(
        "before",
        SeriesRole.T2FS,
        study_instance_uid="1.second",
    )
    fill(store, [first, second])
    (point,) = list_time_points(store, "P1")
    assert point.study_instance_uids == ("1.before", "1.second")


def test_a_copied_study_is_part_of_the_time_point_of_its_original(
    store: SqlStore, fill: Fill
) -> None:
    original = study_volume("before", SeriesRole.T1)
    copy = attrs.evolve(study_volume("after", SeriesRole.T1), duplicate_of=original.volume_id)
    fill(store, [original, copy])
    (point,) = list_time_points(store, "P1")
    assert point.study_date == date(2024, 1, 15)
    assert point.study_instance_uids == ("1.before",)
    assert point.copied_study_instance_uids == ("1.after",)


def test_the_same_name_in_other_writing_and_the_birth_date_are_proposed_and_not_assumed(
    store: SqlStore,
) -> None:
    names = ("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", "YAMADA TARO=山田　太郎=ﾔﾏﾀﾞ ﾀﾛｳ")
    for number, (patient_id, name) in enumerate(zip(("A", "B"), names, strict=True)):
        instance = make_instance(
            f"7.{number}",
            patient_id=patient_id,
            patient_name=name,
            patient_birth_date=date(1960, 2, 29),
            study_instance_uid=f"7.{number}.0",
        )
        source = SourceFile(path=f"/{number}", size_bytes=1, modified_ns=1)
        entry = CatalogueEntry(
            source=source, status=FileStatus.IMAGE, instance=instance, likeness=str(number)
        )
        store.add_files([entry])
    (match,) = find_likely_matches(store)
    assert match.patient_ids == ("A", "B")
    assert match.reasons == ("same name and birth date",)
    assert map_patients(store).group("A") == ("A",)
    store.add_same_patient([("B", "A")], NOON)
    assert find_likely_matches(store) == []


def test_a_pair_with_itself_takes_a_patient_id_out_again() -> None:
    patient_map = PatientMap([("B", "A"), ("C", "A"), ("B", "B")])
    assert (patient_map.group("A"), patient_map.group("B")) == (("A", "C"), ("B",))


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("ABCDE")), max_size=12))
def test_groups_never_overlap_and_always_end(pairs: list[tuple[str, str]]) -> None:
    patient_map = PatientMap(pairs)
    groups = {patient_map.group(patient_id) for patient_id in "ABCDE"}
    assert sorted(member for group in groups for member in group) == list("ABCDE")
