"""How figures look: one style, colours and markers of sequences and categories, sizes in inches.

Colours are those of Okabe and Ito (Color Universal Design, 2008). Each sequence and category has a
marker of its own too, so that nothing is shown by colour alone. No category has the colour of a
sequence.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import matplotlib.style

from opp_mri.cohort.statistics.members import ALL, FractionGroup
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole

INK: Final = "#1b1b1b"
QUIET: Final = "#5a5a5a"
BAND: Final = "#dfe6ec"
BASELINE: Final = "#8fa1b0"
WINDOW: Final = "#fbf1cf"
WINDOW_INK: Final = "#7a6a20"

COLOURS: Final = {
    SeriesRole.T1: "#0072B2",
    SeriesRole.T2FS: "#D55E00",
    SeriesRole.STIR: "#009E73",
    SeriesRole.T1POST: "#AA4A84",  # their purple, darker, for contrast with white
}
MARKERS: Final = {
    SeriesRole.T1: "o",
    SeriesRole.T2FS: "s",
    SeriesRole.STIR: "^",
    SeriesRole.T1POST: "D",
}

CATEGORY_COLOURS: Final = {
    ResponseCategory.OPP: "#E69F00",
    ResponseCategory.PD: "#000000",
    ResponseCategory.PR: "#56B4E9",
    ResponseCategory.SD: "#8C8C8C",  # they have no grey: between their black and white
    ResponseCategory.INDETERMINATE: "#CC79A7",
    ResponseCategory.NOT_ELIGIBLE: "#C8C8C8",
}
CATEGORY_MARKERS: Final = {
    ResponseCategory.OPP: "o",
    ResponseCategory.PD: "s",
    ResponseCategory.PR: "v",
    ResponseCategory.SD: "D",
    ResponseCategory.INDETERMINATE: "P",
    ResponseCategory.NOT_ELIGIBLE: "X",
}
Dashes = str | tuple[int, tuple[float, ...]]
# colour and line of an arm, whatever other arms are drawn
ARMS: Final[Mapping[str, tuple[str, Dashes]]] = {
    FractionGroup.SINGLE: ("#D55E00", (0, (5, 1.5))),
    FractionGroup.MULTI: ("#0072B2", "-"),
    ALL: (INK, "-"),
}
OTHER_ARMS: Final[tuple[tuple[str, Dashes], ...]] = (
    ("#009E73", (0, (1.2, 1.2))),
    ("#AA4A84", (0, (6, 1.5, 1.2, 1.5))),
    ("#56B4E9", (0, (3, 1))),
    ("#8C8C8C", (0, (1, 1))),
)


def choose_arm_styles(groups: Sequence[str]) -> dict[str, tuple[str, Dashes]]:
    """Return colour and line of each arm: those of fractionation always the same."""
    further = iter(OTHER_ARMS)
    return {group: ARMS[group] if group in ARMS else next(further) for group in groups}


WIDTH_IN: Final = 6.4
LEFT_IN, RIGHT_IN = 0.62, 0.22
PANEL_WIDTH_IN: Final = WIDTH_IN - LEFT_IN - RIGHT_IN
TITLE_IN: Final = 0.62
LANE_IN: Final = 0.19
PANEL_IN, PANEL_HEADER_IN = 1.30, 0.34
AXIS_IN, LEGEND_IN = 0.46, 0.30
CHARACTER_IN: Final = 0.072  # of a label of 8 points, generously: any fallback font fits

STYLE: Final = {
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
    "pdf.fonttype": 42,  # text stays text, as journals ask
    "svg.fonttype": "none",
    "svg.hashsalt": "opp-mri",  # the same figure gives the same bytes
}


JOURNAL_STYLE: Final = STYLE | {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.labelpad": 3.0,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}


@contextmanager
def use_journal_style() -> Iterator[None]:
    """Draw a figure of a cohort, its type as large as it is printed."""
    with matplotlib.style.context(["default", JOURNAL_STYLE]):
        yield


@contextmanager
def use_our_style() -> Iterator[None]:
    """Draw by our style alone, whatever a user's matplotlibrc says, and leave theirs as it was."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def describe_p(p: float) -> str:
    """Write a p value to two digits, or three where it is small: p = 0.034, p < 0.001."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
