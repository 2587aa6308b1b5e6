"""How the figures look: one style, one colour and marker per sequence, sizes in inches.

Colours are those of Okabe and Ito (Color Universal Design, 2008). Each sequence has a marker of its
own too, so that nothing is told by colour alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.style

from opp_mri.domain.imaging import SeriesRole

INK = "#1b1b1b"
QUIET = "#5a5a5a"
BAND = "#dfe6ec"
BASELINE = "#8fa1b0"
WINDOW = "#fbf1cf"
WINDOW_INK = "#7a6a20"

COLOURS = {
    SeriesRole.T1: "#0072B2",
    SeriesRole.T2FS: "#D55E00",
    SeriesRole.STIR: "#009E73",
    SeriesRole.T1POST: "#AA4A84",  # their purple, darker: it has to stand on white
}
MARKERS = {
    SeriesRole.T1: "o",
    SeriesRole.T2FS: "s",
    SeriesRole.STIR: "^",
    SeriesRole.T1POST: "D",
}

WIDTH_IN = 6.4
LEFT_IN, RIGHT_IN = 0.62, 0.22
PANEL_WIDTH_IN = WIDTH_IN - LEFT_IN - RIGHT_IN
TITLE_IN = 0.62
LANE_IN = 0.19
PANEL_IN, PANEL_HEADER_IN = 1.30, 0.34
AXIS_IN, LEGEND_IN = 0.46, 0.30
CHARACTER_IN = 0.072  # of a label of 8 points, generously: any fallback font fits

STYLE = {
    "font.size": 9.0,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "text.color": INK,
    "text.parse_math": False,  # a lesion's name may hold a dollar sign
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "svg.fonttype": "none",
    "svg.hashsalt": "opp-mri",  # the same figure gives the same bytes
}


@contextmanager
def our_style() -> Iterator[None]:
    """Draw by our style alone, whatever a user's matplotlibrc says, and leave theirs as it was."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def in_words(value: str) -> str:
    """Write an identifier such as `sustained_decline` as words."""
    return value.replace("_", " ").replace("opp", "OPP")
