"""Key images as a loop: a visit after the other at one place, so that the eye sees the change."""

import io
from typing import Final

from matplotlib.figure import Figure
from PIL import Image

from opp_mri.cohort.figures.key_strip import KeyPanel, KeyStrip, draw_panel
from opp_mri.cohort.figures.sheet import EDGE_IN, LINE_IN, add_axes, make_sheet, wrap_text, write
from opp_mri.cohort.figures.style import INK, QUIET, use_journal_style

SIDE_IN: Final = 4.0
RESOLUTION_DPI: Final = 160
FRAME_MS, LAST_FRAME_MS = 900, 1800
FOOT: Final = (
    "Native slices, turned and enlarged for display along confirmed fits; not for measurement. "
    "Research software, not a medical device."
)


def render_loop(strip: KeyStrip) -> bytes:
    """Return the visits of a strip as a GIF that goes on for ever, the last visit twice as long.

    Date, weeks, length and category are burnt into each frame; a visit without a picture is a frame
    with the reason.
    """
    frames = [_reduce_colours(draw_frame(strip, panel)) for panel in strip.panels]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, format="GIF", save_all=True, append_images=frames[1:], loop=0, disposal=2,
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS],
    )  # fmt: skip
    return buffer.getvalue()


def draw_frame(strip: KeyStrip, panel: KeyPanel) -> Image.Image:
    """Draw a visit with date, weeks, length and category, in red, green and blue."""
    with use_journal_style():
        foot = wrap_text(FOOT, SIDE_IN)
        head_in = EDGE_IN + LINE_IN + 0.06
        caption_in = 4 * LINE_IN + 0.1
        figure = make_sheet(
            SIDE_IN + 2 * EDGE_IN, head_in + SIDE_IN + caption_in + len(foot) * LINE_IN + EDGE_IN
        )
        write(figure, EDGE_IN, EDGE_IN + LINE_IN / 2, strip.title, weight="bold", color=INK)
        draw_panel(add_axes(figure, EDGE_IN, head_in, SIDE_IN, SIDE_IN), panel, points=9)
        lines = (
            (panel.when, {"color": INK, "size": 10}),
            (panel.size, {"color": INK, "size": 10, "weight": "bold"}),
            (panel.label, {"color": QUIET, "size": 8}),
        )
        for number, (text, looks) in enumerate(lines):
            down_in = head_in + SIDE_IN + 0.12 + number * 1.25 * LINE_IN
            write(figure, EDGE_IN, down_in, text, **looks)
        for number, text in enumerate(foot):
            down_in = head_in + SIDE_IN + caption_in + (number + 0.5) * LINE_IN
            write(figure, EDGE_IN, down_in, text)
        return _render_pixels(figure)


def _render_pixels(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION_DPI)
    return Image.open(buffer).convert("RGB")


def _reduce_colours(picture: Image.Image) -> Image.Image:
    return picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
