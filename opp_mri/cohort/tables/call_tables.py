"""How the categories of a cohort came about, and how far they can be relied on, as tables."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve

from opp_mri.cohort.statistics.members import answers_of, eligible_of
from opp_mri.cohort.tables.tables import Cell, Table, counted, ids_of
from opp_mri.cohort.words import in_words
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify

THRESHOLDS_MM: Final = (Decimal(2), Decimal(3), Decimal(4))


def sequence_calls(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the categories of each sequence by itself."""
    answers = [one for one in ResponseCategory if one is not ResponseCategory.NOT_ELIGIBLE]
    rows = []
    for sequence in SeriesRole:
        ids: dict[ResponseCategory, list[str]] = {}
        for one in lesions:
            if (found := one.assessment.sequences.get(sequence)) is not None:
                ids.setdefault(found.category, []).append(one.lesion.lesion_id)
        deciding = [
            one.lesion.lesion_id for one in lesions if one.assessment.deciding_sequence is sequence
        ]
        measured = [name for names in ids.values() for name in names]
        key = f"sequence.{sequence.value}"
        cells = (
            counted(f"{key}.{one}", ids.get(one, []), f"{key}.n", len(measured)) for one in answers
        )
        rows.append(
            (
                Cell(text=sequence.value),
                counted(f"{key}.n", measured),
                *cells,
                counted(f"{key}.deciding", deciding),
            )
        )
    return Table(
        title="Category of each sequence",
        columns=("Sequence", "Lesions", *(one.value for one in answers), "Decides"),
        rows=tuple(rows),
        notes=(
            "Of the analysed lesions, each sequence by itself; not shown are sequences whose own "
            "follow-up is too short for a category.",
        ),
    )


def call_certainty(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the analysed lesions whose category asks for a reader, by category."""
    answers = answers_of(lesions)
    cautions = Counter(caution for one in lesions for caution in _cautions(one))
    questions = [
        ("Discordant sequences", "discordant", {
            one.lesion.lesion_id for one in lesions if one.assessment.discordant
        }),
        ("Fragile: probability of the same category below 0.8", "fragile", {
            one.lesion.lesion_id for one in lesions if one.is_fragile
        }),
        ("With a caution", "cautioned", {
            one.lesion.lesion_id for one in lesions if _cautions(one)
        }),
        *(
            (f"Caution: {in_words(str(caution))}", f"caution.{caution}", {
                one.lesion.lesion_id
                for one in lesions
                if caution in _cautions(one)
            })
            for caution in sorted(cautions)
        ),
    ]  # fmt: skip
    rows = []
    for words, key, names in questions:
        of = {
            answer: [
                one.lesion.lesion_id
                for one in lesions
                if one.lesion.lesion_id in names and one.assessment.category is answer
            ]
            for answer in answers
        }
        cells = (counted(f"{key}/response.{answer}", of[answer]) for answer in answers)
        whole = counted(key, [name for ids in of.values() for name in ids])
        rows.append((Cell(text=words), whole, *cells))
    return Table(
        title="Categories that ask for a reader",
        columns=("Reason", "Lesions", *(one.value for one in answers)),
        rows=tuple(rows),
        notes=("A lesion may be counted in several rows.",),
    )


def threshold_calls(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the categories with a change that counts of 2, 3 and 4 mm."""
    rows = []
    for change_mm in THRESHOLDS_MM:
        ids: dict[ResponseCategory, list[str]] = {one: [] for one in ResponseCategory}
        for one in eligible_of(lesions):
            criteria = evolve(one.rules.criteria, change_mm=change_mm)
            answer = classify(one.timeline, evolve(one.rules, criteria=criteria))
            ids[answer.category].append(one.lesion.lesion_id)
        key = f"change_mm.{change_mm}"
        total = sum(map(len, ids.values()))
        rows.append(
            (
                Cell(text=f"{change_mm} mm"),
                counted(f"{key}.n", ids_of(eligible_of(lesions))),
                *(counted(f"{key}.{one}", ids[one], f"{key}.n", total) for one in ids),
            )
        )
    return Table(
        title="Categories by the change that counts",
        columns=("Change", "Lesions", *(one.value for one in ResponseCategory)),
        rows=tuple(rows),
        notes=("Of the analysed lesions, all other criteria being the same.",),
    )


def _cautions(one: AssessedLesion) -> Sequence[str]:
    return getattr(one.assessment, "cautions", ())
