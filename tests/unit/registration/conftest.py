"""Patients scanned on a few dates, coarse and in memory."""

import pytest
from fixtures.registration_volumes import Scanned, scans

from opp_mri.phantom.cases import Visit
from opp_mri.phantom.protocol import GE, SIEMENS


@pytest.fixture(scope="session")
def lumbar() -> list[Scanned]:
    """Three dates of a lesion of L2: the second on another scanner, grown by 8 mm."""
    return scans(
        1,
        Visit(day=-9, ap_mm=15.0, scanner=SIEMENS),
        Visit(day=79, ap_mm=23.0, scanner=GE),
        Visit(day=170, ap_mm=17.6, scanner=SIEMENS),
    )


@pytest.fixture(scope="session")
def thoracic() -> list[Scanned]:
    """One date of somebody else's thoracic spine."""
    return scans(3, Visit(day=-9, ap_mm=15.0, scanner=SIEMENS))
