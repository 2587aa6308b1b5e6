"""What the report of a patient says, a page a lesion."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from fixtures.makers import make_lesion
from fixtures.page_parts import Page, assert_sound

from opp_mri import __version__
from opp_mri.cohort.report.document import ReportFacts
from opp_mri.cohort.report.page import save_page
from opp_mri.cohort.report.patient import (
    LesionReport,
    PatientReport,
    Visit,
    VisitLength,
    render_patient_html,
)
from opp_mri.domain.assessment import Criteria, Mode, Reason, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Exclusion, Observation, Timeline, TreatmentEvent
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify
from opp_mri.response.history import classify_by_day
from opp_mri.response.outlook import AMINI_2016, compute_posterior

AMINI = Criteria(name="amini-2016")
LENGTHS = {-9: "17.3", 47: "19.8", 83: "22.4", 171: "20.1", 260: "17.3"}
LESION = make_lesion(
    "P01-A", patient_id="P01", level="T8", dose_gy=Decimal(24), fractions=1, histology="RCC"
)
Report = Callable[..., str]


def a_lesion(*events: TreatmentEvent, mode: Mode = Mode.RETROSPECTIVE, **changes: Any) -> Any:
    row = tuple(Observation(day, Decimal(mm)) for day, mm in LENGTHS.items())
    flat = tuple(Observation(day, Decimal("15.0")) for day in (-9, 47, 83))
    timeline = Timeline(
        lesion_id="P01-A",
        observations={SeriesRole.T1: row, SeriesRole.T2FS: flat},
        events=events,
    )
    assessment = classify(timeline, Rules(criteria=AMINI, mode=mode))
    values: dict[str, Any] = {
        "lesion": LESION,
        "timeline": timeline,
        "assessment": assessment,
        "fragile": False,
        "sentences": AssessedLesion(
            lesion=LESION, timeline=timeline, assessment=assessment
        ).sentences,
        "labels": classify_by_day(timeline, AMINI),
        "read_by": ("A consensus of A and B.",),
    }
    return LesionReport(**values | changes)


def page_of(*lesions: LesionReport, **changes: Any) -> Page:
    facts = ReportFacts(
        title="Patient P01",
        written_on=date(2026, 1, 2),
        criteria=AMINI,
        mode=Mode.RETROSPECTIVE,
        data_sha256="abc123" + "0" * 58,
        readers=("consensus",),
    )
    report = PatientReport(**{"facts": facts, "patient_id": "P01", "lesions": lesions} | changes)
    return assert_sound(render_patient_html(report))


def visits(page: Page) -> list[list[str]]:
    """The cells of the table of visits, below its header."""
    cells = [
        (tag, attributes, " ".join("".join(text).split()))
        for tag, attributes, text in page.elements
        if tag == "td" or attributes.get("scope") == "row"
    ]
    result: list[list[str]] = []
    for _, attributes, text in cells:
        if attributes.get("scope") == "row":
            result.append([])
        result[-1].append(text)
    return result


def test_the_header_says_version_criteria_data_and_that_it_is_no_medical_device() -> None:
    page = page_of(a_lesion())
    for phrase in ("2026-01-02", __version__, "amini-2016", "retrospective", "n = 1 lesion"):
        assert phrase in page.all("header")[0][1]
    assert "research software, not a medical device" in page.html
    assert "abc123" + "0" * 58 in page.html
    assert "Patient P01. No name is on it" in page.html


def test_every_printed_page_names_patient_data_and_that_it_is_no_medical_device() -> None:
    (footer,) = [line for line in page_of(a_lesion()).html.splitlines() if "@bottom-left" in line]
    for phrase in ("patient P01", "data abc123000000", "not a medical device", __version__):
        assert phrase in footer


def test_a_lesion_has_its_category_and_rule_in_words_once() -> None:
    page = page_of(a_lesion())
    phrase = "the lesion enlarged, then declined from its peak by 2.0 mm or more"
    assert page.html.count(phrase) == 1
    assert page.all("strong")[0][1] == "Osseous pseudoprogression (OPP)"
    assert "mm in one recorded length" in page.html


def test_the_table_has_each_length_with_its_change_from_its_own_baseline() -> None:
    rows = visits(page_of(a_lesion()))
    assert [row[1] for row in rows] == ["−9", "47", "83", "171", "260"]
    assert [row[2] for row in rows] == ["−1.3", "6.7", "11.9", "24.4", "37.1"]
    assert [row[3] for row in rows] == [
        "17.3 baseline", "19.8 +2.5", "22.4 +5.1", "20.1 +2.8", "17.3 ±0.0",
    ]  # fmt: skip
    assert [row[4] for row in rows][3:] == ["no length", "no length"]


def test_what_it_was_called_stands_beside_each_visit_as_known_on_that_day() -> None:
    rows = visits(page_of(a_lesion()))
    assert [row[5] for row in rows] == [
        "",
        "indeterminate enlarging within OPP window",
        "indeterminate enlarging within OPP window",
        "indeterminate declining follow up under 6 months",
        "OPP sustained decline",
    ]


def test_a_visit_has_date_image_and_why_there_is_no_length() -> None:
    visit_length = VisitLength(length_mm=Decimal("17.3"), image="series 4, image 8")
    selected = [
        Visit(
            study_date=date(2024, 1, 2),
            days_from_ssrs=-9,
            lengths={SeriesRole.T1: visit_length},
        ),
        Visit(
            study_date=date(2024, 1, 12),
            days_from_ssrs=1,
            lengths={SeriesRole.T1: VisitLength(length_mm=Decimal("19.0"))},
            remark="within the treatment: does not count",
        ),
        Visit(
            study_date=date(2024, 3, 1),
            days_from_ssrs=47,
            lengths={SeriesRole.T1: VisitLength(length_mm=None, remark="not measurable: metal")},
        ),
    ]  # fmt: skip
    rows = visits(page_of(a_lesion(visits=selected)))
    assert rows[0] == ["2024-01-02", "−9", "−1.3", "17.3 baseline series 4, image 8", ""]
    assert rows[1][0] == "2024-01-12 within the treatment: does not count"
    assert rows[1][3] == "19.0"  # what does not count has no change
    assert rows[2][3] == "not measurable: metal"


def test_studies_after_a_retreatment_are_shown_as_not_counted_and_without_a_change() -> None:
    retreatment_days = a_lesion(TreatmentEvent(180, EventKind.LOCAL_RETREATMENT))
    last = visits(page_of(retreatment_days))[-1]
    assert last[0].endswith("after the retreatment: does not count")
    assert last[3] == "17.3"


def test_a_fragile_or_discordant_call_is_marked_in_words() -> None:
    plain = a_lesion()
    odd = evolve(plain, fragile=True, assessment=evolve(plain.assessment, discordant=True))
    warnings = [
        text for attributes, text in page_of(odd).all("span") if attributes["class"] == "beware"
    ]
    assert warnings == ["fragile", "discordant: ask a reader"]
    assert "beware" not in str(page_of(plain).all("span"))


def test_the_outlook_is_shown_with_all_its_caveats_and_only_where_there_is_one() -> None:
    posterior = compute_posterior(AMINI_2016[0])
    html = page_of(a_lesion(outlook=posterior)).html
    assert "Possible changes of category" in html
    assert posterior.sentence in html
    assert posterior.caveat in html
    assert "Possible changes of category" not in page_of(a_lesion()).html


def test_who_read_it_and_what_limits_the_comparison_are_on_the_page() -> None:
    html = page_of(a_lesion(flags=("Field strength differs: 3 T, then 1.5 T.",))).html
    assert "A consensus of A and B." in html
    assert "Field strength differs: 3 T, then 1.5 T." in html


def test_events_are_named_by_week_and_their_free_text_stays_out() -> None:
    event = TreatmentEvent(21, EventKind.SYSTEMIC_THERAPY_CHANGE, "Jane Doe's choice")
    html = page_of(a_lesion(event)).html
    assert "systemic therapy changed at week 3.0" in html
    assert "Jane" not in html


def test_an_excluded_lesion_says_by_what() -> None:
    excluded_lesion = a_lesion(
        TreatmentEvent(0, EventKind.EXCLUSION, "cement"),
        lesion=evolve(LESION, exclusions=(Exclusion.CEMENT,)),
    )
    assert excluded_lesion.assessment.reason is Reason.CEMENT
    assert excluded_lesion.assessment.category is ResponseCategory.NOT_ELIGIBLE
    assert "there is cement at the level" in page_of(excluded_lesion).html


def test_the_figure_says_its_lengths_in_words() -> None:
    label = page_of(a_lesion()).all("svg")[0][0]["aria-label"] or ""
    for phrase in ("P01-A", "T1: 17.3 mm at week −1.3", "22.4 mm at week 11.9"):
        assert phrase in label


def test_several_lesions_have_a_page_each_and_a_list_that_leads_to_them() -> None:
    timeline = a_lesion(lesion=evolve(LESION, lesion_id="P01-B", level="L1"))
    page = page_of(a_lesion(), timeline, without_answer=("P01-C",))
    assert page.links == [("P01-A", "l1"), ("P01-B", "l2")]
    assert len(page.all("svg")) == 2
    assert (
        "Without a measurement that the criteria read, and so without an answer: P01-C."
        in page.html
    )


def test_what_comes_from_outside_is_text_and_never_markup() -> None:
    bad = '<script>"x'
    odd = a_lesion(lesion=evolve(LESION, lesion_id=bad, histology=bad), flags=(bad,))
    page = page_of(odd, patient_id=bad + '";} body {display: none')
    assert "<script" not in page.html.lower().replace("&lt;", "")


def test_the_same_patient_gives_the_same_bytes() -> None:
    assert page_of(a_lesion()).html == page_of(a_lesion()).html


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    report = PatientReport(
        facts=ReportFacts(
            title="P", written_on=date(2026, 1, 2), criteria=AMINI, mode=Mode.RETROSPECTIVE,
            data_sha256="0" * 64,
        ),
        patient_id="P01",
        lesions=(),
    )  # fmt: skip
    with pytest.raises(InputError, match="name a folder that exists"):
        save_page(tmp_path / "absent" / "report.html", render_patient_html(report))


def test_the_answer_in_words_is_apart_from_the_details() -> None:
    answer = ("Partial response: smaller.", "T1 decides.")
    lists = page_of(a_lesion(sentences=answer, details=("T1: smaller.",))).all("ul")
    by_label = {attrs.get("aria-label"): text for attrs, text in lists}
    assert by_label["The answer in words"] == " ".join(answer)
    assert by_label["Details"] == "T1: smaller."
