"""A reader held against the same reader's hidden repeats, and the error that calls are given."""

import math
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from fixtures.makers import NOON

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, Reading
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.double_read.repeatability import (
    measurement_error,
    repeatability,
    repeatability_record,
)


def read(
    reader: str, cell: int, length: str | None, *, lesion: str = "L", repeat: bool = False
) -> Reading:
    return Reading(
        reading_id=str(uuid4()), lesion_id=lesion, sequence=SeriesRole.T1, reader=reader,
        study_date=date(2024, 1, 1) + timedelta(days=cell),
        answer=(
            Answer.NOT_MEASURABLE if not length
            else Answer.GONE if length == "0.0"
            else Answer.MEASURED
        ),
        length_mm=Decimal(length) if length else None,
        length_source=LengthSource.IMPORTED if length else None,
        repeat=repeat, recorded_at=NOON,
    )  # fmt: skip


def twice(store: SqlStore, reader: str, differences: list[float], lesion: str = "L") -> None:
    for cell, difference in enumerate(differences):
        store.add_readings([
            read(reader, cell, "20.0", lesion=lesion),
            read(reader, cell, f"{20 + difference:.1f}", lesion=lesion, repeat=True),
        ])  # fmt: skip


def test_the_second_less_the_first_by_reader(store: SqlStore) -> None:
    for number in range(4):
        twice(store, "A", [0.4, -0.2, 3.0], f"L{number}")
    twice(store, "B", [1.0])
    first, second = repeatability(store)
    assert (first.reader, first.pairs, first.lesions) == ("A", 12, 4)
    assert first.bias_mm.value == pytest.approx(3.2 / 3)
    sd_mm = math.sqrt((0.4**2 + 0.2**2 + 3.0**2) / 3 / 2)
    assert first.within_subject_sd_mm.value == pytest.approx(sd_mm)
    assert first.repeatability_mm.value == pytest.approx(1.959964 * math.sqrt(2) * sd_mm, rel=1e-6)
    assert first.beyond.value == pytest.approx(4 / 12)
    assert first.within_subject_sd_mm.low < sd_mm < first.within_subject_sd_mm.high  # type: ignore[operator]
    assert (second.reader, second.pairs) == ("B", 1)
    assert second.within_subject_sd_mm.value is None
    record = repeatability_record(first)
    assert record["share_beyond_2_mm"]["value"] == pytest.approx(0.3333)


def test_what_has_no_two_lengths_is_left_out(store: SqlStore) -> None:
    store.add_readings([
        read("A", 0, "20.0"),
        read("A", 0, None, repeat=True),
        read("A", 1, "0.0"),
        read("A", 1, "0.0", repeat=True),
        read("A", 2, "20.0", repeat=True),
    ])  # fmt: skip
    assert repeatability(store) == []


def test_calls_are_given_the_stated_default_where_the_project_has_too_little(
    store: SqlStore,
) -> None:
    assert measurement_error(store) == DEFAULT_ERROR
    twice(store, "A", [0.5] * 19)
    assert measurement_error(store) == DEFAULT_ERROR


def test_the_projects_own_repeats_come_before_its_two_readers(store: SqlStore) -> None:
    for cell in range(20):
        store.add_readings([read("A", cell, "20.0", lesion=f"L{cell % 5}"),
                            read("B", cell, "22.0", lesion=f"L{cell % 5}")])  # fmt: skip
    error = measurement_error(store)
    assert error.sd_mm == pytest.approx(2 / math.sqrt(2))
    assert "two independent readers of this project, 20 pairs on 5 lesions" in error.source
    store.add_readings([
        read("A", cell, "21.0", lesion=f"L{cell % 5}", repeat=True) for cell in range(20)
    ])  # fmt: skip
    error = measurement_error(store)
    assert error.sd_mm == pytest.approx(1 / math.sqrt(2))
    assert "hidden repeats of this project, 20 pairs on 5 lesions" in error.source


def test_many_pairs_of_two_lesions_are_too_little(store: SqlStore) -> None:
    for lesion in ("L", "M"):
        twice(store, "A", [0.5] * 30, lesion)
    assert measurement_error(store) == DEFAULT_ERROR
