"""The methods text says what was done, with the parameters that were used."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import cycle

import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort

from opp_mri.cohort.report.methods import LINE, write_methods_text
from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.domain.assessment import Criteria, Mode, Plateau
from opp_mri.domain.timeline import Origin
from opp_mri.response.assessed import AssessedLesion

COHORT = make_cohort(40)


def text(
    criteria: Criteria = AMINI,
    mode: Mode = Mode.RETROSPECTIVE,
    readers: tuple[str, ...] = (),
    lesions: Sequence[AssessedLesion] = COHORT,
) -> str:
    methods_text = write_methods_text(
        lesions,
        analyse(COHORT),
        criteria=criteria,
        mode=mode,
        readers=readers,
        data_sha256="0123abcd",
    )
    return " ".join(methods_text.split())


def test_it_counts_who_was_screened_and_who_was_analysed() -> None:
    patients = {case.patient_id for case in COHORT}
    assert f"40 lesions of {len(patients)} patients treated with" in text()
    assert f" {len(select_eligible(COHORT))} lesions of " in text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"change_mm": Decimal(3)}, "a change counts from 3.0 mm"),
        ({"growth_inclusive": False}, "growth of exactly that does not count"),
        ({"min_follow_up_days": 90}, "minimum follow-up 90 days (12.9 weeks)"),
        ({"sustain_days": 91}, "seen 91 days (13 weeks) or more after it"),
        ({"plateau": Plateau.OPP}, "growth followed by stability is called OPP"),
        ({"name": "mine", "source": "our protocol"}, "by the criteria mine (our protocol):"),
    ],
)
def test_it_names_the_parameters_of_the_criteria(changes: dict[str, object], words: str) -> None:
    assert words in text(evolve(AMINI, **changes))
    assert words not in text()


def test_the_window_is_named_where_it_acts() -> None:
    assert "enlarges within 182 days" in text(mode=Mode.PROSPECTIVE)
    assert "enlarges within" not in text()


def test_who_measured_is_said_or_left_to_fill_in() -> None:
    assert "as a consensus of two readers" in text(readers=("consensus",))
    assert "by 1 reader." in text(readers=("AB",))
    assert "[by whom]" in text()


def with_origins(*origins: Origin | None) -> list[AssessedLesion]:
    """Return the cohort with these origins of its lengths, in turn."""
    turn = cycle(origins)
    return [
        evolve(
            lesion,
            timeline=evolve(
                lesion.timeline,
                observations={
                    sequence: tuple(evolve(study, origin=next(turn)) for study in studies)
                    for sequence, studies in lesion.timeline.observations.items()
                },
            ),
        )
        for lesion in COHORT
    ]


def test_of_how_lengths_were_measured_it_says_what_is_known() -> None:
    sentence = "Lengths are distances between two points on native images, recorded to 0.1 mm"
    assert f"{sentence}. Changes" in text(readers=("A",), lesions=with_origins(Origin.DRAWN))
    mixed = text(readers=("A",), lesions=with_origins(Origin.DRAWN, None))
    assert f"{sentence}; lengths without a line, given as numbers, keep their digits." in mixed
    for lesions in (with_origins(None), with_origins(Origin.DRAWN)):
        from_tables = text(lesions=lesions)
        assert "two points" not in from_tables
        assert "sagittal" not in from_tables
        assert "Lengths came as numbers in tables and keep their digits" in from_tables
    assert "[how they were measured]" in text(lesions=with_origins(None))
    numbers = text(readers=("A",), lesions=with_origins(None))
    assert "two points" not in numbers
    assert "Lengths came as numbers in tables" in numbers


def test_proposals_that_readers_used_are_named() -> None:
    words = "Some lengths are proposals of opp_mri that a reader accepted or edited."
    for origin in (Origin.ACCEPTED, Origin.EDITED):
        assert words in text(lesions=with_origins(None, origin))
    assert words not in text(lesions=with_origins(None, Origin.DRAWN))


def test_no_lesion_is_counted_where_small_counts_are_withheld() -> None:
    methods_text = write_methods_text(
        COHORT, analyse(COHORT), criteria=AMINI, mode=Mode.RETROSPECTIVE, readers=(),
        data_sha256="0", shows_counts=False,
    )  # fmt: skip
    (about,) = re.findall(r"## Lesions\n\n(.*?)\n\n## ", methods_text, flags=re.DOTALL)
    assert "were screened" in about
    assert not re.search(r"[0-9]", about)


def test_it_names_the_data_and_says_what_the_software_is_not() -> None:
    assert "SHA-256 of the data: `0123abcd`" in text()
    assert "not a medical device" in text()


def test_lines_are_filled() -> None:
    methods_text = write_methods_text(
        COHORT, analyse(COHORT), criteria=AMINI, mode=Mode.RETROSPECTIVE, readers=(),
        data_sha256="0",
    )  # fmt: skip
    assert max(map(len, methods_text.splitlines())) <= LINE
    assert "\n- growth followed" in methods_text
