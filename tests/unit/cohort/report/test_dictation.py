"""The text to dictate: by the shipped template, by a project's own, and by a wrong one."""

from datetime import date
from pathlib import Path

import pytest
from attrs import evolve

from opp_mri.cohort.report.dictation import (
    DictatedSequence,
    DictatedVisit,
    Dictation,
    dictate,
    read_shipped_template,
)
from opp_mri.errors import InputError


def visit(day: date, size: str) -> DictatedVisit:
    return DictatedVisit(date=day, days=0, weeks=0.0, mm=size.removesuffix(" mm"), size=size)


FACTS = Dictation(
    lesion_id="OPP-01", patient_id="P00001", level="L2", ssrs_date=date(2020, 3, 12),
    reader="A",
    sequences=(
        DictatedSequence(
            name="T1",
            visits=(
                visit(date(2020, 3, 3), "14.8 mm"), visit(date(2020, 5, 30), "18.7 mm"),
                visit(date(2020, 8, 29), "not measurable"),
            ),
        ),
        DictatedSequence(name="T2FS", visits=(visit(date(2020, 3, 3), "gone"),)),
    ),
    answer="OPP by Amini 2016", category="OPP", rule="it fell", criteria="amini-2016",
    mode="retrospective", cautions=("the growth was seen on one follow-up only",),
)  # fmt: skip


def test_the_shipped_template_reads_as_a_radiologist_dictates() -> None:
    assert dictate(FACTS) == (
        "L2, T1, AP 14.8 mm (03/2020), 18.7 mm (05/2020), not measurable (08/2020); "
        "T2FS, AP gone (03/2020); OPP by Amini 2016; caution, ask a reader: "
        "the growth was seen on one follow-up only."
    )


def test_what_makes_a_call_doubtful_is_dictated_too() -> None:
    text = dictate(evolve(FACTS, fragile=True, discordant=True, drafts=2, cautions=()))
    assert text.endswith(
        "OPP by Amini 2016; fragile; sequences discordant; not signed: 2 of these answers."
    )


def test_a_template_of_the_project_says_it_otherwise(tmp_path: Path) -> None:
    own = tmp_path / "own.j2"
    own.write_text("{{ lesion_id }}: {{ sequences[0].visits[-1].size }} — {{ rule }}\n", "utf-8")
    assert dictate(FACTS, own) == "OPP-01: not measurable — it fell"


def test_the_shipped_template_can_be_started_from(tmp_path: Path) -> None:
    copy = tmp_path / "copy.j2"
    copy.write_text(read_shipped_template(), encoding="utf-8")
    assert dictate(FACTS, copy) == dictate(FACTS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ level }}\n{% for s in %}", "is wrong in line 2: Expected an expression"),
        ("{{ levle }}", "'levle' is undefined. It may name lesion_id, patient_id, level"),
        ("{{ level.missing }}", "has no attribute 'missing'"),
        ("{{ level + 1 }}", "cannot be filled: can only concatenate str"),
        ("{{ ''.__class__.__mro__ }}", "cannot be filled: access to attribute '__class__'"),
        ("{% include 'other' %}", "cannot be filled: "),
    ],
)
def test_a_wrong_template_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    wrong = tmp_path / "wrong.j2"
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error_info:
        dictate(FACTS, wrong)
    assert words in str(error_info.value)
    assert "wrong.j2" in str(error_info.value)
    assert "--show-template" in str(error_info.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 10**10 }}",
        "{% set a = level * 1000%}{% for n in range(20) %}{{ a * 10 }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    ],
    ids=["memory", "length", "depth", "time"],
)
def test_a_template_without_bounds_is_refused_and_not_waited_for(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come from somebody else, with a project."""
    if "j in" in text:
        monkeypatch.setattr("opp_mri.cohort.report.own_template.SECONDS", 1)
    endless = tmp_path / "endless.j2"
    endless.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="remove its long loops and repetitions"):
        dictate(FACTS, endless)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
def test_a_template_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    wrong = tmp_path / "wrong.j2"
    if content is not None:
        wrong.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        dictate(FACTS, wrong)
