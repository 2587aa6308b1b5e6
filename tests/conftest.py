"""What every test may ask for."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real DICOM, where the environment names one."""
    folder = os.environ.get("OPP_MRI_REAL_DATA")
    if not folder:
        pytest.skip("OPP_MRI_REAL_DATA is not set: no real DICOM here")
    return Path(folder)
