"""Withholding the small counts of tables that leave the hospital."""

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from opp_mri.cohort.tables.tables import Cell, Table
from opp_mri.cohort.tables.withholding import HIDDEN, withhold_counts


def suppress_counts(tables: Sequence[Table], below: int = 5) -> tuple[Table, ...]:
    """Withhold small counts, and what would give one away, in tables that are published together.

    A count from 1 to `below` - 1 reads <`below`; zero stays. A larger one is hidden, the smallest
    first, as long as some small one can be only one number by the sums and shared counts that are
    left; where nothing is left to hide, all are hidden, and none reads <`below`. A statistic goes
    with its n, a percentage with its total. Ranges stay, though they hold single values.

    Raises
    ------
    ValueError
        `below` is less than 3 (only 1 were withheld, and so known), or tables disagree on a count.
    """
    if below < 3:
        raise ValueError("below 3 a number that is withheld is known to be 1")
    cells = [cell for table in tables for row in table.rows for cell in row]
    counts = {cell.key: cell.count for cell in cells if cell.count is not None}
    if any(counts.get(cell.key, cell.count) != cell.count for cell in cells):
        raise ValueError("tables that are published together are of the same lesions")
    sums = [total for table in tables for total in table.sums if {*total} <= counts.keys()]
    words = withhold_counts(counts, sums, below)
    small = {key for key in words if 0 < counts[key] < below}
    note = f"Counts from 1 to {below - 1} are withheld, and others from which one could be derived."
    return tuple(
        Table(title=table.title, columns=table.columns, notes=(*table.notes, note), suppressed=True,
              rows=tuple(tuple(_withhold_cell(c, words, small) for c in row) for row in table.rows))
        for table in tables
    )  # fmt: skip


def _withhold_cell(cell: Cell, words: Mapping[str, str], small: Collection[str]) -> Cell:
    cell = evolve(cell, lesion_ids=())
    blank = dict.fromkeys(cell.values)
    if cell.key in words or (cell.rests_on in words and cell.count is not None):
        return evolve(cell, text=words.get(cell.key, HIDDEN), count=None, values=blank)
    if cell.rests_on in small or not words.keys().isdisjoint(cell.told_by):
        return evolve(cell, text=HIDDEN, values=blank)
    if cell.rests_on in words:
        return evolve(cell, values={**cell.values, "n": None})
    if cell.share_of in words:
        return evolve(cell, text=str(cell.count), values={**blank, "n": cell.count})
    return cell
