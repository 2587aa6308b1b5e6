"""What the page about many lesions says."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from opp_mri import __version__
from opp_mri.cohort.report.timelines import LesionPage, render_timelines_html
from opp_mri.domain.assessment import Assessment, Criteria, ResponseCategory
from opp_mri.domain.timeline import Timeline


@pytest.fixture
def lesion(timeline: Timeline, assess: Callable[..., Assessment]) -> Callable[..., LesionPage]:
    def make(**changes: object) -> LesionPage:
        values = {
            "lesion_id": "P01-A",
            "level": "T8",
            "timeline": timeline,
            "assessment": assess(timeline),
            "margin_mm": Decimal("1.9"),
            "sentences": ("It grew by 5.1 mm.", "Then it fell."),
        }
        return LesionPage(**{**values, **changes})

    return make


@pytest.fixture
def page(criteria: Criteria) -> Callable[[Sequence[LesionPage]], str]:
    def write(lesions: Sequence[LesionPage]) -> str:
        return render_timelines_html(lesions, criteria=criteria, written_on=date(2026, 1, 2))

    return write


def cells(html: str) -> list[str]:
    result = re.findall(r"<td[^>]*>(.*?)</td>", html, re.S)
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in result]


def test_the_header_says_version_criteria_date_and_that_it_is_no_medical_device(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    header = page([lesion()]).split("<main>")[0]
    for expected in (__version__, "amini-2016", "2026-01-02", "2.0 mm"):
        assert expected in header
    assert "research software, not a medical device" in header


def test_a_row_says_lesion_level_sequence_category_reason_and_margin(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    assert cells(page([lesion()])) == ["P01-A", "T8", "T1", "OPP", "sustained decline", "1.9 mm"]


def test_the_truth_is_told_in_words_and_not_by_colour_alone(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    html = page(
        [
            lesion(truth_category=ResponseCategory.OPP),
            lesion(truth_category=ResponseCategory.PD),
            lesion(),
        ]
    )
    assert cells(html)[6::7] == ["✓ agrees", "✗ differs: PD", "not known"]
    assert re.search(r"<b>1 of 2</b>\s*agree with the truth", html)


def test_without_a_known_truth_there_is_no_column_for_it(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    assert "Truth" not in page([lesion()])


def test_a_lesion_that_no_change_of_one_value_can_move_has_no_margin(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    assert cells(page([lesion(margin_mm=None)]))[5] == "none"


def test_every_lesion_has_its_sentences_and_its_timeline(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    html = page([lesion(), lesion(lesion_id="P02-A")])
    assert html.count("<svg ") == 2
    assert html.count("<p>Then it fell.</p>") == 2


def test_the_page_needs_nothing_from_outside_and_runs_nothing(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    html = page([lesion()])
    assert "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\((?!["']?#)""", html)


def test_no_two_elements_have_the_same_id_across_the_figures(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page([lesion(), lesion(lesion_id="P02-A")]))
    anchors = re.findall(r'(?:href="#|url\(#)([^")]+)', page([lesion()]))
    assert len(ids) == len(set(ids))
    assert set(anchors) <= set(ids)


def test_names_and_sentences_are_text_and_never_markup(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    html = page([lesion(lesion_id="<script>x</script>", sentences=("a <b> & c",))])
    assert "<script" not in html
    assert "a &lt;b&gt; &amp; c" in html


def test_every_element_that_is_opened_is_closed(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    open_elements: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
            if tag not in {"meta", "br"}:
                open_elements.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_elements.pop() == tag

    Balance().feed(page([lesion(), lesion(truth_category=ResponseCategory.PD)]))
    assert open_elements == []


def test_a_page_without_a_lesion_is_still_a_page(page: Callable[..., str]) -> None:
    assert "n = 0 lesions" in page([])


def test_the_same_lesions_give_the_same_bytes(
    page: Callable[..., str], lesion: Callable[..., LesionPage]
) -> None:
    assert page([lesion()]) == page([lesion()])
