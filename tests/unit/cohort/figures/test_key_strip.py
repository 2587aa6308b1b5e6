"""Key images as a strip, as slides and as a loop: what stands on them, and whose."""

import io
import math
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from attrs import evolve
from fixtures.figure_checks import colliding_texts, cut_texts, smallest_type, words_of
from PIL import Image, ImageSequence
from pptx import Presentation
from pptx.util import Inches

from opp_mri.cohort.figures.key_loop import render_loop
from opp_mri.cohort.figures.key_slides import CurveSlide, render_slides
from opp_mri.cohort.figures.key_strip import KeyImage, KeyPanel, KeyStrip, draw_strip
from opp_mri.cohort.figures.timeline_figure import render_figure
from opp_mri.domain.imaging import SeriesRole

GREY = np.random.default_rng(1).random((64, 64)).astype(np.float32)
PICTURE = KeyImage(grey=GREY, side_mm=80.0, line=((30.0, 40.0), (48.7, 40.0)), letters=("A", "P"))
REASON = "No picture: no confirmed fit to the baseline. `opp-mri align`, then `opp-mri review`."


def panel(number: int, **changes: object) -> KeyPanel:
    panel_values: dict[str, object] = {
        "study_date": date(2020, 1 + number % 12, 3), "days_from_ssrs": 70 * number - 9,
        "length_mm": Decimal("14.8") + number, "label": "as known then: indeterminate",
        "image": PICTURE,
    }  # fmt: skip
    return KeyPanel(**(panel_values | changes))


def strip(panels: int = 5, **changes: object) -> KeyStrip:
    strip_values: dict[str, object] = {
        "lesion_id": "OPP-01", "patient_id": "P00001", "level": "L2", "sequence": SeriesRole.T1,
        "reader": "Dr Reader", "category": "Osseous pseudoprogression (OPP): it fell again.",
        "panels": tuple(panel(number) for number in range(panels)),
    }  # fmt: skip
    return KeyStrip(**(strip_values | changes))


@pytest.mark.parametrize("panels", [1, 2, 5, 6, 13, 40])
def test_all_visits_stand_on_the_strip_and_no_word_is_cut_or_lies_on_another(panels: int) -> None:
    figure = draw_strip(strip(panels))
    words = words_of(figure)
    assert all(f"{14.8 + number:.1f} mm" in words for number in range(panels))
    assert "OPP-01 · L2 · T1 · patient P00001" in words
    assert "No length is measured on these pictures" in words
    assert cut_texts(figure) == []
    assert colliding_texts(figure) == []
    assert smallest_type(figure) >= 7.0


def test_a_visit_without_a_picture_says_why() -> None:
    figure = draw_strip(
        evolve(strip(3), panels=(panel(0), panel(1, image=None, reason=REASON), panel(2)))
    )
    assert "no confirmed fit to the baseline" in words_of(figure)
    assert len([axes for axes in figure.axes if axes.images]) == 2
    assert cut_texts(figure) == []


def test_the_caliper_is_drawn_where_it_lies() -> None:
    (axes,) = draw_strip(strip(1)).axes
    caliper = axes.lines[0]
    assert list(caliper.get_xdata()) == [30.0, 48.7]
    assert list(caliper.get_ydata()) == [40.0, 40.0]
    assert axes.images[0].get_extent() == [0, 80.0, 80.0, 0]


def test_all_pictures_have_the_same_zoom_and_grey_scale() -> None:
    figure = draw_strip(strip(13))
    sizes = {tuple(np.round(axes.get_window_extent().size, 3)) for axes in figure.axes}
    assert len(sizes) == 1
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 80.0)}
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0.0, 1.0)}


def test_without_identity_neither_names_nor_dates_are_left_in_any_file() -> None:
    bare = strip(3).without_identity()
    curve = CurveSlide(
        picture=render_figure(draw_strip(bare), ".png"), description="", sentences=()
    )
    slides = Presentation(io.BytesIO(render_slides([bare], curve)))
    texts = [shape.text_frame.text for page in slides.slides for shape in page.shapes
             if shape.has_text_frame]  # fmt: skip
    shown_text = " ".join([words_of(draw_strip(bare)), bare.in_words, *texts])
    assert not any(word in shown_text for word in ("OPP-01", "P00001", "Dr Reader", "2020-"))
    assert "+8.7 weeks" in shown_text
    assert slides.core_properties.author == ""
    assert "OPP-01" in words_of(draw_strip(strip(3)))


def test_slides_show_ten_visits_each_and_then_the_curve_with_the_answer_as_text() -> None:
    curve = CurveSlide(
        picture=render_figure(draw_strip(strip(1)), ".png"), description="The curve.",
        sentences=("Osseous pseudoprogression (OPP).", "Caution, ask a reader."),
    )  # fmt: skip
    slides = Presentation(io.BytesIO(render_slides([strip(13)], curve)))
    pages = list(slides.slides)
    assert len(pages) == 3
    assert pages[1].shapes[0].text_frame.text.endswith("continued")
    assert "Caution, ask a reader." in pages[2].shapes[2].text_frame.text
    descriptions = [page.shapes[1].element.xpath(".//p:cNvPr")[0].get("descr") for page in pages]
    assert "14.8 mm" in descriptions[0]
    assert descriptions[2] == "The curve."
    for page in pages:
        for shape in page.shapes:
            assert shape.left + shape.width <= slides.slide_width
            assert shape.top + shape.height <= slides.slide_height


def test_words_that_do_not_fit_beside_the_curve_stand_on_a_further_slide() -> None:
    sentences = tuple(f"{number} {'word ' * 60}" for number in range(12))
    curve = CurveSlide(
        picture=render_figure(draw_strip(strip(1)), ".png"), description="", sentences=sentences
    )
    slides = Presentation(io.BytesIO(render_slides([strip(2)], curve)))
    frames = [page.shapes[-1] for page in list(slides.slides)[1:]]
    assert len(frames) > 1
    paragraphs = [
        paragraph.text for shape in frames for paragraph in shape.text_frame.paragraphs
    ]  # fmt: skip
    assert paragraphs == [*sentences, "Research software, not a medical device."]
    for shape in frames:  # 9 letters of 12 pt an inch, five lines an inch
        letters = int(9 * shape.width / Inches(1))
        texts = [paragraph.text for paragraph in shape.text_frame.paragraphs]
        lines = sum(math.ceil(len(text) / letters) for text in texts)
        assert lines / 5 + len(texts) / 12 <= shape.height / Inches(1)


def test_a_loop_has_a_frame_for_each_visit_and_goes_on_for_ever() -> None:
    later = panel(2, image=None, reason=REASON)
    content = render_loop(evolve(strip(3), panels=(panel(0), panel(1), later)))
    loop = Image.open(io.BytesIO(content))
    frames = [frame.convert("L") for frame in ImageSequence.Iterator(loop)]
    assert len(frames) == 3
    assert loop.info["loop"] == 0
    assert len({frame.size for frame in frames}) == 1
    assert np.asarray(frames[2])[300].mean() < 80  # words on black, and no picture
