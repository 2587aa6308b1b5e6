"""An assessed lesion computes what is derived from it when it is asked, and once."""

import pytest
from fixtures.cohort_courses import cohort_lesion

from opp_mri.cli.response import _format_probability
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response import assessed


def test_margin_and_probability_are_computed_when_asked_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[str] = []
    for name in ("compute_margin_mm", "estimate_category_probabilities", "classify_by_day"):
        compute = getattr(assessed, name)

        def counted(
            *args: object, _name: str = name, _compute=compute, **options: object
        ) -> object:
            names.append(_name)
            return _compute(*args, **options)

        monkeypatch.setattr(assessed, name, counted)
    lesion = cohort_lesion(t1={-10: 20, 87: 25, 180: 21, 260: 20})
    assert lesion.assessment.category is ResponseCategory.OPP
    assert names == []
    assert lesion.sentences == lesion.sentences
    assert lesion.is_fragile is lesion.sureness.is_fragile(ResponseCategory.OPP)
    assert lesion.details == lesion.details
    assert sorted(names) == [
        "classify_by_day",
        "compute_margin_mm",
        "estimate_category_probabilities",
    ]


def test_a_lesion_without_a_length_is_not_measured_and_has_no_outlook() -> None:
    lesion = cohort_lesion(t1={})
    assert not lesion.is_measured
    assert lesion.outlook is None
    assert lesion.patient_id == lesion.lesion.patient_id


def test_table_record_and_page_agree_on_what_is_fragile() -> None:
    """12.0 mm, then 12.5 mm: stable, and not likely to be called so again."""
    lesion = cohort_lesion(t1={-10: "12.0", 90: "12.5", 200: "12.5"})
    assert lesion.assessment.category is ResponseCategory.SD
    assert lesion.is_fragile
    assert _format_probability(lesion).startswith("fragile, ")
    assert any(sentence.startswith("Fragile: ") for sentence in lesion.sentences)
    assert "There are no cautions." not in lesion.sentences
