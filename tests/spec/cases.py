"""Read the response rules that stand as small text tables of patients in `rules/`.

A file is a heading, a paragraph and its cases::

    ## The last follow-up 84 days after the peak
        day     0   100   184
        T1   20.0  24.0  20.0
    event 120 systemic_therapy_change second line
    first_fraction -9
    criteria sustain_days = 90
    cautions growth_on_one_study
    both: OPP sustained_decline by T1 discordant

Where the criteria read volumes, the numbers are cc. ``.`` is a study that was not made. ``by`` may
be left out where one sequence was measured; ``by none`` says that no sequence decided. ``cautions``
are those with hindsight, or ``none``. Instead of ``both:`` there may be a line for each mode.
"""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from attrs import evolve, frozen

from opp_mri.domain.assessment import (
    Caution,
    Criteria,
    Mode,
    Quantity,
    Reason,
    ResponseCategory,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Observation,
    Timeline,
    TreatmentEvent,
    VolumeObservation,
)
from opp_mri.response.criteria import DEFAULT_CRITERIA, SHIPPED_CRITERIA, load_criteria

RULES = Path(__file__).parent / "rules"


@frozen(kw_only=True)
class Answer:
    """What a case must be called."""

    category: ResponseCategory
    reason: Reason
    deciding_sequence: SeriesRole | None
    discordant: bool


@frozen(kw_only=True)
class Case:
    """A patient, by which criteria, the answer in each mode, and the cautions with hindsight.

    Cautions are None where the file does not name them.
    """

    name: str
    timeline: Timeline
    criteria: Criteria
    criteria_as_written: str
    cautions: tuple[Caution, ...] | None
    answers: dict[Mode, Answer]


@frozen(kw_only=True)
class Section:
    """One file of rules."""

    title: str
    text: str
    cases: tuple[Case, ...]


def read_sections() -> list[Section]:
    """Read all files in the order of their names."""
    return [_section(path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.txt"))]


def _section(text: str) -> Section:
    introduction, *cases = text.split("\n## ")
    title, _, prose = introduction.partition("\n")
    return Section(
        title=title.removeprefix("# "),
        text=prose.strip(),
        cases=tuple(_case(case) for case in cases),
    )


def _case(text: str) -> Case:
    name, *lines = [line for line in text.splitlines() if line.strip()]
    table = [line.split() for line in lines if line.startswith("    ")]
    lines_by_word = [line.partition(" ") for line in lines if not line.startswith("    ")]
    criteria_text = "".join(value for word, _, value in lines_by_word if word == "criteria")
    criteria = _criteria(criteria_text)
    sizes = dict(_sizes(table, VolumeObservation if _reads_volumes(criteria) else Observation))
    return Case(
        name=name,
        timeline=Timeline(
            lesion_id=name,
            first_fraction_day=int(
                "".join(v for w, _, v in lines_by_word if w == "first_fraction") or 0
            ),
            **{"volumes" if _reads_volumes(criteria) else "observations": sizes},
            events=tuple(_event(value) for word, _, value in lines_by_word if word == "event"),
        ),
        criteria=criteria,
        criteria_as_written=criteria_text,
        cautions=_cautions(
            "".join(value for word, _, value in lines_by_word if word == "cautions")
        ),
        answers={
            mode: _answer(value, list(sizes))
            for word, _, value in lines_by_word
            for mode in Mode
            if word in ("both:", f"{mode.value}:")
        },
    )


def _reads_volumes(criteria: Criteria) -> bool:
    return criteria.quantity is Quantity.VOLUME_CC


def _sizes(
    table: list[list[str]], kind: type[Observation] | type[VolumeObservation]
) -> Iterator[tuple[SeriesRole, tuple[Observation | VolumeObservation, ...]]]:
    (word, *days), *rows = table
    if word != "day":
        raise ValueError(f"a table begins with the days, not with {word}")
    for sequence, *sizes in rows:
        studies = zip(days, sizes, strict=True)
        yield (
            SeriesRole(sequence),
            tuple(kind(int(day), Decimal(size)) for day, size in studies if size != "."),
        )


def _event(text: str) -> TreatmentEvent:
    day, kind, *value = text.split(maxsplit=2)
    return TreatmentEvent(int(day), EventKind(kind), "".join(value))


def _cautions(text: str) -> tuple[Caution, ...] | None:
    cautions = {Caution(name) for name in text.split() if name != "none"}
    return tuple(caution for caution in Caution if caution in cautions) if text else None


def _criteria(text: str) -> Criteria:
    if text in SHIPPED_CRITERIA:
        return load_criteria(text)
    changes = tomllib.loads(text.replace(";", "\n"), parse_float=Decimal)
    return evolve(load_criteria(DEFAULT_CRITERIA), **changes)


def _answer(text: str, sequences: list[SeriesRole]) -> Answer:
    category, reason, *rest = text.split()
    discordant = "discordant" in rest
    if "by" in rest:
        name = rest[rest.index("by") + 1]
        deciding_sequence = None if name == "none" else SeriesRole(name)
    else:
        (deciding_sequence,) = sequences  # a case with several sequences must say which one decides
    return Answer(
        category=ResponseCategory(category),
        reason=Reason(reason),
        deciding_sequence=deciding_sequence,
        discordant=discordant,
    )
