"""Whether vertebrae are those of the same patient."""

import numpy as np
import pytest
from fixtures.registration_volumes import Scanned, scans

from opp_mri.domain.registration import Verdict
from opp_mri.phantom.cases import Visit
from opp_mri.phantom.protocol import SIEMENS
from opp_mri.registration.align import align
from opp_mri.registration.quality import GOOD_ADVANTAGE, GOOD_MISMATCH


@pytest.fixture(scope="module")
def stranger() -> Scanned:
    """Another lumbar spine, of the same lesion size and on the same scanner."""
    return scans(2, Visit(day=-9, ap_mm=15.0, scanner=SIEMENS))[0]


def test_the_same_patients_vertebrae_match_far_better_than_the_next_level(
    lumbar: list[Scanned],
) -> None:
    fit = align(
        lumbar[0].volume,
        lumbar[2].volume,
        centre_lps_mm=lumbar[0].centre_lps_mm,
        lesion_radius_mm=lumbar[0].radius_mm,
    )
    assert fit.verdict is Verdict.GOOD
    assert fit.mismatch is not None
    assert fit.advantage is not None
    assert fit.mismatch < GOOD_MISMATCH
    assert fit.advantage > 1.0


def test_another_patient_of_the_same_region_is_never_good(
    lumbar: list[Scanned], stranger: Scanned
) -> None:
    fit = align(lumbar[0].volume, stranger.volume, centre_lps_mm=lumbar[0].centre_lps_mm)
    assert fit.verdict is not Verdict.GOOD
    if fit.mismatch is not None and fit.advantage is not None:
        assert fit.mismatch > GOOD_MISMATCH
        assert fit.advantage < GOOD_ADVANTAGE
    assert np.isfinite(fit.similarity)
