"""Names in tables: two spellings of one name, and names that are not known."""

import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

from attrs import define, field

from opp_mri.tables.cell_faults import quote_cell
from opp_mri.tables.csv_table import Row


@define
class Spellings:
    """The names of one column as they were first written.

    Parameters
    ----------
    column
        Name of the column.
    """

    column: str
    _first: dict[str, tuple[str, int | None]] = field(factory=dict, init=False)

    def add_known(self, name: str) -> None:
        """Take up a name that is recorded already."""
        self._first.setdefault(fold_name(name), (name, None))

    def check(self, row: Row, name: str) -> bool:
        """Note a fault where a name differs from an earlier one in case or Unicode form only."""
        earlier, line = self._first.setdefault(fold_name(name), (name, row.line))
        if earlier == name:
            return True
        where = "which is recorded" if line is None else f"of line {line}"
        row.add_fault(
            self.column,
            f"{quote_cell(name)} and {quote_cell(earlier)} {where} differ only in case, spaces or "
            "Unicode form: write one name in one way",
        )
        return False


def fold_name(name: str) -> str:
    """Return what two spellings of one name share: no case, no blanks, one Unicode form."""
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(normal.split())


def check_known(row: Row, name: str, known_names: Collection[str], where: str) -> bool:
    """Note a fault where a lesion is not among those that are known.

    Parameters
    ----------
    where
        The table that names them.
    """
    if name in known_names:
        return True
    by_form = {fold_name(known_name): known_name for known_name in known_names}
    close = by_form.get(fold_name(name)) or next(
        (by_form[form] for form in get_close_matches(fold_name(name), by_form, n=1, cutoff=0.75)),
        None,
    )
    hint = f" (did you mean {quote_cell(close)}?)" if close else ""
    row.add_fault(
        "lesion_id",
        f"{quote_cell(name)} is not in {where}: add it there, or correct the name{hint}",
    )
    return False
