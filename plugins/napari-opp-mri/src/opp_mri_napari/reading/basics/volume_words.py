"""A volume in words, the same wherever it is shown."""

from opp_mri.domain.contour import MeasuredVolume
from opp_mri.units import format_count


def format_volume(volume: MeasuredVolume) -> str:
    """Write a volume with its standard error and the number of its contours."""
    contours = format_count(volume.drawn, "contour")
    between = f", {volume.interpolated} interpolated" if volume.interpolated else ""
    if volume.standard_error_cc is None:
        return f"{volume.volume_cc} cc, {contours}{between}; 3 contours give a standard error"
    return f"{volume.volume_cc} ± {volume.standard_error_cc:.2f} cc, {contours}{between}"
