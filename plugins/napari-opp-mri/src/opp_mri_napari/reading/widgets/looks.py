"""Colours and symbols of the panels, distinguishable with all common kinds of colour vision."""

from types import MappingProxyType
from typing import Final

from opp_mri.domain.imaging import SeriesRole
from opp_mri_napari.reading.panels.panel_views import CellLook

CELLS: Final = MappingProxyType(
    {  # background, ink, symbol
        CellLook.UNREAD: ("#20272d", "#dfe6ea", "○"),
        CellLook.DRAFT: ("#7a6a10", "#fff7c2", "◐"),
        CellLook.SIGNED: ("#0b4f7a", "#dff1ff", "●"),
        CellLook.NOT_MEASURABLE: ("#4a4a4a", "#f0f0f0", "⊘"),
        CellLook.DISCORDANT: ("#8a3d00", "#ffe2cc", "≠"),
        CellLook.IN_DOUBT: ("#3d2f14", "#ffb38a", "?"),
        CellLook.NO_IMAGE: ("#14181c", "#5d6b76", "–"),
    }
)
SEQUENCES: Final = MappingProxyType(
    {  # colour on a dark ground, and marker of pyqtgraph
        SeriesRole.T1: ("#56b4e9", "o"),
        SeriesRole.T2FS: ("#e8833a", "s"),
        SeriesRole.STIR: ("#2fbf95", "t1"),
        SeriesRole.T1POST: ("#d67fb0", "d"),
    }
)
CATEGORIES: Final = MappingProxyType(
    {
        "OPP": ("#f0e442", "#1b1b1b"),
        "PD": ("#d55e00", "#ffffff"),
        "PR": ("#009e73", "#ffffff"),
        "SD": ("#0072b2", "#ffffff"),
    }
)
BANNER: Final = "background: #f0e442; color: #1b1b1b; font-size: 14px; padding: 6px 10px;"
MESSAGE: Final = "background: #2c343b; color: #dfe6ea; font-size: 13px; padding: 5px 8px;"
QUIET: Final = "color: #b8c4ce; font-size: 13px;"
BIG: Final = "font-size: 17px; font-weight: bold;"
