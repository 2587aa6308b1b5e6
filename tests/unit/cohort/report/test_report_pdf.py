"""The PDF of a page: its pages, links, footer, and what happens where it cannot be made."""

import re
import sys
import zlib
from pathlib import Path

import pytest
from fixtures.cohort_reports import LESIONS, a_report

from opp_mri.cohort.report import cohort as cohort_module
from opp_mri.cohort.report.cohort import render_printed_html
from opp_mri.cohort.report.document import Section
from opp_mri.cohort.report.page import save_page
from opp_mri.cohort.report.pdf import render_pdf
from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.tables.analysis_tables import tabulate_incidence
from opp_mri.errors import InputError


@pytest.fixture(scope="module")
def needs_pango() -> None:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("the PDF needs WeasyPrint and Pango")


def plain(pdf: bytes) -> bytes:
    """All of a PDF, its compressed streams too."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    parts = []
    for stream in streams:
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            parts.append(stream)
    return pdf + b"\n".join(parts)


PAGE = """<!doctype html><html lang="en"><head><title>T</title><style>
@page { size: A4; @bottom-left { content: "foot" } }</style></head>
<body><h1 id="top">One</h1><p style="break-before: page"><a href="#top">back</a></p>
<img src="file:///etc/hostname" alt="x">
<img src="http://127.0.0.1:9/x.png" alt="x"></body></html>"""


@pytest.mark.usefixtures("needs_pango")
def test_the_same_page_gives_the_same_bytes_and_another_page_others() -> None:
    assert render_pdf(PAGE) == render_pdf(PAGE)
    assert render_pdf(PAGE) != render_pdf(PAGE.replace("One", "Two"))
    assert b"CreationDate" not in plain(render_pdf(PAGE))


@pytest.mark.usefixtures("needs_pango")
def test_a_link_stays_a_link_a_heading_becomes_a_bookmark_and_it_is_tagged() -> None:
    content = plain(render_pdf(PAGE))
    assert content.count(b"/Subtype /Link") + content.count(b"/Subtype/Link") == 1
    assert b"/Outlines" in content
    assert b"/StructTreeRoot" in content
    assert b"/Lang" in content


@pytest.mark.usefixtures("needs_pango")
def test_no_table_of_a_pdf_runs_out_of_its_page() -> None:
    from weasyprint import HTML

    shares = tabulate_incidence(analyse(LESIONS))
    html = render_printed_html(a_report(sections=[Section(title="Events", tables=(shares,))]))
    tables = [
        (box.position_x + box.margin_width(), page.width)
        for page in HTML(string=html).render().pages
        for box in page._page_box.descendants()
        if box.element_tag == "table"
    ]
    assert tables
    assert all(right <= width for right, width in tables)


@pytest.mark.usefixtures("needs_pango")
def test_a_cohorts_pdf_has_its_rows_up_to_a_number_of_lesions_and_then_says_that_it_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = a_report()
    save_page(tmp_path / "all.pdf", "", printed_html=render_printed_html(report))
    monkeypatch.setattr(cohort_module, "MOST_ROWS_IN_PDF", 39)
    save_page(tmp_path / "few.pdf", "", printed_html=render_printed_html(report))
    links = [
        len(re.findall(rb"/Subtype ?/Link", plain((tmp_path / name).read_bytes())))
        for name in ("all.pdf", "few.pdf")
    ]
    assert links[0] > 400
    assert 3 <= links[1] < 10  # the contents


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InputError, match=r"pip install 'opp-mri\[pdf\]'"):
        render_pdf(PAGE)


def test_without_pango_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load library libpango')")
    for name in [module for module in sys.modules if module.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        InputError, match=r"Pango is missing\. Install it: `apt-get install libpango"
    ):
        render_pdf(PAGE)
