"""A reader held against the same reader's hidden repeats, and the error that calls are given."""

import math
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from attrs import evolve
from fixtures.makers import NOON

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, Reading
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.double_read.repeatability import (
    build_repeatability_json,
    estimate_measurement_error,
    measure_repeatability,
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
    first, second = measure_repeatability(store)
    assert (first.reader, first.pairs, first.lesions) == ("A", 12, 4)
    assert first.bias_mm.value == pytest.approx(3.2 / 3)
    sd_mm = math.sqrt((0.4**2 + 0.2**2 + 3.0**2) / 3 / 2)
    assert first.within_subject_sd_mm.value == pytest.approx(sd_mm)
    assert first.repeatability_mm.value == pytest.approx(1.959964 * math.sqrt(2) * sd_mm, rel=1e-6)
    assert first.beyond.value == pytest.approx(4 / 12)
    assert first.within_subject_sd_mm.low < sd_mm < first.within_subject_sd_mm.high  # type: ignore[operator]
    assert (second.reader, second.pairs) == ("B", 1)
    assert second.within_subject_sd_mm.value is None
    record = build_repeatability_json(first)
    assert record["share_beyond_2_mm"]["value"] == pytest.approx(0.3333)


def test_what_has_no_two_lengths_is_left_out(store: SqlStore) -> None:
    store.add_readings([
        read("A", 0, "20.0"),
        read("A", 0, None, repeat=True),
        read("A", 1, "0.0"),
        read("A", 1, "0.0", repeat=True),
        read("A", 2, "20.0", repeat=True),
    ])  # fmt: skip
    assert measure_repeatability(store) == []


def test_calls_are_given_the_published_error_where_the_project_has_too_little(
    store: SqlStore,
) -> None:
    assert estimate_measurement_error(store) == DEFAULT_ERROR
    twice(store, "A", [0.5] * 19)
    error = estimate_measurement_error(store)
    assert (error.sd_mm, error.is_published) == (DEFAULT_ERROR.sd_mm, True)
    assert "which has only 19 pairs of hidden repeats on 1 lesions, of the 20 on 5" in error.source


def by_readers(store: SqlStore, offsets: dict[str, list[float]]) -> None:
    """Let readers measure 20 visits of five lesions, each with its offsets from 20 mm in turn."""
    store.add_readings([
        read(reader, cell, f"{20 + offset[cell % len(offset)]:.1f}", lesion=f"L{cell % 5}")
        for reader, offset in offsets.items()
        for cell in range(20)
    ])  # fmt: skip


def test_a_readers_constant_bias_cancels_in_a_change_and_is_taken_out(store: SqlStore) -> None:
    by_readers(store, {"A": [0.0, 0.0], "B": [1.0, 3.0]})
    error = estimate_measurement_error(store)
    assert error.sd_mm == pytest.approx(math.sqrt(20 / 19) / math.sqrt(2))
    assert not error.is_published
    assert error.source == (
        "independent readers of this project, without the constant differences between them, "
        "20 pairs on 5 lesions"
    )


def test_three_readers_give_their_error_as_two_do(store: SqlStore) -> None:
    by_readers(store, {"A": [0.0, 0.0], "B": [1.0, 3.0], "C": [5.0, 5.0]})
    error = estimate_measurement_error(store)
    variance = (1 + 0 + 1) / 3 * 20 / 19 / 2  # of A and B, A and C, B and C
    assert error.sd_mm == pytest.approx(math.sqrt(variance))
    assert "60 pairs on 5 lesions" in error.source


def test_repeats_of_one_reader_come_before_the_readers(store: SqlStore) -> None:
    by_readers(store, {"A": [0.0], "B": [2.0, 3.0]})
    store.add_readings([
        read("A", cell, "21.0", lesion=f"L{cell % 5}", repeat=True) for cell in range(20)
    ])  # fmt: skip
    error = estimate_measurement_error(store)
    assert error.sd_mm == pytest.approx(1 / math.sqrt(2))
    assert error.source == "hidden repeats of this project, 20 pairs on 5 lesions"


def test_what_the_sequences_of_a_visit_share_is_estimated(store: SqlStore) -> None:
    for cell in range(40):
        shared = 1.0 if cell % 2 else -1.0
        own = 1.0 if cell % 4 < 2 else -1.0
        for sequence, sign in ((SeriesRole.T1, 1), (SeriesRole.T2FS, -1)):
            lengths = {"A": "20.0", "B": f"{20 + shared + sign * own / 2:.1f}"}
            store.add_readings([
                evolve(read(reader, cell, length, lesion=f"L{cell % 5}"), sequence=sequence)
                for reader, length in lengths.items()
            ])  # fmt: skip
    assert estimate_measurement_error(store).visit_correlation == pytest.approx(
        0.75 / 1.25, abs=0.02
    )


def test_many_pairs_of_two_lesions_are_too_little(store: SqlStore) -> None:
    for lesion in ("L", "M"):
        twice(store, "A", [0.5] * 30, lesion)
    assert estimate_measurement_error(store).is_published


def test_a_sequence_with_enough_pairs_has_an_error_of_its_own(store: SqlStore) -> None:
    for sequence, difference, cells in (
        (SeriesRole.T1, 0.5, 24),
        (SeriesRole.T2FS, 1.5, 24),
        (SeriesRole.STIR, 3.0, 6),
    ):
        for cell in range(cells):
            lesion = f"L{cell % 6}"
            store.add_readings([
                evolve(read("A", cell, length, lesion=lesion, repeat=repeat), sequence=sequence)
                for length, repeat in (("20.0", False), (f"{20 + difference:.1f}", True))
            ])  # fmt: skip
    error = estimate_measurement_error(store)
    assert error.get_sd_mm(SeriesRole.T1, 20) == pytest.approx(0.5 / math.sqrt(2))
    assert error.get_sd_mm(SeriesRole.T2FS, 20) == pytest.approx(1.5 / math.sqrt(2))
    pooled_mm = math.sqrt((24 * 0.25 + 24 * 2.25 + 6 * 9) / 54 / 2)
    assert error.get_sd_mm(SeriesRole.STIR, 20) == error.sd_mm == pytest.approx(pooled_mm)
    assert ("T1 lengths 0.35 mm, 24 pairs; T2FS lengths 1.06 mm, 24 pairs") in error.classes_source


def test_short_and_long_lengths_have_errors_of_their_own_where_there_is_enough(
    store: SqlStore,
) -> None:
    for start_mm, difference, cells in ((12.0, 0.5, 24), (30.0, 2.0, 24), (20.0, 1.0, 2)):
        for cell in range(cells):
            lesion = f"L{cell % 6}-{start_mm:g}"
            store.add_readings([
                read("A", cell, f"{start_mm:.1f}", lesion=lesion),
                read("A", cell, f"{start_mm + difference:.1f}", lesion=lesion, repeat=True),
            ])  # fmt: skip
    error = estimate_measurement_error(store)
    assert error.get_sd_mm(SeriesRole.T1, 12) == pytest.approx(0.5 / math.sqrt(2))
    assert error.get_sd_mm(SeriesRole.T1, 31) > 1.3
    assert "lengths below 20 mm 0.35 mm, 24 pairs" in error.classes_source
    assert "lengths from 20 mm 1.37 mm, 26 pairs" in error.classes_source
    assert error.depends_on_size


def test_sizes_have_errors_of_their_own_within_a_sequence(store: SqlStore) -> None:
    for sequence, cells in ((SeriesRole.T1, 24), (SeriesRole.T2FS, 12)):
        for start_mm, difference in ((12.0, 0.5), (30.0, 2.0)):
            for cell in range(cells):
                store.add_readings([
                    evolve(
                        read("A", cell, length, lesion=f"L{cell % 6}-{start_mm:g}", repeat=repeat),
                        sequence=sequence,
                    )
                    for length, repeat in (
                        (f"{start_mm:.1f}", False), (f"{start_mm + difference:.1f}", True)
                    )
                ])  # fmt: skip
    error = estimate_measurement_error(store)
    assert "T1 lengths below 22 mm 0.35 mm, 24 pairs" in error.classes_source
    assert "T1 lengths from 22 mm 1.41 mm, 24 pairs" in error.classes_source
    pooled_mm = math.sqrt((0.25 + 4) / 2 / 2)
    assert error.get_sd_mm(SeriesRole.T2FS, 12) == pytest.approx(pooled_mm)
    assert error.get_sd_mm(SeriesRole.T1POST, 12) == pytest.approx(0.5 / math.sqrt(2))
