"""Lengths of two readers are compared where both measured; other answers have their own table."""

from datetime import date
from decimal import Decimal

from fixtures.makers import NOON, make_lesion

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.double_read.agreement import (
    _build_answer_table,
    _compare_lengths,
    pair_readings,
)
from opp_mri.workflow.measuring.native_reading import build_reading

DAYS = [date(2024, 1, 15), date(2024, 5, 1), date(2024, 9, 1), date(2025, 1, 1)]
FIRST = ["17.0", "19.0", Answer.GONE, Answer.NOT_MEASURABLE]
SECOND = ["18.0", Answer.GONE, Answer.GONE, "15.0"]


def test_two_who_say_gone_do_not_agree_in_a_length(store: SqlStore) -> None:
    store.add_lesions([make_lesion("G")], NOON)
    for reader, answers in (("A", FIRST), ("B", SECOND)):
        store.add_readings(
            [
                build_reading(
                    "G", reader, (day, SeriesRole.T1),
                    answer if isinstance(answer, Answer) else Answer.MEASURED,
                    stated_mm=None if isinstance(answer, Answer) else Decimal(answer),
                    reason="motion", at=NOON,
                )
                for day, answer in zip(DAYS, answers, strict=True)
            ]
        )  # fmt: skip
    pairs_by_cell = pair_readings(store, ("A", "B"))
    assert len(pairs_by_cell) == 4
    comparison = _compare_lengths("T1", [(key[0], *pair) for key, pair in pairs_by_cell.items()])
    assert comparison.pairs == (("G", 17.0, 18.0),)
    table = _build_answer_table(list(pairs_by_cell.values()))
    assert table.answers == (Answer.MEASURED, Answer.GONE, Answer.NOT_MEASURABLE)
    assert table.counts == ((1, 1, 0), (0, 1, 0), (1, 0, 0))
    assert table.n == 4
