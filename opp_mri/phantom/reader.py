"""A simulated reader: finds the right slice and puts both ends near the true ones."""

from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import FloatArray, ImagePlane
from opp_mri.phantom.acquisition import find_nearest_plane

END_SD_MM: Final = 0.5  # of each end along the AP direction
NAME: Final = "simulated"


@frozen(kw_only=True)
class SimulatedCaliper:
    """Two ends on one image.

    Parameters
    ----------
    plane_index
        Which image of the series, from 0, in the order of its planes.
    start, end
        (column, row); 0, 0 is the centre of the first pixel.
    """

    plane_index: int
    start: tuple[float, float]
    end: tuple[float, float]


def read_ap(
    planes: tuple[ImagePlane, ...],
    ends_lps_mm: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
    *,
    end_sd_mm: float = END_SD_MM,
) -> SimulatedCaliper:
    """Measure as a reader would: on the nearest slice, each end off by a normal error along AP.

    Parameters
    ----------
    planes
        The images of the series.
    ends_lps_mm
        The true anterior and posterior end.
    rng, end_sd_mm
        The reader's hand; the error is neither clipped nor drawn again.
    """
    index = find_nearest_plane(planes, (ends_lps_mm[0] + ends_lps_mm[1]) / 2)
    plane = planes[index]
    ends = [np.array(plane.pixel_from_lps(tuple(end))) for end in ends_lps_mm]
    spacing = np.array([plane.column_spacing_mm, plane.row_spacing_mm])
    along_mm = (ends[1] - ends[0]) * spacing
    along = along_mm / np.hypot(*along_mm)
    noisy_ends = [end + along * rng.normal(0.0, end_sd_mm) / spacing for end in ends]
    (start_column, start_row), (end_column, end_row) = (
        (round(float(column), 3), round(float(row), 3)) for column, row in noisy_ends
    )
    return SimulatedCaliper(
        plane_index=index, start=(start_column, start_row), end=(end_column, end_row)
    )
