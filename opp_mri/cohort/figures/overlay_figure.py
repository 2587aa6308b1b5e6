"""Pictures of a fit: the follow-up on the baseline's own slice, before and after."""

from io import BytesIO
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.registration import PIXEL_MM, Overlay

TILE_MM: Final = 14.0
EDGE_SHARE: Final = 0.08  # strongest gradients that are drawn as edges
EDGE_COLOUR: Final = (1.0, 0.62, 0.04)
PANEL_IN: Final = 2.5


def draw_overlay(pictures: Overlay) -> bytes:
    """Draw baseline, follow-up before and after, checkerboard and edges side by side, as PNG."""
    panels = (
        ("baseline", pictures.baseline),
        ("follow-up, by headers", pictures.before),
        ("follow-up, by the fit", pictures.after),
        ("checkerboard", draw_checkerboard(pictures.baseline, pictures.after)),
        ("follow-up's edges on the baseline", _draw_edges_on(pictures.baseline, pictures.after)),
    )
    figure = Figure(figsize=(PANEL_IN * len(panels), PANEL_IN + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, picture) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    png = BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    return png.getvalue()


def draw_checkerboard(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return tiles of one picture and the other by turns; where edges run on, they coincide."""
    rows, columns = np.indices(first.shape)
    tile = int(TILE_MM / PIXEL_MM)
    picture: FloatArray = np.where((rows // tile + columns // tile) % 2, first, second)
    return picture


def _draw_edges_on(baseline: FloatArray, followup: FloatArray) -> FloatArray:
    steepness = ndimage.gaussian_gradient_magnitude(np.nan_to_num(followup), 1.0 / PIXEL_MM)
    steepness[np.isnan(followup)] = 0
    edges = steepness > np.quantile(steepness, 1 - EDGE_SHARE)
    thin = edges & (steepness >= ndimage.maximum_filter(steepness, size=(1, 3)) * 0.999) | (
        edges & (steepness >= ndimage.maximum_filter(steepness, size=(3, 1)) * 0.999)
    )
    picture = np.repeat(baseline[..., None], 3, axis=-1)
    picture[thin] = EDGE_COLOUR
    return picture
