"""The tables of a cohort: flow, demographics, response by fractionation, course of OPP lesions.

Each is a pure function of the lesions. A cell holds its text and the same as numbers; a count has a
key that is the same in every table that shows it. Sources: the tables and the results section of
Amini et al., AJNR 2016;37:387-392.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve, field, frozen

from opp_mri.cohort.statistics.endpoints import (
    Spread,
    describe_spread,
    find_peak_changes_mm,
    find_returns_to_baseline,
    find_time_to_peak,
)
from opp_mri.cohort.statistics.members import (
    ALL,
    ELIGIBLE,
    EXCLUDED,
    EXCLUSION_WORDS,
    UNKNOWN,
    FractionGroup,
    classify_fractions,
    count_characteristics,
    find_age_at_radiosurgery,
    list_answers,
    list_screening_steps,
    select_eligible,
)
from opp_mri.cohort.tables.withholding import Sum
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import find_retreatment_day
from opp_mri.units import DAYS_PER_WEEK

HAPPENED: Final[tuple[tuple[str, str, Callable[[AssessedLesion], bool]], ...]] = (
    (
        "Grew",
        "grew",
        lambda lesion: any(c.grew for _, c in lesion.courses.values()),
    ),
    ("Retreated", "retreated", lambda lesion: find_retreatment_day(lesion.timeline) is not None),
    ("Died", "died", lambda member: member.lesion.death_date is not None),
)
"""What is counted at each step of screening: heading, start of the key, and the question."""
AGE_KNOWN: Final = "age.known"

NONE: Final = "-"  # a statistic that is not estimable

Value = int | float | str | None


@frozen(kw_only=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text
        What a reader sees.
    key
        Name of the number; empty for a label.
    count
        Number of lesions or patients, where it is one.
    share_of
        Key of the total that the text gives a percentage of.
    rests_on
        Key of a count that it would give away: the n of a statistic, the lesions of patients.
    told_by
        Keys of counts that it can be worked back to: it is withheld with any of them.
    values
        The same as numbers: times in days, lengths in mm, ages in years, percentages unrounded.
    lesion_ids
        The lesions that it counts, or whose patients; a statistic has those of `rests_on`.
    """

    text: str = field(default="", converter=str)  # an enum's value, not the enum
    key: str = ""
    count: int | None = None
    share_of: str = ""
    rests_on: str = ""
    told_by: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(factory=dict)
    lesion_ids: tuple[str, ...] = field(default=(), repr=False)

    def with_words(self, words: str) -> "Cell":
        """Return the same cell with words after its text."""
        return evolve(self, text=f"{self.text}{words}")


@frozen(kw_only=True)
class Table:
    """A table, with what its counts add up to, and whether small counts were withheld."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    sums: tuple[Sum, ...] = ()
    suppressed: bool = False

    @property
    def text_rows(self) -> tuple[tuple[str, ...], ...]:
        """The rows for a reader."""
        return tuple(tuple(cell.text for cell in row) for row in self.rows)

    @property
    def records(self) -> tuple[dict[str, Value], ...]:
        """The machine form: one record for each cell with a number, its key and its values."""
        return tuple({"key": c.key, **c.values} for row in self.rows for c in row if c.key)


def tabulate_flow(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the lesions at each step of screening, with their patients and what happened."""
    tree: tuple[Sum, ...] = (
        (ALL, EXCLUDED, ELIGIBLE),
        (EXCLUDED, *(f"{EXCLUDED}.{reason}" for reason in EXCLUSION_WORDS)),
        (
            ELIGIBLE,
            *(f"response.{category}" for category in list_answers(select_eligible(lesions))),
        ),
    )
    return Table(
        title="Screening and flow",
        columns=("Step", "Lesions", "Patients", *(heading for heading, _, _ in HAPPENED)),
        rows=tuple(
            (
                Cell(text=step),
                count_cell(key, list_ids(at_step)),
                _count_patients(key, at_step),
                *(
                    count_cell(f"{slug}/{key}", list_ids(filter(had_event, at_step)))
                    for _, slug, had_event in HAPPENED
                ),
            )
            for step, key, at_step in list_screening_steps(lesions)
        ),
        notes=(
            "A lesion is counted under the first reason that excludes it, in the order shown.",
            "6 months are the shortest follow-up of the criteria. A lesion with a shorter "
            "follow-up is excluded here unless it had grown (before a local retreatment, or as "
            "known today); it is in every analysis of time to an event nevertheless.",
            "Grew: by the change that counts, at any follow-up, on any sequence with a baseline. A "
            "patient with several lesions is counted in each step that has one of them.",
        ),
        sums=(
            *tree,
            *(tuple(f"{slug}/{key}" for key in keys) for _, slug, _ in HAPPENED for keys in tree),
        ),
    )


def tabulate_demographics(lesions: Sequence[AssessedLesion]) -> Table:
    """Describe the lesions that are analysed, their patients and their treatment."""
    eligible_lesions = select_eligible(lesions)
    rows = [
        (Cell(text="Lesions"), Cell(), count_cell(ELIGIBLE, list_ids(eligible_lesions))),
        (Cell(text="Patients"), Cell(), _count_patients(ELIGIBLE, eligible_lesions)),
        *_build_age_rows(eligible_lesions),
    ]
    sums: list[Sum] = [(ELIGIBLE, AGE_KNOWN, f"age.{UNKNOWN}")]
    for characteristic in count_characteristics(eligible_lesions):
        keys = {value: f"{characteristic.key}.{value}" for value in characteristic.lesion_ids}
        rows += [
            (
                Cell(text=characteristic.heading),
                Cell(text=value),
                count_cell(keys[value], ids, ELIGIBLE, len(eligible_lesions)),
            )
            for value, ids in characteristic.lesion_ids.items()
        ]
        sums.append((ELIGIBLE, *keys.values()))
        for whole in dict.fromkeys(characteristic.within.values()):
            sums.append(
                (
                    whole,
                    *(keys[value] for value, of in characteristic.within.items() if of == whole),
                )
            )
    return Table(
        title="Demographics",
        columns=("Characteristic", "Value", "Lesions (%) or statistic"),
        rows=tuple(rows),
        notes=(
            "All rows but the number of patients count lesions: a patient with two counts twice.",
            "Radioresistant are renal cell carcinoma, sarcoma, adenoid cystic carcinoma and "
            "melanoma (Amini 2016); a histology that its Table 1 does not list is unknown.",
            "An age from the year of birth may be one year too high.",
        ),
        sums=tuple(sums),
    )


def tabulate_response_by_fractions(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the responses after a single fraction and after several."""
    eligible_lesions = select_eligible(lesions)
    answers = list_answers(eligible_lesions)
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for lesion in eligible_lesions:
        answer, group = lesion.assessment.category, classify_fractions(lesion.lesion)
        for place in ((answer, group), (answer, ""), ("", group)):
            ids[place].append(lesion.lesion.lesion_id)
    groups = [g for g in FractionGroup if g is not FractionGroup.UNKNOWN or ids["", g]]
    sizes = {group: len(ids["", group]) for group in groups}
    sums: list[Sum] = [
        (ELIGIBLE, *(f"group.{group}" for group in groups)),
        (ELIGIBLE, *(f"response.{category}" for category in answers)),
        *((f"group.{g}", *(f"response.{a}/group.{g}" for a in answers)) for g in groups),
        (f"group.{FractionGroup.SINGLE}", "fractions.1"),
        (f"group.{FractionGroup.UNKNOWN}", f"fractions.{UNKNOWN}"),
    ]
    row = [count_cell(f"group.{group}", ids["", group]) for group in groups]
    rows = [(Cell(text="Lesions"), *row, count_cell(ELIGIBLE, list_ids(eligible_lesions)))]
    for answer in answers:
        keys = {group: f"response.{answer}/group.{group}" for group in groups}
        sums.append((f"response.{answer}", *keys.values()))
        row = [count_cell(keys[g], ids[answer, g], f"group.{g}", sizes[g]) for g in groups]
        all_of = count_cell(f"response.{answer}", ids[answer, ""], ELIGIBLE, len(eligible_lesions))
        rows.append((Cell(text=answer), *row, all_of))
    return Table(
        title="Response by fractionation",
        columns=("Response", *(group.capitalize() for group in groups), "All lesions"),
        rows=tuple(rows),
        notes=("Percentages are of the lesions of the column.",),
        sums=tuple(sums),
    )


def tabulate_time_course(lesions: Sequence[AssessedLesion]) -> Table:
    """Describe the course of OPP lesions: peak, size there, return to baseline."""
    answered_lesions = [
        o for o in select_eligible(lesions) if o.assessment.category is ResponseCategory.OPP
    ]
    lesion_names = [(lesion, lesion.lesion.lesion_id) for lesion in answered_lesions]
    peaks = [(name, peak) for lesion, name in lesion_names if (peak := find_time_to_peak(lesion))]
    sizes = [(name, find_peak_changes_mm(lesion)) for lesion, name in lesion_names]
    returns = [(name, find_returns_to_baseline(lesion)) for lesion, name in lesion_names]
    peak_days = [(name, day.day) for name, day in peaks]
    earliest = [(name, day.earliest_day) for name, day in peaks]
    rows = [
        _build_course_row("Time to peak, weeks", "deciding", "peak", peak_days, True),
        _build_course_row(
            "Study before the peak, weeks", "deciding", "before_peak", earliest, True
        ),
    ]
    for role in SeriesRole:
        if changes := [(name, float(size[role])) for name, size in sizes if role in size]:
            rows.append(_build_course_row("Peak change, mm", role, "change", changes))
    for role in SeriesRole:
        if days := [(name, back[role].day) for name, back in returns if role in back]:
            back = [(name, day) for name, day in days if day is not None]
            never_back = [name for name, day in days if day is None]
            never = count_cell(f"opp.return.{role}.never", never_back)
            rows.append(
                _build_course_row("Return to baseline, weeks", role, "return", back, True, never)
            )
    return Table(
        title="Time course of OPP lesions",
        columns=("Measure", "Sequence", "n", "Mean (95% interval)", "Median", "Range", "Never"),
        rows=tuple(rows),
        notes=(
            "Times are from completion of radiosurgery; the interval of the mean is a t interval.",
            "A peak lies after the study before it (a baseline counts as week 0).",
            "Return to baseline: the first study after the peak that shows no growth, of lesions "
            "with one (n); never: not within the follow-up.",
        ),
        sums=tuple(
            (f"response.{ResponseCategory.OPP}", f"opp.{point}.deciding.n")
            for point in ("peak", "before_peak")
        ),
    )


def list_ids(lesions: Iterable[AssessedLesion]) -> list[str]:
    """Return the names of lesions, in their order."""
    return [lesion.lesion.lesion_id for lesion in lesions]


def count_cell(
    key: str, lesion_ids: Sequence[str], share_of: str = "", total: int | None = None
) -> Cell:
    """Count lesions in a cell, as a share where a total is given with its key."""
    count = len(lesion_ids)
    values: dict[str, Value] = {"n": count}
    text = str(count)
    if total is not None:
        percent = 100 * count / total if total else None
        text = text if percent is None else f"{count} ({percent:.1f}%)"
        values |= {"of": total, "percent": percent}
    return Cell(text=text, key=key, count=count, share_of=share_of, values=values,
                lesion_ids=tuple(lesion_ids))  # fmt: skip


def number_of(key: str, count: int) -> Cell:
    """Show a count whose lesions are named elsewhere."""
    return Cell(text=str(count), key=key, count=count, values={"n": count})


def _count_patients(key: str, lesions: Sequence[AssessedLesion]) -> Cell:
    number = len({lesion.patient_id for lesion in lesions})
    return Cell(text=str(number), key=f"patients/{key}", count=number, rests_on=key,
                values={"n": number}, lesion_ids=tuple(list_ids(lesions)))  # fmt: skip


def _build_age_rows(lesions: Sequence[AssessedLesion]) -> list[tuple[Cell, ...]]:
    known_ages = [
        (o.lesion.lesion_id, a) for o in lesions if (a := find_age_at_radiosurgery(o.lesion))
    ]
    approximate_names = [name for name, age in known_ages if age.approximate]
    unknown = [o.lesion.lesion_id for o in lesions if find_age_at_radiosurgery(o.lesion) is None]
    ages, n = [age.years for _, age in known_ages], len(lesions)
    mean, _, extent = _build_statistics("age", ages, "years", AGE_KNOWN)
    cells = (
        ("known", count_cell(AGE_KNOWN, [name for name, _ in known_ages], ELIGIBLE, n)),
        ("of these from the year of birth", count_cell("age.approximate", approximate_names)),
        (UNKNOWN, count_cell(f"age.{UNKNOWN}", unknown, ELIGIBLE, n)),
        ("mean (95% t interval), years", mean),
        ("range, years", extent),
    )
    return [(Cell(text="Age at radiosurgery"), Cell(text=text), cell) for text, cell in cells]


def _build_course_row(
    measure: str, sequence: str, slug: str, lesion_values: Sequence[tuple[str, float]],
    days: bool = False, never: Cell = Cell(),
) -> tuple[Cell, ...]:  # fmt: skip
    key, unit = f"opp.{slug}.{sequence}", "days" if days else "mm"
    n, values = (
        count_cell(f"{key}.n", [name for name, _ in lesion_values]),
        [value for _, value in lesion_values],
    )
    statistics = (n, *_build_statistics(key, values, unit, f"{key}.n"))
    return (Cell(text=measure), Cell(text=sequence), *statistics, never)


def _build_statistics(key: str, values: Sequence[float], unit: str, n_key: str) -> tuple[Cell, ...]:
    return build_statistics_cells(key, describe_spread(values), unit, n_key)


def build_statistics_cells(
    key: str, spread: Spread | None, unit: str, n_key: str
) -> tuple[Cell, ...]:
    """Return the cells of mean with interval, median, and range; days are shown as weeks."""
    names = ("mean", "median", "range")
    if spread is None:
        return tuple(Cell(text=NONE, key=f"{key}.{name}", values={"n": 0}) for name in names)
    size, digits = (DAYS_PER_WEEK, 1) if unit == "days" else (1, 0 if unit in ("years", "") else 1)
    mean, low, high, middle = (
        "" if x is None else f"{x / size:.1f}"
        for x in (spread.mean, spread.low, spread.high, spread.median)
    )
    least, most = (f"{x / size:.{digits}f}" for x in (spread.least, spread.most))
    entries: tuple[tuple[str, dict[str, Value]], ...] = (
        (f"{mean} ({low} to {high})" if low else mean,
         {"mean": spread.mean, "low": spread.low, "high": spread.high}),
        (middle, {"median": spread.median}),
        (f"{least} to {most}", {"least": spread.least, "most": spread.most}),
    )  # fmt: skip
    return tuple(
        Cell(text=text, key=f"{key}.{name}", rests_on=n_key,
             values={**numbers, "n": spread.n, "unit": unit})
        for name, (text, numbers) in zip(names, entries, strict=True)
    )  # fmt: skip
