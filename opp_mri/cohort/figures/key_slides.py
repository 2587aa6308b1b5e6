"""Key images as slides for a tumour board: native text, so that a presenter can change it."""

import io
import math
from collections.abc import Sequence
from typing import Final

from attrs import evolve, field, frozen
from pptx import Presentation
from pptx.presentation import Presentation as Slides
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from opp_mri.cohort.figures.key_strip import KeyStrip, draw_strip
from opp_mri.cohort.figures.timeline_figure import render_figure

WIDTH_IN, HEIGHT_IN = 13.333, 7.5  # a wide screen
MARGIN_IN: Final = 0.5
TITLE_IN: Final = 0.7
PICTURE_IN: Final = HEIGHT_IN - TITLE_IN - 2 * MARGIN_IN
STRIP_IN: Final = 7.5  # drawn at this width and enlarged, so that its type can be read from afar
IN_A_ROW, ON_A_SLIDE = 5, 10
TITLE_PT, TEXT_PT = 26, 12
# of text of 12 pt, as a wide typeface has it where the usual one is missing
LETTERS_PER_IN, LINE_IN, GAP_IN = 9.0, 0.2, TEXT_PT / 2 / 72
BLANK_LAYOUT: Final = 6  # of the template that comes with python-pptx
NO_DEVICE: Final = "Research software, not a medical device."


@frozen(kw_only=True)
class CurveSlide:
    """The slide after the images.

    Parameters
    ----------
    picture
        The growth curve as PNG.
    description
        What is seen, with the numbers.
    sentences
        Category, rule and cautions, a paragraph each.
    """

    picture: bytes = field(repr=False)
    description: str
    sentences: Sequence[str]


def render_slides(strips: Sequence[KeyStrip], curve: CurveSlide) -> bytes:
    """Return a presentation: the key images, ten visits on a slide, then the curve and its answer.

    The file names no author, and holds nothing of a patient that the strips do not show.

    Parameters
    ----------
    strips
        One for each sequence.
    """
    slides = Presentation()
    slides.slide_width, slides.slide_height = Inches(WIDTH_IN), Inches(HEIGHT_IN)
    properties = slides.core_properties
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.title = "Key images"
    for strip in strips:
        for first in range(0, len(strip.panels), ON_A_SLIDE):
            _add_images(
                slides, evolve(strip, panels=strip.panels[first : first + ON_A_SLIDE]), first
            )
    _add_curve(slides, strips[0].title if strips else "", curve)
    buffer = io.BytesIO()
    slides.save(buffer)
    return buffer.getvalue()


def _add_images(slides: Slides, strip: KeyStrip, before: int) -> None:
    slide = _add_slide(slides, f"{strip.title}, continued" if before else strip.title)
    figure = draw_strip(strip, width_in=STRIP_IN, most_in_a_row=IN_A_ROW)
    wide, high = figure.get_size_inches()
    width_in = min(WIDTH_IN - 2 * MARGIN_IN, PICTURE_IN * wide / high)
    slide.shapes.add_picture(
        io.BytesIO(render_figure(figure, ".png")), Inches((WIDTH_IN - width_in) / 2),
        Inches(MARGIN_IN + TITLE_IN), width=Inches(width_in),
    )  # fmt: skip
    _describe(slide, strip.in_words)


def _add_curve(slides: Slides, title: str, curve: CurveSlide) -> None:
    slide = _add_slide(slides, title)
    width_in = 0.52 * WIDTH_IN
    picture = slide.shapes.add_picture(
        io.BytesIO(curve.picture), Inches(MARGIN_IN), Inches(MARGIN_IN + TITLE_IN),
        width=Inches(width_in),
    )  # fmt: skip
    if picture.height > Inches(PICTURE_IN):
        picture.width = Emu(round(picture.width * Inches(PICTURE_IN) / picture.height))
        picture.height = Inches(PICTURE_IN)
    _describe(slide, curve.description)
    left_in = MARGIN_IN + width_in + 0.3
    sentences = [*curve.sentences, NO_DEVICE]
    while sentences:
        box_in = (WIDTH_IN - MARGIN_IN - left_in, PICTURE_IN)
        count = _count_fitting(sentences, *box_in)
        _write(slide, sentences[:count], (left_in, MARGIN_IN + TITLE_IN), box_in, TEXT_PT)
        sentences = sentences[count:]
        if sentences:
            slide, left_in = _add_slide(slides, f"{title}, continued"), MARGIN_IN


def _count_fitting(paragraphs: Sequence[str], width_in: float, height_in: float) -> int:
    """Return how many of the first paragraphs a box holds: at least one."""
    letters = math.floor(width_in * LETTERS_PER_IN)
    left_in = height_in
    for count, text in enumerate(paragraphs):
        left_in -= math.ceil(len(text) / letters) * LINE_IN + GAP_IN
        if left_in < 0:
            return max(1, count)
    return len(paragraphs)


def _add_slide(slides: Slides, title: str) -> Slide:
    slide: Slide = slides.slides.add_slide(slides.slide_layouts[BLANK_LAYOUT])
    size = (WIDTH_IN - 2 * MARGIN_IN, TITLE_IN)
    _write(slide, [title], (MARGIN_IN, 0.6 * MARGIN_IN), size, TITLE_PT, bold=True)
    return slide


def _describe(slide: Slide, description: str) -> None:
    """Return the last picture its words for who cannot see it."""
    slide.shapes[-1].element.xpath(".//p:cNvPr")[0].set("descr", description)


def _write(
    slide: Slide, paragraphs: Sequence[str], corner_in: tuple[float, float],
    size_in: tuple[float, float], points: int, *, bold: bool = False,
) -> None:  # fmt: skip
    box = slide.shapes.add_textbox(*(Inches(inches) for inches in (*corner_in, *size_in)))
    frame = box.text_frame
    frame.word_wrap = True
    for number, text in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = text
        run.font.size, run.font.bold = Pt(points), bold
        paragraph.space_after = Pt(points // 2)
