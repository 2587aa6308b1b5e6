"""Contrast follows from timing as on a scanner."""

import pytest

from opp_mri.phantom.protocol import (
    GE,
    PHILIPS,
    SIEMENS,
    TOSHIBA,
    Scanner,
    SeriesKind,
    build_series_header,
)
from opp_mri.phantom.tissue import PROPERTIES, Tissue, build_water_and_fat, compute_lesion_signal

every_scanner = pytest.mark.parametrize(
    "scanner", [SIEMENS, GE, PHILIPS, TOSHIBA], ids=lambda scanner: scanner.name
)


def marrow(scanner: Scanner, kind: SeriesKind) -> float:
    water, fat = build_water_and_fat(scanner.contrasts[kind])
    share = PROPERTIES[Tissue.MARROW].fat_fraction
    return float(abs(water[Tissue.MARROW] * (1 - share) + fat[Tissue.MARROW] * share))


@every_scanner
def test_a_lesion_is_dark_on_t1_and_bright_where_fat_is_suppressed(scanner: Scanner) -> None:
    contrasts = scanner.contrasts
    assert compute_lesion_signal(contrasts[SeriesKind.T1]) < 0.7 * marrow(scanner, SeriesKind.T1)
    for kind in (SeriesKind.T2FS, SeriesKind.STIR):
        assert compute_lesion_signal(contrasts[kind]) > 2 * marrow(scanner, kind)


@every_scanner
def test_a_lesion_takes_up_contrast_agent(scanner: Scanner) -> None:
    before = compute_lesion_signal(scanner.contrasts[SeriesKind.T1])
    after = compute_lesion_signal(scanner.contrasts[SeriesKind.T1POST])
    assert after > 1.8 * before
    assert after > 1.15 * marrow(scanner, SeriesKind.T1POST)


@every_scanner
def test_stir_leaves_hardly_any_fat(scanner: Scanner) -> None:
    _, fat = build_water_and_fat(scanner.contrasts[SeriesKind.STIR])
    _, plain = build_water_and_fat(scanner.contrasts[SeriesKind.PLAIN_T2])
    assert abs(fat[Tissue.FAT]) < 0.2 * plain[Tissue.FAT]


@every_scanner
def test_headers_hold_the_timing_that_made_the_contrast(scanner: Scanner) -> None:
    for kind, contrast in scanner.contrasts.items():
        header = build_series_header(scanner, kind, contrast)
        assert (header["RepetitionTime"], header["EchoTime"]) == (contrast.tr_ms, contrast.te_ms)
        assert ("InversionTime" in header) == (contrast.ti_ms is not None)
        agent = header.get("ContrastBolusAgent", "NONE")
        assert (agent != "NONE") == contrast.agent
