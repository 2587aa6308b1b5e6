"""What the report of a cohort says, and that every number of it leads to its lesions."""

import csv
import errno
import os
import re
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from attrs import evolve
from fixtures.cohort_reports import FIGURE, HASH, LESIONS, PATIENTS, a_report
from fixtures.page_parts import Page, assert_sound

from opp_mri import __version__
from opp_mri.cohort.report import rows as rows_module
from opp_mri.cohort.report.cohort import render_cohort_html
from opp_mri.cohort.report.document import Section
from opp_mri.cohort.report.page import save_page
from opp_mri.cohort.report.rows import render_rows_csv
from opp_mri.cohort.report.words import describe_criteria
from opp_mri.cohort.tables.tables import (
    Cell,
    Table,
)
from opp_mri.domain.assessment import Criteria
from opp_mri.domain.timeline import EventKind, TreatmentEvent
from opp_mri.errors import InputError
from opp_mri.files import write_bytes


def listed(page: Page) -> dict[str, list[str]]:
    """The lesions that each list of the appendix names, by the anchor of the list."""
    result = {}
    for part in re.findall(r'<dt id="(n\d+)">.*?</dt>\s*<dd>(.*?)</dd>', page.html, re.S):
        result[part[0]] = re.findall(r">([^<]+)</a>", part[1])
    return result


def test_the_header_says_title_date_version_criteria_mode_data_and_n() -> None:
    page = assert_sound(render_cohort_html(a_report()))
    header = page.all("header")[0][1]
    for phrase in (
        "A cohort",
        "2026-01-02",
        __version__,
        "amini-2016",
        "retrospective",
        "consensus",
    ):
        assert phrase in header
    assert f"n = 40 lesions of {PATIENTS} patients" in header
    assert "research software, not a medical device" in header
    assert HASH in page.html


def test_every_parameter_of_the_criteria_is_on_the_page_with_its_value() -> None:
    criteria = Criteria(name="mine", change_mm=Decimal("2.7"), sustain_days=91, window_days=171)
    assert [word[0] for word in describe_criteria(criteria)] == [
        field.name for field in attrs.fields(Criteria)
    ]
    html = render_cohort_html(a_report(facts=evolve(a_report().facts, criteria=criteria)))
    for phrase in ("2.7 mm", "91 days or more", "day 171", "182 days", "2 or more", "counts"):
        assert phrase in html


def test_every_count_leads_to_exactly_the_lesions_that_it_counts() -> None:
    report = a_report()
    page = assert_sound(render_cohort_html(report))
    lists, links = listed(page), page.links
    for cell in (c for table in report.tables for row in table.rows for c in row):
        if cell.key and cell.count:
            result = {target for text, target in links if text == cell.text and target in lists}
            assert any(lists[target] == list(cell.lesion_ids) for target in result)


def test_a_count_of_0_has_no_link_and_every_other_number_has_one() -> None:
    report = a_report()
    page = Page(render_cohort_html(report))
    cells = [c for table in report.tables for row in table.rows for c in row if c.key]
    number_texts = [
        text for attributes, text in page.all("td") if attributes.get("class") == "number"
    ]
    linked_texts = [text for text, target in page.links if target in listed(page)]
    assert len(number_texts) == len(cells)
    assert sum(c.count == 0 for c in cells) > 3
    for cell in cells:
        assert (cell.text in linked_texts) is (cell.count != 0 and cell.text != "-")


def test_a_statistic_leads_to_the_lesions_of_its_n() -> None:
    report = a_report()
    page = Page(render_cohort_html(report))
    cells = {c.key: c for table in report.tables for row in table.rows for c in row}
    mean, n = cells["opp.peak.deciding.mean"], cells["opp.peak.deciding.n"]
    (target,) = {target for text, target in page.links if text == mean.text}
    assert listed(page)[target] == list(n.lesion_ids)


def test_patients_lead_to_their_lesions() -> None:
    page = Page(render_cohort_html(a_report()))
    (target,) = {target for text, target in page.links if text == f"{PATIENTS} patients"}
    assert listed(page)[target] == [lesion.lesion.lesion_id for lesion in LESIONS]


def test_a_list_leads_on_to_each_lesion_with_lengths_events_category_and_rule() -> None:
    page = Page(render_cohort_html(a_report()))
    rows = {attributes["id"]: text for attributes, text in page.all("tr") if attributes.get("id")}
    assert len(rows) == len(LESIONS)
    timeline = next(o for o in LESIONS if o.timeline.events and len(o.timeline.observations) > 1)
    target = next(to for text, to in page.links if text == timeline.lesion.lesion_id)
    row = rows[target]
    for sequence, lengths in timeline.timeline.observations.items():
        measurements = [f"{str(o.days_from_ssrs).replace('-', '−')}: {o.ap_mm}" for o in lengths]
        assert f"{sequence.value} {', '.join(measurements)}" in row.replace("\u00a0", " ")
    assert f"{timeline.timeline.events[0].days_from_ssrs}: " in row
    assert timeline.assessment.category.value.replace("_", " ") in row
    assert timeline.lesion.level in row
    assert timeline.patient_id in row
    assert {reason for _, reason in page.links} >= {timeline.assessment.reason.value}


def test_a_list_leads_back_to_the_tables_that_show_its_number() -> None:
    html = render_cohort_html(a_report())
    entry = re.search(r"<code>response\.OPP</code>(.*?)</dt>", html, re.S)
    assert entry
    assert re.findall(r'href="#(t\d)"', entry[1]) == ["t1", "t2", "t3"]


def test_a_figure_has_its_words_its_title_and_the_lesions_it_is_drawn_from() -> None:
    page = Page(render_cohort_html(a_report()))
    assert page.all("svg")[0][0]["aria-label"] == "One line that rises from 1 to 2 mm"
    assert page.all("figcaption")[0][1] == "Figure 1. Something, mm Drawn from 2 lesions."
    (target,) = {target for text, target in page.links if text == "2 lesions"}
    assert listed(page)[target] == ["L00002", "L00003"]


def test_two_figures_with_the_same_ids_do_not_get_in_each_others_way() -> None:
    page = assert_sound(render_cohort_html(a_report(figures=(FIGURE, FIGURE))))
    uses = [attributes["xlink:href"] for attributes, _ in page.all("use")]
    assert len(set(uses)) == 2
    assert {use.removeprefix("#") for use in uses} <= set(page.ids)


def test_what_comes_from_outside_is_text_and_never_markup() -> None:
    bad = "<script>x</script>"
    timeline = LESIONS[0]
    event = TreatmentEvent(9, EventKind.SYSTEMIC_THERAPY_CHANGE, "Jane Doe")
    hostile_lesion = evolve(
        timeline,
        lesion=evolve(timeline.lesion, lesion_id=bad, histology=bad),
        timeline=evolve(timeline.timeline, lesion_id=bad, events=(event,)),
    )
    figure = evolve(FIGURE, description='" onload="x', lesion_ids=(bad,))
    html = render_cohort_html(a_report([hostile_lesion], figures=[figure], rows_file=bad))
    page = assert_sound(html)
    assert bad in [text for text, _ in page.links]
    assert "onload" not in page.all("svg")[0][0]
    assert "Jane" not in html


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save_page(tmp_path / name, render_cohort_html(a_report()))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_cohort_of_none_is_a_report() -> None:
    assert "n = 0 lesions of 0 patients" in render_cohort_html(a_report([], figures=()))


def test_a_list_is_titled_by_the_labels_of_its_row_and_not_by_remarks() -> None:
    number = Cell(text="3", key="k", count=1, lesion_ids=("L00002",))
    row = (Cell(text="All"), number, Cell(text="-"), Cell(text="Too few."))
    table = Table(title="Times", columns=("Of", "Lesions", "Median", "Remark"), rows=(row,))
    report = a_report(sections=[Section(title="A", tables=(table,))], figures=())
    assert "Times: All" in render_cohort_html(report)
    assert "Times: All, " not in render_cohort_html(report)


def test_a_report_that_cannot_be_written_leaves_the_one_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "report.html"
    page.write_text("as it was")

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"No space left on device.*there is room"):
        save_page(page, render_cohort_html(a_report()))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert page.read_text() == "as it was"


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a folder that exists"):
        save_page(tmp_path / "absent" / "report.html", render_cohort_html(a_report()))


# --- small numbers withheld


def test_a_report_that_withholds_small_counts_names_no_lesion_and_links_no_number() -> None:
    html = render_cohort_html(a_report(is_suppressed=True))
    page = assert_sound(html)
    assert not [
        lesion for lesion in LESIONS if lesion.lesion.lesion_id in html or lesion.patient_id in html
    ]
    assert {target for _, target in page.links} == {"s1", "s2", "method"}
    assert "40" not in page.all("header")[0][1]
    assert "Small counts are withheld in this report" in html


def test_it_has_only_figures_that_show_no_more_than_its_tables() -> None:
    safe = evolve(FIGURE, title="Flow of lesions", from_tables=True)
    page = Page(render_cohort_html(a_report(is_suppressed=True, figures=(FIGURE, safe))))
    assert [text for _, text in page.all("figcaption")] == ["Figure 2. Flow of lesions"]
    assert "1 figure omitted" in page.html


def test_its_rows_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give away"):
        render_rows_csv(a_report(is_suppressed=True))
    assert not list(tmp_path.iterdir())


def test_tables_withheld_and_not_withheld_cannot_stand_in_one_report() -> None:
    report, hidden = a_report(), a_report(is_suppressed=True)
    with pytest.raises(ValueError, match="suppressed together"):
        render_cohort_html(evolve(report, sections=[*report.sections, *hidden.sections]))


# --- many lesions


def test_a_long_list_is_not_written_out_but_points_to_the_table_of_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rows_module, "MOST_NAMED", 3)
    report = a_report()
    page = assert_sound(render_cohort_html(report))
    lists = listed(page)
    (target,) = {target for text, target in page.links if text == "40 lesions"}
    assert lists[target] == []
    assert "in rows.csv the rows with the key <code>all</code>" in page.html
    lesion_ids = {lesion_id for selected in lists.values() for lesion_id in selected}
    rows = [attributes for attributes, _ in page.all("tr") if attributes.get("id")]
    assert max(map(len, lists.values())) <= 3
    assert 0 < len(lesion_ids) == len(rows) < 40
    assert (
        f"The {len(lesion_ids)} lesions that shorter lists name are shown below, of 40" in page.html
    )
    write_bytes(tmp_path / "rows.csv", render_rows_csv(report))
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        result = list(csv.DictReader(file))
    everyone = [
        (record["patient_id"], record["lesion_id"]) for record in result if record["key"] == "all"
    ]
    assert everyone == [(lesion.patient_id, lesion.lesion.lesion_id) for lesion in LESIONS]


def test_the_table_of_rows_has_the_lesions_of_every_count(tmp_path: Path) -> None:
    report = a_report()
    write_bytes(tmp_path / "rows.csv", render_rows_csv(report))
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        result = [(number["key"], number["lesion_id"]) for number in csv.DictReader(file)]
    assert len(result) == len(set(result))
    for cell in (c for table in report.tables for row in table.rows for c in row):
        if cell.count is not None and not cell.rests_on:
            assert [name for key, name in result if key == cell.key] == list(cell.lesion_ids)


def test_a_version_without_rows_says_where_they_are_and_links_no_number() -> None:
    page = assert_sound(render_cohort_html(a_report(), rows=False))
    assert "rows.csv names every lesion behind every number" in page.html
    assert {target for _, target in page.links} == {"s1", "s2", "method"}
    assert "L00005" not in page.html


# --- tables


def test_rows_with_the_same_first_label_are_a_group_under_one_header() -> None:
    table = Table(
        title="T",
        columns=("What", "Of", "n"),
        rows=tuple(
            (Cell(text=name), Cell(text=of), Cell(text="7", key=f"{name}.{of}"))
            for name, of in (("Sex", "f"), ("Sex", "m"), ("Level", "L1"))
        ),
    )
    page = assert_sound(
        render_cohort_html(a_report(sections=[Section(title="S", tables=(table,))]))
    )
    headers = [(a["scope"], a.get("rowspan"), t) for a, t in page.all("th")][3:9]
    assert headers == [
        ("rowgroup", "2", "Sex"), ("row", None, "f"), ("row", None, "m"), ("row", None, "Level"),
        ("row", None, "L1"), ("col", None, "Lesion"),
    ]  # fmt: skip
