"""The simulated reader is off by half a millimetre at each end, and no more is forced."""

import numpy as np
import pytest
from fixtures.simple_volume import simple_volume

from opp_mri.phantom.reader import END_SD_MM, read_ap

VOLUME = simple_volume(oblique_deg=(4, -3, 5), spacing_kji_mm=(4, 1.2, 0.8))


def true_ends(length_mm: float) -> tuple[np.ndarray, np.ndarray]:
    plane = VOLUME.planes[4]
    row = np.array(plane.row_direction)
    middle = np.array(plane.lps_from_pixel(24, 30)) + 0.9 * np.array(plane.normal)
    return middle - row * length_mm / 2, middle + row * length_mm / 2


def test_without_error_the_true_length_and_the_nearest_slice_are_read() -> None:
    caliper = read_ap(VOLUME.planes, true_ends(20), np.random.default_rng(0), end_sd_mm=0.0)
    assert caliper.plane_index == 4
    plane = VOLUME.planes[4]
    assert plane.measure_length_mm(caliper.start, caliper.end) == pytest.approx(20, abs=2e-3)


def test_lengths_scatter_by_the_error_of_two_ends_around_the_truth() -> None:
    rng = np.random.default_rng(5)
    plane = VOLUME.planes[4]
    lengths = []
    for _ in range(2000):
        caliper = read_ap(VOLUME.planes, true_ends(20), rng)
        lengths.append(plane.measure_length_mm(caliper.start, caliper.end))
    assert np.mean(lengths) == pytest.approx(20, abs=0.08)
    assert np.std(lengths) == pytest.approx(END_SD_MM * 2**0.5, rel=0.08)
