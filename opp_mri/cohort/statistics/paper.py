"""The figures that Amini et al. 2016 print, each next to what follows from the paper's Table 1.

A folder holds `table1.csv`, the table, and `printed.toml`, which says of each figure what is
printed and how it is to be computed. No result is written here: another table has other results.
"""

import csv
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from attrs import field, fields, frozen

from opp_mri.cohort.statistics.exact_test import run_fisher_test
from opp_mri.cohort.statistics.survival import LogRank, Observed, log_rank
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.estimate import LEVEL
from opp_mri.errors import InputError, TableError, TableFault

TABLE: Final = "table1.csv"
PRINTED: Final = "printed.toml"
DAYS_PER_WEEK: Final = 7
_NUMBER: Final = re.compile(r"\d*\.?\d+")
_COLUMNS: Final = {  # the pattern of each column's values
    "patient": r"[1-9]\d{0,3}",
    "age_years": r"[1-9]\d{0,2}",
    "sex": "[FM]",
    "histology": r"\S.*",
    "level": r"[CTLS][1-9]\d?",
    "dose_gy": r"[1-9]\d{0,2}",
    "fractions": r"[1-9]\d?",
    "response": "|".join(tuple(ResponseCategory)[:4]),  # a published lesion has been classified
}
Values: TypeAlias = Sequence[float]
Rows: TypeAlias = "Sequence[TableRow]"
Wanted: TypeAlias = Mapping[str, Sequence[int | str]]  # by property of a row; empty takes all
Recipe: TypeAlias = "Callable[[Paper, Figure], _Computed]"


@frozen(kw_only=True)
class TableRow:
    """A lesion of Table 1."""

    patient: int = field(converter=int)
    age_years: int = field(converter=int)
    sex: str
    histology: str
    level: str
    dose_gy: int = field(converter=int)
    fractions: int = field(converter=int)
    response: str

    @property
    def region(self) -> str:
        """C, T, L or S."""
        return self.level[0]


@frozen(kw_only=True)
class Figure:
    """A figure that the paper prints, and how it is to be computed.

    Parameters
    ----------
    printed, where
        Its digits as printed, and the place in the paper.
    compute
        One of `RECIPES`, from the rows that `count`, out of those in `of`; `group` gives the
        first of two groups, `needs` the names of other figures.
    reason
        Key of the sentence that says what is assumed or missing, or empty.
    enrolled
        Patients of the two trials; only where those left out are computed.
    """

    name: str
    printed: str
    where: str
    compute: str
    count: Wanted = field(factory=dict)
    of: Wanted = field(factory=dict)
    group: Wanted = field(factory=dict)
    needs: Sequence[str] = ()
    reason: str = ""
    enrolled: int = 0

    @property
    def numbers(self) -> list[str]:
        """The printed numbers, with the digits that they are printed with."""
        return _NUMBER.findall(self.printed)


@frozen(kw_only=True)
class Paper:
    """What a folder holds; `days_to_peak` are a reconstruction and no data of the paper."""

    rows: Rows
    figures: Sequence[Figure]
    reasons: Mapping[str, str]
    days_to_peak: Sequence[int]


@frozen(kw_only=True)
class PrintedFigure:
    """A printed figure next to what is computed.

    Parameters
    ----------
    agrees
        Whether each computed number rounds to the printed one; None where nothing that is
        published gives it.
    why
        Why they differ or cannot be compared, and what is assumed; else empty.
    """

    name: str
    where: str
    printed: str
    computed: str | None
    agrees: bool | None
    why: str


@frozen
class _Computed:
    text: str | None
    values: Values | None = None  # to compare; None: there is nothing to compare
    hint: str = ""  # why they may differ


def compute_printed_figures(folder: Path) -> list[PrintedFigure]:
    """Compute each figure that the paper prints, in the order of the paper.

    Raises
    ------
    InputError
        The folder does not hold the two files, or they are not as they must be.
    """
    paper = read_paper(folder)
    return [_compare_printed(paper, figure) for figure in paper.figures]


def read_paper(folder: Path) -> Paper:
    """Read the table and the printed figures; raises as `printed_figures` does."""
    rows = _read_rows(_read_text(folder / TABLE))
    try:
        document = tomllib.loads(_read_text(folder / PRINTED))
        figures = [Figure(**entry) for entry in document["figure"]]
        days = document["reconstruction"]["days_to_peak"]
        paper = Paper(rows=rows, figures=figures, reasons=document["reasons"], days_to_peak=days)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{PRINTED} is invalid: {error}. Correct the file.") from error
    keys = {attribute.name for attribute in fields(TableRow)} | {"region"}
    for figure in figures:
        unknown = {*figure.count, *figure.of, *figure.group} - keys
        unknown |= {figure.compute} - set(RECIPES)
        unknown |= set(figure.needs) - {figure.name for figure in figures}
        unknown |= {figure.reason} - {"", *paper.reasons}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise InputError(f"{PRINTED}, “{figure.name}”: {names} is unknown: correct it.")
    return paper


def log_rank_of_counts(at_risk: tuple[int, int], events: Sequence[tuple[int, int]]) -> LogRank:
    """Return the log-rank test of two groups in which every event precedes every censoring.

    Parameters
    ----------
    at_risk
        Lesions of the two groups at the start.
    events
        Events of the two groups at each event time, in the order of time.
    """
    days, groups = [], []
    for day, at_once in enumerate(events, start=1):
        for group, count in enumerate(at_once):
            days += [day] * count
            groups += [group] * count
    event_count = len(days)
    for group, lesions in enumerate(at_risk):
        rest = lesions - groups[:event_count].count(group)
        days += [len(events) + 1] * rest
        groups += [group] * rest
    return log_rank(
        Observed(
            duration_days=days,
            event=np.arange(len(days)) < event_count,
            group=[str(group) for group in groups],
        )
    )


def find_mean_interval(values: Values, *, by_t: bool = True) -> Values:
    """Return the 95% interval of a mean by Student's t, or else by the normal distribution."""
    from scipy import stats  # slow to import

    law = stats.t(len(values) - 1) if by_t else stats.norm()
    mean, half = float(np.mean(values)), float(law.ppf((1 + LEVEL) / 2) * stats.sem(values))
    return mean - half, mean + half


def find_narrowest_t_interval(n: int, mean: float, low: float, high: float) -> Values | None:
    """Return the narrowest t interval of n values with this mean and range, None if none has them.

    The SD is smallest when all values between the two extremes are equal.
    """
    between = (n * mean - low - high) / (n - 2) if n > 2 else math.nan
    return find_mean_interval([low, high, *[between] * (n - 2)]) if low <= between <= high else None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name} cannot be read in {path.parent}: give the folder sample_data/amini2016 "
            "of the source tree with --data."
        ) from error


def _read_rows(text: str) -> Rows:
    header, *records = list(csv.reader(text.splitlines())) or [[]]
    if header != list(_COLUMNS) or len(records) < 2:
        columns = ", ".join(_COLUMNS)
        raise TableError(TABLE, [TableFault(1, None, f"give two lesions or more, with {columns}")])
    faults = [
        TableFault(line, column, "give a value as Table 1 has it, and one for each column")
        for line, record in enumerate(records, start=2)
        for column, value in zip(header, [*record, *[""] * len(header)], strict=False)
        if not re.fullmatch(_COLUMNS[column], value, re.ASCII) or len(record) > len(header)
    ]
    if faults:
        raise TableError(TABLE, faults)
    return [TableRow(**dict(zip(header, record, strict=True))) for record in records]


def _compare_printed(paper: Paper, figure: Figure) -> PrintedFigure:
    result = RECIPES[figure.compute](paper, figure)
    agrees = None if result.values is None else _would_round_to(result.values, figure.numbers)
    why = ["" if agrees else result.hint, paper.reasons.get(figure.reason, "")]
    if result.values is not None and not agrees:
        values_text = _write_values(result.values, _count_decimals(figure.numbers[0]))
        why.insert(0, f"With the paper's digits it is {values_text}.")
    return PrintedFigure(
        name=figure.name, where=figure.where, printed=figure.printed, computed=result.text,
        agrees=agrees, why=" ".join(filter(None, why)),
    )  # fmt: skip


def _count_decimals(number: str) -> int:
    return len(number.partition(".")[2])


def _write_values(values: Values, decimals: int) -> str:
    return "–".join(f"{value:.{decimals}f}" for value in values)


def _would_round_to(values: Values, numbers: Sequence[str]) -> bool:
    # A value half way between two numbers may be rounded to either.
    return len(values) == len(numbers) and all(
        abs(value - float(number)) <= 0.5 * 10 ** -_count_decimals(number) + 1e-9
        for value, number in zip(values, numbers, strict=True)
    )


def _select_matching(rows: Rows, conditions: Wanted) -> Rows:
    return [row for row in rows if all(getattr(row, key) in conditions[key] for key in conditions)]


def _count_patients(rows: Rows) -> int:
    return len({row.patient for row in rows})


def _count_lesions(paper: Paper, figure: Figure) -> _Computed:
    base = _select_matching(paper.rows, figure.of)
    count = len(_select_matching(base, figure.count))
    return _Computed(f"{count} of {len(base)}" if figure.of else str(count), [count])


def _count_all_patients(paper: Paper, figure: Figure) -> _Computed:
    count = _count_patients(paper.rows)
    count = figure.enrolled - count if figure.enrolled else count
    return _Computed(str(count), [count])


def _compute_percent(paper: Paper, figure: Figure) -> _Computed:
    base = _select_matching(paper.rows, figure.of)
    matching_rows = _select_matching(base, figure.count)
    if not base:
        return _Computed(None, hint="There is no lesion to take a percentage of.")
    parts = ", ".join(
        f"{len(_select_matching(matching_rows, {key: [value]}))} {value}"
        for key, values in figure.count.items()
        for value in values
        if len(values) > 1
    )
    percent = 100 * len(matching_rows) / len(base)
    text = f"{percent:.1f}% ({len(matching_rows)} of {len(base)}{': ' if parts else ''}{parts})"
    by_patient, hint = 100 * _count_patients(matching_rows) / _count_patients(base), ""
    if _would_round_to([by_patient], figure.numbers):
        counts = f"{_count_patients(matching_rows)} of {_count_patients(base)}, {by_patient:.1f}%"
        hint = f"Counted over patients it is as printed: {counts}."
    return _Computed(text, [percent], hint)


def _make_age_recipe(numbers: Callable[[Values], Values], decimals: int) -> Recipe:
    def compute_recipe(paper: Paper, _figure: Figure) -> _Computed:
        values = numbers([row.age_years for row in paper.rows])
        return _Computed(_write_values(values, decimals), values)

    return compute_recipe


def _count_groups(paper: Paper, figure: Figure) -> list[tuple[int, int]]:
    """Return events and lesions, of the group and of all others."""
    inside = _select_matching(paper.rows, figure.group)
    outside = [row for row in paper.rows if row not in inside]
    return [(len(_select_matching(rows, figure.count)), len(rows)) for rows in (inside, outside)]


def _compute_fisher(paper: Paper, figure: Figure) -> _Computed:
    (first, n_first), (second, n_second) = _count_groups(paper, figure)
    p = run_fisher_test((first, n_first), (second, n_second)).p
    if p is None:
        return _Computed(None, hint="A group is empty, or all or none had the event.")
    return _Computed(f"{p:.5f} ({first} of {n_first}, {second} of {n_second})", [p])


def _log_rank(paper: Paper, figure: Figure) -> _Computed:
    (first, n_first), (second, n_second) = _count_groups(paper, figure)
    if first and second:  # the order decides, and only the times would tell it
        return _Computed(None, hint="Both groups have events, and their order is not published.")
    at_risk = (n_first, n_second)
    if not all(at_risk):
        return _Computed(None, hint="There is only one group.")
    test = log_rank_of_counts(at_risk, [(1, 0)] * first + [(0, 1)] * second)
    single_day_test = log_rank_of_counts(at_risk, [(first, second)])
    if test.chi_square is None or test.p is None or single_day_test.p is None:
        return _Computed(None, hint="There is no event to compare the groups by.")
    hint = f"Were all events on one day, p would be {single_day_test.p:.4f}."
    return _Computed(f"{test.p:.4f} (chi-square {test.chi_square:.3f})", [test.p], hint)


def _list_weeks(paper: Paper, figure: Figure) -> Values:
    """Return the reconstructed weeks to peak, none where they are not as many as the lesions."""
    lesions = len(_select_matching(paper.rows, figure.count))
    return [
        days / DAYS_PER_WEEK for days in paper.days_to_peak if lesions == len(paper.days_to_peak)
    ]


def _make_reconstruction(numbers: Callable[[Values], Values]) -> Recipe:
    def compute_recipe(paper: Paper, figure: Figure) -> _Computed:
        weeks = _list_weeks(paper, figure)
        return _Computed(f"{_write_values(numbers(weeks), 1)} (reconstruction)" if weeks else None)

    return compute_recipe


def _compute_peak_interval(paper: Paper, figure: Figure) -> _Computed:
    """Hold the printed interval against the narrowest t interval that the printed range allows."""
    n = len(_select_matching(paper.rows, figure.count))
    by_name = {figure.name: figure.numbers for figure in paper.figures}
    mean, low, high = (float(number) for name in figure.needs for number in by_name[name])
    narrowest = find_narrowest_t_interval(n, mean, low, high)
    if narrowest is None:
        return _Computed(None, hint=f"No {n} values with a t interval have this mean and range.")
    text = f"{_write_values(narrowest, 1)} or wider (t)"
    if float(figure.numbers[0]) <= narrowest[0]:
        return _Computed(text, hint="The printed interval may be one by t.")
    hint = f"No {n} values with the printed mean and range have a narrower t interval: the printed "
    hint += f"one is not by t, which is the one for {n} values."
    if weeks := _list_weeks(paper, figure):
        normal, by_t = (
            _write_values(find_mean_interval(weeks, by_t=by_t), 1) for by_t in (False, True)
        )
        hint += f" The days {', '.join(map(str, paper.days_to_peak))}, a reconstruction, give "
        hint += f"{normal} by the normal distribution, and {by_t} by t."
    return _Computed(text, narrowest, hint)


RECIPES: Final[Mapping[str, Recipe]] = {
    "lesions": _count_lesions,
    "patients": _count_all_patients,
    "percent": _compute_percent,
    "mean age": _make_age_recipe(lambda ages: [float(np.mean(ages))], 2),
    "range of ages": _make_age_recipe(lambda ages: [min(ages), max(ages)], 0),
    "interval of ages": _make_age_recipe(find_mean_interval, 2),
    "fisher": _compute_fisher,
    "log-rank": _log_rank,
    "reconstructed mean": _make_reconstruction(lambda weeks: [float(np.mean(weeks))]),
    "reconstructed range": _make_reconstruction(lambda weeks: [min(weeks), max(weeks)]),
    "interval to peak": _compute_peak_interval,
    "nothing": lambda _paper, _figure: _Computed(None),
}
