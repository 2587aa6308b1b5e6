"""What a test asks of a figure: its words, and whether they can be read."""

import io
from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text

from opp_mri.cohort.figures import METADATA
from opp_mri.cohort.style import our_style


def texts_of(figure: Figure) -> list[Text]:
    """All texts that are drawn, ticks and legends too."""
    figure.draw_without_rendering()
    hidden = {
        id(text)
        for axes in figure.axes
        for axis, side in ((axes.xaxis, 0), (axes.yaxis, 1))
        for tick in axis.get_major_ticks()
        if not _is_shown(axes, axis, tick, side)
        for text in (tick.label1, tick.label2)
    }
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def _is_shown(axes, axis, tick, side) -> bool:
    low, high = sorted(axes.get_xlim() if side == 0 else axes.get_ylim())
    return low <= tick.get_loc() <= high and axis.get_visible()


def words_of(figure: Figure) -> str:
    """All words that a reader sees."""
    return " ".join(" ".join(text.get_text().split()) for text in texts_of(figure))


def cut_texts(figure: Figure) -> list[str]:
    """Texts that run out of the sheet, by more than a pixel."""
    sheet = figure.bbox.padded(1)
    boxes = {text.get_text(): text.get_window_extent() for text in texts_of(figure)}
    return [
        word
        for word, box in boxes.items()
        if box.x0 < sheet.x0 or box.x1 > sheet.x1 or box.y0 < sheet.y0 or box.y1 > sheet.y1
    ]


def colliding_texts(figure: Figure) -> list[tuple[str, str]]:
    """Texts that lie on one another, by more than a pixel on each side."""
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts_of(figure)]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def smallest_type(figure: Figure) -> float:
    """Size of the smallest text in points."""
    return min(text.get_fontsize() for text in texts_of(figure))


def bytes_of(figure: Figure, suffix: str) -> bytes:
    """The figure as `save_figure` writes it."""
    buffer = io.BytesIO()
    with our_style():
        figure.savefig(buffer, format=suffix[1:], dpi=100, metadata=METADATA[suffix])
    return buffer.getvalue()
