"""How the categories of a cohort came about, and how far they can be relied on, as tables."""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final

from opp_mri.cohort.statistics.members import ELIGIBLE, list_answers
from opp_mri.cohort.tables.tables import Cell, Table, count_cell, list_ids
from opp_mri.cohort.words import write_identifier
from opp_mri.domain.assessment import Caution, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.prior import COURSES, CoursePrior, estimate_prior
from opp_mri.response.probability import estimate_category_probabilities, estimate_lesion_lengths

MOST_SIMULATED: Final = 500
POSTERIOR_DRAWS: Final = 500
THRESHOLDS_MM: Final = (Decimal(2), Decimal(3), Decimal(4))


def tabulate_sequence_calls(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the categories of each sequence by itself."""
    answers = [
        category for category in ResponseCategory if category is not ResponseCategory.NOT_ELIGIBLE
    ]
    rows = []
    for sequence in SeriesRole:
        ids: dict[ResponseCategory, list[str]] = {}
        for lesion in lesions:
            if (answer := lesion.assessment.sequences.get(sequence)) is not None:
                ids.setdefault(answer.category, []).append(lesion.lesion.lesion_id)
        deciding_ids = [
            assessed_lesion.lesion.lesion_id
            for assessed_lesion in lesions
            if assessed_lesion.assessment.deciding_sequence is sequence
        ]
        lesion_ids = [name for names in ids.values() for name in names]
        key = f"sequence.{sequence.value}"
        cells = (
            count_cell(f"{key}.{answer}", ids.get(answer, []), f"{key}.n", len(lesion_ids))
            for answer in answers
        )
        rows.append(
            (
                Cell(text=sequence.value),
                count_cell(f"{key}.n", lesion_ids),
                *cells,
                count_cell(f"{key}.deciding", deciding_ids),
            )
        )
    return Table(
        title="Category of each sequence",
        columns=("Sequence", "Lesions", *(answer.value for answer in answers), "Decides"),
        rows=tuple(rows),
        notes=(
            "Each sequence of the analysed lesions by itself; sequences whose own follow-up is too "
            "short for a category are not shown.",
        ),
    )


def call_certainty(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the analysed lesions whose category asks for a reader, by category.

    Probabilities are simulated: of more than `MOST_SIMULATED` lesions they are left out.
    """
    answers = list_answers(lesions)
    is_simulated = len(lesions) <= MOST_SIMULATED
    cautions = {
        lesion.lesion.lesion_id: lesion.cautions if is_simulated else lesion.assessment.cautions
        for lesion in lesions
    }
    present = [caution for caution in Caution if any(caution in own for own in cautions.values())]
    questions: list[tuple[str, str, Callable[[AssessedLesion], bool]]] = [
        ("Discordant sequences", "discordant", lambda lesion: lesion.assessment.discordant)
    ]
    if is_simulated:
        words = "Fragile: probability of the same category below 0.8"
        questions.append((words, "fragile", lambda lesion: lesion.is_fragile))
    questions.append(
        ("With a caution", "cautioned", lambda lesion: bool(cautions[lesion.lesion.lesion_id]))
    )
    rows = [_build_question_row(lesions, answers, *question) for question in questions]
    for caution in present:
        lesion_ids = {name for name, own in cautions.items() if caution in own}
        words, key = f"Caution: {write_identifier(caution.value)}", f"caution.{caution.value}"
        rows.append(_build_question_row(lesions, answers, words, key, _make_name_test(lesion_ids)))
    notes = [f"Probabilities are not simulated for more than {MOST_SIMULATED} lesions."]
    if is_simulated:
        rows.append(_build_expected_row(lesions, answers))
        prior = estimate_cohort_prior(lesions)
        rows += _build_posterior_rows(lesions, answers, prior)
        notes = [
            "If no lesion had changed: the number of lesions to which the rules would give each "
            "category by measurement error alone, on the schedule of each lesion. All of these OPP "
            "and PD would be false.",
            "True lengths: the number of lesions to which the rules would give each category "
            "without measurement error, and their number among the lesions that received this "
            "category, if courses are as common as "
            f"{_describe_prior(prior)}.",
        ]
    return Table(
        title="Categories that ask for a reader",
        columns=("Reason", "Lesions", *(category.value for category in answers)),
        rows=tuple(rows),
        notes=("A lesion may be counted in several rows.", *notes),
    )


def _make_name_test(names: Collection[str]) -> Callable[[AssessedLesion], bool]:
    return lambda lesion: lesion.lesion.lesion_id in names


def _build_question_row(
    lesions: Sequence[AssessedLesion],
    answers: Sequence[ResponseCategory],
    words: str,
    key: str,
    test: Callable[[AssessedLesion], bool],
) -> tuple[Cell, ...]:
    lesions_concerned = [lesion for lesion in lesions if test(lesion)]
    cells = (
        count_cell(
            f"{key}/response.{answer}",
            list_ids(
                lesion for lesion in lesions_concerned if lesion.assessment.category is answer
            ),
        )
        for answer in answers
    )
    return Cell(text=words), count_cell(key, list_ids(lesions_concerned)), *cells


def _build_expected_row(
    lesions: Sequence[AssessedLesion], answers: Sequence[ResponseCategory]
) -> tuple[Cell, ...]:
    expected = {
        answer: sum(lesion.unchanged_calls.get(answer, 0.0) for lesion in lesions)
        for answer in answers
    }
    words = "Expected if no lesion had changed"
    return _build_numbers_row(words, "expected_unchanged", expected, len(lesions))


def estimate_cohort_prior(lesions: Sequence[AssessedLesion]) -> CoursePrior:
    """Estimate how common each course is in a cohort, from all lengths and their error."""
    estimates = (
        estimate_lesion_lengths(lesion.timeline, lesion.weighed_error) for lesion in lesions
    )
    evidence = [
        lengths.compute_evidence_by_course() for lengths in estimates if lengths is not None
    ]
    return estimate_prior(evidence, "estimated from this cohort")


def _describe_prior(prior: CoursePrior) -> str:
    """State how common each course is."""
    shares = ", ".join(
        f"{course} {share:.0%}" for course, share in zip(COURSES, prior.shares, strict=True)
    )
    return f"{prior.source} ({shares})"


def _build_posterior_rows(
    lesions: Sequence[AssessedLesion], answers: Sequence[ResponseCategory], prior: CoursePrior
) -> list[tuple[Cell, ...]]:
    """Return how many lesions are expected to have each category by their true lengths."""
    posteriors = [
        estimate_category_probabilities(
            lesion.timeline,
            lesion.rules,
            error=lesion.weighed_error,
            prior=prior,
            draws=POSTERIOR_DRAWS,
        ).posterior
        for lesion in lesions
    ]
    return [
        _build_numbers_row(
            "Expected by the true lengths",
            "expected_true",
            {answer: sum(own.get(answer, 0.0) for own in posteriors) for answer in answers},
            len(lesions),
        ),
        _build_numbers_row(
            "Of lesions so classified, expected true",
            "expected_confirmed",
            {
                answer: sum(
                    own.get(answer, 0.0)
                    for own, lesion in zip(posteriors, lesions, strict=True)
                    if lesion.assessment.category is answer
                )
                for answer in answers
            },
            len(lesions),
        ),
    ]


def _build_numbers_row(
    words: str, key: str, numbers: Mapping[ResponseCategory, float], lesions: int
) -> tuple[Cell, ...]:
    """Return a row of expected numbers of lesions, which need not be whole."""
    cells = (
        Cell(
            text=f"{number:.1f}",
            key=f"{key}.{answer}",
            rests_on=ELIGIBLE,
            values={"value": number, "n": lesions},
        )
        for answer, number in numbers.items()
    )
    return Cell(text=words), Cell(text=str(lesions)), *cells


def tabulate_threshold_calls(lesions: Sequence[AssessedLesion]) -> Table:
    """Count the categories with a change that counts of 2, 3 and 4 mm."""
    rows = []
    for change_mm in THRESHOLDS_MM:
        ids: dict[ResponseCategory, list[str]] = {category: [] for category in ResponseCategory}
        for lesion in lesions:
            ids[lesion.category_by_change_mm[change_mm]].append(lesion.lesion.lesion_id)
        key = f"change_mm.{change_mm}"
        total = sum(map(len, ids.values()))
        rows.append(
            (
                Cell(text=f"{change_mm} mm"),
                count_cell(f"{key}.n", list_ids(lesions)),
                *(
                    count_cell(f"{key}.{category}", ids[category], f"{key}.n", total)
                    for category in ids
                ),
            )
        )
    return Table(
        title="Categories by the change that counts",
        columns=("Change", "Lesions", *(category.value for category in ResponseCategory)),
        rows=tuple(rows),
        notes=("Of the analysed lesions, all other criteria being the same.",),
    )
