"""A volume in words, the same wherever it is shown."""

from opp_mri.domain.contour import MeasuredVolume
from opp_mri.units import format_cc, format_count


def format_volume(volume: MeasuredVolume) -> str:
    """Write a volume with its standard error and the number of its contours."""
    contours = format_count(volume.contours, "contour")
    if volume.contours != volume.drawn:
        contours = f"{contours} on {format_count(volume.drawn, 'slice')}"
    between = f", {volume.interpolated} interpolated" if volume.interpolated else ""
    if volume.standard_error_cc is None:
        return f"{format_cc(volume.volume_cc)}, {contours}{between}; 3 give a standard error"
    return f"{format_cc(volume.volume_cc, volume.standard_error_cc)}, {contours}{between}"
