"""The real spine on two dates from two scanners: the right level, found both ways."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from fixtures.registration_volumes import scans

from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.scan import scan
from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.geometry import Vector3, Volume
from opp_mri.domain.registration import Verdict
from opp_mri.phantom.cases import Visit
from opp_mri.phantom.protocol import SIEMENS
from opp_mri.registration.align import align

# rows of the middles of five vertebral bodies, and their columns, in the sixth image of the first
# date's T1, as read off the image
BODIES = {"second": (155, 230), "third": (205, 233), "fourth": (257, 233), "fifth": (312, 237)}


@pytest.fixture(scope="module")
def t1(real_data: Path) -> tuple[Volume, Volume]:
    instances, sources = defaultdict(list), {}
    for result in scan(find_sources(sorted(real_data.glob("mapconcierge*")))):
        if result.instance is not None:
            instances[result.instance.series_instance_uid].append(result.instance)
            sources[result.instance.sop_instance_uid] = result.source
    by_name = {
        volume.instance.series_description: volume
        for series in instances.values()
        for volume in describe_series(series)
    }
    return load_volume(by_name["T1 SAG"], sources), load_volume(by_name["T1WI"], sources)


def placed(volume: Volume, row: int, column: int) -> Vector3:
    x, y, z = volume.geometry.lps_from_kji(np.array([5.0, row, column])).tolist()
    return (x, y, z)


@pytest.mark.parametrize("body", BODIES)
def test_each_vertebra_is_found_49_mm_along_the_spine_and_both_ways_agree(
    t1: tuple[Volume, Volume], body: str
) -> None:
    first, second = t1
    centre = placed(first, *BODIES[body])
    fit_there = align(first, second, centre_lps_mm=centre)
    x, y, z = fit_there.baseline_from_followup.invert().apply(np.array(centre)).tolist()
    back = align(second, first, centre_lps_mm=(x, y, z))
    assert fit_there.verdict is back.verdict is Verdict.GOOD
    assert 48 < fit_there.displacement_lps_mm[2] < 50
    assert fit_there.rotation_deg < 5
    loop = fit_there.baseline_from_followup.compose(back.baseline_from_followup)
    assert np.linalg.norm(loop.apply(np.array(centre)) - centre) < 0.5


def test_the_next_level_fits_far_worse(t1: tuple[Volume, Volume]) -> None:
    fit = align(*t1, centre_lps_mm=placed(t1[0], *BODIES["fourth"]))
    assert fit.level_margin is not None
    assert fit.level_margin > 0.2
    assert fit.runner_up_lps_mm is not None
    assert 25 < abs(fit.runner_up_lps_mm[2]) < 45


def test_without_a_lesion_the_two_dates_are_lined_up_as_a_whole(t1: tuple[Volume, Volume]) -> None:
    fit = align(*t1)
    assert fit.verdict is Verdict.GOOD
    assert 48 < fit.displacement_lps_mm[2] < 50


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("with_lesion", [True, False])
def test_a_phantom_is_not_the_real_patient(
    t1: tuple[Volume, Volume], number: int, with_lesion: bool
) -> None:
    (phantom,) = scans(number, Visit(day=-9, ap_mm=15.0, scanner=SIEMENS))
    centre = placed(t1[0], *BODIES["fourth"]) if with_lesion else None
    fit = align(t1[0], phantom.volume, centre_lps_mm=centre)
    assert fit.verdict is Verdict.FAILED
    assert any("another patient" in reason for reason in fit.reasons)
