"""Fits and what readers decided about them, in SQL: rows are only ever added."""

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.store import schema
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions


class SqlAlignments(Transactions):
    """The part of a store that holds fits; the software proposes them, readers decide."""

    def add_alignments(self, alignments: Sequence[Alignment]) -> None:
        """Record fits; one with an id that is there already is the same fit and is left."""
        rows = [
            {
                "fit_id": alignment.fit_id,
                "lesion_id": alignment.lesion_id,
                "record": to_json(alignment),
            }
            for alignment in alignments
        ]
        if rows:
            with self.writing_transaction() as connection:
                connection.execute(insert_or(schema.alignment).on_conflict_do_nothing(), rows)

    def alignments(self, lesion_id: str | None = None) -> Sequence[Alignment]:
        """Give the fits of one lesion, or all, in the order in which they were recorded."""
        query = select(schema.alignment.c.record).order_by(schema.alignment.c.alignment_id)
        if lesion_id is not None:
            query = query.where(schema.alignment.c.lesion_id == lesion_id)
        with self.reading_transaction() as connection:
            return [from_json(record, Alignment) for record in connection.scalars(query)]

    def add_alignment_decision(self, decision: AlignmentDecision) -> None:
        """Record what a reader decided about a fit."""
        row = {"fit_id": decision.fit_id, "record": to_json(decision)}
        with self.writing_transaction() as connection:
            connection.execute(insert(schema.alignment_decision), [row])

    def alignment_decisions(self) -> Mapping[str, Sequence[AlignmentDecision]]:
        """Give the decisions about each fit, the latest last."""
        table = schema.alignment_decision
        found: dict[str, list[AlignmentDecision]] = {}
        with self.reading_transaction() as connection:
            for row in connection.execute(select(table).order_by(table.c.alignment_decision_id)):
                decision = from_json(row.record, AlignmentDecision)
                found.setdefault(row.fit_id, []).append(decision)
        return found
